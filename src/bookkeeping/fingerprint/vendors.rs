//! Which references of a vendor an earlier export of the same item may have had.
//!
//! A reference that was added since is no change, and neither is a vendor that was tagged where only the supplier
//! stood, as long as one reference of it was there already. So an old hash is held against each such set.

use crate::model::export_item::ExportItem;

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

    const fn nothing(kind: Kind) -> Self {
        Self {
            kind,
            code: None,
            id: None,
            tax_number: None,
        }
    }

    /// Whether no vendor is tagged.
    pub(super) fn is_supplier(&self) -> bool {
        self.kind == Kind::Supplier
    }

    /// Whether it is a supplier, or a vendor with at least one reference.
    pub(super) fn says_who(&self) -> bool {
        self.is_supplier() || *self != Self::nothing(Kind::Vendor)
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
