//! What a connector is asked.

use serde::Serialize;

#[cfg(test)]
use schemars::JsonSchema;

use super::answer::Booked;
use super::item::Item;
use super::value::{InvoiceKey, Part, VendorKey};

/// The version that both sides must speak.
pub(crate) const PROTOCOL: u32 = 1;

/// One line from pleo-export to the connector.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Request {
    /// Counts from 1 in each process; the answer repeats it.
    pub(crate) id: u64,
    /// What is asked.
    #[serde(flatten)]
    pub(crate) verb: Verb,
}

/// What is asked of the connector.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "verb", rename_all = "snake_case")]
pub(crate) enum Verb {
    /// Always the first line. The answer is a `HelloAnswer`.
    Hello {
        /// The version of this protocol that pleo-export speaks.
        protocol: u32,
        /// Who asks, with its version.
        program: String,
    },
    /// Can the accounting system be reached and take this job? Nothing is booked. The answer is `Done`.
    Check {
        /// The job and what it will ask for.
        job: JobNeeds,
    },
    /// Which of these are in the books? The answer is `Resolved`.
    Resolve(References),
    /// What have the books of these entries? The answer is `Entries`.
    Find {
        /// The entries.
        entries: Vec<Wanted>,
    },
    /// Book this item, unless it is in the books already. The answer is `Booked`.
    Book {
        /// The item with all of its documents: all of them are booked, or none.
        item: Box<Item>,
    },
    /// Put receipts beside an entry, each content once. The answer is `Done`.
    Attach(Attachment),
}

/// An export job and what it will ask for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct JobNeeds {
    /// Pleo's id of the job.
    pub(crate) job_id: String,
    /// Pleo's id of the company.
    pub(crate) company_id: String,
    /// Whether vendor bills will come.
    pub(crate) payables: bool,
    /// Whether receipts will come and are required.
    pub(crate) attachments: bool,
}

/// Everything that the items of a job refer to.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct References {
    /// Accounts.
    pub(crate) accounts: Vec<AccountWanted>,
    /// Tax codes; asked only of connectors that compute tax.
    pub(crate) tax_codes: Vec<String>,
    /// Vendors of bills.
    pub(crate) vendors: Vec<VendorWanted>,
    /// Cost centres.
    pub(crate) tags: Vec<Tag>,
    /// Bills and payments that may have a counterpart in the books.
    pub(crate) invoices: Vec<InvoiceKey>,
}

/// An account to look up.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct AccountWanted {
    /// Who named it.
    pub(crate) named_by: NamedBy,
    /// The name where the configuration named it; else Pleo's `identifier`, or where Pleo has none, its `account_code`.
    pub(crate) code: String,
    /// The account number that people see, where Pleo named it and has one.
    pub(crate) account_code: Option<String>,
    /// The id in the accounting system by which Pleo knows it. Look for it first, then for `account_code`.
    pub(crate) identifier: Option<String>,
    /// What it is needed for, where Pleo named it.
    pub(crate) purpose: Option<AccountPurpose>,
    /// What Pleo calls it.
    pub(crate) name: Option<String>,
}

/// What an account is needed for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccountPurpose {
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

/// Who named an account.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum NamedBy {
    /// The configuration, in the accounting system's own way.
    Configuration,
    /// Pleo, by the code or identifier of a category or wallet.
    Pleo,
}

/// A vendor to look up.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct VendorWanted {
    /// How it is looked for.
    #[serde(flatten)]
    pub(crate) key: VendorKey,
    /// Its name in Pleo.
    pub(crate) name: String,
}

/// A cost centre.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Tag {
    /// The group it belongs to ("project").
    pub(crate) group: String,
    /// Its code in the group.
    pub(crate) code: String,
}

/// An entry to look up.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Wanted {
    /// Pleo's id of the accounting entry, the key in the books.
    pub(crate) entry_id: String,
    /// The parts that make it complete. Empty where they are not known: then any part stands for all, unless the
    /// books can tell.
    pub(crate) parts: Vec<Part>,
}

/// Receipts for an entry that is in the books.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Attachment {
    /// Pleo's id of the job.
    pub(crate) job_id: String,
    /// Pleo's id of the accounting entry.
    pub(crate) entry_id: String,
    /// The entry as the connector itself answered.
    pub(crate) booked: Booked,
    /// The receipts, in order.
    pub(crate) receipts: Vec<Receipt>,
}

/// A receipt as a file on this machine.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub(crate) struct Receipt {
    /// SHA-256 of its bytes, in hex.
    pub(crate) sha256: String,
    /// A safe file name with the right extension.
    pub(crate) file_name: String,
    /// Its media type, found from its bytes.
    pub(crate) media_type: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The absolute path of the file. It may be gone once the answer is given.
    pub(crate) path: String,
}
