//! Whether a listener does its work: by when a poll has last succeeded.

use std::time::{Duration, Instant};

/// So many times `--every` may pass without a good poll.
const TOLERATED_TURNS: u32 = 3;

/// How the polls of a company went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    last_success: Option<Instant>,
    at_work_since: Option<Instant>,
    /// When the next poll is to begin, or was.
    due: Option<Instant>,
}

impl Health {
    pub(super) fn begun(&mut self, now: Instant) {
        self.at_work_since = Some(now);
    }

    pub(super) fn ended(&mut self, is_success: bool, now: Instant, due: Instant) {
        self.at_work_since = None;
        self.due = Some(due);
        if is_success {
            self.last_success = Some(now);
        }
    }

    /// Whether a poll is at work, and not for longer than `patience`.
    pub(super) fn is_at_work(&self, now: Instant, patience: Duration) -> bool {
        self.at_work_since
            .is_some_and(|since| now.saturating_duration_since(since) <= patience)
    }

    /// Whether the last success was young enough when the poll that is at work began, or was due and had to wait for that of
    /// another company: whoever ends what is not healthy must not end a large job again and again.
    pub(super) fn is_good(&self, now: Instant, every: Duration, is_any_at_work: bool) -> bool {
        let seen_from = [self.at_work_since, self.due]
            .into_iter()
            .flatten()
            .filter(|_| is_any_at_work)
            .fold(now, Instant::min);
        self.last_success.is_some_and(|success| {
            seen_from.saturating_duration_since(success) <= every.saturating_mul(TOLERATED_TURNS)
        })
    }
}
