//! What the program waits for, so that a person who sees nothing happen can be told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

static NEXT: AtomicU64 = AtomicU64::new(0);
static WAITS: Mutex<Vec<Wait>> = Mutex::new(Vec::new());

/// Something that is waited for.
#[derive(Clone, Debug)]
pub struct Wait {
    /// No two waits have the same.
    pub number: u64,
    /// For what.
    pub what: String,
    since: Instant,
}

/// A wait; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the wait ends with it"]
pub struct Waiting(u64);

/// From now on this is waited for. The text must hold nothing secret.
pub fn waiting_for(what: impl Into<String>) -> Waiting {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let wait = Wait {
        number,
        what: what.into(),
        since: Instant::now(),
    };
    WAITS.lock().unwrap_or_else(PoisonError::into_inner).push(wait);
    Waiting(number)
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waits = WAITS.lock().unwrap_or_else(PoisonError::into_inner);
        waits.retain(|wait| wait.number != self.0);
    }
}

/// What has been waited for at least so long.
pub fn longer_than(patience: Duration) -> Vec<Wait> {
    let waits = WAITS.lock().unwrap_or_else(PoisonError::into_inner);
    let long = waits.iter().filter(|wait| wait.since.elapsed() >= patience);
    long.cloned().collect()
}
