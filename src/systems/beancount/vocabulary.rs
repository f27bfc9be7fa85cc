//! The words that we write into the books and read back: metadata keys and their fixed values.
//!
//! | where | key | value |
//! |---|---|---|
//! | transaction | `pleo-entry` | the accounting entry; with part and revision the key of the transaction |
//! | | `pleo-part` | `payment` on the second document of an item; absent on the first |
//! | | `pleo-revision` | from 2 on: the entry was reversed in the books and booked again |
//! | | `pleo-number` | `PLEO-2026-000123`, gapless in the year of the posting date |
//! | | `pleo-document` | journal-entry, vendor-bill, credit-note, bill-payment, refund-receipt |
//! | | `pleo-book-id` | Pleo's number, by which people reconcile |
//! | | `pleo-type`, `pleo-sub-type`, `pleo-method` | Pleo's words for kind and bookkeeping method |
//! | | `pleo-company`, `pleo-job` | the company, and the export job that brought it |
//! | | `pleo-hash` | hash of the payload, by which a changed export is known |
//! | | `pleo-amount`, `pleo-supplier-amount`, `pleo-rate` | wallet amount, supplier's amount, first divided by second |
//! | | `pleo-date`, `pleo-original-date` | moment in UTC; day of the item, when the posting date was moved |
//! | | `pleo-recorded-at`, `pleo-version` | when it was written, and by which version of this program |
//! | | `pleo-vendor-reference`, `invoice-number` | by these bill and payment find each other |
//! | | `invoice-date`, `due-date`, `payment-date`, `invoice-status` | what the invoice says |
//! | first document | `pleo-receipt`, `pleo-receipts` | `missing` when one could not be had; SHA-256 of each in order |
//! | | `supplier`, `supplier-code`, `supplier-account`, `supplier-tax-number`, `supplier-country` | the merchant |
//! | | `vendor`, `vendor-code`, `vendor-external-id`, `vendor-registration-number`, `vendor-tax-number`, `vendor-country` | the vendor of the books |
//! | | `user`, `user-code`, `team`, `team-code`, `attendees` | who spent, who took part |
//! | | `note`, `remarks` | what the spender wrote; oddities that we found |
//! | | `contra-account` | the account that Pleo names for the wallet |
//! | | `service-from`, `service-to`, `reconciled-entries`, `pleo-link` | as Pleo has them |
//! | mirror | `pleo-reverses`, `pleo-number` | the number of the document that it takes back; its own, when we wrote it |
//! | posting | `purpose` | cost, tax, reverse-tax, cash, payable, employee, transit, fx-difference |
//! | | `line`, `line-id` | the line of the item, counted from 1, and Pleo's id of it |
//! | | `account-code`, `account-identifier`, `account-name`, `supplier-amount` | on cost: as Pleo has them |
//! | | `tax-code`, `tax-rate`, `tax-base`, `tax-amount`, `reverse-charge` | the tax of the line |
//! | | `tags`, `employee-code` | cost centres as `group=code`; the employee who owes or is owed |
//! | account | `code`, `name` | Pleo's code and name |
//! | document | `receipt-of`, `receipt-of-number`, `receipt`, `sha256`, `file-name` | whose receipt, which one, its content |

/// Metadata keys that are read back.
pub(super) mod key {
    /// The accounting entry.
    pub(in super::super) const ENTRY: &str = "pleo-entry";
    /// The part, absent for the first.
    pub(in super::super) const PART: &str = "pleo-part";
    /// The revision, absent for the first.
    pub(in super::super) const REVISION: &str = "pleo-revision";
    /// The number in the books.
    pub(in super::super) const NUMBER: &str = "pleo-number";
    /// On a mirror: the number of the document that it takes back.
    pub(in super::super) const REVERSES: &str = "pleo-reverses";
    /// What the first version advised; it takes nothing out of a balance and is told.
    pub(in super::super) const REVERSED: &str = "pleo-reversed";
    /// The kind of document.
    pub(in super::super) const DOCUMENT: &str = "pleo-document";
    /// The payload's hash.
    pub(in super::super) const HASH: &str = "pleo-hash";
    /// The item's amount.
    pub(in super::super) const AMOUNT: &str = "pleo-amount";
    /// The amount in the supplier's currency.
    pub(in super::super) const SUPPLIER_AMOUNT: &str = "pleo-supplier-amount";
    /// The vendor as the books refer to it.
    pub(in super::super) const VENDOR_REFERENCE: &str = "pleo-vendor-reference";
    /// The vendor's number of the invoice.
    pub(in super::super) const INVOICE_NUMBER: &str = "invoice-number";
    /// What a posting is for.
    pub(in super::super) const PURPOSE: &str = "purpose";
    /// Pleo's code of a tax.
    pub(in super::super) const TAX_CODE: &str = "tax-code";
    /// Pleo's code of an account.
    pub(in super::super) const CODE: &str = "code";
    /// The accounting entry of a receipt. Not [`ENTRY`], which stands on transactions alone: whoever counts that
    /// key counts documents.
    pub(in super::super) const RECEIPT_OF: &str = "receipt-of";
    /// Hash of a receipt.
    pub(in super::super) const SHA256: &str = "sha256";
}

/// The kinds of documents.
pub(super) mod document_kind {
    use crate::model::document::DocumentKind;
    use crate::model::references::InvoiceSide;

    /// The word for the kind that holds an item whole.
    pub(in super::super) const JOURNAL_ENTRY: &str = "journal-entry";

    /// The word for it.
    pub(in super::super) fn word(kind: DocumentKind) -> &'static str {
        match kind {
            DocumentKind::JournalEntry => JOURNAL_ENTRY,
            DocumentKind::VendorBill => "vendor-bill",
            DocumentKind::CreditNote => "credit-note",
            DocumentKind::BillPayment => "bill-payment",
            DocumentKind::RefundReceipt => "refund-receipt",
        }
    }

    /// Which side of an invoice a document of that kind is.
    pub(in super::super) fn side_of_invoice(word: &str) -> Option<InvoiceSide> {
        match word {
            "vendor-bill" | "credit-note" => Some(InvoiceSide::Bill),
            "bill-payment" | "refund-receipt" => Some(InvoiceSide::Payment),
            _ => None,
        }
    }
}

/// What postings are for.
pub(super) mod purpose {
    use crate::model::document::Purpose;

    /// What a vendor is owed.
    pub(in super::super) const PAYABLE: &str = "payable";
    /// Tax.
    pub(in super::super) const TAX: &str = "tax";
    /// The other side of a reverse charge.
    pub(in super::super) const REVERSE_TAX: &str = "reverse-tax";

    /// The word for it.
    pub(in super::super) fn word(purpose: Purpose) -> &'static str {
        match purpose {
            Purpose::Cost => "cost",
            Purpose::Tax => TAX,
            Purpose::ReverseTax => REVERSE_TAX,
            Purpose::Cash => "cash",
            Purpose::Payable => PAYABLE,
            Purpose::Employee => "employee",
            Purpose::Transit => "transit",
            Purpose::FxDifference => "fx-difference",
        }
    }
}
