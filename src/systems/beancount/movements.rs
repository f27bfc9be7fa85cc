//! What transactions move on accounts: by this a reversal is known, see [`super::standing`].

use std::collections::BTreeMap;

use crate::model::money::{Amount, Currency, Money};

use super::reader::{Posting, PostingAmount};

/// What one transaction moves on each account, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Movements(Box<[(Box<str>, Currency, Amount)]>);

impl Movements {
    /// `None` where it cannot be told from the text alone: expressions, prices, more than one amount left out.
    pub(super) fn of(postings: &[Posting<'_>]) -> Option<Self> {
        let mut moved: Vec<(Box<str>, Currency, Amount)> = Vec::with_capacity(postings.len());
        let mut filled_in = None;
        for posting in postings {
            let account = posting.account.into();
            match posting.amount {
                PostingAmount::Exact(Money { amount, currency }) => moved.push((account, currency, amount)),
                PostingAmount::LeftOut if filled_in.is_none() => filled_in = Some(account),
                PostingAmount::LeftOut | PostingAmount::Other => return None,
            }
        }
        if let Some(account) = filled_in {
            let &(_, currency, _) = moved.first()?;
            if moved.iter().any(|(_, other, _)| *other != currency) {
                return None;
            }
            let sum: Amount = moved.iter().map(|(.., amount)| *amount).sum();
            moved.push((account, currency, sum.negated()));
        }
        moved.sort_unstable();
        Some(Self(moved.into_boxed_slice()))
    }

    /// What is moved on each account.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, Money)> {
        let moved = self.0.iter();
        moved.map(|&(ref account, currency, amount)| (&**account, Money { amount, currency }))
    }

    /// The sum of all that it adds to accounts, where it moves one currency alone.
    pub(super) fn debits(&self) -> Option<Money> {
        let &(_, currency, _) = self.0.first()?;
        if self.0.iter().any(|(_, other, _)| *other != currency) {
            return None;
        }
        let debits = self.0.iter().map(|(.., amount)| *amount);
        let amount = debits.filter(|amount| !amount.is_negative()).sum();
        Some(Money { amount, currency })
    }

    /// The accounts that it names.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(account, ..)| &**account)
    }
}

/// Whether the amounts of a transaction, all of them stated, add up to something in a currency.
pub(super) fn is_unbalanced(postings: &[Posting<'_>]) -> bool {
    let mut sums: BTreeMap<Currency, Amount> = BTreeMap::new();
    let stated = postings.iter().map_while(|posting| posting.amount.exact());
    let count = stated.map(|money| *sums.entry(money.currency).or_default() += money.amount);
    count.count() == postings.len() && sums.values().any(|sum| !sum.is_zero())
}

/// What several transactions move together, by account and currency; what comes to zero is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums<'a>(BTreeMap<(&'a str, Currency), Amount>);

impl<'a> Sums<'a> {
    /// `None` where one of them is not known.
    pub(super) fn of(all: impl IntoIterator<Item = Option<&'a Movements>>) -> Option<Self> {
        let mut sums: BTreeMap<_, Amount> = BTreeMap::new();
        for movements in all {
            for &(ref account, currency, amount) in &movements?.0 {
                *sums.entry((&**account, currency)).or_default() += amount;
            }
        }
        sums.retain(|_, sum| !sum.is_zero());
        Some(Self(sums))
    }

    /// Whether nothing is moved.
    pub(super) fn is_zero(&self) -> bool {
        self.0.is_empty()
    }
}
