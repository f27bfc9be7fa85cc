//! `[checkpoint]`: which file it is, and what is kept in it for how long.

use std::path::PathBuf;

use chrono::TimeDelta;

use super::section::Section;
use super::sources::Layers;
use crate::host::files;
use crate::model::ids::CompanyId;

/// For how long the payloads of a job that is over are kept, unless settings say otherwise.
const KEEP_PAYLOADS: TimeDelta = TimeDelta::days(30);

/// `[checkpoint]`: the file, in its folder's one name, and for how long payloads are kept in it.
pub(super) fn checkpoint(
    layers: &Layers,
    file: &mut Section,
    company_id: Option<&CompanyId>,
    problems: &mut Vec<String>,
) -> (Option<PathBuf>, TimeDelta) {
    let before = problems.len();
    let (named, keep_payloads) = named_checkpoint(layers, file, problems);
    let path = match (named, company_id) {
        (None, Some(company_id)) if problems.len() == before => of_company(layers, company_id, problems),
        (named, _) => named,
    };
    (path.map(in_its_folder), keep_payloads)
}

/// The file under its folder's one name.
pub(super) fn in_its_folder(path: PathBuf) -> PathBuf {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => files::resolved(folder).join(name),
        _ => path,
    }
}

/// The file that settings name, and for how long payloads are kept in it.
pub(super) fn named_checkpoint(
    layers: &Layers,
    file: &mut Section,
    problems: &mut Vec<String>,
) -> (Option<PathBuf>, TimeDelta) {
    let mut section = file.section("checkpoint", problems);
    let in_file = section.path("path", layers.file_folder(), problems);
    let days = section.integer("keep_payloads_days", 0..=3650, problems);
    section.finish(problems);
    let named = match layers.path_variable("PLEO_EXPORT_CHECKPOINT", problems) {
        Ok(variable) => variable.or(in_file),
        Err(_) => None,
    };
    (named, days.map_or(KEEP_PAYLOADS, TimeDelta::days))
}

/// Where a company's is kept unless settings name a file.
fn of_company(layers: &Layers, company_id: &CompanyId, problems: &mut Vec<String>) -> Option<PathBuf> {
    let folder = layers.state_folder(problems).ok()?;
    if folder.is_none() {
        layers.missing(
            "checkpoint.path",
            "there is no place for the checkpoint: set PLEO_EXPORT_CHECKPOINT (neither STATE_DIRECTORY nor HOME is set)",
            "`path = \"…\"`, where progress is kept, under [checkpoint] (neither STATE_DIRECTORY nor HOME is set)",
            problems,
        );
    }
    Some(folder?.join(format!("pleo-export-{company_id}.sqlite3")))
}
