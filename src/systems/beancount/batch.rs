//! One batch on its way into the books: what it will hold, with which numbers, as one new file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use crate::host::digest;
use crate::model::document::{Document, Part, PlannedItem};
use crate::model::ids::{AccountingEntryId, CompanyId};
use crate::model::money::Amount;
use crate::model::references::{Account, NewAccount};
use crate::model::verdict::ItemFailureType;
use crate::systems::{BookedEntry, SystemError};

use super::books::Books;
use super::evidence;
use super::index::{Index, OpenedAccount};
use super::lock::Lock;
use super::number::Number;
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
        remarks: Vec<String>,
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
                remarks: remarks.clone(),
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
                remark: None,
                wallet_account: None,
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
        let file = books.new_file(lock, first.number.year, &first.number.to_string())?;
        // First, so that a batch in the books is never without it; by itself it means nothing.
        let evidence = evidence::text(&self.entries, self.recorded_at);
        let evidence_name = file.write_evidence(evidence.as_bytes())?;
        let mut text = self.head(index, books.company());
        writer::evidence(&mut text, &evidence_name, &digest::sha256(&evidence));
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
        file.write(text.as_bytes())
    }

    /// Each entry's transactions as they are written, an entry at a time.
    pub(super) fn texts(&self) -> Vec<(AccountingEntryId, String)> {
        let texts = self.entries.iter().map(|entry| {
            let mut text = String::new();
            writer::transaction(&mut text, entry);
            (entry.item.entry_id().clone(), text)
        });
        texts.collect()
    }

    /// The highest number of each year, those of the batch among them, and what was found odd in the books, by entry.
    pub(super) fn into_numbers_and_remarks(self) -> (BTreeMap<i32, u32>, Vec<(AccountingEntryId, String)>) {
        let mut remarks = Vec::new();
        for entry in self.entries {
            let of_entry = entry.remarks.into_iter();
            remarks.extend(of_entry.map(|remark| (entry.item.entry_id().clone(), remark)));
        }
        remarks.dedup();
        (self.highest, remarks)
    }

    /// Says where the file comes from and whose it is, and which numbers are taken even when a transaction is deleted later.
    fn head(&self, index: &Index, company: &CompanyId) -> String {
        let mut text = String::new();
        let jobs: BTreeSet<&str> = self
            .entries
            .iter()
            .map(|entry| entry.item.job_id.as_str())
            .collect();
        for job in jobs {
            writer::comment(&mut text, &format!("export job: {job}"));
        }
        let mut ranges: BTreeMap<i32, (Number, Number)> = BTreeMap::new();
        for entry in &self.entries {
            let range = ranges
                .entry(entry.number.year)
                .or_insert((entry.number, entry.number));
            range.1 = entry.number;
        }
        let ranges: Vec<(Number, Number)> = ranges.into_values().collect();
        let gaps = index.gaps_before(&ranges);
        writer::head(
            &mut text,
            self.recorded_at,
            company,
            &ranges,
            &gaps,
            index.roots(),
        );
        text
    }
}

/// For each document that is dated before a day on which the ledger says what one of its accounts comes to, a remark that
/// names the place: once the entry is booked, `bean-check` may find that it comes to something else.
pub(super) fn asserted_balances(item: &PlannedItem, parts: &[Part], index: &Index) -> Vec<String> {
    let documents = item.documents.iter();
    let documents = documents.filter(|document| parts.contains(&document.part));
    let mut remarks: Vec<String> = documents
        .flat_map(|document| {
            let postings = document.postings.iter();
            postings.filter_map(|posting| {
                let account = posting.account.reference.to_string();
                let (day, place) = index.balance_after(&account, document.posting_date)?;
                Some(format!(
                    "it is dated {} and changes the balance of {account} that {place} states for {day}: correct the \
                     one or the other where bean-check complains",
                    document.posting_date
                ))
            })
        })
        .collect();
    remarks.sort();
    remarks.dedup();
    remarks
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
    let sum: Amount = document.postings.iter().map(|posting| posting.amount).sum();
    if !sum.is_zero() || document.postings.is_empty() {
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
    let wanted = wanted.code.as_deref().or(wanted.identifier.as_deref());
    let known_by = opened.code.as_deref().or(opened.identifier.as_deref());
    opened.purpose.is_none_or(|own| own == purpose)
        && (known_by.is_none() || known_by == wanted.map(text::visible).as_deref())
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
