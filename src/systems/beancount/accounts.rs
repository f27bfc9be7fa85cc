//! Which account of the ledger is meant, as it stands and as it may be opened.
//!
//! Settings name accounts as they are. Pleo names them by a code, which means another account for each purpose:
//!
//! 1. the account whose metadata says that it has this `code`;
//! 2. the account whose last part is the code, under a root that fits the purpose, or whose whole name is the code;
//! 3. an account that booking opens, where the ledger has none of the code, open or not, and unknown ones may be opened.
//!    It says what it serves and serves nothing else.
//!
//! Pleo's identifier takes the place of a code that is missing. Beside a code it finds only what version 0.1 opened under
//! it; as metadata of an account it is information.
//!
//! An account that version 0.1 opened for a code stands under Expenses whatever it was needed for; it serves costs and
//! income only. More than one account at a step is left to the planner, which knows the day.

use std::collections::HashMap;

use crate::model::references::{Account, AccountKey, AccountPurpose, Candidates, NewAccount, References};

use super::index::{Index, OpenedAccount};
use super::misplaced::is_expense;
use super::roots::{Root, Roots};
use super::settings::UnknownAccounts;
use super::text;

/// Under which roots an account of this purpose may stand.
const fn roots(purpose: AccountPurpose) -> &'static [Root] {
    match purpose {
        AccountPurpose::Cost => &[Root::Expenses, Root::Income, Root::Assets],
        AccountPurpose::Income => &[Root::Income, Root::Expenses],
        AccountPurpose::Wallet | AccountPurpose::InputTax => &[Root::Assets, Root::Liabilities],
        AccountPurpose::OutputTax => &[Root::Liabilities, Root::Assets],
    }
}

/// The account under which new accounts of this purpose are opened.
fn parent(purpose: AccountPurpose, roots: &Roots) -> String {
    let (root, below) = match purpose {
        AccountPurpose::Cost => (Root::Expenses, ""),
        AccountPurpose::Income => (Root::Income, ""),
        AccountPurpose::Wallet => (Root::Assets, ":Pleo"),
        AccountPurpose::InputTax => (Root::Assets, ":Tax"),
        AccountPurpose::OutputTax => (Root::Liabilities, ":Tax"),
    };
    format!("{}{below}", roots.name(root))
}

/// Whether version 0.1 opened this account for a code, not knowing what the code was needed for.
pub(super) fn is_guess_of_first_version(name: &str, account: &OpenedAccount) -> bool {
    account.is_ours && account.purpose.is_none() && account.code.is_some() && is_expense(name)
}

fn serves(name: &str, account: &OpenedAccount, purpose: AccountPurpose) -> bool {
    match account.purpose {
        Some(own) => own == purpose,
        None if is_guess_of_first_version(name, account) => {
            matches!(purpose, AccountPurpose::Cost | AccountPurpose::Income)
        }
        None => true,
    }
}

/// The accounts of the ledger that may be meant by each key of a job.
pub(super) fn all(
    references: &References,
    index: &Index,
    unknown: UnknownAccounts,
) -> HashMap<AccountKey, Candidates> {
    let asked = references.accounts.iter();
    asked
        .filter_map(|(key, name)| Some((key.clone(), candidates(key, name.as_deref(), index, unknown)?)))
        .collect()
}

/// The accounts of the ledger that may be meant by a key; `None` where there is none and none may be opened.
pub(super) fn candidates(
    key: &AccountKey,
    name: Option<&str>,
    index: &Index,
    unknown: UnknownAccounts,
) -> Option<Candidates> {
    match key {
        AccountKey::Configured(account) => named(account, index, true),
        AccountKey::Assumed(account) => {
            let account = index.roots().translate(account);
            named(&account, index, unknown == UnknownAccounts::Open)
        }
        AccountKey::Pleo {
            purpose,
            code,
            identifier,
        } => Some(of_pleo(
            *purpose,
            &NewAccount {
                code: code.clone().or_else(|| identifier.clone()),
                name: name.map(str::to_owned),
                identifier: identifier.clone(),
                purpose: Some(*purpose),
            },
            index,
            unknown,
        )),
    }
}

fn named(name: &str, index: &Index, may_open: bool) -> Option<Candidates> {
    if !index.roots().takes(name) {
        return None;
    }
    let known = index.account(name).map(|opened| known(name, opened, index));
    let new = || may_open.then(|| new(name, NewAccount::default()));
    known.or_else(new).map(Candidates::one)
}

/// Asks by the code alone, for which the identifier stands where there is none. An identifier beside a code is known to
/// some items and not to others: an account that was found by it would depend on which of them came first.
fn of_pleo(
    purpose: AccountPurpose,
    wanted: &NewAccount,
    index: &Index,
    unknown: UnknownAccounts,
) -> Candidates {
    let visible = |text: &Option<String>| text.as_deref().map(|text| text::visible(text).into_owned());
    let (code, identifier) = (visible(&wanted.code), visible(&wanted.identifier));
    let (code, identifier) = (code.as_deref(), identifier.as_deref());
    let group = |is_meant: &dyn Fn(&str, &OpenedAccount) -> bool| -> Vec<Account> {
        let accounts = index.accounts();
        let meant = accounts.filter(|(name, opened)| serves(name, opened, purpose) && is_meant(name, opened));
        meant.map(|(name, opened)| known(name, opened, index)).collect()
    };
    // Version 0.1 wrote the identifier where the code stands.
    let of_first_version = group(&|name, opened| {
        let is_its_own = identifier.is_some() && opened.code.as_deref() == identifier;
        code != identifier && is_its_own && is_guess_of_first_version(name, opened)
    });
    // What an item without the identifier opened must not come before it: the order of items would decide.
    let may_be_ours = of_first_version.is_empty();
    let by_code = group(&|_, opened| {
        let is_opened_by_step_4 = opened.is_ours && opened.purpose.is_some();
        opened.code.as_deref() == code && (may_be_ours || !is_opened_by_step_4)
    });
    let by_name = group(&|name, opened| {
        let last = name.rsplit(':').next();
        let root = index.roots().root_of(name);
        let fits = last == code && root.is_some_and(|root| roots(purpose).contains(&root));
        opened.code.is_none() && (fits || Some(name) == code)
    });
    let mut candidates = Candidates {
        groups: vec![by_code, of_first_version, by_name],
        taken_name: None,
    };
    candidates.groups.retain(|group| !group.is_empty());
    // An account beside one that is not open on the day would be its rival on every other day.
    if candidates.groups.is_empty() && unknown == UnknownAccounts::Open {
        let code = wanted.code.as_deref().unwrap_or_default();
        match text::account_for_code(&parent(purpose, index.roots()), code) {
            Some(name) if index.account(&name).is_none() => {
                candidates.groups.push(vec![new(&name, wanted.clone())]);
            }
            taken_name => candidates.taken_name = taken_name,
        }
    }
    candidates
}

/// An account as the ledger has it.
fn known(name: &str, opened: &OpenedAccount, index: &Index) -> Account {
    Account {
        from: Some(opened.from),
        until: index.closed_on(name),
        ..Account::open(name, name)
    }
}

/// An account that booking opens.
fn new(name: &str, new: NewAccount) -> Account {
    Account {
        opens: Some(Box::new(new)),
        ..Account::open(name, name)
    }
}
