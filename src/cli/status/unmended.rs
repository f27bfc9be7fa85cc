//! What is still to be mended of jobs that are over. Polls that find nothing come after it and must not hide it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::checkpoint::{Checkpoint, CheckpointError, JobRecord};
use crate::cli::job_ids::SHORTEST;
use crate::host::counted::counted;
use crate::model::export_job::JobStatus;
use crate::model::state::JobState;
use crate::model::verdict::JobOutcome;

/// For so long a job counts that is not the last one: by then its expenses have been exported again, or never will be.
const REMEMBERED: TimeDelta = TimeDelta::days(7);

/// What is to be mended, and how.
pub(super) struct Unmended {
    pub(super) message: String,
    pub(super) remedy: String,
}

/// Of the newest job that has something: items that failed or got no verdict and that no later job has booked; or an end
/// that was no good one, until a later job comes to a better.
pub(super) fn find(
    checkpoint: &Checkpoint,
    newest_first: &[JobRecord],
    now: DateTime<Utc>,
) -> Result<Option<Unmended>, CheckpointError> {
    let is_over = |job: &&JobRecord| matches!(job.state, JobState::Closed | JobState::Ended);
    let mut is_last = true;
    let mut has_gone_on = false;
    for job in newest_first.iter().filter(is_over) {
        let counts = is_last || now - job.updated_at <= REMEMBERED;
        is_last = false;
        let is_complete = job.closing == Some(JobOutcome::Completed);
        if counts && !(is_complete && job.last_error.is_none()) {
            let unbooked = checkpoint.not_booked_since(&job.id)?;
            if let Some(unmended) = of_job(job, unbooked, has_gone_on) {
                return Ok(Some(unmended));
            }
        }
        has_gone_on |= !has_failed(job);
    }
    Ok(None)
}

fn has_failed(job: &JobRecord) -> bool {
    job.status() == Some(&JobStatus::Failed)
}

fn of_job(job: &JobRecord, unbooked: u64, has_gone_on: bool) -> Option<Unmended> {
    let id = job.id.as_str();
    let id = id.get(..SHORTEST).unwrap_or(id);
    let see = format!("`pleo-export status --job {id}`");
    match &job.last_error {
        Some(error) if unbooked > 0 || !has_gone_on => Some(Unmended {
            message: format!("job {id}: {error}"),
            remedy: job
                .last_hint
                .clone()
                .unwrap_or_else(|| format!("see why ({see}), then export again in Pleo")),
        }),
        None if unbooked > 0 => Some(Unmended {
            message: format!("{} of job {id} failed", counted(unbooked, "item")),
            remedy: format!("see why ({see}), then export them again in Pleo"),
        }),
        None if has_failed(job) && !has_gone_on => Some(Unmended {
            message: format!("job {id} failed"),
            remedy: format!("see why ({see}), then export again in Pleo"),
        }),
        _ => None,
    }
}
