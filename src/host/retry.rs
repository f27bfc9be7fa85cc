//! When something that failed is tried again: after which statuses, after what time, for how long. Pure: the clock and
//! chance come in as arguments, and the waiting is done elsewhere.
//!
//! Waits grow exponentially with full jitter, so that many clients that failed together do not come back together.
//! `Retry-After` beats them. One patience covers all tries.

use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDateTime, Utc};

/// The longest first wait; each later one may be twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// The longest wait of our own choice.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Whether a status says that the same request may succeed in a moment: a server, or a proxy on the way to it, is
/// busy, out of order or too slow. 520 to 524 and 529 are those of content delivery networks.
pub const fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=504 | 507 | 520..=524 | 529)
}

/// What to do after a try that may be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try again after this time.
    Wait(Duration),
    /// The patience is over.
    GiveUp,
    /// The server asks for a wait that is longer than the patience left.
    TooLong(Duration),
}

/// The tries of one request.
#[derive(Debug)]
pub struct Retry {
    started: Instant,
    patience: Duration,
    tries: u32,
    chance: fastrand::Rng,
}

impl Retry {
    /// Begins now; no try begins after the patience is over.
    pub const fn new(started: Instant, patience: Duration, chance: fastrand::Rng) -> Self {
        Self {
            started,
            patience,
            tries: 0,
            chance,
        }
    }

    /// How many tries have ended.
    pub const fn tries(&self) -> u32 {
        self.tries
    }

    /// A try has ended and may be made again.
    pub fn failed(&mut self, now: Instant, retry_after: Option<Duration>) -> Next {
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

/// Reads a `Retry-After` header, seconds or a date, which is measured from `now`. Read is also what only resembles
/// them: `60.0`, `60 s`, `60, 60`; of several the longest counts. `None` where no time can be found in it.
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let until = http_date(header).or_else(|| {
        let date = DateTime::parse_from_rfc3339(header.trim()).ok()?;
        Some(date.with_timezone(&Utc))
    });
    if let Some(until) = until {
        return Some(until.signed_duration_since(now).to_std().unwrap_or_default());
    }
    header
        .split(',')
        .map(seconds)
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max()
}

/// A number of seconds, rounded up; one that is too large for a number is a very long time.
fn seconds(text: &str) -> Option<Duration> {
    let text = text.trim();
    let number = text
        .trim_end_matches(|last: char| last.is_ascii_alphabetic())
        .trim_end();
    let unit = text.get(number.len()..)?.trim().to_ascii_lowercase();
    if !matches!(unit.as_str(), "" | "s" | "sec" | "second" | "seconds") {
        return None;
    }
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let more = u64::from(fraction.bytes().any(|digit| digit != b'0'));
    let whole: u64 = whole.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(whole.saturating_add(more)))
}

/// Reads an HTTP date, such as `Sun, 06 Nov 1994 08:49:37 GMT`, or in one of the two older forms that may still be sent.
pub fn http_date(text: &str) -> Option<DateTime<Utc>> {
    const OLDER: [&str; 2] = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let text = text.trim();
    if let Ok(date) = DateTime::parse_from_rfc2822(text) {
        return Some(date.with_timezone(&Utc));
    }
    let older = |form: &&str| NaiveDateTime::parse_from_str(text, form).ok();
    OLDER.iter().find_map(older).map(|date| date.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_server_may_ask_for_a_longer_wait_but_not_beyond_the_patience() {
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
        for (header, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("60.0", Some(60)),
            ("1.5", Some(2)),
            ("60, 60", Some(60)),
            ("5, 60", Some(60)),
            ("60s", Some(60)),
            ("7 Seconds", Some(7)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("1994-11-06T08:50:37Z", Some(60)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", Some(60)),
            ("Sun Nov  6 08:50:37 1994", Some(60)),
            ("soon", None),
            ("-1", None),
            ("5 minutes", None),
            ("60, soon", None),
            (".5", None),
            ("\u{e9}", None),
            ("", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(header, now), expected, "{header}");
        }
    }
}
