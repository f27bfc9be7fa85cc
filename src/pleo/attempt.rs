//! How one try of a request ended, and the error that it is when there is no other try.

use std::time::Duration;

use super::error::{Answer, Call, PleoError};
use super::retry::{Content, TryEnd};
use super::wire;
use crate::host::http::{BodyError, Fault};

/// How one try ended, and what is known of it.
pub(super) struct Attempt {
    pub(super) ending: TryEnd,
    /// For people.
    pub(super) cause: String,
    pub(super) body: String,
    pub(super) retry_after: Option<Duration>,
    /// Where a redirect points to.
    pub(super) redirect_host: Option<String>,
}

impl Attempt {
    fn broken(ending: TryEnd, cause: String) -> Self {
        Self {
            ending,
            cause,
            body: String::new(),
            retry_after: None,
            redirect_host: None,
        }
    }

    /// The answer is larger than any is read, in bytes.
    pub(super) fn too_large(largest: u64) -> Self {
        Self::broken(
            TryEnd::TooLarge,
            format!("the answer is larger than {largest} bytes"),
        )
    }

    /// Whether Pleo itself rejected the credential, in whatever state it is.
    pub(super) fn is_unauthorized(&self) -> bool {
        matches!(
            self.ending,
            TryEnd::Answered {
                status: 401,
                content: Content::Json | Content::Nothing,
            }
        )
    }

    /// No answer came; `too_slow` says so where that took too long.
    pub(super) fn failed((fault, cause): (Fault, String), too_slow: String) -> Self {
        match fault {
            Fault::Untrusted => Self::broken(TryEnd::Untrusted, cause),
            Fault::Unreached => Self::broken(TryEnd::NotConnected, cause),
            Fault::TimedOut => Self::broken(TryEnd::Interrupted, too_slow),
            Fault::Broken => Self::broken(TryEnd::Interrupted, cause),
        }
    }

    /// The answer was not read whole.
    pub(super) fn not_read(error: BodyError, too_slow: String) -> Self {
        match error {
            BodyError::TooLarge(largest) => Self::too_large(largest),
            BodyError::TooSlow | BodyError::Silent => Self::broken(TryEnd::Interrupted, too_slow),
            error => Self::broken(TryEnd::Interrupted, error.to_string()),
        }
    }

    /// The error when trying again is no use.
    pub(super) fn error(self, call: Call, tries: u32, has_answered: bool) -> PleoError {
        let problem = self.cause;
        let (status, content) = match self.ending {
            TryEnd::Answered { status, content } => (status, content),
            TryEnd::Untrusted => {
                let problem = format!("{call} was not sent: {problem}");
                return PleoError::Untrusted { problem };
            }
            TryEnd::TooLarge => return PleoError::TooLarge { call, problem },
            TryEnd::NotConnected | TryEnd::Interrupted => return PleoError::Contract { call, problem },
        };
        match status {
            300..=399 => {
                let problem = match self.redirect_host {
                    Some(host) => {
                        format!("{status} redirects to the host `{host}`, and redirects are not followed")
                    }
                    None => format!("{status} is no answer to what was asked"),
                };
                // As the page does that wants one to log in to a network.
                if has_answered {
                    PleoError::Contract { call, problem }
                } else {
                    PleoError::NeverReached {
                        call,
                        tries,
                        cause: problem,
                    }
                }
            }
            400..=499 if content == Content::Foreign => not_reached(call, tries, problem, has_answered),
            400..=499 => wire::answer(call, status, &self.body).into_error(),
            500.. if content != Content::Json => not_reached(call, tries, problem, has_answered),
            500.. => PleoError::OutOfReach {
                call,
                tries,
                cause: problem,
            },
            _ => PleoError::Contract {
                call,
                problem: format!("status {status}, where 200 is due"),
            },
        }
    }

    /// The error when the patience is over.
    pub(super) fn given_up(self, call: Call, tries: u32, has_answered: bool) -> PleoError {
        let cause = self.cause;
        match self.ending {
            // Whoever limits calls says himself that it will pass.
            TryEnd::Answered { status: 429, .. } => PleoError::OutOfReach { call, tries, cause },
            // No JSON is no answer of Pleo's, whatever the status: until one came, nobody knows that it is Pleo out there.
            TryEnd::NotConnected
            | TryEnd::Interrupted
            | TryEnd::Answered {
                content: Content::Nothing | Content::Foreign,
                ..
            } if !has_answered => PleoError::NeverReached { call, tries, cause },
            TryEnd::Answered { status: 200, .. } => {
                let problem = format!("{cause}, in each of {tries} tries");
                PleoError::Contract { call, problem }
            }
            _ => PleoError::OutOfReach { call, tries, cause },
        }
    }
}

/// Something stands between us and Pleo: for a time, if Pleo ever answered.
fn not_reached(call: Call, tries: u32, cause: String, has_answered: bool) -> PleoError {
    if has_answered {
        PleoError::OutOfReach { call, tries, cause }
    } else {
        PleoError::NeverReached { call, tries, cause }
    }
}

impl Answer {
    /// What Pleo said, without the call.
    pub(super) fn words(&self) -> String {
        let whole = self.to_string();
        let call = format!("{} ", self.call);
        whole.strip_prefix(&call).unwrap_or(&whole).to_owned()
    }
}
