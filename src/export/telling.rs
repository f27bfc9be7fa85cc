//! What the steps up to the last verdict tell Pleo, and how Pleo then shows the job.
//!
//! A run speaks with Pleo itself. A preview takes the same steps, and what it would say reaches nobody.

use chrono::{DateTime, Utc};

use crate::host::clock;
use crate::model::export_job::{ExportJob, JobStatus};
use crate::model::ids::JobId;
use crate::model::permit::Permit;
use crate::pleo::{Client, ItemUpdate, PleoError, UpdateAnswer};

/// Who is told where a job's items stand.
pub trait Telling: std::fmt::Debug {
    /// The job as it is shown after all that was told.
    ///
    /// # Errors
    /// Whatever kept it from being read.
    fn job(&self, id: &JobId) -> Result<ExportJob, PleoError>;

    /// Tells where items stand.
    ///
    /// # Errors
    /// As [`Client::update_items`].
    fn update_items(
        &self,
        permit: &Permit,
        id: &JobId,
        updates: &[ItemUpdate],
    ) -> Result<UpdateAnswer, PleoError>;
}

impl Telling for Client {
    fn job(&self, id: &JobId) -> Result<ExportJob, PleoError> {
        Self::job(self, id)
    }

    fn update_items(
        &self,
        permit: &Permit,
        id: &JobId,
        updates: &[ItemUpdate],
    ) -> Result<UpdateAnswer, PleoError> {
        Self::update_items(self, permit, id, updates)
    }
}

/// Tells nobody, and shows a job as if Pleo had been told.
#[derive(Debug)]
pub struct Untold<'a>(pub &'a Client);

impl Untold<'_> {
    /// The job as it would be once it was started and heard of just now. One that is over stays so.
    pub(super) fn as_if_started(&self, job: ExportJob) -> ExportJob {
        if job.status.is_final() {
            return job;
        }
        let now = self.now();
        ExportJob {
            status: JobStatus::InProgress,
            started_at: Some(now),
            last_updated_at: Some(now),
            ..job
        }
    }

    /// On Pleo's clock.
    fn now(&self) -> DateTime<Utc> {
        self.0.server_time().map_or_else(clock::now, |time| time.at)
    }
}

impl Telling for Untold<'_> {
    fn job(&self, id: &JobId) -> Result<ExportJob, PleoError> {
        self.0.job(id).map(|job| self.as_if_started(job))
    }

    fn update_items(
        &self,
        _permit: &Permit,
        _id: &JobId,
        _updates: &[ItemUpdate],
    ) -> Result<UpdateAnswer, PleoError> {
        Ok(UpdateAnswer::default())
    }
}
