//! The audit trail: what was decided, when and about what. Rows are added, never changed; the tables see to it.
//!
//! What is said alike of several items is one row, which lists them all in `entries`, as JSON.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::Transaction;
use serde_json::Value;

use super::columns::time_text;
use super::error::{CheckpointError, Fault};
use super::file::Checkpoint;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::ItemEvent;

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
        self.change(|transaction| {
            let about = entry.map_or(Subject::Job, Subject::Item);
            Ok(record(transaction, job, &about, event, detail, now)?)
        })
    }
}

/// What a line is about.
pub(super) enum Subject<'a> {
    /// The job as a whole, or none.
    Job,
    /// One item.
    Item(&'a AccountingEntryId),
    /// Several items, as a JSON list.
    Items(Value),
}

/// Writes one line as part of the change it tells of.
pub(super) fn record(
    transaction: &Transaction<'_>,
    job: Option<&JobId>,
    about: &Subject<'_>,
    event: &str,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<(), rusqlite::Error> {
    let (entry, entries) = match about {
        Subject::Job => (None, None),
        Subject::Item(entry) => (Some(entry.as_str()), None),
        Subject::Items(entries) => (None, Some(entries.to_string())),
    };
    transaction
        .prepare_cached(
            "INSERT INTO audit (at, job_id, entry_id, entries, event, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((time_text(now), job.map(JobId::as_str), entry, entries, event, detail))?;
    Ok(())
}

/// What a change did to each of its items, in order.
#[derive(Debug, Default)]
pub(super) struct AuditLines {
    lines: Vec<(ItemEvent, String, Vec<AccountingEntryId>)>,
    /// Where the line of an event and its detail is.
    places: HashMap<(ItemEvent, String), usize>,
}

impl AuditLines {
    /// Adds what happened to one item.
    pub(super) fn add(&mut self, entry: &AccountingEntryId, event: ItemEvent, detail: String) {
        let what = (event, detail);
        let place = self.places.get(&what).copied();
        if let Some((_, _, entries)) = place.and_then(|place| self.lines.get_mut(place)) {
            entries.push(entry.clone());
            return;
        }
        self.lines.push((event, what.1.clone(), vec![entry.clone()]));
        self.places.insert(what, self.lines.len() - 1);
    }

    /// Writes them as part of the change.
    pub(super) fn write(
        &self,
        transaction: &Transaction<'_>,
        job: &JobId,
        now: DateTime<Utc>,
    ) -> Result<(), Fault> {
        for (event, detail, entries) in &self.lines {
            let about = match entries.as_slice() {
                [only] => Subject::Item(only),
                several => Subject::Items(several.iter().map(AccountingEntryId::as_str).collect::<Value>()),
            };
            record(transaction, Some(job), &about, event.as_str(), detail, now)?;
        }
        Ok(())
    }
}
