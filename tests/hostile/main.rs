//! What means harm: attacks that are planted for real, and what must stand afterwards. One file a way in.
//! What is promised here, and what is not, is in `SECURITY.md`.
#![cfg(unix)]
#![allow(
    dead_code,
    unreachable_pub,
    clippy::restriction,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed, and says what it did not look at"
)]

#[path = "../support/interrupt.rs"]
mod interrupt;
#[path = "../../examples/sandbox/server/mod.rs"]
mod sandbox;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/truth.rs"]
mod truth;

/// What Pleo says: figures, sizes, names.
mod answers;
/// What is planted, and what must stand.
mod attack;
/// Files and folders: nothing of others is touched, and no link leads us astray.
mod files;
/// The process itself: what it tells its children and its neighbours, and that it ends.
mod process;
/// Whatever comes, by chance.
mod properties;
/// What the hosts of receipts do.
mod receipts;
/// Settings that were found, not named.
mod settings;
/// How long texts may be.
mod texts;
/// What is opened for writing over a whole job.
mod writes;
