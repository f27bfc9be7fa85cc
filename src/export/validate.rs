//! Step 2: is the accounting system ready for this job? Before any item is read, so failing is safe.
//!
//! Its books are looked at even before step 1 ends.

use std::time::Instant;

use super::deadline::Deadline;
use super::halt::{Halt, Unready};
use super::job::JobRun;
use super::report::Ending;
use super::{Exporter, complete, patience};
use crate::model::export_job::ExportJob;
use crate::model::verdict::{JobFailure, JobFailureType};
use crate::receipts::Policy;
use crate::systems::{Description, JobNeeds, SystemError};

/// Looks at the accounting system before the job is started. What is found wrong now leaves the job pending as long as
/// more than half of its lifetime remains, so that a person can mend it and nothing has to be exported again. Answered is
/// the fault with which it is then to be started and failed, so that it does not expire without a reason.
///
/// Whether a pending job expires at all is not documented. One that is older than its lifetime has not, so it waits on.
pub(super) fn before_start(
    exporter: &mut Exporter<'_>,
    job: &ExportJob,
) -> Result<Option<SystemError>, Halt> {
    fault(exporter, job, Unready::Waits)
}

/// The same for a job in progress that is to be gone on with. What is wrong late in its life is left to the steps, which
/// look at what is in the books already.
pub(super) fn before_going_on(exporter: &mut Exporter<'_>, job: &ExportJob) -> Result<(), Halt> {
    fault(exporter, job, Unready::LeftOpen).map(drop)
}

fn fault(exporter: &mut Exporter<'_>, job: &ExportJob, left: Unready) -> Result<Option<SystemError>, Halt> {
    let Err(error) = exporter.system.ready() else {
        return Ok(None);
    };
    // Whoever wishes to stop is no fault of the system's.
    exporter.stop.check()?;
    if Deadline::of(job, exporter.pleo.server_time()).is_far(Instant::now()) {
        return Err(Halt::NotReady { error, job: left });
    }
    Ok(Some(error))
}

/// Fails a job that was started for this alone.
pub(super) fn fail_unready(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    error: SystemError,
) -> Result<Ending, Halt> {
    match complete::fail_whole(exporter, run, &job_failure(error.clone())) {
        Err(Halt::JobFailed(_)) => Err(Halt::NotReady {
            error,
            job: Unready::Failed,
        }),
        other => other,
    }
}

/// What Pleo is told of a fault that keeps the whole job from being booked.
fn job_failure(error: SystemError) -> JobFailure {
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

/// Checks the capabilities and the system itself.
pub(super) fn validate(exporter: &mut Exporter<'_>, run: &mut JobRun) -> Result<(), Halt> {
    capabilities(exporter, run).map_err(Halt::CannotGoOn)?;
    let needs = JobNeeds {
        job_id: run.job.id.clone(),
        company_id: run.job.company_id.clone(),
        payables: run.job.vendor_based_bookkeeping,
        attachments: exporter.settings.attachments == Policy::Required,
    };
    match patience::ask(exporter, |system| system.check(&needs)) {
        Err(Halt::System(error)) => Err(left_or_failed(exporter, run, error)),
        other => other,
    }
}

/// The next run comes in minutes, so an outage (or books that a person is about to repair) fails the job only when its
/// time runs short.
fn left_or_failed(exporter: &Exporter<'_>, run: &JobRun, error: SystemError) -> Halt {
    if let Err(stopped) = exporter.stop.check() {
        return stopped.into();
    }
    if run.deadline.is_far(Instant::now()) {
        return error.into();
    }
    Halt::CannotGoOn(job_failure(error))
}

fn capabilities(exporter: &Exporter<'_>, run: &JobRun) -> Result<(), JobFailure> {
    let system = exporter.system.describe();
    let invalid = |reason| {
        Err(JobFailure {
            failure_type: JobFailureType::InvalidConfiguration,
            reason,
        })
    };
    if run.job.vendor_based_bookkeeping && !system.payables {
        return invalid(format!(
            "{} cannot keep vendor bills: turn vendor bookkeeping off in Pleo, or ask whoever runs the export to \
             set another accounting system.",
            system.name
        ));
    }
    if exporter.settings.attachments == Policy::Required && system.attachments.is_none() {
        return invalid(cannot_keep_receipts(&system));
    }
    Ok(())
}

/// Why a job fails whose receipts are required, where the system takes none.
pub(super) fn cannot_keep_receipts(system: &Description) -> String {
    format!(
        "{} cannot keep receipts, but receipts are required: ask whoever runs the export to set `attachments` under \
         [bookkeeping] to \"best_effort\" or \"none\".",
        system.name
    )
}
