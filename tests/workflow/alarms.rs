use std::fs;
use std::io::Write;

use crate::sandbox::{Fault, JobStatus, Trouble};
use crate::support::World;

/// Tries fail for a second each, so that three polls last longer than the alarm waits.
fn world() -> World {
    World::new().with_settings(
        "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n[run]\nalarm_after = \"1s\"\n",
    )
}

fn outage() -> Fault {
    Fault::new(Trouble::Status(503)).always()
}

#[test]
fn a_series_of_failed_polls_calls_a_person() {
    let world = world();
    let job = world.add_mixed_job(2, 1);
    world.sandbox.fault(outage());
    world.run(&["poll"]).exits(5);
    world.run(&["poll"]).exits(5);
    world
        .run(&["status"])
        .exits(0)
        .says("2 polls in a row have failed");
    let run = world.run(&["poll", "--json"]).exits(6).json();
    assert_eq!(run["error"]["kind"], "needs_person");
    let message = run["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("3 polls in a row have failed since 20") && message.contains("503"),
        "{message}"
    );
    let status = world.run(&["status"]).exits(0);
    assert!(
        status.stdout.starts_with("Failing since 20")
            && status.stdout.contains("3 polls in a row have failed"),
        "{status}"
    );
    let status = world.run(&["status", "--json"]).exits(0).json();
    assert_eq!(status["error"]["kind"], "needs_person");
    world.run(&["poll"]).exits(6).says("4 polls");
    // Out of reach is all that it is.
    world
        .run(&["check"])
        .exits(5)
        .says("4 polls in a row failed since");

    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    assert!(world.run(&["status", "--json"]).exits(0).json()["error"].is_null());
    world.sandbox.fault(outage());
    world.run(&["poll"]).exits(5);
}

#[test]
fn polls_that_fail_before_pleo_is_asked_count_too() {
    let world = World::new()
        .with_settings(
            "[run]\nalarm_after = \"1s\"\n[accounting]\nsystem = \"command\"\n[accounting.command]\n\
             program = [\"sh\", \"-c\", \"read line; read line\"]\ntimeout_seconds = 1\n",
        )
        .with_variable("PATH", std::env::var_os("PATH").unwrap());
    world.run(&["poll"]).exits(5).says("no answer within 1s");
    world.run(&["poll"]).exits(5);
    world.run(&["poll"]).exits(6).says("3 polls in a row");
    world.run(&["status"]).exits(0).says("3 polls in a row");
}

#[test]
fn a_good_poll_breaks_the_series_and_a_young_one_calls_nobody() {
    let world = world();
    for _ in 0..2 {
        world.sandbox.fault(outage());
        world.run(&["poll"]).exits(5);
        world.run(&["poll"]).exits(5);
        world.sandbox.clear_faults();
        world.run(&["poll"]).exits(0);
    }
    let world = World::new().impatient();
    world.sandbox.fault(outage());
    for _ in 0..4 {
        world.run(&["poll"]).exits(5);
    }
}

#[test]
fn a_run_that_lasts_too_long_calls_a_person() {
    let world = World::new();
    world.run(&["poll"]).exits(0);
    let held = |since: &str| {
        let mut file = fs::File::create(world.path("checkpoint.sqlite3.lock")).unwrap();
        writeln!(file, "process 1 since {since}").unwrap();
        file.lock().unwrap();
        file
    };
    let lock = held("2020-02-29T12:00:00Z");
    world
        .run(&["poll"])
        .exits(6)
        .says("process 1 since 2020")
        .says("alarm_after");
    world.run(&["resume"]).exits(6);
    let status = world.run(&["status"]).exits(0);
    assert!(
        status.stdout.starts_with("Failing since 2020-02-29T12:00:00Z")
            && status.stdout.contains("a run has been at work"),
        "{status}"
    );
    drop(lock);
    let lock = held("9999-01-01T00:00:00Z");
    world.run(&["poll"]).exits(0).says("leaving it to that one");
    world.run(&["resume"]).exits(5);
    drop(lock);
    world.run(&["poll"]).exits(0);
}

#[test]
fn how_long_is_a_number_with_its_unit() {
    for (text, code) in [
        ("6h", 0),
        ("90 s", 0),
        ("30min", 0),
        ("2d", 0),
        ("6", 2),
        ("0h", 2),
        ("soon", 2),
        ("-1h", 2),
    ] {
        let world = World::new().with_settings(&format!("[run]\nalarm_after = \"{text}\"\n"));
        let run = world.run(&["poll"]);
        assert_eq!(run.code, Some(code), "{text} {run}");
    }
}

#[test]
fn a_checkpoint_of_the_first_version_is_read_and_brought_up_to_date() {
    let world = world();
    let old = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/v0.1.0/checkpoint.sqlite3"
    );
    fs::copy(old, world.path("checkpoint.sqlite3")).unwrap();
    let connection = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    let target = format!("beancount:{}", world.path("books").display());
    connection
        .execute("UPDATE meta SET target = ?1", [target])
        .unwrap();
    drop(connection);
    world.run(&["status"]).exits(0);
    world.run(&["poll"]).exits(0);
    world.sandbox.fault(outage());
    for code in [5, 5, 6] {
        world.run(&["poll"]).exits(code);
    }
}
