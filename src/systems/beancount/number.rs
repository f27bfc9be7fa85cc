//! The numbers of the books: gapless for each year, taken when a batch is written.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

/// The number of one transaction, `PLEO-2026-000123`: the entry's id outside of Pleo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Number {
    /// The year of the posting date.
    pub(super) year: i32,
    /// Counted from 1 in that year.
    pub(super) serial: u32,
}

impl Number {
    /// The number `serial` of the year that the day lies in.
    pub(super) fn of_year(day: NaiveDate, serial: u32) -> Self {
        Self {
            year: Self::year_of(day),
            serial,
        }
    }

    /// The year in whose row of numbers a day lies.
    pub(super) fn year_of(day: NaiveDate) -> i32 {
        day.year()
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PLEO-{:04}-{:06}", self.year, self.serial)
    }
}

/// The text is not a number as we write them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotANumber;

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let (year, serial) = text
            .strip_prefix("PLEO-")
            .and_then(|rest| rest.split_once('-'))
            .ok_or(NotANumber)?;
        let number = Self {
            year: year.parse().map_err(|_| NotANumber)?,
            serial: serial.parse().map_err(|_| NotANumber)?,
        };
        // Written in one way only, so that equal numbers are equal texts.
        if number.to_string() == text {
            Ok(number)
        } else {
            Err(NotANumber)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_one_way() {
        for text in ["PLEO-2026-000123", "PLEO-2026-1000000"] {
            assert_eq!(text.parse::<Number>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "PLEO-2026",
            "PLEO-2026-123",
            "PLEO-2026-00012x",
            "pleo-2026-000123",
            "PLEO-2026-+00123",
        ] {
            assert_eq!(text.parse::<Number>(), Err(NotANumber), "{text}");
        }
    }
}
