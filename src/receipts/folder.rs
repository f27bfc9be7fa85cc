//! The folder in which receipts lie between download and booking. It is ours alone and says so; files in it that a run
//! which died left long ago go away, and nothing else ever does.

use std::fs::{self, Metadata};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::content::Format;
use super::error::SetupError;
use crate::host::files::{self, Action, FileError};

/// Files older than this were left by a run that died: addresses work for a day, a job lives shorter still.
const LEFT_BEHIND_AFTER: TimeDelta = TimeDelta::days(2);

/// The file that says whose folder it is.
const MARK: &str = ".made-by-pleo-export";

const MARK_SAYS: &str = "Receipts lie here between their download and their booking. pleo-export made this folder and removes \
                         old files with names like its own from it.\n";

/// Makes the folder, or takes it as ours where it is, and clears it.
pub(super) fn prepare(folder: &Path, now: DateTime<Utc>) -> Result<(), SetupError> {
    files::make_folder(folder)?;
    let mark = folder.join(MARK);
    if !mark.is_file() {
        // Without its mark it is ours only where nobody else has put anything: a run may have died on the way to it.
        let entries = fs::read_dir(folder).map_err(FileError::at(Action::ReadFolder, folder))?;
        let mut names = entries.flatten().map(|entry| entry.file_name().into_string());
        if !names.all(|name| name.is_ok_and(|name| is_our_name(&name))) {
            return Err(SetupError::NotOurs(folder.to_owned()));
        }
        files::write_whole(&mark, MARK_SAYS.as_bytes())?;
    }
    Ok(clear(folder, now)?)
}

/// Clears the folder that the first version used beside this checkpoint, where there is one. Others may use it, too, so
/// only what has exactly the form of our names goes.
pub fn clear_of_the_first_version(folder: &Path, now: DateTime<Utc>) -> Result<(), FileError> {
    let is_there = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    if is_there { clear(folder, now) } else { Ok(()) }
}

fn clear(folder: &Path, now: DateTime<Utc>) -> Result<(), FileError> {
    files::clear(folder, |name, metadata| {
        is_our_name(name) && is_old(metadata, now)
    })
}

fn is_old(metadata: &Metadata, now: DateTime<Utc>) -> bool {
    metadata
        .modified()
        .is_ok_and(|modified| now - DateTime::<Utc>::from(modified) > LEFT_BEHIND_AFTER)
}

/// Whether we give files such names: a receipt by its content, or one that is being written.
fn is_our_name(name: &str) -> bool {
    is_receipt(name) || files::is_part(name) || is_part_of_the_first_version(name)
}

fn is_receipt(name: &str) -> bool {
    name.split_once('.').is_some_and(|(sha256, extension)| {
        sha256.len() == 64
            && sha256
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && Format::is_extension(extension)
    })
}

/// The number of a process, a dash, a count.
fn is_part_of_the_first_version(name: &str) -> bool {
    let is_number =
        |text: &str| !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix('.')
        .and_then(|rest| rest.strip_suffix(".part"))
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(process, count)| is_number(process) && is_number(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock;

    #[test]
    fn only_names_of_exactly_our_form_are_ours() {
        let sha256 = "0a".repeat(32);
        for name in [
            format!("{sha256}.pdf"),
            format!("{sha256}.jpg"),
            ".77-0.part".to_owned(),
            ".pleo-export-0123456789abcdef.part".to_owned(),
        ] {
            assert!(is_our_name(&name), "{name}");
        }
        for name in [
            format!("{sha256}.exe"),
            sha256.clone(),
            format!("{sha256}.pdf.pdf"),
            format!("{}.pdf", sha256.to_uppercase()),
            format!("{}.pdf", &sha256[1..]),
            ".part".to_owned(),
            ".-.part".to_owned(),
            ".77.part".to_owned(),
            ".a-1.part".to_owned(),
            ".pleo-export-0123.part".to_owned(),
            "receipt.pdf".to_owned(),
        ] {
            assert!(!is_our_name(&name), "{name}");
        }
    }

    #[test]
    fn what_a_dead_run_left_long_ago_is_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let name = format!("{}.pdf", "0a".repeat(32));
        let file = folder.path().join(&name);
        fs::write(&file, "").unwrap();
        prepare(folder.path(), clock::now() + TimeDelta::hours(47)).unwrap();
        assert!(file.exists());
        prepare(folder.path(), clock::now() + TimeDelta::hours(49)).unwrap();
        assert!(!file.exists());
        assert!(folder.path().join(MARK).exists());
        // Marked as ours, it stays usable whatever else is put into it, and that stays.
        let foreign = folder.path().join("notes.txt");
        fs::write(&foreign, "").unwrap();
        prepare(folder.path(), clock::now() + TimeDelta::hours(49)).unwrap();
        assert!(foreign.exists());
    }
}
