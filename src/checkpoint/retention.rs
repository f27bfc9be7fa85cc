//! What is kept for a while only: the payloads, which are personal data. What of them is kept for good has columns of its own.

use chrono::{DateTime, Utc};

use super::columns::time_text;
use super::error::Fault;
use super::{Checkpoint, CheckpointError};

/// So many payloads are overwritten in one change, so that none is long.
const AT_ONCE: i64 = 1_000;

impl Checkpoint {
    /// Overwrites the payloads of jobs that were over at this moment already, in the file and in its log, and answers of how
    /// many items. Where `is_stopped` says so, the rest is left to the next call. Jobs that are open are never touched.
    pub fn forget_payloads(
        &mut self,
        over_since: DateTime<Utc>,
        is_stopped: impl Fn() -> bool,
    ) -> Result<usize, CheckpointError> {
        let mut forgotten = 0;
        let jobs = self.jobs_to_forget(over_since)?;
        if jobs.is_empty() {
            return Ok(0);
        }
        for job in jobs {
            let mut after = i64::MIN;
            while let Some((last, count)) = self.forget_some(job, after)? {
                (after, forgotten) = (last, forgotten + count);
                if is_stopped() {
                    return Ok(forgotten);
                }
            }
        }
        // The log holds the old pages until it is written into the file. Where a reader holds it, the end of a later run
        // does that.
        self.look(|connection| Ok(connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?))?;
        Ok(forgotten)
    }

    fn jobs_to_forget(&self, over_since: DateTime<Utc>) -> Result<Vec<i64>, CheckpointError> {
        self.look(|connection| {
            let jobs = connection
                .prepare_cached(
                    "SELECT number FROM job WHERE has_payloads = 1 AND updated_at <= ?1 \
                     AND state IN ('closed', 'ended', 'foreign') ORDER BY updated_at",
                )?
                .query_map([time_text(over_since)], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            Ok(jobs)
        })
    }

    /// The next items of a job after this number: the last of them, and how many had a payload. `None` when there were no
    /// more: the job then has none.
    fn forget_some(&mut self, job: i64, after: i64) -> Result<Option<(i64, usize)>, CheckpointError> {
        self.change(|transaction| {
            let last: Option<i64> = transaction
                .prepare_cached(
                    "SELECT max(number) FROM (SELECT number FROM item WHERE job = ?1 AND number > ?2 \
                     ORDER BY number LIMIT ?3)",
                )?
                .query_row((job, after, AT_ONCE), |row| row.get(0))?;
            let Some(last) = last else {
                transaction.execute("UPDATE job SET has_payloads = 0 WHERE number = ?1", [job])?;
                return Ok(None);
            };
            let count = transaction
                .prepare_cached(
                    "UPDATE item_data SET payload = NULL WHERE payload IS NOT NULL AND number IN \
                     (SELECT data FROM item WHERE job = ?1 AND number > ?2 AND number <= ?3)",
                )?
                .execute((job, after, last))?;
            Ok::<_, Fault>(Some((last, count)))
        })
    }
}
