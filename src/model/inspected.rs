//! What the books show of an entry beyond whether it counts, for one who compares them with what was booked and told.

use super::money::Money;

/// What a close look at an entry finds beside what was booked. What a system cannot tell is left at its default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspected {
    /// Bookings of it that count beside each other, and where they stand.
    pub booked_twice: Option<String>,
    /// What was done to its documents since they were booked.
    pub edited: Option<Edited>,
    /// The amounts of an item that its documents fit; empty where none can be told.
    pub fitting_amounts: Vec<Money>,
    /// What is wrong with its receipts; `None` where the system cannot tell.
    pub receipts: Option<Vec<String>>,
    /// What is known of the evidence of its batch.
    pub evidence: Evidence,
}

/// What a person did to documents since they were booked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edited {
    /// They come to another amount; the text says which.
    Amount(String),
    /// They come to the same amount, on other accounts or another day; the text says how.
    Otherwise(String),
}

/// The evidence of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// The system keeps none.
    #[default]
    NotKept,
    /// This entry was booked before there was any.
    NotNeeded,
    /// It was removed, and a line says so.
    Removed,
    /// It is there as it was written.
    Whole,
    /// It is not.
    Wrong {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
}
