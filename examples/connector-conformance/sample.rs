//! Expenses to book: card purchases as Pleo sends them, planned by the real bookkeeping.

use std::fmt::Write;
use std::path::Path;

use chrono::NaiveDate;
use pleo_export::bookkeeping::{
    self, ClosedPeriods, DuplicateInvoices, JobView, Role, Settings, SystemTraits,
};
use pleo_export::model::document::{PlannedItem, PostingState, Receipt};
use pleo_export::model::ids::{AccountingEntryId, CompanyId, JobId};
use pleo_export::model::references::{AccountKey, References, Resolution};
use pleo_export::pleo::wire;
use pleo_export::systems::{AccountingSystem, Attachment, BookedEntry, JobNeeds, Wanted};
use serde_json::json;
use sha2::{Digest, Sha256};

/// A company that exists nowhere else.
const COMPANY: &str = "c0f0c0f0-0000-4000-8000-000000000000";

/// The accounts to book on, by their codes in the books.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// Of costs.
    pub(crate) cost: String,
    /// Of the wallet.
    pub(crate) wallet: String,
}

/// A new id, so that no run meets the entries of another.
pub(crate) fn new_id() -> String {
    uuid::Uuid::from_u128(fastrand::u128(..)).to_string()
}

/// The job that all of it belongs to.
pub(crate) fn job(job_id: &str, attachments: bool) -> JobNeeds {
    JobNeeds {
        job_id: JobId::new(job_id),
        company_id: CompanyId::new(COMPANY),
        payables: false,
        attachments,
    }
}

/// Looks the accounts up by codes that Pleo sent.
pub(crate) fn references(accounts: &Accounts) -> References {
    let key = |code: &String| (AccountKey::Pleo(code.clone()), Some("Conformance".to_owned()));
    References {
        accounts: [&accounts.cost, &accounts.wallet].map(key).into(),
        ..References::default()
    }
}

/// A card purchase, planned with what the books answered.
pub(crate) fn purchase(
    entry_id: &str,
    job_id: &str,
    day: NaiveDate,
    accounts: &Accounts,
    resolution: &Resolution,
) -> Result<PlannedItem, String> {
    let money = json!({
        "inWalletCurrency": { "currency": "EUR", "value": 12500 },
        "inSupplierCurrency": { "currency": "EUR", "value": 12500 },
    });
    let account = |code: &str| json!({ "id": code, "name": "Conformance", "code": code });
    let payload = json!({
        "accountingEntryId": entry_id, "companyId": COMPANY, "type": "card_purchase",
        "date": format!("{day}T12:00:00Z"), "amount": money, "note": "Conformance test; \"delete\" me",
        "accountingEntryLines": [{
            "accountingEntryLineId": new_id(), "lineAmount": money, "netAmount": money, "account": account(&accounts.cost),
        }],
        "contraAccount": account(&accounts.wallet),
        "supplier": { "name": "Conformance & Sønner" }, "user": { "id": "u", "name": "Nobody", "code": "E1" },
        "additionalInformation": { "reconciliationId": "1234567" },
    });
    let item = wire::export_item(&payload.to_string()).map_err(|error| error.to_string())?;
    let traits = SystemTraits {
        payables: false,
        computes_tax: false,
    };
    // Periods are the connector's to refuse here, not the bookkeeping's.
    let resolution = Resolution {
        closed_until: pleo_export::model::references::ClosedUntil::default(),
        ..resolution.clone()
    };
    let view = JobView::new(resolution, day, traits);
    bookkeeping::plan(&item, &JobId::new(job_id), 1, &settings(accounts), &view)
        .map_err(|refusal| refusal.reason)
}

fn settings(accounts: &Accounts) -> Settings {
    Settings {
        posting: PostingState::Draft,
        closed_until: None,
        closed_periods: ClosedPeriods::Fail,
        time_zone: chrono_tz::UTC,
        duplicate_invoices: DuplicateInvoices::Fail,
        roles: [(Role::Wallet, accounts.wallet.clone())].into(),
        map: [].into(),
        taxes: [].into(),
    }
}

/// The question for an entry that is planned.
pub(crate) fn wanted(item: &PlannedItem) -> Wanted {
    Wanted {
        entry_id: AccountingEntryId::new(item.entry_id().as_str()),
        parts: item.parts(),
    }
}

/// A receipt beside an entry.
pub(crate) fn attachment(
    item: &PlannedItem,
    booked: &BookedEntry,
    folder: &Path,
) -> std::io::Result<Attachment> {
    let content = b"%PDF-1.4\n% a receipt of the conformance test\n";
    let path = folder.join("receipt.pdf");
    std::fs::write(&path, content)?;
    let sha256 = Sha256::digest(content);
    Ok(Attachment {
        job_id: item.job_id.clone(),
        entry_id: item.entry_id().clone(),
        booked: booked.clone(),
        receipts: vec![Receipt {
            sha256: hex(&sha256),
            file_name: "receipt.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size: content.len() as u64,
            path,
        }],
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What the books have of the accounts.
pub(crate) fn resolved(system: &mut dyn AccountingSystem, accounts: &Accounts) -> Result<Resolution, String> {
    system
        .resolve(&references(accounts))
        .map_err(|error| error.to_string())
}
