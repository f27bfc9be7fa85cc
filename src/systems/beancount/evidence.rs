//! The evidence of a batch: a file of JSON lines beside it, one for each entry, with all that the books themselves do not
//! say. It is for people, and for who compares; no look-up reads it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::host::clock;
use crate::model::document::{Document, DocumentKind, Part, Posting, PostingState};
use crate::model::money::{Amount, Currency};

use super::vocabulary::purpose;
use super::writer::{Entry, VERSION};

/// One line: the documents of an entry that the batch brings.
#[derive(Serialize)]
struct Line<'a> {
    entry: &'a str,
    revision: u32,
    numbers: Vec<String>,
    job: &'a str,
    company: &'a str,
    recorded_at: String,
    version: &'static str,
    posting: PostingState,
    documents: Vec<DocumentLine<'a>>,
    /// SHA-256 of each, in Pleo's order.
    receipts: Vec<&'a str>,
    receipts_missing: usize,
    remarks: Vec<&'a str>,
    payload: Box<RawValue>,
}

/// What was decided on a document.
#[derive(Serialize)]
struct DocumentLine<'a> {
    number: String,
    part: Part,
    kind: DocumentKind,
    posting_date: NaiveDate,
    /// The day of the item, where another was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_date: Option<NaiveDate>,
    currency: Currency,
    postings: Vec<PostingLine<'a>>,
}

/// Where an amount went, and what for.
#[derive(Serialize)]
struct PostingLine<'a> {
    account: String,
    amount: String,
    purpose: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tax: Option<TaxLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    employee_code: Option<&'a str>,
}

/// The tax of a line.
#[derive(Serialize)]
struct TaxLine<'a> {
    code: Option<&'a str>,
    rate: &'a str,
    base: String,
    amount: String,
    reverse_charge: bool,
    /// Neither settings nor payload say how it is booked.
    is_assumed: bool,
}

/// The whole file, for entries whose documents stand together.
pub(super) fn text(entries: &[Entry<'_>], recorded_at: DateTime<Utc>) -> String {
    let recorded_at = clock::exact_text(recorded_at);
    let mut text = String::new();
    for of_entry in entries.chunk_by(|one, next| one.item.entry_id() == next.item.entry_id()) {
        // Nothing in it can fail to be JSON.
        if let Some(Ok(line)) = line(of_entry, &recorded_at).map(|line| serde_json::to_string(&line)) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    text
}

/// What a line says of the documents that it brought.
#[derive(Debug, Deserialize)]
pub(super) struct Known {
    entry: String,
    pub(super) documents: Vec<KnownDocument>,
    /// SHA-256 of each.
    pub(super) receipts: Vec<String>,
}

/// What was booked as a document.
#[derive(Debug, Deserialize)]
pub(super) struct KnownDocument {
    pub(super) number: String,
    part: String,
    pub(super) posting_date: NaiveDate,
    currency: String,
    postings: Vec<KnownPosting>,
}

#[derive(Debug, Deserialize)]
struct KnownPosting {
    account: String,
    amount: String,
}

impl KnownDocument {
    pub(super) fn is_of_part(&self, part: Part) -> bool {
        self.part == part.as_str()
    }

    /// What it moved on each account; `None` where that cannot be read.
    pub(super) fn moved(&self) -> Option<BTreeMap<(String, Currency), Amount>> {
        let currency: Currency = self.currency.parse().ok()?;
        let mut moved: BTreeMap<(String, Currency), Amount> = BTreeMap::new();
        for posting in &self.postings {
            let sum = moved.entry((posting.account.clone(), currency)).or_default();
            *sum += posting.amount.parse::<Amount>().ok()?;
        }
        Some(moved)
    }
}

/// The lines of these entries. What cannot be read is passed over: a hash says whether the file is what was written.
pub(super) fn read(content: &[u8], wanted: &HashSet<&str>) -> HashMap<String, Vec<Known>> {
    let mut known: HashMap<String, Vec<Known>> = HashMap::new();
    for line in content.split(|byte| *byte == b'\n') {
        if let Ok(line) = serde_json::from_slice::<Known>(line)
            && wanted.contains(line.entry.as_str())
        {
            known.entry(line.entry.clone()).or_default().push(line);
        }
    }
    known
}

fn line<'a>(entries: &'a [Entry<'a>], recorded_at: &str) -> Option<Line<'a>> {
    let first = entries.first()?;
    let planned = first.item;
    let of_books = first.remarks.iter();
    Some(Line {
        entry: planned.entry_id().as_str(),
        revision: first.revision,
        numbers: entries.iter().map(|entry| entry.number.to_string()).collect(),
        job: planned.job_id.as_str(),
        company: planned.item.company_id.as_str(),
        recorded_at: recorded_at.to_owned(),
        version: VERSION,
        posting: planned.posting_state,
        documents: entries
            .iter()
            .map(|entry| document(entry, planned.item.amount.currency))
            .collect(),
        receipts: planned
            .receipts
            .iter()
            .map(|receipt| receipt.sha256.as_str())
            .collect(),
        receipts_missing: planned.receipts_missing,
        remarks: planned
            .remarks
            .iter()
            .chain(of_books)
            .map(String::as_str)
            .collect(),
        payload: planned.item.payload.without_file_addresses(),
    })
}

fn document<'a>(entry: &Entry<'a>, currency: Currency) -> DocumentLine<'a> {
    let Document {
        kind,
        part,
        item_date,
        posting_date,
        due_date,
        postings,
        ..
    } = entry.document;
    DocumentLine {
        number: entry.number.to_string(),
        part: *part,
        kind: *kind,
        posting_date: *posting_date,
        moved_from: Some(*item_date).filter(|day| day != posting_date),
        due_date: *due_date,
        currency,
        postings: postings.iter().map(posting).collect(),
    }
}

fn posting(posting: &Posting) -> PostingLine<'_> {
    let line = posting.line.as_ref();
    PostingLine {
        account: posting.account.reference.to_string(),
        amount: posting.amount.to_string(),
        purpose: purpose::word(posting.purpose),
        line: line.map(|line| line.number),
        line_id: line.map(|line| line.line_id.as_str()),
        tax: posting.tax.as_ref().map(|tax| TaxLine {
            code: tax.code.as_deref(),
            rate: &tax.rate,
            base: tax.base.to_string(),
            amount: tax.amount.to_string(),
            reverse_charge: tax.reverse_charge,
            is_assumed: tax.is_assumed,
        }),
        tags: posting
            .tags
            .iter()
            .map(|tag| format!("{}={}", tag.tag.group, tag.tag.code))
            .collect(),
        employee_code: posting.employee_code.as_deref(),
    }
}
