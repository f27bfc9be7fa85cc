//! The right to write into the books, which one process has at a time.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use tracing::info;

use crate::host::files::{self, Action, FileError};
use crate::host::stop::Stop;
use crate::host::waiting::waiting_for;
use crate::systems::SystemError;

use super::errors::nothing_booked;

/// How long another process may hold the books before we give up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The file that is locked, in each folder.
pub(super) const LOCK: &str = ".pleo-export.lock";

/// How often we look whether the books are free.
const INTERVAL: Duration = Duration::from_millis(50);

/// The right to write into the books, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _files: Vec<File>,
}

impl Lock {
    /// Waits for these folders, in this order: whoever shares one of them with us takes it in the same order.
    pub(super) fn of(folders: &[&Path], stop: &Stop) -> Result<Self, SystemError> {
        let mut files = Vec::new();
        for folder in folders {
            files::make_folder(folder).map_err(|error| nothing_booked(&error))?;
            files.push(wait_for(&folder.join(LOCK), stop)?);
        }
        Ok(Self { _files: files })
    }
}

fn wait_for(path: &Path, stop: &Stop) -> Result<File, SystemError> {
    let file = files::open_own(path).map_err(|error| nothing_booked(&error))?;
    let (started, mut told) = (Instant::now(), false);
    let _waiting = waiting_for(format!(
        "the books, which another process holds (`{}`)",
        path.display()
    ));
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => {
                return Err(nothing_booked(&FileError::at(Action::Lock, path)(error)));
            }
            Err(TryLockError::WouldBlock) if started.elapsed() >= PATIENCE => {
                return Err(SystemError::Unavailable {
                    reason: format!(
                        "The books are in use: another process holds `{}`. Run again.",
                        path.display()
                    ),
                });
            }
            Err(TryLockError::WouldBlock) if !told => {
                told = true;
                info!(lock = %path.display(), "waiting for another process to finish with the books");
            }
            Err(TryLockError::WouldBlock) => {}
        }
        stop.wait(INTERVAL).map_err(|stopped| SystemError::Unavailable {
            reason: format!("Waiting for the books ended: {stopped}."),
        })?;
    }
}
