//! On which day a document is booked: the item's day in the books' time zone, moved only out of closed
//! periods.

use chrono::{NaiveDate, Offset, TimeZone};

use super::refusal::Refusal;
use super::{ClosedPeriods, Planner};

/// The two days of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dates {
    /// The day of the item in the books' time zone.
    pub(super) item_date: NaiveDate,
    /// The day it is booked on, never earlier.
    pub(super) posting_date: NaiveDate,
}

impl Planner<'_> {
    /// The days of a document. Bills and credit notes may be closed for longer than the rest, and so may what has tax.
    pub(super) fn dates(&self, is_purchase: bool, has_tax: bool) -> Result<Dates, Refusal> {
        let item_date = self.item_date()?;
        let closing = &self.view.resolution.closed_until;
        let closed_until = [
            self.settings.closed_until,
            closing.all,
            closing.purchases.filter(|_| is_purchase),
            closing.taxed.filter(|_| has_tax),
        ]
        .into_iter()
        .flatten()
        .max();
        let posting_date = match closed_until {
            Some(closed_until) if item_date <= closed_until => self.moved(item_date, closed_until)?,
            _ => item_date,
        };
        Ok(Dates {
            item_date,
            posting_date,
        })
    }

    fn moved(&self, item_date: NaiveDate, closed_until: NaiveDate) -> Result<NaiveDate, Refusal> {
        let today = self.view.today;
        match self.settings.closed_periods {
            ClosedPeriods::Fail => Err(Refusal::closed(item_date, closed_until)),
            ClosedPeriods::NextOpen => closed_until
                .succ_opt()
                .ok_or_else(|| Refusal::closed(item_date, closed_until)),
            ClosedPeriods::Today if today <= closed_until => {
                Err(Refusal::closed_today(item_date, closed_until, today))
            }
            ClosedPeriods::Today => Ok(today),
        }
    }

    fn item_date(&self) -> Result<NaiveDate, Refusal> {
        // Not `with_timezone`: it panics at the edge of the calendar.
        let utc = self.item.date.naive_utc();
        let offset = self.settings.time_zone.offset_from_utc_datetime(&utc).fix();
        utc.checked_add_offset(offset)
            .map(|local| local.date())
            .ok_or_else(|| Refusal::date_out_of_range(utc))
    }
}
