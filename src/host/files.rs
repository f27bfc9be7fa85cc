//! Files that are there whole or not at all, also after a power cut, and that nobody else has chosen for us: what we
//! make or open for writing is no link, and no folder on the way is a stranger's link.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

pub use super::file_error::{Action, FileError};
use super::ownership::{is_link, refuse_links_of_strangers};
use super::{digest, kill};

/// What the names of files begin and end with that are being written; readers of a folder pass over such names.
const PART_BEGINS: &str = ".pleo-export-";
const PART_ENDS: &str = ".part";

/// Writes a file of which either nothing or everything is there once this returns or the power goes: written
/// aside, synced, renamed into place, folder synced. The name appears only with the whole content behind it.
///
/// An existing file of that name is replaced; callers that must not replace check under their lock. A link of that
/// name is refused, and a device.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<(), FileError> {
    write_one_of_many(path, content)?;
    sync_folder(folder_of(path))
}

/// The same for one of several files in a folder, whose names a power cut may take away until the folder is synced.
pub fn write_one_of_many(path: &Path, content: &[u8]) -> Result<(), FileError> {
    let mut part = PartFile::new(folder_of(path))?;
    kill::point("file made");
    part.file
        .write_all(content)
        .map_err(FileError::at(Action::Write, &part.path))?;
    part.lie_synced_at(path)
}

/// A file that is being written under a name that nobody else uses. It goes away unless it is kept.
#[derive(Debug)]
pub struct PartFile {
    /// Open for writing and reading.
    pub file: File,
    /// Where it is until it gets its name.
    pub path: PathBuf,
}

impl PartFile {
    /// A new, empty file of ours in the folder, for the owner alone.
    pub fn new(folder: &Path) -> Result<Self, FileError> {
        refuse_links_of_strangers(folder)?;
        loop {
            // Its keys come from the system's source of chance, anew for each process.
            let chance = RandomState::new().hash_one(std::process::id());
            let path = folder.join(format!("{PART_BEGINS}{chance:016x}{PART_ENDS}"));
            match Self::made(path) {
                Err(error) if error.source.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
    }

    /// The same under the one name for parts of this file, see [`part_of`]. Its user holds a lock on the file, so what
    /// lies there is of one who was killed, and gives way.
    pub fn only(path: &Path) -> Result<Self, FileError> {
        refuse_links_of_strangers(folder_of(path))?;
        let part = part_of(path);
        remove_part(&part)?;
        Self::made(part)
    }

    fn made(path: PathBuf) -> Result<Self, FileError> {
        let mut options = private();
        match options.read(true).write(true).create_new(true).open(&path) {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => Err(FileError::at(Action::Make, &path)(error)),
        }
    }

    /// Gives it its name, with all of its content safe from a power cut.
    pub fn keep_as(self, path: &Path) -> Result<(), FileError> {
        self.lie_synced_at(path)?;
        sync_folder(folder_of(path))
    }

    fn lie_synced_at(self, path: &Path) -> Result<(), FileError> {
        self.file
            .sync_all()
            .map_err(FileError::at(Action::Sync, &self.path))?;
        self.lie_at(path)
    }

    /// The same for a file that nobody needs after this process: what a power cut makes of it does not matter.
    pub fn lie_at(self, path: &Path) -> Result<(), FileError> {
        rename(&self.path, path)
    }
}

fn rename(part: &Path, path: &Path) -> Result<(), FileError> {
    refuse_link(path)?;
    refuse_special(path)?;
    fs::rename(part, path).map_err(FileError::at(Action::Rename, part))?;
    kill::point("file renamed");
    Ok(())
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Renamed it is gone, which is what we want; what stays is cleared away by a later run.
        let _ = fs::remove_file(&self.path);
    }
}

/// The file whose name is that of another one with something behind it.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The name under which this file is written by those who hold a lock on it.
pub fn part_of(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let digest = digest::sha256(name.as_encoded_bytes());
    let short = digest.get(..16).unwrap_or_default();
    folder_of(path).join(format!("{PART_BEGINS}{short}{PART_ENDS}"))
}

/// Gives such a file, which one who was killed has left whole, the name that it was written for.
pub fn keep_part(path: &Path) -> Result<(), FileError> {
    let part = part_of(path);
    let file = File::open(&part).map_err(FileError::at(Action::Read, &part))?;
    file.sync_all().map_err(FileError::at(Action::Sync, &part))?;
    rename(&part, path)?;
    sync_folder(folder_of(path))
}

/// Removes such a file, if one was left.
pub fn remove_part(part: &Path) -> Result<(), FileError> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(FileError::at(Action::Remove, part)(error))
        }
        _ => Ok(()),
    }
}

/// Whether a file of this name is one that is being written, or was when its process died.
pub fn is_part(name: &str) -> bool {
    name.strip_prefix(PART_BEGINS)
        .and_then(|rest| rest.strip_suffix(PART_ENDS))
        .is_some_and(|chance| chance.len() == 16 && chance.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Removes the plain files of a folder that `is_ours` knows by their names and ages. What cannot be removed is not in
/// the way either.
pub fn clear(folder: &Path, is_ours: impl Fn(&str, &Metadata) -> bool) -> Result<(), FileError> {
    let entries = fs::read_dir(folder).map_err(FileError::at(Action::ReadFolder, folder))?;
    for entry in entries.flatten() {
        let (Ok(metadata), Ok(name)) = (entry.metadata(), entry.file_name().into_string()) else {
            continue;
        };
        if metadata.is_file() && is_ours(&name, &metadata) {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// Refuses a folder in which this user can make no file.
#[cfg(unix)]
pub fn refuse_unwritable(folder: &Path) -> Result<(), FileError> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    let access = if folder.is_dir() {
        accessat(CWD, folder, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).map_err(io::Error::from)
    } else if folder.is_symlink() && !folder.exists() {
        Err(io::Error::other("it is a link that leads nowhere"))
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    };
    access.map_err(FileError::at(Action::WriteInFolder, folder))
}

/// Refuses a file that this user cannot write.
#[cfg(unix)]
pub fn refuse_unwritable_file(path: &Path) -> Result<(), FileError> {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS)
        .map_err(|error| FileError::at(Action::Write, path)(error.into()))
}

/// Elsewhere it shows when it is written.
#[cfg(not(unix))]
pub fn refuse_unwritable_file(_path: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Elsewhere it shows when a file is made.
#[cfg(not(unix))]
pub fn refuse_unwritable(_path: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Makes a folder that is not there yet, readable by the owner alone.
pub fn make_new_folder(path: &Path) -> Result<(), FileError> {
    private_folder(path).map_err(FileError::at(Action::MakeFolder, path))
}

/// Makes a folder and its parents, readable by the owner alone, and syncs what holds them.
pub fn make_folder(path: &Path) -> Result<(), FileError> {
    refuse_links_of_strangers(path)?;
    let parent = folder_of(path);
    if path.is_dir() {
        // Whoever made it may have been killed before it saw to its name, which is seen to once in a process. Where the
        // parent cannot be synced, another user made it.
        static SEEN_TO: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        let mut seen_to = SEEN_TO.lock().unwrap_or_else(PoisonError::into_inner);
        if seen_to.insert(path.to_owned()) {
            let _ = sync_folder(parent);
        }
        return Ok(());
    }
    make_folder(parent)?;
    match private_folder(path) {
        Ok(()) => {
            kill::point("folder made");
            sync_folder(parent)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(FileError::at(Action::MakeFolder, path)(error)),
    }
}

/// Opens or makes a file of ours that stays, such as a lock, readable by its owner alone whatever the umask says.
/// Its content is left alone. A link or a device of that name is refused.
pub fn open_own(path: &Path) -> Result<File, FileError> {
    refuse_link(path)?;
    let mut options = private();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path).map_err(FileError::at(Action::Open, path))?;
    let metadata = file.metadata().map_err(FileError::at(Action::LookAt, path))?;
    // The mode of a device such as /dev/null is nobody's to change.
    if !metadata.is_file() {
        return Err(FileError::at(Action::UseAsFile, path)(io::Error::other(
            "it is no regular file",
        )));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Another user's file that we may write is used all the same.
        if metadata.permissions().mode() & 0o777 != 0o600
            && let Err(error) = file.set_permissions(fs::Permissions::from_mode(0o600))
        {
            tracing::warn!("other users may be able to read `{}`: {error}", path.display());
        }
    }
    Ok(file)
}

/// Refuses a link where a file of ours should be: whoever made it chose what we would write into.
pub fn refuse_link(path: &Path) -> Result<(), FileError> {
    match fs::read_link(path) {
        Ok(target) => Err(FileError::at(Action::Use, path)(is_link(path, &target))),
        // Not there, or no link.
        Err(_) => Ok(()),
    }
}

/// Refuses a folder, a device, a pipe or a socket in a file's place: a rename would take it away from everybody.
fn refuse_special(path: &Path) -> Result<(), FileError> {
    match special(path) {
        Some(what) => {
            let special = io::Error::other(format!("it is {what}, and no file"));
            Err(FileError::at(Action::Use, path)(special))
        }
        None => Ok(()),
    }
}

/// What is there instead of a regular file, if something is.
pub fn special(path: &Path) -> Option<&'static str> {
    let there = fs::symlink_metadata(path).ok()?.file_type();
    match (there.is_dir(), there.is_file() || there.is_symlink()) {
        (true, _) => Some("a folder"),
        (false, false) => Some("a device, a pipe or a socket"),
        (false, true) => None,
    }
}

/// The one name of a folder that the settings name, whichever way leads there, and the same before and after the
/// folder is made. People put such folders on other disks, so links in it are followed, whoever made them.
pub fn resolved(folder: &Path) -> PathBuf {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    folder
        .canonicalize()
        .unwrap_or_else(|_| match (folder.parent(), folder.file_name()) {
            (Some(parent), Some(name)) => resolved(parent).join(name),
            _ => folder.clone(),
        })
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
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
    let path = if path.as_os_str().is_empty() {
        Path::new(".")
    } else {
        path
    };
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(FileError::at(Action::SyncFolder, path))
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
        assert!(error.to_string().contains("missing/.pleo-export-"), "{error}");
    }
}
