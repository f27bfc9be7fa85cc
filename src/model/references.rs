//! What an item refers to in the books, and what the books answered.
//!
//! A job's items are asked for their [`References`] first, the accounting system answers all of them at once
//! with a [`Resolution`], and only then is anything planned: so every refusal is known before the first booking.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::export_item::Tag;
use super::ids::AccountingEntryId;
use super::money::Money;

/// How an account is named before the accounting system has looked it up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKey {
    /// Named by the configuration, in the accounting system's own way: a role, a mapping or a tax account.
    Configured(String),
    /// A code or identifier of Pleo's that no configuration names.
    Pleo(String),
}

impl AccountKey {
    /// The name or code itself.
    pub fn text(&self) -> &str {
        match self {
            Self::Configured(text) | Self::Pleo(text) => text,
        }
    }
}

/// How a vendor is looked for: by number, then identifier, then tax number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct VendorKey {
    /// `vendor.code` (or `supplier.code` where no vendor is tagged).
    pub code: Option<String>,
    /// `vendor.externalId` (or `supplier.account`).
    pub external_id: Option<String>,
    /// `vendor.taxRegistrationNumber` (or `supplier.taxIdentifier`).
    pub tax_number: Option<String>,
}

/// A bill is known by its vendor (the reference of the resolved vendor) and the vendor's invoice number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InvoiceKey {
    /// How the vendor is looked for.
    pub vendor: VendorKey,
    /// The vendor's invoice number.
    pub number: String,
}

/// Everything that the items of a job refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Accounts, each with the name that Pleo has for it.
    pub accounts: BTreeMap<AccountKey, Option<String>>,
    /// Tax codes of the accounting system; asked only of systems that compute tax themselves.
    pub tax_codes: BTreeSet<String>,
    /// Vendors of payables, each with its name.
    pub vendors: BTreeMap<VendorKey, String>,
    /// Cost centres.
    pub tags: BTreeSet<Tag>,
    /// Bills and payments that may have a counterpart in the books.
    pub invoices: BTreeSet<InvoiceKey>,
}

impl References {
    /// Adds what another item refers to.
    pub fn extend(&mut self, other: Self) {
        self.accounts.extend(other.accounts);
        self.tax_codes.extend(other.tax_codes);
        self.vendors.extend(other.vendors);
        self.tags.extend(other.tags);
        self.invoices.extend(other.invoices);
    }
}

/// What the books have of the references. What is not in here is not in the books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Accounts that exist, or that booking will open.
    pub accounts: HashMap<AccountKey, Account>,
    /// Tax codes that exist, with the accounting system's own reference.
    pub tax_codes: HashMap<String, Reference>,
    /// Vendors that exist, or that booking will create.
    pub vendors: HashMap<VendorKey, Vendor>,
    /// Cost centres that exist, with the accounting system's own reference.
    pub tags: HashMap<Tag, Reference>,
    /// What the books have of each invoice asked for: bills and payments, of any entry.
    pub invoices: HashMap<InvoiceKey, Vec<InvoiceInBooks>>,
    /// Until when the books are closed, inclusive, where the system says so itself.
    pub closed_until: ClosedUntil,
}

/// How an accounting system refers to a record of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By its id in a database.
    Id(i64),
    /// By its name or code, as plain text books and connectors do.
    Name(String),
    /// It is not there yet: booking adds it under this number.
    New(String),
}

impl From<&str> for Reference {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for Reference {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(text) | Self::New(text) => f.write_str(text),
        }
    }
}

/// An account of the books.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// How the accounting system refers to it.
    pub reference: Reference,
    /// How a person refers to it.
    pub name: String,
}

/// A vendor of the books.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vendor {
    /// How the accounting system refers to it.
    pub reference: Reference,
    /// Its name there.
    pub name: String,
}

/// One side of an invoice in the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceInBooks {
    /// The accounting entry it was booked for.
    pub entry_id: AccountingEntryId,
    /// Its number in the books.
    pub external_id: String,
    /// Bill or payment.
    pub side: InvoiceSide,
    /// What it moved on the payable account, debit positive, in the currency of its wallet: bill and payment may
    /// belong to wallets of two currencies.
    pub payable: Money,
    /// The amount in the supplier's currency.
    pub supplier_amount: Option<Money>,
}

/// The two sides of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceSide {
    /// The vendor's claim (or credit note).
    Bill,
    /// Its settlement.
    Payment,
}

/// Until when the books are closed, inclusive, in the books' calendar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosedUntil {
    /// For every kind of document.
    pub all: Option<NaiveDate>,
    /// For vendor bills and credit notes alone.
    pub purchases: Option<NaiveDate>,
    /// For documents with tax alone.
    pub taxed: Option<NaiveDate>,
}
