//! Books Pleo's export jobs in an accounting system: each entry at most once, each item with a true verdict.
//!
//! # The map
//!
//! In the order in which a job goes through it. Imports point down this list alone, so each room can be read without those
//! above it; [`pleo`], [`receipts`], [`bookkeeping`], [`systems`] and [`checkpoint`] do not know each other.
//!
//! | room | what it is for | begin with |
//! |---|---|---|
//! | [`cli`] | what was typed becomes a run, and what the run says becomes text or JSON | [`cli::main`] |
//! | [`config`] | every setting, checked, each problem told at once; nobody below sees a file of settings | [`config::Config::load`] |
//! | [`check`] | a doctor: what a run would refuse, asked for without changing anything | [`check::Check`] |
//! | [`verify`] | Pleo, checkpoint and books compared | [`verify::compare`] |
//! | [`export`] | the workflow, one file a step of Pleo's guide: detect, start, validate, control, data, process, update, complete | [`export::Exporter`] |
//! | `fleet` | with the feature of that name: companies that hosts serve by turns, in a PostgreSQL database | `fleet::Member` |
//! | [`pleo`] | the client for Pleo's API, and Pleo's JSON into the model | [`pleo::Client`], [`pleo::wire`] |
//! | [`receipts`] | receipts from the addresses that Pleo names onto our disk, by a client without a credential | [`receipts::Fetcher`] |
//! | [`bookkeeping`] | what an export item means in the books: balanced documents or a refusal; pure | [`bookkeeping::plan`] |
//! | [`systems`] | the accounting systems: one trait, and a folder each for [`beancount`](systems::beancount), [`odoo`](systems::odoo) and [`command`](systems::command) | [`systems::AccountingSystem`] |
//! | [`checkpoint`] | what a run must remember, in one SQLite file | [`checkpoint::Checkpoint`] |
//! | [`model`] | the values that all of them share | [`model::export_item`] comes in, [`model::document`] goes to the books, [`model::verdict`] goes to Pleo |
//! | [`host`] | the machine: clock, stop, files that last, and how HTTP is spoken and tried again | [`host::http`], [`host::files`] |
//!
//! `ARCHITECTURE.md` follows one expense through these rooms, and says what always holds and why.

pub mod bookkeeping;
pub mod check;
pub mod checkpoint;
pub mod cli;
pub mod config;
pub mod export;
#[cfg(feature = "fleet")]
pub mod fleet;
pub mod host;
pub mod model;
pub mod pleo;
pub mod receipts;
pub mod systems;
pub mod verify;
