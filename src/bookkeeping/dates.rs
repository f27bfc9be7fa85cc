//! On which day a document is booked: the item's day in the books' time zone, moved only out of closed
//! periods.

use chrono::{DateTime, Months, NaiveDate, Offset, TimeZone, Utc};

use super::planner::Planner;
use super::refusal::Refusal;
use super::settings::ClosedPeriods;

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
        day_in(self.item.date, self.settings.time_zone)
            .ok_or_else(|| Refusal::date_out_of_range(self.item.date.naive_utc()))
    }

    /// A remark on a document that is dated so far ahead of the run that its year or month may be a slip.
    pub(super) fn far_ahead(&self, item_date: NaiveDate) -> Option<String> {
        let latest = self.view.today.checked_add_months(Months::new(1))?;
        (item_date > latest).then(|| {
            format!(
                "the expense is dated {item_date}, more than a month after the day it was exported ({})",
                self.view.today
            )
        })
    }
}

/// The calendar day of a moment in a time zone; `None` at the edge of the calendar.
pub(super) fn day_in(moment: DateTime<Utc>, time_zone: chrono_tz::Tz) -> Option<NaiveDate> {
    // Not `with_timezone`: it panics there.
    let utc = moment.naive_utc();
    let offset = time_zone.offset_from_utc_datetime(&utc).fix();
    utc.checked_add_offset(offset).map(|local| local.date())
}
