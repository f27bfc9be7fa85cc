//! One batch: intent, announcement, look-up, booking, receipts, verdicts, in this order and no other.

mod attach;
mod waves;

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use tracing::warn;

use super::groups::groups;
use super::prepare::{self, Prepared};
use super::receipts::Fetched;
use super::set_aside::{SetAside, Why};
use crate::bookkeeping::{self, ClosedPeriods, Refusal};
use crate::checkpoint::{Position, StoredItem};
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::{Exporter, confirm, control};
use crate::host::{clock, kill};
use crate::model::booked_content::BookedContent;
use crate::model::document::PlannedItem;
use crate::model::export_item::ExportItem;
use crate::model::export_job::ItemStatus;
use crate::model::ids::AccountingEntryId;
use crate::model::references::InvoiceKey;
use crate::model::state::ItemState;
use crate::model::verdict::{Exported, Failure, ItemFailureType, JobFailure, Verdict};
use crate::pleo::{ItemUpdate, PleoError};
use crate::systems::{BookedEntry, Found, Wanted};

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
    /// Somebody announced earlier that it would be booked: it may be in the books, or still be on its way there.
    pub(super) announced_before: bool,
}

/// A verdict, once there is one, and what must be done before it may be given.
enum Step {
    Decided(Verdict),
    /// Book the plan of this revision; what is there in part is completed.
    Book {
        revision: u32,
        partly: Option<BookedEntry>,
    },
    /// In the books; its receipts may be missing.
    Attach(BookedEntry),
    /// Surely not booked, or held back by an item that may not be: passed through again when everything else is done.
    TryAgain,
    /// Booked, and only without its receipts: passed through again as well.
    AttachAgain,
    /// Nobody knows: proven when everything else is done.
    SetAside,
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
                    position: stored.position.clone(),
                    announced_before: stored.state == ItemState::Intended
                        || stored.pleo_status == ItemStatus::InProgress,
                }
            })
            .collect();
        Self { items }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Books the batch and commits every verdict. A failure here is fatal for the whole job.
    pub(super) fn book(
        mut self,
        exporter: &mut Exporter<'_>,
        run: &mut JobRun,
        prepared: &mut Prepared,
        aside: &mut SetAside,
    ) -> Result<Option<JobFailure>, Halt> {
        self.hold_back(prepared, aside);
        self.announce(exporter, run)?;
        let found = super::find(exporter, &self.wanted())?;
        let repeatable = exporter.system.describe().create.is_repeatable();
        let mut steps = Vec::with_capacity(self.items.len());
        for (item, found) in self.items.iter().zip(found) {
            if let Some(remark) = found.booked().and_then(|booked| booked.remark.clone()) {
                run.totals.remark(&item.entry_id, remark);
            }
            let changed = found
                .booked()
                .and_then(|booked| changed(exporter, &item.entry_id, booked, item.item.as_ref()));
            steps.push(changed.map_or_else(|| item.step(found, repeatable), Step::Decided));
        }
        let fatal = self.book_in_waves(exporter, run, prepared, &mut steps)?;
        // Whatever becomes of their receipts.
        let in_books: Vec<(usize, BookedEntry)> = steps.iter().enumerate().filter_map(in_books).collect();
        self.plan_found(exporter, run, prepared, in_books.iter().map(|(at, _)| *at))?;
        // What was learnt is old by the next batch.
        prepared.view.invoices = bookkeeping::KnownInvoices::default();
        if kill::mutation("book-before-intent") {
            exporter
                .checkpoint
                .intend(&run.job.id, &self.to_book(), clock::now())?;
        }
        self.attach(exporter, run, &mut steps)?;
        // An item may pass through several batches, and has one verdict.
        let is_decided = |(at, _): &&(usize, BookedEntry)| matches!(steps.get(*at), Some(Step::Decided(_)));
        self.count(run, in_books.iter().filter(is_decided));
        let mut verdicts = Vec::with_capacity(steps.len());
        for (item, step) in self.items.into_iter().zip(steps) {
            match step {
                Step::Decided(verdict) => verdicts.push((item.entry_id, verdict)),
                Step::TryAgain => aside.push(item, Why::NotBooked),
                Step::AttachAgain => aside.push(item, Why::Receipts),
                Step::SetAside | Step::Attach(_) | Step::Book { .. } => aside.push(item, Why::Unproven),
            }
        }
        exporter
            .checkpoint
            .keep_numbers(&exporter.system.highest_numbers())?;
        exporter.checkpoint.decide(&run.job.id, &verdicts, clock::now())?;
        Ok(fatal)
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
    fn announce(&mut self, exporter: &mut Exporter<'_>, run: &JobRun) -> Result<(), Halt> {
        let to_book = self.to_book();
        if to_book.is_empty() {
            return Ok(());
        }
        if !kill::mutation("book-before-intent") {
            exporter.checkpoint.intend(&run.job.id, &to_book, clock::now())?;
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
        let is_next = |item: &&BatchItem| item.may_be_booked() && !item.is_held;
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

/// An entry that is in the books, with its place in the batch.
fn in_books((at, step): (usize, &Step)) -> Option<(usize, BookedEntry)> {
    match step {
        Step::Attach(booked) => Some((at, booked.clone())),
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

    /// What the look-up means for this item, which was not changed since.
    fn step(&self, found: Found, repeatable: bool) -> Step {
        match (found, &self.plan) {
            (Found::Unclear { booked, reason }, _) => Step::Decided(unclear(&booked, &reason)),
            (Found::Complete(booked), Ok(_)) => Step::Attach(booked),
            // Booked earlier under other settings: it is in the books all the same.
            (Found::Complete(booked), Err(refusal))
                if !is_about_receipts(refusal.failure_type) && self.item.is_some() =>
            {
                Step::Attach(booked)
            }
            (Found::Complete(booked) | Found::Incomplete(booked), Err(refusal)) => {
                Step::Decided(Verdict::Failed(Failure::booked_as(
                    &booked.external_id,
                    refusal.failure_type,
                    &refusal.reason,
                )))
            }
            // The missing part may be on its way.
            (Found::Incomplete(_), Ok(_)) if self.announced_before && !repeatable => Step::SetAside,
            (Found::Incomplete(_), Ok(_)) if self.is_held => Step::TryAgain,
            (Found::Incomplete(booked), Ok(_)) => Step::Book {
                revision: booked.revision,
                partly: Some(booked),
            },
            // A write that is on its way may land after a look-up says absent.
            (Found::Absent { .. }, _) if self.announced_before && !repeatable => Step::SetAside,
            (Found::Absent { .. }, Err(refusal)) if !self.may_be_booked() => Step::Decided(refused(refusal)),
            (Found::Absent { .. }, _) if self.is_held => Step::TryAgain,
            (Found::Absent { next_revision }, _) => Step::Book {
                revision: next_revision,
                partly: None,
            },
        }
    }
}

pub(in crate::export) fn successful(booked: &BookedEntry, now: DateTime<Utc>) -> Verdict {
    Verdict::Successful(Exported::new(
        &booked.external_id,
        booked.external_url.clone(),
        now,
    ))
}

/// What a person did to the entry in the books is for a person to settle.
pub(in crate::export) fn unclear(booked: &BookedEntry, reason: &str) -> Verdict {
    let failure_type = ItemFailureType::AccountingSystemValidationFailure;
    Verdict::Failed(Failure::booked_as(&booked.external_id, failure_type, reason))
}

fn refused(refusal: &Refusal) -> Verdict {
    Verdict::Failed(Failure::nothing_booked(refusal.failure_type, &refusal.reason))
}

fn is_about_receipts(failure_type: ItemFailureType) -> bool {
    matches!(
        failure_type,
        ItemFailureType::ReceiptDownloadFailure
            | ItemFailureType::ReceiptUploadFailure
            | ItemFailureType::ReceiptFileSizeLimitExceeded
            | ItemFailureType::ReceiptConversionFailure
    )
}

/// The verdict on an entry that was booked from another content than the item has now: nobody but a person can say
/// which is right.
pub(in crate::export) fn changed(
    exporter: &mut Exporter<'_>,
    entry_id: &AccountingEntryId,
    booked: &BookedEntry,
    item: Option<&ExportItem>,
) -> Option<Verdict> {
    let (hash, item) = (booked.content_hash.as_deref()?, item?);
    if bookkeeping::is_unchanged(item, hash) {
        return None;
    }
    let mut content = exporter.system.content(entry_id).unwrap_or_else(|error| {
        warn!(item.id = %entry_id, "{error}; the text will not say what the entry was booked from");
        BookedContent::default()
    });
    content.amount = content.amount.or(booked.amount);
    // Where no period was closed the day that it is booked on is that of the expense.
    if content.moment.is_none() && exporter.settings.bookkeeping.closed_periods == ClosedPeriods::Fail {
        content.day = content.day.or(Some(booked.posting_date));
    }
    let change = bookkeeping::change(item, hash, &content, &exporter.settings.bookkeeping)?;
    let failure = Failure::changed_after_booking(&booked.external_id, &change);
    Some(Verdict::Failed(failure))
}
