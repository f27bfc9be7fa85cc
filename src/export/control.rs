//! Step 3: the control layer, which says what is to be done. All pages, stored before anything is booked.

use tracing::{info, warn};

use super::confirm;
use super::halt::Halt;
use super::tools::{Exporter, JobRun, Length};
use crate::checkpoint::{Checkpoint, Finality};
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::export_job::{ExportJob, ExportJobItem, ItemStatus};
use crate::model::ids::AccountingEntryId;
use crate::pleo::PleoError;

/// So many items of the list are stored in one piece: they are all over the index of entries, and the more of them come
/// at once, the fewer of its pages are written more than once.
const STORED_AT_ONCE: usize = 1_000;

/// A job of more items than three pages hold is not read through again where Pleo's own counts say the same.
const FEW: u64 = 300;

/// What is done beside the reading of the list: after each page, and with the checkpoint where all pages so far are stored.
pub(super) type Beside<'a> = &'a mut dyn FnMut(Option<&mut Checkpoint>) -> Result<(), Halt>;

/// Reads which items the job holds and where they stand. Where Pleo's own count does not agree with its list, both are
/// read again; if they never agree, what is listed is worked on, and a person is told.
pub(super) fn read(run: &mut JobRun<'_>, beside: Beside<'_>) -> Result<(), Halt> {
    // An earlier reading of this run may have been of a list that was still growing.
    run.miscount = None;
    let listed = list(&mut run.exporter, &run.job, beside)?;
    let mut items = settled(&mut run.exporter, &run.job, listed)?;
    if items != run.job.number_of_items {
        warn!("{}; reading both again", differs(&run.job, items));
        run.refresh()?;
        items = refresh(&mut run.exporter, &run.job)?;
    }
    if items != run.job.number_of_items {
        let miscount = differs(&run.job, items);
        warn!("{miscount}; working on those that are listed");
        run.miscount = Some(miscount);
    }
    info!("job {}: {} listed", run.job.id, counted(items, "item"));
    Ok(())
}

/// How Pleo's count of the items of a job that is over differs from its list. Both are read, twice where they differ.
pub(super) fn miscount(exporter: &mut Exporter<'_>, job: &ExportJob) -> Result<Option<String>, Halt> {
    if refresh(exporter, job)? == job.number_of_items {
        return Ok(None);
    }
    let job = exporter.pleo.job(&job.id)?;
    let items = refresh(exporter, &job)?;
    Ok((items != job.number_of_items).then(|| differs(&job, items)))
}

fn differs(job: &ExportJob, listed: u64) -> String {
    format!(
        "job {} holds {}, but Pleo lists {listed}",
        job.id,
        counted(job.number_of_items, "item")
    )
}

/// Reads the list again, for some seconds, as long as an item is shown as open that was final before: what answers may be a
/// copy that lags behind. Answers how many items are listed, which were so many when it was read last.
fn settled(exporter: &mut Exporter<'_>, job: &ExportJob, mut items: u64) -> Result<u64, Halt> {
    // The longest wait is left out, since a job may be read so several times.
    for wait in confirm::WAITS.into_iter().take(5) {
        if !exporter.checkpoint.shown_open_again(&job.id)? {
            break;
        }
        exporter.stop.wait(wait)?;
        items = refresh(exporter, job)?;
    }
    Ok(items)
}

/// Reads all pages into the checkpoint and counts the different items. Pages that overlap count an item once.
pub(super) fn refresh(exporter: &mut Exporter<'_>, job: &ExportJob) -> Result<u64, Halt> {
    list(exporter, job, &mut |_| Ok(()))
}

fn list(exporter: &mut Exporter<'_>, job: &ExportJob, beside: Beside<'_>) -> Result<u64, Halt> {
    let checkpoint = &mut *exporter.checkpoint;
    let mut length = Length::default();
    let mut unstored = Vec::new();
    let count = exporter.pleo.control_layer(&job.id, |page| -> Result<(), Halt> {
        exporter.stop.check()?;
        length.grow(job, page.len())?;
        unstored.extend(page);
        if unstored.len() >= STORED_AT_ONCE {
            checkpoint.store_control_page(&job.id, &unstored, clock::now())?;
            unstored.clear();
            return beside(Some(&mut *checkpoint));
        }
        beside(None)
    })?;
    checkpoint.store_control_page(&job.id, &unstored, clock::now())?;
    beside(Some(checkpoint))?;
    Ok(count)
}

/// How many items of the job are final at Pleo. What is known by its answers to our reports is enough where its own counts
/// agree with that in every state and leave no item out; else everything is read.
pub(super) fn finality(run: &mut JobRun<'_>) -> Result<Finality, Halt> {
    let known = run.exporter.checkpoint.finality(&run.job.id)?;
    if is_counted_so(&run.exporter, &run.job, &known)? {
        return Ok(known);
    }
    let listed = refresh(&mut run.exporter, &run.job)?;
    settled(&mut run.exporter, &run.job, listed)?;
    Ok(run.exporter.checkpoint.finality(&run.job.id)?)
}

fn is_counted_so(exporter: &Exporter<'_>, job: &ExportJob, known: &Finality) -> Result<bool, Halt> {
    if job.number_of_items <= FEW || known.open > 0 || known.listed() != job.number_of_items {
        return Ok(false);
    }
    let counts = match exporter.pleo.count_items(&job.id) {
        Ok(counts) => counts,
        // A Pleo that rejects the question, or fails at it, is asked for the whole list.
        Err(PleoError::Rejected { .. } | PleoError::Contract { .. } | PleoError::OutOfReach { .. }) => {
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(counts.into_iter().all(|(status, count)| {
        let expected = match status {
            ItemStatus::Successful => known.successful,
            ItemStatus::Failed => known.failed,
            ItemStatus::Pending | ItemStatus::InProgress | ItemStatus::Abandoned => 0,
        };
        count == Some(expected)
    }))
}

/// Reads all pages of a job that is over, and answers the items that have no verdict.
pub(super) fn without_verdict(
    exporter: &Exporter<'_>,
    job: &ExportJob,
) -> Result<Vec<AccountingEntryId>, Halt> {
    let mut without = Vec::new();
    let mut length = Length::default();
    exporter.pleo.control_layer(&job.id, |page| -> Result<(), Halt> {
        length.grow(job, page.len())?;
        let open = |item: &ExportJobItem| !matches!(item.status, ItemStatus::Successful | ItemStatus::Failed);
        without.extend(page.into_iter().filter(open).map(|item| item.entry_id));
        Ok(())
    })?;
    Ok(without)
}
