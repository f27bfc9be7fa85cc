//! The jobs: a table, and a document for each.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::health::RUN;
use super::known::{Known, KnownJob};
use crate::checkpoint::JobRecord;
use crate::cli::args::StatusWish;
use crate::cli::as_typed::as_typed;
use crate::cli::job_ids::{SHORTEST, shortest_unique};
use crate::cli::render::{FailureDocument, ItemsDocument};
use crate::cli::table::Table;
use crate::host::clock::length;
use crate::host::counted::counted;
use crate::model::state::JobState;
use crate::model::verdict::JobOutcome;

/// Jobs go by the head of their ids, which every command takes; one alone is told with its whole id first.
pub(super) fn text(known: &Known, wish: &StatusWish, now: DateTime<Utc>) -> String {
    let shown = shortest_unique(known.jobs.iter().map(|job| &job.record.id));
    let one = known.jobs.first().filter(|_| wish.job.is_some());
    let head = one.map_or_else(String::new, |job| format!("Job {}\n", job.record.id));
    let mut table = Table::new(&[
        "job",
        "status",
        "done",
        "failed",
        "open",
        "since",
        "expires",
        "last error, what to do",
    ]);
    for job in &known.jobs {
        let id: String = job.record.id.to_string().chars().take(shown).collect();
        table.row(&[
            &id,
            &job.status().replace('_', " "),
            &job.items().successful.to_string(),
            &job.items().failed.to_string(),
            &job.items().open.to_string(),
            &format!("{} ago", length(now - job.record.updated_at)),
            &expires(&job.record, now),
            &match &job.record.last_error {
                Some(error) => format!("{} -> {}", as_typed(error), next_step(job, known)),
                None => next_step(job, known),
            },
        ]);
    }
    head + &table.render()
}

/// What the operator does next.
fn next_step(job: &KnownJob, known: &Known) -> String {
    as_typed(&step(job, known))
}

fn step(job: &KnownJob, known: &Known) -> String {
    match (job.record.state, &known.at_work) {
        (JobState::Starting | JobState::Started | JobState::Closing, Some(by)) => {
            format!("nothing: {by} is at work")
        }
        (JobState::Starting | JobState::Started | JobState::Closing, None) => {
            let hint = job.record.last_hint.clone();
            hint.unwrap_or_else(|| RUN.to_owned())
        }
        (JobState::Closed, _) => step_of_closed(job),
        (JobState::Ended, _) => {
            let hint = job.record.last_hint.clone();
            hint.unwrap_or_else(|| of_ended(job.record.closing.as_ref()).to_owned())
        }
        (JobState::Foreign, _) => "nothing: another instance has it".to_owned(),
    }
}

fn step_of_closed(job: &KnownJob) -> String {
    let unproven = job
        .failures
        .iter()
        .filter(|(_, failure)| failure.may_be_in_the_books())
        .count();
    let id: String = job.record.id.to_string().chars().take(SHORTEST).collect();
    let see = format!("`pleo-export status --job {id}`");
    if unproven > 0 {
        format!("look for {} in the books ({see})", counted(unproven, "item"))
    } else if job.counts.failed > 0 {
        format!("read the failures ({see}), then export again")
    } else {
        let hint = job.record.last_hint.clone();
        hint.unwrap_or_else(|| match job.status() {
            "failed" => "correct the cause, then export again in Pleo".to_owned(),
            _ => "nothing".to_owned(),
        })
    }
}

/// Another instance came to these outcomes.
const fn of_ended(outcome: Option<&JobOutcome>) -> &'static str {
    match outcome {
        Some(JobOutcome::Completed) => "nothing",
        Some(JobOutcome::CompletedWithErrors) => "read the failures in Pleo, then export again",
        Some(JobOutcome::Failed(_)) | None => "export the open expenses again in Pleo",
    }
}

fn expires(record: &JobRecord, now: DateTime<Utc>) -> String {
    match record.expires_at {
        Some(at) if record.state.is_open() && at > now => format!("in {}", length(at - now)),
        Some(_) if record.state.is_open() => "now".to_owned(),
        _ => "-".to_owned(),
    }
}

#[derive(Serialize)]
pub(super) struct JobDocument {
    id: String,
    status: &'static str,
    /// Where it stands on our side.
    state: &'static str,
    items: ItemsDocument,
    failures: Vec<FailureDocument>,
    updated_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
    next_step: String,
}

impl JobDocument {
    pub(super) fn new(job: &KnownJob, known: &Known) -> Self {
        Self {
            next_step: next_step(job, known),
            id: job.record.id.to_string(),
            status: job.status(),
            state: job.record.state.as_str(),
            items: job.items().into(),
            failures: job.failures.iter().map(FailureDocument::from).collect(),
            updated_at: job.record.updated_at,
            expires_at: job.record.expires_at,
            last_error: job.record.last_error.as_deref().map(as_typed),
        }
    }
}
