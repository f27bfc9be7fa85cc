//! What the metadata of a transaction says: whose it is, how much, which invoice, who, and what else Pleo knows.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::document::{Creditor, Document, Part, PlannedItem};
use crate::model::export_item::{AccountReference, ExportItem, SubType};
use crate::model::money::Money;

use super::super::vocabulary::{document_kind, key};
use super::{Entry, Lines, VERSION, vendor_reference};

/// Whose it is: the key in the books, and by what Pleo knows it.
pub(super) fn identity(lines: &mut Lines<'_>, entry: &Entry<'_>) {
    let PlannedItem {
        item,
        job_id,
        content_hash,
        ..
    } = entry.item;
    lines.text(key::ENTRY, Some(item.entry_id.as_str()));
    if entry.document.part != Part::Main {
        lines.text(key::PART, Some(entry.document.part.as_str()));
    }
    if entry.revision > 1 {
        lines.raw(key::REVISION, entry.revision);
    }
    lines.text(key::NUMBER, Some(&entry.number.to_string()));
    lines.text(key::DOCUMENT, Some(document_kind::word(entry.document.kind)));
    lines.text("pleo-book-id", Some(&item.book_id));
    lines.text("pleo-type", Some(item.item_type.as_str()));
    lines.text("pleo-sub-type", item.sub_type.as_ref().map(SubType::as_str));
    lines.text(
        "pleo-method",
        Some(item.method.as_str()).filter(|method| !method.is_empty()),
    );
    lines.text("pleo-company", Some(item.company_id.as_str()));
    lines.text("pleo-job", Some(job_id.as_str()));
    lines.text(key::HASH, Some(content_hash));
    lines.text("pleo-recorded-at", Some(&moment(entry.recorded_at)));
    lines.text("pleo-version", Some(VERSION));
}

/// How much and when.
pub(super) fn figures(lines: &mut Lines<'_>, entry: &Entry<'_>) {
    let item = &entry.item.item;
    lines.text(key::AMOUNT, Some(&item.amount.to_string()));
    if let Some(supplier_amount) = item.supplier_amount {
        lines.text(key::SUPPLIER_AMOUNT, Some(&supplier_amount.to_string()));
        lines.text("pleo-rate", rate(item.amount, supplier_amount).as_deref());
    }
    lines.text("pleo-date", Some(&moment(item.date)));
    if entry.document.posting_date != entry.document.item_date {
        lines.date("pleo-original-date", Some(entry.document.item_date));
    }
}

/// What the invoice says, and by what bill and payment find each other.
pub(super) fn invoice(lines: &mut Lines<'_>, entry: &Entry<'_>) {
    let (document, stated) = (entry.document, entry.item.item.invoice.as_ref());
    let matched = document.matching.as_ref();
    lines.text(key::VENDOR_REFERENCE, reference_of(document).as_deref());
    let number = matched
        .map(|invoice| &invoice.number)
        .or(document.invoice_number.as_ref());
    lines.text(
        key::INVOICE_NUMBER,
        number.or(stated.map(|stated| &stated.number)).map(String::as_str),
    );
    lines.date(
        "invoice-date",
        document
            .invoice_date
            .or(stated.and_then(|stated| stated.invoice_date)),
    );
    lines.date(
        "due-date",
        document.due_date.or(stated.and_then(|stated| stated.due_date)),
    );
    lines.date("payment-date", stated.and_then(|stated| stated.payment_date));
    lines.text("invoice-status", stated.map(|stated| stated.status.as_str()));
}

/// How the books refer to the vendor of a document.
fn reference_of(document: &Document) -> Option<String> {
    let matched = document
        .matching
        .as_ref()
        .and_then(|invoice| vendor_reference(&invoice.vendor));
    matched.map(str::to_owned).or(match &document.creditor {
        Some(Creditor::Vendor(vendor)) => Some(vendor.reference.to_string()),
        _ => None,
    })
}

/// With whom, by whom, for whom.
pub(super) fn people(lines: &mut Lines<'_>, item: &ExportItem) {
    if let Some(supplier) = &item.supplier {
        lines.text("supplier", supplier.name.as_deref());
        lines.text("supplier-code", supplier.code.as_deref());
        lines.text("supplier-account", supplier.account.as_deref());
        lines.text("supplier-tax-number", supplier.tax_number.as_deref());
        lines.text("supplier-country", supplier.country.as_deref());
    }
    if let Some(vendor) = &item.vendor {
        lines.text("vendor", Some(&vendor.name));
        lines.text("vendor-code", vendor.code.as_deref());
        lines.text("vendor-external-id", vendor.external_id.as_deref());
        lines.text(
            "vendor-registration-number",
            vendor.registration_number.as_deref(),
        );
        lines.text("vendor-tax-number", vendor.tax_number.as_deref());
        lines.text("vendor-country", vendor.country.as_deref());
    }
    for (party, name, code) in [
        (&item.user, "user", "user-code"),
        (&item.team, "team", "team-code"),
    ] {
        if let Some(party) = party {
            lines.text(name, Some(&party.name));
            lines.text(code, party.code.as_deref());
        }
    }
    lines.list("attendees", item.attendees.iter().map(String::as_str));
}

/// What else Pleo knows, and what we found odd.
pub(super) fn particulars(lines: &mut Lines<'_>, planned: &PlannedItem) {
    let item = &planned.item;
    lines.text("note", item.note.as_deref());
    if let Some((from, to)) = item.service_period {
        lines.date("service-from", Some(from));
        lines.date("service-to", Some(to));
    }
    lines.list(
        "reconciled-entries",
        item.reconciled_entries.iter().map(String::as_str),
    );
    lines.text(
        "contra-account",
        item.contra_account.as_ref().map(account_text).as_deref(),
    );
    lines.text("pleo-link", item.web_link.as_deref());
    lines.list(
        "pleo-receipts",
        planned.receipts.iter().map(|receipt| receipt.sha256.as_str()),
    );
    if planned.receipts_missing > 0 {
        lines.text("pleo-receipt", Some("missing"));
    }
    lines.list(
        "remarks",
        item.remarks.iter().chain(&planned.remarks).map(String::as_str),
    );
}

fn account_text(account: &AccountReference) -> String {
    let known = [
        account.code.as_deref(),
        account.identifier.as_deref(),
        Some(account.name.as_str()),
    ];
    let known: Vec<&str> = known
        .into_iter()
        .flatten()
        .filter(|text| !text.is_empty())
        .collect();
    known.join(" ")
}

fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// How much of the wallet's currency one unit of the supplier's cost, with six decimals; `None` where both are
/// the same currency or there is nothing to divide by.
fn rate(wallet: Money, supplier: Money) -> Option<String> {
    if wallet.currency == supplier.currency || supplier.amount.is_zero() {
        return None;
    }
    let dividend = u128::from(wallet.amount.in_hundredths().unsigned_abs()) * 1_000_000;
    let divisor = u128::from(supplier.amount.in_hundredths().unsigned_abs());
    let millionths = (dividend + divisor / 2) / divisor;
    Some(format!(
        "{}.{:06}",
        millionths / 1_000_000,
        millionths % 1_000_000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::money::Amount;

    #[test]
    fn the_rate_is_exact_to_six_decimals() {
        let money = |hundredths, currency: &str| Money {
            amount: Amount::hundredths(hundredths),
            currency: currency.parse().unwrap(),
        };
        assert_eq!(
            rate(money(-74_605, "DKK"), money(-10_000, "EUR")).as_deref(),
            Some("7.460500")
        );
        assert_eq!(
            rate(money(200, "DKK"), money(300, "EUR")).as_deref(),
            Some("0.666667")
        );
        assert_eq!(rate(money(200, "DKK"), money(300, "DKK")), None);
        assert_eq!(rate(money(200, "DKK"), money(0, "EUR")), None);
    }
}
