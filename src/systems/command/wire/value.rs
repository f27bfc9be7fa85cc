//! Values that requests and answers share.

use serde::{Deserialize, Serialize};

#[cfg(test)]
use schemars::JsonSchema;

/// How a vendor is looked for: by code, then external id, then tax number.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct VendorKey {
    /// Its number in the accounting system.
    pub(crate) code: Option<String>,
    /// Its identifier in the accounting system.
    pub(crate) external_id: Option<String>,
    /// Its tax number.
    pub(crate) tax_number: Option<String>,
}

/// What bill and payment of an invoice find each other by.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct InvoiceKey {
    /// The vendor.
    pub(crate) vendor: VendorKey,
    /// The vendor's invoice number.
    pub(crate) number: String,
}

/// Which document of an item: the second part of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Part {
    /// The first document, mostly the only one.
    Main,
    /// The movement of money beside a bill or credit note.
    Payment,
}

/// An account of the books.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Account {
    /// How the accounting system refers to it; it comes back on every posting.
    pub(crate) reference: String,
    /// How a person refers to it.
    pub(crate) name: String,
}

/// A vendor of the books.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Vendor {
    /// How the accounting system refers to it; it comes back on every bill.
    pub(crate) reference: String,
    /// Its name there.
    pub(crate) name: String,
}

/// An amount of money. Never a decimal number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Money {
    /// Hundredths of the currency unit, for every currency alike: 12.50 DKK is 1250, and 1250 JPY is 125000.
    pub(crate) hundredths: i64,
    /// Three letters (ISO 4217).
    pub(crate) currency: String,
}
