//! Expenses to book: card purchases as Pleo sends them, planned by the real bookkeeping.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use chrono::NaiveDate;
use pleo_export::bookkeeping::{
    self, ClosedPeriods, DuplicateInvoices, JobView, Role, Settings, SystemTraits,
};
use pleo_export::model::document::{PlannedItem, PostingState, Receipt};
use pleo_export::model::ids::{AccountingEntryId, CompanyId, JobId};
use pleo_export::model::references::{
    AccountKey, AccountPurpose, ClosedUntil, InvoiceKey, InvoiceNumber, References, Resolution, VendorKey,
};
use pleo_export::pleo::wire;
use pleo_export::systems::{Attachment, BookedEntry, JobNeeds, Wanted};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A company that exists nowhere else.
const COMPANY: &str = "c0f0c0f0-0000-4000-8000-000000000000";

/// The vendor's name as Pleo has it.
const VENDOR_NAME: &str = "Conformance A/S";

/// The accounts to book on, by their codes in the books.
#[derive(Clone, Debug)]
pub(crate) struct Accounts {
    /// Of costs.
    pub(crate) cost: String,
    /// Of the wallet.
    pub(crate) wallet: String,
}

/// What a bill refers to beside them.
#[derive(Clone, Debug)]
pub(crate) struct Payables {
    /// The account of what vendors are owed.
    pub(crate) account: String,
    /// A vendor, by its code in the books.
    pub(crate) vendor: String,
}

/// An expense of a number and a day.
#[derive(Clone, Debug)]
pub(crate) struct Expense {
    /// Its id.
    pub(crate) entry_id: String,
    /// The job that brings it.
    pub(crate) job_id: String,
    /// When it was made.
    pub(crate) day: NaiveDate,
    /// How much, in hundredths of EUR.
    pub(crate) hundredths: i64,
}

/// A new id, so that no run meets the entries of another.
pub(crate) fn new_id() -> String {
    uuid::Uuid::from_u128(fastrand::u128(..)).to_string()
}

/// The job that all of it belongs to.
pub(crate) fn job(job_id: &str, payables: bool, attachments: bool) -> JobNeeds {
    JobNeeds {
        job_id: JobId::new(job_id),
        company_id: CompanyId::new(COMPANY),
        payables,
        attachments,
    }
}

/// Looks the accounts up by codes that Pleo sent.
pub(crate) fn references(accounts: &Accounts) -> References {
    References {
        accounts: keys(accounts)
            .map(|(_, key)| (key, Some("Conformance".to_owned())))
            .into(),
        ..References::default()
    }
}

/// The codes of the accounts, each with how it is asked for.
pub(crate) fn keys(accounts: &Accounts) -> [(&str, AccountKey); 2] {
    [
        (AccountPurpose::Cost, accounts.cost.as_str()),
        (AccountPurpose::Wallet, accounts.wallet.as_str()),
    ]
    .map(|(purpose, code)| (code, AccountKey::of_code(purpose, code)))
}

/// Looks up what a bill refers to.
pub(crate) fn references_of_bill(
    accounts: &Accounts,
    payables: &Payables,
    invoice: &InvoiceKey,
) -> References {
    let mut references = references(accounts);
    references
        .accounts
        .insert(AccountKey::Configured(payables.account.clone()), None);
    references
        .vendors
        .insert(invoice.vendor.clone(), VENDOR_NAME.to_owned());
    references.invoices.insert(invoice.clone());
    references
}

/// An invoice of the vendor's that exists nowhere else.
pub(crate) fn new_invoice(payables: &Payables) -> Result<InvoiceKey, String> {
    let number = InvoiceNumber::new(&format!("C-{}", new_id()));
    Ok(InvoiceKey {
        vendor: VendorKey {
            code: Some(payables.vendor.clone()),
            ..VendorKey::default()
        },
        number: number.ok_or("no invoice number could be made")?,
    })
}

/// A card purchase, planned with what the books answered: one journal entry.
pub(crate) fn purchase(
    expense: &Expense,
    accounts: &Accounts,
    resolution: &Resolution,
) -> Result<PlannedItem, String> {
    let roles = [(Role::Wallet, accounts.wallet.clone())].into();
    plan(&payload(expense, accounts), expense, roles, resolution)
}

/// A vendor's invoice that was paid by card, planned with what the books answered: a bill and its payment.
pub(crate) fn bill(
    expense: &Expense,
    accounts: &Accounts,
    payables: &Payables,
    invoice: &InvoiceKey,
    resolution: &Resolution,
) -> Result<PlannedItem, String> {
    let mut payload = payload(expense, accounts);
    payload["bookkeeping"] = json!({ "method": "accounts_payable" });
    payload["vendor"] = json!({ "id": "v", "name": VENDOR_NAME, "code": payables.vendor });
    payload["additionalInformation"]["invoiceInformation"] = json!({ "invoiceNumber": invoice.number.as_str(), "invoiceDate": expense.day, "dueDate": expense.day });
    let roles = [
        (Role::Wallet, accounts.wallet.clone()),
        (Role::AccountsPayable, payables.account.clone()),
    ];
    plan(&payload, expense, roles.into(), resolution)
}

/// What Pleo sends of an expense.
fn payload(expense: &Expense, accounts: &Accounts) -> Value {
    let money = json!({
        "inWalletCurrency": { "currency": "EUR", "value": expense.hundredths },
        "inSupplierCurrency": { "currency": "EUR", "value": expense.hundredths },
    });
    let account = |code: &str| json!({ "id": code, "name": "Conformance", "code": code });
    json!({
        "accountingEntryId": expense.entry_id, "companyId": COMPANY, "type": "card_purchase",
        "date": format!("{}T12:00:00Z", expense.day), "amount": money, "note": "Conformance test; \"delete\" me",
        "accountingEntryLines": [{
            "accountingEntryLineId": new_id(), "lineAmount": money, "netAmount": money, "account": account(&accounts.cost),
        }],
        "contraAccount": account(&accounts.wallet),
        "supplier": { "name": "Conformance & Sønner" }, "user": { "id": "u", "name": "Nobody", "code": "E1" },
        "additionalInformation": { "reconciliationId": "1234567" },
    })
}

fn plan(
    payload: &Value,
    expense: &Expense,
    roles: BTreeMap<Role, String>,
    resolution: &Resolution,
) -> Result<PlannedItem, String> {
    let item = wire::export_item(&payload.to_string()).map_err(|error| error.to_string())?;
    let traits = SystemTraits {
        payables: true,
        computes_tax: false,
        keeps_vendors: true,
    };
    // Periods are the connector's to refuse here, not the bookkeeping's.
    let resolution = Resolution {
        closed_until: ClosedUntil::default(),
        ..resolution.clone()
    };
    let settings = Settings {
        posting: PostingState::Draft,
        closed_until: None,
        closed_periods: ClosedPeriods::Fail,
        time_zone: chrono_tz::UTC,
        duplicate_invoices: DuplicateInvoices::Fail,
        vendor_codes: [].into(),
        roles,
        role_defaults: [].into(),
        map: [].into(),
        taxes: [].into(),
    };
    let view = JobView::new(resolution, expense.day, traits);
    bookkeeping::plan(&item.into(), &JobId::new(&*expense.job_id), 1, &settings, &view)
        .map_err(|refusal| refusal.reason)
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
        payee: None,
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
