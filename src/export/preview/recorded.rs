//! What would be booked, kept in a file until it is shown: a job may hold more than memory should.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::model::document::{Document, DocumentKind, PlannedItem};
use crate::model::ids::AccountingEntryId;
use crate::model::money::{Amount, Currency};
use crate::systems::SystemError;

/// What booking one entry would write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rehearsed {
    /// Its documents; of one that is completed those that are planned.
    pub documents: Vec<RehearsedDocument>,
    /// Its receipts.
    pub receipts: Vec<RehearsedReceipt>,
    /// The same in the books' own notation, where they have one.
    pub notation: Option<String>,
}

/// A document of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsedDocument {
    /// What kind.
    pub kind: DocumentKind,
    /// The day it is booked on.
    pub date: NaiveDate,
    /// With whom it was.
    pub payee: String,
    /// What it was.
    pub narration: String,
    /// Its postings, which balance.
    pub postings: Vec<RehearsedPosting>,
}

/// A posting of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsedPosting {
    /// The account, as people call it.
    pub account: String,
    /// How much, debit positive.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
}

/// A receipt of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RehearsedReceipt {
    /// Its name, once it was fetched.
    pub name: Option<String>,
    /// Whether it was.
    pub state: ReceiptState,
}

/// Whether a receipt can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptState {
    /// It was fetched.
    Fetched,
    /// It could not be.
    Missing,
    /// Nobody tried.
    NotFetched,
}

/// Everything that would be booked, by entry.
#[derive(Debug)]
pub struct Recorded {
    file: RefCell<File>,
    /// Where each entry stands in the file.
    places: RefCell<HashMap<AccountingEntryId, (u64, usize)>>,
    totals: RefCell<BTreeMap<(String, Currency), Amount>>,
}

impl Recorded {
    /// Keeps it in this file, which is empty and nobody else's.
    pub fn new(file: File) -> Self {
        Self {
            file: RefCell::new(file),
            places: RefCell::default(),
            totals: RefCell::default(),
        }
    }

    /// Adds what would be booked of an item.
    pub(super) fn add(&self, item: &PlannedItem, text: Option<String>) -> Result<(), SystemError> {
        for (account, amount) in postings(item) {
            let mut totals = self.totals.borrow_mut();
            let sum = totals
                .entry((account.to_owned(), item.item.amount.currency))
                .or_default();
            *sum += amount;
        }
        let rehearsed = Rehearsed::of(item, text);
        let place = self.write(&rehearsed).map_err(|error| SystemError::Settings {
            reason: format!(
                "What would be booked cannot be kept for the preview: {error}. Make room, then run again."
            ),
        })?;
        self.places.borrow_mut().insert(item.entry_id().clone(), place);
        Ok(())
    }

    fn write(&self, rehearsed: &Rehearsed) -> io::Result<(u64, usize)> {
        let text = serde_json::to_vec(rehearsed)?;
        let mut file = self.file.borrow_mut();
        let at = file.seek(SeekFrom::End(0))?;
        file.write_all(&text)?;
        Ok((at, text.len()))
    }

    /// What would be booked of this entry; nothing where it would not be.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of(&self, entry_id: &AccountingEntryId) -> io::Result<Option<Rehearsed>> {
        let Some((at, length)) = self.places.borrow().get(entry_id).copied() else {
            return Ok(None);
        };
        let mut text = vec![0; length];
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut text)?;
        Ok(Some(serde_json::from_slice(&text)?))
    }

    /// What would move on each account, of everything since it was last asked; the entries are let go with it.
    pub fn take_totals(&self) -> BTreeMap<(String, Currency), Amount> {
        self.places.borrow_mut().clear();
        self.totals.take()
    }
}

impl Rehearsed {
    fn of(item: &PlannedItem, notation: Option<String>) -> Self {
        Self {
            documents: item
                .documents
                .iter()
                .map(|document| RehearsedDocument::of(item, document))
                .collect(),
            receipts: receipts(item),
            notation,
        }
    }
}

impl RehearsedDocument {
    fn of(item: &PlannedItem, document: &Document) -> Self {
        let postings = document.postings.iter().map(|posting| RehearsedPosting {
            account: posting.account.name.clone(),
            amount: posting.amount,
            currency: item.item.amount.currency,
        });
        Self {
            kind: document.kind,
            date: document.posting_date,
            payee: item.payee.clone(),
            narration: item.description.clone(),
            postings: postings.collect(),
        }
    }
}

fn postings(item: &PlannedItem) -> impl Iterator<Item = (&str, Amount)> {
    let postings = item.documents.iter().flat_map(|document| &document.postings);
    postings.map(|posting| (posting.account.name.as_str(), posting.amount))
}

fn receipts(item: &PlannedItem) -> Vec<RehearsedReceipt> {
    let of = |state, name| RehearsedReceipt { name, state };
    let fetched = item.receipts.iter();
    let fetched = fetched.map(|receipt| of(ReceiptState::Fetched, Some(receipt.file_name.clone())));
    let missing = (0..item.receipts_missing).map(|_| of(ReceiptState::Missing, None));
    let mut receipts: Vec<_> = fetched.chain(missing).collect();
    if receipts.is_empty() {
        receipts.extend(item.item.files.iter().map(|_| of(ReceiptState::NotFetched, None)));
    }
    receipts
}
