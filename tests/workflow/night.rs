//! Twenty nights: something is wrong, and whoever is called finds cause and cure with at most two commands.

use std::fs;
use std::time::Duration;

use crate::full_disk::{with_little_room, without_room};
use crate::interrupt::{Fate, nth_of};
use crate::odd_places::{as_nobody, as_nobody_in, set_mode};
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, Hook, Job, JobStatus, RetryAfter, Trouble, seed};
use crate::support::{Run, World};

/// A company whose first job went well, so that Pleo is known to be reached with these settings.
fn settled() -> World {
    let world = World::new().impatient();
    world.add_mixed_job(6, 1);
    world.run(&["poll"]).exits(0);
    world
}

/// The first thing that the operator types.
#[track_caller]
fn status(world: &World) -> Run {
    world.run(&["status"]).exits(0)
}

/// `status` says that it fails, why, and what helps; its document says the same.
#[track_caller]
fn fails(world: &World, cause: &str, cure: &str) {
    let run = status(world);
    let mut lines = run.stdout.lines();
    let first = lines.next().unwrap_or_default();
    assert!(
        first.starts_with("Failing since 20") && first.contains(cause),
        "no `{cause}` in {run}"
    );
    let helps = lines.find_map(|line| line.trim().strip_prefix("what helps: "));
    assert!(
        helps.is_some_and(|helps| helps.contains(cure)),
        "no `{cure}` in {run}"
    );
    let health = world.run(&["status", "--json"]).exits(0).json()["health"].clone();
    assert_eq!(health["state"], "failing");
    assert!(health["message"].as_str().unwrap().contains(cause), "{health}");
    assert!(health["remedy"].as_str().unwrap().contains(cure), "{health}");
    assert!(
        health["since"].is_string() && health["last_poll"].is_string(),
        "{health}"
    );
}

fn for_ever(trouble: Trouble) -> Fault {
    Fault::new(trouble).always()
}

#[test]
fn all_is_well() {
    let world = settled();
    let run = status(&world);
    assert!(
        run.stdout.starts_with("All is well: last successful poll "),
        "{run}"
    );
    let run = run.says(&format!(
        "Checkpoint {}",
        world.path("checkpoint.sqlite3").display()
    ));
    assert!(run.stdout.contains("nothing to do"), "{run}");
    let document = world.run(&["status", "--json"]).exits(0).json();
    assert_eq!(document["health"]["state"], "ok");
    assert!(
        document["checkpoint"]
            .as_str()
            .unwrap()
            .ends_with("checkpoint.sqlite3")
    );
    assert!(document["blocked_by"].is_null());
    world.run(&["status", "--max-age", "30m"]).exits(0);
}

#[test]
fn night_1_a_run_is_at_work() {
    let world = World::new();
    let job = world.add_mixed_job(6, 1);
    let (sender, told) = std::sync::mpsc::channel();
    let command = std::sync::Mutex::new(world.command(&["status"]));
    let is_verdict = nth_of("PUT", 2);
    world.sandbox.on_request(move |request| {
        if is_verdict(request) {
            let output = command.lock().unwrap().output().unwrap();
            sender.send(Run::of("status", output)).unwrap();
        }
        Hook::Continue
    });
    world.run(&["poll"]).exits(0);
    let run = told.recv().unwrap().exits(0);
    let first = run.stdout.lines().next().unwrap_or_default();
    assert!(first.contains("a run is at work (process "), "{run}");
    run.says(&job[..8]).says("nothing: process ");
}

#[test]
fn night_2_the_last_run_was_killed() {
    let world = settled();
    let job = world.add_mixed_job(6, 2);
    world.kill_at_update(2, Fate::TakesEffect);
    fails(&world, "died: it was killed", "run `pleo-export poll`");
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    status(&world).says("All is well");
}

#[test]
fn night_3_stopped_by_a_signal() {
    let world = settled();
    world.add_mixed_job(6, 2);
    world
        .run_and_signal(&["poll"], "TERM", Fate::TakesEffect, nth_of("PUT", 1))
        .exits(5);
    status(&world)
        .says("stopped by a signal")
        .says("what helps: run again to go on");
}

#[test]
fn night_4_pleo_is_down_since_yesterday_evening() {
    let world = settled();
    world.sandbox.fault(for_ever(Trouble::Status(503)));
    for _ in 0..3 {
        world.run(&["poll"]).exits(5);
    }
    fails(&world, "3 polls in a row have failed", "run again");
    status(&world).says("503").says("last successful poll ");
    // What a monitor asks: the last success is older than it may be.
    let run = world.run(&["status", "--max-age", "1s", "--json"]);
    let run = if run.code == Some(0) {
        panic!("three polls took longer than a second: {run}")
    } else {
        run.exits(6).json()
    };
    assert_eq!(
        (&run["exit_code"], &run["error"]["kind"]),
        (&6.into(), &"needs_person".into())
    );
    world.run(&["status", "--max-age", "1h"]).exits(0);
}

#[test]
fn night_4_what_lasts_is_not_left_to_the_next_run() {
    let world =
        World::new().with_settings("[pleo]\ngive_up_after_seconds = 1\n[run]\nalarm_after = \"1s\"\n");
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    world.sandbox.fault(for_ever(Trouble::Status(503)));
    for exit in [5, 5, 6] {
        world.run(&["poll"]).exits(exit);
    }
    fails(
        &world,
        "503",
        "does not come right by itself any more: see to the cause",
    );
}

#[test]
fn night_5_the_key_was_revoked() {
    let world = settled();
    world.sandbox.fault(for_ever(Trouble::Status(401)));
    world.run(&["poll"]).exits(2);
    fails(&world, "rejects the credential", "PLEO_API_KEY");
}

#[test]
fn night_6_the_key_lacks_a_permission() {
    let world = settled();
    world.sandbox.fault(for_ever(Trouble::Status(403)));
    world.run(&["poll"]).exits(2);
    fails(&world, "403", "export-jobs:");
}

#[test]
fn night_7_rate_limit_for_an_hour() {
    let world = settled();
    world
        .sandbox
        .fault(for_ever(Trouble::RateLimit(RetryAfter::Seconds(3600))));
    world.run(&["poll"]).exits(5);
    fails(&world, "429", "run again");
}

#[test]
fn night_8_pleo_hangs() {
    let world = settled();
    world.sandbox.fault(for_ever(Trouble::SlowMilliseconds(4_000)));
    world.run(&["poll"]).exits(5);
    fails(&world, "no answer from 127.0.0.1 within 2s", "run again");
}

#[test]
fn night_9_a_login_page_in_the_place_of_pleo() {
    let world = settled();
    world.sandbox.fault(for_ever(Trouble::HtmlPage));
    assert_ne!(world.run(&["poll"]).code, Some(0));
    fails(&world, "text/html", "check that `pleo.base_url` leads to Pleo");
}

#[test]
fn night_10_a_job_of_another_instance_blocks_the_company() {
    let world = settled();
    let job = world
        .sandbox
        .add_job(Job::of(seed::mixed(3, 2)).status(JobStatus::InProgress));
    let answer = world.run(&["poll", "--json"]).exits(0).json();
    assert_eq!(answer["blocked_by"]["id"], job.as_str());
    assert!(answer["blocked_by"]["lastUpdatedAt"].is_string());
    let run = status(&world).says(&job).says("--adopt");
    assert!(run.stdout.starts_with("Last successful poll "), "{run}");
    let document = world.run(&["status", "--json"]).exits(0).json();
    assert_eq!(document["blocked_by"]["id"], job.as_str());
    assert_eq!(document["health"]["state"], "ok");

    // For half of its lifetime nobody has worked on it: then a person is called, also where nothing else is said.
    world.sandbox.advance_clock(Duration::from_secs(31 * 60));
    let answer = world.run(&["poll", "--json"]).exits(6).json();
    assert_eq!(answer["error"]["kind"], "not_ours");
    assert_eq!(answer["blocked_by"]["id"], job.as_str());
    world.run(&["poll", "-q"]).exits(6).says(&job).says("--adopt");
    fails(&world, &job, &format!("run-job {job} --adopt"));
    world.run(&["run-job", &job[..8], "--adopt"]).exits(0);
    // The cure was carried out, so nobody is told to.
    status(&world).says("All is well");
    assert!(world.run(&["status", "--json"]).json()["blocked_by"].is_null());
    world.run(&["poll"]).exits(0);
    status(&world).says("All is well");
}

#[test]
fn night_11_the_checkpoint_is_lost() {
    let world = settled();
    let job = world.add_mixed_job(6, 2);
    world.kill_at_update(2, Fate::TakesEffect);
    for companion in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(world.path(&format!("checkpoint.sqlite3{companion}")));
    }
    status(&world)
        .says("Never polled: there is no checkpoint at ")
        .says("say where the checkpoint is");
    let document = world.run(&["status", "--json"]).exits(0).json();
    assert_eq!(document["health"]["state"], "never_polled");
    world.run(&["status", "--max-age", "30m"]).exits(6);
    // The next poll finds a job that this checkpoint does not know.
    world.run(&["poll"]).exits(0).says("--adopt");
    status(&world)
        .says(&job)
        .says("this checkpoint is new, run `pleo-export run-job ");
    world.run(&["run-job", &job, "--adopt"]).exits(0);
    status(&world).says("All is well");
}

#[test]
fn night_12_the_checkpoint_is_damaged() {
    let world = settled();
    fs::write(world.path("checkpoint.sqlite3"), vec![7; 8192]).unwrap();
    world
        .run(&["status"])
        .exits(1)
        .says("is no checkpoint: it is no database, or no longer one")
        .says("restore it from a backup");
}

#[test]
fn night_13_the_checkpoint_is_of_a_later_version() {
    let world = settled();
    let connection = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    world
        .run(&["status"])
        .exits(1)
        .says("a later version of pleo-export")
        .says("install that version again");
}

#[test]
fn night_14_the_disk_is_full() {
    let world = settled();
    world.add_mixed_job(12, 2);
    let run = with_little_room(&world, 100);
    assert_ne!(run.code, Some(0), "{run}");
    let said = format!("{}{}{}", run.stderr, status(&world).stdout, run.stdout).to_lowercase();
    assert!(said.contains("disk") || said.contains("file too large"), "{said}");
    assert!(
        said.contains("room") || said.contains("run `pleo-export"),
        "{said}"
    );
    // Not a byte is left: what was kept before can be read all the same.
    world.run(&["poll"]).exits(0);
    let status = without_room(&world, "status", 0);
    status.exits(0).says("All is well");
}

#[test]
fn night_15_the_clock_jumped() {
    let world = settled();
    let connection = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    connection
        .execute_batch(
            "UPDATE contact SET last_poll_at = '2400-01-01T00:00:00.000Z', last_success_at = '2400-01-01T00:00:00.000Z'",
        )
        .unwrap();
    drop(connection);
    let run = status(&world).says("set the clock right");
    assert!(
        run.stdout.contains("later than the clock of this machine"),
        "{run}"
    );
    world
        .run(&["status", "--max-age", "30m"])
        .exits(6)
        .says("the clock of this machine is wrong");
    world
        .run(&["check"])
        .says("later than the clock of this machine shows");
}

#[test]
fn night_16_the_books_cannot_be_written() {
    let world = World::new().impatient();
    fs::create_dir(world.path("books")).unwrap();
    fs::write(world.path("books/documents"), "").unwrap();
    world.add_mixed_job(6, 1);
    let run = world.run(&["poll"]).exits(1);
    let warnings = run.stderr.lines().filter(|line| line.contains("WARN")).count();
    assert!(warnings <= 1, "{run}");
    fails(&world, "books/documents`", "the export waits in Pleo until 20");
}

#[test]
fn night_17_a_person_damaged_the_books() {
    let world = settled();
    let job = world.add_mixed_job(6, 2);
    let main = world.path("books/main.beancount");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(&main, format!("{text}\ninclude \"gone.beancount\"\n")).unwrap();
    world.run(&["poll"]).exits(1).says("pending: 6 items");
    fails(&world, "gone.beancount", "see to the cause");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending, "left waiting");
}

#[test]
fn night_18_the_folder_of_the_books_moved() {
    let world = settled();
    world.add_mixed_job(6, 2);
    fs::rename(world.path("books"), world.path("moved")).unwrap();
    world.run(&["poll"]).exits(6);
    fails(&world, "not mounted", "mount or restore what is missing");
    status(&world).says("/books) go up to number");
}

#[test]
fn night_19_pleo_refuses_a_verdict() {
    let world = settled();
    let entry = "7e57c0de-0000-4000-8000-000000000001";
    world.add_job(vec![Item::card_purchase(100).id(entry).build()]);
    world.sandbox.fault(for_ever(Trouble::RefusedItems {
        entries: vec![entry.to_owned()],
        error_type: "EXPORT_ENTRY_STATUS_UPDATE_FAILED".to_owned(),
    }));
    let run = world.run(&["poll"]).exits(6);
    assert_eq!(run.stderr.matches("WARN").count(), 1, "{run}");
    fails(
        &world,
        "does not take the verdicts of 1 item",
        "ask Pleo's support why, then export them again",
    );
    // One instruction, wherever one looks.
    for run in [run, status(&world)] {
        let text = format!("{}{}", run.stdout, run.stderr).replace('\n', " ");
        assert!(
            !["resume", "books are right", "): export it again"]
                .iter()
                .any(|other| text.contains(other)),
            "{text}"
        );
    }
}

#[test]
fn night_19_pleo_refuses_a_request_whole() {
    let refused = |status: u16| {
        Trouble::Page(
            status,
            "application/json".into(),
            r#"{"type":"NO","message":"no"}"#.into(),
        )
    };
    for (number, status) in [(1, 422), (1, 409), (2, 422), (2, 400), (2, 413)] {
        let world = settled();
        let job = world.add_mixed_job(3, 2);
        let fault = Fault::new(refused(status)).on("PUT", "/v3/export-jobs/*/items");
        world.sandbox.fault(fault.at(number).always());
        let run = world.run(&["poll"]).exits(6);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::InProgress, "{run}");
        fails(&world, "no", "ask Pleo's support why");
        let run = world.run(&["check"]).says("ask Pleo's support why");
        assert!(!run.stdout.contains("resume"), "{run}");
        world.sandbox.clear_faults();
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
        world.books().has_nothing_twice();
    }
    let world = settled();
    world.add_mixed_job(3, 2);
    world
        .sandbox
        .fault(for_ever(refused(400)).on("POST", "/v3/export-job-events"));
    world.run(&["poll"]).exits(6);
    fails(&world, "no", "ask Pleo's support why");
}

#[test]
fn night_20_status_works_wherever_it_is_asked() {
    let company = |world: &World| world.sandbox.company().to_owned();
    let world = World::new()
        .without_variable("PLEO_EXPORT_CHECKPOINT")
        .with_variable("STATE_DIRECTORY", "state");
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    let file = format!("pleo-export-{}.sqlite3", company(&world));
    let path = world.path("state").join(&file);
    let reads = |run: Run| {
        let run = run.exits(0).says(&format!("Checkpoint {}", path.display()));
        assert!(run.stdout.starts_with("All is well"), "{run}");
    };
    let bare = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        for variable in [
            "PLEO_COMPANY_ID",
            "PLEO_API_KEY",
            "PLEO_BASE_URL",
            "STATE_DIRECTORY",
        ] {
            command.env_remove(variable);
        }
        command
    };
    // With the unit's settings, which name neither company nor credential.
    fs::write(world.path("unit.toml"), "[pleo]\ntimeout_seconds = 30\n").unwrap();
    let mut unit = bare(&["--config", "unit.toml", "status"]);
    reads(world.run_command(unit.env("STATE_DIRECTORY", "state")));
    // In the folder of the cron job, with and without its `.env`, also one of another user.
    reads(world.run_command(bare(&["status"]).current_dir(world.path("state"))));
    fs::write(world.path("state/.env"), "PLEO_API_KEY=secret\n").unwrap();
    set_mode(&world.path("state/.env"), 0o666);
    reads(world.run_command(bare(&["status"]).current_dir(world.path("state"))));
    fs::remove_file(world.path("state/.env")).unwrap();
    // Named.
    reads(world.run_command(bare(&["status"]).env("PLEO_EXPORT_CHECKPOINT", &path)));
    // As another user, who may look or may not.
    set_mode(&world.path("state"), 0o755);
    set_mode(&path, 0o644);
    if let Some(run) = as_nobody(&world, &["status"]) {
        reads(run);
        set_mode(&world.path("state"), 0o700);
        let run = as_nobody(&world, &["status"]).unwrap();
        assert_ne!(run.code, Some(0), "{run}");
        run.says("sudo -u pleo-export pleo-export status");
    }
    // Nowhere: every place is named. With several: all are.
    let run = world.run_command(bare(&["status"]).env("STATE_DIRECTORY", "elsewhere"));
    run.exits(2).says("elsewhere").says("PLEO_EXPORT_CHECKPOINT");
    let other = "pleo-export-7e57c0de-0000-4000-8000-0000000000cc.sqlite3";
    fs::copy(&path, world.path("state").join(other)).unwrap();
    let run = world.run_command(bare(&["status"]).env("STATE_DIRECTORY", "state"));
    run.exits(2).says(other).says(&file);
    // From a home that the service's user may not even look into.
    fs::create_dir(world.path("home")).unwrap();
    for file in ["home/.env", "home/pleo-export.toml"] {
        fs::write(world.path(file), "").unwrap();
    }
    set_mode(&world.path("home"), 0o700);
    let elsewhere = world.path("state").into_os_string();
    let world = world.with_variable("STATE_DIRECTORY", elsewhere);
    set_mode(&world.path("state"), 0o755);
    if let Some(run) = as_nobody_in(&world, "home", &["status"]) {
        assert!(run.stderr.is_empty(), "{run}");
        reads(run);
    }
}
