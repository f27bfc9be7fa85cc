//! Taking the documents of one entry back. Whatever an earlier run did of it is gone on with.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde_json::{Value, json};
use tracing::warn;

use super::moves::{Move, counterparts, moves, name_of, reversals};
use super::plan::Planned;
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::before::invoices;
use crate::systems::odoo::document::booked::{self, Booked, State};
use crate::systems::{ReversalError, SystemError};

pub(super) fn take_back(
    books: Books<'_>,
    request: &ReversalRequest,
    entry: Planned,
) -> Result<Reversed, ReversalError> {
    let ids: BTreeSet<Id> = entry.standing.iter().map(|(document, _)| document.id).collect();
    let posted: Vec<Id> = entry
        .standing
        .iter()
        .filter(|(document, _)| document.state == State::Posted)
        .map(|(document, _)| document.id)
        .collect();
    // Bill and payment are taken apart first.
    let partners = counterparts(books, &posted)?;
    if !partners.is_empty() {
        act(books, "account.move.line", "remove_move_reconcile", &partners)?;
    }
    let (mut reversal, mut day) = (None, None);
    for (document, date) in &entry.standing {
        let by = match document.state {
            State::Draft => {
                act(books, "account.move", "button_cancel", &[document.id])?;
                None
            }
            State::Posted => Some(reverse_one(books, request, document, *date)?),
            State::Cancel => None,
        };
        // One that moves nothing is cancelled, by no other document.
        let reversed_by = by.as_ref().filter(|by| by.state != State::Cancel);
        (reversal, day) = (
            reversed_by.map(name_of),
            Some(by.as_ref().map_or(*date, |by| by.date)),
        );
    }
    let left = booked::by_id(books, &ids)?;
    if let Some(left) = left.iter().find(|document| document.counts()) {
        return Err(ReversalError::System(SystemError::Unknown {
            reason: format!(
                "Odoo still shows {} as standing after it was taken back",
                left.number
            ),
        }));
    }
    Ok(Reversed {
        external_id: entry.number,
        reversal,
        date: day.unwrap_or_default(),
        documents: entry.documents,
    })
}

/// Reverses one posted document, or goes on with its reversal.
fn reverse_one(
    books: Books<'_>,
    request: &ReversalRequest,
    document: &Booked,
    date: NaiveDate,
) -> Result<Move, ReversalError> {
    let own = moves(books, &[document.id])?;
    let moved = own.get(&document.id).ok_or_else(|| gone(document))?;
    if moved.amount_total.is_zero() {
        // A reversal that moves nothing takes nothing back: it is cancelled instead.
        act(books, "account.move", "button_draft", &[document.id])?;
        act(books, "account.move", "button_cancel", &[document.id])?;
        return Ok(Move {
            name: moved.name.clone(),
            state: State::Cancel,
            journal_id: moved.journal_id.clone(),
            ..*moved
        });
    }
    if reversals(books, &[document.id])?.is_empty() {
        run_wizard(books, request, moved, date)?;
    }
    let begun = reversals(books, &[document.id])?;
    let (_, reversal) = begun.into_iter().next().ok_or_else(|| gone(document))?;
    if reversal.state == State::Draft {
        act(books, "account.move", "action_post", &[reversal.id])?;
    }
    settle(books, document.id, reversal.id)?;
    let mut now = moves(books, &[reversal.id])?;
    let now = now.remove(&reversal.id).ok_or_else(|| gone(document))?;
    if now.date != date {
        warn!(
            "Odoo booked {}, the reversal of {}, on {} instead of {date}",
            name_of(&now),
            document.number,
            now.date
        );
    }
    Ok(now)
}

fn run_wizard(
    books: Books<'_>,
    request: &ReversalRequest,
    document: &Move,
    date: NaiveDate,
) -> Result<(), ReversalError> {
    let mut context = books.company.context();
    if let Some(context) = context.as_object_mut() {
        context.insert("active_model".into(), json!("account.move"));
        context.insert("active_ids".into(), json!([document.id]));
    }
    let mut values = json!({ "journal_id": document.journal_id.0, "date": date });
    if let (Some(values), Some(reason)) = (values.as_object_mut(), &request.reason) {
        values.insert("reason".into(), json!(reason));
    }
    let wizard: Vec<Id> = books
        .transport
        .write(
            "account.move.reversal",
            "create",
            &json!({ "vals_list": [values], "context": context }),
        )
        .map_err(rejected)?;
    books
        .transport
        .write::<Value>(
            "account.move.reversal",
            "reverse_moves",
            &json!({ "ids": wizard, "context": context }),
        )
        .map_err(rejected)?;
    Ok(())
}

/// Reconciles a document with its reversal, so that neither stays open. Odoo does it by itself for plain entries.
fn settle(books: Books<'_>, document: Id, reversal: Id) -> Result<(), ReversalError> {
    let lines = invoices::payable_lines(books, &[document, reversal])?;
    let mut by_account: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.amount_residual.is_zero()) {
        by_account.entry(line.account_id.0).or_default().push(line.id);
    }
    for lines in by_account.into_values().filter(|lines| lines.len() > 1) {
        act(books, "account.move.line", "reconcile", &lines)?;
    }
    Ok(())
}

fn act(books: Books<'_>, model: &str, method: &str, ids: &[Id]) -> Result<(), ReversalError> {
    books.act(model, method, ids).map_err(rejected)
}

/// What Odoo rejects to take back is for a person; all else is run again.
fn rejected(error: CallError) -> ReversalError {
    match error.for_item() {
        SystemError::Rejected { reason, .. } => ReversalError::NeedsPerson(reason),
        error => ReversalError::System(error),
    }
}

fn gone(document: &Booked) -> ReversalError {
    ReversalError::System(SystemError::Unknown {
        reason: format!("Odoo does not show {} or its reversal any more", document.number),
    })
}
