//! Says what is waited for where nothing seems to happen.

use std::time::Duration;

use tracing::{Span, info, warn};

use super::terminal::Stream;
use crate::host::stop::Stop;
use crate::host::waiting;

/// Waits that last longer are told.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// How often it is looked for them.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Looks for long waits until it is dropped.
pub(super) struct Watcher(Stop);

impl Watcher {
    /// Begins to look. A person at a terminal is told at once, the log of a service only where it tells more (`-v`).
    pub(super) fn start() -> Self {
        let ended = Stop::new();
        let watcher = Self(ended.clone());
        // Its lines in the log are of the company in hand, too.
        let span = Span::current();
        std::thread::spawn(move || {
            let _entered = span.enter();
            let mut told = None;
            while ended.wait(LOOK_EVERY).is_ok() {
                for wait in waiting::longer_than(TOLD_AFTER) {
                    if told.is_some_and(|told| told >= wait.number) {
                        continue;
                    }
                    told = Some(wait.number);
                    if Stream::Err.is_terminal() {
                        warn!("still waiting for {}", wait.what);
                    } else {
                        info!("still waiting for {}", wait.what);
                    }
                }
            }
        });
        watcher
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.0.request();
    }
}
