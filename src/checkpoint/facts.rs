//! What is stored of what the data layer says.

use chrono::{DateTime, Utc};

use crate::model::ids::AccountingEntryId;
use crate::model::money::Money;

/// What the data layer says of one item.
#[derive(Clone, Debug)]
pub struct ItemData {
    /// The accounting entry.
    pub entry_id: AccountingEntryId,
    /// All of it, as it was received.
    pub payload: String,
    /// What of it is kept for good; `None` where it cannot be read.
    pub facts: Option<ItemFacts>,
}

/// What is kept of an item for good, also when its payload is kept no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    /// When the expense was, which orders the work.
    pub date: DateTime<Utc>,
    /// From whom it was.
    pub supplier: Option<String>,
    /// How much, in the currency of the wallet.
    pub amount: Money,
    /// Where a person sees it in Pleo.
    pub link: Option<String>,
    /// What its content hash is made of.
    pub canonical_text: String,
}

/// Reads the facts out of a payload; `None` where it cannot be read.
pub type ReadFacts = fn(payload: &str) -> Option<ItemFacts>;
