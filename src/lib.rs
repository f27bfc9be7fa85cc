//! Books Pleo's export jobs in an accounting system: each entry at most once, each item with a true verdict.

pub mod bookkeeping;
pub mod check;
pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod export;
pub mod host;
pub mod model;
pub mod pleo;
pub mod receipts;
pub mod systems;
