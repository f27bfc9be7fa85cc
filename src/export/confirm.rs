//! Pleo answers an event with "accepted", which is not yet "done": the job is read until it shows the effect.

use std::time::Duration;

use super::halt::Halt;
use super::tools::Exporter;
use crate::host::waiting::waiting_for;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::JobId;

/// Between two readings of what Pleo may show late; about ten seconds in all.
pub(super) const WAITS: [Duration; 6] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_millis(700),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// Reads the job until its status is the wanted kind; `None` when it does not become so for some seconds.
pub(super) fn read_until(
    exporter: &Exporter<'_>,
    id: &JobId,
    is_wanted: impl Fn(&JobStatus) -> bool,
) -> Result<Option<ExportJob>, Halt> {
    let mut job = exporter.pleo.job(id)?;
    let _waiting = waiting_for(format!("Pleo to show what it was told of job {id}"));
    for wait in WAITS {
        if is_wanted(&job.status) {
            break;
        }
        exporter.stop.wait(wait)?;
        job = exporter.pleo.job(id)?;
    }
    Ok(Some(job).filter(|job| is_wanted(&job.status)))
}
