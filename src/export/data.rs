//! Step 4: the data layer, everything Pleo says about each item. Pages go straight into the checkpoint, so
//! memory stays flat.

use tracing::{info, warn};

use super::halt::Halt;
use super::tools::{JobRun, Length};
use crate::bookkeeping;
use crate::checkpoint::{ItemData, ItemFacts};
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::export_item::ExportItem;
use crate::model::ids::AccountingEntryId;
use crate::model::references::References;
use crate::model::verdict::{Failure, ItemFailureType, JobFailure, JobFailureType, Verdict};
use crate::pleo::{PleoError, wire};

/// Reads every payload, and answers what the items refer to in the books.
pub(super) fn read(run: &mut JobRun<'_>) -> Result<References, Halt> {
    let mut references = References::default();
    let (exporter, job) = (&mut run.exporter, &run.job);
    let (traits, settings) = (exporter.traits(), exporter.settings);
    let checkpoint = &mut *exporter.checkpoint;
    if !checkpoint.has_work(&job.id)? {
        return Ok(references);
    }
    let mut unreadable = 0_u64;
    let mut too_large = Vec::new();
    let mut length = Length::default();
    let read = exporter.pleo.data_layer(&job.id, |page| -> Result<(), Halt> {
        exporter.stop.check()?;
        length.grow(job, page.len())?;
        let mut payloads = Vec::with_capacity(page.len());
        for item in &page {
            match &item.entry_id {
                Some(entry_id) if item.is_too_large => too_large.push(entry_id.clone()),
                // An item that cannot be read whole fails alone, later, with the reason.
                Some(entry_id) => {
                    let read = wire::export_item(&item.payload).ok();
                    if let Some(read) = read
                        .as_ref()
                        .filter(|read| read.company_id.is(&settings.company_id))
                    {
                        references.extend(bookkeeping::references(read, &settings.bookkeeping, &traits));
                    }
                    payloads.push(ItemData {
                        entry_id: entry_id.clone(),
                        payload: &item.payload,
                        facts: read.as_ref().map(facts),
                    });
                }
                None => unreadable += 1,
            }
        }
        checkpoint.store_payloads(&job.id, &payloads, clock::now())?;
        Ok(())
    });
    match read {
        Err(Halt::Pleo(PleoError::MissingContraAccounts { message, .. })) => {
            let reason = format!(
                "Contra accounts are missing ({message}): set one for each wallet currency in Pleo under Settings > \
                 Accounting > Contra accounts, then export again."
            );
            return Err(Halt::CannotGoOn(JobFailure {
                failure_type: JobFailureType::MissingConfiguration,
                reason,
            }));
        }
        Err(Halt::Pleo(error)) => run.unless_over(Err(error))?,
        other => other?,
    }
    if unreadable > 0 {
        let unreadable = counted(unreadable, "element");
        warn!("passed over {unreadable} of the data layer that are no export items");
    }
    decide_absent(run, &too_large)?;
    run.exporter.checkpoint.arrange(&run.job.id)?;
    info!("job {}: data of its items read", run.job.id);
    Ok(references)
}

/// What is kept of a payload for good; `None` where it cannot be read.
pub fn item_facts(payload: &str) -> Option<ItemFacts> {
    wire::export_item(payload).ok().as_ref().map(facts)
}

fn facts(item: &ExportItem) -> ItemFacts {
    ItemFacts {
        date: item.date,
        supplier: bookkeeping::vendor_name(item).map(str::to_owned),
        amount: item.amount,
        canonical_text: bookkeeping::canonical_text(item),
        link: item.web_link.clone(),
    }
}

/// Items that the control layer lists but the data layer does not have, or has more of than is read.
fn decide_absent(run: &mut JobRun<'_>, too_large: &[AccountingEntryId]) -> Result<(), Halt> {
    let verdicts: Vec<_> = run
        .exporter
        .checkpoint
        .without_payload(&run.job.id)?
        .into_iter()
        .map(|entry_id| {
            let reason = if too_large.contains(&entry_id) {
                "Pleo sends more data for this expense than is read: shorten its note or take some \
                 of its tags away in Pleo, then export it again."
            } else {
                "Pleo lists this expense in the export but sends no readable data for it: \
                 export it again, and ask Pleo's support if it stays so."
            };
            let failure = Failure::nothing_booked(ItemFailureType::ValidationFailure, reason);
            (entry_id, Verdict::Failed(failure))
        })
        .collect();
    run.decide(&verdicts)
}
