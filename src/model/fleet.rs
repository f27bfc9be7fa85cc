//! Several hosts that serve the same companies, as the workflow sees them: what it tells the others, and what they tell it.
//! A single host has nobody to tell ([`Alone`]).

use thiserror::Error;

use super::ids::{AccountingEntryId, JobId};
use super::permit::Withheld;
use super::state::{JobEvent, JobState};
use super::verdict::Verdict;

/// What the others must know could not be kept, or what they know could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct Unshared(pub String);

/// The other hosts that may work for the same company, by turns.
pub trait Fleet: std::fmt::Debug {
    /// The open jobs that any of the hosts has started or is about to start, and where each stands.
    ///
    /// # Errors
    /// [`Unshared`] where they cannot be read.
    fn open_jobs(&self) -> Result<Vec<(JobId, JobState)>, Unshared>;

    /// Commits that this host is about to start the job, before it does.
    ///
    /// # Errors
    /// [`Unshared`] where that is not known to be committed: then it must not be started.
    fn will_start(&self, job: &JobId) -> Result<(), Unshared>;

    /// Keeps what happened to a job of ours, now or as soon as it can be.
    fn job_event(&self, job: &JobId, event: JobEvent, why: &str);

    /// Keeps verdicts, now or as soon as it can be.
    fn decided(&self, job: &JobId, verdicts: &[(AccountingEntryId, Verdict)]);

    /// Asks whether it is still this host's turn: once for each batch, beside the permit of each try.
    ///
    /// # Errors
    /// [`Withheld`] where another host has had its turn since.
    fn fence(&self) -> Result<(), Withheld>;
}

/// One host, with no others beside it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Fleet for Alone {
    fn open_jobs(&self) -> Result<Vec<(JobId, JobState)>, Unshared> {
        Ok(Vec::new())
    }

    fn will_start(&self, _job: &JobId) -> Result<(), Unshared> {
        Ok(())
    }

    fn job_event(&self, _job: &JobId, _event: JobEvent, _why: &str) {}

    fn decided(&self, _job: &JobId, _verdicts: &[(AccountingEntryId, Verdict)]) {}

    fn fence(&self) -> Result<(), Withheld> {
        Ok(())
    }
}
