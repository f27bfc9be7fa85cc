//! Step 1, first half: which jobs are there? Reads only.

use chrono::{DateTime, Utc};

use super::halt::{Blocking, Halt};
use super::tools::Exporter;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::JobId;
use crate::pleo::{Client, PleoError};

/// The statuses of a job that is not over.
const OPEN: [JobStatus; 2] = [JobStatus::Pending, JobStatus::InProgress];

/// So many characters of an id are enough where they are those of one job alone.
const SHORTEST_ID: usize = 8;

/// The open jobs of the company, each list oldest first.
pub(super) struct Detected {
    /// In progress, and not known to this checkpoint as ours.
    pub(super) in_progress_elsewhere: Vec<ExportJob>,
    /// Waiting to be started.
    pub(super) pending: Vec<ExportJob>,
}

/// Lists the open jobs, ours in progress aside.
pub(super) fn detect(pleo: &Client, checkpoint: &Checkpoint) -> Result<Detected, Halt> {
    let mut detected = Detected {
        in_progress_elsewhere: Vec::new(),
        pending: Vec::new(),
    };
    for job in open_jobs(pleo)? {
        match job.status {
            JobStatus::Pending => detected.pending.push(job),
            JobStatus::InProgress if !is_ours(checkpoint, &job)? => detected.in_progress_elsewhere.push(job),
            _ => {}
        }
    }
    Ok(detected)
}

fn open_jobs(pleo: &Client) -> Result<Vec<ExportJob>, PleoError> {
    let mut jobs = pleo.list_jobs(&OPEN)?;
    jobs.sort_by(|a, b| order(a).cmp(&order(b)));
    Ok(jobs)
}

/// Pleo promises no order, so the order is ours.
fn order(job: &ExportJob) -> (DateTime<Utc>, &JobId) {
    (job.created_at, &job.id)
}

/// The job that a person named: one of our company, and where it is yet to be started, the next in order. A job in
/// progress is always before it, for Pleo runs one of a company at a time.
pub(super) fn named(exporter: &Exporter<'_>, id: &JobId, out_of_order: bool) -> Result<ExportJob, Halt> {
    let job = exporter.pleo.job(id)?;
    if !exporter.pleo.is_ours(&job) {
        return Err(Halt::OtherCompany(Box::new(job)));
    }
    if job.status != JobStatus::Pending {
        return Ok(job);
    }
    let open = open_jobs(exporter.pleo)?;
    let in_progress = open.iter().find(|other| other.status == JobStatus::InProgress);
    let older = open
        .iter()
        .find(|other| !out_of_order && order(other) < order(&job));
    let blocked_by = match (in_progress, older) {
        (Some(other), _) if is_ours(exporter.checkpoint, other)? => Blocking::Ours(other.id.clone()),
        (Some(other), _) => Blocking::Elsewhere(other.id.clone()),
        (None, Some(older)) => Blocking::Older(older.id.clone()),
        (None, None) => return Ok(job),
    };
    Err(Halt::NotItsTurn {
        job: job.id,
        blocked_by,
    })
}

/// The job whose id begins so, of those that are open and those that are known here; `None` unless exactly one
/// does. Fewer than eight characters name no job.
pub(super) fn by_beginning(
    pleo: &Client,
    known: Option<&Checkpoint>,
    text: &str,
) -> Result<Option<JobId>, Halt> {
    if text.len() < SHORTEST_ID {
        return Ok(None);
    }
    let mut ids: Vec<JobId> = open_jobs(pleo)?.into_iter().map(|job| job.id).collect();
    let known = known.map(Checkpoint::jobs).transpose()?.unwrap_or_default();
    ids.extend(known.into_iter().map(|job| job.id));
    ids.sort();
    ids.dedup();
    let beginning = text.to_ascii_lowercase();
    ids.retain(|id| id.as_str().to_ascii_lowercase().starts_with(&beginning));
    Ok(ids.pop().filter(|_| ids.is_empty()))
}

fn is_ours(checkpoint: &Checkpoint, job: &ExportJob) -> Result<bool, CheckpointError> {
    Ok(checkpoint
        .job(&job.id)?
        .is_some_and(|record| record.state.is_open()))
}
