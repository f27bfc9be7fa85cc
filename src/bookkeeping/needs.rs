//! What expenses will need of the books, before there are any: the accounts behind the settings, and those and the taxes
//! that Pleo knows for the company. Each is asked for as an item of a job would ask, so what is found missing here is what
//! a job would be refused for.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use crate::model::export_item::{AccountReference, Tax, TaxType};
use crate::model::references::{AccountKey, AccountPurpose, References, Resolution};

use super::accounts::{given, key_of, key_of_role};
use super::role::Role;
use super::settings::{Settings, TaxRule};
use super::taxes::{self, TaxSide, account_key, code_in_books};

/// Something that expenses will need in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What people call it: "account 6800 (Meals)".
    pub what: String,
    /// How the books are asked for it; `None` where nobody has said anything.
    pub key: Option<NeedKey>,
    /// The line of the settings that decides, or would, without its value: `[accounts.map] "6800"`; `None` for what has no
    /// code, which no line can name.
    pub setting: Option<String>,
    /// Whether it is a tax of which nobody has said where it goes: the role takes it, as fully deductible.
    pub is_assumed: bool,
    /// Pleo's name of it.
    name: Option<String>,
}

/// How the books are asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeedKey {
    /// As an account.
    Account(AccountKey),
    /// As a tax code of a system that computes tax.
    Tax(String),
}

/// What the books have for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counterpart {
    /// This.
    Found(String),
    /// Booking opens this account.
    Opens(String),
    /// Several accounts, among which a person must choose.
    Several(Vec<String>),
    /// An account that is not open today.
    NotOpen(String),
    /// Nothing, and no account can be opened, for its name is taken by one that means something else.
    NameTaken(String),
    /// Nothing.
    Missing,
}

impl Need {
    /// Whether a person named in the settings what is asked for.
    pub const fn is_configured(&self) -> bool {
        matches!(self.key, Some(NeedKey::Account(AccountKey::Configured(_))))
    }

    /// Whether it is asked for by a name of the books, from the settings or by default.
    pub const fn is_by_name(&self) -> bool {
        let key = self.key.as_ref();
        matches!(
            key,
            Some(NeedKey::Account(
                AccountKey::Configured(_) | AccountKey::Assumed(_)
            ))
        )
    }

    /// The name or code that is asked for.
    pub fn asked(&self) -> Option<&str> {
        match self.key.as_ref()? {
            NeedKey::Account(key) => Some(key.text()),
            NeedKey::Tax(code) => Some(code),
        }
    }

    /// What the books have for it on this day.
    pub fn counterpart(&self, resolution: &Resolution, day: NaiveDate) -> Counterpart {
        let key = match &self.key {
            None => return Counterpart::Missing,
            Some(NeedKey::Tax(code)) => {
                let found = resolution.tax_codes.contains_key(code);
                return if found {
                    Counterpart::Found(code.clone())
                } else {
                    Counterpart::Missing
                };
            }
            Some(NeedKey::Account(key)) => key,
        };
        let Some(candidates) = resolution.accounts.get(key) else {
            return Counterpart::Missing;
        };
        match (
            candidates.on(day).as_slice(),
            candidates.best(),
            &candidates.taken_name,
        ) {
            ([account], ..) if account.opens.is_some() => Counterpart::Opens(account.name.clone()),
            ([account], ..) => Counterpart::Found(account.name.clone()),
            ([], Some(account), _) => Counterpart::NotOpen(account.name.clone()),
            ([], None, Some(name)) => Counterpart::NameTaken(name.clone()),
            ([], None, None) => Counterpart::Missing,
            (several, ..) => {
                Counterpart::Several(several.iter().map(|account| account.name.clone()).collect())
            }
        }
    }
}

/// The question to the books for all of them at once.
pub fn references_of<'a>(needs: impl IntoIterator<Item = &'a Need>) -> References {
    let mut references = References::default();
    for need in needs {
        match &need.key {
            Some(NeedKey::Account(key)) => {
                references.accounts.insert(key.clone(), need.name.clone());
            }
            Some(NeedKey::Tax(code)) => {
                references.tax_codes.insert(code.clone());
            }
            None => {}
        }
    }
    references
}

/// The roles, and the accounts that Pleo's codes are mapped to.
pub fn of_settings(settings: &Settings, computes_tax: bool) -> Vec<Need> {
    let roles = Role::ALL
        .iter()
        .filter(|role| !computes_tax || !role.is_for_tax());
    let roles = roles.map(|role| Need {
        what: format!("role {role}"),
        key: key_of_role(*role, settings).map(NeedKey::Account),
        setting: Some(format!("[accounts] {role}")),
        is_assumed: false,
        name: None,
    });
    let mapped = settings.map.iter().map(|(code, account)| Need {
        what: format!("account {code}"),
        key: Some(NeedKey::Account(AccountKey::Configured(account.clone()))),
        setting: Some(format!("[accounts.map] {code:?}")),
        is_assumed: false,
        name: None,
    });
    roles.chain(mapped).collect()
}

/// The accounts that Pleo knows and the settings do not map, each with what it is for.
pub fn of_accounts<'a>(
    accounts: impl IntoIterator<Item = (&'a AccountReference, AccountPurpose)>,
    settings: &Settings,
) -> Vec<Need> {
    let needs = accounts.into_iter().map(|(account, purpose)| {
        let code = given(account.code.as_deref()).or(given(account.identifier.as_deref()));
        Need {
            what: format!("account {}", named(code, &account.name)),
            key: key_of(account, purpose, settings).map(NeedKey::Account),
            setting: code.map(|code| format!("[accounts.map] {code:?}")),
            is_assumed: false,
            name: Some(account.name.clone()),
        }
    });
    needs.filter(|need| !need.is_configured()).collect()
}

/// The taxes that Pleo knows, each with its name, and those that only the settings know.
pub fn of_taxes<'a>(
    known: impl IntoIterator<Item = (&'a Tax, &'a str)>,
    settings: &Settings,
    computes_tax: bool,
) -> Vec<Need> {
    let mut needs = Vec::new();
    let mut codes = BTreeSet::new();
    for (tax, name) in known {
        codes.extend(given(tax.code.as_deref()));
        if computes_tax {
            needs.push(Need {
                key: code_in_books(tax, settings).map(NeedKey::Tax),
                ..need_of_tax(tax, name, "code")
            });
        } else {
            needs.extend(accounts_of_tax(tax, name, settings));
        }
    }
    let only_in_settings = settings
        .taxes
        .iter()
        .filter(|(code, _)| !codes.contains(code.as_str()));
    needs.extend(only_in_settings.flat_map(|(code, rule)| of_rule(code, rule, computes_tax)));
    needs
}

/// The accounts that a tax will be posted to, as far as its rate and kind tell.
fn accounts_of_tax(tax: &Tax, name: &str, settings: &Settings) -> Vec<Need> {
    let rule = taxes::rule(tax, settings);
    let is_nothing = !tax.rate.is_empty() && tax.rate.chars().all(|digit| matches!(digit, '0' | '.'));
    let is_deducted = rule.is_none_or(|rule| rule.deductible_millionths > 0) && !is_nothing;
    let is_reverse = tax.tax_type == TaxType::Reverse && !is_nothing;
    let sides = [
        (is_deducted, TaxSide::Ingoing, "account"),
        (is_reverse, TaxSide::Outgoing, "outgoing_account"),
    ];
    let needed = sides.into_iter().filter(|(is_needed, ..)| *is_needed);
    let needs = needed.map(|(_, side, setting)| Need {
        key: account_key(tax, side, settings).map(NeedKey::Account),
        is_assumed: taxes::is_unsaid(tax, side, settings),
        ..need_of_tax(tax, name, setting)
    });
    needs.collect()
}

fn need_of_tax(tax: &Tax, name: &str, setting: &str) -> Need {
    let code = given(tax.code.as_deref());
    Need {
        what: format!("tax {}", named(code, name)),
        key: None,
        setting: code.map(|code| format!("[taxes.{code:?}] {setting}")),
        is_assumed: false,
        name: None,
    }
}

/// What a rule of the settings names.
fn of_rule(code: &str, rule: &TaxRule, computes_tax: bool) -> Vec<Need> {
    let account = |account: &Option<String>| {
        let account = given(account.as_deref()).filter(|_| !computes_tax)?;
        Some(NeedKey::Account(AccountKey::Configured(account.to_owned())))
    };
    let own_code = given(rule.code.as_deref()).filter(|_| computes_tax);
    let keys = [
        ("account", account(&rule.account)),
        ("outgoing_account", account(&rule.outgoing_account)),
        ("code", own_code.map(|code| NeedKey::Tax(code.to_owned()))),
    ];
    let needs = keys.into_iter().filter_map(|(setting, key)| {
        Some(Need {
            what: format!("tax {code}"),
            key: Some(key?),
            setting: Some(format!("[taxes.{code:?}] {setting}")),
            is_assumed: false,
            name: None,
        })
    });
    needs.collect()
}

fn named(code: Option<&str>, name: &str) -> String {
    match (code, name.trim()) {
        (Some(code), "") => code.to_owned(),
        (Some(code), name) => format!("{code} ({name})"),
        (None, name) => format!("without a code ({name})"),
    }
}
