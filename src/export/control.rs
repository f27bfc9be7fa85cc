//! Step 3: the control layer, which says what is to be done. All pages, stored before anything is booked.

use tracing::{info, warn};

use super::Exporter;
use super::halt::Halt;
use super::job::JobRun;
use crate::host::clock;
use crate::model::export_job::{ExportJob, ItemStatus};
use crate::model::ids::AccountingEntryId;

/// Reads which items the job holds and where they stand. Where Pleo's own count does not agree with its list, both are
/// read again; if they never agree, what is listed is worked on, and a person is told.
pub(super) fn read(exporter: &mut Exporter<'_>, run: &mut JobRun) -> Result<(), Halt> {
    let mut items = refresh(exporter, &run.job)?;
    if items != run.job.number_of_items {
        warn!("{}; reading both again", differs(&run.job, items));
        run.refresh(exporter)?;
        items = refresh(exporter, &run.job)?;
    }
    if items != run.job.number_of_items {
        let miscount = differs(&run.job, items);
        warn!("{miscount}; working on those that are listed");
        run.miscount = Some(miscount);
    }
    info!("job {}: {items} items listed", run.job.id);
    Ok(())
}

fn differs(job: &ExportJob, listed: u64) -> String {
    format!(
        "job {} holds {} items, but Pleo lists {listed}",
        job.id, job.number_of_items
    )
}

/// Reads all pages into the checkpoint and counts the different items. Pages that overlap count an item once.
pub(super) fn refresh(exporter: &mut Exporter<'_>, job: &ExportJob) -> Result<u64, Halt> {
    let checkpoint = &mut *exporter.checkpoint;
    let mut seen = std::collections::HashSet::new();
    let mut length = Length::default();
    exporter.pleo.control_layer(&job.id, |page| -> Result<(), Halt> {
        exporter.stop.check()?;
        length.grow(job, page.len())?;
        checkpoint.store_control_page(&job.id, &page, clock::now())?;
        seen.extend(page.into_iter().map(|item| item.entry_id));
        Ok(())
    })?;
    Ok(u64::try_from(seen.len()).unwrap_or(u64::MAX))
}

/// Reads all pages of a job that is over, and answers the items that have no verdict.
pub(super) fn without_verdict(
    exporter: &mut Exporter<'_>,
    job: &ExportJob,
) -> Result<Vec<AccountingEntryId>, Halt> {
    refresh(exporter, job)?;
    let is_without = |status| !matches!(status, ItemStatus::Successful | ItemStatus::Failed);
    Ok(exporter.pleo.items_where(&job.id, is_without))
}

/// How long a list of the job's items has become: pages may overlap, but a list that goes on and on is none.
#[derive(Default)]
pub(super) struct Length(u64);

impl Length {
    pub(super) fn grow(&mut self, job: &ExportJob, elements: usize) -> Result<(), Halt> {
        self.0 = self.0.saturating_add(u64::try_from(elements).unwrap_or(u64::MAX));
        if self.0 <= job.number_of_items.saturating_mul(2).saturating_add(1_000) {
            return Ok(());
        }
        Err(Halt::Later(format!(
            "Pleo's list of the {} items of job {} does not end: it was left after {} of them",
            job.number_of_items, job.id, self.0
        )))
    }
}
