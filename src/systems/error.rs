//! What can go wrong with an accounting system, by what it means for the books.

use thiserror::Error;

use super::entries::BookedEntry;
use crate::model::permit::Withheld;
use crate::model::reversal::Reversed;
use crate::model::verdict::{ItemFailureType, JobFailure, JobFailureType};

/// What went wrong, by what it means for the books.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SystemError {
    /// Refused for good; nothing of it is booked. The text tells the bookkeeper what to do.
    #[error("{reason}")]
    Rejected {
        /// Why, in Pleo's words.
        failure_type: ItemFailureType,
        /// Why, for the bookkeeper.
        reason: String,
    },
    /// It is in the books, but not as it was planned, and could not be taken back.
    #[error("{reason}")]
    BookedWrong {
        /// What is in the books.
        booked: Box<BookedEntry>,
        /// Why, in Pleo's words.
        failure_type: ItemFailureType,
        /// What is wrong with it, for the bookkeeper.
        reason: String,
    },
    /// Out of reach for now; surely nothing was booked.
    #[error("{reason}")]
    Unavailable {
        /// Why, for the operator.
        reason: String,
    },
    /// The answer was lost: it may be booked.
    #[error("{reason}")]
    Unknown {
        /// Why, for the operator.
        reason: String,
    },
    /// Nothing more can be booked in this job, and nothing was by this call: it is given up.
    #[error("{reason}")]
    Fatal {
        /// Why, in Pleo's words.
        failure_type: JobFailureType,
        /// What happened and what to do; from the second line on for the operator alone.
        reason: String,
    },
    /// The books themselves are damaged, or closed to us (nothing may be written or locked there), and a person must see
    /// to it; nothing was booked.
    #[error("{reason}")]
    Damaged {
        /// Where, and what to do.
        reason: String,
    },
    /// This process may not act for the job now: the call that asked wrote nothing. What calls before it wrote is looked
    /// up again.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// The settings do not fit the books, and a person must correct one of them; nothing was booked.
    #[error("{reason}")]
    Settings {
        /// What does not fit, and what to do.
        reason: String,
    },
}

/// Passes answers on, unless the permit was withheld from one: then the whole job is looked at again, and the other
/// answers with it.
///
/// # Errors
/// [`SystemError::Withheld`].
pub fn none_withheld<T>(answers: &[Result<T, SystemError>]) -> Result<(), SystemError> {
    let mut errors = answers.iter().filter_map(|answer| answer.as_ref().err());
    let withheld = errors.find(|error| matches!(error, SystemError::Withheld(_)));
    withheld.map_or(Ok(()), |error| Err(error.clone()))
}

impl SystemError {
    /// The answer for an item that a call did not begin with, because its permit was over.
    pub fn put_off() -> Self {
        Self::Unavailable {
            reason: "it was put off, so that Pleo hears of the job in time".to_owned(),
        }
    }

    /// Whether it may come right by itself in a moment.
    pub const fn may_pass(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unknown { .. })
    }

    /// The failure of the whole job, where the question was not about one item and will never be answered.
    ///
    /// # Errors
    /// Itself, where the job may still go on.
    pub fn into_job_failure(self) -> Result<JobFailure, Self> {
        match self {
            Self::Fatal { failure_type, reason } => Ok(JobFailure {
                failure_type,
                reason: reason.lines().next().unwrap_or_default().to_owned(),
            }),
            Self::Rejected { failure_type, reason }
            | Self::BookedWrong {
                failure_type, reason, ..
            } => Ok(JobFailure {
                failure_type: failure_type
                    .as_job_failure()
                    .unwrap_or(JobFailureType::ValidationFailure),
                reason,
            }),
            error => Err(error),
        }
    }
}

/// Why entries could not be taken back. Whatever was not taken back stands as it stood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReversalError {
    /// It cannot be done as it was asked for: an unknown number, no day, a system that does not offer it.
    #[error("{0}")]
    Unusable(String),
    /// A person must decide: it is reversed already, or half, or tied to something that is not ours.
    #[error("{0}")]
    NeedsPerson(String),
    /// The accounting system could not do it now.
    #[error(transparent)]
    System(#[from] SystemError),
    /// It had begun, and the entry in hand may be taken back in part.
    #[error("{}{then}", before(reversed))]
    Begun {
        /// What was taken back before.
        reversed: Vec<Reversed>,
        /// Why the next one was not.
        then: Box<ReversalError>,
    },
}

/// What is said of entries that were taken back before something went wrong.
fn before(reversed: &[Reversed]) -> String {
    match reversed {
        [] => String::new(),
        reversed => {
            let each: Vec<String> = reversed.iter().map(ToString::to_string).collect();
            format!("{}; then: ", each.join(", "))
        }
    }
}
