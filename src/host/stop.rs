//! The request to stop a run, and the wait for a time to pass, which such a request ends at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

/// A request to stop, shared by everything that waits.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    shared: Arc<(Mutex<bool>, Condvar)>,
}

/// The run was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("stopped by a signal")]
pub struct Stopped;

impl Stop {
    /// Nothing is requested yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Requests the stop and ends every wait.
    pub fn request(&self) {
        let (flag, wake) = &*self.shared;
        *flag.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
    }

    /// Whether the stop was requested.
    pub fn is_requested(&self) -> bool {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same as a result, for `?` between two steps.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_requested() { Err(Stopped) } else { Ok(()) }
    }

    /// Waits for this time, or until the stop is requested, which is the error.
    pub fn wait(&self, duration: Duration) -> Result<(), Stopped> {
        self.wait_for(duration, || false)
    }

    /// Lets every [`Stop::wait_for`] look again.
    pub fn wake(&self) {
        let (flag, wake) = &*self.shared;
        // Whoever is between its look and its wait holds the lock, and must not miss this.
        drop(flag.lock().unwrap_or_else(PoisonError::into_inner));
        wake.notify_all();
    }

    /// Waits until `is_due`, as seen after each [`Stop::wake`], or the time is over, unless the stop is requested before.
    pub fn wait_for(&self, duration: Duration, is_due: impl Fn() -> bool) -> Result<(), Stopped> {
        let until = Instant::now() + duration;
        let (flag, wake) = &*self.shared;
        let mut requested = flag.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if *requested {
                return Err(Stopped);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || is_due() {
                return Ok(());
            }
            requested = wake
                .wait_timeout(requested, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_when_the_stop_comes() {
        let stop = Stop::new();
        assert_eq!(stop.wait(Duration::from_millis(1)), Ok(()));
        let started = Instant::now();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| stop.wait(Duration::from_secs(60)));
            stop.request();
            assert_eq!(waiting.join().unwrap(), Err(Stopped));
        });
        assert!(started.elapsed() < Duration::from_secs(30));
        assert_eq!(stop.check(), Err(Stopped));
    }
}
