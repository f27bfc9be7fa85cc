//! What is kept over many runs about reaching Pleo: whether it ever answered, and since when no poll has succeeded.
//! One row, written with the orderly end of a run, so that it costs no commit of its own.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Connection, Transaction};

use super::columns::{time_from, time_text};
use super::error::Fault;

/// Fewer failed polls in a row than these are no series, however long ago the first one was.
const SHORTEST_SERIES: u64 = 3;

/// What is known about reaching Pleo.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// The way (address and proxies, as a digest) by which Pleo has answered last; empty when it never did.
    pub answered_by: String,
    /// The polls that have failed since the last good one.
    pub failed_polls: Option<FailedPolls>,
}

/// An unbroken series of failed polls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPolls {
    /// How many.
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

/// Reads the row.
pub(super) fn read(connection: &Connection) -> Result<Contact, Fault> {
    let sql = "SELECT answered_by, failed_polls, first_failed_at, last_error FROM contact";
    connection.query_row_and_then(sql, [], |row| {
        let since: Option<String> = row.get(2)?;
        let series = |since: String| {
            Ok::<_, Fault>(FailedPolls {
                count: row.get::<_, i64>(1)?.unsigned_abs(),
                since: time_from(&since, "the series of failed polls")?,
                last_error: row.get(3)?,
            })
        };
        Ok(Contact {
            answered_by: row.get(0)?,
            failed_polls: since.map(series).transpose()?,
        })
    })
}

/// Writes the row as part of another change.
pub(super) fn store(transaction: &Transaction<'_>, contact: &Contact) -> Result<(), rusqlite::Error> {
    let series = contact.failed_polls.as_ref();
    transaction.execute(
        "UPDATE contact SET answered_by = ?1, failed_polls = ?2, first_failed_at = ?3, last_error = ?4",
        (
            &contact.answered_by,
            series.map_or(0, |series| i64::try_from(series.count).unwrap_or(i64::MAX)),
            series.map(|series| time_text(series.since)),
            series.map(|series| &series.last_error),
        ),
    )?;
    Ok(())
}
