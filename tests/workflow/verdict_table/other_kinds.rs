//! The kinds of error that a connector has no word for.

use pleo_export::model::document::PlannedItem;
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{References, Resolution};
use pleo_export::model::verdict::ItemFailureType;
use pleo_export::systems::beancount::Beancount;
use pleo_export::systems::{
    AccountingSystem, Attachment, BookedEntry, Description, Found, JobNeeds, SystemError, Wanted,
};

use super::{ENTRY, LIE, Verb};
use crate::in_process::problem_kind;
use crate::sandbox::seed::Item;
use crate::support::World;

/// Real books that always answer one question like this.
#[derive(Debug)]
struct Stubborn {
    books: Beancount,
    at: Verb,
    error: SystemError,
}

impl Stubborn {
    fn unless(&self, at: Verb) -> Result<(), SystemError> {
        if self.at == at {
            Err(self.error.clone())
        } else {
            Ok(())
        }
    }
}

impl AccountingSystem for Stubborn {
    fn describe(&self) -> Description {
        self.books.describe()
    }

    fn ready(&mut self) -> Result<(), SystemError> {
        self.books.ready()
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.unless(Verb::Check)?;
        self.books.check(job)
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        self.unless(Verb::Resolve)?;
        self.books.resolve(references)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.unless(Verb::Find)?;
        self.books.find(entries)
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        match self.unless(Verb::Book) {
            Ok(()) => self.books.book(permit, items),
            Err(error) => Ok(vec![Err(error); items.len()]),
        }
    }

    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        match self.unless(Verb::Attach) {
            Ok(()) => self.books.attach(permit, entries),
            Err(error) => Ok(vec![Err(error); entries.len()]),
        }
    }
}

#[test]
fn settings_that_do_not_fit_leave_the_job_and_a_wrong_booking_is_told() {
    let settings = SystemError::Settings {
        reason: LIE.to_owned(),
    };
    let wrong = SystemError::BookedWrong {
        booked: Box::new(BookedEntry {
            external_id: "X-1".to_owned(),
            external_url: None,
            posting_date: chrono::NaiveDate::default(),
            revision: 1,
            parts: Vec::new(),
            content_hash: None,
            amount: None,
            remark: None,
            wallet_account: None,
        }),
        failure_type: ItemFailureType::ValidationFailure,
        reason: LIE.to_owned(),
    };
    // The question; where it is met with wrong settings and with a wrong booking, how the run ends and how the item's text
    // begins.
    for (at, of_settings, of_wrong) in [
        (Verb::Check, ("configuration", ""), ("job_failed", "")),
        (Verb::Resolve, ("configuration", ""), ("job_failed", "")),
        (
            Verb::Find,
            ("configuration", ""),
            ("needs_person", "May be booked: "),
        ),
        (Verb::Book, ("configuration", ""), ("none", "Booked as X-1: ")),
        (
            Verb::Attach,
            ("configuration", ""),
            ("none", "Booked as PLEO-2026-000001: "),
        ),
    ] {
        for (error, (kind, text)) in [(&settings, of_settings), (&wrong, of_wrong)] {
            let world = World::new().impatient();
            let id = world.add_job(vec![Item::card_purchase(12_500).id(ENTRY).receipt("pdf").build()]);
            let report = world.poll_with(&mut Stubborn {
                books: world.beancount(),
                at,
                error: error.clone(),
            });
            assert_eq!(problem_kind(&report), kind, "{at:?} {report:?}");
            let reason = world.sandbox.job(&id).item(ENTRY).failure_reason.clone();
            assert_eq!(reason.is_some(), !text.is_empty(), "{at:?} {reason:?}");
            assert!(reason.unwrap_or_default().starts_with(text), "{at:?} {text}");
        }
    }
}
