//! A folder of this preview alone, which is taken away with it.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use crate::export::report::{Problem, ProblemKind};
use crate::host::files::{self, Action, FileError};

/// The folder.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new() -> Result<Self, Problem> {
        // Its keys come from the system's source of chance, anew for each process.
        let chance = RandomState::new().hash_one(std::process::id());
        let name = format!("pleo-export-preview-{chance:016x}");
        let path = files::resolved(&std::env::temp_dir()).join(name);
        files::make_new_folder(&path).map_err(|error| unusable(&error))?;
        Ok(Self(path))
    }

    /// A place in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A new file in it.
    pub(super) fn file(&self, name: &str) -> Result<File, Problem> {
        let path = self.path(name);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create_new(true).open(&path);
        file.map_err(|error| unusable(&FileError::at(Action::Make, &path)(error)))
    }
}

fn unusable(error: &FileError) -> Problem {
    Problem {
        kind: ProblemKind::Unexpected,
        message: error.to_string(),
        hint: "a preview needs a folder for temporary files: set TMPDIR to one that this user may write in"
            .into(),
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.0) {
            tracing::warn!(
                "cannot remove the temporary folder `{}`: {error}",
                self.0.display()
            );
        }
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    fs::remove_dir_all(path)
}
