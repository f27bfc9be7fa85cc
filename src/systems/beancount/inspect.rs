//! Entries as they stand beside what was booked, for one who compares: receipts by their content, documents by the
//! evidence of their batch. Nothing is written or locked.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::host::digest;
use crate::host::files::{Action, FileError};
use crate::model::document::Part;
use crate::model::ids::AccountingEntryId;
use crate::model::inspected::{Edited, Evidence, Inspected};
use crate::model::money::{Amount, Currency, Money};
use crate::systems::{Found, SystemError};

use super::Beancount;
use super::errors::unreadable;
use super::evidence::{self, Known, KnownDocument};
use super::index::{Booked, Named, Standing};
use super::movements::Movements;

/// What a document moves on each account.
type Moved = BTreeMap<(String, Currency), Amount>;

/// A file of evidence as it was found.
enum Read {
    Whole(HashMap<String, Vec<Known>>),
    Removed,
    Wrong(String),
}

impl Beancount {
    /// What the books have of these entries, looked at closely.
    pub(super) fn look_closely(
        &mut self,
        entries: &[AccountingEntryId],
    ) -> Result<Vec<(Found, Inspected)>, SystemError> {
        if !self.books.folder().is_dir() {
            return Err(SystemError::Damaged {
                reason: format!(
                    "There are no books in `{}`: mount or restore them.",
                    self.books.folder().display()
                ),
            });
        }
        self.index.tell_repeats();
        self.index.refresh(&self.books)?;
        let wanted: HashSet<&str> = entries.iter().map(AccountingEntryId::as_str).collect();
        let mut read = HashMap::new();
        let answers = entries
            .iter()
            .map(|entry_id| self.inspected(entry_id.as_str(), &wanted, &mut read));
        answers.collect()
    }

    fn inspected(
        &self,
        entry_id: &str,
        wanted: &HashSet<&str>,
        read: &mut HashMap<PathBuf, Read>,
    ) -> Result<(Found, Inspected), SystemError> {
        let standing = self.index.standing(entry_id)?;
        let mut found = self.found(entry_id, &[], &standing);
        let repeats = self.index.repeats(entry_id).join("; ");
        let mut inspected = Inspected {
            booked_twice: Some(repeats)
                .filter(|repeats| !repeats.is_empty())
                .or_else(|| standing.remark.clone().filter(|_| standing.counts_twice)),
            fitting_amounts: fitting_amounts(&standing),
            evidence: Evidence::NotNeeded,
            ..Inspected::default()
        };
        let mut receipts: Vec<String> = Vec::new();
        let mut lacks_part = false;
        for booked in &standing.live {
            let Some((path, named)) = self.evidence_of(booked) else {
                continue;
            };
            if !read.contains_key(&path) {
                let content = self.read_evidence(&path, named, wanted)?;
                read.insert(path.clone(), content);
            }
            let lines = match read.get(&path) {
                Some(Read::Whole(known)) => known.get(entry_id).map_or(&[][..], Vec::as_slice),
                Some(Read::Wrong(problem)) => {
                    inspected.evidence = Evidence::Wrong {
                        file: path.display().to_string(),
                        problem: problem.clone(),
                    };
                    continue;
                }
                Some(Read::Removed) => {
                    if inspected.evidence == Evidence::NotNeeded {
                        inspected.evidence = Evidence::Removed;
                    }
                    continue;
                }
                None => continue,
            };
            if matches!(inspected.evidence, Evidence::NotNeeded | Evidence::Removed) {
                inspected.evidence = Evidence::Whole;
            }
            let number = booked.number.to_string();
            let is_meant = |line: &&Known| line.documents.iter().any(|document| document.number == number);
            let Some(line) = lines.iter().find(is_meant) else {
                continue;
            };
            receipts.extend(line.receipts.iter().cloned());
            lacks_part |= lacks_a_part(line, &standing);
            if let Some(document) = line.documents.iter().find(|document| document.number == number)
                && let Some(edited) = edited(booked, document)
                && !matches!(inspected.edited, Some(Edited::Amount(_)))
            {
                inspected.edited = Some(edited);
            }
        }
        if lacks_part && let Found::Complete(booked) = found {
            found = Found::Incomplete(booked);
        }
        inspected.receipts = Some(if standing.live.is_empty() {
            Vec::new()
        } else {
            self.wrong_receipts(entry_id, &receipts)?
        });
        Ok((found, inspected))
    }

    /// The evidence that stands above a document in its file.
    fn evidence_of(&self, booked: &Booked) -> Option<(PathBuf, &Named)> {
        let mut named = self.index.evidence(&booked.place.file).iter();
        let named = named.rfind(|named| named.line < booked.place.line)?;
        Some((self.books.evidence(&booked.place.file, &named.file), named))
    }

    fn read_evidence(
        &self,
        path: &std::path::Path,
        named: &Named,
        wanted: &HashSet<&str>,
    ) -> Result<Read, SystemError> {
        let is_removed = self.index.is_evidence_removed(&named.file);
        let problem = match fs::read(path) {
            Ok(content) if digest::sha256(&content) == *named.sha256 => {
                return Ok(Read::Whole(evidence::read(&content, wanted)));
            }
            Ok(_) => format!("is not what was written: its SHA-256 is not {}", named.sha256),
            Err(error) if error.kind() == io::ErrorKind::NotFound => "is missing".to_owned(),
            Err(error) if !is_removed => return Err(unreadable(&FileError::at(Action::Read, path)(error))),
            Err(error) => error.to_string(),
        };
        Ok(if is_removed {
            Read::Removed
        } else {
            Read::Wrong(problem)
        })
    }

    /// What is wrong with the receipts: those that the books name, and those that the evidence does.
    fn wrong_receipts(&self, entry_id: &str, in_evidence: &[String]) -> Result<Vec<String>, SystemError> {
        let named = self.index.receipts(entry_id).iter().map(|(sha256, _)| &**sha256);
        let mut contents: Vec<&str> = named.chain(in_evidence.iter().map(String::as_str)).collect();
        contents.sort_unstable();
        contents.dedup();
        let mut wrong = Vec::new();
        for sha256 in contents {
            let mut problem = Some(format!("the books name no receipt with the SHA-256 {sha256}"));
            for path in self.index.receipt(entry_id, sha256) {
                problem = match fs::read(path) {
                    Ok(bytes) if digest::sha256(&bytes) == sha256 => None,
                    Ok(_) => Some(format!(
                        "`{}` has another content: its SHA-256 is not {sha256}",
                        path.display()
                    )),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {
                        Some(format!("`{}` is missing", path.display()))
                    }
                    Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                        Some(format!("`{}` is a folder", path.display()))
                    }
                    Err(error) => return Err(unreadable(&FileError::at(Action::Read, path)(error))),
                };
                if problem.is_none() {
                    break;
                }
            }
            wrong.extend(problem);
        }
        Ok(wrong)
    }
}

/// What was done to a document since it was booked.
fn edited(booked: &Booked, document: &KnownDocument) -> Option<Edited> {
    let (before, now) = (document.moved()?, booked.moved()?);
    let (mut before, mut now) = (before, now);
    before.retain(|_, amount| !amount.is_zero());
    now.retain(|_, amount| !amount.is_zero());
    let number = booked.number;
    if debits(&before) != debits(&now) {
        let (before, now) = (sum_text(&debits(&before)), sum_text(&debits(&now)));
        return Some(Edited::Amount(format!(
            "{number} comes to {now}, and was booked as {before}"
        )));
    }
    let turned = turned(&before, &now);
    if !turned.is_empty() {
        let turned = turned.join("; ");
        return Some(Edited::Amount(format!(
            "{number} has debit and credit swapped: {turned}"
        )));
    }
    if before != now {
        return Some(Edited::Otherwise(format!("{number} {}", moved_to(&before, &now))));
    }
    let (day, booked_on) = (booked.posting_date, document.posting_date);
    (day != booked_on).then(|| Edited::Otherwise(format!("{number} was moved from {booked_on} to {day}")))
}

/// The amounts of an item that the documents fit. A person may have split a cost, so any of these is as good as the
/// one that the books seem to say.
fn fitting_amounts(standing: &Standing) -> Vec<Money> {
    let mut fitting = Vec::new();
    for booked in &standing.live {
        fitting.extend(booked.amount.map(Money::abs));
        fitting.extend(booked.movements.as_ref().and_then(Movements::debits));
        for ((_, currency), amount) in booked.moved().into_iter().flatten() {
            fitting.push(Money { amount, currency }.abs());
        }
    }
    fitting
}

/// Whether a document that was booked with this one counts no more, nor another in its place.
fn lacks_a_part(line: &Known, standing: &Standing) -> bool {
    [Part::Main, Part::Payment].into_iter().any(|part| {
        line.documents.iter().any(|document| document.is_of_part(part))
            && !standing.live.iter().any(|booked| booked.part == part)
    })
}

/// What is added to accounts, in each currency.
fn debits(moved: &Moved) -> BTreeMap<Currency, Amount> {
    let mut debits: BTreeMap<Currency, Amount> = BTreeMap::new();
    for ((_, currency), amount) in moved {
        let sum = debits.entry(*currency).or_default();
        if !amount.is_negative() {
            *sum += *amount;
        }
    }
    debits.retain(|_, amount| !amount.is_zero());
    debits
}

/// The accounts that are credited now with what they were debited with, or the reverse: each with both amounts.
fn turned(before: &Moved, now: &Moved) -> Vec<String> {
    let both = now
        .iter()
        .filter_map(|(key, now)| Some((key, now, before.get(key)?)));
    let turned = both.filter(|(_, now, before)| now.is_negative() != before.is_negative());
    let text = |amount: &Amount, currency: &Currency| {
        let (amount, currency) = (*amount, *currency);
        Money { amount, currency }.to_string()
    };
    let turned = turned.map(|((account, currency), now, before)| {
        let (now, before) = (text(now, currency), text(before, currency));
        format!("{now} on {account}, which was booked with {before}")
    });
    turned.collect()
}

/// How the same sum was spread otherwise.
fn moved_to(before: &Moved, now: &Moved) -> String {
    let names = |keys: Vec<&(String, Currency)>| {
        let names = keys.iter().map(|(account, _)| account.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let new: Vec<_> = now.keys().filter(|key| !before.contains_key(*key)).collect();
    if new.is_empty() {
        format!("is divided otherwise among {}", names(now.keys().collect()))
    } else {
        format!("was moved to {}", names(new))
    }
}

fn sum_text(debits: &BTreeMap<Currency, Amount>) -> String {
    let parts = debits.iter().map(|(currency, amount)| {
        Money {
            amount: *amount,
            currency: *currency,
        }
        .to_string()
    });
    let text = parts.collect::<Vec<_>>().join(" and ");
    if text.is_empty() {
        "nothing".to_owned()
    } else {
        text
    }
}
