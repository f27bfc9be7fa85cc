//! The open checkpoint: for the one run that writes, and for whoever looks.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::connection::{
    Locking, Stamp, connect_for_reading, connect_for_rehearsal, connect_for_writing, has_log, refuse_changed,
    stamp, unless_changed,
};
use super::contact::{self, Contact};
use super::error::{CheckpointError, Fault};
use super::facts::ReadFacts;
use super::owner::Owner;
use super::schema;
use crate::host::files::{Action, FileError};
use crate::host::kill;
use crate::model::ids::CompanyId;

/// An open checkpoint.
#[derive(Debug)]
pub struct Checkpoint {
    pub(super) connection: Connection,
    path: PathBuf,
    is_writer: bool,
    /// Whether damage was met while it was open: then the end is not an orderly one.
    met_damage: Cell<bool>,
    /// To be written with the orderly end.
    contact: Option<Contact>,
    /// Size and time of a file that is read without any lock, so that it can be seen whether it changed meanwhile.
    unlocked: Option<Stamp>,
}

impl Checkpoint {
    /// Opens the checkpoint for a run, making it (and its folder) when there is none, and bringing one of an earlier
    /// version up to date: `read_facts` reads what is kept of its payloads then. The books of the owner may stand in the
    /// file by a former name; they get the new one.
    ///
    /// The caller holds the [`RunLock`](super::RunLock). A file whose last run did not end in order is checked through first.
    pub fn open(
        path: &Path,
        owner: &Owner,
        former_target: Option<&str>,
        read_facts: ReadFacts,
    ) -> Result<Self, CheckpointError> {
        let mut connection = connect_for_writing(path).map_err(|fault| fault.at(path))?;
        refuse_newer(&connection, path)?;
        let prepared = prepare(&mut connection, owner, former_target, read_facts);
        if !prepared.map_err(|fault| fault.at(path))? {
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

    /// An empty one that is gone when it is dropped, for one who only wants to know. Nothing of it is anywhere else.
    pub fn for_rehearsal(owner: &Owner) -> Result<Self, CheckpointError> {
        let path = PathBuf::from("(temporary)");
        let connection = connect_for_rehearsal().and_then(|mut connection| {
            prepare(&mut connection, owner, None, |_| None)?;
            Ok(connection)
        });
        Ok(Self {
            connection: connection.map_err(|fault| fault.at(&path))?,
            path,
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
        let is_there = path.try_exists().map_err(FileError::at(Action::LookFor, path));
        if !is_there.map_err(|error| Fault::from(error).at(path))? {
            return Ok(None);
        }
        match connect_for_reading(path, Locking::Usual) {
            Ok(connection) => Self::reading(path, connection, None),
            // A full disk, or a folder that may only be read, has no place for SQLite's shared memory. Without a log the file
            // is all.
            Err(fault) if !has_log(path) => Self::open_unlocked(path).map_err(|error| match error.fault {
                Fault::Storage(_) => fault.at(path),
                _ => error,
            }),
            Err(fault) => Err(fault.at(path)),
        }
    }

    /// Opens a file without a log, taking no lock and making nothing.
    pub(super) fn open_unlocked(path: &Path) -> Result<Option<Self>, CheckpointError> {
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
        Err(Fault::belongs_to_another(found, wanted).at(&self.path))
    }

    /// Refuses a checkpoint that a run of this owner would refuse.
    pub fn refuse_others(&self, owner: &Owner, former_target: Option<&str>) -> Result<(), CheckpointError> {
        let bound = self.look(|connection| Ok(bound_owner(connection)?))?;
        match bound.filter(|found| !owner.has(found, former_target)) {
            None => Ok(()),
            Some(found) => Err(Fault::belongs_to_another(found, owner.clone()).at(&self.path)),
        }
    }

    /// What is known about reaching Pleo.
    pub fn contact(&self) -> Result<Contact, CheckpointError> {
        self.look(contact::read)
    }

    /// Keeps this about reaching Pleo, with the orderly end.
    pub fn remember_contact(&mut self, contact: Contact) {
        self.contact = Some(contact);
    }

    /// Changes what is kept of the polls where no run has the file open: after one, and for a poll that failed before it
    /// had. Answers `None` where there is no file of this version; an error where it is another company's than the one that
    /// is named. It is then left alone.
    ///
    /// The caller holds the [`RunLock`](super::RunLock).
    pub fn note_contact<T>(
        path: &Path,
        company_id: Option<&CompanyId>,
        work: impl FnOnce(&mut Contact) -> T,
    ) -> Result<Option<T>, CheckpointError> {
        match Self::open_read_only(path)? {
            Some(found) => company_id.map_or(Ok(()), |company_id| found.refuse_other_company(company_id))?,
            None => return Ok(None),
        }
        let noted = connect_for_writing(path).and_then(|mut connection| {
            change(&mut connection, |transaction| {
                if schema::version(transaction)? != schema::known_version() {
                    return Ok(None);
                }
                let mut contact = contact::read(transaction)?;
                let answer = work(&mut contact);
                contact::store(transaction, &contact)?;
                Ok(Some(answer))
            })
        });
        noted.map_err(|fault| fault.at(path))
    }

    /// Makes one change: all of it or nothing, on the disk once this returns.
    pub(super) fn change<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Fault>,
    ) -> Result<T, CheckpointError> {
        let result = change(&mut self.connection, work);
        result.map_err(|fault| self.failed(fault))
    }

    /// Looks something up.
    pub(super) fn look<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Fault>,
    ) -> Result<T, CheckpointError> {
        work(&self.connection).map_err(|fault| self.failed(fault))
    }

    pub(super) fn failed(&self, fault: Fault) -> CheckpointError {
        let error = fault.at(&self.path);
        let error = match self.unlocked {
            Some(before) => unless_changed(&self.path, before, error),
            None => error,
        };
        if matches!(error.fault, Fault::Damaged(_) | Fault::NoCheckpoint(_)) {
            self.met_damage.set(true);
        }
        error
    }
}

impl Drop for Checkpoint {
    /// Notes an orderly end, which a panic is not. If that fails the next run merely checks the file through.
    fn drop(&mut self) {
        if self.is_writer && !self.met_damage.get() && !std::thread::panicking() {
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

/// The version of the file's schema, if this program can read it.
fn refuse_newer(connection: &Connection, path: &Path) -> Result<i64, CheckpointError> {
    let found = schema::version(connection).map_err(|fault| fault.at(path))?;
    let known = schema::known_version();
    if found > known {
        return Err(Fault::NewerVersion { found, known }.at(path));
    }
    Ok(found)
}

/// Brings the schema up to date and opens the run. Answers whether the last one ended in order; another owner's file is
/// refused and left as it is.
pub(super) fn prepare(
    connection: &mut Connection,
    owner: &Owner,
    former_target: Option<&str>,
    read_facts: ReadFacts,
) -> Result<bool, Fault> {
    change(connection, |transaction| {
        // Before a step is made: another owner's file is not ours to bring up to date.
        let bound = match schema::version(transaction)? {
            0 => None,
            _ => bound_owner(transaction)?,
        };
        if let Some(found) = bound.clone().filter(|found| !owner.has(found, former_target)) {
            return Err(Fault::belongs_to_another(found, owner.clone()));
        }
        schema::migrate(transaction, read_facts)?;
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
        Ok(was_clean)
    })
}

/// Whose it is; nobody's as long as no job was started.
pub(super) fn bound_owner(connection: &Connection) -> rusqlite::Result<Option<Owner>> {
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

pub(super) fn check_through(connection: &Connection) -> Result<(), Fault> {
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if answer == "ok" {
        Ok(())
    } else {
        Err(Fault::Damaged(answer))
    }
}
