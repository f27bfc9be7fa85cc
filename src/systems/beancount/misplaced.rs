//! What stands on accounts of expenses and may not belong there, noted while the books are read.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::movements::Movements;
use super::reader::Posting;
use super::vocabulary::{key, purpose};
use crate::model::money::{Amount, Currency, Money};
use crate::model::references::AccountPurpose;

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
pub(super) struct Left<'a> {
    pub(super) account: &'a str,
    /// What it was booked for.
    pub(super) purpose: AccountPurpose,
    /// Of which taxes.
    pub(super) taxes: &'a BTreeSet<Box<str>>,
    pub(super) money: Money,
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
    pub(super) fn add_other(&mut self, postings: &[Posting<'_>], is_reversal: bool) {
        if !postings.iter().any(|posting| is_expense(posting.account)) {
            return;
        }
        let Some(movements) = Movements::of(postings) else {
            return;
        };
        for (account, Money { amount, currency }) in movements.each() {
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
    /// it counts what goes the other way, and no more than stands there: the rest is their own. `is_guess` says which accounts
    /// version 0.1 opened for a code.
    pub(super) fn left(&self, is_guess: impl Fn(&str) -> bool) -> Vec<Left<'_>> {
        let mut by_people = self.by_people.clone();
        let mut left = Vec::new();
        for ((account, purpose), booked) in &self.by_us {
            if !is_guess(account) {
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

/// Whether version 0.1 may have opened it for a code: it knew no other names of the kinds of accounts.
pub(super) fn is_expense(account: &str) -> bool {
    account.starts_with("Expenses:")
}
