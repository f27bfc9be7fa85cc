//! The accounting systems: what each can do, and one folder for each.
//!
//! The workflow knows only [`AccountingSystem`]. Every call may be repeated: the same key is booked once, the
//! same receipt attached once. What a failed call means for the books is in the kind of its [`SystemError`].

use std::collections::BTreeMap;
use std::fmt;

use crate::model::booked_content::BookedContent;
use crate::model::document::PlannedItem;
use crate::model::ids::AccountingEntryId;
use crate::model::inspected::Inspected;
use crate::model::permit::Permit;
use crate::model::references::{References, Resolution};
use crate::model::reversal::{ReversalRequest, Reversed};

pub mod beancount;
pub mod command;
mod description;
mod entries;
mod error;
pub mod odoo;
pub mod unready;

pub use description::{Ability, AttachmentLimits, Create, Description, RECEIPTS_REMEDY, TakingBack};
pub use entries::{Attachment, BookedEntry, Found, JobNeeds, Notice, Wanted};
pub use error::{ReversalError, SystemError, none_withheld};

/// An accounting system, for the length of one run.
pub trait AccountingSystem: fmt::Debug {
    /// What it is and what it can do. Does not touch it.
    fn describe(&self) -> Description;

    /// Whether its books and the settings for them are in order, looked at before a job is begun: what a person must
    /// mend is told while the job still waits in Pleo. Of the network it asks no more than whether a conversation can begin:
    /// what is out of reach may be there in a moment.
    fn ready(&mut self) -> Result<(), SystemError> {
        Ok(())
    }

    /// Whether it can be reached and take the job: credential, company, permissions, what the job needs.
    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError>;

    /// The same as [`ready`](Self::ready) and [`check`](Self::check) for one who only wants to know: nothing is made, written
    /// or locked.
    fn examine(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.ready()?;
        self.check(job)
    }

    /// What a person should know about the books as a job left them; each is told once a run.
    fn notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    /// What it has of these references, in as few calls as it takes. Asked for the whole job first, and again for the
    /// invoices of each wave before it is booked.
    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError>;

    /// What the books have of these entries, one answer for each, in the same order.
    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError>;

    /// What the books have of these entries beside what was booked, one answer for each, in the same order; writes and locks
    /// nothing. Meant for systems that book nothing afterwards.
    fn inspect(&mut self, entries: &[AccountingEntryId]) -> Result<Vec<(Found, Inspected)>, SystemError> {
        let wanted = entries.iter().map(|entry_id| Wanted {
            entry_id: entry_id.clone(),
            parts: Vec::new(),
        });
        let found = self.find(&wanted.collect::<Vec<_>>())?;
        let with_amount = |found: Found| {
            let amount = found.booked().and_then(|booked| booked.amount);
            let inspected = Inspected {
                fitting_amounts: amount.into_iter().collect(),
                ..Inspected::default()
            };
            (found, inspected)
        };
        Ok(found.into_iter().map(with_amount).collect())
    }

    /// Removes the evidence of batches of the years before this one, with a line that says so; answers its files.
    fn prune_evidence(&mut self, _before: i32) -> Result<Vec<String>, SystemError> {
        Err(SystemError::Settings {
            reason: format!(
                "{} keeps no evidence here that could be removed.",
                self.describe().name
            ),
        })
    }

    /// What an entry that counts says of the expense that it was booked from, as far as the books show it. Asked only
    /// where the expense may have been changed since, for the text that says what.
    fn content(&mut self, _entry_id: &AccountingEntryId) -> Result<BookedContent, SystemError> {
        Ok(BookedContent::default())
    }

    /// Books the documents of each item, all or none of an item, completing what was found in part. An entry
    /// that is already complete is answered as booked, not booked again. One answer for each, in the same
    /// order; an outer error holds for all of them. The permit is asked for before whatever writes; where items are booked one
    /// after the other and it [is over](Permit::is_over), those after the first are [put off](SystemError::put_off).
    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError>;

    /// What booking wrote, in the books' own notation, each document with its entry; told once. Nothing where it really
    /// booked, and where the books have no notation.
    fn take_notation(&mut self) -> Vec<(AccountingEntryId, String)> {
        Vec::new()
    }

    /// What booking found odd that the plan could not know, each with its entry; told once.
    fn take_remarks(&mut self) -> Vec<(AccountingEntryId, String)> {
        Vec::new()
    }

    /// Puts the receipts beside each entry in order; the same content twice is one file. One answer for each, in the same order.
    /// The permit is asked for as by [`book`](Self::book).
    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError>;

    /// Takes entries back, as they stand today and all of their documents. All are looked at before the first is
    /// taken back; what an earlier call began is gone on with, never begun anew.
    fn reverse(&mut self, _request: &ReversalRequest) -> Result<Vec<Reversed>, ReversalError> {
        let system = self.describe();
        let lack = system.lack(Ability::Reversals);
        Err(ReversalError::Unusable(format!(
            "{}: reverse them there by hand, all documents of an entry, then export the expenses again",
            lack.unwrap_or(system.name)
        )))
    }

    /// The highest number of each year that was given, as far as the books, this run and [`remember_numbers`] tell;
    /// empty where the system counts otherwise.
    ///
    /// [`remember_numbers`]: Self::remember_numbers
    fn highest_numbers(&self) -> BTreeMap<i32, u32> {
        BTreeMap::new()
    }

    /// Says what was given earlier as far as others know: books that lost a part must not give its numbers again.
    fn remember_numbers(&mut self, _highest: &BTreeMap<i32, u32>) {}
}
