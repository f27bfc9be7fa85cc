//! What people are shown of a job: its items with what became of them, and who decided what.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use super::columns::{money_from, time_from};
use super::error::Fault;
use super::item_row::verdict_of;
use super::{Checkpoint, CheckpointError};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::money::Money;
use crate::model::verdict::Verdict;

/// An item of a job, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownItem {
    /// The accounting entry.
    pub entry_id: AccountingEntryId,
    /// When the expense was, where that could be read.
    pub date: Option<DateTime<Utc>>,
    /// From whom it was.
    pub supplier: Option<String>,
    /// How much, in the currency of the wallet.
    pub amount: Option<Money>,
    /// Where a person sees it in Pleo.
    pub link: Option<String>,
    /// Pleo's word on it, as far as it is known here.
    pub pleo_status: String,
    /// What became of it; none while it is open, or where another instance exported it.
    pub verdict: Option<Verdict>,
}

/// A line of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailLine {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// Which items it was about; none where it was the whole job.
    pub entries: Vec<AccountingEntryId>,
    /// What was decided or seen.
    pub event: String,
    /// Why, or what exactly.
    pub detail: String,
}

impl Checkpoint {
    /// The items of a job, in the order of work.
    pub fn shown_items(&self, job: &JobId) -> Result<Vec<ShownItem>, CheckpointError> {
        self.look(|connection| {
            connection
                .prepare_cached(
                    "SELECT item.number, entry_id, date, supplier, amount, currency, link, pleo_status FROM item \
                     LEFT JOIN item_data ON item_data.number = item.data \
                     WHERE job = (SELECT number FROM job WHERE id = ?1) ORDER BY item.number",
                )?
                .query_and_then([job.as_str()], |row| {
                    let verdict = verdict_of(connection, job, row.get(0)?)?;
                    shown_item(row, verdict)
                })?
                .collect()
        })
    }

    /// What was decided about a job and its items, the earliest first.
    pub fn trail(&self, job: &JobId) -> Result<Vec<TrailLine>, CheckpointError> {
        self.look(|connection| {
            connection
                .prepare_cached(
                    "SELECT at, entry_id, entries, event, detail FROM audit WHERE job_id = ?1 ORDER BY id",
                )?
                .query_and_then([job.as_str()], trail_line)?
                .collect()
        })
    }
}

fn shown_item(row: &Row<'_>, verdict: Option<Verdict>) -> Result<ShownItem, Fault> {
    let entry_id = AccountingEntryId::new(row.get::<_, String>(1)?);
    let date: Option<String> = row.get(2)?;
    Ok(ShownItem {
        date: date
            .map(|text| time_from(&text, format_args!("item `{entry_id}`")))
            .transpose()?,
        supplier: row.get(3)?,
        amount: money_from(row.get(4)?, row.get(5)?, &entry_id)?,
        link: row.get(6)?,
        pleo_status: row.get(7)?,
        verdict,
        entry_id,
    })
}

fn trail_line(row: &Row<'_>) -> Result<TrailLine, Fault> {
    let one: Option<String> = row.get(1)?;
    let several: Option<String> = row.get(2)?;
    let entries = match several {
        Some(list) => serde_json::from_str(&list).map_err(|error| {
            Fault::Damaged(format!(
                "a line of the audit trail lists its items wrongly: {error}"
            ))
        })?,
        None => one.into_iter().map(AccountingEntryId::new).collect(),
    };
    Ok(TrailLine {
        at: time_from(&row.get::<_, String>(0)?, "a line of the audit trail")?,
        entries,
        event: row.get(3)?,
        detail: row.get(4)?,
    })
}
