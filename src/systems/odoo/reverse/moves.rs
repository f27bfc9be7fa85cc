//! Documents and their reversals, as a reversal needs them.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::json;

use crate::model::money::Amount;
use crate::systems::ReversalError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::records::{Id, Link, amount, text};
use crate::systems::odoo::document::booked::{self, State};

/// A document as the reversal needs it.
#[derive(Debug, Deserialize)]
pub(super) struct Move {
    pub(super) id: Id,
    #[serde(deserialize_with = "text")]
    pub(super) name: Option<String>,
    pub(super) state: State,
    pub(super) date: NaiveDate,
    pub(super) journal_id: Link,
    #[serde(deserialize_with = "amount")]
    pub(super) amount_total: Amount,
}

pub(super) const FIELDS: [&str; 5] = ["name", "state", "date", "journal_id", "amount_total"];

pub(super) fn moves(books: Books<'_>, ids: &[Id]) -> Result<HashMap<Id, Move>, ReversalError> {
    let found: Vec<Move> = books.search("account.move", json!([["id", "in", ids]]), &FIELDS)?;
    Ok(found.into_iter().map(|found| (found.id, found)).collect())
}

/// The reversals of these documents that were not cancelled, each with the document's id.
pub(super) fn reversals(books: Books<'_>, documents: &[Id]) -> Result<Vec<(Id, Move)>, ReversalError> {
    #[derive(Deserialize)]
    struct Reversal {
        reversed_entry_id: Link,
        #[serde(flatten)]
        own: Move,
    }
    let mut fields = FIELDS.to_vec();
    fields.push("reversed_entry_id");
    let domain = json!([
        ["reversed_entry_id", "in", documents],
        ["state", "!=", "cancel"],
        // One that was itself reversed takes nothing back.
        ["reversal_move_ids", "=", false]
    ]);
    let found: Vec<Reversal> = books.search("account.move", domain, &fields)?;
    Ok(found
        .into_iter()
        .map(|reversal| (reversal.reversed_entry_id.0, reversal.own))
        .collect())
}

/// The lines that the lines of these documents are reconciled with.
pub(super) fn counterparts(books: Books<'_>, documents: &[Id]) -> Result<Vec<Id>, ReversalError> {
    #[derive(Deserialize)]
    struct Partial {
        debit_move_id: Link,
        credit_move_id: Link,
    }
    let domain = json!([
        "|",
        ["debit_move_id.move_id", "in", documents],
        ["credit_move_id.move_id", "in", documents]
    ]);
    let fields = ["debit_move_id", "credit_move_id"];
    let found: Vec<Partial> = books.search("account.partial.reconcile", domain, &fields)?;
    Ok(found
        .into_iter()
        .flat_map(|partial| [partial.debit_move_id.0, partial.credit_move_id.0])
        .collect())
}

pub(super) fn name_of(document: &Move) -> String {
    booked::number(document.name.as_deref(), document.id)
}
