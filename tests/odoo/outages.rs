//! An Odoo that goes away, loses answers or is slow in the middle of a job, and a process that dies there. However it
//! happens, the books hold each document once, and Pleo is told what is so.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pleo_export::model::export_item::ExportItem;
use pleo_export::systems::SystemError;
use serde_json::{Value, json};

use crate::door::{Door, Passage};
use crate::expenses::{expense, invoice_number, payable, taxed};
use crate::paper;
use crate::program::World;
use crate::sandbox::seed::Item;
use crate::sandbox::{Hook, ItemStatus};
use crate::support::{self, MEALS, Server};
use crate::whole_job::{entries, failures};
use crate::world::{self, CHART};

const VENDOR: &str = "Kaffebaren Nørrebro ApS";

/// What together uses every call: tax with a hundredth to correct, a bill with its payment, one that is paid later.
fn items() -> Vec<Value> {
    let number = world::new_seed();
    let invoice = |item: Item| {
        let (date, due) = ("2026-09-01T00:00:00Z", "2026-09-30T00:00:00Z");
        item.vendor(VENDOR)
            .method("accounts_payable")
            .invoice_information(&format!("B-{number}"), date, due)
    };
    let spent = Item::card_purchase(12_502)
        .tax("S25")
        .tag("DEPT", "SALES")
        .receipt("pdf");
    let bill = Item::card_purchase(4_000)
        .vendor(VENDOR)
        .method("accounts_payable")
        .receipt("png");
    let items = [
        spent,
        bill,
        invoice(Item::invoice(9_900)).receipt("pdf"),
        invoice(Item::invoice_payment(9_900)).without_account(),
    ];
    (number..)
        .zip(items)
        .map(|(number, item)| item.numbered(number).build())
        .collect()
}

#[track_caller]
fn are_booked_once(server: &Server, world: &World, job: &str, items: &[Value], when: &str) {
    let successful = world.sandbox.job(job).count(ItemStatus::Successful);
    assert_eq!(successful, items.len(), "{when}: {:#?}", failures(world, job));
    let entries = entries(items);
    assert_eq!(server.moves(&entries).len(), items.len() + 1, "{when}");
    assert_eq!(
        server.balances(&entries),
        paper::expected(items, &CHART),
        "{when}"
    );
    let bills = server
        .moves(&entries)
        .into_iter()
        .filter(|document| document["move_type"] == "in_invoice");
    assert!(
        bills.into_iter().all(|bill| bill["payment_state"] == "paid"),
        "{when}"
    );
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new(), "{when}");
}

/// A world with one more setting at the head of a table.
fn world_with(server: &Server, url: &str, table: &str, setting: &str) -> World {
    let settings = world::settings(&server.database, url, "");
    let settings = settings.replace(&format!("{table}\n"), &format!("{table}\n{setting}\n"));
    world::world_at(server, url, "").with_settings(&settings)
}

/// At every so many-th request something happens to it, and for two more Odoo is away.
fn restarts(server: &Server, what: Passage, every: usize, setting: &str) {
    for nth in (2..).step_by(every) {
        let door = Door::before(&server.url, move |request, _| match request.checked_sub(nth) {
            Some(0) => what,
            Some(1 | 2) => Passage::Shut,
            _ => Passage::Open,
        });
        let world = world_with(server, &door.url, "[accounting.odoo]", setting);
        let items = items();
        let job = world.add_job(items.clone());
        let run = world.run(&["poll"]);
        let when = format!("{what:?} at request {nth}: {run}");
        assert_eq!(run.code, Some(0), "{when}");
        are_booked_once(server, &world, &job, &items, &when);
        if door.requests() < nth {
            assert!(nth > 20, "{nth} requests are not a whole job");
            return;
        }
    }
}

#[test]
fn an_odoo_that_restarts_in_mid_job_is_waited_for() {
    let Some(server) = support::server() else { return };
    restarts(server, Passage::Shut, 9, "");
}

#[test]
fn an_odoo_whose_answers_are_lost_in_mid_job_is_asked_again() {
    let Some(server) = support::server() else { return };
    restarts(server, Passage::AnswerLost, 6, "");
}

#[test]
fn an_odoo_that_is_slower_than_we_wait_is_asked_again() {
    let Some(server) = support::server() else { return };
    restarts(server, Passage::AnswerLate, 9, "timeout_seconds = 3");
}

#[test]
fn an_odoo_that_stays_away_is_left_to_the_next_run() {
    let Some(server) = support::server() else { return };
    let is_away = Arc::new(AtomicBool::new(false));
    let away = is_away.clone();
    let door = Door::before(&server.url, move |request, _| {
        if request == 25 {
            away.store(true, Ordering::SeqCst);
        }
        if away.load(Ordering::SeqCst) {
            Passage::Shut
        } else {
            Passage::Open
        }
    });
    let world = world_with(server, &door.url, "[accounting]", "give_up_after_seconds = 1");
    let items = items();
    let job = world.add_job(items.clone());
    world.run(&["poll"]).exits(5).says("Odoo");
    is_away.store(false, Ordering::SeqCst);
    world.run(&["resume"]).exits(0);
    are_booked_once(server, &world, &job, &items, "after it came back");
}

/// A short form of the kill matrix, of the whole program: Pleo, checkpoint, Odoo.
#[test]
fn wherever_the_program_is_killed_the_next_run_goes_on() {
    let Some(server) = support::server() else { return };
    for at in (5..).step_by(11) {
        let world = world::world(server);
        let items = items();
        let job = world.add_job(items.clone());
        let killed = world.run_with("PLEO_EXPORT_KILL_AT", &at.to_string(), &["poll"]);
        if killed.code.is_some() {
            killed.exits(0);
            assert!(at > 100, "only {at} moments: is the program killed at all?");
            return;
        }
        let when = format!("{killed}");
        world.run(&["poll"]).exits(0);
        are_booked_once(server, &world, &job, &items, &when);
    }
}

/// Only where a command that restarts the server is named: it is nothing that the other tests could bear.
#[test]
fn a_real_restart_in_mid_job_is_waited_for() {
    let Some(server) = support::server() else { return };
    let restart = std::env::vars().find(|(name, _)| name == "PLEO_EXPORT_TEST_ODOO_RESTART");
    let Some((_, restart)) = restart else {
        println!("not run: PLEO_EXPORT_TEST_ODOO_RESTART names no command that restarts Odoo");
        return;
    };
    let world = world::world_at(server, &server.url, "[pleo]\nbatch_size = 1");
    let items = items();
    let job = world.add_job(items.clone());
    let restarted = Arc::new(AtomicBool::new(false));
    let is_restarted = restarted.clone();
    world.sandbox.on_request(move |request| {
        // The first verdict: the first item is booked, the others are not.
        if request.method == "PUT" && !is_restarted.swap(true, Ordering::SeqCst) {
            let restart = restart.clone();
            // It has ended when the command has, and answers again some seconds later.
            return Hook::AfterEffect(Box::new(move || {
                let status = Command::new("bash").args(["-c", &restart]).status();
                assert!(status.unwrap().success());
            }));
        }
        Hook::Continue
    });
    world.run(&["poll"]).exits(0);
    assert!(restarted.load(Ordering::SeqCst));
    are_booked_once(server, &world, &job, &items, "restarted");
}

#[test]
fn drafts_are_payments_though_the_answer_about_them_was_lost() {
    let Some(server) = support::server() else { return };
    for what in [Passage::Shut, Passage::AnswerLost] {
        // Twice, so that the booking as a whole is without an answer and what comes after it, too.
        let left = AtomicUsize::new(2);
        let door = Door::before(&server.url, move |_, request| {
            let is_it = request.contains("/account.payment/load");
            let take_one = |left: usize| left.checked_sub(1);
            if is_it
                && left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one)
                    .is_ok()
            {
                what
            } else {
                Passage::Open
            }
        });
        let world = world::world_at(server, &door.url, "posting = \"draft\"");
        let items = items();
        world.add_job(items.clone());
        world.run(&["poll"]).exits(0);
        let documents = server.moves(&entries(&items));
        let ids: Vec<&Value> = documents.iter().map(|document| &document["id"]).collect();
        let payments = server.search("account.payment", json!([["move_id", "in", ids]]), &["state"]);
        assert_eq!(payments.len(), 2, "{what:?}: {documents:#?}");
        let linked = documents
            .iter()
            .filter(|document| document["origin_payment_id"].is_array());
        assert_eq!(linked.count(), 2, "{what:?}: {documents:#?}");
    }
}

#[test]
fn what_is_not_answered_is_not_tried_one_by_one() {
    let Some(server) = support::server() else { return };
    let with_payment = |hundredths| payable(expense(hundredths), "card_purchase", &invoice_number());
    let with_a_hundredth_to_correct = |_| ExportItem {
        lines: vec![taxed(12_502, 2_500, MEALS)],
        ..expense(12_502)
    };
    let items = |item: &dyn Fn(i64) -> ExportItem| [1_000, 2_000, 3_000].map(item);
    for (call, items) in [
        ("/account.payment/load", items(&with_payment)),
        ("/account.move/write", items(&with_a_hundredth_to_correct)),
    ] {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let door = Door::before(&server.url, move |_, request| {
            if request.contains(call) {
                count.fetch_add(1, Ordering::SeqCst);
                Passage::AnswerLost
            } else {
                Passage::Open
            }
        });
        let mut books = server.books_with(|settings| settings.url = door.url.parse().unwrap());
        for answer in books.book(&items) {
            assert!(
                matches!(answer, Err(SystemError::Unknown { .. })),
                "{call}: {answer:?}"
            );
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1, "{call}");
        for (item, answer) in items.iter().zip(server.books().book(&items)) {
            answer.unwrap();
            assert!(server.documents(item).len() <= 2, "{call}");
        }
    }
}
