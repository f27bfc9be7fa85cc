//! The disk that a file lies on: how much room it has, and whether it is one of this machine.

use std::io;
use std::path::Path;

/// The folder itself or, as long as it is not made, the nearest one above it.
pub fn nearest_folder(path: &Path) -> &Path {
    let mut folders = path.ancestors();
    let is_there = |folder: &&Path| !folder.as_os_str().is_empty() && folder.is_dir();
    folders.find(is_there).unwrap_or(Path::new("."))
}

/// How many bytes this user may still write there.
///
/// # Errors
/// What the system says; also where it cannot be asked.
#[cfg(unix)]
pub fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// The same, where it cannot be asked.
#[cfg(not(unix))]
pub fn free_bytes(_folder: &Path) -> io::Result<u64> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Which disk the folder lies on; the same for all folders where nobody can tell.
pub fn disk_of(folder: &Path) -> u64 {
    #[cfg(unix)]
    let disk = folder
        .metadata()
        .map(|metadata| std::os::unix::fs::MetadataExt::dev(&metadata));
    #[cfg(not(unix))]
    let disk = folder.metadata().map(|_| 0);
    disk.unwrap_or_default()
}

/// Which network share the folder lies on, if it is known to be one.
#[cfg(target_os = "linux")]
pub fn network_share(folder: &Path) -> Option<&'static str> {
    let kind = rustix::fs::statfs(folder).ok()?.f_type;
    // The kernel's own numbers (`linux/magic.h`); the type of the field differs by machine.
    share_of(u32::try_from(kind).unwrap_or_default())
}

/// Which network share the folder lies on, where nobody can tell.
#[cfg(not(target_os = "linux"))]
pub fn network_share(_folder: &Path) -> Option<&'static str> {
    None
}

#[cfg(target_os = "linux")]
const fn share_of(kind: u32) -> Option<&'static str> {
    match kind {
        0x6969 => Some("NFS"),
        0x517B | 0xFF53_4D42 | 0xFE53_4D42 => Some("SMB"),
        0x0102_1997 => Some("9p"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        0x00C3_6400 => Some("Ceph"),
        0x0BD0_0BD0 => Some("Lustre"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_made_yet_lies_where_the_one_above_it_does() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(nearest_folder(&folder.path().join("a/b")), folder.path());
        assert_eq!(nearest_folder(Path::new("")), Path::new("."));
        assert!(free_bytes(folder.path()).unwrap() > 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn shares_are_known_by_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(network_share(folder.path()), None);
        assert_eq!(share_of(0x6969), Some("NFS"));
        assert_eq!(share_of(0xEF53), None, "ext4");
    }
}
