//! What is news to those who were told before.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::checkpoint::Told;
use crate::cli::exit::Exit;

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
    /// A poll failed.
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

/// The exit code, as far as a change of it is news: failed items are told in Pleo, and come and go with the jobs.
pub(super) const fn level(has_failed: bool, exit: Exit) -> u8 {
    match exit {
        Exit::ItemsFailed => Exit::Done.code(),
        Exit::JobFailed | Exit::NeedsPerson => exit.code(),
        _ if has_failed => exit.code(),
        _ => Exit::Done.code(),
    }
}

/// What is to be told, if anything.
pub(super) fn news(told: Option<&Told>, has_failed: bool, exit: Exit, now: DateTime<Utc>) -> Option<Event> {
    let level = level(has_failed, exit);
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
    let is_due = now - told.at >= AGAIN_AFTER || told.at > now;
    (is_news || is_due).then_some(event)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_is_news_and_what_stays_is_told_once_a_day() {
        use Event::{Failure, Recovery, Success};
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(400);
        let told = |event: Event, exit: Exit, hours| Told {
            event: event.as_str().to_owned(),
            exit_code: exit.code(),
            at: now - TimeDelta::hours(hours),
        };
        for (before, hours, has_failed, exit, due) in [
            (Some((Success, Exit::Done)), 1, false, Exit::Done, None),
            (Some((Success, Exit::Done)), 1, false, Exit::ItemsFailed, None),
            (
                Some((Success, Exit::Done)),
                24,
                false,
                Exit::ItemsFailed,
                Some(Success),
            ),
            (Some((Success, Exit::Done)), -1, false, Exit::Done, Some(Success)),
            (
                Some((Success, Exit::Done)),
                1,
                false,
                Exit::JobFailed,
                Some(Success),
            ),
            (Some((Success, Exit::JobFailed)), 1, false, Exit::JobFailed, None),
            (Some((Success, Exit::JobFailed)), 1, false, Exit::Done, None),
            (
                Some((Success, Exit::Done)),
                1,
                true,
                Exit::Temporary,
                Some(Failure),
            ),
            (Some((Failure, Exit::Temporary)), 1, true, Exit::Temporary, None),
            (
                Some((Failure, Exit::Temporary)),
                24,
                true,
                Exit::Temporary,
                Some(Failure),
            ),
            (
                Some((Failure, Exit::Temporary)),
                1,
                true,
                Exit::NeedsPerson,
                Some(Failure),
            ),
            (Some((Failure, Exit::Usage)), 1, false, Exit::Done, Some(Recovery)),
            (
                Some((Failure, Exit::Usage)),
                1,
                false,
                Exit::NeedsPerson,
                Some(Recovery),
            ),
            (Some((Recovery, Exit::Done)), 1, false, Exit::Done, None),
            (Some((Recovery, Exit::Done)), 1, true, Exit::Usage, Some(Failure)),
            (None, 0, false, Exit::Done, Some(Success)),
            (None, 0, true, Exit::Usage, Some(Failure)),
        ] {
            let told = before.map(|(event, exit)| told(event, exit, hours));
            assert_eq!(
                news(told.as_ref(), has_failed, exit, now),
                due,
                "{told:?} {has_failed} {exit:?}"
            );
        }
    }
}
