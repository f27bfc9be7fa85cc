//! Step 5 as pure functions: an export item in, balanced documents or a refusal out. No I/O and no clock.
//!
//! The order of a plan: `item_types` says what is debited and credited, `method` whether as a journal
//! entry or as a payable, `figures` reads the amounts of the lines, `accounts` and `taxes` find where
//! they go, `documents` puts the postings together, `dates` finds the posting date, `invoices` looks
//! beyond the item: its payment, its duplicates. What tells an item that was changed since it was booked is in
//! `fingerprint` and `changes`. Whatever stands in the way is a [`Refusal`]. Accounting
//! systems are asked beforehand, with [`references`]; what they answer is in the [`JobView`].

mod accounts;
mod changes;
mod dates;
mod description;
mod documents;
mod figures;
mod fingerprint;
mod invoices;
mod item_types;
mod method;
mod refusal;
mod taxes;

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::model::document::{PlannedItem, PostingState};
use crate::model::export_item::ExportItem;
use crate::model::ids::JobId;
use crate::model::references::{References, Resolution};

pub use accounts::Role;
pub use changes::{change, is_unchanged};
pub use fingerprint::content_hash;
pub use refusal::{Refusal, grouped};

use item_types::{CreditorKind, Row};
use taxes::TaxSide;

/// How the company keeps its books: the configuration of this module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Draft or final.
    pub posting: PostingState,
    /// Until when the books are closed, inclusive, for systems without a lock date of their own.
    pub closed_until: Option<NaiveDate>,
    /// What becomes of items dated in a closed period.
    pub closed_periods: ClosedPeriods,
    /// The zone whose calendar the books follow.
    pub time_zone: chrono_tz::Tz,
    /// What becomes of a second bill with the same vendor and number.
    pub duplicate_invoices: DuplicateInvoices,
    /// The accounts of the roles, in the accounting system's own way.
    pub roles: BTreeMap<Role, String>,
    /// Pleo's account code (or identifier) → account of the books.
    pub map: BTreeMap<String, String>,
    /// Rules by Pleo's tax code; they beat the payload.
    pub taxes: BTreeMap<String, TaxRule>,
}

/// What becomes of items dated in a closed period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClosedPeriods {
    /// They are refused.
    #[default]
    Fail,
    /// They are booked on the first open day.
    NextOpen,
    /// They are booked on the day of the run.
    Today,
}

/// What becomes of a second bill with the same vendor and number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DuplicateInvoices {
    /// It is refused.
    #[default]
    Fail,
    /// It is booked with a remark.
    Warn,
}

/// How one of Pleo's tax codes is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaxRule {
    /// Account of the tax that may be deducted.
    pub account: Option<String>,
    /// Account of the tax that is owed under reverse charge.
    pub outgoing_account: Option<String>,
    /// Share of the tax that may be deducted, in millionths; the rest stays on the cost.
    pub deductible_millionths: i64,
    /// The accounting system's own code.
    pub code: Option<String>,
}

impl Default for TaxRule {
    /// All of the tax may be deducted.
    fn default() -> Self {
        Self {
            account: None,
            outgoing_account: None,
            deductible_millionths: 1_000_000,
            code: None,
        }
    }
}

/// What the accounting system can do, as far as it changes a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SystemTraits {
    /// It takes vendor bills and payments.
    pub payables: bool,
    /// It computes tax itself: tax codes must exist there, tax accounts need not.
    pub computes_tax: bool,
}

/// Everything known about the job as a whole: what the books answered, and the invoices among its own items.
#[derive(Clone, Debug)]
pub struct JobView {
    /// What the books have of the job's references.
    pub resolution: Resolution,
    /// The day of the run in the books' time zone, taken once.
    pub today: NaiveDate,
    /// What the accounting system can do.
    pub system: SystemTraits,
    invoices: Vec<invoices::InvoiceInJob>,
}

impl JobView {
    /// The view of a job before its items were shown to it with [`JobView::observe`].
    pub fn new(resolution: Resolution, today: NaiveDate, system: SystemTraits) -> Self {
        Self {
            resolution,
            today,
            system,
            invoices: Vec::new(),
        }
    }
}

/// What one item is planned from.
#[derive(Clone, Copy)]
struct Planner<'a> {
    item: &'a ExportItem,
    settings: &'a Settings,
    view: &'a JobView,
}

/// What the item refers to in the books. Never fails: what cannot be planned has no references.
pub fn references(item: &ExportItem, settings: &Settings, system: &SystemTraits) -> References {
    let mut references = References::default();
    let Ok((row, _)) = item_types::row(item) else {
        return references;
    };
    for side in [row.debit, row.credit] {
        references
            .accounts
            .extend(accounts::key_of_side(side, item, settings));
    }
    if row.posts_lines() {
        line_references(item, settings, *system, &mut references);
    }
    if method::may_be_payables(item, row, *system) {
        payables_references(item, row, settings, &mut references);
    }
    references
}

fn line_references(
    item: &ExportItem,
    settings: &Settings,
    system: SystemTraits,
    references: &mut References,
) {
    for line in &item.lines {
        if let Some(account) = &line.account {
            let key = accounts::key_of(account, settings);
            references
                .accounts
                .extend(key.map(|key| (key, Some(account.name.clone()))));
        }
        references.tags.extend(line.tags.iter().cloned());
        let Some(tax) = &line.tax else { continue };
        if system.computes_tax {
            references.tax_codes.extend(taxes::code_in_books(tax, settings));
        } else {
            let keys =
                [TaxSide::Ingoing, TaxSide::Outgoing].map(|side| taxes::account_key(tax, side, settings));
            references
                .accounts
                .extend(keys.into_iter().flatten().map(|key| (key, None)));
        }
    }
}

fn payables_references(item: &ExportItem, row: Row, settings: &Settings, references: &mut References) {
    let claim = row
        .claim_side()
        .and_then(|side| accounts::key_of_side(side, item, settings));
    references.accounts.extend(claim);
    if row.creditor != Some(CreditorKind::Vendor) {
        return;
    }
    if let Some(key) = method::vendor_key(item) {
        let name = method::vendor_name(item).unwrap_or_default();
        references.vendors.insert(key, name.to_owned());
    }
    if let Some(key) = invoices::key(item) {
        references.invoices.insert(key);
        let rate_difference = accounts::key_of_role(Role::FxDifference, settings);
        references.accounts.extend(rate_difference.map(|key| (key, None)));
    }
}

/// Plans one item: its balanced documents, or why there are none.
///
/// The receipts are left empty; they are fetched afterwards. Planning the same item again, also after a part
/// of the job was booked, gives the same postings.
pub fn plan(
    item: &ExportItem,
    job_id: &JobId,
    revision: u32,
    settings: &Settings,
    view: &JobView,
) -> Result<PlannedItem, Refusal> {
    let planner = Planner { item, settings, view };
    let (row, remark) = item_types::row(item)?;
    let mut remarks = item.remarks.clone();
    remarks.extend(remark);
    let way = planner.way(row)?;
    let documents = planner.documents(row, way, &mut remarks)?;
    let item_date = documents.first().map(|document| document.item_date);
    remarks.extend(item_date.and_then(|day| planner.far_ahead(day)));
    Ok(PlannedItem {
        job_id: job_id.clone(),
        item: item.clone(),
        revision,
        content_hash: content_hash(item),
        payee: description::payee(item),
        description: description::description(item),
        posting_state: settings.posting,
        documents,
        receipts: Vec::new(),
        receipts_missing: 0,
        remarks,
    })
}
