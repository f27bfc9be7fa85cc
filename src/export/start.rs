//! Step 1, second half: make the job ours. The first call that changes anything at Pleo.

use tracing::{info, warn};

use super::halt::{Halt, Obstacle, Unready};
use super::permit::{self, Others};
use super::tools::Exporter;
use super::{confirm, validate};
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::export_job::{ExportJob, ItemStatus, JobStatus};
use crate::model::state::{JobEvent, JobState};
use crate::pleo::{ExportJobEvent, PleoError};

/// How often `started` is sent when its answer is lost and the job is still pending.
const START_ATTEMPTS: usize = 3;

/// Why this job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// It is its turn: the oldest pending one, or one of ours that was left.
    InTurn,
    /// A person named it.
    Named,
    /// A person named it and said to take it over.
    Adopt,
}

/// What came of the claim.
pub(super) enum Start {
    /// It is ours and in progress.
    Ours(ExportJob),
    /// The same, and it is to be failed for this: it could wait no longer.
    Unready(ExportJob, Obstacle),
    /// It was over already.
    Over(ExportJob),
}

/// Makes the job ours, or says why it cannot be.
pub(super) fn start(exporter: &mut Exporter<'_>, job: ExportJob, claim: Claim) -> Result<Start, Halt> {
    // The list may be old by now: the decision is made on a fresh reading.
    let mut job = exporter.pleo.job(&job.id)?;
    let state = exporter.checkpoint.job(&job.id)?.map(|record| record.state);
    // An earlier start of ours may take effect at any time.
    let mut may_be_started = state.is_some_and(JobState::is_open);
    let mut unconfirmed = None;
    for _ in 0..START_ATTEMPTS {
        match job.status {
            JobStatus::Pending => {}
            JobStatus::InProgress => return go_on(exporter, job, claim),
            JobStatus::Failed | JobStatus::Completed | JobStatus::CompletedWithErrors => {
                return Ok(Start::Over(job));
            }
            JobStatus::Unknown(ref status) => {
                return Err(Halt::Later(format!(
                    "job {} has the status `{status}`, which is not known here",
                    job.id
                )));
            }
        }
        let fault = validate::before_start(exporter, &job)?;
        exporter.checkpoint.claim_job(&job, clock::now())?;
        exporter.fleet.will_start(&job.id)?;
        // Looking at the books may have taken long, and others poll too.
        let permit = permit::for_job(exporter, &job.id, JobStatus::Pending);
        match exporter
            .pleo
            .send_event(&permit, &job.id, &ExportJobEvent::Started)
        {
            Ok(()) => {
                return Ok(match (confirm_start(exporter, &job)?, fault) {
                    (Start::Ours(job), Some(fault)) => Start::Unready(job, fault),
                    (start, _) => start,
                });
            }
            // Whether another instance has it is for the job itself to say, and what answers may lag behind.
            Err(error @ PleoError::StatusConflict { .. }) => {
                let shown = confirm::read_until(exporter, &job.id, |status| *status != JobStatus::Pending)?;
                job = shown.ok_or_else(|| not_started(&job, &error))?;
            }
            Err(error @ (PleoError::Withheld(_) | PleoError::LostAnswer { .. })) => {
                may_be_started |= matches!(error, PleoError::LostAnswer { .. });
                job = exporter.pleo.job(&job.id)?;
                unconfirmed = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
        if job.status == JobStatus::InProgress && !may_be_started {
            let note = "another instance started it first";
            exporter.note(&job.id, JobEvent::LostToAnother, note)?;
            return Err(Halt::LostToAnother);
        }
    }
    Err(match unconfirmed {
        Some(error) => not_started(&job, &error),
        None => Halt::Later(format!("Pleo does not confirm the start of job {}", job.id)),
    })
}

/// A later run tries again. Pleo rejects the start also while another job of the company is in progress.
fn not_started(job: &ExportJob, error: &PleoError) -> Halt {
    Halt::Later(format!(
        "Pleo does not confirm the start of job {}: {error}",
        job.id
    ))
}

/// Pleo took our start. The job is read again, because starting moved the time at which it expires, and because
/// "accepted" is not yet "started".
fn confirm_start(exporter: &mut Exporter<'_>, job: &ExportJob) -> Result<Start, Halt> {
    exporter.note(&job.id, JobEvent::Started, "Pleo accepted our start")?;
    let read = confirm::read_until(exporter, &job.id, |status| *status != JobStatus::Pending)?;
    let Some(job) = read else {
        let id = &job.id;
        return Err(Halt::Later(format!(
            "Pleo has accepted the start of job {id}, but still shows it as pending"
        )));
    };
    if job.status.is_final() {
        return Ok(Start::Over(job));
    }
    info!(
        "started job {} with {}",
        job.id,
        counted(job.number_of_items, "item")
    );
    Ok(Start::Ours(job))
}

/// A job in progress is never sent `started`; the question is only whether it is ours.
fn go_on(exporter: &mut Exporter<'_>, job: ExportJob, claim: Claim) -> Result<Start, Halt> {
    let repeatable = exporter.system.describe().create.is_repeatable();
    let state = exporter.checkpoint.job(&job.id)?.map(|record| record.state);
    let fault = if state.is_some_and(JobState::is_open) || claim == Claim::Adopt {
        validate::before_going_on(exporter, &job)?
    } else {
        None
    };
    let is_known_as_ours = matches!(state, Some(JobState::Started | JobState::Closing));
    // What cannot even start does not say how far booking twice is safe there.
    if let (Some(fault), false, false) = (fault, repeatable, is_known_as_ours) {
        return Err(Halt::NotReady {
            fault,
            job: Unready::LeftOpen,
        });
    }
    match state {
        Some(JobState::Started | JobState::Closing) => {}
        Some(JobState::Starting) if claim != Claim::Adopt => return unproven(exporter, job),
        Some(JobState::Starting | JobState::Foreign | JobState::Ended | JobState::Closed) | None => {
            if claim != Claim::Adopt {
                return Err(Halt::NotOurs {
                    adoptable: repeatable.then(|| job.id.clone()),
                });
            }
            if !repeatable {
                return Err(Halt::NotAdoptable {
                    job: job.id.clone(),
                    system: exporter.system.describe().name,
                });
            }
            exporter.checkpoint.adopt_job(&job, clock::now())?;
            exporter
                .fleet
                .job_event(&job.id, JobEvent::Started, "taken over from another instance");
            warn!("took over job {} from another instance", job.id);
        }
    }
    info!("going on with job {}", job.id);
    Ok(Start::Ours(job))
}

/// In progress after an answer that was lost: through our start or another instance's. Another instance would begin with
/// the items before long; where none was begun after a while, the job is ours. What is found otherwise is not kept,
/// so that the next run judges anew.
fn unproven(exporter: &mut Exporter<'_>, job: ExportJob) -> Result<Start, Halt> {
    let adoptable = exporter.system.describe().create.is_repeatable();
    info!(
        "the answer to our start of job {} was lost; waiting to see whether another instance has it",
        job.id
    );
    let mut is_begun = false;
    exporter.pleo.control_layer(&job.id, |page| -> Result<(), Halt> {
        exporter.stop.check()?;
        is_begun |= page.iter().any(|item| item.status != ItemStatus::Pending);
        Ok(())
    })?;
    let not_ours = Halt::NotOurs {
        adoptable: adoptable.then(|| job.id.clone()),
    };
    if is_begun {
        return Err(not_ours);
    }
    let job = match permit::look_for_others(exporter, &job.id)? {
        Others::AtWork => return Err(not_ours),
        Others::Nowhere(job) if job.status.is_final() => return Ok(Start::Over(*job)),
        Others::Nowhere(_) if !adoptable => return Err(Halt::OwnershipUnproven),
        Others::Nowhere(job) => *job,
    };
    // Another may think the same: the last look is taken right before our first word.
    exporter.pleo.doubt(&job.id);
    let note = "in progress after a lost answer, and nobody has begun with it";
    exporter.note(&job.id, JobEvent::Started, note)?;
    info!("going on with job {}", job.id);
    Ok(Start::Ours(job))
}
