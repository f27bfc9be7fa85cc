//! The receipts of a batch's entries that are in the books.

use tracing::debug;

use super::Batch;
use crate::bookkeeping;
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::process::receipts;
use crate::export::verdicts::{self, Next, successful};
use crate::host::{clock, kill};
use crate::pleo::ItemUpdate;
use crate::systems::{self, Attachment};

impl Batch {
    /// Puts the receipts beside every entry that is in the books, also beside those that were there before.
    pub(super) fn attach(
        &self,
        exporter: &mut Exporter<'_>,
        run: &JobRun,
        steps: &mut [Next],
    ) -> Result<(), Halt> {
        let (owners, attachments) = self.attachments(exporter, run, steps)?;
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
                .update_items(&run.permit, &run.job.id, &told.collect::<Vec<_>>())?;
        }
        let results = match exporter.system.attach(&run.permit, &attachments) {
            Ok(results) => results,
            Err(error @ systems::SystemError::Withheld(_)) => return Err(error.into()),
            Err(error) => vec![Err(error); attachments.len()],
        };
        systems::none_withheld(&results)?;
        for ((index, attachment), result) in owners.into_iter().zip(&attachments).zip(results) {
            if result.is_ok() {
                exporter.receipts.remove(&attachment.receipts);
            }
            if let Some(step) = steps.get_mut(index) {
                if let Err(error) = &result {
                    debug!(item.id = %attachment.entry_id, "its receipts are not beside it: {error}");
                }
                *step = verdicts::after_attaching(&attachment.booked, result, clock::now());
            }
        }
        Ok(())
    }

    /// What is to be attached, with the place of each item in the batch. What needs no receipts, or cannot have them, has
    /// its verdict.
    fn attachments(
        &self,
        exporter: &Exporter<'_>,
        run: &JobRun,
        steps: &mut [Next],
    ) -> Result<(Vec<usize>, Vec<Attachment>), Halt> {
        let (mut owners, mut attachments) = (Vec::new(), Vec::new());
        for (index, (item, step)) in self.items.iter().zip(steps.iter_mut()).enumerate() {
            let Next::Attach(booked) = step else { continue };
            match receipts::of_booked(exporter, run, item)? {
                Ok(receipts) if receipts.is_empty() => {
                    *step = Next::Decided(successful(booked, clock::now()));
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
                    *step = verdicts::failed_as_booked(booked, refusal.failure_type, &refusal.reason);
                }
            }
        }
        Ok((owners, attachments))
    }
}
