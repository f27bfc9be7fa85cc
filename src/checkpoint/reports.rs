//! What became of the items of a job: verdicts that Pleo has yet to take, failures, and figures.

use rusqlite::{Connection, Params, Row};

use super::columns::{VERDICT, failure_type_from, rows, verdict_from};
use super::error::{CheckpointError, Fault};
use super::file::Checkpoint;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::verdict::{Failure, ItemFailureType, Verdict};

/// How many items of a job there are, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All that the control layer named.
    pub total: u64,
    /// By our verdict, or by Pleo's word for items that another instance exported.
    pub successful: u64,
    /// By our verdict, or by Pleo's word (failed or abandoned) for items that are not from us.
    pub failed: u64,
    /// Without a verdict.
    pub open: u64,
}

/// How many items of a job there are, by Pleo's own word on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finality {
    /// Final there: exported.
    pub successful: u64,
    /// Final there: failed or abandoned.
    pub failed: u64,
    /// Not final there.
    pub open: u64,
}

impl Finality {
    /// How many items the control layer lists.
    pub const fn listed(&self) -> u64 {
        self.successful + self.failed + self.open
    }
}

impl Checkpoint {
    /// How many items of the job are final at Pleo, by its control layer and its answers to our reports.
    pub fn finality(&self, job: &JobId) -> Result<Finality, CheckpointError> {
        self.look(|connection| {
            // Counted in one pass: groups would be sorted, in as much memory as there are items.
            let counted = connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE pleo_status = 'successful'), \
                     count(*) FILTER (WHERE pleo_status IN ('failed', 'abandoned')), count(*) \
                     FROM item WHERE job = (SELECT number FROM job WHERE id = ?1)",
                )?
                .query_row([job.as_str()], |row| {
                    let (successful, failed) = (count(row, 0)?, count(row, 1)?);
                    Ok(Finality {
                        successful,
                        failed,
                        open: count(row, 2)? - successful - failed,
                    })
                })?;
            Ok(counted)
        })
    }

    /// Whether any item of the job still needs a verdict.
    pub fn has_work(&self, job: &JobId) -> Result<bool, CheckpointError> {
        self.exists(job, "state IN ('listed', 'loaded', 'intended')")
    }

    /// Whether any item of the job may be in the books, through us or, as far as Pleo was told, another instance.
    pub fn anything_begun(&self, job: &JobId) -> Result<bool, CheckpointError> {
        self.exists(
            job,
            "(state IN ('intended', 'settled') OR pleo_status <> 'pending')",
        )
    }

    /// Whether the last reading of the control layer shows an item as open that was final there: with our verdict, or
    /// with another instance's.
    pub fn shown_open_again(&self, job: &JobId) -> Result<bool, CheckpointError> {
        self.exists(
            job,
            "(report = 'accepted' OR state = 'foreign') AND pleo_status IN ('pending', 'in_progress')",
        )
    }

    fn exists(&self, job: &JobId, which: &str) -> Result<bool, CheckpointError> {
        self.look(|connection| {
            let sql = format!("SELECT EXISTS (SELECT 1 FROM item WHERE job = (SELECT number FROM job WHERE id = ?1) AND {which})");
            Ok(connection
                .prepare_cached(&sql)?
                .query_row([job.as_str()], |row| row.get(0))?)
        })
    }

    /// How many items of the job there are, by what became of them.
    pub fn counts(&self, job: &JobId) -> Result<Counts, CheckpointError> {
        self.look(|connection| {
            let counted = connection
                .prepare_cached(
                    "SELECT count(*) FILTER (WHERE outcome = 'successful' \
                     OR state = 'foreign' AND outcome IS NULL AND pleo_status = 'successful'), \
                     count(*) FILTER (WHERE outcome IS NULL AND state <> 'foreign'), count(*) \
                     FROM item WHERE job = (SELECT number FROM job WHERE id = ?1)",
                )?
                .query_row([job.as_str()], |row| {
                    let (successful, open, total) = (count(row, 0)?, count(row, 1)?, count(row, 2)?);
                    Ok(Counts {
                        total,
                        successful,
                        failed: total - successful - open,
                        open,
                    })
                })?;
            Ok(counted)
        })
    }

    /// The next verdicts that Pleo does not have and was not seen to reject, at most `limit`.
    pub fn unsent(
        &self,
        job: &JobId,
        limit: usize,
    ) -> Result<Vec<(AccountingEntryId, Verdict)>, CheckpointError> {
        self.look(|connection| {
            // In the words of the index, else it is not used.
            let which = "report IN ('unsent', 'refused') AND report = 'unsent' ORDER BY number LIMIT ?2";
            verdicts(connection, job, which, (job.as_str(), rows(limit)))
        })
    }

    /// The verdicts that Pleo rejected.
    pub fn rejected_items(&self, job: &JobId) -> Result<Vec<(AccountingEntryId, Verdict)>, CheckpointError> {
        self.look(|connection| {
            let which = "report IN ('unsent', 'refused') AND report = 'refused' ORDER BY number";
            verdicts(connection, job, which, [job.as_str()])
        })
    }

    /// The items that we found to have failed, whether or not Pleo knows it yet.
    pub fn failures(&self, job: &JobId) -> Result<Vec<(AccountingEntryId, Failure)>, CheckpointError> {
        self.look(|connection| {
            let which = "state IN ('declined', 'settled') AND outcome = 'failed' ORDER BY number";
            let found = verdicts(connection, job, which, [job.as_str()])?;
            Ok(found
                .into_iter()
                .filter_map(|(entry, verdict)| match verdict {
                    Verdict::Failed(failure) => Some((entry, failure)),
                    Verdict::Successful(_) => None,
                })
                .collect())
        })
    }

    /// How many items of the job are without a verdict that they are booked, here and in every later job.
    pub fn not_booked_since(&self, job: &JobId) -> Result<u64, CheckpointError> {
        self.look(|connection| {
            let count: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM item JOIN job ON job.number = item.job \
                     WHERE job.id = ?1 AND outcome IS NOT 'successful' \
                     AND NOT (item.state = 'foreign' AND pleo_status = 'successful') \
                     AND NOT EXISTS (SELECT 1 FROM item AS later JOIN job AS later_job ON later_job.number = later.job \
                     WHERE later.entry_id = item.entry_id AND later.outcome = 'successful' \
                     AND later_job.created_at > job.created_at)",
                )?
                .query_row([job.as_str()], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }

    /// The kinds of those failures with how many of each, the commonest first.
    pub fn failure_types(&self, job: &JobId) -> Result<Vec<(ItemFailureType, u64)>, CheckpointError> {
        self.look(|connection| {
            connection
                .prepare_cached(
                    "SELECT failure_type, count(*) AS items FROM item \
                     WHERE job = (SELECT number FROM job WHERE id = ?1) AND state IN ('declined', 'settled') AND outcome = 'failed' \
                     GROUP BY failure_type ORDER BY items DESC, failure_type",
                )?
                .query_and_then([job.as_str()], |row| {
                    let word: String = row.get(0)?;
                    let failure_type = failure_type_from(&word, job)?;
                    Ok((failure_type, row.get::<_, i64>(1)?.unsigned_abs()))
                })?
                .collect()
        })
    }
}

fn count(row: &Row<'_>, place: usize) -> Result<u64, rusqlite::Error> {
    Ok(row.get::<_, i64>(place)?.unsigned_abs())
}

fn verdicts(
    connection: &Connection,
    job: &JobId,
    which: &str,
    parameters: impl Params,
) -> Result<Vec<(AccountingEntryId, Verdict)>, Fault> {
    connection
        .prepare_cached(&format!(
            "SELECT {VERDICT} FROM item WHERE job = (SELECT number FROM job WHERE id = ?1) AND {which}"
        ))?
        .query_and_then(parameters, |row| verdict_from(row, job))?
        .collect()
}
