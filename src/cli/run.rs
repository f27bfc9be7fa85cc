//! `poll`, `run-job` and `resume`: settings, lock, checkpoint and accounting system, then the workflow.

use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{debug, warn};

use super::answer::failed;
use super::args::Global;
use super::job_ids::Wanted;
use super::patience::Watcher;
use super::poll_end;
use super::progress::Bar;
use super::render::Answer;
use super::signals;
use crate::checkpoint::{Blocked, Checkpoint, LockError, Owner, RunLock};
use crate::config::{
    Config, ConfigProblems, Sources, SystemSettings, receipts_folder, receipts_folder_of_the_first_version,
};
use crate::export::report::{Problem, ProblemKind, RunReport};
use crate::export::{Exporter, Settings, item_facts};
use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::export_job::JobStatus;
use crate::model::ids::JobId;
use crate::model::permit::Permit;
use crate::pleo::Client;
use crate::receipts::{self, Fetcher};
use crate::systems::beancount::Beancount;
use crate::systems::command::Command;
use crate::systems::odoo::Odoo;
use crate::systems::unready::Unready;
use crate::systems::{AccountingSystem, SystemError};

pub(super) fn poll(
    sources: &Sources,
    global: &Global,
    max_jobs: Option<u32>,
    books_are_right: bool,
) -> Answer {
    with_exporter(sources, global, Caller::Scheduler, books_are_right, |exporter| {
        exporter.poll(max_jobs)
    })
}

/// The poll of a listener, which has a stop of its own; the same as [`poll`], but for what it makes of another run.
#[cfg(feature = "listen")]
pub(super) fn poll_until(sources: &Sources, global: &Global, stop: &Stop) -> Result<Answer, Held> {
    attempt(sources, global, stop, &Caller::Scheduler, false, |exporter| {
        exporter.poll(None)
    })
}

pub(super) fn resume(sources: &Sources, global: &Global) -> Answer {
    with_exporter(sources, global, Caller::Person, false, |exporter| {
        exporter.resume()
    })
}

pub(super) fn run_job(
    sources: &Sources,
    global: &Global,
    job_id: &str,
    adopt: bool,
    out_of_order: bool,
) -> Answer {
    let wanted = match Wanted::read(job_id) {
        Ok(wanted) => wanted,
        Err(problem) => return failed(problem),
    };
    with_exporter(sources, global, Caller::Person, false, |exporter| {
        match wanted.among(|| open_or_known(exporter)) {
            Ok(id) => exporter.run_job(&id, adopt, out_of_order),
            Err(problem) => RunReport {
                problem: Some(problem),
                ..RunReport::default()
            },
        }
    })
}

/// The jobs that a person can mean by the head of an id.
fn open_or_known(exporter: &Exporter<'_>) -> Result<Vec<JobId>, Problem> {
    let known = exporter.checkpoint.jobs()?.into_iter().map(|job| job.id);
    let open = exporter
        .pleo
        .list_jobs(&[JobStatus::Pending, JobStatus::InProgress])?;
    Ok(known.chain(open.into_iter().map(|job| job.id)).collect())
}

/// Who calls. Two runs that meet are normal for a scheduler, and news for a person; a scheduler calls again and again, so
/// that its failures make a series.
enum Caller {
    Scheduler,
    Person,
}

/// Another run is at work on the same checkpoint.
pub(super) struct Held {
    checkpoint: PathBuf,
    by: String,
    since: Option<DateTime<Utc>>,
    alarm_after: TimeDelta,
}

impl Held {
    /// What happened, for people.
    pub(super) fn message(&self) -> String {
        format!(
            "another run is at work on `{}` ({})",
            self.checkpoint.display(),
            self.by
        )
    }

    /// What a person is told when that run has lasted for too long.
    pub(super) fn lasting(&self) -> Option<Problem> {
        poll_end::lasting(&self.by, self.since, self.alarm_after)
    }
}

fn with_exporter(
    sources: &Sources,
    global: &Global,
    caller: Caller,
    books_are_right: bool,
    work: impl FnOnce(&mut Exporter<'_>) -> RunReport,
) -> Answer {
    let stop = signals::stop_on_signals();
    attempt(sources, global, &stop, &caller, books_are_right, work)
        .unwrap_or_else(|held| locked(&held, &caller))
}

fn attempt(
    sources: &Sources,
    global: &Global,
    stop: &Stop,
    caller: &Caller,
    books_are_right: bool,
    work: impl FnOnce(&mut Exporter<'_>) -> RunReport,
) -> Result<Answer, Held> {
    let config = match Config::load(sources) {
        Ok(config) => config,
        Err(problems) => {
            let mut answer = failed(wrong_settings(&problems));
            if matches!(caller, Caller::Scheduler) {
                poll_end::note_wrong_settings(sources, &mut answer, stop);
            }
            return Ok(answer);
        }
    };
    for warning in &config.warnings {
        warn!("{warning}");
    }
    let permit = match RunLock::acquire(&config.checkpoint) {
        Ok(lock) => lock.into_permit(),
        Err(LockError::Held { by, since }) => {
            return Err(Held {
                checkpoint: config.checkpoint,
                by,
                since,
                alarm_after: config.alarm_after,
            });
        }
        Err(error) => return Ok(failed(from_lock(&error))),
    };
    let place = config.place();
    let worked = prepare_and_work(config, global, stop, caller, &permit, books_are_right, work);
    Ok(worked.unwrap_or_else(|unbegun| match unbegun {
        Unbegun::Otherwise(problem) if matches!(caller, Caller::Scheduler) => {
            let mut answer = failed(problem);
            poll_end::note(&place, &mut answer, stop);
            answer
        }
        Unbegun::Otherwise(problem) | Unbegun::WithoutCheckpoint(problem) => failed(problem),
    }))
}

/// The settings are wrong, so nothing was begun.
pub(super) fn wrong_settings(problems: &ConfigProblems) -> Problem {
    Problem {
        kind: ProblemKind::Configuration,
        message: problems.to_string(),
        hint: "correct the settings; nothing was sent".into(),
    }
}

/// Why a run did not come to its work.
enum Unbegun {
    /// The checkpoint is not to be had, so that nothing can be kept of it either.
    WithoutCheckpoint(Problem),
    /// Something else.
    Otherwise(Problem),
}

fn prepare_and_work(
    config: Config,
    global: &Global,
    stop: &Stop,
    caller: &Caller,
    permit: &Permit,
    books_are_right: bool,
    work: impl FnOnce(&mut Exporter<'_>) -> RunReport,
) -> Result<Answer, Unbegun> {
    let mut unready = None;
    let mut system = accounting_system(&config.system, stop).unwrap_or_else(|error| {
        unready = Some(not_begun(error.clone()));
        Box::new(Unready::new(error))
    });
    let description = system.describe();
    if unready.is_none() {
        warn_of_unset_roles(&config, description.computes_tax);
    }
    let owner = Owner {
        company_id: config.pleo.company_id.clone(),
        pleo_host: config.pleo.base_url.host_str().unwrap_or_default().to_owned(),
        target: description.target,
    };
    let settings = Settings {
        company_id: config.pleo.company_id.clone(),
        batch_size: config.batch_size,
        patience: config.patience,
        attachments: config.attachments,
        bookkeeping: config.bookkeeping.clone(),
        books_are_right,
    };
    let receipts = fetcher(&config, system.as_ref(), stop)
        .map_err(|error| Unbegun::Otherwise(without_receipts(&error)))?;
    let former_target = description.former_target.as_deref();
    let mut checkpoint = Checkpoint::open(&config.checkpoint, &owner, former_target, item_facts)
        .map_err(|error| Unbegun::WithoutCheckpoint(error.into()))?;
    let mut contact = checkpoint
        .contact()
        .map_err(|error| Unbegun::WithoutCheckpoint(error.into()))?;
    let pleo = Client::new(config.pleo, stop.clone()).map_err(|error| Unbegun::Otherwise(error.into()))?;
    if contact.answered_by == config.route {
        pleo.answered_before();
    }
    let bar = Bar::new(global);
    let watcher = Watcher::start();
    let mut report = work(&mut Exporter {
        pleo: &pleo,
        system: system.as_mut(),
        checkpoint: &mut checkpoint,
        receipts: &receipts,
        settings: &settings,
        stop,
        permit,
        progress: &bar,
    });
    // Also where nothing waits in Pleo: who hears of it now can mend it in time.
    if report.problem.is_none() && report.jobs.iter().all(|job| job.ending.problem().is_none()) {
        report.problem = unready;
    }
    drop(watcher);
    // How long polls fail is measured on our own clock.
    clock::follow(None);
    if pleo.has_answered() {
        contact.answered_by = config.route;
    }
    let mut answer = Answer::of_run(report);
    if matches!(caller, Caller::Scheduler) {
        poll_end::count(&mut contact, &mut answer, config.alarm_after, stop);
        keep_blocked(&mut checkpoint, &answer);
    }
    checkpoint.remember_contact(contact);
    Ok(answer)
}

/// Keeps what a poll saw of other instances, as far as it came to ask.
fn keep_blocked(checkpoint: &mut Checkpoint, answer: &Answer) {
    let blocked = answer.blocked_by().map(|blocker| Blocked {
        by: blocker.id.clone(),
        last_updated_at: blocker.last_updated_at,
        is_stuck: blocker.is_stuck,
    });
    if blocked.is_none() && answer.problem().is_some() {
        return;
    }
    if let Err(error) = checkpoint.keep_blocked(blocked.as_ref()) {
        debug!("the job of another instance could not be noted: {error}");
    }
}

/// Says which roles have no account, where there are no defaults: an integrator should not learn it item by item.
fn warn_of_unset_roles(config: &Config, computes_tax: bool) {
    let unset = config.bookkeeping.unset_roles(computes_tax);
    let unset: Vec<String> = unset.iter().map(|role| format!("accounts.{role}")).collect();
    if !unset.is_empty() {
        let unset = unset.join(", ");
        warn!("no account is set for {unset}: expenses that need one will fail");
    }
}

pub(super) fn accounting_system(
    settings: &SystemSettings,
    stop: &Stop,
) -> Result<Box<dyn AccountingSystem>, SystemError> {
    Ok(match settings {
        SystemSettings::Beancount(settings) => Box::new(Beancount::new(settings.clone(), stop.clone())),
        SystemSettings::Odoo(settings) => Box::new(Odoo::new(settings.clone())?),
        SystemSettings::Command(settings) => Box::new(Command::start(settings.clone(), stop.clone())?),
    })
}

/// A system that cannot even be begun with is a matter of settings, unless it is only out of reach.
pub(super) fn not_begun(error: SystemError) -> Problem {
    match error {
        SystemError::Fatal { reason, .. } | SystemError::Rejected { reason, .. } => Problem {
            kind: ProblemKind::Configuration,
            message: reason.replace('\n', " "),
            hint: "correct the settings under [accounting]; nothing was booked".into(),
        },
        error => Problem {
            kind: ProblemKind::Temporary,
            message: error.to_string(),
            hint: "run again to go on".into(),
        },
    }
}

fn fetcher(
    config: &Config,
    system: &dyn AccountingSystem,
    stop: &Stop,
) -> Result<Fetcher, receipts::SetupError> {
    let old = receipts_folder_of_the_first_version(&config.checkpoint);
    if let Err(error) = receipts::clear_of_the_first_version(&old, clock::now()) {
        debug!("{error}");
    }
    let settings = receipts::Settings {
        folder: receipts_folder(&config.checkpoint),
        largest: system.describe().attachments.map_or(0, |limits| limits.largest),
        timeout: config.receipt_timeout,
        give_up_after: config.receipts_give_up_after,
        own_host: config.pleo.own_host().map(str::to_owned),
        has_proxy: config.has_proxy,
    };
    Fetcher::new(settings, stop.clone())
}

fn locked(held: &Held, caller: &Caller) -> Answer {
    if let Some(problem) = held.lasting() {
        return failed(problem);
    }
    let message = held.message();
    match caller {
        Caller::Scheduler => {
            warn!("{message}; leaving it to that one");
            Answer::left_to_another()
        }
        Caller::Person => failed(Problem {
            kind: ProblemKind::Temporary,
            message,
            hint: "run again when that run is over; `pleo-export status` shows how far it is".into(),
        }),
    }
}

fn without_receipts(error: &receipts::SetupError) -> Problem {
    let (kind, hint) = match error {
        receipts::SetupError::Client(_) => (
            ProblemKind::Configuration,
            "see that this machine has certificates (`ca-certificates`), and that SSL_CERT_FILE names a file of them if it is set",
        ),
        receipts::SetupError::Folder(_) | receipts::SetupError::NotOurs(_) => (
            ProblemKind::Unexpected,
            "see to the folder that is named, then run again",
        ),
    };
    Problem {
        kind,
        message: error.to_string(),
        hint: hint.into(),
    }
}

pub(super) fn from_lock(error: &LockError) -> Problem {
    Problem {
        kind: ProblemKind::Damaged,
        message: error.to_string(),
        hint: match error {
            LockError::Io(error) if error.is_about_a_link() => {
                "name the file itself by PLEO_EXPORT_CHECKPOINT; its folder may be a link"
            }
            LockError::Linked { .. } => "remove its other name, or copy it to a file of its own",
            _ => "make the checkpoint's folder writable for this user, or set PLEO_EXPORT_CHECKPOINT",
        }
        .into(),
    }
}
