//! The plan of one item, put together.

use std::collections::HashSet;
use std::sync::Arc;

use super::description::{description, payee};
use super::fingerprint::content_hash;
use super::planner::Planner;
use super::references::invoice_of;
use super::refusal::Refusal;
use super::settings::Settings;
use super::view::JobView;
use super::{invoices, item_types};
use crate::model::document::{Document, PlannedItem, SeenInvoice};
use crate::model::export_item::ExportItem;
use crate::model::ids::JobId;
use crate::model::references::InvoiceInBooks;

/// Plans one item: its balanced documents, or why there are none.
///
/// The receipts are left empty; they are fetched apart. What the books have of the item itself does not count, so
/// planning it again after it was booked gives the same postings.
pub fn plan(
    item: &Arc<ExportItem>,
    job_id: &JobId,
    revision: u32,
    settings: &Settings,
    view: &JobView,
) -> Result<PlannedItem, Refusal> {
    let seen = seen(item, settings, view);
    let mut remarks = item.remarks.clone();
    let documents = made(item, settings, view, seen.as_ref(), &mut remarks)?;
    let mut said = HashSet::new();
    remarks.retain(|remark| said.insert(remark.clone()));
    Ok(PlannedItem {
        job_id: job_id.clone(),
        item: Arc::clone(item),
        revision,
        content_hash: content_hash(item),
        payee: payee(item),
        description: description(item),
        posting_state: settings.posting,
        documents,
        receipts: Vec::new(),
        receipts_missing: 0,
        remarks,
        seen,
    })
}

/// The documents of a plan, for whoever only asks whether there is one.
pub fn documents(item: &ExportItem, settings: &Settings, view: &JobView) -> Result<Vec<Document>, Refusal> {
    made(
        item,
        settings,
        view,
        seen(item, settings, view).as_ref(),
        &mut Vec::new(),
    )
}

fn made(
    item: &ExportItem,
    settings: &Settings,
    view: &JobView,
    seen: Option<&SeenInvoice>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Document>, Refusal> {
    let (row, remark) = item_types::row(item)?;
    if item.invoice.is_some() && invoices::number(item).is_none() {
        return Err(Refusal::no_invoice_number());
    }
    let planner = Planner {
        item,
        settings,
        view,
        seen,
    };
    remarks.extend(remark);
    let way = planner.way(row)?;
    let documents = planner.documents(row, way, remarks)?;
    let item_date = documents.first().map(|document| document.item_date);
    remarks.extend(item_date.and_then(|day| planner.far_ahead(day)));
    Ok(documents)
}

/// What is known of the invoice that an item belongs to, without the item itself.
fn seen(item: &ExportItem, settings: &Settings, view: &JobView) -> Option<SeenInvoice> {
    let key = invoice_of(item, settings, view.system)?;
    let mut in_books = view.invoices.of(&key, view.registered(&key));
    in_books.retain(|other| other.entry_id != item.entry_id);
    InvoiceInBooks::sort(&mut in_books);
    Some(SeenInvoice { key, in_books })
}
