//! What Odoo has of a job's references, before anything is planned: accounts by code, purchase taxes by name,
//! analytic accounts by code, invoices by vendor and number, and the lock dates.
//!
//! All of it is checked here because Odoo's own answers mislead: an unknown account says "another model is using
//! the record", and an unknown analytic account is accepted.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::json;
use tracing::warn;

use super::locks::Locks;
use super::{invoices, partners};
use crate::model::export_item::Tag;
use crate::model::references::{
    Account, AccountKey, Candidates, ClosedUntil, Reference, References, Resolution,
};
use crate::model::verdict::JobFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::{CallError, Rejection};
use crate::systems::odoo::api::records::{Id, Link, text};

pub(crate) fn resolve(
    books: Books<'_>,
    create_vendors: bool,
    references: &References,
) -> Result<Resolution, SystemError> {
    let locks = Locks::read(books)?;
    let vendors = partners::vendors(books, create_vendors, &references.vendors)?;
    let invoices = invoices::of_vendors(books, &vendors, &references.invoices)?;
    Ok(Resolution {
        accounts: accounts(books, references.accounts.keys())?,
        tax_codes: taxes(books, &references.tax_codes)?,
        tags: tags(books, &references.tags)?,
        vendors,
        invoices,
        closed_until: ClosedUntil {
            all: locks.all,
            purchases: locks.purchases,
            taxed: locks.taxes,
        },
    })
}

/// Accounts by their code in Odoo. Pleo may have that code as identifier, which is the stronger word for it. An archived
/// account is not found: Odoo leaves it out of every search.
fn accounts<'a>(
    books: Books<'_>,
    keys: impl Iterator<Item = &'a AccountKey> + Clone,
) -> Result<HashMap<AccountKey, Candidates>, SystemError> {
    #[derive(Deserialize)]
    struct Record {
        id: Id,
        code: String,
        name: String,
    }
    let codes: BTreeSet<&str> = keys.clone().flat_map(names).collect();
    let found: Vec<Record> = books.search(
        "account.account",
        json!([["code", "in", codes]]),
        &["code", "name"],
    )?;
    let by_code: HashMap<&str, &Record> = found
        .iter()
        .map(|record| (record.code.as_str(), record))
        .collect();
    Ok(keys
        .filter_map(|key| {
            let record = names(key).find_map(|name| by_code.get(name))?;
            let name = format!("{} {}", record.code, record.name);
            let account = Account::open(Reference::Id(record.id), name);
            Some((key.clone(), Candidates::one(account)))
        })
        .collect())
}

/// The texts under which an account is looked for, the best first.
fn names(key: &AccountKey) -> impl Iterator<Item = &str> {
    let (first, second) = match key {
        AccountKey::Configured(text) | AccountKey::Assumed(text) => (Some(text), None),
        AccountKey::Pleo { code, identifier, .. } => (identifier.as_ref(), code.as_ref()),
    };
    [first, second].into_iter().flatten().map(String::as_str)
}

/// Purchase taxes by their name, which Odoo keeps unique; two of one name in different scopes are none.
fn taxes(books: Books<'_>, names: &BTreeSet<String>) -> Result<HashMap<String, Reference>, SystemError> {
    #[derive(Deserialize)]
    struct Record {
        id: Id,
        name: String,
    }
    let found: Vec<Record> = books.search(
        "account.tax",
        json!([
            ["name", "in", names],
            ["type_tax_use", "=", "purchase"],
            ["company_id", "=", books.company.id]
        ]),
        &["name"],
    )?;
    let mut taxes = HashMap::new();
    for name in names {
        let mut same = found.iter().filter(|tax| tax.name == *name);
        match (same.next(), same.next()) {
            (Some(tax), None) => {
                taxes.insert(name.clone(), Reference::Id(tax.id));
            }
            (Some(_), Some(_)) => warn!("Odoo has more than one purchase tax with the name {name}"),
            (None, _) => {}
        }
    }
    Ok(taxes)
}

/// Analytic accounts by code, else by name; of several, the one whose plan has the name of the tag's group.
fn tags(books: Books<'_>, tags: &BTreeSet<Tag>) -> Result<HashMap<Tag, Reference>, SystemError> {
    #[derive(Deserialize)]
    struct Record {
        id: Id,
        #[serde(deserialize_with = "text")]
        code: Option<String>,
        name: String,
        plan_id: Link,
    }
    if tags.is_empty() {
        return Ok(HashMap::new());
    }
    let codes: BTreeSet<&str> = tags.iter().map(|tag| tag.code.as_str()).collect();
    let found: Vec<Record> = books.search(
            "account.analytic.account",
            json!(["&", ["company_id", "in", [false, books.company.id]], "|", ["code", "in", codes], ["name", "in", codes]]),
            &["code", "name", "plan_id"])
        .map_err(|error| match error {
            CallError::Rejected { rejection: Rejection::Access, .. } => SystemError::Fatal {
                failure_type: JobFailureType::AuthorizationFailure,
                reason: "The expenses carry tags, but the Odoo user of the API key may not read analytic accounts: switch on Analytic Accounting in Odoo's settings and give the user that right, then export again.".into(),
            },
            other => other.into(),
        })?;
    Ok(tags
        .iter()
        .filter_map(|tag| {
            let by_code = || {
                found
                    .iter()
                    .filter(|account| account.code.as_deref() == Some(&tag.code))
            };
            let by_name = || found.iter().filter(|account| account.name == tag.code);
            let candidates: Vec<&Record> = if by_code().next().is_some() {
                by_code().collect()
            } else {
                by_name().collect()
            };
            let in_plan: Vec<&Record> = candidates
                .iter()
                .copied()
                .filter(|account| account.plan_id.1.eq_ignore_ascii_case(&tag.group))
                .collect();
            match (in_plan.as_slice(), candidates.as_slice()) {
                ([one], _) | ([], [one]) => Some((tag.clone(), Reference::Id(one.id))),
                _ => None,
            }
        })
        .collect())
}
