//! The job cannot go on: the accounting system is unusable for it.
//!
//! Before anything was booked the whole job fails with one event. Afterwards there is no such event any more: what
//! is in the books is reported, the rest fails item by item, and the job closes with errors.

use tracing::warn;

use super::halt::Halt;
use super::tools::{Exporter, JobRun};
use super::verdicts::{self, Known, Next, Plan};
use super::{look_up, patience};
use crate::checkpoint::StoredItem;
use crate::host::clock;
use crate::model::export_item::ExportItem;
use crate::model::verdict::{JobFailure, Verdict};
use crate::pleo::wire;
use crate::receipts::Policy;
use crate::systems::{Found, Wanted};

/// Decides every item that is left of a job of which something may be booked.
pub(super) fn decide_rest(run: &mut JobRun<'_>, failure: &JobFailure) -> Result<(), Halt> {
    let (mut after, mut books_answer) = (None, true);
    let batch_size = run.exporter.settings.batch_size;
    loop {
        let checkpoint = &run.exporter.checkpoint;
        let items = checkpoint.in_scope_page(&run.job.id, after.as_ref(), batch_size)?;
        let Some(last) = items.last() else { return Ok(()) };
        after = Some(last.position);
        let found = if books_answer {
            find(&mut run.exporter, &items)?
        } else {
            None
        };
        books_answer = found.is_some();
        let mut found = found.map(Vec::into_iter);
        let mut verdicts = Vec::with_capacity(items.len());
        for item in items {
            let verdict = if let Some(found) = found.as_mut().and_then(Iterator::next) {
                verdict(run, &item, found, failure)
            } else {
                let is_absent = run.unbooked.get(&item.entry_id).copied().unwrap_or(false);
                verdicts::unasked(is_absent, failure)
            };
            verdicts.push((item.entry_id, verdict));
        }
        run.decide(&verdicts)?;
    }
}

/// What the books have of these items; `None` where they cannot be asked.
fn find(exporter: &mut Exporter<'_>, items: &[StoredItem]) -> Result<Option<Vec<Found>>, Halt> {
    let wanted = items.iter().map(|item| Wanted::whole(&item.entry_id));
    let wanted: Vec<_> = wanted.collect();
    match patience::ask(exporter, |system| system.find(&wanted)) {
        Ok(found) => Ok(Some(found)),
        Err(error @ (Halt::System(_) | Halt::CannotGoOn(_))) => {
            warn!("the books cannot be asked: {error}");
            Ok(None)
        }
        Err(halt) => Err(halt),
    }
}

fn verdict(run: &mut JobRun<'_>, item: &StoredItem, found: Found, failure: &JobFailure) -> Verdict {
    let payload = item.payload.as_deref();
    let read = payload.and_then(|payload| wire::export_item(payload).ok());
    let known = Known {
        plan: Plan::Stands,
        is_readable: read.is_some(),
        is_announced: run.may_be_sent(item),
        is_held: false,
        create: verdicts::by_looking_alone(run.exporter.system.describe().create),
    };
    let next = look_up::judge(&mut run.exporter, &item.entry_id, read.as_ref(), found, known);
    let policy = run.exporter.settings.attachments;
    let has_receipts = read.as_ref().is_some_and(|read| !read.files.is_empty());
    if policy == Policy::BestEffort && has_receipts && matches!(next, Next::Attach(_)) {
        let remark = format!(
            "its receipts may be missing, because the export was given up: {}",
            failure.reason
        );
        run.totals.remark(&item.entry_id, remark);
    }
    let is_whole = needs_no_receipts(read.as_ref(), policy);
    verdicts::given_up(next, is_whole, failure, clock::now())
}

/// Whether an entry is whole without anybody looking for its receipts, which nobody puts there now.
fn needs_no_receipts(read: Option<&ExportItem>, policy: Policy) -> bool {
    policy != Policy::Required || read.is_some_and(|item| item.files.is_empty())
}
