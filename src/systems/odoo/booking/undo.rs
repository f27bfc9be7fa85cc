//! Taking back what turns out not to be what was planned: drafts that we made, and nothing that was ever posted. How the
//! books look afterwards is read, before anybody is told that nothing was booked.

use std::collections::BTreeSet;

use serde_json::json;
use tracing::debug;

use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::{Id, Identified};
use crate::systems::odoo::document::booked::{self, Booked, State};

/// Deletes these drafts, with the payments made of them, and answers what is still there.
pub(crate) fn take_back(books: Books<'_>, ids: &BTreeSet<Id>) -> Result<Vec<Booked>, CallError> {
    let of_drafts = json!([
        ["move_id", "in", ids],
        ["move_id.state", "=", "draft"],
        ["move_id.posted_before", "=", false]
    ]);
    let payments: Vec<Identified> = books.search("account.payment", of_drafts, &["id"])?;
    delete(
        books,
        "account.payment",
        payments.iter().map(|payment| payment.id),
    )?;
    let left = booked::by_id(books, ids)?;
    let drafts = left
        .iter()
        .filter(|document| document.state == State::Draft && !document.was_posted);
    delete(books, "account.move", drafts.map(|document| document.id))?;
    booked::by_id(books, ids)
}

/// A rejection is passed over: what counts is how the books look afterwards. Where this process may not act any more, it
/// does not go on.
fn delete(books: Books<'_>, model: &str, ids: impl Iterator<Item = Id>) -> Result<(), CallError> {
    let ids: Vec<Id> = ids.collect();
    match books.act(model, "unlink", &ids) {
        Err(error @ CallError::Withheld(_)) => return Err(error),
        Err(error) => debug!("{model}.unlink: {error}"),
        Ok(()) => {}
    }
    Ok(())
}
