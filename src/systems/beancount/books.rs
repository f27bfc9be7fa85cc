//! The books as files: where things lie, how they come about, who may write, how a batch gets in.
//!
//! `main.beancount` is for people and for beancount; it includes `accounts.beancount` and all of `pleo/`, where
//! each batch is a file of its own. Nothing that exists is ever written again, so that people may edit freely.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use tracing::info;

use crate::host::files::{self, FileError};
use crate::host::stop::Stop;
use crate::model::verdict::JobFailureType;
use crate::systems::SystemError;

use super::includes;
use super::writer::{self, NewAccount};

/// How long another process may hold the books before we give up.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// How often we look whether the books are free.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// The files of the books.
#[derive(Debug)]
pub(super) struct Books {
    folder: PathBuf,
    /// Where receipts lie; people put them on another disk.
    documents: PathBuf,
    stop: Stop,
}

/// The right to write into the books, until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Books {
    /// Writes nothing.
    pub(super) fn new(folder: &Path, stop: Stop) -> Self {
        Self {
            documents: files::resolved(&files::resolved(folder).join("documents")),
            folder: files::resolved(folder),
            stop,
        }
    }

    /// The folder of the books.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The ledger that takes in all the rest.
    pub(super) fn main(&self) -> PathBuf {
        self.folder.join("main.beancount")
    }

    fn accounts(&self) -> PathBuf {
        self.folder.join("accounts.beancount")
    }

    fn batches(&self) -> PathBuf {
        self.folder.join("pleo")
    }

    /// Whether a path lies where only we write.
    pub(super) fn is_ours(&self, path: &Path) -> bool {
        path.starts_with(self.batches())
    }

    /// The files from which reading begins; some may be absent.
    pub(super) fn roots(&self) -> Result<Vec<PathBuf>, SystemError> {
        self.refuse_a_file()?;
        let mut roots = vec![self.main(), self.accounts()];
        roots
            .extend(includes::expand(&self.batches(), "**/*.beancount").map_err(|error| unreadable(&error))?);
        Ok(roots)
    }

    fn refuse_a_file(&self) -> Result<(), SystemError> {
        if !self.folder.is_file() {
            return Ok(());
        }
        Err(SystemError::Fatal {
            failure_type: JobFailureType::InvalidConfiguration,
            reason: format!(
                "The books folder `{}` is a file: set accounting.beancount.directory to a folder, then export again.",
                self.folder.display()
            ),
        })
    }

    /// Makes what is missing of new books; `accounts` are opened where `accounts.beancount` is new.
    pub(super) fn create(&self, _lock: &Lock, accounts: &[&str]) -> Result<(), SystemError> {
        let about = self.batches().join("about.beancount");
        if !about.exists() {
            write_file(&about, ABOUT.as_bytes())?;
        }
        if !self.accounts().exists() {
            let mut text = String::from(ACCOUNTS);
            for account in accounts {
                writer::open(&mut text, account, &NewAccount::default());
            }
            write_file(&self.accounts(), text.as_bytes())?;
        }
        // Last, because it needs the others: when it is there, the books are whole.
        if !self.main().exists() {
            write_file(&self.main(), MAIN.as_bytes())?;
            info!(books = %self.main().display(), "new books were made");
        }
        Ok(())
    }

    /// Writes a batch under a name that begins with `name` and is not taken yet.
    pub(super) fn write_batch(
        &self,
        _lock: &Lock,
        year: i32,
        name: &str,
        text: &str,
    ) -> Result<(), SystemError> {
        let folder = self.batches().join(format!("{year:04}"));
        let mut path = folder.join(format!("{name}.beancount"));
        let mut again = 1_u32;
        // A link that leads nowhere takes a name, too.
        while path.symlink_metadata().is_ok() {
            again = again.saturating_add(1);
            path = folder.join(format!("{name}-{again}.beancount"));
        }
        write_file(&path, text.as_bytes())
    }

    /// Where a receipt lies, by its content.
    pub(super) fn receipt(&self, sha256: &str, extension: &str) -> PathBuf {
        let group: String = sha256.chars().take(2).collect();
        self.folder
            .join("documents")
            .join(group)
            .join(format!("{sha256}{extension}"))
    }

    /// Where to write what lies at `path`; `None` where that is not below `documents/` and so not ours to write.
    pub(super) fn writable_receipt(&self, path: &Path) -> Option<PathBuf> {
        let inside = path.strip_prefix(self.folder.join("documents")).ok()?;
        let is_plain = inside
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        is_plain.then(|| self.documents.join(inside))
    }

    /// Clears away what processes that died were writing. Under the lock nobody else is writing here.
    pub(super) fn clear_parts(&self, _lock: &Lock) -> Result<(), SystemError> {
        let below = |folder: &Path| {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.map(|entry| entry.path()).collect::<Vec<_>>()
        };
        let folders = [self.folder.clone(), self.batches(), self.documents.clone()];
        let deeper = below(&self.batches()).into_iter().chain(below(&self.documents));
        for folder in folders.into_iter().chain(deeper).filter(|folder| folder.is_dir()) {
            files::clear(&folder, |name, _| files::is_part(name)).map_err(|error| unreadable(&error))?;
        }
        Ok(())
    }

    /// Makes sure that the names of files that another process made survive a power cut, since the process may
    /// have been killed before it saw to that.
    pub(super) fn make_names_durable(&self) -> Result<(), SystemError> {
        let batches = self.batches();
        let years = fs::read_dir(&batches)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path());
        let folders = [self.folder.clone(), batches.clone()].into_iter().chain(years);
        for folder in folders.filter(|folder| folder.is_dir()) {
            files::sync_folder(&folder).map_err(|error| nothing_booked(&error))?;
        }
        Ok(())
    }

    /// Waits for the right to write, which only one process has at a time.
    pub(super) fn lock(&self) -> Result<Lock, SystemError> {
        self.refuse_a_file()?;
        files::make_folder(&self.folder).map_err(|error| nothing_booked(&error))?;
        let path = self.folder.join(".pleo-export.lock");
        let file = files::open_own(&path).map_err(|error| nothing_booked(&error))?;
        let (started, mut told) = (Instant::now(), false);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { _file: file }),
                Err(TryLockError::Error(error)) => {
                    return Err(nothing_booked(&FileError::at("lock", &path)(error)));
                }
                Err(TryLockError::WouldBlock) if started.elapsed() >= LOCK_PATIENCE => {
                    return Err(SystemError::Unavailable {
                        reason: format!(
                            "The books are in use: another process holds `{}`. Nothing was booked; run again.",
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
            self.stop
                .wait(LOCK_INTERVAL)
                .map_err(|stopped| SystemError::Unavailable {
                    reason: format!("Waiting for the books ended: {stopped}. Nothing was booked."),
                })?;
        }
    }
}

/// Writes a file of the books, with its folders.
pub(super) fn write_file(path: &Path, content: &[u8]) -> Result<(), SystemError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    files::make_folder(folder).map_err(|error| nothing_booked(&error))?;
    files::write_whole(path, content).map_err(|error| match error.action {
        "make" | "write" | "sync" | "use" | "follow" => nothing_booked(&error),
        // It may have its name already, but a power cut may take the name away again.
        _ => SystemError::Unknown {
            reason: format!("The books could not be written for sure: {error}. Run again to look."),
        },
    })
}

/// For what could not be read.
pub(super) fn unreadable(error: &FileError) -> SystemError {
    SystemError::Unavailable {
        reason: format!(
            "The books could not be read: {error}. See to it, then run again. Nothing was booked."
        ),
    }
}

/// For what failed before anything had its name in the books.
pub(super) fn nothing_booked(error: &FileError) -> SystemError {
    if error.is_about_a_link() {
        return SystemError::Damaged {
            reason: format!("The books were not written: {error}. Then run again. Nothing was booked."),
        };
    }
    let advice = match error.source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Make room on the disk",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "Let the user that runs pleo-export write there"
        }
        _ => "See to it",
    };
    SystemError::Unavailable {
        reason: format!(
            "The books could not be written: {error}. {advice}, then run again. Nothing was booked."
        ),
    }
}

const MAIN: &str = r#"; The books that pleo-export writes. This file is yours: it was made once and is never written again.
;
; To check the books:  bean-check main.beancount
; To look at them:     fava main.beancount
;
; Transactions marked ! are drafts: they count in every balance, and wait for a look. Change the mark to *.
; To take an entry back, book the same postings the other way round with the entry's link (^pleo-...) and
; without its pleo-entry line, or add the line  pleo-reversed: TRUE  to the entry.

option "title" "Pleo"

include "accounts.beancount"
include "pleo/**/*.beancount"
"#;

const ACCOUNTS: &str = "\
; The accounts that the configuration named when these books were made. This file is yours: pleo-export opens
; what is missing later in the files under pleo/, and leaves to you what is opened here.

";

const ABOUT: &str = "\
; Here pleo-export puts one file for each batch that it books. What is in the books is read from here, so take
; nothing away; correct what you must.
";
