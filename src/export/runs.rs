//! The runs: which jobs are worked on, and what is said of each at the end.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use chrono::TimeDelta;
use tracing::{info, warn};

use super::deadline::Deadline;
use super::halt::Halt;
use super::report::{Blocker, Ending, JobReport, JobTotals, RunReport};
use super::start::Claim;
use super::tools::Exporter;
use super::{detect, job, take_over};
use crate::checkpoint::{CheckpointError, Counts, JobRecord};
use crate::host::clock;
use crate::model::export_job::ExportJob;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::JobEvent;
use crate::model::verdict::Failure;
use crate::pleo::PleoError;

/// So long a job of ours that was never seen in progress is believed to come back where Pleo does not know it.
const UNCONFIRMED_LIFETIME: TimeDelta = TimeDelta::days(1);

impl Exporter<'_> {
    /// Goes on with interrupted jobs of ours, then takes pending ones, oldest first, until none is left.
    pub fn poll(&mut self, max_jobs: Option<u32>) -> RunReport {
        let mut report = self.resume();
        let mut tried: HashSet<JobId> = report.jobs.iter().map(|job| job.id.clone()).collect();
        while report.may_go_on() && max_jobs.is_none_or(|most| report.worked_on() < most as usize) {
            match self.next_pending(&tried, &mut report) {
                Ok(None) => break,
                Ok(Some(job)) => {
                    tried.insert(job.id.clone());
                    self.work_and_report(job, Claim::InTurn, &mut report);
                }
                Err(halt) => report.problem = Some(halt.into_problem()),
            }
        }
        report
    }

    /// Goes on with interrupted jobs of ours and starts nothing new.
    pub fn resume(&mut self) -> RunReport {
        let mut report = RunReport::default();
        let known = take_over::take_over(self);
        let records = match known.and_then(|()| Ok(self.checkpoint.open_jobs()?)) {
            Ok(records) => records,
            Err(halt) => {
                report.problem = Some(halt.into_problem());
                return report;
            }
        };
        for record in records {
            if !report.may_go_on() {
                break;
            }
            match self.pleo.job(&record.id) {
                Ok(job) => self.work_and_report(job, Claim::InTurn, &mut report),
                Err(error @ PleoError::NotFound { .. }) => {
                    let gone = self.report_gone(record, error);
                    report.jobs.push(gone);
                }
                Err(error) => report.problem = Some(Halt::Pleo(error).into_problem()),
            }
        }
        report
    }

    /// Nothing can be done for a job that Pleo does not know, and it must not hold up the others. Until it has expired it may
    /// come back; then it is told for the last time.
    fn report_gone(&mut self, record: JobRecord, error: PleoError) -> JobReport {
        let gone_for_good = record
            .expires_at
            .unwrap_or(record.updated_at + UNCONFIRMED_LIFETIME);
        let noted = if clock::now() > gone_for_good {
            self.note(
                &record.id,
                JobEvent::EndedByPleo,
                "Pleo does not know it any more",
            )
        } else {
            Ok(())
        };
        let ending = match noted {
            Ok(()) => Ending::EndedByPleo(Halt::Pleo(error).into_problem()),
            Err(halt) => halt.into_ending(),
        };
        self.report_on(record.id, ending, JobTotals::default())
    }

    /// Starts one job or goes on with it. `adopt` takes it over from an instance that left it; `out_of_order` starts
    /// it though it is not its turn.
    pub fn run_job(&mut self, id: &JobId, adopt: bool, out_of_order: bool) -> RunReport {
        let mut report = RunReport::default();
        match detect::named(self, id, out_of_order) {
            Ok(job) => {
                let claim = if adopt { Claim::Adopt } else { Claim::Named };
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
        // Pleo made them, so their ages are told by its clock.
        let now = self.pleo.server_time().map_or_else(clock::now, |time| time.at);
        let waiting = detected.pending.iter();
        let waiting = waiting.map(|job| (job.id.clone(), now - job.created_at));
        report.pending = Some(waiting.collect());
        if let Some(foreign) = detected.in_progress_elsewhere.first() {
            let is_alive =
                Deadline::of(foreign, self.pleo.server_time(), Instant::now()).is_far(Instant::now());
            let blocker = Blocker::of(foreign, !is_alive);
            if is_alive {
                warn!(
                    "job {} is in progress for another instance; leaving it alone (take it over with `pleo-export run-job {} --adopt` \
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

    /// Works on one job. Pleo runs one at a time, so one that is left to another instance holds up all others.
    fn work_and_report(&mut self, job: ExportJob, claim: Claim, report: &mut RunReport) {
        let blocker = Blocker::of(&job, false);
        match self.work_on(job, claim) {
            Ok(job) => report.jobs.push(job),
            Err(why) => {
                report.blocked_by = Some(blocker);
                report.left_aside = Some(why);
            }
        }
    }

    /// Works on one job and never fails: whatever happens becomes its report. The error says why a poll leaves the job to
    /// another instance, which is nothing unusual; a person who named the job is told of it as a problem.
    fn work_on(&mut self, job: ExportJob, claim: Claim) -> Result<JobReport, String> {
        let (id, items) = (job.id.clone(), job.number_of_items);
        let span = tracing::error_span!("job", job.id = %id);
        let _entered = span.enter();
        let mut totals = JobTotals::default();
        let result = catch_unwind(AssertUnwindSafe(|| job::work(self, job, claim, &mut totals)));
        self.progress.end();
        // What a change had not committed is undone, and everything else is proven by the next run.
        let result = result.unwrap_or(Err(Halt::Panicked));
        // Also of a job that was lost to another instance, after something was booked.
        log(&totals);
        let ending = match result {
            Ok(ending) => ending,
            Err(halt @ (Halt::LostToAnother | Halt::NotOurs { .. })) if claim == Claim::InTurn => {
                warn!("{halt}; leaving job {id} alone");
                return Err(halt.to_string());
            }
            Err(halt) => halt.into_ending(),
        };
        let mut report = self.report_on(id, ending, totals);
        // Of a job that was not begun Pleo alone knows how many it has.
        if report.counts.total == 0 && !matches!(report.ending, Ending::Closed(_)) {
            report.counts.total = items;
            report.counts.open = items;
        }
        Ok(report)
    }

    fn report_on(&mut self, id: JobId, ending: Ending, totals: JobTotals) -> JobReport {
        let (counts, failures, ending) = match self.what_is_known(&id, &ending) {
            Ok((counts, failures)) => (counts, failures, ending),
            Err(error) => (Counts::default(), Vec::new(), Ending::LeftOpen(error.into())),
        };
        JobReport {
            id,
            ending,
            counts,
            failures,
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
