//! `fleet init`, `pause` and `resume`.

use serde::Serialize;

use super::problems;
use super::status::status;
use crate::cli::answer::{Form, Shown, either};
use crate::cli::args::FleetCommand;
use crate::cli::exit::Exit;
use crate::cli::render::{Document, document};
use crate::config::Sources;
use crate::export::report::{Problem, ProblemKind};
use crate::fleet::{self, Overview, Settings};
use crate::model::ids::CompanyId;

pub(in crate::cli) fn obey(sources: &Sources, command: &FleetCommand, form: Form) -> Exit {
    let done = match command {
        FleetCommand::Status { max_age, .. } => return status(sources, *max_age, form),
        FleetCommand::Init { .. } => problems::settings(sources).and_then(|settings| init(&settings)),
        FleetCommand::Pause { company, .. } => say(
            sources,
            company,
            Overview::pause,
            "is paused: no worker claims it, and one that holds it comes to its end",
        ),
        FleetCommand::Resume { company, .. } => say(
            sources,
            company,
            Overview::resume,
            "is due: the next worker serves it",
        ),
    };
    let (done, problem) = either(done);
    let text = done.as_ref().map_or_else(String::new, |done| format!("{done}\n"));
    Shown::without_jobs(problem, form, text, |answer| {
        document(&DoneDocument { answer, done })
    })
    .give(form)
}

#[derive(Serialize)]
struct DoneDocument {
    #[serde(flatten)]
    answer: Document<()>,
    done: Option<String>,
}

fn init(settings: &Settings) -> Result<String, Problem> {
    let (before, now) = fleet::init(settings)?;
    let address = &settings.address;
    Ok(match before {
        0 => format!("The tables of the fleet were made ({address}, version {now})."),
        before if before == now => {
            format!("The tables of the fleet are up to date ({address}, version {now}).")
        }
        before => format!("The tables of the fleet were brought from version {before} to {now} ({address})."),
    })
}

fn say(
    sources: &Sources,
    company: &str,
    say: fn(&mut Overview, &str) -> Result<bool, fleet::Fault>,
    done: &str,
) -> Result<String, Problem> {
    let company: CompanyId = company.trim().parse().map_err(|error| Problem {
        kind: ProblemKind::Usage,
        message: format!("the company {error}"),
        hint: "`pleo-export fleet status` shows the companies".into(),
    })?;
    let settings = problems::settings(sources)?;
    let mut overview = Overview::new(&settings)?;
    if say(&mut overview, company.as_str())? {
        Ok(format!("Company {company} {done}."))
    } else {
        Err(Problem {
            kind: ProblemKind::Usage,
            message: format!("the fleet does not know company {company}"),
            hint: "`pleo-export fleet status` shows the companies; a worker makes those of its folder known"
                .into(),
        })
    }
}
