//! Files into the index: which there are, which are new, and what each adds.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono::NaiveDate;

use tracing::warn;

use crate::host::files::FileError;
use crate::model::document::Part;
use crate::model::money::Money;
use crate::systems::SystemError;

use super::super::books::{Books, unreadable};
use super::super::includes;
use super::super::movements::Movements;
use super::super::number::Number;
use super::super::reader::{self, Directive, Fault, Kind, Manner, Posting};
use super::super::text;
use super::super::vocabulary::{document_kind, key, purpose};
use super::{Booked, BookedInvoice, Index, OpenedAccount, Place, Source, Stamp};

impl Index {
    /// Brings the index up to date with the files.
    pub(in super::super) fn refresh(&mut self, books: &Books) -> Result<(), SystemError> {
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
                for file in includes::expand(folder, pattern).map_err(|error| unreadable(&error))? {
                    // One name for each file, so that it is read once.
                    let file = file.canonicalize().map_err(FileError::at("look at", &file));
                    waiting.push(file.map_err(|error| unreadable(&error))?);
                }
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
        let bytes = fs::read(path).map_err(|error| unreadable(&FileError::at("read", path)(error)))?;
        let manner = if books.is_ours(path) {
            Manner::Strict
        } else {
            Manner::Tolerant
        };
        let text = String::from_utf8_lossy(&bytes);
        let file: Arc<Path> = path.into();
        let mut includes = Vec::new();
        let outcome = if matches!(text, Cow::Owned(_)) {
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
        let passed_over = outcome.map_err(|Fault { line, problem }| SystemError::Damaged {
            reason: format!(
                "The books are damaged: `{}`, line {line}: {problem}. Repair it or take the file back from a \
                 backup, then run again. Nothing was booked.",
                path.display()
            ),
        })?;
        if let Some(Fault { line, problem }) = passed_over {
            // It is the user's own; beancount decides whether it can be read.
            warn!(
                "`{}`, line {line}: {problem}; run bean-check on the books and repair it",
                path.display()
            );
        }
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
                    directive.metadata.get(key::RECEIPT_OF),
                    directive.metadata.get(key::SHA256),
                );
                if let (Some(entry_id), Some(sha256)) = (entry_id, sha256) {
                    let folder = file.parent().unwrap_or(Path::new(""));
                    self.receipts
                        .entry((entry_id.into(), sha256.into()))
                        .or_default()
                        .push(beside(folder, path));
                }
            }
            Kind::Numbers { last } => {
                if let Ok(last) = last.parse() {
                    self.take_number(last);
                }
            }
            Kind::OperatingCurrency => self.has_operating_currency = true,
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
            is_journal_entry: metadata.get(key::DOCUMENT).as_deref() == Some(document_kind::JOURNAL_ENTRY),
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

/// Where a path leads that a file in `folder` names, by names alone as in beancount, also when the folder is a link.
fn beside(folder: &Path, path: &str) -> PathBuf {
    let mut place = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(place.pop()),
            Component::CurDir => {}
            other => place.push(other),
        }
    }
    place
}

/// `None` when there is no such file.
fn stamp(path: &Path) -> Result<Option<Stamp>, SystemError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.len(), metadata.modified().ok()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(&FileError::at("look at", path)(error))),
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
