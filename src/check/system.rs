//! The accounting system and its books: reached, with every right that a job needs; read, and writable.

use std::path::Path;

use super::{Check, Name};
use crate::checkpoint::Checkpoint;
use crate::model::ids::{CompanyId, JobId};
use crate::receipts::Policy;
use crate::systems::{Ability, AccountingSystem, Description, JobNeeds, RECEIPTS_REMEDY, SystemError};

/// Stands for the job that is not there.
const NO_JOB: &str = "00000000-0000-0000-0000-000000000000";

/// What was found of the accounting system.
#[derive(Debug)]
pub struct Examined {
    /// The system itself, then its books.
    pub checks: Vec<Check>,
    /// Whether it can be asked for accounts.
    pub is_usable: bool,
}

/// Looks at everything that a job would ask of the system. `books` is their folder where they lie on this machine, and
/// `given` what was given before, with the present year.
pub fn examine(
    system: &mut dyn AccountingSystem,
    company_id: &CompanyId,
    receipts: Policy,
    books: Option<&Path>,
    given: Option<(&Checkpoint, i32)>,
) -> Examined {
    let description = system.describe();
    let needs = JobNeeds {
        job_id: JobId::new(NO_JOB),
        company_id: company_id.clone(),
        payables: description.payables,
        attachments: receipts != Policy::None && description.attachments.is_some(),
    };
    let mut checks = abilities(&description, receipts);
    let result = system.examine(&needs);
    let is_usable = result.is_ok();
    match (result, books) {
        (Err(error), Some(_)) => {
            checks.push(Check::ok(Name::AccountingSystem, in_words(&description)));
            checks.push(of_books(&error));
        }
        (Err(error), None) => {
            checks.push(of_error(Name::AccountingSystem, &error));
            let why = "the accounting system is not ready";
            checks.extend(super::not_looked_at(&[Name::Books], why));
        }
        (Ok(()), folder) => {
            let ready = format!("{}, with every right that a job needs", in_words(&description));
            checks.push(Check::ok(Name::AccountingSystem, ready));
            let lack = given.and_then(|(checkpoint, year)| lacking(system, checkpoint, year));
            checks.push(
                lack.unwrap_or_else(|| Check::ok(Name::Books, whole(folder, company_id, &description))),
            );
            checks.extend(notices(system));
        }
    }
    Examined { checks, is_usable }
}

/// Books that were restored or are not mounted. A checkpoint that cannot be read is told of by itself.
fn lacking(system: &dyn AccountingSystem, checkpoint: &Checkpoint, year: i32) -> Option<Check> {
    let lack = checkpoint
        .numbers_lacking(&system.describe().target, &system.highest_numbers(), year)
        .ok()??;
    let remedy = "mount or restore what is missing; if the books are right as they are, run `pleo-export poll \
                  --books-are-right` when an export waits";
    Some(Check::failed(Name::Books, lack, remedy))
}

/// What it cannot do and may be asked for.
fn abilities(system: &Description, receipts: Policy) -> Vec<Check> {
    let name = Name::AccountingSystem;
    let receipts = system
        .lack(Ability::Receipts)
        .filter(|_| receipts == Policy::Required);
    let receipts =
        receipts.map(|lack| Check::failed(name, format!("{lack}: every job would fail"), RECEIPTS_REMEDY));
    let bills = system.lack(Ability::VendorBills).map(|lack| {
        let remedy = "keep vendor bookkeeping turned off in Pleo, or jobs with it fail";
        Check::warning(name, lack, remedy)
    });
    receipts.into_iter().chain(bills).collect()
}

fn in_words(system: &Description) -> String {
    format!("{} ({})", system.name, system.target)
}

fn whole(folder: Option<&Path>, company_id: &CompanyId, system: &Description) -> String {
    match folder {
        None => format!("are kept by {}", system.name),
        Some(folder) if folder.is_dir() => format!(
            "`{}` can be read whole and written, and is of company {company_id}",
            folder.display()
        ),
        Some(folder) => format!("`{}` will be made by the first run", folder.display()),
    }
}

fn notices(system: &mut dyn AccountingSystem) -> Vec<Check> {
    let notices = system.notices().into_iter();
    let checks = notices.map(|notice| {
        let remedy = notice
            .remedy
            .unwrap_or_else(|| "correct it at that place in the books".to_owned());
        Check::warning(Name::Books, notice.message.trim_end_matches(':'), remedy)
    });
    checks.collect()
}

/// Books on this machine are never merely out of reach: a person must see to the disk or the file.
fn of_books(error: &SystemError) -> Check {
    let remedy = "correct what is named, then run `pleo-export check` again";
    Check::failed(Name::Books, error.to_string(), remedy)
}

/// What an error of the accounting system means for a check.
pub(super) fn of_error(name: Name, error: &SystemError) -> Check {
    match error {
        SystemError::Unavailable { .. } | SystemError::Unknown { .. } | SystemError::Withheld(_) => {
            Check::out_of_reach(name, error.to_string())
        }
        SystemError::Rejected { .. }
        | SystemError::BookedWrong { .. }
        | SystemError::Fatal { .. }
        | SystemError::Damaged { .. }
        | SystemError::Settings { .. } => {
            let remedy = "correct it there or under [accounting], then run `pleo-export check` again";
            Check::failed(name, error.to_string(), remedy)
        }
    }
}

/// What it means that the system cannot even be begun with. Only systems that are somewhere else can fail so.
pub fn not_begun(error: &SystemError) -> Vec<Check> {
    let mut checks = vec![of_error(Name::AccountingSystem, error)];
    checks.extend(super::not_looked_at(
        &[Name::Books],
        "the accounting system is not ready",
    ));
    checks
}
