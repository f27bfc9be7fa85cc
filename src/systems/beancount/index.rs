//! What the books hold: entries by key, numbers, accounts, invoices, receipts, reversals.
//!
//! Built by reading every file of the books, and kept up to date by reading the files that are new. When a file
//! that was read has changed or gone, everything is read again: people edit books seldom, and it takes a second.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use std::{fmt, fs};

use chrono::NaiveDate;

use crate::model::document::Part;
use crate::model::money::Money;
use crate::model::references::InvoiceSide;

use super::books::Books;
use super::includes;
use super::movements::{AccountId, Movements, Names};
use super::number::Number;
use super::reader::{self, Directive, Fault, Kind, Manner, Posting};
use super::text;
use super::vocabulary::{document_kind, key, purpose};
use crate::systems::SystemError;

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
    invoices: HashMap<(Box<str>, Box<str>), Vec<Box<str>>>,
    receipts: HashMap<(Box<str>, Box<str>), PathBuf>,
}

/// A file that was read.
#[derive(Debug)]
struct Source {
    stamp: Stamp,
    includes: Vec<String>,
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
    first_account: AccountId,
    movements: Option<Movements>,
    says_reversed: bool,
    place: Place,
}

/// One side of an invoice, as its transaction has it.
#[derive(Debug)]
pub(super) struct BookedInvoice {
    /// The vendor's reference and the vendor's number of the invoice.
    key: (Box<str>, Box<str>),
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
    /// Brings the index up to date with the files.
    pub(super) fn refresh(&mut self, books: &Books) -> Result<(), SystemError> {
        let mut outcome = self.read_new_files(books);
        if matches!(outcome, Ok(Files::Changed)) {
            *self = Self::default();
            outcome = self.read_new_files(books);
        }
        if outcome.is_err() {
            // What was read until the fault must not be taken for the whole.
            *self = Self::default();
        }
        outcome.map(drop)
    }

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

    /// Where the receipt with this content lies that the entry has.
    pub(super) fn receipt(&self, entry_id: &str, sha256: &str) -> Option<&Path> {
        let wanted = (Box::from(entry_id), Box::from(sha256));
        self.receipts.get(&wanted).map(AsRef::as_ref)
    }

    /// Whether the ledger takes in what we write.
    pub(super) fn is_included(&self, books: &Books) -> bool {
        let main = self.sources.get(&books.main());
        main.is_none_or(|main| {
            main.includes
                .iter()
                .any(|pattern| books.is_ours(&books.folder().join(pattern)))
        })
    }

    fn read_new_files(&mut self, books: &Books) -> Result<Files, SystemError> {
        let mut waiting = books.roots()?;
        let mut seen = HashSet::new();
        let mut any_new = false;
        while let Some(path) = waiting.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            let Some(stamp) = stamp(&path)? else { continue };
            match self.sources.get(&path) {
                Some(source) if source.stamp == stamp => {}
                Some(_) => return Ok(Files::Changed),
                None => {
                    self.read_file(books, &path, stamp)?;
                    any_new = true;
                }
            }
            let includes = self.sources.get(&path).map_or(&[][..], |source| &source.includes);
            let folder = path.parent().unwrap_or(Path::new(""));
            // Our own files are read anyway.
            for pattern in includes
                .iter()
                .filter(|pattern| !books.is_ours(&folder.join(pattern)))
            {
                let files = includes::expand(folder, pattern).into_iter();
                waiting.extend(files.filter_map(|file| file.canonicalize().ok()));
            }
        }
        if self.sources.keys().any(|path| !seen.contains(path)) {
            return Ok(Files::Changed);
        }
        if any_new {
            books.make_names_durable()?;
        }
        Ok(Files::Read)
    }

    fn read_file(&mut self, books: &Books, path: &Path, stamp: Stamp) -> Result<(), SystemError> {
        let bytes = fs::read(path).map_err(|error| SystemError::Unavailable {
            reason: format!("The books cannot be read: `{}`: {error}.", path.display()),
        })?;
        let manner = if books.is_ours(path) {
            Manner::Strict
        } else {
            Manner::Tolerant
        };
        let text = String::from_utf8_lossy(&bytes);
        let file: Arc<Path> = path.into();
        let mut includes = Vec::new();
        let outcome = if manner == Manner::Strict && matches!(text, Cow::Owned(_)) {
            Err(Fault::at(1, "the file is not UTF-8 text"))
        } else {
            reader::read(&text, manner, |directive| match directive.kind {
                Kind::Include { pattern } => {
                    includes.push(pattern.into_owned());
                    Ok(())
                }
                _ => self.add(directive, &file),
            })
        };
        outcome.map_err(|Fault { line, problem }| SystemError::Damaged {
            reason: format!(
                "The books are damaged: `{}`, line {line}: {problem}. Repair it or take the file back from a \
                 backup, then run again. Nothing was booked.",
                path.display()
            ),
        })?;
        self.sources.insert(path.to_owned(), Source { stamp, includes });
        Ok(())
    }

    fn add(&mut self, directive: Directive<'_>, file: &Arc<Path>) -> Result<(), Fault> {
        match &directive.kind {
            Kind::Transaction { date, postings } => match directive.metadata.get(key::ENTRY) {
                Some(entry_id) => {
                    let booked = self.booked(&directive, *date, postings, file)?;
                    self.add_booked(&entry_id, booked)?;
                }
                None => self.add_reversal(&directive.links, postings),
            },
            Kind::Open {
                date,
                account,
                currencies,
            } => {
                let account = *account;
                self.opened
                    .entry(account.into())
                    .or_insert_with(|| OpenedAccount {
                        from: *date,
                        currencies: currencies.iter().map(|&currency| currency.into()).collect(),
                        code: directive.metadata.get(key::CODE).map(Box::from),
                    });
            }
            Kind::Close { date, account } => {
                self.closed.insert((*account).into(), *date);
            }
            Kind::Document { path } => {
                let (entry_id, sha256) = (
                    directive.metadata.get(key::ENTRY),
                    directive.metadata.get(key::SHA256),
                );
                if let (Some(entry_id), Some(sha256)) = (entry_id, sha256) {
                    let path = file.parent().unwrap_or(Path::new("")).join(&**path);
                    self.receipts.insert((entry_id.into(), sha256.into()), path);
                }
            }
            Kind::Numbers { last } => {
                if let Ok(last) = last.parse() {
                    self.take_number(last);
                }
            }
            Kind::Include { .. } | Kind::Other => {}
        }
        Ok(())
    }

    fn booked(
        &mut self,
        directive: &Directive<'_>,
        posting_date: NaiveDate,
        postings: &[Posting<'_>],
        file: &Arc<Path>,
    ) -> Result<Booked, Fault> {
        let fault = |problem: String| Fault::at(directive.line, problem);
        let metadata = &directive.metadata;
        let part = match metadata.get(key::PART).as_deref() {
            None => Part::Main,
            Some(word) if word == Part::Payment.as_str() => Part::Payment,
            Some(other) => return Err(fault(format!("`{}: {other}` is not known", key::PART))),
        };
        let revision = metadata
            .get(key::REVISION)
            .map_or(Ok(1), |revision| revision.parse());
        let number = metadata.get(key::NUMBER).and_then(|number| number.parse().ok());
        let money = |name| metadata.get(name).and_then(|text| money(&text));
        let first = postings
            .first()
            .ok_or_else(|| fault("the transaction has no postings".to_owned()))?;
        let first_account = self.names.id(first.account);
        let movements = Movements::of(postings, &mut self.names);
        if movements.as_ref().is_some_and(|movements| !movements.balance()) {
            return Err(fault("the transaction does not balance".to_owned()));
        }
        let invoice = match (
            metadata.get(key::VENDOR_REFERENCE),
            metadata.get(key::INVOICE_NUMBER),
        ) {
            (Some(vendor), Some(number)) => {
                let kind = metadata.get(key::DOCUMENT);
                kind.and_then(|kind| document_kind::side_of_invoice(&kind))
                    .zip(payable(postings))
                    .map(|(side, payable)| {
                        Box::new(BookedInvoice {
                            key: (vendor.into(), number.into()),
                            side,
                            payable,
                            supplier_amount: money(key::SUPPLIER_AMOUNT),
                        })
                    })
            }
            _ => None,
        };
        Ok(Booked {
            part,
            revision: revision.map_err(|_| fault(format!("`{}` is not a number", key::REVISION)))?,
            number: number.ok_or_else(|| fault(format!("`{}` is missing or wrong", key::NUMBER)))?,
            posting_date,
            content_hash: metadata.get(key::HASH).map(Box::from),
            amount: money(key::AMOUNT),
            invoice,
            first_account,
            movements,
            says_reversed: metadata.get(key::REVERSED).is_some_and(|value| value == "TRUE"),
            place: Place {
                file: Arc::clone(file),
                line: directive.line,
            },
        })
    }

    fn add_booked(&mut self, entry_id: &str, booked: Booked) -> Result<(), Fault> {
        self.take_number(booked.number);
        if let Some(invoice) = &booked.invoice {
            self.invoices
                .entry(invoice.key.clone())
                .or_default()
                .push(entry_id.into());
        }
        let transactions = self.entries.entry(entry_id.into()).or_default();
        let same = |other: &&Booked| other.part == booked.part && other.revision == booked.revision;
        if let Some(other) = transactions.iter().find(same) {
            return Err(Fault::at(
                booked.place.line,
                format!(
                    "the accounting entry {entry_id} ({}, revision {}) stands here a second time, first in {}; \
                     delete one of the two, or when one of them is a reversal, its line `{}`",
                    booked.part.as_str(),
                    booked.revision,
                    other.place,
                    key::ENTRY,
                ),
            ));
        }
        transactions.push(booked);
        Ok(())
    }

    /// A transaction that carries an entry's link but not its id may be the entry's reversal.
    fn add_reversal(&mut self, links: &[&str], postings: &[Posting<'_>]) {
        let mut links = links
            .iter()
            .filter(|link| link.starts_with(text::ENTRY_LINK))
            .peekable();
        if links.peek().is_none() {
            return;
        }
        let Some(movements) = Movements::of(postings, &mut self.names) else {
            return;
        };
        for link in links {
            self.reversals
                .entry((*link).into())
                .or_default()
                .push(movements.clone());
        }
    }

    fn take_number(&mut self, number: Number) {
        let highest = self.highest.entry(number.year).or_default();
        *highest = number.serial.max(*highest);
    }
}

/// What became of the files since they were read.
enum Files {
    /// All are read.
    Read,
    /// One that was read is another one now, or gone.
    Changed,
}

/// `None` when there is no such file.
fn stamp(path: &Path) -> Result<Option<Stamp>, SystemError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.len(), metadata.modified().ok()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SystemError::Unavailable {
            reason: format!("The books cannot be read: `{}`: {error}.", path.display()),
        }),
    }
}

fn money(text: &str) -> Option<Money> {
    let (amount, currency) = text.split_once(' ')?;
    Some(Money {
        amount: amount.parse().ok()?,
        currency: currency.parse().ok()?,
    })
}

/// The sum of the postings that say they are what a vendor is owed.
fn payable(postings: &[Posting<'_>]) -> Option<Money> {
    let mut payables = postings
        .iter()
        .filter(|posting| posting.metadata.get(key::PURPOSE).as_deref() == Some(purpose::PAYABLE))
        .filter_map(|posting| posting.amount.exact());
    let first = payables.next()?;
    payables.try_fold(first, |sum, money| {
        let amount = sum.amount.plus(money.amount)?;
        (money.currency == sum.currency).then_some(Money { amount, ..sum })
    })
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, line {}", self.file.display(), self.line)
    }
}
