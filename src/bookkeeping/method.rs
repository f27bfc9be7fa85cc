//! Journal or payables: which way an item is booked, and who is the creditor.
//!
//! Pleo's word decides where it gives one. Where it gives none (vendor tagging is off), a supplier that is a vendor
//! makes a payable, anything else a journal entry. Who is a vendor says the accounting system's register; where it
//! keeps none, whoever is tagged in Pleo or named in the settings. A payment also finds the bill that the books have.

use crate::model::document::Creditor;
use crate::model::export_item::{ExportItem, Method};
use crate::model::references::{Vendor, VendorKey};

use super::accounts::given;
use super::item_types::{CreditorKind, Direction, Row, Side};
use super::planner::Planner;
use super::refusal::Refusal;
use super::settings::{Settings, SystemTraits};

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
    // Nobody can see or write a control character, and not all books keep them.
    let owned = |text: Option<&str>| {
        let text = text?.replace(char::is_control, "");
        given(Some(&text)).map(str::to_owned)
    };
    let seller = item.seller()?;
    let key = VendorKey {
        code: owned(seller.code),
        external_id: owned(seller.external_id),
        tax_number: owned(seller.tax_number),
    };
    (key != VendorKey::default()).then_some(key)
}

/// The vendor's name as Pleo has it.
pub fn vendor_name(item: &ExportItem) -> Option<&str> {
    given(item.seller()?.name)
}

/// Whether the item may turn out to be a payable once its vendor has been looked up.
pub(super) fn may_be_payables(
    item: &ExportItem,
    row: Row,
    settings: &Settings,
    system: SystemTraits,
) -> bool {
    system.payables
        && match (&item.method, row.creditor) {
            (_, None) | (Method::Journal | Method::NotPayable | Method::Unknown(_), _) => false,
            (Method::AccountsPayable, Some(_)) => true,
            (Method::Absent, Some(creditor)) => {
                creditor == CreditorKind::Vendor
                    && vendor_key(item).is_some()
                    && (may_be_vendor(item, settings, system) || !row.posts_lines())
            }
        }
}

/// Whether whoever the item names may be a vendor: the register decides where there is one.
fn may_be_vendor(item: &ExportItem, settings: &Settings, system: SystemTraits) -> bool {
    let is_named = |key: VendorKey| key.code.is_some_and(|code| settings.vendor_codes.contains(&code));
    system.keeps_vendors || item.vendor.is_some() || vendor_key(item).is_some_and(is_named)
}

impl Planner<'_> {
    /// The vendor of the books, where the item is booked as a vendor's payable.
    fn payables_vendor(&self, row: Row) -> Option<Vendor> {
        let (item, system) = (self.item, self.view.system);
        let is_vendors = row.creditor == Some(CreditorKind::Vendor)
            && may_be_payables(item, row, self.settings, system)
            && (may_be_vendor(item, self.settings, system) || (!row.posts_lines() && self.is_billed()));
        let key = vendor_key(item).filter(|_| is_vendors)?;
        self.view.resolution.vendors.get(&key).cloned()
    }

    /// Which way the item is booked.
    pub(super) fn way(&self, row: Row) -> Result<Way, Refusal> {
        let item = self.item;
        let Some(creditor) = row.creditor else {
            return Ok(Way::Journal);
        };
        match &item.method {
            Method::Journal | Method::NotPayable => Ok(Way::Journal),
            Method::Unknown(word) => Err(Refusal::unknown_method(word)),
            Method::Absent => Ok(self
                .payables_vendor(row)
                .map_or(Way::Journal, |vendor| Way::Payables(Creditor::Vendor(vendor)))),
            Method::AccountsPayable if !self.view.system.payables => Err(Refusal::no_payables()),
            Method::AccountsPayable => Ok(Way::Payables(match creditor {
                CreditorKind::Vendor => Creditor::Vendor(
                    self.payables_vendor(row)
                        .ok_or_else(|| self.unknown_vendor(row))?,
                ),
                CreditorKind::Employee => Creditor::Employee {
                    code: item.user.as_ref().and_then(|user| user.code.clone()),
                    name: item.user.as_ref().map(|user| user.name.clone()),
                },
            })),
        }
    }

    fn unknown_vendor(&self, row: Row) -> Refusal {
        let document = document(self.item, row);
        let Some(key) = vendor_key(self.item) else {
            return match &self.item.vendor {
                Some(_) => Refusal::vendor_without_reference(document, vendor_name(self.item)),
                None => Refusal::no_vendor(document),
            };
        };
        let number = key.reference().unwrap_or_default();
        let label = match vendor_name(self.item) {
            Some(name) if name != number => format!("{number} ({name})"),
            _ => number.to_owned(),
        };
        if may_be_vendor(self.item, self.settings, self.view.system) {
            Refusal::vendor_unknown(&label)
        } else {
            Refusal::supplier_is_no_vendor(document, &label, key.code.as_deref())
        }
    }
}

/// What people call the vendor's document that an item is.
fn document(item: &ExportItem, row: Row) -> &'static str {
    let is_mirrored = row.direction == Direction::BySign && item.amount.amount.is_negative();
    match (row.posts_lines(), row.credit == Side::Lines, row.money_side()) {
        (false, ..) => "A payment of a vendor's bill",
        (true, is_credit, _) if is_credit == is_mirrored => "A vendor bill",
        (true, _, Some(_)) => "A refund from a vendor",
        (true, _, None) => "A vendor's credit note",
    }
}
