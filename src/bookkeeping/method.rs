//! Journal or payables: which way an item is booked, and who is the creditor.
//!
//! Pleo's word decides where it gives one. Where it gives none (vendor tagging is off), a supplier that the
//! accounting system knows as a vendor makes a payable, anything else a journal entry.

use crate::model::document::Creditor;
use crate::model::export_item::{ExportItem, Method};
use crate::model::references::{Vendor, VendorKey};

use super::accounts::given;
use super::item_types::{CreditorKind, Row};
use super::refusal::Refusal;
use super::{JobView, Planner, SystemTraits};

/// How an item is booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// One journal entry.
    Journal,
    /// Bill, payment or both.
    Payables(Creditor),
}

/// How the vendor of an item is looked for: the tagged vendor, else the supplier; `None` when neither says
/// who it is.
pub(super) fn vendor_key(item: &ExportItem) -> Option<VendorKey> {
    let owned = |text: &Option<String>| given(text.as_deref()).map(str::to_owned);
    let key = match (&item.vendor, &item.supplier) {
        (Some(vendor), _) => VendorKey {
            code: owned(&vendor.code),
            external_id: owned(&vendor.external_id),
            tax_number: owned(&vendor.tax_number),
        },
        (None, Some(supplier)) => VendorKey {
            code: owned(&supplier.code),
            external_id: owned(&supplier.account),
            tax_number: owned(&supplier.tax_number),
        },
        (None, None) => VendorKey::default(),
    };
    (key != VendorKey::default()).then_some(key)
}

/// The vendor's name as Pleo has it.
pub(super) fn vendor_name(item: &ExportItem) -> Option<&str> {
    match (&item.vendor, &item.supplier) {
        (Some(vendor), _) => given(Some(&vendor.name)),
        (None, Some(supplier)) => given(supplier.name.as_deref()),
        (None, None) => None,
    }
}

/// Whether the item may turn out to be a payable once its vendor has been looked up.
pub(super) fn may_be_payables(item: &ExportItem, row: Row, system: SystemTraits) -> bool {
    system.payables
        && match (&item.method, row.creditor) {
            (_, None) | (Method::Journal | Method::NotPayable | Method::Unknown(_), _) => false,
            (Method::AccountsPayable, Some(_)) => true,
            (Method::Absent, Some(creditor)) => {
                creditor == CreditorKind::Vendor && vendor_key(item).is_some()
            }
        }
}

/// The vendor of the books, where the item is booked as a vendor's payable.
pub(super) fn payables_vendor(item: &ExportItem, row: Row, view: &JobView) -> Option<Vendor> {
    let is_vendors = row.creditor == Some(CreditorKind::Vendor) && may_be_payables(item, row, view.system);
    let key = vendor_key(item).filter(|_| is_vendors)?;
    view.resolution.vendors.get(&key).cloned()
}

impl Planner<'_> {
    /// Which way the item is booked.
    pub(super) fn way(&self, row: Row) -> Result<Way, Refusal> {
        let item = self.item;
        let Some(creditor) = row.creditor else {
            return Ok(Way::Journal);
        };
        match &item.method {
            Method::Journal | Method::NotPayable => Ok(Way::Journal),
            Method::Unknown(word) => Err(Refusal::unknown_method(word)),
            Method::Absent => Ok(payables_vendor(item, row, self.view)
                .map_or(Way::Journal, |vendor| Way::Payables(Creditor::Vendor(vendor)))),
            Method::AccountsPayable if !self.view.system.payables => Err(Refusal::no_payables()),
            Method::AccountsPayable => Ok(Way::Payables(match creditor {
                CreditorKind::Vendor => Creditor::Vendor(
                    payables_vendor(item, row, self.view).ok_or_else(|| unknown_vendor(item))?,
                ),
                CreditorKind::Employee => Creditor::Employee {
                    code: item.user.as_ref().and_then(|user| user.code.clone()),
                    name: item.user.as_ref().map(|user| user.name.clone()),
                },
            })),
        }
    }
}

fn unknown_vendor(item: &ExportItem) -> Refusal {
    let Some(key) = vendor_key(item) else {
        return Refusal::no_vendor();
    };
    let number = key
        .code
        .or(key.external_id)
        .or(key.tax_number)
        .unwrap_or_default();
    match vendor_name(item) {
        Some(name) if name != number => Refusal::vendor_unknown(&format!("{number} ({name})")),
        _ => Refusal::vendor_unknown(&number),
    }
}
