//! Everything that the server remembers, behind one lock: jobs, receipts, faults, and the log of what clients did.

use std::collections::BTreeSet;
use std::sync::mpsc::Sender;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::Options;
use super::clock::Clock;
use super::delivery::{Delivered, Manner};
use super::exchange::{Call, Request};
use super::fault::{ArmedFault, Trouble};
use super::job::{ItemRecord, ItemState, Job, JobRecord};
use super::oauth::Oauth;
use super::receipts::Receipts;
use super::states::{ItemStatus, JobStatus};
use super::subscriptions::Subscription;

/// What the server tells a watcher as it happens.
#[derive(Clone, Debug)]
pub enum News {
    /// A request was answered, or its connection was cut.
    Answered(Request),
    /// A client broke a rule of the contract.
    BrokenRule(String),
    /// The event of a job was delivered, or nobody took it.
    Delivered(Delivered),
}

/// The state of the server.
#[derive(Clone, Debug)]
pub struct World {
    /// How the server is set up.
    pub options: Options,
    /// The time it goes by.
    pub clock: Clock,
    /// When it was started.
    pub started_at: DateTime<Utc>,
    /// Every job, in the order in which they were added.
    pub jobs: Vec<JobRecord>,
    /// The other host's files.
    pub receipts: Receipts,
    /// Consents and tokens.
    pub oauth: Oauth,
    /// Every subscription, also those that are gone.
    pub subscriptions: Vec<Subscription>,
    /// How events are delivered.
    pub manner: Manner,
    /// Every delivery that was made.
    pub deliveries: Vec<Delivered>,
    /// Faults in place, the oldest first.
    pub faults: Vec<ArmedFault>,
    /// Every request to either host, in order.
    pub requests: Vec<Request>,
    /// Every rule that a client broke, in words.
    pub broken_rules: Vec<String>,
    /// Whether a client was told a number of items that is not true.
    pub has_miscounted: bool,
    /// Who is told what happens.
    pub watchers: Vec<Sender<News>>,
}

impl World {
    /// A server without jobs, whose receipts are found at `receipts_url`.
    pub fn new(options: Options, receipts_url: String) -> Self {
        let clock = Clock::default();
        Self {
            started_at: clock.now(),
            options,
            clock,
            jobs: Vec::new(),
            receipts: Receipts::new(receipts_url),
            oauth: Oauth::default(),
            subscriptions: Vec::new(),
            manner: Manner::default(),
            deliveries: Vec::new(),
            faults: Vec::new(),
            requests: Vec::new(),
            broken_rules: Vec::new(),
            has_miscounted: false,
            watchers: Vec::new(),
        }
    }

    /// Records that a client broke a rule.
    pub fn break_rule(&mut self, call: &Call, rule: &str) {
        let Request {
            number,
            method,
            path,
            query,
            ..
        } = &call.request;
        let mark = if query.is_empty() { "" } else { "?" };
        let text = format!("request {number}, {method} {path}{mark}{query}: {rule}");
        self.broken_rules.push(text.clone());
        self.tell(&News::BrokenRule(text));
    }

    /// Tells every watcher; those that have gone are forgotten.
    pub fn tell(&mut self, news: &News) {
        self.watchers.retain(|watcher| watcher.send(news.clone()).is_ok());
    }

    /// The trouble for this request; where several faults are due, the one that was set first.
    pub fn trouble_for(&mut self, request: &Request) -> Option<Trouble> {
        let mut due = None;
        for fault in &mut self.faults {
            let met = fault.meet(request).cloned();
            due = due.or(met);
        }
        due
    }

    /// The company that a job belongs to.
    pub fn company_of<'a>(&'a self, job: &'a JobRecord) -> &'a str {
        job.company.as_ref().unwrap_or(&self.options.company)
    }

    /// Whether a call's credential is for this company.
    pub fn covers(&self, call: &Call, company: &str) -> bool {
        let is_it = |own: &String| own.eq_ignore_ascii_case(company);
        call.company
            .as_ref()
            .map_or_else(|| self.options.companies().any(is_it), is_it)
    }

    /// The job with this id.
    pub fn job_mut(&mut self, id: &str) -> Option<&mut JobRecord> {
        self.jobs.iter_mut().find(|job| job.id == id)
    }

    /// Ends the jobs that nobody has acted on for too long.
    pub fn expire_jobs(&mut self) {
        let now = self.clock.now();
        let lifetime =
            TimeDelta::seconds(i64::try_from(self.options.lifetime_seconds).unwrap_or(i64::MAX / 1000));
        for job in &mut self.jobs {
            job.expire(now, lifetime);
        }
    }

    /// Adds a job and answers its id.
    pub fn add_job(&mut self, job: Job) -> String {
        let id = job.id.clone().unwrap_or_else(random_uuid);
        let now = self.clock.now();
        let number = self.jobs.len();
        let age = TimeDelta::seconds(i64::try_from(number).unwrap_or(0) - 600);
        let vendor_based = job.vendor_based_bookkeeping.unwrap_or_else(|| {
            let is_set = |item: &Value, key: &str| item.get(key).is_some_and(|value| !value.is_null());
            job.items
                .iter()
                .any(|item| is_set(item, "bookkeeping") || is_set(item, "vendor"))
        });
        let items = item_records(&job);
        let order = |salt: u64, keep: &dyn Fn(&ItemRecord) -> bool| {
            let mut order: Vec<usize> = (0..items.len()).filter(|index| keep(&items[*index])).collect();
            // Shuffled the same way in each run: an order of the server's own, but tests can be repeated.
            fastrand::Rng::with_seed(salt).shuffle(&mut order);
            order
        };
        let seed = u64::try_from(number).unwrap_or(0);
        let mut record = JobRecord {
            id: id.clone(),
            company: job.company.clone(),
            created_at: job.created_at.unwrap_or(self.started_at + age),
            started_at: (job.status != JobStatus::Pending).then_some(now),
            completed_at: job.status.is_ended().then_some(now),
            expired_at: None,
            last_updated_at: now,
            status: job.status,
            failure_reason: None,
            failure_reason_type: None,
            is_interactive: job.is_interactive,
            vendor_based_bookkeeping: vendor_based,
            events: Vec::new(),
            updates: 0,
            seen: JobStatus::Pending,
            control_order: order(seed * 2, &|item| item.is_listed),
            data_order: order(seed * 2 + 1, &|item| item.payload.is_some()),
            items,
            control_read: BTreeSet::new(),
            data_read: BTreeSet::new(),
            late_event: None,
        };
        if job.status.is_ended() {
            record.end(job.status, None, None);
        }
        self.jobs.push(record);
        id
    }
}

fn item_records(job: &Job) -> Vec<ItemRecord> {
    let record = |entry: String, payload: Option<&Value>, is_listed: bool| ItemRecord {
        state: ItemState {
            entry,
            history: vec![ItemStatus::Pending],
            ..ItemState::default()
        },
        payload: payload.cloned(),
        is_listed,
    };
    let entry_of = |item: &Value| {
        item["accountingEntryId"]
            .as_str()
            .map_or_else(random_uuid, ToOwned::to_owned)
    };
    let whole = job
        .items
        .iter()
        .map(|item| record(entry_of(item), Some(item), true));
    let unlisted = job
        .unlisted
        .iter()
        .map(|item| record(entry_of(item), Some(item), false));
    let bare = job
        .without_payload
        .iter()
        .map(|entry| record(entry.clone(), None, true));
    let mut records: Vec<ItemRecord> = whole.chain(unlisted).chain(bare).collect();
    let mut known = BTreeSet::new();
    for record in &mut records {
        // A payload that brings an entry for the second time has no verdict of its own.
        record.is_listed &= known.insert(record.state.entry.clone());
    }
    records
}

/// A new random UUID (version 4).
pub fn random_uuid() -> String {
    let bytes = fastrand::u128(..).to_be_bytes();
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}
