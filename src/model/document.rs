//! What is to be written into the books: balanced documents, decided before anything is touched.

use std::sync::Arc;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::export_item::{ExportItem, Tag};
use super::ids::{AccountingEntryId, JobId};
use super::money::Amount;
use super::references::{Account, InvoiceInBooks, InvoiceKey, InvoiceSide, Reference, Vendor};

/// Everything to book for one export item. All documents are booked, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedItem {
    /// The export job that brings it.
    pub job_id: JobId,
    /// What Pleo said, for the entry's notes and references.
    pub item: Arc<ExportItem>,
    /// 1, or one more than the last revision that was reversed in the books.
    pub revision: u32,
    /// Hash of the canonical payload, versioned: tells a repeated export from a changed one.
    pub content_hash: String,
    /// With whom it was: vendor, supplier or Pleo.
    pub payee: String,
    /// One line that says what it was and who spent.
    pub description: String,
    /// Draft or final, the same for all documents.
    pub posting_state: PostingState,
    /// One or two documents; the first is always [`Part::Main`].
    pub documents: Vec<Document>,
    /// The receipts in Pleo's order, fetched before booking.
    pub receipts: Vec<Receipt>,
    /// How many receipts could not be fetched and were let go by configuration.
    pub receipts_missing: usize,
    /// Oddities for the entry's notes.
    pub remarks: Vec<String>,
    /// What was known of its invoice when it was planned, where it belongs to one. A plan is good only as long as
    /// that holds.
    pub seen: Option<SeenInvoice>,
}

/// What was known of an invoice, without the documents of the item that is planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenInvoice {
    /// The invoice.
    pub key: InvoiceKey,
    /// Its bills and payments, in the order of [`InvoiceInBooks::sort`].
    pub in_books: Vec<InvoiceInBooks>,
}

impl PlannedItem {
    /// The accounting entry.
    pub fn entry_id(&self) -> &AccountingEntryId {
        &self.item.entry_id
    }

    /// Payee and description, for where there is but one line.
    pub fn title(&self) -> String {
        format!("{} / {}", self.payee, self.description)
    }

    /// The parts that must be in the books before the entry is complete.
    pub fn parts(&self) -> Vec<Part> {
        self.documents.iter().map(|document| document.part).collect()
    }
}

/// Whether a document may still be changed in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PostingState {
    /// To be looked at by a person.
    Draft,
    /// Posted.
    Final,
}

/// Which document of an item this is: the second part of the key in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The first and mostly the only one.
    Main,
    /// The movement of money beside a bill or credit note.
    Payment,
}

impl Part {
    /// The word in the books.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Payment => "payment",
        }
    }
}

/// What kind of document it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// A plain journal entry.
    JournalEntry,
    /// A vendor's (or employee's) claim.
    VendorBill,
    /// A claim the other way round.
    CreditNote,
    /// Money out (or back) that settles a bill.
    BillPayment,
    /// Money in that settles a credit note.
    RefundReceipt,
}

impl DocumentKind {
    /// Whether it is a claim of a vendor's or an employee's, either way round.
    pub const fn is_bill(self) -> bool {
        matches!(self, Self::VendorBill | Self::CreditNote)
    }

    /// Whether it moves money that settles a claim.
    pub const fn is_payment(self) -> bool {
        matches!(self, Self::BillPayment | Self::RefundReceipt)
    }

    /// Its side of an invoice; `None` for plain journal entries.
    pub const fn side(self) -> Option<InvoiceSide> {
        match self {
            Self::JournalEntry => None,
            Self::VendorBill | Self::CreditNote => Some(InvoiceSide::Bill),
            Self::BillPayment | Self::RefundReceipt => Some(InvoiceSide::Payment),
        }
    }
}

/// One balanced document in wallet currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Journal entry, bill, credit note or payment.
    pub kind: DocumentKind,
    /// Which one of its item.
    pub part: Part,
    /// The day of the item in the books' time zone.
    pub item_date: NaiveDate,
    /// The day it is booked on; later than `item_date` only by policy on closed periods.
    pub posting_date: NaiveDate,
    /// The day of the vendor's document.
    pub invoice_date: Option<NaiveDate>,
    /// When it is due.
    pub due_date: Option<NaiveDate>,
    /// Who is owed, for all kinds but journal entries.
    pub creditor: Option<Creditor>,
    /// The vendor's number of the document.
    pub invoice_number: Option<String>,
    /// The invoice that joins bill and payment, also across jobs.
    pub matching: Option<InvoiceKey>,
    /// How the books join the documents of the invoice already, as they answered it; `None` for its first document.
    pub link: Option<String>,
    /// The postings; their amounts add up to zero.
    pub postings: Vec<Posting>,
}

/// Who is owed by a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creditor {
    /// A vendor of the books.
    Vendor(Vendor),
    /// An employee, known by code and name.
    Employee {
        /// `user.code`.
        code: Option<String>,
        /// The employee's name.
        name: Option<String>,
    },
}

/// One side of a document on one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    /// The account that it is posted to.
    pub account: Account,
    /// How much in wallet currency, debit positive.
    pub amount: Amount,
    /// What for.
    pub purpose: Purpose,
    /// The line of the item that it comes from, counted from 1, where it comes from one.
    pub line: Option<LineOfItem>,
    /// The tax of that line, on cost and tax postings. The code stays also when the tax is zero.
    pub tax: Option<PostingTax>,
    /// The cost centres of that line, with the accounting system's own reference.
    pub tags: Vec<PostingTag>,
    /// The employee who owes or is owed, on employee accounts.
    pub employee_code: Option<String>,
}

/// What a posting is for. Systems that compute tax themselves leave the tax postings out and compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The cost (or its return), with the tax that may not be deducted.
    Cost,
    /// Tax that may be deducted.
    Tax,
    /// Tax that is owed under reverse charge.
    ReverseTax,
    /// The wallet, or what stands for it.
    Cash,
    /// What a vendor is owed.
    Payable,
    /// What an employee is owed or owes.
    Employee,
    /// The other side of a movement that has no cost: top-ups, unloads, reimbursements outside of Pleo.
    Transit,
    /// The difference between the rates of a bill and its payment.
    FxDifference,
}

/// A line of an export item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineOfItem {
    /// Counted from 1.
    pub number: usize,
    /// Pleo's id of it.
    pub line_id: String,
}

/// The tax of a line as the books keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingTax {
    /// The accounting system's tax code: `[taxes."…"] code` where configured, else Pleo's.
    pub code: Option<String>,
    /// The accounting system's own reference, for systems that compute tax.
    pub reference: Option<Reference>,
    /// The rate as Pleo wrote it.
    pub rate: String,
    /// What the tax was computed on.
    pub base: Amount,
    /// The whole tax of the line, also what may not be deducted.
    pub amount: Amount,
    /// Whether the buyer owes it.
    pub reverse_charge: bool,
    /// On the posting of the tax itself: neither settings nor payload say how this tax is booked, so its account is that
    /// of the role and all of it counts as deductible. A person should confirm that.
    pub is_assumed: bool,
}

/// A cost centre on a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostingTag {
    /// As Pleo has it.
    pub tag: Tag,
    /// The accounting system's own reference.
    pub reference: Reference,
}

/// A receipt on our disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// SHA-256 of its bytes, in hex: the same content twice is one file.
    pub sha256: String,
    /// A safe file name, with the right extension for its content.
    pub file_name: String,
    /// What it is, found from its bytes.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Where it lies.
    pub path: std::path::PathBuf,
}
