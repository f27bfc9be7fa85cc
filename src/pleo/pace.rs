//! Not more requests in a minute than is allowed: each try gets a moment of its own, evenly apart.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::host::stop::Stop;

/// The next moment at which a request may leave.
#[derive(Debug)]
pub(super) struct Pace {
    /// Nothing where requests leave as they come.
    apart: Duration,
    next: Mutex<Instant>,
}

impl Pace {
    pub(super) fn new(requests_per_minute: u32) -> Self {
        Self {
            apart: Duration::from_secs(60)
                .checked_div(requests_per_minute)
                .unwrap_or_default(),
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for its moment. A request to stop ends the wait: what is known must still be told.
    pub(super) fn wait(&self, stop: &Stop) {
        if self.apart.is_zero() {
            return;
        }
        let now = Instant::now();
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let moment = now.max(*next);
        *next = moment + self.apart;
        drop(next);
        let _ = stop.wait(moment - now);
    }
}
