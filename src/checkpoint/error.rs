//! What can go wrong with the checkpoint, by what the operator has to do about it.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::owner::Owner;
use crate::host::files::FileError;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::IllegalTransition;

/// A checkpoint that cannot be used, or a change of it that was not made.
#[derive(Debug)]
pub struct CheckpointError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong, by what the operator has to do about it.
#[derive(Debug)]
pub enum Fault {
    /// It was made for another company, Pleo host or books.
    BelongsToAnother {
        /// Whose it is.
        found: Box<Owner>,
        /// Who wanted it.
        wanted: Box<Owner>,
    },
    /// A later version of this program has written it.
    NewerVersion {
        /// The version of its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It is no checkpoint: what it is instead.
    NoCheckpoint(&'static str),
    /// It is no longer a whole one: what was found in it, and in which row.
    Damaged(String),
    /// What is there is no file: what it is instead.
    NoFile(&'static str),
    /// A step that cannot follow from where the job or item stands. Nothing was changed.
    Illegal {
        /// The job.
        job: JobId,
        /// The item, when it is about one.
        entry: Option<AccountingEntryId>,
        /// From where to what.
        transition: IllegalTransition,
    },
    /// A job or item that the checkpoint has never heard of. Nothing was changed.
    Missing {
        /// The job.
        job: JobId,
        /// The item, when it is about one.
        entry: Option<AccountingEntryId>,
    },
    /// Another program has the file in hand for longer than we wait: what was seen of it. The last change was not made; all
    /// earlier ones are kept.
    Busy(String),
    /// The file cannot be read or written: what the system says, and what to do. The last change was not made; all earlier
    /// ones are kept.
    Storage(String),
}

/// Where something else is in the file's place.
pub const NO_FILE_HINT: &str =
    "set PLEO_EXPORT_CHECKPOINT (checkpoint.path) to a file, or move away what is in its place";

impl CheckpointError {
    /// What the operator can do about it.
    pub const fn hint(&self) -> &'static str {
        match &self.fault {
            Fault::BelongsToAnother { .. } => {
                "name another file as checkpoint.path (PLEO_EXPORT_CHECKPOINT) and take a running job over with \
                 `pleo-export run-job JOB_ID --adopt`, or go back to the settings it was made with"
            }
            Fault::NewerVersion { .. } => "install that version again",
            Fault::NoCheckpoint(_) => {
                "name another file as checkpoint.path (PLEO_EXPORT_CHECKPOINT); where this one was the checkpoint, restore \
                 it from a backup, or take a running job over with `pleo-export run-job JOB_ID --adopt`"
            }
            Fault::Damaged(_) => {
                "restore it from a backup, or move it aside and take a running job over with `pleo-export run-job \
                 JOB_ID --adopt`; what is in the books is found there"
            }
            Fault::NoFile(_) => NO_FILE_HINT,
            Fault::Illegal { .. } | Fault::Missing { .. } => "report this, with the log of a run with -vv",
            Fault::Busy(_) => {
                "run again; if it stays so, end the program that has it open (a backup, a database browser)"
            }
            Fault::Storage(_) => {
                "see that this user may write the file and its folder, and that the disk is sound and has room, then run \
                 again; nothing is lost"
            }
        }
    }
}

impl std::error::Error for CheckpointError {}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::BelongsToAnother { found, wanted } => {
                write!(f, "the checkpoint `{path}` belongs to {found}, not to {wanted}")
            }
            Fault::NewerVersion { found, known } => write!(
                f,
                "the checkpoint `{path}` was written by a later version of pleo-export (its schema is {found}, this \
                 version knows {known})"
            ),
            Fault::NoCheckpoint(what) => write!(f, "the file `{path}` is no checkpoint: {what}"),
            Fault::Damaged(what) => write!(f, "the checkpoint `{path}` is damaged ({what})"),
            Fault::NoFile(what) => write!(f, "the checkpoint `{path}` is {what}, and no regular file"),
            Fault::Illegal {
                job,
                entry,
                transition,
            } => {
                write!(f, "{}: {transition}", object(job, entry.as_ref()))
            }
            Fault::Missing { job, entry } => {
                write!(f, "{} is not in the checkpoint", object(job, entry.as_ref()))
            }
            Fault::Busy(reason) => write!(
                f,
                "the checkpoint `{path}` is in use by another program: {reason}"
            ),
            Fault::Storage(reason) => write!(f, "cannot use the checkpoint `{path}`: {reason}"),
        }
    }
}

fn object(job: &JobId, entry: Option<&AccountingEntryId>) -> String {
    match entry {
        Some(entry) => format!("item `{entry}` of job `{job}`"),
        None => format!("job `{job}`"),
    }
}

impl Fault {
    /// The error of the checkpoint at this path.
    pub fn at(self, path: &Path) -> CheckpointError {
        CheckpointError {
            path: path.to_owned(),
            fault: self,
        }
    }

    /// The checkpoint of another owner.
    pub(super) fn belongs_to_another(found: Owner, wanted: Owner) -> Self {
        Self::BelongsToAnother {
            found: Box::new(found),
            wanted: Box::new(wanted),
        }
    }

    /// A job, or an item of it, that is not known.
    pub(super) fn missing(job: &JobId, entry: Option<&AccountingEntryId>) -> Self {
        Self::Missing {
            job: job.clone(),
            entry: entry.cloned(),
        }
    }

    /// A step of a job, or of an item of it, that cannot be.
    pub(super) fn illegal(
        job: &JobId,
        entry: Option<&AccountingEntryId>,
        transition: IllegalTransition,
    ) -> Self {
        Self::Illegal {
            job: job.clone(),
            entry: entry.cloned(),
            transition,
        }
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::Storage(error.to_string())
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error_code() else {
            // Everything that rusqlite itself refuses is about a value that cannot be what we wrote.
            return Self::Damaged(error.to_string());
        };
        match code {
            ErrorCode::NotADatabase => Self::NoCheckpoint("it is no database, or no longer one"),
            ErrorCode::DatabaseCorrupt | ErrorCode::ConstraintViolation => Self::Damaged(error.to_string()),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Self::Busy(error.to_string()),
            _ => Self::Storage(error.to_string()),
        }
    }
}
