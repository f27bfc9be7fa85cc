//! The words that we write into the books and read back: metadata keys and their fixed values.
//!
//! | where | key | value |
//! |---|---|---|
//! | transaction | `pleo-entry` | the accounting entry; with part and revision the key of the transaction |
//! | | `pleo-part` | `payment` on the second document of an item; absent on the first |
//! | | `pleo-revision` | from 2 on: the entry was reversed in the books and booked again |
//! | | `pleo-number` | `PLEO-2026-000123`, gapless in the year of the posting date |
//! | | `pleo-book-id` | Pleo's number, by which people reconcile |
//! | | `pleo-document` | vendor-bill, credit-note, bill-payment, refund-receipt; absent on a journal entry |
//! | | `pleo-original-date` | day of the item, when the posting date was moved |
//! | | `pleo-receipt` | `missing` on the first document when a receipt could not be had |
//! | | `pleo-hash` | hash of the payload, by which a changed export is known |
//! | vendor's document | `invoice-number`, `invoice-date`, `vendor-code`, `vendor-external-id`, `vendor-tax-number` | by these bill and payment find each other |
//! | | `supplier-amount` | the supplier's amount, where its currency is not the wallet's |
//! | mirror | `pleo-reverses`, `pleo-number` | the number of the document that it takes back; its own, when we wrote it |
//! | posting | `account-code` | on a cost: Pleo's code of the account, else Pleo's identifier |
//! | | `tax-code` | the tax of the line, on its cost and its taxes |
//! | | `tags` | cost centres as `group=code`, on a cost |
//! | | `purpose` | tax, reverse-tax, non-deductible-tax, payable, employee; none on costs and money |
//! | | `employee-code`, else `employee` | who owes or is owed: Pleo's code, or the name where there is none |
//! | account | `code`, `name`, `identifier` | Pleo's code, name and id of it |
//! | | `purpose` | cost, income, wallet, `input_tax`, `output_tax`: the account serves that alone |
//! | file | `custom "pleo-company"` | the company on Pleo whose entries the file holds |
//! | | `custom "pleo-evidence"` | the file beside it that holds all else about its entries, and its SHA-256 |
//! | | `custom "pleo-evidence-removed"` | evidence of earlier batches that is kept no longer, a line for each file |
//! | document | `receipt-of`, `receipt-of-number`, `receipt`, `sha256`, `file-name` | whose receipt, which one, its content |
//!
//! Version 0.1 wrote all that Pleo says: `pleo-document` and `purpose` everywhere, and keys that are read here and not
//! written any more. Such entries stay as they are.

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
    /// Pleo's number of the item.
    pub(in super::super) const BOOK_ID: &str = "pleo-book-id";
    /// Says that a receipt is missing.
    pub(in super::super) const RECEIPT: &str = "pleo-receipt";
    /// The amount in the supplier's currency.
    pub(in super::super) const SUPPLIER_AMOUNT: &str = "supplier-amount";
    /// The item's amount, in version 0.1.
    pub(in super::super) const FIRST_AMOUNT: &str = "pleo-amount";
    /// The amount in the supplier's currency, in version 0.1.
    pub(in super::super) const FIRST_SUPPLIER_AMOUNT: &str = "pleo-supplier-amount";
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
    /// The references of the vendor.
    pub(in super::super) const VENDOR: [&str; 3] = [VENDOR_CODE, VENDOR_EXTERNAL_ID, VENDOR_TAX_NUMBER];
    /// The vendor's number in the books.
    pub(in super::super) const VENDOR_CODE: &str = "vendor-code";
    /// The vendor's other identifier.
    pub(in super::super) const VENDOR_EXTERNAL_ID: &str = "vendor-external-id";
    /// The vendor's tax number.
    pub(in super::super) const VENDOR_TAX_NUMBER: &str = "vendor-tax-number";
    /// The vendor's name.
    pub(in super::super) const VENDOR_NAME: &str = "vendor";
    /// The references of the supplier.
    pub(in super::super) const SUPPLIER: [&str; 3] = [SUPPLIER_CODE, SUPPLIER_ACCOUNT, SUPPLIER_TAX_NUMBER];
    /// The supplier's number.
    pub(in super::super) const SUPPLIER_CODE: &str = "supplier-code";
    /// The supplier's account, for want of another reference.
    pub(in super::super) const SUPPLIER_ACCOUNT: &str = "supplier-account";
    /// The supplier's tax number.
    pub(in super::super) const SUPPLIER_TAX_NUMBER: &str = "supplier-tax-number";
    /// One of a vendor's references, in entries of version 0.1.
    pub(in super::super) const VENDOR_REFERENCE: &str = "pleo-vendor-reference";
    /// The line of the item that a posting comes from.
    pub(in super::super) const LINE: &str = "line";
    /// Pleo's code of a line's account.
    pub(in super::super) const ACCOUNT_CODE: &str = "account-code";
    /// Pleo's identifier of a line's account.
    pub(in super::super) const ACCOUNT_IDENTIFIER: &str = "account-identifier";
    /// The tax code of a line.
    pub(in super::super) const TAX_CODE: &str = "tax-code";
    /// The rate of that tax, which version 0.1 wrote.
    pub(in super::super) const TAX_RATE: &str = "tax-rate";
    /// The whole tax of a line.
    pub(in super::super) const TAX_AMOUNT: &str = "tax-amount";
    /// The cost centres of a line.
    pub(in super::super) const TAGS: &str = "tags";
    /// The employee who owes or is owed.
    pub(in super::super) const EMPLOYEE_CODE: &str = "employee-code";
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

/// Names of `custom` directives.
pub(super) mod directive {
    /// Whose entries follow.
    pub(in super::super) const COMPANY: &str = "pleo-company";
    /// Where their evidence lies; read back by those who compare alone.
    pub(in super::super) const EVIDENCE: &str = "pleo-evidence";
    /// That evidence was removed.
    pub(in super::super) const EVIDENCE_REMOVED: &str = "pleo-evidence-removed";
}

/// The value of [`key::RECEIPT`].
pub(super) const RECEIPT_MISSING: &str = "missing";

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

    /// Tax that may be deducted.
    pub(in super::super) const TAX: &str = "tax";

    /// Tax that is owed under reverse charge.
    pub(in super::super) const REVERSE_TAX: &str = "reverse-tax";

    /// Tax in a cost, of which it is a part.
    pub(in super::super) const NON_DEDUCTIBLE_TAX: &str = "non-deductible-tax";

    /// The word for it, also where it is not written down.
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

    /// Whether it is any tax.
    pub(in super::super) fn is_tax(word: &str) -> bool {
        [TAX, REVERSE_TAX, NON_DEDUCTIBLE_TAX].contains(&word)
    }

    /// The word that a posting carries: account and document alone do not tell a tax, or what is owed to whom.
    pub(in super::super) fn stated(purpose: Purpose) -> Option<&'static str> {
        match purpose {
            Purpose::Tax | Purpose::ReverseTax | Purpose::Payable | Purpose::Employee => Some(word(purpose)),
            Purpose::Cost | Purpose::Cash | Purpose::Transit | Purpose::FxDifference => None,
        }
    }

    /// The purpose of an account that a posting needs beside its cost: a wallet, a tax.
    pub(in super::super) fn beside_the_cost(word: &str) -> Option<AccountPurpose> {
        match word {
            "cash" => Some(AccountPurpose::Wallet),
            TAX => Some(AccountPurpose::InputTax),
            REVERSE_TAX => Some(AccountPurpose::OutputTax),
            _ => None,
        }
    }
}
