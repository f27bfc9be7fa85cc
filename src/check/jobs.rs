//! What waits in Pleo, and whether somebody is at work on it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::pleo::of_error;
use super::{Check, Name};
use crate::checkpoint::{Checkpoint, CheckpointError, JobRecord};
use crate::host::clock;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::pleo::Client;
use crate::pleo::webhook::kept::{KeptError, KeptSubscription};

/// A scheduler calls every few minutes, so a job that waits for longer than this says that none does.
const LONG_WAIT: TimeDelta = TimeDelta::minutes(30);

/// What is known here of who works on what.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    /// The checkpoint, which knows the jobs of ours.
    pub checkpoint: Option<&'a Checkpoint>,
    /// Who is at work now.
    pub at_work: Option<&'a str>,
    /// Whether a job of another instance may be taken over with this accounting system.
    pub may_adopt: bool,
}

/// The open jobs. Their ages are told by Pleo's own clock.
pub fn jobs(client: &Client, here: Here<'_>) -> Vec<Check> {
    let (jobs, left_aside) = match client.list_all_jobs(&[JobStatus::Pending, JobStatus::InProgress]) {
        Ok(listed) => listed,
        Err(error) => return vec![of_error(Name::Jobs, &error)],
    };
    let now = super::pleo::time(client).unwrap_or_else(clock::now);
    let (in_progress, pending): (Vec<ExportJob>, Vec<ExportJob>) = jobs
        .into_iter()
        .partition(|job| job.status == JobStatus::InProgress);
    let mut checks: Vec<Check> = in_progress.iter().map(|job| begun(job, here, now)).collect();
    checks.extend(waiting(&pending, here, now));
    checks.extend(odd(&left_aside));
    if checks.is_empty() {
        checks.push(Check::ok(Name::Jobs, "none waits in Pleo"));
    }
    checks
}

/// The subscriptions of ours that deliver nothing. Polls go on all the same.
pub fn deliveries(client: &Client, kept: Result<Vec<KeptSubscription>, KeptError>) -> Vec<Check> {
    let name = Name::Jobs;
    let kept = match kept {
        Ok(kept) if kept.is_empty() => return Vec::new(),
        Ok(kept) => kept,
        Err(error) => return vec![Check::warning(name, error.to_string(), error.hint())],
    };
    let known = match client.subscriptions() {
        Ok(known) => known,
        Err(error) => {
            let message = format!("whether Pleo tells `listen` of new jobs cannot be told: {error}");
            return vec![Check::unknown(name, message, None)];
        }
    };
    let silent = kept.iter().filter_map(|KeptSubscription { id, url, .. }| {
        let known = known.iter().find(|known| known.id == *id);
        let why = match known {
            Some(known) if known.is_active => return None,
            Some(_) => "has switched off",
            None => "does not know",
        };
        Some(Check::warning(
            name,
            format!("Pleo {why} subscription {id} of {url}, so it does not tell `listen` of new jobs"),
            format!(
                "run `pleo-export subscribe --remove {id}`, then `pleo-export subscribe {url}`; until then jobs wait for the next poll"
            ),
        ))
    });
    silent.collect()
}

/// A job in progress: ours, or another instance's.
fn begun(job: &ExportJob, here: Here<'_>, now: DateTime<Utc>) -> Check {
    let name = Name::Jobs;
    let id = &job.id;
    match (of_ours(job, here.checkpoint), here.at_work) {
        (Err(error), _) => Check::unknown(
            name,
            format!("job {id} is in progress, and nobody can tell for whom: {error}"),
            Some(error.hint().to_owned()),
        ),
        (Ok(Some(_)), Some(by)) => Check::ok(name, format!("job {id} is in progress: {by} is at work on it")),
        // What kept the last run from going on, as `status` tells it, too.
        (Ok(Some(record)), None) => Check::warning(
            name,
            match &record.last_error {
                Some(error) => format!("job {id} was begun here and was left in progress: {error}"),
                None => format!("job {id} was begun here and was interrupted"),
            },
            record
                .last_hint
                .unwrap_or_else(|| "run `pleo-export resume`, or let the next poll go on with it".to_owned()),
        ),
        (Ok(None), _) => foreign(job, here.may_adopt, now),
    }
}

/// What is kept of the job, where it is one of ours and open.
fn of_ours(job: &ExportJob, checkpoint: Option<&Checkpoint>) -> Result<Option<JobRecord>, CheckpointError> {
    let record = checkpoint
        .map(|checkpoint| checkpoint.job(&job.id))
        .transpose()?
        .flatten();
    Ok(record.filter(|record| record.state.is_open()))
}

/// Pleo runs one job of a company at a time, so another instance's holds up ours until it is over.
fn foreign(job: &ExportJob, may_adopt: bool, now: DateTime<Utc>) -> Check {
    let id = &job.id;
    let last_action = job.last_updated_at.or(job.started_at).unwrap_or(job.created_at);
    let age = (now - last_action).max(TimeDelta::zero());
    let message = format!(
        "job {id} is in progress for another instance, which Pleo last heard from {} ago; no other job starts before it is \
         over",
        clock::length(age)
    );
    let remedy = if may_adopt {
        format!("leave it to that instance, or run `pleo-export run-job {id} --adopt` when that one is gone")
    } else {
        "leave it to that instance; Pleo ends it by itself when nobody works on it".to_owned()
    };
    let half_a_lifetime =
        TimeDelta::seconds(i64::try_from(job.expires_in_seconds / 2).unwrap_or(i64::MAX / 1000));
    if age > half_a_lifetime {
        Check::failed(Name::Jobs, message, remedy)
    } else {
        Check::warning(Name::Jobs, message, remedy)
    }
}

/// Jobs that no run works on, because what Pleo says of them cannot be.
fn odd(left_aside: &BTreeMap<String, String>) -> Option<Check> {
    let first = left_aside.values().next()?;
    let message = match left_aside.len() {
        1 => first.clone(),
        several => format!("{several} jobs are left aside; the first: {first}"),
    };
    let remedy =
        "export its expenses again in Pleo; where the new job is left aside too, ask Pleo's support about it";
    Some(Check::failed(Name::Jobs, message, remedy))
}

fn waiting(pending: &[ExportJob], here: Here<'_>, now: DateTime<Utc>) -> Option<Check> {
    let oldest = pending.iter().min_by_key(|job| (job.created_at, &job.id))?;
    let age = (now - oldest.created_at).max(TimeDelta::zero());
    let message = match pending.len() {
        1 => format!("job {} waits in Pleo, for {} now", oldest.id, clock::length(age)),
        several => format!(
            "{several} jobs wait in Pleo, the oldest ({}) for {} now",
            oldest.id,
            clock::length(age)
        ),
    };
    Some(if age > LONG_WAIT && here.at_work.is_none() {
        let remedy = "see that the scheduler calls `pleo-export poll` (`systemctl list-timers`, `crontab -l`), or run it now";
        Check::warning(Name::Jobs, message, remedy)
    } else {
        Check::ok(Name::Jobs, message)
    })
}
