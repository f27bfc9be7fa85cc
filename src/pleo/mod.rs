//! Everything that speaks to Pleo: the [`Client`] with one method an endpoint, what can go wrong by what the
//! caller decides about ([`PleoError`]), and the reading of Pleo's JSON into the model ([`wire`]).
//!
//! Data in, data out: nothing here knows the checkpoint, the books or the workflow. Receipts are not fetched
//! here either, because the credential belongs to Pleo's own host alone.

mod attempt;
mod client;
mod error;
mod heard;
mod paging;
mod request;
mod retry;
mod settings;
mod skim;
#[cfg(test)]
mod tests;
mod transport;
pub mod wire;

pub use client::Client;
pub use error::{Answer, Call, PleoError};
pub use heard::{Heard, silence};
pub use settings::{Credential, Settings};
pub use transport::ServerTime;
pub use wire::{ItemUpdate, JobEvent, RawItem, Refusal, UpdateAnswer};
