//! What an item is, its figures and its days.

use std::fmt::Display;

use chrono::NaiveDate;

use super::{Refusal, quoted};
use crate::model::export_item::ExportItem;
use crate::model::money::Amount;
use crate::model::money::Money;
use crate::model::verdict::ItemFailureType;

impl Refusal {
    pub(in crate::bookkeeping) fn unknown_type(word: &str) -> Self {
        let word = quoted(word);
        Self::invalid(
            format!(
                "The type {word} is not known to this version of pleo-export: book the item by hand, or ask whoever runs the export to install a version that knows it."
            ),
            format!("the type {word} is not known"),
        )
    }

    pub(in crate::bookkeeping) fn unknown_sub_type(item_type: &str, word: &str) -> Self {
        let (item_type, word) = (quoted(item_type), quoted(word));
        Self::invalid(
            format!(
                "The type {item_type} with the sub-type {word} is not known to this version of pleo-export, and the sub-type may turn the direction around: book the item by hand, or ask whoever runs the export to install a version that knows it."
            ),
            format!("the type {item_type} with the sub-type {word} is not known"),
        )
    }

    pub(in crate::bookkeeping) fn unknown_method(word: &str) -> Self {
        let word = quoted(word);
        Self::invalid(
            format!(
                "The bookkeeping method {word} is not known to this version of pleo-export: choose journal or accounts payable in Pleo, then export again."
            ),
            format!("the bookkeeping method {word} is not known"),
        )
    }

    pub(in crate::bookkeeping) fn no_payables() -> Self {
        Self::new(
            ItemFailureType::InvalidConfiguration,
            "Pleo asks for a vendor bill, but this accounting system takes journal entries only: choose the method journal in Pleo, then export again.".to_owned(),
            "this accounting system takes no vendor bills",
        )
    }

    pub(in crate::bookkeeping) fn no_lines() -> Self {
        Self::invalid(
            "The item has no lines, so there is no account for the cost: give it a category in Pleo, then export again.".to_owned(),
            "an item has no lines",
        )
    }

    pub(in crate::bookkeeping) fn line_disagrees(
        line_number: usize,
        amount: Amount,
        net: Amount,
        tax: Amount,
    ) -> Self {
        Self::invalid(
            format!(
                "The figures of line {line_number} do not fit together (line {amount}, net {net}, tax {tax}): correct the tax in Pleo, then export again."
            ),
            "the figures of a line do not fit together",
        )
    }

    pub(in crate::bookkeeping) fn lines_disagree(sum: Amount, amount: Money) -> Self {
        Self::invalid(
            format!(
                "The lines add up to {sum}, but the amount is {amount}: correct the lines in Pleo, then export again."
            ),
            "the lines do not add up to the amount",
        )
    }

    pub(in crate::bookkeeping) fn unbalanced(item: &ExportItem) -> Self {
        Self::new(
            ItemFailureType::UnexpectedFailure,
            format!(
                "The entry for item {} would not balance, which is a fault in pleo-export: book the item by hand and report it.",
                item.entry_id
            ),
            "an entry would not balance",
        )
    }

    pub(in crate::bookkeeping) fn date_out_of_range(date: impl Display) -> Self {
        Self::invalid(
            format!("The date {date} cannot be a posting date: correct the date in Pleo, then export again."),
            "a date cannot be a posting date",
        )
    }

    pub(in crate::bookkeeping) fn closed(item_date: NaiveDate, closed_until: NaiveDate) -> Self {
        Self::invalid(
            format!(
                "The item is dated {item_date} and the books are closed until {closed_until}: open the period, or ask whoever runs the export to set bookkeeping.closed_periods to \"next_open\" or \"today\", then export again."
            ),
            format!("the books are closed until {closed_until}"),
        )
    }

    pub(in crate::bookkeeping) fn closed_today(
        item_date: NaiveDate,
        closed_until: NaiveDate,
        today: NaiveDate,
    ) -> Self {
        Self::invalid(
            format!(
                "The item is dated {item_date} and the books are closed until {closed_until}, which includes today ({today}): open the period, then export again."
            ),
            format!("the books are closed until {closed_until}"),
        )
    }
}
