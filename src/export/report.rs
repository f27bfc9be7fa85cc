//! What a run says at its end: values that the command line renders.

use crate::checkpoint::Counts;
use crate::model::export_job::JobStatus;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::verdict::Failure;

/// What a run did.
#[derive(Debug, Default)]
pub struct RunReport {
    /// The jobs worked on, in order.
    pub jobs: Vec<JobReport>,
    /// What ended the run outside of any job.
    pub problem: Option<Problem>,
}

impl RunReport {
    /// Whether another job may be begun: not after something that would stop the next one just the same.
    pub(super) fn may_go_on(&self) -> bool {
        self.problem.is_none() && self.jobs.last().is_none_or(|job| job.ending.may_go_on())
    }
}

/// What became of one job.
#[derive(Debug)]
pub struct JobReport {
    /// Which.
    pub id: JobId,
    /// How it ended.
    pub ending: Ending,
    /// Its items by verdict.
    pub counts: Counts,
    /// Each failed item.
    pub failures: Vec<(AccountingEntryId, Failure)>,
    /// What the pre-check refused, by cause with counts, most frequent first.
    pub refusals: Vec<(String, usize)>,
}

/// How the work on a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Closed with this status, by us now or earlier.
    Closed(JobStatus),
    /// Closed, but Pleo refused some verdicts or a person must look into the books.
    ClosedButNeedsPerson(JobStatus, Problem),
    /// It was over before this run and not through us, or it was closed earlier with this status.
    AlreadyOver(JobStatus),
    /// Told to Pleo as failed before anything was booked.
    Failed(Problem),
    /// Expired, cancelled or closed by somebody else while we worked.
    EndedByPleo(Problem),
    /// Left open; a later run goes on with it.
    LeftOpen(Problem),
}

impl Ending {
    pub(super) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Closed(_) | Self::AlreadyOver(_) => None,
            Self::ClosedButNeedsPerson(_, problem)
            | Self::Failed(problem)
            | Self::EndedByPleo(problem)
            | Self::LeftOpen(problem) => Some(problem),
        }
    }

    fn may_go_on(&self) -> bool {
        match self {
            Self::Closed(_)
            | Self::ClosedButNeedsPerson(..)
            | Self::AlreadyOver(_)
            | Self::Failed(_)
            | Self::EndedByPleo(_) => true,
            // Pleo runs one job of a company at a time, so an open job holds up the next. Where the program itself failed
            // over one, it may not have begun with it.
            Self::LeftOpen(problem) => problem.kind == ProblemKind::Panicked,
        }
    }
}

/// Something a person or a scheduler has to react to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of reaction it asks for.
    pub kind: ProblemKind,
    /// What happened, to what.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What kind of reaction a problem asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemKind {
    /// Something nobody foresaw.
    Unexpected,
    /// The program itself failed.
    Panicked,
    /// The checkpoint or the books are damaged.
    Damaged,
    /// The command line is wrong.
    Usage,
    /// The settings are wrong for this.
    Configuration,
    /// Pleo refused the credential.
    Credential,
    /// Pleo does not know the job.
    UnknownJob,
    /// The job is in other hands.
    NotOurs,
    /// The job failed as a whole, or ended on Pleo's side.
    JobFailed,
    /// Out of reach for now; run again.
    Temporary,
    /// Stopped by a signal; run again.
    Stopped,
    /// A person must decide.
    NeedsPerson,
}

impl ProblemKind {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unexpected | Self::Panicked => "unexpected",
            Self::Damaged => "damaged",
            Self::Usage => "usage",
            Self::Configuration => "configuration",
            Self::Credential => "credential_refused",
            Self::UnknownJob => "unknown_job",
            Self::NotOurs => "not_ours",
            Self::JobFailed => "job_failed",
            Self::Temporary => "temporary",
            Self::Stopped => "stopped",
            Self::NeedsPerson => "needs_person",
        }
    }
}
