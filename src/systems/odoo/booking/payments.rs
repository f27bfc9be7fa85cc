//! Payments as Odoo's own: each payment entry gets a payment record, so that people see a bill paid by a payment.
//!
//! The entry comes first, with our accounts and our key; the record is loaded onto it under an external id of its
//! own. Odoo's payment wizard would choose its own account for the money and could not be repeated.

use crate::model::document::{Document, PlannedItem, Purpose};
use crate::model::money::Amount;
use crate::systems::SystemError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::company::Company;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::load;
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::document::rows::{is_claim, key, reference};

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

/// A payment entry that is to become a payment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaymentEntry<'a> {
    pub(crate) planned: &'a PlannedItem,
    pub(crate) document: &'a Document,
    pub(crate) id: Id,
    pub(crate) partner: Id,
    pub(crate) currency: Id,
}

impl PaymentEntry<'_> {
    fn row(&self, company: &Company) -> Vec<String> {
        let money = self
            .document
            .postings
            .iter()
            .filter(|posting| !is_claim(posting) && posting.purpose != Purpose::FxDifference);
        let amount: Amount = money.map(|posting| posting.amount).sum();
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
pub(crate) fn register(books: Books<'_>, entries: &[PaymentEntry<'_>]) -> Result<(), SystemError> {
    let rows: Vec<_> = entries.iter().map(|entry| entry.row(books.company)).collect();
    let ids = load::load(books, "account.payment", &FIELDS, &rows)?;
    let links: Vec<Vec<String>> = entries
        .iter()
        .zip(&ids)
        .map(|(entry, payment)| vec![entry.id.to_string(), payment.to_string()])
        .collect();
    // A posted one has its link already.
    let fields = [".id", "origin_payment_id/.id"];
    load::change(books, "account.move", &fields, &links)
}

/// Confirms payments whose entries are posted.
pub(crate) fn confirm(books: Books<'_>, payments: &[Id]) -> Result<(), CallError> {
    books.act("account.payment", "action_post", payments)
}
