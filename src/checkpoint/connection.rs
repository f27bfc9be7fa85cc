//! Connections to the file: how SQLite is set up for a writer and for a reader, and what lies beside the file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::{Connection, OpenFlags};

use super::error::{CheckpointError, Fault};
use super::schema;
use crate::host::files::{self, Action, FileError};

/// How long a change waits for another program that has the file in hand, a backup for example.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Size and time of a file.
pub(super) type Stamp = (u64, Option<SystemTime>);

/// What SQLite's own files are called beside the checkpoint.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses what is no file, and links in the place of SQLite's files: it would write through them.
fn refuse_links(path: &Path) -> Result<(), Fault> {
    if let Some(what) = files::special(path) {
        return Err(Fault::NoFile(what));
    }
    for companion in std::iter::once("").chain(COMPANIONS) {
        files::refuse_link(&files::beside(path, companion))?;
    }
    Ok(())
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, Fault> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    // What a file says is data: functions in its schema that could do anything are not run.
    connection.pragma_update(None, "trusted_schema", false)?;
    // What is sorted names people, too, and no other file of the machine is asked for room.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// A database without a name: a temporary one, on the disk as soon as it outgrows its cache, and gone with its connection.
pub(super) fn connect_for_rehearsal() -> Result<Connection, Fault> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    connect(Path::new(""), flags)
}

/// How a reader keeps apart from a writer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Locking {
    /// By SQLite's locks and shared memory.
    Usual,
    /// Not at all.
    None,
}

/// A connection in one transaction for all that follows, which is what makes it one moment.
pub(super) fn connect_for_reading(path: &Path, locking: Locking) -> Result<Connection, Fault> {
    refuse_links(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match locking {
        Locking::Usual => connect(path, flags)?,
        Locking::None => connect(&immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)?,
    };
    connection.execute_batch("BEGIN")?;
    schema::refuse_foreign(&connection)?;
    Ok(connection)
}

/// The address by which SQLite opens a file that nobody changes.
fn immutable_uri(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    uri.push_str("?immutable=1");
    PathBuf::from(uri)
}

/// Whether something stands in the log that the file itself may not have yet. A reader leaves an empty one.
pub(super) fn has_log(path: &Path) -> bool {
    let log = files::beside(path, "-wal").metadata();
    log.is_ok_and(|log| log.len() > 0)
}

/// Refuses what was read without any lock where the file is another one by now.
pub(super) fn refuse_changed(path: &Path, before: Stamp) -> Result<(), CheckpointError> {
    let after = stamp(path).map_err(|fault| fault.at(path))?;
    if before == after && !has_log(path) {
        return Ok(());
    }
    Err(Fault::Busy("it was changed while it was read".to_owned()).at(path))
}

/// The error, or the cause of it: half of an old file and half of a new one look like damage.
pub(super) fn unless_changed(path: &Path, before: Stamp, error: CheckpointError) -> CheckpointError {
    refuse_changed(path, before).err().unwrap_or(error)
}

pub(super) fn stamp(path: &Path) -> Result<Stamp, Fault> {
    let metadata = path.metadata().map_err(FileError::at(Action::LookAt, path))?;
    Ok((metadata.len(), metadata.modified().ok()))
}

pub(super) fn connect_for_writing(path: &Path) -> Result<Connection, Fault> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        files::make_folder(folder)?;
    }
    refuse_links(path)?;
    // What is there and not ours is looked at, and left as it is: not even its mode or its journal is changed.
    if stamp(path).is_ok_and(|(length, _)| length > 0) {
        let locking = if has_log(path) {
            Locking::Usual
        } else {
            Locking::None
        };
        drop(connect_for_reading(path, locking)?);
    }
    // SQLite would make the file as the umask has it; its companions take their mode from the file.
    drop(files::open_own(path)?);
    files::sync_folder_strictly(folder).map_err(|error| {
        Fault::Storage(format!(
            "{error}; the checkpoint needs a local disk, where new files survive a power cut"
        ))
    })?;
    let connection = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Storage(format!(
            "the file system allows no write-ahead log (journal mode {mode}); name a path on a local disk"
        )));
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A payload that is kept no longer is gone from the file.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}
