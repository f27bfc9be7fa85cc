//! The only reader of the clock. What is pure (the model, bookkeeping, the schedule of retries) takes the time as an
//! argument.
//!
//! A machine whose clock is wrong would book on wrong days and tell Pleo wrong times. Where another clock is known to be
//! better, the time follows that one for the rest of the thread's work.

use std::cell::Cell;
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};

use super::kill;

/// How far our clock may be off before another one is followed.
pub const TOLERATED: TimeDelta = TimeDelta::minutes(5);

thread_local! {
    /// A time on the better clock, and when it was so.
    static BETTER: Cell<Option<(DateTime<Utc>, Instant)>> = const { Cell::new(None) };
}

/// The time of day in UTC, in whole milliseconds, as everything we store and send has it.
pub fn now() -> DateTime<Utc> {
    BETTER.get().map_or_else(ours, on)
}

/// Follows a better clock, which showed `at` at the moment `when`, if ours is off by more than five minutes, and ours
/// otherwise. Answers by how much ours is ahead when that is news.
pub fn follow(better: Option<(DateTime<Utc>, Instant)>) -> Option<TimeDelta> {
    let ahead = |better| ours() - on(better);
    let followed = better.filter(|better| ahead(*better).abs() > TOLERATED);
    let before = BETTER.replace(followed);
    followed.filter(|_| before.is_none()).map(ahead)
}

/// How long this machine has been on, its sleep included. It never goes back, so it tells how long a process was away:
/// stopped, or suspended with its machine.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// How long this process has been at work, by a clock that never goes back. On some systems it stands still while the
/// machine sleeps.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub fn since_boot() -> Duration {
    static BEGAN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    BEGAN.elapsed()
}

/// A time to the second, as people, scripts and Pleo read it: `2026-11-22T09:30:00Z`.
pub fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A time to the millisecond, as it is kept: `2026-11-22T09:30:00.000Z`.
pub fn exact_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// How long something lasts, for people.
pub fn length(duration: TimeDelta) -> String {
    let seconds = duration.num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn on((at, when): (DateTime<Utc>, Instant)) -> DateTime<Utc> {
    let since = TimeDelta::from_std(when.elapsed()).unwrap_or_default();
    at.checked_add_signed(since).unwrap_or(at).trunc_subsecs(3)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
fn ours() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3) + Duration::from_secs(kill::limit("PLEO_EXPORT_CLOCK_AHEAD", 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_clock_is_followed_where_ours_is_far_off() {
        let at = |offset| Some((ours() + offset, Instant::now()));
        let is_near = |time: DateTime<Utc>| (now() - time).abs() < TimeDelta::minutes(1);
        assert_eq!(follow(at(TimeDelta::minutes(4))), None);
        assert!(is_near(ours()));
        let behind = follow(at(TimeDelta::days(2))).unwrap();
        assert!(behind < TimeDelta::days(-1) && is_near(ours() + TimeDelta::days(2)));
        assert_eq!(follow(at(TimeDelta::days(2))), None, "no news");
        assert_eq!(follow(None), None);
        assert!(is_near(ours()));
        let ahead = follow(at(TimeDelta::days(-2))).unwrap();
        assert!(ahead > TimeDelta::days(1) && is_near(ours() - TimeDelta::days(2)));
    }
}
