//! The items of a batch that are to be booked, in waves: an item waits until the items of its invoice before it are
//! booked, and is then planned against the books as they are.
//!
//! So each item is planned against the books and the items before it that were really booked: what was refused, or has
//! no receipt, is simply not in the books. Items of no invoice, or of an invoice that no other item of the batch
//! touches, are all in the first wave.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

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
use crate::model::permit::Permit;
use crate::model::references::References;
use crate::model::verdict::{Failure, ItemFailureType, JobFailure, Verdict};
use crate::systems::{self, BookedEntry, SystemError};

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
        let mut is_begun = false;
        loop {
            let wave = next_wave(steps, &groups);
            if wave.is_empty() {
                return Ok(None);
            }
            if should_rest(exporter, run, is_begun) {
                put_off(steps, 0..self.items.len());
                return Ok(None);
            }
            is_begun = true;
            let fatal = match self.ask_for_invoices(exporter, prepared, &wave)? {
                Asked::Fatal(failure) => Some(failure),
                Asked::OutOfReach => {
                    put_off(steps, wave);
                    continue;
                }
                Asked::Answered => self.book_wave(exporter, run, prepared, &wave, steps)?,
            };
            if fatal.is_some() {
                return Ok(fatal);
            }
        }
    }

    /// Plans what was found in the books against them, where only they say who the vendor is. What cannot be asked for
    /// now stays unplanned.
    pub(in crate::export::process) fn plan_found(
        &mut self,
        exporter: &mut Exporter<'_>,
        run: &JobRun,
        prepared: &mut Prepared,
        found: impl Iterator<Item = usize>,
    ) -> Result<(), Halt> {
        let is_unplanned = |at: &usize| {
            let item = self.items.get(*at);
            item.is_some_and(|item| item.plan.is_err() && item.may_be_booked())
        };
        let unplanned: Vec<usize> = found.filter(is_unplanned).collect();
        if unplanned.is_empty() {
            return Ok(());
        }
        let asked = self.ask_for_invoices(exporter, prepared, &unplanned)?;
        if !matches!(asked, Asked::Answered) {
            return Ok(());
        }
        for at in unplanned {
            if let Some(item) = self.items.get_mut(at) {
                // A refusal stays in the plan, as it was before.
                let _ = item.plan_now(1, exporter, run, prepared);
            }
        }
        Ok(())
    }

    /// Asks what the books have now of the invoices in this wave.
    fn ask_for_invoices(
        &self,
        exporter: &mut Exporter<'_>,
        prepared: &mut Prepared,
        wave: &[usize],
    ) -> Result<Asked, Halt> {
        let mut asked = References::default();
        for item in wave.iter().filter_map(|at| self.items.get(*at)) {
            if let (Some(read), Some(invoice)) = (&item.item, &item.invoice) {
                let name = bookkeeping::vendor_name(read).unwrap_or_default();
                asked.vendors.insert(invoice.vendor.clone(), name.to_owned());
                asked.invoices.insert(invoice.clone());
            }
        }
        prepared.view.invoices = KnownInvoices::default();
        if asked.invoices.is_empty() {
            return Ok(Asked::Answered);
        }
        let error = match exporter.system.resolve(&asked) {
            Ok(answer) => {
                let vendors = &mut prepared.view.resolution.vendors;
                vendors.retain(|vendor, _| !asked.vendors.contains_key(vendor));
                vendors.extend(answer.vendors);
                prepared.view.invoices = KnownInvoices::in_books(answer.invoices);
                return Ok(Asked::Answered);
            }
            Err(error) => error,
        };
        match error.into_job_failure() {
            Ok(failure) => Ok(Asked::Fatal(failure)),
            Err(error @ (SystemError::Unavailable { .. } | SystemError::Unknown { .. })) => {
                warn!("{error}");
                Ok(Asked::OutOfReach)
            }
            Err(error) => Err(error.into()),
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
        let (owners, plans) = self.plan_wave(exporter, run, prepared, wave, steps);
        if plans.is_empty() {
            return Ok(None);
        }
        let results = book_all(exporter, &run.permit, &plans);
        run.totals.remarks.extend(exporter.system.take_remarks());
        let results = match results? {
            Ok(results) => results,
            Err(failure) => return Ok(Some(failure)),
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

    /// The plans of the wave's items against the books as they are now, each with its owner; what is refused now has its
    /// verdict.
    fn plan_wave(
        &mut self,
        exporter: &Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
        wave: &[usize],
        steps: &mut [Step],
    ) -> (Vec<usize>, Vec<PlannedItem>) {
        let (mut owners, mut plans) = (Vec::new(), Vec::new());
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
        (owners, plans)
    }
}

/// What became of the question what the books have.
enum Asked {
    /// All that was asked is known.
    Answered,
    /// The system is out of reach: what asked is not booked now.
    OutOfReach,
    /// The system can book nothing more in this job.
    Fatal(JobFailure),
}

/// Whether what is left of the batch is put off: the run was asked to stop, or Pleo should hear from us first. One wave is
/// booked before that, so that slow books get on as well.
fn should_rest(exporter: &Exporter<'_>, run: &JobRun, is_begun: bool) -> bool {
    // Where a lost answer may not be tried again, the next run would take what was announced and put off for lost.
    let may_stop = exporter.system.describe().create.is_repeatable();
    (may_stop && exporter.stop.is_requested())
        || (is_begun && run.deadline.is_silent_too_long(Instant::now()))
}

/// What is left to book among these items is passed through again later.
fn put_off(steps: &mut [Step], items: impl IntoIterator<Item = usize>) {
    for at in items {
        if let Some(step @ Step::Book { .. }) = steps.get_mut(at) {
            *step = Step::TryAgain;
        }
    }
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
            if let (Ok(plan), Some(fetched)) = (&mut self.plan, &self.fetched) {
                fetched.put_to(plan);
            }
        }
        self.plan.clone()
    }
}

/// Books the plans, with an answer for each of them. The inner error ends the job.
fn book_all(
    exporter: &mut Exporter<'_>,
    permit: &Permit,
    plans: &[PlannedItem],
) -> Result<Result<Vec<Result<BookedEntry, SystemError>>, JobFailure>, Halt> {
    let for_all = |error: SystemError| vec![Err(error); plans.len()];
    let unknown = |reason: &str| SystemError::Unknown {
        reason: reason.to_owned(),
    };
    Ok(Ok(match book_catching(exporter, permit, plans) {
        Ok(mut results) => {
            systems::none_withheld(&results)?;
            if results.len() != plans.len() {
                error!(
                    "{} answers came for {} entries: the rest is looked up again",
                    results.len(),
                    plans.len()
                );
            }
            results.resize(
                plans.len(),
                Err(unknown("the accounting system did not answer for this entry")),
            );
            results
        }
        Err(SystemError::Fatal { failure_type, reason }) => {
            return Ok(Err(JobFailure { failure_type, reason }));
        }
        Err(error @ SystemError::Rejected { .. }) => for_all(error),
        // An error for all of them says what became of one entry only by mistake: they are looked up again.
        Err(
            error @ (SystemError::Unavailable { .. }
            | SystemError::Unknown { .. }
            | SystemError::BookedWrong { .. }),
        ) => {
            warn!("{error}");
            for_all(unknown(&error.to_string()))
        }
        Err(
            error @ (SystemError::Damaged { .. } | SystemError::Settings { .. } | SystemError::Withheld(_)),
        ) => {
            return Err(error.into());
        }
    }))
}

/// Books; a panic in the system is an answer that nobody knows.
fn book_catching(
    exporter: &mut Exporter<'_>,
    permit: &Permit,
    plans: &[PlannedItem],
) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
    catch_unwind(AssertUnwindSafe(|| exporter.system.book(permit, plans))).unwrap_or_else(|_| {
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
        Err(
            SystemError::Unavailable { .. }
            | SystemError::Damaged { .. }
            | SystemError::Settings { .. }
            | SystemError::Withheld(_),
        ) => {
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
