//! What the books hold: entries by key, numbers, accounts, invoices, receipts, reversals.
//!
//! Built by reading every file of the books, and kept up to date by reading the files that are new. When a file
//! that was read has changed or gone, everything is read again: people edit books seldom, and it takes a second.

mod loading;
mod taken_back;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::NaiveDate;

use crate::model::document::Part;
use crate::model::money::Money;
use crate::model::references::InvoiceSide;

use super::books::Books;
use super::movements::{AccountId, Movements, Names};
use super::number::Number;
use super::text;
use taken_back::{Mirror, Other};
pub(super) use taken_back::{Reversal, Standing};

/// What the books hold.
#[derive(Debug, Default)]
pub(super) struct Index {
    sources: BTreeMap<PathBuf, Source>,
    entries: HashMap<Box<str>, Vec<Booked>>,
    /// Transactions that are no documents of ours, by the link of the entry that they carry.
    others: HashMap<Box<str>, Vec<Other>>,
    /// Transactions marked as the mirror of a document, by its number.
    mirrors: HashMap<Number, Vec<Mirror>>,
    /// Every number that stands on a transaction.
    numbers: BTreeMap<Number, Numbered>,
    /// Marks that mean nothing where they stand, and why.
    odd_marks: Vec<(Place, String)>,
    /// Numbers that a batch says were given before and are not there.
    explained: Vec<(Number, Number)>,
    names: Names,
    opened: BTreeMap<Box<str>, OpenedAccount>,
    closed: HashMap<Box<str>, NaiveDate>,
    /// The last day on which the ledger says what an account, with those below it, comes to.
    balances: HashMap<Box<str>, NaiveDate>,
    highest: BTreeMap<i32, u32>,
    invoices: HashMap<InvoiceName, Vec<Box<str>>>,
    receipts: HashMap<(Box<str>, Box<str>), PathBuf>,
    has_operating_currency: bool,
}

/// A file that was read.
#[derive(Debug)]
struct Source {
    stamp: Stamp,
    includes: Vec<String>,
    retired: Vec<Retired>,
}

/// A line that says `pleo-reversed`, which takes nothing out of a balance.
#[derive(Debug)]
struct Retired {
    line: u32,
    /// A comment that advises it.
    is_advice: bool,
}

/// What a number stands on.
#[derive(Debug)]
enum Numbered {
    /// A document of this entry.
    Document(Box<str>),
    /// The mirror of the document with this number.
    Mirror(Number),
}

/// By what a changed file is known: size and time.
type Stamp = (u64, Option<SystemTime>);

/// The vendor's reference and the vendor's number of an invoice.
type InvoiceName = (Box<str>, Box<str>);

/// One transaction that was booked for an entry.
#[derive(Debug)]
pub(super) struct Booked {
    /// Which document.
    pub(super) part: Part,
    /// Which booking of it.
    pub(super) revision: u32,
    /// Its number.
    pub(super) number: Number,
    /// Its day.
    pub(super) posting_date: NaiveDate,
    /// Hash of the payload.
    pub(super) content_hash: Option<Box<str>>,
    /// The item's amount.
    pub(super) amount: Option<Money>,
    /// The side of an invoice that it is.
    pub(super) invoice: Option<Box<BookedInvoice>>,
    /// A journal entry holds its item whole. A plan of today may want a bill and a payment for the same item (a vendor
    /// has become known since); completing the journal entry would move the money twice.
    pub(super) is_journal_entry: bool,
    first_account: AccountId,
    /// `None` where the text alone does not tell.
    pub(super) movements: Option<Movements>,
    touches_result: bool,
    /// Where it stands.
    pub(super) place: Place,
}

/// One side of an invoice, as its transaction has it.
#[derive(Debug)]
pub(super) struct BookedInvoice {
    key: InvoiceName,
    /// Bill or payment.
    pub(super) side: InvoiceSide,
    /// What it moves on the payable account.
    pub(super) payable: Money,
    /// The amount in the supplier's currency.
    pub(super) supplier_amount: Option<Money>,
}

/// Where a transaction stands.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// In which file.
    pub(super) file: Arc<Path>,
    /// In which line it begins, counted from 1.
    pub(super) line: u32,
}

/// An account that the books open.
#[derive(Debug)]
pub(super) struct OpenedAccount {
    /// Its first day.
    pub(super) from: NaiveDate,
    /// What it may hold; everything when empty.
    pub(super) currencies: Box<[Box<str>]>,
    /// Pleo's code of it.
    pub(super) code: Option<Box<str>>,
}

impl Index {
    /// The account of the first posting: receipts are put beside it.
    pub(super) fn first_account(&self, booked: &Booked) -> &str {
        self.names.name(booked.first_account)
    }

    /// The accounts that a document moves.
    pub(super) fn accounts_of<'a>(&'a self, booked: &'a Booked) -> impl Iterator<Item = &'a str> {
        let accounts = booked.movements.iter().flat_map(Movements::accounts);
        accounts.map(|account| self.names.name(account))
    }

    /// What the books have of an invoice and still counts, each with its entry.
    pub(super) fn invoice(&self, vendor: &str, number: &str) -> Vec<(&str, &Booked, &BookedInvoice)> {
        let wanted = (Box::from(text::visible(vendor)), Box::from(text::visible(number)));
        let mut entries: Vec<&str> = self
            .invoices
            .get(&wanted)
            .into_iter()
            .flatten()
            .map(AsRef::as_ref)
            .collect();
        entries.sort_unstable();
        entries.dedup();
        let mut found = Vec::new();
        for entry in entries {
            for booked in self.standing(entry).live {
                if let Some(invoice) = booked.invoice.as_deref().filter(|invoice| invoice.key == wanted) {
                    found.push((entry, booked, invoice));
                }
            }
        }
        found
    }

    /// An account by its name.
    pub(super) fn account(&self, name: &str) -> Option<&OpenedAccount> {
        self.opened.get(name)
    }

    /// The first account, by name, that says it stands for this code of Pleo's.
    pub(super) fn account_of_code(&self, code: &str) -> Option<&str> {
        let code = text::visible(code);
        let mut opened = self.opened.iter();
        opened
            .find(|(_, account)| account.code.as_deref() == Some(&*code))
            .map(|(name, _)| name.as_ref())
    }

    /// The last day of an account that was closed.
    pub(super) fn closed_on(&self, name: &str) -> Option<NaiveDate> {
        self.closed.get(name).copied()
    }

    /// The last day on which the ledger says what the account, or one above it, comes to.
    pub(super) fn balance_day(&self, name: &str) -> Option<NaiveDate> {
        let above = name.match_indices(':').filter_map(|(at, _)| name.get(..at));
        let days = above
            .chain([name])
            .filter_map(|account| self.balances.get(account));
        days.max().copied()
    }

    /// The numbers that were given, up to the highest of each year, and neither stand on a transaction nor are
    /// explained in an earlier batch: as ranges, first and last.
    pub(super) fn unexplained_gaps(&self, highest: &BTreeMap<i32, u32>) -> Vec<(Number, Number)> {
        let mut gaps = Vec::new();
        for (&year, &highest) in highest {
            let number = |serial| Number { year, serial };
            let present = self.numbers.range(number(0)..=number(highest));
            let mut known: Vec<(u32, u32)> = present.map(|(known, _)| (known.serial, known.serial)).collect();
            let explained = self.explained.iter().filter(|(first, _)| first.year == year);
            known.extend(explained.map(|(first, last)| (first.serial, last.serial)));
            known.sort_unstable();
            let mut next = 1;
            for (first, last) in known.into_iter().chain([(highest.saturating_add(1), highest)]) {
                if first > next {
                    gaps.push((number(next), number(first - 1)));
                }
                next = next.max(last.saturating_add(1));
            }
        }
        gaps
    }

    /// The highest number of each year that was ever taken, as far as the books show.
    pub(super) fn highest_numbers(&self) -> BTreeMap<i32, u32> {
        self.highest.clone()
    }

    /// Whether the ledger says which currency it is kept in.
    pub(super) fn has_operating_currency(&self) -> bool {
        self.has_operating_currency
    }

    /// Where the receipt with this content lies that the entry has.
    pub(super) fn receipt(&self, entry_id: &str, sha256: &str) -> Option<&Path> {
        let wanted = (Box::from(entry_id), Box::from(sha256));
        self.receipts.get(&wanted).map(AsRef::as_ref)
    }

    /// Whether the ledger takes in what we write, as far as its includes show.
    pub(super) fn is_included(&self, books: &Books) -> bool {
        let mut sources = self.sources.iter();
        sources.any(|(path, source)| {
            let folder = path.parent().unwrap_or(Path::new(""));
            source
                .includes
                .iter()
                .any(|pattern| books.is_ours(&folder.join(pattern)))
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}", self.file.display(), self.line)
    }
}
