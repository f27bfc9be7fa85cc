//! Whether this process may act for a job, and what follows when it may not.
//!
//! A process that was stopped or suspended does not notice. So before whatever writes, what was last heard from Pleo about
//! the job must be fresh: else the job is read, one request. Where another instance may have worked on it since, its items are
//! compared with what is known of them here. Only where one is further than this process brought it is the permit withheld.

use std::time::Duration;

use tracing::{info, warn};

use super::halt::Halt;
use super::tools::{Exporter, JobRun};
use super::{confirm, control};
use crate::host::kill;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::JobId;
use crate::model::permit::{Permit, Withheld};
use crate::model::state::{JobEvent, JobState};
use crate::pleo::{Client, Heard, PleoError, silence};
use crate::systems::SystemError;

/// How often the job is read for one permit. The first answer is stale where this process was stopped while it waited for
/// it; a Pleo that is slow is believed the second time.
const READINGS: u32 = 2;

/// Where `lastUpdatedAt` does not tell of updates of items, they are compared at least so often.
const LONGEST_UNCOMPARED: Duration = Duration::from_secs(60);

/// Begins the job anew at most so often in one run.
const MOST_RETURNS: u32 = 10;

/// The permit for a job as long as Pleo has it in this status: pending for whoever starts it, in progress after that.
pub(super) fn for_job(exporter: &Exporter<'_>, id: &JobId, status: JobStatus) -> Permit {
    let (lock, pleo, id) = (exporter.permit.clone(), exporter.pleo.clone(), id.clone());
    Permit::given_by(move || {
        lock.ask()?;
        ask(&pleo, &id, &status)
    })
}

fn ask(pleo: &Client, id: &JobId, status: &JobStatus) -> Result<(), Withheld> {
    let mut readings = 0;
    let mut has_compared = false;
    loop {
        let heard = pleo.heard(id);
        if let Some(heard) = &heard {
            refuse_changed(id, heard, status)?;
        }
        let is_fresh = heard.as_ref().is_some_and(|heard| heard.age < silence());
        match heard {
            None => {}
            Some(_) if !is_fresh && readings < READINGS => {}
            Some(heard) if *status == JobStatus::InProgress && must_compare(&heard, has_compared) => {
                if has_compared {
                    return Err(Withheld::Changed(format!("job {id} is being changed right now")));
                }
                has_compared = true;
                pleo.compare_items_now(id).map_err(|error| unknown(id, &error))?;
                continue;
            }
            Some(_) => return Ok(()),
        }
        readings += 1;
        pleo.job_now(id).map_err(|error| unknown(id, &error))?;
    }
}

fn refuse_changed(id: &JobId, heard: &Heard, status: &JobStatus) -> Result<(), Withheld> {
    if heard.has_progressed {
        return Err(Withheld::Changed(format!(
            "another instance has worked on job {id}"
        )));
    }
    // Where only its items were read so far, its status is not known.
    match &heard.status {
        Some(shown) if shown != status => Err(Withheld::Changed(format!(
            "job {id} is {} at Pleo",
            shown.as_str().replace('_', " ")
        ))),
        _ => Ok(()),
    }
}

/// Whether only the items themselves can tell. What was compared for this permit is not too old for it, however long it took
/// to read them all.
fn must_compare(heard: &Heard, has_compared: bool) -> bool {
    let is_long_ago = |before: Duration| !heard.tells_updates && before > LONGEST_UNCOMPARED;
    heard.is_touched || (!has_compared && heard.listed_before.is_none_or(is_long_ago))
}

fn unknown(id: &JobId, error: &PleoError) -> Withheld {
    Withheld::Unlearnt(format!(
        "what became of job {id} meanwhile could not be learnt: {error}"
    ))
}

/// Whether an error says that the permit was withheld.
pub(super) fn is_withheld(halt: &Halt) -> bool {
    matches!(
        halt,
        Halt::Pleo(PleoError::Withheld(_)) | Halt::System(SystemError::Withheld(_))
    )
}

/// After the permit was withheld: whether this process may go on with the job. It does so as a new one would, for whatever
/// it knew may be old. The job may be over by now, or another instance's.
pub(super) fn regain(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let id = run.job.id.clone();
    // The right to act at all: where that is gone, the job is for whoever has it.
    run.exporter.permit.ask().map_err(PleoError::from)?;
    run.returns += 1;
    if run.returns > MOST_RETURNS {
        return Err(Halt::Later(format!(
            "job {id} was changed by another instance again and again while it was worked on"
        )));
    }
    let shown = confirm::read_until(&run.exporter, &id, |status| *status != JobStatus::Pending)?;
    match shown {
        Some(job) if job.status == JobStatus::InProgress => {}
        Some(job) if job.status.is_final() => return Err(Halt::EndedByPleo(Box::new(job))),
        _ => {
            return Err(Halt::Later(format!(
                "Pleo does not show job {id} as in progress any more"
            )));
        }
    }
    if run
        .exporter
        .pleo
        .heard(&id)
        .is_some_and(|heard| heard.has_progressed)
    {
        warn!("another instance has worked on job {id} meanwhile; waiting to see whether it still does");
        // It may have sent what this process did not.
        run.unbooked.clear();
        run.exporter.checkpoint.doubt_withdrawn(&id)?;
        control::refresh(&mut run.exporter, &run.job)?;
        if let Others::AtWork = look_for_others(&run.exporter, &id)? {
            let state = run.exporter.checkpoint.job(&id)?.map(|record| record.state);
            if state.is_some_and(JobState::is_open) {
                let note = "another instance works on it";
                run.exporter.note(&id, JobEvent::LostToAnother, note)?;
            }
            return Err(Halt::LostToAnother);
        }
        info!("nobody else works on job {id} any more; going on with it");
    }
    run.refresh()
}

/// What can be seen of other instances that may be at work on a job.
pub(super) enum Others {
    /// One brought an item further just now.
    AtWork,
    /// Nothing; the job as it is now, which may be over.
    Nowhere(Box<ExportJob>),
}

/// Waits for as long as a request may take, and by chance for up to twice as long, so that two who wait do not end
/// together. Then it looks whether an item is further than it was.
pub(super) fn look_for_others(exporter: &Exporter<'_>, id: &JobId) -> Result<Others, Halt> {
    let usual = u64::try_from(exporter.pleo.request_timeout().as_millis()).unwrap_or(u64::MAX);
    let wait = kill::limit("PLEO_EXPORT_WAIT_FOR_OTHERS", usual);
    let wait = wait.saturating_add(fastrand::u64(0..=wait));
    exporter.stop.wait(Duration::from_millis(wait))?;
    let job = exporter.pleo.job(id)?;
    if !job.status.is_final() {
        exporter.pleo.compare_items(id)?;
        if exporter.pleo.heard(id).is_none_or(|heard| heard.has_progressed) {
            return Ok(Others::AtWork);
        }
    }
    Ok(Others::Nowhere(Box::new(job)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_take_long_to_read_are_compared_once_for_a_permit() {
        let minutes = |minutes: u64| Some(Duration::from_secs(minutes * 60));
        for (listed_before, tells_updates, is_touched, [before, after]) in [
            (None, true, false, [true, false]),
            (minutes(0), false, false, [false, false]),
            (minutes(2), true, false, [false, false]),
            (minutes(2), false, false, [true, false]),
            (minutes(2), false, true, [true, true]),
            (minutes(0), true, true, [true, true]),
        ] {
            let heard = Heard {
                age: Duration::ZERO,
                status: None,
                is_touched,
                has_progressed: false,
                tells_updates,
                listed_before,
            };
            assert_eq!(must_compare(&heard, false), before, "{heard:?}");
            assert_eq!(must_compare(&heard, true), after, "{heard:?}");
        }
    }
}
