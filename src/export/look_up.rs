//! What the books have of an item, and what that means for it, also where Pleo shows another content by now than the
//! entry was booked from.

use tracing::warn;

use super::tools::Exporter;
use super::verdicts::{self, Known, Next};
use crate::bookkeeping::{self, ClosedPeriods};
use crate::model::booked_content::BookedContent;
use crate::model::export_item::ExportItem;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::{Failure, Verdict};
use crate::systems::{BookedEntry, Found};

/// What becomes of an item of which `found` was looked up; `item` is what Pleo says of it, where that can be read.
pub(super) fn judge(
    exporter: &mut Exporter<'_>,
    entry_id: &AccountingEntryId,
    item: Option<&ExportItem>,
    found: Found,
    known: Known<'_>,
) -> Next {
    let changed = match (found.booked(), item) {
        (Some(booked), Some(item)) => changed(exporter, entry_id, booked, item),
        _ => None,
    };
    changed.map_or_else(|| verdicts::after_look_up(found, known), Next::Decided)
}

/// The verdict on an entry that was booked from another content than the item has now: nobody but a person can say
/// which is right.
fn changed(
    exporter: &mut Exporter<'_>,
    entry_id: &AccountingEntryId,
    booked: &BookedEntry,
    item: &ExportItem,
) -> Option<Verdict> {
    let hash = booked.content_hash.as_deref()?;
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
    let taking_back = exporter.system.describe().how_to_take_back(&booked.external_id);
    let failure = Failure::changed_after_booking(&booked.external_id, &change, &taking_back);
    Some(Verdict::Failed(failure))
}
