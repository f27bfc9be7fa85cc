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
use crate::model::foreign_text::one_line;
use crate::model::money::Money;
use crate::systems::SystemError;

use super::super::books::{Books, unreadable};
use super::super::includes;
use super::super::movements::Movements;
use super::super::number::Number;
use super::super::reader::{self, Directive, Fault, Kind, Manner, Posting};
use super::super::text;
use super::super::vocabulary::{document_kind, key, purpose};
use super::{
    Booked, BookedInvoice, Index, Mirror, Numbered, OpenedAccount, Other, Place, Retired, Source, Stamp,
};

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
        let retired = retired_lines(&text);
        self.sources.insert(
            path.to_owned(),
            Source {
                stamp,
                includes,
                retired,
            },
        );
        Ok(())
    }

    fn add(&mut self, directive: Directive<'_>, file: &Arc<Path>) -> Result<(), Fault> {
        match &directive.kind {
            Kind::Transaction { date, postings } => match directive.metadata.get(key::ENTRY) {
                Some(entry_id) => {
                    if directive.metadata.get(key::REVERSES).is_some() {
                        let why = format!(
                            "`{}` takes nothing back beside `{}`: it belongs to the mirror of an entry",
                            key::REVERSES,
                            key::ENTRY
                        );
                        self.note_odd_mark(&directive, file, why);
                    }
                    let booked = self.booked(&directive, *date, postings, file)?;
                    self.add_booked(&entry_id, booked)?;
                }
                None => self.add_other(&directive, postings, file),
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
            Kind::Balance { date, account } => {
                let last = self.balances.entry((*account).into()).or_insert(*date);
                *last = (*last).max(*date);
            }
            Kind::Document { path } => {
                let (entry_id, sha256) = (
                    directive.metadata.get(key::RECEIPT_OF),
                    directive.metadata.get(key::SHA256),
                );
                if let (Some(entry_id), Some(sha256)) = (entry_id, sha256) {
                    let folder = file.parent().unwrap_or(Path::new(""));
                    self.receipts
                        .insert((entry_id.into(), sha256.into()), beside(folder, path));
                }
            }
            Kind::Numbers { last } => {
                if let Ok(last) = last.parse() {
                    self.take_number(last);
                }
            }
            Kind::Missing { first, last } => {
                if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                    self.explained.push((first, last));
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
            touches_result: postings.iter().any(touches_result),
            place: Place {
                file: Arc::clone(file),
                line: directive.line,
            },
        })
    }

    fn add_booked(&mut self, entry_id: &str, booked: Booked) -> Result<(), Fault> {
        self.take_number(booked.number);
        self.numbers
            .insert(booked.number, Numbered::Document(entry_id.into()));
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

    /// A transaction that is no document of ours may take one back, by its mark or by the link of the entry.
    fn add_other(&mut self, directive: &Directive<'_>, postings: &[Posting<'_>], file: &Arc<Path>) {
        let number = |key| directive.metadata.get(key)?.parse::<Number>().ok();
        let (reverses, own) = (number(key::REVERSES), number(key::NUMBER));
        if reverses.is_none()
            && let Some(odd) = directive.metadata.get(key::REVERSES)
        {
            let why = format!(
                "`{}: \"{}\"` is no number, so it takes nothing back: correct it",
                key::REVERSES,
                one_line(&odd, 40)
            );
            self.note_odd_mark(directive, file, why);
        }
        let mut links = directive
            .links
            .iter()
            .filter(|link| link.starts_with(text::ENTRY_LINK))
            .peekable();
        if links.peek().is_none() && reverses.is_none() {
            return;
        }
        let movements = Movements::of(postings, &mut self.names);
        let place = Place {
            file: Arc::clone(file),
            line: directive.line,
        };
        for link in links {
            self.others.entry((*link).into()).or_default().push(Other {
                movements: movements.clone(),
                reverses,
                place: place.clone(),
            });
        }
        let Some(reverses) = reverses else { return };
        // Whoever writes a mirror by hand may have copied the number of the document with the rest.
        let own = own.filter(|own| *own != reverses);
        if let Some(own) = own {
            self.take_number(own);
            self.numbers.entry(own).or_insert(Numbered::Mirror(reverses));
        }
        self.mirrors.entry(reverses).or_default().push(Mirror {
            movements,
            number: own,
            place,
        });
    }

    fn note_odd_mark(&mut self, directive: &Directive<'_>, file: &Arc<Path>, why: String) {
        let place = Place {
            file: Arc::clone(file),
            line: directive.line,
        };
        self.odd_marks.push((place, why));
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

/// Whether a posting moves income, expense or tax.
fn touches_result(posting: &Posting<'_>) -> bool {
    let purpose = posting.metadata.get(key::PURPOSE);
    text::is_income_or_expense(posting.account)
        || posting.metadata.get(key::TAX_CODE).is_some()
        || purpose.is_some_and(|purpose| purpose == purpose::TAX || purpose == purpose::REVERSE_TAX)
}

/// The lines of a file that say `pleo-reversed: TRUE`, or advise it as the first version's ledgers did.
fn retired_lines(text: &str) -> Vec<Retired> {
    if !text.contains(key::REVERSED) {
        return Vec::new();
    }
    let retired = |(number, line): (u32, &str)| {
        let line = line.trim_start();
        let advice = line.strip_prefix(';');
        let is_advice = advice.is_some_and(|comment| comment.contains(key::REVERSED));
        let value = line
            .strip_prefix(key::REVERSED)
            .and_then(|rest| rest.strip_prefix(':'));
        let says_so = value.is_some_and(|value| value.trim_start().starts_with("TRUE"));
        (is_advice || says_so).then_some(Retired {
            line: number,
            is_advice,
        })
    };
    (1_u32..).zip(text.lines()).filter_map(retired).collect()
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
