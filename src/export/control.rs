//! Step 3: the control layer, which says what is to be done. All pages, stored before anything is booked.

use tracing::{info, warn};

use super::Exporter;
use super::halt::Halt;
use crate::host::clock;
use crate::model::export_job::ExportJob;

/// Reads which items the job holds and where they stand, and checks that none is missing.
pub(super) fn read(exporter: &mut Exporter<'_>, job: &ExportJob) -> Result<(), Halt> {
    let mut items = refresh(exporter, job)?;
    if items != job.number_of_items {
        warn!(
            "job {} holds {} items, but {items} are listed; reading the list again",
            job.id, job.number_of_items
        );
        items = refresh(exporter, job)?;
    }
    if items != job.number_of_items {
        return Err(Halt::Later(format!(
            "job {} holds {} items, but Pleo lists {items}: nothing was booked",
            job.id, job.number_of_items
        )));
    }
    info!("job {}: {items} items listed", job.id);
    Ok(())
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
