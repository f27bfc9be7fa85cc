//! An accounting system that is asked as usual and books nothing: what would be booked is recorded, and counts for what
//! is asked afterwards as if it were in the books.
//!
//! Text books rehearse by themselves, in a folder beside, so that even numbers are right. For other systems an entry is
//! made up here; what they decide when they book (numbers, Odoo's taxes) nobody can know before.

use std::collections::BTreeMap;

use serde::Serialize;

use super::super::validate;
use super::made_up::MadeUp;
use super::recorded::Recorded;
use crate::model::booked_content::BookedContent;
use crate::model::document::PlannedItem;
use crate::model::ids::AccountingEntryId;
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};
use crate::model::verdict::JobFailureType;
use crate::systems::{
    AccountingSystem, Attachment, BookedEntry, Description, Found, JobNeeds, Notice, SystemError, Wanted,
};

/// Who answers for an entry that is booked.
#[derive(Debug)]
enum Books {
    /// The system itself, which books beside.
    Aside,
    /// Nobody but us.
    MadeUp(MadeUp),
}

/// The system, and the record of what it would book.
#[derive(Debug)]
pub struct Rehearsal<'a> {
    system: Box<dyn AccountingSystem>,
    books: Books,
    recorded: &'a Recorded,
    /// Whether a job may need receipts kept, although nobody fetches them here.
    keeps_receipts: bool,
}

impl<'a> Rehearsal<'a> {
    /// Of a system that books beside its books.
    pub fn aside(system: Box<dyn AccountingSystem>, recorded: &'a Recorded, keeps_receipts: bool) -> Self {
        Self {
            system,
            books: Books::Aside,
            recorded,
            keeps_receipts,
        }
    }

    /// Of any other one, which is only asked.
    pub fn made_up(system: Box<dyn AccountingSystem>, recorded: &'a Recorded, keeps_receipts: bool) -> Self {
        Self {
            system,
            books: Books::MadeUp(MadeUp::default()),
            recorded,
            keeps_receipts,
        }
    }
}

impl Rehearsal<'_> {
    /// What nobody but the system knows, and only when it books.
    pub fn decided_when_booking(&self) -> Vec<Decided> {
        let numbers = matches!(self.books, Books::MadeUp(_)).then_some(Decided::Numbers);
        let taxes = self.describe().computes_tax.then_some(Decided::Taxes);
        numbers.into_iter().chain(taxes).collect()
    }
}

/// Something that the accounting system decides when it books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// The number of an entry.
    Numbers,
    /// The tax of a line, which may differ from Pleo's by a hundredth.
    Taxes,
}

impl AccountingSystem for Rehearsal<'_> {
    fn describe(&self) -> Description {
        self.system.describe()
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        let needs = JobNeeds {
            attachments: self.keeps_receipts,
            ..job.clone()
        };
        if let Some(reason) = validate::lacking_ability(&self.system.describe(), &needs) {
            return Err(SystemError::Fatal {
                failure_type: JobFailureType::InvalidConfiguration,
                reason,
            });
        }
        self.system.examine(&needs)
    }

    fn notices(&mut self) -> Vec<Notice> {
        self.system.notices()
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        let mut resolution = self.system.resolve(references)?;
        if let Books::MadeUp(made_up) = &self.books {
            made_up.add_invoices(references, &mut resolution);
        }
        Ok(resolution)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        let mut found = self.system.find(entries)?;
        if let Books::MadeUp(made_up) = &self.books {
            made_up.add_found(entries, &mut found);
        }
        Ok(found)
    }

    fn content(&mut self, entry_id: &AccountingEntryId) -> Result<BookedContent, SystemError> {
        self.system.content(entry_id)
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        let answers = match &mut self.books {
            Books::Aside => self.system.book(permit, items)?,
            Books::MadeUp(made_up) => items.iter().map(|item| Ok(made_up.book(item))).collect(),
        };
        let mut notation: BTreeMap<AccountingEntryId, String> = BTreeMap::new();
        for (entry_id, text) in self.system.take_notation() {
            notation.entry(entry_id).or_default().push_str(&text);
        }
        for (item, answer) in items.iter().zip(&answers) {
            if answer.is_ok() {
                let text = notation.remove(item.entry_id());
                self.recorded.add(item, text)?;
            }
        }
        Ok(answers)
    }

    fn take_remarks(&mut self) -> Vec<(AccountingEntryId, String)> {
        self.system.take_remarks()
    }

    fn attach(
        &mut self,
        _permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        Ok(vec![Ok(()); entries.len()])
    }

    fn highest_numbers(&self) -> BTreeMap<i32, u32> {
        self.system.highest_numbers()
    }

    fn remember_numbers(&mut self, highest: &BTreeMap<i32, u32>) {
        self.system.remember_numbers(highest);
    }
}
