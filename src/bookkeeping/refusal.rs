//! Why an item cannot be booked: a kind that Pleo knows, and a text that tells the bookkeeper what to do.
//!
//! Every text is made here, so that they can be read side by side. Each refusal also carries the cause
//! without the particulars of the item, by which the refusals of a job are counted.

use std::collections::HashMap;
use std::fmt::Display;

use chrono::NaiveDate;
use thiserror::Error;

use crate::model::export_item::ExportItem;
use crate::model::foreign_text::one_line;
use crate::model::money::{Amount, Money};
use crate::model::references::Account;
use crate::model::verdict::ItemFailureType;

use super::role::Role;

/// The longest foreign word that a text quotes, in characters.
const LONGEST_WORD: usize = 80;

/// Why one item cannot be booked. Nothing of it was touched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Its kind, in Pleo's words.
    pub failure_type: ItemFailureType,
    /// What is wrong with which object and what to do: sentences for the bookkeeper.
    pub reason: String,
    /// The cause alone: the same text for every item that is refused for it.
    pub group: String,
}

/// Counts refusals by cause, the most frequent first, then by text.
pub fn grouped<'a>(refusals: impl Iterator<Item = &'a Refusal>) -> Vec<(String, usize)> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for refusal in refusals {
        *counts.entry(&refusal.group).or_default() += 1;
    }
    let mut groups: Vec<(String, usize)> = counts
        .into_iter()
        .map(|(group, count)| (group.to_owned(), count))
        .collect();
    groups.sort_by(|(text, count), (other_text, other_count)| {
        other_count.cmp(count).then_with(|| text.cmp(other_text))
    });
    groups
}

impl Refusal {
    /// Foreign text may hold line breaks and terminal codes; none of them reaches a log or a bookkeeper.
    fn new(failure_type: ItemFailureType, reason: String, group: impl Into<String>) -> Self {
        let printable = |text: String| text.replace(|character: char| character.is_control(), " ");
        Self {
            failure_type,
            reason: printable(reason),
            group: printable(group.into()),
        }
    }

    fn invalid(reason: String, group: impl Into<String>) -> Self {
        Self::new(ItemFailureType::ValidationFailure, reason, group)
    }

    fn missing(reason: String, group: impl Into<String>) -> Self {
        Self::new(ItemFailureType::MissingConfiguration, reason, group)
    }

    // --- What it is ---

    pub(super) fn unknown_type(word: &str) -> Self {
        let word = quoted(word);
        Self::invalid(
            format!(
                "The type {word} is not known to this version of pleo-export: book the item by hand, or ask whoever runs the export to install a version that knows it."
            ),
            format!("the type {word} is not known"),
        )
    }

    pub(super) fn unknown_sub_type(item_type: &str, word: &str) -> Self {
        let (item_type, word) = (quoted(item_type), quoted(word));
        Self::invalid(
            format!(
                "The type {item_type} with the sub-type {word} is not known to this version of pleo-export, and the sub-type may turn the direction around: book the item by hand, or ask whoever runs the export to install a version that knows it."
            ),
            format!("the type {item_type} with the sub-type {word} is not known"),
        )
    }

    pub(super) fn unknown_method(word: &str) -> Self {
        let word = quoted(word);
        Self::invalid(
            format!(
                "The bookkeeping method {word} is not known to this version of pleo-export: choose journal or accounts payable in Pleo, then export again."
            ),
            format!("the bookkeeping method {word} is not known"),
        )
    }

    pub(super) fn no_payables() -> Self {
        Self::new(
            ItemFailureType::InvalidConfiguration,
            "Pleo asks for a vendor bill, but this accounting system takes journal entries only: choose the method journal in Pleo, then export again.".to_owned(),
            "this accounting system takes no vendor bills",
        )
    }

    // --- Vendors ---

    /// `document` is what was to be booked: "A vendor bill".
    pub(super) fn no_vendor(document: &str) -> Self {
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "{document} needs a vendor and none with a code, an identifier or a tax number is given: tag a vendor in Pleo, then export again."
            ),
            "no vendor is given",
        )
    }

    /// The vendor is tagged, and nothing but its name is known.
    pub(super) fn vendor_without_reference(document: &str, name: Option<&str>) -> Self {
        let name = name.map_or_else(
            || "that is tagged".to_owned(),
            |name| one_line(name, LONGEST_WORD),
        );
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "{document} needs a vendor with a code, an identifier or a tax number: give the vendor {name} a code in Pleo, then export again."
            ),
            format!("vendor {name} has neither a code nor an identifier nor a tax number"),
        )
    }

    pub(super) fn vendor_unknown(label: &str) -> Self {
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "Vendor {label} is not in the accounting system, or is blocked there: add it, or tag another vendor in Pleo, then export again."
            ),
            format!("vendor {label} is not in the accounting system"),
        )
    }

    /// For systems without a register of vendors. `code` is the supplier's.
    pub(super) fn supplier_is_no_vendor(document: &str, label: &str, code: Option<&str>) -> Self {
        // A line to paste holds the whole code, or is not there.
        let code = code.filter(|code| one_line(code, LONGEST_WORD) == **code);
        let way_out = code.map_or_else(String::new, |code| {
            let code = code.replace('\\', "\\\\").replace('"', "\\\"");
            format!(", or ask whoever runs the export to set [vendors] codes = [\"{code}\"]")
        });
        Self::new(
            ItemFailureType::VendorUnknown,
            format!(
                "{document} needs a vendor, and the supplier {label} is not one in these books: tag a vendor in Pleo{way_out}, then export again."
            ),
            format!("the supplier {label} is not a vendor of the books"),
        )
    }

    // --- Accounts ---

    pub(super) fn no_role(role: Role) -> Self {
        let role = role.as_str();
        Self::missing(
            format!(
                "No account is set for accounts.{role}: book the item by hand, or ask whoever runs the export to set accounts.{role}, then export again."
            ),
            format!("no account is set for accounts.{role}"),
        )
    }

    pub(super) fn role_not_in_books(role: Role, account: &str) -> Self {
        let role = role.as_str();
        Self::missing(
            format!(
                "Account {account} (accounts.{role}) is not in the books: add it, or ask whoever runs the export to set accounts.{role} to another, then export again."
            ),
            format!("account {account} (accounts.{role}) is not in the books"),
        )
    }

    pub(super) fn no_account(line_number: usize) -> Self {
        Self::missing(
            format!(
                "Line {line_number} has no account: choose a category with an account in Pleo, then export again."
            ),
            "a line has no account",
        )
    }

    pub(super) fn account_without_code(name: &str) -> Self {
        let name = quoted(name);
        Self::missing(
            format!(
                "Account {name} has neither a code nor an identifier: give it one in Pleo, then export again."
            ),
            format!("account {name} has neither a code nor an identifier"),
        )
    }

    pub(super) fn account_unknown(code: &str, name: &str) -> Self {
        let named = named(code, name);
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {named} is not in the books: add it, or ask whoever runs the export to set it under [accounts.map], then export again."
            ),
            format!("account {code} is not in the books"),
        )
    }

    pub(super) fn mapped_account_unknown(code: &str, name: &str, account: &str) -> Self {
        let named = named(code, name);
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {named} is mapped to {account}, which is not in the books: add it, or ask whoever runs the export to set another under [accounts.map], then export again."
            ),
            format!("account {account}, which {code} is mapped to, is not in the books"),
        )
    }

    /// `what` is what people call the account that was asked for.
    pub(super) fn several_accounts(code: &str, what: &str, accounts: &[&str]) -> Self {
        let (named, accounts) = (named(code, what), accounts.join(" or "));
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {named} may be {accounts}: let only one of them have this code in the books, or ask whoever runs the export to name one under [accounts.map], then export again."
            ),
            format!("account {code} may be {accounts}"),
        )
    }

    /// `code` is by what the account was asked for.
    pub(super) fn account_not_open(account: &Account, code: &str, day: NaiveDate) -> Self {
        let name = &account.name;
        let says_code = name == code || name.ends_with(&format!(":{code}"));
        let name = if says_code {
            name.clone()
        } else {
            named(name, code)
        };
        let why = match (account.from, account.until) {
            (Some(from), _) if day < from => format!("is open from {from} on"),
            (_, Some(until)) => format!("was closed on {until}"),
            _ => "is not open".to_owned(),
        };
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {name} {why}, and the entry is of {day}: open an account for that day in the books, or ask whoever runs the export to name another under [accounts] or [accounts.map], then export again."
            ),
            format!("account {name} {why}"),
        )
    }

    pub(super) fn account_name_taken(code: &str, what: &str, account: &str) -> Self {
        let named = named(code, what);
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {named} is not in the books, and the name {account} under which it would be opened is used there for something else: write the line code: \"{code}\" under an account of the books, or ask whoever runs the export to map it under [accounts.map], then export again."
            ),
            format!("the name {account} is used for something else than account {code}"),
        )
    }

    // --- Tax ---

    /// `setting` is the key under `[taxes]`, `role` what serves all taxes.
    pub(super) fn no_tax_account(tax: &str, setting: &str, role: Role) -> Self {
        let what = setting.replace('_', " ");
        Self::missing(
            format!(
                "Tax {tax} has no {what}: give the tax one in Pleo, or ask whoever runs the export to set [taxes.\"{tax}\"] {setting} or accounts.{role}, then export again."
            ),
            format!("tax {tax} has no {what}"),
        )
    }

    /// `tax` says which: "tax S25".
    pub(super) fn tax_account_not_in_books(tax: &str, account: &str) -> Self {
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {account} ({tax}) is not in the books: add it, or ask whoever runs the export to set another, then export again."
            ),
            format!("account {account} is not in the books"),
        )
    }

    pub(super) fn no_tax_code(line_number: usize) -> Self {
        Self::missing(
            format!(
                "The tax of line {line_number} has no code: give the tax a code in Pleo, then export again."
            ),
            "a tax has no code",
        )
    }

    /// `code` is Pleo's, `in_books` what the configuration makes of it.
    pub(super) fn tax_code_unknown(code: &str, in_books: &str) -> Self {
        let reason = if code == in_books {
            format!(
                "Tax code {code} is not among the purchase taxes of the accounting system: add it, or ask whoever runs the export to set [taxes.\"{code}\"] code, then export again."
            )
        } else {
            format!(
                "Tax code {code} is set to {in_books}, which is not among the purchase taxes of the accounting system: add it, or ask whoever runs the export to set [taxes.\"{code}\"] code to another, then export again."
            )
        };
        Self::new(
            ItemFailureType::TaxCodeUnknown,
            reason,
            format!("tax code {in_books} is not among the purchase taxes of the accounting system"),
        )
    }

    pub(super) fn tax_type_unknown(line_number: usize, word: &str) -> Self {
        let word = quoted(word);
        Self::invalid(
            format!(
                "The tax type {word} of line {line_number} is not known to this version of pleo-export, and the figures do not tell who owes the tax: choose another tax code in Pleo, then export again."
            ),
            format!("the tax type {word} is not known"),
        )
    }

    pub(super) fn reverse_rate_unreadable(line_number: usize, rate: &str) -> Self {
        let rate = quoted(rate);
        Self::invalid(
            format!(
                "Line {line_number} falls under reverse charge without an amount of tax, and the rate {rate} cannot be read: choose another tax code in Pleo, then export again."
            ),
            "a reverse charge cannot be computed",
        )
    }

    // --- Tags ---

    pub(super) fn tag_unknown(group: &str, code: &str) -> Self {
        let tag = format!("{code} of {group}");
        Self::new(
            ItemFailureType::TagUnknown,
            format!(
                "Tag {tag} is not in the accounting system: add it, or choose another tag in Pleo, then export again."
            ),
            format!("tag {tag} is not in the accounting system"),
        )
    }

    // --- Figures ---

    pub(super) fn no_lines() -> Self {
        Self::invalid(
            "The item has no lines, so there is no account for the cost: give it a category in Pleo, then export again.".to_owned(),
            "an item has no lines",
        )
    }

    pub(super) fn line_disagrees(line_number: usize, amount: Amount, net: Amount, tax: Amount) -> Self {
        Self::invalid(
            format!(
                "The figures of line {line_number} do not fit together (line {amount}, net {net}, tax {tax}): correct the tax in Pleo, then export again."
            ),
            "the figures of a line do not fit together",
        )
    }

    pub(super) fn lines_disagree(sum: Amount, amount: Money) -> Self {
        Self::invalid(
            format!(
                "The lines add up to {sum}, but the amount is {amount}: correct the lines in Pleo, then export again."
            ),
            "the lines do not add up to the amount",
        )
    }

    pub(super) fn unbalanced(item: &ExportItem) -> Self {
        Self::new(
            ItemFailureType::UnexpectedFailure,
            format!(
                "The entry for item {} would not balance, which is a fault in pleo-export: book the item by hand and report it.",
                item.entry_id
            ),
            "an entry would not balance",
        )
    }

    // --- Dates ---

    pub(super) fn date_out_of_range(date: impl Display) -> Self {
        Self::invalid(
            format!("The date {date} cannot be a posting date: correct the date in Pleo, then export again."),
            "a date cannot be a posting date",
        )
    }

    pub(super) fn closed(item_date: NaiveDate, closed_until: NaiveDate) -> Self {
        Self::invalid(
            format!(
                "The item is dated {item_date} and the books are closed until {closed_until}: open the period, or ask whoever runs the export to set bookkeeping.closed_periods to \"next_open\" or \"today\", then export again."
            ),
            format!("the books are closed until {closed_until}"),
        )
    }

    pub(super) fn closed_today(item_date: NaiveDate, closed_until: NaiveDate, today: NaiveDate) -> Self {
        Self::invalid(
            format!(
                "The item is dated {item_date} and the books are closed until {closed_until}, which includes today ({today}): open the period, then export again."
            ),
            format!("the books are closed until {closed_until}"),
        )
    }

    // --- Invoices ---

    pub(super) fn no_invoice_number() -> Self {
        Self::invalid(
            "The invoice has no number: enter it in Pleo, then export again.".to_owned(),
            "an invoice has no number",
        )
    }

    pub(super) fn duplicate_invoice(number: &str, vendor: &str, other: &str) -> Self {
        let number = quoted(number);
        Self::invalid(
            format!(
                "Invoice {number} of {vendor} is already there {other}: check whether it was sent twice; if both are right, book this one by hand, or ask whoever runs the export to set bookkeeping.duplicate_invoices to \"warn\", then export again."
            ),
            "an invoice of the same vendor and number is already there",
        )
    }
}

/// `6800 (Meals)`.
fn named(code: &str, name: &str) -> String {
    let name = one_line(name, LONGEST_WORD);
    if name.is_empty() || name == code {
        code.to_owned()
    } else {
        format!("{code} ({name})")
    }
}

/// A foreign word as it came, shortened.
fn quoted(word: &str) -> String {
    format!("\"{}\"", one_line(word, LONGEST_WORD))
}
