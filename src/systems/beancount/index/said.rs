//! What a transaction says of its invoice, of the wallet that it moves and of tax.

use std::borrow::Cow;

use super::super::reader::{self, Directive, Metadata, Posting};
use super::super::text;
use super::super::vocabulary::{document_kind, key, purpose};
use super::entries::BookedInvoice;
use crate::model::money::Money;
use crate::model::references::{AccountPurpose, InvoiceNumber, VendorKey};

/// The side of a vendor's invoice that a transaction is; `None` for other transactions.
pub(super) fn invoice(directive: &Directive<'_>, postings: &[Posting<'_>]) -> Option<BookedInvoice> {
    let metadata = &directive.metadata;
    let side = document_kind::side_of_invoice(&metadata.get(key::DOCUMENT)?)?;
    let links = directive
        .links
        .iter()
        .filter(|link| !link.starts_with(text::ENTRY_LINK));
    let link = links
        .clone()
        .find(|link| link.starts_with(text::BILL_LINK))
        .or_else(|| links.clone().next());
    let payable = payable(postings)?;
    let money = |name| metadata.get(name).and_then(|text| reader::money(&text));
    let supplier_amount = money(key::SUPPLIER_AMOUNT).or_else(|| money(key::FIRST_SUPPLIER_AMOUNT));
    // Version 0.1 always stated the item's amount; what states less says so where the supplier's differs.
    let is_own_currency = metadata.get(key::FIRST_AMOUNT).is_none();
    Some(BookedInvoice {
        vendor: vendor(metadata),
        number: InvoiceNumber::new(&metadata.get(key::INVOICE_NUMBER)?)?,
        side,
        payable,
        supplier_amount: supplier_amount.or(is_own_currency.then_some(payable)),
        invoice_date: metadata.get(key::INVOICE_DATE).and_then(|date| date.parse().ok()),
        link: link.map(|link| Box::from(*link)),
    })
}

/// Who the vendor of a transaction is.
fn vendor(metadata: &Metadata<'_>) -> VendorKey {
    let text = |name: &str| {
        metadata
            .get(name)
            .map(Cow::into_owned)
            .filter(|text| !text.is_empty())
    };
    let said = VendorKey {
        code: text(key::VENDOR_CODE),
        external_id: text(key::VENDOR_EXTERNAL_ID),
        tax_number: text(key::VENDOR_TAX_NUMBER),
    };
    if said != VendorKey::default() {
        return said;
    }
    // Version 0.1 said it of the supplier on the first document, and gave one reference, without saying which, on all.
    let code = text(key::SUPPLIER_CODE);
    let supplier = VendorKey {
        external_id: text(key::SUPPLIER_ACCOUNT).filter(|_| code.is_none()),
        code,
        tax_number: text(key::SUPPLIER_TAX_NUMBER),
    };
    if supplier != VendorKey::default() {
        return supplier;
    }
    let reference = text(key::VENDOR_REFERENCE);
    VendorKey {
        code: None,
        external_id: reference.clone(),
        tax_number: reference,
    }
}

/// The posting that moves the wallet, where the entry says which it is, as version 0.1 did.
pub(super) fn wallet<'a, 'b>(postings: &'a [Posting<'b>]) -> Option<&'a Posting<'b>> {
    postings.iter().find(|posting| {
        let word = posting.metadata.get(key::PURPOSE);
        word.and_then(|word| purpose::beside_the_cost(&word)) == Some(AccountPurpose::Wallet)
    })
}

/// Whether a posting moves tax, by what it says.
pub(super) fn touches_tax(posting: &Posting<'_>) -> bool {
    let purpose = posting.metadata.get(key::PURPOSE);
    posting.metadata.get(key::TAX_CODE).is_some()
        || purpose.is_some_and(|purpose| purpose == purpose::TAX || purpose == purpose::REVERSE_TAX)
}

/// The sum of the postings that say they are what a vendor is owed.
fn payable(postings: &[Posting<'_>]) -> Option<Money> {
    let mut payables = postings
        .iter()
        .filter(|posting| posting.metadata.get(key::PURPOSE).as_deref() == Some(purpose::PAYABLE))
        .filter_map(|posting| posting.amount.exact());
    let first = payables.next()?;
    payables.try_fold(first, Money::plus)
}
