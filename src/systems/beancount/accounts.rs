//! Which account of the ledger is meant, as it stands and as it may be opened.
//!
//! Settings name accounts as they are. Pleo names them by a code, which means another account for each purpose:
//!
//! 1. the account whose metadata says that it has this `code` (or was opened under this identifier);
//! 2. the account whose last part is the code, under a root that fits the purpose, or whose whole name is the code;
//! 3. an account that booking opens, where unknown ones may be opened. It says what it serves and serves nothing else.
//!
//! An account that version 0.1 opened for a code stands under Expenses whatever it was needed for; it serves costs and
//! income only. More than one account at a step is left to the planner, which knows the day.

use crate::model::references::{Account, AccountKey, AccountPurpose, Candidates, NewAccount};

use super::UnknownAccounts;
use super::first_version;
use super::index::{Index, OpenedAccount};
use super::roots::{Root, Roots};
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
    account.is_ours && account.purpose.is_none() && account.code.is_some() && first_version::is_expense(name)
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
                code: code.clone(),
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
    let by_code = group(&|_, opened| code.is_some() && opened.code.as_deref() == code);
    let by_identifier = group(&|_, opened| {
        let under = opened.code.as_deref().or(opened.identifier.as_deref());
        let is_its_own = code.is_none() && opened.identifier.as_deref() == identifier;
        identifier.is_some() && (under == identifier || is_its_own)
    });
    let by_name = group(&|name, opened| {
        let last = name.rsplit(':').next();
        let wanted = code.or(identifier);
        let root = index.roots().root_of(name);
        let fits = last == wanted && root.is_some_and(|root| roots(purpose).contains(&root));
        opened.code.is_none() && (fits || Some(name) == wanted)
    });
    let mut candidates = Candidates {
        groups: vec![by_code, by_identifier, by_name],
        taken_name: None,
    };
    let opened_for = wanted.code.as_deref().or(wanted.identifier.as_deref());
    let new_name = opened_for.and_then(|code| text::account_for_code(&parent(purpose, index.roots()), code));
    match new_name {
        Some(name) if unknown == UnknownAccounts::Open && index.account(&name).is_none() => {
            candidates.groups.push(vec![new(&name, wanted.clone())]);
        }
        Some(name) if unknown == UnknownAccounts::Open => candidates.taken_name = Some(name),
        _ => {}
    }
    candidates.groups.retain(|group| !group.is_empty());
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
