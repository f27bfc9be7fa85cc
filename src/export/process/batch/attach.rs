//! The receipts of a batch's entries that are in the books.

use tracing::debug;

use crate::bookkeeping;
use crate::export::halt::Halt;
use crate::export::process::item::{BatchItem, Fetched};
use crate::export::process::receipts;
use crate::export::tools::JobRun;
use crate::export::verdicts::{self, Next, successful};
use crate::host::clock;
use crate::receipts::Policy;
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
    let results = match run.exporter.system.attach(&run.permit_for_a_step(), &attachments) {
        Ok(results) => results,
        Err(error @ SystemError::Withheld(_)) => return Err(error.into()),
        Err(error) => vec![Err(error); attachments.len()],
    };
    systems::none_withheld(&results)?;
    let does_without = run.exporter.settings.attachments == Policy::BestEffort;
    let mut ended = Ok(());
    for ((item, attachment), result) in owners.into_iter().zip(&attachments).zip(results) {
        if let Err(error) = &result {
            debug!(item.id = %attachment.entry_id, "its receipts are not beside it: {error}");
        }
        let error = result.as_ref().err().cloned();
        item.trouble = error.as_ref().map(SystemError::to_string);
        item.next = verdicts::after_attaching(&attachment.booked, result, clock::now());
        if let Some(error) = error
            && does_without
            && verdicts::goes_without(&item.next, &error, item.is_last_try)
        {
            run.totals
                .remark(&attachment.entry_id, left_out(attachment, &error));
            let verdict = Next::Decided(successful(&attachment.booked, clock::now()));
            // The entry has its verdict; what ends the job ends it all the same.
            if let Next::Halt(error) = std::mem::replace(&mut item.next, verdict) {
                ended = ended.and(Err(error.into()));
            }
        }
    }
    ended
}

fn left_out(attachment: &Attachment, error: &SystemError) -> String {
    let error = error.to_string();
    let reason = error.lines().next().unwrap_or_default();
    match attachment.receipts.len() {
        1 => format!("the receipt could not be attached: {reason}"),
        count => format!("the {count} receipts could not be attached: {reason}"),
    }
}

/// What is to be attached to an item that is in the books. One that has no receipts has its verdict.
fn attachment(run: &JobRun<'_>, item: &mut BatchItem) -> Option<Attachment> {
    let Next::Attach(booked) = &item.next else {
        return None;
    };
    let receipts = item.fetched.as_ref().map(Fetched::receipts).unwrap_or_default();
    if receipts.is_empty() {
        item.next = Next::Decided(successful(booked, clock::now()));
        return None;
    }
    Some(Attachment {
        job_id: run.job.id.clone(),
        entry_id: item.entry_id.clone(),
        booked: booked.clone(),
        payee: item.read.as_deref().map(bookkeeping::payee),
        receipts,
    })
}
