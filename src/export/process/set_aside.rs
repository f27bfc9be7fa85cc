//! Items whose booking or receipts have no known outcome. They are settled after everything else, by the books.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::batch::{Batch, BatchItem, successful};
use super::prepare::Prepared;
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::host::clock;
use crate::model::document::PlannedItem;
use crate::model::verdict::{Failure, ItemFailureType, Verdict};
use crate::systems::{Found, Wanted};

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// The items set aside, with their plans and receipts.
#[derive(Default)]
pub(super) struct SetAside {
    /// Surely not booked, or booked and only without receipts: they simply pass through the batch again.
    again: Vec<BatchItem>,
    /// They may be booked.
    unproven: Vec<BatchItem>,
    /// How many are left to a later run, because their receipts did not come in time.
    left: usize,
}

impl SetAside {
    pub(super) fn leave(&mut self, items: usize) {
        self.left += items;
    }

    pub(super) fn try_again(&mut self, item: BatchItem) {
        self.again.push(item);
    }

    pub(super) fn prove(&mut self, item: BatchItem) {
        self.unproven.push(item);
    }
}

/// Gives every item its verdict, or leaves the job open for a later run.
pub(super) fn settle(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &Prepared,
    aside: SetAside,
) -> Result<(), Halt> {
    let SetAside {
        mut again,
        mut unproven,
        left,
    } = aside;
    if exporter.system.describe().create.is_repeatable() {
        // Booking the same key twice is safe here.
        again.append(&mut unproven);
    }
    if !again.is_empty() {
        info!("{} items are tried once more", again.len());
        unproven.append(&mut try_again(exporter, run, prepared, again)?);
    }
    if !unproven.is_empty() {
        info!("{} items have no known outcome; looking them up", unproven.len());
        by_look_up(exporter, run, unproven)?;
    }
    if left > 0 {
        crate::export::update::report(exporter, run)?;
        return Err(Halt::Later(format!(
            "the receipts of {left} items did not come in time; their hosts are asked again by the next run"
        )));
    }
    Ok(())
}

/// Passes items through the batch until each has a verdict. Answers those whose outcome cannot be proven so.
fn try_again(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &Prepared,
    mut items: Vec<BatchItem>,
) -> Result<Vec<BatchItem>, Halt> {
    let started = Instant::now();
    let repeatable = exporter.system.describe().create.is_repeatable();
    let mut unproven = Vec::new();
    loop {
        let mut aside = SetAside::default();
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(exporter.settings.batch_size));
            let batch = Batch { items };
            items = rest;
            if let Some(failure) = batch.book(exporter, run, prepared, &mut aside)? {
                return Err(Halt::Later(failure.reason));
            }
            crate::export::update::report(exporter, run)?;
        }
        items = aside.again;
        if repeatable {
            items.append(&mut aside.unproven);
        } else {
            unproven.append(&mut aside.unproven);
        }
        if items.is_empty() {
            return Ok(unproven);
        }
        if started.elapsed() + PAUSE > exporter.settings.patience {
            let count = items.len();
            return Err(Halt::Later(format!(
                "the accounting system is out of reach: {count} items have no known outcome yet"
            )));
        }
        exporter.stop.wait(PAUSE)?;
    }
}

/// The system can only be searched: found is booked; absent is not booked again, because a write may still be on
/// its way.
fn by_look_up(exporter: &mut Exporter<'_>, run: &JobRun, items: Vec<BatchItem>) -> Result<(), Halt> {
    let parts = |item: &BatchItem| item.plan.as_ref().map(PlannedItem::parts).unwrap_or_default();
    let wanted: Vec<_> = items
        .iter()
        .map(|item| Wanted {
            entry_id: item.entry_id.clone(),
            parts: parts(item),
        })
        .collect();
    let found = exporter.system.find(&wanted)?;
    let mut verdicts = Vec::new();
    for (item, found) in items.into_iter().zip(found) {
        let verdict = match found {
            Found::Complete(booked) => successful(&booked, clock::now()),
            Found::Incomplete(booked) => Verdict::Failed(Failure::booked_as(
                &booked.external_id,
                ItemFailureType::UnexpectedFailure,
                "only a part of the entry is found in the books: look there, and complete it by hand.",
            )),
            Found::Absent { .. } => {
                warn!(item.id = %item.entry_id, "it may be booked, but cannot be found");
                Verdict::Failed(Failure::may_be_booked(
                    ItemFailureType::UnexpectedFailure,
                    "the accounting system's answer was lost and the entry cannot be found there. Look for it in the \
                     books; if it is not there tomorrow, export the expense again.",
                ))
            }
        };
        verdicts.push((item.entry_id, verdict));
    }
    exporter.checkpoint.decide(&run.job.id, &verdicts, clock::now())?;
    Ok(())
}
