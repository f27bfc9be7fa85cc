//! One run per checkpoint: an exclusive lock on a file beside it.
//!
//! SQLite's own lock is not enough, because it is held for one change and not for a run. The file is never
//! deleted: whoever deletes a lock file lets two others hold two different files of the same name. What it says
//! is only for the message to the next one; the system ends the lock with the process, however it dies.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::host::clock;
use crate::host::files::{self, Action, FileError};
use crate::host::stop::Stop;
use crate::model::permit::Permit;

/// Whoever asks who is at work holds the lock for less than this, and a run has written who it is.
const LOOKING: Duration = Duration::from_millis(100);

/// The right to write one checkpoint, until it is dropped or the process ends.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

/// Why the lock could not be had.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another run has it.
    #[error("another run is at work on this checkpoint ({by})")]
    Held {
        /// Its process and when it began, as far as it is known.
        by: String,
        /// When it began, as far as it is known.
        since: Option<DateTime<Utc>>,
    },
    /// The file has another name, too, by which another run could lock it.
    #[error("the checkpoint's file `{}` is a link (a hard link): it has another name, too, and must have one alone", path.display())]
    Linked {
        /// The name that the settings give it.
        path: PathBuf,
    },
    /// In the checkpoint's place is no file.
    #[error("the checkpoint `{}` is {what}, and no regular file", path.display())]
    NoFile {
        /// The checkpoint.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// The lock file cannot be made or locked.
    #[error(transparent)]
    Io(#[from] FileError),
}

impl RunLock {
    /// Takes the lock of the checkpoint at `path`, without waiting for the run that has it. The file is `<path>.lock`.
    ///
    /// Folders on the way may be links: the lock file is the same one then. The checkpoint itself may not.
    pub fn acquire(path: &Path) -> Result<Self, LockError> {
        if let Some(what) = files::special(path) {
            let path = path.to_owned();
            return Err(LockError::NoFile { path, what });
        }
        for path in [path, &lock_path(path)] {
            files::refuse_link(path)?;
            if has_another_name(path) {
                let path = path.to_owned();
                return Err(LockError::Linked { path });
            }
        }
        let path = lock_path(path);
        if let Some(folder) = path.parent() {
            files::make_folder(folder)?;
        }
        let mut file = files::open_own(&path)?;
        match lock_within(&file, LOOKING) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let by = read_holder(file);
                return Err(LockError::Held {
                    since: since(&by),
                    by,
                });
            }
            Err(TryLockError::Error(error)) => return Err(FileError::at(Action::Lock, &path)(error).into()),
        }
        let holder = format!(
            "process {} since {}\n",
            std::process::id(),
            clock::text(clock::now())
        );
        file.set_len(0)
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(FileError::at(Action::Write, &path))?;
        Ok(Self { _file: file })
    }

    /// The right to act that the lock stands for: one run at a time on this host. The lock is held for as long as the
    /// permit is there.
    pub fn into_permit(self) -> Permit {
        Permit::given_by(move || {
            // The system takes no lock away from a process that lives.
            let _held = &self;
            Ok(())
        })
    }
}

/// Locks the file. Where it is held, it is tried for so long.
fn lock_within(file: &File, patience: Duration) -> Result<(), TryLockError> {
    let until = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                // Nobody can request this stop.
                let _ = Stop::new().wait(LOOKING / 10);
            }
            ended => return ended,
        }
    }
}

/// Whether a file is known by another name, too.
fn has_another_name(path: &Path) -> bool {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return false;
    };
    #[cfg(unix)]
    let names = std::os::unix::fs::MetadataExt::nlink(&metadata);
    #[cfg(not(unix))]
    let names = 1;
    metadata.is_file() && names > 1
}

/// The lock file of the checkpoint at this path.
pub fn lock_path(checkpoint: &Path) -> PathBuf {
    files::beside(checkpoint, ".lock")
}

/// Who is at work on the checkpoint at `path`; `None` when nobody is. The lock is held for as long as it takes to see that
/// it is free.
pub fn at_work(path: &Path) -> Option<String> {
    let file = opened(path)?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Some(read_holder(file)),
        Ok(()) | Err(TryLockError::Error(_)) => None,
    }
}

fn opened(checkpoint: &Path) -> Option<File> {
    let path = lock_path(checkpoint);
    // Whoever opens a pipe waits for its other end.
    match files::special(&path) {
        Some(_) => None,
        None => File::open(path).ok(),
    }
}

/// Who was at work on it last, as far as it is known.
pub fn last_holder(path: &Path) -> Option<String> {
    let holder = read_holder(opened(path)?);
    since(&holder).map(|_| holder)
}

/// When the holder began.
pub fn since(holder: &str) -> Option<DateTime<Utc>> {
    let (_, time) = holder.rsplit_once(' ')?;
    Some(DateTime::parse_from_rfc3339(time).ok()?.to_utc())
}

/// What the holder wrote; it may be about to write it just now.
fn read_holder(file: File) -> String {
    let mut text = String::new();
    match file.take(200).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "an unknown process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("state/pleo.sqlite3");
        let first = RunLock::acquire(&checkpoint).unwrap();
        let LockError::Held { by, since } = RunLock::acquire(&checkpoint).unwrap_err() else {
            panic!("the lock is held");
        };
        assert!(
            by.starts_with(&format!("process {} since 20", std::process::id())),
            "{by}"
        );
        assert!(clock::now() - since.unwrap() < chrono::TimeDelta::minutes(1));
        drop(first);
        drop(RunLock::acquire(&checkpoint).unwrap());
        assert!(
            folder.path().join("state/pleo.sqlite3.lock").exists(),
            "never deleted"
        );
    }

    #[test]
    fn whoever_looks_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let looking = files::open_own(&path).unwrap();
        looking.try_lock_shared().unwrap();
        let (began, has_begun) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let run = scope.spawn(|| {
                let file = files::open_own(&path).unwrap();
                began.send(()).unwrap();
                lock_within(&file, Duration::from_secs(600))
            });
            has_begun.recv().unwrap();
            drop(looking);
            assert!(run.join().unwrap().is_ok());
        });
    }

    #[test]
    fn a_lock_that_cannot_be_made_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = RunLock::acquire(&file.join("pleo.sqlite3")).unwrap_err();
        assert!(matches!(error, LockError::Io(_)), "{error}");
        assert!(error.to_string().contains("file"), "{error}");
    }
}
