//! What a plan of one item is made from. Each file of this folder adds the part of the plan that it knows.

use super::settings::Settings;
use super::view::JobView;
use crate::model::document::SeenInvoice;
use crate::model::export_item::ExportItem;

/// What one item is planned from.
#[derive(Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) item: &'a ExportItem,
    pub(super) settings: &'a Settings,
    pub(super) view: &'a JobView,
    /// What is known of the item's invoice, where it belongs to one.
    pub(super) seen: Option<&'a SeenInvoice>,
}
