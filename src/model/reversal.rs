//! Taking entries back: what is wished, on which day it is booked, what came of it.

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

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn the_day_is_the_named_one_else_that_of_the_entry_else_what_the_settings_say() {
        let (march, may, june) = (day("2026-03-31"), day("2026-05-10"), day("2026-06-01"));
        let closed = |day, until| Err(NoDay::Closed { day, until });
        use WhenClosed::{Ask, NextOpen, Today};
        let cases = [
            ("open", None, None, Ask, None, Ok(may)),
            ("closed before", None, Some(march), Ask, None, Ok(may)),
            ("closed", None, Some(may), Ask, None, closed(may, may)),
            (
                "next open",
                None,
                Some(may),
                NextOpen,
                None,
                Ok(day("2026-05-11")),
            ),
            ("today", None, Some(may), Today(june), None, Ok(june)),
            (
                "today is closed",
                None,
                Some(june),
                Today(june),
                None,
                closed(may, june),
            ),
            ("named", Some(june), None, Ask, None, Ok(june)),
            (
                "named, and the entry's day is closed",
                Some(june),
                Some(may),
                Ask,
                None,
                Ok(june),
            ),
            (
                "a balance on the same day is of its beginning",
                None,
                None,
                Ask,
                Some(may),
                Ok(may),
            ),
            (
                "a later balance",
                None,
                None,
                Ask,
                Some(june),
                closed(may, day("2026-05-31")),
            ),
            (
                "a later balance, next open",
                None,
                None,
                NextOpen,
                Some(june),
                Ok(june),
            ),
            (
                "a later balance, named",
                Some(may),
                None,
                Ask,
                Some(june),
                Ok(may),
            ),
            (
                "named, but closed",
                Some(may),
                Some(june),
                Ask,
                None,
                Err(NoDay::NamedIsClosed {
                    day: may,
                    until: june,
                }),
            ),
            (
                "named, but before the entry",
                Some(march),
                None,
                Ask,
                None,
                Err(NoDay::BeforeTheEntry {
                    day: march,
                    entry: may,
                }),
            ),
        ];
        for (name, named, closed_until, when_closed, confirmed_on, expected) in cases {
            let days = ReversalDays {
                named,
                closed_until,
                when_closed,
            };
            assert_eq!(days.day(may, None, confirmed_on), expected, "{name}");
        }
        let by_system = ReversalDays {
            named: None,
            closed_until: None,
            when_closed: NextOpen,
        };
        assert_eq!(by_system.day(may, Some(june), None), Ok(day("2026-06-02")));
    }
}
