//! Writing what Pleo takes: updates of items, events of jobs. What is not known is left out, never null.

use serde_json::{Map, Value, json};

use crate::host::clock;
use crate::model::export_job::ItemStatus;
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::verdict::{JobOutcome, Verdict};

/// The longest reason we send, in characters: more than a screen of Pleo shows.
const LONGEST_REASON: usize = 1000;

/// What Pleo is told about an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemUpdate {
    /// It is being booked.
    InProgress(AccountingEntryId),
    /// This is what became of it.
    Final(AccountingEntryId, Verdict),
}

impl ItemUpdate {
    /// Which item.
    pub fn entry_id(&self) -> &AccountingEntryId {
        match self {
            Self::InProgress(entry_id) | Self::Final(entry_id, _) => entry_id,
        }
    }

    /// Where it stands at Pleo once this is taken.
    pub const fn status(&self) -> ItemStatus {
        match self {
            Self::InProgress(_) => ItemStatus::InProgress,
            Self::Final(_, Verdict::Successful(_)) => ItemStatus::Successful,
            Self::Final(_, Verdict::Failed(_)) => ItemStatus::Failed,
        }
    }
}

/// What Pleo is told about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportJobEvent {
    /// We work on it.
    Started,
    /// It is over, and so.
    Ended(JobOutcome),
}

/// The body of an update: a bare list.
pub(in crate::pleo) fn update_body(updates: &[ItemUpdate]) -> String {
    Value::Array(updates.iter().map(update).collect()).to_string()
}

fn update(update: &ItemUpdate) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, text: &str| fields.insert(name.to_owned(), text.into());
    match update {
        ItemUpdate::InProgress(entry_id) => {
            put("accountingEntryId", entry_id.as_str());
            put("status", ItemStatus::InProgress.as_str());
        }
        ItemUpdate::Final(entry_id, Verdict::Successful(exported)) => {
            put("accountingEntryId", entry_id.as_str());
            put("status", ItemStatus::Successful.as_str());
            if !exported.external_id.is_empty() {
                put("externalId", &exported.external_id);
            }
            if let Some(url) = &exported.external_url {
                put("externalUrl", url);
            }
            let exported_at = clock::text(exported.exported_at);
            put("exportedAt", &exported_at);
        }
        ItemUpdate::Final(entry_id, Verdict::Failed(failure)) => {
            put("accountingEntryId", entry_id.as_str());
            put("status", ItemStatus::Failed.as_str());
            put("failureReasonType", failure.failure_type().as_str());
            put("failureReason", &reason(&failure.text()));
        }
    }
    Value::Object(fields)
}

/// The body of an event.
pub(in crate::pleo) fn event_body(id: &JobId, event: &ExportJobEvent) -> String {
    let mut fields = Map::new();
    let mut put = |name: &str, text: &str| fields.insert(name.to_owned(), text.into());
    put("jobId", id.as_str());
    match event {
        ExportJobEvent::Started => put("event", "started"),
        ExportJobEvent::Ended(outcome) => {
            if let Some(failure) = outcome.failure() {
                put("failureReasonType", failure.failure_type.as_str());
                put("failureReason", &reason(&failure.reason));
            }
            put("event", outcome.status().as_str())
        }
    };
    Value::Object(fields).to_string()
}

/// The body of a search for all accounts of a company, or for all but those that stand for a wallet.
pub(in crate::pleo) fn account_search(company_id: &CompanyId, without_wallets: bool) -> String {
    json!({
        "companyId": company_id.as_str(),
        "excludeIfAssignedToCategory": false,
        "excludeIfAssignedToContraAccount": without_wallets,
    })
    .to_string()
}

/// The beginning stays, because it says what is in the books.
fn reason(text: &str) -> String {
    if text.chars().nth(LONGEST_REASON).is_none() {
        return text.to_owned();
    }
    let kept = text.chars().take(LONGEST_REASON - 1);
    kept.chain(['…']).collect()
}
