//! Step 7: close the job, once every item is final at Pleo.

use std::time::Instant;

use tracing::{info, warn};

use super::confirm;
use super::halt::{Halt, MISCOUNTED, Obstacle, Unready};
use super::report::{Ending, Problem, ProblemKind};
use super::tools::{Exporter, JobRun};
use crate::checkpoint::{CheckpointError, Finality};
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::export_job::JobStatus;
use crate::model::ids::JobId;
use crate::model::state::JobEvent;
use crate::model::verdict::{JobFailure, JobFailureType, JobOutcome};
use crate::pleo::{ExportJobEvent, PleoError};
use crate::systems::SystemError;

/// How often the final event is sent when its answer is lost and the job stays open.
const ATTEMPTS: usize = 3;

/// Closes the job by what the control layer says, which was just read.
pub(super) fn close(run: &mut JobRun<'_>, finality: &Finality) -> Result<Ending, Halt> {
    if finality.open > 0 {
        return close_with_open(run, finality);
    }
    let outcome = if finality.failed == 0 && run.miscount.is_none() {
        JobOutcome::Completed
    } else if finality.successful > 0 || finality.failed == 0 {
        JobOutcome::CompletedWithErrors
    } else {
        JobOutcome::Failed(all_failed(run)?)
    };
    let status = end(run, &outcome)?;
    Ok(told(&run.exporter, &run.job.id, status, run.miscount.as_deref())?)
}

/// How a job ended that we closed with this status: a closed job may need a person all the same.
pub(super) fn told(
    exporter: &Exporter<'_>,
    job: &JobId,
    status: JobStatus,
    miscount: Option<&str>,
) -> Result<Ending, CheckpointError> {
    let ending = with_unproven(exporter, job, status)?;
    if let Some(miscount) = miscount {
        return Ok(with_miscount(ending, miscount));
    }
    // So is a job closed whose count did not agree while it was worked on, or whose verdicts Pleo did not take.
    let finality = exporter.checkpoint.finality(job)?;
    if matches!(ending, Ending::Closed(JobStatus::CompletedWithErrors)) && finality.failed == 0 {
        let closed =
            format!("job {job} was closed with errors, although none of the items that Pleo lists failed");
        return Ok(with_miscount(ending, &closed));
    }
    Ok(ending)
}

/// A person must see where the items are that Pleo counts and does not list.
fn with_miscount(ending: Ending, miscount: &str) -> Ending {
    let (status, before) = match ending {
        Ending::Closed(status) => (status, String::new()),
        Ending::ClosedButNeedsPerson(status, problem) => (status, format!("{}; ", problem.message)),
        other => return other,
    };
    let problem = Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!("{before}{miscount}"),
        hint: MISCOUNTED.into(),
    };
    Ending::ClosedButNeedsPerson(status, problem)
}

/// Fails the whole job before anything was booked.
pub(super) fn fail_whole(run: &mut JobRun<'_>, failure: JobFailure) -> Result<Ending, Halt> {
    end(run, &JobOutcome::Failed(failure.clone()))?;
    Err(Halt::JobFailed(failure))
}

/// Fails a job of which nothing was begun, for a fault that could wait no longer.
pub(super) fn fail_unready(run: &mut JobRun<'_>, fault: Obstacle) -> Halt {
    let failure = match &fault {
        Obstacle::System(error) => job_failure(error.clone()),
        Obstacle::BooksLack(reason) => JobFailure {
            failure_type: JobFailureType::ValidationFailure,
            reason: format!("{reason}."),
        },
    };
    match fail_whole(run, failure) {
        Err(Halt::JobFailed(_)) | Ok(_) => Halt::NotReady {
            fault,
            job: Unready::Failed,
        },
        Err(halt) => halt,
    }
}

/// What Pleo is told of a fault that keeps the whole job from being booked.
pub(super) fn job_failure(error: SystemError) -> JobFailure {
    let failure_type = match &error {
        SystemError::Damaged { .. } => JobFailureType::ValidationFailure,
        SystemError::Settings { .. } => JobFailureType::InvalidConfiguration,
        _ => JobFailureType::AccountingSystemUnreachable,
    };
    error.into_job_failure().unwrap_or_else(|error| JobFailure {
        failure_type,
        reason: error.to_string(),
    })
}

/// The same of one that went on until the job's time ran out.
pub(super) fn out_of_time(error: SystemError) -> JobFailure {
    let failure = job_failure(error);
    let why = failure.reason.lines().next().unwrap_or_default();
    let reason = format!(
        "{}. This lasted until the time of the export ran out: ask whoever runs the export to see to it, then export again.",
        why.trim_end_matches('.')
    );
    JobFailure { reason, ..failure }
}

/// Some items are not final because Pleo rejects our verdicts, or takes them and shows the items as open: later runs try
/// again for three quarters of the job's lifetime, then it is closed all the same, so that it does not hold up the next one
/// for ever.
fn close_with_open(run: &mut JobRun<'_>, finality: &Finality) -> Result<Ending, Halt> {
    run.refresh()?;
    let rejected = run.exporter.checkpoint.rejected_items(&run.job.id)?.len();
    let (id, open) = (&run.job.id, finality.open);
    let halt = if rejected > 0 {
        Halt::VerdictsRejected(format!(
            "Pleo does not take the verdicts of {} of job {id}",
            counted(rejected, "item")
        ))
    } else {
        Halt::Later(format!(
            "Pleo shows {} of job {id} as open, although it has taken their verdicts",
            counted(open, "item")
        ))
    };
    let now = Instant::now();
    if !run.deadline.is_near(now) && !run.deadline.is_overdue(now) {
        return Err(halt);
    }
    warn!("{halt}; closing the job before it expires");
    let problem = Halt::VerdictsRejected(halt.to_string()).into_problem();
    let status = end(run, &JobOutcome::CompletedWithErrors)?;
    Ok(Ending::ClosedButNeedsPerson(status, problem))
}

/// All items failed: the commonest reason that a job can have, too, stands for the job.
fn all_failed(run: &JobRun<'_>) -> Result<JobFailure, Halt> {
    let types = run.exporter.checkpoint.failure_types(&run.job.id)?;
    let failure_type = types
        .iter()
        .find_map(|(failure_type, _)| failure_type.as_job_failure())
        .unwrap_or(JobFailureType::ValidationFailure);
    let reason = "All expenses of this export failed: each one says what to do.".to_owned();
    Ok(JobFailure { failure_type, reason })
}

/// Sends the final event and reads the job until Pleo shows it.
fn end(run: &mut JobRun<'_>, outcome: &JobOutcome) -> Result<JobStatus, Halt> {
    let (exporter, id, status) = (&mut run.exporter, &run.job.id, outcome.status());
    let event = ExportJobEvent::Ended(outcome.clone());
    exporter.fleet.fence().map_err(PleoError::from)?;
    for _ in 0..ATTEMPTS {
        exporter
            .checkpoint
            .close_job(id, outcome, "intent", clock::now())?;
        exporter.fleet.job_event(id, JobEvent::Close, status.as_str());
        let lost = match exporter.pleo.send_event(&run.permit, id, &event) {
            Ok(()) => false,
            // With our own status there it is done; another status is found below.
            Err(PleoError::LostAnswer { .. } | PleoError::StatusConflict { .. }) => true,
            Err(error) => return Err(error.into()),
        };
        match confirm::read_until(exporter, id, JobStatus::is_final)? {
            Some(job) if outcome.is_shown_by(&job) => {
                exporter.note(id, JobEvent::Closed, status.as_str())?;
                info!("closed job {id} as {}", status.as_str());
                return Ok(status.clone());
            }
            Some(job) => return Err(Halt::EndedByPleo(Box::new(job))),
            None if lost => {}
            None => break,
        }
    }
    Err(Halt::Later(format!(
        "Pleo has not yet closed job {id} as {}",
        status.as_str()
    )))
}

/// A closed job still needs a person where an item may be in the books, or was changed after it was booked.
fn with_unproven(exporter: &Exporter<'_>, job: &JobId, status: JobStatus) -> Result<Ending, CheckpointError> {
    let failures = exporter.checkpoint.failures(job)?;
    let unproven = failures
        .iter()
        .filter(|(_, failure)| failure.may_be_in_the_books())
        .count();
    let changed = failures
        .iter()
        .filter(|(_, failure)| failure.is_changed_after_booking())
        .count();
    let message = match (unproven, changed) {
        (0, 0) => return Ok(Ending::Closed(status)),
        (0, changed) => format!("changed in Pleo after booking: {}", counted(changed, "item")),
        (unproven, 0) => format!(
            "{} may be in the books: look there before exporting again",
            counted(unproven, "item")
        ),
        (unproven, changed) => format!(
            "{} may be in the books; changed in Pleo after booking: {}",
            counted(unproven, "item"),
            counted(changed, "item")
        ),
    };
    let problem = Problem {
        kind: ProblemKind::NeedsPerson,
        message,
        hint: format!("read the failure texts, in Pleo or with `pleo-export status --job {job}`"),
    };
    Ok(Ending::ClosedButNeedsPerson(status, problem))
}
