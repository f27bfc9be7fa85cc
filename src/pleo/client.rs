//! The client: one method for each endpoint of Pleo that an export needs.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::error::PleoError;
use super::heard::{Heard, Picture, Record};
use super::pages::List;
use super::request::{Action, Asked, Request};
use super::transport::{Answered, ServerTime, Transport};
use super::wire::{self, RawItem, UpdateAnswer};
use super::{ExportJobEvent, ItemUpdate, Settings};
use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::export_job::{ExportJob, ExportJobItem, JobStatus};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::permit::Permit;

/// How many items Pleo takes in one update.
const LARGEST_UPDATE: usize = 100;

/// Why a list is not read to its end.
enum Ended {
    /// It has shown that another instance is at work.
    Progressed,
    Failed(PleoError),
}

impl From<PleoError> for Ended {
    fn from(error: PleoError) -> Self {
        Self::Failed(error)
    }
}

/// The way to the export API of one company. Clones share it, with all that was heard.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Arc<Transport>,
    company_id: CompanyId,
    /// Of the job in hand.
    record: Arc<Mutex<Option<Record>>>,
    hasher: RandomState,
    /// The jobs of which was told that they are left aside.
    told_aside: Arc<Mutex<HashSet<String>>>,
}

impl Client {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`PleoError::Settings`] where the credential would travel unprotected or cannot be sent.
    pub fn new(settings: Settings, stop: Stop) -> Result<Self, PleoError> {
        Ok(Self {
            company_id: settings.company_id.clone(),
            transport: Arc::new(Transport::new(settings, stop)?),
            record: Arc::default(),
            hasher: RandomState::new(),
            told_aside: Arc::default(),
        })
    }

    /// All jobs of our company in these statuses, in no particular order. A job that cannot be worked on is left aside
    /// with a warning, once for each client.
    pub fn list_jobs(&self, statuses: &[JobStatus]) -> Result<Vec<ExportJob>, PleoError> {
        let (jobs, left_aside) = self.list_all_jobs(statuses)?;
        let mut told = self.told_aside.lock().unwrap_or_else(PoisonError::into_inner);
        for (which, sentence) in left_aside {
            if told.insert(which) {
                tracing::warn!("{sentence}");
            }
        }
        Ok(jobs)
    }

    /// The same, and beside it each job that cannot be worked on, with a sentence about it.
    pub fn list_all_jobs(
        &self,
        statuses: &[JobStatus],
    ) -> Result<(Vec<ExportJob>, BTreeMap<String, String>), PleoError> {
        let mut filter = vec![("company_id", self.company_id.as_str())];
        filter.extend(statuses.iter().map(|status| ("statuses", status.as_str())));
        let (mut jobs, mut left_aside) = (Vec::new(), BTreeMap::new());
        let list = List::new(&["v3", "export-jobs"], &filter);
        self.transport.pages(&list, |job| Ok(wire::listed_job(job)), None, |page| {
            let mut readable = Vec::new();
            for job in page {
                match job {
                    Ok(job) => readable.push(job),
                    Err(odd) => {
                        let which = odd.which();
                        let why = list.contract(&odd.problem);
                        let sentence = format!("{which} is left aside: {why}");
                        left_aside.insert(which, sentence);
                    }
                }
            }
            let (ours, others): (Vec<_>, Vec<_>) = readable.into_iter().partition(|job| self.is_ours(job));
            for job in others {
                tracing::warn!(job.id = %job.id, company.id = %job.company_id, "Pleo listed a job of another company; ignored");
            }
            jobs.extend(ours);
            Ok::<_, PleoError>(())
        })?;
        Ok((jobs, left_aside))
    }

    /// One job as it is now, of whatever company.
    pub fn job(&self, id: &JobId) -> Result<ExportJob, PleoError> {
        self.job_as(id, Asked::Patiently)
    }

    /// The same, asked for once: what might come right in a moment is an error.
    pub fn job_now(&self, id: &JobId) -> Result<ExportJob, PleoError> {
        self.job_as(id, Asked::Once)
    }

    fn job_as(&self, id: &JobId, asked: Asked) -> Result<ExportJob, PleoError> {
        let segments = ["v3", "export-jobs", id.as_str()];
        let request = Request::reading(&segments, &[]);
        let Answered { body, exchange } = self.transport.send_as(asked, &request)?;
        let job = wire::one_export_job(&body).map_err(|problem| request.contract(&problem))?;
        if !job.id.as_str().eq_ignore_ascii_case(id.as_str()) {
            return Err(request.contract(&"`data.id` is another job than the one asked for"));
        }
        self.record(id, |record| record.shown(&job, exchange));
        Ok(job)
    }

    /// The control layer of a job, page by page: which items it holds and where each stands. Answers how many different
    /// ones there are, by their hashes: that two of them have the same one is less likely than a broken machine. An error
    /// of `on_page` ends the reading.
    pub fn control_layer<E: From<PleoError>>(
        &self,
        id: &JobId,
        on_page: impl FnMut(Vec<ExportJobItem>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut on_page = on_page;
        let mut items = Picture::new();
        let segments = ["v3", "export-jobs", id.as_str(), "items"];
        let first =
            self.transport
                .pages(&List::new(&segments, &[]), wire::export_job_item, None, |page| {
                    items.extend(page.iter().map(|item| (self.hash(&item.entry_id), item.status)));
                    on_page(page)
                })?;
        let count = u64::try_from(items.len()).unwrap_or(u64::MAX);
        self.record(id, |record| record.listed(items, first));
        Ok(count)
    }

    /// Reads the control layer to compare it with what is known of it here, up to the first page that shows another
    /// instance at work; [`Client::heard`] tells the outcome.
    pub fn compare_items(&self, id: &JobId) -> Result<(), PleoError> {
        self.compare_items_as(id, Asked::Patiently)
    }

    /// The same, each page asked for once: what might come right in a moment is an error.
    pub fn compare_items_now(&self, id: &JobId) -> Result<(), PleoError> {
        self.compare_items_as(id, Asked::Once)
    }

    fn compare_items_as(&self, id: &JobId, asked: Asked) -> Result<(), PleoError> {
        let segments = ["v3", "export-jobs", id.as_str(), "items"];
        let mut list = List::new(&segments, &[]);
        list.asked = asked;
        let read = self.transport.pages(&list, wire::export_job_item, None, |page| {
            let items = page.iter().map(|item| (self.hash(&item.entry_id), item.status));
            if self.record(id, |record| record.compare(items)) {
                Err(Ended::Progressed)
            } else {
                Ok(())
            }
        });
        match read {
            Ok(first) => self.record(id, |record| record.looked_over(first)),
            Err(Ended::Progressed) => {}
            Err(Ended::Failed(error)) => return Err(error),
        }
        Ok(())
    }

    /// What was heard of a job; `None` where it is not the job in hand.
    pub fn heard(&self, id: &JobId) -> Option<Heard> {
        let record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let record = record.as_ref().filter(|record| record.is_of(id))?;
        Some(record.heard(clock::since_boot()))
    }

    /// Takes what is known of the job's items for doubtful until they are compared.
    pub fn doubt(&self, id: &JobId) {
        self.record(id, Record::doubt);
    }

    /// How long one try of a request may take.
    pub fn request_timeout(&self) -> Duration {
        self.transport.request_timeout()
    }

    /// What stands for an item in the picture.
    fn hash(&self, entry_id: &AccountingEntryId) -> u64 {
        self.hasher.hash_one(entry_id)
    }

    fn record<T>(&self, id: &JobId, note: impl FnOnce(&mut Record) -> T) -> T {
        let mut record = self.record.lock().unwrap_or_else(PoisonError::into_inner);
        let known = record.take().filter(|record| record.is_of(id));
        note(record.insert(known.unwrap_or_else(|| Record::of(id))))
    }

    /// The data layer of a job, page by page: the payload of each item, as received. An error of `on_page` ends
    /// the reading. Works for pending jobs too.
    pub fn data_layer<E: From<PleoError>>(
        &self,
        id: &JobId,
        on_page: impl FnMut(Vec<RawItem>) -> Result<(), E>,
    ) -> Result<(), E> {
        let filter = [("job_id", id.as_str())];
        self.transport
            .pages(
                &List::new(&["v3", "export-items"], &filter),
                |item| Ok(wire::raw_item(item)),
                Some(RawItem::too_large),
                on_page,
            )
            .map(drop)
    }

    /// Tells Pleo where items stand, in requests of at most a hundred. Once this returns, Pleo has all of them
    /// but the rejected ones. Safe to repeat.
    ///
    /// # Errors
    /// [`PleoError::Withheld`] where the permit is withheld from a try: that one was not sent.
    pub fn update_items(
        &self,
        permit: &Permit,
        id: &JobId,
        updates: &[ItemUpdate],
    ) -> Result<UpdateAnswer, PleoError> {
        let mut whole = UpdateAnswer::default();
        for part in updates.chunks(LARGEST_UPDATE) {
            let request = Request {
                action: Action::Set(wire::update_body(part), permit),
                segments: &["v3", "export-jobs", id.as_str(), "items"],
                query: &[],
            };
            let Answered { body, exchange } = self.transport.send(&request)?;
            let answer = wire::update_answer(&body).map_err(|problem| request.contract(&problem))?;
            let is_rejected = |entry: &AccountingEntryId| {
                answer
                    .rejected
                    .iter()
                    .any(|rejection| rejection.entry_id == *entry)
            };
            let taken = part
                .iter()
                .filter(|update| !is_rejected(update.entry_id()))
                .map(|update| (self.hash(update.entry_id()), update.status()));
            self.record(id, |record| record.updated(taken, exchange));
            whole.rejected.extend(answer.rejected);
        }
        Ok(whole)
    }

    /// Tells Pleo what happens to the job. Once this returns, Pleo has accepted the event, though the job may
    /// show it a little later.
    ///
    /// # Errors
    /// [`PleoError::LostAnswer`] where the event may have arrived. It is never sent a second time by itself,
    /// unless it surely was not processed. [`PleoError::Withheld`] where the permit is withheld from a try: then it was
    /// not processed.
    pub fn send_event(&self, permit: &Permit, id: &JobId, event: &ExportJobEvent) -> Result<(), PleoError> {
        let request = Request {
            action: Action::Tell(wire::event_body(id, event), permit),
            segments: &["v3", "export-job-events"],
            query: &[],
        };
        let Answered { exchange, .. } = self.transport.send(&request)?;
        self.record(id, |record| record.took_our_word(exchange));
        Ok(())
    }

    /// The time on Pleo's clock, as of the last answer that told it.
    pub fn server_time(&self) -> Option<ServerTime> {
        self.transport.server_time()
    }

    /// Whether Pleo itself ever answered a request with these settings, as far as is known.
    pub fn has_answered(&self) -> bool {
        self.transport.reached().has_answered()
    }

    /// Notes that Pleo answered in an earlier run: then being out of reach is taken for temporary.
    pub fn answered_before(&self) {
        self.transport.reached().answered_before();
    }

    /// Whether the last request was given up without an answer.
    pub fn is_out_of_reach(&self) -> bool {
        self.transport.reached().is_out_of_reach()
    }

    /// Notes that another client has just had no answer: each request gets one short try until one comes.
    pub fn expect_silence(&self) {
        self.transport.reached().expect_silence();
    }

    /// Whether the job is of the company that we speak for.
    pub fn is_ours(&self, job: &ExportJob) -> bool {
        job.company_id.is(&self.company_id)
    }

    pub(super) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(super) const fn company_id(&self) -> &CompanyId {
        &self.company_id
    }
}
