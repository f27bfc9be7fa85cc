//! Why an entry is not gone on with, where what the books have of it is not what is to be booked.

use super::verify;
use crate::model::document::PlannedItem;
use crate::model::verdict::{ItemFailureType, in_command};
use crate::systems::SystemError;
use crate::systems::odoo::api::errors::for_a_person;
use crate::systems::odoo::document::booked::{self, Booked};

/// The same money in a document of another plan: a process died, and what it had begun would be planned otherwise.
pub(super) fn unplanned(
    planned: &PlannedItem,
    existing: &[Booked],
    base: &reqwest::Url,
) -> Option<SystemError> {
    let is_of_it = |booked: &&Booked| {
        booked.key.entry == *planned.entry_id() && booked.key.revision == planned.revision && booked.counts()
    };
    let standing: Vec<&Booked> = existing.iter().filter(is_of_it).collect();
    let parts = planned.parts();
    let other = standing.iter().find(|booked| !parts.contains(&booked.key.part))?;
    Some(SystemError::BookedWrong {
        booked: Box::new(booked::entry(base, &standing)?),
        failure_type: ItemFailureType::AccountingSystemValidationFailure,
        reason: verify::changed_text(&other.number),
    })
}

/// A part of the entry counts no more, and the rest of it does.
pub(super) fn gone(document: &Booked) -> SystemError {
    let what = if document.is_reversed {
        "reversed"
    } else {
        "cancelled"
    };
    for_a_person(&format!(
        "{}, a part of this entry, was {what} in Odoo, and the rest of the entry was not: undo that, or run `pleo-export reverse {}` to take the rest back too, then export again.",
        document.number,
        in_command(&document.number)
    ))
}

/// It counts no more, and the look-up cannot find it to say so.
pub(super) fn gone_and_emptied(document: &Booked) -> SystemError {
    let (what, remedy) = if document.is_reversed {
        ("reversed", "reverse its reversal there, too")
    } else {
        ("cancelled", "reset it to draft there, or delete it")
    };
    for_a_person(&format!(
        "{} was {what} in Odoo and its Source Document emptied, by which it is known: {remedy}, then export again.",
        document.number
    ))
}

pub(super) fn reset_to_draft(number: &str) -> SystemError {
    for_a_person(&format!(
        "{number} was reset to draft in Odoo: post it there, or delete it, then export again."
    ))
}
