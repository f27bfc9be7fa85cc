//! What the work on a job did to the books: what it opened, what moved on the wallets, what it took for granted.

use serde::Serialize;

use crate::cli::table::{Table, safe};
use crate::export::report::JobTotals;
use crate::model::references::AccountPurpose;

/// The part of a job's document that tells of the books.
#[derive(Serialize)]
pub(super) struct TotalsDocument {
    opened: Vec<OpenedDocument>,
    wallet: Vec<WalletDocument>,
    taxes: Vec<TaxDocument>,
    remarks: Vec<RemarkDocument>,
    notices: Vec<String>,
}

#[derive(Serialize)]
struct OpenedDocument {
    account: String,
    code: Option<String>,
    name: Option<String>,
    purpose: Option<&'static str>,
}

#[derive(Serialize)]
struct WalletDocument {
    account: String,
    currency: String,
    amount: String,
}

#[derive(Serialize)]
struct TaxDocument {
    code: Option<String>,
    account: String,
    amount: String,
    currency: String,
}

#[derive(Serialize)]
struct RemarkDocument {
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
    let mut lines = Vec::new();
    for ((account, currency), amount) in &totals.wallet {
        lines.push(format!("wallet {account}: {amount} {currency}"));
    }
    for (account, new) in &totals.opened {
        let facts = [
            new.code.as_deref(),
            new.name.as_deref(),
            new.purpose.map(AccountPurpose::as_str),
        ];
        let facts: Vec<&str> = facts.into_iter().flatten().collect();
        let facts = if facts.is_empty() {
            String::new()
        } else {
            format!(" ({})", facts.join(", "))
        };
        lines.push(format!("opened {account}{facts}"));
    }
    lines.extend(totals.taxes.iter().map(|(tax, amount)| tax.sentence(*amount)));
    let mut text: String = lines
        .iter()
        .map(|line| format!("  {}\n", safe(line).replace('\n', " ")))
        .collect();
    if !totals.remarks.is_empty() {
        let mut table = Table::new(&["booked item", "remark"]);
        for (entry_id, message) in &totals.remarks {
            table.row(&[entry_id.as_str(), message]);
        }
        text.push_str(&table.render());
    }
    for notice in &totals.notices {
        text.push_str(&format!("\n{}\n\n", safe(notice.trim_end())));
    }
    text
}
