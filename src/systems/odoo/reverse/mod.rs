//! Taking entries back: a draft is cancelled, a posted document is reversed by Odoo's own wizard and the reversal
//! posted, our payment together with its bill.
//!
//! Odoo does not do this in one transaction, so every step first looks at what is there: whatever a run did before it
//! was cut off is gone on with, and a document that is reversed already is not reversed again. All entries are looked
//! at before the first is touched; what is tied to documents that are not ours is refused by its name.

mod moves;
mod plan;
mod take_back;

use std::collections::BTreeSet;

use super::api::books::Books;
use super::api::records::Id;
use super::before::locks::Locks;
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::systems::ReversalError;

use plan::{Planned, plan};
use take_back::take_back;

/// Takes entries back.
pub(super) fn reverse(books: Books<'_>, request: &ReversalRequest) -> Result<Vec<Reversed>, ReversalError> {
    let locks = Locks::read(books)?;
    let mut planned: Vec<Planned> = Vec::new();
    let mut seen: BTreeSet<Id> = BTreeSet::new();
    for number in &request.numbers {
        let entry = plan(books, &locks, request, number)?;
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
        match take_back(books, request, entry) {
            Ok(entry) => reversed.push(entry),
            Err(then) => {
                let then = Box::new(then);
                return Err(ReversalError::Begun { reversed, then });
            }
        }
    }
    Ok(reversed)
}
