//! `prune-evidence`: removes evidence that may be kept no longer, with a line in the books that says so.

use chrono::Datelike;
use serde::Serialize;

use super::answer::{Form, Shown, either};
use super::exit::Exit;
use super::render::{Document, document};
use super::{parts, signals};
use crate::config::{BooksConfig, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::host::counted::counted;

/// Removes the evidence of the years before this one.
pub(super) fn prune_evidence(sources: &Sources, before: i32, form: Form) -> Exit {
    let (removed, problem) = either(prune(sources, before));
    let text = removed
        .as_ref()
        .map_or_else(String::new, |removed| to_text(removed, before));
    Shown::without_jobs(problem, form, text, |answer| {
        let removed = removed.unwrap_or_default();
        document(&PruneDocument { answer, removed })
    })
    .give(form)
}

fn prune(sources: &Sources, before: i32) -> Result<Vec<String>, Problem> {
    let config = BooksConfig::load(sources).map_err(|problems| Problem {
        kind: ProblemKind::Configuration,
        message: problems.to_string(),
        hint: "correct the settings; nothing was removed".into(),
    })?;
    let year = clock::now().year();
    if before > year {
        return Err(Problem {
            kind: ProblemKind::Usage,
            message: format!(
                "the evidence of {year} is still being written, so it cannot go: --before {before}"
            ),
            hint: format!("name {year} or an earlier year; nothing was removed"),
        });
    }
    let _lock = parts::lock(&config.checkpoint, "nothing was removed")?;
    let stop = signals::stop_on_signals();
    let mut system = parts::accounting_system(&config.system, &stop).map_err(parts::not_begun)?;
    let mut checkpoint = parts::checkpoint_of_books(&config, system.as_ref())?;
    let wish = format!("of the years before {before}");
    checkpoint.note(None, None, "prune_intended", &wish, clock::now())?;
    let result = system.prune_evidence(before);
    let outcome = match &result {
        Ok(removed) => format!("{} {wish}", counted(removed.len(), "file")),
        Err(error) => format!("not done: {error}"),
    };
    checkpoint.note(None, None, "prune", &outcome, clock::now())?;
    Ok(result?)
}

fn to_text(removed: &[String], before: i32) -> String {
    match removed.len() {
        0 => format!("There is no evidence of batches before {before}.\n"),
        1 => format!(
            "1 file of evidence of batches before {before} was removed; a line in the books says so.\n"
        ),
        several => {
            format!(
                "{several} files of evidence of batches before {before} were removed; a line in the books for each says so.\n"
            )
        }
    }
}

#[derive(Serialize)]
struct PruneDocument {
    #[serde(flatten)]
    answer: Document<()>,
    removed: Vec<String>,
}
