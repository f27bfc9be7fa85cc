//! Step 1, first half: which jobs are there? Reads only.

use super::OPEN;
use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::model::export_job::{ExportJob, JobStatus};
use crate::pleo::Client;

use super::halt::Halt;

/// The open jobs of the company, each list oldest first.
pub(super) struct Detected {
    /// In progress, and not known to this checkpoint as ours.
    pub(super) in_progress_elsewhere: Vec<ExportJob>,
    /// Waiting to be started.
    pub(super) pending: Vec<ExportJob>,
}

/// Lists the open jobs. Pleo promises no order, so the order is ours: `createdAt`, then id.
pub(super) fn detect(pleo: &Client, checkpoint: &Checkpoint) -> Result<Detected, Halt> {
    let mut jobs = pleo.list_jobs(&OPEN)?;
    jobs.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
    let mut detected = Detected {
        in_progress_elsewhere: Vec::new(),
        pending: Vec::new(),
    };
    for job in jobs {
        match job.status {
            JobStatus::Pending => detected.pending.push(job),
            JobStatus::InProgress if !is_ours(checkpoint, &job)? => detected.in_progress_elsewhere.push(job),
            _ => {}
        }
    }
    Ok(detected)
}

fn is_ours(checkpoint: &Checkpoint, job: &ExportJob) -> Result<bool, CheckpointError> {
    Ok(checkpoint
        .job(&job.id)?
        .is_some_and(|record| record.state.is_open()))
}
