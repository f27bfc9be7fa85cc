//! The jobs we work on, and the outcome that a job is about to be closed with.

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::audit::{Subject, record};
use super::columns::{time_from, time_text};
use super::error::{CheckpointError, Fault};
use super::file::Checkpoint;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::{CompanyId, JobId};
use crate::model::state::{IllegalTransition, JobEvent, JobState};
use crate::model::verdict::{JobFailure, JobFailureType, JobOutcome};

/// What the checkpoint knows of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// Pleo's id.
    pub id: JobId,
    /// Whose expenses it holds.
    pub company_id: CompanyId,
    /// Where it stands on our side.
    pub state: JobState,
    /// When it was made on Pleo, in UTC; the oldest goes first.
    pub created_at: DateTime<Utc>,
    /// When its state last changed here, in UTC.
    pub updated_at: DateTime<Utc>,
    /// When Pleo gives it up unless it hears from us, as far as it is known, in UTC.
    pub expires_at: Option<DateTime<Utc>>,
    /// How many items Pleo says it holds.
    pub number_of_items: u64,
    /// Whether its items carry vendors and a bookkeeping method.
    pub vendor_based_bookkeeping: bool,
    /// What kept the last run from going on, for the operator.
    pub last_error: Option<String>,
    /// What helps against it, where that is known.
    pub last_hint: Option<String>,
    /// What Pleo is told at the end, kept from the intent to close on; of a job that ended without us, what Pleo shows where
    /// its items were worked on.
    pub closing: Option<JobOutcome>,
}

impl JobRecord {
    /// Where it stands in Pleo's words. Nobody tells what becomes of a job that another instance has.
    pub const fn status(&self) -> Option<&'static JobStatus> {
        match (self.state, &self.closing) {
            (JobState::Starting, _) => Some(&JobStatus::Pending),
            (JobState::Started | JobState::Closing, _) => Some(&JobStatus::InProgress),
            (JobState::Closed | JobState::Ended, Some(outcome)) => Some(outcome.status()),
            (JobState::Closed | JobState::Ended, None) => Some(&JobStatus::Failed),
            (JobState::Foreign, _) => None,
        }
    }
}

impl Checkpoint {
    /// Commits the intent to start a job: a new one, or one that was another instance's before.
    pub fn claim_job(&mut self, job: &ExportJob, now: DateTime<Utc>) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            enter(transaction, job, JobEvent::Claim, JobState::Starting, now)?;
            Ok(record(
                transaction,
                Some(&job.id),
                &Subject::Job,
                JobEvent::Claim.as_str(),
                "",
                now,
            )?)
        })
    }

    /// Takes over a job that is in progress and that this checkpoint did not start.
    pub fn adopt_job(&mut self, job: &ExportJob, now: DateTime<Utc>) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            enter(transaction, job, JobEvent::Started, JobState::Started, now)?;
            Ok(record(
                transaction,
                Some(&job.id),
                &Subject::Job,
                "adopt",
                "",
                now,
            )?)
        })
    }

    /// Commits what happened to a job; `note` says why, for the audit trail.
    ///
    /// The intent to close goes through [`Checkpoint::close_job`], because it needs an outcome.
    pub fn job_event(
        &mut self,
        id: &JobId,
        event: JobEvent,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.happens(id, event, None, note, now)
    }

    /// Commits the intent to close a job with this outcome, so that a resumed run tells Pleo the same.
    pub fn close_job(
        &mut self,
        id: &JobId,
        outcome: &JobOutcome,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        let detail = format!("{} {note}", outcome.status().as_str());
        self.happens(id, JobEvent::Close, Some(outcome), detail.trim(), now)
    }

    /// Commits that a job ended without us, with its outcome where Pleo shows that all of its items were worked on.
    pub fn ended_by_pleo(
        &mut self,
        id: &JobId,
        outcome: Option<&JobOutcome>,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.happens(id, JobEvent::EndedByPleo, outcome, note, now)
    }

    fn happens(
        &mut self,
        id: &JobId,
        event: JobEvent,
        outcome: Option<&JobOutcome>,
        note: &str,
        now: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            let before = known_state(transaction, id)?;
            if event == JobEvent::Close && outcome.is_none() {
                let transition = IllegalTransition {
                    state: before.as_str(),
                    event: "close without an outcome",
                };
                return Err(Fault::illegal(id, None, transition));
            }
            let state = next(id, before, event)?;
            let failure = outcome.and_then(JobOutcome::failure);
            // What we meant is forgotten once the job ended otherwise or is another instance's.
            let decides = matches!(event, JobEvent::Close | JobEvent::EndedByPleo | JobEvent::LostToAnother);
            transaction
                .prepare_cached(
                    "UPDATE job SET state = ?2, updated_at = ?3, closing_status = iif(?4, ?5, closing_status), \
                     closing_failure_type = iif(?4, ?6, closing_failure_type), \
                     closing_reason = iif(?4, ?7, closing_reason) WHERE id = ?1",
                )?
                .execute((
                    id.as_str(),
                    state.as_str(),
                    time_text(now),
                    decides,
                    outcome.map(|outcome| outcome.status().as_str()),
                    failure.map(|failure| failure.failure_type.as_str()),
                    failure.map(|failure| &failure.reason),
                ))?;
            Ok(record(transaction, Some(id), &Subject::Job, event.as_str(), note, now)?)
        })
    }

    /// Stores when Pleo gives the job up.
    pub fn remember_deadline(
        &mut self,
        id: &JobId,
        expires_at: DateTime<Utc>,
    ) -> Result<(), CheckpointError> {
        self.change(|transaction| {
            let changed = transaction
                .prepare_cached("UPDATE job SET expires_at = ?2 WHERE id = ?1")?
                .execute((id.as_str(), time_text(expires_at)))?;
            known(id, changed)
        })
    }

    /// Stores what stopped the work on a job, with what helps; `None` once the work went on.
    pub fn set_last_error(
        &mut self,
        id: &JobId,
        error_and_hint: Option<(&str, &str)>,
    ) -> Result<(), CheckpointError> {
        let (error, hint) = error_and_hint.unzip();
        self.change(|transaction| {
            let changed = transaction
                .prepare_cached("UPDATE job SET last_error = ?2, last_hint = ?3 WHERE id = ?1")?
                .execute((id.as_str(), error, hint))?;
            known(id, changed)
        })
    }

    /// What is known of one job; `None` when nothing is.
    pub fn job(&self, id: &JobId) -> Result<Option<JobRecord>, CheckpointError> {
        self.look(|connection| {
            let found = select(connection, "WHERE id = ?1", [id.as_str()])?;
            Ok(found.into_iter().next())
        })
    }

    /// The jobs of ours that may be gone on with, the oldest first.
    pub fn open_jobs(&self) -> Result<Vec<JobRecord>, CheckpointError> {
        let open = "WHERE state IN ('starting', 'started', 'closing') ORDER BY created_at, id";
        self.look(|connection| select(connection, open, []))
    }

    /// All jobs, the newest first.
    pub fn jobs(&self) -> Result<Vec<JobRecord>, CheckpointError> {
        self.look(|connection| select(connection, "ORDER BY created_at DESC, id DESC", []))
    }
}

/// Inserts the job as `first`, or lets `event` happen to the known one, and keeps what Pleo says of it now.
fn enter(
    transaction: &Transaction<'_>,
    job: &ExportJob,
    event: JobEvent,
    first: JobState,
    now: DateTime<Utc>,
) -> Result<(), Fault> {
    let known = state_of(transaction, &job.id)?;
    let (sql, state) = match known {
        None => (
            "INSERT INTO job (id, company_id, created_at, number_of_items, vendor_based_bookkeeping, state, \
             updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            first,
        ),
        Some(state) => (
            "UPDATE job SET company_id = ?2, created_at = ?3, number_of_items = ?4, \
             vendor_based_bookkeeping = ?5, state = ?6, updated_at = ?7, has_payloads = 1 WHERE id = ?1",
            next(&job.id, state, event)?,
        ),
    };
    transaction.prepare_cached(sql)?.execute((
        job.id.as_str(),
        job.company_id.as_str(),
        time_text(job.created_at),
        i64::try_from(job.number_of_items).unwrap_or(i64::MAX),
        job.vendor_based_bookkeeping,
        state.as_str(),
        time_text(now),
    ))?;
    Ok(forget_withdrawn(transaction, &job.id)?)
}

/// Forgets that intents were withdrawn: another instance may have gone on with the items of the job.
pub(super) fn forget_withdrawn(transaction: &Transaction<'_>, job: &JobId) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached(
            "UPDATE item SET is_withdrawn = 0 WHERE job = (SELECT number FROM job WHERE id = ?1) AND is_withdrawn = 1",
        )?
        .execute([job.as_str()])?;
    Ok(())
}

/// A job by both of its keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobKey<'a> {
    /// Its key inside the checkpoint.
    pub(super) number: i64,
    pub(super) id: &'a JobId,
}

impl<'a> JobKey<'a> {
    /// The keys of a job that must be known.
    pub(super) fn of(transaction: &Transaction<'_>, id: &'a JobId) -> Result<Self, Fault> {
        let number = transaction
            .prepare_cached("SELECT number FROM job WHERE id = ?1")?
            .query_row([id.as_str()], |row| row.get(0))
            .optional()?
            .ok_or_else(|| Fault::missing(id, None))?;
        Ok(Self { number, id })
    }
}

/// The state of a job that must be known.
fn known_state(transaction: &Transaction<'_>, id: &JobId) -> Result<JobState, Fault> {
    state_of(transaction, id)?.ok_or_else(|| Fault::missing(id, None))
}

fn next(id: &JobId, state: JobState, event: JobEvent) -> Result<JobState, Fault> {
    state
        .next(event)
        .map_err(|transition| Fault::illegal(id, None, transition))
}

fn state_of(transaction: &Transaction<'_>, id: &JobId) -> Result<Option<JobState>, Fault> {
    let word: Option<String> = transaction
        .prepare_cached("SELECT state FROM job WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    word.map(|word| state_from(id, &word)).transpose()
}

fn state_from(id: &JobId, word: &str) -> Result<JobState, Fault> {
    JobState::from_word(word).ok_or_else(|| Fault::Damaged(format!("job `{id}` has the state `{word}`")))
}

fn known(id: &JobId, changed: usize) -> Result<(), Fault> {
    if changed == 0 {
        Err(Fault::missing(id, None))
    } else {
        Ok(())
    }
}

fn select(
    connection: &Connection,
    which: &str,
    parameters: impl rusqlite::Params,
) -> Result<Vec<JobRecord>, Fault> {
    connection
        .prepare_cached(&format!(
            "SELECT id, company_id, state, created_at, updated_at, expires_at, number_of_items, \
             vendor_based_bookkeeping, last_error, closing_status, closing_failure_type, closing_reason, last_hint FROM job {which}"
        ))?
        .query_and_then(parameters, from_row)?
        .collect()
}

fn from_row(row: &Row<'_>) -> Result<JobRecord, Fault> {
    let id = JobId::new(row.get::<_, String>(0)?);
    let place = format!("job `{id}`");
    Ok(JobRecord {
        company_id: CompanyId::new(row.get::<_, String>(1)?),
        state: state_from(&id, row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
        created_at: time_from(&row.get::<_, String>(3)?, &place)?,
        updated_at: time_from(&row.get::<_, String>(4)?, &place)?,
        expires_at: row
            .get::<_, Option<String>>(5)?
            .map(|text| time_from(&text, &place))
            .transpose()?,
        number_of_items: row.get::<_, i64>(6)?.unsigned_abs(),
        vendor_based_bookkeeping: row.get(7)?,
        last_error: row.get(8)?,
        last_hint: row.get(12)?,
        closing: closing_from(row, &id)?,
        id,
    })
}

fn closing_from(row: &Row<'_>, id: &JobId) -> Result<Option<JobOutcome>, Fault> {
    let Some(status) = row.get::<_, Option<String>>(9)? else {
        return Ok(None);
    };
    let word: Option<String> = row.get(10)?;
    Ok(Some(match (JobStatus::from_wire(&status), word) {
        (JobStatus::Completed, None) => JobOutcome::Completed,
        (JobStatus::CompletedWithErrors, None) => JobOutcome::CompletedWithErrors,
        (JobStatus::Failed, Some(word)) => JobOutcome::Failed(JobFailure {
            failure_type: JobFailureType::from_wire(&word)
                .ok_or_else(|| Fault::Damaged(format!("job `{id}` has the failure type `{word}`")))?,
            reason: row.get(11)?,
        }),
        (_, word) => {
            let word = word.as_deref().unwrap_or("none");
            return Err(Fault::Damaged(format!(
                "job `{id}` is to be closed as `{status}` with the failure type `{word}`"
            )));
        }
    }))
}
