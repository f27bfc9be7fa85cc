//! Asks Pleo, checkpoint and books, job by job from the newest, some thousands of entries at a time.
//!
//! What an entry is by its newest job is compared; what older jobs told of it is remembered in a few bytes, so that memory
//! does not grow with what was ever exported.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use thiserror::Error;

use super::compare::{Facts, InPleo, compare};
use super::{Difference, Kind, spoilt};
use crate::bookkeeping;
use crate::checkpoint::{Checkpoint, CheckpointError, JobRecord};
use crate::host::digest;
use crate::host::stop::{Stop, Stopped};
use crate::model::export_job::{ExportJob, ExportJobItem, ItemStatus, JobStatus};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::inspected::{Evidence, Inspected};
use crate::pleo::{Client, PleoError, wire};
use crate::systems::{AccountingSystem, Found, SystemError};

/// So many entries are looked up in the books at once: each time a batch of theirs is read again.
const AT_ONCE: usize = 5_000;

/// Every status of a job.
const ALL: [JobStatus; 5] = [
    JobStatus::Pending,
    JobStatus::InProgress,
    JobStatus::Failed,
    JobStatus::Completed,
    JobStatus::CompletedWithErrors,
];

/// The three sides.
pub struct Sides<'a> {
    /// Pleo.
    pub pleo: &'a Client,
    /// What is known here; `None` where there is no checkpoint.
    pub checkpoint: Option<&'a Checkpoint>,
    /// The books.
    pub system: &'a mut dyn AccountingSystem,
    /// The zone whose calendar they follow.
    pub zone: Tz,
    /// Whether a run is at work here.
    pub is_run_at_work: bool,
    /// The request to stop.
    pub stop: &'a Stop,
}

impl std::fmt::Debug for Sides<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sides").finish_non_exhaustive()
    }
}

/// Which jobs are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those that were made in Pleo since.
    Since(DateTime<Utc>),
    /// The one whose id begins so.
    Job(String),
    /// These.
    Jobs(BTreeSet<JobId>),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What differs, from the newest job on.
    pub differences: Vec<Difference>,
    /// How many jobs were compared.
    pub jobs: usize,
    /// How many items they have.
    pub items: usize,
    /// Of how many entries nothing tells the amount any more: their evidence was removed, and the checkpoint has none.
    pub without_amount: usize,
    /// What could not be compared, and why.
    pub not_compared: BTreeSet<String>,
}

/// Why nothing could be compared.
#[derive(Debug, Error)]
pub enum GatherError {
    /// Pleo.
    #[error(transparent)]
    Pleo(#[from] PleoError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The books.
    #[error(transparent)]
    System(#[from] SystemError),
    /// A signal.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// No job has an id that begins so, or several have.
    #[error("{0}")]
    UnknownJob(String),
}

/// A job, as far as each side knows it.
struct Job {
    id: JobId,
    created_at: DateTime<Utc>,
    in_pleo: Option<ExportJob>,
    record: Option<JobRecord>,
}

impl Job {
    fn was_never_begun(&self) -> bool {
        let in_pleo = self.in_pleo.as_ref();
        self.record.is_none() && in_pleo.is_some_and(|job| job.status == JobStatus::Pending)
    }
}

/// An entry in few bytes.
type Key = u128;

fn key(entry_id: &AccountingEntryId) -> Key {
    let digest = digest::of(entry_id.as_str()).bytes();
    digest.first_chunk().map_or(0, |first| Key::from_le_bytes(*first))
}

/// Compares the three sides.
pub fn gather(sides: &mut Sides<'_>, scope: &Scope) -> Result<Comparison, GatherError> {
    let jobs = jobs(sides, scope)?;
    if *scope == Scope::All && jobs.iter().all(Job::was_never_begun) {
        // There may be no books yet.
        return Ok(Comparison::default());
    }
    let listed = jobs.iter().filter(|job| job.in_pleo.is_some());
    let listed = listed.map(|job| job.id.clone()).collect();
    let mut gathering = Gathering {
        sides,
        outcome: Comparison::default(),
        known: HashMap::new(),
        not_reported: Vec::new(),
        evidence: HashSet::new(),
    };
    for job in &jobs {
        gathering.job(job)?;
    }
    gathering.finish(&listed)
}

/// The jobs in scope, the newest first.
fn jobs(sides: &Sides<'_>, scope: &Scope) -> Result<Vec<Job>, GatherError> {
    let mut records: HashMap<JobId, JobRecord> = HashMap::new();
    if let Some(checkpoint) = sides.checkpoint {
        let known = checkpoint.jobs()?.into_iter();
        records.extend(known.map(|record| (record.id.clone(), record)));
    }
    let in_pleo = sides.pleo.list_jobs(&ALL)?.into_iter();
    let mut jobs: Vec<Job> = in_pleo
        .map(|job| Job {
            id: job.id.clone(),
            created_at: job.created_at,
            record: records.remove(&job.id),
            in_pleo: Some(job),
        })
        .collect();
    jobs.extend(records.into_values().map(|record| Job {
        id: record.id.clone(),
        created_at: record.created_at,
        in_pleo: None,
        record: Some(record),
    }));
    jobs.retain(|job| match scope {
        Scope::All => true,
        Scope::Since(since) => job.created_at >= *since,
        Scope::Job(id) => job.id.as_str().to_ascii_lowercase().starts_with(id.as_str()),
        Scope::Jobs(ids) => ids.contains(&job.id),
    });
    if let Scope::Job(id) = scope
        && jobs.len() != 1
    {
        return Err(GatherError::UnknownJob(match jobs.len() {
            0 => format!("neither Pleo nor the checkpoint knows a job {id} of this company"),
            several => format!("{several} jobs have an id that begins with {id}"),
        }));
    }
    jobs.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
    Ok(jobs)
}

struct Gathering<'s, 'a> {
    sides: &'s mut Sides<'a>,
    outcome: Comparison,
    /// The entries that were seen, each with whether Pleo has it as exported in any job.
    known: HashMap<Key, bool>,
    /// What is in the books and not told, as far as is known.
    not_reported: Vec<Difference>,
    /// The files of evidence that were told of.
    evidence: HashSet<String>,
}

impl Gathering<'_, '_> {
    fn job(&mut self, job: &Job) -> Result<(), GatherError> {
        self.outcome.jobs += 1;
        let mut seen: HashSet<Key> = HashSet::new();
        if job.in_pleo.is_some() {
            self.listed(job, &mut seen)?;
        } else {
            let id = &job.id;
            let note = format!("job {id}: Pleo has it no more, so only checkpoint and books are compared");
            self.outcome.not_compared.insert(note);
        }
        self.unlisted(job, &seen)
    }

    /// The items that Pleo lists.
    fn listed(&mut self, job: &Job, seen: &mut HashSet<Key>) -> Result<(), GatherError> {
        let pleo = self.sides.pleo;
        let mut waiting: Vec<ExportJobItem> = Vec::new();
        pleo.control_layer(&job.id, |page| {
            waiting.extend(page.into_iter().filter(|item| seen.insert(key(&item.entry_id))));
            if waiting.len() >= AT_ONCE {
                self.items(job, std::mem::take(&mut waiting))?;
            }
            Ok::<_, GatherError>(())
        })?;
        self.items(job, waiting)
    }

    /// The items that only the checkpoint knows.
    fn unlisted(&mut self, job: &Job, seen: &HashSet<Key>) -> Result<(), GatherError> {
        let Some(checkpoint) = self.sides.checkpoint.filter(|_| job.record.is_some()) else {
            return Ok(());
        };
        let mut after = i64::MIN;
        loop {
            let page = checkpoint.entries_page(&job.id, after, AT_ONCE)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            let entries = page.into_iter().map(|(_, entry_id)| entry_id);
            let entries = entries.filter(|entry_id| !seen.contains(&key(entry_id)));
            let unlisted = entries.map(|entry_id| (entry_id, InPleo::Unlisted));
            self.entries(job, unlisted.collect())?;
        }
    }

    fn items(&mut self, job: &Job, items: Vec<ExportJobItem>) -> Result<(), GatherError> {
        let open = self.open(job);
        let said = items.into_iter().map(|item| {
            let pleo = match (item.status, &open) {
                (ItemStatus::Successful, _) => InPleo::Exported(item.external_id),
                (_, Some(open)) => open.clone(),
                (status, None) => InPleo::NotExported(status.as_str()),
            };
            (item.entry_id, pleo)
        });
        self.entries(job, said.collect())
    }

    /// What an item is whose job is open; `None` where it is over.
    fn open(&mut self, job: &Job) -> Option<InPleo> {
        let status = &job.in_pleo.as_ref()?.status;
        if status.is_final() {
            return None;
        }
        let is_ours = job.record.as_ref().is_some_and(|record| record.state.is_open());
        if *status == JobStatus::Pending && !self.sides.is_run_at_work {
            return Some(InPleo::Open("poll"));
        }
        if is_ours && !self.sides.is_run_at_work {
            return Some(InPleo::Open("resume"));
        }
        let id = &job.id;
        let note = format!("job {id} is being worked on: what of it was not told yet is left out");
        self.outcome.not_compared.insert(note);
        Some(InPleo::AtWork)
    }

    /// Compares entries of a job that no newer job has.
    fn entries(&mut self, job: &Job, entries: Vec<(AccountingEntryId, InPleo)>) -> Result<(), GatherError> {
        self.sides.stop.check()?;
        self.outcome.items += entries.len();
        let known = &mut self.known;
        let (ids, said): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .filter(|(entry_id, pleo)| {
                let is_told = matches!(pleo, InPleo::Exported(_));
                let is_new = !known.contains_key(&key(entry_id));
                *known.entry(key(entry_id)).or_default() |= is_told;
                is_new
            })
            .unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let recorded = match self.sides.checkpoint {
            Some(checkpoint) => checkpoint.recorded(&job.id, &ids)?,
            None => vec![None; ids.len()],
        };
        let inspected = self.sides.system.inspect(&ids)?;
        let changed = self.changed_in_pleo(job, &ids, &inspected)?;
        let system = self.sides.system.describe();
        for (((entry_id, pleo), recorded), (found, inspected)) in
            ids.iter().zip(said).zip(&recorded).zip(&inspected)
        {
            let is_amount_known = recorded.as_ref().is_some_and(|recorded| recorded.about.is_some());
            self.note_what_is_not_told(found, inspected, is_amount_known);
            let (differences, not_reported) = compare(&Facts {
                job: &job.id,
                entry_id,
                system: &system,
                zone: self.sides.zone,
                pleo,
                recorded: recorded.as_ref(),
                found,
                inspected,
                hash_problem: spoilt::hash_problem(found, inspected, recorded.as_ref()),
                is_changed_in_pleo: changed.contains(entry_id),
            });
            for difference in differences {
                // Evidence is that of a batch, and told once.
                if difference.kind != Kind::Evidence || self.evidence.insert(difference.message.clone()) {
                    self.outcome.differences.push(difference);
                }
            }
            self.not_reported.extend(not_reported);
        }
        Ok(())
    }

    fn note_what_is_not_told(&mut self, found: &Found, inspected: &Inspected, is_amount_known: bool) {
        if found.booked().is_none() {
            return;
        }
        if inspected.evidence == Evidence::Removed && !is_amount_known {
            self.outcome.without_amount += 1;
        }
        let name = || self.sides.system.describe().name;
        if inspected.receipts.is_none() {
            let note = format!("receipts: {} does not show them here", name());
            self.outcome.not_compared.insert(note);
        }
        if inspected.evidence == Evidence::NotKept {
            let note = format!("evidence: {} keeps none", name());
            self.outcome.not_compared.insert(note);
        }
    }

    /// The booked entries of an open job that Pleo has with another content now. Of a job that is over it shows none.
    fn changed_in_pleo(
        &mut self,
        job: &Job,
        ids: &[AccountingEntryId],
        inspected: &[(Found, Inspected)],
    ) -> Result<HashSet<AccountingEntryId>, GatherError> {
        let mut changed = HashSet::new();
        let is_open = job.in_pleo.as_ref().is_some_and(|job| !job.status.is_final());
        let booked = ids
            .iter()
            .zip(inspected)
            .filter_map(|(entry_id, (found, _))| Some((entry_id, found.booked()?.content_hash.as_deref()?)));
        let hashes: HashMap<&AccountingEntryId, &str> = booked.collect();
        if !is_open || hashes.is_empty() {
            return Ok(changed);
        }
        let read = self.sides.pleo.data_layer(&job.id, |page| {
            for item in page {
                let Some((entry_id, hash)) = item.entry_id.as_ref().and_then(|id| hashes.get_key_value(id))
                else {
                    continue;
                };
                if wire::export_item(&item.payload).is_ok_and(|item| !bookkeeping::is_unchanged(&item, hash))
                {
                    changed.insert((*entry_id).clone());
                }
            }
            Ok::<_, PleoError>(())
        });
        match read {
            // Over by now, or not ready for an export: nothing of it can be compared.
            Ok(()) | Err(PleoError::JobFinished { .. } | PleoError::MissingContraAccounts { .. }) => {
                Ok(changed)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is only in the books is a difference where no job at all told of it.
    fn finish(mut self, listed: &HashSet<JobId>) -> Result<Comparison, GatherError> {
        for difference in std::mem::take(&mut self.not_reported) {
            let Some(entry_id) = &difference.entry_id else {
                continue;
            };
            let mut is_told = self.known.get(&key(entry_id)).copied().unwrap_or(false);
            if let Some(checkpoint) = self.sides.checkpoint.filter(|_| !is_told) {
                is_told = checkpoint.told_elsewhere(entry_id, listed)?;
            }
            if !is_told {
                self.outcome.differences.push(difference);
            }
        }
        Ok(self.outcome)
    }
}
