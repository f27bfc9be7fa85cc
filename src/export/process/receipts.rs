//! The receipts of a batch: fetched before anything is booked, because a missing one may mean that the item is not. Those of
//! the next batch come while this one is booked.

use std::collections::{HashMap, HashSet};
use std::panic::resume_unwind;
use std::time::Instant;

use tracing::{debug, warn};

use super::item::{BatchItem, Fetched};
use crate::bookkeeping::Refusal;
use crate::export::halt::Halt;
use crate::export::tools::JobRun;
use crate::export::verdicts::{self, Next, Why};
use crate::host::counted::counted;
use crate::model::export_item::ReceiptFile;
use crate::model::ids::AccountingEntryId;
use crate::pleo::wire;
use crate::receipts::{Fetcher, Kept, Policy, ReceiptError, ReceiptErrorKind, Until, WantedReceipt};

/// What was fetched for each file of an item.
pub(super) type Results = Vec<Result<Kept, ReceiptError>>;

/// The items that a batch does not take.
#[derive(Default)]
pub(super) struct Untaken {
    /// Those for which there was no time before Pleo should hear from us: they are the next batch.
    pub(super) rest: Vec<BatchItem>,
    /// Those whose receipts did not come in time: they are left to a later run, as long as the job lives.
    pub(super) late: Vec<BatchItem>,
}

/// Fetches the receipts of the items that come next, in a thread, while the work is done; where that fails, they are not
/// waited for. Answers what was fetched for each.
pub(super) fn fetch_beside<'a>(
    run: &mut JobRun<'a>,
    next: &[BatchItem],
    work: impl FnOnce(&mut JobRun<'a>) -> Result<(), Halt>,
) -> Result<Vec<Results>, Halt> {
    let (fetcher, until) = (
        run.exporter.receipts,
        Until::at(run.deadline.of_a_step(Instant::now())),
    );
    let is_wanted = run.exporter.settings.attachments != Policy::None;
    let files = |item: &BatchItem| if is_wanted { item.files() } else { Vec::new() };
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| fetch_until(fetcher, next, &until, files));
        let done = work(run);
        if done.is_err() {
            until.end();
        }
        let results = fetching.join().unwrap_or_else(|panic| resume_unwind(panic));
        done.map(|()| results)
    })
}

/// Gives the items what was fetched for each, and takes those out that this batch cannot book. The first item always stays.
pub(super) fn take(
    run: &JobRun<'_>,
    items: &mut Vec<BatchItem>,
    mut fetched: Vec<Results>,
) -> Result<Untaken, Halt> {
    let may_wait = may_wait(run);
    fetch_expired(run, items, &mut fetched)?;
    let taken = fetched.iter().skip(1).position(is_out_of_time);
    let taken = taken.map_or(items.len(), |before| before + 1);
    let rest = items.split_off(taken);
    for (item, results) in items.iter_mut().zip(fetched) {
        if results.is_empty() {
            continue;
        }
        match of_item(run, results) {
            Ok(fetched) => item.take_receipts(fetched),
            Err(error) => {
                if error.is_stalled() && may_wait {
                    item.next = Next::Wait(Why::Late);
                }
                item.plan = Err(missing(error));
            }
        }
    }
    let is_late = |item: &mut BatchItem| matches!(item.next, Next::Wait(Why::Late));
    let late = items.extract_if(.., is_late).collect();
    Ok(Untaken { rest, late })
}

/// Forgets the results from the first item on for which there was no time.
pub(super) fn forget_untried(fetched: &mut Vec<Results>) {
    let tried = fetched.iter().position(is_out_of_time);
    fetched.truncate(tried.unwrap_or(fetched.len()));
}

fn is_out_of_time(results: &Results) -> bool {
    has(results, ReceiptErrorKind::OutOfTime)
}

/// Whether what did not come in time may be left to a later run.
fn may_wait(run: &JobRun<'_>) -> bool {
    let now = Instant::now();
    !run.deadline.is_near(now) && !run.deadline.is_overdue(now)
}

/// Fetches again from new addresses where the old ones have expired.
fn fetch_expired(run: &JobRun<'_>, items: &[BatchItem], fetched: &mut [Results]) -> Result<(), Halt> {
    run.exporter.stop.check()?;
    let has_expired = |results: &Results| has(results, ReceiptErrorKind::Expired);
    let with_expired = items
        .iter()
        .zip(&*fetched)
        .filter(|(_, results)| has_expired(results));
    let expired: HashSet<_> = with_expired.map(|(item, _)| item.entry_id.clone()).collect();
    if !expired.is_empty() {
        debug!("addresses of receipts have expired; reading the items again");
        let fresh = fresh_addresses(run, &expired)?;
        let files = |item: &BatchItem| fresh.get(&item.entry_id).cloned().unwrap_or_default();
        let until = Until::at(run.deadline.of_a_step(Instant::now()));
        let again = fetch_until(run.exporter.receipts, items, &until, files);
        let pairs = fetched.iter_mut().zip(again);
        pairs
            .filter(|(_, again)| !again.is_empty())
            .for_each(|(results, again)| *results = again);
    }
    Ok(run.exporter.stop.check()?)
}

fn has(results: &Results, kind: ReceiptErrorKind) -> bool {
    results
        .iter()
        .any(|result| result.as_ref().is_err_and(|error| error.kind == kind))
}

/// Fetches the files of each item, with the results of each.
fn fetch_until(
    fetcher: &Fetcher,
    items: &[BatchItem],
    until: &Until,
    files: impl Fn(&BatchItem) -> Vec<ReceiptFile>,
) -> Vec<Results> {
    let files: Vec<_> = items.iter().map(files).collect();
    let wanted = items
        .iter()
        .zip(&files)
        .flat_map(|(item, files)| wanted(item, files));
    let mut results = fetcher.fetch(&wanted.collect::<Vec<_>>(), until).into_iter();
    let of_each = files
        .iter()
        .map(|files| results.by_ref().take(files.len()).collect());
    of_each.collect()
}

fn wanted<'a>(item: &'a BatchItem, files: &'a [ReceiptFile]) -> impl Iterator<Item = WantedReceipt<'a>> {
    files.iter().zip(1..).map(|(file, number)| WantedReceipt {
        entry_id: &item.entry_id,
        number,
        of: files.len(),
        file,
    })
}

/// Reads the data layer again for items with expired addresses; Pleo gives new ones.
fn fresh_addresses(
    run: &JobRun<'_>,
    expired: &HashSet<AccountingEntryId>,
) -> Result<HashMap<AccountingEntryId, Vec<ReceiptFile>>, Halt> {
    let mut fresh = HashMap::new();
    let is_expired = |id: &AccountingEntryId| expired.contains(id);
    run.exporter
        .pleo
        .data_layer(&run.job.id, |page| -> Result<(), Halt> {
            run.exporter.stop.check()?;
            for item in page
                .iter()
                .filter(|item| item.entry_id.as_ref().is_some_and(is_expired))
            {
                if let Ok(item) = wire::export_item(&item.payload) {
                    fresh.insert(item.entry_id, item.files);
                }
            }
            Ok(())
        })?;
    warn!(
        "the addresses of receipts of {} had expired; fetching them again",
        counted(expired.len(), "item")
    );
    Ok(fresh)
}

/// What was fetched for an item. Where receipts are required, a missing one is an error: what is final, whatever else may
/// come later.
fn of_item(run: &JobRun<'_>, results: Results) -> Result<Fetched, ReceiptError> {
    let mut fetched = Fetched::default();
    let mut first_error = None;
    for result in results {
        match result {
            Ok(receipt) => fetched.receipts.push(receipt),
            Err(error) => {
                fetched.missing.push(error.reason.clone());
                if first_error.as_ref().is_none_or(ReceiptError::is_stalled) {
                    first_error = Some(error);
                }
            }
        }
    }
    match first_error {
        Some(error) if run.exporter.settings.attachments == Policy::Required => Err(error),
        _ => Ok(fetched),
    }
}

/// Fetches the receipts of entries that are in the books and could surely not be planned, so that they were not fetched
/// before; they still belong to them. An entry that lacks one has its verdict, or is left to a later run. What may be missing
/// is told here, for there is no plan that would tell it.
pub(super) fn fetch_of_booked(run: &mut JobRun<'_>, items: &mut [BatchItem]) -> Result<(), Halt> {
    let policy = run.exporter.settings.attachments;
    let files = |item: &BatchItem| match (&item.next, &item.fetched, &item.read) {
        (Next::Attach(_), None, Some(read)) if policy != Policy::None => read.files.clone(),
        _ => Vec::new(),
    };
    if items.iter().all(|item| files(item).is_empty()) {
        return Ok(());
    }
    let may_wait = may_wait(run);
    let until = Until::at(run.deadline.of_a_step(Instant::now()));
    let mut fetched = fetch_until(run.exporter.receipts, items, &until, files);
    fetch_expired(run, items, &mut fetched)?;
    for (item, results) in items.iter_mut().zip(fetched) {
        let Next::Attach(booked) = &item.next else {
            continue;
        };
        if results.is_empty() {
            continue;
        }
        match of_item(run, results) {
            Ok(fetched) => {
                if item.plan.is_err() {
                    for missing in &fetched.missing {
                        run.totals.remark(&item.entry_id, missing.clone());
                    }
                }
                item.take_receipts(fetched);
            }
            Err(error) if error.is_stalled() && may_wait => item.next = Next::Wait(Why::Late),
            Err(error) => item.next = verdicts::failed_as_booked(booked, error.failure_type, &error.reason),
        }
    }
    Ok(())
}

fn missing(error: ReceiptError) -> Refusal {
    Refusal::new(error.failure_type, error.reason, "a receipt could not be fetched")
}

impl BatchItem {
    /// The receipts to fetch before it is booked.
    fn files(&self) -> Vec<ReceiptFile> {
        let read = self.read.as_ref().filter(|_| self.may_be_booked());
        read.map(|item| item.files.clone()).unwrap_or_default()
    }
}
