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
    items: Vec<BatchItem>,
}

impl SetAside {
    pub(super) fn add(&mut self, item: BatchItem) {
        self.items.push(item);
    }
}

/// Gives every item its verdict, or leaves the job open for a later run.
pub(super) fn settle(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &Prepared,
    aside: SetAside,
) -> Result<(), Halt> {
    if aside.items.is_empty() {
        return Ok(());
    }
    info!(
        "{} items have no known outcome yet; looking them up",
        aside.items.len()
    );
    if exporter.system.describe().create.is_repeatable() {
        try_again(exporter, run, prepared, aside)
    } else {
        by_look_up(exporter, run, aside)
    }
}

/// Booking the same key twice is safe here, so the items simply pass through the batch again.
fn try_again(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &Prepared,
    mut aside: SetAside,
) -> Result<(), Halt> {
    let started = Instant::now();
    loop {
        let mut again = SetAside::default();
        let mut items = aside.items;
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(exporter.settings.batch_size));
            let batch = Batch { items };
            items = rest;
            if let Some(failure) = batch.book(exporter, run, prepared, &mut again)? {
                return Err(Halt::Later(failure.reason));
            }
            crate::export::update::report(exporter, run)?;
        }
        if again.items.is_empty() {
            return Ok(());
        }
        if started.elapsed() + PAUSE > exporter.settings.patience {
            return Err(Halt::Later(format!(
                "the accounting system is out of reach: {} items have no known outcome yet",
                again.items.len()
            )));
        }
        exporter.stop.wait(PAUSE)?;
        aside = again;
    }
}

/// The system can only be searched: found is booked; absent is not booked again, because a write may still be on
/// its way.
fn by_look_up(exporter: &mut Exporter<'_>, run: &JobRun, aside: SetAside) -> Result<(), Halt> {
    let parts = |item: &BatchItem| item.plan.as_ref().map(PlannedItem::parts).unwrap_or_default();
    let wanted: Vec<_> = aside
        .items
        .iter()
        .map(|item| Wanted {
            entry_id: item.entry_id.clone(),
            parts: parts(item),
        })
        .collect();
    let found = exporter.system.find(&wanted)?;
    let mut verdicts = Vec::new();
    for (item, found) in aside.items.into_iter().zip(found) {
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
