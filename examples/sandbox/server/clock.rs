//! The server's clock: real time plus what a test has moved it ahead. Everything that Pleo decides by time (expiry of
//! jobs, age of receipt addresses, the `Date` header) asks here.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Real time, moved ahead on demand; it never goes back.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead: TimeDelta,
}

impl Clock {
    /// The server's present moment.
    pub fn now(&self) -> DateTime<Utc> {
        #[allow(clippy::disallowed_methods, reason = "this is the sandbox's one clock")]
        let now = Utc::now();
        now + self.ahead
    }

    /// Moves the clock ahead by `duration`.
    pub fn advance(&mut self, duration: Duration) {
        self.ahead += TimeDelta::from_std(duration).unwrap_or(TimeDelta::zero());
    }
}

/// A moment as Pleo writes it in JSON: UTC, whole seconds.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A moment as HTTP writes it in `Date` and `Retry-After`.
pub fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
