//! What version 0.1 booked in the wrong place: it opened `Expenses:<code>` for whatever code it did not know, so that
//! wallets and taxes stood among the expenses. We never move it. We say what stands there and how to mend it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;

use crate::model::money::{Amount, Currency, Money};
use crate::model::references::{Account, AccountKey, AccountPurpose};
use crate::systems::Notice;

use super::Settings;
use super::accounts;
use super::index::Index;
use super::movements::{Movements, Names};
use super::reader::Posting;
use super::vocabulary::{key, purpose};
use super::writer;

/// How much of each currency.
type Sums = BTreeMap<Currency, Amount>;

/// What people booked on an account in one currency. All amounts but `reversals` count without sign.
#[derive(Clone, Copy, Debug, Default)]
struct ByPeople {
    debits: Amount,
    credits: Amount,
    /// What takes back entries of ours.
    reversals: Amount,
}

/// What stands on the accounts of expenses, as far as it may be in the wrong place.
#[derive(Debug, Default)]
pub(super) struct Misplaced {
    by_us: BTreeMap<(Box<str>, AccountPurpose), ByUs>,
    /// A transfer that mends it is among it.
    by_people: HashMap<Box<str>, BTreeMap<Currency, ByPeople>>,
}

/// What we booked on an account.
#[derive(Debug, Default)]
struct ByUs {
    /// Of which taxes.
    taxes: BTreeSet<Box<str>>,
    sums: Sums,
}

/// What of it is in the wrong place still.
struct Left<'a> {
    account: &'a str,
    /// What it was booked for.
    purpose: AccountPurpose,
    /// Of which taxes.
    taxes: &'a BTreeSet<Box<str>>,
    money: Money,
}

impl Misplaced {
    /// Takes note of one of our entries.
    pub(super) fn add_entry(&mut self, postings: &[Posting<'_>]) {
        for posting in postings.iter().filter(|posting| is_expense(posting.account)) {
            let word = posting.metadata.get(key::PURPOSE);
            let purpose = word.and_then(|word| purpose::beside_the_cost(&word));
            if let (Some(purpose), Some(money)) = (purpose, posting.amount.exact()) {
                let booked = self.by_us.entry((posting.account.into(), purpose)).or_default();
                let tax = posting.metadata.get(key::TAX_CODE);
                booked.taxes.extend(tax.map(Box::from));
                *booked.sums.entry(money.currency).or_default() += money.amount;
            }
        }
    }

    /// Takes note of a transaction of somebody else's.
    pub(super) fn add_other(&mut self, postings: &[Posting<'_>], is_reversal: bool, names: &mut Names) {
        if !postings.iter().any(|posting| is_expense(posting.account)) {
            return;
        }
        let Some(movements) = Movements::of(postings, names) else {
            return;
        };
        for (account, Money { amount, currency }) in movements.each() {
            let account = names.name(account);
            if is_expense(account) {
                let known = self.by_people.entry(account.into()).or_default();
                let moved = known.entry(currency).or_default();
                match (is_reversal, amount.is_negative()) {
                    (true, _) => moved.reversals += amount,
                    (false, true) => moved.credits += amount.abs(),
                    (false, false) => moved.debits += amount,
                }
            }
        }
    }

    /// What of it is in the wrong place still, on which accounts, and what it was booked for. Of what people booked there
    /// it counts what goes the other way, and no more than stands there: the rest is their own.
    fn left<'a>(&'a self, index: &Index) -> Vec<Left<'a>> {
        let mut by_people = self.by_people.clone();
        let mut left = Vec::new();
        for ((account, purpose), booked) in &self.by_us {
            let opened = index.account(account);
            if !opened.is_some_and(|opened| accounts::is_guess_of_first_version(account, opened)) {
                continue;
            }
            let moved = by_people.entry(account.clone()).or_default();
            for (&currency, &sum) in &booked.sums {
                let moved = moved.entry(currency).or_default();
                let mut amount = sum;
                amount += std::mem::take(&mut moved.reversals);
                let back = if amount.is_negative() {
                    &mut moved.debits
                } else {
                    &mut moved.credits
                };
                let mended = amount.abs().min(*back);
                *back -= mended;
                let mended = if amount.is_negative() {
                    mended
                } else {
                    mended.negated()
                };
                amount += mended;
                if !amount.is_zero() {
                    left.push(Left {
                        account,
                        purpose: *purpose,
                        taxes: &booked.taxes,
                        money: Money { amount, currency },
                    });
                }
            }
        }
        left
    }
}

/// What stands in the wrong place and the transfer that mends it; `None` where all is well. `asked` are the accounts
/// that Pleo's items ask for, with their names.
pub(super) fn notice(
    index: &Index,
    settings: &Settings,
    asked: &BTreeMap<AccountKey, Option<String>>,
    today: NaiveDate,
) -> Option<Notice> {
    let (mut stands, mut opens, mut transfers) = (Vec::new(), BTreeMap::new(), String::new());
    for left in index.misplaced().left(index) {
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

/// Whether version 0.1 may have opened it for a code: it knew no other names of the kinds of accounts.
pub(super) fn is_expense(account: &str) -> bool {
    account.starts_with("Expenses:")
}
