//! One batch on its way into the books: what it will hold, with which numbers, as one new file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::model::document::{Document, Part, PlannedItem};
use crate::model::ids::CompanyId;
use crate::model::money::Amount;
use crate::model::references::{Account, NewAccount};
use crate::model::verdict::ItemFailureType;
use crate::systems::{BookedEntry, SystemError};

use super::books::Books;
use super::index::{Index, OpenedAccount, Standing};
use super::lock::Lock;
use super::number::Number;
use super::roots::Roots;
use super::text;
use super::writer::{self, Entry};

/// What one call will write.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    highest: BTreeMap<i32, u32>,
    recorded_at: DateTime<Utc>,
    entries: Vec<Entry<'a>>,
    booked: HashMap<&'a str, BookedEntry>,
}

impl<'a> Batch<'a> {
    /// An empty batch that goes on from the highest numbers so far.
    pub(super) fn new(highest: BTreeMap<i32, u32>, recorded_at: DateTime<Utc>) -> Self {
        Self {
            highest,
            recorded_at,
            entries: Vec::new(),
            booked: HashMap::new(),
        }
    }

    /// The answer for an entry that is in this batch already.
    pub(super) fn booked(&self, entry_id: &str) -> Option<&BookedEntry> {
        self.booked.get(entry_id)
    }

    /// Adds the documents of these parts, beside what of the entry is `live` in the books.
    pub(super) fn add(
        &mut self,
        item: &'a PlannedItem,
        parts: &[Part],
        revision: u32,
        live: Option<BookedEntry>,
    ) -> Result<BookedEntry, SystemError> {
        let first_added = self.entries.len();
        for document in item
            .documents
            .iter()
            .filter(|document| parts.contains(&document.part))
        {
            let highest = self
                .highest
                .entry(Number::year_of(document.posting_date))
                .or_default();
            *highest = highest.saturating_add(1);
            self.entries.push(Entry {
                item,
                document,
                revision,
                number: Number::of_year(document.posting_date, *highest),
                recorded_at: self.recorded_at,
            });
        }
        let added = self.entries.get(first_added..).unwrap_or_default();
        let first = added.first().ok_or_else(|| nothing_to_book(item))?;
        let mut booked = match live {
            // The main document gives the entry its number and its day.
            Some(live) if live.parts.contains(&Part::Main) => live,
            other => BookedEntry {
                external_id: first.number.to_string(),
                external_url: None,
                posting_date: first.document.posting_date,
                revision,
                parts: other.map(|live| live.parts).unwrap_or_default(),
                content_hash: Some(item.content_hash.clone()),
                amount: Some(item.item.amount),
            },
        };
        booked.parts.extend(added.iter().map(|entry| entry.document.part));
        booked.parts.sort_unstable();
        self.booked.insert(item.entry_id().as_str(), booked.clone());
        Ok(booked)
    }

    /// Writes the batch as one new file; nothing when it is empty.
    pub(super) fn write(&self, lock: &Lock, books: &Books, index: &Index) -> Result<(), SystemError> {
        let Some(first) = self.entries.first() else {
            return Ok(());
        };
        let mut text = self.head(index.roots(), books.company());
        if !index.has_operating_currency() {
            // Fava calls it an error when no file of the ledger has any; a person's own choice is left alone.
            text.push('\n');
            let currencies: BTreeSet<_> = self
                .entries
                .iter()
                .map(|entry| entry.item.item.amount.currency)
                .collect();
            for currency in currencies {
                writer::operating_currency(&mut text, currency);
            }
        }
        let postings = self.entries.iter().flat_map(|entry| &entry.document.postings);
        let accounts: BTreeMap<String, &Account> = postings
            .map(|posting| (posting.account.reference.to_string(), &posting.account))
            .collect();
        let unopened = accounts
            .into_iter()
            .filter(|(name, _)| index.account(name).is_none());
        for (at, (name, account)) in unopened.enumerate() {
            if at == 0 {
                text.push('\n');
            }
            writer::open(
                &mut text,
                &name,
                account.opens.as_deref().unwrap_or(&NewAccount::default()),
            );
        }
        for entry in &self.entries {
            writer::transaction(&mut text, entry);
        }
        books.write_batch(lock, first.number.year, &first.number.to_string(), &text)
    }

    /// Says where the file comes from and whose it is, and which numbers are taken even when a transaction is deleted later.
    fn head(&self, roots: &Roots, company: &CompanyId) -> String {
        let mut text = String::new();
        let jobs: BTreeSet<&str> = self
            .entries
            .iter()
            .map(|entry| entry.item.job_id.as_str())
            .collect();
        for job in jobs {
            writer::comment(&mut text, &format!("export job: {job}"));
        }
        let moment = self.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true);
        writer::comment(&mut text, &format!("written: {moment} by {}", writer::VERSION));
        writer::options(&mut text, roots);
        writer::company(&mut text, company);
        let mut ranges: BTreeMap<i32, (Number, Number)> = BTreeMap::new();
        for entry in &self.entries {
            let range = ranges
                .entry(entry.number.year)
                .or_insert((entry.number, entry.number));
            range.1 = entry.number;
        }
        for (first, last) in ranges.values() {
            writer::comment(&mut text, &format!("numbers: {first} to {last}"));
        }
        text
    }
}

/// Refuses to complete an entry of which a person has taken back a part: its key is taken.
pub(super) fn refuse_half_reversed(item: &PlannedItem, standing: &Standing<'_>) -> Result<(), SystemError> {
    let reversed = standing
        .reversed
        .iter()
        .find(|booked| item.parts().contains(&booked.part));
    match (reversed, standing.live.first()) {
        (Some(reversed), Some(live)) => Err(refused(
            ItemFailureType::AccountingSystemValidationFailure,
            format!(
                "{} is reversed in the books, but {} of the same expense is not: reverse {} too, then export again.",
                reversed.number, live.number, live.number
            ),
        )),
        _ => Ok(()),
    }
}

/// Refuses what beancount would not take, before anything is written.
pub(super) fn refuse_unbookable(
    item: &PlannedItem,
    parts: &[Part],
    index: &Index,
) -> Result<(), SystemError> {
    if item.entry_id().as_str().contains(text::is_unprintable) {
        return Err(refused(
            ItemFailureType::ValidationFailure,
            "The accounting entry's id holds control characters, so it could not be found again in the books: \
             ask Pleo's support."
                .to_owned(),
        ));
    }
    item.documents
        .iter()
        .filter(|document| parts.contains(&document.part))
        .try_for_each(|document| refuse_document(item, document, index))
}

fn refuse_document(item: &PlannedItem, document: &Document, index: &Index) -> Result<(), SystemError> {
    let sum = Amount::sum(document.postings.iter().map(|posting| posting.amount));
    if sum != Some(Amount::ZERO) || document.postings.is_empty() {
        return Err(refused(
            ItemFailureType::UnexpectedFailure,
            "The entry does not balance, which is an error of pleo-export: book it by hand, and please report it."
                .to_owned(),
        ));
    }
    let (day, currency) = (document.posting_date, item.item.amount.currency);
    for posting in &document.postings {
        let account = posting.account.reference.to_string();
        let account = account.as_str();
        if !index.roots().takes(account) {
            return Err(unusable(account, "is not a name that this ledger takes"));
        }
        let opened = index.account(account);
        let from = opened.map_or(writer::OPENING_DAY, |opened| opened.from);
        if day < from || !writer::is_writable(day) {
            return Err(unusable(
                account,
                &format!("is open from {from} on, and the entry is of {day}"),
            ));
        }
        if let Some(closed) = index.closed_on(account).filter(|closed| day > *closed) {
            return Err(unusable(
                account,
                &format!("was closed on {closed}, and the entry is of {day}"),
            ));
        }
        let wanted = posting.account.opens.as_deref();
        if opened
            .zip(wanted)
            .is_some_and(|(opened, wanted)| !is_as_wanted(opened, wanted))
        {
            return Err(unusable(account, "was opened for something else meanwhile"));
        }
        let currencies = opened.map_or(&[][..], |opened| &opened.currencies);
        if !currencies.is_empty() && !currencies.iter().any(|known| **known == *currency.as_str()) {
            return Err(unusable(
                account,
                &format!("takes {} only, not {currency}", currencies.join(", ")),
            ));
        }
    }
    Ok(())
}

/// Whether an account that was to be opened, and which somebody opened meanwhile, serves what it was wanted for. Settings
/// want it as it is.
fn is_as_wanted(opened: &OpenedAccount, wanted: &NewAccount) -> bool {
    let Some(purpose) = wanted.purpose else {
        return true;
    };
    let code = wanted.code.as_deref().map(text::visible);
    opened.purpose.is_none_or(|own| own == purpose)
        && (opened.code.is_none() || opened.code.as_deref() == code.as_deref())
}

fn unusable(account: &str, why: &str) -> SystemError {
    refused(
        ItemFailureType::AccountUnknown,
        format!(
            "Account {account} {why}: change the account in the books, or ask whoever runs the export to map to \
             another under [accounts.map], then export again."
        ),
    )
}

fn nothing_to_book(item: &PlannedItem) -> SystemError {
    refused(
        ItemFailureType::UnexpectedFailure,
        format!(
            "No document was made of the accounting entry {}, which is an error of pleo-export: book it by hand, and \
             please report it.",
            item.entry_id()
        ),
    )
}

fn refused(failure_type: ItemFailureType, reason: String) -> SystemError {
    SystemError::Rejected { failure_type, reason }
}
