//! The webhook, as far as it is data: the secrets that were kept ([`kept`]) and the keys in them ([`key`]), and for who
//! listens (cargo feature `listen`) whether a delivery is Pleo's own (`signature`), and what it is about (`event`).
//! Nothing here opens a connection.
//!
//! A delivery is never believed beyond "there may be a new job": it starts a poll, and the poll asks Pleo.

#[cfg(feature = "listen")]
pub mod event;
pub mod kept;
pub mod key;
#[cfg(feature = "listen")]
pub mod signature;
