//! Step 5: process and record. First everything that the job refers to is resolved and every item planned, so
//! that all refusals are known before the first booking; then the items are booked in batches, and at last what these
//! left open.

mod batch;
mod groups;
mod item;
mod leftovers;
mod prepare;
mod receipts;

use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::halt::Halt;
use super::patience::Patience;
use super::tools::JobRun;
use super::verdicts::Why;
use super::{lacking, update};
use crate::bookkeeping::JobView;
use crate::checkpoint::Position;
use crate::host::counted::counted;
use crate::model::references::References;
use crate::receipts::Policy;
use crate::systems::SystemError;

use item::BatchItem;
use leftovers::Leftovers;
use receipts::Results;

/// So many items in a row may come to no verdict before they are tried again, and the rest of the job waits for them: an
/// accounting system that is out of reach is not asked about item after item of a long job, nor are all of them kept.
const MOST_IN_VAIN: usize = 300;

/// The same for so long.
const LONGEST_IN_VAIN: Duration = Duration::from_secs(600);

/// Books every item in scope and tells Pleo its verdict.
pub(super) fn process(run: &mut JobRun<'_>, references: &References) -> Result<(), Halt> {
    let (mut view, refusals) = prepare::prepare(run, references)?;
    lacking::refuse(run)?;
    log_refusals(&refusals);
    run.totals.refusals = refusals;
    let counts = run.exporter.checkpoint.counts(&run.job.id)?;
    run.with_verdict = counts.total - counts.open;
    run.exporter.progress.reached(run.with_verdict);
    let mut leftovers = Leftovers::default();
    let mut after = None;
    let mut of_an_item = Duration::ZERO;
    let (mut in_vain, mut got_on) = (0, Instant::now());
    let mut items = next_batch(run, &view, &mut after)?;
    let mut fetched = receipts::fetch_beside(run, &items, |_| Ok(()))?;
    while !items.is_empty() {
        run.exporter.stop.check()?;
        // How long an item takes was not known yet when these were read.
        let fitting = items.len().min(run.deadline.fitting(of_an_item));
        let (mut next, mut of_next) = (items.split_off(fitting), fetched.split_off(fitting));
        receipts::forget_untried(&mut of_next);
        let count = u32::try_from(fitting).unwrap_or(u32::MAX);
        ensure_time(run, of_an_item.saturating_mul(count), Instant::now())?;
        let (began, left_before) = (Instant::now(), leftovers.len());
        let (with_verdict, stuck) = (run.with_verdict, leftovers.stuck());
        if next.is_empty() {
            next = next_batch(run, &view, &mut after)?;
        }
        let wanted = next.get(of_next.len()..).unwrap_or_default();
        let book = |run: &mut JobRun<'_>| book_fetched(run, &mut view, items, fetched, &mut leftovers);
        of_next.extend(receipts::fetch_beside(run, wanted, book)?);
        (items, fetched) = (next, of_next);
        // Of those that were left over nobody knows how long they take.
        let left_over = u32::try_from(leftovers.len().saturating_sub(left_before)).unwrap_or(u32::MAX);
        if let Some(done) = began.elapsed().checked_div(count.saturating_sub(left_over)) {
            // One slow batch is forgotten by and by.
            of_an_item = done.max(of_an_item / 2);
        }
        in_vain += leftovers.stuck().saturating_sub(stuck);
        if run.with_verdict > with_verdict {
            (in_vain, got_on) = (0, Instant::now());
        }
        if in_vain >= MOST_IN_VAIN || (in_vain > 0 && got_on.elapsed() > LONGEST_IN_VAIN) {
            try_again(run, &mut view, &mut leftovers)?;
            (in_vain, got_on) = (0, Instant::now());
        }
    }
    settle(run, &mut view, leftovers)
}

/// The next items in the order of work.
fn next_batch(
    run: &JobRun<'_>,
    view: &JobView,
    after: &mut Option<Position>,
) -> Result<Vec<BatchItem>, Halt> {
    let batch_size = run.exporter.settings.batch_size;
    let checkpoint = &run.exporter.checkpoint;
    let stored = checkpoint.loaded_page(&run.job.id, after.as_ref(), batch_size)?;
    *after = stored.last().map(|last| last.position).or(*after);
    Ok(stored
        .iter()
        .map(|stored| BatchItem::of(stored, run, view))
        .collect())
}

/// Books the items in one batch, or in as many smaller ones as it takes to let Pleo hear from us in time.
fn book_fetched(
    run: &mut JobRun<'_>,
    view: &mut JobView,
    mut items: Vec<BatchItem>,
    mut fetched: Vec<Results>,
    leftovers: &mut Leftovers,
) -> Result<(), Halt> {
    loop {
        let untaken = receipts::take(run, &mut items, fetched)?;
        leftovers.add(untaken.late);
        if run.is_listed_again {
            batch::keep_in_scope(run, &mut items)?;
        }
        book_and_report(run, view, items, leftovers)?;
        items = untaken.rest;
        if items.is_empty() {
            return Ok(());
        }
        // Our report has moved the time, and the rest is measured by it.
        run.refresh()?;
        fetched = receipts::fetch_beside(run, &items, |_| Ok(()))?;
    }
}

fn book_and_report(
    run: &mut JobRun<'_>,
    view: &mut JobView,
    mut items: Vec<BatchItem>,
    leftovers: &mut Leftovers,
) -> Result<(), Halt> {
    leftovers.hold_back(view, &mut items);
    let count = items.len();
    let left_open = batch::book(run, view, items)?;
    let decided = count.saturating_sub(left_open.len());
    leftovers.add(left_open);
    update::report(run)?;
    run.with_verdict += u64::try_from(decided).unwrap_or(0);
    run.exporter.progress.reached(run.with_verdict);
    Ok(())
}

/// Gives every item that is left over its verdict, or leaves the job open for a later run.
fn settle(run: &mut JobRun<'_>, view: &mut JobView, mut leftovers: Leftovers) -> Result<(), Halt> {
    try_again(run, view, &mut leftovers)?;
    while leftovers.len() > 0 {
        let unproven = leftovers.take_unproven();
        if unproven.is_empty() {
            return Err(Halt::Later(format!(
                "the receipts of {} did not come in time; their hosts are asked again by the next run",
                counted(leftovers.late(), "item")
            )));
        }
        info!(
            "looking up {} without a known outcome",
            counted(unproven.len(), "item")
        );
        book_again(run, view, unproven, &mut leftovers)?;
        try_again(run, view, &mut leftovers)?;
    }
    Ok(())
}

/// Tries what is left over and may be tried once more, again and again as long as some of it gets on. What does not by then
/// ends the work on the job.
fn try_again(run: &mut JobRun<'_>, view: &mut JobView, leftovers: &mut Leftovers) -> Result<(), Halt> {
    let is_repeatable = run.exporter.system.describe().create.is_repeatable();
    let does_without = run.exporter.settings.attachments == Policy::BestEffort;
    let mut patience = Patience::new(&run.exporter);
    let (mut is_first, mut is_patient) = (true, true);
    loop {
        let open = leftovers.len();
        let mut ready = leftovers.take_ready(view, is_repeatable);
        if ready.is_empty() {
            return Ok(());
        }
        if is_first {
            is_first = false;
            info!("trying {} once more", counted(ready.len(), "item"));
        } else if !patience.wait(&run.exporter)? {
            let is_last_try =
                |item: &mut BatchItem| does_without && !item.is_last_try && item.why_open() == Why::Receipts;
            let mut last: Vec<BatchItem> = ready.extract_if(.., is_last_try).collect();
            if last.is_empty() {
                let reason = leftovers.out_of_patience(&ready);
                return Err(Halt::System(SystemError::Unavailable { reason }));
            }
            for item in &mut last {
                item.is_last_try = true;
            }
            leftovers.add(std::mem::replace(&mut ready, last));
            is_patient = false;
        }
        book_again(run, view, ready, leftovers)?;
        if is_patient && leftovers.len() < open {
            patience = Patience::new(&run.exporter);
        }
    }
}

/// Passes items through batches once more.
fn book_again(
    run: &mut JobRun<'_>,
    view: &mut JobView,
    mut items: Vec<BatchItem>,
    leftovers: &mut Leftovers,
) -> Result<(), Halt> {
    while !items.is_empty() {
        run.exporter.stop.check()?;
        ensure_time(run, Duration::ZERO, Instant::now())?;
        let rest = items.split_off(items.len().min(run.exporter.settings.batch_size));
        book_and_report(run, view, std::mem::replace(&mut items, rest), leftovers)?;
    }
    Ok(())
}

/// Before a batch begins: is there time for it before Pleo gives the job up?
fn ensure_time(run: &mut JobRun<'_>, expected: Duration, now: Instant) -> Result<(), Halt> {
    let needed = expected.saturating_mul(2) + Duration::from_secs(2);
    if run.deadline.left(now) > needed && !run.deadline.is_silent_too_long(now) {
        return Ok(());
    }
    // Our own updates moved the time; only Pleo can say how far.
    run.refresh()?;
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

fn log_refusals(refusals: &[(String, usize)]) {
    if refusals.is_empty() {
        info!("every item can be booked");
    }
    for (cause, count) in refusals {
        warn!("will fail: {cause}: {}", counted(*count, "item"));
    }
}
