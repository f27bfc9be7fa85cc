//! A planned document as the rows of Odoo's `load`, which makes record and external id in one transaction.
//!
//! Odoo computes tax: a cost goes in without its tax and with the tax's id, and the tax postings of the plan are
//! left to [`crate::systems::odoo::booking::verify`] to compare. Money travels as decimal text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::json;

use super::key::{Key, Origin};
use crate::model::document::{Document, DocumentKind, PlannedItem, Posting, Purpose};
use crate::model::money::Amount;
use crate::model::references::Reference;
use crate::model::verdict::ItemFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::api::company::Company;
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::before::invoices::BOOK_ID_MARK;
use crate::systems::odoo::before::partners::{CreditorIds, Creditors};
use crate::systems::odoo::before::rates::Rate;

/// The columns of journal entries and payments.
pub(crate) const ENTRY_FIELDS: [&str; 16] = [
    "id",
    "move_type",
    "journal_id/.id",
    "date",
    "ref",
    "invoice_origin",
    "narration",
    "partner_id/.id",
    "line_ids/account_id/.id",
    "line_ids/name",
    "line_ids/partner_id/.id",
    "line_ids/balance",
    "line_ids/currency_id/.id",
    "line_ids/amount_currency",
    "line_ids/tax_ids/.id",
    "line_ids/analytic_distribution",
];

/// The columns of vendor bills and credit notes.
pub(crate) const BILL_FIELDS: [&str; 17] = [
    "id",
    "move_type",
    "journal_id/.id",
    "date",
    "ref",
    "invoice_origin",
    "narration",
    "partner_id/.id",
    "invoice_date",
    "invoice_date_due",
    "currency_id/.id",
    "invoice_line_ids/account_id/.id",
    "invoice_line_ids/name",
    "invoice_line_ids/quantity",
    "invoice_line_ids/price_unit",
    "invoice_line_ids/tax_ids/.id",
    "invoice_line_ids/analytic_distribution",
];

/// The rows of one document.
pub(crate) type Rows = Vec<Vec<String>>;

/// What a document needs to know beyond its plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) company: &'a Company,
    /// This process.
    pub(crate) maker: &'a str,
    pub(crate) creditor: Option<CreditorIds>,
    pub(crate) creditors: &'a Creditors,
    /// The rate of the wallet's currency on the posting date; `None` for the company's own currency.
    pub(crate) rate: Option<&'a Rate>,
    /// Purchase taxes whose prices include them.
    pub(crate) included_taxes: &'a BTreeSet<Id>,
}

impl Surroundings<'_> {
    /// The currency of the wallet.
    pub(crate) fn currency(&self) -> Id {
        self.rate
            .map_or(self.company.currency_id, |rate| rate.currency_id)
    }
}

/// The key of a document.
pub(crate) fn key(planned: &PlannedItem, document: &Document) -> Key {
    Key {
        entry: planned.entry_id().clone(),
        part: document.part,
        revision: planned.revision,
    }
}

/// The account a posting goes to: the creditor's own where something is owed.
pub(crate) fn account(posting: &Posting, creditor: Option<CreditorIds>) -> Result<Id, SystemError> {
    if let (Purpose::Payable, Some(payable)) = (posting.purpose, creditor.and_then(|ids| ids.payable)) {
        return Ok(payable);
    }
    id(&posting.account.reference, &posting.account.name)
}

/// What a posting is before Odoo adds the tax: its base, or its amount where it has no tax.
pub(crate) fn without_tax(posting: &Posting) -> Amount {
    match (&posting.tax, posting.purpose) {
        (Some(tax), Purpose::Cost) => tax.base,
        _ => posting.amount,
    }
}

/// Whether Odoo makes the posting by itself.
pub(crate) fn is_left_to_odoo(posting: &Posting) -> bool {
    matches!(posting.purpose, Purpose::Tax | Purpose::ReverseTax)
}

/// Whether the posting is what a vendor or employee is owed.
pub(crate) fn is_claim(posting: &Posting) -> bool {
    matches!(posting.purpose, Purpose::Payable | Purpose::Employee)
}

/// The id that a reference of the resolution is.
pub(crate) fn id(reference: &Reference, name: &str) -> Result<Id, SystemError> {
    if let Reference::Id(id) = reference {
        return Ok(*id);
    }
    Err(SystemError::Rejected {
        failure_type: ItemFailureType::UnexpectedFailure,
        reason: format!(
            "{name} has no id of Odoo's ({reference}). This is an error of pleo-export: book it by hand, or ask whoever runs the export to send its log to whoever maintains pleo-export."
        ),
    })
}

/// The rows of a document.
pub(crate) fn rows(
    planned: &PlannedItem,
    document: &Document,
    around: Surroundings<'_>,
) -> Result<Rows, SystemError> {
    let mut head = head(planned, document, around);
    let lines = if document.kind.is_bill() {
        bill_lines(planned, document, around)?
    } else {
        entry_lines(planned, document, around)?
    };
    let empty = vec![String::new(); head.len()];
    Ok(lines
        .into_iter()
        .map(|line| {
            let mut row = std::mem::replace(&mut head, empty.clone());
            row.extend(line);
            row
        })
        .collect())
}

fn head(planned: &PlannedItem, document: &Document, around: Surroundings<'_>) -> Vec<String> {
    let company = around.company;
    let move_type = match document.kind {
        DocumentKind::VendorBill => "in_invoice",
        DocumentKind::CreditNote => "in_refund",
        DocumentKind::JournalEntry | DocumentKind::BillPayment | DocumentKind::RefundReceipt => "entry",
    };
    let mut head = vec![
        key(planned, document).external_id(),
        move_type.to_owned(),
        company.journal(document.kind).to_string(),
        document.posting_date.to_string(),
        reference(planned, document),
        Origin::of(planned, Some(around.maker)).to_text(),
        narration(planned, document),
        around
            .creditor
            .map(|ids| ids.partner.to_string())
            .unwrap_or_default(),
    ];
    if document.kind.is_bill() {
        let invoice_date = document.invoice_date.unwrap_or(document.item_date);
        head.extend([
            invoice_date.to_string(),
            // Odoo would take the day on which it is booked.
            document.due_date.unwrap_or(invoice_date).to_string(),
            around.currency().to_string(),
        ]);
    }
    head
}

/// What people search by. A bill carries the vendor's own number; the rest ends with Pleo's book id.
pub(crate) fn reference(planned: &PlannedItem, document: &Document) -> String {
    let book_id = &planned.item.book_id;
    let number = document.invoice_number.as_deref();
    match (document.kind.is_bill(), document.kind, number) {
        (true, _, Some(number)) => number.to_owned(),
        (true, _, None) => format!("Pleo {book_id}"),
        (false, DocumentKind::JournalEntry, _) | (false, _, None) => {
            format!("{}{BOOK_ID_MARK}{book_id}", planned.title())
        }
        (false, _, Some(number)) => format!("{number}{BOOK_ID_MARK}{book_id}"),
    }
}

fn bill_lines(
    planned: &PlannedItem,
    document: &Document,
    around: Surroundings<'_>,
) -> Result<Rows, SystemError> {
    let label = format!("{}{BOOK_ID_MARK}{}", planned.title(), planned.item.book_id);
    let is_credit = document.kind == DocumentKind::CreditNote;
    document
        .postings
        .iter()
        .filter(|posting| !is_left_to_odoo(posting) && !is_claim(posting))
        .map(|posting| {
            let mut price = without_tax(posting);
            if let Some(tax) = posting.tax.as_ref().filter(|tax| !tax.reverse_charge)
                && tax_id(posting)?.is_some_and(|id| around.included_taxes.contains(&id))
            {
                price += tax.amount;
            }
            let price = if is_credit { price.negated() } else { price };
            Ok(vec![
                account(posting, around.creditor)?.to_string(),
                label.clone(),
                "1".to_owned(),
                price.to_string(),
                tax_id(posting)?.map(|id| id.to_string()).unwrap_or_default(),
                analytic(posting)?,
            ])
        })
        .collect()
}

fn entry_lines(
    planned: &PlannedItem,
    document: &Document,
    around: Surroundings<'_>,
) -> Result<Rows, SystemError> {
    let balances = balances(document, around.rate)?;
    let kept = document.postings.iter().zip(balances);
    kept.filter(|(posting, _)| !is_left_to_odoo(posting))
        .map(|(posting, balance)| {
            let employee = || around.creditors.employee(posting.employee_code.as_deref());
            let partner = around.creditor.map(|ids| ids.partner).or_else(employee);
            Ok(vec![
                account(posting, around.creditor)?.to_string(),
                planned.title(),
                partner.map(|id| id.to_string()).unwrap_or_default(),
                balance.to_string(),
                around.currency().to_string(),
                without_tax(posting).to_string(),
                tax_id(posting)?.map(|id| id.to_string()).unwrap_or_default(),
                analytic(posting)?,
            ])
        })
        .collect()
}

/// The amount of each posting in the company's currency. Odoo takes what it is sent without looking at its rates,
/// so the last posting takes what rounding leaves over.
fn balances(document: &Document, rate: Option<&Rate>) -> Result<Vec<Amount>, SystemError> {
    let Some(rate) = rate else {
        return Ok(document.postings.iter().map(without_tax).collect());
    };
    let mut balances: Vec<Amount> = document
        .postings
        .iter()
        .map(|posting| rate.to_company(without_tax(posting)))
        .collect::<Option<_>>()
        .ok_or_else(too_large)?;
    if let Some((last, before)) = balances.split_last_mut() {
        let taxes = document
            .postings
            .iter()
            .filter(|posting| is_left_to_odoo(posting));
        if taxes.count() == 0 {
            *last = before.iter().copied().sum::<Amount>().negated();
        }
    }
    Ok(balances)
}

fn too_large() -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::ValidationFailure,
        reason: "The amount is too large for the books.".to_owned(),
    }
}

/// The tax that Odoo adds to a cost.
pub(crate) fn tax_id(posting: &Posting) -> Result<Option<Id>, SystemError> {
    let tax = posting.tax.as_ref().filter(|_| posting.purpose == Purpose::Cost);
    tax.and_then(|tax| tax.reference.as_ref())
        .map(|reference| id(reference, "The tax"))
        .transpose()
}

/// All tags of a line together carry the whole of it.
fn analytic(posting: &Posting) -> Result<String, SystemError> {
    let mut ids = BTreeSet::new();
    for tag in &posting.tags {
        ids.insert(id(&tag.reference, &tag.tag.code)?);
    }
    if ids.is_empty() {
        return Ok(String::new());
    }
    let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
    Ok(json!({ (ids.join(",")): 100 }).to_string())
}

/// The notes of a document, as HTML: everything about the item that has no field of its own.
fn narration(planned: &PlannedItem, document: &Document) -> String {
    let item = &planned.item;
    let mut lines = vec![
        planned.description.clone(),
        format!("Pleo book id: {}", item.book_id),
    ];
    let mut add = |label: &str, text: Option<String>| {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            lines.push(format!("{label}: {text}"));
        }
    };
    let kind = item
        .sub_type
        .as_ref()
        .map_or(item.item_type.as_str(), |sub_type| sub_type.as_str());
    add("Type", Some(kind.replace('_', " ")));
    add("Payee", Some(planned.payee.clone()));
    add("Spent by", item.user.as_ref().map(|user| user.name.clone()));
    add("Team", item.team.as_ref().map(|team| team.name.clone()));
    add("Attendees", Some(item.attendees.join(", ")));
    add("Settles", Some(item.reconciled_entries.join(", ")));
    let foreign = item
        .supplier_amount
        .filter(|money| money.currency != item.amount.currency);
    add(
        "Amount in the supplier's currency",
        foreign.map(|money| money.to_string()),
    );
    add(
        "Service period",
        item.service_period.map(|(from, to)| format!("{from} to {to}")),
    );
    let moved = document.posting_date != document.item_date;
    add(
        "Date in Pleo",
        moved.then(|| format!("{}, in a closed period", document.item_date)),
    );
    let missing = planned.receipts_missing;
    add("Receipts missing", (missing > 0).then(|| missing.to_string()));
    add("Note", Some(planned.remarks.join("; ")));
    add("In Pleo", item.web_link.clone());
    let mut html = String::new();
    for line in lines {
        // Writing to a string cannot fail.
        let _ = write!(html, "<p>{}</p>", escaped(&line));
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
