//! One job: its items, and who decided what.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use crate::checkpoint::{ShownItem, TrailLine};
use crate::cli::table::{Table, shortened};
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::Verdict;

/// How much of a supplier's name is shown in a table.
const SUPPLIER: usize = 24;

/// The items as a table, with their days in the books.
pub(super) fn items_text(items: &[ShownItem], zone: Tz) -> String {
    let mut table = Table::new(&[
        "date",
        "supplier",
        "amount",
        "number",
        "item, what became of it, where",
    ]);
    for item in items {
        let document = ItemDocument::new(item, zone);
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let outcome = match &item.verdict {
            Some(Verdict::Failed(failure)) => format!("failed: {}", failure.failure_type().as_str()),
            Some(Verdict::Successful(_)) => "booked".to_owned(),
            None => document.status.clone(),
        };
        let link = document
            .link
            .as_ref()
            .map_or_else(String::new, |link| format!(" {link}"));
        table.row(&[
            &or_dash(&document.date),
            &shortened(&or_dash(&document.supplier), SUPPLIER),
            &item
                .amount
                .map_or_else(|| "-".to_owned(), |amount| amount.to_string()),
            &or_dash(&document.number),
            &format!("{} {outcome}{link}", item.entry_id),
        ]);
    }
    table.render()
}

/// An item for scripts.
#[derive(Serialize)]
pub(super) struct ItemDocument {
    #[serde(rename = "accountingEntryId")]
    entry_id: String,
    date: Option<String>,
    supplier: Option<String>,
    amount: Option<String>,
    currency: Option<String>,
    /// In the books.
    number: Option<String>,
    link: Option<String>,
    /// `successful` or `failed` by our verdict, else Pleo's word.
    status: String,
    /// What Pleo is told where it failed.
    text: Option<String>,
}

impl ItemDocument {
    pub(super) fn new(item: &ShownItem, zone: Tz) -> Self {
        let (status, number, text) = match &item.verdict {
            Some(Verdict::Successful(exported)) => ("successful", Some(exported.external_id.clone()), None),
            Some(Verdict::Failed(failure)) => (
                "failed",
                failure.standing().booked_as().cloned(),
                Some(failure.text()),
            ),
            None => (item.pleo_status.as_str(), None, None),
        };
        Self {
            entry_id: item.entry_id.as_str().to_owned(),
            date: item
                .date
                .map(|date| date.with_timezone(&zone).date_naive().to_string()),
            supplier: item.supplier.clone(),
            amount: item.amount.map(|amount| amount.amount.to_string()),
            currency: item.amount.map(|amount| amount.currency.to_string()),
            number,
            link: item.link.clone(),
            status: status.to_owned(),
            text,
        }
    }
}

/// A decision for scripts.
#[derive(Serialize)]
pub(super) struct TrailDocument<'a> {
    at: DateTime<Utc>,
    who: &'static str,
    event: &'a str,
    entries: Vec<&'a str>,
    detail: &'a str,
}

impl<'a> From<&'a TrailLine> for TrailDocument<'a> {
    fn from(line: &'a TrailLine) -> Self {
        Self {
            at: line.at,
            who: who(&line.event),
            event: &line.event,
            entries: line.entries.iter().map(AccountingEntryId::as_str).collect(),
            detail: &line.detail,
        }
    }
}

/// Whose decision it was. What Pleo answered or showed is Pleo's; what a flag of a command said is a person's.
fn who(event: &str) -> &'static str {
    match event {
        "accept" | "refuse" | "seen_final" | "seen_open" | "lost_to_another" | "ended_by_pleo" => "Pleo",
        "adopt" => "a person",
        _ => "pleo-export",
    }
}

/// The decisions as a table.
pub(super) fn trail_text(trail: &[TrailLine]) -> String {
    let mut table = Table::new(&["when", "who", "what", "items and why"]);
    for line in trail {
        let items = match line.entries.as_slice() {
            [] => String::new(),
            [only] => only.to_string(),
            several => counted(several.len(), "item"),
        };
        let and_why = format!("{items} {}", line.detail);
        table.row(&[
            &clock::text(line.at),
            who(&line.event),
            &line.event,
            and_why.trim(),
        ]);
    }
    table.render()
}

/// The decisions as comma-separated values, with a head line; items are separated by spaces.
pub(super) fn csv(trail: &[TrailLine]) -> String {
    let mut text = String::from("when,who,what,items,why\r\n");
    for line in trail {
        let entries: Vec<&str> = line.entries.iter().map(AccountingEntryId::as_str).collect();
        let fields = [
            &clock::text(line.at),
            who(&line.event),
            &line.event,
            &entries.join(" "),
            &line.detail,
        ];
        text.push_str(&fields.map(quoted).join(","));
        text.push_str("\r\n");
    }
    text
}

/// A field in quotation marks. What a spreadsheet would calculate gets a mark before it, for the text may come from outside.
fn quoted(field: &str) -> String {
    let calculates = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let mark = if calculates { "'" } else { "" };
    format!("\"{mark}{}\"", field.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_of_csv_can_neither_end_early_nor_be_calculated() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
    }
}
