//! Which Odoo is booked in, and how.

use std::time::Duration;

use secrecy::SecretString;

use crate::host::server_url::ServerUrl;
use crate::model::document::PostingState;

/// Which Odoo, and how it is used.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it answers.
    pub url: ServerUrl,
    /// The name of the database.
    pub database: String,
    /// The name of the company that is booked in, where it is said; it must be the user's default company.
    pub company: Option<String>,
    /// The key of an Odoo user; the user's default company is the one that is booked in.
    pub api_key: SecretString,
    /// Where each kind of document goes.
    pub journals: Journals,
    /// Whether vendors and employees that Odoo does not have are added.
    pub create_vendors: bool,
    /// Draft or final.
    pub posting: PostingState,
    /// How long one call may take.
    pub timeout: Duration,
    /// The largest receipt, in bytes.
    pub largest_attachment: u64,
}

/// The codes of the journals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journals {
    /// For journal entries: one of Odoo's type "general".
    pub general: String,
    /// For vendor bills and credit notes: one of the type "purchase".
    pub purchase: String,
    /// For payments: one of the type "bank", "cash" or "credit".
    pub payment: String,
}
