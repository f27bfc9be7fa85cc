//! Accounts, taxes and tags that the books or the settings lack.

use chrono::NaiveDate;

use super::{Refusal, named, quoted};
use crate::bookkeeping::role::Role;
use crate::model::references::Account;
use crate::model::verdict::ItemFailureType;

impl Refusal {
    pub(in crate::bookkeeping) fn no_role(role: Role) -> Self {
        let role = role.as_str();
        Self::missing(
            format!(
                "No account is set for accounts.{role}: book the item by hand, or ask whoever runs the export to set accounts.{role}, then export again."
            ),
            format!("no account is set for accounts.{role}"),
        )
    }

    pub(in crate::bookkeeping) fn role_not_in_books(role: Role, account: &str) -> Self {
        let role = role.as_str();
        Self::missing(
            format!(
                "Account {account} (accounts.{role}) is not in the books: add it, or ask whoever runs the export to set accounts.{role} to another, then export again."
            ),
            format!("account {account} (accounts.{role}) is not in the books"),
        )
    }

    pub(in crate::bookkeeping) fn no_account(line_number: usize) -> Self {
        Self::missing(
            format!(
                "Line {line_number} has no account: choose a category with an account in Pleo, then export again."
            ),
            "a line has no account",
        )
    }

    pub(in crate::bookkeeping) fn account_without_code(name: &str) -> Self {
        let name = quoted(name);
        Self::missing(
            format!(
                "Account {name} has neither a code nor an identifier: give it one in Pleo, then export again."
            ),
            format!("account {name} has neither a code nor an identifier"),
        )
    }

    pub(in crate::bookkeeping) fn account_unknown(code: &str, name: &str) -> Self {
        let named = named(code, name);
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {named} is not in the books: add it, or ask whoever runs the export to set it under [accounts.map], then export again."
            ),
            format!("account {code} is not in the books"),
        )
    }

    pub(in crate::bookkeeping) fn mapped_account_unknown(code: &str, name: &str, account: &str) -> Self {
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
    pub(in crate::bookkeeping) fn several_accounts(code: &str, what: &str, accounts: &[&str]) -> Self {
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
    pub(in crate::bookkeeping) fn account_not_open(account: &Account, code: &str, day: NaiveDate) -> Self {
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

    pub(in crate::bookkeeping) fn account_name_taken(code: &str, what: &str, account: &str) -> Self {
        let named = named(code, what);
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {named} is not in the books, and the name {account} under which it would be opened is used there for something else: write the line code: \"{code}\" under an account of the books, or ask whoever runs the export to map it under [accounts.map], then export again."
            ),
            format!("the name {account} is used for something else than account {code}"),
        )
    }

    /// `setting` is the key under `[taxes]`, `role` what serves all taxes.
    pub(in crate::bookkeeping) fn no_tax_account(tax: &str, setting: &str, role: Role) -> Self {
        let what = setting.replace('_', " ");
        Self::missing(
            format!(
                "Tax {tax} has no {what}: give the tax one in Pleo, or ask whoever runs the export to set [taxes.\"{tax}\"] {setting} or accounts.{role}, then export again."
            ),
            format!("tax {tax} has no {what}"),
        )
    }

    /// `tax` says which: "tax S25".
    pub(in crate::bookkeeping) fn tax_account_not_in_books(tax: &str, account: &str) -> Self {
        Self::new(
            ItemFailureType::AccountUnknown,
            format!(
                "Account {account} ({tax}) is not in the books: add it, or ask whoever runs the export to set another, then export again."
            ),
            format!("account {account} is not in the books"),
        )
    }

    pub(in crate::bookkeeping) fn no_tax_code(line_number: usize) -> Self {
        Self::missing(
            format!(
                "The tax of line {line_number} has no code: give the tax a code in Pleo, then export again."
            ),
            "a tax has no code",
        )
    }

    /// `code` is Pleo's, `in_books` what the configuration makes of it.
    pub(in crate::bookkeeping) fn tax_code_unknown(code: &str, in_books: &str) -> Self {
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

    pub(in crate::bookkeeping) fn tax_type_unknown(line_number: usize, word: &str) -> Self {
        let word = quoted(word);
        Self::invalid(
            format!(
                "The tax type {word} of line {line_number} is not known to this version of pleo-export, and the figures do not tell who owes the tax: choose another tax code in Pleo, then export again."
            ),
            format!("the tax type {word} is not known"),
        )
    }

    pub(in crate::bookkeeping) fn reverse_rate_unreadable(line_number: usize, rate: &str) -> Self {
        let rate = quoted(rate);
        Self::invalid(
            format!(
                "Line {line_number} falls under reverse charge without an amount of tax, and the rate {rate} cannot be read: choose another tax code in Pleo, then export again."
            ),
            "a reverse charge cannot be computed",
        )
    }

    pub(in crate::bookkeeping) fn tag_unknown(group: &str, code: &str) -> Self {
        let tag = format!("{code} of {group}");
        Self::new(
            ItemFailureType::TagUnknown,
            format!(
                "Tag {tag} is not in the accounting system: add it, or choose another tag in Pleo, then export again."
            ),
            format!("tag {tag} is not in the accounting system"),
        )
    }
}
