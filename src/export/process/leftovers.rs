//! Items that are left open when their batch is over: nobody knows what became of them, or they were surely not booked.
//! They are settled after everything else, in their order, by the books.
//!
//! What is planned depends on the items of the same invoice before it. So an item that stays open holds back the later
//! items of its invoice; they are left over too.

use std::collections::HashSet;

use super::groups::groups;
use super::item::{BatchItem, Sent};
use crate::bookkeeping::JobView;
use crate::export::verdicts::Why;
use crate::host::counted::counted;

/// The items left over, in work order, with their receipts.
#[derive(Default)]
pub(super) struct Leftovers(Vec<BatchItem>);

impl Leftovers {
    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// How many of them wait for receipts of their own.
    pub(super) fn late(&self) -> usize {
        let is_late = |item: &&BatchItem| item.why_open() == Why::Late;
        self.0.iter().filter(is_late).count()
    }

    /// How many of them the accounting system has neither taken nor told of, each for itself.
    pub(super) fn stuck(&self) -> usize {
        let is_stuck =
            |item: &&BatchItem| !item.is_held && matches!(item.why_open(), Why::NotBooked | Why::Unproven);
        self.0.iter().filter(is_stuck).count()
    }

    /// Adds what a batch left open, each at its place in the order of work.
    pub(super) fn add(&mut self, items: Vec<BatchItem>) {
        for mut item in items {
            // What is booked and not found any more is as unproven as what nobody answered to.
            let is_perhaps_booked = matches!(item.why_open(), Why::Unproven | Why::Receipts);
            if is_perhaps_booked && item.sent == Sent::No {
                item.sent = Sent::Perhaps;
            }
            let at = self.0.partition_point(|other| other.position < item.position);
            self.0.insert(at, item);
        }
    }

    /// Marks the items of the next batch that have to wait for one that is left over.
    pub(super) fn hold_back(&self, view: &JobView, items: &mut [BatchItem]) {
        let holds = |item: &&BatchItem| item.why_open() != Why::Receipts && item.invoice.is_some();
        let invoices = self.0.iter().filter(holds).map(|item| item.invoice.as_ref());
        let held_count = self.0.iter().filter(holds).count();
        let own = items.iter().map(|item| item.invoice.as_ref());
        let mut groups = groups(view, invoices.chain(own));
        let own_groups = groups.split_off(held_count);
        let held: HashSet<usize> = groups.into_iter().flatten().collect();
        for (item, group) in items.iter_mut().zip(own_groups) {
            item.is_held = group.is_some_and(|group| held.contains(&group));
        }
    }

    /// Takes out the items that may pass through a batch again. Those whose receipts are late stay, and of
    /// those that may be booked what is refused by now or may not be tried again, and with them what waits for them.
    pub(super) fn take_ready(&mut self, view: &JobView, is_repeatable: bool) -> Vec<BatchItem> {
        let groups = groups(view, self.0.iter().map(|item| item.invoice.as_ref()));
        let (mut ready, mut waiting, mut held) = (Vec::new(), Vec::new(), HashSet::new());
        for (item, group) in std::mem::take(&mut self.0).into_iter().zip(groups) {
            let why = item.why_open();
            // Of what is refused nothing is sent again, so that it proves nothing.
            let is_tried_again = is_repeatable && item.plan.is_ok();
            let is_left = why == Why::Late || (why == Why::Unproven && !is_tried_again);
            if is_left || group.is_some_and(|group| held.contains(&group)) {
                held.extend(group);
                waiting.push(item);
            } else {
                ready.push(item);
            }
        }
        self.0 = waiting;
        ready
    }

    /// What the accounting system said last, and what it owes these items and those that wait with them.
    pub(super) fn out_of_patience(&self, ready: &[BatchItem]) -> String {
        let open = || ready.iter().chain(&self.0);
        let count = |why| open().filter(|item| item.why_open() == why).count();
        let parts = [
            (count(Why::NotBooked), "not booked yet"),
            (count(Why::Unproven), "without a known outcome"),
            (
                count(Why::Receipts),
                "booked, with receipts that are not attached yet",
            ),
            (count(Why::Late), "waiting for receipts that did not come in time"),
        ];
        let parts = parts.iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, what)| format!("{} {what}", counted(*count, "item")))
            .collect();
        let trouble = open().find_map(|item| item.trouble.as_deref());
        let trouble = trouble.and_then(|text| text.lines().next());
        let trouble = trouble.unwrap_or("The accounting system does not say why it cannot finish");
        format!("{} ({})", trouble.trim_end_matches('.'), parts.join(", "))
    }

    /// Takes out those that may be booked, for a last look.
    pub(super) fn take_unproven(&mut self) -> Vec<BatchItem> {
        let is_unproven = |item: &mut BatchItem| item.why_open() == Why::Unproven;
        let mut unproven: Vec<BatchItem> = self.0.extract_if(.., is_unproven).collect();
        for item in &mut unproven {
            item.sent = Sent::PerhapsAtTheEnd;
        }
        unproven
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bookkeeping::{Refusal, SystemTraits};
    use crate::checkpoint::Position;
    use crate::export::verdicts::Next;
    use crate::model::ids::AccountingEntryId;
    use crate::model::references::{InvoiceKey, InvoiceNumber, Resolution, VendorKey};
    use crate::model::verdict::ItemFailureType;

    fn item(day: &str, next: Next) -> BatchItem {
        let vendor = VendorKey {
            code: Some("V100".to_owned()),
            ..VendorKey::default()
        };
        BatchItem {
            entry_id: AccountingEntryId::new(day),
            read: None,
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
            trouble: None,
            is_last_try: false,
            next,
        }
    }

    #[test]
    fn what_is_left_over_again_keeps_its_place_before_what_waits_for_it() {
        let system = SystemTraits {
            payables: true,
            computes_tax: false,
            keeps_vendors: false,
        };
        let view = JobView::new(Resolution::default(), "2026-11-22".parse().unwrap(), system);
        let mut leftovers = Leftovers::default();
        leftovers.add(vec![
            item("2026-05-02", Next::Unproven { partly: None }),
            item("2026-05-03", Next::Wait(Why::NotBooked)),
        ]);
        // Was tried once more meanwhile.
        leftovers.add(vec![item("2026-05-01", Next::Wait(Why::NotBooked))]);
        let ready = leftovers.take_ready(&view, false);
        assert_eq!(ready.len(), 1);
        assert_eq!(ready[0].entry_id.as_str(), "2026-05-01");
        assert_eq!(leftovers.len(), 2);
    }
}
