//! Before the first booking: what do the job's items refer to, does it exist, and which items cannot be booked?
//!
//! The refusals are only counted here: each item is planned as if the items before it were booked. What is booked is
//! planned again against the books.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::bookkeeping::{self, JobView, KnownInvoices, Refusal};
use crate::checkpoint::StoredItem;
use crate::export::halt::Halt;
use crate::export::{Exporter, patience};
use crate::host::clock;
use crate::model::document::PlannedItem;
use crate::model::export_item::ExportItem;
use crate::model::export_job::ExportJob;
use crate::model::ids::CompanyId;
use crate::model::references::References;
use crate::model::verdict::ItemFailureType;
use crate::pleo::wire;

/// Items read from the checkpoint at once while all of them are looked through.
const PAGE: usize = 500;

/// What is known about the job as a whole.
pub(in crate::export) struct Prepared {
    /// Without invoices: those are asked for when an item is booked.
    pub(in crate::export) view: JobView,
    /// Refusals by cause with counts, most frequent first.
    pub(in crate::export) refusals: Vec<(String, usize)>,
}

/// An item as read from the checkpoint, with its plan or the reason why there is none.
pub(in crate::export) struct Considered {
    pub(in crate::export) item: Option<ExportItem>,
    pub(in crate::export) plan: Result<PlannedItem, Refusal>,
}

/// Resolves all that the items refer to at once and plans every item, keeping only the refusals.
pub(super) fn prepare(
    exporter: &mut Exporter<'_>,
    job: &ExportJob,
    references: &References,
) -> Result<Prepared, Halt> {
    let time_zone = &exporter.settings.bookkeeping.time_zone;
    let today = clock::now().with_timezone(time_zone).date_naive();
    let resolution = patience::ask(exporter, |system| system.resolve(references))?;
    let mut view = JobView::new(resolution, today, exporter.traits());
    let mut refusals = Vec::new();
    for_each_item(exporter, job, |stored| {
        match consider(exporter, job, &view, stored).plan {
            Ok(planned) => view.invoices.add(&planned),
            Err(refusal) => refusals.push(refusal),
        }
    })?;
    view.invoices = KnownInvoices::default();
    let refusals = bookkeeping::grouped(refusals.iter());
    Ok(Prepared { view, refusals })
}

/// Reads and plans one item.
pub(in crate::export) fn consider(
    exporter: &Exporter<'_>,
    job: &ExportJob,
    view: &JobView,
    stored: &StoredItem,
) -> Considered {
    match read_item(stored, &exporter.settings.company_id) {
        Err(refusal) => Considered {
            item: None,
            plan: Err(refusal),
        },
        Ok(item) => {
            let plan = plan(exporter, job, view, &item, 1);
            Considered {
                item: Some(item),
                plan,
            }
        }
    }
}

/// Plans one item. A panic in here stays with this item.
pub(super) fn plan(
    exporter: &Exporter<'_>,
    job: &ExportJob,
    view: &JobView,
    item: &ExportItem,
    revision: u32,
) -> Result<PlannedItem, Refusal> {
    let settings = &exporter.settings.bookkeeping;
    catch_unwind(AssertUnwindSafe(|| {
        bookkeeping::plan(item, &job.id, revision, settings, view)
    }))
    .unwrap_or_else(|_| {
        Err(unexpected(
            "The expense could not be turned into an accounting entry.",
        ))
    })
}

fn read_item(stored: &StoredItem, company_id: &CompanyId) -> Result<ExportItem, Refusal> {
    let payload = stored.payload.as_deref().unwrap_or("");
    let item = wire::export_item(payload).map_err(|malformed| Refusal {
        failure_type: ItemFailureType::ValidationFailure,
        reason: malformed.for_a_bookkeeper(),
        group: format!("data cannot be read: {malformed}"),
    })?;
    if item.company_id == *company_id {
        return Ok(item);
    }
    Err(Refusal {
        failure_type: ItemFailureType::InvalidConfiguration,
        reason: format!(
            "This expense is of company {}, but the export is set up for company {company_id}: connect the right company in Pleo, or ask whoever runs the export to set PLEO_COMPANY_ID.",
            item.company_id
        ),
        group: "the expense is of another company".into(),
    })
}

fn unexpected(what: &str) -> Refusal {
    Refusal {
        failure_type: ItemFailureType::UnexpectedFailure,
        reason: format!(
            "{what} Book it by hand, or ask whoever runs the export to send its log to whoever maintains pleo-export."
        ),
        group: "unexpected error while planning".into(),
    }
}

/// Looks through the items in scope in work order, a page at a time.
fn for_each_item(
    exporter: &Exporter<'_>,
    job: &ExportJob,
    mut look: impl FnMut(&StoredItem),
) -> Result<(), Halt> {
    let mut after = None;
    loop {
        exporter.stop.check()?;
        let page = exporter.checkpoint.loaded_page(&job.id, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.position);
        page.iter().for_each(&mut look);
    }
}
