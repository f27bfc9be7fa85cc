//! The content hash: tells an item that is exported again from one that was changed since.
//!
//! It covers what the books depend on: type, method, date, amounts, lines, account, tag and tax codes,
//! vendor, invoice number and dates. Names, notes, addresses of receipts, the employee's code and Pleo's ids
//! are left out, as they may change without any change of the expense; so are the settings. The order of
//! lines and of tags does not matter.
//!
//! A hash begins with its version. Every released version stays here, and an entry is compared in the version that
//! its hash names; new entries get the newest.

mod first;
mod second;
mod text;
mod vendors;

use crate::model::export_item::ExportItem;

use vendors::References;

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
    /// The amounts in the supplier's currency, of the item and its lines.
    SupplierAmount,
    /// The account that stands for the wallet.
    ContraAccount,
    /// The references of vendor or supplier.
    Vendor,
    /// The vendor's invoice number.
    InvoiceNumber,
    /// When the invoice was issued.
    InvoiceDate,
    /// When it is due.
    DueDate,
    /// The amounts of the lines.
    LineAmounts,
    /// The accounts of the lines.
    Accounts,
    /// The taxes of the lines.
    Tax,
    /// The tags of the lines.
    Tags,
    /// Which line has which amount, account, tax and tags.
    Split,
}

impl Field {
    /// Every field. Version 2 writes their digests in this order, so it stays.
    pub(super) const ALL: [Self; 15] = [
        Self::Type,
        Self::Method,
        Self::Date,
        Self::Amount,
        Self::SupplierAmount,
        Self::ContraAccount,
        Self::Vendor,
        Self::InvoiceNumber,
        Self::InvoiceDate,
        Self::DueDate,
        Self::LineAmounts,
        Self::Accounts,
        Self::Tax,
        Self::Tags,
        Self::Split,
    ];

    /// Whether it is a matter of the lines.
    pub(super) const fn is_of_lines(self) -> bool {
        matches!(
            self,
            Self::LineAmounts | Self::Accounts | Self::Tax | Self::Tags | Self::Split
        )
    }
}

/// What a hash says about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// It was made from the same content.
    Same,
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

/// Compares an item with the hash of an entry that was booked from it, in the version of the hash.
pub(super) fn compare(item: &ExportItem, hash: &str) -> Comparison {
    match hash.split_once(':') {
        Some(("1", digest)) => {
            let is_same = |references: &References<'_>| first::digest(item, references) == digest;
            // A tagged vendor without references and no vendor at all are one in this version.
            let mut earlier = References::earlier(item).into_iter();
            if is_same(&References::of(item))
                || earlier.any(|references| references.says_who() && is_same(&references))
            {
                Comparison::Same
            } else {
                Comparison::ChangedSomewhere
            }
        }
        Some(("2", digests)) => match second::changes(item, digests) {
            None => Comparison::Unknown,
            Some(changed) if changed.is_empty() => Comparison::Same,
            Some(changed) => Comparison::Changed(changed),
        },
        _ => Comparison::Unknown,
    }
}
