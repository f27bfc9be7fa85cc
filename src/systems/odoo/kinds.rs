//! What kind of account each posting goes to. Odoo takes a meal on an equity account without a word, and pays a bill
//! with itself when the wallet is a payable account, so it is looked at before anything is written.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::json;

use super::company::Company;
use super::documents::{account, is_left_to_odoo};
use super::errors::CallError;
use super::partners::CreditorIds;
use super::records::Id;
use super::transport::Transport;
use crate::model::document::{Document, PlannedItem, Posting, Purpose};
use crate::model::verdict::ItemFailureType;
use crate::systems::SystemError;

/// The kinds of the accounts of a batch, in Odoo's words.
#[derive(Debug, Default)]
pub(super) struct Kinds(HashMap<Id, String>);

impl Kinds {
    pub(super) fn read(
        transport: &mut Transport,
        company: &Company,
        items: &[PlannedItem],
    ) -> Result<Self, CallError> {
        #[derive(Deserialize)]
        struct Record {
            id: Id,
            account_type: String,
        }
        let postings = items
            .iter()
            .flat_map(|item| &item.documents)
            .flat_map(|document| &document.postings);
        let used: BTreeSet<Id> = postings
            .filter_map(|posting| posting.account.reference.parse().ok())
            .collect();
        let found: Vec<Record> = transport.search(
            "account.account",
            json!([["id", "in", used]]),
            &["account_type"],
            &company.context(),
        )?;
        Ok(Self(
            found
                .into_iter()
                .map(|record| (record.id, record.account_type))
                .collect(),
        ))
    }

    /// Refuses a document with a posting on an account that is not made for it.
    pub(super) fn check(
        &self,
        document: &Document,
        creditor: Option<CreditorIds>,
    ) -> Result<(), SystemError> {
        for posting in document
            .postings
            .iter()
            .filter(|posting| !is_left_to_odoo(posting))
        {
            // An account of Odoo's own choice, such as the vendor's, is not in here.
            let Some(kind) = self.0.get(&account(posting, creditor)?) else {
                continue;
            };
            if let Some(use_of) = misuse(posting.purpose, kind) {
                return Err(misused(posting, kind, use_of));
            }
        }
        Ok(())
    }
}

/// What the account would be used as, where its kind is not made for that.
fn misuse(purpose: Purpose, kind: &str) -> Option<&'static str> {
    let is_owed = matches!(kind, "asset_receivable" | "liability_payable");
    let is_money = matches!(kind, "asset_cash" | "liability_credit_card");
    let is_current = matches!(kind, "asset_current" | "asset_prepayments" | "liability_current");
    let is_result = kind.starts_with("income") || kind.starts_with("expense");
    let is_outside = kind.starts_with("equity") || kind == "off_balance";
    let (is_fit, use_of) = match purpose {
        Purpose::Cost | Purpose::FxDifference => (!is_owed && !is_money && !is_outside, "a cost"),
        Purpose::Cash => (is_money || is_current, "the wallet"),
        Purpose::Payable => (kind == "liability_payable", "what vendors are owed"),
        Purpose::Employee => (is_owed || is_current, "what employees are owed or owe"),
        _ => (!is_result && !is_outside, "money on its way"),
    };
    (!is_fit).then_some(use_of)
}

fn misused(posting: &Posting, kind: &str, use_of: &str) -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::InvalidConfiguration,
        reason: format!(
            "Account {} is of the type {kind} in Odoo, which is not made for {use_of}: name another account under [accounts] or [accounts.map] in the configuration, then export again.",
            posting.account.name
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_kinds() {
        for (purpose, fit, unfit) in [
            (
                Purpose::Cost,
                &[
                    "expense",
                    "expense_direct_cost",
                    "income_other",
                    "asset_fixed",
                    "asset_prepayments",
                ][..],
                &[
                    "equity",
                    "equity_unaffected",
                    "asset_cash",
                    "liability_payable",
                    "off_balance",
                ][..],
            ),
            (
                Purpose::Cash,
                &["asset_cash", "liability_credit_card", "asset_current"],
                &[
                    "liability_payable",
                    "asset_receivable",
                    "expense",
                    "equity",
                    "asset_fixed",
                ],
            ),
            (
                Purpose::Payable,
                &["liability_payable"],
                &["liability_current", "expense"],
            ),
            (
                Purpose::Employee,
                &["liability_payable", "asset_receivable", "liability_current"],
                &["income", "expense", "equity", "asset_cash"],
            ),
            (
                Purpose::Transit,
                &["asset_current", "asset_cash", "liability_current"],
                &["income", "expense", "equity"],
            ),
        ] {
            assert!(
                fit.iter().all(|kind| misuse(purpose, kind).is_none()),
                "{purpose:?}"
            );
            assert!(
                unfit.iter().all(|kind| misuse(purpose, kind).is_some()),
                "{purpose:?}"
            );
        }
    }
}
