//! The company whose books these are: its currency, its journals, and until when its periods are closed.
//!
//! It is the default company of the API key's user. Odoo gives no error for an entry in a closed period: it posts it
//! with another date. So the lock dates are read before anything is planned, and again before anything is posted.

use serde::Deserialize;
use serde_json::{Value, json};

use super::records::{Id, Link};
use super::transport::Transport;
use crate::model::document::DocumentKind;
use crate::model::money::Currency;
use crate::model::verdict::JobFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::settings::{Journals, Settings};

/// What is asked once in a run.
#[derive(Clone, Debug)]
pub(crate) struct Company {
    pub(crate) id: Id,
    pub(crate) currency: Currency,
    pub(crate) currency_id: Id,
    pub(crate) journals: JournalIds,
}

/// The configured journals in Odoo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalIds {
    pub(crate) general: Id,
    pub(crate) purchase: Id,
    pub(crate) payment: Id,
}

impl Company {
    pub(crate) fn read(transport: &Transport, settings: &Settings) -> Result<Self, SystemError> {
        #[derive(Deserialize)]
        struct User {
            company_id: Link,
        }
        #[derive(Deserialize)]
        struct Record {
            currency_id: Link,
        }
        let context: Value = transport.call("res.users", "context_get", &json!({}))?;
        let user = context.get("uid").cloned().unwrap_or_default();
        let users: Vec<User> = transport.search(
            "res.users",
            json!([["id", "=", user]]),
            &["company_id"],
            &json!({}),
        )?;
        let Link(id, name) = users
            .into_iter()
            .next()
            .map(|user| user.company_id)
            .ok_or_else(|| missing("the API key's user has no company"))?;
        refuse_another(settings.company.as_deref(), &name)?;
        let context = context_of(id);
        let records: Vec<Record> = transport.search(
            "res.company",
            json!([["id", "=", id]]),
            &["currency_id"],
            &context,
        )?;
        let Link(currency_id, currency) = records
            .into_iter()
            .next()
            .map(|record| record.currency_id)
            .ok_or_else(|| missing(&format!("company {name} cannot be read")))?;
        let currency = currency
            .parse()
            .map_err(|_| missing(&format!("company {name} has the currency {currency}")))?;
        let journals = journals(transport, &settings.journals, id, &name)?;
        Ok(Self {
            id,
            currency,
            currency_id,
            journals,
        })
    }

    /// Calls see this company alone.
    pub(crate) fn context(&self) -> Value {
        context_of(self.id)
    }

    /// The journal of a document.
    pub(crate) fn journal(&self, kind: DocumentKind) -> Id {
        match kind {
            DocumentKind::JournalEntry => self.journals.general,
            DocumentKind::VendorBill | DocumentKind::CreditNote => self.journals.purchase,
            DocumentKind::BillPayment | DocumentKind::RefundReceipt => self.journals.payment,
        }
    }
}

/// The settings may say which company is meant, for a user whose default company may change.
pub(crate) fn refuse_another(wanted: Option<&str>, found: &str) -> Result<(), SystemError> {
    match wanted {
        Some(wanted) if wanted.trim() != found.trim() => Err(SystemError::Fatal {
            failure_type: JobFailureType::InvalidConfiguration,
            reason: format!(
                "The Odoo user of the API key works in company {found}, but accounting.odoo.company is {wanted}: make \
                 {wanted} the user's default company in Odoo, or correct the setting, then export again."
            ),
        }),
        _ => Ok(()),
    }
}

fn context_of(company: Id) -> Value {
    json!({ "allowed_company_ids": [company] })
}

fn missing(what: &str) -> SystemError {
    SystemError::Fatal {
        failure_type: JobFailureType::InvalidConfiguration,
        reason: format!(
            "Odoo cannot be used: {what}. Check the user that the API key belongs to, then export again."
        ),
    }
}

fn journals(
    transport: &Transport,
    wanted: &Journals,
    company: Id,
    company_name: &str,
) -> Result<JournalIds, SystemError> {
    #[derive(Deserialize)]
    struct Journal {
        id: Id,
        code: String,
        #[serde(rename = "type")]
        kind: String,
    }
    let codes = [&wanted.general, &wanted.purchase, &wanted.payment];
    let found: Vec<Journal> = transport.search(
        "account.journal",
        json!([["code", "in", codes], ["company_id", "=", company]]),
        &["code", "type"],
        &context_of(company),
    )?;
    let journal = |setting: &str, code: &str, kinds: &[&str]| {
        let reason = match found.iter().find(|journal| journal.code == code) {
            Some(journal) if kinds.contains(&journal.kind.as_str()) => return Ok(journal.id),
            Some(journal) => format!(
                "Journal {code} in Odoo is of the type {}, but accounting.odoo.journals.{setting} needs one of {}: ask whoever runs the export to set another journal, then export again.",
                journal.kind,
                kinds.join(", ")
            ),
            None => format!(
                "Journal {code} (accounting.odoo.journals.{setting}) is not in Odoo for company {company_name}, or was renamed or archived: add it in Odoo, or ask whoever runs the export to set its code, then export again."
            ),
        };
        Err(SystemError::Fatal {
            failure_type: JobFailureType::MissingConfiguration,
            reason,
        })
    };
    Ok(JournalIds {
        general: journal("general", &wanted.general, &["general"])?,
        purchase: journal("purchase", &wanted.purchase, &["purchase"])?,
        payment: journal("payment", &wanted.payment, &["bank", "cash", "credit"])?,
    })
}
