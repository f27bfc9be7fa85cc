//! The items of a job on their way to a verdict: listed, loaded, intended, decided, reported.
//!
//! An item is in scope while it is listed, loaded or intended. What is known of items with a verdict is read in
//! [`super::reports`].

use chrono::{DateTime, Utc};
use rusqlite::Row;

use super::audit::record;
use super::error::Fault;
use super::item_row::{
    find, insert, keep_verdict, seen_final, state_from, step, with_verdict, without_verdict,
};
use super::jobs::known_state;
use super::{Checkpoint, CheckpointError};
use crate::model::export_job::{ExportJobItem, ItemStatus};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::{ItemEvent, ItemState};
use crate::model::verdict::Verdict;

/// An item to work on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem {
    /// The accounting entry.
    pub entry_id: AccountingEntryId,
    /// Where it stands in the order of work.
    pub position: Position,
    /// Where it stands on our side.
    pub state: ItemState,
    /// What the data layer said, once it was read.
    pub payload: Option<String>,
    /// Where Pleo had it when the control layer was last read.
    pub pleo_status: ItemStatus,
}

/// A place in the order of work, to go on after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The item's date as text; empty for an item without a readable one.
    pub sort_date: String,
    /// The accounting entry, which orders items of one date.
    pub entry_id: AccountingEntryId,
}

impl Checkpoint {
    /// Stores a page of the control layer and answers how many of its items were new; an id twice counts once.
    ///
    /// A final status that says the same as our verdict means that Pleo has it. Any other final status is somebody
    /// else's word, and the item is never touched.
    pub fn store_control_page(
        &mut self,
        job: &JobId,
        items: &[ExportJobItem],
        now: DateTime<Utc>,
    ) -> Result<usize, CheckpointError> {
        self.change(|transaction| {
            known_state(transaction, job)?;
            let mut new = 0;
            for item in items {
                if insert(transaction, job, item)? {
                    new += 1;
                }
                if item.status.is_final() {
                    seen_final(transaction, job, item, now)?;
                }
            }
            let detail = format!("{new} new of {}", items.len());
            record(transaction, Some(job), None, "control_page", &detail, now)?;
            Ok(new)
        })
    }

    /// Begins a new process's work on a job: every verdict that Pleo does not have must be proven afresh, and what
    /// somebody else had finished is ours to do where Pleo shows it as open again.
    ///
    /// Call it after the control layer was read, so that a verdict that did arrive is known as accepted.
    pub fn begin_run(&mut self, job: &JobId, now: DateTime<Utc>) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            let entries: Vec<String> = transaction
                .prepare_cached(
                    "SELECT entry_id FROM item WHERE job_id = ?1 AND (report IN ('unsent', 'refused') \
                     OR state = 'foreign' AND pleo_status IN ('pending', 'in_progress')) ORDER BY entry_id",
                )?
                .query_map([job.as_str()], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            for entry in entries {
                let entry = AccountingEntryId::new(entry);
                let state = step(transaction, job, &entry, ItemEvent::Reopen)?;
                without_verdict(transaction, job, &entry, state)?;
                record(
                    transaction,
                    Some(job),
                    Some(&entry),
                    ItemEvent::Reopen.as_str(),
                    "",
                    now,
                )?;
            }
            Ok(())
        })
    }

    /// Stores what the data layer says of items, each with its date as text for the order of work, and answers how
    /// many were stored. Items out of scope are passed over.
    pub fn store_payloads(
        &mut self,
        job: &JobId,
        payloads: &[(AccountingEntryId, &str, Option<String>)],
        now: DateTime<Utc>,
    ) -> Result<usize, CheckpointError> {
        self.change(|transaction| {
            let mut stored = 0;
            for (entry, payload, sort_date) in payloads {
                match find(transaction, job, entry)? {
                    Some(ItemState::Listed | ItemState::Loaded | ItemState::Intended) => {}
                    Some(ItemState::Declined(_) | ItemState::Settled(_) | ItemState::Foreign) | None => {
                        continue;
                    }
                }
                let state = step(transaction, job, entry, ItemEvent::Load)?;
                transaction
                    .prepare_cached(
                        "UPDATE item SET state = ?3, payload = ?4, sort_date = ?5 \
                         WHERE job_id = ?1 AND entry_id = ?2",
                    )?
                    .execute((
                        job.as_str(),
                        entry.as_str(),
                        state.as_str(),
                        payload,
                        sort_date.as_deref().unwrap_or_default(),
                    ))?;
                stored += 1;
            }
            let detail = format!("{stored} stored of {}", payloads.len());
            record(transaction, Some(job), None, "data_page", &detail, now)?;
            Ok(stored)
        })
    }

    /// The items in scope that the data layer has not told of.
    pub fn without_payload(&self, job: &JobId) -> Result<Vec<AccountingEntryId>, CheckpointError> {
        self.look(|connection| {
            let entries = connection
                .prepare_cached(
                    "SELECT entry_id FROM item WHERE job_id = ?1 AND state = 'listed' ORDER BY entry_id",
                )?
                .query_map([job.as_str()], |row| {
                    row.get::<_, String>(0).map(AccountingEntryId::new)
                })?
                .collect::<Result<_, _>>()?;
            Ok(entries)
        })
    }

    /// The next items in scope after a position, at most `limit`, in the order of work: date, then entry.
    pub fn in_scope_page(
        &self,
        job: &JobId,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<StoredItem>, CheckpointError> {
        let (date, entry) = after.map_or(("", ""), |position| {
            (position.sort_date.as_str(), position.entry_id.as_str())
        });
        self.look(|connection| {
            connection
                .prepare_cached(
                    "SELECT entry_id, state, report, sort_date, pleo_status, payload FROM item \
                     WHERE job_id = ?1 AND state IN ('listed', 'loaded', 'intended') \
                     AND (sort_date, entry_id) > (?2, ?3) ORDER BY sort_date, entry_id LIMIT ?4",
                )?
                .query_and_then((job.as_str(), date, entry, rows(limit)), |row| {
                    stored_item(row, job)
                })?
                .collect()
        })
    }

    /// Whether an item still needs a verdict of ours.
    pub fn is_in_scope(&self, job: &JobId, entry: &AccountingEntryId) -> Result<bool, CheckpointError> {
        self.look(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM item WHERE job_id = ?1 AND entry_id = ?2 \
                     AND state IN ('listed', 'loaded', 'intended'))",
                )?
                .query_row((job.as_str(), entry.as_str()), |row| row.get(0))?)
        })
    }

    /// Commits the intent to book these items, in one piece.
    pub fn intend(
        &mut self,
        job: &JobId,
        entries: &[AccountingEntryId],
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.each(job, entries, ItemEvent::Intend, "", now)
    }

    /// Commits these verdicts, in one piece.
    pub fn decide(
        &mut self,
        job: &JobId,
        verdicts: &[(AccountingEntryId, Verdict)],
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            for (entry, verdict) in verdicts {
                let state = step(transaction, job, entry, ItemEvent::Decide)?;
                with_verdict(transaction, job, entry, state, verdict)?;
                let detail = match verdict {
                    Verdict::Successful(exported) => format!("successful as {}", exported.external_id),
                    Verdict::Failed(failure) => {
                        format!("failed, {}: {}", failure.failure_type(), failure.text())
                    }
                };
                record(
                    transaction,
                    Some(job),
                    Some(entry),
                    ItemEvent::Decide.as_str(),
                    &detail,
                    now,
                )?;
            }
            Ok(())
        })
    }

    /// Notes that Pleo took the verdicts on these items.
    pub fn accepted(
        &mut self,
        job: &JobId,
        entries: &[AccountingEntryId],
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.each(job, entries, ItemEvent::Accept, "", now)
    }

    /// Notes that Pleo lacks verdicts that it took, as the last reading of the control layer shows: they are to be sent
    /// again. Answers how many.
    pub fn lacked(&mut self, job: &JobId, now: DateTime<Utc>) -> Result<usize, CheckpointError> {
        let entries: Vec<AccountingEntryId> = self.look(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT entry_id FROM item WHERE job_id = ?1 AND report = 'accepted' \
                     AND pleo_status IN ('pending', 'in_progress') ORDER BY entry_id",
                )?
                .query_map([job.as_str()], |row| {
                    row.get::<_, String>(0).map(AccountingEntryId::new)
                })?
                .collect::<Result<_, _>>()?;
            Ok(found)
        })?;
        self.each(
            job,
            &entries,
            ItemEvent::SeenOpen,
            "open in the control layer",
            now,
        )?;
        Ok(entries.len())
    }

    /// Notes that Pleo refused the verdicts on these items; `text` is what it said.
    pub fn refused(
        &mut self,
        job: &JobId,
        entries: &[AccountingEntryId],
        now: DateTime<Utc>,
        text: &str,
    ) -> Result<(), CheckpointError> {
        self.each(job, entries, ItemEvent::Refuse, text, now)
    }

    /// Lets one event that leaves the verdict as it is happen to each of these items.
    fn each(
        &mut self,
        job: &JobId,
        entries: &[AccountingEntryId],
        event: ItemEvent,
        detail: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            for entry in entries {
                let state = step(transaction, job, entry, event)?;
                keep_verdict(transaction, job, entry, state)?;
                record(transaction, Some(job), Some(entry), event.as_str(), detail, now)?;
            }
            Ok(())
        })
    }
}

fn stored_item(row: &Row<'_>, job: &JobId) -> Result<StoredItem, Fault> {
    let entry_id = AccountingEntryId::new(row.get::<_, String>(0)?);
    let report: Option<String> = row.get(2)?;
    let state = state_from(job, &entry_id, &row.get::<_, String>(1)?, report.as_deref())?;
    Ok(StoredItem {
        position: Position {
            sort_date: row.get(3)?,
            entry_id: entry_id.clone(),
        },
        state,
        payload: row.get(5)?,
        pleo_status: status_from(job, &entry_id, &row.get::<_, String>(4)?)?,
        entry_id,
    })
}

fn status_from(job: &JobId, entry: &AccountingEntryId, word: &str) -> Result<ItemStatus, Fault> {
    let status = ItemStatus::from_wire(word);
    if status.as_str() == word {
        Ok(status)
    } else {
        Err(Fault::Damaged(format!(
            "item `{entry}` of job `{job}` has Pleo's status `{word}`"
        )))
    }
}

/// A limit as SQL has it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
