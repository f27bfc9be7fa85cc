//! Items of one invoice are booked one after the other: what happens between two of them.

use std::fmt;
use std::net::TcpListener;
use std::time::Duration;

use pleo_export::host::stop::Stop;
use pleo_export::model::document::PlannedItem;
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{References, Resolution};
use pleo_export::systems::beancount::Beancount;
use pleo_export::systems::{
    AccountingSystem, Attachment, BookedEntry, Description, Found, JobNeeds, SystemError, Wanted,
};

use super::{bill, id, invoiced, payment};
use crate::sandbox::seed::Item;
use crate::sandbox::{ItemStatus, JobStatus, Options};
use crate::support::World;

type Answers = Vec<Result<BookedEntry, SystemError>>;
type Attached = Vec<Result<(), SystemError>>;
/// What happens to the answers of the n-th call, counted from 1.
type Hand<T> = Box<dyn FnMut(usize, &mut T)>;

/// Real books, with a hand on each answer.
struct Handled {
    ours: Beancount,
    bookings: usize,
    attachings: usize,
    booked: Hand<Answers>,
    attached: Hand<Attached>,
}

impl Handled {
    fn of(world: &World) -> Self {
        Self {
            ours: world.beancount(),
            bookings: 0,
            attachings: 0,
            booked: Box::new(|_, _| {}),
            attached: Box::new(|_, _| {}),
        }
    }
}

impl fmt::Debug for Handled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ours.fmt(f)
    }
}

impl AccountingSystem for Handled {
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

    fn book(&mut self, permit: &Permit, items: &[PlannedItem]) -> Result<Answers, SystemError> {
        let mut answers = self.ours.book(permit, items)?;
        self.bookings += 1;
        (self.booked)(self.bookings, &mut answers);
        Ok(answers)
    }

    fn attach(&mut self, permit: &Permit, entries: &[Attachment]) -> Result<Attached, SystemError> {
        let mut answers = self.ours.attach(permit, entries)?;
        self.attachings += 1;
        (self.attached)(self.attachings, &mut answers);
        Ok(answers)
    }
}

/// So many bills with one number, none of which is a duplicate of another.
fn bills_of_one_number(count: usize) -> Vec<serde_json::Value> {
    let bills = (1..=count).map(|n| {
        let day = format!("2026-05-{n:02}");
        let amount = 10_000 + i64::try_from(n).unwrap();
        invoiced(bill(amount), "X", Some(&day))
            .numbered(n as u64)
            .id(&id(n))
            .build()
    });
    bills.collect()
}

#[test]
fn a_stop_is_heard_between_two_bills_of_one_number_and_the_next_run_goes_on() {
    let world = World::new();
    let job = world.add_job(bills_of_one_number(4));
    let stop = Stop::new();
    let wish = stop.clone();
    let mut system = Handled::of(&world);
    system.booked = Box::new(move |nth, _| {
        if nth == 2 {
            wish.request();
        }
    });
    world.poll_with_stop(&mut system, &stop);
    assert_eq!(system.bookings, 2);
    assert_eq!(world.books().entries().len(), 2);
    world.poll_with(&mut system);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 4);
    assert_eq!(world.books().numbers().len(), 4);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn slow_books_report_between_two_bills_of_one_number_before_the_job_expires() {
    let world = World::with_options(Options {
        lifetime_seconds: 12,
        ..Options::default()
    });
    let job = world.add_job(bills_of_one_number(5));
    let mut system = Handled::of(&world);
    system.booked = Box::new(|_, _| Stop::new().wait(Duration::from_millis(3_050)).unwrap());
    world.poll_with(&mut system);
    let state = world.sandbox.job(&job);
    assert_eq!(state.status, JobStatus::Completed);
    assert_eq!(state.count(ItemStatus::Successful), 5);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn an_entry_for_which_no_answer_came_is_looked_up() {
    let world = World::new();
    let items = (1..=3).map(|n| Item::card_purchase(100).numbered(n as u64).id(&id(n)).build());
    let job = world.add_job(items.collect());
    let mut system = Handled::of(&world);
    system.booked = Box::new(|_, answers| answers.truncate(1));
    world.poll_with(&mut system);
    assert_eq!(system.bookings, 1, "the rest is looked up, not sent again");
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 3);
    assert_eq!(world.books().numbers().len(), 3);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn what_waits_for_its_receipts_is_counted_once() {
    let world = World::new();
    let receipt = Item::card_purchase(100).receipt("pdf");
    world.add_job(vec![
        receipt.clone().numbered(1).id(&id(1)).build(),
        receipt.numbered(2).id(&id(2)).build(),
    ]);
    let mut system = Handled::of(&world);
    system.attached = Box::new(|nth, answers| {
        if nth == 1 {
            let reason = "the disk is away".to_owned();
            answers[0] = Err(SystemError::Unavailable { reason });
        }
    });
    let report = world.poll_with(&mut system);
    assert_eq!(system.attachings, 2);
    let wallet: Vec<String> = report.jobs[0]
        .totals
        .wallet
        .values()
        .map(ToString::to_string)
        .collect();
    let booked: i64 = -200;
    assert_eq!(wallet, [format!("{}.{:02}", booked / 100, booked.abs() % 100)]);
}

#[test]
fn the_receipts_of_a_payment_that_was_booked_before_are_fetched_once() {
    let untagged = |item: Item| {
        item.set("vendor", serde_json::Value::Null).set(
            "supplier",
            serde_json::json!({ "name": "Acme", "code": "V100", "country": "DK", "categoryCode": "5999" }),
        )
    };
    let world = World::new();
    let payment = untagged(payment(10_000))
        .receipt("pdf")
        .numbered(2)
        .id(&id(2))
        .build();
    world.add_job(vec![bill(10_000).numbered(1).id(&id(1)).build(), payment.clone()]);
    world.run(&["poll"]).exits(0);
    let fetched = || {
        let requests = world.sandbox.requests();
        requests
            .iter()
            .filter(|request| request.path.starts_with("/receipts/"))
            .count()
    };
    let before = fetched();
    world.add_job(vec![payment]);
    world.run(&["poll"]).exits(0);
    assert_eq!(fetched() - before, 1);
}

/// A host of this machine that takes connections and never says a word.
fn silent_host() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let held: Vec<_> = listener.incoming().collect();
        drop(held);
    });
    format!("http://{address}/receipt.pdf")
}

#[test]
fn a_bill_whose_receipt_is_late_holds_back_its_payment_in_this_and_in_later_batches() {
    for batch_size in [1, 100] {
        let world = World::new().with_settings(&format!(
            "[receipts]\ntimeout_seconds = 1\ngive_up_after_seconds = 2\n[pleo]\nbatch_size = {batch_size}\n"
        ));
        let late = bill(10_000).file(&silent_host(), "application/pdf", 7);
        let other = Item::card_purchase(200).date("2026-05-30T10:00:00Z");
        let items = [late, payment(10_000), other];
        let items = (1..)
            .zip(items)
            .map(|(n, item)| item.numbered(n as u64).id(&id(n)).build());
        let job = world.add_job(items.collect());
        world.run(&["poll"]).exits(5).says("did not come in time");
        assert_eq!(world.books().entries(), [id(3)], "{batch_size}");
        let state = world.sandbox.job(&job);
        assert!(!state.item(&id(1)).status.is_final() && !state.item(&id(2)).status.is_final());
        // Near the end of the job the bill is refused, and what pays it is planned without it.
        world.sandbox.advance_clock(Duration::from_secs(50 * 60));
        world.run(&["poll"]).exits(3);
        let state = world.sandbox.job(&job);
        assert_eq!(state.item(&id(1)).status, ItemStatus::Failed);
        assert_eq!(state.item(&id(2)).status, ItemStatus::Successful);
        world.keeps_its_promise();
    }
}
