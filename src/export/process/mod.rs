//! Step 5: process and record. First everything that the job refers to is resolved and every item planned, so
//! that all refusals are known before the first booking; then the items are booked in batches.

mod batch;
mod groups;
mod prepare;
mod receipts;
mod set_aside;

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::halt::Halt;
use super::job::JobRun;
use super::{Exporter, lacking, update};
use crate::checkpoint::{Position, StoredItem};
use crate::model::references::References;

use batch::Batch;
use prepare::Prepared;
use set_aside::SetAside;

/// Books every item in scope and tells Pleo its verdict.
pub(super) fn process(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    references: &References,
    refusals: &mut Vec<(String, usize)>,
) -> Result<(), Halt> {
    update::report(exporter, run)?;
    let mut prepared = prepare::prepare(exporter, &run.job, references)?;
    lacking::refuse(exporter, run)?;
    log_refusals(&prepared);
    refusals.clone_from(&prepared.refusals);
    let mut aside = SetAside::default();
    let mut after: Option<Position> = None;
    let mut longest = Duration::ZERO;
    loop {
        exporter.stop.check()?;
        let items =
            exporter
                .checkpoint
                .loaded_page(&run.job.id, after.as_ref(), exporter.settings.batch_size)?;
        let Some(last) = items.last() else { break };
        after = Some(last.position);
        ensure_time(exporter, run, longest)?;
        let started = Instant::now();
        book_and_report(exporter, run, &mut prepared, items, &mut aside)?;
        longest = longest.max(started.elapsed());
    }
    set_aside::settle(exporter, run, &mut prepared, aside)?;
    update::report(exporter, run)
}

/// Books one batch, or as many smaller ones as it takes to let Pleo hear from us in time.
fn book_and_report(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &mut Prepared,
    mut items: Vec<StoredItem>,
    aside: &mut SetAside,
) -> Result<(), Halt> {
    while !items.is_empty() {
        let mut batch = Batch::plan(exporter, run, prepared, &items);
        let taken = receipts::fetch(exporter, run, &mut batch, aside)?;
        items.drain(..taken);
        let count = batch.len();
        batch.book(exporter, run, prepared, aside)?;
        update::report(exporter, run)?;
        exporter.progress.advance(u64::try_from(count).unwrap_or(0));
        if !items.is_empty() {
            // Our report has moved the time, and the rest is measured by it.
            run.refresh(exporter)?;
        }
    }
    Ok(())
}

/// Before a batch begins: is there time for it before Pleo gives the job up?
fn ensure_time(exporter: &mut Exporter<'_>, run: &mut JobRun, longest: Duration) -> Result<(), Halt> {
    let needed = longest * 2 + Duration::from_secs(2);
    if run.deadline.left(Instant::now()) > needed && !run.deadline.is_silent_too_long(Instant::now()) {
        return Ok(());
    }
    // Our own updates moved the time; only Pleo can say how far.
    run.refresh(exporter)?;
    let left = run.deadline.left(Instant::now());
    if left > needed {
        return Ok(());
    }
    Err(Halt::OutOfTime(format!(
        "job {} expires in {} s, which is too short for another batch: the rest stays open",
        run.job.id,
        left.as_secs()
    )))
}

fn log_refusals(prepared: &Prepared) {
    if prepared.refusals.is_empty() {
        info!("every item can be booked");
        return;
    }
    for (cause, count) in &prepared.refusals {
        warn!(
            "will fail: {cause}: {count} item{}",
            if *count == 1 { "" } else { "s" }
        );
    }
}
