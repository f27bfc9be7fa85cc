//! What the books hold: entries by key, numbers, accounts, invoices, receipts, reversals.
//!
//! Built by reading every file of the books, and kept up to date by reading the files that are new. When a file
//! that was read has changed or gone, everything is read again: people edit books seldom, and it takes a second.
//!
//! Where the ledger takes in books of several companies, entries, numbers and receipts are those of our company alone;
//! accounts and options are the ledger's.

mod documents;
mod entries;
mod loading;
mod marks;
mod said;
mod taken_back;
mod walking;
mod words;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::RandomState;
use std::ops::Bound::{Excluded, Unbounded};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use chrono::NaiveDate;

use crate::model::references::InvoiceKey;
use crate::systems::SystemError;

use super::books::Books;
use super::includes::{self, Listing};
use super::lexer::Fault;
use super::misplaced::Misplaced;
use super::number::Number;
use super::roots::Roots;
use super::text;
pub(super) use entries::{Booked, Named, OpenedAccount, Place};
use entries::{Document, Mirror, Other, Retired};
pub(super) use taken_back::{Reversal, Standing};

/// What the books hold.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By their real names.
    sources: BTreeMap<PathBuf, Source>,
    /// Where was looked, while what was found is whole.
    looked: Option<Looked>,
    /// What could not be seen when the files were last looked at.
    unseen: Vec<Unseen>,
    /// Files of ours that hold entries of another company, by that company.
    of_others: BTreeMap<String, BTreeSet<PathBuf>>,
    roots: Roots,
    /// Every document of ours, as they were read.
    documents: Vec<Document>,
    /// One document of each entry, by the key of its link.
    entries: HashMap<u64, u32>,
    /// By which keys are made.
    keys: RandomState,
    /// Transactions that are no documents of ours, by the link of the entry that they carry.
    others: HashMap<Box<str>, Vec<Other>>,
    /// Transactions marked as the mirror of a document, by its number.
    mirrors: HashMap<Number, Vec<Mirror>>,
    /// The document that each mirror with a number of its own takes back.
    mirror_numbers: HashMap<Number, Number>,
    /// Up to which number of each year every one stands on a transaction.
    gapless: BTreeMap<i32, u32>,
    /// Every number beyond these that stands on a transaction.
    beyond: BTreeSet<Number>,
    /// Marks that mean nothing where they stand, and why.
    odd_marks: Vec<(Place, String)>,
    /// Numbers that a batch says were given before and are not there.
    explained: Vec<(Number, Number)>,
    opened: BTreeMap<Box<str>, OpenedAccount>,
    closed: HashMap<Box<str>, NaiveDate>,
    /// Where the ledger says what an account, with those below it, comes to at the beginning of a day.
    balances: HashMap<Box<str>, BTreeMap<NaiveDate, Place>>,
    highest: BTreeMap<i32, u32>,
    /// The documents of each vendor's number, by the key of how it is compared.
    invoices: BTreeSet<(u64, u32)>,
    /// The receipts that the books name for an entry: content and place.
    receipts: HashMap<Box<str>, Vec<(Box<str>, PathBuf)>>,
    /// The evidence that each file names, with its line.
    evidence: HashMap<Arc<Path>, Vec<Named>>,
    /// Names of evidence that a line says to be removed.
    removed_evidence: HashSet<Box<str>>,
    /// What stands twice, by entry, where that is told and not refused.
    repeats: Option<HashMap<Box<str>, Vec<String>>>,
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
    retired: Vec<Retired>,
    /// A line of the user's own that was not understood; beancount decides whether it can be read.
    passed_over: Option<Fault>,
}

/// Where was looked for files.
#[derive(Debug, Default)]
struct Looked {
    folders: BTreeMap<PathBuf, Listing>,
    /// Those of them in which every file of the ledger's is ours.
    ours: HashSet<PathBuf>,
    /// Files that were not there.
    absent: Vec<PathBuf>,
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

/// Size and time of a file: either changes with its content.
type Stamp = (u64, Option<SystemTime>);

impl Index {
    /// What the books have of an invoice and still counts.
    pub(super) fn invoice(&self, wanted: &InvoiceKey) -> Result<Vec<Rc<Booked>>, SystemError> {
        let key = self.key(wanted.number.compared());
        let with_number = self.invoices.range((key, 0)..=(key, u32::MAX));
        let mut entries = BTreeSet::new();
        for (_, at) in with_number {
            let Some(document) = self.document(Some(*at)) else {
                continue;
            };
            let booked = document.booked()?;
            // Many vendors may have one number, so the vendor is compared before anything of an entry is worked out.
            let documents = self.documents_of(&text::entry_link(&booked.entry_id));
            for document in documents {
                let document = document.booked()?;
                if is_of_vendor(&document, wanted) {
                    entries.insert(booked.entry_id.clone());
                }
            }
        }
        let mut found = Vec::new();
        for entry in entries {
            let mut documents = self.standing(&entry)?.live;
            documents.retain(|booked| {
                booked
                    .invoice
                    .as_ref()
                    .is_some_and(|invoice| invoice.number == wanted.number)
            });
            // Version 0.1 said on the first document alone who the vendor is.
            if documents.iter().any(|booked| is_of_vendor(booked, wanted)) {
                found.extend(documents);
            }
        }
        Ok(found)
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

    /// The last day on which the ledger says what the account, or one above it, comes to.
    pub(super) fn balance_day(&self, name: &str) -> Option<NaiveDate> {
        let last = self.balances_of(name).filter_map(|days| days.keys().next_back());
        last.max().copied()
    }

    /// On which days the ledger says what the account, and each one above it, comes to.
    fn balances_of(&self, name: &str) -> impl Iterator<Item = &BTreeMap<NaiveDate, Place>> {
        let above = name.match_indices(':').filter_map(|(at, _)| name.get(..at));
        above
            .chain([name])
            .filter_map(|account| self.balances.get(account))
    }

    /// The first day after this one on which the ledger says what the account, or one above it, comes to.
    pub(super) fn balance_after(&self, name: &str, day: NaiveDate) -> Option<(NaiveDate, &Place)> {
        let days = self.balances_of(name);
        let later = days.filter_map(|days| days.range((Excluded(day), Unbounded)).next());
        later
            .map(|(day, place)| (*day, place))
            .min_by_key(|(day, _)| *day)
    }

    /// The numbers that were given, up to the highest of each year, and neither stand on a transaction nor are
    /// explained in an earlier batch: as ranges, first and last.
    fn unexplained_gaps(&self, highest: &BTreeMap<i32, u32>) -> Vec<(Number, Number)> {
        let mut gaps = Vec::new();
        for (&year, &highest) in highest {
            let number = |serial| Number { year, serial };
            let gapless = self.gapless.get(&year).map_or(0, |last| highest.min(*last));
            let present = self.beyond.range(number(gapless)..=number(highest));
            let mut known: Vec<(u32, u32)> = present.map(|known| (known.serial, known.serial)).collect();
            let explained = self.explained.iter().filter(|(first, _)| first.year == year);
            known.extend(explained.map(|(first, last)| (first.serial, last.serial)));
            known.sort_unstable();
            let mut next = gapless.saturating_add(1);
            for (first, last) in known.into_iter().chain([(highest.saturating_add(1), highest)]) {
                if first > next {
                    gaps.push((number(next), number(first - 1)));
                }
                next = next.max(last.saturating_add(1));
            }
        }
        gaps
    }

    /// The same for the numbers before those that a new file takes.
    pub(super) fn gaps_before(&self, taken: &[(Number, Number)]) -> Vec<(Number, Number)> {
        let before = taken.iter();
        self.unexplained_gaps(
            &before
                .map(|(first, _)| (first.year, first.serial.saturating_sub(1)))
                .collect(),
        )
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
    pub(super) fn receipt(&self, entry_id: &str, sha256: &str) -> impl Iterator<Item = &Path> {
        let of_entry = self.receipts(entry_id).iter();
        let same = of_entry.filter(move |(content, _)| **content == *sha256);
        same.map(|(_, path)| path.as_path())
    }

    /// The receipts that the books name for the entry: content and place.
    pub(super) fn receipts(&self, entry_id: &str) -> &[(Box<str>, PathBuf)] {
        self.receipts.get(entry_id).map_or(&[], Vec::as_slice)
    }

    /// The evidence that a file of the books names, in order.
    pub(super) fn evidence(&self, file: &Path) -> &[Named] {
        self.evidence.get(file).map_or(&[], Vec::as_slice)
    }

    /// The names of all evidence, each with the file that names it.
    pub(super) fn evidence_names(&self) -> impl Iterator<Item = (&Path, &str)> {
        let files = self.evidence.iter();
        files.flat_map(|(file, named)| named.iter().map(move |named| (&**file, &*named.file)))
    }

    /// Whether a line says that this evidence was removed.
    pub(super) fn is_evidence_removed(&self, name: &str) -> bool {
        self.removed_evidence.contains(name)
    }

    /// From now on what stands twice is told, see [`repeats`](Self::repeats), where it is refused otherwise: for those who
    /// book nothing.
    pub(super) fn tell_repeats(&mut self) {
        self.repeats.get_or_insert_default();
    }

    /// What of the entry stands twice, in words.
    pub(super) fn repeats(&self, entry_id: &str) -> &[String] {
        let repeats = self.repeats.as_ref().and_then(|repeats| repeats.get(entry_id));
        repeats.map_or(&[], Vec::as_slice)
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

fn is_of_vendor(booked: &Booked, wanted: &InvoiceKey) -> bool {
    let invoice = booked.invoice.as_ref();
    invoice.is_some_and(|invoice| invoice.vendor.is_same_vendor(&wanted.vendor))
}

impl Source {
    /// What its includes are relative to.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }
}
