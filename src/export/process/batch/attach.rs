//! The receipts of a batch's entries that are in the books.

use tracing::debug;

use crate::bookkeeping;
use crate::export::halt::Halt;
use crate::export::process::item::BatchItem;
use crate::export::process::receipts;
use crate::export::tools::JobRun;
use crate::export::verdicts::{self, Next, successful};
use crate::host::clock;
use crate::systems::{self, Attachment, SystemError};

/// Puts the receipts beside every entry that is in the books, also beside those that were there before.
pub(super) fn attach(run: &mut JobRun<'_>, items: &mut [BatchItem]) -> Result<(), Halt> {
    receipts::fetch_of_booked(run, items)?;
    let (mut owners, mut attachments) = (Vec::new(), Vec::new());
    for item in items {
        if let Some(attachment) = attachment(run, item) {
            owners.push(item);
            attachments.push(attachment);
        }
    }
    if attachments.is_empty() {
        return Ok(());
    }
    let results = match run.exporter.system.attach(&run.permit, &attachments) {
        Ok(results) => results,
        Err(error @ SystemError::Withheld(_)) => return Err(error.into()),
        Err(error) => vec![Err(error); attachments.len()],
    };
    systems::none_withheld(&results)?;
    for ((item, attachment), result) in owners.into_iter().zip(&attachments).zip(results) {
        if let Err(error) = &result {
            debug!(item.id = %attachment.entry_id, "its receipts are not beside it: {error}");
        }
        item.next = verdicts::after_attaching(&attachment.booked, result, clock::now());
        // Only what came with the batch is there for another try.
        if matches!(item.next, Next::Decided(_)) || item.fetched.is_none() {
            run.exporter.receipts.remove(&attachment.receipts);
            item.fetched = None;
        }
    }
    Ok(())
}

/// What is to be attached to an item that is in the books. One that has no receipts has its verdict.
fn attachment(run: &JobRun<'_>, item: &mut BatchItem) -> Option<Attachment> {
    let Next::Attach(booked) = &item.next else {
        return None;
    };
    let receipts = item.fetched.clone().unwrap_or_default().receipts;
    if receipts.is_empty() {
        item.next = Next::Decided(successful(booked, clock::now()));
        return None;
    }
    Some(Attachment {
        job_id: run.job.id.clone(),
        entry_id: item.entry_id.clone(),
        booked: booked.clone(),
        payee: item.read.as_ref().and_then(bookkeeping::payee),
        receipts,
    })
}
