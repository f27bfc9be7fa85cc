//! Everything that speaks to Pleo: the [`Client`] with one method an endpoint, what can go wrong by what the
//! caller decides about ([`PleoError`]), and the reading of Pleo's JSON into the model ([`wire`]). What Pleo sends by
//! itself is proven and read in [`webhook`].
//!
//! Data in, data out: nothing here knows the checkpoint, the books or the workflow. Receipts are not fetched
//! here either, because the credential belongs to Pleo's own host alone.

mod access;
mod attempt;
mod client;
mod counts;
mod error;
mod heard;
pub mod oauth;
mod pace;
mod pages;
mod paging;
mod platform;
mod reached;
mod request;
mod retry;
mod settings;
mod skim;
mod subscriptions;
#[cfg(test)]
mod tests;
mod throttle;
mod transport;
pub mod webhook;
pub mod wire;

pub use access::EXPORT_SCOPES;
pub use client::Client;
pub use error::{Answer, Call, KeyPlace, PleoError};
pub use heard::{Heard, silence};
pub use settings::{Credential, Settings};
pub use subscriptions::EXPORT_JOB_CREATED;
pub use throttle::Throttle;
pub use transport::ServerTime;
pub use wire::{ExportJobEvent, ItemUpdate, RawItem, Rejection, Subscription, UpdateAnswer};
pub use wire::{Installation, Introspection, KnownAccount, KnownTax, Subject};
