//! Looking at a checkpoint from outside, for those who ask whether it is whole.

use std::path::Path;

use rusqlite::OptionalExtension;

use super::connection::has_log;
use super::error::{CheckpointError, Fault};
use super::file::{Checkpoint, check_through};

impl Checkpoint {
    /// The same as [`open_read_only`], without making SQLite's companions where there are none: nothing beside the file
    /// changes, not even the time of its folder. [`finish_reading`] tells whether a run came in between.
    ///
    /// [`open_read_only`]: Self::open_read_only
    /// [`finish_reading`]: Self::finish_reading
    pub fn look_at(path: &Path) -> Result<Option<Self>, CheckpointError> {
        if path.is_file() && !has_log(path) {
            Self::open_unlocked(path)
        } else {
            Self::open_read_only(path)
        }
    }

    /// Reads the whole file and finds damage.
    ///
    /// # Errors
    /// [`Fault::Damaged`] with what was found first.
    pub fn check_through(&self) -> Result<(), CheckpointError> {
        self.look(check_through)
    }

    /// Whether the last run ended in order; one that is still at work has not. A killed one loses nothing; the next goes on.
    pub fn ended_in_order(&self) -> Result<bool, CheckpointError> {
        self.look(|connection| {
            let clean = connection.query_row("SELECT clean FROM meta", [], |row| row.get(0));
            Ok::<_, Fault>(clean.optional()?.unwrap_or(true))
        })
    }
}
