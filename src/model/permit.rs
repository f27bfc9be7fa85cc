//! The right to act for a job, asked for before every try of whatever writes, at Pleo and in the books.
//!
//! A process can be away for an hour without knowing it: stopped, suspended, moved to another machine. Meanwhile
//! another instance may have taken its job over, and what it was about to write would be wrong. So whatever writes takes a
//! `&Permit`, and nobody can forget to ask. Who gives it knows by what right: on one host it is who holds the run lock.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use thiserror::Error;

/// The answer to "may I act for this job now?", given anew each time it is asked.
#[derive(Clone)]
pub struct Permit {
    giver: Arc<dyn Fn() -> Result<(), Withheld> + Send + Sync>,
    until: Option<Instant>,
}

/// This process may not act now. Nothing was sent or written by the try that asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("nothing was written: {reason}", reason = self.reason())]
pub enum Withheld {
    /// Another instance has worked on the job, or has it.
    Changed(String),
    /// What became of the job could not be learnt: that says nothing about it.
    Unlearnt(String),
}

impl Withheld {
    /// Why, in words for an operator.
    pub fn reason(&self) -> &str {
        match self {
            Self::Changed(reason) | Self::Unlearnt(reason) => reason,
        }
    }
}

impl Permit {
    /// One that `giver` gives or withholds. It is asked often and from any thread, so it must be quick where it can.
    pub fn given_by(giver: impl Fn() -> Result<(), Withheld> + Send + Sync + 'static) -> Self {
        Self {
            giver: Arc::new(giver),
            until: None,
        }
    }

    /// The same permit for one call of an accounting system: what the call has not begun at that moment is left to a later
    /// one, so that Pleo hears of the job in between.
    #[must_use]
    pub fn until(&self, moment: Instant) -> Self {
        Self {
            until: Some(moment),
            ..self.clone()
        }
    }

    /// Whether a call that takes one item after the other begins no further one.
    pub fn is_over(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Asks whether this process may act now.
    ///
    /// # Errors
    /// [`Withheld`], with the reason in words for an operator.
    pub fn ask(&self) -> Result<(), Withheld> {
        (self.giver)()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
