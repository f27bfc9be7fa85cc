//! The audit trail: what was decided, when and about what. Rows are added, never changed; the tables see to it.

use chrono::{DateTime, Utc};
use rusqlite::Transaction;

use super::{Checkpoint, CheckpointError, time_text};
use crate::model::ids::{AccountingEntryId, JobId};

impl Checkpoint {
    /// Writes one line into the audit trail, for what leaves no other trace here.
    pub fn note(
        &mut self,
        job: Option<&JobId>,
        entry: Option<&AccountingEntryId>,
        event: &str,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.change(|transaction| Ok(record(transaction, job, entry, event, detail, now)?))
    }
}

/// Writes one line as part of the change it tells of.
pub(super) fn record(
    transaction: &Transaction<'_>,
    job: Option<&JobId>,
    entry: Option<&AccountingEntryId>,
    event: &str,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached(
            "INSERT INTO audit (at, job_id, entry_id, event, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            time_text(now),
            job.map(JobId::as_str),
            entry.map(AccountingEntryId::as_str),
            event,
            detail,
        ))?;
    Ok(())
}
