//! Each poll leaves how it ended, whatever became of it.

use std::fs;

use crate::interrupt::Fate;
use crate::sandbox::{Fault, Request, Trouble};
use crate::support::World;

/// Exit code, message and remedy of the last poll, whether it was a success, and whether a series of failures goes on.
fn kept(world: &World) -> (u8, String, String, bool, bool) {
    let checkpoint = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    checkpoint
        .query_row(
            "SELECT last_exit_code, coalesce(last_message, ''), coalesce(last_remedy, ''), \
             last_success_at IS last_poll_at, failed_polls > 0, last_poll_at FROM contact",
            [],
            |row| {
                let at: String = row.get(5)?;
                assert!(at.starts_with("20"), "{at}");
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            },
        )
        .unwrap()
}

#[test]
fn each_poll_is_kept_with_how_it_ended() {
    let world = World::new().impatient();
    let job = world.add_mixed_job(1, 1);
    for _ in 0..2 {
        world.run(&["poll"]).exits(0);
        assert_eq!(kept(&world), (0, String::new(), String::new(), true, false));
    }
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    world.run(&["poll"]).exits(5);
    let (exit, message, remedy, success, failing) = kept(&world);
    assert_eq!((exit, success, failing), (5, false, true));
    assert!(
        message.contains("503") && !remedy.is_empty(),
        "{message} {remedy}"
    );
    // A person who asks for a job is no poll.
    world.sandbox.clear_faults();
    world.run(&["run-job", &job]).exits(0);
    assert_eq!(kept(&world).0, 5);
    world.run(&["poll"]).exits(0);
    assert_eq!(kept(&world), (0, String::new(), String::new(), true, false));
}

#[test]
fn what_fails_before_the_work_begins_is_kept_too() {
    let world = World::new();
    world.run_with("PLEO_API_KEY", "", &["poll"]).exits(2);
    assert!(
        !world.path("checkpoint.sqlite3").exists(),
        "nothing is made for it"
    );
    world.run(&["poll"]).exits(0);
    world.run_with("PLEO_API_KEY", "", &["poll"]).exits(2);
    let (exit, message, _, success, failing) = kept(&world);
    assert_eq!((exit, success, failing), (2, false, true));
    assert!(message.contains("PLEO_API_KEY is missing"), "{message}");
    // What names another company is not written into this one's.
    world.add_mixed_job(1, 1);
    let _ = world.run(&["poll"]);
    let other = "00000000-0000-4000-8000-000000000000";
    world.run_with("PLEO_COMPANY_ID", other, &["poll"]).exits(2);
    assert!(kept(&world).3);
    // A folder in the way of the receipts.
    let receipts = world.path("checkpoint.sqlite3.pleo-export-receipts");
    fs::remove_dir_all(&receipts).unwrap();
    fs::write(&receipts, "").unwrap();
    world.run(&["poll"]).exits(1);
    assert_eq!(kept(&world).0, 1);
}

#[test]
fn a_poll_that_is_stopped_has_not_failed() {
    let world = World::new();
    world.run(&["poll"]).exits(0);
    world.add_mixed_job(60, 1);
    let is_update = |request: &Request| request.method == "PUT";
    world
        .run_and_signal(&["poll"], "TERM", Fate::TakesEffect, is_update)
        .exits(5);
    let (exit, _, _, success, failing) = kept(&world);
    assert_eq!((exit, success, failing), (5, false, false));
}
