//! What a connector answers.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

#[cfg(test)]
use schemars::JsonSchema;

use super::value::{Account, Money, Part, Vendor};

/// One line from the connector to pleo-export: either `ok` or `error`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema), schemars(rename = "AnswerOf{T}"))]
pub(crate) struct Answer<T> {
    /// The id of the request that this answers.
    pub(crate) id: u64,
    /// What was asked for.
    pub(crate) ok: Option<T>,
    /// Why not.
    pub(crate) error: Option<Failure>,
}

/// Why something was not done.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Failure {
    /// What it means for the books.
    pub(crate) kind: FailureKind,
    /// Pleo's word for why: with `rejected` one for items, with `fatal` one for jobs. Another word is taken, with a
    /// warning, for `accounting_system_validation_failure` or `invalid_configuration`.
    #[cfg_attr(test, schemars(with = "Option<FailureType>"))]
    pub(crate) r#type: Option<String>,
    /// A sentence for the bookkeeper: which object, and what to do.
    pub(crate) reason: String,
}

/// Pleo's words for failures. Read as text, so that a word that Pleo does not have hides no failure.
#[cfg(test)]
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "only its schema is wanted")]
enum FailureType {
    /// With `rejected`: why one item failed.
    Item(crate::model::verdict::ItemFailureType),
    /// With `fatal`: why the whole job failed.
    Job(crate::model::verdict::JobFailureType),
}

/// What a failure means for the books.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum FailureKind {
    /// Refused for good; nothing of it is booked.
    Rejected,
    /// Out of reach for now; surely nothing was booked.
    Unavailable,
    /// It may be booked.
    Unknown,
    /// Nothing more can be booked in this job.
    Fatal,
    /// The books are damaged and a person must repair them; nothing was booked.
    Damaged,
}

/// Who the connector is and what it can do.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct HelloAnswer {
    /// The version of this protocol that the connector speaks.
    pub(crate) protocol: u32,
    /// The accounting system's name, as people call it.
    pub(crate) name: String,
    /// Which books exactly. It must stay the same for the same books, and differ for others.
    pub(crate) target: String,
    /// How far booking the same key twice is safe.
    pub(crate) create: Create,
    /// Whether it can keep vendor bills, credit notes and their payments.
    #[serde(default)]
    pub(crate) payables: bool,
    /// What receipts it takes; left out where it takes none.
    pub(crate) attachments: Option<Limits>,
    /// Whether it computes tax itself; else the tax postings are booked as sent.
    #[serde(default)]
    pub(crate) computes_tax: bool,
}

/// What receipts a connector takes.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Limits {
    /// The largest file, in bytes.
    pub(crate) largest: u64,
}

/// How far booking the same key twice is safe.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Create {
    /// The accounting system refuses a second record of the same key.
    Unique,
    /// The books are locked from the look-up to the write.
    Exclusive,
    /// It can only be searched: a lost answer is never tried again.
    Search,
}

/// It is done.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Done {}

/// What the books have of the references: one answer for each, in the same order, null for what is not there.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Resolved {
    /// Accounts that exist, or that booking will open.
    #[serde(default)]
    pub(crate) accounts: Vec<Option<Account>>,
    /// The accounting system's own reference of each tax code.
    #[serde(default)]
    pub(crate) tax_codes: Vec<Option<String>>,
    /// Vendors that exist, or that booking will create.
    #[serde(default)]
    pub(crate) vendors: Vec<Option<Vendor>>,
    /// The accounting system's own reference of each cost centre.
    #[serde(default)]
    pub(crate) tags: Vec<Option<String>>,
    /// Bills and payments of each invoice, of any entry; empty where there are none.
    #[serde(default)]
    pub(crate) invoices: Vec<Vec<Invoice>>,
    /// Until when the books are closed.
    #[serde(default)]
    pub(crate) closed_until: Closed,
}

/// One side of an invoice in the books.
#[expect(clippy::struct_field_names, reason = "the contract's words")]
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Invoice {
    /// The accounting entry it was booked for.
    pub(crate) entry_id: String,
    /// Its number in the books.
    pub(crate) external_id: String,
    /// Bill or payment.
    pub(crate) side: Side,
    /// What it moved on the payable account, debit positive.
    pub(crate) payable: Money,
    /// The amount in the supplier's currency.
    pub(crate) supplier_amount: Option<Money>,
    /// The `invoice_date` that it was booked with. Without it a bill of the same number and amount counts as the same.
    pub(crate) invoice_date: Option<NaiveDate>,
    /// By what the books join the documents of an invoice; it comes back on the next document of the same invoice.
    pub(crate) link: Option<String>,
}

/// The two sides of an invoice.
#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// The vendor's claim, or a credit note.
    Bill,
    /// Its settlement.
    Payment,
}

/// The last closed day, where the accounting system has one.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Closed {
    /// For every kind of document.
    pub(crate) all: Option<NaiveDate>,
    /// For vendor bills and credit notes alone.
    pub(crate) purchases: Option<NaiveDate>,
}

/// What the books have of the wanted entries: one answer for each, in the same order.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Entries {
    /// The answers.
    pub(crate) entries: Vec<FoundEntry>,
}

/// What the books have of one entry.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct FoundEntry {
    /// The entry that this is about.
    pub(crate) entry_id: String,
    /// What is there.
    #[serde(flatten)]
    pub(crate) found: Found,
}

/// How much of an entry is in the books.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum Found {
    /// Nothing that counts.
    Absent {
        /// The revision to book: 1, or one more than the last that was reversed or deleted in the books.
        next_revision: u32,
    },
    /// Some of its parts.
    Incomplete {
        /// What is there.
        booked: Booked,
    },
    /// All of its parts.
    Complete {
        /// What is there.
        booked: Booked,
    },
}

/// An entry in the books.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Booked {
    /// Its number in the books, for people.
    pub(crate) external_id: String,
    /// Where a person sees it (http or https).
    pub(crate) external_url: Option<String>,
    /// The day it is booked on.
    pub(crate) posting_date: NaiveDate,
    /// Which revision it is.
    pub(crate) revision: u32,
    /// The parts that are there.
    pub(crate) parts: Vec<Part>,
    /// Whether its main part is a journal entry, which is complete without a payment. Said in answers only.
    #[serde(default, skip_serializing)]
    pub(crate) journal_entry: bool,
    /// The hash that it was booked with, where the books keep it.
    pub(crate) content_hash: Option<String>,
    /// The item's amount that it was booked with, where the books keep it.
    pub(crate) amount: Option<Money>,
}
