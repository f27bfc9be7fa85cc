//! An item on its way through the batches: what Pleo said of it, its plan, its receipts, and what becomes of it next.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::bookkeeping::{self, JobView, Refusal};
use crate::checkpoint::{Position, StoredItem};
use crate::export::tools::JobRun;
use crate::export::verdicts::{self, Known, Next, Plan, Why};
use crate::model::document::{Document, PlannedItem, Receipt};
use crate::model::export_item::ExportItem;
use crate::model::ids::{AccountingEntryId, CompanyId};
use crate::model::references::InvoiceKey;
use crate::model::verdict::ItemFailureType;
use crate::pleo::wire;
use crate::receipts::Kept;
use crate::systems::{Create, Wanted};

/// An item on its way through the batches.
pub(super) struct BatchItem {
    pub(super) entry_id: AccountingEntryId,
    /// What Pleo said, where it can be read.
    pub(super) read: Option<Arc<ExportItem>>,
    /// What to book, or why not. Planned without regard to other items of its invoice, until it is its turn.
    pub(super) plan: Result<PlannedItem, Refusal>,
    /// The invoice that it belongs to, where it may be a vendor's payable.
    pub(super) invoice: Option<InvoiceKey>,
    /// Whether a bill in the books may tell who the vendor is, where nothing else does.
    pub(super) bill_may_tell_vendor: bool,
    /// An item of its invoice is left over: until that one has a verdict this one is neither announced nor booked.
    pub(super) is_held: bool,
    /// Its receipts, where they were fetched.
    pub(super) fetched: Option<Fetched>,
    /// Its place in the order of work.
    pub(super) position: Position,
    /// Whether it may be in the books already, or on its way there.
    pub(super) sent: Sent,
    /// What the accounting system said of it last, where that was an error.
    pub(super) trouble: Option<String>,
    /// Its receipts are asked for once more and not again.
    pub(super) is_last_try: bool,
    /// What becomes of it next, as far as that is known by now.
    pub(super) next: Next,
}

/// What was done with an item before it came into the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Nothing that is known of.
    No,
    /// It was announced that it would be booked, its answer was lost, or it was booked.
    Perhaps,
    /// The same, and everything else is done: what is not proven now never is, and is not booked.
    PerhapsAtTheEnd,
}

/// What was fetched for an item.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub(super) receipts: Vec<Kept>,
    /// Why others are missing, where they are let go.
    pub(super) missing: Vec<String>,
}

impl Fetched {
    /// The receipts, which are there as long as this is.
    pub(super) fn receipts(&self) -> Vec<Receipt> {
        self.receipts.iter().map(|kept| (**kept).clone()).collect()
    }

    fn put_to(&self, plan: &mut PlannedItem) {
        plan.receipts = self.receipts();
        plan.receipts_missing = self.missing.len();
        plan.remarks.extend(self.missing.iter().cloned());
    }
}

impl BatchItem {
    /// Reads and plans an item of the checkpoint.
    pub(super) fn of(stored: &StoredItem, run: &JobRun<'_>, view: &JobView) -> Self {
        let settings = run.exporter.settings;
        let (read, plan) = match read(stored, &settings.company_id) {
            Ok(item) => {
                let item = Arc::new(item);
                let plan = plan(&item, 1, run, view);
                (Some(item), plan)
            }
            Err(refusal) => (None, Err(refusal)),
        };
        let invoice = |item: &Arc<_>| bookkeeping::invoice_of(item, &settings.bookkeeping, view.system);
        Self {
            entry_id: stored.entry_id.clone(),
            invoice: read.as_ref().and_then(invoice),
            read,
            plan,
            bill_may_tell_vendor: !view.system.keeps_vendors,
            is_held: false,
            fetched: None,
            position: stored.position,
            sent: if run.may_be_sent(stored) {
                Sent::Perhaps
            } else {
                Sent::No
            },
            trouble: None,
            is_last_try: false,
            next: Next::Wait(Why::NotBooked),
        }
    }

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

    /// Whether this batch is to book it.
    pub(super) fn is_to_be_announced(&self) -> bool {
        self.may_be_booked() && !self.is_held && self.sent != Sent::PerhapsAtTheEnd
    }

    /// Why it is left open.
    pub(super) fn why_open(&self) -> Why {
        match self.next {
            Next::Wait(why) => why,
            _ => Why::Unproven,
        }
    }

    /// Whether an earlier try to book it may still take effect.
    pub(super) fn may_land(&self, create: Create) -> bool {
        self.sent != Sent::No && !verdicts::by_looking_alone(create).is_repeatable()
    }

    /// What the books are asked for.
    pub(super) fn wanted(&self) -> Wanted {
        Wanted {
            entry_id: self.entry_id.clone(),
            parts: self.plan.as_ref().map(PlannedItem::parts).unwrap_or_default(),
        }
    }

    /// What is known of it, for the rule about look-ups.
    pub(super) fn known(&self, create: Create) -> Known<'_> {
        Known {
            plan: match &self.plan {
                Ok(_) => Plan::Stands,
                Err(refusal) if self.may_be_booked() => Plan::Open(refusal),
                Err(refusal) => Plan::Refused(refusal),
            },
            is_readable: self.read.is_some(),
            is_announced: self.sent != Sent::No,
            is_held: self.is_held,
            create,
        }
    }

    /// Takes what was fetched to its plan, and to those that are made of it later.
    pub(super) fn take_receipts(&mut self, fetched: Fetched) {
        if let Ok(plan) = &mut self.plan {
            fetched.put_to(plan);
        }
        self.fetched = Some(fetched);
    }

    /// The plan of this revision against the books as they are now.
    pub(super) fn plan_now(
        &mut self,
        revision: u32,
        run: &JobRun<'_>,
        view: &JobView,
    ) -> Result<PlannedItem, Refusal> {
        let is_good = |plan: &PlannedItem| plan.revision == revision && self.invoice.is_none();
        if let (Some(item), false) = (&self.read, self.plan.as_ref().is_ok_and(is_good)) {
            self.plan = plan(item, revision, run, view);
            if let (Ok(plan), Some(fetched)) = (&mut self.plan, &self.fetched) {
                fetched.put_to(plan);
            }
        }
        self.plan.clone()
    }

    /// What becomes of it, where the last look at it decides.
    pub(super) fn if_last(&self, next: Next) -> Next {
        match self.sent {
            Sent::PerhapsAtTheEnd => verdicts::at_the_end(next),
            Sent::No | Sent::Perhaps => next,
        }
    }

    /// The plan to book now; what is refused now has its verdict.
    pub(super) fn plan_to_book(&mut self, run: &JobRun<'_>, view: &JobView) -> Option<PlannedItem> {
        let Next::Book { revision, partly } = &self.next else {
            return None;
        };
        let (revision, partly) = (*revision, partly.clone());
        match self.plan_now(revision, run, view) {
            Ok(mut plan) => {
                // An entry that is completed keeps the hash of what it was begun from.
                let begun_from = partly.and_then(|booked| booked.content_hash);
                plan.content_hash = begun_from.unwrap_or(plan.content_hash);
                Some(plan)
            }
            Err(refusal) => {
                let create = run.exporter.system.describe().create;
                let next = verdicts::refused_now(partly.as_ref(), &refusal, self.sent != Sent::No, create);
                self.next = self.if_last(next);
                None
            }
        }
    }
}

/// Reads an item of the checkpoint, and plans what it would be booked as.
pub(super) fn documents(
    stored: &StoredItem,
    run: &JobRun<'_>,
    view: &JobView,
) -> Result<(ExportItem, Vec<Document>), Refusal> {
    let settings = run.exporter.settings;
    let item = read(stored, &settings.company_id)?;
    let documents = caught(|| bookkeeping::documents(&item, &settings.bookkeeping, view))?;
    Ok((item, documents))
}

fn plan(
    item: &Arc<ExportItem>,
    revision: u32,
    run: &JobRun<'_>,
    view: &JobView,
) -> Result<PlannedItem, Refusal> {
    let settings = &run.exporter.settings.bookkeeping;
    caught(|| bookkeeping::plan(item, &run.job.id, revision, settings, view))
}

/// Plans one item. A panic in here stays with this item.
fn caught<T>(plan: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(plan)).unwrap_or_else(|_| {
        let reason = "The expense could not be turned into an accounting entry. Book it by hand, or ask whoever runs the export \
                      to send its log to whoever maintains pleo-export.";
        Err(Refusal::new(
            ItemFailureType::UnexpectedFailure,
            reason.into(),
            "unexpected error while planning",
        ))
    })
}

fn read(stored: &StoredItem, company_id: &CompanyId) -> Result<ExportItem, Refusal> {
    let payload = stored.payload.as_deref().unwrap_or("");
    let item = wire::export_item(payload).map_err(|malformed| {
        Refusal::new(
            ItemFailureType::ValidationFailure,
            malformed.for_a_bookkeeper(),
            format!("data cannot be read: {malformed}"),
        )
    })?;
    if item.company_id.is(company_id) {
        return Ok(item);
    }
    let reason = format!(
        "This expense is of company {}, but the export is set up for company {company_id}: connect the right company in \
         Pleo, or ask whoever runs the export to set PLEO_COMPANY_ID.",
        item.company_id
    );
    Err(Refusal::new(
        ItemFailureType::InvalidConfiguration,
        reason,
        "the expense is of another company",
    ))
}
