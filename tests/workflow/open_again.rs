//! Nothing is decided by what was believed earlier: Pleo shows an item as open whose verdict it has taken.

use std::time::Duration;

use serde_json::json;

use crate::interrupt::{Fate, is_event, nth_of};
use crate::sandbox::{Event, Fault, Hook, ItemStatus, JobStatus, Trouble};
use crate::support::World;

/// Puts two items back to `in_progress` once the `nth` update has had its effect, as a request that comes late might.
fn falls_back(world: &World, job: &str, nth: usize) {
    let (control, id, is_moment) = (world.sandbox.control(), job.to_owned(), nth_of("PUT", nth));
    world.sandbox.on_request(move |request| {
        if !is_moment(request) {
            return Hook::Continue;
        }
        let (control, id) = (control.clone(), id.clone());
        Hook::AfterEffect(Box::new(move || {
            for item in control.job(&id).items.iter().take(2) {
                control.set_item_status(&id, &item.entry, ItemStatus::InProgress);
            }
        }))
    });
}

#[test]
fn a_verdict_that_a_late_request_took_back_is_sent_again() {
    let world = World::new();
    let job = world.add_mixed_job(5, 1);
    falls_back(&world, &job, 2);
    world.run(&["poll"]).exits(0).says("sending these again");
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Completed]);
    assert_eq!(state.updates, 3);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_verdict_that_was_lost_between_two_runs_is_sent_again() {
    for is_foreign in [false, true] {
        let world = World::new();
        let job = world.add_mixed_job(5, 1);
        if is_foreign {
            // Another instance has finished two items before this one reads them.
            let items = world.sandbox.job(&job).items;
            for item in &items[..2] {
                world
                    .sandbox
                    .set_item_status(&job, &item.entry, ItemStatus::Failed);
            }
        }
        let run = world.run_and_signal(&["poll"], "KILL", Fate::IsLost, |request| {
            is_event(request, "completed") || is_event(request, "completed_with_errors")
        });
        assert_eq!(run.code, None, "{run}");
        for item in world.sandbox.job(&job).items.iter().take(2) {
            world
                .sandbox
                .set_item_status(&job, &item.entry, ItemStatus::InProgress);
        }
        world.run(&["poll"]).exits(0);
        let state = world.sandbox.job(&job);
        assert_eq!(state.status, JobStatus::Completed);
        assert_eq!(state.count(ItemStatus::Successful), 5);
        world.books().has_nothing_twice();
        assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
    }
}

#[test]
fn a_copy_that_lags_is_waited_for_and_nothing_is_sent_twice() {
    for reads in [1, 3] {
        let world = World::new();
        let job = world.add_mixed_job(5, 1);
        // The first reading is that before the work.
        world
            .sandbox
            .fault(Fault::new(Trouble::StaleItems).at(2).times(reads));
        world.run(&["poll"]).exits(0);
        let state = world.sandbox.job(&job);
        assert_eq!(state.events, [Event::Started, Event::Completed]);
        assert_eq!(state.updates, 2);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_copy_that_always_lags_is_asked_in_each_run_and_nobody_is_told_that_pleo_refuses() {
    let world = World::new();
    let job = world.add_mixed_job(5, 1);
    world.sandbox.fault(Fault::new(Trouble::StaleItems).always());
    let mut updates = 0;
    for _ in 0..2 {
        let run = world.run(&["poll"]).exits(5).says("has taken their verdicts");
        assert!(!run.stderr.contains("does not take"), "{run}");
        let now = world.sandbox.job(&job).updates;
        assert!(now > updates, "it was asked");
        updates = now;
    }
    // What never agrees ends before the job's time does.
    world.sandbox.advance_clock(Duration::from_secs(3000));
    world
        .run(&["poll"])
        .exits(6)
        .says("closing the job before it expires");
    let state = world.sandbox.job(&job);
    assert_eq!(state.count(ItemStatus::Successful), 5);
    assert_eq!(state.status, JobStatus::CompletedWithErrors);
    world.keeps_its_promise();
}

#[test]
fn only_a_refusal_counts_as_one_and_each_run_asks_anew() {
    let world = World::new();
    let job = world.add_mixed_job(5, 1);
    let entry = world.sandbox.job(&job).items[0].entry.clone();
    world.sandbox.fault(
        Fault::new(Trouble::RefusedItems {
            entries: vec![entry],
            error_type: "EXPORT_ENTRY_STATUS_UPDATE_FAILED".into(),
        })
        .at(2)
        .always(),
    );
    world
        .run(&["poll"])
        .exits(6)
        .says("does not take the verdicts of 1 item");
    let before = world.sandbox.job(&job).updates;
    world
        .run(&["poll"])
        .exits(6)
        .says("does not take the verdicts of 1 item");
    assert!(world.sandbox.job(&job).updates > before, "it was asked");
    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.keeps_its_promise();
}

#[test]
fn an_item_that_is_listed_only_at_the_end_is_left_to_the_next_run_however_late_it_is() {
    for minutes in [0, 50] {
        let world = World::new();
        let job = world.add_mixed_job(2, 1);
        let first = world.sandbox.job(&job).items[0].entry.clone();
        let short = json!({
            "data": [{"accountingEntryId": first, "exportJobId": job, "status": "pending"}],
            "pagination": {"hasNextPage": false, "hasPreviousPage": false},
        });
        let short = Trouble::Page(200, "application/json".into(), short.to_string());
        let list = "/v3/export-jobs/*/items";
        world.sandbox.fault(Fault::new(short).on("GET", list).times(2));
        let (control, is_moment) = (world.sandbox.control(), nth_of("PUT", 2));
        world.sandbox.on_request(move |request| {
            if is_moment(request) {
                control.advance_clock(Duration::from_secs(minutes * 60));
            }
            Hook::Continue
        });
        world
            .run(&["poll"])
            .exits(5)
            .says("lists 1 item of job")
            .says("only now");
        let state = world.sandbox.job(&job);
        assert_eq!(
            (state.status, state.count(ItemStatus::Successful)),
            (JobStatus::InProgress, 1)
        );
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
        world.keeps_its_promise();
    }
}
