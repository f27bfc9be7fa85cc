//! Step 2: is the accounting system ready for this job? Before any item is read, so failing is safe.
//!
//! Its books are looked at even before step 1 ends.

use std::time::Instant;

use chrono::{DateTime, Utc};

use super::deadline::Deadline;
use super::halt::{Halt, Obstacle, Unready};
use super::tools::{Exporter, JobRun};
use super::{complete, lacking, patience};
use crate::model::export_job::ExportJob;
use crate::model::verdict::{JobFailure, JobFailureType};
use crate::receipts::Policy;
use crate::systems::{Ability, Description, JobNeeds, RECEIPTS_REMEDY, SystemError};

/// Looks at the accounting system before the job is started. What is found wrong now leaves the job pending as long as
/// more than half of its lifetime remains, so that a person can mend it and nothing has to be exported again. Answered is
/// the fault with which it is then to be started and failed, so that it does not expire without a reason.
///
/// Whether a pending job expires at all is not documented. One that is older than its lifetime has not, so it waits on.
pub(super) fn before_start(exporter: &mut Exporter<'_>, job: &ExportJob) -> Result<Option<Obstacle>, Halt> {
    let found = match exporter.system.ready() {
        Err(error) => Some(Obstacle::System(error)),
        Ok(()) => lacking::before_start(exporter)?,
    };
    left_or_found(exporter, job, found, |until| Unready::Waits { until })
}

/// The same for a job in progress that is to be gone on with. What is wrong late in its life is left to the steps, which
/// look at what is in the books already, and answered.
pub(super) fn before_going_on(
    exporter: &mut Exporter<'_>,
    job: &ExportJob,
) -> Result<Option<Obstacle>, Halt> {
    let found = exporter.system.ready().err().map(Obstacle::System);
    left_or_found(exporter, job, found, |_| Unready::LeftOpen)
}

fn left_or_found(
    exporter: &Exporter<'_>,
    job: &ExportJob,
    found: Option<Obstacle>,
    left: impl FnOnce(DateTime<Utc>) -> Unready,
) -> Result<Option<Obstacle>, Halt> {
    let Some(fault) = found else {
        return Ok(None);
    };
    // What a request to stop cut off is no fault of the system's.
    exporter.stop.check()?;
    let now = Instant::now();
    let deadline = Deadline::of(job, exporter.pleo.server_time(), now);
    if deadline.is_far(now) {
        let job = left(deadline.far_until(now));
        return Err(Halt::NotReady { fault, job });
    }
    Ok(Some(fault))
}

/// Checks what the system can do, and the system itself.
pub(super) fn validate(run: &mut JobRun<'_>) -> Result<(), Halt> {
    let needs = JobNeeds {
        job_id: run.job.id.clone(),
        company_id: run.job.company_id.clone(),
        payables: run.job.vendor_based_bookkeeping,
        attachments: run.exporter.settings.attachments == Policy::Required,
    };
    if let Some(reason) = lacking_ability(&run.exporter.system.describe(), &needs) {
        return Err(Halt::CannotGoOn(JobFailure {
            failure_type: JobFailureType::InvalidConfiguration,
            reason,
        }));
    }
    match patience::ask(&mut run.exporter, |system| system.check(&needs)) {
        Err(Halt::System(error)) => Err(left_or_failed(run, error)?),
        other => other,
    }
}

/// The next run comes in minutes, so an outage (or books that a person is about to repair) fails the job only when its
/// time runs short.
fn left_or_failed(run: &mut JobRun<'_>, error: SystemError) -> Result<Halt, Halt> {
    run.exporter.stop.check()?;
    if run.deadline.is_far(Instant::now()) {
        return Ok(error.into());
    }
    Ok(if lacking::is_unbegun(run)? {
        complete::fail_unready(run, Obstacle::System(error))
    } else {
        Halt::CannotGoOn(complete::job_failure(error))
    })
}

/// What the system cannot do of what a job needs, with what to do about it.
pub(super) fn lacking_ability(system: &Description, needs: &JobNeeds) -> Option<String> {
    let bills = system.lack(Ability::VendorBills).filter(|_| needs.payables);
    let receipts = system.lack(Ability::Receipts).filter(|_| needs.attachments);
    bills
        .map(|lack| {
            format!(
                "{lack}: turn vendor bookkeeping off in Pleo, or ask whoever runs the export to set another accounting \
                 system."
            )
        })
        .or_else(|| receipts.map(|lack| format!("{lack}: ask whoever runs the export to {RECEIPTS_REMEDY}.")))
}
