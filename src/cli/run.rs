//! What `poll`, `run-job` and `resume` do: settings, lock, checkpoint and accounting system, then the workflow.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tracing::{debug, warn};

use super::args::Global;
use super::job_ids::Wanted;
use super::notify::Notifier;
use super::parts::{accounting_system, from_lock, not_begun, owner};
use super::patience::Watcher;
use super::poll_end;
use super::progress::{Bar, Watch};
use super::reach::Reach;
use super::render::Answer;
use super::shared::{self, Shared};
use super::signals;
use crate::checkpoint::{Blocked, Checkpoint, Fault, LockError, RunLock};
use crate::config::fleet;
use crate::config::{Config, ConfigProblems, Sources, receipts_folder, receipts_folder_of_the_first_version};
use crate::export::report::{Problem, ProblemKind, RunReport};
use crate::export::{Exporter, Settings, item_facts};
use crate::host::clock;
use crate::host::counted::counted;
use crate::host::stop::Stop;
use crate::model::export_job::JobStatus;
use crate::model::fleet::Alone;
use crate::model::ids::JobId;
use crate::model::permit::Permit;
use crate::pleo::Client;
use crate::receipts::{self, Fetcher};
use crate::systems::AccountingSystem;
use crate::systems::unready::Unready;

pub(super) fn resume(sources: &Sources, global: &Global) -> Answer {
    let go_on = |exporter: &mut Exporter<'_>| exporter.resume();
    by_a_person(sources, global, go_on)
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
        Err(problem) => return Answer::of_problem(problem),
    };
    by_a_person(sources, global, |exporter| {
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

/// A run, and on whose behalf.
pub(super) struct Run<'a> {
    pub(super) sources: &'a Sources,
    pub(super) global: &'a Global,
    pub(super) stop: &'a Stop,
    pub(super) books_are_right: bool,
    /// What a scheduler's poll has beside: it calls again and again, so that its failures make a series.
    pub(super) poll: Option<&'a Poll<'a>>,
}

/// What goes with a poll.
pub(super) struct Poll<'a> {
    /// Who hears of it.
    pub(super) notifier: &'a Notifier,
    /// What other companies' polls have found out of reach.
    pub(super) reach: &'a Reach,
    /// What a fleet shares of the company, where one serves it.
    pub(super) shared: Option<&'a Shared<'a>>,
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

    /// When that run has begun, as far as it is known.
    pub(super) const fn since(&self) -> Option<DateTime<Utc>> {
        self.since
    }
}

fn by_a_person(
    sources: &Sources,
    global: &Global,
    work: impl FnOnce(&mut Exporter<'_>) -> RunReport,
) -> Answer {
    let run = Run {
        sources,
        global,
        stop: &signals::stop_on_signals(),
        books_are_right: false,
        poll: None,
    };
    run.attempt(work).unwrap_or_else(|held| {
        Answer::of_problem(held.lasting().unwrap_or_else(|| Problem {
            kind: ProblemKind::Temporary,
            message: held.message(),
            hint: "run again when that run is over; `pleo-export status` shows how far it is".into(),
        }))
    })
}

impl Run<'_> {
    /// Takes the lock and works, unless another run has it.
    pub(super) fn attempt(&self, work: impl FnOnce(&mut Exporter<'_>) -> RunReport) -> Result<Answer, Held> {
        let config = match Config::load(self.sources) {
            Ok(config) => config,
            // The file of a fleet says nothing of a company.
            Err(_) if self.shared().is_none() && fleet::is_file_of_fleet(self.sources) => {
                return Ok(Answer::of_problem(shared::of_fleet()));
            }
            Err(problems) => {
                let mut answer = Answer::of_problem(wrong_settings(&problems));
                match (self.poll, self.shared()) {
                    (Some(_), None) => poll_end::note_afterwards(self.sources, &mut answer, self.stop),
                    (_, Some(shared)) => shared.count(&mut answer, TimeDelta::MAX, self.stop),
                    (None, None) => {}
                }
                return Ok(answer);
            }
        };
        if config.is_of_fleet && self.shared().is_none() {
            return Ok(Answer::of_problem(shared::of_fleet()));
        }
        for warning in &config.warnings {
            warn!("{warning}");
        }
        let permit = match RunLock::acquire(&config.checkpoint) {
            Ok(lock) => match self.shared() {
                Some(shared) => shared.both(lock.into_permit()),
                None => lock.into_permit(),
            },
            Err(LockError::Held { by, since }) => {
                return Err(Held {
                    checkpoint: config.checkpoint,
                    by,
                    since,
                    alarm_after: config.alarm_after,
                });
            }
            Err(error) => {
                let mut answer = Answer::of_problem(from_lock(&error));
                if let Some(shared) = self.shared() {
                    shared.count(&mut answer, config.alarm_after, self.stop);
                }
                return Ok(answer);
            }
        };
        let place = config.place();
        let worked = self.prepare_and_work(config, &permit, work);
        Ok(worked.unwrap_or_else(|unbegun| {
            let (problem, has_checkpoint) = match unbegun {
                Unbegun::Otherwise(problem) => (problem, true),
                Unbegun::WithoutCheckpoint(problem) => (problem, false),
            };
            let mut answer = Answer::of_problem(problem);
            if let Some(shared) = self.shared() {
                shared.count(&mut answer, place.alarm_after, self.stop);
            } else if self.poll.is_some() && has_checkpoint {
                poll_end::note(&place, &mut answer, self.stop);
            }
            answer
        }))
    }

    /// What a fleet shares of the company.
    fn shared(&self) -> Option<&Shared<'_>> {
        self.poll.and_then(|poll| poll.shared)
    }

    fn prepare_and_work(
        &self,
        mut config: Config,
        permit: &Permit,
        work: impl FnOnce(&mut Exporter<'_>) -> RunReport,
    ) -> Result<Answer, Unbegun> {
        let stop = self.stop;
        let mut unready = None;
        let mut system = accounting_system(&config.system, stop).unwrap_or_else(|error| {
            unready = Some(not_begun(error.clone()));
            Box::new(Unready::new(error))
        });
        let description = system.describe();
        if unready.is_none() {
            warn_of_unset_roles(&config, description.computes_tax);
            if let Some(problem) = self
                .shared()
                .and_then(|shared| shared::refusal(&description, shared.is_pinned))
            {
                return Err(Unbegun::Otherwise(problem));
            }
        }
        let owner = owner(&config, &description);
        let settings = Settings {
            company_id: config.pleo.company_id.clone(),
            batch_size: config.batch_size,
            patience: config.patience,
            attachments: config.attachments,
            bookkeeping: config.bookkeeping.clone(),
            books_are_right: self.books_are_right,
        };
        let receipts = fetcher(&config, system.as_ref(), stop)
            .map_err(|error| Unbegun::Otherwise(without_receipts(&error)))?;
        let former_target = description.former_target.as_deref();
        let mut checkpoint = Checkpoint::open(&config.checkpoint, &owner, former_target, item_facts)
            .map_err(|error| match &error.fault {
                // It is whole, and where the polls of this company are looked up.
                Fault::BelongsToAnother { found, wanted }
                    if (&found.company_id, &found.pleo_host) == (&wanted.company_id, &wanted.pleo_host) =>
                {
                    Unbegun::Otherwise(error.into())
                }
                _ => Unbegun::WithoutCheckpoint(error.into()),
            })?;
        let mut contact = checkpoint
            .contact()
            .map_err(|error| Unbegun::WithoutCheckpoint(error.into()))?;
        if let Some(shared) = self.shared() {
            contact = shared.contact.borrow().clone();
            config.pleo.throttle = Some(Arc::clone(&shared.throttle));
        }
        let server = config.pleo.base_url.to_string();
        let pleo =
            Client::new(config.pleo, stop.clone()).map_err(|error| Unbegun::Otherwise(error.into()))?;
        if contact.answered_by == config.route {
            pleo.answered_before();
        }
        if let Some(poll) = self.poll {
            poll.reach.tell(&server, &pleo);
        }
        let watch = Watch {
            bar: Bar::new(self.global),
            notifier: self.poll.map(|poll| poll.notifier),
        };
        let watcher = Watcher::start();
        let mut report = work(&mut Exporter {
            pleo: &pleo,
            told: &pleo,
            system: system.as_mut(),
            checkpoint: &mut checkpoint,
            receipts: &receipts,
            settings: &settings,
            stop,
            permit,
            fleet: self.shared().map_or(&Alone, |shared| shared.fleet),
            progress: &watch,
        });
        // Also where nothing waits in Pleo: who hears of it now can mend it in time.
        if report.problem.is_none() && report.jobs.iter().all(|job| job.ending.problem().is_none()) {
            report.problem = unready;
        }
        drop(watcher);
        if self.poll.is_some() && !stop.is_requested() {
            forget_payloads(&mut checkpoint, config.keep_payloads, stop);
        }
        // How long polls fail is measured on our own clock.
        clock::follow(None);
        if let Some(shared) = self.shared() {
            shared.follow_clock();
        }
        if pleo.has_answered() {
            contact.answered_by = config.route;
        }
        let mut answer = Answer::of_run(report);
        if let Some(poll) = self.poll {
            poll.reach.note(&server, &pleo);
            poll_end::count(&mut contact, &mut answer, config.alarm_after, stop);
            keep_blocked(&mut checkpoint, &answer);
        }
        if let Some(shared) = self.shared() {
            shared.contact.replace(contact.clone());
        }
        checkpoint.remember_contact(contact);
        Ok(answer)
    }
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

/// The settings are wrong, so nothing was begun.
pub(super) fn wrong_settings(problems: &ConfigProblems) -> Problem {
    Problem {
        kind: ProblemKind::Configuration,
        message: problems.to_string(),
        hint: "correct the settings; nothing was sent".into(),
    }
}

/// Payloads are personal data, and kept no longer than the settings say. What goes wrong is tried again by the next poll.
fn forget_payloads(checkpoint: &mut Checkpoint, keep: TimeDelta, stop: &Stop) {
    match checkpoint.forget_payloads(clock::now() - keep, || stop.is_requested()) {
        Ok(0) => {}
        Ok(forgotten) => {
            let forgotten = counted(forgotten, "item");
            debug!("the payloads of {forgotten} were overwritten, as they were kept for long enough");
        }
        Err(error) => warn!(
            "{error}: payloads that were kept for long enough are still there; the next poll tries again"
        ),
    }
}

/// Why a run did not come to its work.
enum Unbegun {
    /// The checkpoint is not to be had, so that nothing can be kept of it either.
    WithoutCheckpoint(Problem),
    /// Something else.
    Otherwise(Problem),
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

pub(super) fn without_receipts(error: &receipts::SetupError) -> Problem {
    Problem {
        kind: ProblemKind::Unexpected,
        message: error.to_string(),
        hint: "see to the folder that is named, then run again".into(),
    }
}
