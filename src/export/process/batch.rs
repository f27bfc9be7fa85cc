//! One batch: intent, announcement, look-up, booking, receipts, verdicts, in this order and no other.

mod attach;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use tracing::{error, warn};

use super::prepare::{self, Prepared};
use super::set_aside::SetAside;
use crate::bookkeeping::{self, Refusal};
use crate::checkpoint::StoredItem;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::{Exporter, confirm, control};
use crate::host::{clock, kill};
use crate::model::document::PlannedItem;
use crate::model::export_item::ExportItem;
use crate::model::export_job::ItemStatus;
use crate::model::ids::AccountingEntryId;
use crate::model::state::ItemState;
use crate::model::verdict::{Exported, Failure, ItemFailureType, JobFailure, Verdict};
use crate::pleo::{ItemUpdate, PleoError};
use crate::systems::{BookedEntry, Found, SystemError, Wanted};

/// The items of one batch, in work order.
pub(super) struct Batch {
    pub(super) items: Vec<BatchItem>,
}

/// An item on its way through the batch.
pub(super) struct BatchItem {
    pub(super) entry_id: AccountingEntryId,
    /// What Pleo said, where it can be read.
    pub(super) item: Option<ExportItem>,
    /// What to book, or why not.
    pub(super) plan: Result<PlannedItem, Refusal>,
    /// Somebody announced earlier that it would be booked: it may be in the books, or still be on its way there.
    pub(super) announced_before: bool,
}

/// A verdict, once there is one, and what must be done before it may be given.
enum Step {
    Decided(Verdict),
    /// Book the plan of this revision; what is there in part is completed.
    Book {
        revision: u32,
        partly: Option<BookedEntry>,
    },
    /// In the books; its receipts may be missing.
    Attach(BookedEntry),
    /// Surely not booked, or only without its receipts: passed through again when everything else is done.
    TryAgain,
    /// Nobody knows: proven when everything else is done.
    SetAside,
}

impl Batch {
    /// Plans the items again; what was known of them before was only counted.
    pub(super) fn plan(
        exporter: &Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
        stored: &[StoredItem],
    ) -> Self {
        let items = stored
            .iter()
            .map(|stored| {
                let considered = prepare::consider(exporter, &run.job, &prepared.view, stored);
                BatchItem {
                    entry_id: stored.entry_id.clone(),
                    item: considered.item,
                    plan: considered.plan,
                    announced_before: stored.state == ItemState::Intended
                        || stored.pleo_status == ItemStatus::InProgress,
                }
            })
            .collect();
        Self { items }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Books the batch and commits every verdict. A failure here is fatal for the whole job.
    pub(super) fn book(
        mut self,
        exporter: &mut Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
        aside: &mut SetAside,
    ) -> Result<Option<JobFailure>, Halt> {
        self.announce(exporter, run)?;
        let found = super::find(exporter, &self.wanted())?;
        let repeatable = exporter.system.describe().create.is_repeatable();
        let mut steps: Vec<Step> = self
            .items
            .iter()
            .zip(found)
            .map(|(item, found)| item.step(found, repeatable))
            .collect();
        let fatal = self.book_absent(exporter, run, prepared, &mut steps)?;
        if kill::mutation("book-before-intent") {
            exporter
                .checkpoint
                .intend(&run.job.id, &self.planned(), clock::now())?;
        }
        self.attach(exporter, run, &mut steps)?;
        let mut verdicts = Vec::with_capacity(steps.len());
        for (item, step) in self.items.into_iter().zip(steps) {
            match step {
                Step::Decided(verdict) => verdicts.push((item.entry_id, verdict)),
                Step::TryAgain => aside.try_again(item),
                Step::SetAside | Step::Attach(_) | Step::Book { .. } => aside.prove(item),
            }
        }
        exporter.checkpoint.decide(&run.job.id, &verdicts, clock::now())?;
        Ok(fatal)
    }

    /// Commits the intent, then tells Pleo. Items that Pleo will not have in progress leave the batch unbooked.
    fn announce(&mut self, exporter: &mut Exporter<'_>, run: &JobRun) -> Result<(), Halt> {
        let planned = self.planned();
        if planned.is_empty() {
            return Ok(());
        }
        if !kill::mutation("book-before-intent") {
            exporter.checkpoint.intend(&run.job.id, &planned, clock::now())?;
        }
        let updates: Vec<_> = planned.into_iter().map(ItemUpdate::InProgress).collect();
        let answer = match exporter.pleo.update_items(&run.job.id, &updates) {
            Err(PleoError::JobFinished { .. }) => {
                return Err(confirm::refused_as_finished(exporter, &run.job.id));
            }
            other => other?,
        };
        if answer.refused.is_empty() {
            return Ok(());
        }
        // Somebody else may have finished some of them meanwhile: a final status is never talked over.
        control::refresh(exporter, &run.job)?;
        let mut still_ours = Vec::with_capacity(self.items.len());
        for item in std::mem::take(&mut self.items) {
            if exporter.checkpoint.is_in_scope(&run.job.id, &item.entry_id)? {
                still_ours.push(item);
            }
        }
        self.items = still_ours;
        for refusal in answer.refused {
            warn!(item.id = %refusal.entry_id, "Pleo refuses to have the item in progress: {}", refusal.message);
            if let Some(item) = self
                .items
                .iter_mut()
                .find(|item| item.entry_id == refusal.entry_id)
            {
                item.plan = Err(Refusal {
                    failure_type: ItemFailureType::UnexpectedFailure,
                    reason: format!(
                        "Pleo refused to update this expense ({}): export it again.",
                        refusal.message
                    ),
                    group: "Pleo refused to have the item in progress".into(),
                });
            }
        }
        Ok(())
    }

    fn planned(&self) -> Vec<AccountingEntryId> {
        let planned = self.items.iter().filter(|item| item.plan.is_ok());
        planned.map(|item| item.entry_id.clone()).collect()
    }

    fn wanted(&self) -> Vec<Wanted> {
        let parts = |item: &BatchItem| item.plan.as_ref().map(PlannedItem::parts).unwrap_or_default();
        self.items
            .iter()
            .map(|item| Wanted {
                entry_id: item.entry_id.clone(),
                parts: parts(item),
            })
            .collect()
    }

    /// Books what is absent or there in part. A fatal failure decides nothing here: the rest of the job does.
    fn book_absent(
        &self,
        exporter: &mut Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
        steps: &mut [Step],
    ) -> Result<Option<JobFailure>, Halt> {
        let mut plans = Vec::new();
        let mut owners = Vec::new();
        for (index, (item, step)) in self.items.iter().zip(steps.iter_mut()).enumerate() {
            let Step::Book { revision, .. } = *step else {
                continue;
            };
            match item.plan_of_revision(revision, exporter, run, prepared) {
                Ok(plan) => {
                    plans.push(plan);
                    owners.push(index);
                }
                Err(refusal) => *step = Step::Decided(refused(&refusal)),
            }
        }
        if plans.is_empty() {
            return Ok(None);
        }
        let results = match book_catching(exporter, &plans) {
            Ok(results) => results,
            Err(SystemError::Fatal { failure_type, reason }) => {
                return Ok(Some(JobFailure { failure_type, reason }));
            }
            Err(SystemError::Rejected { failure_type, reason }) => {
                vec![Err(SystemError::Rejected { failure_type, reason }); plans.len()]
            }
            // An error for all of them says what became of one entry only by mistake: they are looked up again.
            Err(
                error @ (SystemError::Unavailable { .. }
                | SystemError::Unknown { .. }
                | SystemError::BookedWrong { .. }),
            ) => {
                warn!("{error}");
                vec![
                    Err(SystemError::Unknown {
                        reason: error.to_string()
                    });
                    plans.len()
                ]
            }
            Err(error @ SystemError::Damaged { .. }) => return Err(error.into()),
        };
        let mut fatal = None;
        for (index, result) in owners.into_iter().zip(results) {
            if let Some(step) = steps.get_mut(index) {
                fatal = after_booking(step, result).or(fatal);
            }
        }
        Ok(fatal)
    }
}

impl BatchItem {
    /// What the look-up means for this item.
    fn step(&self, found: Found, repeatable: bool) -> Step {
        match (found, &self.plan) {
            (Found::Complete(booked) | Found::Incomplete(booked), _)
                if has_changed(&booked, self.item.as_ref()) =>
            {
                Step::Decided(changed(&booked, self.item.as_ref()))
            }
            (Found::Complete(booked), Ok(_)) => Step::Attach(booked),
            // Booked earlier under other settings: it is in the books all the same.
            (Found::Complete(booked), Err(refusal))
                if !is_about_receipts(refusal.failure_type) && self.item.is_some() =>
            {
                Step::Attach(booked)
            }
            (Found::Complete(booked) | Found::Incomplete(booked), Err(refusal)) => {
                Step::Decided(Verdict::Failed(Failure::booked_as(
                    &booked.external_id,
                    refusal.failure_type,
                    &refusal.reason,
                )))
            }
            // The missing part may be on its way.
            (Found::Incomplete(_), Ok(_)) if self.announced_before && !repeatable => Step::SetAside,
            (Found::Incomplete(booked), Ok(_)) => Step::Book {
                revision: booked.revision,
                partly: Some(booked),
            },
            // A write that is on its way may land after a look-up says absent.
            (Found::Absent { .. }, _) if self.announced_before && !repeatable => Step::SetAside,
            (Found::Absent { next_revision }, Ok(_)) => Step::Book {
                revision: next_revision,
                partly: None,
            },
            (Found::Absent { .. }, Err(refusal)) => Step::Decided(refused(refusal)),
        }
    }

    fn plan_of_revision(
        &self,
        revision: u32,
        exporter: &Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
    ) -> Result<PlannedItem, Refusal> {
        let plan = self.plan.clone()?;
        if plan.revision == revision {
            return Ok(plan);
        }
        let settings = &exporter.settings.bookkeeping;
        let again = bookkeeping::plan(&plan.item, &run.job.id, revision, settings, &prepared.view)?;
        Ok(PlannedItem {
            receipts: plan.receipts,
            receipts_missing: plan.receipts_missing,
            ..again
        })
    }
}

/// Books; a panic in the system is an answer that nobody knows.
fn book_catching(
    exporter: &mut Exporter<'_>,
    plans: &[PlannedItem],
) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
    catch_unwind(AssertUnwindSafe(|| exporter.system.book(plans))).unwrap_or_else(|_| {
        error!("the accounting system's part of the program panicked while booking; its items are looked up again");
        Err(SystemError::Unknown { reason: "the program failed while booking".into() })
    })
}

/// What a booking's answer means for its item; a fatal one is handed up and leaves the item undecided.
fn after_booking(step: &mut Step, result: Result<BookedEntry, SystemError>) -> Option<JobFailure> {
    let Step::Book { partly, .. } = step else {
        return None;
    };
    let partly = partly.take();
    match result {
        Ok(booked) => *step = Step::Attach(booked),
        Err(SystemError::Rejected { failure_type, reason }) => {
            *step = Step::Decided(Verdict::Failed(match partly {
                Some(booked) => Failure::booked_as(&booked.external_id, failure_type, &reason),
                None => Failure::nothing_booked(failure_type, with_nothing_booked(&reason)),
            }));
        }
        Err(SystemError::Unknown { reason }) if kill::mutation("lost-answer-is-failure") => {
            let failure_type = ItemFailureType::UnexpectedFailure;
            *step = Step::Decided(Verdict::Failed(Failure::nothing_booked(failure_type, reason)));
        }
        Err(SystemError::BookedWrong {
            booked,
            failure_type,
            reason,
        }) => {
            *step = Step::Decided(Verdict::Failed(Failure::booked_as(
                &booked.external_id,
                failure_type,
                &reason,
            )));
        }
        Err(SystemError::Unavailable { .. } | SystemError::Damaged { .. }) => *step = Step::TryAgain,
        Err(SystemError::Unknown { .. }) => *step = Step::SetAside,
        Err(SystemError::Fatal { failure_type, reason }) => {
            *step = Step::SetAside;
            return Some(JobFailure { failure_type, reason });
        }
    }
    None
}

pub(in crate::export) fn successful(booked: &BookedEntry, now: DateTime<Utc>) -> Verdict {
    Verdict::Successful(Exported {
        external_id: booked.external_id.clone(),
        external_url: booked.external_url.clone(),
        exported_at: now,
    })
}

fn refused(refusal: &Refusal) -> Verdict {
    Verdict::Failed(Failure::nothing_booked(
        refusal.failure_type,
        with_nothing_booked(&refusal.reason),
    ))
}

fn with_nothing_booked(reason: &str) -> String {
    format!("{} Nothing was booked.", reason.trim_end())
}

fn is_about_receipts(failure_type: ItemFailureType) -> bool {
    matches!(
        failure_type,
        ItemFailureType::ReceiptDownloadFailure
            | ItemFailureType::ReceiptUploadFailure
            | ItemFailureType::ReceiptFileSizeLimitExceeded
            | ItemFailureType::ReceiptConversionFailure
    )
}

/// Whether an entry was booked from another content than the item has now.
pub(in crate::export) fn has_changed(booked: &BookedEntry, item: Option<&ExportItem>) -> bool {
    match (&booked.content_hash, item) {
        (Some(hash), Some(item)) => *hash != bookkeeping::content_hash(item),
        _ => false,
    }
}

/// The same key with other content: nobody but a person can say which is right.
pub(in crate::export) fn changed(booked: &BookedEntry, item: Option<&ExportItem>) -> Verdict {
    let difference = match (booked.amount, item.map(|item| item.amount)) {
        (Some(before), Some(now)) if before != now => format!("now {now} instead of {before}"),
        _ => "its category, tax, date, vendor or split is not the one that was booked".to_owned(),
    };
    Verdict::Failed(Failure::changed_after_booking(&booked.external_id, &difference))
}
