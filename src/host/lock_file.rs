//! A lock that is waited for: a file beside the one that is read, changed and written, which is never deleted.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use thiserror::Error;

use super::files::{self, Action, FileError};
use super::stop::{Stop, Stopped};

/// How often a lock that is held is tried for.
const LOCK_WAIT: Duration = Duration::from_millis(25);

/// Why the lock could not be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// It cannot be made or locked.
    #[error(transparent)]
    Io(#[from] FileError),
    /// Another process has it for longer than was waited.
    #[error("another process is at `{}` and does not come to an end", .0.display())]
    Held(PathBuf),
    /// The wait was to end.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Waits for the lock `<path>.lock`, which lasts until the file is dropped or the process ends.
///
/// # Errors
/// [`LockError`] where it could not be had within `patience`.
pub fn acquire(path: &Path, patience: Duration, stop: &Stop) -> Result<File, LockError> {
    let lock = files::beside(path, ".lock");
    let file = files::open_own(&lock)?;
    let began = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if began.elapsed() < patience => stop.wait(LOCK_WAIT)?,
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(path.to_owned())),
            Err(TryLockError::Error(error)) => {
                return Err(FileError::at(Action::Lock, &lock)(error).into());
            }
        }
    }
}
