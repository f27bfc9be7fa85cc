//! What an accounting system is asked for, and what it answers about its books.

use std::fmt;

use chrono::NaiveDate;

use crate::model::document::{Part, Receipt};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::money::Money;

/// What a job asks of the system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobNeeds {
    /// The job.
    pub job_id: JobId,
    /// Whose expenses it holds.
    pub company_id: CompanyId,
    /// Whether vendor bills will come.
    pub payables: bool,
    /// Whether receipts will come and are required; who looks ahead of a job asks for those that are not, too.
    pub attachments: bool,
}

/// An entry to look up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The accounting entry.
    pub entry_id: AccountingEntryId,
    /// The parts that make it complete; empty where they are not known (its data could not be planned). Then it
    /// counts as complete only where the system itself can tell.
    pub parts: Vec<Part>,
}

impl Wanted {
    /// An entry of which the parts are not known.
    pub fn whole(entry_id: &AccountingEntryId) -> Self {
        Self {
            entry_id: entry_id.clone(),
            parts: Vec::new(),
        }
    }
}

/// What the books have of an entry. A journal entry is complete by itself, whatever parts are wanted today: the
/// money in it has moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing that counts. The next booking takes this revision: 1, or one more than the last reversed one.
    Absent {
        /// The revision to book.
        next_revision: u32,
    },
    /// Some of its parts.
    Incomplete(BookedEntry),
    /// All of its parts.
    Complete(BookedEntry),
    /// Nobody but a person can say whether it counts.
    Unclear {
        /// What is in question.
        booked: BookedEntry,
        /// What the books say, and what to do.
        reason: String,
    },
}

impl Found {
    /// What of the entry counts in the books; nothing where only a person can say.
    pub const fn booked(&self) -> Option<&BookedEntry> {
        match self {
            Self::Absent { .. } | Self::Unclear { .. } => None,
            Self::Incomplete(booked) | Self::Complete(booked) => Some(booked),
        }
    }
}

/// An entry in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookedEntry {
    /// Its number in the books.
    pub external_id: String,
    /// Where a person sees it.
    pub external_url: Option<String>,
    /// The day it is booked on.
    pub posting_date: NaiveDate,
    /// Which revision it is.
    pub revision: u32,
    /// The parts that are there.
    pub parts: Vec<Part>,
    /// Hash of the payload it was booked from, where the books keep it.
    pub content_hash: Option<String>,
    /// The item's amount it was booked from, where the books keep it; they may not tell its sign.
    pub amount: Option<Money>,
    /// What is odd about it in the books, for a person to read.
    pub remark: Option<String>,
    /// On which account it moved the wallet, where the books tell: settings may name another by now.
    pub wallet_account: Option<String>,
}

/// Receipts for an entry that is in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// The job that brings it.
    pub job_id: JobId,
    /// The entry.
    pub entry_id: AccountingEntryId,
    /// The entry in the books.
    pub booked: BookedEntry,
    /// With whom it was, as people know it.
    pub payee: Option<String>,
    /// In Pleo's order.
    pub receipts: Vec<Receipt>,
}

/// What a person should know about the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What stands there.
    pub message: String,
    /// What to do about it, where the message does not say it. What follows its first line is to be copied as it stands.
    pub remedy: Option<String>,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.remedy.iter().try_for_each(|remedy| write!(f, " {remedy}"))
    }
}
