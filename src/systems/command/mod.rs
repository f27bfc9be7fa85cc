//! The command connector: any program that speaks JSON lines on stdin and stdout books for us.
//!
//! `docs/connector-protocol.md` is the contract with whoever writes one. One process serves a whole run; one
//! item is one question, so that a connector that dies leaves one item in doubt and not a batch. It is never
//! trusted to be right about the form of its answers, always about the books.

mod answers;
mod connection;
mod process;
mod requests;
#[cfg(test)]
mod schema;
mod settings;
mod stderr;
mod wire;

use std::time::Instant;

use tracing::warn;

use crate::host::stop::Stop;
use crate::model::document::PlannedItem;
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};
use crate::model::verdict::{ItemFailureType, JobFailureType};

use super::{AccountingSystem, Attachment, BookedEntry, Description, Found, JobNeeds, SystemError, Wanted};

pub use self::settings::Settings;

use self::connection::{Connection, PATIENCE, Trouble, Wait};

/// An accounting system behind a program that is not ours.
#[derive(Debug)]
pub struct Command {
    connection: Connection,
    stop: Stop,
}

impl Command {
    /// Starts the program, because only it knows what it is.
    ///
    /// The error is `Fatal` where the settings or the program must be corrected (it cannot be started, ends or talks
    /// nonsense, speaks another version, refuses) and `Unavailable` where it is only late.
    pub fn start(settings: Settings, stop: Stop) -> Result<Self, SystemError> {
        let connection = Connection::open(settings, stop.clone()).map_err(reading)?;
        Ok(Self { connection, stop })
    }

    /// The process that runs now, for tests that kill it.
    pub fn process_id(&self) -> Option<u32> {
        self.connection.process_id()
    }

    /// Asks for one item after the other and goes on past those that fail. One answer for each, in order.
    fn one_by_one<I, T>(
        &mut self,
        permit: &Permit,
        items: &[I],
        ask: impl Fn(&mut Connection, &I) -> Result<T, SystemError>,
    ) -> Vec<Result<T, SystemError>> {
        let mut answers = Vec::with_capacity(items.len());
        let mut unanswered = 0;
        for item in items {
            if let Some(reason) = self.reason_to_rest(unanswered) {
                answers.push(Err(SystemError::Unavailable { reason }));
                continue;
            }
            if !answers.is_empty() && permit.is_over(Instant::now()) {
                answers.push(Err(SystemError::put_off()));
                continue;
            }
            let answer = ask(&mut self.connection, item);
            match &answer {
                Ok(_) | Err(SystemError::Rejected { .. } | SystemError::BookedWrong { .. }) => unanswered = 0,
                Err(error @ (SystemError::Unavailable { .. } | SystemError::Unknown { .. })) => {
                    warn!("{error}");
                    unanswered += 1;
                }
                // It holds for all of them.
                Err(
                    SystemError::Fatal { .. }
                    | SystemError::Withheld(_)
                    | SystemError::Damaged { .. }
                    | SystemError::Settings { .. },
                ) => unanswered = PATIENCE,
            }
            answers.push(answer);
        }
        answers
    }

    /// Why the rest of a batch should not be asked for now, if it should not.
    fn reason_to_rest(&self, unanswered: usize) -> Option<String> {
        if unanswered >= PATIENCE {
            return Some("the connector failed for the items before; this one was not sent to it".to_owned());
        }
        self.stop.check().err().map(|stopped| stopped.to_string())
    }
}

impl AccountingSystem for Command {
    fn describe(&self) -> Description {
        self.connection.description().clone()
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        let done = |_: wire::Done| Ok(());
        self.connection
            .ask(requests::check(job), Wait::UntilStop, done)
            .map_err(reading)
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        let read = |answer| answers::resolution(references, answer);
        self.connection
            .ask(requests::resolve(references), Wait::UntilStop, read)
            .map_err(reading)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        let read = |answer| answers::found(entries, answer);
        self.connection
            .ask(requests::find(entries), Wait::UntilStop, read)
            .map_err(reading)
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        Ok(self.one_by_one(permit, items, |connection, item| {
            let read = |answer| answers::booked_entry(&item.parts(), answer);
            connection
                .ask(requests::book(item), Wait::ToTheEnd(permit), read)
                .map_err(|trouble| booking(trouble, item))
        }))
    }

    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        Ok(self.one_by_one(permit, entries, |connection, entry| {
            let done = |_: wire::Done| Ok(());
            connection
                .ask(requests::attach(entry)?, Wait::ToTheEnd(permit), done)
                .map_err(reading)
        }))
    }
}

/// What trouble means for an item that was to be booked.
fn booking(trouble: Trouble, item: &PlannedItem) -> SystemError {
    match trouble {
        Trouble::Lost(what) | Trouble::Wrong(what) | Trouble::Late(what) => SystemError::Unknown {
            reason: format!("{what}; entry {} may be booked", item.entry_id()),
        },
        Trouble::Refused(wire::Failure {
            kind: wire::FailureKind::Unknown,
            reason,
            ..
        }) => SystemError::Unknown { reason },
        other => reading(other),
    }
}

/// What trouble means where nothing was to be booked.
fn reading(trouble: Trouble) -> SystemError {
    match trouble {
        Trouble::Misfit(reason) => SystemError::Fatal {
            failure_type: JobFailureType::InvalidConfiguration,
            reason,
        },
        Trouble::Withheld(withheld) => withheld.into(),
        Trouble::Wrong(reason) => SystemError::Settings { reason },
        Trouble::NotAsked(reason) | Trouble::Lost(reason) | Trouble::Late(reason) => {
            SystemError::Unavailable { reason }
        }
        Trouble::Refused(failure) => refused(failure),
    }
}

fn refused(failure: wire::Failure) -> SystemError {
    let wire::Failure { kind, r#type, reason } = failure;
    let word = r#type.as_deref();
    match kind {
        wire::FailureKind::Rejected => SystemError::Rejected {
            failure_type: answers::failure_type(
                word,
                ItemFailureType::from_wire,
                ItemFailureType::AccountingSystemValidationFailure,
            ),
            reason,
        },
        wire::FailureKind::Fatal => SystemError::Fatal {
            failure_type: answers::failure_type(
                word,
                JobFailureType::from_wire,
                JobFailureType::InvalidConfiguration,
            ),
            reason,
        },
        wire::FailureKind::Unavailable | wire::FailureKind::Unknown => SystemError::Unavailable { reason },
        wire::FailureKind::Damaged => SystemError::Damaged { reason },
    }
}
