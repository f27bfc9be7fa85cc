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
//! | vendor's document | `invoice-number`, `vendor-code`, `vendor-external-id`, `vendor-tax-number` | by these bill and payment find each other |
//! | transaction | `invoice-date`, `due-date`, `payment-date`, `invoice-status` | what the invoice says |
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
//! | account | `code`, `name`, `identifier` | Pleo's code, name and id of it |
//! | | `purpose` | cost, income, wallet, input_tax, output_tax: the account serves that alone |
//! | file | `custom "pleo-company"` | the company on Pleo whose entries the file holds |
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
    /// The same in entries that state less.
    pub(in super::super) const LEAN_SUPPLIER_AMOUNT: &str = "supplier-amount";
    /// The vendor's number of the invoice.
    pub(in super::super) const INVOICE_NUMBER: &str = "invoice-number";
    /// Pleo's words for the kind of the item and how it is booked.
    pub(in super::super) const TYPE: &str = "pleo-type";
    /// A closer description.
    pub(in super::super) const SUB_TYPE: &str = "pleo-sub-type";
    /// The bookkeeping method.
    pub(in super::super) const METHOD: &str = "pleo-method";
    /// The moment of the expense, in UTC.
    pub(in super::super) const DATE: &str = "pleo-date";
    /// Its day, where the posting date is another.
    pub(in super::super) const ORIGINAL_DATE: &str = "pleo-original-date";
    /// The day of the vendor's document.
    pub(in super::super) const INVOICE_DATE: &str = "invoice-date";
    /// When it is due.
    pub(in super::super) const DUE_DATE: &str = "due-date";
    /// The account that Pleo names for the wallet.
    pub(in super::super) const CONTRA_ACCOUNT: &str = "contra-account";
    /// By what the vendor is known.
    pub(in super::super) const VENDOR: [&str; 3] = [VENDOR_CODE, VENDOR_EXTERNAL_ID, VENDOR_TAX_NUMBER];
    /// The vendor's number in the books.
    pub(in super::super) const VENDOR_CODE: &str = "vendor-code";
    /// The vendor's other identifier.
    pub(in super::super) const VENDOR_EXTERNAL_ID: &str = "vendor-external-id";
    /// The vendor's tax number.
    pub(in super::super) const VENDOR_TAX_NUMBER: &str = "vendor-tax-number";
    /// The vendor's name.
    pub(in super::super) const VENDOR_NAME: &str = "vendor";
    /// By what the supplier is known.
    pub(in super::super) const SUPPLIER: [&str; 3] =
        ["supplier-code", "supplier-account", "supplier-tax-number"];
    /// The line of the item that a posting comes from.
    pub(in super::super) const LINE: &str = "line";
    /// Pleo's code of a line's account.
    pub(in super::super) const ACCOUNT_CODE: &str = "account-code";
    /// Pleo's identifier of a line's account.
    pub(in super::super) const ACCOUNT_IDENTIFIER: &str = "account-identifier";
    /// The tax code of a line.
    pub(in super::super) const TAX_CODE: &str = "tax-code";
    /// The whole tax of a line.
    pub(in super::super) const TAX_AMOUNT: &str = "tax-amount";
    /// The cost centres of a line.
    pub(in super::super) const TAGS: &str = "tags";
    /// What a posting is for; on an account, what alone it serves.
    pub(in super::super) const PURPOSE: &str = "purpose";
    /// Pleo's code of an account.
    pub(in super::super) const CODE: &str = "code";
    /// The id that Pleo has for an account.
    pub(in super::super) const IDENTIFIER: &str = "identifier";
    /// The company on Pleo, on entries of the first version.
    pub(in super::super) const COMPANY: &str = "pleo-company";
    /// The accounting entry of a receipt. Not [`ENTRY`], which stands on transactions alone: whoever counts that
    /// key counts documents.
    pub(in super::super) const RECEIPT_OF: &str = "receipt-of";
    /// Hash of a receipt.
    pub(in super::super) const SHA256: &str = "sha256";
}

/// Names of `custom` directives that are read back.
pub(super) mod directive {
    /// Whose entries follow.
    pub(in super::super) const COMPANY: &str = "pleo-company";
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
    use crate::model::references::AccountPurpose;

    /// The cost of a line.
    pub(in super::super) const COST: &str = "cost";

    /// What a vendor is owed.
    pub(in super::super) const PAYABLE: &str = "payable";
    /// Tax.
    pub(in super::super) const TAX: &str = "tax";
    /// The other side of a reverse charge.
    pub(in super::super) const REVERSE_TAX: &str = "reverse-tax";

    /// The word for it.
    pub(in super::super) fn word(purpose: Purpose) -> &'static str {
        match purpose {
            Purpose::Cost => COST,
            Purpose::Tax => TAX,
            Purpose::ReverseTax => REVERSE_TAX,
            Purpose::Cash => "cash",
            Purpose::Payable => PAYABLE,
            Purpose::Employee => "employee",
            Purpose::Transit => "transit",
            Purpose::FxDifference => "fx-difference",
        }
    }

    /// The purpose of an account that a posting needs beside its cost: a wallet, a tax.
    pub(in super::super) fn beside_the_cost(word: &str) -> Option<AccountPurpose> {
        match word {
            "cash" => Some(AccountPurpose::Wallet),
            "tax" => Some(AccountPurpose::InputTax),
            "reverse-tax" => Some(AccountPurpose::OutputTax),
            _ => None,
        }
    }
}
