//! The seven steps for one job.

use std::collections::HashMap;

use tracing::warn;

use super::Exporter;
use super::deadline::{self, Deadline};
use super::halt::Halt;
use super::report::{Ending, JobTotals, Problem, ProblemKind};
use super::start::{Claim, Start};
use super::{complete, control, data, give_up, permit, process, start, validate};
use crate::host::clock;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::AccountingEntryId;
use crate::model::permit::Permit;
use crate::model::state::{JobEvent, JobState};

/// So many items are named to a person.
const MOST_NAMED: usize = 20;

/// Takes one job through all steps. `refusals` receives what the pre-check found and `totals` what was done to the books,
/// also when the job halts later.
pub(super) fn work(
    exporter: &mut Exporter<'_>,
    job: ExportJob,
    claim: Claim,
    refusals: &mut Vec<(String, usize)>,
    totals: &mut JobTotals,
) -> Result<Ending, Halt> {
    let (job, fault) = match start::start(exporter, job, claim)? {
        Start::Ours(job) => (job, None),
        Start::Unready(job, fault) => (job, Some(fault)),
        Start::Over(job) => return settle_finished(exporter, job),
    };
    exporter.progress.begin(&job.id, job.number_of_items);
    let mut run = JobRun::new(exporter, job)?;
    let outcome = match fault {
        Some(fault) => validate::fail_unready(exporter, &mut run, fault),
        None => until_permitted(exporter, &mut run, refusals),
    };
    *totals = run.totals;
    match outcome {
        Err(Halt::EndedByPleo(job)) => ended(exporter, job),
        other => other,
    }
}

/// The steps, and all of them anew each time that this process finds it was away and may go on.
fn until_permitted(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    refusals: &mut Vec<(String, usize)>,
) -> Result<Ending, Halt> {
    loop {
        match steps(exporter, run, refusals) {
            Err(halt) if permit::is_withheld(&halt) => {
                warn!("{halt}");
                permit::regain(exporter, run)?;
            }
            outcome => return outcome,
        }
    }
}

fn steps(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    refusals: &mut Vec<(String, usize)>,
) -> Result<Ending, Halt> {
    match verdicts_told(exporter, run, refusals) {
        Ok(()) => complete::close(exporter, run),
        Err(Halt::CannotGoOn(failure)) => give_up::give_up(exporter, run, &failure),
        Err(halt) => Err(halt),
    }
}

/// All steps up to where every item has its verdict and Pleo was told.
fn verdicts_told(
    exporter: &mut Exporter<'_>,
    run: &mut JobRun,
    refusals: &mut Vec<(String, usize)>,
) -> Result<(), Halt> {
    validate::validate(exporter, run)?;
    control::read(exporter, run)?;
    // Verdicts of an earlier process that Pleo does not have are proven afresh before they are sent.
    exporter.checkpoint.begin_run(&run.job.id, clock::now())?;
    let references = data::read(exporter, &run.job)?;
    let outcome = process::process(exporter, run, &references, refusals);
    let notices = exporter.system.notices();
    run.totals.notices = notices.iter().map(ToString::to_string).collect();
    outcome
}

/// A job that was over when we reached for it: say so, and note it where it was ours.
fn settle_finished(exporter: &mut Exporter<'_>, job: ExportJob) -> Result<Ending, Halt> {
    let Some(record) = exporter.checkpoint.job(&job.id)? else {
        return Ok(Ending::AlreadyOver(job.status));
    };
    match record.state {
        JobState::Closing
            if record
                .closing
                .as_ref()
                .is_some_and(|closing| closing.is_shown_by(&job)) =>
        {
            // The answer to our final event was lost; the verdicts are there if the control layer says so.
            let miscount = control::miscount(exporter, &job)?;
            let without_verdict = control::without_verdict(exporter, &job)?;
            exporter
                .checkpoint
                .job_event(&job.id, JobEvent::Closed, job.status.as_str(), clock::now())?;
            match record.closing.and_then(|closing| closing.failure) {
                // Without a single verdict the job failed as a whole.
                Some(failure) if exporter.checkpoint.failures(&job.id)?.is_empty() => {
                    Err(Halt::JobFailed(failure))
                }
                _ if !without_verdict.is_empty() => Ok(closed_without(&job, &without_verdict)),
                _ => Ok(complete::told(
                    exporter,
                    &job.id,
                    job.status,
                    miscount.as_deref(),
                )?),
            }
        }
        JobState::Starting | JobState::Started | JobState::Closing => ended(exporter, Box::new(job)),
        JobState::Closed | JobState::Ended | JobState::Foreign => Ok(Ending::AlreadyOver(job.status)),
    }
}

/// A job that ended without us. Completed it should have its verdicts, from us before this checkpoint was restored or from
/// another instance; else they are still to come.
fn ended(exporter: &mut Exporter<'_>, job: Box<ExportJob>) -> Result<Ending, Halt> {
    let is_completed = matches!(job.status, JobStatus::Completed | JobStatus::CompletedWithErrors);
    let without_verdict = if is_completed {
        control::without_verdict(exporter, &job)?
    } else {
        Vec::new()
    };
    exporter
        .checkpoint
        .job_event(&job.id, JobEvent::EndedByPleo, job.status.as_str(), clock::now())?;
    match (is_completed, &*without_verdict) {
        (true, []) => Ok(Ending::AlreadyOver(job.status)),
        (true, without) => Ok(closed_without(&job, without)),
        (false, _) => Err(Halt::EndedByPleo(job)),
    }
}

/// Whoever closed it left items behind: nobody else will tell of them.
fn closed_without(job: &ExportJob, without_verdict: &[AccountingEntryId]) -> Ending {
    let named: Vec<&str> = without_verdict
        .iter()
        .take(MOST_NAMED)
        .map(AccountingEntryId::as_str)
        .collect();
    let more = match without_verdict.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let problem = Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!(
            "job {} was closed as {} while {} of its items had no verdict: {}{more}",
            job.id,
            job.status.as_str(),
            without_verdict.len(),
            named.join(", ")
        ),
        hint: "export them again in Pleo; what is in the books already is found there, not booked again"
            .into(),
    };
    Ending::ClosedButNeedsPerson(job.status.clone(), problem)
}

/// The job in hand and its time.
pub(super) struct JobRun {
    pub(super) job: ExportJob,
    pub(super) deadline: Deadline,
    pub(super) totals: JobTotals,
    /// Asked for before whatever writes.
    pub(super) permit: Permit,
    /// How often it was withheld and the work begun anew.
    pub(super) returns: u32,
    /// How Pleo's count of the items differs from its list, when it does.
    pub(super) miscount: Option<String>,
    /// Items with which this run is the first to have begun and that surely were not sent, each with whether the books were
    /// asked and had nothing of it.
    pub(super) unsent: HashMap<AccountingEntryId, bool>,
}

impl JobRun {
    fn new(exporter: &mut Exporter<'_>, job: ExportJob) -> Result<Self, Halt> {
        deadline::follow_clock(&job, exporter.pleo.server_time());
        let deadline = Deadline::of(&job, exporter.pleo.server_time());
        exporter
            .checkpoint
            .remember_deadline(&job.id, deadline.expires_at())?;
        Ok(Self {
            permit: permit::for_job(exporter, &job.id, JobStatus::InProgress),
            returns: 0,
            job,
            deadline,
            totals: JobTotals::default(),
            miscount: None,
            unsent: HashMap::new(),
        })
    }

    /// Reads the job again: the time at which it expires moves with our updates. A job that is over halts.
    pub(super) fn refresh(&mut self, exporter: &mut Exporter<'_>) -> Result<(), Halt> {
        self.job = exporter.pleo.job(&self.job.id)?;
        if self.job.status.is_final() {
            return Err(Halt::EndedByPleo(Box::new(self.job.clone())));
        }
        self.deadline = Deadline::of(&self.job, exporter.pleo.server_time());
        exporter
            .checkpoint
            .remember_deadline(&self.job.id, self.deadline.expires_at())?;
        Ok(())
    }
}
