//! Books that stay as they are: what is written goes into another folder, and is read together with them. So whoever only
//! wants to know what booking would give books for real, into a folder that nobody else reads.

use std::path::{Path, PathBuf};

use crate::host::files;
use crate::model::references::NewAccount;
use crate::systems::SystemError;

use super::super::errors::unreadable;
use super::super::includes::{self, Included};
use super::super::roots::Roots;
use super::super::writer;
use super::{Books, OUR_FILES, write_file};

impl Books {
    /// The same books, with all that is written put into another folder and read from there, too.
    pub(in super::super) fn aside(self, target: &Path) -> Self {
        let target = files::resolved(target);
        Self {
            documents: target.join("documents"),
            target,
            ..self
        }
    }

    /// Whether what is written goes to another folder, so that the books themselves stay as they are.
    pub(in super::super) fn is_aside(&self) -> bool {
        self.target != self.folder
    }

    /// Whether the file is one that was put aside.
    pub(in super::super) fn holds_aside(&self, file: &Path) -> bool {
        self.is_aside() && file.starts_with(&self.target)
    }

    /// The ledger; with it, aside, what it would take in once it is made.
    pub(in super::super) fn ledger_files(&self) -> Vec<PathBuf> {
        let mut files = vec![self.ledger().to_owned()];
        if self.is_aside() && self.has_own_ledger() && !self.ledger().exists() {
            files.push(self.accounts());
        }
        files
    }

    /// The files that we put aside.
    pub(in super::super) fn files_aside(&self) -> Result<Included, SystemError> {
        if !self.is_aside() {
            return Ok(Included::default());
        }
        includes::expand(&self.target, OUR_FILES).map_err(|error| unreadable(&error))
    }

    /// What [`create`](Self::create) would make that booking sees, put aside.
    pub(in super::super) fn create_aside(
        &self,
        roots: &Roots,
        accounts: &[String],
    ) -> Result<(), SystemError> {
        let path = self.target.join("pleo").join("accounts.beancount");
        if !self.is_aside() || self.accounts().exists() || path.exists() {
            return Ok(());
        }
        let mut text = String::new();
        writer::options(&mut text, roots);
        writer::company(&mut text, &self.company);
        for account in accounts {
            writer::open(&mut text, account, &NewAccount::default());
        }
        write_file(&path, text.as_bytes())
    }
}
