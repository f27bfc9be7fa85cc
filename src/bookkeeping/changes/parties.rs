//! With whom: the vendor, and the employee who owes or is owed.

use std::collections::BTreeSet;

use crate::bookkeeping::fingerprint::{Field, employee_code, is_other_vendor};
use crate::bookkeeping::method;
use crate::model::booked_content::BookedContent;
use crate::model::export_item::ExportItem;
use crate::model::references::VendorKey;

use super::fact::{Fact, or_nothing};

pub(super) fn vendor(item: &ExportItem, booked: &BookedContent) -> Fact {
    let now = method::vendor_key(item).unwrap_or_default();
    let nobody = VendorKey::default();
    let is_same = |before: Option<&VendorKey>| {
        let before = before.unwrap_or(&nobody);
        let is_named = [before, &now].map(|key| *key != nobody);
        !is_other_vendor(item, now.likeness(before), is_named)
    };
    let named = |key: &VendorKey| {
        let references = [&key.code, &key.external_id, &key.tax_number];
        let mut references: Vec<&str> = references.into_iter().flatten().map(String::as_str).collect();
        let mut seen = BTreeSet::new();
        references.retain(|reference| seen.insert(*reference));
        or_nothing(Some(references.join(", ")))
    };
    let text = match method::vendor_name(item) {
        Some(name) if now != nobody => format!("{} ({name})", named(&now)),
        _ => named(&now),
    };
    Fact::of(
        Field::Vendor,
        "the vendor is",
        text,
        &booked.vendor,
        is_same,
        named,
    )
}

/// The employee who owes or is owed.
pub(super) fn employee(item: &ExportItem, booked: &BookedContent) -> Fact {
    let code = employee_code(item);
    let name = item.user.as_ref().map(|user| user.name.trim());
    let now = match (code, name.filter(|name| !name.is_empty())) {
        (Some(code), Some(name)) => format!("{code} ({name})"),
        (code, _) => or_nothing(code.map(str::to_owned)),
    };
    Fact::of(
        Field::Employee,
        "the employee is",
        now,
        &booked.employee_code,
        |before| before.is_none_or(|before| Some(before.trim()) == code),
        Clone::clone,
    )
}
