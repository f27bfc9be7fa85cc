//! One job through the seven steps. What follows what stands here, but for what a step needs of another one while it is at
//! work: verdicts are told after each batch, and who finds the job unfit fails it.

use std::time::Instant;

use tracing::warn;

use super::halt::Halt;
use super::report::{Ending, JobTotals, Problem, ProblemKind};
use super::start::{Claim, Start};
use super::tools::{Exporter, JobRun};
use super::{complete, control, give_up, layers, permit, process, start, update, validate};
use crate::host::clock;
use crate::host::counted::counted;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::AccountingEntryId;
use crate::model::state::{JobEvent, JobState};
use crate::model::verdict::{JobFailure, JobOutcome};
use crate::systems::SystemError;

/// So many items are named to a person.
const MOST_NAMED: usize = 20;

/// Takes one job through all steps. `totals` receives what was found and done, also when the job halts later.
pub(super) fn work(
    exporter: &mut Exporter<'_>,
    job: ExportJob,
    claim: Claim,
    totals: &mut JobTotals,
) -> Result<Ending, Halt> {
    let (job, fault) = match start::start(exporter, job, claim)? {
        Start::Ours(job) => (job, None),
        Start::Unready(job, fault) => (job, Some(fault)),
        Start::Over(job) => return settle_finished(exporter, job),
    };
    exporter.progress.begin(&job.id, job.number_of_items);
    let permit = permit::for_job(exporter, &job.id, JobStatus::InProgress);
    let mut run = JobRun::of(exporter.lend(), job, permit, totals)?;
    let outcome = match fault {
        Some(fault) => Err(complete::fail_unready(&mut run, fault)),
        None => until_permitted(&mut run),
    };
    withdraw_unbooked(&mut run);
    match outcome {
        Err(Halt::EndedByPleo(job)) => ended(exporter, job),
        other => other,
    }
}

/// Takes back the intents of what surely was not sent, however the work ended: else the next run would take these items for
/// lost, as it does where this cannot be written.
fn withdraw_unbooked(run: &mut JobRun<'_>) {
    let is_others = run
        .exporter
        .pleo
        .heard(&run.job.id)
        .is_some_and(|heard| heard.has_progressed);
    if run.unbooked.is_empty() || is_others || run.exporter.permit.ask().is_err() {
        return;
    }
    let mut unbooked: Vec<AccountingEntryId> = run.unbooked.drain().map(|(entry_id, _)| entry_id).collect();
    unbooked.sort();
    let checkpoint = &mut *run.exporter.checkpoint;
    if let Err(error) = checkpoint.withdraw(&run.job.id, &unbooked, clock::now()) {
        warn!(
            "that {} surely went nowhere could not be noted: {error}",
            counted(unbooked.len(), "item")
        );
    }
}

/// The steps, and all of them anew each time that this process finds it was away and may go on.
fn until_permitted(run: &mut JobRun<'_>) -> Result<Ending, Halt> {
    loop {
        match steps(run) {
            Err(halt) if permit::is_withheld(&halt) => {
                warn!("{halt}");
                permit::regain(run)?;
            }
            outcome => return outcome,
        }
    }
}

/// Steps 2 to 7.
fn steps(run: &mut JobRun<'_>) -> Result<Ending, Halt> {
    if let Err(halt) = book_and_tell(run) {
        let failure = given_up_for(run, halt)?;
        warn!("job {} cannot go on: {}", run.job.id, failure.reason);
        control::refresh(&mut run.exporter, &run.job)?;
        if !run.exporter.checkpoint.anything_begun(&run.job.id)? {
            return complete::fail_whole(run, failure);
        }
        give_up::decide_rest(run, &failure)?;
        update::report(run)?;
    }
    let mut finality = control::finality(run)?;
    if finality.open > 0 {
        none_listed_late(run)?;
        update::send_again(run)?;
        finality = control::finality(run)?;
    }
    complete::close(run, &finality)
}

/// What Pleo lists only now is for the next run, which reads its data first.
fn none_listed_late(run: &JobRun<'_>) -> Result<(), Halt> {
    if !run.exporter.checkpoint.has_work(&run.job.id)? {
        return Ok(());
    }
    let late = run.exporter.checkpoint.counts(&run.job.id)?.open;
    Err(Halt::Later(format!(
        "Pleo lists {} of job {} only now that the job was to be closed",
        counted(late, "item"),
        run.job.id
    )))
}

/// Why the job is given up, where it is. An accounting system that does not get through is left to the next run, but each run
/// gives the job a new lifetime: so one that came no further ends it once it has been worked on for three quarters of one.
fn given_up_for(run: &JobRun<'_>, halt: Halt) -> Result<JobFailure, Halt> {
    match halt {
        Halt::CannotGoOn(failure) => Ok(failure),
        Halt::System(error)
            if !run.has_decided
                && run.deadline.is_overdue(Instant::now())
                && !matches!(error, SystemError::Withheld(_)) =>
        {
            run.exporter.stop.check()?;
            Ok(complete::out_of_time(error))
        }
        halt => Err(halt),
    }
}

/// Steps 2 to 6: up to where every item has its verdict and Pleo was told.
fn book_and_tell(run: &mut JobRun<'_>) -> Result<(), Halt> {
    validate::validate(run)?;
    let references = layers::read(run, |run| {
        // Verdicts of an earlier process that Pleo does not have are proven afresh before they are sent.
        let checkpoint = &mut *run.exporter.checkpoint;
        Ok(checkpoint.begin_run(&run.job.id, clock::now())?)
    })?;
    let outcome = update::report(run).and_then(|()| process::process(run, &references));
    let notices = run.exporter.system.notices();
    run.totals.notices = notices.iter().map(ToString::to_string).collect();
    outcome
}

/// A job that was over when we reached for it: say so, and note it where it was ours.
fn settle_finished(exporter: &mut Exporter<'_>, job: ExportJob) -> Result<Ending, Halt> {
    let Some(record) = exporter.checkpoint.job(&job.id)? else {
        return Ok(Ending::AlreadyOver(job.status));
    };
    match (record.state, record.closing) {
        (JobState::Closing, Some(outcome)) if outcome.is_shown_by(&job) => {
            // The answer to our final event was lost; the verdicts are there if the control layer says so.
            let miscount = control::miscount(exporter, &job)?;
            let without_verdict = control::without_verdict(exporter, &job)?;
            exporter.note(&job.id, JobEvent::Closed, job.status.as_str())?;
            let listed = exporter.checkpoint.finality(&job.id)?.listed();
            let is_without_any = u64::try_from(without_verdict.len()).is_ok_and(|without| without >= listed);
            match outcome {
                // Without a single verdict at Pleo the job failed as a whole, whatever was decided here.
                JobOutcome::Failed(failure) if is_without_any => Err(Halt::JobFailed(failure)),
                _ if !without_verdict.is_empty() => Ok(closed_without(&job, &without_verdict)),
                _ => Ok(complete::told(
                    exporter,
                    &job.id,
                    job.status,
                    miscount.as_deref(),
                )?),
            }
        }
        (JobState::Starting | JobState::Started | JobState::Closing, _) => ended(exporter, Box::new(job)),
        (JobState::Closed | JobState::Ended | JobState::Foreign, _) => Ok(Ending::AlreadyOver(job.status)),
    }
}

/// A job that ended without us. Completed it should have its verdicts, from us before this checkpoint was restored or from
/// another instance; else they are still to come.
fn ended(exporter: &mut Exporter<'_>, job: Box<ExportJob>) -> Result<Ending, Halt> {
    let outcome = match job.status {
        JobStatus::Completed => Some(JobOutcome::Completed),
        JobStatus::CompletedWithErrors => Some(JobOutcome::CompletedWithErrors),
        _ => None,
    };
    let without_verdict = if outcome.is_some() {
        // What others made of its items is no longer open here.
        control::refresh(exporter, &job)?;
        control::without_verdict(exporter, &job)?
    } else {
        Vec::new()
    };
    let (status, event) = (job.status.as_str(), JobEvent::EndedByPleo);
    exporter
        .checkpoint
        .ended_by_pleo(&job.id, outcome.as_ref(), status, clock::now())?;
    exporter.fleet.job_event(&job.id, event, status);
    match (outcome.is_some(), &*without_verdict) {
        (true, []) => Ok(Ending::AlreadyOver(job.status)),
        (true, without) => Ok(closed_without(&job, without)),
        (false, _) => Err(Halt::EndedByPleo(job)),
    }
}

/// What is told of a job that was closed while items had no verdict: no later run meets it again.
fn closed_without(job: &ExportJob, without_verdict: &[AccountingEntryId]) -> Ending {
    let named = without_verdict.iter().take(MOST_NAMED);
    let named: Vec<&str> = named.map(AccountingEntryId::as_str).collect();
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
