//! Why the work on a job stops before the job is closed, and what that means for the one who is told.

use chrono::{DateTime, Utc};
use thiserror::Error;

use super::report::{Ending, Problem, ProblemKind};
use crate::checkpoint::{CheckpointError, Fault};
use crate::host::clock;
use crate::host::stop::Stopped;
use crate::model::export_job::ExportJob;
use crate::model::fleet::Unshared;
use crate::model::ids::{JobId, NotAUuid};
use crate::model::verdict::JobFailure;
use crate::pleo::PleoError;
use crate::systems::SystemError;

/// What to do where the program itself failed.
pub const PANICKED: &str = "nothing is lost: what is in the books is found there by the next run; report this, with the \
                            log of a run with -vv";

/// What to do where Pleo rejects to be told of items: in or out of the books, they are found as they are.
const VERDICTS_REJECTED: &str = "ask Pleo's support why, then export them again: what is in the books is found there, not \
                               booked again";

/// What to do where Pleo's list of the items is not as long as it says.
pub(super) const MISCOUNTED: &str = "compare the export with Pleo: what is listed is worked on; export what is missing \
                                     again, and ask Pleo's support why it was not listed";

/// Why the work on a job stops.
#[derive(Debug, Error)]
pub(super) enum Halt {
    #[error(transparent)]
    Pleo(#[from] PleoError),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The accounting system cannot be worked with now.
    #[error(transparent)]
    System(SystemError),
    /// The job cannot be booked: what is left of it is given up, and Pleo is told.
    #[error("{}", .0.reason)]
    CannotGoOn(JobFailure),
    /// The accounting system cannot take a job, which was found before it was worked on.
    #[error("{}", .fault.to_string().replace('\n', " "))]
    NotReady {
        /// What is wrong with it.
        fault: Obstacle,
        /// What became of the job.
        job: Unready,
    },
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The job is not for the company that we work for.
    #[error("job {} is of company {}, and the settings are for another one", .0.id, .0.company_id)]
    OtherCompany(Box<ExportJob>),
    /// What a person named is no id, and the beginning of no single one.
    #[error("the job id {0}")]
    NoSuchJob(NotAUuid),
    /// The job that a person named is not the next in order.
    #[error("job {job} is not next in order: {blocked_by}")]
    NotItsTurn { job: JobId, blocked_by: Blocking },
    /// Another instance started the job first.
    #[error("another instance started the job first")]
    LostToAnother,
    /// The job is in progress for another instance. Answered is which may be taken over.
    #[error("the job is in progress for another instance")]
    NotOurs { adoptable: Option<JobId> },
    /// The same, and a person wished to take it over from that instance, which these books do not allow.
    #[error(
        "job {job} of another instance cannot be taken over: {system} can only be searched, so what that instance has sent \
         there and is not in the books yet would be booked twice"
    )]
    NotAdoptable { job: JobId, system: String },
    /// The answer to `started` was lost and the job is in progress now.
    #[error("the job is in progress, but the answer to our start was lost: another instance may have it")]
    OwnershipUnproven,
    /// Expired, cancelled or closed by another instance.
    #[error("the job ended on Pleo's side")]
    EndedByPleo(Box<ExportJob>),
    /// The job was told to Pleo as failed before anything was booked.
    #[error("{}", .0.reason)]
    JobFailed(JobFailure),
    /// The job's own time is too short for what is left.
    #[error("{0}")]
    OutOfTime(String),
    /// Something must come right by itself first; a later run goes on.
    #[error("{0}")]
    Later(String),
    /// The program itself failed.
    #[error("the program failed over this job, which is an error in pleo-export")]
    Panicked,
    /// Pleo's list is not as long as it says.
    #[error("{0}")]
    Miscounted(String),
    /// Pleo does not take the verdicts of some items.
    #[error("{0}")]
    VerdictsRejected(String),
}

/// Why no job can be booked now.
#[derive(Clone, Debug, Error)]
pub(super) enum Obstacle {
    /// The accounting system says so.
    #[error(transparent)]
    System(SystemError),
    /// The books lack what Pleo was told of.
    #[error("{0}")]
    BooksLack(String),
}

/// What becomes of a job that the accounting system cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unready {
    /// It waits in Pleo, not begun, and is failed from then on if nothing has changed.
    Waits { until: DateTime<Utc> },
    /// It is in progress, and left so for now.
    LeftOpen,
    /// It was told to Pleo as failed, because its time grew short.
    Failed,
}

/// The job that comes first.
#[derive(Debug, Error)]
pub(super) enum Blocking {
    /// In progress, and started here.
    #[error("job {0} was begun here and is still in progress")]
    Ours(JobId),
    /// In progress, and started by another instance.
    #[error("job {0} is in progress for another instance")]
    Elsewhere(JobId),
    /// Pending, and older.
    #[error("job {0} is pending and older")]
    Older(JobId),
}

impl Halt {
    pub(super) fn into_ending(self) -> Ending {
        match self {
            Self::JobFailed(_) => Ending::Failed(self.into_problem()),
            Self::EndedByPleo(_) => Ending::EndedByPleo(self.into_problem()),
            Self::NotReady { job, .. } => {
                let problem = self.into_problem();
                match job {
                    Unready::Waits { .. } => Ending::NotBegun(problem),
                    Unready::LeftOpen => Ending::LeftOpen(problem),
                    Unready::Failed => Ending::Failed(problem),
                }
            }
            _ => Ending::LeftOpen(self.into_problem()),
        }
    }

    pub(super) fn into_problem(self) -> Problem {
        let (kind, hint) = match &self {
            Self::Pleo(error) => (pleo_kind(error), error.hint().into()),
            Self::Checkpoint(error) => (checkpoint_kind(error), error.hint().into()),
            Self::System(error) => about_system(error),
            Self::NotReady { fault: Obstacle::System(error), job } => not_ready(error, *job),
            Self::NotReady { fault: Obstacle::BooksLack(_), job } => (ProblemKind::NeedsPerson, books_lack(*job)),
            Self::Stopped(_) => (ProblemKind::Stopped, "run again to go on".into()),
            Self::OtherCompany(_) => (
                ProblemKind::Configuration,
                "nothing was changed: run it with the settings of that company, or name a job of this one".into(),
            ),
            Self::NoSuchJob(_) => (
                ProblemKind::Usage,
                "name a whole id, or at least eight characters that one job alone begins with; Pleo shows the id of each \
                 export"
                    .into(),
            ),
            Self::NotItsTurn { blocked_by, .. } => (ProblemKind::NeedsPerson, before_its_turn(blocked_by)),
            Self::LostToAnother | Self::NotOurs { adoptable: None } => (
                ProblemKind::NotOurs,
                "let that instance finish it; Pleo ends it by itself when nobody works on it for an hour".into(),
            ),
            Self::NotAdoptable { .. } => (
                ProblemKind::NotOurs,
                "let that instance finish it; if it is gone for good, wait until Pleo ends the job, an hour after its last \
                 word, and export again what the books lack"
                    .into(),
            ),
            Self::NotOurs { adoptable: Some(id) } => (ProblemKind::NotOurs, taken_over_by_hand(id)),
            Self::OwnershipUnproven => (
                ProblemKind::NeedsPerson,
                "make sure that no other instance works on it, then wait until Pleo has ended it and export again".into(),
            ),
            Self::EndedByPleo(_) => (
                ProblemKind::JobFailed,
                "export the open expenses again in Pleo; what is in the books already is found there, not booked again"
                    .into(),
            ),
            Self::JobFailed(_) => {
                (ProblemKind::JobFailed, "nothing was booked: correct the cause, then export again in Pleo".into())
            }
            Self::OutOfTime(_) => (
                ProblemKind::Temporary,
                "export the open expenses again in Pleo, fewer at a time; what is in the books is found there".into(),
            ),
            Self::CannotGoOn(_) => {
                (ProblemKind::JobFailed, "correct the cause, then export again in Pleo".into())
            }
            Self::Panicked => (ProblemKind::Panicked, PANICKED.into()),
            Self::Later(_) => (ProblemKind::Temporary, "run again to go on".into()),
            Self::Miscounted(_) => (ProblemKind::NeedsPerson, MISCOUNTED.into()),
            Self::VerdictsRejected(_) => (
                ProblemKind::NeedsPerson,
                VERDICTS_REJECTED.into(),
            ),
        };
        let message = match &self {
            Self::EndedByPleo(job) => ended(job),
            _ => self.to_string(),
        };
        Problem { kind, message, hint }
    }
}

impl From<Unshared> for Halt {
    fn from(error: Unshared) -> Self {
        Self::Later(error.to_string())
    }
}

impl From<SystemError> for Halt {
    /// Of an answer that was not about one item.
    fn from(error: SystemError) -> Self {
        error
            .into_job_failure()
            .map_or_else(Self::System, Self::CannotGoOn)
    }
}

impl From<PleoError> for Problem {
    fn from(error: PleoError) -> Self {
        Halt::Pleo(error).into_problem()
    }
}

impl From<SystemError> for Problem {
    fn from(error: SystemError) -> Self {
        Halt::System(error).into_problem()
    }
}

impl From<CheckpointError> for Problem {
    fn from(error: CheckpointError) -> Self {
        Halt::Checkpoint(error).into_problem()
    }
}

fn taken_over_by_hand(id: &JobId) -> String {
    format!(
        "let that instance finish it, or take it over with `pleo-export run-job {id} --adopt` when it is gone for good"
    )
}

fn before_its_turn(blocked_by: &Blocking) -> String {
    match blocked_by {
        Blocking::Ours(id) => format!("finish that one first: `pleo-export run-job {id}`"),
        Blocking::Elsewhere(id) => taken_over_by_hand(id),
        Blocking::Older(id) => {
            format!(
                "begin with that one: `pleo-export run-job {id}`; or start this one first with `--out-of-order`"
            )
        }
    }
}

fn ended(job: &ExportJob) -> String {
    let how = match job.failure_reason_type.as_deref() {
        Some("job_expired") => "expired".to_owned(),
        Some("canceled_by_user") => "was cancelled in Pleo".to_owned(),
        Some(other) => format!("ended as {} ({other})", job.status.as_str()),
        None => format!("ended as {}", job.status.as_str()),
    };
    format!("job {} {how} before all of its items were reported", job.id)
}

fn pleo_kind(error: &PleoError) -> ProblemKind {
    match error {
        PleoError::CredentialRejected { .. }
        | PleoError::Disconnected { .. }
        | PleoError::ClientRejected { .. } => ProblemKind::Credential,
        PleoError::NotFound { .. } => ProblemKind::UnknownJob,
        PleoError::OutOfReach { .. }
        | PleoError::LostAnswer { .. }
        | PleoError::LostTokens { .. }
        | PleoError::TokensBusy { .. }
        | PleoError::Withheld(_) => ProblemKind::Temporary,
        PleoError::Stopped(_) => ProblemKind::Stopped,
        PleoError::JobFinished { .. }
        | PleoError::StatusConflict { .. }
        | PleoError::MissingContraAccounts { .. } => ProblemKind::JobFailed,
        PleoError::Settings { .. } => ProblemKind::Configuration,
        PleoError::NeverReached { .. } | PleoError::Untrusted { .. } => ProblemKind::NeverReached,
        PleoError::Contract { .. } | PleoError::TooLarge { .. } | PleoError::NoRefreshToken => {
            ProblemKind::Unexpected
        }
        PleoError::Rejected { answer } if answer.call.is_update_of_a_job() => ProblemKind::NeedsPerson,
        PleoError::Rejected { .. } => ProblemKind::Unexpected,
    }
}

const fn checkpoint_kind(error: &CheckpointError) -> ProblemKind {
    match error.fault {
        Fault::BelongsToAnother { .. } => ProblemKind::Configuration,
        Fault::Damaged(_)
        | Fault::NewerVersion { .. }
        | Fault::Storage(_)
        | Fault::NoFile(_)
        | Fault::NoCheckpoint(_) => ProblemKind::Damaged,
        Fault::Busy(_) => ProblemKind::Temporary,
        Fault::Illegal { .. } | Fault::Missing { .. } => ProblemKind::Unexpected,
    }
}

/// A lasting fault keeps its exit code, whether the job could wait for a person or not.
fn not_ready(error: &SystemError, job: Unready) -> (ProblemKind, String) {
    let kind = match about_system(error).0 {
        ProblemKind::Temporary if job == Unready::Failed => ProblemKind::JobFailed,
        // It is the settings that name what cannot be used.
        ProblemKind::JobFailed => ProblemKind::Configuration,
        kind => kind,
    };
    let hint = match job {
        Unready::Failed => {
            "Pleo was told that this export failed, since its time grew short; nothing was booked: see to the cause, then \
             export again in Pleo"
                .to_owned()
        }
        _ if kind == ProblemKind::Temporary => "run again to go on: what is booked is found first".to_owned(),
        Unready::Waits { until } => {
            format!(
                "see to the cause, then run `pleo-export poll`: the export waits in Pleo until {}, and nothing was booked; after \
                 that Pleo is told that it failed",
                clock::text(until)
            )
        }
        Unready::LeftOpen => {
            "see to the cause, then run again before the export expires: nothing more was booked, and what is in the books \
             is found there"
                .to_owned()
        }
    };
    (kind, hint)
}

fn books_lack(job: Unready) -> String {
    let then = match job {
        Unready::Waits { until } => format!("run again before {}", clock::text(until)),
        Unready::LeftOpen => "run again".to_owned(),
        Unready::Failed => {
            "export again in Pleo, which was told that this export failed, since its time grew short"
                .to_owned()
        }
    };
    format!(
        "mount or restore what is missing, then {then}; if the books are right as they are, run `pleo-export poll \
         --books-are-right`"
    )
}

fn about_system(error: &SystemError) -> (ProblemKind, String) {
    match error {
        SystemError::Unavailable { .. } | SystemError::Unknown { .. } | SystemError::Withheld(_) => (
            ProblemKind::Temporary,
            "run again to go on: what is booked is found first".into(),
        ),
        SystemError::Rejected { .. } | SystemError::Fatal { .. } => (
            ProblemKind::JobFailed,
            "correct the cause, then export again in Pleo".into(),
        ),
        SystemError::Damaged { .. } => (
            ProblemKind::Damaged,
            "see to the books at the place named, then run again: nothing more was booked, and what is in the books is \
             found there"
                .into(),
        ),
        SystemError::Settings { .. } => (
            ProblemKind::Configuration,
            "correct what is named, then run again: nothing more was booked, and what is in the books is found there"
                .into(),
        ),
        SystemError::BookedWrong { .. } => (
            ProblemKind::JobFailed,
            "correct the entry in the accounting system by hand".into(),
        ),
    }
}
