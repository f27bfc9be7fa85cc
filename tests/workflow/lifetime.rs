use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Map, json};

use crate::connector::connector;
use crate::interrupt::{is_event, nth_of};
use crate::sandbox::seed::Item;
use crate::sandbox::{Event, Fault, Hook, ItemStatus, JobStatus, Options, Trouble};
use crate::support::World;

const HANGING: &str = "7e57c0de-0000-4000-8000-0000000000aa";

fn living_for(seconds: u64) -> World {
    World::with_options(Options {
        lifetime_seconds: seconds,
        ..Options::default()
    })
}

#[test]
fn long_work_reports_before_the_job_expires() {
    // Fetching all receipts takes longer than the job lives without a word from us.
    let world = living_for(12);
    let items = (0..300).map(|number| Item::card_purchase(100 + number).receipt("pdf").build());
    let job = world.add_job(items.collect());
    world.sandbox.fault(
        Fault::new(Trouble::slow(Duration::from_millis(400)))
            .on("GET", "/receipts/**")
            .always(),
    );
    world.run(&["poll"]).exits(0);
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Completed]);
    assert!(state.updates > 4, "{} updates", state.updates);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn slow_books_are_told_of_before_the_job_expires() {
    // The only batch takes longer than the job lives without a word from us.
    for verb in ["book", "attach"] {
        let world = living_for(6);
        let journal = world.path("journal");
        std::fs::create_dir(&journal).unwrap();
        std::fs::write(journal.join("accounts.txt"), "6800\n5820\n").unwrap();
        let slowly = format!(
            "while IFS= read -r line; do case $line in *'\"verb\":\"{verb}\"'*) sleep 0.8;; esac; \
             printf '%s\\n' \"$line\"; done | '{}' journal",
            connector()
        );
        let world = world.with_settings(&format!(
            "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [\"/bin/sh\", \"-c\", {slowly:?}]\n"
        ));
        let items = (0..10).map(|number| Item::card_purchase(100 + number).receipt("pdf").build());
        let job = world.add_job(items.collect());
        world.run(&["poll"]).exits(0);
        let state = world.sandbox.job(&job);
        assert_eq!(state.events, [Event::Started, Event::Completed], "{verb}");
        assert_eq!(state.count(ItemStatus::Successful), 10);
        assert!(state.updates > 4, "{verb}: {} updates", state.updates);
        let booked = std::fs::read_dir(journal.join("journal")).unwrap();
        let is_entry = |name: &std::ffi::OsString| name.to_string_lossy().ends_with(".csv");
        assert_eq!(
            booked
                .map(|file| file.unwrap().file_name())
                .filter(is_entry)
                .count(),
            10
        );
        assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
    }
}

#[test]
fn a_job_whose_time_cannot_suffice_is_left_with_a_word_and_nothing_booked() {
    let world = World::new();
    let job = world.add_mixed_job(4, 1);
    let soon = Trouble::JobSays(Map::from_iter([("expiresIn".to_owned(), json!(2))]));
    world.sandbox.fault(Fault::new(soon).on("GET", "/v3/**").always());
    world
        .run(&["poll"])
        .exits(5)
        .says("too short for another batch")
        .says("fewer at a time");
    assert_eq!(world.books().entries().len(), 0);
    assert_eq!(world.sandbox.job(&job).updates, 0);
    world.sandbox.clear_faults();
    world.sandbox.advance_clock(Duration::from_secs(3700));
    world.run(&["poll"]).exits(4).says("expired");
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn time_runs_on_pleos_clock_however_far_it_is_from_ours() {
    for ahead in [
        Duration::from_secs(3 * 24 * 3600),
        Duration::from_secs(400 * 24 * 3600),
    ] {
        let world = World::new();
        world.sandbox.advance_clock(ahead);
        let job = world.add_mixed_job(10, 1);
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_clock_that_jumps_in_mid_job_ends_it_or_does_not_and_either_way_nothing_is_lost() {
    for (minutes, code) in [(50, 0), (70, 4)] {
        let world = World::new().with_settings("[pleo]\nbatch_size = 4\n");
        let job = world.add_mixed_job(12, 1);
        let (control, is_moment) = (world.sandbox.control(), nth_of("PUT", 3));
        world.sandbox.on_request(move |request| {
            if is_moment(request) {
                control.advance_clock(Duration::from_secs(minutes * 60));
            }
            Hook::Continue
        });
        world.run(&["poll"]).exits(code);
        if code == 4 {
            assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 4);
            let again = world.add_mixed_job(12, 1);
            world.run(&["poll"]).exits(0);
            assert_eq!(world.sandbox.job(&again).count(ItemStatus::Successful), 12);
        }
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn addresses_of_receipts_that_expired_are_read_again() {
    let world = World::new();
    let job = world.add_mixed_job(9, 1);
    let seen = std::sync::atomic::AtomicBool::new(false);
    world.sandbox.on_request(move |request| {
        // A receipt's address lives for a day, and this host answers 403 to the first one asked for.
        let is_receipt = request.path.starts_with("/receipts/");
        if is_receipt && !seen.swap(true, std::sync::atomic::Ordering::SeqCst) {
            return Hook::Trouble(Trouble::Status(403));
        }
        Hook::Continue
    });
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 9);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn an_event_that_pleo_applies_late_is_waited_for_and_not_sent_twice() {
    for reads in [1, 3] {
        let world = World::new();
        let job = world.add_mixed_job(3, 1);
        world
            .sandbox
            .fault(Fault::new(Trouble::LateEvent(Some(reads))).at(2));
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).events, [Event::Started, Event::Completed]);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_stop_while_pleo_is_late_with_the_end_leaves_it_to_the_next_run() {
    let world = World::new();
    let job = world.add_mixed_job(3, 1);
    world.sandbox.fault(Fault::new(Trouble::LateEvent(None)).at(2));
    let reads = std::sync::atomic::AtomicUsize::new(0);
    let closing = std::sync::atomic::AtomicBool::new(false);
    let is_moment = move |request: &crate::sandbox::Request| {
        use std::sync::atomic::Ordering::SeqCst;
        if is_event(request, "completed") {
            closing.store(true, SeqCst);
        }
        closing.load(SeqCst) && request.method == "GET" && reads.fetch_add(1, SeqCst) == 1
    };
    let run = world.run_and_signal(&["poll"], "TERM", crate::interrupt::Fate::TakesEffect, is_moment);
    run.exits(5);
    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.keeps_its_promise();
}

#[test]
fn a_start_that_pleo_applies_late_is_waited_for_and_the_job_stays_ours() {
    for reads in [0, 1, 3] {
        let world = World::new();
        let job = world.add_mixed_job(3, 1);
        world.sandbox.fault(Fault::new(Trouble::LateEvent(Some(reads))));
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).events, [Event::Started, Event::Completed]);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_start_that_never_takes_effect_is_sent_again_by_the_next_run() {
    let world = World::new();
    let job = world.add_mixed_job(3, 1);
    world.sandbox.fault(Fault::new(Trouble::LateEvent(None)));
    world.run(&["poll"]).exits(5).says("still shows it as pending");
    assert_eq!(world.books().entries().len(), 0);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.keeps_its_promise();
}

#[test]
fn our_own_start_whose_answer_was_lost_is_not_taken_for_somebody_elses() {
    let world = World::new();
    let job = world.add_mixed_job(3, 1);
    let (control, id) = (world.sandbox.control(), job.clone());
    let starts = std::sync::atomic::AtomicUsize::new(0);
    world.sandbox.on_request(move |request| {
        if !is_event(request, "started") {
            return Hook::Continue;
        }
        if starts.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            // As if it arrived and nobody can tell: the answer is lost, the job is shown as pending for now.
            return Hook::Trouble(Trouble::Status(500));
        }
        control.set_job_status(&id, JobStatus::InProgress);
        Hook::Continue
    });
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_receipt_host_that_hangs_fails_its_item_and_not_the_job() {
    // Patience with one receipt is far longer than the job lives. What is late waits for another run, as long as the job
    // has time for one.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/receipt.pdf", silent.local_addr().unwrap());
    for files in [1, 12] {
        let world = living_for(12);
        let mut hanging = Item::card_purchase(100).id(HANGING);
        for _ in 0..files {
            hanging = hanging.file(&address, "application/pdf", 7);
        }
        let mut items = vec![hanging.build()];
        items.extend((0..20).map(|number| Item::card_purchase(100 + number).receipt("pdf").build()));
        let job = world.add_job(items);
        world.run(&["poll"]).exits(5).says("did not come in time");
        assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 20);
        // The next run is the last that there is time for.
        world.sandbox.advance_clock(Duration::from_secs(6));
        let last = (0..10)
            .map(|_| world.run(&["poll"]))
            .find(|run| run.code != Some(5));
        last.unwrap().exits(3);
        let state = world.sandbox.job(&job);
        assert_eq!(state.events, [Event::Started, Event::CompletedWithErrors]);
        let failed = state.item(HANGING).clone();
        assert_eq!(
            failed.failure_reason_type.as_deref(),
            Some("receipt_download_failure")
        );
        assert!(failed.failure_reason.unwrap().contains("export again later"));
        assert_eq!(
            std::fs::read_dir(world.path("receipts")).map_or(0, Iterator::count),
            0
        );
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_job_that_expires_while_it_is_being_failed_is_told_as_expired() {
    for is_lost in [false, true] {
        let world = World::new();
        let job = world.add_mixed_job(3, 1);
        let trouble = Trouble::MissingContraAccounts(vec!["account".to_owned()]);
        world.sandbox.fault(Fault::new(trouble).always());
        let (control, id) = (world.sandbox.control(), job.clone());
        world.sandbox.on_request(move |request| {
            if is_event(request, "failed") {
                control.expire_job(&id);
                if is_lost {
                    return Hook::Trouble(Trouble::LostAnswer);
                }
            }
            Hook::Continue
        });
        let run = world.run(&["poll", "--json"]).exits(4);
        let message = run.json()["error"]["message"].to_string();
        assert!(message.contains("expired"), "{run}");
        world.run(&["status"]).exits(0).says("expired");
        world.run(&["poll"]).exits(0);
        world.keeps_its_promise_and_all_rules();
    }
}
