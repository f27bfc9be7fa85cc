//! The disks that checkpoint, receipts and books lie on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Check, Name};
use crate::host::disk;

const MIB: u64 = 1024 * 1024;

/// With less than this a run may end in the middle of a batch, which is safe and of no use.
const TOO_LITTLE: u64 = 100 * MIB;

/// With less than this the disk is full soon.
const LITTLE: u64 = 1024 * MIB;

/// How much room each disk has on which one of these folders lies, or will.
pub fn room(folders: &[PathBuf]) -> Vec<Check> {
    let mut disks: BTreeMap<u64, &Path> = BTreeMap::new();
    for folder in folders {
        let folder = disk::nearest_folder(folder);
        disks.entry(disk::disk_of(folder)).or_insert(folder);
    }
    disks.into_values().map(room_of).collect()
}

fn room_of(folder: &Path) -> Check {
    let name = Name::Disk;
    let shown = folder.display();
    let free = match disk::free_bytes(folder) {
        Ok(free) => free,
        Err(error) => {
            return Check::unknown(
                name,
                format!("`{shown}` cannot be asked for its room: {error}"),
                None,
            );
        }
    };
    let message = format!("{} MiB are free at `{shown}`", free / MIB);
    let remedy = "make room on that disk, or name another folder in the settings";
    match free {
        0..TOO_LITTLE => Check::failed(name, message, remedy),
        TOO_LITTLE..LITTLE => Check::warning(name, message, remedy),
        _ => Check::ok(name, message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_disk_is_told_once() {
        let folder = tempfile::tempdir().unwrap();
        let folders = ["a", "b/c"].map(|name| folder.path().join(name));
        let checks = room(&folders);
        assert_eq!(checks.len(), 1);
        assert!(checks[0].message.contains("MiB are free"), "{checks:?}");
    }
}
