//! `[accounting]`: which accounting system, and where its books are.

use std::path::PathBuf;
use std::time::Duration;

use super::section::Section;
use super::sources::Layers;
use crate::bookkeeping::{Role, Settings};
use crate::model::document::PostingState;
use crate::systems::beancount::{self, UnknownAccounts};
use crate::systems::{command, odoo};

/// The accounting system of this company.
#[derive(Clone, Debug)]
pub enum SystemSettings {
    /// Plain text books on this machine.
    Beancount(beancount::Settings),
    /// An Odoo server.
    Odoo(odoo::Settings),
    /// Any program that speaks the connector protocol.
    Command(command::Settings),
}

/// The roles' defaults of the embedded books; other systems have accounts of their own.
const BEANCOUNT_ROLES: &[(Role, &str)] = &[
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

#[derive(Clone, Copy)]
enum System {
    Beancount,
    Odoo,
    Command,
}

/// The system's own section, before the accounts that configuration names are known.
pub(super) enum Chosen {
    Beancount {
        directory: PathBuf,
        unknown_accounts: UnknownAccounts,
    },
    Odoo(Option<odoo::Settings>),
    Command(Option<command::Settings>),
}

/// Reads `[accounting]`. The sections of systems that are not chosen are read for unknown keys alone.
pub(super) fn read(
    layers: &Layers,
    file: &mut Section,
    bookkeeping: &mut Section,
    timeout: Duration,
    (problems, warnings): (&mut Vec<String>, &mut Vec<String>),
) -> Chosen {
    let mut section = file.section("accounting", problems);
    let system = section
        .choice(
            "system",
            &[
                ("beancount", System::Beancount),
                ("odoo", System::Odoo),
                ("command", System::Command),
            ],
            problems,
        )
        .unwrap_or(System::Beancount);
    let unknown_accounts = bookkeeping
        .choice(
            "unknown_accounts",
            &[("open", UnknownAccounts::Open), ("fail", UnknownAccounts::Fail)],
            problems,
        )
        .unwrap_or(UnknownAccounts::Open);
    let directory = directory(layers, section.section("beancount", problems), problems);
    let odoo = section.section("odoo", problems);
    let command = section.section("command", problems);
    section.finish(problems);
    match system {
        System::Beancount => Chosen::Beancount {
            directory,
            unknown_accounts,
        },
        System::Odoo => Chosen::Odoo(odoo_settings(layers, odoo, timeout, problems, warnings)),
        System::Command => Chosen::Command(command_settings(layers, command, problems)),
    }
}

fn directory(layers: &Layers, mut section: Section, problems: &mut Vec<String>) -> PathBuf {
    let in_file = section.path("directory", layers.file_folder(), problems);
    section.finish(problems);
    // A path that cannot be read is a problem by now, and then none is used.
    let variable = layers.path_variable("PLEO_EXPORT_BOOKS", problems);
    variable
        .unwrap_or_default()
        .or(in_file)
        .unwrap_or_else(|| layers.working_folder().join("books"))
}

fn odoo_settings(
    layers: &Layers,
    mut section: Section,
    timeout: Duration,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<odoo::Settings> {
    let url = section.required(
        "url",
        "Odoo's address, such as \"https://odoo.example\"",
        problems,
    );
    let url = url.and_then(|text| match super::server_url(&text) {
        Ok(url) => Some(url),
        Err(problem) => {
            problems.push(format!("accounting.odoo.url is `{text}`: {problem}"));
            None
        }
    });
    let database = section.required("database", "the name of Odoo's database", problems);
    let login = section.text("login", problems);
    let key_file = section.path("api_key_file", layers.file_folder(), problems);
    let api_key = match (layers.variable("ODOO_API_KEY", problems).ok()?, key_file) {
        (Some(key), _) => super::sendable("ODOO_API_KEY", key, problems),
        (None, Some(path)) => super::secret_file("accounting.odoo.api_key_file", &path, problems, warnings),
        (None, None) => {
            problems.push(
                "ODOO_API_KEY is missing: set it to an API key of the Odoo user (or `api_key_file` under [accounting.odoo])"
                    .into(),
            );
            None
        }
    };
    let mut journals = section.section("journals", problems);
    let journals_read = odoo::Journals {
        general: journals
            .text("general", problems)
            .unwrap_or_else(|| "MISC".to_owned()),
        purchase: journals
            .text("purchase", problems)
            .unwrap_or_else(|| "BILL".to_owned()),
        payment: journals
            .text("payment", problems)
            .unwrap_or_else(|| "BNK1".to_owned()),
    };
    journals.finish(problems);
    let create_vendors = section.boolean("create_vendors", problems).unwrap_or(false);
    section.finish(problems);
    Some(odoo::Settings {
        url: url?,
        database: database?,
        login,
        api_key: api_key?,
        journals: journals_read,
        create_vendors,
        posting: PostingState::Draft,
        timeout,
        largest_attachment: crate::receipts::LARGEST_ON_PLEO,
    })
}

fn command_settings(
    layers: &Layers,
    mut section: Section,
    problems: &mut Vec<String>,
) -> Option<command::Settings> {
    let program = section.program("program", problems);
    if program.as_ref().is_none_or(Vec::is_empty) {
        problems.push(
            "accounting.command.program is missing: name the connector, such as [\"python3\", \"connector.py\"]".into(),
        );
    }
    let timeout = section
        .integer("timeout_seconds", 1..=86_400, problems)
        .unwrap_or(60);
    section.finish(problems);
    Some(command::Settings {
        program: program.filter(|program| !program.is_empty())?,
        working_folder: layers.file_folder().to_owned(),
        timeout: Duration::from_secs(timeout.unsigned_abs()),
    })
}

/// Says which roles have no account, where there are no defaults: an integrator should not learn it item by item.
pub(super) fn unset_roles(settings: &Settings) -> Option<String> {
    let unset: Vec<String> = Role::ALL
        .iter()
        .filter(|role| !settings.roles.contains_key(role))
        .map(|role| format!("accounts.{role}"))
        .collect();
    let unset = unset.join(", ");
    (!unset.is_empty()).then(|| format!("no account is set for {unset}: expenses that need one will fail"))
}

impl Chosen {
    pub(super) fn role_defaults(&self) -> &'static [(Role, &'static str)] {
        match self {
            Self::Beancount { .. } => BEANCOUNT_ROLES,
            Self::Odoo(_) | Self::Command(_) => &[],
        }
    }

    /// The finished section. `None` where something that the system needs is missing, which is a problem by now.
    pub(super) fn finished(self, settings: &Settings, problems: &mut Vec<String>) -> Option<SystemSettings> {
        match self {
            Self::Beancount {
                directory,
                unknown_accounts,
            } => Some(SystemSettings::Beancount(beancount::Settings {
                directory,
                fava_url: None,
                unknown_accounts,
                configured_accounts: beancount_accounts(settings, problems),
            })),
            Self::Odoo(odoo) => odoo.map(|odoo| {
                SystemSettings::Odoo(odoo::Settings {
                    posting: settings.posting,
                    ..odoo
                })
            }),
            Self::Command(command) => command.map(SystemSettings::Command),
        }
    }
}

/// The accounts that configuration names, each of them one that beancount can have.
fn beancount_accounts(settings: &Settings, problems: &mut Vec<String>) -> Vec<String> {
    let named = named_accounts(settings);
    for (setting, account) in &named {
        if let Some(problem) = beancount::account_name_problem(account) {
            problems.push(format!("{setting} is \"{account}\": {problem}"));
        }
    }
    let mut accounts: Vec<String> = named.into_iter().map(|(_, account)| account).collect();
    accounts.sort();
    accounts.dedup();
    accounts
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
