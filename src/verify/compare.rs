//! What three sides say of one entry, and in what they differ. Pure.
//!
//! | Pleo | books | meaning |
//! |---|---|---|
//! | exported | complete | as it should be; another number there is a remark |
//! | exported | in part, or nothing | not booked |
//! | exported | reversed, or a person must say | a remark: people may do that |
//! | failed, abandoned, or never said, and the job is over | anything that counts | not reported, unless another job told it |
//! | failed since it was changed in Pleo after it was booked | anything that counts | changed |
//! | the job is open | anything that counts | not reported, unless another job told it or a run is at work |
//! | whatever | nothing | as it should be |
//!
//! What counts in the books is held against what was booked all the same: once, the amount, receipts, evidence.

use chrono_tz::Tz;

use super::spoilt::HashProblem;
use super::{Difference, Kind, Level};
use crate::checkpoint::{About, Recorded};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::inspected::{Edited, Evidence, Inspected};
use crate::model::verdict::Verdict;
use crate::systems::{BookedEntry, Description, Found};

/// What is known of an entry in one job.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The job.
    pub job: &'a JobId,
    /// The entry.
    pub entry_id: &'a AccountingEntryId,
    /// Whose books they are.
    pub system: &'a Description,
    /// The zone whose calendar they follow.
    pub zone: Tz,
    /// What Pleo says.
    pub pleo: InPleo,
    /// What the checkpoint says of it in this job.
    pub recorded: Option<&'a Recorded>,
    /// What counts in the books.
    pub found: &'a Found,
    /// What is known of it there.
    pub inspected: &'a Inspected,
    /// What is wrong with the content hash that the books keep of it.
    pub hash_problem: Option<HashProblem>,
    /// Whether Pleo has it with another content than it was booked from; known of open jobs.
    pub is_changed_in_pleo: bool,
}

/// What Pleo says of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InPleo {
    /// It is exported, under this number where one was told.
    Exported(Option<String>),
    /// It is not, and the job is over: Pleo's word for it.
    NotExported(&'static str),
    /// The job is open, and goes on by this command.
    Open(&'static str),
    /// The job is open, and somebody is at work on it.
    AtWork,
    /// Pleo has the job no more, or never listed the entry: what it was told is what the checkpoint says.
    Unlisted,
}

/// What differs. The second is a difference only where no other job told of the entry.
pub fn compare(facts: &Facts<'_>) -> (Vec<Difference>, Option<Difference>) {
    let mut differences = Vec::new();
    let not_reported = told_and_booked(facts, &mut differences);
    if let Some(booked) = facts.found.booked() {
        of_books(facts, booked, &mut differences);
    }
    (differences, not_reported)
}

/// Whether Pleo knows what the books have. What is only booked is answered: another job may have told of it.
fn told_and_booked(facts: &Facts<'_>, differences: &mut Vec<Difference>) -> Option<Difference> {
    let verdict = facts.recorded.and_then(|recorded| recorded.verdict.as_ref());
    let is_accepted = facts.recorded.is_some_and(|recorded| recorded.is_accepted);
    let in_checkpoint = match verdict {
        Some(Verdict::Successful(exported)) if is_accepted => {
            InPleo::Exported(Some(exported.external_id.clone()).filter(|id| !id.is_empty()))
        }
        _ => InPleo::NotExported("not exported"),
    };
    let pleo = match &facts.pleo {
        InPleo::Unlisted => &in_checkpoint,
        pleo => pleo,
    };
    match (pleo, facts.found) {
        (InPleo::Exported(told), found) => {
            let told = told.as_deref();
            differences.extend(exported(facts, told, found));
            None
        }
        (_, Found::Absent { .. }) | (InPleo::AtWork | InPleo::Unlisted, _) => None,
        (_, Found::Unclear { .. }) => None,
        (InPleo::Open(command), Found::Complete(booked) | Found::Incomplete(booked)) => Some(difference(
            facts,
            Kind::NotReported,
            format!(
                "is in the books as {}, and Pleo was not told yet",
                booked.external_id
            ),
            format!("run `pleo-export {command}`"),
        )),
        (InPleo::NotExported(word), Found::Complete(booked) | Found::Incomplete(booked)) => {
            if let Some(Verdict::Failed(failure)) = verdict
                && failure.is_changed_after_booking()
            {
                differences.push(difference(
                    facts,
                    Kind::Changed,
                    format!(
                        "was changed in Pleo after it was booked as {}",
                        booked.external_id
                    ),
                    reverse(facts, booked),
                ));
                return None;
            }
            let lost = if matches!(in_checkpoint, InPleo::Exported(_)) {
                "; Pleo had taken that it is booked"
            } else {
                ""
            };
            Some(difference(
                facts,
                Kind::NotReported,
                format!(
                    "is in the books as {}, and Pleo has it as {word}{lost}",
                    booked.external_id
                ),
                "export it again in Pleo: it is found in the books and told, not booked again".to_owned(),
            ))
        }
    }
}

/// What Pleo has as exported.
fn exported(facts: &Facts<'_>, told: Option<&str>, found: &Found) -> Option<Difference> {
    let number = told.unwrap_or("booked");
    match found {
        Found::Complete(booked) => {
            let other = told.filter(|told| *told != booked.external_id)?;
            Some(remark(
                facts,
                Kind::Changed,
                format!("Pleo was told the number {other}, and the books have it as {}", booked.external_id),
                "nothing, if it got another number in the books since".to_owned(),
            ))
        }
        Found::Incomplete(booked) => Some(difference(
            facts,
            Kind::NotBooked,
            format!("Pleo was told {number}, and the books have only a part of it ({})", booked.external_id),
            "bring the rest back from a backup, or export it again in Pleo to have it completed".to_owned(),
        )),
        Found::Absent { next_revision: 1 } => Some(difference(
            facts,
            Kind::NotBooked,
            format!("Pleo was told {number}, and the books do not have it"),
            "restore or mount what is missing of the books; where it was deleted on purpose, export it again in Pleo to have \
             it booked anew"
                .to_owned(),
        )),
        Found::Absent { .. } => Some(remark(
            facts,
            Kind::NotBooked,
            format!("Pleo was told {number}, which was reversed in the books"),
            "export it again in Pleo if it is to be booked anew".to_owned(),
        )),
        Found::Unclear { reason, .. } => Some(remark(
            facts,
            Kind::NotBooked,
            format!("Pleo was told {number}: whether that counts, only a person can say"),
            reason.clone(),
        )),
    }
}

/// What counts in the books, held against what was booked.
fn of_books(facts: &Facts<'_>, booked: &BookedEntry, differences: &mut Vec<Difference>) {
    let Inspected {
        booked_twice,
        edited,
        fitting_amounts,
        ..
    } = facts.inspected;
    let number = &booked.external_id;
    if let Some(places) = booked_twice {
        differences.push(difference(
            facts,
            Kind::BookedTwice,
            format!("stands twice in the books: {places}"),
            "delete the one that should not be there".to_owned(),
        ));
    }
    let recorded = facts.recorded.and_then(|recorded| recorded.about.as_ref());
    let is_other_amount = recorded.filter(|about| {
        let is_same = |amount: &crate::model::money::Money| amount.abs() == about.amount.abs();
        !fitting_amounts.is_empty() && !fitting_amounts.iter().any(is_same)
    });
    let of_hash = facts.hash_problem.map(|problem| match problem {
        HashProblem::Spoilt => format!(
            "the content hash that the books keep of {number} is not that of what was booked: exported again, it would be \
             refused as changed"
        ),
        HashProblem::Gone => format!(
            "the books keep no content hash of {number} any more: changed in Pleo and exported again, it would be taken as \
             unchanged"
        ),
    });
    match (edited, is_other_amount) {
        (Some(Edited::Amount(how)), _) => {
            differences.push(difference(
                facts,
                Kind::Changed,
                how.clone(),
                correct(facts, booked),
            ));
        }
        _ if let Some(problem) = of_hash => differences.push(difference(
            facts,
            Kind::Changed,
            problem,
            "bring the hash back from a backup of the books (the line `pleo-hash` in text books)".to_owned(),
        )),
        _ if facts.is_changed_in_pleo => differences.push(difference(
            facts,
            Kind::Changed,
            format!("Pleo has it with another content than {number} was booked from"),
            reverse(facts, booked),
        )),
        (_, Some(about)) => differences.push(difference(
            facts,
            Kind::Changed,
            format!("{number} is not of {}, as Pleo had it", about.amount),
            correct(facts, booked),
        )),
        (Some(Edited::Otherwise(how)), None) => {
            differences.push(remark(
                facts,
                Kind::Changed,
                how.clone(),
                "nothing, if it was meant".to_owned(),
            ));
        }
        (None, None) => {
            if let Some(odd) = booked.remark.as_ref().filter(|_| booked_twice.is_none()) {
                differences.push(remark(
                    facts,
                    Kind::Changed,
                    odd.clone(),
                    "nothing, if it was meant".to_owned(),
                ));
            }
        }
    }
    of_files(facts, booked, differences);
}

/// Receipts and evidence, which are files of their own.
fn of_files(facts: &Facts<'_>, booked: &BookedEntry, differences: &mut Vec<Difference>) {
    let number = &booked.external_id;
    let receipts = facts.inspected.receipts.iter().flatten();
    for problem in receipts.filter(|_| facts.pleo != InPleo::AtWork) {
        let remedy = match facts.pleo {
            InPleo::Open(command) => format!("run `pleo-export {command}`: receipts that are not there yet are put there"),
            _ => "bring the file back from a backup, or export the expense again in Pleo: its receipts are put back".into(),
        };
        differences.push(difference(
            facts,
            Kind::ReceiptMissing,
            format!("{number}: {problem}"),
            remedy,
        ));
    }
    if let Evidence::Wrong { file, problem } = &facts.inspected.evidence {
        differences.push(Difference {
            entry_id: None,
            ..difference(
                facts,
                Kind::Evidence,
                format!("the evidence `{file}` {problem}"),
                "bring the file back from a backup; what may go by law is removed by `pleo-export prune-evidence`".to_owned(),
            )
        });
    }
}

fn correct(facts: &Facts<'_>, booked: &BookedEntry) -> String {
    format!(
        "correct it in the books, or {} and export it again in Pleo",
        facts.system.how_to_take_back(&booked.external_id)
    )
}

fn reverse(facts: &Facts<'_>, booked: &BookedEntry) -> String {
    let taking_back = facts.system.how_to_take_back(&booked.external_id);
    format!("{taking_back}, then export it again in Pleo")
}

fn difference(facts: &Facts<'_>, kind: Kind, what: String, remedy: String) -> Difference {
    let about = facts.recorded.and_then(|recorded| recorded.about.as_ref());
    let message = match (kind, about) {
        (Kind::Evidence, _) | (_, None) => what,
        (_, Some(about)) => format!("{}: {what}", named(about, facts.zone)),
    };
    Difference {
        entry_id: Some(facts.entry_id.clone()),
        job: facts.job.clone(),
        level: Level::Difference,
        kind,
        message,
        remedy,
    }
}

fn remark(facts: &Facts<'_>, kind: Kind, what: String, remedy: String) -> Difference {
    Difference {
        level: Level::Remark,
        ..difference(facts, kind, what, remedy)
    }
}

/// An expense as people know it.
fn named(about: &About, zone: Tz) -> String {
    let day = about
        .date
        .map(|date| date.with_timezone(&zone).date_naive().to_string());
    let parts: Vec<String> = [about.supplier.clone(), day]
        .into_iter()
        .flatten()
        .chain([about.amount.to_string()])
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests;
