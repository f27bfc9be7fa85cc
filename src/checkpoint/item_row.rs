//! One row of an item: how it is found, how a step changes it, what of it stays.
//!
//! The columns of a verdict are there exactly while the state has one; the three writers below keep that so.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Transaction};

use super::audit::record;
use super::error::Fault;
use super::reports::{VERDICT, verdict_from};
use super::time_text;
use crate::model::export_job::{ExportJobItem, ItemStatus};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::{ItemEvent, ItemState, Report};
use crate::model::verdict::{Failure, Verdict};

/// Inserts an item that is not known yet, else keeps what Pleo says of it now. Answers whether it is new.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    job: &JobId,
    item: &ExportJobItem,
) -> Result<bool, Fault> {
    let key = (job.as_str(), item.entry_id.as_str(), item.status.as_str());
    let known = transaction
        .prepare_cached("UPDATE item SET pleo_status = ?3 WHERE job_id = ?1 AND entry_id = ?2")?
        .execute(key)?;
    if known > 0 {
        return Ok(false);
    }
    transaction
        .prepare_cached(
            "INSERT INTO item (job_id, entry_id, state, pleo_status) VALUES (?1, ?2, 'listed', ?3)",
        )?
        .execute(key)?;
    Ok(true)
}

/// Takes a final status of Pleo's for what it means to us.
pub(super) fn seen_final(
    transaction: &Transaction<'_>,
    job: &JobId,
    item: &ExportJobItem,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let entry = &item.entry_id;
    let ours = verdict_of(transaction, job, entry)?;
    let is_ours = match &ours {
        Some(Verdict::Successful(_)) => item.status == ItemStatus::Successful,
        Some(Verdict::Failed(_)) => item.status == ItemStatus::Failed,
        None => false,
    };
    let before = find(transaction, job, entry)?;
    let event = if is_ours {
        ItemEvent::Accept
    } else {
        ItemEvent::SeenFinal
    };
    let state = step(transaction, job, entry, event)?;
    if before == Some(state) {
        return Ok(());
    }
    let detail = if is_ours {
        keep_verdict(transaction, job, entry, state)?;
        "seen in the control layer".to_owned()
    } else {
        without_verdict(transaction, job, entry, state)?;
        match ours {
            // The verdict leaves its row here, so the trail is the place that still knows it.
            Some(verdict) => format!("{}, while ours was {verdict:?}", item.status.as_str()),
            None => item.status.as_str().to_owned(),
        }
    };
    Ok(record(
        transaction,
        Some(job),
        Some(entry),
        event.as_str(),
        &detail,
        now,
    )?)
}

/// The state of an item after `event`; nothing is written yet.
pub(super) fn step(
    transaction: &Transaction<'_>,
    job: &JobId,
    entry: &AccountingEntryId,
    event: ItemEvent,
) -> Result<ItemState, Fault> {
    find(transaction, job, entry)?
        .ok_or_else(|| Fault::MissingItem(job.clone(), entry.clone()))?
        .next(event)
        .map_err(|transition| Fault::IllegalItem(job.clone(), entry.clone(), transition))
}

pub(super) fn find(
    transaction: &Transaction<'_>,
    job: &JobId,
    entry: &AccountingEntryId,
) -> Result<Option<ItemState>, Fault> {
    let words: Option<(String, Option<String>)> = transaction
        .prepare_cached("SELECT state, report FROM item WHERE job_id = ?1 AND entry_id = ?2")?
        .query_row((job.as_str(), entry.as_str()), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    words
        .map(|(state, report)| state_from(job, entry, &state, report.as_deref()))
        .transpose()
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

fn verdict_of(
    transaction: &Transaction<'_>,
    job: &JobId,
    entry: &AccountingEntryId,
) -> Result<Option<Verdict>, Fault> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT {VERDICT} FROM item WHERE job_id = ?1 AND entry_id = ?2 AND outcome IS NOT NULL"
    ))?;
    let mut found = statement.query_and_then((job.as_str(), entry.as_str()), |row| verdict_from(row, job))?;
    Ok(found.next().transpose()?.map(|(_, verdict)| verdict))
}

pub(super) fn with_verdict(
    transaction: &Transaction<'_>,
    job: &JobId,
    entry: &AccountingEntryId,
    state: ItemState,
    verdict: &Verdict,
) -> Result<(), Fault> {
    let (exported, failure) = match verdict {
        Verdict::Successful(exported) => (Some(exported), None),
        Verdict::Failed(failure) => (None, Some(failure)),
    };
    transaction
        .prepare_cached(
            "UPDATE item SET state = ?3, report = ?4, outcome = ?5, external_id = ?6, external_url = ?7, \
             exported_at = ?8, failure_type = ?9, reason = ?10, standing = ?11, booked_as = ?12 \
             WHERE job_id = ?1 AND entry_id = ?2",
        )?
        .execute((
            job.as_str(),
            entry.as_str(),
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
    job: &JobId,
    entry: &AccountingEntryId,
    state: ItemState,
) -> Result<(), Fault> {
    transaction
        .prepare_cached("UPDATE item SET state = ?3, report = ?4 WHERE job_id = ?1 AND entry_id = ?2")?
        .execute((
            job.as_str(),
            entry.as_str(),
            state.as_str(),
            state.report().map(Report::as_str),
        ))?;
    Ok(())
}

/// For the states before and beyond a verdict of ours. A listed item has lost its payload too: it is read again.
pub(super) fn without_verdict(
    transaction: &Transaction<'_>,
    job: &JobId,
    entry: &AccountingEntryId,
    state: ItemState,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "UPDATE item SET state = ?3, report = NULL, outcome = NULL, external_id = NULL, external_url = NULL, \
             exported_at = NULL, failure_type = NULL, reason = NULL, standing = NULL, booked_as = NULL, \
             payload = iif(?3 = 'listed', NULL, payload), sort_date = iif(?3 = 'listed', '', sort_date) \
             WHERE job_id = ?1 AND entry_id = ?2",
        )?
        .execute((job.as_str(), entry.as_str(), state.as_str()))?;
    Ok(())
}
