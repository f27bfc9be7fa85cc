//! What an item refers to in the books, and what the books answered.
//!
//! A job's items are asked for their [`References`] first, and the accounting system answers all of them at once with a
//! [`Resolution`]: what cannot be booked is counted before anything is. The invoices are asked for again before each wave
//! of bookings, because what was booked since decides.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::export_item::Tag;

pub use super::invoice::{
    InvoiceInBooks, InvoiceKey, InvoiceNumber, InvoiceSide, Likeness, VendorKey, likeness,
};

/// What an account is needed for. One code of Pleo's may mean two accounts: a cost and a wallet are never the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountPurpose {
    /// What was bought, or given back.
    Cost,
    /// What the company earns: the lines of cashback.
    Income,
    /// The money in a Pleo wallet.
    Wallet,
    /// Tax that may be deducted.
    InputTax,
    /// Tax that is owed under reverse charge.
    OutputTax,
}

impl AccountPurpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [
        Self::Cost,
        Self::Income,
        Self::Wallet,
        Self::InputTax,
        Self::OutputTax,
    ];

    /// The word in books, answers and the connector protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Income => "income",
            Self::Wallet => "wallet",
            Self::InputTax => "input_tax",
            Self::OutputTax => "output_tax",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == word)
    }
}

/// How an account is asked for before the accounting system has looked it up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKey {
    /// Named by settings that a person wrote, in the accounting system's own way: a role, a mapping, a tax account.
    Configured(String),
    /// The default of a role that nobody set.
    Assumed(String),
    /// Named by Pleo, and by no setting. At least one of code and identifier is there.
    Pleo {
        /// What it is needed for.
        purpose: AccountPurpose,
        /// The account number that people see.
        code: Option<String>,
        /// The id that the accounting system once gave to Pleo.
        identifier: Option<String>,
    },
}

impl AccountKey {
    /// An account that Pleo names by a code alone.
    pub fn of_code(purpose: AccountPurpose, code: impl Into<String>) -> Self {
        Self::Pleo {
            purpose,
            code: Some(code.into()),
            identifier: None,
        }
    }

    /// The name or code by which a person knows it.
    pub fn text(&self) -> &str {
        match self {
            Self::Configured(text) | Self::Assumed(text) => text,
            Self::Pleo { code, identifier, .. } => {
                code.as_deref().or(identifier.as_deref()).unwrap_or_default()
            }
        }
    }
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
    pub accounts: HashMap<AccountKey, Candidates>,
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

/// The accounts that may be meant by a key. Which one is meant depends on the posting date: an account that was
/// closed at the end of a year and its successor may bear one code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Candidates {
    /// Groups, best first. The first group that has an account open on the day decides; it must have one only.
    pub groups: Vec<Vec<Account>>,
    /// The name under which a new account would be opened, where the books use it for something else.
    pub taken_name: Option<String>,
}

impl Candidates {
    /// Surely this one.
    pub fn one(account: Account) -> Self {
        Self {
            groups: vec![vec![account]],
            taken_name: None,
        }
    }

    /// The accounts among which a posting of this day has its own: one where the answer is clear, several where a
    /// person must say which, none where none is open. On the day on which one is closed and its successor opened it is
    /// the successor.
    pub fn on(&self, day: NaiveDate) -> Vec<&Account> {
        let open = |group: &Vec<Account>| group.iter().any(|account| account.is_open_on(day));
        let group = self.groups.iter().find(|group| open(group)).into_iter().flatten();
        let mut open: Vec<&Account> = group.filter(|account| account.is_open_on(day)).collect();
        let is_last_day = |account: &Account| account.until == Some(day);
        let is_successor = |account: &&Account| account.from == Some(day) && !is_last_day(account);
        if open.iter().any(is_successor) {
            open.retain(|account| !is_last_day(account));
        }
        open
    }

    /// The best of them, whatever the day.
    pub fn best(&self) -> Option<&Account> {
        self.groups.iter().flatten().next()
    }
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
    /// Its first day, where it has one.
    pub from: Option<NaiveDate>,
    /// Its last day, where it has one.
    pub until: Option<NaiveDate>,
    /// How booking opens it; `None` where the books have it.
    pub opens: Option<Box<NewAccount>>,
}

impl Account {
    /// An account that is there and always open.
    pub fn open(reference: impl Into<Reference>, name: impl Into<String>) -> Self {
        Self {
            reference: reference.into(),
            name: name.into(),
            from: None,
            until: None,
            opens: None,
        }
    }

    /// Whether it takes postings of this day.
    pub fn is_open_on(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }
}

/// What is known of an account that booking will open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NewAccount {
    /// Pleo's code of it.
    pub code: Option<String>,
    /// Pleo's name of it.
    pub name: Option<String>,
    /// The id that Pleo has for it.
    pub identifier: Option<String>,
    /// What alone it will serve; `None` where the settings named it.
    pub purpose: Option<AccountPurpose>,
}

/// A vendor of the books.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Vendor {
    /// How the accounting system refers to it.
    pub reference: Reference,
    /// Its name there.
    pub name: String,
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
