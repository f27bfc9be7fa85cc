//! What a file adds to the index.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::host::files::{Action, FileError};
use crate::model::ids::CompanyId;
use crate::model::references::AccountPurpose;
use crate::systems::SystemError;

use super::super::books::Books;
use super::super::errors::unreadable;
use super::super::includes::beside;
use super::super::lexer::{Fault, Manner};
use super::super::number::Number;
use super::super::reader::{self, Directive, Kind, Posting};
use super::super::text;
use super::super::vocabulary::key;
use super::entries::{Named, OpenedAccount, Place};
use super::marks::retired_lines;
use super::{Include, Index, Reach, Source, Stamp};

/// A file while it is read.
struct Reading<'b> {
    file: Arc<Path>,
    reach: Reach,
    /// Whether it is the ledger itself, whose options hold for all.
    is_ledger: bool,
    /// Whether it holds what was only put aside: what the books have by now is passed over in it.
    is_aside: bool,
    ours: &'b CompanyId,
    /// Whose entries stand here, as far as the file has said.
    company: Option<String>,
    /// Whether it has said so by itself, and not by its entries as the first version did.
    names_company: bool,
    /// Numbers that were taken before the file said whose they are.
    numbers: Vec<Number>,
    includes: Vec<Include>,
}

impl Reading<'_> {
    fn counts_accounts(&self) -> bool {
        self.reach != Reach::Beside
    }

    fn is_of_another(&self) -> bool {
        let company = self.company.as_deref();
        company.is_some_and(|company| !company.eq_ignore_ascii_case(self.ours.as_str()))
    }
}

impl Index {
    /// Reads a file and adds what it holds.
    pub(super) fn read_file(
        &mut self,
        books: &Books,
        path: &Path,
        stamp: Stamp,
        reach: Reach,
    ) -> Result<Source, SystemError> {
        let bytes = fs::read(path).map_err(|error| unreadable(&FileError::at(Action::Read, path)(error)))?;
        let manner = match reach {
            Reach::Ours => Manner::Strict,
            Reach::Ledger | Reach::Beside => Manner::Tolerant,
        };
        let text = str::from_utf8(&bytes);
        let mut reading = Reading {
            file: path.into(),
            reach,
            is_ledger: path == books.ledger(),
            is_aside: books.holds_aside(path),
            ours: books.company(),
            company: None,
            names_company: false,
            numbers: Vec::new(),
            includes: Vec::new(),
        };
        let outcome = match text {
            Ok(text) => reader::read(text, manner, |directive| self.add(directive, &mut reading)),
            Err(_) => Err(Fault::at(1, "the file is not UTF-8 text")),
        };
        let passed_over = outcome.map_err(|Fault { line, problem }| SystemError::Damaged {
            reason: format!(
                "The books are damaged: `{}`, line {line}: {problem}. Repair it or take the file back from a \
                 backup, then run again.",
                path.display()
            ),
        })?;
        self.settle_numbers(&mut reading);
        let retired = if reading.is_of_another() {
            Vec::new()
        } else {
            retired_lines(text.unwrap_or_default())
        };
        Ok(Source {
            path: path.to_owned(),
            stamp,
            reach,
            includes: reading.includes,
            retired,
            passed_over,
        })
    }

    fn add(&mut self, directive: Directive<'_>, reading: &mut Reading<'_>) -> Result<(), Fault> {
        match &directive.kind {
            Kind::Company { id } => {
                reading.names_company = true;
                self.learn_company(id, reading);
            }
            Kind::Transaction { .. } if !reading.names_company => {
                if let Some(company) = directive.metadata.get(key::COMPANY) {
                    self.learn_company(&company, reading);
                }
            }
            _ => {}
        }
        match &directive.kind {
            Kind::Transaction { .. }
            | Kind::Document { .. }
            | Kind::Missing { .. }
            | Kind::Evidence { .. }
            | Kind::EvidenceRemoved { .. }
                if reading.is_of_another() => {}
            Kind::Transaction { postings, .. } => self.add_transaction(&directive, postings, reading)?,
            Kind::Open {
                date,
                account,
                currencies,
            } if reading.counts_accounts() => {
                let account = *account;
                let fact = |key| directive.metadata.get(key).map(Box::from);
                let purpose = directive.metadata.get(key::PURPOSE);
                self.opened
                    .entry(account.into())
                    .or_insert_with(|| OpenedAccount {
                        from: *date,
                        currencies: currencies.iter().map(|&currency| currency.into()).collect(),
                        code: fact(key::CODE),
                        identifier: fact(key::IDENTIFIER),
                        purpose: purpose.and_then(|word| AccountPurpose::from_word(&word)),
                        is_ours: reading.reach == Reach::Ours,
                    });
            }
            Kind::Close { date, account } if reading.counts_accounts() => {
                self.closed.insert((*account).into(), *date);
            }
            Kind::Balance { date, account } if reading.counts_accounts() => {
                let place = Place {
                    file: Arc::clone(&reading.file),
                    line: directive.line,
                };
                let days = self.balances.entry((*account).into()).or_default();
                days.entry(*date).or_insert(place);
            }
            Kind::Document { path } => self.add_receipt(&directive, path, reading),
            Kind::Evidence { file, sha256 } => self.add_evidence(directive.line, file, sha256, reading),
            Kind::EvidenceRemoved { file } => {
                self.removed_evidence.insert((&**file).into());
            }
            Kind::Numbers { last } => {
                reading.numbers.extend(last.parse::<Number>());
                if reading.company.is_some() {
                    self.settle_numbers(reading);
                }
            }
            Kind::Missing { first, last } => {
                if let (Ok(first), Ok(last)) = (first.parse(), last.parse()) {
                    self.explained.push((first, last));
                    self.take_number(last);
                }
            }
            Kind::Option { name, value } => {
                self.has_operating_currency |= reading.counts_accounts() && name == "operating_currency";
                if reading.is_ledger {
                    self.roots.take_option(name, value);
                }
            }
            Kind::Include { pattern } => reading.includes.push(Include {
                pattern: pattern.clone().into_owned(),
                line: directive.line,
            }),
            Kind::Open { .. }
            | Kind::Close { .. }
            | Kind::Balance { .. }
            | Kind::Company { .. }
            | Kind::Other => {}
        }
        Ok(())
    }

    fn add_transaction(
        &mut self,
        directive: &Directive<'_>,
        postings: &[Posting<'_>],
        reading: &Reading<'_>,
    ) -> Result<(), Fault> {
        let file = &reading.file;
        let Some(entry_id) = directive.metadata.get(key::ENTRY) else {
            let mut links = directive.links.iter();
            let is_reversal = links.any(|link| link.starts_with(text::ENTRY_LINK));
            self.misplaced.add_other(postings, is_reversal);
            self.add_other(directive, postings, file);
            return Ok(());
        };
        self.misplaced.add_entry(postings);
        if directive.metadata.get(key::REVERSES).is_some() {
            let why = format!(
                "`{}` takes nothing back beside `{}`: it belongs to the mirror of an entry",
                key::REVERSES,
                key::ENTRY
            );
            self.note_odd_mark(directive, file, why);
        }
        let place = Place {
            file: Arc::clone(file),
            line: directive.line,
        };
        self.add_document(&entry_id, directive, postings, place, reading.is_aside)
    }

    fn add_receipt(&mut self, directive: &Directive<'_>, path: &str, reading: &Reading<'_>) {
        let value = |key| directive.metadata.get(key);
        if let (Some(entry_id), Some(sha256)) = (value(key::RECEIPT_OF), value(key::SHA256)) {
            let folder = reading.file.parent().unwrap_or(Path::new(""));
            let receipts = self.receipts.entry(entry_id.into()).or_default();
            receipts.push((sha256.into(), beside(folder, Path::new(path))));
        }
    }

    fn add_evidence(&mut self, line: u32, file: &str, sha256: &str, reading: &Reading<'_>) {
        let named = self.evidence.entry(Arc::clone(&reading.file)).or_default();
        named.push(Named {
            line,
            file: file.into(),
            sha256: sha256.into(),
        });
    }

    /// What follows in the file is this company's.
    fn learn_company(&mut self, company: &str, reading: &mut Reading<'_>) {
        if reading.company.as_deref() == Some(company) {
            return;
        }
        reading.company = Some(company.to_owned());
        self.settle_numbers(reading);
        if reading.is_of_another() && reading.reach == Reach::Ours {
            let files = self.of_others.entry(company.to_owned()).or_default();
            files.insert(reading.file.to_path_buf());
        }
    }

    /// Numbers that are another company's are not ours to count from.
    fn settle_numbers(&mut self, reading: &mut Reading<'_>) {
        let numbers = std::mem::take(&mut reading.numbers);
        if !reading.is_of_another() {
            for number in numbers {
                self.take_number(number);
            }
        }
    }

    /// The number stands on a transaction.
    pub(super) fn find_number(&mut self, number: Number) {
        self.take_number(number);
        let Number { year, serial } = number;
        let last = self.gapless.entry(year).or_default();
        if serial > *last {
            self.beyond.insert(number);
        }
        while self.beyond.remove(&Number {
            year,
            serial: last.saturating_add(1),
        }) {
            *last += 1;
        }
    }

    pub(super) fn take_number(&mut self, number: Number) {
        let highest = self.highest.entry(number.year).or_default();
        *highest = number.serial.max(*highest);
    }
}
