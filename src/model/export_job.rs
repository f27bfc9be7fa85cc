//! An export job and the state of its items on Pleo's side (the control layer).

use chrono::{DateTime, Utc};

use super::ids::{AccountingEntryId, CompanyId, JobId};

/// An export job as Pleo describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportJob {
    /// Pleo's id, by which people name it.
    pub id: JobId,
    /// The company whose expenses it holds.
    pub company_id: CompanyId,
    /// Where it stands.
    pub status: JobStatus,
    /// When a person clicked Export; the oldest job goes first.
    pub created_at: DateTime<Utc>,
    /// When an instance started it.
    pub started_at: Option<DateTime<Utc>>,
    /// When Pleo last heard of it.
    pub last_updated_at: Option<DateTime<Utc>>,
    /// Seconds after `last_updated_at` at which Pleo gives the job up.
    pub expires_in_seconds: u64,
    /// How many items it holds.
    pub number_of_items: u64,
    /// Whether its items carry vendors and a bookkeeping method.
    pub vendor_based_bookkeeping: bool,
    /// The kind of failure, where it failed, as Pleo names it (`job_expired`, `canceled_by_user`, ...).
    pub failure_reason_type: Option<String>,
}

impl ExportJob {
    /// Whether it ended so, and nobody who worked on it had it closed.
    pub fn has_expired_or_was_cancelled(&self) -> bool {
        let reason = self.failure_reason_type.as_deref();
        matches!(reason, Some("job_expired" | "canceled_by_user"))
    }
}

/// Where a job stands on Pleo's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Nobody works on it yet.
    Pending,
    /// An instance works on it.
    InProgress,
    /// Ended: failed, expired or cancelled.
    Failed,
    /// Ended: every item was exported.
    Completed,
    /// Ended: some items failed.
    CompletedWithErrors,
    /// A status that this version does not know. Such a job is left alone.
    Unknown(String),
}

impl JobStatus {
    /// Pleo's word for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::CompletedWithErrors => "completed_with_errors",
            Self::Unknown(text) => text,
        }
    }

    /// Reads Pleo's word.
    pub fn from_wire(text: &str) -> Self {
        match text {
            "pending" => Self::Pending,
            "in_progress" => Self::InProgress,
            "failed" => Self::Failed,
            "completed" => Self::Completed,
            "completed_with_errors" => Self::CompletedWithErrors,
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// Whether nothing about the job can change any more.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failed | Self::Completed | Self::CompletedWithErrors)
    }
}

/// One line of the control layer: an item of a job and where it stands on Pleo's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportJobItem {
    /// The accounting entry.
    pub entry_id: AccountingEntryId,
    /// Where Pleo has it.
    pub status: ItemStatus,
    /// The number in the books that Pleo was told.
    pub external_id: Option<String>,
}

/// Where an item stands on Pleo's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemStatus {
    /// Waiting, or a status that this version does not know (which is not final, so it is worked on).
    Pending,
    /// It was announced that it is being booked.
    InProgress,
    /// Final: not exported.
    Failed,
    /// Final: exported.
    Successful,
    /// Final: the job ended before it was exported.
    Abandoned,
}

impl ItemStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [
        Self::Pending,
        Self::InProgress,
        Self::Failed,
        Self::Successful,
        Self::Abandoned,
    ];

    /// Pleo's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Failed => "failed",
            Self::Successful => "successful",
            Self::Abandoned => "abandoned",
        }
    }

    /// Reads Pleo's word; what is unknown counts as not final.
    pub fn from_wire(text: &str) -> Self {
        match text {
            "in_progress" => Self::InProgress,
            "failed" => Self::Failed,
            "successful" => Self::Successful,
            "abandoned" => Self::Abandoned,
            _ => Self::Pending,
        }
    }

    /// Final items are never touched again.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Successful | Self::Abandoned)
    }
}
