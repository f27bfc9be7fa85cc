//! Step 5 as pure functions: an export item in, balanced documents or a refusal out. No I/O and no clock.
//!
//! The order of a plan: `item_types` says what is debited and credited, `method` whether as a journal
//! entry or as a payable, `figures` reads the amounts of the lines, `accounts` and `taxes` find where
//! they go, `documents` puts the postings together, `dates` finds the posting date, `invoices` looks
//! beyond the item (its payment, its duplicates) to what the books and earlier items have (`known_invoices`). What
//! tells an item that was changed since it was booked is in `fingerprint` and `changes`. Whatever stands in the way is a
//! [`Refusal`]. Accounting
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
mod known_invoices;
mod method;
pub mod needs;
mod refusal;
mod taxes;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::NaiveDate;

use crate::model::document::{PlannedItem, PostingState, SeenInvoice};
use crate::model::export_item::ExportItem;
use crate::model::ids::JobId;
use crate::model::references::{InvoiceInBooks, InvoiceKey, Reference, References, Resolution};

pub use accounts::Role;
pub use changes::{change, is_unchanged};
pub use description::payee;
pub use fingerprint::content_hash;
pub use known_invoices::KnownInvoices;
pub use method::vendor_name;
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
    /// What becomes of a bill that is there already.
    pub duplicate_invoices: DuplicateInvoices,
    /// The codes of suppliers that are vendors, for systems without a register of vendors.
    pub vendor_codes: BTreeSet<String>,
    /// The accounts of the roles that a person set, in the accounting system's own way.
    pub roles: BTreeMap<Role, String>,
    /// The accounts of roles that nobody set, where the accounting system has such defaults.
    pub role_defaults: BTreeMap<Role, String>,
    /// Pleo's account code (or identifier) → account of the books.
    pub map: BTreeMap<String, String>,
    /// Rules by Pleo's tax code; they beat the payload.
    pub taxes: BTreeMap<String, TaxRule>,
}

impl Settings {
    /// The roles without an account, as far as the system has a use for them.
    pub fn unset_roles(&self, computes_tax: bool) -> Vec<Role> {
        let has_account = |role| self.roles.contains_key(role) || self.role_defaults.contains_key(role);
        let needed = Role::ALL
            .iter()
            .filter(|role| !computes_tax || !role.is_for_tax());
        needed.filter(|role| !has_account(role)).copied().collect()
    }
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

/// What becomes of a bill or credit note that is there already. One that moved the wallet is booked all the same.
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
    /// It has a register of vendors, which says who is one. Elsewhere it is who is tagged in Pleo or named in the
    /// settings.
    pub keeps_vendors: bool,
}

/// What an item is planned against.
#[derive(Clone, Debug)]
pub struct JobView {
    /// What the books have of the job's references.
    pub resolution: Resolution,
    /// The day of the run in the books' time zone, taken once.
    pub today: NaiveDate,
    /// What the accounting system can do.
    pub system: SystemTraits,
    /// What is known of invoices: the books, and what items planned before will add.
    pub invoices: KnownInvoices,
}

impl JobView {
    /// The view that the books' answer gives.
    pub fn new(mut resolution: Resolution, today: NaiveDate, system: SystemTraits) -> Self {
        let invoices = KnownInvoices::in_books(std::mem::take(&mut resolution.invoices));
        Self {
            resolution,
            today,
            system,
            invoices,
        }
    }

    /// Whether two keys name one invoice. A register of vendors may know more about them than Pleo says.
    pub fn is_same_invoice(&self, one: &InvoiceKey, other: &InvoiceKey) -> bool {
        one.is_same_invoice(other)
            || (one.number == other.number
                && self
                    .registered(one)
                    .is_some_and(|vendor| Some(vendor) == self.registered(other)))
    }

    /// How a register of vendors refers to the vendor of an invoice.
    fn registered(&self, key: &InvoiceKey) -> Option<&Reference> {
        let vendor = self.resolution.vendors.get(&key.vendor)?;
        self.system.keeps_vendors.then_some(&vendor.reference)
    }

    /// What is known of the invoice that an item belongs to, without the item itself.
    fn seen(&self, item: &ExportItem, settings: &Settings) -> Option<SeenInvoice> {
        let key = invoice_of(item, settings, self.system)?;
        let mut in_books = self.invoices.of(&key, self.registered(&key));
        in_books.retain(|other| other.entry_id != item.entry_id);
        InvoiceInBooks::sort(&mut in_books);
        Some(SeenInvoice { key, in_books })
    }
}

/// What one item is planned from.
#[derive(Clone, Copy)]
struct Planner<'a> {
    item: &'a ExportItem,
    settings: &'a Settings,
    view: &'a JobView,
    seen: Option<&'a SeenInvoice>,
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
    if method::may_be_payables(item, row, settings, *system) {
        payables_references(item, row, settings, &mut references);
    }
    references.invoices.extend(invoice_of(item, settings, *system));
    references
}

/// The invoice that an item belongs to, where it may turn out to be a vendor's payable.
pub fn invoice_of(item: &ExportItem, settings: &Settings, system: SystemTraits) -> Option<InvoiceKey> {
    let (row, _) = item_types::row(item).ok()?;
    let is_vendors =
        row.creditor == Some(CreditorKind::Vendor) && method::may_be_payables(item, row, settings, system);
    invoices::key(item).filter(|_| is_vendors)
}

fn line_references(
    item: &ExportItem,
    settings: &Settings,
    system: SystemTraits,
    references: &mut References,
) {
    for line in &item.lines {
        if let Some(account) = &line.account {
            let key = accounts::key_of(account, accounts::purpose_of_lines(item), settings);
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
        let name = vendor_name(item).unwrap_or_default();
        references.vendors.insert(key, name.to_owned());
    }
    if invoices::key(item).is_some() {
        let rate_difference = accounts::key_of_role(Role::FxDifference, settings);
        references.accounts.extend(rate_difference.map(|key| (key, None)));
    }
}

/// Plans one item: its balanced documents, or why there are none.
///
/// The receipts are left empty; they are fetched apart. What the books have of the item itself does not count, so
/// planning it again after it was booked gives the same postings.
pub fn plan(
    item: &ExportItem,
    job_id: &JobId,
    revision: u32,
    settings: &Settings,
    view: &JobView,
) -> Result<PlannedItem, Refusal> {
    let (row, remark) = item_types::row(item)?;
    if item.invoice.is_some() && invoices::number(item).is_none() {
        return Err(Refusal::no_invoice_number());
    }
    let seen = view.seen(item, settings);
    let planner = Planner {
        item,
        settings,
        view,
        seen: seen.as_ref(),
    };
    let mut remarks = item.remarks.clone();
    remarks.extend(remark);
    let way = planner.way(row)?;
    let documents = planner.documents(row, way, &mut remarks)?;
    let item_date = documents.first().map(|document| document.item_date);
    remarks.extend(item_date.and_then(|day| planner.far_ahead(day)));
    let mut said = HashSet::new();
    remarks.retain(|remark| said.insert(remark.clone()));
    Ok(PlannedItem {
        job_id: job_id.clone(),
        item: item.clone(),
        revision,
        content_hash: content_hash(item),
        payee: payee(item),
        description: description::description(item),
        posting_state: settings.posting,
        documents,
        receipts: Vec::new(),
        receipts_missing: 0,
        remarks,
        seen,
    })
}
