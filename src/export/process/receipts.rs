//! The receipts of a batch: fetched before anything is booked, because a missing one may mean that the item is not.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use tracing::{debug, warn};

use super::batch::{Batch, BatchItem};
use super::set_aside::SetAside;
use crate::bookkeeping::Refusal;
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::export::verdicts::Why;
use crate::model::document::{PlannedItem, Receipt};
use crate::model::export_item::ReceiptFile;
use crate::model::ids::AccountingEntryId;
use crate::pleo::wire;
use crate::receipts::{Policy, ReceiptError, ReceiptErrorKind, Wanted};

/// Fetches the receipts of the batch's items and answers how many items were taken. It takes fewer than all, and the
/// batch shrinks, where fetching lasts so long that Pleo should hear from us first. The first item is always taken.
/// Items whose receipts did not come in time leave the batch for a later run, as long as the job lives.
pub(super) fn fetch(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    batch: &mut Batch,
    aside: &mut SetAside,
) -> Result<usize, Halt> {
    if exporter.settings.attachments == Policy::None {
        return Ok(batch.items.len());
    }
    let now = Instant::now();
    let until = run.deadline.of_a_step(now);
    let may_wait = !run.deadline.is_near(now) && !run.deadline.is_overdue(now);
    let mut fetched = fetch_all(exporter, batch, until, None);
    let expired = expired(batch, &fetched);
    if !expired.is_empty() {
        debug!("addresses of receipts have expired; reading the items again");
        let fresh = fresh_addresses(exporter, run, &expired)?;
        fetched.extend(fetch_all(exporter, batch, until, Some(&fresh)));
    }
    exporter.stop.check()?;
    let taken = taken(&fetched).unwrap_or(batch.items.len());
    let mut stalled = HashSet::new();
    for (index, results) in fetched {
        if index >= taken {
            let kept: Vec<Receipt> = results.into_iter().flatten().collect();
            exporter.receipts.remove(&kept);
        } else if let Some(item) = batch.items.get_mut(index) {
            let is_stalled = item.keep_receipts(results, exporter.settings.attachments);
            if is_stalled && may_wait {
                stalled.insert(item.entry_id.clone());
            }
        }
    }
    batch.items.truncate(taken);
    for item in batch
        .items
        .extract_if(.., |item| stalled.contains(&item.entry_id))
    {
        aside.push(item, Why::Late);
    }
    Ok(taken)
}

/// How many items there are before the first whose time was over; `None` where there was time for all.
fn taken(fetched: &Results) -> Option<usize> {
    let is_late = |result: &Result<_, ReceiptError>| {
        result
            .as_ref()
            .is_err_and(|error| error.kind == ReceiptErrorKind::OutOfTime)
    };
    fetched
        .iter()
        .filter(|(index, results)| **index > 0 && results.iter().any(is_late))
        .map(|(index, _)| *index)
        .min()
}

type Results = HashMap<usize, Vec<Result<Receipt, ReceiptError>>>;
type Addresses = HashMap<AccountingEntryId, Vec<ReceiptFile>>;

/// Fetches for all items, or with `fresh` only for those that have fresh addresses.
fn fetch_all(exporter: &Exporter<'_>, batch: &Batch, until: Instant, fresh: Option<&Addresses>) -> Results {
    let mut wanted = Vec::new();
    let mut owners = Vec::new();
    for (index, item) in batch.items.iter().enumerate() {
        if !item.may_be_booked() {
            continue;
        }
        let files = match (fresh, &item.item) {
            (None, Some(read)) => &read.files,
            (None, None) => continue,
            (Some(fresh), _) => match fresh.get(&item.entry_id) {
                Some(files) => files,
                None => continue,
            },
        };
        for (position, file) in files.iter().enumerate() {
            wanted.push(Wanted {
                entry_id: &item.entry_id,
                number: position + 1,
                of: files.len(),
                file,
            });
            owners.push(index);
        }
    }
    let mut fetched = Results::new();
    for (index, result) in owners.into_iter().zip(exporter.receipts.fetch(&wanted, until)) {
        fetched.entry(index).or_default().push(result);
    }
    fetched
}

/// The items that have a receipt whose address works no more.
fn expired(batch: &Batch, fetched: &Results) -> HashSet<AccountingEntryId> {
    let is_expired = |result: &Result<Receipt, ReceiptError>| {
        result
            .as_ref()
            .is_err_and(|error| error.kind == ReceiptErrorKind::Expired)
    };
    fetched
        .iter()
        .filter(|(_, results)| results.iter().any(is_expired))
        .filter_map(|(index, _)| batch.items.get(*index))
        .map(|item| item.entry_id.clone())
        .collect()
}

/// Reads the data layer again for items with expired addresses; Pleo gives new ones.
fn fresh_addresses(
    exporter: &Exporter<'_>,
    run: &JobRun,
    expired: &HashSet<AccountingEntryId>,
) -> Result<Addresses, Halt> {
    let mut fresh = Addresses::new();
    exporter
        .pleo
        .data_layer(&run.job.id, |page| -> Result<(), Halt> {
            exporter.stop.check()?;
            for item in page
                .iter()
                .filter(|item| item.entry_id.as_ref().is_some_and(|id| expired.contains(id)))
            {
                if let Ok(item) = wire::export_item(&item.payload) {
                    fresh.insert(item.entry_id, item.files);
                }
            }
            Ok(())
        })?;
    warn!(
        "{} items had receipts whose addresses had expired; fetching them again",
        expired.len()
    );
    Ok(fresh)
}

/// The receipts of an entry that is in the books. They were fetched with the batch, unless the entry could surely not be
/// planned; then they still belong to it.
pub(super) fn of_booked(
    exporter: &Exporter<'_>,
    run: &JobRun,
    item: &BatchItem,
) -> Result<Result<Vec<Receipt>, Refusal>, Halt> {
    let files = match (&item.fetched, &item.item) {
        (Some(fetched), _) => return Ok(Ok(fetched.receipts.clone())),
        (None, Some(read)) if exporter.settings.attachments != Policy::None => &read.files,
        (None, _) => return Ok(Ok(Vec::new())),
    };
    let wanted: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(position, file)| Wanted {
            entry_id: &item.entry_id,
            number: position + 1,
            of: files.len(),
            file,
        })
        .collect();
    let mut receipts = Vec::with_capacity(wanted.len());
    let until = run.deadline.of_a_step(Instant::now());
    for result in exporter.receipts.fetch(&wanted, until) {
        exporter.stop.check()?;
        match result {
            Ok(receipt) => receipts.push(receipt),
            Err(error) if exporter.settings.attachments == Policy::Required => {
                return Ok(Err(missing(error)));
            }
            Err(_) => {}
        }
    }
    Ok(Ok(receipts))
}

fn missing(error: ReceiptError) -> Refusal {
    Refusal {
        failure_type: error.failure_type,
        reason: error.reason,
        group: "a receipt could not be fetched".into(),
    }
}

/// What was fetched for an item.
#[derive(Clone, Debug, Default)]
pub(super) struct Fetched {
    receipts: Vec<Receipt>,
    /// Why others are missing, where they are let go.
    missing: Vec<String>,
}

impl Fetched {
    /// Puts the receipts to a plan.
    pub(super) fn put_to(&self, plan: &mut PlannedItem) {
        plan.receipts.clone_from(&self.receipts);
        plan.receipts_missing = self.missing.len();
        plan.remarks.extend(self.missing.iter().cloned());
    }
}

impl BatchItem {
    /// Keeps what was fetched. Where receipts are required, a missing one refuses the item; says whether it may come later.
    fn keep_receipts(&mut self, results: Vec<Result<Receipt, ReceiptError>>, policy: Policy) -> bool {
        let mut fetched = Fetched::default();
        let mut first_error = None;
        for result in results {
            match result {
                Ok(receipt) => fetched.receipts.push(receipt),
                Err(error) => {
                    fetched.missing.push(error.reason.clone());
                    // What is final decides, whatever else may come later.
                    if first_error.as_ref().is_none_or(ReceiptError::is_stalled) {
                        first_error = Some(error);
                    }
                }
            }
        }
        let Some(error) = first_error.filter(|_| policy == Policy::Required) else {
            self.take_receipts(fetched);
            return false;
        };
        let is_stalled = error.is_stalled();
        self.refuse(missing(error));
        is_stalled
    }
}
