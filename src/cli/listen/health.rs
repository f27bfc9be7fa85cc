//! Whether a listener does its work: by when a poll has last succeeded.

use std::time::{Duration, Instant};

/// So many times `--every` may pass without a good poll.
const TOLERATED_TURNS: u32 = 3;

/// How the polls of a company went.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Health {
    last_success: Option<Instant>,
    at_work_since: Option<Instant>,
}

impl Health {
    pub(super) fn begun(&mut self, now: Instant) {
        self.at_work_since = Some(now);
    }

    pub(super) fn ended(&mut self, is_success: bool, now: Instant) {
        self.at_work_since = None;
        if is_success {
            self.last_success = Some(now);
        }
    }

    /// Whether the last success is young enough. A poll that is at work was healthy when it began, and stays so for
    /// `patience`: whoever ends what is not healthy must not end a large job again and again.
    pub(super) fn is_good(&self, now: Instant, every: Duration, patience: Duration) -> bool {
        let seen_from = self
            .at_work_since
            .filter(|since| now.saturating_duration_since(*since) <= patience)
            .unwrap_or(now);
        self.last_success.is_some_and(|success| {
            seen_from.saturating_duration_since(success) <= every.saturating_mul(TOLERATED_TURNS)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_turns_may_pass_and_a_long_run_is_no_failure() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let is_good =
            |health: Health, now| health.is_good(at(now), Duration::from_secs(10), Duration::from_secs(100));
        let mut health = Health::default();
        assert!(!is_good(health, 0), "nothing is known yet");
        health.begun(at(0));
        assert!(!is_good(health, 1));
        health.ended(true, at(2));
        assert!(is_good(health, 32) && !is_good(health, 33));
        health.begun(at(12));
        health.ended(false, at(13));
        assert!(is_good(health, 32) && !is_good(health, 33));
        health.begun(at(32));
        assert!(
            is_good(health, 132) && !is_good(health, 133),
            "at work, but not for ever"
        );
    }
}
