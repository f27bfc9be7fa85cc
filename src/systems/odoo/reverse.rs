//! Taking entries back: a draft is cancelled, a posted document is reversed by Odoo's own wizard and the reversal
//! posted, our payment together with its bill.
//!
//! Odoo does not do this in one transaction, so every step first looks at what is there: whatever a run did before it
//! was cut off is gone on with, and a document that is reversed already is not reversed again. All entries are looked
//! at before the first is touched; what is tied to documents that are not ours is refused by its name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::warn;

use super::booked::{self, Booked, State};
use super::company::{Company, Locks};
use super::errors::CallError;
use super::invoices;
use super::records::{Id, Link, amount, text};
use super::transport::Transport;
use crate::model::money::Amount;
use crate::model::references::InvoiceSide;
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::systems::{ReversalError, SystemError};

/// How a draft is called, before its id.
const DRAFT: &str = "draft ";

/// The documents of one entry that still stand, with the day on which each is taken back.
struct Planned {
    /// The number of the entry: that of its first document.
    number: String,
    /// All of its documents.
    documents: usize,
    /// Payments first: a paid bill cannot be reconciled with its reversal.
    standing: Vec<(Booked, NaiveDate)>,
}

/// A document as the reversal needs it.
#[derive(Debug, Deserialize)]
struct Move {
    id: Id,
    #[serde(deserialize_with = "text")]
    name: Option<String>,
    state: State,
    date: NaiveDate,
    journal_id: Link,
    #[serde(deserialize_with = "amount")]
    amount_total: Amount,
}

const FIELDS: [&str; 5] = ["name", "state", "date", "journal_id", "amount_total"];

/// Takes entries back.
pub(super) fn reverse(
    transport: &mut Transport,
    company: &Company,
    request: &ReversalRequest,
) -> Result<Vec<Reversed>, ReversalError> {
    let locks = Locks::read(transport, company).map_err(CallError::for_reading)?;
    let mut planned: Vec<Planned> = Vec::new();
    let mut seen: BTreeSet<Id> = BTreeSet::new();
    for number in &request.numbers {
        let entry = plan(transport, company, &locks, request, number)?;
        if entry
            .standing
            .iter()
            .all(|(document, _)| seen.insert(document.id))
        {
            planned.push(entry);
        }
    }
    let mut reversed = Vec::new();
    for entry in planned {
        reversed.push(take_back(transport, company, request, entry)?);
    }
    Ok(reversed)
}

/// What is to be done for one number, and what forbids it.
fn plan(
    transport: &mut Transport,
    company: &Company,
    locks: &Locks,
    request: &ReversalRequest,
    number: &str,
) -> Result<Planned, ReversalError> {
    let mut documents = documents_of(transport, company, number)?;
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
        let ids: Vec<Id> = documents.iter().map(|document| document.id).collect();
        let by: Vec<String> = reversals(transport, company, &ids)?
            .into_iter()
            .map(|(_, reversal)| name_of(&reversal))
            .collect();
        let how = if by.is_empty() {
            "it was cancelled in Odoo".to_owned()
        } else {
            format!("by {}", by.join(" and "))
        };
        return Err(ReversalError::NeedsPerson(format!(
            "{number} is reversed already, {how}: export the expense again if it is to be booked anew."
        )));
    }
    standing.sort_by_key(|document| std::cmp::Reverse(document.key.part));
    refuse_ties(transport, company, &standing, &documents)?;
    refuse_parts(transport, company, &standing)?;
    let taxed = with_tax(transport, company, &standing)?;
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

/// All documents of the booking that the number belongs to; none where it is not ours.
fn documents_of(
    transport: &mut Transport,
    company: &Company,
    number: &str,
) -> Result<Vec<Booked>, ReversalError> {
    let named = match number.strip_prefix(DRAFT).map(str::parse::<Id>) {
        Some(Ok(id)) => json!(["id", "=", id]),
        _ => json!(["name", "=", number]),
    };
    let domain = json!([["company_id", "=", company.id], named]);
    let moves: Vec<Move> = transport
        .search("account.move", domain, &FIELDS, &company.context())
        .map_err(CallError::for_reading)?;
    let ids: BTreeSet<Id> = moves.iter().map(|found| found.id).collect();
    let named = booked::by_id(transport, company, &ids).map_err(CallError::for_reading)?;
    let Some(key) = named.first().map(|document| document.key.clone()) else {
        return Ok(Vec::new());
    };
    let mut documents =
        booked::by_entry(transport, company, [&key.entry].into_iter()).map_err(CallError::for_reading)?;
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
fn refuse_ties(
    transport: &mut Transport,
    company: &Company,
    standing: &[Booked],
    documents: &[Booked],
) -> Result<(), ReversalError> {
    #[derive(Deserialize)]
    struct Line {
        move_id: Link,
    }
    let own: Vec<Id> = documents.iter().map(|document| document.id).collect();
    let mut known: BTreeSet<Id> = own.iter().copied().collect();
    known.extend(
        reversals(transport, company, &own)?
            .into_iter()
            .map(|(_, reversal)| reversal.id),
    );
    let ids: Vec<Id> = standing.iter().map(|document| document.id).collect();
    let partners = counterparts(transport, company, &ids)?;
    let lines: Vec<Line> = transport
        .search(
            "account.move.line",
            json!([["id", "in", partners]]),
            &["move_id"],
            &company.context(),
        )
        .map_err(CallError::for_reading)?;
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

/// The lines that the lines of these documents are reconciled with.
fn counterparts(
    transport: &mut Transport,
    company: &Company,
    documents: &[Id],
) -> Result<Vec<Id>, ReversalError> {
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
    let found: Vec<Partial> = transport
        .search("account.partial.reconcile", domain, &fields, &company.context())
        .map_err(CallError::for_reading)?;
    Ok(found
        .into_iter()
        .flat_map(|partial| [partial.debit_move_id.0, partial.credit_move_id.0])
        .collect())
}

/// Refuses what a person has begun to take back in another amount.
fn refuse_parts(
    transport: &mut Transport,
    company: &Company,
    standing: &[Booked],
) -> Result<(), ReversalError> {
    let ids: Vec<Id> = standing.iter().map(|document| document.id).collect();
    let own = moves(transport, company, &ids)?;
    for (of, reversal) in reversals(transport, company, &ids)? {
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
fn with_tax(
    transport: &mut Transport,
    company: &Company,
    documents: &[Booked],
) -> Result<BTreeSet<Id>, ReversalError> {
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
    let lines: Vec<Line> = transport
        .search("account.move.line", domain, &["move_id"], &company.context())
        .map_err(CallError::for_reading)?;
    Ok(lines.into_iter().map(|line| line.move_id.0).collect())
}

fn take_back(
    transport: &mut Transport,
    company: &Company,
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
    let partners = counterparts(transport, company, &posted)?;
    if !partners.is_empty() {
        write(
            transport,
            company,
            "account.move.line",
            "remove_move_reconcile",
            &partners,
        )?;
    }
    let (mut reversal, mut day) = (None, None);
    for (document, date) in &entry.standing {
        let by = match document.state {
            State::Draft => {
                write(
                    transport,
                    company,
                    "account.move",
                    "button_cancel",
                    &[document.id],
                )?;
                None
            }
            State::Posted => Some(reverse_one(transport, company, request, document, *date)?),
            State::Cancel => None,
        };
        (reversal, day) = (by.as_ref().map(name_of), Some(by.map_or(*date, |by| by.date)));
    }
    let left = booked::by_id(transport, company, &ids).map_err(CallError::for_reading)?;
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
    transport: &mut Transport,
    company: &Company,
    request: &ReversalRequest,
    document: &Booked,
    date: NaiveDate,
) -> Result<Move, ReversalError> {
    let own = moves(transport, company, &[document.id])?;
    let moved = own.get(&document.id).ok_or_else(|| gone(document))?;
    if moved.amount_total.is_zero() {
        // A reversal that moves nothing takes nothing back: it is cancelled instead.
        write(transport, company, "account.move", "button_draft", &[document.id])?;
        write(
            transport,
            company,
            "account.move",
            "button_cancel",
            &[document.id],
        )?;
        return Ok(Move {
            name: moved.name.clone(),
            state: State::Cancel,
            journal_id: moved.journal_id.clone(),
            ..*moved
        });
    }
    if reversals(transport, company, &[document.id])?.is_empty() {
        run_wizard(transport, company, request, moved, date)?;
    }
    let begun = reversals(transport, company, &[document.id])?;
    let (_, reversal) = begun.into_iter().next().ok_or_else(|| gone(document))?;
    if reversal.state == State::Draft {
        write(transport, company, "account.move", "action_post", &[reversal.id])?;
    }
    settle(transport, company, document.id, reversal.id)?;
    let mut now = moves(transport, company, &[reversal.id])?;
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
    transport: &mut Transport,
    company: &Company,
    request: &ReversalRequest,
    document: &Move,
    date: NaiveDate,
) -> Result<(), ReversalError> {
    let mut context = company.context();
    if let Some(context) = context.as_object_mut() {
        context.insert("active_model".into(), json!("account.move"));
        context.insert("active_ids".into(), json!([document.id]));
    }
    let mut values = json!({ "journal_id": document.journal_id.0, "date": date });
    if let (Some(values), Some(reason)) = (values.as_object_mut(), &request.reason) {
        values.insert("reason".into(), json!(reason));
    }
    let wizard: Vec<Id> = transport
        .write(
            "account.move.reversal",
            "create",
            &json!({ "vals_list": [values], "context": context }),
        )
        .map_err(refused)?;
    transport
        .write::<Value>(
            "account.move.reversal",
            "reverse_moves",
            &json!({ "ids": wizard, "context": context }),
        )
        .map_err(refused)?;
    Ok(())
}

/// Reconciles a document with its reversal, so that neither stays open. Odoo does it by itself for plain entries.
fn settle(
    transport: &mut Transport,
    company: &Company,
    document: Id,
    reversal: Id,
) -> Result<(), ReversalError> {
    let lines =
        invoices::payable_lines(transport, company, &[document, reversal]).map_err(CallError::for_reading)?;
    let mut by_account: BTreeMap<Id, Vec<Id>> = BTreeMap::new();
    for line in lines.iter().filter(|line| !line.amount_residual.is_zero()) {
        by_account.entry(line.account_id.0).or_default().push(line.id);
    }
    for lines in by_account.into_values().filter(|lines| lines.len() > 1) {
        write(transport, company, "account.move.line", "reconcile", &lines)?;
    }
    Ok(())
}

/// The reversals of these documents that were not cancelled, each with the document's id.
fn reversals(
    transport: &mut Transport,
    company: &Company,
    documents: &[Id],
) -> Result<Vec<(Id, Move)>, ReversalError> {
    #[derive(Deserialize)]
    struct Reversal {
        reversed_entry_id: Link,
        #[serde(flatten)]
        own: Move,
    }
    if documents.is_empty() {
        return Ok(Vec::new());
    }
    let mut fields = FIELDS.to_vec();
    fields.push("reversed_entry_id");
    let domain = json!([
        ["reversed_entry_id", "in", documents],
        ["state", "!=", "cancel"],
        // One that was itself reversed takes nothing back.
        ["reversal_move_ids", "=", false]
    ]);
    let found: Vec<Reversal> = transport
        .search("account.move", domain, &fields, &company.context())
        .map_err(CallError::for_reading)?;
    Ok(found
        .into_iter()
        .map(|reversal| (reversal.reversed_entry_id.0, reversal.own))
        .collect())
}

fn moves(
    transport: &mut Transport,
    company: &Company,
    ids: &[Id],
) -> Result<HashMap<Id, Move>, ReversalError> {
    let found: Vec<Move> = transport
        .search(
            "account.move",
            json!([["id", "in", ids]]),
            &FIELDS,
            &company.context(),
        )
        .map_err(CallError::for_reading)?;
    Ok(found.into_iter().map(|found| (found.id, found)).collect())
}

fn name_of(document: &Move) -> String {
    booked::number(document.name.as_deref(), document.id)
}

fn write(
    transport: &mut Transport,
    company: &Company,
    model: &str,
    method: &str,
    ids: &[Id],
) -> Result<(), ReversalError> {
    let arguments = json!({ "ids": ids, "context": company.context() });
    transport
        .write::<Value>(model, method, &arguments)
        .map(drop)
        .map_err(refused)
}

/// What Odoo refuses to take back is for a person; all else is run again.
fn refused(error: CallError) -> ReversalError {
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
