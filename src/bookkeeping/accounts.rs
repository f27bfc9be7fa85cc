//! Which account a posting goes to: roles from the configuration, Pleo's codes through the mapping.
//!
//! A code is looked up in `[accounts.map]` first; without a mapping the accounting system is asked for the
//! identifier it once gave, else for the code.

use std::fmt;

use crate::model::document::Purpose;
use crate::model::export_item::{AccountReference, ExportItem, Line};
use crate::model::references::{Account, AccountKey};

use super::item_types::Side;
use super::refusal::Refusal;
use super::{Planner, Settings};

/// An account that the configuration names for what it is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The wallet, where an item that moves it brings no contra account.
    Wallet,
    /// What employees are owed.
    OutOfPocket,
    /// What employees owe: cash withdrawals, personal spend.
    EmployeeReceivable,
    /// What vendors are owed.
    AccountsPayable,
    /// The other side of top-ups and unloads.
    Contra,
    /// What employees were paid outside of Pleo.
    ExternalReimbursement,
    /// The difference between the rates of a bill and its payment.
    FxDifference,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Wallet,
        Self::OutOfPocket,
        Self::EmployeeReceivable,
        Self::AccountsPayable,
        Self::Contra,
        Self::ExternalReimbursement,
        Self::FxDifference,
    ];

    /// Its key under `[accounts]`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wallet => "wallet",
            Self::OutOfPocket => "out_of_pocket",
            Self::EmployeeReceivable => "employee_receivable",
            Self::AccountsPayable => "accounts_payable",
            Self::Contra => "contra",
            Self::ExternalReimbursement => "external_reimbursement",
            Self::FxDifference => "fx_difference",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The account and purpose of a side that is one posting.
pub(super) struct Counter {
    pub(super) account: Account,
    pub(super) purpose: Purpose,
    pub(super) employee_code: Option<String>,
}

/// The role behind a side, and what it is posted for; `None` for the lines.
fn role_of(side: Side) -> Option<(Role, Purpose)> {
    match side {
        Side::Lines => None,
        Side::Wallet => Some((Role::Wallet, Purpose::Cash)),
        Side::OutOfPocket => Some((Role::OutOfPocket, Purpose::Employee)),
        Side::EmployeeReceivable => Some((Role::EmployeeReceivable, Purpose::Employee)),
        Side::AccountsPayable => Some((Role::AccountsPayable, Purpose::Payable)),
        Side::Transit => Some((Role::Contra, Purpose::Transit)),
        Side::ExternalReimbursement => Some((Role::ExternalReimbursement, Purpose::Transit)),
    }
}

/// How an account of Pleo's is asked for; `None` when it has neither code nor identifier.
pub(super) fn key_of(reference: &AccountReference, settings: &Settings) -> Option<AccountKey> {
    let code = given(reference.code.as_deref());
    let identifier = given(reference.identifier.as_deref());
    [code, identifier]
        .into_iter()
        .flatten()
        .find_map(|text| settings.map.get(text))
        .map(|account| AccountKey::Configured(account.clone()))
        .or_else(|| identifier.or(code).map(|text| AccountKey::Pleo(text.to_owned())))
}

/// How an account is asked for that Pleo names by a bare code.
pub(super) fn key_of_code(code: &str, settings: &Settings) -> AccountKey {
    match settings.map.get(code) {
        Some(account) => AccountKey::Configured(account.clone()),
        None => AccountKey::Pleo(code.to_owned()),
    }
}

/// How the account of a role is asked for; `None` when the configuration names none.
pub(super) fn key_of_role(role: Role, settings: &Settings) -> Option<AccountKey> {
    given(settings.roles.get(&role).map(String::as_str)).map(|name| AccountKey::Configured(name.to_owned()))
}

/// How the account of a side is asked for, with Pleo's name for it; `None` for lines and for what has none.
pub(super) fn key_of_side(
    side: Side,
    item: &ExportItem,
    settings: &Settings,
) -> Option<(AccountKey, Option<String>)> {
    if let (Side::Wallet, Some(contra)) = (side, &item.contra_account) {
        return Some((key_of(contra, settings)?, Some(contra.name.clone())));
    }
    let (role, _) = role_of(side)?;
    Some((key_of_role(role, settings)?, None))
}

/// A text that says something.
pub(super) fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

impl Planner<'_> {
    /// The account of a role.
    pub(super) fn role(&self, role: Role) -> Result<Account, Refusal> {
        let key = key_of_role(role, self.settings).ok_or_else(|| Refusal::no_role(role))?;
        self.lookup(&key)
            .ok_or_else(|| Refusal::role_not_in_books(role, key.text()))
    }

    /// The account of a side that is one posting; `None` for the lines.
    pub(super) fn counter(&self, side: Side) -> Result<Option<Counter>, Refusal> {
        let Some((role, purpose)) = role_of(side) else {
            return Ok(None);
        };
        let account = match (&self.item.contra_account, side) {
            (Some(contra), Side::Wallet) => self.account(contra)?,
            _ => self.role(role)?,
        };
        let employee_code = match purpose {
            Purpose::Employee => self.item.user.as_ref().and_then(|user| user.code.clone()),
            _ => None,
        };
        Ok(Some(Counter {
            account,
            purpose,
            employee_code,
        }))
    }

    /// The account of a line, which is counted from 1.
    pub(super) fn line_account(&self, number: usize, line: &Line) -> Result<Account, Refusal> {
        let reference = line.account.as_ref().ok_or_else(|| Refusal::no_account(number))?;
        self.account(reference)
    }

    fn account(&self, reference: &AccountReference) -> Result<Account, Refusal> {
        let key =
            key_of(reference, self.settings).ok_or_else(|| Refusal::account_without_code(&reference.name))?;
        self.lookup(&key).ok_or_else(|| {
            let code = given(reference.code.as_deref()).or(given(reference.identifier.as_deref()));
            let code = code.unwrap_or(key.text());
            match &key {
                AccountKey::Configured(account) => {
                    Refusal::mapped_account_unknown(code, &reference.name, account)
                }
                AccountKey::Pleo(_) => Refusal::account_unknown(code, &reference.name),
            }
        })
    }

    pub(super) fn lookup(&self, key: &AccountKey) -> Option<Account> {
        self.view.resolution.accounts.get(key).cloned()
    }
}
