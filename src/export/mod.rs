//! The workflow, one file a step, named as in Pleo's guide: detect, start, validate, control, data, process,
//! update, complete. [`job`] drives them for one job; [`Exporter`] chooses the jobs.
//!
//! First run, retry, resumed run, lost checkpoint, second machine and repeated export all take the same path:
//! every item that is not final at Pleo is planned, looked up in the books, booked if it is not there, and
//! reported. The checkpoint makes that fast and explains it; the books decide it.

mod changed;
mod complete;
mod confirm;
mod control;
mod data;
mod deadline;
mod detect;
mod give_up;
mod halt;
pub mod job;
mod lacking;
mod patience;
mod permit;
mod process;
pub mod report;
mod start;
mod update;
mod validate;
mod verdicts;

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::bookkeeping::{self, SystemTraits};
use crate::checkpoint::{Checkpoint, CheckpointError, Counts};
use crate::host::stop::Stop;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::permit::Permit;
use crate::model::verdict::Failure;
use crate::pleo::{Client, PleoError};
use crate::receipts::{Fetcher, Policy};
use crate::systems::AccountingSystem;

pub use data::item_facts;
use deadline::Deadline;
use halt::Halt;
pub use halt::PANICKED;
use report::{Blocker, Ending, JobReport, JobTotals, RunReport};
use start::Claim;

/// What the workflow itself is told by the settings.
#[derive(Debug)]
pub struct Settings {
    /// The company whose jobs we work on.
    pub company_id: CompanyId,
    /// Items booked and reported together, 1 to 100.
    pub batch_size: usize,
    /// How long an accounting system may be out of reach before the run gives up.
    pub patience: Duration,
    /// What happens when a receipt cannot be had.
    pub attachments: Policy,
    /// How expenses become documents.
    pub bookkeeping: bookkeeping::Settings,
    /// A person has said that the books are right although they lack entries that Pleo was told of.
    pub books_are_right: bool,
}

/// Somebody who wants to know how far a job is.
pub trait Progress {
    /// A job of so many items begins.
    fn begin(&self, job: &JobId, items: u64);
    /// So many more items have their verdict.
    fn advance(&self, items: u64);
    /// The job is left.
    fn end(&self);
}

/// Everything a run works with.
pub struct Exporter<'a> {
    /// Pleo.
    pub pleo: &'a Client,
    /// The accounting system.
    pub system: &'a mut dyn AccountingSystem,
    /// What is known.
    pub checkpoint: &'a mut Checkpoint,
    /// Receipts.
    pub receipts: &'a Fetcher,
    /// The settings.
    pub settings: &'a Settings,
    /// The wish to stop.
    pub stop: &'a Stop,
    /// By what right this process acts at all: its lock.
    pub permit: &'a Permit,
    /// Who wants to know.
    pub progress: &'a dyn Progress,
}

impl std::fmt::Debug for Exporter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exporter")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Exporter<'_> {
    /// What planning must know of the accounting system.
    fn traits(&self) -> SystemTraits {
        let system = self.system.describe();
        SystemTraits {
            payables: system.payables,
            computes_tax: system.computes_tax,
            keeps_vendors: system.keeps_vendors,
        }
    }

    /// Goes on with interrupted jobs of ours, then takes pending ones, oldest first, until none is left.
    pub fn poll(&mut self, max_jobs: Option<u32>) -> RunReport {
        let mut report = self.resume();
        let mut tried: HashSet<JobId> = report.jobs.iter().map(|job| job.id.clone()).collect();
        while report.may_go_on() && max_jobs.is_none_or(|most| report.jobs.len() < most as usize) {
            match self.next_pending(&tried, &mut report) {
                Ok(None) => break,
                Ok(Some(job)) => {
                    tried.insert(job.id.clone());
                    self.work_and_report(job, Claim::Pending, &mut report);
                }
                Err(halt) => report.problem = Some(halt.into_problem()),
            }
        }
        report
    }

    /// Goes on with interrupted jobs of ours and starts nothing new.
    pub fn resume(&mut self) -> RunReport {
        let mut report = RunReport::default();
        let records = match self.checkpoint.open_jobs() {
            Ok(records) => records,
            Err(error) => {
                report.problem = Some(Halt::Checkpoint(error).into_problem());
                return report;
            }
        };
        for record in records {
            if !report.may_go_on() {
                break;
            }
            match self.pleo.job(&record.id) {
                Ok(job) => self.work_and_report(job, Claim::Ours, &mut report),
                // Nothing can be done for such a job any more, and it must not hold up the others.
                Err(error @ PleoError::NotFound { .. }) => {
                    let ending = Ending::EndedByPleo(Halt::Pleo(error).into_problem());
                    let (refusals, totals) = (Vec::new(), JobTotals::default());
                    report
                        .jobs
                        .push(self.report_on(record.id, ending, refusals, totals));
                }
                Err(error) => report.problem = Some(Halt::Pleo(error).into_problem()),
            }
        }
        report
    }

    /// Starts one job or goes on with it. `adopt` takes it over from an instance that left it; `out_of_order` starts
    /// it though it is not its turn.
    pub fn run_job(&mut self, id: &JobId, adopt: bool, out_of_order: bool) -> RunReport {
        let mut report = RunReport::default();
        match detect::named(self, id, out_of_order) {
            Ok(job) => {
                let claim = if adopt { Claim::Adopt } else { Claim::ByHand };
                self.work_and_report(job, claim, &mut report);
            }
            Err(halt) => report.problem = Some(halt.into_problem()),
        }
        report
    }

    fn next_pending(
        &self,
        tried: &HashSet<JobId>,
        report: &mut RunReport,
    ) -> Result<Option<ExportJob>, Halt> {
        self.stop.check()?;
        let detected = detect::detect(self.pleo, self.checkpoint)?;
        if let Some(foreign) = detected.in_progress_elsewhere.first() {
            let is_alive = Deadline::of(foreign, self.pleo.server_time()).is_far(Instant::now());
            let blocker = Blocker::of(foreign, !is_alive);
            if is_alive {
                warn!(
                    "job {} is in progress for another instance; leaving it alone (take it over with `run-job {} --adopt` \
                     if that instance is gone)",
                    foreign.id, foreign.id
                );
            } else {
                report.problem = Some(blocker.stuck());
            }
            report.blocked_by = Some(blocker);
            return Ok(None);
        }
        Ok(detected.pending.into_iter().find(|job| !tried.contains(&job.id)))
    }

    /// Works on one job. Pleo runs one at a time, so one that is left to somebody else holds up all others.
    fn work_and_report(&mut self, job: ExportJob, claim: Claim, report: &mut RunReport) {
        match self.work_on(job, claim) {
            Some(job) => report.jobs.push(job),
            None => report.is_held_up = true,
        }
    }

    /// Works on one job and never fails: whatever happens becomes its report. `None` where it is left to another
    /// instance: that is news for a person who named it, and daily life for a poll.
    fn work_on(&mut self, job: ExportJob, claim: Claim) -> Option<JobReport> {
        let id = job.id.clone();
        let span = tracing::info_span!("job", job.id = %id);
        let _entered = span.enter();
        let mut refusals = Vec::new();
        let mut totals = JobTotals::default();
        let result = catch_unwind(AssertUnwindSafe(|| {
            job::work(self, job, claim, &mut refusals, &mut totals)
        }));
        self.progress.end();
        // What a change had not committed is undone, and everything else is proven by the next run.
        let result = result.unwrap_or(Err(Halt::Panicked));
        let ending = match result {
            Ok(ending) => ending,
            Err(halt @ (Halt::LostToAnother | Halt::NotOurs { .. }))
                if matches!(claim, Claim::Pending | Claim::Ours) =>
            {
                warn!("{halt}; leaving job {id} alone");
                return None;
            }
            Err(halt) => halt.into_ending(),
        };
        log(&totals);
        Some(self.report_on(id, ending, refusals, totals))
    }

    fn report_on(
        &mut self,
        id: JobId,
        ending: Ending,
        refusals: Vec<(String, usize)>,
        totals: JobTotals,
    ) -> JobReport {
        let (counts, failures, ending) = match self.what_is_known(&id, &ending) {
            Ok((counts, failures)) => (counts, failures, ending),
            Err(error) => (Counts::default(), Vec::new(), Ending::LeftOpen(error.into())),
        };
        JobReport {
            id,
            ending,
            counts,
            failures,
            refusals,
            totals,
        }
    }

    /// Keeps the last error for `status`, and counts. A job that never became ours has nothing here.
    fn what_is_known(
        &mut self,
        id: &JobId,
        ending: &Ending,
    ) -> Result<(Counts, Vec<(AccountingEntryId, Failure)>), CheckpointError> {
        if self.checkpoint.job(id)?.is_none() {
            return Ok((Counts::default(), Vec::new()));
        }
        let last_error = ending
            .problem()
            .map(|problem| (problem.message.as_str(), problem.hint.as_str()));
        self.checkpoint.set_last_error(id, last_error)?;
        Ok((self.checkpoint.counts(id)?, self.checkpoint.failures(id)?))
    }
}

/// Tells the log what a person should know about the books after this job.
fn log(totals: &JobTotals) {
    for (account, new) in &totals.opened {
        info!(
            "account {account} was opened for {}",
            new.code.as_deref().unwrap_or("the settings")
        );
    }
    for (tax, amount) in &totals.taxes {
        warn!("{}", tax.sentence(*amount));
    }
    // A line each: a line of the log is one event.
    for line in totals.notices.iter().flat_map(|notice| notice.lines()) {
        warn!("{line}");
    }
}

/// The statuses of a job that is not over.
const OPEN: [JobStatus; 2] = [JobStatus::Pending, JobStatus::InProgress];
