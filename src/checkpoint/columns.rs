//! How values stand in columns, and are read back.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use rusqlite::Row;

use super::error::Fault;
use crate::host::clock;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::money::{Amount, Money};
use crate::model::verdict::{Exported, Failure, ItemFailureType, Standing, Verdict};

/// A time as the checkpoint has it: UTC, RFC 3339 with milliseconds, so that text order is time order. The text has room for
/// years of four digits; a time beyond them is kept as the last or first that fits. The date of an expense is not written by
/// this: it is as exact as Pleo's.
pub(super) fn time_text(time: DateTime<Utc>) -> String {
    let fits = |year| NaiveDate::from_ymd_opt(year, 1, 1).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let (first, last) = (fits(0), fits(9999));
    let time = first.map_or(time, |first| time.max(first));
    let time = last.map_or(time, |last| time.min(last));
    clock::exact_text(time)
}

/// Reads a time back; `row` says where it stands, for the error.
pub(super) fn time_from(text: &str, row: impl fmt::Display) -> Result<DateTime<Utc>, Fault> {
    // The first version wrote years of five digits, which are no RFC 3339, with their sign.
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| text.parse())
        .map_err(|_| Fault::Damaged(format!("{row} has the time `{text}`")))
}

/// Reads what an entry comes to, where that is kept.
pub(super) fn money_from(
    hundredths: Option<i64>,
    currency: Option<String>,
    entry: &AccountingEntryId,
) -> Result<Option<Money>, Fault> {
    let money = hundredths.zip(currency).map(|(hundredths, currency)| {
        let damaged = |_| Fault::Damaged(format!("item `{entry}` has the currency `{currency}`"));
        Ok(Money {
            amount: Amount::hundredths(hundredths),
            currency: currency.parse().map_err(damaged)?,
        })
    });
    money.transpose()
}

/// A limit as SQL has it.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The columns of a verdict, in the order in which [`verdict_from`] reads them.
pub(super) const VERDICT: &str =
    "entry_id, outcome, external_id, external_url, exported_at, failure_type, reason, standing, booked_as";

/// Reads a verdict from the columns of [`VERDICT`].
pub(super) fn verdict_from(row: &Row<'_>, job: &JobId) -> Result<(AccountingEntryId, Verdict), Fault> {
    let entry = AccountingEntryId::new(row.get::<_, String>(0)?);
    let outcome: String = row.get(1)?;
    let verdict = match outcome.as_str() {
        "successful" => Verdict::Successful(Exported {
            external_id: row.get(2)?,
            external_url: row.get(3)?,
            exported_at: time_from(
                &row.get::<_, String>(4)?,
                format_args!("item `{entry}` of job `{job}`"),
            )?,
        }),
        "failed" => Verdict::Failed(Failure::restored(
            failure_type_from(&row.get::<_, String>(5)?, job)?,
            standing_from(row, &entry, job)?,
            row.get(6)?,
        )),
        other => {
            return Err(Fault::Damaged(format!(
                "item `{entry}` of job `{job}` has the outcome `{other}`"
            )));
        }
    };
    Ok((entry, verdict))
}

fn standing_from(row: &Row<'_>, entry: &AccountingEntryId, job: &JobId) -> Result<Standing, Fault> {
    let word: Option<String> = row.get(7)?;
    let booked_as: Option<String> = row.get(8)?;
    Standing::from_words(word.as_deref().unwrap_or_default(), booked_as).ok_or_else(|| {
        let word = word.as_deref().unwrap_or("none");
        Fault::Damaged(format!("item `{entry}` of job `{job}` has the standing `{word}`"))
    })
}

pub(super) fn failure_type_from(word: &str, job: &JobId) -> Result<ItemFailureType, Fault> {
    ItemFailureType::from_wire(word)
        .ok_or_else(|| Fault::Damaged(format!("an item of job `{job}` has the failure type `{word}`")))
}
