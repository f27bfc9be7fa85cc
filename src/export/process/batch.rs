//! One batch: intent, announcement, look-up, booking, receipts, verdicts, in this order and no other.

mod attach;
mod waves;

use std::collections::HashSet;

use tracing::warn;

use super::groups::groups;
use super::prepare::{self, Prepared};
use super::receipts::Fetched;
use super::set_aside::SetAside;
use crate::bookkeeping::{self, Refusal};
use crate::checkpoint::{Position, StoredItem};
use crate::export::changed::changed;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::verdicts::{Known, Next, Plan, Why};
use crate::export::{Exporter, confirm, control, patience, verdicts};
use crate::host::{clock, kill};
use crate::model::document::PlannedItem;
use crate::model::export_item::ExportItem;
use crate::model::ids::AccountingEntryId;
use crate::model::references::InvoiceKey;
use crate::model::verdict::ItemFailureType;
use crate::pleo::{ItemUpdate, PleoError};
use crate::systems::{BookedEntry, Create, Found, SystemError, Wanted};

/// The items of one batch, in work order.
pub(super) struct Batch {
    pub(super) items: Vec<BatchItem>,
}

/// An item on its way through the batch.
pub(super) struct BatchItem {
    pub(super) entry_id: AccountingEntryId,
    /// What Pleo said, where it can be read.
    pub(super) item: Option<ExportItem>,
    /// What to book, or why not. Planned without regard to other items of its invoice, until it is its turn.
    pub(super) plan: Result<PlannedItem, Refusal>,
    /// The invoice that it belongs to, where it may be a vendor's payable.
    pub(super) invoice: Option<InvoiceKey>,
    /// Whether a bill in the books may tell who the vendor is, where nothing else does.
    pub(super) bill_may_tell_vendor: bool,
    /// An item of its invoice is set aside: until that one has a verdict it is neither announced nor booked.
    pub(super) is_held: bool,
    /// Its receipts, where they were fetched.
    pub(super) fetched: Option<Fetched>,
    /// Its place in the order of work.
    pub(super) position: Position,
    /// Whether it may be in the books already, or on its way there.
    pub(super) sent: Sent,
}

/// What was done with an item before it came into the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Nothing that is known of.
    No,
    /// It was announced that it would be booked, or its answer was lost.
    Perhaps,
    /// The same, and everything else is done: what is not proven now never is, and is not booked.
    PerhapsAtTheEnd,
}

impl Batch {
    /// Plans the items; what was known of them before was only counted.
    pub(super) fn plan(
        exporter: &Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
        stored: &[StoredItem],
    ) -> Self {
        let (settings, system) = (&exporter.settings.bookkeeping, prepared.view.system);
        let invoice = |item: &ExportItem| bookkeeping::invoice_of(item, settings, system);
        let items = stored
            .iter()
            .map(|stored| {
                let considered = prepare::consider(exporter, &run.job, &prepared.view, stored);
                BatchItem {
                    entry_id: stored.entry_id.clone(),
                    invoice: considered.item.as_ref().and_then(invoice),
                    item: considered.item,
                    plan: considered.plan,
                    bill_may_tell_vendor: !system.keeps_vendors,
                    is_held: false,
                    fetched: None,
                    position: stored.position,
                    sent: if verdicts::is_announced(stored) {
                        Sent::Perhaps
                    } else {
                        Sent::No
                    },
                }
            })
            .collect();
        Self { items }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Books the batch and commits every verdict, also where an error ends it.
    pub(super) fn book(
        mut self,
        exporter: &mut Exporter<'_>,
        run: &mut JobRun,
        prepared: &mut Prepared,
        aside: &mut SetAside,
    ) -> Result<(), Halt> {
        self.hold_back(prepared, aside);
        self.announce(exporter, run)?;
        let mut steps = self.look_up(exporter, run)?;
        let mut ended = self.book_in_waves(exporter, run, prepared, &mut steps);
        if is_withheld(&ended) {
            return ended;
        }
        // Whatever becomes of their receipts.
        let in_books: Vec<(usize, BookedEntry)> = steps.iter().enumerate().filter_map(in_books).collect();
        self.plan_found(exporter, run, prepared, in_books.iter().map(|(at, _)| *at));
        // What was learnt is old by the next batch.
        prepared.view.invoices = bookkeeping::KnownInvoices::default();
        if kill::mutation("book-before-intent") {
            exporter
                .checkpoint
                .intend(&run.job.id, &self.to_book(), clock::now())?;
        }
        ended = ended.and(self.attach(exporter, run, &mut steps));
        if is_withheld(&ended) {
            return ended;
        }
        // An item may pass through several batches, and has one verdict.
        let is_decided = |(at, _): &&(usize, BookedEntry)| matches!(steps.get(*at), Some(Next::Decided(_)));
        self.count(run, in_books.iter().filter(is_decided));
        let mut verdicts = Vec::with_capacity(steps.len());
        for (item, step) in self.items.into_iter().zip(steps) {
            match step {
                Next::Decided(verdict) => verdicts.push((item.entry_id, verdict)),
                Next::Wait(why) => aside.push(item, why),
                Next::Unproven { .. } => aside.push(item, Why::Unproven),
                Next::Halt(error) => ended = ended.and(Err(error.into())),
                // Only where an error has ended it.
                Next::Attach(_) | Next::Book { .. } => {}
            }
        }
        exporter
            .checkpoint
            .keep_numbers(&exporter.system.highest_numbers())?;
        exporter.checkpoint.decide(&run.job.id, &verdicts, clock::now())?;
        ended
    }

    /// What the books have of each item, and what that means for it.
    fn look_up(&self, exporter: &mut Exporter<'_>, run: &mut JobRun) -> Result<Vec<Next>, Halt> {
        let wanted = self.wanted();
        let found = patience::ask(exporter, |system| system.find(&wanted))?;
        let create = exporter.system.describe().create;
        let mut steps = Vec::with_capacity(self.items.len());
        for (item, found) in self.items.iter().zip(found) {
            if let Some(remark) = found.booked().and_then(|booked| booked.remark.clone()) {
                run.totals.remark(&item.entry_id, remark);
            }
            let is_absent = matches!(found, Found::Absent { .. });
            let changed = found
                .booked()
                .and_then(|booked| changed(exporter, &item.entry_id, booked, item.item.as_ref()));
            let mut next = changed.map_or_else(
                || verdicts::after_look_up(found, item.known(create)),
                Next::Decided,
            );
            if item.sent == Sent::PerhapsAtTheEnd {
                next = verdicts::at_the_end(next);
            }
            if is_absent
                && item.sent == Sent::No
                && matches!(next, Next::Book { .. } | Next::Wait(Why::NotBooked))
            {
                run.unsent.insert(item.entry_id.clone(), true);
            }
            steps.push(next);
        }
        Ok(steps)
    }

    /// Marks the items that have to wait for one that is set aside.
    fn hold_back(&mut self, prepared: &Prepared, aside: &SetAside) {
        let held = aside.held_invoices().map(Some);
        let held_count = aside.held_invoices().count();
        let own = self.items.iter().map(|item| item.invoice.as_ref());
        let mut groups = groups(&prepared.view, held.chain(own));
        let own_groups = groups.split_off(held_count);
        let held: HashSet<usize> = groups.into_iter().flatten().collect();
        for (item, group) in self.items.iter_mut().zip(own_groups) {
            item.is_held = group.is_some_and(|group| held.contains(&group));
        }
    }

    /// Commits the intent, then tells Pleo. Items that Pleo will not have in progress leave the batch unbooked.
    fn announce(&mut self, exporter: &mut Exporter<'_>, run: &mut JobRun) -> Result<(), Halt> {
        let to_book = self.to_book();
        if to_book.is_empty() {
            return Ok(());
        }
        if !kill::mutation("book-before-intent") {
            exporter.checkpoint.intend(&run.job.id, &to_book, clock::now())?;
        }
        for item in self.items.iter().filter(|item| item.sent == Sent::No) {
            run.unsent.entry(item.entry_id.clone()).or_insert(false);
        }
        let updates: Vec<_> = to_book.into_iter().map(ItemUpdate::InProgress).collect();
        let answer = match exporter.pleo.update_items(&run.permit, &run.job.id, &updates) {
            Err(PleoError::JobFinished { .. }) => {
                return Err(confirm::refused_as_finished(exporter, &run.job.id));
            }
            other => other?,
        };
        if answer.refused.is_empty() {
            return Ok(());
        }
        // Somebody else may have finished some of them meanwhile: a final status is never talked over.
        control::refresh(exporter, &run.job)?;
        let mut still_ours = Vec::with_capacity(self.items.len());
        for item in std::mem::take(&mut self.items) {
            if exporter.checkpoint.is_in_scope(&run.job.id, &item.entry_id)? {
                still_ours.push(item);
            }
        }
        self.items = still_ours;
        for refusal in answer.refused {
            warn!(item.id = %refusal.entry_id, "Pleo refuses to have the item in progress: {}", refusal.message);
            if let Some(item) = self
                .items
                .iter_mut()
                .find(|item| item.entry_id == refusal.entry_id)
            {
                item.refuse(Refusal {
                    failure_type: ItemFailureType::UnexpectedFailure,
                    reason: format!(
                        "Pleo refused to update this expense ({}): export it again.",
                        refusal.message
                    ),
                    group: "Pleo refused to have the item in progress".into(),
                });
            }
        }
        Ok(())
    }

    /// Adds what is in the books to the totals of the job: as it was planned, but on the wallet where it stands.
    pub(super) fn count<'a>(
        &self,
        run: &mut JobRun,
        in_books: impl Iterator<Item = &'a (usize, BookedEntry)>,
    ) {
        for (at, booked) in in_books {
            if let Some(Ok(plan)) = self.items.get(*at).map(|item| &item.plan) {
                run.totals.add(plan, booked.wallet_account.as_deref());
            }
        }
    }

    fn to_book(&self) -> Vec<AccountingEntryId> {
        let is_next =
            |item: &&BatchItem| item.may_be_booked() && !item.is_held && item.sent != Sent::PerhapsAtTheEnd;
        let to_book = self.items.iter().filter(is_next);
        to_book.map(|item| item.entry_id.clone()).collect()
    }

    fn wanted(&self) -> Vec<Wanted> {
        let parts = |item: &BatchItem| item.plan.as_ref().map(PlannedItem::parts).unwrap_or_default();
        self.items
            .iter()
            .map(|item| Wanted {
                entry_id: item.entry_id.clone(),
                parts: parts(item),
            })
            .collect()
    }
}

/// Whether the job may be somebody else's by now: then nothing more is judged, and the next run looks at all of it again.
const fn is_withheld(ended: &Result<(), Halt>) -> bool {
    matches!(ended, Err(Halt::System(SystemError::Withheld(_))))
}

/// An entry that is in the books, with its place in the batch.
fn in_books((at, step): (usize, &Next)) -> Option<(usize, BookedEntry)> {
    match step {
        Next::Attach(booked) => Some((at, booked.clone())),
        _ => None,
    }
}

impl BatchItem {
    /// Whether it is planned, or may be once the bill is known that it pays.
    pub(super) fn may_be_booked(&self) -> bool {
        match &self.plan {
            Ok(_) => true,
            Err(refusal) => {
                self.invoice.is_some()
                    && self.bill_may_tell_vendor
                    && refusal.failure_type == ItemFailureType::VendorUnknown
            }
        }
    }

    /// Refuses it whatever is planned.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        self.plan = Err(refusal);
    }

    /// Takes what was fetched to its plan, and to those that are made of it later.
    pub(super) fn take_receipts(&mut self, fetched: Fetched) {
        if let Ok(plan) = &mut self.plan {
            fetched.put_to(plan);
        }
        self.fetched = Some(fetched);
    }

    /// What is known of it, for the rule about look-ups.
    fn known(&self, create: Create) -> Known<'_> {
        Known {
            plan: match &self.plan {
                Ok(_) => Plan::Stands,
                Err(refusal) if self.may_be_booked() => Plan::Open(refusal),
                Err(refusal) => Plan::Refused(refusal),
            },
            is_readable: self.item.is_some(),
            is_announced: self.sent != Sent::No,
            is_held: self.is_held,
            create,
        }
    }
}
