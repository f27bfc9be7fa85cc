//! The invoices of a vendor that the books have, by the vendor's number: our own, and those entered by hand.
//!
//! A bill has the vendor's number as its reference; a payment of ours has the number before [`BOOK_ID_MARK`]. That
//! is how bill and payment find each other, also when they come with different jobs. The contact decides who the vendor
//! is. Odoo is searched with a pattern that finds every way to write a number, and what it finds is compared here.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::ids::AccountingEntryId;
use crate::model::money::{Amount, Money};
use crate::model::references::{
    InvoiceInBooks, InvoiceKey, InvoiceNumber, InvoiceSide, Reference, Vendor, VendorKey,
};
use crate::systems::SystemError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::{Id, Link, amount, maybe, text};
use crate::systems::odoo::document::booked::posted_reversals;
use crate::systems::odoo::document::key::{Key, Origin, pattern};

/// Stands between a document's own reference and Pleo's book id.
pub(crate) const BOOK_ID_MARK: &str = " / Pleo ";

/// Numbers in one question: a longer one is refused or slow, and a short number finds much that is not meant.
const NUMBERS_AT_ONCE: usize = 50;

/// A document that a vendor's invoice number stands on.
#[derive(Debug, Deserialize)]
struct Record {
    id: Id,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    move_type: String,
    #[serde(rename = "ref", deserialize_with = "text")]
    reference: Option<String>,
    #[serde(deserialize_with = "maybe")]
    partner_id: Option<Link>,
    #[serde(deserialize_with = "text")]
    invoice_origin: Option<String>,
    #[serde(deserialize_with = "maybe")]
    reversed_entry_id: Option<Link>,
    reversal_move_ids: Vec<Id>,
    #[serde(deserialize_with = "maybe")]
    invoice_date: Option<NaiveDate>,
    currency_id: Link,
    #[serde(deserialize_with = "amount")]
    amount_total: Amount,
    /// Whose it is by its external id, where its origin does not say.
    #[serde(skip)]
    entry: Option<AccountingEntryId>,
    /// Which of the invoices that were asked for it belongs to.
    #[serde(skip)]
    invoice: Option<(Id, InvoiceNumber)>,
}

/// The documents of each contact's invoice number.
type Documents = HashMap<(Id, InvoiceNumber), Vec<(Id, Option<NaiveDate>)>>;

/// A line on an account of what is owed.
#[derive(Debug, Deserialize)]
pub(crate) struct PayableLine {
    pub(crate) id: Id,
    pub(crate) move_id: Link,
    pub(crate) account_id: Link,
    #[serde(deserialize_with = "amount")]
    pub(crate) amount_currency: Amount,
    #[serde(deserialize_with = "amount")]
    pub(crate) amount_residual: Amount,
    pub(crate) parent_state: String,
    pub(crate) move_type: String,
}

/// The documents of these invoices: the contact's id and the number of each, with the document's id and the day of the
/// invoice.
pub(crate) fn documents(
    books: Books<'_>,
    invoices: &BTreeSet<(Id, InvoiceNumber)>,
) -> Result<Documents, CallError> {
    let mut documents = Documents::new();
    for record in search(books, invoices)? {
        if let Some(key) = record.invoice.clone() {
            let of_invoice = documents.entry(key).or_default();
            of_invoice.push((record.id, record.invoice_date()));
        }
    }
    Ok(documents)
}

/// What the books have of these invoices, in the order of the documents' ids.
fn search(books: Books<'_>, invoices: &BTreeSet<(Id, InvoiceNumber)>) -> Result<Vec<Record>, CallError> {
    let mut found = BTreeMap::new();
    let all: Vec<&(Id, InvoiceNumber)> = invoices.iter().collect();
    for some in all.chunks(NUMBERS_AT_ONCE) {
        for mut record in search_some(books, some)? {
            // A pattern finds other numbers too.
            record.invoice = record.key().filter(|key| invoices.contains(key));
            if record.invoice.is_some() {
                found.insert(record.id, record);
            }
        }
    }
    Ok(found.into_values().collect())
}

fn search_some(books: Books<'_>, invoices: &[&(Id, InvoiceNumber)]) -> Result<Vec<Record>, CallError> {
    let partners: BTreeSet<Id> = invoices.iter().map(|(partner, _)| *partner).collect();
    let numbers: BTreeSet<&InvoiceNumber> = invoices.iter().map(|(_, number)| number).collect();
    let mut domain = vec![
        json!(["company_id", "=", books.company.id]),
        json!(["partner_id", "in", partners]),
        json!(["state", "!=", "cancel"]),
    ];
    domain.extend(numbers.iter().skip(1).map(|_| json!("|")));
    domain.extend(
        numbers
            .iter()
            .map(|number| json!(["ref", "=ilike", any_writing(number)])),
    );
    let fields = [
        "name",
        "move_type",
        "ref",
        "partner_id",
        "invoice_origin",
        "reversed_entry_id",
        "reversal_move_ids",
        "invoice_date",
        "currency_id",
        "amount_total",
    ];
    books.search("account.move", Value::Array(domain), &fields)
}

/// A pattern for every way to write a number, and for what may stand after it. It finds others too: a letter that may be
/// written in two ways, such as with an accent of its own, stands for anything.
fn any_writing(number: &InvoiceNumber) -> String {
    let mut any = String::from("%");
    for character in number.compared().chars().filter(char::is_ascii) {
        any.push_str(&pattern(&character.to_string()));
        any.push('%');
    }
    any
}

impl Record {
    fn origin(&self) -> Option<Origin> {
        self.invoice_origin.as_deref().and_then(Origin::from_text)
    }

    /// The day of the vendor's document, which for a payment stands in its origin alone.
    fn invoice_date(&self) -> Option<NaiveDate> {
        self.invoice_date.or_else(|| self.origin()?.invoice_date)
    }

    fn side(&self) -> Option<InvoiceSide> {
        match self.move_type.as_str() {
            "in_invoice" | "in_refund" => Some(InvoiceSide::Bill),
            "entry" if self.invoice_origin.is_some() => Some(InvoiceSide::Payment),
            _ => None,
        }
    }

    /// The vendor and number it carries; none for the reversal of another document.
    fn key(&self) -> Option<(Id, InvoiceNumber)> {
        let side = self.side().filter(|_| self.reversed_entry_id.is_none())?;
        let reference = self.reference.as_deref()?;
        let number = match side {
            InvoiceSide::Bill => reference,
            InvoiceSide::Payment => reference.rsplit_once(BOOK_ID_MARK)?.0,
        };
        Some((self.partner_id.as_ref()?.0, InvoiceNumber::new(number)?))
    }
}

/// The lines of these documents on accounts of what is owed.
pub(crate) fn payable_lines(books: Books<'_>, documents: &[Id]) -> Result<Vec<PayableLine>, CallError> {
    books.search(
        "account.move.line",
        json!([
            ["move_id", "in", documents],
            ["account_type", "in", ["liability_payable", "asset_receivable"]]
        ]),
        &[
            "move_id",
            "account_id",
            "amount_currency",
            "amount_residual",
            "parent_state",
            "move_type",
        ],
    )
}

/// What the books have of the invoices that a job refers to.
pub(crate) fn of_vendors(
    books: Books<'_>,
    vendors: &HashMap<VendorKey, Vendor>,
    wanted: &BTreeSet<InvoiceKey>,
) -> Result<HashMap<InvoiceKey, Vec<InvoiceInBooks>>, SystemError> {
    let partner = |key: &InvoiceKey| match vendors.get(&key.vendor)?.reference {
        Reference::Id(id) => Some(id),
        Reference::Name(_) | Reference::New(_) => None,
    };
    let invoices: BTreeSet<(Id, InvoiceNumber)> = wanted
        .iter()
        .filter_map(|key| Some((partner(key)?, key.number.clone())))
        .collect();
    let mut records = search(books, &invoices)?;
    leave_out_reversed(books, &mut records)?;
    name_ours(books, &mut records)?;
    let ids: Vec<Id> = records
        .iter()
        .filter(|record| record.side() == Some(InvoiceSide::Payment))
        .map(|record| record.id)
        .collect();
    let mut lines: HashMap<Id, Vec<PayableLine>> = HashMap::new();
    for line in payable_lines(books, &ids)? {
        lines.entry(line.move_id.0).or_default().push(line);
    }
    let mut by_key: HashMap<&(Id, InvoiceNumber), Vec<InvoiceInBooks>> = HashMap::new();
    for record in &records {
        let own_lines = lines.get(&record.id).map_or(&[][..], Vec::as_slice);
        if let (Some(key), Some(document)) = (&record.invoice, in_books(record, own_lines)) {
            by_key.entry(key).or_default().push(document);
        }
    }
    let in_books = |key: &InvoiceKey| by_key.get(&(partner(key)?, key.number.clone())).cloned();
    let found = wanted
        .iter()
        .filter_map(|key| Some((key.clone(), in_books(key)?)));
    Ok(found.collect())
}

/// What a posted reversal takes back in full does not count.
fn leave_out_reversed(books: Books<'_>, records: &mut Vec<Record>) -> Result<(), CallError> {
    let reversals = records.iter().flat_map(|record| &record.reversal_move_ids);
    let posted = posted_reversals(books, &reversals.copied().collect())?;
    records.retain(|record| {
        let reversals = record.reversal_move_ids.iter().filter_map(|id| posted.get(id));
        let credited = reversals.copied().sum::<Amount>();
        credited.is_zero() || credited < record.amount_total
    });
    Ok(())
}

/// A person may have emptied the origin of a document of ours: its external id still says whose it is.
fn name_ours(books: Books<'_>, records: &mut [Record]) -> Result<(), CallError> {
    let nameless = |record: &&Record| record.origin().is_none() && record.reversed_entry_id.is_none();
    let ids: Vec<Id> = records.iter().filter(nameless).map(|record| record.id).collect();
    let external_ids = books.external_ids(&ids)?;
    for record in records {
        let external_id = external_ids.get(&record.id.to_string());
        record.entry = external_id
            .and_then(|text| Key::from_external_id(text))
            .map(|key| key.entry);
    }
    Ok(())
}

/// `lines` are those of the record on accounts of what is owed.
fn in_books(record: &Record, lines: &[PayableLine]) -> Option<InvoiceInBooks> {
    let side = record.side()?;
    let origin = record.origin();
    let amount = match record.move_type.as_str() {
        "in_invoice" => record.amount_total.negated(),
        "in_refund" => record.amount_total,
        _ => lines.iter().map(|line| line.amount_currency).sum(),
    };
    let currency = match &origin {
        Some(origin) => origin.amount.currency,
        None => record.currency_id.1.parse().ok()?,
    };
    Some(InvoiceInBooks {
        // An invoice that a person entered belongs to no accounting entry; its own id tells it from all of ours.
        entry_id: origin
            .as_ref()
            .map(|origin| origin.entry.clone())
            .or_else(|| record.entry.clone())
            .unwrap_or_else(|| AccountingEntryId::new(format!("account.move {}", record.id))),
        external_id: crate::systems::odoo::document::booked::number(record.name.as_deref(), record.id),
        side,
        payable: Money { amount, currency },
        supplier_amount: origin.and_then(|origin| origin.supplier_amount),
        invoice_date: record.invoice_date(),
        link: None,
    })
}
