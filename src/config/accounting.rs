//! `[accounting]`: which accounting system, and where its books are.

use std::path::PathBuf;

use super::section::Section;
use super::sources::Layers;
use crate::bookkeeping::{Role, Settings};
use crate::systems::beancount::{self, UnknownAccounts};

/// The accounting system of this company.
#[derive(Clone, Debug)]
pub enum SystemSettings {
    /// Plain text books on this machine.
    Beancount(beancount::Settings),
}

/// The roles' defaults of the embedded books; other systems have accounts of their own.
pub(super) const BEANCOUNT_ROLES: &[(Role, &str)] = &[
    (Role::Wallet, "Assets:Pleo:Wallet"),
    (Role::OutOfPocket, "Liabilities:Pleo:OutOfPocket"),
    (Role::EmployeeReceivable, "Assets:Pleo:EmployeeReceivable"),
    (Role::AccountsPayable, "Liabilities:AccountsPayable"),
    (Role::Contra, "Assets:Pleo:Transit"),
    (
        Role::ExternalReimbursement,
        "Liabilities:Pleo:ExternalReimbursement",
    ),
    (Role::FxDifference, "Expenses:Pleo:FxDifference"),
];

/// The system's own section, before the accounts that configuration names are known.
pub(super) struct Chosen {
    directory: PathBuf,
    unknown_accounts: UnknownAccounts,
}

pub(super) fn read(
    layers: &Layers,
    file: &mut Section,
    bookkeeping: &mut Section,
    problems: &mut Vec<String>,
) -> Chosen {
    let mut section = file.section("accounting", problems);
    let _ = section.choice("system", &[("beancount", ())], problems);
    let mut beancount = section.section("beancount", problems);
    let in_file = beancount.path("directory", layers.file_folder(), problems);
    beancount.finish(problems);
    section.finish(problems);
    let directory = match (layers.variable("PLEO_EXPORT_BOOKS"), in_file) {
        (Some(path), _) => layers.working_folder().join(path),
        (None, Some(path)) => path,
        (None, None) => layers.working_folder().join("books"),
    };
    let unknown_accounts = bookkeeping
        .choice(
            "unknown_accounts",
            &[("open", UnknownAccounts::Open), ("fail", UnknownAccounts::Fail)],
            problems,
        )
        .unwrap_or(UnknownAccounts::Open);
    Chosen {
        directory,
        unknown_accounts,
    }
}

impl Chosen {
    /// The finished section; every account that configuration names must be one the system can have.
    pub(super) fn with_accounts(self, settings: &Settings, problems: &mut Vec<String>) -> SystemSettings {
        let named = named_accounts(settings);
        for (setting, account) in &named {
            if let Some(problem) = beancount::account_name_problem(account) {
                problems.push(format!("{setting} is \"{account}\": {problem}"));
            }
        }
        let mut configured_accounts: Vec<String> = named.into_iter().map(|(_, account)| account).collect();
        configured_accounts.sort();
        configured_accounts.dedup();
        SystemSettings::Beancount(beancount::Settings {
            directory: self.directory,
            fava_url: None,
            unknown_accounts: self.unknown_accounts,
            configured_accounts,
        })
    }
}

/// Every account that configuration names, with the setting that names it.
fn named_accounts(settings: &Settings) -> Vec<(String, String)> {
    let roles = settings
        .roles
        .iter()
        .map(|(role, account)| (format!("accounts.{}", role.as_str()), account.clone()));
    let mapped = settings
        .map
        .iter()
        .map(|(code, account)| (format!("accounts.map.\"{code}\""), account.clone()));
    let taxes = settings.taxes.iter().flat_map(|(code, rule)| {
        [
            ("account", &rule.account),
            ("outgoing_account", &rule.outgoing_account),
        ]
        .into_iter()
        .filter_map(move |(key, account)| Some((format!("taxes.\"{code}\".{key}"), account.clone()?)))
    });
    roles.chain(mapped).chain(taxes).collect()
}
