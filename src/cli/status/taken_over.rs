//! What the last poll said of another instance's job, once that job was taken over here.

use crate::checkpoint::{Blocked, Checkpoint, CheckpointError, Contact};
use crate::cli::exit::Exit;
use crate::model::state::JobState;

/// Leaves out what the last poll saw of a job that has been worked on here since: its cure was carried out. Where the job is
/// over and it was what that poll failed for, the poll no longer counts as failed.
pub(super) fn forget(
    checkpoint: &Checkpoint,
    contact: &mut Contact,
    blocked: &mut Option<Blocked>,
) -> Result<(), CheckpointError> {
    let (Some(seen), Some(last)) = (&*blocked, &mut contact.last_poll) else {
        return Ok(());
    };
    let taken_over = checkpoint.job(&seen.by)?.filter(|job| job.updated_at > last.at);
    let Some(job) = taken_over else { return Ok(()) };
    let was_the_cause = seen.is_stuck && last.exit_code == Exit::NeedsPerson.code();
    if job.state == JobState::Closed && was_the_cause {
        contact.failed_polls = None;
        last.exit_code = Exit::Done.code();
        (last.message, last.remedy) = (None, None);
    }
    *blocked = None;
    Ok(())
}
