//! Identifiers that come from outside. They are kept as the text that was received, because we must give
//! back exactly what we got.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::foreign_text::one_line;

/// The most characters of an identifier that are shown.
const LONGEST_SHOWN: usize = 200;

/// The text is not a UUID where one is needed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a UUID such as 2b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11")]
pub struct NotAUuid(String);

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The text as it was received.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            /// For people: made harmless, for nobody promises what an id from outside is. Exact is only [`Self::as_str`].
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&one_line(&self.0, LONGEST_SHOWN))
            }
        }

        impl FromStr for $name {
            type Err = NotAUuid;

            /// Accepts a UUID with hyphens only.
            fn from_str(text: &str) -> Result<Self, NotAUuid> {
                match uuid::Uuid::try_parse(text) {
                    Ok(_) if text.len() == 36 => Ok(Self(text.to_ascii_lowercase())),
                    _ => Err(NotAUuid(text.chars().take(60).collect())),
                }
            }
        }
    };
}

identifier! {
    /// An export job of Pleo.
    JobId
}
identifier! {
    /// A company on Pleo.
    CompanyId
}
impl CompanyId {
    /// Whether both name the same company: the case of a UUID's digits says nothing.
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

identifier! {
    /// An accounting entry of Pleo: the first part of the key under which it is in the books at most once.
    ///
    /// We assume that it stays the same when the expense is exported again.
    AccountingEntryId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_id_is_harmless_and_what_is_given_back_is_exact() {
        let text = "job\u{1b}[31m\n\u{202e}x";
        let id = JobId::new(text);
        assert_eq!((id.as_str(), id.to_string().as_str()), (text, "job [31m x"));
        assert_eq!(
            JobId::new("x".repeat(10_000)).to_string().chars().count(),
            LONGEST_SHOWN
        );
    }

    #[test]
    fn a_job_id_is_a_uuid_with_hyphens() {
        let text = "2B1F7C1E-6a0d-4c3e-9f57-0c8f0a4f7d11";
        assert_eq!(text.parse::<JobId>().unwrap().as_str(), text.to_ascii_lowercase());
        for text in [
            "",
            "7",
            "2b1f7c1e6a0d4c3e9f570c8f0a4f7d11",
            "{2b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11}",
            "../etc",
        ] {
            assert!(text.parse::<JobId>().is_err(), "{text}");
        }
    }
}
