//! The checkpoint: one SQLite file that makes a run fast to go on with, and explains it afterwards.
//!
//! **Stored**: whose checkpoint it is; the jobs we work on, with the outcome we are about to tell Pleo; their items
//! with state, data and verdict; an append-only audit trail. Never a credential. Losing the file loses no
//! booking: the books are the truth, and every entry is looked up there before it is booked.
//!
//! **Written** by one process at a time, the holder of the [`RunLock`], which a run takes before it opens the file.
//! Every method is one transaction, and what it returns from is on the disk (`synchronous=FULL`), also after a
//! power cut. All SQL of the program is in this folder, and every change of a state goes through
//! [`JobState::next`](crate::model::state::JobState::next) or
//! [`ItemState::next`](crate::model::state::ItemState::next).
//!
//! **Read** at any time, also in mid-run and without the lock. That is what the write-ahead log is for: a reader
//! sees the last committed moment, the same for as long as it looks, and nobody waits for the other. WAL needs
//! shared memory, so the file must lie on a disk of this machine and not on a network share.
//!
//! The file and SQLite's two companions (`-wal`, `-shm`) are readable by their owner alone, as payloads name people.

mod audit;
mod blocked;
mod contact;
mod error;
mod health;
mod item_row;
mod items;
mod jobs;
mod lock;
mod reports;
mod schema;
mod shown;
mod small_rows;
#[cfg(test)]
mod tests;
mod told;

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior};

pub use self::blocked::Blocked;
pub use self::contact::{Contact, FailedPolls, PollEnd, Told};
pub use self::error::CheckpointError;
use self::error::Fault;
pub use self::items::{ItemData, ItemFacts, Position, ReadFacts, StoredItem};
pub use self::jobs::{Closing, JobRecord};
pub use self::lock::{LockError, RunLock, at_work, last_holder, lock_path, since};
pub use self::reports::{Counts, Finality};
pub use self::shown::{ShownItem, TrailLine};
use crate::host::files::{self, FileError};
use crate::host::kill;
use crate::model::ids::CompanyId;

/// How long a change waits for another program that has the file in hand, a backup for example.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    connection: Connection,
    path: PathBuf,
    is_writer: bool,
    /// Whether damage was met while it was open: then the end is not an orderly one.
    met_damage: Cell<bool>,
    /// To be written with the orderly end.
    contact: Option<Contact>,
    /// Size and time of a file that is read without any lock, so that it can be seen whether it changed meanwhile.
    unlocked: Option<Stamp>,
}

/// Size and time of a file.
type Stamp = (u64, Option<SystemTime>);

/// Whose checkpoint it is. Bound by the first job that is started, and compared ever after: until then a mistyped
/// setting has bound nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The company on Pleo.
    pub company_id: CompanyId,
    /// The host of Pleo's API: staging and production know different jobs.
    pub pleo_host: String,
    /// The books, as the accounting system describes them; empty where it could not be asked, which fits any books.
    pub target: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "company {} at {} with the books {}",
            self.company_id, self.pleo_host, self.target
        )
    }
}

impl Checkpoint {
    /// Opens the checkpoint for a run, making it (and its folder) when there is none, and bringing one of an earlier
    /// version up to date: `read_facts` reads what is kept of its payloads then. The books of the owner may stand in the
    /// file by a former name; they get the new one.
    ///
    /// The caller holds the [`RunLock`]. A file whose last run did not end in order is checked through first.
    pub fn open(
        path: &Path,
        owner: &Owner,
        former_target: Option<&str>,
        read_facts: ReadFacts,
    ) -> Result<Self, CheckpointError> {
        let mut connection = connect_for_writing(path).map_err(|fault| fault.at(path))?;
        refuse_newer(&connection, path)?;
        let prepared = prepare(&mut connection, owner, former_target, read_facts);
        let (found, was_clean) = prepared.map_err(|fault| fault.at(path))?;
        if found != *owner {
            return Err(CheckpointError::BelongsToAnother {
                path: path.to_owned(),
                found: Box::new(found),
                wanted: Box::new(owner.clone()),
            });
        }
        if !was_clean {
            check_through(&connection).map_err(|fault| fault.at(path))?;
        }
        Ok(Self {
            connection,
            path: path.to_owned(),
            is_writer: true,
            met_damage: Cell::new(false),
            contact: None,
            unlocked: None,
        })
    }

    /// Opens the checkpoint to look at it, whoever it belongs to and also during a run; `None` when there is none.
    ///
    /// Everything read through it is of one moment, that of the first look. Changes fail.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let is_there = path.try_exists().map_err(FileError::at("look for", path));
        if !is_there.map_err(|error| Fault::from(error).at(path))? {
            return Ok(None);
        }
        match connect_for_reading(path, Locking::Usual) {
            Ok(connection) => Self::reading(path, connection, None),
            // A folder that may only be read holds no place for SQLite's shared memory. Without a log the file is all.
            Err(_) if is_unwritable(path) && !has_log(path) => Self::open_unlocked(path),
            Err(fault) => Err(fault.at(path)),
        }
    }

    /// Opens a file without a log, taking no lock and making nothing.
    fn open_unlocked(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let before = stamp(path).map_err(|fault| fault.at(path))?;
        let opened = connect_for_reading(path, Locking::None).map_err(|fault| fault.at(path));
        let opened = opened.and_then(|connection| Self::reading(path, connection, Some(before)));
        opened.map_err(|error| unless_changed(path, before, error))
    }

    fn reading(
        path: &Path,
        connection: Connection,
        unlocked: Option<Stamp>,
    ) -> Result<Option<Self>, CheckpointError> {
        let version = refuse_newer(&connection, path)?;
        if version == 0 {
            return Ok(None);
        }
        let is_old = version < schema::known_version();
        let copy = is_old.then(|| schema::newest_copy(&connection, version));
        let copy = copy.transpose().map_err(|fault| fault.at(path))?;
        Ok(Some(Self {
            connection: copy.unwrap_or(connection),
            path: path.to_owned(),
            is_writer: false,
            met_damage: Cell::new(false),
            contact: None,
            unlocked,
        }))
    }

    /// Proves that what was read is of one moment, also where no lock could be had.
    pub fn finish_reading(&self) -> Result<(), CheckpointError> {
        let Some(before) = self.unlocked else {
            return Ok(());
        };
        refuse_changed(&self.path, before)
    }

    /// Refuses a checkpoint of another company, for readers who have said whose they want.
    pub fn refuse_other_company(&self, company_id: &CompanyId) -> Result<(), CheckpointError> {
        let bound = self.look(|connection| Ok(bound_owner(connection)?))?;
        let Some(found) = bound.filter(|found| found.company_id != *company_id) else {
            return Ok(());
        };
        let wanted = Owner {
            company_id: company_id.clone(),
            ..found.clone()
        };
        Err(CheckpointError::BelongsToAnother {
            path: self.path.clone(),
            found: Box::new(found),
            wanted: Box::new(wanted),
        })
    }

    /// Makes one change: all of it or nothing, on the disk once this returns.
    fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CheckpointError> {
        let result = change(&mut self.connection, work);
        result.map_err(|fault| self.failed(fault))
    }

    /// Looks something up.
    fn look<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, CheckpointError> {
        work(&self.connection).map_err(|fault| self.failed(fault))
    }

    fn failed(&self, fault: Fault) -> CheckpointError {
        let error = fault.at(&self.path);
        let error = match self.unlocked {
            Some(before) => unless_changed(&self.path, before, error),
            None => error,
        };
        if matches!(error, CheckpointError::Damaged { .. }) {
            self.met_damage.set(true);
        }
        error
    }
}

impl Drop for Checkpoint {
    /// Notes an orderly end. If that fails the next run merely checks the file through.
    fn drop(&mut self) {
        if self.is_writer && !self.met_damage.get() {
            let contact = self.contact.take();
            let noted = self.change(|transaction| {
                if let Some(contact) = &contact {
                    contact::store(transaction, contact)?;
                }
                Ok(transaction.execute("UPDATE meta SET clean = 1", [])?)
            });
            if let Err(error) = noted {
                tracing::debug!("the orderly end could not be noted: {error}");
            }
        }
    }
}

fn change<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    // Immediate: a transaction that only later wants to write may fail at once instead of waiting its turn.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let value = work(&transaction)?;
    kill::point("before commit");
    transaction.commit()?;
    kill::point("commit");
    Ok(value)
}

/// What SQLite's own files are called beside the checkpoint.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses links in the place of SQLite's files: it would write through them.
fn refuse_links(path: &Path) -> Result<(), Fault> {
    for companion in std::iter::once("").chain(COMPANIONS) {
        files::refuse_link(&beside(path, companion))?;
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

/// How a reader keeps apart from a writer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Locking {
    /// By SQLite's locks and shared memory.
    Usual,
    /// Not at all.
    None,
}

/// A connection in one transaction for all that follows, which is what makes it one moment.
fn connect_for_reading(path: &Path, locking: Locking) -> Result<Connection, Fault> {
    refuse_links(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = match locking {
        Locking::Usual => connect(path, flags)?,
        Locking::None => connect(&immutable_uri(path), flags | OpenFlags::SQLITE_OPEN_URI)?,
    };
    connection.execute_batch("BEGIN")?;
    schema::version(&connection)?;
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

/// Whether this user can make no file beside the checkpoint, as SQLite's shared memory is one.
fn is_unwritable(path: &Path) -> bool {
    let shared_memory = beside(path, "-shm");
    if shared_memory.exists() {
        return OpenOptions::new().write(true).open(shared_memory).is_err();
    }
    // Never under SQLite's own name: a run may begin just now.
    let probe = beside(path, &format!("-probe-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&probe);
    if made.is_ok() {
        let _ = std::fs::remove_file(probe);
    }
    made.is_err()
}

/// Whether something stands in the log that the file itself may not have yet. A reader leaves an empty one.
fn has_log(path: &Path) -> bool {
    let log = beside(path, "-wal").metadata();
    log.is_ok_and(|log| log.len() > 0)
}

/// Refuses what was read without any lock where the file is another one by now.
fn refuse_changed(path: &Path, before: Stamp) -> Result<(), CheckpointError> {
    let after = stamp(path).map_err(|fault| fault.at(path))?;
    if before == after && !has_log(path) {
        return Ok(());
    }
    Err(Fault::Busy("it was changed while it was read".to_owned()).at(path))
}

/// The error, or the cause of it: half of an old file and half of a new one look like damage.
fn unless_changed(path: &Path, before: Stamp, error: CheckpointError) -> CheckpointError {
    refuse_changed(path, before).err().unwrap_or(error)
}

fn stamp(path: &Path) -> Result<Stamp, Fault> {
    let metadata = path.metadata().map_err(FileError::at("look at", path))?;
    Ok((metadata.len(), metadata.modified().ok()))
}

fn connect_for_writing(path: &Path) -> Result<Connection, Fault> {
    let folder = path.parent().unwrap_or(Path::new(""));
    if !folder.as_os_str().is_empty() {
        files::make_folder(folder)?;
    }
    // SQLite would make the file as the umask has it; its companions take their mode from the file.
    drop(files::open_own(path)?);
    files::sync_folder_strictly(folder).map_err(|error| {
        Fault::Storage(format!(
            "{error}; the checkpoint needs a local disk, where new files survive a power cut"
        ))
    })?;
    refuse_links(path)?;
    let connection = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Another program's database is refused before its journal mode is changed.
    schema::version(&connection)?;
    let mode: String = connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if mode != "wal" {
        return Err(Fault::Storage(format!(
            "the file system allows no write-ahead log (journal mode {mode}); name a path on a local disk"
        )));
    }
    let synchronous = if kill::mutation("no-fsync-checkpoint") {
        "NORMAL"
    } else {
        "FULL"
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    // A payload that is kept no longer is gone from the file.
    connection.pragma_update(None, "secure_delete", true)?;
    Ok(connection)
}

/// The file whose name is that of the checkpoint with something behind it.
fn beside(checkpoint: &Path, ending: &str) -> PathBuf {
    let mut name = checkpoint.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// The version of the file's schema, if this program can read it.
fn refuse_newer(connection: &Connection, path: &Path) -> Result<i64, CheckpointError> {
    let found = schema::version(connection).map_err(|fault| fault.at(path))?;
    let known = schema::known_version();
    if found > known {
        return Err(CheckpointError::NewerVersion {
            path: path.to_owned(),
            found,
            known,
        });
    }
    Ok(found)
}

/// Brings the schema up to date and opens the run. Answers whose file it is and how the last run ended; somebody
/// else's file is left as it is.
fn prepare(
    connection: &mut Connection,
    owner: &Owner,
    former_target: Option<&str>,
    read_facts: ReadFacts,
) -> Result<(Owner, bool), Fault> {
    change(connection, |transaction| {
        schema::migrate(transaction, read_facts)?;
        let is_ours = |found: &Owner| {
            let is_renamed = former_target == Some(found.target.as_str());
            let is_unsaid = found.target.is_empty() || owner.target.is_empty();
            found.company_id == owner.company_id
                && found.pleo_host == owner.pleo_host
                && (found.target == owner.target || is_renamed || is_unsaid)
        };
        let bound = bound_owner(transaction)?;
        if let Some(found) = bound.clone().filter(|found| !is_ours(found)) {
            return Ok((found, true));
        }
        let target = match (bound, owner.target.as_str()) {
            (Some(found), "") => found.target,
            (_, target) => target.to_owned(),
        };
        let was_clean = transaction
            .query_row("SELECT clean FROM meta", [], |row| row.get(0))
            .optional()?
            .unwrap_or(true);
        transaction.execute(
            "INSERT OR REPLACE INTO meta (id, company_id, pleo_host, target, clean) VALUES (1, ?1, ?2, ?3, 0)",
            (owner.company_id.as_str(), &owner.pleo_host, &target),
        )?;
        Ok((owner.clone(), was_clean))
    })
}

/// Whose it is; nobody's as long as no job was started.
fn bound_owner(connection: &Connection) -> rusqlite::Result<Option<Owner>> {
    let sql = "SELECT company_id, pleo_host, target FROM meta WHERE EXISTS (SELECT 1 FROM job)";
    connection
        .query_row(sql, [], |row| {
            Ok(Owner {
                company_id: CompanyId::new(row.get::<_, String>(0)?),
                pleo_host: row.get(1)?,
                target: row.get(2)?,
            })
        })
        .optional()
}

fn check_through(connection: &Connection) -> Result<(), Fault> {
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if answer == "ok" {
        Ok(())
    } else {
        Err(Fault::Damaged(answer))
    }
}

/// A time as the checkpoint has it: UTC, RFC 3339 with milliseconds, so that text order is time order. The text has room
/// for years of four digits; a time beyond them is kept as the last or first that fits.
fn time_text(time: DateTime<Utc>) -> String {
    let fits = |year| NaiveDate::from_ymd_opt(year, 1, 1).map(|day| day.and_time(NaiveTime::MIN).and_utc());
    let (first, last) = (fits(0), fits(9999));
    let time = first.map_or(time, |first| time.max(first));
    let time = last.map_or(time, |last| time.min(last));
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Reads a time back; `row` says where it stands, for the error.
fn time_from(text: &str, row: impl fmt::Display) -> Result<DateTime<Utc>, Fault> {
    // The first version wrote years of five digits, which are no RFC 3339, with their sign.
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| text.parse())
        .map_err(|_| Fault::Damaged(format!("{row} has the time `{text}`")))
}
