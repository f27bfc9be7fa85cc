//! Items that stay open when their batch is over: nobody knows what became of them, or they were surely not booked.
//! They are settled after everything else, in their order, by the books.
//!
//! What is planned depends on the items of the same invoice before it. So an item that stays open holds back the later
//! items of its invoice; they are set aside too.

use std::collections::HashSet;
use std::time::Duration;

use tracing::info;

use super::batch::{Batch, BatchItem, Sent};
use super::groups::groups;
use super::prepare::Prepared;
use crate::bookkeeping::JobView;
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::patience::Patience;
use crate::export::verdicts::Why;
use crate::model::references::InvoiceKey;

/// The items set aside, in work order, with their receipts.
#[derive(Default)]
pub(super) struct SetAside {
    items: Vec<(BatchItem, Why)>,
}

impl SetAside {
    /// Sets an item aside, at its place in the order of work.
    pub(super) fn push(&mut self, mut item: BatchItem, why: Why) {
        if why == Why::Unproven && item.sent == Sent::No {
            item.sent = Sent::Perhaps;
        }
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

    /// Takes out those that may be booked, for a last look.
    fn take_unproven(&mut self) -> Vec<BatchItem> {
        let items = std::mem::take(&mut self.items).into_iter();
        let (unproven, rest): (Vec<_>, _) = items.partition(|(_, why)| *why == Why::Unproven);
        self.items = rest;
        let last_look = |(item, _)| BatchItem {
            sent: Sent::PerhapsAtTheEnd,
            ..item
        };
        unproven.into_iter().map(last_look).collect()
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
    let is_repeatable = exporter.system.describe().create.is_repeatable();
    let mut patience = Patience::new(exporter);
    let mut is_first = true;
    while !aside.items.is_empty() {
        let open = aside.items.len();
        let mut ready = aside.take_ready(&prepared.view, is_repeatable);
        if ready.is_empty() {
            ready = aside.take_unproven();
            info!("{} items have no known outcome; looking them up", ready.len());
        } else if !is_first && !patience.wait(exporter)? {
            return Err(Halt::Later(format!(
                "the accounting system is out of reach: {} items have no known outcome yet",
                ready.len()
            )));
        } else {
            is_first = false;
            info!("{} items are tried once more", ready.len());
        }
        if ready.is_empty() {
            return leave(exporter, run, aside.items.len());
        }
        pass_through(exporter, run, prepared, ready, &mut aside)?;
        if aside.items.len() < open {
            patience = Patience::new(exporter);
        }
    }
    Ok(())
}

/// Passes items through batches again; what stays open is set aside again.
fn pass_through(
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
        batch.book(exporter, run, prepared, aside)?;
        crate::export::update::report(exporter, run)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bookkeeping::{Refusal, SystemTraits};
    use crate::checkpoint::Position;
    use crate::model::ids::AccountingEntryId;
    use crate::model::references::{InvoiceNumber, Resolution, VendorKey};
    use crate::model::verdict::ItemFailureType;

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
            position: Position(day.replace('-', "").parse().unwrap()),
            sent: Sent::Perhaps,
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
