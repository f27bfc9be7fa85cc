//! Books that lack what Pleo was told: restored from a backup, or not mounted? Looked at before anything is booked,
//! because what is missing would be booked a second time.

use std::collections::BTreeMap;

use chrono::Datelike;

use super::halt::Halt;
use super::patience;
use super::tools::JobRun;
use crate::host::clock;
use crate::model::ids::AccountingEntryId;
use crate::systems::{Found, Wanted};

/// So many entries a person may have deleted.
const TOLERATED: usize = 5;

/// Refuses to book into books that lack many entries, and tells of the few that are booked anew.
pub(super) fn refuse(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let exporter = &mut run.exporter;
    let given = exporter.checkpoint.given_numbers()?;
    let is_refused = !exporter.settings.books_are_right;
    let time_zone = &exporter.settings.bookkeeping.time_zone;
    let year = clock::now().with_timezone(time_zone).year();
    let of_this_year = |numbers: &BTreeMap<i32, u32>| numbers.get(&year).copied().unwrap_or(0);
    let there = of_this_year(&exporter.system.highest_numbers());
    let known = of_this_year(&given);
    if is_refused && known.saturating_sub(there) as usize > TOLERATED {
        return Err(Halt::BooksLack(format!(
            "the books go up to number {there} of {year}, but {known} was given: restored, or not mounted? Nothing was booked"
        )));
    }
    let missing = missing(run)?;
    if is_refused && missing.len() > TOLERATED {
        let shown = missing.iter().take(3).map(|(_, number)| number.as_str());
        let shown: Vec<&str> = shown.collect();
        return Err(Halt::BooksLack(format!(
            "the books lack {} entries that Pleo was told of ({}, …): restored, or not mounted? Nothing was booked",
            missing.len(),
            shown.join(", ")
        )));
    }
    for (entry_id, number) in missing {
        let remark = format!("the books lack {number}, of which Pleo was told: the expense is booked anew");
        run.totals.remark(&entry_id, remark);
    }
    run.exporter.system.remember_numbers(&given);
    Ok(())
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
