//! A folder of this preview alone, which is taken away with it. One of a preview that was killed goes with the next one: the
//! lock in it is free.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use crate::export::report::{Problem, ProblemKind};
use crate::host::files::{self, Action, FileError};
use crate::host::ownership;

/// What the names of these folders begin with; a number of sixteen hexadecimal digits follows.
const NAME: &str = "pleo-export-preview-";

/// The file in it that is locked as long as its preview lives.
const LOCK: &str = "lock";

/// The folder.
pub(super) struct Folder {
    path: PathBuf,
    /// Held.
    _lock: File,
}

impl Folder {
    pub(super) fn new() -> Result<Self, Problem> {
        // Its keys come from the system's source of chance, anew for each process.
        let chance = RandomState::new().hash_one(std::process::id());
        let beside = files::resolved(&std::env::temp_dir());
        remove_abandoned(&beside);
        let path = beside.join(format!("{NAME}{chance:016x}"));
        files::make_new_folder(&path).map_err(|error| unusable(&error))?;
        let file = path.join(LOCK);
        let lock = File::create_new(&file).and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|error| unusable(&FileError::at(Action::Make, &file)(error)))?;
        Ok(Self { path, _lock: lock })
    }

    /// A place in it.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
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

/// Takes away what previews of this user have left that were killed. What cannot be removed stays for the next.
fn remove_abandoned(beside: &Path) {
    for entry in fs::read_dir(beside).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(NAME));
        let is_our_name = number
            .is_some_and(|number| number.len() == 16 && number.bytes().all(|byte| byte.is_ascii_hexdigit()));
        // A link is none.
        let is_our_folder = entry
            .metadata()
            .is_ok_and(|metadata| metadata.is_dir() && ownership::is_of_this_user(&metadata));
        if is_our_name && is_our_folder && is_abandoned(&entry.path()) {
            match fs::remove_dir_all(entry.path()) {
                Ok(()) => tracing::debug!(
                    "removed `{}` of a preview that was killed",
                    entry.path().display()
                ),
                Err(error) => tracing::debug!("cannot remove `{}`: {error}", entry.path().display()),
            }
        }
    }
}

/// Whether nobody holds the lock. A folder without one may be in the making.
fn is_abandoned(folder: &Path) -> bool {
    File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok())
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(
                "cannot remove the temporary folder `{}`: {error}",
                self.path.display()
            );
        }
    }
}
