//! Taking back what turns out not to be what was planned: what this call made, and drafts that nobody ever compared.
//! It is proven gone before anybody is told that nothing was booked.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::debug;

use super::company::Company;
use super::errors::CallError;
use super::find::{self, State};
use super::records::{Id, Identified};
use super::transport::{Transport, arguments};

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// Nothing of it is there any more.
    Deleted,
    /// It counts no more: Odoo keeps, cancelled, what once had a number.
    Cancelled,
    /// Something still stands.
    Remains,
    /// Another process has posted it meanwhile, so it is not ours to take.
    InOtherHands,
}

/// Takes these documents back, with the payments made of them. Of those that are posted it takes only the ones that we
/// posted ourselves.
pub(super) fn take_back(
    transport: &mut Transport,
    company: &Company,
    ids: &[Id],
    posted_here: &[Id],
) -> Result<Undone, CallError> {
    let context = company.context();
    let payments: Vec<Identified> = transport.search(
        "account.payment",
        json!([["move_id", "in", ids]]),
        &["id"],
        &context,
    )?;
    let payments: Vec<Id> = payments.into_iter().map(|payment| payment.id).collect();
    let ids: BTreeSet<Id> = ids.iter().copied().collect();
    let posted: Vec<Id> = find::by_id(transport, company, &ids)?
        .into_iter()
        .filter(|document| document.state == State::Posted)
        .map(|document| document.id)
        .collect();
    if posted.iter().any(|id| !posted_here.contains(id)) {
        return Ok(Undone::InOtherHands);
    }
    // Each refusal is passed over: what counts is how the books look afterwards.
    for (model, method, ids) in [
        ("account.move", "button_draft", posted.clone()),
        ("account.payment", "unlink", payments),
        ("account.move", "unlink", ids.iter().copied().collect()),
    ] {
        if ids.is_empty() {
            continue;
        }
        let arguments = arguments(json!({ "ids": ids, "context": context }));
        if let Err(error) = transport.write::<Value>(model, method, arguments) {
            debug!("{model}.{method}: {error}");
        }
    }
    let left = find::by_id(transport, company, &ids)?;
    let drafts: Vec<Id> = left
        .iter()
        .filter(|document| document.state == State::Draft)
        .map(|document| document.id)
        .collect();
    if left.is_empty() {
        return Ok(Undone::Deleted);
    }
    // Under a restricted audit trail what was posted once cannot be deleted, only cancelled.
    if !drafts.is_empty() {
        let arguments = arguments(json!({ "ids": drafts, "context": context }));
        transport.write::<Value>("account.move", "button_cancel", arguments)?;
    }
    let is_gone = find::by_id(transport, company, &ids)?
        .iter()
        .all(|document| document.state == State::Cancel);
    Ok(if is_gone {
        Undone::Cancelled
    } else {
        Undone::Remains
    })
}
