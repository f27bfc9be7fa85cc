//! Whose a file is: what others may have chosen or may read is not used.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;

use super::file_error::{Action, FileError, Link};

/// Why a secret in a file may be known to others, or chosen by them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exposure {
    /// It is a link, which leads where others may write.
    #[error("it is a link: name the file itself")]
    Link,
    /// Its mode lets others in.
    #[error("other users can read or write it")]
    OthersCanRead,
    /// It is neither this user's nor root's.
    #[error("it belongs to another user")]
    OfAnother,
}

/// Whether a secret in this file is not for this user alone; `None` also where there is no file.
pub fn exposure(path: &Path) -> Option<Exposure> {
    let metadata = fs::symlink_metadata(path).ok()?;
    if metadata.is_symlink() {
        return Some(Exposure::Link);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if metadata.mode() & 0o077 != 0 {
            return Some(Exposure::OthersCanRead);
        }
        if !is_trusted(metadata.uid()) {
            return Some(Exposure::OfAnother);
        }
    }
    None
}

/// Refuses a path that leads over a link which is not the user's own, or to what is not. Links that the settings
/// name are resolved before, see [`super::files::resolved`].
#[cfg(unix)]
pub fn refuse_links_of_strangers(path: &Path) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt;
    for place in path.ancestors().filter(|place| !place.as_os_str().is_empty()) {
        let Ok(link) = fs::symlink_metadata(place) else {
            continue;
        };
        if !link.is_symlink() {
            continue;
        }
        let target = fs::metadata(place).map_err(FileError::at(Action::Follow, place))?;
        if !(is_trusted(link.uid()) && is_trusted(target.uid())) {
            let target = fs::read_link(place).map_err(FileError::at(Action::Follow, place))?;
            return Err(FileError::at(Action::Follow, place)(is_link(place, &target)));
        }
    }
    Ok(())
}

/// Elsewhere files have no such owners.
#[cfg(not(unix))]
pub fn refuse_links_of_strangers(_path: &Path) -> Result<(), FileError> {
    Ok(())
}

/// Whether this user's files may steer us: we ourselves, and root, who can do anything anyway.
#[cfg(unix)]
pub fn is_trusted(user: u32) -> bool {
    user == 0 || user == rustix::process::geteuid().as_raw()
}

pub(super) fn is_link(path: &Path, target: &Path) -> io::Error {
    let target = path.parent().unwrap_or(Path::new("")).join(target);
    io::Error::new(
        io::ErrorKind::NotADirectory,
        Link {
            target: target.display().to_string(),
        },
    )
}

/// Whether it belongs to the user that this process runs as, as far as the system knows users.
#[cfg(unix)]
pub fn is_of_this_user(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.uid() == rustix::process::geteuid().as_raw()
}

/// Whether it belongs to the user that this process runs as, as far as the system knows users.
#[cfg(not(unix))]
pub fn is_of_this_user(_: &Metadata) -> bool {
    true
}
