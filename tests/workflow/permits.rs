//! What it costs to know that a job is still ours, and what is told of one that is not. Stopped processes are in
//! `tests/promise`.

use std::time::Duration;

use serde_json::{Map, json};

use crate::interrupt::{Fate, is_event, nth_of};
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, Hook, ItemStatus, JobStatus, Request, Trouble};
use crate::support::World;

const SMALL_BATCHES: &str = "[pleo]\nbatch_size = 4\n";

/// How often the job itself was read, and how often its items from the start.
fn readings(requests: &[Request], job: &str) -> (usize, usize) {
    let path = format!("/v3/export-jobs/{job}");
    let items = format!("{path}/items");
    let count = |is_meant: &dyn Fn(&Request) -> bool| {
        let read = requests.iter().filter(|request| request.method == "GET");
        read.filter(|request| is_meant(request)).count()
    };
    (
        count(&|request| request.path == path),
        count(&|request| request.path == items && !request.query.contains("after=")),
    )
}

fn silent_after(milliseconds: u64) -> World {
    World::new()
        .with_settings(SMALL_BATCHES)
        .with_variable("PLEO_EXPORT_SILENCE", milliseconds.to_string())
}

#[test]
fn a_fast_run_asks_for_nothing_more_and_a_long_silence_costs_one_request() {
    // Before the start, after it, and after the end; the items at the beginning and at the end.
    let fast = (3, 2);
    let world = silent_after(60_000);
    let job = world.add_mixed_job(12, 1);
    world.run(&["poll"]).exits(0);
    assert_eq!(readings(&world.sandbox.requests(), &job), fast);

    let world = silent_after(3_000);
    let job = world.add_mixed_job(12, 1);
    let slow = Fault::new(Trouble::slow(Duration::from_millis(3_500))).on("GET", "/receipts/**");
    world.sandbox.fault(slow);
    world.run(&["poll"]).exits(0);
    let requests = world.sandbox.requests();
    assert_eq!(readings(&requests, &job), (fast.0 + 1, fast.1));
    let receipt = requests
        .iter()
        .position(|request| request.path.starts_with("/receipts"))
        .unwrap();
    let next = requests[receipt..]
        .iter()
        .find(|request| request.path.contains(&job))
        .unwrap();
    assert_eq!(next.method, "GET", "it is asked before the next word");
}

#[test]
fn a_slow_update_costs_one_reading_of_the_job_and_one_of_its_items() {
    // Without receipts, whose time on a slow machine may cost a reading more.
    let world = silent_after(1_000);
    let job = world.add_job(
        (1..=12)
            .map(|amount| Item::card_purchase(amount).build())
            .collect(),
    );
    let slow = Fault::new(Trouble::slow(Duration::from_millis(1_050))).on("PUT", "/v3/export-jobs/*/items");
    world.sandbox.fault(slow.always());
    world.run(&["poll"]).exits(0);
    let requests = world.sandbox.requests();
    let updates = requests.iter().filter(|request| request.method == "PUT").count();
    let (of_the_job, of_its_items) = readings(&requests, &job);
    assert!(of_the_job <= 3 + updates, "{of_the_job} for {updates} updates");
    assert!(
        of_its_items <= 2 + updates,
        "{of_its_items} for {updates} updates"
    );
}

/// Whether `lastUpdatedAt` moves with updates of items is inferred, and so is what it means.
#[test]
fn whatever_pleo_says_of_its_time_a_job_is_finished() {
    let says = |value| Trouble::JobSays(Map::from_iter([("lastUpdatedAt".to_owned(), value)]));
    for trouble in [
        says(json!(null)),
        says(json!("2020-01-01T00:00:00Z")),
        says(json!("2999-01-01T00:00:00Z")),
        Trouble::OddHeader("date".to_owned(), "today".to_owned()),
        Trouble::slow(Duration::from_millis(60)),
    ] {
        // Nothing is ever fresh but what is hardly older than an answer takes.
        let world = silent_after(20);
        let job = world.add_mixed_job(12, 1);
        world.sandbox.fault(
            Fault::new(trouble.clone())
                .on("GET", "/v3/export-jobs/*")
                .always(),
        );
        world.sandbox.fault(
            Fault::new(trouble.clone())
                .on("PUT", "/v3/export-jobs/*/items")
                .always(),
        );
        let run = world.run(&["poll"]);
        assert_eq!(run.code, Some(0), "{trouble:?}: {run}");
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_job_that_is_closed_with_items_without_a_verdict_is_told_with_their_names() {
    for ends_while_we_work in [true, false] {
        let world = World::new().with_settings(SMALL_BATCHES);
        let job = world.add_mixed_job(12, 1);
        if ends_while_we_work {
            let (control, id, is_moment) = (world.sandbox.control(), job.clone(), nth_of("PUT", 3));
            world.sandbox.on_request(move |request| {
                if is_moment(request) {
                    control.set_job_status(&id, JobStatus::CompletedWithErrors);
                }
                Hook::Continue
            });
        } else {
            world.kill_at_update(3, Fate::IsLost);
            world.sandbox.set_job_status(&job, JobStatus::CompletedWithErrors);
        }
        let run = world
            .run(&["poll"])
            .exits(6)
            .says("8 of its items had no verdict");
        let state = world.sandbox.job(&job);
        let abandoned = state
            .items
            .iter()
            .filter(|item| item.status == ItemStatus::Abandoned);
        for item in abandoned {
            assert!(
                run.stderr.contains(&item.entry),
                "{} is not named: {run}",
                item.entry
            );
        }
        world.run(&["poll"]).exits(0);
    }
}

#[test]
fn a_lost_start_of_a_job_that_somebody_has_begun_is_left_to_them() {
    let world = World::new();
    let job = world.add_mixed_job(6, 1);
    let next = world.add_mixed_job(3, 2);
    let (control, id) = (world.sandbox.control(), job.clone());
    let first = world.sandbox.job(&job).items[0].entry.clone();
    world.sandbox.on_request(move |request| {
        if is_event(request, "started") {
            control.set_job_status(&id, JobStatus::InProgress);
            control.set_item_status(&id, &first, ItemStatus::InProgress);
            return Hook::Trouble(Trouble::ResetBeforeEffect);
        }
        Hook::Continue
    });
    world.run(&["poll"]).exits(0).says("leaving job");
    // Who hears nothing but what failed hears of it, and so do scripts.
    let quiet = world.run(&["poll", "-q"]).exits(0);
    assert!(
        quiet
            .stdout
            .starts_with(&format!("Job {job} left to another instance: ")),
        "{quiet}"
    );
    let answer = world.run(&["poll", "--json"]).exits(0).json();
    assert_eq!(answer["blocked_by"]["id"], job.as_str());
    world.run(&["status"]).exits(0).says(&job).says("--adopt");
    for (arguments, code) in [
        (&["poll"][..], 0),
        (&["resume"], 0),
        (&["run-job", &job], 6),
        (&["run-job", &next], 6),
    ] {
        // It is looked at anew each time.
        world.run(arguments).exits(code);
    }
    assert_eq!(world.sandbox.job(&job).updates, 0);
    assert_eq!(world.sandbox.job(&next).status, JobStatus::Pending);
    assert_eq!(world.books().entries().len(), 0);
    world.sandbox.on_request(|_| Hook::Continue);
    world.run(&["run-job", &job, "--adopt"]).exits(0);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&next).status, JobStatus::Completed);
    world.keeps_its_promise();
}

#[test]
fn a_start_that_could_not_be_sent_is_not_taken_for_somebody_elses() {
    // The job is read before its start for longer than what is heard of it counts as fresh, and once Pleo does not answer.
    let world = silent_after(0);
    let job = world.add_mixed_job(3, 1);
    let unreadable = Fault::new(Trouble::Status(503))
        .on("GET", "/v3/export-jobs/*")
        .at(2);
    world.sandbox.fault(unreadable);
    let run = world.run(&["poll"]).exits(0);
    assert!(!run.stderr.contains("another instance"), "{run}");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_start_that_is_refused_for_another_job_is_tried_again_later() {
    let world = World::new();
    let other = world.add_mixed_job(3, 2);
    let job = world.add_mixed_job(3, 1);
    let (control, id) = (world.sandbox.control(), other.clone());
    world.sandbox.on_request(move |request| {
        if is_event(request, "started") {
            control.set_job_status(&id, JobStatus::InProgress);
        }
        Hook::Continue
    });
    let run = world.run(&["run-job", &job, "--out-of-order"]).exits(5);
    let run = run.says("does not confirm the start");
    assert!(!run.stderr.contains("another instance"), "{run}");
    world.sandbox.on_request(|_| Hook::Continue);
    world.sandbox.set_job_status(&other, JobStatus::Completed);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
}
