//! What is kept of each transaction and account of the books.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;

use super::super::movements::{AccountId, Movements};
use super::super::number::Number;
use crate::model::document::Part;
use crate::model::money::Money;
use crate::model::references::{AccountPurpose, InvoiceNumber, InvoiceSide, VendorKey};

/// One transaction that was booked for an entry.
#[derive(Debug)]
pub(in super::super) struct Booked {
    /// Which document.
    pub(in super::super) part: Part,
    /// Which booking of it.
    pub(in super::super) revision: u32,
    /// Its number.
    pub(in super::super) number: Number,
    /// Its day.
    pub(in super::super) posting_date: NaiveDate,
    /// Hash of the payload.
    pub(in super::super) content_hash: Option<Box<str>>,
    /// The item's amount.
    pub(in super::super) amount: Option<Money>,
    /// The side of an invoice that it is.
    pub(in super::super) invoice: Option<Box<BookedInvoice>>,
    /// A journal entry holds its item whole. A plan of today may want a bill and a payment for the same item (a vendor
    /// has become known since); completing the journal entry would move the money twice.
    pub(in super::super) is_journal_entry: bool,
    pub(super) first_account: AccountId,
    /// Which account stands for the wallet that it moves.
    pub(super) wallet: Option<AccountId>,
    /// `None` where the text alone does not tell.
    pub(in super::super) movements: Option<Movements>,
    /// Whether it moves tax, by what its postings say.
    pub(super) touches_tax: bool,
    /// Where it stands.
    pub(in super::super) place: Place,
}

impl Booked {
    /// Whether both are one document of an entry.
    pub(super) fn is_same_document(&self, other: &Self) -> bool {
        self.part == other.part && self.revision == other.revision
    }
}

/// One side of an invoice, as its transaction has it.
#[derive(Debug)]
pub(in super::super) struct BookedInvoice {
    pub(super) vendor: VendorKey,
    pub(super) number: InvoiceNumber,
    /// Bill or payment.
    pub(in super::super) side: InvoiceSide,
    /// What it moves on the payable account.
    pub(in super::super) payable: Money,
    /// The amount in the supplier's currency.
    pub(in super::super) supplier_amount: Option<Money>,
    /// The day of the vendor's document.
    pub(in super::super) invoice_date: Option<NaiveDate>,
    /// The link that joins the documents of the invoice.
    pub(in super::super) link: Option<Box<str>>,
}

/// Where a transaction stands.
#[derive(Clone, Debug)]
pub(in super::super) struct Place {
    /// The file.
    pub(in super::super) file: Arc<Path>,
    /// The line in which it begins, counted from 1.
    pub(in super::super) line: u32,
}

/// The evidence that a file names.
#[derive(Debug)]
pub(in super::super) struct Named {
    /// The line, counted from 1; what stands below is what it is the evidence of.
    pub(in super::super) line: u32,
    /// Its file, by name.
    pub(in super::super) file: Box<str>,
    /// Its hash.
    pub(in super::super) sha256: Box<str>,
}

/// An account that the books open.
#[derive(Debug)]
pub(in super::super) struct OpenedAccount {
    /// Its first day.
    pub(in super::super) from: NaiveDate,
    /// What it may hold; everything when empty.
    pub(in super::super) currencies: Box<[Box<str>]>,
    /// Pleo's code of it.
    pub(in super::super) code: Option<Box<str>>,
    /// The id that Pleo has for it.
    pub(in super::super) identifier: Option<Box<str>>,
    /// What alone it serves, where it says so.
    pub(in super::super) purpose: Option<AccountPurpose>,
    /// Whether we opened it: it stands in our own files.
    pub(in super::super) is_ours: bool,
}

/// A transaction that carries an entry's link and is no document of ours.
#[derive(Debug)]
pub(super) struct Other {
    pub(super) movements: Option<Movements>,
    /// The document that it says to take back.
    pub(super) reverses: Option<Number>,
    pub(super) place: Place,
}

/// A transaction marked as the mirror of a document.
#[derive(Debug)]
pub(super) struct Mirror {
    pub(super) movements: Option<Movements>,
    /// Its own number, when we wrote it.
    pub(super) number: Option<Number>,
    /// The links of entries that it carries.
    pub(super) links: Box<[Box<str>]>,
    pub(super) place: Place,
}

/// A line that says `pleo-reversed`, which takes nothing out of a balance.
#[derive(Debug)]
pub(super) struct Retired {
    pub(super) line: u32,
    /// A comment that advises it.
    pub(super) is_advice: bool,
}

/// What a number stands on.
#[derive(Debug)]
pub(super) enum Numbered {
    /// A document of this entry.
    Document(Box<str>),
    /// The mirror of the document with this number.
    Mirror(Number),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}", self.file.display(), self.line)
    }
}
