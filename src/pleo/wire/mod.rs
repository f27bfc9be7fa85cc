//! Pleo's JSON and the model: reading what Pleo sends, writing what it takes.
//!
//! Reading is tolerant where the contract leaves room and where Pleo's own samples differ from it (null for
//! absent, unknown fields, unknown words), and exact where money depends on it: amounts are read from their
//! text, never through a floating point number. What cannot be read is told by its path and by what was there.

mod answers;
mod bodies;
mod item;
mod malformed;
mod platform;
mod reader;
mod repair;
mod sound;
mod subscriptions;
#[cfg(test)]
mod tests;
mod words;

pub(super) use answers::{
    Page, answer, export_job_item, listed_job, one_export_job, raw_item, update_answer,
};
pub use answers::{RawItem, Rejection, UpdateAnswer};
pub use bodies::{ExportJobEvent, ItemUpdate};
pub(super) use bodies::{account_search, event_body, update_body};
pub use malformed::Malformed;
pub use platform::{Installation, Introspection, KnownAccount, KnownTax, Subject};
pub(super) use platform::{installation, introspection, known_account, known_tax};
pub(super) use reader::Field;
pub(super) use repair::read as read_body;
pub use subscriptions::Subscription;
pub(super) use subscriptions::{one_subscription, subscription, subscription_body, subscription_secret};

use crate::model::export_item::ExportItem;

/// Reads the payload of one export item as Pleo sent it.
///
/// # Errors
/// [`Malformed`] names the field that cannot be read and what was there.
pub fn export_item(payload: &str) -> Result<ExportItem, Malformed> {
    sound::export_item(payload).map_or_else(|| item::export_item(payload), Ok)
}
