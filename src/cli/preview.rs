//! `preview`: what the next job would book, shown entry by entry as it is read back, so that a long job needs no more
//! memory than a short one.

mod folder;
mod json;
mod output;
mod page;
mod text;

use super::answer::{Form, answer, tell};
use super::args::Global;
use super::exit::Exit;
use super::progress::Bar;
use super::render::{Answer, problem_exit};
use super::{check, parts, run, signals};
use crate::checkpoint::Checkpoint;
use crate::config::{Config, Sources, SystemSettings};
use crate::export::preview::{Chosen, Recorded, Rehearsal, Which};
use crate::export::report::{Problem, ProblemKind};
use crate::export::{Exporter, Settings, Untold};
use crate::host::stop::Stop;
use crate::model::fleet::Alone;
use crate::model::permit::Permit;
use crate::receipts::{self, Fetcher, Policy};
use crate::systems::beancount::Beancount;
use crate::systems::{AccountingSystem, Description};
use folder::Folder;
use json::Json;
use output::Output;
use page::{Page, View};
use text::Text;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) job: Option<&'a str>,
    pub(super) all: bool,
    pub(super) receipts: bool,
}

impl Wish<'_> {
    const fn which(&self) -> Which<'_> {
        match self.job {
            Some(id) => Which::Named(id),
            None if self.all => Which::All,
            None => Which::Next,
        }
    }
}

/// Shows what would be booked.
pub(super) fn preview(sources: &Sources, global: &Global, wish: Wish<'_>, form: Form) -> Exit {
    let stop = signals::stop_on_signals();
    let shown = match Config::load(sources) {
        Ok(config) => show(config, global, wish, form, &stop),
        Err(problems) => Err(run::wrong_settings(&problems)),
    };
    // Nothing was shown before.
    shown.unwrap_or_else(|problem| answer(&Answer::of_problem(problem), form))
}

fn show(config: Config, global: &Global, wish: Wish<'_>, form: Form, stop: &Stop) -> Result<Exit, Problem> {
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let folder = Folder::new()?;
    let recorded = Recorded::new(folder.file("entries")?);
    let mut system = rehearsal(&config, &folder, &recorded, stop)?;
    let description = system.describe();
    let owner = parts::owner(&config, &description);
    let known = Checkpoint::look_at(&config.checkpoint)?;
    if let Some(known) = &known {
        known.refuse_others(&owner, description.former_target.as_deref())?;
    }
    let mut checkpoint = Checkpoint::for_rehearsal(&owner)?;
    let settings = settings(&config, wish.receipts);
    let receipts = fetcher(&config, &folder, &description, stop)?;
    let contact = known.as_ref().map(Checkpoint::contact).transpose()?;
    let pleo = check::client(&config, contact.as_ref(), stop)?;
    let view = View {
        system: description.name,
        decided: system.decided_when_booking(),
        zone: config.bookkeeping.time_zone,
    };
    // What is written goes into our own folder, and nothing is told.
    let permit = Permit::given_by(|| Ok(()));
    let bar = Bar::new(global);
    let mut exporter = Exporter {
        pleo: &pleo,
        told: &Untold(&pleo),
        system: &mut system,
        checkpoint: &mut checkpoint,
        receipts: &receipts,
        settings: &settings,
        stop,
        permit: &permit,
        fleet: &Alone,
        progress: &bar,
    };
    let chosen = exporter.choose(wish.which(), known.as_ref())?;
    Ok(show_jobs(
        &mut exporter,
        known.as_ref(),
        chosen,
        &recorded,
        view,
        form,
    ))
}

/// Shows the jobs one after the other, and what went wrong at the end.
fn show_jobs(
    exporter: &mut Exporter<'_>,
    known: Option<&Checkpoint>,
    chosen: Chosen,
    recorded: &Recorded,
    view: View,
    form: Form,
) -> Exit {
    let output = Output::new();
    let mut page: Box<dyn Page> = if form.json {
        Box::new(Json::new(output, view))
    } else {
        Box::new(Text::new(output, view, form.quiet))
    };
    page.begin(&chosen);
    let mut problems = Vec::new();
    for job in chosen.jobs {
        let preview = exporter.preview(job, known);
        page.job(&preview);
        let shown = exporter.each_entry(&preview.job.id, recorded, |entry| page.entry(&entry));
        page.job_end(&preview, &recorded.take_totals());
        let lasts = preview.problem.iter().any(stops_all);
        problems.extend(shown.err());
        problems.extend(preview.problem);
        if lasts {
            break;
        }
    }
    let worst = problems.iter().max_by_key(|problem| exit_of(problem).urgency());
    let exit = page.end(worst.map_or(Exit::Done, exit_of), worst);
    tell(problems.iter(), form);
    exit
}

/// Whether the next job would meet the same.
fn stops_all(problem: &Problem) -> bool {
    exit_of(problem) != Exit::Done
}

/// That a job would fail, or would need a person, is what was asked for, and no failure of this command.
fn exit_of(problem: &Problem) -> Exit {
    match problem.kind {
        ProblemKind::JobFailed | ProblemKind::NeedsPerson | ProblemKind::NotOurs => Exit::Done,
        kind => problem_exit(kind),
    }
}

fn rehearsal<'a>(
    config: &Config,
    folder: &Folder,
    recorded: &'a Recorded,
    stop: &Stop,
) -> Result<Rehearsal<'a>, Problem> {
    let keeps_receipts = config.attachments == Policy::Required;
    Ok(match &config.system {
        SystemSettings::Beancount(settings) => {
            let books = Beancount::new(settings.clone(), stop.clone()).aside(&folder.path("books"));
            Rehearsal::aside(Box::new(books), recorded, keeps_receipts)
        }
        other => {
            let system = parts::accounting_system(other, stop).map_err(parts::not_begun)?;
            Rehearsal::made_up(system, recorded, keeps_receipts)
        }
    })
}

fn settings(config: &Config, receipts: bool) -> Settings {
    Settings {
        company_id: config.pleo.company_id.clone(),
        batch_size: config.batch_size,
        patience: config.patience.min(check::LONGEST_PATIENCE),
        attachments: if receipts {
            config.attachments
        } else {
            Policy::None
        },
        bookkeeping: config.bookkeeping.clone(),
        books_are_right: false,
    }
}

fn fetcher(config: &Config, folder: &Folder, system: &Description, stop: &Stop) -> Result<Fetcher, Problem> {
    let settings = receipts::Settings {
        folder: folder.path("receipts"),
        largest: system.attachments.as_ref().map_or(0, |limits| limits.largest),
        timeout: config.receipt_timeout,
        give_up_after: config.receipts_give_up_after,
        own_host: config.pleo.own_host().map(str::to_owned),
        has_proxy: config.has_proxy,
    };
    Fetcher::new(settings, stop.clone()).map_err(|error| run::without_receipts(&error))
}
