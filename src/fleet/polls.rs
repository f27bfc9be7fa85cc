//! How the polls of a company ended, in its row: every host knows the same, and a checkpoint may be lost.

use chrono::{DateTime, Utc};

use super::database::{self, Fault, Parameter, Type};
use crate::checkpoint::{Contact, FailedPolls, PollEnd, Told};

/// The columns, in the order in which they are read.
pub(super) const COLUMNS: &str = "answered_by, failed_polls, failing_since, last_error, last_success_at, last_poll_at, \
                                  last_exit_code, last_message, last_remedy, told_event, told_exit_code, told_at";

/// The same, each with the number of its value.
pub(super) const ASSIGNMENTS: &str = "answered_by = $5, failed_polls = $6, failing_since = $7, last_error = $8, \
                                      last_success_at = $9, last_poll_at = $10, last_exit_code = $11, last_message = $12, \
                                      last_remedy = $13, told_event = $14, told_exit_code = $15, told_at = $16";

/// Reads them, from this column on.
pub(super) fn read(row: &database::Row, first: usize) -> Result<Contact, Fault> {
    let failing_since: Option<DateTime<Utc>> = row.get(first + 2)?;
    let last_poll: Option<DateTime<Utc>> = row.get(first + 5)?;
    let told: Option<DateTime<Utc>> = row.get(first + 11)?;
    let count = row.get::<i64>(first + 1)?.unsigned_abs();
    let error: Option<String> = row.get(first + 3)?;
    let exit_code: Option<i16> = row.get(first + 6)?;
    let (message, remedy) = (row.get(first + 7)?, row.get(first + 8)?);
    let event: Option<String> = row.get(first + 9)?;
    let told_exit_code: Option<i16> = row.get(first + 10)?;
    let code = |code: Option<i16>| code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(Contact {
        answered_by: row.get(first)?,
        failed_polls: failing_since.map(|since| FailedPolls {
            count,
            since,
            last_error: error.unwrap_or_default(),
        }),
        last_poll: last_poll.map(|at| PollEnd {
            at,
            exit_code: code(exit_code),
            message,
            remedy,
        }),
        last_success: row.get(first + 4)?,
        told: told.map(|at| Told {
            event: event.unwrap_or_default(),
            exit_code: code(told_exit_code),
            at,
        }),
    })
}

/// What is written.
pub(super) struct Row<'a> {
    answered_by: &'a str,
    failed_polls: i64,
    failing_since: Option<DateTime<Utc>>,
    last_error: Option<&'a str>,
    last_success: Option<DateTime<Utc>>,
    last_poll: Option<DateTime<Utc>>,
    last_exit_code: Option<i16>,
    last_message: Option<&'a str>,
    last_remedy: Option<&'a str>,
    told_event: Option<&'a str>,
    told_exit_code: Option<i16>,
    told_at: Option<DateTime<Utc>>,
}

impl<'a> Row<'a> {
    pub(super) fn of(contact: &'a Contact) -> Self {
        let series = contact.failed_polls.as_ref();
        let (last, told) = (contact.last_poll.as_ref(), contact.told.as_ref());
        Self {
            answered_by: &contact.answered_by,
            failed_polls: series.map_or(0, |series| i64::try_from(series.count).unwrap_or(i64::MAX)),
            failing_since: series.map(|series| series.since),
            last_error: series.map(|series| series.last_error.as_str()),
            last_success: contact.last_success,
            last_poll: last.map(|last| last.at),
            last_exit_code: last.map(|last| i16::from(last.exit_code)),
            last_message: last.and_then(|last| last.message.as_deref()),
            last_remedy: last.and_then(|last| last.remedy.as_deref()),
            told_event: told.map(|told| told.event.as_str()),
            told_exit_code: told.map(|told| i16::from(told.exit_code)),
            told_at: told.map(|told| told.at),
        }
    }

    /// In the order of the columns.
    pub(super) fn parameters(&self) -> [Parameter<'_>; 12] {
        [
            (&self.answered_by, Type::TEXT),
            (&self.failed_polls, Type::INT8),
            (&self.failing_since, Type::TIMESTAMPTZ),
            (&self.last_error, Type::TEXT),
            (&self.last_success, Type::TIMESTAMPTZ),
            (&self.last_poll, Type::TIMESTAMPTZ),
            (&self.last_exit_code, Type::INT2),
            (&self.last_message, Type::TEXT),
            (&self.last_remedy, Type::TEXT),
            (&self.told_event, Type::TEXT),
            (&self.told_exit_code, Type::INT2),
            (&self.told_at, Type::TIMESTAMPTZ),
        ]
    }
}
