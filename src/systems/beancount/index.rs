//! What the books hold: entries by key, numbers, accounts, invoices, receipts, reversals.
//!
//! Built by reading every file of the books, and kept up to date by reading the files that are new. When a file
//! that was read has changed or gone, everything is read again: people edit books seldom, and it takes a second.

mod loading;

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

/// What the books hold.
#[derive(Debug, Default)]
pub(super) struct Index {
    sources: BTreeMap<PathBuf, Source>,
    entries: HashMap<Box<str>, Vec<Booked>>,
    reversals: HashMap<Box<str>, Vec<Movements>>,
    names: Names,
    opened: BTreeMap<Box<str>, OpenedAccount>,
    closed: HashMap<Box<str>, NaiveDate>,
    highest: BTreeMap<i32, u32>,
    invoices: HashMap<InvoiceName, Vec<Box<str>>>,
    receipts: HashMap<(Box<str>, Box<str>), Vec<PathBuf>>,
    has_operating_currency: bool,
}

/// A file that was read.
#[derive(Debug)]
struct Source {
    stamp: Stamp,
    includes: Vec<String>,
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
    movements: Option<Movements>,
    says_reversed: bool,
    place: Place,
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
#[derive(Debug)]
struct Place {
    file: Arc<Path>,
    line: u32,
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
