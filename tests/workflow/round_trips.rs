//! A run waits for Pleo no longer than it must: what is asked side by side, what is not asked again, and how fast.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::interrupt::{Fate, nth_of};
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, Hook, ItemStatus, JobStatus, Options, Request, Trouble};
use crate::support::World;

const LIST: &str = "/v3/export-jobs/*/items";
const DATA: &str = "/v3/export-items";

/// No receipts, and pages as large as they may be.
fn world(settings: &str) -> World {
    let options = Options {
        page_size_max: 100,
        ..Options::default()
    };
    World::with_options(options).with_settings(settings)
}

fn is_list(request: &Request) -> bool {
    request.method == "GET" && request.path.ends_with("/items")
}

fn is_count(request: &Request) -> bool {
    is_list(request) && request.query.contains("status=")
}

/// Answers the first request of one kind only when one of another has come.
fn held_until(
    world: &World,
    is_held: impl Fn(&Request) -> bool + Send + 'static,
    is_awaited: impl Fn(&Request) -> bool + Send + 'static,
) {
    let (release, until) = oneshot::channel();
    let hold = Mutex::new((Some(release), Some(until)));
    world.sandbox.on_request(move |request| {
        let (release, until) = &mut *hold.lock().unwrap();
        if is_awaited(request) {
            // Dropped, it is answered.
            *release = None;
        }
        match until.take_if(|_| is_held(request)) {
            Some(until) => Hook::Held(until),
            None => Hook::Continue,
        }
    });
}

const WITHOUT_RECEIPTS: &str = "[bookkeeping]\nattachments = \"none\"\n[pleo]\ntimeout_seconds = 5\n\
                                give_up_after_seconds = 1\n";

#[test]
fn at_its_end_a_larger_job_is_counted_and_a_small_one_read() {
    for (items, counts, pages) in [(300, 0, 6), (301, 5, 4)] {
        let world = world(WITHOUT_RECEIPTS);
        world.add_mixed_job(items, 1);
        world.run(&["poll"]).exits(0);
        let requests = world.sandbox.requests();
        let counted = requests.iter().filter(|request| is_count(request)).count();
        let listed = requests.iter().filter(|request| is_list(request)).count();
        assert_eq!((counted, listed - counted), (counts, pages), "{items}");
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn counts_that_leave_anything_open_are_not_believed() {
    let total = |to: &str| Trouble::OddBytes {
        from: "\"total\":301".to_owned(),
        to: to.as_bytes().to_vec(),
    };
    for (trouble, status) in [
        (Some(total("\"total\":300")), JobStatus::Completed),
        (Some(total("\"total\":null")), JobStatus::Completed),
        (Some(Trouble::Status(400)), JobStatus::Completed),
        (Some(Trouble::Status(500)), JobStatus::Completed),
        // Somebody has abandoned an item whose verdict Pleo had.
        (None, JobStatus::CompletedWithErrors),
    ] {
        let world = world(WITHOUT_RECEIPTS);
        let job = world.add_mixed_job(301, 1);
        let (control, id) = (world.sandbox.control(), job.clone());
        let told = format!("{trouble:?}");
        world.sandbox.on_request(move |request| match &trouble {
            _ if !is_count(request) => Hook::Continue,
            Some(trouble) => Hook::Trouble(trouble.clone()),
            None => {
                let entry = &control.job(&id).items[0].entry;
                control.set_item_status(&id, entry, ItemStatus::Abandoned);
                Hook::Continue
            }
        });
        world.run(&["poll"]);
        let requests = world.sandbox.requests();
        let after = requests.iter().skip_while(|request| !is_count(request));
        let read = after.filter(|request| is_list(request) && !is_count(request));
        assert_eq!(read.count(), 4, "{told}");
        let state = world.sandbox.job(&job);
        assert_eq!(state.status, status, "{told}");
        assert_eq!(state.updates, 8, "{told}");
        world.books().has_nothing_twice();
    }
}

#[test]
fn the_layers_are_read_side_by_side() {
    let world = world(WITHOUT_RECEIPTS);
    world.add_mixed_job(120, 1);
    held_until(&world, is_list, |request| {
        request.path == DATA && request.query.contains("after=")
    });
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn an_item_is_no_failure_because_its_data_came_before_it_was_listed() {
    let world = world(WITHOUT_RECEIPTS);
    let job = world.add_mixed_job(5, 1);
    let entry = world.sandbox.job(&job).items[2].entry.clone();
    let other = Trouble::OddBytes {
        from: entry,
        to: b"0b0e5a5e-0000-4000-8000-000000000000".to_vec(),
    };
    world.sandbox.fault(Fault::new(other).on("GET", DATA));
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 5);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn what_goes_wrong_with_either_layer_is_told_as_ever() {
    for (path, trouble, code) in [
        (LIST, Trouble::RepeatedCursor, 1),
        (DATA, Trouble::RepeatedCursor, 1),
        (LIST, Trouble::Status(503), 5),
        (DATA, Trouble::Status(503), 5),
        (DATA, Trouble::MissingContraAccounts(vec!["DKK".to_owned()]), 4),
    ] {
        let world = world(WITHOUT_RECEIPTS);
        world.add_mixed_job(120, 1);
        let told = format!("{path} {trouble:?}");
        world.sandbox.fault(Fault::new(trouble).on("GET", path).always());
        let run = world.run(&["poll"]);
        assert_eq!(run.code, Some(code), "{told}: {run}");
    }
}

/// Items with a receipt each, booked one by one.
fn with_receipts(items: u64) -> World {
    let world = world("[pleo]\nbatch_size = 1\n");
    let item = |number| Item::card_purchase(1_000).numbered(number).receipt("pdf").build();
    world.add_job((1..=items).map(item).collect());
    world
}

fn is_receipt(request: &Request) -> bool {
    request.path.starts_with("/receipts/")
}

#[test]
fn receipts_of_the_next_batch_come_while_this_one_is_booked_and_no_others() {
    let world = with_receipts(4);
    let receipts = AtomicUsize::new(0);
    held_until(
        &world,
        |request| request.method == "PUT",
        move |request| is_receipt(request) && receipts.fetch_add(1, Ordering::SeqCst) == 1,
    );
    world.run(&["poll"]).exits(0);
    let requests = world.sandbox.requests();
    // Each update in turn: announced, told. At most one batch is ahead of it.
    let mut updates = 0;
    let mut receipts = 0;
    for request in &requests {
        updates += usize::from(request.method == "PUT");
        receipts += usize::from(is_receipt(request));
        assert!(receipts <= updates / 2 + 2, "{requests:#?}");
    }
    assert_eq!((updates, receipts), (8, 4));
    assert_eq!(world.kept_receipts(), [""; 0]);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_run_that_ends_in_between_leaves_no_receipts_behind() {
    // The run is stopped; the job ends; the credential is taken away.
    for what in ["stop", "end", "refusal"] {
        let world = with_receipts(3);
        let job = world.sandbox.jobs()[0].id.clone();
        match what {
            "stop" => {
                let run = world.run_and_signal(&["poll"], "TERM", Fate::TakesEffect, nth_of("PUT", 2));
                assert_eq!(run.code, Some(5), "{run}");
            }
            "end" => {
                let (control, is_second) = (world.sandbox.control(), nth_of("PUT", 2));
                world.sandbox.on_request(move |request| {
                    if is_second(request) {
                        control.expire_job(&job);
                    }
                    Hook::Continue
                });
                world.run(&["poll"]).exits(4);
            }
            _ => {
                world
                    .sandbox
                    .fault(Fault::new(Trouble::Status(401)).on("PUT", LIST).at(2).always());
                world.run(&["poll"]).exits(2);
            }
        }
        assert_eq!(world.kept_receipts(), [""; 0], "{what}");
    }
}

#[test]
fn requests_leave_as_far_apart_as_the_settings_say() {
    let world = world("[pleo]\nrequests_per_minute = 600\n");
    world.add_mixed_job(1, 1);
    let began = Instant::now();
    world.run(&["poll"]).exits(0);
    let requests = world.sandbox.requests();
    let gaps = requests.iter().filter(|request| !is_receipt(request)).count() - 1;
    assert!(began.elapsed() >= Duration::from_millis(100) * u32::try_from(gaps).unwrap());
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn the_wait_between_requests_is_not_taken_from_the_patience_with_pleo() {
    let world = world("[pleo]\nrequests_per_minute = 20\ngive_up_after_seconds = 2\n");
    world.add_mixed_job(1, 1);
    world
        .sandbox
        .fault(Fault::new(Trouble::Status(503)).on("GET", LIST).at(2));
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_stop_ends_the_wait_for_the_next_request_at_once() {
    let world = world("[pleo]\nrequests_per_minute = 1\n");
    world.add_mixed_job(1, 1);
    let began = Instant::now();
    let run = world.run_and_signal(&["poll"], "TERM", Fate::TakesEffect, nth_of("GET", 1));
    assert_eq!(run.code, Some(5), "{run}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}
