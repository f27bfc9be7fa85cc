//! The leaf that everything else shares: values without behaviour of their own.
//!
//! Nothing here reads a file, a clock or the network, and nothing here knows the other modules.

pub mod booked_content;
pub mod document;
pub mod export_item;
pub mod export_job;
pub mod foreign_text;
pub mod ids;
pub mod invoice;
pub mod money;
pub mod payload;
pub mod permit;
pub mod references;
pub mod reversal;
pub mod state;
pub mod verdict;
