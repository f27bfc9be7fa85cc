//! What kind of account each posting goes to. Odoo takes a meal on an equity account without a word, and pays a bill
//! with itself when the wallet is a payable account, so it is looked at before anything is written.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::json;

use super::partners::CreditorIds;
use crate::model::document::{Document, DocumentKind, PlannedItem, Posting, Purpose};
use crate::model::verdict::ItemFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::document::rows::{account, id, is_left_to_odoo};

/// The kinds of the accounts of a batch, in Odoo's words.
#[derive(Debug)]
pub(crate) struct Kinds(HashMap<Id, String>);

impl Kinds {
    pub(crate) fn read(books: Books<'_>, items: &[PlannedItem]) -> Result<Self, CallError> {
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
            .filter_map(|posting| id(&posting.account.reference, &posting.account.name).ok())
            .collect();
        let found: Vec<Record> =
            books.search("account.account", json!([["id", "in", used]]), &["account_type"])?;
        Ok(Self(
            found
                .into_iter()
                .map(|record| (record.id, record.account_type))
                .collect(),
        ))
    }

    /// Refuses a document with a posting on an account that is not made for it.
    pub(crate) fn check(
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
            let is_entry = document.kind == DocumentKind::JournalEntry;
            if let Some(use_of) = misuse(posting.purpose, is_entry, kind) {
                return Err(misused(posting, kind, use_of));
            }
        }
        Ok(())
    }
}

/// What the account would be used as, where its kind is not made for that. In bills and payments Odoo itself needs what is
/// owed to stand on a payable account, and nothing else there.
fn misuse(purpose: Purpose, is_entry: bool, kind: &str) -> Option<&'static str> {
    let is_owed = matches!(kind, "asset_receivable" | "liability_payable");
    let is_money = matches!(kind, "asset_cash" | "liability_credit_card");
    let is_current = matches!(kind, "asset_current" | "asset_prepayments" | "liability_current");
    let is_result = kind.starts_with("income") || kind.starts_with("expense");
    let is_outside = matches!(kind, "equity_unaffected" | "off_balance");
    let may_be_owed = if is_entry {
        is_owed || is_current
    } else {
        kind == "liability_payable"
    };
    let (is_fit, use_of) = match purpose {
        Purpose::Cost | Purpose::FxDifference => (
            (is_entry || !is_owed) && !is_money && !is_outside && kind != "equity",
            "a cost",
        ),
        Purpose::Cash => (is_money || is_current, "the wallet"),
        Purpose::Payable => (may_be_owed, "what vendors are owed"),
        Purpose::Employee => (may_be_owed, "what employees are owed or owe"),
        _ => (!is_result && !is_outside, "money on its way"),
    };
    (!is_fit).then_some(use_of)
}

fn misused(posting: &Posting, kind: &str, use_of: &str) -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::InvalidConfiguration,
        reason: format!(
            "Account {} is of the type {kind} in Odoo, which is not made for {use_of}: choose another category in Pleo, or ask whoever runs the export to set another account under [accounts] or [accounts.map], then export again.",
            posting.account.name
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_its_kinds() {
        for (purpose, is_entry, fit, unfit) in [
            (
                Purpose::Cost,
                false,
                &["expense", "expense_direct_cost", "income_other", "asset_fixed"][..],
                &["equity", "equity_unaffected", "asset_cash", "liability_payable"][..],
            ),
            (
                Purpose::Cost,
                true,
                &["expense", "asset_receivable", "asset_prepayments"],
                &["equity", "asset_cash", "off_balance"],
            ),
            (
                Purpose::Cash,
                true,
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
                false,
                &["liability_payable"],
                &["liability_current", "expense"],
            ),
            (
                Purpose::Employee,
                true,
                &["liability_payable", "asset_receivable", "liability_current"],
                &["income", "expense", "equity", "asset_cash"],
            ),
            (
                Purpose::Employee,
                false,
                &["liability_payable"],
                &["liability_current"],
            ),
            (
                Purpose::Transit,
                true,
                &["asset_current", "asset_cash", "liability_current", "equity"],
                &["income", "expense", "off_balance"],
            ),
        ] {
            let refused = |kind: &&&str| misuse(purpose, is_entry, kind).is_some();
            assert_eq!(fit.iter().filter(refused).count(), 0, "{purpose:?}");
            assert_eq!(unfit.iter().filter(refused).count(), unfit.len(), "{purpose:?}");
        }
    }
}
