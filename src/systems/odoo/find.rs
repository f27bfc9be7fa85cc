//! What the books have of an entry: a document counts when it carries our external id and was neither cancelled nor
//! reversed. An entry is complete when all its parts are there in the wanted state and what can be settled is settled.

use std::collections::{HashMap, HashSet};

use super::api::books::Books;
use super::booking::settle;
use super::document::booked::{self, Booked, State};
use crate::model::document::{Part, PostingState};
use crate::model::ids::AccountingEntryId;
use crate::systems::{Found, SystemError, Wanted};

/// The answer for each entry, in the same order.
pub(super) fn find(
    books: Books<'_>,
    base: &reqwest::Url,
    posting: PostingState,
    wanted: &[Wanted],
) -> Result<Vec<Found>, SystemError> {
    let booked = booked::by_entry(books, wanted.iter().map(|wanted| &wanted.entry_id))?;
    let mut by_entry: HashMap<&AccountingEntryId, Vec<&Booked>> = HashMap::new();
    for document in &booked {
        by_entry.entry(&document.key.entry).or_default().push(document);
    }
    let unsettled = settle::unsettled(books, posting, &booked)?;
    Ok(wanted
        .iter()
        .map(|wanted| {
            let documents = by_entry.get(&wanted.entry_id).map_or(&[][..], Vec::as_slice);
            found(base, posting, wanted, documents, &unsettled)
        })
        .collect())
}

fn found(
    base: &reqwest::Url,
    posting: PostingState,
    wanted: &Wanted,
    documents: &[&Booked],
    unsettled: &HashSet<AccountingEntryId>,
) -> Found {
    let last = documents
        .iter()
        .map(|document| document.key.revision)
        .max()
        .unwrap_or(0);
    // Whatever stands is money in the books, so nothing is booked anew beside it: neither beside one part of an entry
    // whose other part was cancelled, nor beside an earlier revision that a person took up again.
    let standing = || documents.iter().copied().filter(|document| document.counts());
    let revision = standing().map(|document| document.key.revision).max();
    let alive: Vec<&Booked> = standing()
        .filter(|document| Some(document.key.revision) == revision)
        .collect();
    let Some(entry) = booked::entry(base, &alive) else {
        return Found::Absent {
            next_revision: last + 1,
        };
    };
    // What it was begun as counts: the money in a journal entry has moved, whatever parts are wanted today.
    let begun = || {
        let origin = alive.iter().find_map(|document| document.origin.as_ref());
        origin.map(|origin| origin.parts.clone())
    };
    let parts = if alive.iter().any(|document| document.side.is_none()) {
        Some(vec![Part::Main])
    } else {
        begun().or_else(|| (!wanted.parts.is_empty()).then(|| wanted.parts.clone()))
    };
    let is_there = |part: &Part| {
        alive.iter().any(|document| {
            document.key.part == *part
                && document.is_checked()
                && (posting == PostingState::Draft || document.state == State::Posted)
        })
    };
    let is_complete =
        parts.is_some_and(|parts| parts.iter().all(is_there)) && !unsettled.contains(&wanted.entry_id);
    if is_complete {
        Found::Complete(entry)
    } else {
        Found::Incomplete(entry)
    }
}
