//! Step 4: the data layer, everything Pleo says about each item. Pages go straight into the checkpoint, so
//! memory stays flat.

use tracing::{info, warn};

use super::halt::Halt;
use super::tools::{JobRun, Length, Settings};
use crate::bookkeeping::{self, SystemTraits};
use crate::checkpoint::{ItemData, ItemFacts};
use crate::host::clock;
use crate::host::counted::counted;
use crate::host::stop::Stop;
use crate::model::export_item::ExportItem;
use crate::model::export_job::ExportJob;
use crate::model::ids::AccountingEntryId;
use crate::model::references::References;
use crate::model::verdict::{Failure, ItemFailureType, JobFailure, JobFailureType, Verdict};
use crate::pleo::{Client, PleoError, RawItem, wire};

/// What came of a whole reading, beside the items.
#[derive(Default)]
pub(super) struct Layer {
    /// What the items refer to in the books.
    references: References,
    unreadable: u64,
    too_large: Vec<AccountingEntryId>,
}

/// What it takes to read the data layer of a job, in whatever thread.
pub(super) struct Reader<'a> {
    pleo: &'a Client,
    stop: &'a Stop,
    settings: &'a Settings,
    traits: SystemTraits,
    job: ExportJob,
}

impl<'a> Reader<'a> {
    pub(super) fn of(run: &JobRun<'a>) -> Self {
        Self {
            pleo: run.exporter.pleo,
            stop: run.exporter.stop,
            settings: run.exporter.settings,
            traits: run.exporter.traits(),
            job: run.job.clone(),
        }
    }

    /// Reads every payload, page by page.
    pub(super) fn read(
        &self,
        mut on_page: impl FnMut(Vec<ItemData>) -> Result<(), Halt>,
    ) -> Result<Layer, Halt> {
        let mut layer = Layer::default();
        let mut length = Length::default();
        self.pleo.data_layer(&self.job.id, |page| {
            self.stop.check()?;
            length.grow(&self.job, page.len())?;
            on_page(
                page.into_iter()
                    .filter_map(|item| self.told(item, &mut layer))
                    .collect(),
            )
        })?;
        Ok(layer)
    }

    fn told(&self, item: RawItem, layer: &mut Layer) -> Option<ItemData> {
        let Some(entry_id) = item.entry_id else {
            layer.unreadable += 1;
            return None;
        };
        if item.is_too_large {
            layer.too_large.push(entry_id);
            return None;
        }
        // An item that cannot be read whole fails alone, later, with the reason.
        let read = wire::export_item(&item.payload).ok();
        if let Some(read) = read
            .as_ref()
            .filter(|read| read.company_id.is(&self.settings.company_id))
        {
            let references = bookkeeping::references(read, &self.settings.bookkeeping, &self.traits);
            layer.references.extend(references);
        }
        Some(ItemData {
            entry_id,
            payload: item.payload,
            facts: read.as_ref().map(facts),
        })
    }
}

/// Reads every payload, and answers what the items refer to in the books.
pub(super) fn read(run: &mut JobRun<'_>) -> Result<References, Halt> {
    if !run.exporter.checkpoint.has_work(&run.job.id)? {
        return Ok(References::default());
    }
    let (reader, checkpoint) = (Reader::of(run), &mut *run.exporter.checkpoint);
    let read = reader.read(|page| {
        checkpoint.store_payloads(&run.job.id, &page, clock::now())?;
        Ok(())
    });
    finish(run, read)
}

/// Whether it has data for every item in scope, but for those with more than is read.
pub(super) fn is_complete(run: &JobRun<'_>, layer: &Layer) -> Result<bool, Halt> {
    let without = run.exporter.checkpoint.without_payload(&run.job.id)?;
    Ok(without.iter().all(|entry_id| layer.too_large.contains(entry_id)))
}

/// Once everything is stored: decides those items that the data layer does not have, and brings the others into the order
/// of work.
pub(super) fn finish(run: &mut JobRun<'_>, read: Result<Layer, Halt>) -> Result<References, Halt> {
    let layer = match read {
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
    };
    if layer.unreadable > 0 {
        let unreadable = counted(layer.unreadable, "element");
        warn!("passed over {unreadable} of the data layer that are no export items");
    }
    decide_absent(run, &layer.too_large)?;
    run.exporter.checkpoint.arrange(&run.job.id)?;
    info!("job {}: data of its items read", run.job.id);
    Ok(layer.references)
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
