//! What is looked at before a job is begun: the names in the settings, the ledger that a person opens, whose books they
//! are. What is missing of new books is made.

use tracing::warn;

use crate::systems::{Notice, SystemError};

use super::{Beancount, text};

impl Beancount {
    /// Makes what is missing of new books, and refuses books, a ledger or names with which nothing can be booked.
    pub(super) fn look_and_make(&mut self) -> Result<(), SystemError> {
        self.refuse_malformed_names()?;
        let lock = self.books.lock()?;
        self.books.clear_parts(&lock)?;
        self.index.survey(&self.books)?;
        let accounts = self.accounts_to_open()?;
        let lacks_us = self.refuse_a_ledger_that_lacks_us();
        if let Ok(Some(notice)) = &lacks_us
            && !std::mem::replace(&mut self.has_told_of_ledger, true)
        {
            warn!("{notice}");
        }
        // Made all the same, so that the line that the refusal asks for matches a file at once.
        self.books.create(&lock, self.index.roots(), &accounts)?;
        self.books.refuse_unwritable()?;
        lacks_us?;
        self.index.refresh(&self.books)?;
        if let Some(newest) = self
            .index
            .newest_batch()
            .filter(|newest| self.books.was_shown_before(*newest))
        {
            self.books.show_readers(Some(newest));
        }
        Ok(())
    }

    /// The same without making, locking or writing anything, so that books which are yet to be made are in order.
    /// Answers the accounts that new books would open.
    pub(super) fn look(&mut self) -> Result<Vec<String>, SystemError> {
        self.refuse_malformed_names()?;
        self.books.refuse_unwritable()?;
        self.index.survey(&self.books)?;
        let accounts = self.accounts_to_open()?;
        self.to_tell = self.refuse_a_ledger_that_lacks_us()?;
        // Before they are made, an include line of theirs may match no file yet.
        if self.books.about().exists() {
            self.index.refresh(&self.books)?;
        }
        Ok(accounts)
    }

    fn refuse_malformed_names(&self) -> Result<(), SystemError> {
        let mut names = self.settings.configured_accounts.iter();
        match names.find(|name| !text::is_account_name(name)) {
            Some(name) => Err(SystemError::Settings {
                reason: format!(
                    "`{name}` cannot be an account of the books: a name is the kind and then parts that begin with a \
                     capital or a digit, with colons between, such as Expenses:Meals. Correct it in the settings, then \
                     run again."
                ),
            }),
            None => Ok(()),
        }
    }

    /// The accounts behind the settings that new books open, where the ledger sees them opened.
    fn accounts_to_open(&self) -> Result<Vec<String>, SystemError> {
        let roots = self.index.roots();
        let defaults = self.settings.default_accounts.iter();
        let mut accounts = self.settings.configured_accounts.clone();
        accounts.extend(defaults.map(|name| roots.translate(name)));
        if let Some(name) = accounts.iter().find(|name| roots.root_of(name).is_none()) {
            return Err(SystemError::Settings {
                reason: format!(
                    "`{name}` cannot be an account of the ledger `{}`: its kinds of accounts are {}. Correct it in the \
                     settings, then run again.",
                    self.books.ledger().display(),
                    roots.listed()
                ),
            });
        }
        let is_seen = self.is_new() || self.index.includes_file(&self.books.accounts());
        accounts.retain(|name| is_seen && self.index.account(name).is_none());
        accounts.sort_unstable();
        accounts.dedup();
        Ok(accounts)
    }

    /// Whether the ledger is one that we are about to make.
    fn is_new(&self) -> bool {
        self.books.has_own_ledger() && !self.books.ledger().exists()
    }

    /// Refuses a ledger that the settings name and that does not take in what is booked. One that nobody named is only
    /// worth a word.
    fn refuse_a_ledger_that_lacks_us(&self) -> Result<Option<Notice>, SystemError> {
        if self.is_new() || self.index.includes_batches(&self.books) {
            return Ok(None);
        }
        let (ledger, line) = (self.books.ledger().display(), self.books.include_line());
        if self.settings.ledger.is_some() {
            return Err(SystemError::Settings {
                reason: format!(
                    "The ledger `{ledger}` does not include what is booked: add the line  {line}  to it, then run again."
                ),
            });
        }
        let remedy = format!(
            "add the line  {line}  to it, or name the ledger that does as accounting.beancount.ledger"
        );
        Ok(Some(Notice {
            message: format!("the ledger `{ledger}` does not include what is booked:"),
            remedy: Some(remedy),
        }))
    }
}
