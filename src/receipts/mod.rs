//! Fetching receipts: from the addresses that Pleo names onto our disk, before anything is booked.
//!
//! The client that does it holds no credential and talks only to public hosts, because the addresses come from
//! outside. A receipt is a file named by its content, of a format that a bookkeeper can open, found from its bytes
//! and not from what it is called. Whether a missing receipt stops its item is decided by the caller.

mod address;
mod content;
mod error;
mod fetch;
mod file_name;
mod folder;
mod kept;
mod patience;
#[cfg(test)]
mod tests;
mod trouble;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::blocking::Client;

use self::address::Gate;
pub use self::error::{ReceiptError, ReceiptErrorKind, SetupError};
pub use self::folder::clear_of_the_first_version;
pub use self::kept::Kept;
use self::kept::Shared;
pub use self::patience::Until;
use self::patience::{Hosts, Round};
use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::export_item::ReceiptFile;
use crate::model::ids::AccountingEntryId;

/// How many receipts are fetched at the same time.
const AT_ONCE: usize = 8;

/// The largest receipt that Pleo takes, in bytes.
pub const LARGEST_ON_PLEO: u64 = 30 * 1024 * 1024;

/// How receipts are fetched.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where fetched receipts lie until they are attached; made when it is not there.
    pub folder: PathBuf,
    /// The largest receipt that is kept, in bytes; [`LARGEST_ON_PLEO`] unless the books take less.
    pub largest: u64,
    /// How long a host may be silent: until it answers, and between two pieces of the answer.
    pub timeout: Duration,
    /// How long the receipts of one item may take, all tries together.
    pub give_up_after: Duration,
    /// The host of a Pleo that itself is on this machine. Plain http and addresses of this machine and its networks are
    /// allowed for it, and for no other.
    pub own_host: Option<String>,
    /// Whether receipts come through a proxy, which then looks names up in our place.
    pub has_proxy: bool,
}

/// What a missing receipt means for its item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The item fails and nothing is booked.
    Required,
    /// The entry is booked without it and says so.
    BestEffort,
    /// No receipts are fetched at all.
    None,
}

/// A receipt to fetch.
#[derive(Clone, Copy, Debug)]
pub struct WantedReceipt<'a> {
    /// The accounting entry it belongs to, for the log.
    pub entry_id: &'a AccountingEntryId,
    /// Which receipt of the entry, counted from 1.
    pub number: usize,
    /// How many receipts the entry has.
    pub of: usize,
    /// Where it is.
    pub file: &'a ReceiptFile,
}

/// Fetches receipts.
#[derive(Debug)]
pub struct Fetcher {
    settings: Settings,
    stop: Stop,
    gate: Arc<Gate>,
    /// For hosts elsewhere, through a proxy where there is one; and for this machine itself. Each is built when it is
    /// needed, for it reads all certificates of the machine.
    client: Mutex<Option<Client>>,
    loopback: Mutex<Option<Client>>,
    hosts: Hosts,
    shared: Arc<Shared>,
}

impl Fetcher {
    /// Makes the folder and clears it of what a run that died has left long ago.
    pub fn new(settings: Settings, stop: Stop) -> Result<Self, SetupError> {
        folder::prepare(&settings.folder, clock::now())?;
        let gate = Arc::new(Gate::new(settings.own_host.clone(), settings.has_proxy));
        Ok(Self {
            settings,
            stop,
            gate,
            client: Mutex::default(),
            loopback: Mutex::default(),
            hosts: Hosts::default(),
            shared: Arc::default(),
        })
    }

    /// Fetches receipts, a few at once, with no more than the patience that each item has, and for no longer than
    /// `until`. One answer for each, in the same order.
    pub fn fetch(&self, wanted: &[WantedReceipt<'_>], until: &Until) -> Vec<Result<Kept, ReceiptError>> {
        let round = Round::new(self.settings.give_up_after, until);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(one) = wanted.get(index) else { return done };
                done.push((index, self.fetch_one(one, &round)));
            }
        };
        let mut answers = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE.min(wanted.len()))
                .map(|_| scope.spawn(work))
                .collect();
            let mut answers = Vec::with_capacity(wanted.len());
            for worker in workers {
                match worker.join() {
                    Ok(done) => answers.extend(done),
                    // A panic stays what it is: the caller keeps it with its items.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            answers
        });
        answers.sort_by_key(|(index, _)| *index);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}
