//! Our documents in Odoo: each carries our external id, and its origin says what it was booked from.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::key::{Key, Origin};
use crate::model::document::Part;
use crate::model::ids::AccountingEntryId;
use crate::model::money::Amount;
use crate::model::references::{InvoiceNumber, InvoiceSide};
use crate::systems::BookedEntry;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::{Id, Link, amount, maybe, text};

/// Where a document stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    Draft,
    Posted,
    Cancel,
}

/// One of our documents in Odoo.
#[derive(Clone, Debug)]
pub(crate) struct Booked {
    pub(crate) id: Id,
    pub(crate) key: Key,
    pub(crate) number: String,
    pub(crate) date: NaiveDate,
    pub(crate) state: State,
    pub(crate) is_reversed: bool,
    /// Whether it was posted at any time: a draft that was is in the hands of the person who reset it.
    pub(crate) was_posted: bool,
    /// Bill or payment; `None` for plain journal entries.
    pub(crate) side: Option<InvoiceSide>,
    /// The vendor and the vendor's invoice number.
    pub(crate) invoice: Option<(Id, InvoiceNumber)>,
    pub(crate) origin: Option<Origin>,
}

impl Booked {
    /// Whether it was compared with its plan, or nobody knows any more.
    pub(crate) fn is_checked(&self) -> bool {
        self.origin.as_ref().is_none_or(|origin| origin.made_by.is_none())
    }

    /// Whether this process made it and has not yet compared it with its plan.
    pub(crate) fn is_made_by(&self, maker: &str) -> bool {
        let origin = self.origin.as_ref();
        origin.and_then(|origin| origin.made_by.as_deref()) == Some(maker)
    }

    pub(crate) fn is_bill(&self) -> bool {
        self.side == Some(InvoiceSide::Bill)
    }

    /// Whether it stands in the books, as a draft or posted.
    pub(crate) fn counts(&self) -> bool {
        self.state != State::Cancel && !self.is_reversed
    }
}

/// How a document is called: its number once it is posted, for a draft has none.
pub(crate) fn number(name: Option<&str>, id: Id) -> String {
    match name {
        Some(name) if name != "/" => name.to_owned(),
        _ => format!("draft {id}"),
    }
}

#[derive(Deserialize)]
struct Record {
    id: Id,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    date: NaiveDate,
    state: State,
    move_type: String,
    #[serde(deserialize_with = "maybe")]
    partner_id: Option<Link>,
    #[serde(deserialize_with = "text")]
    invoice_origin: Option<String>,
    posted_before: bool,
    #[serde(deserialize_with = "amount")]
    amount_total: Amount,
    reversal_move_ids: Vec<Id>,
}

const FIELDS: [&str; 9] = [
    "name",
    "date",
    "state",
    "move_type",
    "partner_id",
    "invoice_origin",
    "posted_before",
    "amount_total",
    "reversal_move_ids",
];

/// All our documents of these entries, those that no longer count among them.
pub(crate) fn by_entry<'a>(
    books: Books<'_>,
    entries: impl Iterator<Item = &'a AccountingEntryId>,
) -> Result<Vec<Booked>, CallError> {
    let mut patterns: Vec<Value> = entries
        .map(|entry| json!(["invoice_origin", "=like", Origin::pattern(entry)]))
        .collect();
    if patterns.is_empty() {
        return Ok(Vec::new());
    }
    let mut domain = vec![
        json!(["company_id", "=", books.company.id]),
        // The reversal of an entry carries a copy of its origin.
        json!(["reversed_entry_id", "=", false]),
    ];
    domain.extend(patterns.iter().skip(1).map(|_| json!("|")));
    domain.append(&mut patterns);
    with_domain(books, Value::Array(domain))
}

/// Our documents with these ids, as they are now.
pub(crate) fn by_id(books: Books<'_>, ids: &BTreeSet<Id>) -> Result<Vec<Booked>, CallError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    with_domain(books, json!([["id", "in", ids]]))
}

fn with_domain(books: Books<'_>, domain: Value) -> Result<Vec<Booked>, CallError> {
    let records: Vec<Record> = books.search("account.move", domain, &FIELDS)?;
    let ids: Vec<Id> = records.iter().map(|record| record.id).collect();
    let external_ids = books.external_ids(&ids)?;
    let reversals: BTreeSet<Id> = records
        .iter()
        .flat_map(|record| &record.reversal_move_ids)
        .copied()
        .collect();
    let posted = posted_reversals(books, &reversals)?;
    Ok(records
        .into_iter()
        .filter_map(|record| {
            let key = Key::from_external_id(external_ids.get(&record.id.to_string())?)?;
            let reversals = record.reversal_move_ids.iter().filter_map(|id| posted.get(id));
            // A part of a bill may be credited: the rest of it still stands.
            let credited = reversals.copied().sum::<Amount>();
            let is_reversed = !credited.is_zero() && credited >= record.amount_total;
            Some(record.into_booked(key, is_reversed))
        })
        .collect())
}

/// What each of these reversals takes back, of those that are posted and that nobody began to reverse themselves.
pub(crate) fn posted_reversals(
    books: Books<'_>,
    reversals: &BTreeSet<Id>,
) -> Result<HashMap<Id, Amount>, CallError> {
    #[derive(Deserialize)]
    struct Reversal {
        id: Id,
        #[serde(deserialize_with = "amount")]
        amount_total: Amount,
    }
    let found: Vec<Reversal> = books.search(
        "account.move",
        json!([
            ["id", "in", reversals],
            ["state", "=", "posted"],
            ["reversal_move_ids", "=", false]
        ]),
        &["amount_total"],
    )?;
    Ok(found
        .into_iter()
        .map(|reversal| (reversal.id, reversal.amount_total))
        .collect())
}

impl Record {
    fn into_booked(self, key: Key, is_reversed: bool) -> Booked {
        let origin = self.invoice_origin.as_deref().and_then(Origin::from_text);
        let partner = self.partner_id.map(|link| link.0);
        let side = match self.move_type.as_str() {
            "in_invoice" | "in_refund" => Some(InvoiceSide::Bill),
            // Plain journal entries are with nobody.
            _ => partner.map(|_| InvoiceSide::Payment),
        };
        let number_on_it = origin
            .as_ref()
            .and_then(|origin| InvoiceNumber::new(origin.invoice_number.as_deref()?));
        Booked {
            id: self.id,
            number: number(self.name.as_deref(), self.id),
            date: self.date,
            state: self.state,
            is_reversed,
            was_posted: self.posted_before,
            side,
            invoice: partner.zip(number_on_it),
            origin,
            key,
        }
    }
}

/// The entry as the workflow knows it, from its documents of one revision; `None` where there are none.
pub(crate) fn entry(base: &reqwest::Url, documents: &[&Booked]) -> Option<BookedEntry> {
    let first = documents.iter().min_by_key(|document| document.key.part)?;
    let origin = first.origin.as_ref();
    let parts: BTreeSet<Part> = documents.iter().map(|document| document.key.part).collect();
    Some(BookedEntry {
        external_id: first.number.clone(),
        external_url: Some(web_link(base, first.id)),
        posting_date: first.date,
        revision: first.key.revision,
        parts: parts.into_iter().collect(),
        content_hash: origin.map(|origin| origin.content_hash.clone()),
        amount: origin.map(|origin| origin.amount),
        remark: None,
        wallet_account: None,
    })
}

/// Where a person sees a document. This address leads to the right form in every version of Odoo.
fn web_link(base: &reqwest::Url, id: Id) -> String {
    let base = base.as_str().trim_end_matches('/');
    format!("{base}/mail/view?model=account.move&res_id={id}")
}
