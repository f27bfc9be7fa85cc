//! Export jobs and their items as the server keeps them, and the snapshots that tests see. A job is only data and its
//! own transitions; which call may cause them is decided in `event` and `update`.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

use super::states::{Event, ItemStatus, JobStatus};

/// An export job to be added, as somebody would create it in Pleo.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id; a random one where it is not given.
    pub id: Option<String>,
    /// Which of several companies it belongs to; the first where it is not given.
    pub company: Option<String>,
    /// Payloads of the data layer, handed out as they are except for the addresses of receipts.
    pub items: Vec<Value>,
    /// When the export was clicked; by default each job is a second younger than the one before.
    pub created_at: Option<DateTime<Utc>>,
    /// Whether items carry vendor and bookkeeping data; by default as the items say.
    pub vendor_based_bookkeeping: Option<bool>,
    /// First state; anything but pending is as if another instance had acted.
    pub status: JobStatus,
    /// Whether a user, not the system, created it.
    pub is_interactive: bool,
    /// Payloads that the data layer brings although the control layer does not list them.
    pub unlisted: Vec<Value>,
    /// Entries that the control layer lists although the data layer does not bring them.
    pub without_payload: Vec<String>,
}

impl Default for Job {
    fn default() -> Self {
        Self {
            id: None,
            company: None,
            items: Vec::new(),
            created_at: None,
            vendor_based_bookkeeping: None,
            status: JobStatus::Pending,
            is_interactive: true,
            unlisted: Vec::new(),
            without_payload: Vec::new(),
        }
    }
}

impl Job {
    /// A pending job of these items.
    pub fn of(items: Vec<Value>) -> Self {
        Self {
            items,
            ..Self::default()
        }
    }

    /// Sets which of several companies it belongs to.
    pub fn of_company(mut self, company: &str) -> Self {
        self.company = Some(company.to_owned());
        self
    }

    /// Sets when the export was clicked.
    pub fn created_at(mut self, at: DateTime<Utc>) -> Self {
        self.created_at = Some(at);
        self
    }

    /// Sets whether items carry vendor and bookkeeping data.
    pub fn vendor_based_bookkeeping(mut self, yes: bool) -> Self {
        self.vendor_based_bookkeeping = Some(yes);
        self
    }

    /// Sets the first state.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.status = status;
        self
    }

    /// Adds a payload that the control layer does not list.
    pub fn unlisted(mut self, payload: Value) -> Self {
        self.unlisted.push(payload);
        self
    }

    /// Adds an entry that the data layer does not bring.
    pub fn without_payload(mut self, entry: &str) -> Self {
        self.without_payload.push(entry.to_owned());
        self
    }
}

/// One export job item as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ItemState {
    /// Its accounting entry id.
    pub entry: String,
    /// Where it stands.
    pub status: ItemStatus,
    /// Identifier in the accounting system.
    pub external_id: Option<String>,
    /// Address in the accounting system.
    pub external_url: Option<String>,
    /// When it was exported, as the client wrote it.
    pub exported_at: Option<String>,
    /// Why it failed, in words.
    pub failure_reason: Option<String>,
    /// Why it failed, by kind.
    pub failure_reason_type: Option<String>,
    /// Every state it was given, in order, repeats included.
    pub history: Vec<ItemStatus>,
}

impl ItemState {
    /// As it stood before it became final.
    pub fn before_its_end(&self) -> Self {
        if !self.status.is_final() {
            return self.clone();
        }
        let was_begun = self.history.contains(&ItemStatus::InProgress);
        Self {
            entry: self.entry.clone(),
            status: if was_begun {
                ItemStatus::InProgress
            } else {
                ItemStatus::Pending
            },
            ..Self::default()
        }
    }
}

/// One export job as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct JobState {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: JobStatus,
    /// The events that were accepted, in order.
    pub events: Vec<Event>,
    /// Why it failed, in words.
    pub failure_reason: Option<String>,
    /// Why it failed, by kind.
    pub failure_reason_type: Option<String>,
    /// How many calls that update items were accepted.
    pub updates: usize,
    /// The items of the control layer, in the order in which they were added.
    pub items: Vec<ItemState>,
}

impl JobState {
    /// The item of an accounting entry.
    ///
    /// # Panics
    /// When the job has no such item.
    pub fn item(&self, entry: &str) -> &ItemState {
        self.items
            .iter()
            .find(|item| item.entry == entry)
            .expect("the job has this item")
    }

    /// How many items are in a state.
    pub fn count(&self, status: ItemStatus) -> usize {
        self.items.iter().filter(|item| item.status == status).count()
    }
}

/// An item with its payload.
#[derive(Clone, Debug)]
pub struct ItemRecord {
    /// What the control layer says of it.
    pub state: ItemState,
    /// What the data layer brings of it.
    pub payload: Option<Value>,
    /// Whether the control layer has it.
    pub is_listed: bool,
}

/// An event that was answered 202 but is not applied yet.
#[derive(Clone, Debug)]
pub struct LateEvent {
    /// What was sent.
    pub event: Event,
    /// The failure reason with it.
    pub reason: Option<String>,
    /// The type of that reason.
    pub reason_type: Option<String>,
    /// Reads of the job that are still to come before it is applied; `None` is never.
    pub reads_left: Option<u32>,
}

/// A job as the server keeps it. What has no comment is named as in the contract.
#[derive(Clone, Debug)]
pub struct JobRecord {
    pub id: String,
    /// Which of several companies it belongs to; the first where it is not given.
    pub company: Option<String>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub completed_at: Option<DateTime<Utc>>,
    pub expired_at: Option<DateTime<Utc>>,
    pub last_updated_at: DateTime<Utc>,
    pub status: JobStatus,
    pub failure_reason: Option<String>,
    pub failure_reason_type: Option<String>,
    pub is_interactive: bool,
    pub vendor_based_bookkeeping: bool,
    /// The events that were accepted, in order.
    pub events: Vec<Event>,
    /// Listed or not, in the order in which they were added; rows of both layers are positions in here.
    pub items: Vec<ItemRecord>,
    /// How many calls that update items were accepted.
    pub updates: usize,
    /// The state that a client has last been shown or has itself brought about. What it could not know is no fault.
    pub seen: JobStatus,
    /// The rows of the control layer in the server's order.
    pub control_order: Vec<usize>,
    /// The rows of the data layer in the server's order, another one.
    pub data_order: Vec<usize>,
    /// The rows of the control layer that clients have read.
    pub control_read: BTreeSet<usize>,
    /// The rows of the data layer that clients have read.
    pub data_read: BTreeSet<usize>,
    /// An event that was answered but is not applied yet.
    pub late_event: Option<LateEvent>,
}

impl JobRecord {
    /// The job as tests see it.
    pub fn snapshot(&self) -> JobState {
        JobState {
            id: self.id.clone(),
            status: self.status,
            events: self.events.clone(),
            failure_reason: self.failure_reason.clone(),
            failure_reason_type: self.failure_reason_type.clone(),
            updates: self.updates,
            items: self.listed().map(|item| item.state.clone()).collect(),
        }
    }

    /// The items of the control layer.
    pub fn listed(&self) -> impl Iterator<Item = &ItemRecord> {
        self.items.iter().filter(|item| item.is_listed)
    }

    /// The item of an accounting entry in the control layer.
    pub fn item_mut(&mut self, entry: &str) -> Option<&mut ItemState> {
        self.items
            .iter_mut()
            .find(|item| item.is_listed && item.state.entry == entry)
            .map(|item| &mut item.state)
    }

    /// Ends the job; items without a verdict are abandoned.
    pub fn end(&mut self, status: JobStatus, reason: Option<String>, reason_type: Option<String>) {
        self.status = status;
        self.failure_reason = reason;
        self.failure_reason_type = reason_type;
        self.late_event = None;
        for item in &mut self.items {
            if !item.state.status.is_final() {
                item.state.status = ItemStatus::Abandoned;
                item.state.history.push(ItemStatus::Abandoned);
            }
        }
    }

    /// Applies an event that was found to be in order.
    pub fn apply(
        &mut self,
        event: Event,
        reason: Option<String>,
        reason_type: Option<String>,
        now: DateTime<Utc>,
    ) {
        self.late_event = None;
        self.last_updated_at = now;
        if event == Event::Started {
            self.status = JobStatus::InProgress;
            self.started_at = Some(now);
        } else {
            self.end(event.leads_to(), reason, reason_type);
            self.completed_at = Some(now);
        }
    }

    /// Fails the job when nobody has acted on it for `lifetime`.
    pub fn expire(&mut self, now: DateTime<Utc>, lifetime: TimeDelta) {
        let deadline = self.last_updated_at + lifetime;
        if !self.status.is_ended() && now >= deadline {
            self.expired_at = Some(deadline);
            let reason = "The export job was not updated within the time limit.".to_owned();
            self.end(JobStatus::Failed, Some(reason), Some("job_expired".to_owned()));
        }
    }
}
