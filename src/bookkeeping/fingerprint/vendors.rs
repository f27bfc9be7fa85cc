//! Whether the vendor is another now, and which references of it an earlier export of the same item may have had.
//!
//! A vendor is the same by its strongest reference. For version 1, which kept one digest of all references, a
//! reference that was added since is no change, and neither is a vendor that was tagged where only the supplier
//! stood, as long as one reference of it was there already. So an old hash is held against each such set.

use crate::bookkeeping::item_types::{CreditorKind, row};
use crate::bookkeeping::method::vendor_key;
use crate::model::export_item::{ExportItem, Method};
use crate::model::references::{Likeness, VendorKey};

/// Whether the vendor of an item counts as another. A vendor who is named only now is no change of a journal entry, for
/// nothing there depends on it.
pub(in crate::bookkeeping) fn is_other_vendor(
    item: &ExportItem,
    likeness: Likeness,
    [was_named, is_named]: [bool; 2],
) -> bool {
    match likeness {
        Likeness::Same => false,
        Likeness::Different => true,
        Likeness::NothingInCommon if !is_named => was_named,
        Likeness::NothingInCommon => decides(item),
    }
}

/// The same, of the vendor that the books have.
pub(super) fn is_other_than_in_books(item: &ExportItem, before: &VendorKey) -> bool {
    let now = vendor_key(item).unwrap_or_default();
    let is_named = [before, &now].map(|key| *key != VendorKey::default());
    is_other_vendor(item, now.likeness(before), is_named)
}

/// Whether the entry depends on who the vendor is.
fn decides(item: &ExportItem) -> bool {
    matches!(item.method, Method::AccountsPayable | Method::Absent)
        && row(item).is_ok_and(|(row, _)| row.creditor == Some(CreditorKind::Vendor))
}

/// Who the references belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A vendor that is tagged in Pleo.
    Vendor,
    /// The merchant.
    Supplier,
}

/// The references of a vendor or supplier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct References<'a> {
    pub(super) kind: Kind,
    pub(super) code: Option<&'a str>,
    /// `vendor.externalId` or `supplier.account`.
    pub(super) id: Option<&'a str>,
    pub(super) tax_number: Option<&'a str>,
}

impl<'a> References<'a> {
    /// Those that an item has now. The vendor beats the supplier, here as in the books.
    pub(super) fn of(item: &'a ExportItem) -> Self {
        of_vendor(item)
            .or_else(|| of_supplier(item))
            .unwrap_or(Self::nothing(Kind::Supplier))
    }

    /// Those that the books have.
    pub(super) fn in_books(kind: Kind, vendor: &'a VendorKey) -> Self {
        Self {
            kind,
            code: vendor.code.as_deref(),
            id: vendor.external_id.as_deref(),
            tax_number: vendor.tax_number.as_deref(),
        }
    }

    const fn nothing(kind: Kind) -> Self {
        Self {
            kind,
            code: None,
            id: None,
            tax_number: None,
        }
    }

    /// Whether it is a supplier, or a vendor with at least one reference.
    pub(super) fn says_who(&self) -> bool {
        self.kind == Kind::Supplier || *self != Self::nothing(Kind::Vendor)
    }

    /// Every set that the item may have had before references were added to it.
    pub(super) fn earlier(item: &'a ExportItem) -> Vec<Self> {
        let supplier = of_supplier(item);
        let Some(vendor) = of_vendor(item) else {
            let now = Self::of(item);
            return now.subsets(&now, Kind::Supplier);
        };
        let as_supplier = supplier
            .as_ref()
            .unwrap_or(&vendor)
            .subsets(&vendor, Kind::Supplier);
        let was_supplier = as_supplier.into_iter().filter(|earlier| earlier.names(&vendor));
        let was_tagged = vendor.subsets(&vendor, Kind::Vendor);
        was_tagged.into_iter().chain(was_supplier).collect()
    }

    /// Every set with each reference from here, from `other` or absent.
    fn subsets(&self, other: &Self, kind: Kind) -> Vec<Self> {
        let choices = |one: Option<&'a str>, another: Option<&'a str>| {
            let mut choices = vec![None, one, another];
            choices.sort_unstable();
            choices.dedup();
            choices
        };
        let mut subsets = Vec::new();
        for code in choices(self.code, other.code) {
            for id in choices(self.id, other.id) {
                for tax_number in choices(self.tax_number, other.tax_number) {
                    subsets.push(Self {
                        kind,
                        code,
                        id,
                        tax_number,
                    });
                }
            }
        }
        subsets
    }

    /// Whether one of these references is one of the other's.
    fn names(&self, other: &Self) -> bool {
        let known = [other.code, other.id];
        [self.code, self.id]
            .iter()
            .any(|reference| reference.is_some() && known.contains(reference))
            || (self.tax_number.is_some() && self.tax_number == other.tax_number)
    }
}

fn of_vendor(item: &ExportItem) -> Option<References<'_>> {
    let vendor = item.vendor.as_ref()?;
    Some(References {
        kind: Kind::Vendor,
        code: vendor.code.as_deref(),
        id: vendor.external_id.as_deref(),
        tax_number: vendor.tax_number.as_deref(),
    })
}

fn of_supplier(item: &ExportItem) -> Option<References<'_>> {
    let supplier = item.supplier.as_ref()?;
    Some(References {
        kind: Kind::Supplier,
        code: supplier.code.as_deref(),
        id: supplier.account.as_deref(),
        tax_number: supplier.tax_number.as_deref(),
    })
}
