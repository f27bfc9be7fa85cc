//! Items that stay open when their batch is over: nobody knows what became of them, or they were surely not booked.
//! They are settled after everything else, in their order, by the books.
//!
//! What is planned depends on the items of the same invoice before it. So an item that stays open holds back the later
//! items of its invoice; they are set aside too.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use super::batch::{Batch, BatchItem, successful, unclear};
use super::groups::groups;
use super::prepare::Prepared;
use crate::bookkeeping::JobView;
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::host::clock;
use crate::model::document::PlannedItem;
use crate::model::references::InvoiceKey;
use crate::model::verdict::{Failure, ItemFailureType, Verdict};
use crate::systems::{Found, Wanted};

/// Between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

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

/// The items set aside, in work order, with their receipts.
#[derive(Default)]
pub(super) struct SetAside {
    items: Vec<(BatchItem, Why)>,
}

impl SetAside {
    /// Sets an item aside, at its place in the order of work.
    pub(super) fn push(&mut self, item: BatchItem, why: Why) {
        let at = self
            .items
            .partition_point(|(other, _)| other.position < item.position);
        self.items.insert(at, (item, why));
    }

    /// The invoices whose later items have to wait.
    pub(super) fn held_invoices(&self) -> impl Iterator<Item = &InvoiceKey> {
        self.items
            .iter()
            .filter(|(_, why)| *why != Why::Receipts)
            .filter_map(|(item, _)| item.invoice.as_ref())
    }

    /// Takes out the items that may pass through a batch again. Those whose receipts are late stay, where a lost answer
    /// may not be tried again those that may be booked, and with them what waits for them.
    fn take_ready(&mut self, view: &JobView, is_repeatable: bool) -> Vec<BatchItem> {
        let groups = groups(view, self.items.iter().map(|(item, _)| item.invoice.as_ref()));
        let (mut ready, mut waiting, mut held) = (Vec::new(), Vec::new(), HashSet::new());
        for ((item, why), group) in std::mem::take(&mut self.items).into_iter().zip(groups) {
            let is_left = why == Why::Late || (why == Why::Unproven && !is_repeatable);
            if is_left || group.is_some_and(|group| held.contains(&group)) {
                held.extend(group);
                waiting.push((item, why));
            } else {
                ready.push(item);
            }
        }
        self.items = waiting;
        ready
    }

    fn take_unproven(&mut self) -> Vec<BatchItem> {
        let items = std::mem::take(&mut self.items).into_iter();
        let (unproven, rest) = items.partition(|(_, why)| *why == Why::Unproven);
        self.items = rest;
        unproven.into_iter().map(|(item, _)| item).collect()
    }
}

/// Leaves items to a later run, which asks for their receipts again. What is decided is told first.
fn leave(exporter: &mut Exporter<'_>, run: &JobRun, items: usize) -> Result<(), Halt> {
    crate::export::update::report(exporter, run)?;
    Err(Halt::Later(format!(
        "the receipts of {items} items did not come in time; their hosts are asked again by the next run"
    )))
}

/// Gives every item its verdict, or leaves the job open for a later run.
pub(super) fn settle(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &mut Prepared,
    mut aside: SetAside,
) -> Result<(), Halt> {
    let mut started = Instant::now();
    let is_repeatable = exporter.system.describe().create.is_repeatable();
    let mut rounds = 0_u32;
    while !aside.items.is_empty() {
        let ready = aside.take_ready(&prepared.view, is_repeatable);
        if ready.is_empty() {
            let unproven = aside.take_unproven();
            if unproven.is_empty() {
                return leave(exporter, run, aside.items.len());
            }
            info!("{} items have no known outcome; looking them up", unproven.len());
            by_look_up(exporter, run, prepared, unproven)?;
            started = Instant::now();
            continue;
        }
        if rounds > 0 {
            wait(exporter, started, ready.len())?;
        }
        rounds = rounds.saturating_add(1);
        info!("{} items are tried once more", ready.len());
        let open = ready.len().saturating_add(aside.items.len());
        try_again(exporter, run, prepared, ready, &mut aside)?;
        if aside.items.len() < open {
            started = Instant::now();
        }
    }
    Ok(())
}

fn wait(exporter: &Exporter<'_>, started: Instant, count: usize) -> Result<(), Halt> {
    if started.elapsed() + PAUSE > exporter.settings.patience {
        return Err(Halt::Later(format!(
            "the accounting system is out of reach: {count} items have no known outcome yet"
        )));
    }
    exporter.stop.wait(PAUSE)?;
    Ok(())
}

/// Passes items through batches again; what stays open is set aside again.
fn try_again(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &mut Prepared,
    mut items: Vec<BatchItem>,
    aside: &mut SetAside,
) -> Result<(), Halt> {
    while !items.is_empty() {
        exporter.stop.check()?;
        super::ensure_time(exporter, run, Duration::ZERO)?;
        let rest = items.split_off(items.len().min(exporter.settings.batch_size));
        let batch = Batch { items };
        items = rest;
        if let Some(failure) = batch.book(exporter, run, prepared, aside)? {
            return Err(Halt::Later(failure.reason));
        }
        crate::export::update::report(exporter, run)?;
    }
    Ok(())
}

/// The system can only be searched: found is booked; absent is not booked again, because a write may still be on
/// its way.
fn by_look_up(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    prepared: &mut Prepared,
    items: Vec<BatchItem>,
) -> Result<(), Halt> {
    let parts = |item: &BatchItem| item.plan.as_ref().map(PlannedItem::parts).unwrap_or_default();
    let wanted: Vec<_> = items
        .iter()
        .map(|item| Wanted {
            entry_id: item.entry_id.clone(),
            parts: parts(item),
        })
        .collect();
    let found = exporter.system.find(&wanted)?;
    let mut batch = Batch { items };
    let complete = found.iter().enumerate().filter_map(|(at, found)| match found {
        Found::Complete(booked) => Some((at, booked.clone())),
        Found::Absent { .. } | Found::Incomplete(_) | Found::Unclear { .. } => None,
    });
    let in_books: Vec<_> = complete.collect();
    batch.plan_found(exporter, run, prepared, in_books.iter().map(|(at, _)| *at))?;
    batch.count(run, in_books.iter());
    let mut verdicts = Vec::new();
    for (item, found) in batch.items.into_iter().zip(found) {
        let verdict = match found {
            Found::Complete(booked) => successful(&booked, clock::now()),
            Found::Unclear { booked, reason } => unclear(&booked, &reason),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bookkeeping::{Refusal, SystemTraits};
    use crate::checkpoint::Position;
    use crate::model::ids::AccountingEntryId;
    use crate::model::references::{InvoiceNumber, Resolution, VendorKey};

    fn item(day: &str) -> BatchItem {
        let entry_id = AccountingEntryId::new(day);
        let vendor = VendorKey {
            code: Some("V100".to_owned()),
            ..VendorKey::default()
        };
        BatchItem {
            entry_id: entry_id.clone(),
            item: None,
            plan: Err(Refusal {
                failure_type: ItemFailureType::ValidationFailure,
                reason: String::new(),
                group: String::new(),
            }),
            invoice: InvoiceNumber::new("X").map(|number| InvoiceKey { vendor, number }),
            bill_may_tell_vendor: true,
            is_held: false,
            fetched: None,
            position: Position(day.len().try_into().unwrap()),
            announced_before: true,
        }
    }

    #[test]
    fn what_is_set_aside_again_keeps_its_place_before_what_waits_for_it() {
        let system = SystemTraits {
            payables: true,
            computes_tax: false,
            keeps_vendors: false,
        };
        let view = JobView::new(Resolution::default(), "2026-11-22".parse().unwrap(), system);
        let mut aside = SetAside::default();
        aside.push(item("2026-05-02"), Why::Unproven);
        aside.push(item("2026-05-03"), Why::NotBooked);
        // Was tried once more meanwhile.
        aside.push(item("2026-05-01"), Why::NotBooked);
        let ready = aside.take_ready(&view, false);
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].entry_id.as_str(), "2026-05-01");
        assert_eq!(aside.items.len(), 2);
    }
}
