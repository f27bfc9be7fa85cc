//! Which failed tries are made again, and after what time. Pure: the clock and chance come in as arguments, and
//! the waiting is done elsewhere.
//!
//! A GET or PUT may be repeated at will: the one reads, the other says the same thing twice. A POST is an event
//! that Pleo counts, so it is made again only when Pleo surely did not process it: the connection never came
//! about, or 429. Everything else that happens after a POST was sent is a lost answer. Waits grow
//! exponentially with full jitter, so that many clients that failed together do not come back together;
//! `Retry-After` beats them on the two statuses for which it is defined. One patience covers all tries.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// The longest first wait; each later one may be twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The longest wait of our own choice.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// What the request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// Reads.
    Get,
    /// Sets; the same twice is the same.
    Put,
    /// Sends an event; the same twice is not the same.
    Post,
}

impl Method {
    /// Whether doing it twice is as good as once.
    const fn is_repeatable(self) -> bool {
        matches!(self, Self::Get | Self::Put)
    }
}

/// How one try ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// No connection came about, so nothing was sent.
    NotConnected,
    /// Something broke after that: a timeout, a reset, half an answer.
    Interrupted,
    /// The answer was larger than any that Pleo sends.
    TooLarge,
    /// A whole answer; `json` says whether its body is JSON.
    Answered {
        /// The HTTP status.
        status: u16,
        /// Whether the body can be read at all.
        json: bool,
    },
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// It may be tried again.
    TryAgain,
    /// Nobody knows whether it is done.
    Lost,
    /// It is not done, and trying again is no use.
    Final,
}

/// Decides about one try.
pub(super) const fn classify(method: Method, ending: Ending) -> Outcome {
    match (ending, method.is_repeatable()) {
        (Ending::NotConnected | Ending::Answered { status: 429, .. }, _) => Outcome::TryAgain,
        (Ending::Answered { status: 200, json }, true) => {
            if json {
                Outcome::Done
            } else {
                Outcome::TryAgain
            }
        }
        (Ending::Answered { status: 202, .. }, false) => Outcome::Done,
        (
            Ending::Answered {
                status: 300..=499, ..
            },
            _,
        ) => Outcome::Final,
        (
            Ending::Interrupted
            | Ending::Answered {
                status: 500 | 502 | 503 | 504,
                ..
            },
            true,
        ) => Outcome::TryAgain,
        (Ending::TooLarge | Ending::Answered { .. }, true) => Outcome::Final,
        // A success that is not the promised one, a server that fell over: the event may have arrived.
        (Ending::Interrupted | Ending::TooLarge | Ending::Answered { .. }, false) => Outcome::Lost,
    }
}

/// What to do after a try that may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again after this time.
    Wait(Duration),
    /// The patience is over.
    GiveUp,
    /// Pleo asks for a wait that is longer than the patience left.
    TooLong(Duration),
}

/// The tries of one request.
#[derive(Debug)]
pub(super) struct Retry {
    started: Instant,
    patience: Duration,
    tries: u32,
    chance: fastrand::Rng,
}

impl Retry {
    /// Begins now; no try begins after the patience is over.
    pub(super) const fn new(started: Instant, patience: Duration, chance: fastrand::Rng) -> Self {
        Self {
            started,
            patience,
            tries: 0,
            chance,
        }
    }

    /// How many tries have ended.
    pub(super) const fn tries(&self) -> u32 {
        self.tries
    }

    /// A try has ended and may be made again.
    pub(super) fn failed(&mut self, now: Instant, retry_after: Option<Duration>) -> Next {
        let doublings = self.tries.min(16);
        self.tries = self.tries.saturating_add(1);
        let left = self
            .patience
            .saturating_sub(now.saturating_duration_since(self.started));
        if left.is_zero() {
            return Next::GiveUp;
        }
        if let Some(asked) = retry_after.filter(|asked| *asked > left) {
            return Next::TooLong(asked);
        }
        let longest = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let ours = Duration::from_millis(self.chance.u64(0..=longest));
        // The last try may begin right when the patience ends, so that no part of it is spent on nothing.
        Next::Wait(ours.max(retry_after.unwrap_or_default()).min(left))
    }
}

/// Reads a `Retry-After` header, seconds or a date; a date is measured from `now`.
pub(super) fn retry_after(status: u16, header: &str, now: DateTime<Utc>) -> Option<Duration> {
    if !matches!(status, 429 | 503) {
        return None;
    }
    if let Ok(seconds) = header.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(header)?;
    Some(until.signed_duration_since(now).to_std().unwrap_or_default())
}

/// Reads an HTTP date, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    let date = DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(date.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: bool = true;

    fn statuses(method: Method, json: bool, outcome: Outcome) -> Vec<u16> {
        (100..=599)
            .filter(|&status| classify(method, Ending::Answered { status, json }) == outcome)
            .collect()
    }

    #[test]
    fn reading_and_updating_are_tried_again_on_these_statuses() {
        for method in [Method::Get, Method::Put] {
            let retried = [429, 500, 502, 503, 504];
            assert_eq!(statuses(method, JSON, Outcome::TryAgain), retried);
            assert_eq!(statuses(method, JSON, Outcome::Done), [200]);
            assert_eq!(statuses(method, JSON, Outcome::Lost), [0; 0]);
            assert_eq!(statuses(method, !JSON, Outcome::TryAgain)[1..], retried);
            assert_eq!(
                statuses(method, !JSON, Outcome::TryAgain)[0],
                200,
                "an HTML page is no answer"
            );
            assert_eq!(statuses(method, !JSON, Outcome::Done), [0; 0]);
        }
    }

    #[test]
    fn an_event_is_tried_again_only_when_it_was_surely_not_processed() {
        for json in [JSON, !JSON] {
            assert_eq!(statuses(Method::Post, json, Outcome::TryAgain), [429]);
            assert_eq!(statuses(Method::Post, json, Outcome::Done), [202]);
            let refused: Vec<u16> = (300..=499).filter(|status| *status != 429).collect();
            assert_eq!(statuses(Method::Post, json, Outcome::Final), refused);
        }
    }

    #[test]
    fn a_broken_connection_is_tried_again_by_what_was_sent() {
        for (ending, repeatable, event) in [
            (Ending::NotConnected, Outcome::TryAgain, Outcome::TryAgain),
            (Ending::Interrupted, Outcome::TryAgain, Outcome::Lost),
            (Ending::TooLarge, Outcome::Final, Outcome::Lost),
        ] {
            assert_eq!(classify(Method::Get, ending), repeatable);
            assert_eq!(classify(Method::Put, ending), repeatable);
            assert_eq!(classify(Method::Post, ending), event);
        }
    }

    #[test]
    fn waits_grow_with_full_jitter_until_the_patience_is_over() {
        let started = Instant::now();
        let waits = |seed| {
            let mut retry = Retry::new(started, Duration::from_secs(120), fastrand::Rng::with_seed(seed));
            (0..10).map(|_| retry.failed(started, None)).collect::<Vec<_>>()
        };
        for seed in 0..50 {
            for (number, wait) in waits(seed).into_iter().enumerate() {
                let longest = (FIRST_WAIT * (1 << number)).min(LONGEST_WAIT);
                assert!(
                    matches!(wait, Next::Wait(wait) if wait <= longest),
                    "{number}: {wait:?}"
                );
            }
        }
        assert_ne!(waits(1), waits(2));
    }

    #[test]
    fn no_try_begins_after_the_patience() {
        let started = Instant::now();
        let patience = Duration::from_secs(10);
        let mut retry = Retry::new(started, patience, fastrand::Rng::with_seed(7));
        let almost = started + Duration::from_millis(9_999);
        assert!(matches!(retry.failed(almost, None), Next::Wait(wait) if wait <= Duration::from_millis(1)));
        assert_eq!(retry.failed(started + patience, None), Next::GiveUp);
        assert_eq!(
            retry.failed(started + patience * 2, Some(Duration::ZERO)),
            Next::GiveUp
        );
        assert_eq!(retry.tries(), 3);
    }

    #[test]
    fn pleo_may_ask_for_a_longer_wait_but_not_beyond_the_patience() {
        let started = Instant::now();
        let mut retry = Retry::new(started, Duration::from_secs(10), fastrand::Rng::with_seed(7));
        let seconds = Duration::from_secs;
        assert_eq!(retry.failed(started, Some(seconds(10))), Next::Wait(seconds(10)));
        assert_eq!(
            retry.failed(started, Some(seconds(11))),
            Next::TooLong(seconds(11))
        );
        assert_eq!(
            retry.failed(started, Some(Duration::MAX)),
            Next::TooLong(Duration::MAX)
        );
    }

    #[test]
    fn reads_retry_after_as_seconds_or_date() {
        let now = http_date("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        for (status, header, seconds) in [
            (429, "120", Some(120)),
            (503, " 0 ", Some(0)),
            (503, "Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            (429, "Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            (500, "120", None),
            (429, "soon", None),
            (429, "-1", None),
            (429, "1.5", None),
            (429, "", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(status, header, now), expected, "{status} {header}");
        }
    }
}
