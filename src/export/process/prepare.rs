//! Before the first booking: what do the job's items refer to, does it exist, and which items cannot be booked?
//!
//! The refusals are only counted here: each item is planned as if the items before it were booked. What is booked is
//! planned again against the books: plans of a whole job would not fit into memory.

use std::collections::HashMap;

use super::item;
use crate::bookkeeping::{self, JobView, KnownInvoices};
use crate::export::halt::Halt;
use crate::export::patience;
use crate::export::tools::JobRun;
use crate::host::clock;
use crate::model::references::References;

/// Items read from the checkpoint at once while all of them are looked through.
const PAGE: usize = 500;

/// Refusals by cause with counts, most frequent first.
pub(super) type Refusals = Vec<(String, usize)>;

/// Resolves all that the items refer to at once and plans the documents of every item; of the refusals only their number is
/// kept. The view is without invoices: those are asked for when an item is booked.
pub(super) fn prepare(run: &mut JobRun<'_>, references: &References) -> Result<(JobView, Refusals), Halt> {
    let time_zone = &run.exporter.settings.bookkeeping.time_zone;
    let today = clock::now().with_timezone(time_zone).date_naive();
    let resolution = patience::ask(&mut run.exporter, |system| system.resolve(references))?;
    let mut view = JobView::new(resolution, today, run.exporter.traits());
    let mut refusals = HashMap::new();
    let run = &*run;
    let mut after = None;
    loop {
        run.exporter.stop.check()?;
        let page = run
            .exporter
            .checkpoint
            .loaded_page(&run.job.id, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some(last.position);
        for stored in &page {
            match item::documents(stored, run, &view) {
                Ok((item, documents)) => view.invoices.add(&item, &documents),
                Err(refusal) => *refusals.entry(refusal.group).or_default() += 1,
            }
        }
    }
    view.invoices = KnownInvoices::default();
    Ok((view, bookkeeping::most_frequent_first(refusals)))
}
