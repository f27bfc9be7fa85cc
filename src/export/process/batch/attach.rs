//! The receipts of a batch's entries that are in the books.

use tracing::debug;

use super::{Batch, Step, successful};
use crate::bookkeeping;
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::process::receipts;
use crate::host::{clock, kill};
use crate::model::verdict::{Failure, ItemFailureType, Verdict};
use crate::pleo::ItemUpdate;
use crate::systems::{Attachment, SystemError};

impl Batch {
    /// Puts the receipts beside every entry that is in the books, also beside those that were there before.
    pub(super) fn attach(
        &self,
        exporter: &mut Exporter<'_>,
        run: &JobRun,
        steps: &mut [Step],
    ) -> Result<(), Halt> {
        let mut attachments = Vec::new();
        let mut owners = Vec::new();
        for (index, (item, step)) in self.items.iter().zip(steps.iter_mut()).enumerate() {
            let Step::Attach(booked) = step else { continue };
            match receipts::of_booked(exporter, run, item)? {
                Ok(receipts) if receipts.is_empty() => {
                    *step = Step::Decided(successful(booked, clock::now()));
                }
                Ok(receipts) => {
                    attachments.push(Attachment {
                        job_id: run.job.id.clone(),
                        entry_id: item.entry_id.clone(),
                        booked: booked.clone(),
                        payee: item.item.as_ref().and_then(bookkeeping::payee),
                        receipts,
                    });
                    owners.push(index);
                }
                Err(refusal) => {
                    *step = Step::Decided(Verdict::Failed(Failure::booked_as(
                        &booked.external_id,
                        refusal.failure_type,
                        &refusal.reason,
                    )));
                }
            }
        }
        if attachments.is_empty() {
            return Ok(());
        }
        if kill::mutation("attach-after-verdict") {
            let told = attachments.iter().map(|attachment| {
                let verdict = successful(&attachment.booked, clock::now());
                ItemUpdate::Final(attachment.entry_id.clone(), verdict)
            });
            exporter
                .pleo
                .update_items(&run.job.id, &told.collect::<Vec<_>>())?;
        }
        let results = match exporter.system.attach(&attachments) {
            Ok(results) => results,
            Err(error @ (SystemError::Damaged { .. } | SystemError::Settings { .. })) => {
                return Err(error.into());
            }
            Err(error) => vec![Err(error); attachments.len()],
        };
        for ((index, attachment), result) in owners.into_iter().zip(&attachments).zip(results) {
            let Some(step) = steps.get_mut(index) else {
                continue;
            };
            match result {
                Ok(()) => {
                    *step = Step::Decided(successful(&attachment.booked, clock::now()));
                    exporter.receipts.remove(&attachment.receipts);
                }
                Err(error @ (SystemError::Unavailable { .. } | SystemError::Unknown { .. })) => {
                    debug!(item.id = %attachment.entry_id, "{error}; its receipts are tried again at the end");
                    *step = Step::AttachAgain;
                }
                Err(SystemError::Rejected { failure_type, reason }) => {
                    *step = Step::Decided(Verdict::Failed(Failure::booked_as(
                        &attachment.booked.external_id,
                        failure_type,
                        &reason,
                    )));
                }
                Err(error) => {
                    *step = Step::Decided(Verdict::Failed(Failure::booked_as(
                        &attachment.booked.external_id,
                        ItemFailureType::ReceiptUploadFailure,
                        &error.to_string(),
                    )));
                }
            }
        }
        Ok(())
    }
}
