//! One row of an item: how it is found, how a step changes it, what of it stays.
//!
//! The columns of a verdict are there exactly while the state has one; the writers below keep that so.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::audit::AuditLines;
use super::columns::{VERDICT, time_text, verdict_from};
use super::error::Fault;
use super::jobs::JobKey;
use crate::model::export_job::{ExportJobItem, ItemStatus};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::{ItemEvent, ItemState, Report};
use crate::model::verdict::{Failure, Verdict};

/// An item as a change finds it.
#[derive(Clone, Copy, Debug)]
pub(super) struct ItemRow {
    /// Its key inside the checkpoint.
    pub(super) number: i64,
    pub(super) state: ItemState,
    /// The row of its data, once they were read.
    pub(super) data: Option<i64>,
}

/// Inserts an item that is not known yet, else keeps what Pleo says of it now. Answers whether it is new.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    job: &JobKey<'_>,
    item: &ExportJobItem,
) -> Result<bool, Fault> {
    let status = item.status.as_str();
    let known: Option<(i64, bool)> = transaction
        .prepare_cached("SELECT number, pleo_status IS ?3 FROM item WHERE entry_id = ?2 AND job = ?1")?
        .query_row((job.number, item.entry_id.as_str(), status), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match known {
        Some((_, true)) => Ok(false),
        Some((number, false)) => {
            transaction
                .prepare_cached("UPDATE item SET pleo_status = ?2 WHERE number = ?1")?
                .execute((number, status))?;
            Ok(false)
        }
        None => {
            transaction
                .prepare_cached(
                    "INSERT INTO item (job, entry_id, state, pleo_status) VALUES (?1, ?2, 'listed', ?3)",
                )?
                .execute((job.number, item.entry_id.as_str(), status))?;
            Ok(true)
        }
    }
}

/// Takes a final status of Pleo's for what it means to us.
pub(super) fn seen_final(
    transaction: &Transaction<'_>,
    job: &JobKey<'_>,
    item: &ExportJobItem,
    lines: &mut AuditLines,
) -> Result<(), Fault> {
    let entry = &item.entry_id;
    let before = known(transaction, job, entry)?;
    let ours = verdict_of(transaction, job.id, before.number)?;
    let is_ours = match &ours {
        Some(Verdict::Successful(_)) => item.status == ItemStatus::Successful,
        Some(Verdict::Failed(_)) => item.status == ItemStatus::Failed,
        None => false,
    };
    let event = if is_ours {
        ItemEvent::Accept
    } else {
        ItemEvent::SeenFinal
    };
    let state = next(job, entry, before.state, event)?;
    if before.state == state {
        return Ok(());
    }
    let detail = if is_ours {
        keep_verdict(transaction, before.number, state)?;
        "seen in the control layer".to_owned()
    } else {
        without_verdict(transaction, before.number, state)?;
        match ours {
            // The verdict leaves its row here, so the trail is the place that still knows it.
            Some(verdict) => format!("{}, while ours was {verdict:?}", item.status.as_str()),
            None => item.status.as_str().to_owned(),
        }
    };
    lines.add(entry, event, detail);
    Ok(())
}

/// An item, and its state after `event`; nothing is written yet.
pub(super) fn step(
    transaction: &Transaction<'_>,
    job: &JobKey<'_>,
    entry: &AccountingEntryId,
    event: ItemEvent,
) -> Result<(i64, ItemState), Fault> {
    let row = known(transaction, job, entry)?;
    Ok((row.number, next(job, entry, row.state, event)?))
}

fn known(
    transaction: &Transaction<'_>,
    job: &JobKey<'_>,
    entry: &AccountingEntryId,
) -> Result<ItemRow, Fault> {
    find(transaction, job, entry)?.ok_or_else(|| Fault::missing(job.id, Some(entry)))
}

/// The state after `event`.
pub(super) fn next(
    job: &JobKey<'_>,
    entry: &AccountingEntryId,
    state: ItemState,
    event: ItemEvent,
) -> Result<ItemState, Fault> {
    state
        .next(event)
        .map_err(|transition| Fault::illegal(job.id, Some(entry), transition))
}

pub(super) fn find(
    transaction: &Transaction<'_>,
    job: &JobKey<'_>,
    entry: &AccountingEntryId,
) -> Result<Option<ItemRow>, Fault> {
    let mut statement = transaction
        .prepare_cached("SELECT number, state, report, data FROM item WHERE entry_id = ?2 AND job = ?1")?;
    let mut rows = statement.query((job.number, entry.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (state, report) = (row.get_ref(1)?.as_str(), row.get_ref(2)?.as_str_or_null());
    let (state, report) = (
        state.map_err(rusqlite::Error::from)?,
        report.map_err(rusqlite::Error::from)?,
    );
    Ok(Some(ItemRow {
        number: row.get(0)?,
        state: state_from(job.id, entry, state, report)?,
        data: row.get(3)?,
    }))
}

pub(super) fn state_from(
    job: &JobId,
    entry: &AccountingEntryId,
    state: &str,
    report: Option<&str>,
) -> Result<ItemState, Fault> {
    ItemState::from_words(state, report).ok_or_else(|| {
        let report = report.unwrap_or("none");
        Fault::Damaged(format!(
            "item `{entry}` of job `{job}` has the state `{state}` with the report `{report}`"
        ))
    })
}

/// The verdict of an item, once it has one.
pub(super) fn verdict_of(
    connection: &Connection,
    job: &JobId,
    number: i64,
) -> Result<Option<Verdict>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {VERDICT} FROM item WHERE number = ?1 AND outcome IS NOT NULL"
    ))?;
    let mut found = statement.query_and_then([number], |row| verdict_from(row, job))?;
    Ok(found.next().transpose()?.map(|(_, verdict)| verdict))
}

pub(super) fn with_verdict(
    transaction: &Transaction<'_>,
    number: i64,
    state: ItemState,
    verdict: &Verdict,
) -> Result<(), Fault> {
    let (exported, failure) = match verdict {
        Verdict::Successful(exported) => (Some(exported), None),
        Verdict::Failed(failure) => (None, Some(failure)),
    };
    transaction
        .prepare_cached(
            "UPDATE item SET state = ?2, report = ?3, outcome = ?4, external_id = ?5, external_url = ?6, \
             exported_at = ?7, failure_type = ?8, reason = ?9, standing = ?10, booked_as = ?11, \
             is_withdrawn = iif(?2 = 'settled', ?10 IS 'nothing_booked', is_withdrawn) WHERE number = ?1",
        )?
        .execute((
            number,
            state.as_str(),
            state.report().map(Report::as_str),
            if exported.is_some() {
                "successful"
            } else {
                "failed"
            },
            exported.map(|exported| &exported.external_id),
            exported.and_then(|exported| exported.external_url.as_ref()),
            exported.map(|exported| time_text(exported.exported_at)),
            failure.map(|failure| failure.failure_type().as_str()),
            failure.map(Failure::reason),
            failure.map(|failure| failure.standing().as_str()),
            failure.and_then(|failure| failure.standing().booked_as()),
        ))?;
    Ok(())
}

pub(super) fn keep_verdict(
    transaction: &Transaction<'_>,
    number: i64,
    state: ItemState,
) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE item SET state = ?2, report = ?3 WHERE number = ?1")?
        .execute((number, state.as_str(), state.report().map(Report::as_str)))?;
    Ok(())
}

/// From here on it may be sent, and a withdrawal of an earlier intent says nothing.
pub(super) fn intended(transaction: &Transaction<'_>, number: i64, state: ItemState) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE item SET state = ?2, is_withdrawn = 0 WHERE number = ?1")?
        .execute((number, state.as_str()))?;
    Ok(())
}

/// Its intent was withdrawn.
pub(super) fn withdrawn(transaction: &Transaction<'_>, number: i64, state: ItemState) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE item SET state = ?2, is_withdrawn = 1 WHERE number = ?1")?
        .execute((number, state.as_str()))?;
    Ok(())
}

/// The verdict is Pleo's too now, so its status there is what the verdict says: the control layer need not tell it.
pub(super) fn keep_accepted(
    transaction: &Transaction<'_>,
    number: i64,
    state: ItemState,
) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE item SET state = ?2, report = ?3, pleo_status = outcome WHERE number = ?1")?
        .execute((number, state.as_str(), state.report().map(Report::as_str)))?;
    Ok(())
}

/// For the states before and beyond a verdict of ours. The data of a listed item are read again.
pub(super) fn without_verdict(
    transaction: &Transaction<'_>,
    number: i64,
    state: ItemState,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "UPDATE item SET state = ?2, report = NULL, outcome = NULL, external_id = NULL, external_url = NULL, \
             exported_at = NULL, failure_type = NULL, reason = NULL, standing = NULL, booked_as = NULL, \
             date = iif(?2 = 'listed', NULL, date), \
             is_withdrawn = iif(?2 IN ('intended', 'foreign'), 0, is_withdrawn) WHERE number = ?1",
        )?
        .execute((number, state.as_str()))?;
    Ok(())
}
