//! Payments as Odoo's own: each payment entry gets a payment record, so that people see a bill paid by a payment.
//!
//! The entry comes first, with our accounts and our key; the record is loaded onto it under an external id of its
//! own. Odoo's payment wizard would choose its own account for the money and could not be repeated.

use serde::Deserialize;
use serde_json::{Value, json};

use super::company::Company;
use super::documents::{is_claim, key, load_context, reference};
use super::errors::{CallError, refused_data};
use super::records::{Id, maybe};
use super::transport::{Transport, arguments};
use crate::model::document::{Document, DocumentKind, PlannedItem, Purpose};
use crate::model::money::Amount;
use crate::systems::SystemError;

/// Since this version a payment is a record beside its entry; before, it was the entry itself.
const FIRST: u32 = 18;

const FIELDS: [&str; 10] = [
    "id",
    "move_id/.id",
    "journal_id/.id",
    "date",
    "amount",
    "currency_id/.id",
    "payment_type",
    "partner_type",
    "partner_id/.id",
    "memo",
];

/// Whether the document is one that Odoo calls a payment.
pub(super) fn is_payment(kind: DocumentKind) -> bool {
    matches!(kind, DocumentKind::BillPayment | DocumentKind::RefundReceipt)
}

/// The answer of `load`.
#[derive(Debug, Deserialize)]
pub(super) struct Loaded {
    /// The records in the order of their rows; none when one was refused, for then all are rolled back.
    #[serde(deserialize_with = "maybe")]
    pub(super) ids: Option<Vec<Id>>,
    #[serde(default)]
    messages: Vec<Message>,
}

#[derive(Debug, Deserialize)]
struct Message {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    message: String,
}

impl Loaded {
    /// The ids, or why there are none.
    pub(super) fn into_ids(self) -> Result<Vec<Id>, SystemError> {
        let first = self.messages.iter().find(|message| message.kind == "error");
        let why = first.map_or("it does not say why", |first| first.message.as_str());
        self.ids.ok_or_else(|| refused_data(why))
    }
}

/// One call of `load`: all records or none.
pub(super) fn load(
    transport: &mut Transport,
    model: &str,
    fields: &[&str],
    rows: &[Vec<String>],
    context: &Value,
) -> Result<Loaded, CallError> {
    let arguments = arguments(json!({ "fields": fields, "data": rows, "context": context }));
    transport.write(model, "load", arguments)
}

/// A payment entry that is to become a payment.
#[derive(Clone, Copy, Debug)]
pub(super) struct PaymentEntry<'a> {
    pub(super) planned: &'a PlannedItem,
    pub(super) document: &'a Document,
    pub(super) id: Id,
    pub(super) partner: Id,
    pub(super) currency: Id,
}

impl PaymentEntry<'_> {
    fn row(&self, company: &Company) -> Vec<String> {
        let money = self
            .document
            .postings
            .iter()
            .filter(|posting| !is_claim(posting) && posting.purpose != Purpose::FxDifference);
        let amount = Amount::sum(money.map(|posting| posting.amount)).unwrap_or_default();
        let payment_type = if amount.is_negative() {
            "outbound"
        } else {
            "inbound"
        };
        vec![
            format!("{}_payment", key(self.planned, self.document).external_id()),
            self.id.to_string(),
            company.journals.payment.to_string(),
            self.document.posting_date.to_string(),
            amount.abs().to_string(),
            self.currency.to_string(),
            payment_type.to_owned(),
            "supplier".to_owned(),
            self.partner.to_string(),
            reference(self.planned, self.document),
        ]
    }
}

/// Makes the payment records and links each with its entry, in two calls for all.
pub(super) fn register(
    transport: &mut Transport,
    company: &Company,
    entries: &[PaymentEntry<'_>],
) -> Result<(), SystemError> {
    if entries.is_empty() || transport.major() < FIRST {
        return Ok(());
    }
    let rows: Vec<Vec<String>> = entries.iter().map(|entry| entry.row(company)).collect();
    let ids = load(
        transport,
        "account.payment",
        &FIELDS,
        &rows,
        &load_context(company),
    )
    .map_err(CallError::for_item)?
    .into_ids()?;
    let links: Vec<Vec<String>> = entries
        .iter()
        .zip(&ids)
        .map(|(entry, payment)| vec![entry.id.to_string(), payment.to_string()])
        .collect();
    // Without the two flags of `load_context`, so that the entry is changed. A posted one has its link already.
    let fields = [".id", "origin_payment_id/.id"];
    load(transport, "account.move", &fields, &links, &company.context())
        .map_err(CallError::for_item)?
        .into_ids()
        .map(|_| ())
}

/// Confirms payments whose entries are posted.
pub(super) fn confirm(
    transport: &mut Transport,
    company: &Company,
    payments: &[Id],
) -> Result<(), CallError> {
    if payments.is_empty() {
        return Ok(());
    }
    let arguments = arguments(json!({ "ids": payments, "context": company.context() }));
    transport
        .write::<Value>("account.payment", "action_post", arguments)
        .map(|_| ())
}
