//! What a failed call means for the books, in words that a bookkeeper or an operator can act on.
//!
//! Odoo answers a rejection with the name of a Python exception. Its transaction is rolled back then, with one
//! exception: a fault in the answer itself (500) may come after the commit, so it proves nothing.

use reqwest::StatusCode;
use reqwest::Url;
use thiserror::Error;

use crate::host::foreign_text;
use crate::host::http::Fault;
use crate::host::retry;
use crate::model::permit::Withheld;
use crate::model::verdict::{ItemFailureType, JobFailureType};
use crate::systems::{ReversalError, SystemError};

/// The longest text of Odoo's that is passed on, in characters.
const LONGEST: usize = 300;

/// A call that failed, by what is known about its effect.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum CallError {
    /// It never reached Odoo, or was turned away at the door.
    #[error("Odoo cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing was sent, and nothing will be until a person corrects the settings: the certificate is not trusted.
    #[error("Odoo is not spoken to: {0}")]
    Untrusted(String),
    /// It may have reached Odoo; what came of it is not known.
    #[error("Odoo's answer was lost: {0}")]
    Lost(String),
    /// It answers with what will be of no use the next time either; what came of the call is not known.
    #[error("Odoo's answer cannot be used: {0}")]
    Unusable(String),
    /// It was not made, because this process may not act for the job now.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// Odoo said no, and changed nothing.
    #[error("Odoo rejects: {message}")]
    Rejected {
        /// What that means for us.
        rejection: Rejection,
        /// In its own words.
        message: String,
    },
}

/// Why Odoo said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// The key.
    Authentication,
    /// The user's rights.
    Access,
    /// There is no such address, database, model or method.
    Address,
    /// A record that is not there.
    Missing,
    /// The data.
    Data,
    /// Two calls met; the loser changed nothing and may try again.
    Conflict,
}

impl CallError {
    /// More than anybody asked for, or more than can be kept in memory.
    pub(crate) fn too_long(call: &str, longest: u64) -> Self {
        Self::Unusable(format!(
            "its answer to {call} has more than {} MB: export fewer expenses at a time, or lower batch_size under [pleo]",
            longest >> 20
        ))
    }

    pub(crate) fn from_fault((fault, cause): (Fault, String)) -> Self {
        match fault {
            Fault::Untrusted => Self::Untrusted(cause),
            Fault::Unreached => Self::Unreachable(cause),
            Fault::TimedOut | Fault::Broken => Self::Lost(cause),
        }
    }

    pub(crate) fn redirected(target: &str, url: &Url) -> Self {
        // Without the path, which is that of the call.
        let target = url.join(target).map_or_else(
            |_| one_line(target),
            |target| target.origin().ascii_serialization(),
        );
        Self::Rejected {
            rejection: Rejection::Address,
            message: format!(
                "{url} sends us to {target}: set accounting.odoo.url to the address that answers itself"
            ),
        }
    }

    /// An answer that no Odoo gives: a proxy in between, another program, an address or database that is not there.
    pub(crate) fn not_odoo(status: StatusCode, url: &Url, database: &str) -> Self {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Self::limited(),
            status if status.is_server_error() || retry::is_temporary(status.as_u16()) => {
                Self::Lost(format!("{url} answers with status {}", status.as_u16()))
            }
            // Odoo answers with a web page when the database is not there.
            StatusCode::NOT_FOUND => Self::Rejected {
                rejection: Rejection::Address,
                message: format!(
                    "{url} has no database {database}, or is no Odoo 19 or later: check accounting.odoo.url and accounting.odoo.database"
                ),
            },
            StatusCode::UNAUTHORIZED => Self::Rejected {
                rejection: Rejection::Authentication,
                message: format!("{url} answers with status 401"),
            },
            StatusCode::FORBIDDEN => Self::Rejected {
                rejection: Rejection::Address,
                message: format!(
                    "{url} answers with status 403 and a page that does not come from Odoo: a firewall or proxy on the \
                     way rejects the call, so let it pass there"
                ),
            },
            status if status.is_success() => Self::Unusable(format!(
                "{url} answers, but not as Odoo does: check accounting.odoo.url"
            )),
            status => Self::Rejected {
                rejection: Rejection::Address,
                message: format!(
                    "{url} answers with status {}: check accounting.odoo.url",
                    status.as_u16()
                ),
            },
        }
    }

    /// Odoo's own rejection: the name of its exception and its message.
    pub(crate) fn from_odoo(name: &str, message: &str, status: StatusCode) -> Self {
        let message = one_line(message);
        let rejected = |rejection| Self::Rejected {
            rejection,
            message: message.clone(),
        };
        let class = name.rsplit('.').next().unwrap_or_default();
        match class {
            "UserError" | "ValidationError" | "RedirectWarning" => rejected(Rejection::Data),
            "AccessError" => rejected(Rejection::Access),
            "AccessDenied" | "Unauthorized" => rejected(Rejection::Authentication),
            "MissingError" => rejected(Rejection::Missing),
            "NotFound" => rejected(Rejection::Address),
            // After five tries of its own; nothing was committed.
            "SerializationFailure" | "LockNotAvailable" | "DeadlockDetected" => rejected(Rejection::Conflict),
            "OperationalError" if message.contains("does not exist") => rejected(Rejection::Address),
            _ => match status {
                StatusCode::TOO_MANY_REQUESTS => Self::limited(),
                StatusCode::UNAUTHORIZED => rejected(Rejection::Authentication),
                StatusCode::FORBIDDEN => rejected(Rejection::Access),
                status if status.is_client_error() => rejected(Rejection::Data),
                _ => Self::Lost(format!("it failed itself ({class}: {message})")),
            },
        }
    }

    fn limited() -> Self {
        Self::Unreachable("it limits our calls".into())
    }

    /// Whether it answered, so that the next call has an answer, too.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self, Self::Rejected { .. })
    }

    /// Whether it proves nothing: what came of it must be looked up, or it must be tried again.
    pub(crate) fn is_unproven(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Lost(_) | Self::Unusable(_) | Self::Withheld(_) => true,
            Self::Untrusted(_) => false,
            Self::Rejected { rejection, .. } => *rejection == Rejection::Conflict,
        }
    }

    /// After a call that only read: whatever happened, nothing was booked by it.
    pub(crate) fn for_reading(self) -> SystemError {
        match self {
            Self::Unreachable(_) | Self::Lost(_) => SystemError::Unavailable {
                reason: self.to_string(),
            },
            Self::Untrusted(_) => SystemError::Settings {
                reason: self.to_string(),
            },
            Self::Withheld(withheld) => withheld.into(),
            Self::Unusable(message) => for_job(Rejection::Address, &message),
            Self::Rejected { rejection, message } => for_job(rejection, &message),
        }
    }

    /// After a call without which nobody knows how the books stand.
    pub(crate) fn or_unknown(self) -> SystemError {
        match self {
            Self::Withheld(withheld) => withheld.into(),
            error => SystemError::Unknown {
                reason: error.to_string(),
            },
        }
    }

    /// After a call that should have written something for one item.
    pub(crate) fn for_item(self) -> SystemError {
        match self {
            Self::Withheld(withheld) => withheld.into(),
            Self::Unreachable(_) => SystemError::Unavailable {
                reason: self.to_string(),
            },
            Self::Untrusted(_) => self.for_reading(),
            Self::Lost(_) | Self::Unusable(_) => SystemError::Unknown {
                reason: self.to_string(),
            },
            Self::Rejected {
                rejection: Rejection::Data,
                message,
            } => rejected_data(&message),
            // What was there a moment ago: two processes, or a process and a person, are at the same entry.
            Self::Rejected {
                rejection: Rejection::Missing,
                ..
            } => in_other_hands(),
            Self::Rejected { rejection, message } => for_job(rejection, &message),
        }
    }
}

/// Two processes, or a process and a person, are at the same entry; this one changed nothing.
pub(crate) fn in_other_hands() -> SystemError {
    SystemError::Unavailable {
        reason: "somebody else is booking the same expense in Odoo".into(),
    }
}

/// What a person did in Odoo is for a person to settle.
pub(crate) fn for_a_person(reason: &str) -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::AccountingSystemValidationFailure,
        reason: reason.to_owned(),
    }
}

/// Odoo rejects the data of one item.
pub(crate) fn rejected_data(message: &str) -> SystemError {
    let message = one_line(message);
    // PostgreSQL's words for two transactions that met; `load` hands them on without trying again.
    if message.contains("could not serialize access") || message.contains("deadlock detected") {
        return in_other_hands();
    }
    SystemError::Rejected {
        failure_type: ItemFailureType::AccountingSystemValidationFailure,
        reason: format!(
            "Odoo rejects the entry: {} Correct this in Odoo or in the expense, then export again.",
            sentence(&message)
        ),
    }
}

/// Odoo will not work with us at all.
fn for_job(rejection: Rejection, message: &str) -> SystemError {
    let fatal = |failure_type, reason| SystemError::Fatal { failure_type, reason };
    let message = sentence(message);
    match rejection {
        Rejection::Authentication => fatal(
            JobFailureType::AccountingSystemAuthenticationFailure,
            format!(
                "Odoo does not accept the API key ({message}) Make a new key in the Odoo user's preferences, and ask whoever runs the export to set it as ODOO_API_KEY."
            ),
        ),
        Rejection::Access => fatal(
            JobFailureType::AuthorizationFailure,
            format!(
                "The Odoo user of the API key may not do this: {message} Give the user the right in Odoo, then export again."
            ),
        ),
        Rejection::Address => fatal(
            JobFailureType::InvalidConfiguration,
            format!(
                "Odoo cannot be used: {message} Ask whoever runs the export to mend it, then export again."
            ),
        ),
        Rejection::Missing | Rejection::Data => fatal(
            JobFailureType::ValidationFailure,
            format!("Odoo rejects a question of ours: {message}"),
        ),
        Rejection::Conflict => SystemError::Unavailable {
            reason: format!("Odoo is busy: {message}"),
        },
    }
}

/// Foreign text for people.
pub(crate) fn one_line(text: &str) -> String {
    foreign_text::one_line(text, LONGEST)
}

/// With a full stop, so that another sentence can follow.
fn sentence(text: &str) -> String {
    if text.ends_with(['.', '!', '?', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}

/// For calls outside a batch, where a lost answer means nothing was proven.
impl From<CallError> for SystemError {
    fn from(error: CallError) -> Self {
        error.for_reading()
    }
}

impl From<CallError> for ReversalError {
    fn from(error: CallError) -> Self {
        error.for_reading().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: SystemError) -> (&'static str, String) {
        match error {
            SystemError::Rejected { failure_type, reason } => (failure_type.as_str(), reason),
            SystemError::Fatal { failure_type, reason } => (failure_type.as_str(), reason),
            SystemError::Unavailable { reason } => ("unavailable", reason),
            SystemError::Unknown { reason } => ("unknown", reason),
            other => ("other", other.to_string()),
        }
    }

    #[test]
    fn each_rejection_has_its_kind() {
        for (name, code, reading, item) in [
            (
                "odoo.exceptions.UserError",
                422,
                "validation_failure",
                "accounting_system_validation_failure",
            ),
            (
                "odoo.exceptions.ValidationError",
                422,
                "validation_failure",
                "accounting_system_validation_failure",
            ),
            (
                "odoo.exceptions.MissingError",
                404,
                "validation_failure",
                "unavailable",
            ),
            (
                "odoo.exceptions.AccessError",
                403,
                "authorization_failure",
                "authorization_failure",
            ),
            (
                "werkzeug.exceptions.Unauthorized",
                401,
                "accounting_system_authentication_failure",
                "accounting_system_authentication_failure",
            ),
            (
                "werkzeug.exceptions.NotFound",
                404,
                "invalid_configuration",
                "invalid_configuration",
            ),
            (
                "psycopg2.errors.SerializationFailure",
                500,
                "unavailable",
                "unavailable",
            ),
            ("builtins.TypeError", 500, "unavailable", "unknown"),
            ("x", 429, "unavailable", "unavailable"),
        ] {
            let status = StatusCode::from_u16(code).unwrap();
            let error = CallError::from_odoo(name, "Some text", status);
            assert_eq!(failure(error.clone().for_reading()).0, reading, "{name} reading");
            assert_eq!(failure(error.for_item()).0, item, "{name} writing");
        }
    }

    #[test]
    fn a_proxy_that_fails_leaves_a_booking_unknown() {
        let url = Url::parse("https://odoo.example").unwrap();
        let at = |code| CallError::not_odoo(StatusCode::from_u16(code).unwrap(), &url, "books");
        assert_eq!(failure(at(502).for_item()).0, "unknown");
        assert_eq!(failure(at(429).for_item()).0, "unavailable");
        assert_eq!(failure(at(200).for_item()).0, "unknown");
        let (kind, reason) = failure(at(404).for_reading());
        assert_eq!(kind, "invalid_configuration");
        assert!(reason.contains("no database books"), "{reason}");
    }
}
