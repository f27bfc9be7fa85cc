//! What failed with a file, so that it can be told and decided by.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// What was tried with a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Setting who may use it.
    ChangeMode,
    /// Following it where it may be a link.
    Follow,
    /// Taking a lock.
    Lock,
    /// Asking for its kind, size and time.
    LookAt,
    /// Asking whether it is there.
    LookFor,
    /// Going through its content.
    LookInto,
    /// Making a new file.
    Make,
    /// Making a folder.
    MakeFolder,
    /// Opening it for writing.
    Open,
    /// Reading it.
    Read,
    /// Reading the names in a folder.
    ReadFolder,
    /// Taking it away.
    Remove,
    /// Giving a file its name.
    Rename,
    /// Getting its content onto the disk.
    Sync,
    /// Getting the names in a folder onto the disk.
    SyncFolder,
    /// Using the name, which may be that of a link.
    Use,
    /// Using it as a file, which it may not be.
    UseAsFile,
    /// Writing to it.
    Write,
    /// Making files in a folder.
    WriteInFolder,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ChangeMode => "change the mode of",
            Self::Follow => "follow",
            Self::Lock => "lock",
            Self::LookAt => "look at",
            Self::LookFor => "look for",
            Self::LookInto => "look into",
            Self::Make => "make",
            Self::MakeFolder => "make the folder",
            Self::Open => "open",
            Self::Read => "read",
            Self::ReadFolder => "read the folder",
            Self::Remove => "remove",
            Self::Rename => "rename",
            Self::Sync => "sync",
            Self::SyncFolder => "sync the folder",
            Self::Use => "use",
            Self::UseAsFile => "use as a file",
            Self::Write => "write",
            Self::WriteInFolder => "write in the folder",
        })
    }
}

impl Action {
    /// Whether nothing is made by it, so that what it does not find may have been moved just now.
    const fn only_looks(self) -> bool {
        match self {
            Self::LookAt | Self::Read | Self::ReadFolder => true,
            Self::ChangeMode
            | Self::Follow
            | Self::Lock
            | Self::LookFor
            | Self::LookInto
            | Self::Make
            | Self::MakeFolder
            | Self::Open
            | Self::Remove
            | Self::Rename
            | Self::Sync
            | Self::SyncFolder
            | Self::Use
            | Self::UseAsFile
            | Self::Write
            | Self::WriteInFolder => false,
        }
    }

    /// Whether [`write_whole`](super::files::write_whole) does it before the file gets its name: where it fails, nothing new stands under that name.
    pub const fn is_before_the_name(self) -> bool {
        match self {
            Self::Follow | Self::Make | Self::Sync | Self::Use | Self::Write => true,
            Self::ChangeMode
            | Self::Lock
            | Self::LookAt
            | Self::LookFor
            | Self::LookInto
            | Self::MakeFolder
            | Self::Open
            | Self::Read
            | Self::ReadFolder
            | Self::Remove
            | Self::Rename
            | Self::SyncFolder
            | Self::UseAsFile
            | Self::WriteInFolder => false,
        }
    }
}

/// A file operation that failed, with the file it was about.
#[derive(Debug, Error)]
#[error("cannot {action} `{}`: {source}", path.display())]
pub struct FileError {
    /// What was tried.
    pub action: Action,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: names the action and the path.
    pub fn at(action: Action, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }

    /// Whether it stays so until a person sees to it: rights, a read-only disk, a link or something else in the place of a
    /// file or folder. A disk may be full for a while only.
    pub fn is_lasting(&self) -> bool {
        use io::ErrorKind as Kind;
        match self.source.kind() {
            Kind::PermissionDenied
            | Kind::ReadOnlyFilesystem
            | Kind::NotADirectory
            | Kind::IsADirectory
            | Kind::AlreadyExists
            | Kind::Unsupported
            | Kind::InvalidFilename => true,
            // Our own words: it is no file.
            Kind::Other => self.source.get_ref().is_some(),
            // What is read may have been moved just now; what is made cannot be missing.
            Kind::NotFound => !self.action.only_looks(),
            _ => matches!(self.action, Action::Follow | Action::Lock),
        }
    }

    /// Whether a link lay where none may be: no matter of waiting, a person must look.
    pub fn is_about_a_link(&self) -> bool {
        self.source
            .get_ref()
            .and_then(|source| source.downcast_ref::<Link>())
            .is_some()
    }
}

/// A link where none may be.
#[derive(Debug, Error)]
#[error("it is a link to `{target}`, which is not followed here; remove the link if you did not make it")]
pub(super) struct Link {
    pub(super) target: String,
}
