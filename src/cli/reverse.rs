//! `reverse`: takes entries back in the books. No network of Pleo's and no credential for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

use chrono::NaiveDate;
use serde::Serialize;

use super::answer::{Form, Shown};
use super::exit::Exit;
use super::render::{Document, document};
use super::{parts, signals};
use crate::bookkeeping::ClosedPeriods;
use crate::checkpoint::Checkpoint;
use crate::config::{BooksConfig, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::host::foreign_text::one_line;
use crate::model::reversal::{ReversalDays, ReversalRequest, Reversed, WhenClosed};
use crate::systems::{AccountingSystem, ReversalError, SystemError};

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

/// Takes the entries with these numbers back.
pub(super) fn reverse(
    sources: &Sources,
    numbers: &[String],
    date: Option<NaiveDate>,
    reason: Option<&str>,
    form: Form,
) -> Exit {
    let mut seen = BTreeSet::new();
    let numbers = numbers.iter().filter(|number| seen.insert(*number)).cloned();
    let mut reversed = Vec::new();
    let ended = take_back(sources, numbers.collect(), date, reason, &mut reversed);
    Shown::without_jobs(ended.err(), form, to_text(&reversed), |answer| {
        let reversed = reversed.iter().map(ReversedDocument::from).collect();
        document(&ReverseDocument { answer, reversed })
    })
    .give(form)
}

/// What was taken back is added to the list, also where something goes wrong after it.
fn take_back(
    sources: &Sources,
    numbers: Vec<String>,
    date: Option<NaiveDate>,
    reason: Option<&str>,
    reversed: &mut Vec<Reversed>,
) -> Result<(), Problem> {
    let config = BooksConfig::load(sources).map_err(|problems| Problem {
        kind: ProblemKind::Configuration,
        message: problems.to_string(),
        hint: "correct the settings; nothing was reversed".into(),
    })?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let _lock = parts::lock(&config.checkpoint, "nothing was reversed")?;
    let stop = signals::stop_on_signals();
    let mut system = parts::accounting_system(&config.system, &stop).map_err(parts::not_begun)?;
    let mut checkpoint = parts::checkpoint_of_books(&config, system.as_ref())?;
    let request = ReversalRequest {
        numbers,
        reason: reason.map(|reason| one_line(reason, LONGEST_REASON)),
        days: days(&config, date),
    };
    carry_out(
        system.as_mut(),
        &mut checkpoint,
        &request,
        &user(&sources.environment),
        reversed,
    )
}

/// The intent first, then the books, then what came of it: whoever reads the audit trail sees who did it and why.
fn carry_out(
    system: &mut dyn AccountingSystem,
    checkpoint: &mut Checkpoint,
    request: &ReversalRequest,
    user: &str,
    reversed: &mut Vec<Reversed>,
) -> Result<(), Problem> {
    let wish = format!(
        "{} by {user}: {}",
        request.numbers.join(", "),
        request.reason.as_deref().unwrap_or("no reason given")
    );
    checkpoint.note(None, None, "reversal_intended", &wish, clock::now())?;
    system.remember_numbers(&checkpoint.given_numbers()?);
    let result = system.reverse(request);
    reversed.extend_from_slice(taken_back(&result));
    let outcome = match &result {
        Ok(reversed) => {
            let done: Vec<String> = reversed.iter().map(ToString::to_string).collect();
            done.join(", ")
        }
        Err(error) => format!("ended with: {error}"),
    };
    checkpoint.keep_numbers(&system.highest_numbers())?;
    checkpoint.note(
        None,
        None,
        "reversal",
        &format!("{outcome} ({wish})"),
        clock::now(),
    )?;
    result.map(drop).map_err(problem)
}

fn taken_back(result: &Result<Vec<Reversed>, ReversalError>) -> &[Reversed] {
    match result {
        Ok(reversed) | Err(ReversalError::Begun { reversed, .. }) => reversed,
        Err(_) => &[],
    }
}

fn days(config: &BooksConfig, named: Option<NaiveDate>) -> ReversalDays {
    let settings = &config.bookkeeping;
    let today = clock::now().with_timezone(&settings.time_zone).date_naive();
    ReversalDays {
        named,
        closed_until: settings.closed_until,
        when_closed: match settings.closed_periods {
            ClosedPeriods::Fail => WhenClosed::Ask,
            ClosedPeriods::NextOpen => WhenClosed::NextOpen,
            ClosedPeriods::Today => WhenClosed::Today(today),
        },
    }
}

/// Who does it, as the system calls them.
fn user(environment: &BTreeMap<String, OsString>) -> String {
    let names = ["SUDO_USER", "LOGNAME", "USER", "USERNAME"];
    let name = names
        .iter()
        .filter_map(|name| environment.get(*name))
        .find(|name| !name.is_empty());
    name.map_or_else(
        || "an unknown user".to_owned(),
        |name| one_line(&name.to_string_lossy(), 60),
    )
}

fn problem(error: ReversalError) -> Problem {
    let message = error.to_string();
    match error {
        ReversalError::Unusable(_) => Problem {
            kind: ProblemKind::Usage,
            message,
            hint: "nothing was reversed".into(),
        },
        ReversalError::NeedsPerson(_) => Problem {
            kind: ProblemKind::NeedsPerson,
            message,
            hint: "nothing was reversed by this call; see to what is said, then run it again".into(),
        },
        ReversalError::System(SystemError::Fatal { .. }) => Problem {
            kind: ProblemKind::Configuration,
            message,
            hint: "correct the settings under [accounting]; nothing was reversed".into(),
        },
        ReversalError::System(error) => error.into(),
        ReversalError::Begun { then, .. } => Problem {
            kind: problem(*then).kind,
            message,
            hint: "see to what is said, then run it again for what still stands".into(),
        },
    }
}

fn to_text(reversed: &[Reversed]) -> String {
    let line = |entry: &Reversed| {
        let documents = match entry.documents {
            1 => String::new(),
            several => format!(" ({several} documents)"),
        };
        format!("{entry}{documents}. Export the expense again to have it booked anew.\n")
    };
    reversed.iter().map(line).collect()
}

#[derive(Serialize)]
struct ReversedDocument {
    #[serde(rename = "externalId")]
    external_id: String,
    reversal: Option<String>,
    date: NaiveDate,
    documents: usize,
}

impl From<&Reversed> for ReversedDocument {
    fn from(entry: &Reversed) -> Self {
        Self {
            external_id: entry.external_id.clone(),
            reversal: entry.reversal.clone(),
            date: entry.date,
            documents: entry.documents,
        }
    }
}

#[derive(Serialize)]
struct ReverseDocument {
    #[serde(flatten)]
    answer: Document<()>,
    reversed: Vec<ReversedDocument>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_reversed_before_something_went_wrong_is_told() {
        let reversed = |external_id: &str, reversal: Option<&str>| Reversed {
            external_id: external_id.to_owned(),
            reversal: reversal.map(str::to_owned),
            date: NaiveDate::from_ymd_opt(2026, 3, 31).unwrap(),
            documents: 1,
        };
        let begun = |reversed| ReversalError::Begun {
            reversed,
            then: Box::new(ReversalError::NeedsPerson("BILL/2 is locked".to_owned())),
        };
        let before = vec![reversed("BILL/1", Some("RBILL/1")), reversed("BILL/7", None)];
        let result = Err(begun(before.clone()));
        assert_eq!(taken_back(&result), before);
        let told = problem(begun(before));
        assert_eq!(told.kind, ProblemKind::NeedsPerson);
        assert_eq!(
            told.message,
            "BILL/1 was reversed by RBILL/1 on 2026-03-31, BILL/7 was cancelled; then: BILL/2 is locked"
        );
        assert!(told.hint.ends_with("run it again for what still stands"));
        assert_eq!(problem(begun(Vec::new())).message, "BILL/2 is locked");
    }
}
