//! The embedded accounting system: plain text books that beancount reads.
//!
//! An entry is in the books when a file under `pleo/` holds its transaction; each batch is one new file, there
//! whole or not at all. The books are locked from the look-up to the new file, so that processes which know
//! nothing of each other never book an entry twice. Needs no server and no beancount program.

mod accounts;
mod batch;
mod books;
mod content;
mod errors;
mod evidence;
mod first_version;
mod includes;
mod index;
mod inspect;
mod lexer;
mod lock;
mod misplaced;
mod movements;
mod number;
mod prune;
mod reader;
mod ready;
#[cfg(test)]
mod real;
mod receipts;
mod reverse;
mod roots;
mod settings;
mod standing;
mod text;
mod vocabulary;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;

use tracing::warn;

use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::booked_content::BookedContent;
use crate::model::document::{Part, PlannedItem};
use crate::model::ids::AccountingEntryId;
use crate::model::inspected::Inspected;
use crate::model::permit::Permit;
use crate::model::references::{
    AccountKey, InvoiceInBooks, InvoiceKey, References, Resolution, Vendor, VendorKey,
};
use crate::model::reversal::{ReversalRequest, Reversed};
use crate::model::verdict::ItemFailureType;

use super::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    Notice, ReversalError, SystemError, TakingBack, Wanted,
};

pub use self::settings::{Settings, TaxAccounts, UnknownAccounts, account_name_problem};

use self::batch::Batch;
use self::books::Books;
use self::index::{Index, Standing};

/// The largest receipt that is taken, in bytes.
const LARGEST_RECEIPT: u64 = 30 * 1024 * 1024;

/// Plain text books.
#[derive(Debug)]
pub struct Beancount {
    settings: Settings,
    books: Books,
    index: Index,
    /// The highest number of each year that was given, as far as others than the books know.
    given: BTreeMap<i32, u32>,
    /// Whether this run has told what is odd about marks and reversals.
    has_told_of_marks: bool,
    /// The accounts that the jobs of this run asked for, with Pleo's names.
    asked: BTreeMap<AccountKey, Option<String>>,
    /// Whether this run has said what version 0.1 booked in the wrong place.
    has_told_of_misplaced: bool,
    /// What was found by looking alone, to be told with the notices.
    to_tell: Option<Notice>,
    /// Whether it was told that the ledger does not include what is booked.
    has_told_of_ledger: bool,
    /// What was found odd while booking, since it was last asked for.
    remarks: Vec<(AccountingEntryId, String)>,
    /// What was put aside, as text, since it was last asked for.
    aside: Vec<(AccountingEntryId, String)>,
}

impl Beancount {
    /// Touches nothing; [`AccountingSystem::ready`] makes the books when they are absent.
    pub fn new(settings: Settings, stop: Stop) -> Self {
        Self {
            books: Books::new(
                &settings.directory,
                settings.ledger.as_deref(),
                settings.company_id.clone(),
                stop,
            ),
            settings,
            index: Index::default(),
            given: BTreeMap::new(),
            has_told_of_marks: false,
            asked: BTreeMap::new(),
            has_told_of_misplaced: false,
            to_tell: None,
            has_told_of_ledger: false,
            remarks: Vec::new(),
            aside: Vec::new(),
        }
    }

    /// For one who wants to know what booking would give: what is booked goes into `folder`, which is read together with
    /// the books. These stay as they are.
    #[must_use]
    pub fn aside(self, folder: &Path) -> Self {
        Self {
            books: self.books.aside(folder),
            ..self
        }
    }

    /// What is odd about marks and reversals, once a run.
    fn notices_of_marks(&mut self) -> Result<Vec<Notice>, SystemError> {
        if self.has_told_of_marks {
            return Ok(Vec::new());
        }
        let notices = self.index.notices()?.into_iter();
        self.has_told_of_marks = true;
        let notices = notices.map(|message| Notice {
            message,
            remedy: None,
        });
        Ok(notices.collect())
    }

    fn invoices(&self, invoice: &InvoiceKey) -> Result<Vec<InvoiceInBooks>, SystemError> {
        let found = self.index.invoice(invoice)?;
        let found = found.iter().filter_map(|booked| {
            let side = booked.invoice.as_ref()?;
            Some(InvoiceInBooks {
                entry_id: AccountingEntryId::new(&*booked.entry_id),
                external_id: booked.number.to_string(),
                side: side.side,
                payable: side.payable,
                supplier_amount: side.supplier_amount,
                invoice_date: side.invoice_date,
                link: side.link.as_deref().map(str::to_owned),
            })
        });
        Ok(found.collect())
    }

    /// Whether the books have of the item's invoice what they had when it was planned. Another process may have booked
    /// in between.
    fn is_as_planned(&self, item: &PlannedItem) -> Result<bool, SystemError> {
        let Some(seen) = &item.seen else {
            return Ok(true);
        };
        let mut in_books = self.invoices(&seen.key)?;
        in_books.retain(|other| other.entry_id != *item.entry_id());
        InvoiceInBooks::sort(&mut in_books);
        Ok(in_books == seen.in_books)
    }

    /// What a standing in the books means to those who ask for these parts.
    fn found(&self, entry_id: &str, parts: &[Part], standing: &Standing) -> Found {
        let booked = booked_entry(entry_id, standing, self.settings.fava_url.as_deref());
        match booked {
            None => Found::Absent {
                next_revision: standing.next_revision,
            },
            Some(booked) if let Some(reason) = &standing.unclear => Found::Unclear {
                booked,
                reason: reason.clone(),
            },
            // The money in it has moved, whatever parts are wanted today.
            Some(booked) if standing.live.iter().any(|booked| booked.is_journal_entry) => {
                Found::Complete(booked)
            }
            // A batch is booked whole, so where nobody knows the parts, any part stands for all.
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
        let standing = self.index.standing(entry_id)?;
        let (revision, missing) = match self.found(entry_id, &item.parts(), &standing) {
            Found::Complete(booked) => return Ok(booked),
            Found::Unclear { booked, reason } => {
                return Err(SystemError::BookedWrong {
                    booked: Box::new(booked),
                    failure_type: ItemFailureType::AccountingSystemValidationFailure,
                    reason,
                });
            }
            Found::Incomplete(booked) => {
                let parts = item.parts();
                let missing: Vec<Part> = parts
                    .into_iter()
                    .filter(|part| !booked.parts.contains(part))
                    .collect();
                (booked.revision, missing)
            }
            Found::Absent { next_revision } => (next_revision, item.parts()),
        };
        if !self.is_as_planned(item)? {
            return Err(SystemError::Unavailable {
                reason: "Another process booked a document of the same invoice meanwhile: the item is \
                         planned again."
                    .to_owned(),
            });
        }
        batch::refuse_unbookable(item, &missing, &self.index)?;
        let live = booked_entry(entry_id, &standing, None);
        let remarks = batch::asserted_balances(item, &missing, &self.index);
        let mut booked = batch.add(item, &missing, revision, live, remarks)?;
        booked.external_url = self
            .settings
            .fava_url
            .as_deref()
            .map(|fava| entry_url(fava, entry_id));
        Ok(booked)
    }
}

/// An entry as the books have it; `None` when nothing of it counts.
fn booked_entry(entry_id: &str, standing: &Standing, fava_url: Option<&str>) -> Option<BookedEntry> {
    // The main document stands before the others.
    let first = standing.live.first()?;
    let mut wallets = standing.live.iter().filter_map(|booked| booked.wallet.as_deref());
    Some(BookedEntry {
        external_id: first.number.to_string(),
        external_url: fava_url.map(|fava| entry_url(fava, entry_id)),
        posting_date: first.posting_date,
        revision: first.revision,
        parts: standing.live.iter().map(|booked| booked.part).collect(),
        content_hash: first.content_hash.as_deref().map(str::to_owned),
        amount: first.amount,
        remark: standing.remark.clone(),
        wallet_account: wallets.next().map(str::to_owned),
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
            former_target: None,
            create: Create::Exclusive,
            payables: true,
            keeps_vendors: false,
            attachments: Some(AttachmentLimits {
                largest: LARGEST_RECEIPT,
            }),
            computes_tax: false,
            taking_back: TakingBack::OnRequest,
        }
    }

    fn ready(&mut self) -> Result<(), SystemError> {
        self.look_and_make()
    }

    fn check(&mut self, _job: &JobNeeds) -> Result<(), SystemError> {
        self.look_and_make()
    }

    fn examine(&mut self, _job: &JobNeeds) -> Result<(), SystemError> {
        let accounts = self.look()?;
        self.books.create_aside(self.index.roots(), &accounts)
    }

    fn notices(&mut self) -> Vec<Notice> {
        if self.index.refresh(&self.books).is_err() {
            return Vec::new();
        }
        let mut notices: Vec<Notice> = self.to_tell.take().into_iter().collect();
        notices.extend(self.notices_of_marks().unwrap_or_default());
        if !self.has_told_of_misplaced {
            let today = clock::now().date_naive();
            let misplaced = first_version::notice(&self.index, &self.settings, &self.asked, today);
            self.has_told_of_misplaced = misplaced.is_some();
            notices.extend(misplaced);
        }
        notices
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        self.index.refresh(&self.books)?;
        let mut resolution = Resolution::default();
        let unknown = self.settings.unknown_accounts;
        resolution.accounts = accounts::all(references, &self.index, unknown);
        self.asked.extend(references.accounts.clone());
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
            let found = self.invoices(invoice)?;
            if !found.is_empty() {
                resolution.invoices.insert(invoice.clone(), found);
            }
        }
        Ok(resolution)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.index.refresh(&self.books)?;
        let found = entries.iter().map(|wanted| {
            let entry_id = wanted.entry_id.as_str();
            let standing = self.index.standing(entry_id)?;
            Ok(self.found(entry_id, &wanted.parts, &standing))
        });
        found.collect()
    }

    fn inspect(&mut self, entries: &[AccountingEntryId]) -> Result<Vec<(Found, Inspected)>, SystemError> {
        self.look_closely(entries)
    }

    fn prune_evidence(&mut self, before: i32) -> Result<Vec<String>, SystemError> {
        self.prune(before)
    }

    fn content(&mut self, entry_id: &AccountingEntryId) -> Result<BookedContent, SystemError> {
        let standing = self.index.standing(entry_id.as_str())?;
        // The main document stands before the others.
        let Some(first) = standing.live.first() else {
            return Ok(BookedContent::default());
        };
        content::read(&first.place)
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        // So that it is seldom news under the lock, where asking Pleo would keep others waiting.
        permit.ask()?;
        let lock = self.books.lock()?;
        self.index.refresh(&self.books)?;
        let mut batch = Batch::new(self.highest_numbers(), clock::now());
        let answers = items.iter().map(|item| self.place(item, &mut batch)).collect();
        // Waiting for the lock and reading may have taken long.
        permit.ask()?;
        batch.write(&lock, &self.books, &self.index)?;
        if self.books.is_aside() {
            self.aside.extend(batch.texts());
        }
        let (highest, remarks) = batch.into_numbers_and_remarks();
        self.given = highest;
        self.remarks.extend(remarks);
        Ok(answers)
    }

    fn take_notation(&mut self) -> Vec<(AccountingEntryId, String)> {
        std::mem::take(&mut self.aside)
    }

    fn take_remarks(&mut self) -> Vec<(AccountingEntryId, String)> {
        std::mem::take(&mut self.remarks)
    }

    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        permit.ask()?;
        let lock = self.books.lock()?;
        self.index.refresh(&self.books)?;
        receipts::attach(permit, &lock, &self.books, &self.index, entries)
    }

    fn reverse(&mut self, request: &ReversalRequest) -> Result<Vec<Reversed>, ReversalError> {
        if !self.books.folder().is_dir() {
            let folder = self.books.folder().display();
            return Err(ReversalError::Unusable(format!(
                "there are no books in `{folder}`"
            )));
        }
        let lock = self.books.lock()?;
        self.index.refresh(&self.books)?;
        for notice in self.notices_of_marks()? {
            warn!("{notice}");
        }
        let mut highest = self.highest_numbers();
        let reversed = reverse::reverse(&lock, &self.books, &self.index, &mut highest, request)?;
        self.given = highest;
        Ok(reversed)
    }

    fn highest_numbers(&self) -> BTreeMap<i32, u32> {
        let mut highest = self.index.highest_numbers();
        for (&year, &given) in &self.given {
            let known = highest.entry(year).or_default();
            *known = given.max(*known);
        }
        highest
    }

    fn remember_numbers(&mut self, highest: &BTreeMap<i32, u32>) {
        for (&year, &given) in highest {
            let known = self.given.entry(year).or_default();
            *known = given.max(*known);
        }
    }
}

/// Plain text books know a vendor by what Pleo calls it, so any that is named at all is known.
fn vendor(key: &VendorKey, name: &str) -> Option<Vendor> {
    key.reference().map(|reference| Vendor {
        reference: reference.into(),
        name: name.to_owned(),
    })
}
