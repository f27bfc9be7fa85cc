//! Jobs and items as the contract writes them. What may be null is null when unknown; what may not (the failure reason
//! types) is left out.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::clock::stamp;
use super::job::{ItemState, JobRecord};
use super::seed::USER_ID;

/// An export job.
pub fn job(job: &JobRecord, company: &str, lifetime_seconds: u64) -> Value {
    let moment = |at: Option<DateTime<Utc>>| at.map(stamp);
    let mut value = json!({
        "id": job.id,
        "companyId": company,
        "createdAt": stamp(job.created_at),
        "createdBy": USER_ID,
        "startedAt": moment(job.started_at),
        "completedAt": moment(job.completed_at),
        "expiredAt": moment(job.expired_at),
        "lastUpdatedAt": stamp(job.last_updated_at),
        "expiresIn": lifetime_seconds,
        "status": job.status.name(),
        "numberOfItems": job.listed().count(),
        "isInteractive": job.is_interactive,
        "vendorBasedBookkeeping": job.vendor_based_bookkeeping,
        "failureReason": job.failure_reason,
    });
    if let Some(reason_type) = &job.failure_reason_type {
        value["failureReasonType"] = json!(reason_type);
    }
    value
}

/// An export job item.
pub fn item(job_id: &str, item: &ItemState) -> Value {
    let mut value = json!({
        "accountingEntryId": item.entry,
        "exportJobId": job_id,
        "status": item.status.name(),
        "exportedAt": item.exported_at,
        "externalId": item.external_id,
        "externalUrl": item.external_url,
        "failureReason": item.failure_reason,
    });
    if let Some(reason_type) = &item.failure_reason_type {
        value["failureReasonType"] = json!(reason_type);
    }
    value
}
