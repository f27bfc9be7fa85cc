//! An entry in the books that was booked from another content than Pleo shows now.

use tracing::warn;

use super::Exporter;
use crate::bookkeeping::{self, ClosedPeriods};
use crate::model::booked_content::BookedContent;
use crate::model::export_item::ExportItem;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::{Failure, Verdict};
use crate::systems::BookedEntry;

/// The verdict on an entry that was booked from another content than the item has now: nobody but a person can say
/// which is right.
pub(super) fn changed(
    exporter: &mut Exporter<'_>,
    entry_id: &AccountingEntryId,
    booked: &BookedEntry,
    item: Option<&ExportItem>,
) -> Option<Verdict> {
    let (hash, item) = (booked.content_hash.as_deref()?, item?);
    if bookkeeping::is_unchanged(item, hash) {
        return None;
    }
    let mut content = exporter.system.content(entry_id).unwrap_or_else(|error| {
        warn!(item.id = %entry_id, "{error}; the text will not say what the entry was booked from");
        BookedContent::default()
    });
    content.amount = content.amount.or(booked.amount);
    // Where no period was closed the day that it is booked on is that of the expense.
    if content.moment.is_none() && exporter.settings.bookkeeping.closed_periods == ClosedPeriods::Fail {
        content.day = content.day.or(Some(booked.posting_date));
    }
    let change = bookkeeping::change(item, hash, &content, &exporter.settings.bookkeeping)?;
    let failure = Failure::changed_after_booking(&booked.external_id, &change);
    Some(Verdict::Failed(failure))
}
