//! What is to be done to take an entry back, and what forbids it.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::json;

use super::moves::{FIELDS, Move, counterparts, moves, name_of, reversals};
use crate::model::references::InvoiceSide;
use crate::model::reversal::ReversalRequest;
use crate::systems::ReversalError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::records::{Id, Link};
use crate::systems::odoo::before::locks::Locks;
use crate::systems::odoo::document::booked::{self, Booked, State};

/// How a draft is called, before its id.
const DRAFT: &str = "draft ";

/// The documents of one entry that still stand, with the day on which each is taken back.
pub(super) struct Planned {
    /// The number of the entry: that of its first document.
    pub(super) number: String,
    /// All of its documents.
    pub(super) documents: usize,
    /// Payments first: a paid bill cannot be reconciled with its reversal.
    pub(super) standing: Vec<(Booked, NaiveDate)>,
}

/// What is to be done for one number, and what forbids it.
pub(super) fn plan(
    books: Books<'_>,
    locks: &Locks,
    request: &ReversalRequest,
    number: &str,
) -> Result<Planned, ReversalError> {
    let mut documents = documents_of(books, number)?;
    documents.sort_by_key(|document| document.key.part);
    let Some(first) = documents.first() else {
        return Err(ReversalError::Unusable(format!(
            "no entry of pleo-export in Odoo has the number {number}"
        )));
    };
    let entry_number = first.number.clone();
    let mut standing: Vec<Booked> = documents
        .iter()
        .filter(|document| document.counts())
        .cloned()
        .collect();
    if standing.is_empty() {
        return Err(reversed_already(books, number, &documents)?);
    }
    standing.sort_by_key(|document| std::cmp::Reverse(document.key.part));
    refuse_ties(books, &standing, &documents)?;
    refuse_parts(books, &standing)?;
    let taxed = with_tax(books, &standing)?;
    let dated = standing.into_iter().map(|document| {
        let is_bill = document.side == Some(InvoiceSide::Bill);
        let closed = locks.until(is_bill, taxed.contains(&document.id));
        let day = if document.state == State::Draft {
            // What was never posted has no day in the books.
            document.date
        } else {
            request.days.day(document.date, closed, None).map_err(|error| {
                ReversalError::Unusable(format!("{} cannot be reversed: {error}", document.number))
            })?
        };
        Ok((document, day))
    });
    let standing = dated.collect::<Result<Vec<_>, ReversalError>>()?;
    Ok(Planned {
        number: entry_number,
        documents: documents.len(),
        standing,
    })
}

/// Why nothing is left to reverse of these documents.
fn reversed_already(
    books: Books<'_>,
    number: &str,
    documents: &[Booked],
) -> Result<ReversalError, ReversalError> {
    let ids: Vec<Id> = documents.iter().map(|document| document.id).collect();
    let by: Vec<String> = reversals(books, &ids)?
        .into_iter()
        .map(|(_, reversal)| name_of(&reversal))
        .collect();
    let how = if by.is_empty() {
        "it was cancelled in Odoo".to_owned()
    } else {
        format!("by {}", by.join(" and "))
    };
    Ok(ReversalError::NeedsPerson(format!(
        "{number} is reversed already, {how}: export the expense again if it is to be booked anew."
    )))
}

/// All documents of the booking that the number belongs to; none where it is not ours.
fn documents_of(books: Books<'_>, number: &str) -> Result<Vec<Booked>, ReversalError> {
    let named = match number.strip_prefix(DRAFT).map(str::parse::<Id>) {
        Some(Ok(id)) => json!(["id", "=", id]),
        _ => json!(["name", "=", number]),
    };
    let domain = json!([["company_id", "=", books.company.id], named]);
    let moves: Vec<Move> = books.search("account.move", domain, &FIELDS)?;
    let ids: BTreeSet<Id> = moves.iter().map(|found| found.id).collect();
    let named = booked::by_id(books, &ids)?;
    let Some(key) = named.first().map(|document| document.key.clone()) else {
        return Ok(Vec::new());
    };
    let mut documents = booked::by_entry(books, [&key.entry].into_iter())?;
    documents.retain(|document| document.key.entry == key.entry && document.key.revision == key.revision);
    // A person may have emptied the origin of the one that was named.
    for document in named {
        if documents.iter().all(|known| known.id != document.id) {
            documents.push(document);
        }
    }
    Ok(documents)
}

/// Refuses what is reconciled with anything but the entry's own documents and their reversals.
fn refuse_ties(books: Books<'_>, standing: &[Booked], documents: &[Booked]) -> Result<(), ReversalError> {
    #[derive(Deserialize)]
    struct Line {
        move_id: Link,
    }
    let own: Vec<Id> = documents.iter().map(|document| document.id).collect();
    let mut known: BTreeSet<Id> = own.iter().copied().collect();
    known.extend(
        reversals(books, &own)?
            .into_iter()
            .map(|(_, reversal)| reversal.id),
    );
    let ids: Vec<Id> = standing.iter().map(|document| document.id).collect();
    let partners = counterparts(books, &ids)?;
    let lines: Vec<Line> =
        books.search("account.move.line", json!([["id", "in", partners]]), &["move_id"])?;
    let others: BTreeSet<&str> = lines
        .iter()
        .filter(|line| !known.contains(&line.move_id.0))
        .map(|line| line.move_id.1.as_str())
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let own: Vec<&str> = standing.iter().map(|document| document.number.as_str()).collect();
    Err(ReversalError::NeedsPerson(format!(
        "{} is reconciled in Odoo with {}, which is not ours: unreconcile that there first.",
        own.join(" and "),
        others.into_iter().collect::<Vec<_>>().join(", ")
    )))
}

/// Refuses what a person has begun to take back in another amount.
fn refuse_parts(books: Books<'_>, standing: &[Booked]) -> Result<(), ReversalError> {
    let ids: Vec<Id> = standing.iter().map(|document| document.id).collect();
    let own = moves(books, &ids)?;
    for (of, reversal) in reversals(books, &ids)? {
        let Some(document) = own.get(&of) else { continue };
        if reversal.amount_total != document.amount_total || reversal.state == State::Posted {
            return Err(ReversalError::NeedsPerson(format!(
                "{} is taken back in part by {}: complete that in Odoo, or cancel it there, then run it again.",
                name_of(document),
                name_of(&reversal)
            )));
        }
    }
    Ok(())
}

/// Which of these documents have tax, which Odoo may lock for longer.
fn with_tax(books: Books<'_>, documents: &[Booked]) -> Result<BTreeSet<Id>, ReversalError> {
    #[derive(Deserialize)]
    struct Line {
        move_id: Link,
    }
    let ids: Vec<Id> = documents.iter().map(|document| document.id).collect();
    let domain = json!([
        ["move_id", "in", ids],
        "|",
        ["tax_ids", "!=", false],
        ["tax_line_id", "!=", false]
    ]);
    let lines: Vec<Line> = books.search("account.move.line", domain, &["move_id"])?;
    Ok(lines.into_iter().map(|line| line.move_id.0).collect())
}
