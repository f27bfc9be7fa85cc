//! What version 0.1 booked in the wrong place: it opened `Expenses:<code>` for whatever code it did not know, so that
//! wallets and taxes stood among the expenses. We never move it. We say what stands there and how to mend it.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::model::references::{Account, AccountKey, AccountPurpose};
use crate::systems::Notice;

use super::index::Index;
use super::misplaced::Left;
use super::settings::Settings;
use super::{accounts, writer};

/// What stands in the wrong place and the transfer that mends it; `None` where all is well. `asked` are the accounts
/// that Pleo's items ask for, with their names.
pub(super) fn notice(
    index: &Index,
    settings: &Settings,
    asked: &BTreeMap<AccountKey, Option<String>>,
    today: NaiveDate,
) -> Option<Notice> {
    let (mut stands, mut opens, mut transfers) = (Vec::new(), BTreeMap::new(), String::new());
    let is_guess = |name: &str| {
        index
            .account(name)
            .is_some_and(|opened| accounts::is_guess_of_first_version(name, opened))
    };
    for left in index.misplaced().left(is_guess) {
        let Left { account, money, .. } = left;
        match right_account(&left, index, settings, asked, today) {
            Some(right) if right.name == account => {}
            Some(right) => {
                stands.push(format!("{money} on {account} (belongs on {})", right.name));
                writer::transfer(&mut transfers, account, &right.name, money);
                if index.account(&right.name).is_none() {
                    opens.insert(right.name, right.opens.unwrap_or_default());
                }
            }
            None => stands.push(format!("{money} on {account}")),
        }
    }
    if stands.is_empty() {
        return None;
    }
    let message = format!(
        "Version 0.1 booked wallets and taxes among the expenses: {}. It is left as it is.",
        stands.join(", ")
    );
    let mut remedy = String::new();
    if transfers.is_empty() {
        remedy.push_str("Book a transfer to the accounts where it belongs.");
    } else {
        remedy.push_str("Book this transfer to mend it, with other accounts where yours are others:\n\n");
        for (account, new) in &opens {
            writer::open(&mut remedy, account, new);
        }
        writer::transfer_head(&mut remedy, today);
        remedy.push_str(&transfers);
    }
    let remedy = Some(remedy);
    Some(Notice { message, remedy })
}

/// The account on which an item of today would be booked; `None` where a person must say.
fn right_account(
    left: &Left<'_>,
    index: &Index,
    settings: &Settings,
    asked: &BTreeMap<AccountKey, Option<String>>,
    today: NaiveDate,
) -> Option<Account> {
    let purpose = left.purpose;
    let code = index.account(left.account)?.code.as_deref()?;
    let mut of_taxes = left.taxes.iter().map(|tax| {
        let accounts = settings.tax_accounts.get(tax.as_ref())?;
        match purpose {
            AccountPurpose::InputTax => accounts.input.as_deref(),
            AccountPurpose::OutputTax => accounts.output.as_deref(),
            AccountPurpose::Cost | AccountPurpose::Income | AccountPurpose::Wallet => None,
        }
    });
    let of_tax = of_taxes.next().flatten();
    if of_taxes.any(|other| other != of_tax) {
        return None;
    }
    let key = asked.keys().find(|key| is_asked(key, purpose, code));
    let name = key.and_then(|key| asked.get(key)).and_then(Option::as_deref);
    let key = key.cloned().unwrap_or_else(|| AccountKey::of_code(purpose, code));
    let mapped = of_tax.or_else(|| settings.account_map.get(code).map(String::as_str));
    let key = mapped.map_or(key, |account| AccountKey::Configured(account.to_owned()));
    let candidates = accounts::candidates(&key, name, index, settings.unknown_accounts)?;
    match candidates.on(today)[..] {
        [account] => Some(account.clone()),
        _ => None,
    }
}

/// Whether a key asks for the account of this code or identifier.
fn is_asked(key: &AccountKey, purpose: AccountPurpose, code: &str) -> bool {
    match key {
        AccountKey::Pleo {
            purpose: asked_for,
            code: asked,
            identifier,
        } => *asked_for == purpose && [asked, identifier].into_iter().flatten().any(|text| text == code),
        AccountKey::Configured(_) | AccountKey::Assumed(_) => false,
    }
}
