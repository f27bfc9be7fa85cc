//! Every failure type that this side can cause, each from its cause to what the bookkeeper reads in Pleo.

use pleo_export::model::document::PlannedItem;
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{References, Resolution};
use pleo_export::model::verdict::{ItemFailureType, JobFailureType};
use pleo_export::systems::beancount::Beancount;
use pleo_export::systems::{
    AccountingSystem, Attachment, BookedEntry, Description, Found, JobNeeds, SystemError, Wanted,
};
use serde_json::Value;

use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, ItemState, ItemStatus, Trouble};
use crate::support::World;

/// The only item of the only job, once it has failed.
#[track_caller]
fn only_failure(world: &World, failure_type: &str, text: &str) -> ItemState {
    let item = world.sandbox.jobs().remove(0).items.remove(0);
    assert_eq!(item.status, ItemStatus::Failed, "{item:?}");
    assert_eq!(
        item.failure_reason_type.as_deref(),
        Some(failure_type),
        "{item:?}"
    );
    let reason = item.failure_reason.as_deref().unwrap();
    assert!(reason.contains(text), "no `{text}` in: {reason}");
    item
}

#[test]
fn of_the_expense_and_the_settings() {
    let fails_on_unknown = "[bookkeeping]\nunknown_accounts = \"fail\"\n";
    let cases: [(&str, Value, &str, &str); 7] = [
        (
            "",
            Item::card_purchase(100).without_account().build(),
            "missing_configuration",
            "choose a category",
        ),
        (
            fails_on_unknown,
            Item::card_purchase(100).build(),
            "account_unknown",
            "[accounts.map]",
        ),
        (
            "",
            Item::card_purchase(100).method("accounts_payable").build(),
            "vendor_unknown",
            "vendor",
        ),
        (
            "",
            Item::card_purchase(100).set("type", "gift_card".into()).build(),
            "validation_failure",
            "gift_card",
        ),
        (
            "",
            Item::card_purchase(100).set("date", "not a date".into()).build(),
            "validation_failure",
            "date",
        ),
        (
            "[bookkeeping]\nclosed_until = \"2026-12-31\"\n",
            Item::card_purchase(100).build(),
            "validation_failure",
            "closed",
        ),
        (
            "",
            Item::card_purchase(100)
                .set("companyId", "7e57c0de-0000-4000-8000-000000000bad".into())
                .build(),
            "invalid_configuration",
            "connect the right company",
        ),
    ];
    for (settings, item, failure_type, text) in cases {
        let world = World::new().with_settings(settings);
        world.add_job(vec![item]);
        world.run(&["poll"]).exits(3);
        let item = only_failure(&world, failure_type, text);
        assert!(item.failure_reason.unwrap().ends_with("Nothing was booked."));
        assert_eq!(world.books().entries().len(), 0);
    }
}

#[test]
fn of_receipts() {
    for (trouble, failure_type, text) in [
        (
            Trouble::Status(404),
            "receipt_download_failure",
            "upload it again in Pleo",
        ),
        (Trouble::HtmlPage, "receipt_download_failure", "web page"),
        (Trouble::Endless, "receipt_file_size_limit_exceeded", "30"),
    ] {
        let world = World::new();
        world.add_job(vec![Item::card_purchase(100).receipt("pdf").build()]);
        world
            .sandbox
            .fault(Fault::new(trouble).on("GET", "/receipts/**").always());
        world.run(&["poll"]).exits(3);
        only_failure(&world, failure_type, text);
        assert_eq!(world.books().entries().len(), 0);
    }
    let world = World::new();
    let program = world
        .sandbox
        .add_receipt(b"MZ\x90\x00\x03".to_vec(), "application/x-msdownload");
    world.add_job(vec![
        Item::card_purchase(100)
            .file(&program, "application/x-msdownload", 5)
            .build(),
    ]);
    world.run(&["poll"]).exits(3);
    only_failure(&world, "receipt_conversion_failure", "upload");
}

#[test]
fn of_what_pleo_refuses_to_have_in_progress() {
    let world = World::new();
    world.add_job(vec![Item::card_purchase(100).build()]);
    let trouble = Trouble::RefusedItems {
        entries: Vec::new(),
        error_type: "EXPORT_ENTRY_STATUS_UPDATE_FAILED".into(),
    };
    world.sandbox.fault(Fault::new(trouble));
    world.run(&["poll"]).exits(3);
    only_failure(&world, "unexpected_failure", "Pleo rejects updates");
}

#[test]
fn of_the_accounting_system() {
    for (fault, failure_type, text) in [
        (Choice::KnowsNoTax, "tax_code_unknown", "S25"),
        (Choice::KnowsNoTag, "tag_unknown", "SALES"),
        (
            Choice::Refuses(ItemFailureType::AccountingSystemValidationFailure),
            "accounting_system_validation_failure",
            "not to its liking",
        ),
        (
            Choice::Refuses(ItemFailureType::AuthorizationFailure),
            "authorization_failure",
            "not to its liking",
        ),
    ] {
        let world = World::new();
        world.add_job(vec![
            Item::card_purchase(100).tax("S25").tag("DEPT", "SALES").build(),
        ]);
        world.poll_with(&mut Choosy {
            books: world.beancount(),
            choice: fault,
        });
        only_failure(&world, failure_type, text);
        assert_eq!(world.books().entries().len(), 0);
    }
}

#[test]
fn of_a_receipt_that_the_accounting_system_refuses() {
    let world = World::new();
    world.add_job(vec![Item::card_purchase(100).receipt("pdf").build()]);
    world.poll_with(&mut Choosy {
        books: world.beancount(),
        choice: Choice::TakesNoReceipts,
    });
    let item = only_failure(&world, "receipt_upload_failure", "not to its liking");
    assert!(
        item.failure_reason
            .unwrap()
            .starts_with("Booked as PLEO-2026-000001: ")
    );
}

#[test]
fn of_an_accounting_system_that_gives_up_in_mid_job() {
    for (failure_type, expected) in [
        (
            JobFailureType::AccountingSystemAuthenticationFailure,
            "accounting_system_authentication_failure",
        ),
        (
            JobFailureType::AccountingSystemRateLimit,
            "accounting_system_rate_limit",
        ),
        (
            JobFailureType::AccountingSystemTimeout,
            "accounting_system_timeout",
        ),
        (
            JobFailureType::AccountingSystemUnreachable,
            "accounting_system_unreachable",
        ),
    ] {
        let world = World::new();
        world.add_job(vec![Item::card_purchase(100).build()]);
        world.poll_with(&mut Choosy {
            books: world.beancount(),
            choice: Choice::GivesUp(failure_type),
        });
        only_failure(&world, expected, "Nothing was booked.");
    }
}

/// Real books behind a system that is hard to please.
#[derive(Debug)]
struct Choosy {
    books: Beancount,
    choice: Choice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    KnowsNoTax,
    KnowsNoTag,
    TakesNoReceipts,
    Refuses(ItemFailureType),
    GivesUp(JobFailureType),
}

fn reason() -> String {
    "It was not to its liking.".to_owned()
}

impl AccountingSystem for Choosy {
    fn describe(&self) -> Description {
        Description {
            computes_tax: self.choice == Choice::KnowsNoTax,
            ..self.books.describe()
        }
    }

    fn ready(&mut self) -> Result<(), SystemError> {
        self.books.ready()
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.books.check(job)
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        let mut resolution = self.books.resolve(references)?;
        if self.choice == Choice::KnowsNoTag {
            resolution.tags.clear();
        }
        Ok(resolution)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.books.find(entries)
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        match self.choice {
            Choice::Refuses(failure_type) => Ok(vec![
                Err(SystemError::Rejected {
                    failure_type,
                    reason: reason()
                });
                items.len()
            ]),
            Choice::GivesUp(failure_type) => Err(SystemError::Fatal {
                failure_type,
                reason: reason(),
            }),
            _ => self.books.book(permit, items),
        }
    }

    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        if self.choice != Choice::TakesNoReceipts {
            return self.books.attach(permit, entries);
        }
        let failure_type = ItemFailureType::ReceiptUploadFailure;
        Ok(vec![
            Err(SystemError::Rejected {
                failure_type,
                reason: reason()
            });
            entries.len()
        ])
    }
}

#[test]
fn of_a_whole_job_it_is_the_commonest_that_a_job_can_have() {
    let world = World::new();
    let vendorless = || Item::card_purchase(100).method("accounts_payable").build();
    let without_account = Item::card_purchase(100).without_account().build();
    world.add_job(vec![vendorless(), without_account, vendorless()]);
    world.run(&["poll"]).exits(3);
    let job = world.sandbox.jobs().remove(0);
    assert_eq!(job.failure_reason_type.as_deref(), Some("missing_configuration"));
}
