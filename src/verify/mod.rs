//! Pleo, checkpoint and books compared: what differs, and what to do about it. Nothing is written, locked or told.
//!
//! [`compare`] is pure: what the three sides say of one entry comes in, differences go out. [`gather`] asks the three sides,
//! one page in memory at a time.

pub mod compare;
pub mod gather;
mod spoilt;

use crate::model::ids::{AccountingEntryId, JobId};

/// Something in which the sides differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The entry; none where it is about a whole batch.
    pub entry_id: Option<AccountingEntryId>,
    /// The job by which it was found.
    pub job: JobId,
    /// How much it matters.
    pub level: Level,
    /// In what they differ.
    pub kind: Kind,
    /// What each side says.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// How much a difference matters. The words are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A person must see to it.
    Difference,
    /// A person may have done so.
    Remark,
}

impl Level {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Difference => "difference",
            Self::Remark => "remark",
        }
    }
}

/// In what the sides differ. The words are a contract with scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// In the books, and Pleo does not know.
    NotReported,
    /// Pleo was told that it is in the books, and it is not.
    NotBooked,
    /// Not what was booked.
    Changed,
    /// A receipt is not there, or is another one.
    ReceiptMissing,
    /// It counts twice in the books.
    BookedTwice,
    /// The evidence is not there, or is not what was written.
    Evidence,
}

impl Kind {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotReported => "not_reported",
            Self::NotBooked => "not_booked",
            Self::Changed => "changed",
            Self::ReceiptMissing => "receipt_missing",
            Self::BookedTwice => "booked_twice",
            Self::Evidence => "evidence",
        }
    }
}
