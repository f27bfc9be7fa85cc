//! Entries that stand in no books, and count as if they did.

use std::collections::HashMap;

use crate::bookkeeping::KnownInvoices;
use crate::model::document::{Part, PlannedItem, Purpose};
use crate::model::ids::AccountingEntryId;
use crate::model::references::{References, Resolution};
use crate::systems::{BookedEntry, Found, Wanted};

/// What was made up so far.
#[derive(Debug, Default)]
pub(super) struct MadeUp {
    entries: HashMap<AccountingEntryId, BookedEntry>,
    invoices: KnownInvoices,
}

impl MadeUp {
    /// The entry as it would be in the books. Its number is not known: nobody gives one before it is booked.
    pub(super) fn book(&mut self, item: &PlannedItem) -> BookedEntry {
        let mut wallet = item.documents.iter().flat_map(|document| &document.postings);
        let wallet = wallet
            .find(|posting| posting.purpose == Purpose::Cash)
            .map(|posting| posting.account.name.clone());
        let booked = BookedEntry {
            external_id: format!("item {}", item.entry_id()),
            external_url: None,
            posting_date: item
                .documents
                .first()
                .map(|document| document.posting_date)
                .unwrap_or_default(),
            revision: item.revision,
            parts: item.parts(),
            content_hash: Some(item.content_hash.clone()),
            amount: Some(item.item.amount),
            remark: None,
            wallet_account: wallet,
        };
        self.invoices.add(&item.item, &item.documents);
        self.entries.insert(item.entry_id().clone(), booked.clone());
        booked
    }

    /// Adds what was made up of the invoices that were asked for.
    pub(super) fn add_invoices(&self, asked: &References, resolution: &mut Resolution) {
        for key in &asked.invoices {
            let vendor = resolution
                .vendors
                .get(&key.vendor)
                .map(|vendor| &vendor.reference);
            let made_up = self.invoices.of(key, vendor);
            if !made_up.is_empty() {
                let in_books = resolution.invoices.entry(key.clone()).or_default();
                let is_new = |other: &_| !in_books.contains(other);
                let new: Vec<_> = made_up.into_iter().filter(is_new).collect();
                in_books.extend(new);
            }
        }
    }

    /// What was made up is found where the books have less.
    pub(super) fn add_found(&self, wanted: &[Wanted], found: &mut [Found]) {
        for (wanted, found) in wanted.iter().zip(found) {
            let Some(made_up) = self.entries.get(&wanted.entry_id) else {
                continue;
            };
            let has_all = |parts: &[Part]| wanted.parts.iter().all(|part| parts.contains(part));
            match found {
                Found::Absent { .. } | Found::Incomplete(_) if has_all(&made_up.parts) => {
                    *found = Found::Complete(made_up.clone());
                }
                _ => {}
            }
        }
    }
}
