//! The job cannot go on: the accounting system is unusable for it.
//!
//! Before anything was booked the whole job fails with one event. Afterwards there is no such event any more: what
//! is in the books is reported, the rest fails item by item, and the job closes with errors.

use tracing::warn;

use super::Exporter;
use super::halt::Halt;
use super::job::JobRun;
use super::report::Ending;
use super::{complete, control, process, update};
use crate::checkpoint::StoredItem;
use crate::host::clock;
use crate::model::export_item::ExportItem;
use crate::model::export_job::ItemStatus;
use crate::model::ids::AccountingEntryId;
use crate::model::state::ItemState;
use crate::model::verdict::{Failure, ItemFailureType, JobFailure, JobFailureType, Verdict};
use crate::pleo::wire;
use crate::receipts::Policy;
use crate::systems::{BookedEntry, Found, Wanted};

/// Fails the job, or what is left of it.
pub(super) fn give_up(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    failure: &JobFailure,
) -> Result<Ending, Halt> {
    warn!("job {} cannot go on: {}", run.job.id, failure.reason);
    control::refresh(exporter, &run.job)?;
    if !exporter.checkpoint.anything_begun(&run.job.id)? {
        return complete::fail_whole(exporter, run, failure);
    }
    let mut after = None;
    loop {
        let items =
            exporter
                .checkpoint
                .in_scope_page(&run.job.id, after.as_ref(), exporter.settings.batch_size)?;
        let Some(last) = items.last() else { break };
        after = Some(last.position.clone());
        let verdicts = verdicts(exporter, &items, failure);
        exporter.checkpoint.decide(&run.job.id, &verdicts, clock::now())?;
    }
    update::report(exporter, run)?;
    complete::close(exporter, run)
}

/// By the books where they can be asked, else by what is surely known.
fn verdicts(
    exporter: &mut Exporter<'_>,
    items: &[StoredItem],
    failure: &JobFailure,
) -> Vec<(AccountingEntryId, Verdict)> {
    let wanted: Vec<_> = items
        .iter()
        .map(|item| Wanted {
            entry_id: item.entry_id.clone(),
            parts: Vec::new(),
        })
        .collect();
    let found = exporter.system.find(&wanted).ok();
    items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let found = found.as_ref().and_then(|found| found.get(index));
            (item.entry_id.clone(), verdict(exporter, item, found, failure))
        })
        .collect()
}

fn verdict(
    exporter: &mut Exporter<'_>,
    item: &StoredItem,
    found: Option<&Found>,
    failure: &JobFailure,
) -> Verdict {
    let failure_type = item_failure(failure.failure_type);
    let begun = item.state == ItemState::Intended || item.pleo_status == ItemStatus::InProgress;
    match found {
        Some(Found::Complete(booked)) => {
            let said = item
                .payload
                .as_deref()
                .and_then(|payload| wire::export_item(payload).ok());
            process::changed(exporter, &item.entry_id, booked, said.as_ref()).unwrap_or_else(|| {
                found_complete(booked, said.as_ref(), failure, exporter.settings.attachments)
            })
        }
        Some(Found::Unclear { booked, reason }) => process::unclear(booked, reason),
        Some(Found::Incomplete(booked)) => Verdict::Failed(Failure::booked_as(
            &booked.external_id,
            failure_type,
            &failure.reason,
        )),
        Some(Found::Absent { .. }) => nothing_booked(failure_type, failure),
        None if begun => Verdict::Failed(Failure::may_be_booked(
            failure_type,
            &format!(
                "{} Look for the entry in the books before it is exported again.",
                failure.reason
            ),
        )),
        None => nothing_booked(failure_type, failure),
    }
}

/// Its documents are all there; its receipts may not be, and nobody puts them there now.
fn found_complete(
    booked: &BookedEntry,
    said: Option<&ExportItem>,
    failure: &JobFailure,
    policy: Policy,
) -> Verdict {
    let needs_nothing_more = policy == Policy::None || said.is_some_and(|item| item.files.is_empty());
    if needs_nothing_more {
        return process::successful(booked, clock::now());
    }
    let reason = format!(
        "its receipts may be missing, because the export was given up: export it again. {}",
        failure.reason
    );
    Verdict::Failed(Failure::booked_as(
        &booked.external_id,
        item_failure(failure.failure_type),
        &reason,
    ))
}

fn nothing_booked(failure_type: ItemFailureType, failure: &JobFailure) -> Verdict {
    Verdict::Failed(Failure::nothing_booked(failure_type, &failure.reason))
}

fn item_failure(failure_type: JobFailureType) -> ItemFailureType {
    match failure_type {
        JobFailureType::InvalidConfiguration => ItemFailureType::InvalidConfiguration,
        JobFailureType::MissingConfiguration => ItemFailureType::MissingConfiguration,
        JobFailureType::AccountingSystemAuthenticationFailure => {
            ItemFailureType::AccountingSystemAuthenticationFailure
        }
        JobFailureType::AccountingSystemRateLimit => ItemFailureType::AccountingSystemRateLimit,
        JobFailureType::AccountingSystemUnreachable => ItemFailureType::AccountingSystemUnreachable,
        JobFailureType::AccountingSystemTimeout => ItemFailureType::AccountingSystemTimeout,
        JobFailureType::AuthorizationFailure => ItemFailureType::AuthorizationFailure,
        JobFailureType::ValidationFailure => ItemFailureType::ValidationFailure,
        JobFailureType::PleoRateLimit => ItemFailureType::UnexpectedFailure,
    }
}
