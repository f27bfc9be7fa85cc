//! What a run says, as a table for people or one JSON document for scripts.

mod failures;
pub(super) mod totals;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::as_typed::as_typed;
use super::exit::Exit;
use super::table::safe;
use super::terminal::Stream;
use crate::checkpoint::Blocked;
use crate::export::report::{Blocker, Ending, JobReport, Problem, ProblemKind, RunReport, held_up};
use crate::host::counted::counted;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::Failure;

pub(super) use failures::failures_table;
use totals::TotalsDocument;

/// What a run answers.
pub(super) struct Answer {
    report: RunReport,
    /// What a person is told in the place of what went wrong, since it has for too long.
    alarm: Option<Problem>,
    /// Nothing was looked for, since another run does.
    is_left_to_another: bool,
}

impl Answer {
    pub(super) fn of_run(report: RunReport) -> Self {
        Self {
            report,
            alarm: None,
            is_left_to_another: false,
        }
    }

    pub(super) fn of_problem(problem: Problem) -> Self {
        Self::of_run(RunReport {
            problem: Some(problem),
            ..RunReport::default()
        })
    }

    /// Another run is at work.
    pub(super) fn left_to_another() -> Self {
        Self {
            report: RunReport::default(),
            alarm: None,
            is_left_to_another: true,
        }
    }

    /// What a person is told who sees nothing else.
    pub(super) fn idle(&self) -> Option<&'static str> {
        let is_idle = !self.is_left_to_another && self.report.blocked_by.is_none();
        is_idle.then_some("Nothing to do.")
    }

    /// The job of another instance that kept this run from starting any.
    pub(super) fn blocked_by(&self) -> Option<&Blocker> {
        self.report.blocked_by.as_ref()
    }

    /// The worst of its jobs and its own problem.
    pub(super) fn exit(&self) -> Exit {
        self.exit_with(self.alarm.as_ref())
    }

    /// Whether it went wrong for a reason that may pass, for however long it has.
    #[cfg(any(test, feature = "listen"))]
    pub(super) fn may_pass(&self) -> bool {
        self.exit_with(None) == Exit::Temporary
    }

    fn exit_with(&self, alarm: Option<&Problem>) -> Exit {
        let jobs = self.report.jobs.iter().map(job_exit);
        let own = alarm.into_iter().chain(&self.report.problem);
        jobs.chain(own.map(|problem| problem_exit(problem.kind)))
            .fold(Exit::Done, Exit::worst)
    }

    /// What the exit code is about: the worst that went wrong, and the last of several such.
    pub(super) fn problem(&self) -> Option<&Problem> {
        self.problems()
            .max_by_key(|problem| problem_exit(problem.kind).urgency())
    }

    /// Says this of the whole run, in the place of its own problem.
    pub(super) fn raise_alarm(&mut self, problem: Problem) {
        self.alarm = Some(problem);
    }

    /// For people, on stdout; empty where there was nothing to do.
    pub(super) fn text(&self) -> String {
        let jobs: String = self.report.jobs.iter().map(job_text).collect();
        jobs + &self.left_aside()
    }

    /// The job that was begun and is left to another instance; a person hears of it whatever else is said.
    fn left_aside(&self) -> String {
        match (&self.report.blocked_by, &self.report.left_aside) {
            (Some(blocker), Some(why)) => {
                format!("Job {} left to another instance: {}\n", blocker.id, safe(why))
            }
            _ => String::new(),
        }
    }

    /// The same, of the jobs alone that did not go well.
    pub(super) fn text_of_failures(&self) -> String {
        let jobs = self.report.jobs.iter().filter(|job| job_exit(job) != Exit::Done);
        jobs.map(job_failures).collect::<String>() + &self.left_aside()
    }

    /// For how long the oldest job has waited in Pleo; nothing where that is not known.
    pub(super) fn oldest_pending(&self) -> Option<TimeDelta> {
        self.report.oldest_pending()
    }

    /// What was done, in a few words.
    pub(super) fn summary(&self) -> String {
        let jobs = &self.report.jobs;
        let sum = |count: fn(&JobReport) -> u64| jobs.iter().map(count).sum::<u64>();
        let done = match jobs.len() {
            0 => "nothing to do".to_owned(),
            count => format!(
                "{}: {}, {} booked, {} failed",
                counted(count, "job"),
                counted(sum(|job| job.counts.total), "item"),
                sum(|job| job.counts.successful),
                sum(|job| job.counts.failed)
            ),
        };
        match (self.blocked_by(), jobs.is_empty()) {
            (Some(blocker), true) => held_up(&blocker.id).0,
            (Some(blocker), false) => format!("{done}; {}", held_up(&blocker.id).0),
            (None, _) => done,
        }
    }

    /// Everything that went wrong, in order.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Problem> {
        let of_jobs = self.report.jobs.iter().filter_map(|job| job.ending.problem());
        of_jobs.chain(self.alarm.as_ref().or(self.report.problem.as_ref()))
    }

    /// For scripts.
    pub(super) fn json(&self, exit: Exit) -> String {
        document(&RunDocument {
            answer: Document {
                schema_version: 1,
                exit_code: exit.code(),
                jobs: self.report.jobs.iter().map(JobDocument::from).collect(),
                error: self.problem().map(ErrorDocument::from),
            },
            blocked_by: self.blocked_by().map(BlockerDocument::from),
        })
    }
}

/// One document and its line end.
pub(super) fn document(value: &impl Serialize) -> String {
    match serde_json::to_string_pretty(value) {
        Ok(text) => text + "\n",
        // Plain structs of texts and numbers always serialise.
        Err(error) => format!(
            "{{\"schema_version\":1,\"exit_code\":1,\"jobs\":[],\"error\":{{\"kind\":\"unexpected\",\"message\":\"{error}\",\"hint\":\"\"}}}}\n"
        ),
    }
}

/// What every command answers with `--json`; the jobs are told in the command's own way.
#[derive(Serialize)]
pub(super) struct Document<Job> {
    pub(super) schema_version: u32,
    pub(super) exit_code: u8,
    pub(super) jobs: Vec<Job>,
    pub(super) error: Option<ErrorDocument>,
}

impl Document<()> {
    /// The head of what a command answers that works on no jobs.
    pub(super) fn without_jobs(exit: Exit, problem: Option<&Problem>) -> Self {
        Self {
            schema_version: 1,
            exit_code: exit.code(),
            jobs: Vec::new(),
            error: problem.map(ErrorDocument::from),
        }
    }
}

/// What a run answers beside that.
#[derive(Serialize)]
struct RunDocument {
    #[serde(flatten)]
    answer: Document<JobDocument>,
    blocked_by: Option<BlockerDocument>,
}

/// The job of another instance that the company's next ones wait for.
#[derive(Serialize)]
pub(super) struct BlockerDocument {
    id: String,
    #[serde(rename = "lastUpdatedAt")]
    last_updated_at: DateTime<Utc>,
}

impl From<&Blocker> for BlockerDocument {
    fn from(blocker: &Blocker) -> Self {
        Self {
            id: blocker.id.to_string(),
            last_updated_at: blocker.last_updated_at,
        }
    }
}

impl From<&Blocked> for BlockerDocument {
    fn from(blocked: &Blocked) -> Self {
        Self {
            id: blocked.by.to_string(),
            last_updated_at: blocked.last_updated_at,
        }
    }
}

#[derive(Serialize)]
struct JobDocument {
    id: String,
    status: &'static str,
    items: ItemsDocument,
    failures: Vec<FailureDocument>,
    refusals: Vec<RefusalDocument>,
    #[serde(flatten)]
    totals: TotalsDocument,
    problem: Option<ErrorDocument>,
}

/// How many items have which verdict.
#[derive(Serialize)]
pub(super) struct ItemsDocument {
    pub(super) total: u64,
    pub(super) successful: u64,
    pub(super) failed: u64,
    pub(super) open: u64,
}

impl From<crate::checkpoint::Counts> for ItemsDocument {
    fn from(counts: crate::checkpoint::Counts) -> Self {
        Self {
            total: counts.total,
            successful: counts.successful,
            failed: counts.failed,
            open: counts.open,
        }
    }
}

/// One failed item.
#[derive(Serialize)]
pub(super) struct FailureDocument {
    #[serde(rename = "accountingEntryId")]
    pub(super) accounting_entry_id: String,
    #[serde(rename = "type")]
    pub(super) failure_type: &'static str,
    pub(super) reason: String,
}

/// A cause of refusals and how many items it has.
#[derive(Serialize)]
pub(super) struct RefusalDocument {
    cause: String,
    items: usize,
}

impl From<&(String, usize)> for RefusalDocument {
    fn from((cause, items): &(String, usize)) -> Self {
        Self {
            cause: cause.clone(),
            items: *items,
        }
    }
}

impl From<&(AccountingEntryId, Failure)> for FailureDocument {
    fn from((entry_id, failure): &(AccountingEntryId, Failure)) -> Self {
        Self {
            accounting_entry_id: entry_id.as_str().to_owned(),
            failure_type: failure.failure_type().as_str(),
            reason: failure.text(),
        }
    }
}

/// What went wrong.
#[derive(Serialize)]
pub(super) struct ErrorDocument {
    pub(super) kind: &'static str,
    pub(super) message: String,
    pub(super) hint: String,
}

impl From<&Problem> for ErrorDocument {
    fn from(problem: &Problem) -> Self {
        Self {
            kind: problem.kind.as_str(),
            message: as_typed(&problem.message),
            hint: as_typed(&problem.hint),
        }
    }
}

impl From<&JobReport> for JobDocument {
    fn from(job: &JobReport) -> Self {
        Self {
            id: job.id.to_string(),
            status: ending_word(&job.ending),
            items: job.counts.into(),
            failures: job.failures.iter().map(FailureDocument::from).collect(),
            refusals: job.totals.refusals.iter().map(RefusalDocument::from).collect(),
            totals: TotalsDocument::from(&job.totals),
            problem: job.ending.problem().map(ErrorDocument::from),
        }
    }
}

fn job_exit(job: &JobReport) -> Exit {
    use crate::model::export_job::JobStatus;
    match &job.ending {
        Ending::Closed(_) if job.counts.failed == 0 => Exit::Done,
        Ending::Closed(_) => Exit::ItemsFailed,
        Ending::AlreadyOver(JobStatus::Completed) => Exit::Done,
        Ending::AlreadyOver(JobStatus::CompletedWithErrors) => Exit::ItemsFailed,
        Ending::AlreadyOver(_) if job.counts.failed > 0 && job.counts.open == 0 => Exit::ItemsFailed,
        Ending::AlreadyOver(_) => Exit::JobFailed,
        Ending::ClosedButNeedsPerson(_, problem)
        | Ending::Failed(problem)
        | Ending::EndedByPleo(problem)
        | Ending::LeftOpen(problem)
        | Ending::NotBegun(problem) => problem_exit(problem.kind),
    }
}

pub(super) const fn problem_exit(kind: ProblemKind) -> Exit {
    match kind {
        ProblemKind::Unexpected | ProblemKind::Panicked | ProblemKind::Damaged => Exit::Unexpected,
        ProblemKind::Usage
        | ProblemKind::Configuration
        | ProblemKind::NeverReached
        | ProblemKind::Credential
        | ProblemKind::UnknownJob => Exit::Usage,
        ProblemKind::NotOurs | ProblemKind::NeedsPerson => Exit::NeedsPerson,
        ProblemKind::JobFailed => Exit::JobFailed,
        ProblemKind::Temporary | ProblemKind::Stopped => Exit::Temporary,
    }
}

fn ending_word(ending: &Ending) -> &'static str {
    use crate::model::export_job::JobStatus;
    match ending {
        Ending::Closed(status) | Ending::ClosedButNeedsPerson(status, _) | Ending::AlreadyOver(status) => {
            match status {
                JobStatus::Completed => "completed",
                JobStatus::CompletedWithErrors => "completed_with_errors",
                JobStatus::Failed => "failed",
                JobStatus::Pending => "pending",
                JobStatus::InProgress => "in_progress",
                JobStatus::Unknown(_) => "unknown",
            }
        }
        Ending::Failed(_) | Ending::EndedByPleo(_) => "failed",
        Ending::LeftOpen(_) => "in_progress",
        Ending::NotBegun(_) => "pending",
    }
}

fn job_text(job: &JobReport) -> String {
    job_failures(job) + &totals::text(&job.totals)
}

/// How the job ended and what of it failed.
fn job_failures(job: &JobReport) -> String {
    let counts = &job.counts;
    let word = match &job.ending {
        Ending::AlreadyOver(_) => format!("was over already: {}", ending_word(&job.ending).replace('_', " ")),
        ending => ending_word(ending).replace('_', " "),
    };
    let open = match counts.open {
        0 => String::new(),
        open => format!(", {open} open"),
    };
    let (id, total, booked, failed) = (
        &job.id,
        counted(counts.total, "item"),
        counts.successful,
        counts.failed,
    );
    let failed = match failed {
        0 => "0 failed".to_owned(),
        some => Stream::Out.red(&format!("{some} failed")),
    };
    let mut text = format!("Job {id} {word}: {total}, {booked} booked, {failed}{open}\n");
    text.push_str(&failures_table(&job.failures));
    text
}

/// A problem for people, on stderr.
pub(super) fn problem_text(problem: &Problem) -> String {
    format!(
        "{} {}\n  hint: {}\n",
        Stream::Err.red("error:"),
        safe(&as_typed(&problem.message)),
        safe(&as_typed(&problem.hint))
    )
}
