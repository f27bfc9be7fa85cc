//! The connector on the bench: asked as `pleo-export` asks it, with a list of what must be in the books for it.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use chrono::NaiveDate;
use pleo_export::host::stop::Stop;
use pleo_export::model::document::PlannedItem;
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{References, Resolution};
use pleo_export::model::verdict::ItemFailureType;
use pleo_export::systems::command::{Command, Settings};
use pleo_export::systems::{AccountingSystem, BookedEntry, Create, Found, SystemError};

use crate::sample::{self, Accounts, Expense, Payables};

/// The connector, and what was done to it.
pub(crate) struct Bench {
    pub(crate) settings: Settings,
    pub(crate) accounts: Accounts,
    pub(crate) payables: Payables,
    pub(crate) day: NaiveDate,
    pub(crate) job_id: String,
    pub(crate) system: Command,
    pub(crate) resolution: Resolution,
    /// The first entry that was booked.
    pub(crate) first: Option<(PlannedItem, BookedEntry)>,
    /// How long an undisturbed booking takes.
    pub(crate) usual: Duration,
    /// Entries that must be in the books, and those that may be.
    pub(crate) booked: BTreeSet<String>,
    pub(crate) in_doubt: BTreeSet<String>,
    /// The entry with two documents, a bill and its payment.
    pub(crate) with_bill: Option<String>,
    /// The entry with the one receipt.
    pub(crate) with_receipt: Option<String>,
}

impl Bench {
    pub(crate) fn start(
        settings: Settings,
        accounts: Accounts,
        payables: Payables,
        day: NaiveDate,
    ) -> Result<Self, SystemError> {
        Ok(Self {
            system: Command::start(settings.clone(), Stop::new())?,
            settings,
            accounts,
            payables,
            day,
            job_id: sample::new_id(),
            resolution: Resolution::default(),
            first: None,
            usual: Duration::ZERO,
            booked: BTreeSet::new(),
            in_doubt: BTreeSet::new(),
            with_bill: None,
            with_receipt: None,
        })
    }

    /// What the connector says of itself.
    pub(crate) fn introduction(&self) -> String {
        let it = self.system.describe();
        let create = match it.create {
            Create::Unique => "unique",
            Create::Exclusive => "exclusive",
            Create::Search => "search",
        };
        format!("{} ({}), create: {create}", it.name, it.target)
    }

    /// Another process of the connector.
    pub(crate) fn another(&self) -> Result<Command, String> {
        Command::start(self.settings.clone(), Stop::new()).map_err(told)
    }

    /// The expense of a new entry. Each has another amount, so that none is mistaken for another.
    pub(crate) fn expense(&self) -> Expense {
        Expense {
            entry_id: sample::new_id(),
            job_id: self.job_id.clone(),
            day: self.day,
            hundredths: 12_500 + i64::from(fastrand::u16(..)),
        }
    }

    /// A purchase that is not booked yet.
    pub(crate) fn item(&self) -> Result<PlannedItem, String> {
        sample::purchase(&self.expense(), &self.accounts, &self.resolution)
    }

    pub(crate) fn check(&mut self) -> Result<(), SystemError> {
        let able = self.system.describe();
        let job = sample::job(&self.job_id, able.payables, able.attachments.is_some());
        self.system.check(&job)
    }

    pub(crate) fn resolve(&mut self, references: &References) -> Result<Resolution, String> {
        self.system.resolve(references).map_err(told)
    }

    pub(crate) fn book(&mut self, item: &PlannedItem) -> Result<BookedEntry, SystemError> {
        let answer = book(&mut self.system, item);
        if answer.is_ok() {
            self.booked.insert(item.entry_id().to_string());
        }
        answer
    }

    pub(crate) fn find(&mut self, item: &PlannedItem) -> Result<Found, String> {
        match find(&mut self.system, item) {
            // The one that was just killed may have been asked; the next is a new one.
            Err(SystemError::Unavailable { .. }) => find(&mut self.system, item).map_err(told),
            answer => answer.map_err(told),
        }
    }

    /// Puts the receipt beside the first entry.
    pub(crate) fn attach(&mut self) -> Result<(), String> {
        let (item, booked) = self.first()?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let receipt = sample::attachment(&item, &booked, folder.path()).map_err(|error| error.to_string())?;
        let answers = self.system.attach(&permit(), &[receipt]).map_err(told)?;
        answers.into_iter().collect::<Result<(), _>>().map_err(told)?;
        self.with_receipt = Some(booked.external_id);
        Ok(())
    }

    pub(crate) fn first(&self) -> Result<(PlannedItem, BookedEntry), String> {
        self.first
            .clone()
            .ok_or_else(|| "nothing could be booked before".to_owned())
    }

    pub(crate) fn must_be_absent(&mut self, item: &PlannedItem) -> Result<(), String> {
        match self.find(item)? {
            Found::Absent { .. } => Ok(()),
            other => Err(format!(
                "nothing of it may be in the books, but `find` says {}",
                shown(&other)
            )),
        }
    }

    pub(crate) fn must_be_complete(
        &mut self,
        item: &PlannedItem,
        booked: &BookedEntry,
    ) -> Result<BookedEntry, String> {
        match self.find(item)? {
            Found::Complete(found) if found.external_id == booked.external_id => {
                match item.parts().iter().find(|part| !found.parts.contains(part)) {
                    None => Ok(found),
                    Some(missing) => Err(format!(
                        "`find` says that {} is complete without its part \"{}\", and it is no journal entry",
                        found.external_id,
                        missing.as_str()
                    )),
                }
            }
            other => Err(format!(
                "it was booked as {}, but `find` says {}",
                booked.external_id,
                shown(&other)
            )),
        }
    }

    /// Books again what is booked already.
    pub(crate) fn must_stay_the_same(
        &mut self,
        item: &PlannedItem,
        booked: &BookedEntry,
    ) -> Result<BookedEntry, String> {
        let again = self.book(item).map_err(told)?;
        if again.external_id != booked.external_id {
            return Err(format!(
                "the same key was booked as {} and as {}: look it up before you book",
                booked.external_id, again.external_id
            ));
        }
        self.must_be_complete(item, booked)?;
        Ok(again)
    }

    /// Books what must be refused.
    pub(crate) fn must_be_rejected(&mut self, item: &PlannedItem) -> Result<ItemFailureType, String> {
        match self.book(item) {
            Err(SystemError::Rejected { failure_type, .. }) => {
                self.must_be_absent(item)?;
                Ok(failure_type)
            }
            Ok(booked) => Err(format!("it was booked as {}", booked.external_id)),
            Err(error) => Err(format!("the answer must be `rejected`, not: {error}")),
        }
    }
}

pub(crate) fn book(system: &mut Command, item: &PlannedItem) -> Result<BookedEntry, SystemError> {
    let answers = system.book(&permit(), std::slice::from_ref(item))?;
    answers.into_iter().next().unwrap_or_else(|| Err(no_answer()))
}

pub(crate) fn find(system: &mut Command, item: &PlannedItem) -> Result<Found, SystemError> {
    let found = system.find(&[sample::wanted(item)])?;
    found.into_iter().next().ok_or_else(no_answer)
}

pub(crate) fn no_answer() -> SystemError {
    SystemError::Unknown {
        reason: "there was no answer".to_owned(),
    }
}

/// What was found, for people.
pub(crate) fn shown(found: &Found) -> String {
    match found {
        Found::Absent { next_revision } => format!("absent, next_revision {next_revision}"),
        Found::Incomplete(booked) => format!("incomplete, {}", booked.external_id),
        Found::Complete(booked) => format!("complete, {}", booked.external_id),
        Found::Unclear { booked, reason } => format!("unclear, {}: {reason}", booked.external_id),
    }
}

pub(crate) fn told(error: SystemError) -> String {
    error.to_string()
}

/// The folder that programs are started in.
pub(crate) fn here() -> std::path::PathBuf {
    std::env::current_dir().unwrap_or_else(|_| Path::new(".").to_owned())
}

/// Nobody but this process is at work.
fn permit() -> Permit {
    Permit::given_by(|| Ok(()))
}
