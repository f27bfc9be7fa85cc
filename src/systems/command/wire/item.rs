//! What a `book` line carries: an item, its documents and their postings.

use chrono::NaiveDate;
use serde::Serialize;

#[cfg(test)]
use schemars::JsonSchema;

use super::value::{Account, InvoiceKey, Money, Part, Vendor};

/// Everything to book for one export item.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Item {
    /// Pleo's id of the accounting entry, the key in the books.
    pub(crate) entry_id: String,
    /// The last part of the key: 1, or what `find` answered as `next_revision`.
    pub(crate) revision: u32,
    /// A hash of what Pleo sent. Keep it with the entry and give it back: a changed expense is found by it.
    pub(crate) content_hash: String,
    /// Pleo's id of the job.
    pub(crate) job_id: String,
    /// Pleo's id of the company.
    pub(crate) company_id: String,
    /// Pleo's word for the kind of expense (`card_purchase`).
    pub(crate) r#type: String,
    /// Pleo's word for a closer description.
    pub(crate) sub_type: Option<String>,
    /// Pleo's book id, the number by which people reconcile.
    pub(crate) book_id: String,
    /// When Pleo kept it in its books, in UTC (RFC 3339). Book by the days of the documents.
    pub(crate) date: String,
    /// The item's amount in wallet currency.
    pub(crate) amount: Money,
    /// The amount in the supplier's currency.
    pub(crate) supplier_amount: Option<Money>,
    /// Supplier, vendor or employee.
    pub(crate) payee: Option<String>,
    /// One line that says what it was for.
    pub(crate) description: String,
    /// What the spender wrote.
    pub(crate) note: Option<String>,
    /// Who spent.
    pub(crate) employee: Option<Person>,
    /// The team of the one who spent.
    pub(crate) team: Option<Person>,
    /// Who took part.
    pub(crate) attendees: Vec<String>,
    /// Where a person sees the item in Pleo.
    pub(crate) web_link: Option<String>,
    /// Draft or final, the same for all documents.
    pub(crate) posting_state: PostingState,
    /// One or two balanced documents.
    pub(crate) documents: Vec<Document>,
    /// How many receipts could not be fetched and were let go by configuration.
    pub(crate) receipts_missing: usize,
    /// Oddities for the entry's notes.
    pub(crate) remarks: Vec<String>,
}

/// An employee or a team.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Person {
    /// Employee code or team code.
    pub(crate) code: Option<String>,
    /// The name.
    pub(crate) name: Option<String>,
}

/// Whether a document may still be changed in the books.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum PostingState {
    /// To be looked at by a person.
    Draft,
    /// Posted.
    Final,
}

/// One balanced document in wallet currency.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Document {
    /// What kind.
    pub(crate) kind: DocumentKind,
    /// Which one of its item.
    pub(crate) part: Part,
    /// The day of the item.
    pub(crate) item_date: NaiveDate,
    /// The day to book it on; never another.
    pub(crate) posting_date: NaiveDate,
    /// The day of the vendor's document.
    pub(crate) invoice_date: Option<NaiveDate>,
    /// When it is due.
    pub(crate) due_date: Option<NaiveDate>,
    /// Who is owed, for all kinds but journal entries.
    pub(crate) creditor: Option<Creditor>,
    /// The vendor's number of the document.
    pub(crate) invoice_number: Option<String>,
    /// By what bill and payment find each other, also across jobs.
    pub(crate) matching: Option<InvoiceKey>,
    /// The `link` that `resolve` answered for a document of the same invoice that came before.
    pub(crate) link: Option<String>,
    /// The postings; their amounts add up to zero.
    pub(crate) postings: Vec<Posting>,
}

/// What kind of document it is.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum DocumentKind {
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

/// Who is owed by a bill.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Creditor {
    /// A vendor of the books.
    Vendor(Vendor),
    /// An employee.
    Employee(Person),
}

/// One side of a document on one account.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Posting {
    /// The account, as `resolve` answered it.
    pub(crate) account: Account,
    /// How much, debit positive, credit negative.
    pub(crate) amount: Money,
    /// What for.
    pub(crate) purpose: Purpose,
    /// The line of the item that it comes from.
    pub(crate) line: Option<Line>,
    /// The tax of that line, on cost and tax postings.
    pub(crate) tax: Option<PostingTax>,
    /// The cost centres of that line.
    pub(crate) tags: Vec<PostingTag>,
    /// The employee who owes or is owed, on employee accounts.
    pub(crate) employee_code: Option<String>,
}

/// What a posting is for. A connector that computes tax leaves out `tax` and `reverse_tax` and compares.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
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
    /// The other side of a movement that has no cost.
    Transit,
    /// The difference between the rates of a bill and its payment.
    FxDifference,
}

/// A line of an export item.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: usize,
    /// Pleo's id of it.
    pub(crate) id: String,
}

/// The tax of a line.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct PostingTax {
    /// The tax code.
    pub(crate) code: Option<String>,
    /// What `resolve` answered for the code, for connectors that compute tax.
    pub(crate) reference: Option<String>,
    /// The rate as Pleo wrote it, a decimal fraction ("0.25").
    pub(crate) rate: String,
    /// What the tax was computed on.
    pub(crate) base: Money,
    /// The whole tax of the line, also what may not be deducted.
    pub(crate) amount: Money,
    /// Whether the buyer owes it.
    pub(crate) reverse_charge: bool,
}

/// A cost centre on a posting.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct PostingTag {
    /// The group it belongs to.
    pub(crate) group: String,
    /// Its code in the group.
    pub(crate) code: String,
    /// What `resolve` answered for it.
    pub(crate) reference: String,
}
