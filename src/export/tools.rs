//! What a run works with, and the job in hand. Every step takes one of the two; whatever else it needs it reads itself.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::deadline::{self, Deadline};
use super::halt::Halt;
use super::report::JobTotals;
use super::telling::Telling;
use super::verdicts;
use crate::bookkeeping::{self, SystemTraits};
use crate::checkpoint::{Checkpoint, StoredItem};
use crate::host::clock;
use crate::host::counted::counted;
use crate::host::stop::Stop;
use crate::model::export_job::ExportJob;
use crate::model::fleet::Fleet;
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::permit::Permit;
use crate::model::state::JobEvent;
use crate::model::verdict::Verdict;
use crate::pleo::{Client, ItemUpdate, PleoError, Rejection};
use crate::receipts::{Fetcher, Policy};
use crate::systems::AccountingSystem;

/// What the workflow itself is told by the settings.
#[derive(Debug)]
pub struct Settings {
    /// The company whose jobs are worked on.
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

/// A progress observer.
pub trait Progress {
    /// A job of so many items begins.
    fn begin(&self, job: &JobId, items: u64);
    /// So many of its items have their verdict by now.
    fn reached(&self, items: u64);
    /// The job is left.
    fn end(&self);
}

/// What a run works with.
pub struct Exporter<'a> {
    /// Pleo.
    pub pleo: &'a Client,
    /// Who is told where items stand: Pleo, but for a preview.
    pub told: &'a dyn Telling,
    /// The accounting system.
    pub system: &'a mut dyn AccountingSystem,
    /// What is known of jobs and items.
    pub checkpoint: &'a mut Checkpoint,
    /// Where receipts are fetched.
    pub receipts: &'a Fetcher,
    /// The settings.
    pub settings: &'a Settings,
    /// The request to stop.
    pub stop: &'a Stop,
    /// The right of this process to act at all: its lock.
    pub permit: &'a Permit,
    /// The other hosts that may work for the company.
    pub fleet: &'a dyn Fleet,
    /// The progress observer.
    pub progress: &'a dyn Progress,
}

impl fmt::Debug for Exporter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exporter")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Exporter<'_> {
    /// The same, lent to a job in hand.
    pub(super) fn lend(&mut self) -> Exporter<'_> {
        Exporter {
            pleo: self.pleo,
            told: self.told,
            system: self.system,
            checkpoint: self.checkpoint,
            receipts: self.receipts,
            settings: self.settings,
            stop: self.stop,
            permit: self.permit,
            fleet: self.fleet,
            progress: self.progress,
        }
    }

    /// What planning must know of the accounting system.
    pub(super) fn traits(&self) -> SystemTraits {
        let system = self.system.describe();
        SystemTraits {
            payables: system.payables,
            computes_tax: system.computes_tax,
            keeps_vendors: system.keeps_vendors,
        }
    }

    /// Commits what happened to a job.
    pub(super) fn note(&mut self, job: &JobId, event: JobEvent, why: &str) -> Result<(), Halt> {
        self.checkpoint.job_event(job, event, why, clock::now())?;
        self.fleet.job_event(job, event, why);
        Ok(())
    }
}

/// The job in hand.
pub(super) struct JobRun<'a> {
    pub(super) exporter: Exporter<'a>,
    pub(super) job: ExportJob,
    pub(super) deadline: Deadline,
    /// Asked for before whatever writes.
    pub(super) permit: Permit,
    /// How many items have their verdict, for whoever follows the run.
    pub(super) with_verdict: u64,
    /// Whether this run has come to a verdict on any item.
    pub(super) has_decided: bool,
    /// How often the permit was withheld and the work begun anew.
    pub(super) returns: u32,
    /// The list was read again while items were booked: those that were taken in hand before may be finished by now.
    pub(super) is_listed_again: bool,
    /// How Pleo's count of the items differs from its list, when it does.
    pub(super) miscount: Option<String>,
    /// Items with which this run is the first to have begun and that surely were not sent, each with whether the books were
    /// asked and had nothing of it.
    pub(super) unbooked: HashMap<AccountingEntryId, bool>,
    /// What was done to the books; kept when the job halts.
    pub(super) totals: &'a mut JobTotals,
}

impl<'a> JobRun<'a> {
    /// Takes a job in hand that is ours and in progress, and follows its clock.
    pub(super) fn of(
        exporter: Exporter<'a>,
        job: ExportJob,
        permit: Permit,
        totals: &'a mut JobTotals,
    ) -> Result<Self, Halt> {
        let server_time = exporter.pleo.server_time();
        deadline::follow_clock(&job, server_time);
        let run = Self {
            deadline: Deadline::of(&job, server_time, Instant::now()),
            exporter,
            job,
            permit,
            with_verdict: 0,
            has_decided: false,
            returns: 0,
            is_listed_again: false,
            miscount: None,
            unbooked: HashMap::new(),
            totals,
        };
        let expires_at = run.deadline.expires_at();
        run.exporter
            .checkpoint
            .remember_deadline(&run.job.id, expires_at)?;
        Ok(run)
    }

    /// Reads the job again: the time at which it expires moves with our updates. A job that is over halts.
    pub(super) fn refresh(&mut self) -> Result<(), Halt> {
        self.job = self.exporter.told.job(&self.job.id)?;
        if self.job.status.is_final() {
            return Err(Halt::EndedByPleo(Box::new(self.job.clone())));
        }
        self.deadline = Deadline::of(&self.job, self.exporter.pleo.server_time(), Instant::now());
        let expires_at = self.deadline.expires_at();
        Ok(self
            .exporter
            .checkpoint
            .remember_deadline(&self.job.id, expires_at)?)
    }

    /// The permit for one call that writes to the books: it takes no more of the job's time than a step may.
    pub(super) fn permit_for_a_step(&self) -> Permit {
        self.permit.until(self.deadline.of_a_step(Instant::now()))
    }

    /// Whether an item may be on its way into the books: it was announced, and this run does not know better.
    pub(super) fn may_be_sent(&self, item: &StoredItem) -> bool {
        verdicts::is_announced(item) && !self.unbooked.contains_key(&item.entry_id)
    }

    /// Commits verdicts, and the numbers that the books gave, before Pleo is told.
    pub(super) fn decide(&mut self, verdicts: &[(AccountingEntryId, Verdict)]) -> Result<(), Halt> {
        let checkpoint = &mut *self.exporter.checkpoint;
        let highest = self.exporter.system.highest_numbers();
        checkpoint.decide(&self.job.id, verdicts, &highest, clock::now())?;
        self.has_decided |= !verdicts.is_empty();
        self.exporter.fleet.decided(&self.job.id, verdicts);
        for (entry_id, _) in verdicts {
            self.unbooked.remove(entry_id);
        }
        Ok(())
    }

    /// Tells Pleo where items stand, and answers what it rejected: all of them, where it rejects the request as a whole.
    pub(super) fn tell(&self, updates: &[ItemUpdate]) -> Result<Vec<Rejection>, Halt> {
        let answer = self
            .exporter
            .told
            .update_items(&self.permit, &self.job.id, updates);
        match self.unless_over(answer) {
            Err(Halt::Pleo(PleoError::Rejected { answer })) => {
                let rejected = updates.iter().map(|update| Rejection {
                    entry_id: update.entry_id().clone(),
                    error_type: String::new(),
                    message: answer.to_string(),
                });
                Ok(rejected.collect())
            }
            other => Ok(other?.rejected),
        }
    }

    /// Passes an answer of Pleo's about the job on. Where Pleo takes nothing more for it, it is over there, unless its own
    /// word says otherwise.
    pub(super) fn unless_over<T>(&self, answer: Result<T, PleoError>) -> Result<T, Halt> {
        let id = &self.job.id;
        match answer {
            Err(PleoError::JobFinished { .. }) => Err(match self.exporter.pleo.job(id) {
                Ok(job) if job.status.is_final() => Halt::EndedByPleo(Box::new(job)),
                Ok(job) => Halt::Later(format!(
                    "Pleo takes nothing for job {id}, although it shows the job as {}",
                    job.status.as_str()
                )),
                Err(error) => error.into(),
            }),
            other => Ok(other?),
        }
    }
}

/// How long a list of the job's items has become: pages may overlap, but a list that goes on and on is none.
#[derive(Default)]
pub(super) struct Length(u64);

impl Length {
    pub(super) fn grow(&mut self, job: &ExportJob, elements: usize) -> Result<(), Halt> {
        self.0 = self.0.saturating_add(u64::try_from(elements).unwrap_or(u64::MAX));
        if self.0 <= job.number_of_items.saturating_mul(2).saturating_add(1_000) {
            return Ok(());
        }
        Err(Halt::Later(format!(
            "Pleo's list of the {} of job {} does not end: it was left after {} of them",
            counted(job.number_of_items, "item"),
            job.id,
            self.0
        )))
    }
}
