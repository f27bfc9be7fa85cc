//! What the next job would book, found by the steps that book it: detect, validate, control, data, process.
//!
//! Nothing is started, written or told. The steps do not know it: the accounting system is a [`Rehearsal`], Pleo is
//! [`Untold`] what they say, and the checkpoint is a temporary one. The real one is only asked which jobs
//! are ours and what was told before.

mod made_up;
mod recorded;
mod rehearsal;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::halt::Halt;
use super::report::{JobTotals, Problem, ProblemKind};
use super::telling::Untold;
use super::tools::{Exporter, JobRun};
use super::{detect, layers, process, update, validate};
use crate::checkpoint::{Checkpoint, CheckpointError, Counts, RehearsedItem};
use crate::host::clock;
use crate::model::export_job::ExportJob;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::ItemState;
use crate::model::verdict::{Failure, Standing, Verdict};
use crate::pleo::PleoError;

pub use recorded::{
    ReceiptState, Recorded, Rehearsed, RehearsedDocument, RehearsedPosting, RehearsedReceipt,
};
pub use rehearsal::{Decided, Rehearsal};

/// So many entries are in memory while they are shown.
const PAGE: usize = 200;

/// Which jobs are looked at.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The one that a poll would take next.
    Next,
    /// All that are open, in the order in which polls would take them.
    All,
    /// This one, or the one of which this is the beginning.
    Named(&'a str),
}

/// The jobs to look at.
#[derive(Debug, Default)]
pub struct Chosen {
    /// In order.
    pub jobs: Vec<ExportJob>,
    /// The job of another instance that keeps polls from taking any of them now.
    pub blocked_by: Option<ExportJob>,
}

/// What a run would do with a job.
#[derive(Debug)]
pub struct JobPreview {
    /// The job as Pleo shows it.
    pub job: ExportJob,
    /// Its items by verdict.
    pub counts: Counts,
    /// What would be done to the books, as a run tells it.
    pub totals: JobTotals,
    /// What would keep the run from coming to its end, if anything.
    pub problem: Option<Problem>,
}

/// What a run would do with one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPreview {
    /// The item, with the verdict that it would get.
    pub outcome: RehearsedItem,
    /// What would become of it.
    pub state: EntryState,
    /// What would be booked now; nothing where it is refused or booked already.
    pub rehearsed: Rehearsed,
}

/// What would become of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryState {
    /// It would be booked.
    New,
    /// It is in the books already.
    Booked,
    /// It would not be booked.
    Refused,
}

impl EntryState {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Booked => "booked",
            Self::Refused => "refused",
        }
    }
}

impl EntryPreview {
    /// Why it fails, where it does.
    pub const fn failure(&self) -> Option<&Failure> {
        match &self.outcome.verdict {
            Verdict::Failed(failure) => Some(failure),
            Verdict::Successful(_) => None,
        }
    }

    /// Its number in the books.
    pub fn external_id(&self) -> Option<&str> {
        match &self.outcome.verdict {
            Verdict::Successful(exported) => Some(&exported.external_id),
            Verdict::Failed(failure) => failure.standing().booked_as().map(String::as_str),
        }
    }
}

impl Exporter<'_> {
    /// The jobs that a preview is about. `known` is the real checkpoint, where there is one.
    ///
    /// # Errors
    /// Pleo cannot be asked, or there is no such job of this company.
    pub fn choose(&self, which: Which<'_>, known: Option<&Checkpoint>) -> Result<Chosen, Problem> {
        let chosen = match which {
            Which::Named(id) => self.named(id, known).map(|job| Chosen {
                jobs: vec![job],
                blocked_by: None,
            }),
            Which::All => self.open(known),
            Which::Next => self.open(known).map(|mut chosen| {
                chosen.jobs.truncate(1);
                chosen
            }),
        };
        chosen.map_err(Halt::into_problem)
    }

    fn open(&self, known: Option<&Checkpoint>) -> Result<Chosen, Halt> {
        let mut jobs = Vec::new();
        let ours = known.map(Checkpoint::open_jobs).transpose()?.unwrap_or_default();
        for record in ours {
            match self.pleo.job(&record.id) {
                Ok(job) if job.status.is_final() => {}
                Ok(job) => jobs.push(job),
                // A poll passes over it, too.
                Err(PleoError::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let detected = detect::detect(self.pleo, known.unwrap_or(self.checkpoint))?;
        let pending = detected.pending.into_iter();
        let is_new = |job: &ExportJob| !jobs.iter().any(|other: &ExportJob| other.id == job.id);
        let pending: Vec<_> = pending.filter(is_new).collect();
        jobs.extend(pending);
        Ok(Chosen {
            jobs,
            blocked_by: detected.in_progress_elsewhere.into_iter().next(),
        })
    }

    fn named(&self, id: &str, known: Option<&Checkpoint>) -> Result<ExportJob, Halt> {
        let id = match id.parse() {
            Ok(id) => id,
            Err(error) => detect::by_beginning(self.pleo, known, id)?.ok_or(Halt::NoSuchJob(error))?,
        };
        let job = self.pleo.job(&id)?;
        if self.pleo.is_ours(&job) {
            Ok(job)
        } else {
            Err(Halt::OtherCompany(Box::new(job)))
        }
    }

    /// Takes a job through all steps up to the last verdict. Never fails: whatever keeps it from the end is its problem.
    pub fn preview(&mut self, job: ExportJob, known: Option<&Checkpoint>) -> JobPreview {
        let span = tracing::error_span!("job", job.id = %job.id);
        let _entered = span.enter();
        let mut preview = JobPreview {
            counts: Counts::default(),
            totals: JobTotals::default(),
            problem: None,
            job,
        };
        if preview.job.status.is_final() {
            return preview;
        }
        let outcome = catch_unwind(AssertUnwindSafe(|| self.rehearse(&mut preview, known)));
        self.progress.end();
        let outcome = outcome.unwrap_or(Err(Halt::Panicked));
        let outcome = outcome.map_err(would_be);
        let counts = self.checkpoint.counts(&preview.job.id);
        let outcome = match counts {
            Ok(counts) => {
                preview.counts = counts;
                outcome
            }
            Err(error) => outcome.and(Err(error.into())),
        };
        preview.problem = outcome.err();
        preview
    }

    fn rehearse(&mut self, preview: &mut JobPreview, known: Option<&Checkpoint>) -> Result<(), Halt> {
        self.progress.begin(&preview.job.id, preview.job.number_of_items);
        self.checkpoint.adopt_job(&preview.job, clock::now())?;
        let job = Untold(self.pleo).as_if_started(preview.job.clone());
        let permit = self.permit.clone();
        let mut run = JobRun::of(self.lend(), job, permit, &mut preview.totals)?;
        steps(&mut run, known)?;
        match run.miscount {
            Some(miscount) => Err(Halt::Miscounted(miscount)),
            None => Ok(()),
        }
    }

    /// Shows every entry of a job that was looked at, in the order of work.
    ///
    /// # Errors
    /// What was kept cannot be read, or showing it failed.
    pub fn each_entry(
        &self,
        job: &JobId,
        recorded: &Recorded,
        mut show: impl FnMut(EntryPreview),
    ) -> Result<(), Problem> {
        let mut after = None;
        loop {
            let page = self.checkpoint.outcomes(job, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.position);
            for outcome in page {
                let rehearsed = recorded.of(&outcome.entry_id).map_err(|error| Problem {
                    kind: ProblemKind::Unexpected,
                    message: format!("what would be booked cannot be read back: {error}"),
                    hint: "run again; nothing was booked".into(),
                })?;
                show(entry(outcome, rehearsed));
            }
        }
    }
}

/// What a run would come to: of a job that would fail as a whole what is to be done before one takes it.
fn would_be(halt: Halt) -> Problem {
    match halt {
        Halt::CannotGoOn(failure) => Problem {
            kind: ProblemKind::JobFailed,
            message: format!("this export would fail as a whole: {}", failure.reason),
            hint:
                "see to it before the next poll, or none of its expenses will be booked; nothing was started"
                    .into(),
        },
        halt => halt.into_problem(),
    }
}

/// Steps 2 to 6, as a run takes them, with what an earlier one left.
fn steps(run: &mut JobRun<'_>, known: Option<&Checkpoint>) -> Result<(), Halt> {
    let id = run.job.id.clone();
    validate::validate(run)?;
    let references = layers::read(run, |run| match known {
        Some(known) => Ok(run.exporter.checkpoint.take_history(known, &id)?),
        None => Ok(()),
    })?;
    if let Some(known) = known {
        take_intents(run.exporter.checkpoint, known, &id)?;
    }
    let outcome = update::report(run).and_then(|()| process::process(run, &references));
    let notices = run.exporter.system.notices();
    run.totals.notices = notices.iter().map(ToString::to_string).collect();
    outcome
}

/// What an earlier run was about to book may be on its way into the books.
fn take_intents(checkpoint: &mut Checkpoint, known: &Checkpoint, job: &JobId) -> Result<(), CheckpointError> {
    let mut after = None;
    loop {
        let page = known.in_scope_page(job, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.position);
        let mut intended: Vec<AccountingEntryId> = Vec::new();
        for item in page {
            if item.state == ItemState::Intended && checkpoint.is_in_scope(job, &item.entry_id)? {
                intended.push(item.entry_id);
            }
        }
        checkpoint.intend(job, &intended, clock::now())?;
    }
}

fn entry(outcome: RehearsedItem, rehearsed: Option<Rehearsed>) -> EntryPreview {
    let is_refused = match &outcome.verdict {
        Verdict::Successful(_) => false,
        Verdict::Failed(failure) => {
            matches!(
                failure.standing(),
                Standing::NothingBooked | Standing::MayBeBooked
            )
        }
    };
    let state = match (is_refused, &rehearsed) {
        (true, _) => EntryState::Refused,
        (false, Some(_)) => EntryState::New,
        (false, None) => EntryState::Booked,
    };
    EntryPreview {
        outcome,
        state,
        rehearsed: rehearsed.unwrap_or_default(),
    }
}
