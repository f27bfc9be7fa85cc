//! The receipts of a batch: fetched before anything is booked, because a missing one may mean that the item is not.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use tracing::{debug, warn};

use super::batch::{Batch, BatchItem};
use crate::bookkeeping::Refusal;
use crate::export::Exporter;
use crate::export::halt::Halt;
use crate::export::job::JobRun;
use crate::model::document::{PlannedItem, Receipt};
use crate::model::export_item::ReceiptFile;
use crate::model::ids::AccountingEntryId;
use crate::pleo::wire;
use crate::receipts::{Policy, ReceiptError, ReceiptErrorKind, Wanted};

/// Items whose receipts are fetched before the clock is looked at again.
const ITEMS_AT_ONCE: usize = 25;

/// Fetches the receipts of the batch's items and answers how many items were taken. It takes fewer than all,
/// and the batch shrinks, where fetching lasts so long that Pleo should hear from us first.
pub(super) fn fetch(exporter: &mut Exporter<'_>, run: &mut JobRun, batch: &mut Batch) -> Result<usize, Halt> {
    if exporter.settings.attachments == Policy::None {
        return Ok(batch.items.len());
    }
    let mut taken = 0;
    while taken < batch.items.len() {
        if taken > 0 && run.deadline.is_silent_too_long(Instant::now()) {
            break;
        }
        exporter.stop.check()?;
        let end = batch.items.len().min(taken + ITEMS_AT_ONCE);
        fetch_some(exporter, run, batch, taken..end)?;
        taken = end;
    }
    batch.items.truncate(taken);
    Ok(taken)
}

fn fetch_some(
    exporter: &mut Exporter<'_>,
    run: &JobRun,
    batch: &mut Batch,
    range: std::ops::Range<usize>,
) -> Result<(), Halt> {
    let mut fetched = fetch_all(exporter, batch, range.clone(), None);
    let expired = expired(batch, &fetched);
    if !expired.is_empty() {
        debug!("addresses of receipts have expired; reading the items again");
        let fresh = fresh_addresses(exporter, run, &expired)?;
        for (index, results) in fetch_all(exporter, batch, range, Some(&fresh)) {
            fetched.insert(index, results);
        }
    }
    for (index, results) in fetched {
        if results.iter().any(|result| {
            result
                .as_ref()
                .is_err_and(|error| error.kind == ReceiptErrorKind::Stopped)
        }) {
            exporter.stop.check()?;
        }
        if let Some(item) = batch.items.get_mut(index) {
            item.keep_receipts(results, exporter.settings.attachments);
        }
    }
    Ok(())
}

type Results = HashMap<usize, Vec<Result<Receipt, ReceiptError>>>;
type Addresses = HashMap<AccountingEntryId, Vec<ReceiptFile>>;

/// Fetches for the items of the range, or with `fresh` only for those that have fresh addresses.
fn fetch_all(
    exporter: &Exporter<'_>,
    batch: &Batch,
    range: std::ops::Range<usize>,
    fresh: Option<&Addresses>,
) -> Results {
    let mut wanted = Vec::new();
    let mut owners = Vec::new();
    for index in range {
        let Some(item) = batch.items.get(index).filter(|item| item.may_be_booked()) else {
            continue;
        };
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
    for (index, result) in owners.into_iter().zip(exporter.receipts.fetch(&wanted)) {
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
    for result in exporter.receipts.fetch(&wanted) {
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
    /// Keeps what was fetched. Where receipts are required, a missing one refuses the item.
    fn keep_receipts(&mut self, results: Vec<Result<Receipt, ReceiptError>>, policy: Policy) {
        let mut fetched = Fetched::default();
        let mut first_error = None;
        for result in results {
            match result {
                Ok(receipt) => fetched.receipts.push(receipt),
                Err(error) => {
                    fetched.missing.push(error.reason.clone());
                    first_error.get_or_insert(error);
                }
            }
        }
        match first_error.filter(|_| policy == Policy::Required) {
            Some(error) => self.refuse(missing(error)),
            None => self.take_receipts(fetched),
        }
    }
}
