//! What becomes of an item or of a whole job, in the words that Pleo and its bookkeepers read.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::foreign_text::one_line;

/// The final word on one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The entry is complete in the books.
    Successful(Exported),
    /// It is not, and the text says what to do.
    Failed(Failure),
}

/// What Pleo is told about an entry in the books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The entry's number in the books; empty where that is nothing to be shown.
    pub external_id: String,
    /// Where a person sees it.
    pub external_url: Option<String>,
    /// When it was booked or found, in UTC.
    pub exported_at: DateTime<Utc>,
}

/// The longest number of an entry that Pleo is told, in characters.
const LONGEST_EXTERNAL_ID: usize = 200;

impl Exported {
    /// An entry that is in the books under this number. One that is too long or cannot be printed is not told: the entry
    /// is there all the same.
    pub fn new(external_id: &str, external_url: Option<String>, exported_at: DateTime<Utc>) -> Self {
        let shown = one_line(external_id, LONGEST_EXTERNAL_ID);
        if shown != external_id {
            tracing::warn!(
                "Pleo is not told the number of an entry in the books, for it is too long or unprintable: {shown}"
            );
        }
        Self {
            external_id: Some(shown)
                .filter(|shown| shown == external_id)
                .unwrap_or_default(),
            external_url,
            exported_at,
        }
    }
}

const CHANGED: &str = "the expense was changed in Pleo after it was booked";

const NOTHING_BOOKED: &str = "Nothing was booked.";

/// A reason from elsewhere may say itself at its end that nothing was booked; what is true of the entry is said once.
fn without_claim(reason: &str) -> &str {
    let reason = reason.trim_end();
    reason.strip_suffix(NOTHING_BOOKED).unwrap_or(reason).trim_end()
}

/// Why an item failed. The only ways to make one say in their name what is in the books, so that the text
/// cannot leave it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    failure_type: ItemFailureType,
    reason: String,
}

impl Failure {
    /// Nothing of the entry is in the books, which the text says at its end.
    pub fn nothing_booked(failure_type: ItemFailureType, reason: &str) -> Self {
        Self {
            failure_type,
            reason: format!("{} {NOTHING_BOOKED}", without_claim(reason)),
        }
    }

    /// The entry, or a part of it, is in the books under `external_id`.
    pub fn booked_as(external_id: &str, failure_type: ItemFailureType, reason: &str) -> Self {
        Self {
            failure_type,
            reason: format!(
                "Booked as {}: {}",
                one_line(external_id, LONGEST_EXTERNAL_ID),
                without_claim(reason)
            ),
        }
    }

    /// Whether the entry is in the books could not be proven.
    pub fn may_be_booked(failure_type: ItemFailureType, reason: &str) -> Self {
        Self {
            failure_type,
            reason: format!("May be booked: {}", without_claim(reason)),
        }
    }

    /// A failure that was written down earlier.
    pub fn restored(failure_type: ItemFailureType, reason: String) -> Self {
        Self { failure_type, reason }
    }

    /// Its kind, as Pleo knows it.
    pub const fn failure_type(&self) -> ItemFailureType {
        self.failure_type
    }

    /// The text for the bookkeeper.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Whether a person must look into the books before anything else is done.
    pub fn may_be_in_the_books(&self) -> bool {
        self.reason.starts_with("May be booked: ")
    }

    /// The entry is in the books as it was before it was changed in Pleo: nobody but a person can say which of
    /// the two is right. `difference` says what was changed, in clauses.
    pub fn changed_after_booking(external_id: &str, difference: &str) -> Self {
        let number = in_command(external_id);
        let reason =
            format!("{CHANGED}: {difference}: run `pleo-export reverse {number}`, then export again.");
        Self::booked_as(external_id, ItemFailureType::ValidationFailure, &reason)
    }

    /// Whether it was changed after it was booked.
    pub fn is_changed_after_booking(&self) -> bool {
        self.reason
            .split_once(": ")
            .is_some_and(|(_, rest)| rest.starts_with(CHANGED))
    }

    /// Whether something of the entry is in the books.
    pub fn is_in_the_books(&self) -> bool {
        self.reason.starts_with("Booked as ")
    }
}

/// A number as it is typed in a command: a draft of Odoo has a space in its name.
pub fn in_command(number: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "-_./:".contains(character);
    if number.chars().all(is_plain) {
        number.to_owned()
    } else {
        format!("'{}'", number.replace('\'', ""))
    }
}

macro_rules! failure_types {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// Every value of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The contract's word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// Reads the contract's word.
            pub fn from_wire(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|candidate| candidate.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

failure_types! {
    /// Why one item failed (`ExportJobItemFailureReasonType`).
    ItemFailureType {
        /// The receipt could not be put into the accounting system.
        ReceiptUploadFailure = "receipt_upload_failure",
        /// The receipt could not be fetched from Pleo.
        ReceiptDownloadFailure = "receipt_download_failure",
        /// The receipt is larger than the accounting system takes.
        ReceiptFileSizeLimitExceeded = "receipt_file_size_limit_exceeded",
        /// The receipt has a format that the accounting system does not take.
        ReceiptConversionFailure = "receipt_conversion_failure",
        /// Something nobody foresaw.
        UnexpectedFailure = "unexpected_failure",
        /// A setting is wrong.
        InvalidConfiguration = "invalid_configuration",
        /// A setting is missing.
        MissingConfiguration = "missing_configuration",
        /// The accounting system refused our credential.
        AccountingSystemAuthenticationFailure = "accounting_system_authentication_failure",
        /// The accounting system limits our calls.
        AccountingSystemRateLimit = "accounting_system_rate_limit",
        /// The accounting system does not answer.
        AccountingSystemUnreachable = "accounting_system_unreachable",
        /// The item's data cannot be booked.
        ValidationFailure = "validation_failure",
        /// The accounting system refused the entry.
        AccountingSystemValidationFailure = "accounting_system_validation_failure",
        /// Our access to the accounting system is not enough.
        AuthorizationFailure = "authorization_failure",
        /// The accounting system answered too late.
        AccountingSystemTimeout = "accounting_system_timeout",
        /// The vendor is not in the accounting system.
        VendorUnknown = "vendor_unknown",
        /// The account is not in the books.
        AccountUnknown = "account_unknown",
        /// The tax code is not in the books.
        TaxCodeUnknown = "tax_code_unknown",
        /// The tag is not in the books.
        TagUnknown = "tag_unknown",
    }
}

failure_types! {
    /// Why a whole job failed (`ExportJobFailureReasonType`), as far as we may say it.
    JobFailureType {
        /// A setting is wrong.
        InvalidConfiguration = "invalid_configuration",
        /// A setting is missing.
        MissingConfiguration = "missing_configuration",
        /// The accounting system refused our credential.
        AccountingSystemAuthenticationFailure = "accounting_system_authentication_failure",
        /// Pleo limits our calls.
        PleoRateLimit = "pleo_rate_limit",
        /// The accounting system limits our calls.
        AccountingSystemRateLimit = "accounting_system_rate_limit",
        /// The accounting system does not answer.
        AccountingSystemUnreachable = "accounting_system_unreachable",
        /// The job's data cannot be booked.
        ValidationFailure = "validation_failure",
        /// Our access to the accounting system is not enough.
        AuthorizationFailure = "authorization_failure",
        /// The accounting system answered too late.
        AccountingSystemTimeout = "accounting_system_timeout",
    }
}

impl ItemFailureType {
    /// The same in the job list's words, where it has one.
    pub const fn as_job_failure(self) -> Option<JobFailureType> {
        Some(match self {
            Self::InvalidConfiguration => JobFailureType::InvalidConfiguration,
            Self::MissingConfiguration => JobFailureType::MissingConfiguration,
            Self::AccountingSystemAuthenticationFailure => {
                JobFailureType::AccountingSystemAuthenticationFailure
            }
            Self::AccountingSystemRateLimit => JobFailureType::AccountingSystemRateLimit,
            Self::AccountingSystemUnreachable => JobFailureType::AccountingSystemUnreachable,
            Self::ValidationFailure => JobFailureType::ValidationFailure,
            Self::AuthorizationFailure => JobFailureType::AuthorizationFailure,
            Self::AccountingSystemTimeout => JobFailureType::AccountingSystemTimeout,
            Self::ReceiptUploadFailure
            | Self::ReceiptDownloadFailure
            | Self::ReceiptFileSizeLimitExceeded
            | Self::ReceiptConversionFailure
            | Self::UnexpectedFailure
            | Self::AccountingSystemValidationFailure
            | Self::VendorUnknown
            | Self::AccountUnknown
            | Self::TaxCodeUnknown
            | Self::TagUnknown => return None,
        })
    }
}

/// Why a whole job failed, for Pleo and the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// Its kind.
    pub failure_type: JobFailureType,
    /// What happened and what to do.
    pub reason: String,
}
