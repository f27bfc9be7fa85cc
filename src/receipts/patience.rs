//! How long is waited for receipts, so that no item and no host can spend the time of a whole job.
//!
//! All receipts of an item share one patience. A host that left three tries in a row without an answer, or without the whole of
//! it in time, gets a tenth of it, until it answers again.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::ids::AccountingEntryId;

/// So many tries in a row without an answer make a host a silent one.
const UNANSWERED: u32 = 3;

/// What part of the patience is left for a silent host.
const SILENT_SHARE: u32 = 10;

/// What is known of hosts.
#[derive(Debug, Default)]
pub(super) struct Hosts(Mutex<HashMap<String, u32>>);

impl Hosts {
    /// How much of the whole patience is for this host.
    pub(super) fn share(&self, host: &str, whole: Duration) -> Duration {
        if lock(&self.0).get(host).is_some_and(|count| *count >= UNANSWERED) {
            whole / SILENT_SHARE
        } else {
            whole
        }
    }

    pub(super) fn unanswered(&self, host: &str) {
        let mut hosts = lock(&self.0);
        let count = hosts.entry(host.to_owned()).or_default();
        *count = count.saturating_add(1);
    }

    pub(super) fn answered(&self, host: &str) {
        lock(&self.0).remove(host);
    }
}

/// When fetching must be over, however many receipts there are.
#[derive(Debug)]
pub struct Until {
    moment: Instant,
    is_ended: AtomicBool,
}

impl Until {
    /// At this moment, unless it is ended before.
    pub fn at(moment: Instant) -> Self {
        Self {
            moment,
            is_ended: AtomicBool::new(false),
        }
    }

    /// From now on no other receipt and no other try is begun.
    pub fn end(&self) {
        self.is_ended.store(true, Ordering::Relaxed);
    }

    pub(super) fn moment(&self) -> Instant {
        if self.is_ended.load(Ordering::Relaxed) {
            self.moment.min(Instant::now())
        } else {
            self.moment
        }
    }
}

/// The patience of one round of receipts.
#[derive(Debug)]
pub(super) struct Round<'a> {
    whole: Duration,
    until: &'a Until,
    /// When the patience with each item ends; it begins with the item's first receipt.
    items: Mutex<HashMap<&'a AccountingEntryId, Instant>>,
}

impl<'a> Round<'a> {
    pub(super) fn new(whole: Duration, until: &'a Until) -> Self {
        Self {
            whole,
            until,
            items: Mutex::default(),
        }
    }

    /// When a receipt of this item from this host is given up.
    pub(super) fn ends(&self, item: &'a AccountingEntryId, share_of_host: Duration) -> Instant {
        let now = Instant::now();
        let of_item = *lock(&self.items).entry(item).or_insert(now + self.whole);
        of_item.min(now + share_of_host).min(self.until.moment())
    }

    /// Whether the round is over at the moment, with every receipt that is still to come.
    pub(super) fn is_over_at(&self, moment: Instant) -> bool {
        moment >= self.until.moment()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_tries_in_a_row_without_an_answer_make_a_host_silent_and_an_answer_restores_it() {
        let (hosts, whole) = (Hosts::default(), Duration::from_secs(120));
        for _ in 0..2 {
            for _ in 0..2 {
                hosts.unanswered("a");
            }
            assert_eq!(hosts.share("a", whole), whole);
            hosts.unanswered("a");
            assert_eq!(hosts.share("a", whole), whole / 10);
            assert_eq!(hosts.share("b", whole), whole);
            hosts.answered("a");
        }
    }

    #[test]
    fn the_receipts_of_an_item_share_one_patience() {
        let whole = Duration::from_secs(120);
        let until = Until::at(Instant::now() + whole * 2);
        let round = Round::new(whole, &until);
        let (a, b) = (AccountingEntryId::new("a"), AccountingEntryId::new("b"));
        let first = round.ends(&a, whole);
        assert!(round.ends(&a, whole / 10) < first);
        assert_eq!(round.ends(&a, whole * 9), first);
        assert!(round.ends(&b, whole) >= first);
    }
}
