//! Where tokens are kept: in a file of this machine, or where several hosts share them.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::tokens::{self, Tokens, TokensError, TokensLock};
use crate::host::files;
use crate::host::lock_file::LockError;
use crate::host::stop::Stop;
use crate::pleo::error::PleoError;

/// Where the tokens of a connection are.
#[derive(Clone, Debug)]
pub enum Store {
    /// In this file.
    File(PathBuf),
    /// Where other hosts find them, too.
    Shared(Arc<dyn SharedTokens>),
}

/// A place for the tokens of one connection that several hosts share.
pub trait SharedTokens: fmt::Debug + Send + Sync {
    /// What people call it.
    fn name(&self) -> String;

    /// The tokens as they stand, if there are some.
    ///
    /// # Errors
    /// [`SharedError`] where that cannot be read.
    fn read(&self) -> Result<Option<Tokens>, SharedError>;

    /// Waits for the right to renew or replace them, which nobody has twice at a time.
    ///
    /// # Errors
    /// [`SharedError`] where it could not be had within the time.
    fn lock(&self, patience: Duration) -> Result<Box<dyn LockedTokens>, SharedError>;
}

/// The right to renew or replace shared tokens, until it is dropped.
pub trait LockedTokens: fmt::Debug {
    /// The tokens as they stand under the lock.
    ///
    /// # Errors
    /// [`SharedError`] where they cannot be read.
    fn read(&mut self) -> Result<Option<Tokens>, SharedError>;

    /// Proves that tokens could be written now, while the old ones are still good.
    ///
    /// # Errors
    /// [`SharedError`] where they could not.
    fn try_write(&mut self) -> Result<(), SharedError>;

    /// Replaces the tokens. Once this returns every host finds the new ones.
    ///
    /// # Errors
    /// [`SharedError`] where they are not known to be kept.
    fn write(&mut self, tokens: &Tokens) -> Result<(), SharedError>;

    /// Takes them away. Answers whether there were some.
    ///
    /// # Errors
    /// [`SharedError`] where they may still be there.
    fn remove(&mut self) -> Result<bool, SharedError>;
}

/// Why shared tokens could not be read or kept.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text}")]
pub struct SharedError {
    /// What happened.
    pub text: String,
    /// Whether it may be otherwise in a moment.
    pub is_temporary: bool,
}

impl From<SharedError> for PleoError {
    fn from(error: SharedError) -> Self {
        let problem = error.text;
        if error.is_temporary {
            Self::TokensBusy { problem }
        } else {
            Self::Settings { problem }
        }
    }
}

impl From<SharedError> for TokensError {
    fn from(error: SharedError) -> Self {
        if error.is_temporary {
            Self::OutOfReach(error.text)
        } else {
            Self::Unreadable(error.text)
        }
    }
}

impl From<TokensError> for PleoError {
    fn from(error: TokensError) -> Self {
        let problem = error.to_string();
        match error {
            TokensError::Absent(_) | TokensError::Damaged { .. } => Self::Disconnected { problem },
            TokensError::OutOfReach(_) => Self::TokensBusy { problem },
            TokensError::Unusable { .. } | TokensError::Unreadable(_) => Self::Settings { problem },
        }
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Shared(shared) => f.write_str(&shared.name()),
        }
    }
}

impl Store {
    /// The tokens as they stand.
    ///
    /// # Errors
    /// Why there are none to be had.
    pub fn read(&self) -> Result<Tokens, TokensError> {
        match self {
            Self::File(path) => tokens::read(path),
            Self::Shared(shared) => match shared.read() {
                Ok(tokens) => tokens.ok_or_else(|| TokensError::Absent(self.to_string())),
                Err(error) => Err(error.into()),
            },
        }
    }

    /// Whether there is a place to write tokens, found out before a person is asked for anything.
    ///
    /// # Errors
    /// Why there is none.
    pub fn try_place(&self) -> Result<(), PleoError> {
        match self {
            Self::File(path) => {
                tokens::refuse_other(path)
                    .and_then(|()| files::make_folder(tokens::folder_of(path)))
                    .and_then(|()| files::PartFile::new(tokens::folder_of(path)).map(drop))
                    .map_err(|error| not_kept(&error))?;
                to_be_replaced(tokens::read(path)).map(drop)
            }
            Self::Shared(shared) => Ok(shared.read().map(drop)?),
        }
    }

    /// Refuses a file that is none of tokens, before a lock is made beside it.
    pub(super) fn refuse_other(&self) -> Result<(), PleoError> {
        match self {
            Self::File(path) => tokens::refuse_other(path).map_err(|error| PleoError::Settings {
                problem: error.to_string(),
            }),
            Self::Shared(_) => Ok(()),
        }
    }

    /// Sees to what a killed process left aside.
    pub(super) fn sweep(&self, stop: &Stop) {
        if let Self::File(path) = self {
            tokens::sweep(path, stop);
        }
    }

    /// Waits for the right to renew or replace the tokens.
    pub(super) fn lock(&self, patience: Duration, stop: &Stop) -> Result<Lock, PleoError> {
        match self {
            Self::File(path) => TokensLock::acquire(path, patience, stop)
                .map(Lock::File)
                .map_err(not_locked),
            Self::Shared(shared) => Ok(Lock::Shared(shared.lock(patience)?)),
        }
    }
}

/// The right to renew or replace tokens, until it is dropped or the process ends.
#[derive(Debug)]
pub(super) enum Lock {
    File(TokensLock),
    Shared(Box<dyn LockedTokens>),
}

impl Lock {
    /// The tokens as they stand under the lock.
    pub(super) fn read(&mut self, store: &Store) -> Result<Tokens, TokensError> {
        match self {
            Self::File(_) => store.read(),
            Self::Shared(shared) => shared
                .read()?
                .ok_or_else(|| TokensError::Absent(store.to_string())),
        }
    }

    /// Room for new tokens: what may fail about writing fails here, while the old pair is still good.
    pub(super) fn room(&mut self) -> Result<Room<'_>, PleoError> {
        match self {
            Self::File(lock) => lock.room().map(Room::File).map_err(|error| not_kept(&error)),
            Self::Shared(shared) => {
                shared.try_write()?;
                Ok(Room::Shared(shared.as_mut()))
            }
        }
    }

    /// Replaces the tokens, or says why they could not be kept.
    pub(super) fn write(&mut self, tokens: &Tokens) -> Result<(), String> {
        match self {
            Self::File(lock) => {
                let written = lock.room().and_then(|room| room.fill(tokens));
                written.map_err(|error| error.to_string())
            }
            Self::Shared(shared) => {
                let written = shared.try_write().and_then(|()| shared.write(tokens));
                written.map_err(|error| error.to_string())
            }
        }
    }

    /// Takes the tokens away. Answers whether there were some.
    pub(super) fn remove(&mut self) -> Result<bool, PleoError> {
        match self {
            Self::File(lock) => tokens::remove(lock).map_err(|error| PleoError::Settings {
                problem: error.to_string(),
            }),
            Self::Shared(shared) => Ok(shared.remove()?),
        }
    }
}

/// Room for a pair of tokens.
#[derive(Debug)]
pub(super) enum Room<'a> {
    File(tokens::Room<'a>),
    Shared(&'a mut dyn LockedTokens),
}

impl Room<'_> {
    /// Puts the tokens there, before anybody uses them; or says why they could not be kept.
    pub(super) fn fill(self, tokens: &Tokens) -> Result<(), String> {
        match self {
            Self::File(room) => room.fill(tokens).map_err(|error| error.to_string()),
            Self::Shared(shared) => shared.write(tokens).map_err(|error| error.to_string()),
        }
    }
}

/// The tokens that a login is going to replace, to be put back if it fails. What cannot be read now may be good all the
/// same, so it is not given up; what is damaged is.
pub(super) fn to_be_replaced(read: Result<Tokens, TokensError>) -> Result<Option<Tokens>, PleoError> {
    match read {
        Ok(tokens) => Ok(Some(tokens)),
        Err(TokensError::Absent(_) | TokensError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Pleo gave tokens, and the ones before are dead or their code is spent.
pub(super) fn lost(why: &dyn fmt::Display) -> PleoError {
    PleoError::Disconnected {
        problem: format!("Pleo gave new tokens, which could not be kept ({why})"),
    }
}

/// There is no place for new tokens, which were not asked for.
fn not_kept(why: &dyn fmt::Display) -> PleoError {
    PleoError::Settings {
        problem: format!("new tokens could not be kept: {why}"),
    }
}

fn not_locked(error: LockError) -> PleoError {
    match error {
        LockError::Stopped(stopped) => stopped.into(),
        LockError::Io(error) => not_kept(&error),
        LockError::Held(_) => PleoError::TokensBusy {
            problem: error.to_string(),
        },
    }
}
