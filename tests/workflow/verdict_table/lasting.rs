//! An accounting system that stays out of reach: every run that tries gives the job a new lifetime, and it ends all the same.

use std::fs;
use std::time::Duration;

use super::{CONNECTOR, ENTRY};
use crate::sandbox::seed::Item;
use crate::sandbox::{Event, ItemStatus, Job, JobStatus};
use crate::support::World;

#[test]
fn an_outage_in_mid_job_ends_with_the_jobs_own_time() {
    for (verb, exit, begins) in [
        ("book", 3, "The connector `Table` says: \"Page"),
        ("find", 6, "May be booked: "),
    ] {
        let (world, job) = with_fault("unique", &format!("{verb} unavailable always"));
        for _ in 0..3 {
            world.run(&["poll"]).exits(5).says("is torn");
            assert_eq!(world.sandbox.job(&job).status, JobStatus::InProgress);
            assert_eq!(world.kept_receipts(), [""; 0], "fetched again by the next run");
            world.sandbox.advance_clock(Duration::from_secs(16 * 60));
        }
        let run = world.run(&["poll"]).exits(exit).says("is torn");
        let state = world.sandbox.job(&job);
        assert_eq!(state.events, [Event::Started, Event::Failed], "{run}");
        let text = state.item(ENTRY).failure_reason.clone().unwrap();
        assert!(
            text.starts_with(begins) && text.contains("export again"),
            "{text}"
        );
        world.run(&["poll"]).exits(0);
    }
}

/// A company whose connector meets this fault, with one expense in a job.
fn with_fault(create: &str, fault: &str) -> (World, String) {
    with_fault_for(1, create, fault)
}

/// The same, given up after so many seconds.
fn with_fault_for(seconds: u32, create: &str, fault: &str) -> (World, String) {
    let world = World::new().with_settings(&format!(
        "[accounting]\nsystem = \"command\"\ngive_up_after_seconds = {seconds}\n[accounting.command]\n\
         program = [\"/bin/sh\", \"connector.sh\"]\ntimeout_seconds = 20\n",
    ));
    let script = CONNECTOR.replace("CREATE", create).replace("ENTRY", ENTRY);
    fs::write(
        world.path("connector.sh"),
        script.replace("LIE", "Page \\\"7\\\" is torn."),
    )
    .unwrap();
    fs::write(world.path("fault"), format!("{fault}\n")).unwrap();
    let job = world.add_job(vec![Item::card_purchase(100).id(ENTRY).receipt("pdf").build()]);
    (world, job)
}

#[test]
fn books_that_are_found_damaged_after_the_start_keep_their_exit_code_and_the_job_its_reason() {
    let (world, job) = with_fault("unique", "check damaged always");
    // What it quotes cannot look like the end of what it says.
    world.run(&["poll"]).exits(1).says("says: \"Page '7' is torn.\"");
    world.sandbox.advance_clock(Duration::from_secs(40 * 60));
    world
        .run(&["poll"])
        .exits(1)
        .says("see to the cause, then export again");
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Failed]);
    assert!(state.failure_reason.unwrap().contains("is torn"));
    world.run(&["poll"]).exits(0);
}

#[test]
fn a_connector_that_breaks_the_protocol_again_and_again_is_no_outage() {
    let (world, _) = with_fault("unique", "find nonsense once");
    world.run(&["poll"]).exits(0);
    let (world, job) = with_fault("unique", "find nonsense always");
    world
        .run(&["poll"])
        .exits(2)
        .says("breaks the protocol again and again")
        .says("docs/connector-protocol.md");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::InProgress);
    fs::remove_file(world.path("fault")).unwrap();
    world.run(&["poll"]).exits(0);
}

/// Good look-ups in between do not make an outage of it.
#[test]
fn a_connector_whose_bookings_are_never_readable_is_no_outage() {
    let (world, job) = with_fault_for(600, "unique", "book nonsense always");
    world
        .run(&["poll"])
        .exits(2)
        .says("breaks the protocol again and again");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::InProgress);
    fs::remove_file(world.path("fault")).unwrap();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 1);
}

#[test]
fn why_a_job_cannot_be_taken_over_is_told() {
    let (world, job) = with_fault("search", "none");
    world
        .sandbox
        .control()
        .set_job_status(&job, JobStatus::InProgress);
    world
        .run(&["run-job", &job, "--adopt"])
        .exits(6)
        .says("Table can only be searched")
        .says("let that instance finish it");
}

#[test]
fn what_is_booked_already_is_not_told_as_successful_where_nobody_read_what_it_is_now() {
    let (world, _) = with_fault("unique", "none");
    let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
    let world = world.with_settings(&format!("{settings}[bookkeeping]\nattachments = \"none\"\n"));
    world.run(&["poll"]).exits(0);
    // With another amount, for an instance that is gone; the connector keeps no bills, which is found before it is read.
    let changed = Item::card_purchase(130).id(ENTRY).build();
    let job = world
        .sandbox
        .add_job(Job::of(vec![changed]).vendor_based_bookkeeping(true));
    let control = world.sandbox.control();
    control.set_job_status(&job, JobStatus::InProgress);
    control.set_item_status(&job, ENTRY, ItemStatus::InProgress);
    world.run(&["run-job", &job, "--adopt"]).exits(3);
    let text = world.sandbox.job(&job).item(ENTRY).failure_reason.clone();
    assert!(
        text.clone()
            .unwrap()
            .starts_with("Booked as X-1: it could not be compared"),
        "{text:?}"
    );
}
