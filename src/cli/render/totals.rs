//! What the work on a job did to the books: what it opened, what moved on the wallets, what it took for granted.

use serde::Serialize;

use crate::cli::table::{Table, safe};
use crate::export::report::JobTotals;
use crate::model::references::AccountPurpose;

/// The part of a job's document that tells of the books.
#[derive(Serialize)]
pub(in crate::cli) struct TotalsDocument {
    pub(in crate::cli) opened: Vec<OpenedDocument>,
    pub(in crate::cli) wallet: Vec<WalletDocument>,
    pub(in crate::cli) taxes: Vec<TaxDocument>,
    pub(in crate::cli) remarks: Vec<RemarkDocument>,
    pub(in crate::cli) notices: Vec<String>,
}

/// An account that is opened.
#[derive(Serialize)]
pub(in crate::cli) struct OpenedDocument {
    account: String,
    code: Option<String>,
    name: Option<String>,
    purpose: Option<&'static str>,
}

/// What moves on an account.
#[derive(Serialize)]
pub(in crate::cli) struct WalletDocument {
    pub(in crate::cli) account: String,
    pub(in crate::cli) currency: String,
    pub(in crate::cli) amount: String,
}

/// A tax that was taken by its role.
#[derive(Serialize)]
pub(in crate::cli) struct TaxDocument {
    code: Option<String>,
    account: String,
    amount: String,
    currency: String,
}

/// What is odd about an entry.
#[derive(Serialize)]
pub(in crate::cli) struct RemarkDocument {
    #[serde(rename = "accountingEntryId")]
    accounting_entry_id: String,
    message: String,
}

impl From<&JobTotals> for TotalsDocument {
    fn from(totals: &JobTotals) -> Self {
        let opened = totals.opened.iter().map(|(account, new)| OpenedDocument {
            account: account.clone(),
            code: new.code.clone(),
            name: new.name.clone(),
            purpose: new.purpose.map(AccountPurpose::as_str),
        });
        let wallet = totals
            .wallet
            .iter()
            .map(|((account, currency), amount)| WalletDocument {
                account: account.clone(),
                currency: currency.to_string(),
                amount: amount.to_string(),
            });
        let taxes = totals.taxes.iter().map(|(tax, amount)| TaxDocument {
            code: tax.code.clone(),
            account: tax.account.clone(),
            amount: amount.to_string(),
            currency: tax.currency.to_string(),
        });
        let remarks = totals.remarks.iter().map(|(entry_id, message)| RemarkDocument {
            accounting_entry_id: entry_id.to_string(),
            message: message.clone(),
        });
        Self {
            opened: opened.collect(),
            wallet: wallet.collect(),
            taxes: taxes.collect(),
            remarks: remarks.collect(),
            notices: totals.notices.clone(),
        }
    }
}

/// For people; empty where there is nothing to tell.
pub(super) fn text(totals: &JobTotals) -> String {
    text_as(totals, "opened")
}

/// The same, with a word for accounts that are opened.
pub(in crate::cli) fn text_as(totals: &JobTotals, opened: &str) -> String {
    let mut text = String::new();
    let mut line = |content: &str| {
        text.push_str("  ");
        text.push_str(&safe(content).replace('\n', " "));
        text.push('\n');
    };
    for ((account, currency), amount) in &totals.wallet {
        line(&format!("wallet {account}: {amount} {currency}"));
    }
    for (account, new) in &totals.opened {
        let purpose = new.purpose.map(AccountPurpose::as_str);
        let facts = [new.code.as_deref(), new.name.as_deref(), purpose];
        let facts: Vec<&str> = facts.into_iter().flatten().collect();
        if facts.is_empty() {
            line(&format!("{opened} {account}"));
        } else {
            line(&format!("{opened} {account} ({})", facts.join(", ")));
        }
    }
    for (tax, amount) in &totals.taxes {
        line(&tax.sentence(*amount));
    }
    if !totals.remarks.is_empty() {
        let mut table = Table::new(&["booked item", "remark"]);
        for (entry_id, message) in &totals.remarks {
            table.row(&[entry_id.as_str(), message]);
        }
        text.push_str(&table.render());
    }
    // With an empty line around it: a person may copy it from here.
    for notice in &totals.notices {
        text.push('\n');
        text.push_str(&safe(notice.trim_end()));
        text.push_str("\n\n");
    }
    text
}
