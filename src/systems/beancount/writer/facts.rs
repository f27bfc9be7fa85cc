//! What the metadata of a transaction says: whose it is, and on a vendor's document which invoice.
//!
//! Only what is looked up or asked for by auditors stands here; everything else is in the evidence.

use crate::model::document::{Creditor, DocumentKind, Part};

use super::super::vocabulary::{RECEIPT_MISSING, document_kind, key};
use super::lines::{Entry, Lines};

/// Whose it is: the key in the books, and by what Pleo knows it.
pub(super) fn identity(lines: &mut Lines<'_>, entry: &Entry<'_>) {
    let (planned, document) = (entry.item, entry.document);
    lines.text(key::ENTRY, Some(planned.entry_id().as_str()));
    if document.part != Part::Main {
        lines.text(key::PART, Some(document.part.as_str()));
    }
    if entry.revision > 1 {
        lines.raw(key::REVISION, entry.revision);
    }
    lines.text(key::NUMBER, Some(&entry.number.to_string()));
    lines.text(key::BOOK_ID, Some(&planned.item.book_id));
    if document.kind != DocumentKind::JournalEntry {
        lines.text(key::DOCUMENT, Some(document_kind::word(document.kind)));
    }
    if document.posting_date != document.item_date {
        lines.date(key::ORIGINAL_DATE, Some(document.item_date));
    }
    let first = planned.documents.first();
    if planned.receipts_missing > 0 && first.is_some_and(|first| first.part == document.part) {
        lines.text(key::RECEIPT, Some(RECEIPT_MISSING));
    }
    lines.text(key::HASH, Some(&planned.content_hash));
}

/// What joins bill and payment of a vendor's invoice.
pub(super) fn invoice(lines: &mut Lines<'_>, entry: &Entry<'_>) {
    let (item, document) = (&entry.item.item, entry.document);
    let is_vendors = !matches!(document.creditor, Some(Creditor::Employee { .. }));
    if document.kind == DocumentKind::JournalEntry || !is_vendors {
        return;
    }
    let stated = item.invoice.as_ref();
    let number = document.matching.as_ref().map(|invoice| invoice.number.as_str());
    let number = number.or(document.invoice_number.as_deref());
    lines.text(
        key::INVOICE_NUMBER,
        number.or(stated.map(|stated| stated.number.as_str())),
    );
    let of_invoice = stated.and_then(|stated| stated.invoice_date);
    lines.date(key::INVOICE_DATE, document.invoice_date.or(of_invoice));
    if let Some(invoice) = &document.matching {
        lines.text(key::VENDOR_CODE, invoice.vendor.code.as_deref());
        lines.text(key::VENDOR_EXTERNAL_ID, invoice.vendor.external_id.as_deref());
        lines.text(key::VENDOR_TAX_NUMBER, invoice.vendor.tax_number.as_deref());
    } else if let Some(vendor) = &item.vendor {
        lines.text(key::VENDOR_CODE, vendor.code.as_deref());
        lines.text(key::VENDOR_EXTERNAL_ID, vendor.external_id.as_deref());
        lines.text(key::VENDOR_TAX_NUMBER, vendor.tax_number.as_deref());
    }
    let foreign = item
        .supplier_amount
        .filter(|amount| amount.currency != item.amount.currency);
    lines.text(
        key::SUPPLIER_AMOUNT,
        foreign.map(|amount| amount.to_string()).as_deref(),
    );
}
