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

use crate::bookkeeping::{self, JobView, KnownInvoices};
use crate::export::halt::Halt;
use crate::export::patience;
use crate::export::process::groups::groups;
use crate::export::process::item::BatchItem;
use crate::export::tools::JobRun;
use crate::export::verdicts::{self, Next, Why};
use crate::host::counted::counted;
use crate::model::document::PlannedItem;
use crate::model::references::{References, Resolution};
use crate::systems::{self, BookedEntry, SystemError};

/// Books what is absent or there in part, until an error ends the work on the job.
pub(super) fn book(run: &mut JobRun<'_>, view: &mut JobView, items: &mut [BatchItem]) -> Result<(), Halt> {
    let groups = groups(view, items.iter().map(|item| item.invoice.as_ref()));
    let mut is_begun = false;
    while !items.iter().any(|item| matches!(item.next, Next::Halt(_))) {
        let wave = next_wave(items, &groups);
        if wave.is_empty() {
            break;
        }
        if should_rest(run, is_begun) {
            put_off(items);
            break;
        }
        is_begun = true;
        let asked = references(wave.iter().map(|item| &**item));
        let answer = if asked.invoices.is_empty() {
            Resolution::default()
        } else {
            patience::ask(&mut run.exporter, |system| system.resolve(&asked))?
        };
        learn(view, &asked, answer);
        book_wave(run, view, wave)?;
    }
    Ok(())
}

/// Plans what was found in the books against them, where only they say who the vendor is. What cannot be asked for
/// now stays unplanned: it only counts in the totals.
pub(super) fn plan_found(run: &mut JobRun<'_>, view: &mut JobView, items: &mut [BatchItem]) {
    let is_unplanned =
        |item: &BatchItem| matches!(item.next, Next::Attach(_)) && item.plan.is_err() && item.may_be_booked();
    let asked = references(items.iter().filter(|item| is_unplanned(item)));
    if asked.invoices.is_empty() {
        return;
    }
    match run.exporter.system.resolve(&asked) {
        Ok(answer) => learn(view, &asked, answer),
        Err(error) => return warn!("{error}"),
    }
    for item in items.iter_mut().filter(|item| is_unplanned(item)) {
        // A refusal stays in the plan, as it was before.
        let _ = item.plan_now(1, run, view);
    }
}

/// The invoices of these items and their vendors.
fn references<'a>(items: impl Iterator<Item = &'a BatchItem>) -> References {
    let mut asked = References::default();
    for item in items {
        if let (Some(read), Some(invoice)) = (&item.read, &item.invoice) {
            let name = bookkeeping::vendor_name(read).unwrap_or_default();
            asked.vendors.insert(invoice.vendor.clone(), name.to_owned());
            asked.invoices.insert(invoice.clone());
        }
    }
    asked
}

fn book_wave(run: &mut JobRun<'_>, view: &JobView, wave: Vec<&mut BatchItem>) -> Result<(), SystemError> {
    let planned = wave.into_iter().filter_map(|item| {
        let plan = item.plan_to_book(run, view)?;
        Some((item, plan))
    });
    let (items, plans): (Vec<_>, Vec<_>) = planned.unzip();
    if plans.is_empty() {
        return Ok(());
    }
    let unbooked = items.iter().map(|item| run.unbooked.remove(&item.entry_id));
    let unbooked: Vec<Option<bool>> = unbooked.collect();
    let create = run.exporter.system.describe().create;
    let answers = book_all(run, &plans);
    run.totals.remarks.extend(run.exporter.system.take_remarks());
    let (answers, are_own) = answers?;
    if let Err(withheld) = systems::none_withheld(&answers) {
        keep_unbooked(run, &items, &answers, &unbooked);
        return Err(withheld);
    }
    for (((item, plan), answer), unbooked) in items.into_iter().zip(&plans).zip(answers).zip(unbooked) {
        if answer.is_ok() {
            run.totals.add_opened(plan);
        }
        let partly = match &mut item.next {
            Next::Book { partly, .. } => partly.take(),
            _ => None,
        };
        item.trouble = answer.as_ref().err().map(SystemError::to_string);
        item.next = verdicts::after_booking(partly, item.may_land(create), answer);
        if let (Some(is_absent), true) = (unbooked, are_own)
            && matches!(item.next, Next::Wait(Why::NotBooked) | Next::Halt(_))
        {
            run.unbooked.insert(item.entry_id.clone(), is_absent);
        }
    }
    Ok(())
}

/// Where the permit was withheld the answers count for nothing, but that nothing was sent stays true. Where an item is booked
/// in several calls, the permit may have been withheld from a later one alone.
fn keep_unbooked(
    run: &mut JobRun<'_>,
    items: &[&mut BatchItem],
    answers: &[Result<BookedEntry, SystemError>],
    unbooked: &[Option<bool>],
) {
    let is_sent_once = !run.exporter.system.describe().create.is_repeatable();
    for ((item, answer), unbooked) in items.iter().zip(answers).zip(unbooked) {
        let is_unbooked = match answer {
            Err(SystemError::Unavailable { .. }) => true,
            Err(SystemError::Withheld(_)) => is_sent_once,
            _ => false,
        };
        if let (Some(is_absent), true) = (unbooked, is_unbooked) {
            run.unbooked.insert(item.entry_id.clone(), *is_absent);
        }
    }
}

/// Keeps what the books have of the invoices that were asked for, and of those alone.
fn learn(view: &mut JobView, asked: &References, answer: Resolution) {
    let vendors = &mut view.resolution.vendors;
    vendors.retain(|vendor, _| !asked.vendors.contains_key(vendor));
    vendors.extend(answer.vendors);
    view.invoices = KnownInvoices::in_books(answer.invoices);
}

/// Whether what is left of the batch is put off: the run was asked to stop, or Pleo should hear from us first. One wave is
/// booked before that, so that slow books get on as well.
fn should_rest(run: &JobRun<'_>, is_begun: bool) -> bool {
    run.exporter.stop.is_requested() || (is_begun && run.deadline.is_silent_too_long(Instant::now()))
}

/// What is left to book is passed through again later.
fn put_off(items: &mut [BatchItem]) {
    for item in items {
        if matches!(item.next, Next::Book { .. }) {
            item.next = Next::Wait(Why::NotBooked);
        }
    }
}

/// The items to book next. Of each group it is the first that is left to book, and none where an item before it is
/// open; what is held back so is to be tried again later.
fn next_wave<'a>(items: &'a mut [BatchItem], groups: &[Option<usize>]) -> Vec<&'a mut BatchItem> {
    let mut wave = Vec::new();
    let (mut held, mut taken) = (HashSet::new(), HashSet::new());
    for (item, group) in items.iter_mut().zip(groups) {
        match (&item.next, group) {
            (Next::Book { .. }, Some(group)) if held.contains(group) => {
                item.next = Next::Wait(Why::NotBooked);
            }
            (Next::Book { .. }, Some(group)) if !taken.contains(group) => {
                taken.insert(*group);
                wave.push(item);
            }
            (Next::Book { .. }, None) => wave.push(item),
            (Next::Wait(_) | Next::Unproven { .. }, Some(group)) => {
                held.insert(*group);
            }
            _ => {}
        }
    }
    wave
}

/// Books the plans, with an answer for each of them, and whether it is each one's own: an error for all of them says what
/// became of one entry only by mistake.
fn book_all(
    run: &mut JobRun<'_>,
    plans: &[PlannedItem],
) -> Result<(Vec<Result<BookedEntry, SystemError>>, bool), SystemError> {
    let unknown = |reason: &str| SystemError::Unknown {
        reason: reason.to_owned(),
    };
    let error = match book_catching(run, plans) {
        Ok(mut answers) => {
            if answers.len() != plans.len() {
                error!(
                    "{} came for {}: the rest is looked up again",
                    counted(answers.len(), "answer"),
                    counted(plans.len(), "entry")
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
    run: &mut JobRun<'_>,
    plans: &[PlannedItem],
) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
    let permit = run.permit_for_a_step();
    catch_unwind(AssertUnwindSafe(|| run.exporter.system.book(&permit, plans))).unwrap_or_else(|_| {
        error!("the accounting system's part of the program panicked while booking; its items are looked up again");
        Err(SystemError::Unknown { reason: "the program failed while booking".into() })
    })
}
