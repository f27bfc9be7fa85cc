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
use crate::sandbox::{ItemStatus, JobStatus};
use crate::support::World;

/// Real books that always answer one question like this, or that about some expenses alone.
#[derive(Debug)]
struct Stubborn {
    books: Beancount,
    at: Verb,
    about: fn(&str) -> bool,
    error: SystemError,
}

impl Stubborn {
    fn book_one(&mut self, permit: &Permit, item: &PlannedItem) -> Result<BookedEntry, SystemError> {
        if (self.about)(item.entry_id().as_str()) {
            self.unless(Verb::Book)?;
        }
        self.books.book(permit, std::slice::from_ref(item))?.remove(0)
    }

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
        Ok(items.iter().map(|item| self.book_one(permit, item)).collect())
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
                about: |_| true,
                error: error.clone(),
            });
            assert_eq!(problem_kind(&report), kind, "{at:?} {report:?}");
            let reason = world.sandbox.job(&id).item(ENTRY).failure_reason.clone();
            assert_eq!(reason.is_some(), !text.is_empty(), "{at:?} {reason:?}");
            assert!(reason.unwrap_or_default().starts_with(text), "{at:?} {text}");
        }
    }
}

#[test]
fn a_system_that_is_out_of_reach_is_not_asked_about_all_of_a_long_job_but_of_a_few_items_no_other_waits_for()
{
    let of_all: fn(&str) -> bool = |_| true;
    let of_the_first: fn(&str) -> bool = |entry| entry < "7e57c0de-0000-4000-8000-000000000004";
    for (about, batch_size, items, with_verdict, untouched) in
        [(of_all, 100, 310, 0, 10), (of_the_first, 1, 12, 9, 0)]
    {
        let world = World::new().with_settings(&format!(
            "[pleo]\nbatch_size = {batch_size}\n[accounting]\ngive_up_after_seconds = 1\n[bookkeeping]\nattachments = \"none\"\n"
        ));
        let purchase = |number: u64| {
            Item::card_purchase(100)
                .id(&format!("7e57c0de-0000-4000-8000-{number:012}"))
                .date("2026-09-15T10:00:00Z")
                .build()
        };
        let job = world.add_job((1..=items).map(purchase).collect());
        let report = world.poll_with(&mut Stubborn {
            books: world.beancount(),
            at: Verb::Book,
            about,
            error: SystemError::Unavailable {
                reason: "Closed for the night.".to_owned(),
            },
        });
        assert_eq!(problem_kind(&report), "temporary");
        let state = world.sandbox.job(&job);
        assert_eq!(state.count(ItemStatus::Successful), with_verdict);
        assert_eq!(state.count(ItemStatus::Pending), untouched, "not even announced");
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
        world.keeps_its_promise_and_all_rules();
    }
}
