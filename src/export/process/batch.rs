//! One batch: intent, announcement, look-up, booking, receipts, verdicts, in this order and no other.

mod attach;
mod waves;

use tracing::info;

use super::item::{BatchItem, Sent};
use crate::bookkeeping::{JobView, KnownInvoices, Refusal};
use crate::export::halt::Halt;
use crate::export::tools::JobRun;
use crate::export::verdicts::{Next, Why};
use crate::export::{control, look_up, patience, permit};
use crate::host::clock;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::ItemFailureType;
use crate::pleo::{ItemUpdate, PleoError, Rejection};
use crate::systems::{BookedEntry, Found, Wanted};

/// Books the items, in work order, and commits every verdict, also where an error ends it. Answers the items that are
/// still open.
pub(super) fn book(
    run: &mut JobRun<'_>,
    view: &mut JobView,
    mut items: Vec<BatchItem>,
) -> Result<Vec<BatchItem>, Halt> {
    run.exporter.fleet.fence().map_err(PleoError::from)?;
    announce(run, &mut items)?;
    look_up(run, &mut items)?;
    let mut ended = waves::book(run, view, &mut items);
    if let Err(halt) = &ended
        && permit::is_withheld(halt)
    {
        // The job may be another instance's by now: nothing more is judged, and the next run looks at all of it again.
        return ended.map(|()| items);
    }
    // Whatever becomes of their receipts.
    let in_books: Vec<(usize, BookedEntry)> = items.iter().enumerate().filter_map(in_books).collect();
    waves::plan_found(run, view, &mut items);
    // What was learnt is old by the next batch.
    view.invoices = KnownInvoices::default();
    ended = ended.and(attach::attach(run, &mut items));
    if let Err(halt) = &ended
        && permit::is_withheld(halt)
    {
        return ended.map(|()| items);
    }
    for (at, booked) in &in_books {
        // An item may pass through several batches, and has one verdict.
        if let Some((Next::Decided(_), Ok(plan))) = items.get(*at).map(|item| (&item.next, &item.plan)) {
            run.totals.add(plan, booked.wallet_account.as_deref());
        }
    }
    let (mut verdicts, mut open) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        match item.next {
            Next::Decided(verdict) => verdicts.push((item.entry_id, verdict)),
            Next::Wait(_) | Next::Unproven { .. } => open.push(item),
            Next::Halt(error) => ended = ended.and(Err(error.into())),
            // Only where an error has ended it.
            Next::Attach(_) | Next::Book { .. } => {}
        }
    }
    run.decide(&verdicts)?;
    ended.map(|()| open)
}

/// Commits the intent, then tells Pleo. Items that Pleo will not have in progress leave the batch unbooked.
fn announce(run: &mut JobRun<'_>, items: &mut Vec<BatchItem>) -> Result<(), Halt> {
    let announced = to_announce(items);
    if announced.is_empty() {
        return Ok(());
    }
    run.exporter
        .checkpoint
        .intend(&run.job.id, &announced, clock::now())?;
    for item in items.iter().filter(|item| item.sent == Sent::No) {
        run.unbooked.entry(item.entry_id.clone()).or_insert(false);
    }
    let updates: Vec<_> = announced.into_iter().map(ItemUpdate::InProgress).collect();
    let mut rejected = run.tell(&updates)?;
    if rejected.is_empty() {
        return Ok(());
    }
    if rejected.len() == updates.len() && updates.len() > 1 {
        // One of them may be why Pleo rejects all.
        rejected.clear();
        for update in updates.chunks(1) {
            run.exporter.stop.check()?;
            rejected.extend(run.tell(update)?);
        }
    }
    // Another instance may have finished some of them meanwhile: a final status is never talked over.
    control::refresh(&mut run.exporter, &run.job)?;
    run.is_listed_again = true;
    keep_in_scope(run, items)?;
    for rejection in rejected {
        info!(item.id = %rejection.entry_id, "Pleo does not take the item as in progress: {}", rejection.text());
        if let Some(item) = items.iter_mut().find(|item| item.entry_id == rejection.entry_id) {
            item.plan = Err(not_in_progress(&rejection));
        }
    }
    Ok(())
}

/// Drops the items that another instance has finished, as the list was last read.
pub(super) fn keep_in_scope(run: &JobRun<'_>, items: &mut Vec<BatchItem>) -> Result<(), Halt> {
    for item in std::mem::take(items) {
        if run.exporter.checkpoint.is_in_scope(&run.job.id, &item.entry_id)? {
            items.push(item);
        }
    }
    Ok(())
}

fn not_in_progress(rejection: &Rejection) -> Refusal {
    let reason = format!(
        "Pleo rejects updates of this expense ({}): ask Pleo's support why, then export it again.",
        rejection.text()
    );
    let group = "Pleo did not take the item as in progress";
    Refusal::new(ItemFailureType::UnexpectedFailure, reason, group)
}

fn to_announce(items: &[BatchItem]) -> Vec<AccountingEntryId> {
    let to_announce = items.iter().filter(|item| item.is_to_be_announced());
    to_announce.map(|item| item.entry_id.clone()).collect()
}

/// What the books have of each item, and what that means for it.
fn look_up(run: &mut JobRun<'_>, items: &mut [BatchItem]) -> Result<(), Halt> {
    let wanted: Vec<Wanted> = items.iter().map(BatchItem::wanted).collect();
    let found = patience::ask(&mut run.exporter, |system| system.find(&wanted))?;
    let create = run.exporter.system.describe().create;
    for (item, found) in items.iter_mut().zip(found) {
        if let Some(remark) = found.booked().and_then(|booked| booked.remark.clone()) {
            run.totals.remark(&item.entry_id, remark);
        }
        let is_absent = matches!(found, Found::Absent { .. });
        let (read, known) = (item.read.as_deref(), item.known(create));
        let next = look_up::judge(&mut run.exporter, &item.entry_id, read, found, known);
        item.next = item.if_last(next);
        let is_to_be_booked = matches!(item.next, Next::Book { .. } | Next::Wait(Why::NotBooked));
        if is_absent && item.sent == Sent::No && is_to_be_booked {
            run.unbooked.insert(item.entry_id.clone(), true);
        }
        if matches!(item.next, Next::Attach(_)) {
            // Somebody sent it: should it not be found later, that does not mean that it never was there.
            run.unbooked.remove(&item.entry_id);
        }
    }
    Ok(())
}

/// An entry that is in the books, with its place in the batch.
fn in_books((at, item): (usize, &BatchItem)) -> Option<(usize, BookedEntry)> {
    match &item.next {
        Next::Attach(booked) => Some((at, booked.clone())),
        _ => None,
    }
}
