//! The job cannot go on: the accounting system is unusable for it.
//!
//! Before anything was booked the whole job fails with one event. Afterwards there is no such event any more: what
//! is in the books is reported, the rest fails item by item, and the job closes with errors.

use tracing::warn;

use super::changed::changed;
use super::halt::Halt;
use super::job::JobRun;
use super::report::Ending;
use super::verdicts::{self, Known, Next, Plan};
use super::{Exporter, complete, control, patience, update};
use crate::checkpoint::StoredItem;
use crate::host::clock;
use crate::model::export_item::ExportItem;
use crate::model::verdict::{JobFailure, Verdict};
use crate::pleo::wire;
use crate::receipts::Policy;
use crate::systems::{Found, Wanted};

/// Fails the job, or what is left of it.
pub(super) fn give_up(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    failure: &JobFailure,
) -> Result<Ending, Halt> {
    warn!("job {} cannot go on: {}", run.job.id, failure.reason);
    control::refresh(exporter, &run.job)?;
    if !exporter.checkpoint.anything_begun(&run.job.id)? {
        return complete::fail_whole(exporter, run, failure);
    }
    let (mut after, mut books_answer) = (None, true);
    loop {
        let items =
            exporter
                .checkpoint
                .in_scope_page(&run.job.id, after.as_ref(), exporter.settings.batch_size)?;
        let Some(last) = items.last() else { break };
        after = Some(last.position);
        let found = if books_answer {
            look_up(exporter, &items)?
        } else {
            None
        };
        books_answer = found.is_some();
        let verdicts: Vec<_> = match found {
            Some(found) => {
                let found = items.iter().zip(found);
                found
                    .map(|(item, found)| {
                        (
                            item.entry_id.clone(),
                            verdict(exporter, run, item, found, failure),
                        )
                    })
                    .collect()
            }
            None => items
                .iter()
                .map(|item| {
                    let is_absent = run.unsent.get(&item.entry_id).copied().unwrap_or(false);
                    (item.entry_id.clone(), verdicts::unasked(is_absent, failure))
                })
                .collect(),
        };
        exporter.checkpoint.decide(&run.job.id, &verdicts, clock::now())?;
    }
    update::report(exporter, run)?;
    complete::close(exporter, run)
}

/// What the books have of these items; `None` where they cannot be asked.
fn look_up(exporter: &mut Exporter<'_>, items: &[StoredItem]) -> Result<Option<Vec<Found>>, Halt> {
    let wanted: Vec<_> = items
        .iter()
        .map(|item| Wanted {
            entry_id: item.entry_id.clone(),
            parts: Vec::new(),
        })
        .collect();
    match patience::ask(exporter, |system| system.find(&wanted)) {
        Ok(found) => Ok(Some(found)),
        Err(error @ (Halt::System(_) | Halt::CannotGoOn(_))) => {
            warn!("the books cannot be asked: {error}");
            Ok(None)
        }
        Err(halt) => Err(halt),
    }
}

fn verdict(
    exporter: &mut Exporter<'_>,
    run: &JobRun,
    item: &StoredItem,
    found: Found,
    failure: &JobFailure,
) -> Verdict {
    let said = item
        .payload
        .as_deref()
        .and_then(|payload| wire::export_item(payload).ok());
    let changed = found
        .booked()
        .and_then(|booked| changed(exporter, &item.entry_id, booked, said.as_ref()));
    let known = Known {
        plan: Plan::Stands,
        is_readable: said.is_some(),
        is_announced: verdicts::is_announced(item) && !run.unsent.contains_key(&item.entry_id),
        is_held: false,
        create: verdicts::by_looking_alone(exporter.system.describe().create),
    };
    let next = changed.map_or_else(|| verdicts::after_look_up(found, known), Next::Decided);
    let is_whole = needs_no_receipts(said.as_ref(), exporter.settings.attachments);
    verdicts::given_up(next, is_whole, failure, clock::now())
}

/// Whether an entry is whole without anybody looking for its receipts, which nobody puts there now.
fn needs_no_receipts(said: Option<&ExportItem>, policy: Policy) -> bool {
    policy != Policy::Required || said.is_some_and(|item| item.files.is_empty())
}
