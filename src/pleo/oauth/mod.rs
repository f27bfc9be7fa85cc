//! A connection by OAuth: consent becomes two tokens, and the tokens are renewed for as long as the consent lasts.
//!
//! Pleo's access tokens live a quarter of an hour. A refresh gives a new pair and kills the old one at once, so there is
//! one refresh at a time over all processes, and the new pair is on disk before anybody uses it ([`tokens`]). What
//! Pleo's pages leave open is read tolerantly: the client shows its secret as a basic credential and, where that is
//! rejected, in the form; a dead refresh token is known by its word in whichever field it stands; a refresh that
//! brings no new refresh token keeps the old one.

mod authorization;
mod connection;
mod endpoint;
mod new_connection;
mod store;
pub mod tokens;

use std::time::Duration;

use secrecy::SecretString;

use crate::host::server_url::ServerUrl;
use crate::model::ids::CompanyId;

pub use authorization::{Authorization, RedirectError};
pub(super) use connection::Connection;
pub use new_connection::{NewConnection, forget};
pub use store::{LockedTokens, SharedError, SharedTokens, Store};

/// What a connection by OAuth must know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where people consent and tokens come from.
    pub auth_url: ServerUrl,
    /// As what we are registered with Pleo.
    pub client_id: String,
    /// By what we prove it. It goes to `auth_url` alone, and the tokens to the API alone.
    pub client_secret: SecretString,
    /// Where the tokens are kept.
    pub store: Store,
    /// The host of the API that the tokens are for.
    pub host: String,
    /// The company that they are for; `None` where a login did not come to its end, or has yet to tell.
    pub company_id: Option<CompanyId>,
    /// How long one try of a request may take.
    pub request_timeout: Duration,
    /// After this time no further try begins.
    pub give_up_after: Duration,
}
