//! `--companies DIR`: the same command for one company after the other, and one answer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::{Form, Shown, panicked};
use super::as_typed::{as_typed, with_settings};
use super::exit::Exit;
use super::render::{Answer, Document, document};
use super::{metrics, run};
use crate::config::fleet::is_file_of_fleet;
use crate::config::{self, Company, Sources};
use crate::export::report::{Problem, ProblemKind};

/// The companies of the folder, or what is wrong with all of them.
pub(super) fn list(sources: &Sources, folder: &Path) -> Result<Vec<Company>, Problem> {
    let is_of_fleet = !sources.is_of_fleet && is_file_of_fleet(sources);
    let of_fleet = is_of_fleet.then(|| sources.of_fleet());
    let sources = of_fleet.as_ref().unwrap_or(sources);
    config::companies_in(sources, folder).map_err(|problems| run::wrong_settings(&problems))
}

/// Refuses to write metrics into a file that is something else. What is wrong with the companies is told when they are served.
pub(super) fn refuse_metrics_file(
    sources: &Sources,
    folder: Option<&Path>,
    path: &Path,
) -> Result<(), Problem> {
    let path = sources.working_folder.join(path);
    match folder {
        None => metrics::refuse_other_file(&path, [sources]),
        Some(folder) => {
            let companies = list(sources, folder).unwrap_or_default();
            metrics::refuse_other_file(&path, companies.iter().map(|company| &company.sources))
        }
    }
}

/// Why this company is not served, where that is so.
pub(super) fn refused(company: &Company) -> Option<Problem> {
    (!company.refused.is_empty()).then(|| Problem {
        kind: ProblemKind::Configuration,
        message: company.refused.join("; "),
        hint: "correct these settings; nothing was sent for this company".into(),
    })
}

/// What this gives, unless the company is not served.
pub(super) fn unless_refused(company: &Company, form: Form, serve: impl FnOnce() -> Shown) -> Shown {
    refused(company).map_or_else(serve, |problem| Shown::of(&Answer::of_problem(problem), form))
}

/// Serves each company of the folder and shows one answer. Nothing that befalls one keeps the next from its turn.
pub(super) fn each(
    sources: &Sources,
    folder: &Path,
    form: Form,
    mut serve: impl FnMut(&Company) -> Shown,
) -> Exit {
    let companies = match list(sources, folder) {
        Ok(companies) => companies,
        Err(problem) => return Shown::of(&Answer::of_problem(problem), form).give(form),
    };
    let mut served = Vec::new();
    for company in companies {
        // Shown with every line, whatever the level.
        let span = tracing::error_span!("company", company.id = %company.name());
        let shown = span.in_scope(|| {
            catch_unwind(AssertUnwindSafe(|| in_hand(&company, || serve(&company))))
                .unwrap_or_else(|_| Shown::of(&Answer::of_problem(panicked()), form))
        });
        served.push((company, shown));
    }
    let exit = served
        .iter()
        .map(|(_, shown)| shown.exit)
        .fold(Exit::Done, Exit::worst);
    one_answer(served, exit, None, form).give(form)
}

/// Serves a company with the commands that it is told to type naming its settings.
pub(super) fn in_hand(company: &Company, serve: impl FnOnce() -> Shown) -> Shown {
    with_settings(&company.settings, company.sources.is_of_fleet, || {
        let mut shown = serve();
        // They are told when all companies were served.
        for problem in &mut shown.problems {
            problem.message = as_typed(&problem.message);
            problem.hint = as_typed(&problem.hint);
        }
        shown
    })
}

#[derive(Serialize)]
struct CompaniesDocument {
    #[serde(flatten)]
    answer: Document<()>,
    companies: Vec<Map<String, Value>>,
}

/// One answer of all, and what is wrong beside them.
pub(super) fn one_answer(
    served: Vec<(Company, Shown)>,
    exit: Exit,
    problem: Option<Problem>,
    form: Form,
) -> Shown {
    let text = if form.json {
        document(&CompaniesDocument {
            answer: Document::without_jobs(exit, problem.as_ref()),
            companies: served
                .iter()
                .map(|(company, shown)| entry(company, &shown.text))
                .collect(),
        })
    } else {
        let with_text = served.iter().filter(|(_, shown)| !shown.text.is_empty());
        let texts = with_text.map(|(company, shown)| {
            format!(
                "Company {} ({})\n{}\n",
                company.name(),
                company.settings.display(),
                shown.text
            )
        });
        texts.collect()
    };
    let problems = served.into_iter().flat_map(|(company, shown)| {
        let named = move |problem: Problem| Problem {
            message: format!("company {}: {}", company.name(), problem.message),
            ..problem
        };
        shown.problems.into_iter().map(named)
    });
    Shown {
        exit,
        text,
        problems: problems.chain(problem).collect(),
    }
}

/// What the command answers for one company alone, with whose it is.
fn entry(company: &Company, answer: &str) -> Map<String, Value> {
    let mut entry: Map<String, Value> = serde_json::from_str(answer).unwrap_or_default();
    entry.remove("schema_version");
    let company_id = company.company_id.as_ref().map(ToString::to_string);
    entry.insert("company_id".into(), company_id.into());
    entry.insert("settings".into(), company.settings.display().to_string().into());
    entry
}
