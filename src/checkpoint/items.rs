//! The items of a job on their way to a verdict: listed, loaded, intended, decided, reported.
//!
//! An item is in scope while it is listed, loaded or intended. What is known of items with a verdict is read in
//! [`super::reports`]. What Pleo said of an item is written once, into a table of its own, so that a step of the item
//! rewrites a small row. Items are worked on in the order of their numbers, so the rows that one batch changes lie
//! side by side ([`Checkpoint::arrange`]).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rusqlite::{Row, Transaction};

use super::audit::{AuditLines, Subject, record};
use super::columns::rows;
use super::error::{CheckpointError, Fault};
use super::facts::{ItemData, ItemFacts};
use super::file::Checkpoint;
use super::item_row::{
    ItemRow, find, insert, intended, keep_accepted, keep_verdict, next, seen_final, state_from, step,
    with_verdict, withdrawn, without_verdict,
};
use super::jobs::{JobKey, forget_withdrawn};
use super::told::keep_highest;
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
    /// Where Pleo has it, by the control layer or by its answer to our report.
    pub pleo_status: ItemStatus,
    /// The last intent to book it was withdrawn: that Pleo has it in progress says nothing.
    pub is_withdrawn: bool,
}

/// A place in the order of work, to go on after: as long as the items are not arranged anew, its order is that of the
/// items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub i64);

impl Checkpoint {
    /// Stores a part of the control layer and answers how many of its items were new; an id twice counts once.
    ///
    /// A final status that says the same as our verdict means that Pleo has it. Any other final status is another
    /// instance's word, and the item is never touched.
    pub fn store_control_page(
        &mut self,
        job: &JobId,
        items: &[ExportJobItem],
        now: DateTime<Utc>,
    ) -> Result<usize, CheckpointError> {
        self.change_items(job, now, |transaction, job, lines| {
            let mut new = 0;
            for item in items {
                if insert(transaction, job, item)? {
                    new += 1;
                }
                if item.status.is_final() {
                    seen_final(transaction, job, item, lines)?;
                }
            }
            let detail = format!("{new} new of {}", items.len());
            record(
                transaction,
                Some(job.id),
                &Subject::Job,
                "control_page",
                &detail,
                now,
            )?;
            Ok(new)
        })
    }

    /// Begins a new process's work on a job: every verdict that Pleo does not have must be proven afresh, and what
    /// another instance had finished is ours to do where Pleo shows it as open again.
    ///
    /// Call it after the control layer was read, so that a verdict that did arrive is known as accepted.
    pub fn begin_run(&mut self, job: &JobId, now: DateTime<Utc>) -> Result<(), CheckpointError> {
        self.change_items(job, now, |transaction, job, lines| {
            let found: Vec<(i64, AccountingEntryId, ItemState, bool)> = transaction
                .prepare_cached(
                    "SELECT number, entry_id, state, report, state = 'settled' AND is_withdrawn FROM item \
                     WHERE job = ?1 AND (report IN ('unsent', 'refused') \
                     OR state = 'foreign' AND pleo_status IN ('pending', 'in_progress')) ORDER BY number",
                )?
                .query_and_then([job.number], |row| {
                    let entry = AccountingEntryId::new(row.get::<_, String>(1)?);
                    let report: Option<String> = row.get(3)?;
                    let state = state_from(job.id, &entry, &row.get::<_, String>(2)?, report.as_deref())?;
                    Ok::<_, Fault>((row.get(0)?, entry, state, row.get(4)?))
                })?
                .collect::<Result<_, _>>()?;
            for (number, entry, state, is_unbooked) in found {
                // That nothing was booked is proven: there is no intent that may have had its effect.
                let event = if is_unbooked {
                    ItemEvent::Withdraw
                } else {
                    ItemEvent::Reopen
                };
                let state = next(job, &entry, state, event)?;
                without_verdict(transaction, number, state)?;
                lines.add(&entry, event, String::new());
            }
            Ok(())
        })
    }

    /// Stores what the data layer says of items. Those out of scope are passed over. Answers the places of those that the
    /// job's list does not name.
    pub fn store_payloads(
        &mut self,
        job: &JobId,
        items: &[ItemData],
        now: DateTime<Utc>,
    ) -> Result<Vec<usize>, CheckpointError> {
        self.change_items(job, now, |transaction, job, _| {
            let (mut stored, mut unlisted) = (0, Vec::new());
            for (place, item) in items.iter().enumerate() {
                let Some(row) = find(transaction, job, &item.entry_id)? else {
                    unlisted.push(place);
                    continue;
                };
                match row.state {
                    ItemState::Listed | ItemState::Loaded | ItemState::Intended => {}
                    ItemState::Declined(_) | ItemState::Settled(_) | ItemState::Foreign => continue,
                }
                let state = next(job, &item.entry_id, row.state, ItemEvent::Load)?;
                let data = store_data(transaction, row, &item.payload, item.facts.as_ref())?;
                transaction
                    .prepare_cached("UPDATE item SET state = ?2, data = ?3, date = ?4 WHERE number = ?1")?
                    .execute((
                        row.number,
                        state.as_str(),
                        data,
                        item.facts.as_ref().map(|facts| facts.date.to_rfc3339()),
                    ))?;
                stored += 1;
            }
            let detail = format!("{stored} stored of {}", items.len());
            record(
                transaction,
                Some(job.id),
                &Subject::Job,
                "data_page",
                &detail,
                now,
            )?;
            Ok(unlisted)
        })
    }

    /// Brings the items in scope into the order of work: by date, those without one first, then by entry. To be called
    /// once their data are read and before any [`Position`] is taken.
    pub fn arrange(&mut self, job: &JobId) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            let job = JobKey::of(transaction, job)?;
            let in_order: Vec<i64> = transaction
                .prepare_cached(
                    "SELECT number FROM item WHERE job = ?1 AND state IN ('listed', 'loaded', 'intended') \
                     ORDER BY coalesce(date, ''), entry_id",
                )?
                .query_map([job.number], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            if in_order.is_sorted() {
                return Ok(());
            }
            let mut last: i64 = transaction
                .prepare_cached("SELECT max(number) FROM item")?
                .query_row([], |row| row.get(0))?;
            let mut renumber = transaction.prepare_cached("UPDATE item SET number = ?2 WHERE number = ?1")?;
            for number in in_order {
                last += 1;
                renumber.execute((number, last))?;
            }
            Ok(())
        })
    }

    /// The items in scope that the data layer has not told of.
    pub fn without_payload(&self, job: &JobId) -> Result<Vec<AccountingEntryId>, CheckpointError> {
        self.look(|connection| {
            let entries = connection
                .prepare_cached(
                    "SELECT entry_id FROM item WHERE job = (SELECT number FROM job WHERE id = ?1) \
                     AND state = 'listed' ORDER BY entry_id",
                )?
                .query_map([job.as_str()], |row| {
                    row.get::<_, String>(0).map(AccountingEntryId::new)
                })?
                .collect::<Result<_, _>>()?;
            Ok(entries)
        })
    }

    /// The next items in scope after a position, at most `limit`, in the order of work.
    pub fn in_scope_page(
        &self,
        job: &JobId,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<StoredItem>, CheckpointError> {
        self.page(job, "state IN ('listed', 'loaded', 'intended')", after, limit)
    }

    /// The same without items whose data were not read: Pleo may list an item only when the data layer was read already.
    pub fn loaded_page(
        &self,
        job: &JobId,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<StoredItem>, CheckpointError> {
        self.page(job, "state IN ('loaded', 'intended')", after, limit)
    }

    fn page(
        &self,
        job: &JobId,
        which: &str,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<StoredItem>, CheckpointError> {
        let after = after.map_or(i64::MIN, |position| position.0);
        self.look(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT item.number, entry_id, state, report, pleo_status, \
                     iif(state = 'listed', NULL, payload), is_withdrawn \
                     FROM item LEFT JOIN item_data ON item_data.number = item.data \
                     WHERE job = (SELECT number FROM job WHERE id = ?1) AND item.number > ?2 AND {which} \
                     ORDER BY item.number LIMIT ?3"
                ))?
                .query_and_then((job.as_str(), after, rows(limit)), |row| stored_item(row, job))?
                .collect()
        })
    }

    /// Whether an item still needs a verdict of ours.
    pub fn is_in_scope(&self, job: &JobId, entry: &AccountingEntryId) -> Result<bool, CheckpointError> {
        self.look(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM item \
                     WHERE entry_id = ?2 AND job = (SELECT number FROM job WHERE id = ?1) \
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

    /// Commits that nothing was sent of these items, in one piece: of those whose intent stands it is taken back. To be
    /// called only by the run whose intents they are, and where no earlier one had the intent.
    pub fn withdraw(
        &mut self,
        job: &JobId,
        entries: &[AccountingEntryId],
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.change_items(job, now, |transaction, job, lines| {
            for entry in entries {
                let Some(row) = find(transaction, job, entry)? else {
                    continue;
                };
                if row.state == ItemState::Intended {
                    let state = next(job, entry, row.state, ItemEvent::Withdraw)?;
                    withdrawn(transaction, row.number, state)?;
                    lines.add(entry, ItemEvent::Withdraw, String::new());
                }
            }
            Ok(())
        })
    }

    /// Forgets that intents of a job were withdrawn: another instance may have gone on with its items since.
    pub fn doubt_withdrawn(&mut self, job: &JobId) -> Result<(), CheckpointError> {
        self.change(|transaction| Ok(forget_withdrawn(transaction, job)?))
    }

    /// Commits these verdicts and the highest number of each year, in one piece.
    pub fn decide(
        &mut self,
        job: &JobId,
        verdicts: &[(AccountingEntryId, Verdict)],
        highest: &BTreeMap<i32, u32>,
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.change_items(job, now, |transaction, job, lines| {
            keep_highest(transaction, highest)?;
            for (entry, verdict) in verdicts {
                let (number, state) = step(transaction, job, entry, ItemEvent::Decide)?;
                with_verdict(transaction, number, state, verdict)?;
                let detail = match verdict {
                    Verdict::Successful(exported) => format!("successful as {}", exported.external_id),
                    Verdict::Failed(failure) => {
                        format!("failed, {}: {}", failure.failure_type(), failure.text())
                    }
                };
                lines.add(entry, ItemEvent::Decide, detail);
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
                    "SELECT entry_id FROM item WHERE job = (SELECT number FROM job WHERE id = ?1) \
                     AND report = 'accepted' AND pleo_status IN ('pending', 'in_progress') ORDER BY number",
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

    /// Notes that Pleo rejected the verdicts on these items; `text` is what it said.
    pub fn rejected(
        &mut self,
        job: &JobId,
        entries: &[AccountingEntryId],
        now: DateTime<Utc>,
        text: &str,
    ) -> Result<(), CheckpointError> {
        self.each(job, entries, ItemEvent::Reject, text, now)
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
        self.change_items(job, now, |transaction, job, lines| {
            for entry in entries {
                let (number, state) = step(transaction, job, entry, event)?;
                match event {
                    ItemEvent::Accept => keep_accepted(transaction, number, state)?,
                    ItemEvent::Intend => intended(transaction, number, state)?,
                    _ => keep_verdict(transaction, number, state)?,
                }
                lines.add(entry, event, detail.to_owned());
            }
            Ok(())
        })
    }

    /// Makes one change of a job's items, with what it adds to the audit trail.
    fn change_items<T>(
        &mut self,
        job: &JobId,
        now: DateTime<Utc>,
        work: impl FnOnce(&Transaction<'_>, &JobKey<'_>, &mut AuditLines) -> Result<T, Fault>,
    ) -> Result<T, CheckpointError> {
        self.change(|transaction| {
            let mut lines = AuditLines::default();
            let value = work(transaction, &JobKey::of(transaction, job)?, &mut lines)?;
            lines.write(transaction, job, now)?;
            Ok(value)
        })
    }
}

/// Stores the data of an item, in the place of earlier ones, and answers their row.
pub(super) fn store_data(
    transaction: &Transaction<'_>,
    row: ItemRow,
    payload: &str,
    facts: Option<&ItemFacts>,
) -> Result<i64, Fault> {
    let sql = match row.data {
        None => {
            "INSERT INTO item_data (number, supplier, amount, currency, link, canonical_text, payload) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        }
        Some(_) => {
            "UPDATE item_data SET supplier = ?2, amount = ?3, currency = ?4, link = ?5, canonical_text = ?6, \
             payload = ?7 WHERE number = ?1"
        }
    };
    transaction.prepare_cached(sql)?.execute((
        row.data,
        facts.and_then(|facts| facts.supplier.as_deref()),
        facts.map(|facts| facts.amount.amount.in_hundredths()),
        facts.map(|facts| facts.amount.currency.as_str()),
        facts.and_then(|facts| facts.link.as_deref()),
        facts.map(|facts| facts.canonical_text.as_str()),
        payload,
    ))?;
    Ok(row.data.unwrap_or_else(|| transaction.last_insert_rowid()))
}

fn stored_item(row: &Row<'_>, job: &JobId) -> Result<StoredItem, Fault> {
    let entry_id = AccountingEntryId::new(row.get::<_, String>(1)?);
    let report: Option<String> = row.get(3)?;
    let state = state_from(job, &entry_id, &row.get::<_, String>(2)?, report.as_deref())?;
    Ok(StoredItem {
        position: Position(row.get(0)?),
        state,
        payload: row.get(5)?,
        pleo_status: status_from(job, &entry_id, &row.get::<_, String>(4)?)?,
        is_withdrawn: row.get(6)?,
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
