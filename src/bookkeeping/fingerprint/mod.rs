//! The content hash: tells an item that is exported again from one that was changed since.
//!
//! It covers what the books depend on: type, method, date, amounts, lines, account, tag and tax codes,
//! vendor, invoice number and dates, and the code of an employee who owes or is owed. Names, notes, addresses of
//! receipts and Pleo's ids are left out, as they may change without any change of the expense; so are the settings. The order of
//! lines and of tags does not matter.
//!
//! A hash begins with its version. Every released version stays here, and an entry is compared in the version that
//! its hash names; new entries get the newest.

mod field;
mod first;
mod second;
mod text;
mod vendors;

use crate::model::export_item::ExportItem;
use crate::model::references::VendorKey;

use vendors::{Kind, References};

pub(super) use field::{Field, employee_code};
pub(super) use vendors::is_other_vendor;

/// The newest version.
const NEWEST: u32 = 2;

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

/// Whether no entry can have this hash, as far as that can be told: it is none of a version that is known here. One of a later
/// version may be sound.
pub(super) fn is_malformed(hash: &str) -> bool {
    match hash.split_once(':') {
        Some(("1", digest)) => digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()),
        Some(("2", digests)) => !second::are_digests(digests),
        Some((version, _)) => version.parse::<u32>().is_err(),
        None => true,
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
