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

use super::{Batch, BatchItem};
use crate::bookkeeping::{self, KnownInvoices, Refusal};
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::process::groups::groups;
use crate::export::process::prepare::{self, Prepared};
use crate::export::verdicts::{self, Next, Why};
use crate::export::{Exporter, patience};
use crate::model::document::PlannedItem;
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};
use crate::systems::{self, BookedEntry, SystemError};

impl Batch {
    /// Books what is absent or there in part, until an error ends the work on the job.
    pub(super) fn book_in_waves(
        &mut self,
        exporter: &mut Exporter<'_>,
        run: &mut JobRun,
        prepared: &mut Prepared,
        steps: &mut [Next],
    ) -> Result<(), Halt> {
        let invoices = self.items.iter().map(|item| item.invoice.as_ref());
        let groups = groups(&prepared.view, invoices);
        let mut is_begun = false;
        loop {
            let wave = next_wave(steps, &groups);
            if wave.is_empty() || steps.iter().any(|step| matches!(step, Next::Halt(_))) {
                return Ok(());
            }
            if should_rest(exporter, run, is_begun) {
                put_off(steps);
                return Ok(());
            }
            is_begun = true;
            let asked = self.references(&wave);
            let answer = if asked.invoices.is_empty() {
                Resolution::default()
            } else {
                patience::ask(exporter, |system| system.resolve(&asked))?
            };
            learn(prepared, &asked, answer);
            self.book_wave(exporter, run, prepared, &wave, steps)?;
        }
    }

    /// Plans what was found in the books against them, where only they say who the vendor is. What cannot be asked for
    /// now stays unplanned: it only counts in the totals.
    pub(super) fn plan_found(
        &mut self,
        exporter: &mut Exporter<'_>,
        run: &JobRun,
        prepared: &mut Prepared,
        found: impl Iterator<Item = usize>,
    ) {
        let is_unplanned = |at: &usize| {
            let item = self.items.get(*at);
            item.is_some_and(|item| item.plan.is_err() && item.may_be_booked())
        };
        let unplanned: Vec<usize> = found.filter(is_unplanned).collect();
        if unplanned.is_empty() {
            return;
        }
        let asked = self.references(&unplanned);
        match exporter.system.resolve(&asked) {
            Ok(answer) => learn(prepared, &asked, answer),
            Err(error) => return warn!("{error}"),
        }
        for at in unplanned {
            if let Some(item) = self.items.get_mut(at) {
                // A refusal stays in the plan, as it was before.
                let _ = item.plan_now(1, exporter, run, prepared);
            }
        }
    }

    /// The invoices of these items and their vendors.
    fn references(&self, items: &[usize]) -> References {
        let mut asked = References::default();
        for item in items.iter().filter_map(|at| self.items.get(*at)) {
            if let (Some(read), Some(invoice)) = (&item.item, &item.invoice) {
                let name = bookkeeping::vendor_name(read).unwrap_or_default();
                asked.vendors.insert(invoice.vendor.clone(), name.to_owned());
                asked.invoices.insert(invoice.clone());
            }
        }
        asked
    }

    fn book_wave(
        &mut self,
        exporter: &mut Exporter<'_>,
        run: &mut JobRun,
        prepared: &Prepared,
        wave: &[usize],
        steps: &mut [Next],
    ) -> Result<(), SystemError> {
        let (owners, plans) = self.plan_wave(exporter, run, prepared, wave, steps);
        if plans.is_empty() {
            return Ok(());
        }
        let unsent = plans.iter().map(|plan| run.unsent.remove(plan.entry_id()));
        let unsent: Vec<Option<bool>> = unsent.collect();
        let answers = book_all(exporter, &run.permit, &plans);
        run.totals.remarks.extend(exporter.system.take_remarks());
        let (answers, are_own) = answers?;
        for (((index, plan), answer), unsent) in owners.into_iter().zip(&plans).zip(answers).zip(unsent) {
            if answer.is_ok() {
                run.totals.add_opened(plan);
            }
            let Some(step) = steps.get_mut(index) else {
                continue;
            };
            let partly = match step {
                Next::Book { partly, .. } => partly.take(),
                _ => None,
            };
            *step = verdicts::after_booking(partly, answer);
            if let (Some(is_absent), true) = (unsent, are_own)
                && matches!(step, Next::Wait(Why::NotBooked) | Next::Halt(_))
            {
                run.unsent.insert(plan.entry_id().clone(), is_absent);
            }
        }
        Ok(())
    }

    /// The plans of the wave's items against the books as they are now, each with its owner; what is refused now has its
    /// verdict.
    fn plan_wave(
        &mut self,
        exporter: &Exporter<'_>,
        run: &JobRun,
        prepared: &Prepared,
        wave: &[usize],
        steps: &mut [Next],
    ) -> (Vec<usize>, Vec<PlannedItem>) {
        let (mut owners, mut plans) = (Vec::new(), Vec::new());
        for &at in wave {
            let (Some(item), Some(step)) = (self.items.get_mut(at), steps.get_mut(at)) else {
                continue;
            };
            let Next::Book { revision, partly } = step else {
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
                Err(refusal) => *step = Next::Decided(verdicts::refused(partly.as_ref(), &refusal)),
            }
        }
        (owners, plans)
    }
}

/// Keeps what the books have of the invoices that were asked for, and of those alone.
fn learn(prepared: &mut Prepared, asked: &References, answer: Resolution) {
    let vendors = &mut prepared.view.resolution.vendors;
    vendors.retain(|vendor, _| !asked.vendors.contains_key(vendor));
    vendors.extend(answer.vendors);
    prepared.view.invoices = KnownInvoices::in_books(answer.invoices);
}

/// Whether what is left of the batch is put off: the run was asked to stop, or Pleo should hear from us first. One wave is
/// booked before that, so that slow books get on as well.
fn should_rest(exporter: &Exporter<'_>, run: &JobRun, is_begun: bool) -> bool {
    // Where a lost answer may not be tried again, the next run would take what was announced and put off for lost.
    let may_stop = exporter.system.describe().create.is_repeatable();
    (may_stop && exporter.stop.is_requested())
        || (is_begun && run.deadline.is_silent_too_long(Instant::now()))
}

/// What is left to book is passed through again later.
fn put_off(steps: &mut [Next]) {
    for step in steps {
        if matches!(step, Next::Book { .. }) {
            *step = Next::Wait(Why::NotBooked);
        }
    }
}

/// The items to book next. Of each group it is the first that is left to book, and none where an item before it is
/// open; what is held back so is to be tried again later.
fn next_wave(steps: &mut [Next], groups: &[Option<usize>]) -> Vec<usize> {
    let mut wave = Vec::new();
    let (mut held, mut taken) = (HashSet::new(), HashSet::new());
    for (at, (step, group)) in steps.iter_mut().zip(groups).enumerate() {
        match (&step, group) {
            (Next::Book { .. }, Some(group)) if held.contains(group) => *step = Next::Wait(Why::NotBooked),
            (Next::Book { .. }, Some(group)) if !taken.contains(group) => {
                taken.insert(*group);
                wave.push(at);
            }
            (Next::Book { .. }, None) => wave.push(at),
            (Next::Wait(_) | Next::Unproven { .. }, Some(group)) => {
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

/// Books the plans, with an answer for each of them, and whether it is each one's own: an error for all of them says what
/// became of one entry only by mistake.
fn book_all(
    exporter: &mut Exporter<'_>,
    permit: &Permit,
    plans: &[PlannedItem],
) -> Result<(Vec<Result<BookedEntry, SystemError>>, bool), SystemError> {
    let unknown = |reason: &str| SystemError::Unknown {
        reason: reason.to_owned(),
    };
    let error = match book_catching(exporter, permit, plans) {
        Ok(mut answers) => {
            systems::none_withheld(&answers)?;
            if answers.len() != plans.len() {
                error!(
                    "{} answers came for {} entries: the rest is looked up again",
                    answers.len(),
                    plans.len()
                );
            }
            let none = unknown("the accounting system did not answer for this entry");
            answers.resize(plans.len(), Err(none));
            return Ok((answers, true));
        }
        Err(error) => error,
    };
    let for_each = match &error {
        SystemError::Unavailable { .. } | SystemError::Unknown { .. } | SystemError::BookedWrong { .. } => {
            warn!("{error}");
            unknown(&error.to_string())
        }
        SystemError::Withheld(_) => return Err(error),
        SystemError::Rejected { .. }
        | SystemError::Fatal { .. }
        | SystemError::Damaged { .. }
        | SystemError::Settings { .. } => error,
    };
    Ok((vec![Err(for_each); plans.len()], false))
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
