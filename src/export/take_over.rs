//! Jobs that another host of the fleet has started are ours as well: they are made known to this host's checkpoint before
//! it looks which jobs it goes on with, and its own to the others.

use tracing::info;

use super::halt::Halt;
use super::tools::Exporter;
use crate::host::clock;
use crate::model::ids::JobId;
use crate::model::state::{JobEvent, JobState};
use crate::pleo::PleoError;

/// Makes both sides know the same open jobs.
pub(super) fn take_over(exporter: &mut Exporter<'_>) -> Result<(), Halt> {
    let shared = exporter.fleet.open_jobs()?;
    for record in exporter.checkpoint.open_jobs()? {
        // From before there was a fleet.
        if record.state != JobState::Starting && !shared.iter().any(|(id, _)| *id == record.id) {
            let why = "known to one host alone";
            exporter.fleet.job_event(&record.id, JobEvent::Started, why);
        }
    }
    for (id, state) in shared {
        make_known(exporter, &id, state)?;
    }
    Ok(())
}

fn make_known(exporter: &mut Exporter<'_>, id: &JobId, state: JobState) -> Result<(), Halt> {
    let known = exporter.checkpoint.job(id)?.map(|record| record.state);
    if known.is_some_and(JobState::is_open) {
        return Ok(());
    }
    let job = match exporter.pleo.job(id) {
        Ok(job) => job,
        // It may come back; Pleo's list says when it does.
        Err(PleoError::NotFound { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    // What this host knows as over is for the job itself to say, when it is read again.
    let is_known_as_over = matches!(known, Some(JobState::Closed | JobState::Ended));
    let is_closed = state == JobState::Closing && !job.has_expired_or_was_cancelled();
    if job.status.is_final() && (is_known_as_over || is_closed) {
        let why = "over when another host reached for it";
        let event = if is_closed {
            JobEvent::Closed
        } else {
            JobEvent::EndedByPleo
        };
        exporter.fleet.job_event(id, event, why);
        return Ok(());
    }
    if is_known_as_over {
        return Ok(());
    }
    // Also one that ended under the other host, which has told nobody: it is told like any other of ours.
    if state == JobState::Starting {
        exporter.checkpoint.claim_job(&job, clock::now())?;
    } else {
        info!("going on with job {id}, which another host of the fleet has begun");
        exporter.checkpoint.adopt_job(&job, clock::now())?;
    }
    Ok(())
}
