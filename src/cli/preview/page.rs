//! What both forms of the answer are told, in this order, and what they must know to show it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::cli::exit::Exit;
use crate::export::preview::{Chosen, Decided, EntryPreview, JobPreview};
use crate::export::report::Problem;
use crate::model::money::{Amount, Currency};

/// How what is seen is shown.
pub(super) trait Page {
    fn begin(&mut self, chosen: &Chosen);
    fn job(&mut self, preview: &JobPreview);
    fn entry(&mut self, entry: &EntryPreview);
    fn job_end(&mut self, preview: &JobPreview, totals: &AccountTotals);
    fn end(self: Box<Self>, exit: Exit, problem: Option<&Problem>) -> Exit;
}

/// What would move on each account.
pub(super) type AccountTotals = BTreeMap<(String, Currency), Amount>;

/// What must be known to show it.
pub(super) struct View {
    /// The name of the accounting system.
    pub(super) system: String,
    /// What it decides when it books.
    pub(super) decided: Vec<Decided>,
    pub(super) zone: Tz,
}

impl View {
    /// The day of a moment as the checkpoint has it, in the calendar of the books.
    pub(super) fn day(&self, date: &str) -> Option<String> {
        let moment: DateTime<Utc> = date.parse().ok()?;
        Some(moment.with_timezone(&self.zone).date_naive().to_string())
    }

    pub(super) fn knows_numbers(&self) -> bool {
        !self.decided.contains(&Decided::Numbers)
    }
}
