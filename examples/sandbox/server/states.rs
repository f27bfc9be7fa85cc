//! The closed lists of the Export API: states of jobs and items, events, failure reason types. The order and spelling
//! are Pleo's; what may follow what is decided where it happens (`event`, `update`, `job`).

use std::fmt;

use serde::{Deserialize, Serialize};

/// State of an export job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Waits for an integration to start it.
    #[default]
    Pending,
    /// An integration works on it.
    InProgress,
    /// Ended without success: by event, expiry or cancellation.
    Failed,
    /// Ended, every item booked.
    Completed,
    /// Ended, some items booked.
    CompletedWithErrors,
}

impl JobStatus {
    /// Every state, in Pleo's order.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::InProgress,
        Self::Failed,
        Self::Completed,
        Self::CompletedWithErrors,
    ];

    /// Pleo's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::CompletedWithErrors => "completed_with_errors",
        }
    }

    /// The state that Pleo calls `name`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the job takes neither updates nor events any more.
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// State of an export job item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Not touched yet.
    #[default]
    Pending,
    /// Being booked.
    InProgress,
    /// Not booked.
    Failed,
    /// Booked.
    Successful,
    /// Left open when the job ended.
    Abandoned,
}

impl ItemStatus {
    /// Every state, in Pleo's order.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::InProgress,
        Self::Failed,
        Self::Successful,
        Self::Abandoned,
    ];

    /// Pleo's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Failed => "failed",
            Self::Successful => "successful",
            Self::Abandoned => "abandoned",
        }
    }

    /// The state that Pleo calls `name`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the item has its verdict.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::InProgress)
    }
}

impl fmt::Display for ItemStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// An event that an integration sends about a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The integration works on the job from now on.
    Started,
    /// The job could not be carried out.
    Failed,
    /// Every item is booked.
    Completed,
    /// Some items are booked.
    CompletedWithErrors,
}

impl Event {
    /// Every event, in Pleo's order.
    pub const ALL: [Self; 4] = [
        Self::Started,
        Self::Failed,
        Self::Completed,
        Self::CompletedWithErrors,
    ];

    /// Pleo's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Failed | Self::Completed | Self::CompletedWithErrors => self.leads_to().name(),
        }
    }

    /// The event that Pleo calls `name`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name() == name)
    }

    /// The state of the job once the event is applied.
    pub fn leads_to(self) -> JobStatus {
        match self {
            Self::Started => JobStatus::InProgress,
            Self::Failed => JobStatus::Failed,
            Self::Completed => JobStatus::Completed,
            Self::CompletedWithErrors => JobStatus::CompletedWithErrors,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why a job failed, as an event may say it.
pub const JOB_FAILURES: [&str; 15] = [
    "invalid_configuration",
    "missing_configuration",
    "authentication_failure",
    "accounting_system_authentication_failure",
    "pleo_rate_limit",
    "accounting_system_rate_limit",
    "service_unreachable",
    "accounting_system_unreachable",
    "validation_failure",
    "authorization_failure",
    "integration_unusable",
    "job_expired",
    "service_timeout",
    "accounting_system_timeout",
    "canceled_by_user",
];

/// Why an item failed, as an update may say it.
pub const ITEM_FAILURES: [&str; 18] = [
    "receipt_upload_failure",
    "receipt_download_failure",
    "receipt_file_size_limit_exceeded",
    "receipt_conversion_failure",
    "unexpected_failure",
    "invalid_configuration",
    "missing_configuration",
    "accounting_system_authentication_failure",
    "accounting_system_rate_limit",
    "accounting_system_unreachable",
    "validation_failure",
    "accounting_system_validation_failure",
    "authorization_failure",
    "accounting_system_timeout",
    "vendor_unknown",
    "account_unknown",
    "tax_code_unknown",
    "tag_unknown",
];
