//! Taking entries back: what is asked for, on which day it is booked, what came of it.

use std::fmt;

use chrono::NaiveDate;
use thiserror::Error;

/// Entries to take back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReversalRequest {
    /// Their numbers in the books, each once.
    pub numbers: Vec<String>,
    /// Why, for those who read the books later.
    pub reason: Option<String>,
    /// On which day each is taken back.
    pub days: ReversalDays,
}

/// How the day of a reversal is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReversalDays {
    /// The day that a person named; it beats all others.
    pub named: Option<NaiveDate>,
    /// Until when the settings close the books, inclusive.
    pub closed_until: Option<NaiveDate>,
    /// What happens when the day of the entry is closed.
    pub when_closed: WhenClosed,
}

/// What happens to a reversal whose entry lies in a closed period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenClosed {
    /// A person must name a day.
    Ask,
    /// It is booked on the first open day.
    NextOpen,
    /// It is booked on this day, today.
    Today(NaiveDate),
}

/// Why there is no day for a reversal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoDay {
    /// The day of the entry is closed and the settings ask a person.
    #[error("its day, {day}, is closed until {until}: name an open day with --date")]
    Closed {
        /// The day of the entry.
        day: NaiveDate,
        /// The last closed day.
        until: NaiveDate,
    },
    /// The named day is closed.
    #[error(
        "the books are closed until {until}, so it cannot be booked on {day}: name a later day with --date"
    )]
    NamedIsClosed {
        /// The named day.
        day: NaiveDate,
        /// The last closed day.
        until: NaiveDate,
    },
    /// A reversal before the entry would take back what is not there yet.
    #[error("it was booked on {entry}, so it cannot be taken back on {day}: name a later day with --date")]
    BeforeTheEntry {
        /// The named day.
        day: NaiveDate,
        /// The day of the entry.
        entry: NaiveDate,
    },
}

impl ReversalDays {
    /// The day on which an entry of the day `entry` is taken back. The accounting system may itself close the books
    /// until a day, and may have confirmed a balance at the beginning of another, which a reversal before it would break.
    pub fn day(
        &self,
        entry: NaiveDate,
        system_closed_until: Option<NaiveDate>,
        confirmed_on: Option<NaiveDate>,
    ) -> Result<NaiveDate, NoDay> {
        let closed_until = self.closed_until.max(system_closed_until);
        if let Some(day) = self.named {
            return match closed_until {
                Some(until) if day <= until => Err(NoDay::NamedIsClosed { day, until }),
                _ if day < entry => Err(NoDay::BeforeTheEntry { day, entry }),
                _ => Ok(day),
            };
        }
        let confirmed_until = confirmed_on.and_then(|day| day.pred_opt());
        let Some(until) = closed_until.max(confirmed_until).filter(|until| entry <= *until) else {
            return Ok(entry);
        };
        let closed = NoDay::Closed { day: entry, until };
        match self.when_closed {
            WhenClosed::Ask => Err(closed),
            WhenClosed::NextOpen => until.succ_opt().ok_or(closed),
            WhenClosed::Today(today) if today <= until => Err(closed),
            WhenClosed::Today(today) => Ok(today.max(entry)),
        }
    }
}

/// An entry that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reversed {
    /// The entry's number.
    pub external_id: String,
    /// The number of what takes it back; `None` where it was a draft that is cancelled.
    pub reversal: Option<String>,
    /// On which day.
    pub date: NaiveDate,
    /// How many documents were taken back: 1, or 2 for a bill with its payment.
    pub documents: usize,
}

impl fmt::Display for Reversed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reversal {
            Some(by) => write!(f, "{} was reversed by {by} on {}", self.external_id, self.date),
            None => write!(f, "{} was cancelled", self.external_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WhenClosed::{Ask, NextOpen, Today};
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    const fn days(
        named: Option<NaiveDate>,
        closed_until: Option<NaiveDate>,
        when_closed: WhenClosed,
    ) -> ReversalDays {
        ReversalDays {
            named,
            closed_until,
            when_closed,
        }
    }

    #[test]
    fn an_open_day_is_taken_and_for_a_closed_one_the_settings_say() {
        let (march, may, june) = (day("2026-03-31"), day("2026-05-10"), day("2026-06-01"));
        let closed = |day, until| Err(NoDay::Closed { day, until });
        for (name, closed_until, when_closed, confirmed_on, expected) in [
            ("open", None, Ask, None, Ok(may)),
            ("closed before", Some(march), Ask, None, Ok(may)),
            ("closed", Some(may), Ask, None, closed(may, may)),
            ("next open", Some(may), NextOpen, None, Ok(day("2026-05-11"))),
            ("today", Some(may), Today(june), None, Ok(june)),
            (
                "today is closed",
                Some(june),
                Today(june),
                None,
                closed(may, june),
            ),
            ("a balance of that morning", None, Ask, Some(may), Ok(may)),
            (
                "a later balance",
                None,
                Ask,
                Some(june),
                closed(may, day("2026-05-31")),
            ),
            ("next open after a balance", None, NextOpen, Some(june), Ok(june)),
        ] {
            let days = days(None, closed_until, when_closed);
            assert_eq!(days.day(may, None, confirmed_on), expected, "{name}");
        }
        let by_system = days(None, None, NextOpen).day(may, Some(june), None);
        assert_eq!(by_system, Ok(day("2026-06-02")));
    }

    #[test]
    fn a_named_day_beats_all_but_must_be_open_and_not_before_the_entry() {
        let (march, may, june) = (day("2026-03-31"), day("2026-05-10"), day("2026-06-01"));
        let named = |day, closed_until| days(Some(day), closed_until, Ask).day(may, None, Some(june));
        assert_eq!(named(june, Some(may)), Ok(june));
        assert_eq!(named(may, None), Ok(may), "a person knows of the balance");
        let (day, until) = (may, june);
        assert_eq!(named(may, Some(june)), Err(NoDay::NamedIsClosed { day, until }));
        let (day, entry) = (march, may);
        assert_eq!(named(march, None), Err(NoDay::BeforeTheEntry { day, entry }));
    }
}
