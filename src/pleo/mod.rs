//! Everything that speaks to Pleo: the [`Client`] with one method an endpoint, what can go wrong by what the
//! caller decides about ([`PleoError`]), and the reading of Pleo's JSON into the model ([`wire`]).
//!
//! Data in, data out: nothing here knows the checkpoint, the books or the workflow. Receipts are not fetched
//! here either, because the credential belongs to Pleo's own host alone.

use std::time::Duration;

use secrecy::SecretString;

use crate::model::ids::CompanyId;

mod client;
mod error;
mod paging;
mod retry;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;
mod transport;
pub mod wire;

pub use client::Client;
pub use error::{Answer, Call, PleoError};
pub use transport::ServerTime;
pub use wire::{ItemUpdate, JobEvent, RawItem, Refusal, UpdateAnswer};

/// What the client must know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Pleo is. HTTPS, except on a loopback host.
    pub base_url: reqwest::Url,
    /// The only company whose jobs are listed.
    pub company_id: CompanyId,
    /// By what Pleo knows us.
    pub credential: Credential,
    /// How long one try of a request may take, the answer's body included.
    pub request_timeout: Duration,
    /// After this time no further try of a request begins.
    pub give_up_after: Duration,
}

/// By what Pleo knows us.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The user name of HTTP basic authentication, with an empty password.
    ApiKey(SecretString),
    /// A bearer token.
    AccessToken(SecretString),
}
