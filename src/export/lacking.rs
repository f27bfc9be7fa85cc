//! Books that lack what Pleo was told: restored from a backup, or not mounted? Looked at before anything is booked,
//! because what is missing would be booked a second time.

use std::time::Instant;

use chrono::Datelike;

use super::halt::{Halt, Obstacle, Unready};
use super::tools::{Exporter, JobRun};
use super::{complete, control, patience};
use crate::checkpoint::TOLERATED;
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::ids::AccountingEntryId;
use crate::systems::{Found, Wanted};

/// Whether the books lack entries, as far as the numbers that were given tell: all that is known before a job is begun.
pub(super) fn before_start(exporter: &Exporter<'_>) -> Result<Option<Obstacle>, Halt> {
    if exporter.settings.books_are_right {
        return Ok(None);
    }
    let time_zone = &exporter.settings.bookkeeping.time_zone;
    let year = clock::now().with_timezone(time_zone).year();
    let in_books = exporter.system.highest_numbers();
    let lack = exporter
        .checkpoint
        .numbers_lacking(&exporter.system.describe().target, &in_books, year)?;
    Ok(lack.map(|lack| Obstacle::BooksLack(format!("{lack} Nothing was booked"))))
}

/// Refuses to book into books that lack many entries, and tells of the few that are booked anew.
pub(super) fn refuse(run: &mut JobRun<'_>) -> Result<(), Halt> {
    if let Some(fault) = before_start(&run.exporter)? {
        return Err(left_or_failed(run, fault));
    }
    let missing = missing(run)?;
    if !run.exporter.settings.books_are_right && missing.len() > TOLERATED {
        let shown = missing.iter().take(3).map(|(_, number)| number.as_str());
        let shown: Vec<&str> = shown.collect();
        let fault = Obstacle::BooksLack(format!(
            "the books lack {} that Pleo was told of ({}, …): restored, or not mounted? Nothing was booked",
            counted(missing.len(), "entry"),
            shown.join(", ")
        ));
        return Err(left_or_failed(run, fault));
    }
    for (entry_id, number) in missing {
        let remark = format!("the books lack {number}, of which Pleo was told: the expense is booked anew");
        run.totals.remark(&entry_id, remark);
    }
    let given = run.exporter.checkpoint.given_numbers()?;
    run.exporter.system.remember_numbers(&given);
    Ok(())
}

/// As for a fault that is found before the start: a person has time to mend it, and then the job is failed with the reason.
/// One of which something may be in the books that are missing stays open.
fn left_or_failed(run: &mut JobRun<'_>, fault: Obstacle) -> Halt {
    let may_be_failed = if run.deadline.is_far(Instant::now()) {
        Ok(false)
    } else {
        is_unbegun(run)
    };
    match may_be_failed {
        Ok(true) => complete::fail_unready(run, fault),
        Ok(false) => Halt::NotReady {
            fault,
            job: Unready::LeftOpen,
        },
        Err(halt) => halt,
    }
}

/// Whether nothing of the job can be in the books, by a list that is read again.
pub(super) fn is_unbegun(run: &mut JobRun<'_>) -> Result<bool, Halt> {
    control::refresh(&mut run.exporter, &run.job)?;
    Ok(!run.exporter.checkpoint.anything_begun(&run.job.id)?)
}

/// The entries of the job that Pleo was told of and of which the books have no trace, each with its number.
fn missing(run: &mut JobRun<'_>) -> Result<Vec<(AccountingEntryId, String)>, Halt> {
    let told = run.exporter.checkpoint.told_before(&run.job.id)?;
    let mut missing = Vec::new();
    for told in told.chunks(run.exporter.settings.batch_size.max(1)) {
        let wanted = told.iter().map(|(entry_id, _)| Wanted::whole(entry_id));
        let wanted: Vec<_> = wanted.collect();
        let found = patience::ask(&mut run.exporter, |system| system.find(&wanted))?;
        let is_absent = |found: &Found| matches!(found, Found::Absent { next_revision: 1 });
        let absent = told.iter().zip(found).filter(|(_, found)| is_absent(found));
        missing.extend(absent.map(|(told, _)| told.clone()));
    }
    Ok(missing)
}
