//! `[accounting]`: which accounting system, and where its books are.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;

use super::pleo::{address, server};
use super::secret::{secret_file, sendable};
use super::section::Section;
use super::sources::{Layers, Unreadable};
use crate::bookkeeping::{Role, Settings, TaxRule};
use crate::model::document::PostingState;
use crate::model::ids::CompanyId;
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
    (Role::InputTax, "Assets:Tax:Input"),
    (Role::OutputTax, "Liabilities:Tax:Output"),
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
        books: Books,
        unknown_accounts: UnknownAccounts,
    },
    Odoo(Option<Box<odoo::Settings>>),
    Command(Option<command::Settings>),
}

/// `[accounting.beancount]`.
pub(super) struct Books {
    directory: PathBuf,
    ledger: Option<PathBuf>,
    fava_url: Option<String>,
}

/// Reads `[accounting]`, with how long the system may be out of reach. The sections of systems that are not chosen are read for unknown keys alone.
pub(super) fn read(
    layers: &Layers,
    file: &mut Section,
    bookkeeping: &mut Section,
    (problems, warnings): (&mut Vec<String>, &mut Vec<String>),
) -> (Chosen, Duration) {
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
    let patience = section.seconds("give_up_after_seconds", 120, problems);
    let unknown_accounts = bookkeeping
        .choice(
            "unknown_accounts",
            &[("open", UnknownAccounts::Open), ("fail", UnknownAccounts::Fail)],
            problems,
        )
        .unwrap_or(UnknownAccounts::Open);
    let books = books(layers, section.section("beancount", problems), problems);
    let mut odoo = section.section("odoo", problems);
    let mut journals = odoo.section("journals", problems);
    let mut command = section.section("command", problems);
    section.finish(problems);
    // Of a system that is not chosen the keys are looked at and nothing else: it need not be whole.
    let mut unimportant = Vec::new();
    let about_odoo = match system {
        System::Odoo => &mut *problems,
        _ => &mut unimportant,
    };
    let of_odoo = odoo_settings(layers, &mut odoo, &mut journals, about_odoo, warnings);
    let about_command = match system {
        System::Command => &mut *problems,
        _ => &mut unimportant,
    };
    let of_command = command_settings(layers, &mut command, about_command);
    for section in [odoo, journals, command] {
        section.finish(problems);
    }
    let chosen = match system {
        System::Beancount => Chosen::Beancount {
            books,
            unknown_accounts,
        },
        System::Odoo => Chosen::Odoo(of_odoo.map(Box::new)),
        System::Command => Chosen::Command(of_command),
    };
    (chosen, patience)
}

fn books(layers: &Layers, mut section: Section, problems: &mut Vec<String>) -> Books {
    let in_file = section.path("directory", layers.file_folder(), problems);
    let ledger = section.path("ledger", layers.file_folder(), problems);
    let fava_url = section.text("fava_url", problems);
    if let Some(url) = &fava_url {
        problems.extend(fava_problem(url).map(|problem| {
            let shown = address("accounting.beancount.fava_url", url);
            format!("{shown}: {problem}, such as http://localhost:5000/books")
        }));
    }
    section.finish(problems);
    // A path that cannot be read is a problem by now, and then none is used.
    let variable = layers.path_variable("PLEO_EXPORT_BOOKS", problems);
    let directory = variable
        .unwrap_or_default()
        .or(in_file)
        .unwrap_or_else(|| layers.working_folder().join("books"));
    Books {
        directory,
        ledger,
        fava_url,
    }
}

/// Why Pleo's users could not open entries at this address, if they could not.
fn fava_problem(url: &str) -> Option<&'static str> {
    let Ok(url) = url.parse::<Url>() else {
        return Some("it must be the address at which Fava shows the ledger");
    };
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    match url.scheme() {
        _ if has_more => Some("it must have no user, password, query or fragment"),
        "http" | "https" => None,
        _ => Some("it must begin with http:// or https://"),
    }
}

fn odoo_settings(
    layers: &Layers,
    section: &mut Section,
    journals: &mut Section,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<odoo::Settings> {
    let url = section.required(
        "url",
        "Odoo's address, such as \"https://odoo.example\"",
        problems,
    );
    let url = url.and_then(|text| server("accounting.odoo.url", &text, problems));
    let database = section.required("database", "the name of Odoo's database", problems);
    if section.text("login", problems).is_some() {
        problems.push(
            "accounting.odoo.login was for Odoo before 19, which is not spoken to any more: take the line out, the API key says who we are"
                .into(),
        );
    }
    let key_file = section.path("api_key_file", layers.file_folder(), problems);
    let api_key = match (layers.variable("ODOO_API_KEY", problems), key_file) {
        (Ok(Some(key)), _) => sendable("ODOO_API_KEY", key, problems),
        (Ok(None), Some(path)) => secret_file("accounting.odoo.api_key_file", &path, problems, warnings),
        (Ok(None), None) => {
            layers.missing(
                "accounting.odoo.api_key_file",
                "ODOO_API_KEY is missing: set it to an API key of the Odoo user (or `api_key_file` under [accounting.odoo])",
                "`api_key_file = \"…\"`, a file with an API key of the Odoo user, under [accounting.odoo]",
                problems,
            );
            None
        }
        (Err(Unreadable), _) => None,
    };
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
    let company = section.text("company", problems);
    let timeout = section.seconds("timeout_seconds", 60, problems);
    let create_vendors = section.boolean("create_vendors", problems).unwrap_or(false);
    Some(odoo::Settings {
        url: url?,
        database: database?,
        api_key: api_key?,
        journals: journals_read,
        company,
        create_vendors,
        posting: PostingState::Draft,
        timeout,
        largest_attachment: crate::receipts::LARGEST_ON_PLEO,
    })
}

fn command_settings(
    layers: &Layers,
    section: &mut Section,
    problems: &mut Vec<String>,
) -> Option<command::Settings> {
    let program = section.program("program", problems);
    if program.as_ref().is_none_or(Vec::is_empty) {
        problems.push(
            "accounting.command.program is missing: name the connector, such as [\"python3\", \"connector.py\"]".into(),
        );
    }
    let timeout = section.seconds("timeout_seconds", 60, problems);
    Some(command::Settings {
        program: program.filter(|program| !program.is_empty())?,
        working_folder: layers.file_folder().to_owned(),
        timeout,
    })
}

impl Chosen {
    pub(super) fn role_defaults(&self) -> &'static [(Role, &'static str)] {
        match self {
            Self::Beancount { .. } => BEANCOUNT_ROLES,
            Self::Odoo(_) | Self::Command(_) => &[],
        }
    }

    /// The finished section. `None` where something that the system needs is missing, which is a problem by now.
    pub(super) fn finished(
        self,
        settings: &Settings,
        company_id: Option<&CompanyId>,
        problems: &mut Vec<String>,
    ) -> Option<SystemSettings> {
        match self {
            Self::Beancount {
                books,
                unknown_accounts,
            } => Some(SystemSettings::Beancount(beancount::Settings {
                configured_accounts: beancount_accounts(settings, problems),
                // The defaults of roles are guesses: they are opened where unknown accounts are.
                default_accounts: match unknown_accounts {
                    UnknownAccounts::Open => settings.role_defaults.values().cloned().collect(),
                    UnknownAccounts::Fail => Vec::new(),
                },
                directory: books.directory,
                ledger: books.ledger,
                company_id: company_id?.clone(),
                fava_url: books.fava_url,
                unknown_accounts,
                account_map: settings.map.clone(),
                tax_accounts: settings.taxes.iter().map(tax_accounts).collect(),
            })),
            Self::Odoo(odoo) => odoo.map(|odoo| {
                SystemSettings::Odoo(odoo::Settings {
                    posting: settings.posting,
                    ..*odoo
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

fn tax_accounts((code, rule): (&String, &TaxRule)) -> (String, beancount::TaxAccounts) {
    let accounts = beancount::TaxAccounts {
        input: rule.account.clone(),
        output: rule.outgoing_account.clone(),
    };
    (code.clone(), accounts)
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
