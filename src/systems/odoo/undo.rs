//! Taking back what turns out not to be what was planned: drafts that we made, and nothing that was ever posted. How the
//! books look afterwards is read, before anybody is told that nothing was booked.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tracing::debug;

use super::booked::{self, Booked, State};
use super::company::Company;
use super::errors::CallError;
use super::records::{Id, Identified};
use super::transport::Transport;

/// Deletes these drafts, with the payments made of them, and answers what is still there.
pub(super) fn take_back(
    transport: &mut Transport,
    company: &Company,
    ids: &BTreeSet<Id>,
) -> Result<Vec<Booked>, CallError> {
    let context = company.context();
    let of_drafts = json!([
        ["move_id", "in", ids],
        ["move_id.state", "=", "draft"],
        ["move_id.posted_before", "=", false]
    ]);
    let payments: Vec<Identified> = transport.search("account.payment", of_drafts, &["id"], &context)?;
    delete(
        transport,
        company,
        "account.payment",
        payments.iter().map(|payment| payment.id),
    );
    let left = booked::by_id(transport, company, ids)?;
    let drafts = left
        .iter()
        .filter(|document| document.state == State::Draft && !document.was_posted);
    delete(
        transport,
        company,
        "account.move",
        drafts.map(|document| document.id),
    );
    booked::by_id(transport, company, ids)
}

/// A refusal is passed over: what counts is how the books look afterwards.
fn delete(transport: &Transport, company: &Company, model: &str, ids: impl Iterator<Item = Id>) {
    let ids: Vec<Id> = ids.collect();
    if ids.is_empty() {
        return;
    }
    let arguments = json!({ "ids": ids, "context": company.context() });
    if let Err(error) = transport.write::<Value>(model, "unlink", &arguments) {
        debug!("{model}.unlink: {error}");
    }
}
