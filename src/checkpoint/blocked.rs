//! The job of another instance that keeps the company's next ones waiting, as the last poll saw it.

use chrono::{DateTime, Utc};
use rusqlite::OptionalExtension;

use super::columns::{time_from, time_text};
use super::{Checkpoint, CheckpointError};
use crate::model::ids::JobId;

/// A job in progress that another instance has started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// The job that is in progress.
    pub by: JobId,
    /// When Pleo last heard of it.
    pub last_updated_at: DateTime<Utc>,
    /// Whether nobody has worked on it for half of its lifetime.
    pub is_stuck: bool,
}

impl Checkpoint {
    /// What the last poll that asked Pleo saw.
    pub fn blocked(&self) -> Result<Option<Blocked>, CheckpointError> {
        self.look(|connection| {
            let sql = "SELECT job_id, last_updated_at, is_stuck FROM blocked";
            let row: Option<(String, String, bool)> = connection
                .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            row.map(|(id, at, is_stuck)| {
                Ok(Blocked {
                    last_updated_at: time_from(&at, "the job of another instance")?,
                    by: JobId::new(id),
                    is_stuck,
                })
            })
            .transpose()
        })
    }

    /// Keeps what a poll saw; nothing is written where that is known.
    pub fn keep_blocked(&mut self, blocked: Option<&Blocked>) -> Result<(), CheckpointError> {
        let as_kept = |blocked: &Blocked| {
            let at = time_text(blocked.last_updated_at);
            (blocked.by.clone(), at, blocked.is_stuck)
        };
        if self.blocked()?.as_ref().map(as_kept) == blocked.map(as_kept) {
            return Ok(());
        }
        self.change(|transaction| {
            transaction.execute("DELETE FROM blocked", [])?;
            if let Some(blocked) = blocked {
                transaction.execute(
                    "INSERT INTO blocked (id, job_id, last_updated_at, is_stuck) VALUES (1, ?1, ?2, ?3)",
                    (
                        blocked.by.as_str(),
                        time_text(blocked.last_updated_at),
                        blocked.is_stuck,
                    ),
                )?;
            }
            Ok(())
        })
    }
}
