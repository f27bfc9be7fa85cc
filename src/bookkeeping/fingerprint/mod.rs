//! The content hash: tells an item that is exported again from one that was changed since.
//!
//! It covers what the books depend on: type, method, date, amounts, lines, account, tag and tax codes,
//! vendor, invoice number and dates, and the code of an employee who owes or is owed. Names, notes, addresses of
//! receipts and Pleo's ids are left out, as they may change without any change of the expense; so are the settings. The order of
//! lines and of tags does not matter.
//!
//! A hash begins with its version. Every released version stays here, and an entry is compared in the version that
//! its hash names; new entries get the newest.

mod first;
mod second;
mod text;
mod vendors;

use crate::model::export_item::ExportItem;
use crate::model::references::VendorKey;

use super::accounts::given;
use super::item_types::{Side, row};

use vendors::{Kind, References};

pub(super) use vendors::is_other_vendor;

/// The newest version.
const NEWEST: u32 = 2;

/// What a hash covers, as version 2 tells it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    /// Type and sub-type.
    Type,
    /// The bookkeeping method.
    Method,
    /// The moment of the expense.
    Date,
    /// The amount in wallet currency.
    Amount,
    /// The amount in the supplier's currency.
    SupplierAmount,
    /// The account that stands for the wallet.
    ContraAccount,
    /// The references of vendor or supplier.
    Vendor,
    /// The employee who owes or is owed.
    Employee,
    /// The vendor's invoice number.
    InvoiceNumber,
    /// When the invoice was issued.
    InvoiceDate,
    /// When it is due.
    DueDate,
    /// The amounts of the lines.
    LineAmounts,
    /// Their other amounts.
    NetAmounts,
    /// The accounts of the lines.
    Accounts,
    /// Codes and amounts of the taxes of the lines.
    Tax,
    /// The rates of these taxes.
    TaxRates,
    /// Pleo's words for their kinds.
    TaxTypes,
    /// Their accounts.
    TaxAccounts,
    /// The tags of the lines.
    Tags,
    /// Which line has which amount, account, tax and tags.
    Split,
}

impl Field {
    /// Every field. Version 2 writes their digests in this order, so it stays.
    pub(super) const ALL: [Self; 20] = [
        Self::Type,
        Self::Method,
        Self::Date,
        Self::Amount,
        Self::SupplierAmount,
        Self::ContraAccount,
        Self::Vendor,
        Self::Employee,
        Self::InvoiceNumber,
        Self::InvoiceDate,
        Self::DueDate,
        Self::LineAmounts,
        Self::NetAmounts,
        Self::Accounts,
        Self::Tax,
        Self::TaxRates,
        Self::TaxTypes,
        Self::TaxAccounts,
        Self::Tags,
        Self::Split,
    ];

    /// Its name in the canonical text.
    const fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Method => "method",
            Self::Date => "date",
            Self::Amount => "amount",
            Self::SupplierAmount => "supplier_amount",
            Self::ContraAccount => "contra_account",
            Self::Vendor => "vendor",
            Self::Employee => "employee",
            Self::InvoiceNumber => "invoice_number",
            Self::InvoiceDate => "invoice_date",
            Self::DueDate => "due_date",
            Self::LineAmounts => "line_amounts",
            Self::NetAmounts => "net_amounts",
            Self::Accounts => "accounts",
            Self::Tax => "tax",
            Self::TaxRates => "tax_rates",
            Self::TaxTypes => "tax_types",
            Self::TaxAccounts => "tax_accounts",
            Self::Tags => "tags",
            Self::Split => "split",
        }
    }

    /// Whether it is a matter of the lines.
    pub(super) const fn is_of_lines(self) -> bool {
        matches!(
            self,
            Self::LineAmounts
                | Self::NetAmounts
                | Self::Accounts
                | Self::Tax
                | Self::TaxRates
                | Self::TaxTypes
                | Self::TaxAccounts
                | Self::Tags
                | Self::Split
        )
    }
}

/// What a hash says about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// It was made from the same content.
    Same,
    /// It was made from the same content, as far as it says; it says nothing of the employee who owes or is owed.
    SameButEmployee,
    /// These fields changed since, each with whether it said anything before.
    Changed(Vec<(Field, bool)>),
    /// Something changed since; this version does not say what.
    ChangedSomewhere,
    /// Its version is not known here.
    Unknown,
}

/// The content hash of an item: `2:` and a short digest for each field.
pub fn content_hash(item: &ExportItem) -> String {
    format!("{NEWEST}:{}", second::digests(item))
}

/// What the content hash of an item is made of, for whoever compares when the item is gone: `2:` and the text of each
/// field.
pub fn canonical_text(item: &ExportItem) -> String {
    format!("{NEWEST}:\n{}", second::canonical_text(item))
}

/// The code of the employee who owes or is owed; `None` where nobody is, or has none.
pub(super) fn employee_code(item: &ExportItem) -> Option<&str> {
    let (row, _) = row(item).ok()?;
    let is_employees = |side| matches!(side, Side::OutOfPocket | Side::EmployeeReceivable);
    let user = item.user.as_ref()?;
    given(user.code.as_deref()).filter(|_| is_employees(row.debit) || is_employees(row.credit))
}

/// Compares an item with the hash of an entry that was booked from it, in the version of the hash. `vendor` is the one
/// of the entry, where the books show it.
pub(super) fn compare(item: &ExportItem, hash: &str, vendor: Option<&VendorKey>) -> Comparison {
    match hash.split_once(':') {
        Some(("1", digest)) => compare_with_first(item, digest, vendor),
        Some(("2", digests)) => match second::changes(item, digests) {
            None => Comparison::Unknown,
            Some(changed) if changed.is_empty() => Comparison::Same,
            Some(changed) => Comparison::Changed(changed),
        },
        _ => Comparison::Unknown,
    }
}

fn compare_with_first(item: &ExportItem, digest: &str, vendor: Option<&VendorKey>) -> Comparison {
    let earlier_item = without_added_identifiers(item);
    let is_same = |references: &References<'_>| {
        [item, &earlier_item]
            .iter()
            .any(|item| first::digest(item, references) == digest)
    };
    // A tagged vendor without references and no vendor at all are one in this version.
    let mut earlier = References::earlier(item).into_iter();
    if is_same(&References::of(item))
        || earlier.any(|references| references.says_who() && is_same(&references))
    {
        return Comparison::SameButEmployee;
    }
    let is_vendor_alone = |vendor: &&VendorKey| {
        let kinds = [Kind::Vendor, Kind::Supplier].into_iter();
        let mut references = kinds.map(|kind| References::in_books(kind, vendor));
        references.any(|references| is_same(&references))
    };
    match vendor.filter(is_vendor_alone) {
        None => Comparison::ChangedSomewhere,
        Some(before) if vendors::is_other_than_in_books(item, before) => {
            Comparison::Changed(vec![(Field::Vendor, *before != VendorKey::default())])
        }
        Some(_) => Comparison::SameButEmployee,
    }
}

/// The item before its accounts got identifiers beside their codes.
fn without_added_identifiers(item: &ExportItem) -> ExportItem {
    let mut item = item.clone();
    let accounts = item.lines.iter_mut().filter_map(|line| line.account.as_mut());
    for account in accounts.chain(item.contra_account.as_mut()) {
        if account.code.is_some() {
            account.identifier = None;
        }
    }
    item
}
