//! What can go wrong with the checkpoint, by what the operator has to do about it.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use thiserror::Error;

use super::Owner;
use crate::host::files::FileError;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::IllegalTransition;

/// A checkpoint that cannot be used, or a change of it that was not made.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// It was made for another company, Pleo host or books.
    #[error(
        "the checkpoint `{}` belongs to {found}, not to {wanted}",
        path.display()
    )]
    BelongsToAnother {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: Box<Owner>,
        /// Who wanted it.
        wanted: Box<Owner>,
    },
    /// A later version of this program has written it.
    #[error(
        "the checkpoint `{}` was written by a later version of pleo-export (its schema is {found}, this version \
         knows {known})",
        path.display()
    )]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// It is no checkpoint, or no longer a whole one.
    #[error(
        "the checkpoint `{}` is damaged ({what})",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found in it, and in which row.
        what: String,
    },
    /// A step that cannot follow from where the job or item stands. Nothing was changed.
    #[error("{}: {transition}", object(job, entry.as_ref()))]
    Illegal {
        /// The job.
        job: JobId,
        /// The item, when it is about one.
        entry: Option<AccountingEntryId>,
        /// From where to what.
        transition: IllegalTransition,
    },
    /// A job or item that the checkpoint has never heard of. Nothing was changed.
    #[error("{} is not in the checkpoint", object(job, entry.as_ref()))]
    Missing {
        /// The job.
        job: JobId,
        /// The item, when it is about one.
        entry: Option<AccountingEntryId>,
    },
    /// Another program has the file in hand for longer than we wait. The last change was not made; all earlier ones are
    /// kept.
    #[error("the checkpoint `{}` is in use by another program: {reason}", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// What was seen of it.
        reason: String,
    },
    /// The file cannot be read or written. The last change was not made; all earlier ones are kept.
    #[error("cannot use the checkpoint `{}`: {reason}", path.display())]
    Storage {
        /// The file.
        path: PathBuf,
        /// What the system says, and what to do.
        reason: String,
    },
}

impl CheckpointError {
    /// What the operator can do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::BelongsToAnother { .. } => {
                "name another file as checkpoint.path (PLEO_EXPORT_CHECKPOINT) and take a running job over with \
                 `run-job --adopt`, or go back to the settings it was made with"
            }
            Self::NewerVersion { .. } => "install that version again",
            Self::Damaged { .. } => {
                "restore it from a backup, or move it aside and take a running job over with `run-job --adopt`; what is \
                 in the books is found there"
            }
            Self::Illegal { .. } | Self::Missing { .. } => "report this, with the log of a run with -vv",
            Self::Busy { .. } => {
                "run again; if it stays so, end the program that has it open (a backup, a database browser)"
            }
            Self::Storage { .. } => {
                "make the file writable and see that the disk has room, then run again; nothing is lost"
            }
        }
    }
}

fn object(job: &JobId, entry: Option<&AccountingEntryId>) -> String {
    match entry {
        Some(entry) => format!("item `{entry}` of job `{job}`"),
        None => format!("job `{job}`"),
    }
}

/// The same inside this module, where the path is not at hand.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Sql(#[from] rusqlite::Error),
    #[error("{0}")]
    Damaged(String),
    #[error("{0}")]
    Storage(String),
    #[error("{0}")]
    Busy(String),
    #[error("{1}")]
    Illegal(JobId, IllegalTransition),
    #[error("{2}")]
    IllegalItem(JobId, AccountingEntryId, IllegalTransition),
    #[error("{0}")]
    Missing(JobId),
    #[error("{1}")]
    MissingItem(JobId, AccountingEntryId),
}

impl Fault {
    /// The error for the caller.
    pub(super) fn at(self, path: &Path) -> CheckpointError {
        let path = path.to_owned();
        match self {
            Self::Sql(error) => of_sqlite(path, &error),
            Self::Damaged(what) => CheckpointError::Damaged { path, what },
            Self::Storage(reason) => CheckpointError::Storage { path, reason },
            Self::Busy(reason) => CheckpointError::Busy { path, reason },
            Self::Illegal(job, transition) => CheckpointError::Illegal {
                job,
                entry: None,
                transition,
            },
            Self::IllegalItem(job, entry, transition) => CheckpointError::Illegal {
                job,
                entry: Some(entry),
                transition,
            },
            Self::Missing(job) => CheckpointError::Missing { job, entry: None },
            Self::MissingItem(job, entry) => CheckpointError::Missing {
                job,
                entry: Some(entry),
            },
        }
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        Self::Storage(error.to_string())
    }
}

fn of_sqlite(path: PathBuf, error: &rusqlite::Error) -> CheckpointError {
    let Some(code) = error.sqlite_error_code() else {
        // Everything that rusqlite itself refuses is about a value that cannot be what we wrote.
        return CheckpointError::Damaged {
            path,
            what: error.to_string(),
        };
    };
    let advice = match code {
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::ConstraintViolation => {
            return CheckpointError::Damaged {
                path,
                what: error.to_string(),
            };
        }
        ErrorCode::DiskFull => "the disk is full; make room and run again",
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen => {
            "it needs a file and a folder that this user may write; give access or name another path"
        }
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            return CheckpointError::Busy {
                path,
                reason: error.to_string(),
            };
        }
        _ => "see to the disk or share it lies on and run again",
    };
    CheckpointError::Storage {
        path,
        reason: format!("{error}: {advice}"),
    }
}
