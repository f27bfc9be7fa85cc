//! Step 2: is the accounting system ready for this job? Before any item is read, so failing is safe.
//!
//! Its books are looked at even before step 1 ends.

use std::time::Instant;

use super::halt::Halt;
use super::job::JobRun;
use super::{Exporter, patience};
use crate::model::verdict::{JobFailure, JobFailureType};
use crate::receipts::Policy;
use crate::systems::{JobNeeds, SystemError};

/// Looks at the books before the job is started: what is found wrong now is told with the job left pending, so that a
/// person can mend it and nothing has to be exported again.
pub(super) fn before_start(exporter: &mut Exporter<'_>) -> Result<(), Halt> {
    exporter.system.ready().map_err(Halt::NotReady)
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
        Err(Halt::System(error)) => Err(left_or_failed(run, error)),
        other => other,
    }
}

/// The next run comes in minutes, so an outage (or books that a person is about to repair) fails the job only when its
/// time runs short.
fn left_or_failed(run: &JobRun, error: SystemError) -> Halt {
    if run.deadline.is_far(Instant::now()) {
        return error.into();
    }
    let failure_type = match error {
        SystemError::Damaged { .. } => JobFailureType::ValidationFailure,
        SystemError::Settings { .. } => JobFailureType::InvalidConfiguration,
        _ => JobFailureType::AccountingSystemUnreachable,
    };
    Halt::CannotGoOn(JobFailure {
        failure_type,
        reason: error.to_string(),
    })
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
        return invalid(format!(
            "{} cannot keep receipts, but receipts are required: ask whoever runs the export to set `attachments` under \
             [bookkeeping] to \"best_effort\" or \"none\".",
            system.name
        ));
    }
    Ok(())
}
