//! The embedded accounting system: plain text books that beancount reads.
//!
//! An entry is in the books when a file under `pleo/` holds its transaction; each batch is one new file, there
//! whole or not at all. The books are locked from the look-up to the new file, so that processes which know
//! nothing of each other never book an entry twice. Needs no server and no beancount program.

mod batch;
mod books;
mod includes;
mod index;
mod lexer;
mod movements;
mod number;
mod reader;
mod receipts;
mod text;
mod vocabulary;
mod writer;

use std::collections::HashMap;
use std::path::PathBuf;

use tracing::warn;

use crate::host::stop::Stop;
use crate::host::{clock, kill};
use crate::model::document::{Part, PlannedItem};
use crate::model::ids::AccountingEntryId;
use crate::model::references::{
    Account, AccountKey, InvoiceInBooks, InvoiceKey, References, Resolution, Vendor, VendorKey,
};
use crate::model::verdict::JobFailureType;

use super::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    SystemError, Wanted,
};

use self::batch::Batch;
use self::books::Books;
use self::index::{Index, Standing};
use self::writer::NewAccount;

/// The largest receipt that is taken, in bytes.
const LARGEST_RECEIPT: u64 = 30 * 1024 * 1024;

/// What the configuration says about these books.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where they lie. Made when absent.
    pub directory: PathBuf,
    /// Where a Fava shows them (`http://localhost:5000/books`), for links to entries.
    pub fava_url: Option<String>,
    /// What to do with account codes that no configuration names.
    pub unknown_accounts: UnknownAccounts,
    /// Every account that the configuration names; opened in new books.
    pub configured_accounts: Vec<String>,
}

/// What to do with account codes that no configuration names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownAccounts {
    /// Open `Expenses:<code>`.
    Open,
    /// Refuse them, unless the books have an account of that code or name.
    Fail,
}

/// Plain text books.
#[derive(Debug)]
pub struct Beancount {
    settings: Settings,
    books: Books,
    index: Index,
    /// What is known of the accounts that booking will open.
    new_accounts: HashMap<String, NewAccount>,
}

/// Why a name from the settings cannot be an account of these books, if it cannot.
pub fn account_name_problem(name: &str) -> Option<&'static str> {
    (!text::is_account_name(name)).then_some(
        "an account begins with Assets, Liabilities, Equity, Income or Expenses, and each part after a colon with a \
         capital letter or digit",
    )
}

impl Beancount {
    /// Touches nothing; [`AccountingSystem::check`] makes the books when they are absent.
    pub fn new(settings: Settings, stop: Stop) -> Self {
        Self {
            books: Books::new(&settings.directory, stop),
            settings,
            index: Index::default(),
            new_accounts: HashMap::new(),
        }
    }

    /// The account that stands for a code of Pleo's, if there is one or one may be opened.
    fn account_for_code(&mut self, code: &str, name: Option<&str>) -> Option<String> {
        if let Some(account) = self.index.account_of_code(code) {
            return Some(account.to_owned());
        }
        if self.index.account(code).is_some() {
            return Some(code.to_owned());
        }
        let account = text::account_for_code(code)?;
        if let Some(opened) = self.index.account(&account) {
            // Opened for another code, it must not take this one's costs.
            return opened.code.is_none().then_some(account);
        }
        if self.settings.unknown_accounts == UnknownAccounts::Fail {
            return None;
        }
        let new = NewAccount {
            code: Some(code.to_owned()),
            name: name.map(str::to_owned),
        };
        let known = self
            .new_accounts
            .entry(account.clone())
            .or_insert_with(|| new.clone());
        (known.code == new.code).then_some(account)
    }

    fn account(&mut self, key: &AccountKey, name: Option<&str>) -> Option<Account> {
        let account = match key {
            AccountKey::Configured(name) => Some(name.clone()).filter(|name| text::is_account_name(name)),
            AccountKey::Pleo(code) => self.account_for_code(code, name),
        };
        if account.is_none() {
            warn!(
                account = key.text(),
                "the books have no such account and none can be opened for it"
            );
        }
        account.map(|name| Account {
            reference: name.as_str().into(),
            name,
        })
    }

    fn invoices(&self, invoice: &InvoiceKey) -> Option<Vec<InvoiceInBooks>> {
        let vendor = writer::vendor_reference(&invoice.vendor)?;
        let found = self.index.invoice(vendor, &invoice.number).into_iter();
        let found: Vec<_> = found
            .map(|(entry_id, booked, side)| InvoiceInBooks {
                entry_id: AccountingEntryId::new(entry_id),
                external_id: booked.number.to_string(),
                side: side.side,
                payable: side.payable,
                supplier_amount: side.supplier_amount,
            })
            .collect();
        (!found.is_empty()).then_some(found)
    }

    /// What a standing in the books means to those who ask for these parts.
    fn found(&self, entry_id: &str, parts: &[Part], standing: &Standing<'_>) -> Found {
        let booked = booked_entry(entry_id, standing, self.settings.fava_url.as_deref());
        match booked.filter(|_| !kill::mutation("skip-look-up")) {
            None => Found::Absent {
                next_revision: standing.next_revision,
            },
            // A batch is booked whole, so where nobody knows the parts, any part stands for all.
            Some(booked) if standing.live.iter().any(|booked| booked.is_journal_entry) => {
                Found::Complete(booked)
            }
            Some(booked) if parts.iter().all(|part| booked.parts.contains(part)) => Found::Complete(booked),
            Some(booked) => Found::Incomplete(booked),
        }
    }

    /// Puts an item into the batch, unless it is in the books already.
    fn place<'a>(&self, item: &'a PlannedItem, batch: &mut Batch<'a>) -> Result<BookedEntry, SystemError> {
        let entry_id = item.entry_id().as_str();
        if let Some(booked) = batch.booked(entry_id) {
            return Ok(booked.clone());
        }
        let standing = self.index.standing(entry_id);
        let (revision, missing) = match self.found(entry_id, &item.parts(), &standing) {
            Found::Complete(booked) => return Ok(booked),
            Found::Incomplete(booked) => {
                batch::refuse_half_reversed(item, &standing)?;
                let parts = item.parts();
                let missing: Vec<Part> = parts
                    .into_iter()
                    .filter(|part| !booked.parts.contains(part))
                    .collect();
                (booked.revision, missing)
            }
            Found::Absent { next_revision } => (next_revision, item.parts()),
        };
        batch::refuse_unbookable(item, &missing, &self.index)?;
        let live = booked_entry(entry_id, &standing, None);
        let mut booked = batch.add(item, &missing, revision, live)?;
        booked.external_url = self
            .settings
            .fava_url
            .as_deref()
            .map(|fava| entry_url(fava, entry_id));
        Ok(booked)
    }
}

/// An entry as the books have it; `None` when nothing of it counts.
fn booked_entry(entry_id: &str, standing: &Standing<'_>, fava_url: Option<&str>) -> Option<BookedEntry> {
    // The main document stands before the others.
    let first = standing.live.first()?;
    Some(BookedEntry {
        external_id: first.number.to_string(),
        external_url: fava_url.map(|fava| entry_url(fava, entry_id)),
        posting_date: first.posting_date,
        revision: first.revision,
        parts: standing.live.iter().map(|booked| booked.part).collect(),
        content_hash: first.content_hash.as_deref().map(str::to_owned),
        amount: first.amount,
    })
}

/// Where Fava shows an entry, its reversals and its receipts.
fn entry_url(fava: &str, entry_id: &str) -> String {
    format!(
        "{}/journal/?filter=%5E{}",
        fava.trim_end_matches('/'),
        text::entry_link(entry_id)
    )
}

impl AccountingSystem for Beancount {
    fn describe(&self) -> Description {
        Description {
            name: "Beancount".to_owned(),
            target: format!("beancount:{}", self.books.folder().display()),
            create: Create::Exclusive,
            payables: true,
            attachments: Some(AttachmentLimits {
                largest: LARGEST_RECEIPT,
            }),
            computes_tax: false,
        }
    }

    fn check(&mut self, _job: &JobNeeds) -> Result<(), SystemError> {
        let mut wrong = self
            .settings
            .configured_accounts
            .iter()
            .filter(|name| !text::is_account_name(name));
        if let Some(name) = wrong.next() {
            return Err(SystemError::Fatal {
                failure_type: JobFailureType::InvalidConfiguration,
                reason: format!(
                    "`{name}` cannot be an account of the books: a name is Assets, Liabilities, Equity, Income or \
                     Expenses and then parts that begin with a capital or a digit, with colons between, such as \
                     Expenses:Meals. Correct it in the configuration, then export again."
                ),
            });
        }
        let lock = self.books.lock()?;
        self.index.refresh(&self.books)?;
        let configured = self.settings.configured_accounts.iter().map(String::as_str);
        let mut accounts: Vec<&str> = configured
            .filter(|name| self.index.account(name).is_none())
            .collect();
        accounts.sort_unstable();
        accounts.dedup();
        self.books.create(&lock, &accounts)?;
        self.index.refresh(&self.books)?;
        if !self.index.is_included(&self.books) {
            warn!(
                books = %self.books.main().display(),
                "the ledger does not include pleo/: unless another one does, add  include \"pleo/**/*.beancount\""
            );
        }
        Ok(())
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        self.index.refresh(&self.books)?;
        let mut resolution = Resolution::default();
        for (key, name) in &references.accounts {
            if let Some(account) = self.account(key, name.as_deref()) {
                resolution.accounts.insert(key.clone(), account);
            }
        }
        for (key, name) in &references.vendors {
            if let Some(vendor) = vendor(key, name) {
                resolution.vendors.insert(key.clone(), vendor);
            }
        }
        for tag in &references.tags {
            resolution
                .tags
                .insert(tag.clone(), format!("{}={}", tag.group, tag.code).into());
        }
        for invoice in &references.invoices {
            if let Some(found) = self.invoices(invoice) {
                resolution.invoices.insert(invoice.clone(), found);
            }
        }
        Ok(resolution)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.index.refresh(&self.books)?;
        let found = entries.iter().map(|wanted| {
            let entry_id = wanted.entry_id.as_str();
            self.found(entry_id, &wanted.parts, &self.index.standing(entry_id))
        });
        Ok(found.collect())
    }

    fn book(&mut self, items: &[PlannedItem]) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        let lock = self.books.lock()?;
        self.index.refresh(&self.books)?;
        let mut batch = Batch::new(self.index.highest_numbers(), clock::now());
        let answers = items.iter().map(|item| self.place(item, &mut batch)).collect();
        batch.write(&lock, &self.books, &self.index, &self.new_accounts)?;
        if kill::mutation("lose-answer") {
            let reason = "The answer of the books was lost.".to_owned();
            return Err(SystemError::Unknown { reason });
        }
        Ok(answers)
    }

    fn attach(&mut self, entries: &[Attachment]) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        let lock = self.books.lock()?;
        self.index.refresh(&self.books)?;
        receipts::attach(&lock, &self.books, &self.index, entries)
    }
}

/// Plain text books know a vendor by what Pleo calls it, so any that is named at all is known.
fn vendor(key: &VendorKey, name: &str) -> Option<Vendor> {
    writer::vendor_reference(key).map(|reference| Vendor {
        reference: reference.into(),
        name: name.to_owned(),
    })
}
