//! Files that are there whole or not at all, also after a power cut.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use thiserror::Error;

use super::kill;

/// A file operation that failed, with the file it was about.
#[derive(Debug, Error)]
#[error("cannot {action} `{}`: {source}", path.display())]
pub struct FileError {
    /// What was tried ("write", "rename").
    pub action: &'static str,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// For `map_err`: names the action and the path.
    pub fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// Writes a file of which either nothing or everything is there once this returns or the power goes: written
/// aside, synced, renamed into place, folder synced. The name appears only with the whole content behind it.
///
/// An existing file of that name is replaced; callers that must not replace check under their lock.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let aside = aside(path);
    let mut file = create_private(&aside)?;
    kill::point("file made");
    file.write_all(content).map_err(FileError::at("write", &aside))?;
    if !kill::mutation("no-fsync-file") {
        file.sync_all().map_err(FileError::at("sync", &aside))?;
    }
    rename(&aside, path)
}

/// Renames a synced file into place and syncs the folder, so that the new name survives a power cut.
pub fn rename(from: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(from, to).map_err(FileError::at("rename", from))?;
    kill::point("file renamed");
    sync_folder(to.parent().unwrap_or(Path::new(".")))
}

/// Makes a folder and its parents, readable by the owner alone, and syncs what holds them.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if path.is_dir() {
        // Whoever made it may have been killed before it saw to its name. Where the parent cannot be synced, it was
        // somebody else who made it.
        let _ = sync_folder(parent);
        return Ok(());
    }
    make_folder(parent)?;
    match private_folder(path) {
        Ok(()) => {
            kill::point("folder made");
            sync_folder(parent)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(FileError::at("make the folder", path)(error)),
    }
}

/// A new, empty file that only the owner may read; an older one of that name is emptied.
pub fn create_private(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(FileError::at("make", path))
}

/// Where a file is written before it gets its name; readers of the folder pass over such names.
fn aside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".part");
    path.with_file_name(name)
}

#[cfg(unix)]
fn private_folder(path: &Path) -> io::Result<()> {
    std::os::unix::fs::DirBuilderExt::mode(&mut fs::DirBuilder::new(), 0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

/// Makes new names in a folder survive a power cut. Where the file system knows no such thing, as on some network shares,
/// that is said once, and the work goes on.
pub fn sync_folder(path: &Path) -> Result<(), FileError> {
    static IS_SAID: AtomicBool = AtomicBool::new(false);
    match sync_folder_strictly(path) {
        Err(error) if is_unknown(&error.source) => {
            if !IS_SAID.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    "{error}: on this file system a power cut may take away what was written last"
                );
            }
            Ok(())
        }
        other => other,
    }
}

/// The same, for what must not be on such a file system.
pub fn sync_folder_strictly(path: &Path) -> Result<(), FileError> {
    if kill::mutation("no-fsync-folder") {
        return Ok(());
    }
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(FileError::at("sync the folder", path))
}

/// Whether the file system does not know what it was asked for, rather than fail at it.
fn is_unknown(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c.txt");
        make_folder(path.parent().unwrap()).unwrap();
        write_whole(&path, b"first").unwrap();
        write_whole(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(
            fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1,
            "nothing is left aside"
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            assert_eq!(
                fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777,
                0o700
            );
        }
    }

    #[test]
    fn an_error_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = write_whole(&folder.path().join("missing/file"), b"").unwrap_err();
        assert!(error.to_string().contains("missing/.file.part"), "{error}");
    }
}
