//! What transactions move on accounts, in little memory: by this a reversal is known, see [`super::standing`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::model::money::{Amount, Currency, Money};

use super::reader::{Posting, PostingAmount};

/// An account's name, as one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AccountId(u32);

/// Account names, each kept once.
#[derive(Debug, Default)]
pub(super) struct Names {
    ids: HashMap<Arc<str>, AccountId>,
    names: Vec<Arc<str>>,
}

impl Names {
    pub(super) fn id(&mut self, name: &str) -> AccountId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        // Nobody has four thousand million accounts; the last number would then stand for several.
        let id = AccountId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = name.into();
        self.names.push(Arc::clone(&name));
        self.ids.insert(name, id);
        id
    }

    pub(super) fn name(&self, id: AccountId) -> &str {
        let name = usize::try_from(id.0).ok().and_then(|at| self.names.get(at));
        name.map_or("", AsRef::as_ref)
    }
}

/// What one transaction moves on each account, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Movements(Box<[(AccountId, Currency, Amount)]>);

impl Movements {
    /// `None` where it cannot be told from the text alone: expressions, prices, more than one amount left out.
    pub(super) fn of(postings: &[Posting<'_>], names: &mut Names) -> Option<Self> {
        let mut moved = Vec::with_capacity(postings.len());
        let mut filled_in = None;
        for posting in postings {
            let account = names.id(posting.account);
            match posting.amount {
                PostingAmount::Exact(Money { amount, currency }) => moved.push((account, currency, amount)),
                PostingAmount::LeftOut if filled_in.is_none() => filled_in = Some(account),
                PostingAmount::LeftOut | PostingAmount::Other => return None,
            }
        }
        if let Some(account) = filled_in {
            let &(_, currency, _) = moved.first()?;
            if moved.iter().any(|&(_, other, _)| other != currency) {
                return None;
            }
            let sum: Amount = moved.iter().map(|&(_, _, amount)| amount).sum();
            moved.push((account, currency, sum.negated()));
        }
        moved.sort_unstable();
        Some(Self(moved.into_boxed_slice()))
    }

    /// What is moved on each account.
    pub(super) fn each(&self) -> impl Iterator<Item = (AccountId, Money)> {
        let moved = self.0.iter();
        moved.map(|&(account, currency, amount)| (account, Money { amount, currency }))
    }

    /// Whether all that is moved adds up to nothing in each currency.
    pub(super) fn balance(&self) -> bool {
        let mut sums: BTreeMap<Currency, Amount> = BTreeMap::new();
        for &(_, currency, amount) in &self.0 {
            *sums.entry(currency).or_default() += amount;
        }
        sums.values().all(|sum| sum.is_zero())
    }

    /// The sum of all that it adds to accounts, where it moves one currency alone.
    pub(super) fn debits(&self) -> Option<Money> {
        let &(_, currency, _) = self.0.first()?;
        if self.0.iter().any(|&(_, other, _)| other != currency) {
            return None;
        }
        let debits = self.0.iter().map(|&(_, _, amount)| amount);
        let amount = debits.filter(|amount| !amount.is_negative()).sum();
        Some(Money { amount, currency })
    }

    /// The accounts that it names.
    pub(super) fn accounts(&self) -> impl Iterator<Item = AccountId> {
        self.0.iter().map(|&(account, _, _)| account)
    }
}

/// What several transactions move together, by account and currency; what comes to zero is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums(BTreeMap<(AccountId, Currency), Amount>);

impl Sums {
    /// `None` where one of them is not known.
    pub(super) fn of<'a>(all: impl IntoIterator<Item = Option<&'a Movements>>) -> Option<Self> {
        let mut sums: BTreeMap<_, Amount> = BTreeMap::new();
        for movements in all {
            for &(account, currency, amount) in &movements?.0 {
                *sums.entry((account, currency)).or_default() += amount;
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
