//! What is news to those who were told before.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::checkpoint::Told;
use crate::cli::exit::Exit;
use crate::host::clock::TOLERATED;

/// How often it is told that nothing has changed.
const AGAIN_AFTER: TimeDelta = TimeDelta::days(1);

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// A job has begun.
    Started,
    /// A poll did what it should, perhaps with a warning.
    Success,
    /// A poll failed, or cannot go on without a person.
    Failure,
    /// A poll did not fail, after some that had.
    Recovery,
}

impl Event {
    /// The word in JSON and in the checkpoint.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Recovery => "recovery",
        }
    }
}

/// The level of a poll that did well, but for a job of another instance that the company waits for.
const HELD_UP: u8 = 100;

/// The exit code, as far as a change of it is news: failed items are told in Pleo, and come and go with the jobs.
pub(super) const fn level(exit: Exit, is_held_up: bool) -> u8 {
    match exit {
        Exit::Done | Exit::ItemsFailed if is_held_up => HELD_UP,
        Exit::Done | Exit::ItemsFailed => Exit::Done.code(),
        _ => exit.code(),
    }
}

/// What is to be told, if anything.
pub(super) fn news(told: Option<&Told>, has_failed: bool, level: u8, now: DateTime<Utc>) -> Option<Event> {
    let was_failing = told.is_some_and(|told| told.event == Event::Failure.as_str());
    let event = match (was_failing, has_failed) {
        (_, true) => Event::Failure,
        (true, false) => return Some(Event::Recovery),
        (false, false) => Event::Success,
    };
    let Some(told) = told else { return Some(event) };
    let is_change = was_failing != has_failed || told.exit_code != level;
    // That all is well again after a warning is no news.
    let is_news = is_change && level != Exit::Done.code();
    let is_due = now - told.at >= AGAIN_AFTER || told.at > now + TOLERATED;
    (is_news || is_due).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_news_and_what_stays_is_told_once_a_day() {
        use Event::{Failure, Recovery, Success};
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(400);
        let done = Exit::Done.code();
        let job_failed = Exit::JobFailed.code();
        let temporary = Exit::Temporary.code();
        let needs_person = Exit::NeedsPerson.code();
        for (before, hours, has_failed, level, due) in [
            (Some((Success, done)), 1, false, done, None),
            (Some((Success, done)), 24, false, done, Some(Success)),
            (Some((Success, done)), -1, false, done, Some(Success)),
            (Some((Success, done)), 0, false, done, None),
            (Some((Success, done)), 1, false, job_failed, Some(Success)),
            (Some((Success, job_failed)), 1, false, job_failed, None),
            (Some((Success, job_failed)), 1, false, done, None),
            (Some((Success, done)), 1, false, HELD_UP, Some(Success)),
            (Some((Success, HELD_UP)), 1, false, HELD_UP, None),
            (Some((Success, HELD_UP)), 1, false, done, None),
            (Some((Success, HELD_UP)), 1, true, needs_person, Some(Failure)),
            (Some((Success, done)), 1, true, temporary, Some(Failure)),
            (Some((Failure, temporary)), 1, true, temporary, None),
            (Some((Failure, temporary)), 24, true, temporary, Some(Failure)),
            (Some((Failure, temporary)), 1, true, needs_person, Some(Failure)),
            (Some((Failure, needs_person)), 1, true, needs_person, None),
            (Some((Failure, needs_person)), 1, false, done, Some(Recovery)),
            (Some((Recovery, done)), 1, false, done, None),
            (Some((Recovery, done)), 1, true, temporary, Some(Failure)),
            (None, 0, false, done, Some(Success)),
            (None, 0, true, temporary, Some(Failure)),
        ] {
            let told = before.map(|(event, level): (Event, u8)| Told {
                event: event.as_str().to_owned(),
                exit_code: level,
                at: now - TimeDelta::hours(hours),
            });
            assert_eq!(
                news(told.as_ref(), has_failed, level, now),
                due,
                "{told:?} {has_failed} {level}"
            );
        }
    }

    #[test]
    fn what_another_host_told_by_its_own_clock_is_not_told_again() {
        let now = DateTime::UNIX_EPOCH;
        let due = |ahead| {
            let told = Told {
                event: Event::Failure.as_str().to_owned(),
                exit_code: Exit::Temporary.code(),
                at: now + ahead,
            };
            news(Some(&told), true, Exit::Temporary.code(), now).is_some()
        };
        assert!(!due(TOLERATED) && due(TOLERATED + TimeDelta::seconds(1)));
    }

    #[test]
    fn failed_items_are_no_news_and_a_job_in_the_way_is() {
        assert_eq!(level(Exit::ItemsFailed, false), level(Exit::Done, false));
        assert_eq!(level(Exit::Done, true), HELD_UP);
        assert_eq!(level(Exit::NeedsPerson, true), Exit::NeedsPerson.code());
    }
}
