//! What becomes of an item or of a whole job, in the words that Pleo and its bookkeepers read.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::export_job::{ExportJob, JobStatus};
use crate::host::foreign_text::one_line;

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
        Self {
            external_id: Some(shown)
                .filter(|shown| shown == external_id)
                .unwrap_or_default(),
            external_url,
            exported_at,
        }
    }
}

/// What the books have of an item that failed, as far as it is known. Whoever decides anything about a failure decides by
/// this and by its kind, never by its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing of it is in the books.
    NothingBooked,
    /// It, or a part of it, is in the books under this number.
    BookedAs(String),
    /// It is in the books under this number as it was before it was changed in Pleo.
    Changed(String),
    /// Nobody knows whether it is in the books.
    MayBeBooked,
}

impl Standing {
    /// The word in the checkpoint.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NothingBooked => "nothing_booked",
            Self::BookedAs(_) => "booked_as",
            Self::Changed(_) => "changed",
            Self::MayBeBooked => "may_be_booked",
        }
    }

    /// The number in the books, where it is known.
    pub const fn booked_as(&self) -> Option<&String> {
        match self {
            Self::BookedAs(number) | Self::Changed(number) => Some(number),
            Self::NothingBooked | Self::MayBeBooked => None,
        }
    }

    /// Reads the checkpoint's word and number.
    pub fn from_words(word: &str, booked_as: Option<String>) -> Option<Self> {
        match (word, booked_as) {
            ("nothing_booked", None) => Some(Self::NothingBooked),
            ("booked_as", Some(number)) => Some(Self::BookedAs(number)),
            ("changed", Some(number)) => Some(Self::Changed(number)),
            ("may_be_booked", None) => Some(Self::MayBeBooked),
            _ => None,
        }
    }
}

/// Why an item failed, and what the books have of it all the same. The ways to make one say in their name what that is,
/// so that nobody can leave it open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    kind: ItemFailureType,
    standing: Standing,
    reason: String,
}

impl Failure {
    /// Nothing of the entry is in the books.
    pub fn nothing_booked(failure_type: ItemFailureType, reason: &str) -> Self {
        Self::restored(failure_type, Standing::NothingBooked, reason.to_owned())
    }

    /// The entry, or a part of it, is in the books under `external_id`.
    pub fn booked_as(external_id: &str, failure_type: ItemFailureType, reason: &str) -> Self {
        Self::restored(
            failure_type,
            Standing::BookedAs(shown(external_id)),
            reason.to_owned(),
        )
    }

    /// Whether the entry is in the books could not be proven.
    pub fn may_be_booked(failure_type: ItemFailureType, reason: &str) -> Self {
        Self::restored(failure_type, Standing::MayBeBooked, reason.to_owned())
    }

    /// The entry is in the books as it was before it was changed in Pleo: nobody but a person can say which of
    /// the two is right. `difference` says what was changed, in clauses; `taking_back` how the entry is taken back.
    pub fn changed_after_booking(external_id: &str, difference: &str, taking_back: &str) -> Self {
        Self::restored(
            ItemFailureType::ValidationFailure,
            Standing::Changed(shown(external_id)),
            format!(
                "the expense was changed in Pleo after it was booked: {difference}: {taking_back}, then export again."
            ),
        )
    }

    /// A failure that was written down earlier.
    pub const fn restored(failure_type: ItemFailureType, standing: Standing, reason: String) -> Self {
        Self {
            kind: failure_type,
            standing,
            reason,
        }
    }

    /// Its kind, as Pleo knows it.
    pub const fn failure_type(&self) -> ItemFailureType {
        self.kind
    }

    /// What the books have of it.
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The reason alone, without what the books have.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The text for the bookkeeper. What is in the books stands at its beginning; that nothing is, at its end.
    pub fn text(&self) -> String {
        let reason = self.reason.trim_end();
        match &self.standing {
            Standing::NothingBooked => format!("{reason} Nothing was booked."),
            Standing::BookedAs(number) | Standing::Changed(number) => format!("Booked as {number}: {reason}"),
            Standing::MayBeBooked => format!("May be booked: {reason}"),
        }
    }

    /// Whether a person must look into the books before anything else is done.
    pub const fn may_be_in_the_books(&self) -> bool {
        matches!(self.standing, Standing::MayBeBooked)
    }

    /// Whether it was changed after it was booked.
    pub const fn is_changed_after_booking(&self) -> bool {
        matches!(self.standing, Standing::Changed(_))
    }
}

/// A number of the books as people are told it.
fn shown(external_id: &str) -> String {
    one_line(external_id, LONGEST_EXTERNAL_ID)
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
    /// The same of a whole job, where it has one: what means the same has the same word in both lists.
    pub fn as_job_failure(self) -> Option<JobFailureType> {
        JobFailureType::from_wire(self.as_str())
    }
}

impl JobFailureType {
    /// The same of each item that the job takes with it.
    pub fn as_item_failure(self) -> ItemFailureType {
        ItemFailureType::from_wire(self.as_str()).unwrap_or(ItemFailureType::UnexpectedFailure)
    }
}

/// Why a whole job failed, for Pleo and the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// The word by which Pleo knows it.
    pub failure_type: JobFailureType,
    /// What happened and what to do.
    pub reason: String,
}

/// What a job is closed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// Every item was exported.
    Completed,
    /// Some items failed.
    CompletedWithErrors,
    /// It failed as a whole, or every item did.
    Failed(JobFailure),
}

impl JobOutcome {
    /// The status that Pleo shows then.
    pub const fn status(&self) -> &'static JobStatus {
        match self {
            Self::Completed => &JobStatus::Completed,
            Self::CompletedWithErrors => &JobStatus::CompletedWithErrors,
            Self::Failed(_) => &JobStatus::Failed,
        }
    }

    /// Why it failed.
    pub const fn failure(&self) -> Option<&JobFailure> {
        match self {
            Self::Completed | Self::CompletedWithErrors => None,
            Self::Failed(failure) => Some(failure),
        }
    }

    /// Whether Pleo shows this end, and not one of its own: a job that expires or is cancelled is `failed` too, and
    /// says so by its type.
    pub fn is_shown_by(&self, job: &ExportJob) -> bool {
        let is_meant = |failure: &JobFailure| {
            let shown = job.failure_reason_type.as_deref();
            shown.is_none_or(|shown| shown == failure.failure_type.as_str())
        };
        *self.status() == job.status && self.failure().is_none_or(is_meant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_from_the_standing_and_decides_nothing() {
        let kind = ItemFailureType::ValidationFailure;
        let cases = [
            (Failure::nothing_booked(kind, "why. "), "why. Nothing was booked."),
            (Failure::booked_as("A\nB", kind, "why."), "Booked as A B: why."),
            (Failure::may_be_booked(kind, "why."), "May be booked: why."),
        ];
        for (failure, text) in cases {
            assert_eq!(failure.text(), text);
        }
        let changed = Failure::changed_after_booking("A B", "the day is new", "reverse it");
        assert!(changed.is_changed_after_booking() && !changed.may_be_in_the_books());
        assert!(
            changed
                .text()
                .starts_with("Booked as A B: the expense was changed")
        );
        assert!(
            changed
                .text()
                .ends_with("the day is new: reverse it, then export again."),
            "{}",
            changed.text()
        );
        assert_eq!(in_command("A B"), "'A B'");
        let pretends = Failure::nothing_booked(kind, "May be booked: or not.");
        assert!(!pretends.may_be_in_the_books());
    }
}
