//! What is kept over many runs about reaching Pleo: whether it ever answered, how the last poll ended, since when none has
//! succeeded, and what was told of it. One row, written with the orderly end of a run, and by itself for a poll that ended before
//! one or has told somebody.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, Row, Transaction};

use super::columns::{time_from, time_text};
use super::error::Fault;

/// Fewer failed polls in a row than these are no series, however long ago the first one was.
const SHORTEST_SERIES: u64 = 3;

/// What is known about reaching Pleo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The way (address and proxies, as a digest) by which Pleo has answered last; empty when it never did.
    pub answered_by: String,
    /// The polls since the last good one that failed or could not go on without a person.
    pub failed_polls: Option<FailedPolls>,
    /// How the last poll ended.
    pub last_poll: Option<PollEnd>,
    /// When the last poll ended that did not fail.
    pub last_success: Option<DateTime<Utc>>,
    /// What was told last by `[notify]`.
    pub told: Option<Told>,
}

/// How a poll ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollEnd {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// With which exit code.
    pub exit_code: u8,
    /// What went wrong, or what a person should know; none where all was well.
    pub message: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// What the program that `[notify]` names was told last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The word for what happened.
    pub event: String,
    /// How the poll stood that it was about, or a later one that was no news: its exit code, as far as that is news, or a
    /// number of the teller's own.
    pub exit_code: u8,
    /// When it was told.
    pub at: DateTime<Utc>,
}

/// An unbroken series of failed polls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPolls {
    /// How many have failed so far.
    pub count: u64,
    /// When the first one ended.
    pub since: DateTime<Utc>,
    /// Why the last one failed.
    pub last_error: String,
}

impl Contact {
    /// One more poll has failed.
    pub fn poll_failed(&mut self, error: &str, now: DateTime<Utc>) {
        let before = self.failed_polls.take();
        self.failed_polls = Some(FailedPolls {
            count: before.as_ref().map_or(0, |series| series.count).saturating_add(1),
            since: before.map_or(now, |series| series.since),
            last_error: error.to_owned(),
        });
    }

    /// The series of failed polls, when it has become longer than `alarm_after`.
    pub fn alarm(&self, alarm_after: TimeDelta, now: DateTime<Utc>) -> Option<&FailedPolls> {
        self.failed_polls
            .as_ref()
            .filter(|series| series.count >= SHORTEST_SERIES && now - series.since > alarm_after)
    }
}

const COLUMNS: &str = "answered_by, failed_polls, first_failed_at, last_error, last_success_at, \
                       last_poll_at, last_exit_code, last_message, last_remedy, told_event, told_exit_code, told_at";

/// Reads the row.
pub(super) fn read(connection: &Connection) -> Result<Contact, Fault> {
    connection.query_row_and_then(&format!("SELECT {COLUMNS} FROM contact"), [], |row| {
        let series = |since| {
            Ok::<_, Fault>(FailedPolls {
                count: row.get::<_, i64>(1)?.unsigned_abs(),
                since,
                last_error: row.get(3)?,
            })
        };
        let last_poll = |at| {
            Ok::<_, Fault>(PollEnd {
                at,
                exit_code: row.get(6)?,
                message: row.get(7)?,
                remedy: row.get(8)?,
            })
        };
        let told = |at| {
            Ok::<_, Fault>(Told {
                event: row.get(9)?,
                exit_code: row.get(10)?,
                at,
            })
        };
        Ok(Contact {
            answered_by: row.get(0)?,
            failed_polls: time(row, 2)?.map(series).transpose()?,
            last_success: time(row, 4)?,
            last_poll: time(row, 5)?.map(last_poll).transpose()?,
            told: time(row, 11)?.map(told).transpose()?,
        })
    })
}

fn time(row: &Row<'_>, column: usize) -> Result<Option<DateTime<Utc>>, Fault> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| time_from(&text, "what is kept of the polls"))
        .transpose()
}

/// Writes the row as part of another change.
pub(super) fn store(transaction: &Transaction<'_>, contact: &Contact) -> Result<(), rusqlite::Error> {
    let series = contact.failed_polls.as_ref();
    let (last, told) = (contact.last_poll.as_ref(), contact.told.as_ref());
    transaction.execute(
        "UPDATE contact SET answered_by = ?1, failed_polls = ?2, first_failed_at = ?3, last_error = ?4, \
         last_success_at = ?5, last_poll_at = ?6, last_exit_code = ?7, last_message = ?8, last_remedy = ?9, \
         told_event = ?10, told_exit_code = ?11, told_at = ?12",
        (
            &contact.answered_by,
            series.map_or(0, |series| i64::try_from(series.count).unwrap_or(i64::MAX)),
            series.map(|series| time_text(series.since)),
            series.map(|series| &series.last_error),
            contact.last_success.map(time_text),
            last.map(|last| time_text(last.at)),
            last.map(|last| last.exit_code),
            last.and_then(|last| last.message.as_ref()),
            last.and_then(|last| last.remedy.as_ref()),
            told.map(|told| &told.event),
            told.map(|told| told.exit_code),
            told.map(|told| time_text(told.at)),
        ),
    )?;
    Ok(())
}
