//! Which account a posting goes to: roles from the configuration, Pleo's codes through the mapping.
//!
//! A code is looked up in `[accounts.map]` first; without a mapping the accounting system is asked for an account of
//! that code or identifier that serves the purpose. It may answer several; the posting date says which is meant.

use chrono::NaiveDate;

use crate::model::document::Purpose;
use crate::model::export_item::{AccountReference, ExportItem, ItemType, Line};
use crate::model::references::{Account, AccountKey, AccountPurpose};

use super::item_types::Side;
use super::planner::Planner;
use super::refusal::Refusal;
use super::role::Role;
use super::settings::Settings;

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

/// What the lines of an item are for.
pub(super) fn purpose_of_lines(item: &ExportItem) -> AccountPurpose {
    match item.item_type {
        ItemType::Cashback => AccountPurpose::Income,
        _ => AccountPurpose::Cost,
    }
}

/// How an account of Pleo's is asked for; `None` when it has neither code nor identifier.
pub(super) fn key_of(
    reference: &AccountReference,
    purpose: AccountPurpose,
    settings: &Settings,
) -> Option<AccountKey> {
    let code = given(reference.code.as_deref());
    let identifier = given(reference.identifier.as_deref());
    let mapped = [code, identifier]
        .into_iter()
        .flatten()
        .find_map(|text| settings.map.get(text));
    match (mapped, code, identifier) {
        (Some(account), ..) => Some(AccountKey::Configured(account.clone())),
        (None, None, None) => None,
        (None, code, identifier) => Some(AccountKey::Pleo {
            purpose,
            code: code.map(str::to_owned),
            identifier: identifier.map(str::to_owned),
        }),
    }
}

/// How the account of a role is asked for; `None` when neither the configuration nor a default names one.
pub(super) fn key_of_role(role: Role, settings: &Settings) -> Option<AccountKey> {
    let set = given(settings.roles.get(&role).map(String::as_str));
    let assumed = given(settings.role_defaults.get(&role).map(String::as_str));
    let set = set.map(|name| AccountKey::Configured(name.to_owned()));
    set.or_else(|| assumed.map(|name| AccountKey::Assumed(name.to_owned())))
}

/// How the account of a side is asked for, with Pleo's name for it; `None` for lines and for what has none.
pub(super) fn key_of_side(
    side: Side,
    item: &ExportItem,
    settings: &Settings,
) -> Option<(AccountKey, Option<String>)> {
    if let (Side::Wallet, Some(contra)) = (side, &item.contra_account) {
        let key = key_of(contra, AccountPurpose::Wallet, settings)?;
        return Some((key, Some(contra.name.clone())));
    }
    let (role, _) = role_of(side)?;
    Some((key_of_role(role, settings)?, None))
}

/// A text that says something.
pub(super) fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

impl Planner<'_> {
    /// The account of a role for a posting of this day.
    pub(super) fn role(&self, role: Role, day: NaiveDate) -> Result<Account, Refusal> {
        let key = key_of_role(role, self.settings).ok_or_else(|| Refusal::no_role(role))?;
        let what = format!("accounts.{role}");
        self.lookup(&key, &what, day)?
            .ok_or_else(|| Refusal::role_not_in_books(role, key.text()))
    }

    /// The account of a side that is one posting of this day; `None` for the lines.
    pub(super) fn counter(&self, side: Side, day: NaiveDate) -> Result<Option<Counter>, Refusal> {
        let Some((role, purpose)) = role_of(side) else {
            return Ok(None);
        };
        let account = match (&self.item.contra_account, side) {
            (Some(contra), Side::Wallet) => self.account(contra, AccountPurpose::Wallet, day)?,
            _ => self.role(role, day)?,
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
    pub(super) fn line_account(
        &self,
        number: usize,
        line: &Line,
        day: NaiveDate,
    ) -> Result<Account, Refusal> {
        let reference = line.account.as_ref().ok_or_else(|| Refusal::no_account(number))?;
        self.account(reference, purpose_of_lines(self.item), day)
    }

    fn account(
        &self,
        reference: &AccountReference,
        purpose: AccountPurpose,
        day: NaiveDate,
    ) -> Result<Account, Refusal> {
        let key = key_of(reference, purpose, self.settings)
            .ok_or_else(|| Refusal::account_without_code(&reference.name))?;
        self.lookup(&key, &reference.name, day)?.ok_or_else(|| {
            let code = given(reference.code.as_deref()).or(given(reference.identifier.as_deref()));
            let code = code.unwrap_or(key.text());
            match &key {
                AccountKey::Configured(account) | AccountKey::Assumed(account) => {
                    Refusal::mapped_account_unknown(code, &reference.name, account)
                }
                AccountKey::Pleo { .. } => Refusal::account_unknown(code, &reference.name),
            }
        })
    }

    /// The account that stands for a key on this day, which people know as `what`; `None` where the books have none.
    pub(super) fn lookup(
        &self,
        key: &AccountKey,
        what: &str,
        day: NaiveDate,
    ) -> Result<Option<Account>, Refusal> {
        let Some(candidates) = self.view.resolution.accounts.get(key) else {
            return Ok(None);
        };
        match (candidates.on(day).as_slice(), &candidates.taken_name) {
            ([account], _) => Ok(Some((*account).clone())),
            ([], taken_name) => match (candidates.best(), taken_name) {
                (Some(account), _) => Err(Refusal::account_not_open(account, key.text(), day)),
                (None, Some(name)) => Err(Refusal::account_name_taken(key.text(), what, name)),
                (None, None) => Ok(None),
            },
            (several, _) => {
                let names: Vec<&str> = several.iter().map(|account| account.name.as_str()).collect();
                Err(Refusal::several_accounts(key.text(), what, &names))
            }
        }
    }
}
