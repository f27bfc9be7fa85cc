//! What is kept of each transaction and account of the books.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use chrono::NaiveDate;

use super::super::movements::Movements;
use super::super::number::Number;
use crate::model::document::Part;
use crate::model::money::{Amount, Currency, Money};
use crate::model::references::{AccountPurpose, InvoiceNumber, InvoiceSide, VendorKey};

/// What is kept of each document: what tells it from the others, and where it is read when it is asked for. There are as
/// many as there ever were expenses, so it must be small.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) part: Part,
    pub(super) revision: u32,
    pub(super) number: Number,
    pub(super) place: Place,
    /// Its text in that file.
    pub(super) text: Range<u32>,
    /// Another document with the same link.
    pub(super) other: Option<u32>,
}

/// One transaction that was booked for an entry, as its file has it.
#[derive(Debug)]
pub(in super::super) struct Booked {
    /// The accounting entry.
    pub(in super::super) entry_id: Box<str>,
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
    pub(in super::super) invoice: Option<BookedInvoice>,
    /// A journal entry holds its item whole. A plan of today may want a bill and a payment for the same item (a vendor
    /// has become known since); completing the journal entry would move the money twice.
    pub(in super::super) is_journal_entry: bool,
    /// The account of the first posting: receipts are put beside it.
    pub(in super::super) first_account: Box<str>,
    /// Which account stands for the wallet that it moves.
    pub(in super::super) wallet: Option<Box<str>>,
    /// `None` where the text alone does not tell.
    pub(in super::super) movements: Option<Movements>,
    /// Whether it moves tax, by what its postings say.
    pub(super) touches_tax: bool,
    /// Where it stands.
    pub(in super::super) place: Place,
}

impl Booked {
    /// The accounts that it moves.
    pub(in super::super) fn accounts(&self) -> impl Iterator<Item = &str> {
        self.movements.iter().flat_map(Movements::accounts)
    }

    /// What it moves on each account.
    pub(in super::super) fn moved(&self) -> Option<BTreeMap<(String, Currency), Amount>> {
        let mut moved: BTreeMap<(String, Currency), Amount> = BTreeMap::new();
        for (account, money) in self.movements.as_ref()?.each() {
            *moved.entry((account.to_owned(), money.currency)).or_default() += money.amount;
        }
        Some(moved)
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

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}", self.file.display(), self.line)
    }
}
