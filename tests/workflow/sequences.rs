use std::time::Duration;

use crate::in_process::{Answers, DiesBeforeAttaching, SearchedBooks, problem_kind};
use crate::interrupt::{Fate, is_event, nth_of};
use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Event, Fault, Hook, ItemStatus, JobStatus, Trouble};
use crate::support::World;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

fn bill_with_payment() -> serde_json::Value {
    Item::card_purchase(12_500)
        .id(ENTRY)
        .vendor("Nordlys Kontor A/S")
        .method("accounts_payable")
        .build()
}

#[test]
fn a_write_that_lands_after_a_look_up_said_absent() {
    let world = World::new().impatient();
    let first = world.add_job(vec![Item::card_purchase(100).id(ENTRY).build()]);
    let mut books = SearchedBooks::default();
    books.answers(Answers::LostAndLate);
    let report = world.poll_with(&mut books);
    assert_eq!(problem_kind(&report), "needs_person");
    let item = world.sandbox.job(&first).item(ENTRY).clone();
    assert_eq!(item.status, ItemStatus::Failed);
    assert!(item.failure_reason.unwrap().starts_with("May be booked: "));
    assert_eq!(
        books.bookings(),
        1,
        "absent after a lost answer is not booked again"
    );

    books.land();
    books.answers(Answers::Come);
    let second = world.add_job(vec![Item::card_purchase(100).id(ENTRY).build()]);
    world.poll_with(&mut books);
    assert_eq!(
        world.sandbox.job(&second).item(ENTRY).external_id.as_deref(),
        Some("D-1")
    );
    assert_eq!(books.documents().into_values().collect::<Vec<_>>(), [1]);
}

fn of_one_invoice(count: u64) -> Vec<serde_json::Value> {
    let (day, vendor) = ("2026-09-01T00:00:00Z", "Nordlys Kontor A/S");
    let item = |number| {
        let item = match number {
            0 => Item::invoice(10_000),
            _ => Item::invoice_payment(1_000).without_account(),
        };
        let item = item.vendor(vendor).method("accounts_payable").without_tax();
        let item = item.invoice_information("F-1", day, day);
        item.date(&format!("2026-09-{:02}T12:00:00Z", number + 1)).build()
    };
    (0..count).map(item).collect()
}

#[test]
fn what_was_held_back_or_surely_refused_is_never_said_to_be_booked_perhaps() {
    // The first answer is lost, and the process dies while it looks for the second item.
    let day = "2026-09-01T00:00:00Z";
    let unknown_vendor = Item::invoice(10_000)
        .vendor("Nordlys Kontor A/S")
        .method("accounts_payable")
        .invoice_information("F-2", day, day)
        .date("2026-09-02T12:00:00Z")
        .build();
    let held = (of_one_invoice(2), false);
    let refused = (
        vec![Item::card_purchase(100).date(day).build(), unknown_vendor],
        true,
    );
    for (items, knows_no_vendor) in [held, refused] {
        let world =
            World::new().with_settings("[pleo]\nbatch_size = 1\n[accounting]\ngive_up_after_seconds = 1\n");
        let job = world.add_job(items.clone());
        let mut books = SearchedBooks::default();
        if knows_no_vendor {
            books.know_no_vendor();
        }
        books.answers(Answers::DieInTheMiddle);
        world.die_with(&mut books);
        books.answers(Answers::Come);
        world.poll_with(&mut books);
        let second = items[1]["accountingEntryId"].as_str().unwrap();
        let second = world.sandbox.job(&job).item(second).clone();
        let reason = second.failure_reason.unwrap_or_default();
        if knows_no_vendor {
            assert!(reason.ends_with("Nothing was booked."), "{reason}");
        } else {
            assert_eq!((second.status, &*reason), (ItemStatus::Successful, ""));
        }
    }
}

#[test]
fn as_long_as_items_are_settled_the_rest_is_gone_on_with() {
    let world = World::new().with_settings("[accounting]\ngive_up_after_seconds = 2\n");
    let job = world.add_job(of_one_invoice(4));
    let mut books = SearchedBooks::default();
    books.answers(Answers::LostAndLate);
    let report = world.poll_with(&mut books);
    assert_eq!(problem_kind(&report), "needs_person", "{report:?}");
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Failed), 4);
    assert_eq!(books.bookings(), 4, "each had its turn");
}

/// Our `started` never arrives, but that of another machine does.
fn another_machine_wins(world: &World, job: &str) {
    let (control, id) = (world.sandbox.control(), job.to_owned());
    world.sandbox.on_request(move |request| {
        if is_event(request, "started") {
            control.set_job_status(&id, JobStatus::InProgress);
            return Hook::Trouble(Trouble::ResetBeforeEffect);
        }
        Hook::Continue
    });
}

#[test]
fn a_started_whose_answer_is_lost_while_another_machine_wins() {
    let world = World::new().impatient();
    let job = world.add_mixed_job(3, 1);
    another_machine_wins(&world, &job);
    let mut searched = SearchedBooks::default();
    let report = world.poll_with(&mut searched);
    assert_eq!(
        problem_kind(&report),
        "needs_person",
        "whose job it is cannot be known"
    );
    assert_eq!(searched.bookings(), 0);

    // Where nothing can be booked twice, the work goes on: the other machine finds our entries or we find its.
    let world = World::new().impatient();
    let job = world.add_mixed_job(3, 1);
    another_machine_wins(&world, &job);
    world.run(&["poll"]).exits(0);
    assert_eq!(
        world.sandbox.job(&job).events,
        [Event::Completed],
        "`started` is not sent again"
    );
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_bill_booked_and_its_payment_not() {
    // In books that are locked, what is missing is added, and the bill stays the one it is.
    let world = World::new();
    world.add_job(vec![bill_with_payment()]);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.books().documents().len(), 2);
    world
        .books()
        .take_out(|text| text.contains("pleo-part: \"payment\""));
    assert_eq!(world.books().documents().len(), 1);
    let second = world.add_job(vec![bill_with_payment()]);
    world.run(&["poll"]).exits(0);
    assert_eq!(
        world.sandbox.job(&second).item(ENTRY).external_id.as_deref(),
        Some("PLEO-2026-000001")
    );
    world.keeps_its_promise_and_all_rules();

    // In books that can only be searched, the payment may still be on its way: nobody sends it again.
    let world = World::new().impatient();
    let job = world.add_job(vec![bill_with_payment()]);
    let mut searched = SearchedBooks::default();
    searched.answers(Answers::DieInTheMiddle);
    world.die_with(&mut searched);
    searched.answers(Answers::Come);
    world.poll_with(&mut searched);
    searched.land();
    let documents = searched.documents();
    assert!(documents.values().all(|times| *times == 1), "{documents:?}");
    let reason = world.failure_reason(&job, ENTRY);
    assert!(reason.starts_with("Booked as D-1: "), "{reason}");
}

#[test]
fn killed_between_booking_and_attaching() {
    let world = World::new();
    let job = world.add_mixed_job(9, 1);
    world.die_with(&mut DiesBeforeAttaching(world.beancount()));
    assert_eq!(world.books().entries().len(), 9);
    assert_eq!(world.books().attached().len(), 0);
    world.run(&["resume"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    assert!(world.books().attached().len() > 3);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn an_in_progress_update_that_arrives_after_the_final_one() {
    let world = World::new();
    let job = world.add_job(vec![
        Item::card_purchase(100).id(ENTRY).build(),
        Item::card_purchase(200).build(),
    ]);
    let (control, id) = (world.sandbox.control(), job.clone());
    let is_first_update = nth_of("PUT", 1);
    world.sandbox.on_request(move |request| {
        if is_first_update(request) {
            control.set_item_status(&id, ENTRY, ItemStatus::Successful);
        }
        Hook::Continue
    });
    world.run(&["poll"]).exits(0);
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Completed]);
    assert_eq!(
        state.item(ENTRY).history,
        [ItemStatus::Pending, ItemStatus::Successful]
    );
    assert_eq!(
        world.books().entries().len(),
        1,
        "what somebody else has finished is left to them"
    );
    let verdicts_on_it = world
        .sandbox
        .requests()
        .iter()
        .filter(|request| request.method == "PUT")
        .filter(|request| request.body.to_string().contains(ENTRY))
        .count();
    assert_eq!(
        verdicts_on_it, 1,
        "once Pleo has a final status, it is not told another one"
    );
}

#[test]
fn unsent_results_of_an_older_process_meeting_a_final_status() {
    let world = World::new();
    let job = world.add_job(vec![
        Item::card_purchase(100).id(ENTRY).build(),
        Item::card_purchase(200).build(),
    ]);
    world.kill_at_update(2, Fate::IsLost);
    world.sandbox.set_item_status(&job, ENTRY, ItemStatus::Failed);
    let before = world.sandbox.request_count();
    world.run(&["resume"]).exits(3);
    let state = world.sandbox.job(&job);
    assert_eq!(state.item(ENTRY).status, ItemStatus::Failed);
    assert_eq!(state.status, JobStatus::CompletedWithErrors);
    for request in world.sandbox.requests().split_off(before) {
        assert!(
            request.method != "PUT" || !request.body.to_string().contains(ENTRY),
            "nobody talks over a final status: {request:?}"
        );
    }
    world.books().has_nothing_twice();
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn a_job_cancelled_or_expired_in_mid_batch() {
    type End = fn(&crate::sandbox::Control, &str);
    let ends: [(End, &str); 2] = [
        (|control, job| control.cancel_job(job), "was cancelled in Pleo"),
        (|control, job| control.expire_job(job), "expired"),
    ];
    for (end, says) in ends {
        let world = World::new();
        let job = world.add_mixed_job(12, 1);
        let (control, id) = (world.sandbox.control(), job.clone());
        let is_verdict = nth_of("PUT", 2);
        world.sandbox.on_request(move |request| {
            if is_verdict(request) {
                end(&control, &id);
            }
            Hook::Continue
        });
        world
            .run(&["poll"])
            .exits(4)
            .says(says)
            .says("export the open expenses again");
        assert_eq!(world.books().entries().len(), 12);
        world.run(&["poll"]).exits(0);

        let again = world.add_mixed_job(12, 1);
        let numbers = world.books().numbers();
        world.run(&["poll"]).exits(0);
        assert_eq!(world.books().numbers(), numbers, "the next job finds every entry");
        assert_eq!(world.sandbox.job(&again).count(ItemStatus::Successful), 12);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_final_event_accepted_then_a_crash() {
    let world = World::new();
    let job = world.add_mixed_job(3, 1);
    let run = world.run_and_signal(&["poll"], "KILL", Fate::TakesEffect, |request| {
        is_event(request, "completed")
    });
    assert_eq!(run.code, None);
    world
        .run(&["resume"])
        .exits(0)
        .says("completed: 3 items, 3 booked");
    assert_eq!(world.sandbox.job(&job).events, [Event::Started, Event::Completed]);
    world.run(&["status"]).exits(0).says("completed");
    world.keeps_its_promise_and_all_rules();

    // The event never arrived and the job expired meanwhile: that is not the end that we meant.
    let world = World::new();
    let job = world.add_mixed_job(3, 1);
    world.run_and_signal(&["poll"], "KILL", Fate::IsLost, |request| {
        is_event(request, "completed")
    });
    world.sandbox.expire_job(&job);
    world.run(&["poll"]).exits(4).says("expired");
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn validation_that_fails_on_a_resumed_job_with_entries_already_booked() {
    let world = World::new().with_settings("[pleo]\nbatch_size = 4\n");
    let items = seed::mixed(12, 1);
    let job = world.add_job(items.clone());
    // The first batch is booked and reported, the second announced, the third untouched.
    world.kill_at_update(3, Fate::TakesEffect);
    std::fs::rename(world.path("books"), world.path("elsewhere")).unwrap();
    std::fs::write(world.path("books"), "not a folder").unwrap();
    // There is time for a person to mend it, and then there is none.
    world.run(&["resume"]).exits(2).says("is a file");
    assert_eq!(world.sandbox.job(&job).events, [Event::Started]);
    world.sandbox.advance_clock(Duration::from_secs(40 * 60));
    world.run(&["resume"]).exits(6).says("is a file");
    let state = world.sandbox.job(&job);
    assert_eq!(
        state.events,
        [Event::Started, Event::CompletedWithErrors],
        "no `failed` after a booking"
    );
    assert_eq!(state.count(ItemStatus::Successful), 4);
    let may_be_booked = state
        .items
        .iter()
        .filter_map(|item| item.failure_reason.as_deref())
        .filter(|reason| reason.starts_with("May be booked: "))
        .count();
    assert_eq!(
        may_be_booked, 8,
        "an earlier export may have booked what was not touched: {state:#?}"
    );

    std::fs::remove_file(world.path("books")).unwrap();
    std::fs::rename(world.path("elsewhere"), world.path("books")).unwrap();
    world.keeps_its_promise();
    let again = world.add_job(items);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&again).count(ItemStatus::Successful), 12);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn configuration_changed_between_crash_and_resume() {
    let world = World::new();
    let with_receipt = || {
        Item::card_purchase(12_500)
            .id(ENTRY)
            .account("6800")
            .receipt("pdf")
            .build()
    };
    world.add_job(vec![with_receipt()]);
    world.die_with(&mut DiesBeforeAttaching(world.beancount()));
    // Under the new settings the expense could not be booked; it is in the books all the same.
    let world = world.with_settings(
        "[bookkeeping]\nclosed_until = \"2026-12-31\"\n[receipts]\ntimeout_seconds = 1\ngive_up_after_seconds = 1\n",
    );
    // What is late waits for another run here as well.
    let slow = Trouble::slow(Duration::from_secs(5));
    world
        .sandbox
        .fault(Fault::new(slow).on("GET", "/receipts/**").always());
    world.run(&["resume"]).exits(5).says("did not come in time");
    world.sandbox.clear_faults();
    let world = world.with_settings("[bookkeeping]\nclosed_until = \"2026-12-31\"\n");
    let run = world.run(&["resume"]).exits(0);
    assert_eq!(
        world.books().attached().len(),
        1,
        "and its receipt still belongs to it: {run}"
    );
    world.keeps_its_promise_and_all_rules();

    // A batch that was not booked follows the new settings, one that was stays as it is.
    let world = World::new().with_settings("[pleo]\nbatch_size = 5\n");
    let job = world.add_mixed_job(10, 1);
    world.kill_at_update(2, Fate::IsLost);
    let numbers = world.books().numbers();
    assert_eq!(world.books().entries().len(), 5);
    let world = world.with_settings(
        "[pleo]\nbatch_size = 3\n[bookkeeping]\nposting = \"final\"\n[accounts]\nwallet = \"Assets:Other\"\n",
    );
    world.run(&["resume"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 10);
    assert!(world.books().numbers().starts_with(&numbers));
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn items_that_pleo_refuses_to_update() {
    let world = World::new();
    let job = world.add_job(vec![
        Item::card_purchase(100).id(ENTRY).build(),
        Item::card_purchase(200).build(),
    ]);
    world.sandbox.fault(
        Fault::new(Trouble::RefusedItems {
            entries: vec![ENTRY.to_owned()],
            error_type: "EXPORT_ENTRY_STATUS_UPDATE_FAILED".to_owned(),
        })
        .always(),
    );
    world
        .run(&["poll"])
        .exits(6)
        .says("does not take the verdicts of 1 item");
    let state = world.sandbox.job(&job);
    assert_eq!(
        (state.status, state.count(ItemStatus::Successful)),
        (JobStatus::InProgress, 1)
    );
    assert_eq!(
        world.books().entries().len(),
        1,
        "announced in vain is not booked"
    );
    world.run(&["poll"]).exits(6);

    // Our own updates keep the job alive, so it is the time of our work on it that runs out.
    world.sandbox.advance_clock(Duration::from_secs(30 * 60));
    world.run(&["poll"]).exits(6);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::InProgress);
    world.sandbox.advance_clock(Duration::from_secs(20 * 60));
    world.run(&["poll"]).exits(6);
    assert_eq!(
        world.sandbox.job(&job).status,
        JobStatus::CompletedWithErrors,
        "the queue goes on"
    );
    world.run(&["poll"]).exits(0);
    world.books().has_nothing_twice();
}

#[test]
fn a_start_that_is_accepted_and_takes_effect_later() {
    for reads in [Some(1), Some(3), None] {
        let world = World::new().impatient();
        let jobs = [world.add_mixed_job(3, 1), world.add_mixed_job(2, 2)];
        world.sandbox.fault(Fault::new(Trouble::LateEvent(reads)));
        let first = world.run(&["poll"]);
        assert!(matches!(first.code, Some(0 | 5)), "{first}");
        world.run(&["poll"]).exits(0);
        for job in jobs {
            // A start that never takes effect is sent again by the next run.
            let events = world.sandbox.job(&job).events;
            assert!(
                events.ends_with(&[Event::Started, Event::Completed]),
                "{reads:?}: {events:?}"
            );
        }
        world.keeps_its_promise();
    }
}

#[test]
fn what_was_booked_although_its_answer_was_lost_counts_in_the_wallet() {
    let world = World::new().with_settings("[accounting]\ngive_up_after_seconds = 2\n");
    let job = world.add_job(vec![Item::card_purchase(12_500).build()]);
    let mut books = SearchedBooks::default();
    books.answers(Answers::LostInTime);
    let report = world.poll_with(&mut books);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 1);
    let wallet: Vec<_> = report.jobs[0]
        .totals
        .wallet
        .values()
        .map(|sum| sum.in_hundredths())
        .collect();
    assert_eq!(wallet, [-12_500], "{report:?}");
}
