//! The values that everything else shares, each with what follows from it alone: whether a document is a bill, what two
//! amounts come to, which state may follow another.
//!
//! Nothing here reads a file, a clock or the network, and nothing here knows the other modules.

pub mod booked_content;
pub mod document;
pub mod export_item;
pub mod export_job;
pub mod fleet;
pub mod ids;
pub mod inspected;
pub mod invoice;
pub mod money;
pub mod payload;
pub mod permit;
pub mod references;
pub mod reversal;
pub mod state;
pub mod verdict;
