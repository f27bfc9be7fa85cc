//! What is a duplicate, and what becomes of it.

use std::sync::Arc;

use pleo_export::model::document::PlannedItem;
use pleo_export::model::ids::AccountingEntryId;
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{References, Resolution};
use pleo_export::systems::beancount::Beancount;
use pleo_export::systems::{
    AccountingSystem, Attachment, BookedEntry, Description, Found, JobNeeds, SystemError, Wanted,
};

use super::{PAYABLES, Told, WALLET, bill, card, however_cut, id, in_one_job, invoiced, of_acme, refund};
use crate::sandbox::ItemStatus;
use crate::sandbox::seed::Item;
use crate::support::World;

#[test]
fn what_moved_the_wallet_is_booked_with_a_remark_that_asks_for_the_money() {
    type Make = fn(i64) -> Item;
    let types: [(&str, Make); 3] = [
        ("card_invoice", Item::card_invoice),
        ("card_purchase", Item::card_purchase),
        ("fee", Item::fee),
    ];
    for (name, make) in types {
        let again = of_acme(make(10_000), "2026-05-10");
        however_cut("", &[card(10_000), again], |told| {
            assert_eq!(told.verdicts(), ["booked", "booked"], "{name}");
            assert_eq!(told.balance(WALLET), -20_000, "{name}");
            assert_eq!(
                told.remarks(2),
                "invoice X of Acme ApS is paid a second time (PLEO-2026-000001): ask for it back",
                "{name}"
            );
        });
    }
    for make in [Item::refund, Item::chargeback] {
        let again = of_acme(make(10_000), "2026-05-21");
        however_cut("", &[card(10_000), refund(10_000), again], |told| {
            assert_eq!(told.verdicts(), ["booked", "booked", "booked"]);
            assert_eq!(told.balance(WALLET), 10_000);
            let remarks = told.remarks(3);
            assert!(
                remarks.starts_with("invoice X of Acme ApS is refunded a second time (PLEO-2026-00000"),
                "{remarks}"
            );
        });
    }
}

#[test]
fn a_duplicate_is_known_by_day_amount_and_year() {
    let (may, june, next) = (Some("2026-05-10"), Some("2026-06-10"), Some("2027-06-10"));
    let dated = |amount: i64, day| invoiced(bill(amount), "X", day);
    let euros = |wallet: i64, day| dated(wallet, day).supplier_currency("EUR", 1_340);
    let table = [
        (
            "same day, other amount",
            dated(10_000, may),
            dated(9_000, may),
            false,
        ),
        (
            "same amount, same year",
            dated(10_000, may),
            dated(10_000, june),
            false,
        ),
        (
            "same amount, next year",
            dated(10_000, may),
            dated(10_000, next),
            true,
        ),
        (
            "other amount, other day",
            dated(10_000, may),
            dated(9_000, june),
            true,
        ),
        (
            "a date missing, same amount",
            dated(10_000, None),
            dated(10_000, may),
            false,
        ),
        (
            "a date missing, other amount",
            dated(10_000, may),
            dated(9_000, None),
            true,
        ),
        (
            "same amount in the supplier's currency",
            euros(10_000, may),
            euros(10_030, june),
            false,
        ),
        (
            "the credit note of the bill",
            dated(10_000, may),
            dated(-10_000, may),
            true,
        ),
        (
            "the same credit note",
            dated(-10_000, may),
            dated(-10_000, june),
            false,
        ),
        (
            "another part credit",
            dated(-10_000, may),
            dated(-4_000, june),
            true,
        ),
        (
            "another credit note without money of the same day",
            dated(-10_000, may),
            dated(-4_000, may),
            false,
        ),
    ];
    for (case, first, second, is_booked) in table {
        however_cut("", &[first.clone(), second.clone()], |told| {
            let verdicts = told.verdicts();
            assert_eq!(verdicts[0], "booked", "{case}");
            assert_eq!(verdicts[1] == "booked", is_booked, "{case}: {verdicts:?}");
        });
    }
}

#[test]
fn a_corrected_bill_is_booked_once_the_first_is_credited_or_reversed() {
    let items = [bill(10_000), bill(-10_000), bill(9_000)];
    however_cut("", &items, |told| {
        assert_eq!(told.verdicts(), ["booked", "booked", "booked"]);
        assert_eq!(told.balance(PAYABLES), -9_000);
    });
    however_cut("", &[bill(10_000), bill(-4_000), bill(9_000)], |told| {
        assert_ne!(
            told.verdicts()[2],
            "booked",
            "a part of the first bill still stands"
        );
    });
    let told = in_one_job("", &[bill(10_000)]);
    told.world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    let job = told
        .world
        .add_job(vec![bill(9_000).numbered(9).id(&id(9)).build()]);
    told.world.run(&["poll"]).exits(0);
    assert_eq!(told.world.sandbox.job(&job).count(ItemStatus::Successful), 1);
}

#[test]
fn the_log_announces_a_duplicate_within_the_job_before_anything_is_booked() {
    let world = World::new();
    let items = [bill(10_000), bill(10_000)];
    let items = items.into_iter().enumerate();
    world.add_job(
        items
            .map(|(n, item)| item.numbered(n as u64).id(&id(n)).build())
            .collect(),
    );
    world
        .run(&["poll"])
        .exits(3)
        .says("will fail: an invoice of the same vendor and number is already there: 1 item");
}

/// Books into which another process books the same bill under another entry, just before our first booking.
#[derive(Debug)]
struct BookedMeanwhile {
    ours: Beancount,
    theirs: Option<Beancount>,
}

impl AccountingSystem for BookedMeanwhile {
    fn describe(&self) -> Description {
        self.ours.describe()
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.ours.check(job)
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        self.ours.resolve(references)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.ours.find(entries)
    }

    fn book(
        &mut self,
        permit: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        if let Some(mut theirs) = self.theirs.take() {
            let mut same_bill = items[0].clone();
            Arc::make_mut(&mut same_bill.item).entry_id = AccountingEntryId::new("theirs");
            theirs.book(permit, &[same_bill]).unwrap().remove(0).unwrap();
        }
        self.ours.book(permit, items)
    }

    fn attach(
        &mut self,
        permit: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        self.ours.attach(permit, entries)
    }
}

#[test]
fn a_bill_that_another_process_booked_since_the_look_up_is_a_duplicate() {
    let world = World::new();
    let job = world.add_job(vec![bill(10_000).numbered(1).id(&id(1)).build()]);
    let mut system = BookedMeanwhile {
        ours: world.beancount(),
        theirs: Some(world.beancount()),
    };
    world.poll_with(&mut system);
    let told = Told {
        items: world.sandbox.job(&job).items,
        world,
    };
    let verdicts = told.verdicts();
    assert!(
        verdicts[0].contains("is already there as PLEO-2026-000001"),
        "{verdicts:?}"
    );
    assert_eq!(told.balance(PAYABLES), -10_000);
}
