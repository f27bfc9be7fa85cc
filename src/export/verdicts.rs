//! What a look-up, and an answer of the accounting system, mean for an item. No other place says it.
//!
//! Pure functions: the batch asks and acts, they judge. What is surely known becomes a verdict; what is not never becomes
//! one that claims to know.

use chrono::{DateTime, Utc};

use crate::bookkeeping::Refusal;
use crate::checkpoint::StoredItem;
use crate::host::foreign_text::one_line;
use crate::model::export_job::ItemStatus;
use crate::model::state::ItemState;
use crate::model::verdict::{Exported, Failure, ItemFailureType, JobFailure, Verdict};
use crate::systems::{BookedEntry, Create, Found, SystemError};

/// What becomes of an item next.
#[derive(Debug)]
pub(super) enum Next {
    /// It has its verdict.
    Decided(Verdict),
    /// It is in the books; its receipts may be missing.
    Attach(BookedEntry),
    /// Its plan of this revision is booked; what is there in part is completed.
    Book {
        revision: u32,
        partly: Option<BookedEntry>,
    },
    /// It is passed through again when everything else is done.
    Wait(Why),
    /// It was sent, or may have been, and it, or what it lacks beside `partly`, may be in the books or on its way.
    Unproven { partly: Option<BookedEntry> },
    /// It is open, and with it the rest of the job: this is handed on.
    Halt(SystemError),
}

/// Why an item is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// It is surely not booked.
    NotBooked,
    /// It may be booked.
    Unproven,
    /// It is booked, and its receipts may be missing. It holds back nobody.
    Receipts,
    /// Its receipts did not come in time: it is left to a later run.
    Late,
}

/// Whether an item can be booked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plan<'a> {
    /// It can.
    Stands,
    /// Not by what is known now; the books may yet tell what is missing, when it is its turn.
    Open(&'a Refusal),
    /// It cannot.
    Refused(&'a Refusal),
}

/// What is known of an item that was looked up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    /// Whether it can be booked.
    pub(super) plan: Plan<'a>,
    /// What Pleo said of it can be read.
    pub(super) is_readable: bool,
    /// It was announced earlier that it would be booked: it may be on its way into the books.
    pub(super) is_announced: bool,
    /// It has to wait for another item of its invoice.
    pub(super) is_held: bool,
    /// How far booking it twice is safe.
    pub(super) create: Create,
}

/// What a look-up means for an item that was not changed since it was booked.
pub(super) fn after_look_up(found: Found, known: Known<'_>) -> Next {
    // A write that is on its way may land after a look-up says absent. What is sent again meets it; where nothing is sent
    // any more, only a lock keeps it out.
    let create = match known.plan {
        Plan::Refused(_) => by_looking_alone(known.create),
        Plan::Stands | Plan::Open(_) => known.create,
    };
    let is_unproven = known.is_announced && !create.is_repeatable();
    match (found, known.plan) {
        // What a person did to the entry in the books is for a person to settle.
        (Found::Unclear { booked, reason }, _) => failed_as_booked(
            &booked,
            ItemFailureType::AccountingSystemValidationFailure,
            &reason,
        ),
        (Found::Complete(booked), Plan::Stands) if known.is_readable => Next::Attach(booked),
        (Found::Complete(booked), Plan::Stands) => failed_as_booked(
            &booked,
            ItemFailureType::ValidationFailure,
            "it could not be compared with the expense, whose data were not there or could not be read: export it again.",
        ),
        // Booked earlier under other settings: it is in the books all the same.
        (Found::Complete(booked), Plan::Open(refusal) | Plan::Refused(refusal))
            if known.is_readable && !is_about_receipts(refusal.failure_type) =>
        {
            Next::Attach(booked)
        }
        (Found::Complete(booked), Plan::Open(refusal) | Plan::Refused(refusal))
        | (Found::Incomplete(booked), Plan::Refused(refusal)) => {
            failed_as_booked(&booked, refusal.failure_type, &refusal.reason)
        }
        (Found::Incomplete(booked), _) if is_unproven => Next::Unproven { partly: Some(booked) },
        (Found::Absent { .. }, _) if is_unproven => Next::Unproven { partly: None },
        (Found::Absent { .. }, Plan::Refused(refusal)) => Next::Decided(refused(None, refusal)),
        (Found::Incomplete(_) | Found::Absent { .. }, _) if known.is_held => Next::Wait(Why::NotBooked),
        (Found::Incomplete(booked), _) => Next::Book {
            revision: booked.revision,
            partly: Some(booked),
        },
        (Found::Absent { next_revision }, _) => Next::Book {
            revision: next_revision,
            partly: None,
        },
    }
}

/// What becomes of an item that is refused when it is its turn: nothing is sent of it any more.
pub(super) fn refused_now(
    partly: Option<&BookedEntry>,
    refusal: &Refusal,
    is_announced: bool,
    create: Create,
) -> Next {
    if partly.is_none() && is_announced && !by_looking_alone(create).is_repeatable() {
        return Next::Unproven { partly: None };
    }
    Next::Decided(refused(partly, refusal))
}

fn refused(partly: Option<&BookedEntry>, refusal: &Refusal) -> Verdict {
    let Refusal {
        failure_type, reason, ..
    } = refusal;
    Verdict::Failed(match partly {
        Some(booked) => Failure::booked_as(&booked.external_id, *failure_type, reason),
        None => Failure::nothing_booked(*failure_type, reason),
    })
}

/// What the answer to a booking means for its item, of which `partly` was there before. `may_land` says that an earlier try
/// may still be on its way: what refuses this one may yet take that.
pub(super) fn after_booking(
    partly: Option<BookedEntry>,
    may_land: bool,
    answer: Result<BookedEntry, SystemError>,
) -> Next {
    match answer {
        Ok(booked) => Next::Attach(booked),
        Err(SystemError::Rejected { failure_type, reason }) => Next::Decided(Verdict::Failed(match partly {
            Some(booked) => Failure::booked_as(&booked.external_id, failure_type, &reason),
            None if may_land => {
                let reason = format!(
                    "{reason} An earlier try was cut off before its answer came, and may have booked it: look for the entry \
                     in the books before it is exported again."
                );
                Failure::may_be_booked(failure_type, &reason)
            }
            None => Failure::nothing_booked(failure_type, &reason),
        })),
        Err(SystemError::BookedWrong {
            booked,
            failure_type,
            reason,
        }) => failed_as_booked(&booked, failure_type, &reason),
        Err(SystemError::Unavailable { .. }) => Next::Wait(Why::NotBooked),
        Err(SystemError::Unknown { .. }) => Next::Unproven { partly },
        Err(
            error @ (SystemError::Fatal { .. }
            | SystemError::Damaged { .. }
            | SystemError::Settings { .. }
            | SystemError::Withheld(_)),
        ) => Next::Halt(error),
    }
}

/// What the answer to receipts means for their item, which is in the books.
pub(super) fn after_attaching(
    booked: &BookedEntry,
    answer: Result<(), SystemError>,
    now: DateTime<Utc>,
) -> Next {
    match answer {
        Ok(()) => Next::Decided(successful(booked, now)),
        Err(
            SystemError::Rejected { failure_type, reason }
            | SystemError::BookedWrong {
                failure_type, reason, ..
            },
        ) => failed_as_booked(booked, failure_type, &reason),
        Err(SystemError::Unavailable { .. } | SystemError::Unknown { .. }) => Next::Wait(Why::Receipts),
        Err(
            error @ (SystemError::Fatal { .. }
            | SystemError::Damaged { .. }
            | SystemError::Settings { .. }
            | SystemError::Withheld(_)),
        ) => Next::Halt(error),
    }
}

/// Whether an entry is left without its receipts, where the best effort is enough for them and this followed from the answer
/// to them. `is_last` says that they are not asked for again.
pub(super) const fn goes_without(next: &Next, error: &SystemError, is_last: bool) -> bool {
    match (next, error) {
        // It is the entry that is wrong.
        (_, SystemError::BookedWrong { .. } | SystemError::Withheld(_)) => false,
        (Next::Wait(_), _) => is_last,
        _ => true,
    }
}

/// In the books with all that belongs to it.
pub(super) fn successful(booked: &BookedEntry, now: DateTime<Utc>) -> Verdict {
    let exported = Exported::new(&booked.external_id, booked.external_url.clone(), now);
    if exported.external_id != booked.external_id {
        tracing::warn!(
            "Pleo is not told the number of an entry in the books, for it is too long or unprintable: {}",
            one_line(&booked.external_id, 100)
        );
    }
    Verdict::Successful(exported)
}

/// In the books, but for this reason not as it should be.
pub(super) fn failed_as_booked(booked: &BookedEntry, failure_type: ItemFailureType, reason: &str) -> Next {
    Next::Decided(Verdict::Failed(Failure::booked_as(
        &booked.external_id,
        failure_type,
        reason,
    )))
}

/// What the last look of a run means: nothing is waited for any more, and what may be on its way is not sent again.
pub(super) fn at_the_end(next: Next) -> Next {
    let Next::Unproven { partly } = next else {
        return next;
    };
    let failure_type = ItemFailureType::UnexpectedFailure;
    Next::Decided(Verdict::Failed(match partly {
        Some(booked) => Failure::booked_as(
            &booked.external_id,
            failure_type,
            "only a part of the entry is found in the books: look there, and complete it by hand.",
        ),
        None => Failure::may_be_booked(
            failure_type,
            "the entry was sent to the accounting system, or may have been, and cannot be found there. Look for it in the \
             books; if it is not there tomorrow, export the expense again.",
        ),
    }))
}

/// The verdict on an item of a job that is given up, by what the books have of it. `is_whole` says that the entry needs
/// no receipts beside it.
pub(super) fn given_up(next: Next, is_whole: bool, failure: &JobFailure, now: DateTime<Utc>) -> Verdict {
    let failure_type = failure.failure_type.as_item_failure();
    let reason = &failure.reason;
    match next {
        Next::Decided(verdict) => verdict,
        Next::Attach(booked) if is_whole => successful(&booked, now),
        Next::Attach(booked) => {
            let reason = format!(
                "its receipts may be missing, because the export was given up: export it again. {reason}"
            );
            Verdict::Failed(Failure::booked_as(&booked.external_id, failure_type, &reason))
        }
        Next::Book {
            partly: Some(booked), ..
        }
        | Next::Unproven { partly: Some(booked) } => {
            let reason = format!(
                "only a part of the entry is in the books, because the export was given up: export it again to have the rest \
                 booked. {reason}"
            );
            Verdict::Failed(Failure::booked_as(&booked.external_id, failure_type, &reason))
        }
        Next::Book { partly: None, .. } => unasked(true, failure),
        Next::Unproven { partly: None } | Next::Wait(_) | Next::Halt(_) => unasked(false, failure),
    }
}

/// The verdict on an item of a job that is given up while the books cannot be asked. Whether the job had begun with it or
/// not, an earlier export may have booked it, unless it is known that the books had nothing of it and nothing was sent
/// since.
pub(super) fn unasked(is_known_absent: bool, failure: &JobFailure) -> Verdict {
    let failure_type = failure.failure_type.as_item_failure();
    let reason = &failure.reason;
    Verdict::Failed(if is_known_absent {
        Failure::nothing_booked(failure_type, reason)
    } else {
        let reason = format!("{reason} Look for the entry in the books before it is exported again.");
        Failure::may_be_booked(failure_type, &reason)
    })
}

/// What a look-up proves where nothing is sent again: a write that is on its way lands under a lock, or not at all, but
/// a server that refuses a second record may still take the first.
pub(super) const fn by_looking_alone(create: Create) -> Create {
    match create {
        Create::Exclusive => Create::Exclusive,
        Create::Unique | Create::Search => Create::Search,
    }
}

/// Whether it was announced earlier that the item would be booked. What Pleo has in progress by our own word, which was taken
/// back here since, does not count.
pub(super) fn is_announced(item: &StoredItem) -> bool {
    item.state == ItemState::Intended || (item.pleo_status == ItemStatus::InProgress && !item.is_withdrawn)
}

const fn is_about_receipts(failure_type: ItemFailureType) -> bool {
    matches!(
        failure_type,
        ItemFailureType::ReceiptDownloadFailure
            | ItemFailureType::ReceiptUploadFailure
            | ItemFailureType::ReceiptFileSizeLimitExceeded
            | ItemFailureType::ReceiptConversionFailure
    )
}

#[cfg(test)]
mod tests;
