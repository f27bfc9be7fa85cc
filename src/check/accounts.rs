//! Does everything that expenses will need have its counterpart in the books? Roles, mapped accounts, and every account
//! and tax code that Pleo knows for the company.

use std::collections::HashSet;

use chrono::NaiveDate;

use super::pleo::{Told, of_error as of_pleo};
use super::system::of_error as of_system;
use super::{Check, Name};
use crate::bookkeeping::Settings;
use crate::bookkeeping::needs::{self, Counterpart, Need};
use crate::host::counted::counted;
use crate::model::export_item::AccountReference;
use crate::model::references::{AccountPurpose, Resolution};
use crate::pleo::{Client, KnownAccount, KnownTax, PleoError};
use crate::systems::AccountingSystem;

/// What Pleo knows for the company, or why that is not known here.
#[derive(Debug)]
pub struct KnownToPleo {
    accounts: Result<Vec<(AccountReference, AccountPurpose)>, Check>,
    taxes: Result<Vec<KnownTax>, Check>,
}

impl KnownToPleo {
    /// Asks for both lists, as far as the credential may.
    pub fn ask(client: &Client, told: &Told) -> Self {
        Self {
            accounts: list(told, Name::Accounts, "accounts:read", || accounts(client)),
            taxes: list(told, Name::Taxes, "tax-codes:read", || {
                let mut taxes = client.known_taxes()?;
                taxes.retain(|tax| !tax.is_archived);
                Ok(taxes)
            }),
        }
    }

    /// Nothing can be asked.
    pub fn nothing(why: &str) -> Self {
        let unknown = |name, what| {
            let message = format!("what Pleo knows of {what} was not looked at: {why}");
            Check::unknown(name, message, None)
        };
        Self {
            accounts: Err(unknown(Name::Accounts, "accounts")),
            taxes: Err(unknown(Name::Taxes, "taxes")),
        }
    }
}

/// Asks for a list where the credential may have it.
fn list<T>(
    told: &Told,
    name: Name,
    scope: &str,
    ask: impl FnOnce() -> Result<T, PleoError>,
) -> Result<T, Check> {
    let forbidden = || {
        let message =
            format!("what Pleo knows was not looked at: the credential lacks the permission {scope}");
        let remedy = format!(
            "give the key the permission {scope} to have all of it looked at; exports do not need it"
        );
        Check::unknown(name, message, Some(remedy))
    };
    if !told.may(scope) {
        return Err(forbidden());
    }
    ask().map_err(|error| match &error {
        PleoError::CredentialRejected { answer, .. } if answer.status == 403 => forbidden(),
        // These questions are beside the export: what is unexpected about their answers stops nothing.
        PleoError::NotFound { .. } | PleoError::Rejected { .. } | PleoError::Contract { .. } => {
            Check::unknown(name, format!("Pleo does not tell what it knows: {error}"), None)
        }
        _ => of_pleo(name, &error),
    })
}

/// The accounts in use, each with what it is for: what stands for a wallet is told by asking without those.
fn accounts(client: &Client) -> Result<Vec<(AccountReference, AccountPurpose)>, PleoError> {
    let costs = client.known_accounts(false)?;
    let is_cost: HashSet<&AccountReference> = costs.iter().map(|account| &account.reference).collect();
    let all = client.known_accounts(true)?;
    let in_use = all.into_iter().filter(|account| !account.is_archived);
    let with_purpose = |KnownAccount { reference, .. }| {
        let purpose = if is_cost.contains(&reference) {
            AccountPurpose::Cost
        } else {
            AccountPurpose::Wallet
        };
        (reference, purpose)
    };
    Ok(in_use.map(with_purpose).collect())
}

/// Looks for the counterparts, all in one question to the accounting system.
pub fn counterparts(
    system: &mut dyn AccountingSystem,
    settings: &Settings,
    known: KnownToPleo,
    today: NaiveDate,
) -> Vec<Check> {
    let computes_tax = system.describe().computes_tax;
    let of_settings = needs::of_settings(settings, computes_tax);
    let known_accounts = known.accounts.as_deref().unwrap_or_default();
    let known_accounts = known_accounts
        .iter()
        .map(|(account, purpose)| (account, *purpose));
    let of_pleo = needs::of_accounts(known_accounts, settings);
    let known_taxes = known.taxes.as_deref().unwrap_or_default();
    let known_taxes = known_taxes.iter().map(|known| (&known.tax, known.name.as_str()));
    let taxes = needs::of_taxes(known_taxes, settings, computes_tax);

    let all = of_settings.iter().chain(&of_pleo).chain(&taxes);
    let resolution = match system.resolve(&needs::references_of(all)) {
        Ok(resolution) => resolution,
        Err(error) => return vec![of_system(Name::Accounts, &error), of_system(Name::Taxes, &error)],
    };
    let look = |name: Name, needs: &[Need]| -> Vec<Check> {
        let checks = needs
            .iter()
            .filter_map(|need| finding(name, need, &resolution, today));
        checks.collect()
    };
    let mut checks = look(Name::Accounts, &of_settings);
    checks.extend(look(Name::Accounts, &of_pleo));
    checks.extend(known.accounts.as_ref().err().cloned());
    if checks.is_empty() {
        let message = format!(
            "{} behind the settings and {} that Pleo knows have their counterpart in the books",
            counted(of_settings.len(), "account"),
            known.accounts.as_ref().map_or(0, Vec::len)
        );
        checks.push(Check::ok(Name::Accounts, message));
    } else if checks
        .iter()
        .all(|check| known.accounts.as_ref().err() == Some(check))
    {
        let settings = counted(of_settings.len(), "account");
        let message = format!("{settings} behind the settings have their counterpart in the books");
        checks.insert(0, Check::ok(Name::Accounts, message));
    }
    let mut of_taxes = look(Name::Taxes, &taxes);
    of_taxes.extend(known.taxes.as_ref().err().cloned());
    if of_taxes.is_empty() {
        of_taxes.push(Check::ok(
            Name::Taxes,
            in_order(known.taxes.as_ref().map_or(0, Vec::len), settings, &taxes),
        ));
    }
    checks.extend(of_taxes);
    checks
}

/// What is said of taxes that all have their counterpart.
fn in_order(known: usize, settings: &Settings, needs: &[Need]) -> String {
    let codes = counted(known, "tax code");
    let rules = settings.taxes.len();
    let message = format!("{codes} of Pleo and {rules} of the settings have what they need");
    match needs.iter().filter(|need| need.is_assumed).count() {
        0 => message,
        assumed => format!(
            "{message}; nothing is said about {assumed} of them, which go to the roles and count as fully deductible"
        ),
    }
}

/// What is told of a need; `None` where the books have what it takes.
fn finding(name: Name, need: &Need, resolution: &Resolution, today: NaiveDate) -> Option<Check> {
    let Need { what, setting, .. } = need;
    let asked = need.asked().unwrap_or_default();
    let Some(setting) = setting else {
        return without_code(name, what, &need.counterpart(resolution, today));
    };
    // A table and its key stand on lines of their own, and a table stands once in a file.
    let (table, key) = setting.split_once("] ").unwrap_or(("[", setting));
    let line = |value: &str| format!("under {table}]: {key} = \"{value}\"");
    let add = format!(
        "add it there, or say which one is meant in the settings {}",
        line("…")
    );
    Some(match need.counterpart(resolution, today) {
        Counterpart::Found(_) => return None,
        // What a person named is opened as it was named.
        Counterpart::Opens(_) if need.is_by_name() => return None,
        Counterpart::Opens(account) => Check::warning(
            name,
            format!("{what} would be opened as {account}"),
            format!("if another one is meant, add to the settings {}", line("…")),
        ),
        Counterpart::Missing if need.key.is_none() => {
            let message = format!("{what} has no account in the settings: expenses that need one will fail");
            let remedy = format!("add to the settings {}", line("…"));
            if name == Name::Accounts {
                Check::warning(name, message, remedy)
            } else {
                Check::failed(name, message, remedy)
            }
        }
        Counterpart::Missing if need.is_configured() => Check::failed(
            name,
            format!("{what}: the books have no {asked}, which the settings name"),
            format!("add {asked} there, or correct the line {}", line(asked)),
        ),
        Counterpart::Missing => {
            let message = format!("{what}: the books have no counterpart ({asked})");
            Check::failed(name, message, add)
        }
        Counterpart::Several(names) => Check::failed(
            name,
            format!("{what} may mean {}", names.join(" or ")),
            format!(
                "say which one in the settings {}",
                line(names.first().map_or("…", String::as_str))
            ),
        ),
        Counterpart::NotOpen(account) => Check::failed(
            name,
            format!("{what} means {account}, which is not open today"),
            format!(
                "open it in the books, or name another one in the settings {}",
                line("…")
            ),
        ),
        Counterpart::NameTaken(account) => Check::failed(
            name,
            format!("{what} would be opened as {account}, which the books use for something else"),
            format!("say which account is meant in the settings {}", line("…")),
        ),
    })
}

/// What is told of something that no line of the settings can name.
fn without_code(name: Name, what: &str, counterpart: &Counterpart) -> Option<Check> {
    if matches!(counterpart, Counterpart::Found(_) | Counterpart::Opens(_)) {
        return None;
    }
    let message = format!("{what} means nothing in the books: expenses that need it will fail");
    Some(Check::warning(name, message, "give it a code in Pleo"))
}
