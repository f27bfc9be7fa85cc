//! What the books hold: entries by key, numbers, accounts, invoices, receipts, reversals.
//!
//! Built by reading every file of the books, and kept up to date by reading the files that are new. When a file
//! that was read has changed or gone, everything is read again: people edit books seldom, and it takes a second.
//!
//! Where the ledger takes in books of several companies, entries, numbers and receipts are those of our company alone;
//! accounts and options are the ledger's.

mod loading;
mod walking;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use chrono::NaiveDate;

use crate::model::document::Part;
use crate::model::money::Money;
use crate::model::references::{AccountPurpose, InvoiceKey, InvoiceNumber, InvoiceSide, VendorKey};

use super::books::Books;
use super::first_version::Misplaced;
use super::includes;
use super::movements::{AccountId, Movements, Names};
use super::number::Number;
use super::roots::Roots;
use super::text;

/// What the books hold.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By their real names.
    sources: BTreeMap<PathBuf, Source>,
    /// What could not be seen when the files were last looked at.
    unseen: Vec<Unseen>,
    /// Files of ours that hold entries of another company, by that company.
    of_others: BTreeMap<String, BTreeSet<PathBuf>>,
    roots: Roots,
    entries: HashMap<Box<str>, Vec<Booked>>,
    reversals: HashMap<Box<str>, Vec<Movements>>,
    names: Names,
    opened: BTreeMap<Box<str>, OpenedAccount>,
    closed: HashMap<Box<str>, NaiveDate>,
    highest: BTreeMap<i32, u32>,
    /// The entries of each vendor's number, as it is compared.
    invoices: HashMap<Box<str>, Vec<Box<str>>>,
    receipts: HashMap<(Box<str>, Box<str>), Vec<PathBuf>>,
    misplaced: Misplaced,
    has_operating_currency: bool,
}

/// A file that was read.
#[derive(Debug)]
struct Source {
    /// The name that led to it first.
    path: PathBuf,
    stamp: Stamp,
    reach: Reach,
    includes: Vec<Include>,
}

/// An include line.
#[derive(Debug)]
struct Include {
    pattern: String,
    line: u32,
}

/// How a file is reached, and by that what of it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// We wrote it; everything counts.
    Ours,
    /// The ledger is it or includes it; everything counts.
    Ledger,
    /// It lies beside, and the ledger does not see it: its entries count, its accounts and options do not.
    Beside,
}

/// Something that belongs to the books and could not be read.
#[derive(Debug)]
struct Unseen {
    /// The file that names it.
    file: PathBuf,
    line: Option<u32>,
    problem: String,
}

/// By what a changed file is known: size and time.
type Stamp = (u64, Option<SystemTime>);

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
    movements: Option<Movements>,
    says_reversed: bool,
    /// Where it stands.
    pub(super) place: Place,
}

/// One side of an invoice, as its transaction has it.
#[derive(Debug)]
pub(super) struct BookedInvoice {
    vendor: VendorKey,
    number: InvoiceNumber,
    /// Bill or payment.
    pub(super) side: InvoiceSide,
    /// What it moves on the payable account.
    pub(super) payable: Money,
    /// The amount in the supplier's currency.
    pub(super) supplier_amount: Option<Money>,
    /// The day of the vendor's document.
    pub(super) invoice_date: Option<NaiveDate>,
    /// The link that joins the documents of the invoice.
    pub(super) link: Option<Box<str>>,
}

/// Where a transaction stands.
#[derive(Debug)]
pub(super) struct Place {
    /// The file.
    pub(super) file: Arc<Path>,
    /// The line, counted from 1.
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
    /// The id that Pleo has for it.
    pub(super) identifier: Option<Box<str>>,
    /// What alone it serves, where it says so.
    pub(super) purpose: Option<AccountPurpose>,
    /// Whether we opened it: it stands in our own files.
    pub(super) is_ours: bool,
}

/// What counts of an entry in the books.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    /// The transactions that count: those of the highest revision that has any which are not reversed.
    pub(super) live: Vec<&'a Booked>,
    /// The transactions of that same revision which are reversed.
    pub(super) reversed: Vec<&'a Booked>,
    /// The revision that a new booking takes when nothing counts.
    pub(super) next_revision: u32,
}

impl Index {
    /// What counts of an entry.
    pub(super) fn standing(&self, entry_id: &str) -> Standing<'_> {
        let mut booked: Vec<&Booked> = self.entries.get(entry_id).into_iter().flatten().collect();
        booked.sort_by_key(|booked| (booked.revision, booked.part));
        let link = text::entry_link(entry_id);
        let mut mirrors: Vec<&Movements> = self.reversals.get(link.as_str()).into_iter().flatten().collect();
        let mut standing = Standing {
            live: Vec::new(),
            reversed: Vec::new(),
            next_revision: booked.last().map_or(1, |last| last.revision.saturating_add(1)),
        };
        for booked in booked {
            // A reversal takes back one transaction, the earliest that it mirrors: taking a live one for a
            // reversed one would book it twice.
            let mirror = mirrors.iter().position(|mirror| {
                booked
                    .movements
                    .as_ref()
                    .is_some_and(|own| own.is_mirrored_by(mirror))
            });
            if let Some(at) = mirror {
                mirrors.swap_remove(at);
            }
            if mirror.is_some() || booked.says_reversed {
                standing.reversed.push(booked);
            } else {
                standing.live.push(booked);
            }
        }
        if let Some(revision) = standing.live.last().map(|booked| booked.revision) {
            standing.live.retain(|booked| booked.revision == revision);
            standing.reversed.retain(|booked| booked.revision == revision);
        }
        standing
    }

    /// The account of the first posting: receipts are put beside it.
    pub(super) fn first_account(&self, booked: &Booked) -> &str {
        self.names.name(booked.first_account)
    }

    /// What the books have of an invoice and still counts, each with its entry.
    pub(super) fn invoice(&self, wanted: &InvoiceKey) -> Vec<(&str, &Booked, &BookedInvoice)> {
        let entries = self.invoices.get(wanted.number.compared()).into_iter().flatten();
        let entries: BTreeSet<&str> = entries.map(AsRef::as_ref).collect();
        let mut found = Vec::new();
        for entry in entries {
            let live = self.standing(entry).live.into_iter();
            let documents: Vec<(&str, &Booked, &BookedInvoice)> = live
                .filter_map(|booked| Some((entry, booked, booked.invoice.as_deref()?)))
                .filter(|(.., invoice)| invoice.number == wanted.number)
                .collect();
            // Version 0.1 said on the first document alone who the vendor is.
            if documents
                .iter()
                .any(|(.., invoice)| invoice.vendor.is_same_vendor(&wanted.vendor))
            {
                found.extend(documents);
            }
        }
        found
    }

    /// An account by its name.
    pub(super) fn account(&self, name: &str) -> Option<&OpenedAccount> {
        self.opened.get(name)
    }

    /// Every account, by name.
    pub(super) fn accounts(&self) -> impl Iterator<Item = (&str, &OpenedAccount)> {
        self.opened.iter().map(|(name, account)| (name.as_ref(), account))
    }

    /// What version 0.1 may have booked in the wrong place.
    pub(super) fn misplaced(&self) -> &Misplaced {
        &self.misplaced
    }

    /// The last day of an account that was closed.
    pub(super) fn closed_on(&self, name: &str) -> Option<NaiveDate> {
        self.closed.get(name).copied()
    }

    /// The highest number of each year that was ever taken, as far as the books show.
    pub(super) fn highest_numbers(&self) -> BTreeMap<i32, u32> {
        self.highest.clone()
    }

    /// Whether the ledger says which currency it is kept in.
    pub(super) fn has_operating_currency(&self) -> bool {
        self.has_operating_currency
    }

    /// Where the entry's receipt with this content lies, as the books say.
    pub(super) fn receipt(&self, entry_id: &str, sha256: &str) -> &[PathBuf] {
        let wanted = (Box::from(entry_id), Box::from(sha256));
        self.receipts.get(&wanted).map_or(&[], Vec::as_slice)
    }

    /// What the ledger calls the kinds of accounts.
    pub(super) fn roots(&self) -> &Roots {
        &self.roots
    }

    /// Whether the ledger takes in what we will write.
    pub(super) fn includes_batches(&self, books: &Books) -> bool {
        self.ledger_includes(|folder, pattern| books.is_covered_by(folder, pattern))
    }

    /// Whether the ledger takes in this file, or would if it were there.
    pub(super) fn includes_file(&self, file: &Path) -> bool {
        self.ledger_includes(|folder, pattern| includes::covers(folder, pattern, file))
    }

    fn ledger_includes(&self, is_meant: impl Fn(&Path, &str) -> bool) -> bool {
        let seen = self
            .sources
            .values()
            .filter(|source| source.reach == Reach::Ledger);
        let mut lines = seen.flat_map(|source| source.includes.iter().map(move |include| (source, include)));
        lines.any(|(source, include)| is_meant(source.folder(), &include.pattern))
    }

    /// The latest time of a file of ours, but for the one that has its time for readers' sake.
    pub(super) fn newest_batch(&self) -> Option<SystemTime> {
        let ours = self.sources.values().filter(|source| source.reach == Reach::Ours);
        ours.filter_map(|source| source.stamp.1).max()
    }
}

impl Source {
    /// What its includes are relative to.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}", self.file.display(), self.line)
    }
}
