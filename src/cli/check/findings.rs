//! What was found, as lines for people or one JSON document for scripts.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::{Check, Name, State};
use crate::cli::exit::Exit;
use crate::cli::render::{Document, document};
use crate::cli::table::safe;

/// How many findings of one kind are shown to people; scripts get all.
const SHOWN: usize = 5;

/// A line for each finding, with what to do behind it. Many of one kind are counted after the first few. What is not
/// wrong is left out where nothing else is wanted.
pub(super) fn to_text(checks: &[Check], is_quiet: bool) -> String {
    let width = Name::ALL
        .iter()
        .map(|name| name.as_str().len())
        .max()
        .unwrap_or(0);
    let mut kinds: BTreeMap<(Name, State), Vec<&Check>> = BTreeMap::new();
    for check in checks.iter().filter(|check| !is_quiet || is_wrong(check)) {
        kinds.entry((check.name, check.state)).or_default().push(check);
    }
    let mut text = String::new();
    for ((name, state), checks) in kinds {
        for check in checks.iter().take(SHOWN) {
            text.push_str(&line(check, width));
        }
        if let Some(more) = checks.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let more = Check::unknown(name, format!("and {more} more: --json has all"), None);
            text.push_str(&line(&Check { state, ..more }, width));
        }
    }
    if is_quiet {
        return text;
    }
    text + &sum(checks)
}

/// Whether it decides how the command ends.
const fn is_wrong(check: &Check) -> bool {
    matches!(check.state, State::Failed | State::OutOfReach)
}

/// A log of JSON lines ends with what went wrong, whatever stdout has.
pub(super) fn log(checks: &[Check]) {
    for check in checks.iter().filter(|check| is_wrong(check)) {
        let (name, remedy) = (check.name.as_str(), check.remedy.as_deref());
        tracing::error!(check = name, hint = remedy, "{}", check.message);
    }
}

const fn mark(state: State) -> char {
    match state {
        State::Ok => '✓',
        State::Unknown | State::OutOfReach => '?',
        State::Warning => '!',
        State::Failed => '✗',
    }
}

/// What is to be copied stands at the left edge, as it is.
fn line(check: &Check, width: usize) -> String {
    let (remedy, copied) = match check.remedy.as_deref() {
        Some(remedy) => remedy.split_once('\n').unwrap_or((remedy, "")),
        None => ("", ""),
    };
    let arrow = if remedy.is_empty() { "" } else { " -> " };
    let message = safe(&check.message).replace('\n', " ");
    let mut line = format!(
        "{} {:width$}  {message}{arrow}{}\n",
        mark(check.state),
        check.name.as_str(),
        safe(remedy)
    );
    if copied.trim().is_empty() {
        return line;
    }
    for part in ["\n", &safe(copied.trim_matches('\n')), "\n\n"] {
        line.push_str(part);
    }
    line
}

fn sum(checks: &[Check]) -> String {
    let count = |states: &[State]| {
        checks
            .iter()
            .filter(|check| states.contains(&check.state))
            .count()
    };
    let parts = [
        (count(&[State::Failed]), "to correct"),
        (count(&[State::Warning]), "to know"),
        (count(&[State::Unknown, State::OutOfReach]), "not told"),
        (count(&[State::Ok]), "in order"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    format!("\n{}\n", parts.join(", "))
}

#[derive(Serialize)]
struct CheckDocument<'a> {
    name: &'static str,
    state: &'static str,
    message: &'a str,
    remedy: Option<&'a str>,
}

#[derive(Serialize)]
struct ChecksDocument<'a> {
    #[serde(flatten)]
    answer: Document<()>,
    checks: Vec<CheckDocument<'a>>,
}

pub(super) fn to_json(checks: &[Check], exit: Exit) -> String {
    let checks = checks.iter().map(|check| CheckDocument {
        name: check.name.as_str(),
        state: check.state.as_str(),
        message: &check.message,
        remedy: check.remedy.as_deref(),
    });
    document(&ChecksDocument {
        answer: Document::without_jobs(exit, None),
        checks: checks.collect(),
    })
}
