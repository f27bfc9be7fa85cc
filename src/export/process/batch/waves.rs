//! The items of a batch that are to be booked, in waves: an item waits until the items of its invoice before it are
//! booked, and is then planned against the books as they are.
//!
//! So each item is planned against the books and the items before it that were really booked: what was refused, or has
//! no receipt, is simply not in the books. Items of no invoice, or of an invoice that no other item of the batch
//! touches, are all in the first wave.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::{error, warn};

use super::{Batch, BatchItem, Step, refused};
use crate::bookkeeping::{self, KnownInvoices, Refusal};
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::process::groups::groups;
use crate::export::process::prepare::{self, Prepared};
use crate::host::kill;
use crate::model::document::PlannedItem;
use crate::model::references::References;
use crate::model::verdict::{Failure, ItemFailureType, JobFailure, JobFailureType, Verdict};
use crate::systems::{BookedEntry, SystemError};

impl Batch {
    /// Books what is absent or there in part. A fatal failure decides nothing here: the rest of the job does.
    pub(super) fn book_in_waves(
        &mut self,
        exporter: &mut Exporter<'_>,
        run: &mut JobRun,
        prepared: &mut Prepared,
        steps: &mut [Step],
    ) -> Result<Option<JobFailure>, Halt> {
        let invoices = self.items.iter().map(|item| item.invoice.as_ref());
        let groups = groups(&prepared.view, invoices);
        loop {
            let wave = next_wave(steps, &groups);
            if wave.is_empty() {
                return Ok(None);
            }
            let fatal = match self.learn(exporter, prepared, &wave)? {
                Learned::Fatal(failure) => Some(failure),
                Learned::OutOfReach => {
                    for at in wave {
                        if let Some(step) = steps.get_mut(at) {
                            *step = Step::TryAgain;
                        }
                    }
                    continue;
                }
                Learned::Enough => self.book_wave(exporter, run, prepared, &wave, steps)?,
            };
            if fatal.is_some() {
                return Ok(fatal);
            }
        }
    }

    /// Plans what was found in the books against them, where only they say who the vendor is. What cannot be asked for
    /// now stays unplanned.
    pub(super) fn plan_found(
        &mut self,
        exporter: &mut Exporter<'_>,
        run: &JobRun,
        prepared: &mut Prepared,
        found: &[usize],
    ) -> Result<(), Halt> {
        if found.is_empty() || !matches!(self.learn(exporter, prepared, found)?, Learned::Enough) {
            return Ok(());
        }
        for at in found {
            if let Some(item) = self.items.get_mut(*at) {
                // A refusal stays in the plan, as it was before.
                let _ = item.plan_now(1, exporter, run, prepared);
            }
        }
        Ok(())
    }

    /// Asks what the books have now of the invoices in this wave.
    fn learn(
        &self,
        exporter: &mut Exporter<'_>,
        prepared: &mut Prepared,
        wave: &[usize],
    ) -> Result<Learned, Halt> {
        let (settings, system) = (&exporter.settings.bookkeeping, prepared.view.system);
        let mut asked = References::default();
        for item in wave.iter().filter_map(|at| self.items.get(*at)) {
            if let (Some(read), Some(_)) = (&item.item, &item.invoice) {
                let References {
                    vendors, invoices, ..
                } = bookkeeping::references(read, settings, &system);
                asked.vendors.extend(vendors);
                asked.invoices.extend(invoices);
            }
        }
        prepared.view.invoices = KnownInvoices::default();
        if asked.invoices.is_empty() {
            return Ok(Learned::Enough);
        }
        let fatal = |failure_type, reason| Ok(Learned::Fatal(JobFailure { failure_type, reason }));
        match exporter.system.resolve(&asked) {
            Ok(answer) => {
                let vendors = &mut prepared.view.resolution.vendors;
                vendors.retain(|vendor, _| !asked.vendors.contains_key(vendor));
                vendors.extend(answer.vendors);
                prepared.view.invoices = KnownInvoices::in_books(answer.invoices);
                Ok(Learned::Enough)
            }
            Err(error @ (SystemError::Unavailable { .. } | SystemError::Unknown { .. })) => {
                warn!("{error}");
                Ok(Learned::OutOfReach)
            }
            Err(SystemError::Fatal { failure_type, reason }) => fatal(failure_type, reason),
            Err(SystemError::Rejected { failure_type, reason }) => {
                let failure_type = failure_type.as_job_failure();
                fatal(failure_type.unwrap_or(JobFailureType::ValidationFailure), reason)
            }
            Err(
                error @ (SystemError::Damaged { .. }
                | SystemError::Settings { .. }
                | SystemError::BookedWrong { .. }),
            ) => Err(error.into()),
        }
    }

    fn book_wave(
        &mut self,
        exporter: &mut Exporter<'_>,
        run: &mut JobRun,
        prepared: &Prepared,
        wave: &[usize],
        steps: &mut [Step],
    ) -> Result<Option<JobFailure>, Halt> {
        let mut plans = Vec::new();
        let mut owners = Vec::new();
        for &at in wave {
            let (Some(item), Some(step)) = (self.items.get_mut(at), steps.get_mut(at)) else {
                continue;
            };
            let Step::Book { revision, partly } = step else {
                continue;
            };
            match item.plan_now(*revision, exporter, run, prepared) {
                Ok(mut plan) => {
                    // An entry that is completed keeps the hash of what it was begun from.
                    let begun_from = partly.as_ref().and_then(|booked| booked.content_hash.clone());
                    plan.content_hash = begun_from.unwrap_or(plan.content_hash);
                    plans.push(plan);
                    owners.push(at);
                }
                Err(refusal) => {
                    let verdict = match partly {
                        Some(booked) => Verdict::Failed(Failure::booked_as(
                            &booked.external_id,
                            refusal.failure_type,
                            &refusal.reason,
                        )),
                        None => refused(&refusal),
                    };
                    *step = Step::Decided(verdict);
                }
            }
        }
        if plans.is_empty() {
            return Ok(None);
        }
        let results = book_catching(exporter, &plans);
        run.totals.remarks.extend(exporter.system.take_remarks());
        let results = match results {
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
            Err(error @ (SystemError::Damaged { .. } | SystemError::Settings { .. })) => {
                return Err(error.into());
            }
        };
        let mut fatal = None;
        for ((index, plan), result) in owners.into_iter().zip(&plans).zip(results) {
            if result.is_ok() {
                run.totals.add_opened(plan);
            }
            if let Some(step) = steps.get_mut(index) {
                fatal = after_booking(step, result).or(fatal);
            }
        }
        Ok(fatal)
    }
}

/// What became of the question what the books have.
enum Learned {
    /// All that was asked is known.
    Enough,
    /// The system is out of reach: what asked is not booked now.
    OutOfReach,
    /// The system can book nothing more in this job.
    Fatal(JobFailure),
}

/// The items to book next. Of each group it is the first that is left to book, and none where an item before it is
/// open; what is held back so is to be tried again later.
fn next_wave(steps: &mut [Step], groups: &[Option<usize>]) -> Vec<usize> {
    let mut wave = Vec::new();
    let (mut held, mut taken) = (HashSet::new(), HashSet::new());
    for (at, (step, group)) in steps.iter_mut().zip(groups).enumerate() {
        match (&step, group) {
            (Step::Book { .. }, Some(group)) if held.contains(group) => *step = Step::TryAgain,
            (Step::Book { .. }, Some(group)) if !taken.contains(group) => {
                taken.insert(*group);
                wave.push(at);
            }
            (Step::Book { .. }, None) => wave.push(at),
            (Step::TryAgain | Step::SetAside, Some(group)) => {
                held.insert(*group);
            }
            _ => {}
        }
    }
    wave
}

impl BatchItem {
    /// The plan of this revision against the books as they are now.
    fn plan_now(
        &mut self,
        revision: u32,
        exporter: &Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
    ) -> Result<PlannedItem, Refusal> {
        let is_good = |plan: &PlannedItem| plan.revision == revision && self.invoice.is_none();
        if let (Some(item), false) = (&self.item, self.plan.as_ref().is_ok_and(is_good)) {
            self.plan = prepare::plan(exporter, &run.job, &prepared.view, item, revision);
            if let Ok(plan) = &mut self.plan {
                self.receipts.put_to(plan);
            }
            if let Some(bar) = &self.bar {
                self.plan = self.plan.clone().and(Err(bar.clone()));
            }
        }
        self.plan.clone()
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
                None => Failure::nothing_booked(failure_type, &reason),
            }));
        }
        Err(SystemError::Unknown { reason }) if kill::mutation("lost-answer-is-failure") => {
            let failure_type = ItemFailureType::UnexpectedFailure;
            *step = Step::Decided(Verdict::Failed(Failure::nothing_booked(failure_type, &reason)));
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
        Err(SystemError::Unavailable { .. } | SystemError::Damaged { .. } | SystemError::Settings { .. }) => {
            *step = Step::TryAgain;
        }
        Err(SystemError::Unknown { .. }) => *step = Step::SetAside,
        Err(SystemError::Fatal { failure_type, reason }) => {
            *step = Step::SetAside;
            return Some(JobFailure { failure_type, reason });
        }
    }
    None
}
