//! What only a person can mend is found before a job is started. The job waits in Pleo as long as more than half of its
//! lifetime remains; then it is failed with the reason. Some of this is seen as another user, since root may do anything.

use std::fs;
use std::time::Duration;

use crate::full_disk::with_little_room;
use crate::interrupt::{Fate, is_event};
use crate::odd_places::{as_nobody, set_mode};
use crate::sandbox::seed::Item;
use crate::sandbox::{Event, ItemStatus, JobStatus, Request};
use crate::support::{Run, World};

/// More than half of the hour that a job lives.
const LATE: Duration = Duration::from_secs(40 * 60);

/// Three times: early, where the job waits; late, where it is failed; and once it is over.
#[track_caller]
fn waits_and_is_failed(world: &World, run: impl Fn(&[&str]) -> Run, code: i32, says: &str, failure: &str) {
    let job = world.add_mixed_job(2, 1);
    for arguments in [&["poll", "-q"][..], &["run-job", &job, "-q"], &["poll", "--json"]] {
        let run = run(arguments).exits(code).says(says);
        assert_eq!(world.sandbox.job(&job).events, [], "{run}");
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
        let (warnings, of_connector) = (
            run.stderr.matches("WARN").count(),
            run.stderr.matches("connector=").count(),
        );
        assert!(warnings <= 1 + of_connector, "once is enough: {run}");
        if arguments.contains(&"--json") {
            assert!(
                run.json()["error"]["message"].as_str().unwrap().contains(says),
                "{run}"
            );
        }
    }
    world.sandbox.advance_clock(LATE);
    let run = run(&["poll", "-q"])
        .exits(code)
        .says(says)
        .says("export again in Pleo");
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Failed], "{run}");
    assert_eq!(state.failure_reason_type.as_deref(), Some(failure), "{run}");
    assert!(!state.failure_reason.clone().unwrap().contains('\n'));
    assert_eq!(state.count(ItemStatus::Abandoned), 2);
    assert_eq!(world.books().entries().len(), 0);
    world.keeps_its_promise_and_all_rules();
}

fn with_connector(program: &str) -> World {
    let settings = format!(
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = {program}\ntimeout_seconds = 20\n"
    );
    let world = World::new().with_settings(&settings);
    let script = |name: &str, text: &str| fs::write(world.path(name), text).unwrap();
    script(
        "traceback.sh",
        "echo 'Traceback (most recent call last):' >&2\necho 'ValueError: secret=7' >&2\nexit 1\n",
    );
    script("read_then_end.sh", "read line\necho 'no such company' >&2\n");
    script(
        "refuses.sh",
        "read line\necho '{\"id\":1,\"error\":{\"kind\":\"fatal\",\"reason\":\"no licence\"}}'\nread line\n",
    );
    script(
        "speaks_another.sh",
        "read line\necho '{\"id\":1,\"ok\":{\"protocol\":9,\"name\":\"n\",\"target\":\"t\",\"create\":\"unique\",\
         \"payables\":false,\"computes_tax\":false}}'\nread line\n",
    );
    script(
        "damaged.sh",
        "read line\necho '{\"id\":1,\"error\":{\"kind\":\"damaged\",\"reason\":\"page 7 is torn\"}}'\nread line\n",
    );
    script("not-executable", "");
    world.with_variable("PATH", std::env::var_os("PATH").unwrap())
}

#[test]
fn a_connector_that_cannot_start_is_told_with_its_last_words() {
    for (program, says) in [
        ("[\"./no-such-program\"]", "No such file"),
        ("[\"./not-executable\"]", "is not executable"),
        ("[\".\"]", "cannot be started"),
        (
            "[\"sh\", \"traceback.sh\"]",
            "Traceback (most recent call last): | ValueError: secret=7",
        ),
        ("[\"sh\", \"read_then_end.sh\"]", "no such company"),
        ("[\"sh\", \"--no-such-option\"]", "llegal option"),
        ("[\"sh\", \"missing.sh\"]", "missing.sh"),
        ("[\"true\"]", "it ended without an answer"),
        ("[\"echo\", \"hello\"]", "cannot be read"),
        ("[\"cat\"]", "must have either"),
        ("[\"sh\", \"refuses.sh\"]", "no licence"),
        ("[\"sh\", \"speaks_another.sh\"]", "version 9"),
    ] {
        let world = with_connector(program);
        // Also with nothing to do: who hears of it now can mend it in time.
        world.run(&["poll", "-q"]).exits(2).says(says);
        waits_and_is_failed(
            &world,
            |arguments| world.run(arguments),
            2,
            says,
            "invalid_configuration",
        );
        let reason = world.sandbox.jobs().remove(0).failure_reason.unwrap();
        assert!(
            !reason.contains("secret"),
            "what it wrote is the operator's: {reason}"
        );
    }
}

#[test]
fn books_that_are_damaged_from_the_beginning_are_never_called_temporary() {
    let world = with_connector("[\"sh\", \"damaged.sh\"]");
    world.run(&["poll", "-q"]).exits(1).says("page 7 is torn");
    let run = |arguments: &[&str]| world.run(arguments);
    waits_and_is_failed(&world, run, 1, "page 7 is torn", "validation_failure");
}

#[test]
fn a_books_folder_that_is_a_file_waits_for_whoever_corrects_the_settings() {
    let world = World::new();
    fs::write(world.path("books"), "").unwrap();
    let run = |arguments: &[&str]| world.run(arguments);
    waits_and_is_failed(
        &world,
        run,
        2,
        "to a folder, then run again",
        "invalid_configuration",
    );
}

#[test]
fn a_job_that_failed_as_a_whole_is_told_so_also_where_the_answer_was_lost_and_an_item_was_decided() {
    let world = World::new();
    let item = Item::card_purchase(100).set("date", "not a date".into());
    let job = world.add_job(vec![item.build()]);
    world.kill_at_update(1, Fate::IsLost);
    world.sandbox.advance_clock(LATE);
    fs::remove_dir_all(world.path("books")).unwrap();
    fs::write(world.path("books"), "").unwrap();
    let is_end = |request: &Request| is_event(request, "failed");
    let run = world.run_and_signal(&["poll"], "KILL", Fate::TakesEffect, is_end);
    assert_eq!(run.code, None, "{run}");
    fs::remove_file(world.path("books")).unwrap();
    world.run(&["poll"]).exits(4).says("The books folder");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Failed);
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_connector_that_is_mended_in_time_books_the_job_that_waited() {
    let world = with_connector("[\"sh\", \"traceback.sh\"]");
    let job = world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(2);
    let world = world.with_settings("");
    // The checkpoint is bound to no books by a run that could not ask which they are.
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
}

#[test]
fn a_connector_that_breaks_in_mid_job_leaves_the_job_while_there_is_time() {
    let world = with_connector("[\"sh\", \"traceback.sh\"]");
    let other = world.path("other.toml");
    fs::write(&other, "[pleo]\nbatch_size = 1\n").unwrap();
    let other = other.to_str().unwrap().to_owned();
    let job = world.add_mixed_job(3, 1);
    let run = world.run_and_signal(
        &["poll", "--config", &other],
        "KILL",
        Fate::TakesEffect,
        crate::interrupt::nth_of("PUT", 3),
    );
    assert_eq!(run.code, None, "{run}");
    let before = world.sandbox.job(&job).updates;
    for command in ["poll", "resume"] {
        let run = world.run(&[command, "-q"]).exits(2).says("ValueError");
        let run = run.says("what is in the books is found there");
        assert!(!run.stderr.contains("nothing was booked"), "{run}");
    }
    let state = world.sandbox.job(&job);
    assert_eq!((state.status, state.updates), (JobStatus::InProgress, before));
    world.run(&["poll", "--config", &other]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_connector_that_stays_broken_in_mid_job_ends_it_before_it_expires_and_its_last_words_stay_here() {
    let world = with_connector("[\"sh\", \"traceback.sh\"]");
    let other = world.path("other.toml");
    fs::write(&other, "[pleo]\nbatch_size = 1\n").unwrap();
    let job = world.add_mixed_job(3, 1);
    world.run_and_signal(
        &["poll", "--config", other.to_str().unwrap()],
        "KILL",
        Fate::TakesEffect,
        crate::interrupt::nth_of("PUT", 3),
    );
    world.sandbox.advance_clock(LATE);
    world.run(&["poll", "-q"]).exits(6);
    let state = world.sandbox.job(&job);
    assert_eq!(state.status, JobStatus::CompletedWithErrors);
    for item in &state.items {
        let reason = item.failure_reason.clone().unwrap_or_default();
        assert!(!reason.contains("secret"), "{reason}");
    }
}

/// A world whose checkpoint and books are in folders that anybody may write.
fn for_anybody() -> World {
    let world = World::new().with_variable("PLEO_EXPORT_CHECKPOINT", "state/checkpoint.sqlite3");
    for name in ["state", "books"] {
        fs::create_dir(world.path(name)).unwrap();
        set_mode(&world.path(name), 0o777);
    }
    world
}

#[test]
fn books_that_cannot_be_written_or_locked_are_told_before_a_job_is_started() {
    type Spoil = fn(&World);
    let cases: [(Spoil, &str); 6] = [
        (|world| set_mode(&world.path("books"), 0o555), ".pleo-export.lock"),
        (
            |world| {
                fs::write(world.path("books/.pleo-export.lock"), "").unwrap();
                set_mode(&world.path("books/.pleo-export.lock"), 0o444);
            },
            ".pleo-export.lock",
        ),
        (
            |world| fs::create_dir(world.path("books/.pleo-export.lock")).unwrap(),
            ".pleo-export.lock",
        ),
        (
            |world| {
                fs::create_dir(world.path("books/pleo")).unwrap();
                fs::write(world.path("books/pleo/about.beancount"), "").unwrap();
                set_mode(&world.path("books/pleo"), 0o555);
                set_mode(&world.path("books/pleo/about.beancount"), 0o666);
            },
            "books/pleo`",
        ),
        (
            |world| {
                fs::create_dir(world.path("books/documents")).unwrap();
                set_mode(&world.path("books/documents"), 0o555);
            },
            "books/documents`",
        ),
        (
            |world| {
                fs::write(world.path("books/main.beancount"), "").unwrap();
                set_mode(&world.path("books/main.beancount"), 0o200);
            },
            "main.beancount",
        ),
    ];
    for (spoil, says) in cases {
        let world = for_anybody();
        if as_nobody(&world, &["status"]).is_none() {
            return;
        }
        spoil(&world);
        let run = |arguments: &[&str]| as_nobody(&world, arguments).unwrap();
        waits_and_is_failed(&world, run, 1, says, "validation_failure");
    }
}

#[test]
fn damaged_books_are_told_before_a_job_is_started() {
    // The folder that the next number will be written to.
    let year = format!("pleo/{}", chrono::Utc::now().format("%Y"));
    let in_year = format!("{year}`");
    for (name, text, says) in [
        ("documents", "", "books/documents`"),
        ("pleo", "", "books/pleo`"),
        (year.as_str(), "", in_year.as_str()),
        (
            "main.beancount",
            "include \"missing.beancount\"\n",
            "missing.beancount",
        ),
        (".pleo-export.lock/x", "", ".pleo-export.lock"),
    ] {
        let world = World::new();
        let path = world.path("books").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        waits_and_is_failed(
            &world,
            |arguments| world.run(arguments),
            1,
            says,
            "validation_failure",
        );
    }
}

#[test]
fn without_a_writable_checkpoint_nothing_is_sent_at_all() {
    type Spoil = fn(&World);
    let cases: [Spoil; 4] = [
        |world| set_mode(&world.path("state"), 0o555),
        |world| {
            for name in ["state/checkpoint.sqlite3", "state/checkpoint.sqlite3.lock"] {
                fs::write(world.path(name), "").unwrap();
            }
            set_mode(&world.path("state/checkpoint.sqlite3"), 0o444);
            set_mode(&world.path("state/checkpoint.sqlite3.lock"), 0o666);
        },
        |world| {
            fs::write(world.path("state/checkpoint.sqlite3.lock"), "").unwrap();
            set_mode(&world.path("state/checkpoint.sqlite3.lock"), 0o444);
        },
        |world| fs::create_dir(world.path("state/checkpoint.sqlite3")).unwrap(),
    ];
    for spoil in cases {
        let world = for_anybody();
        let job = world.add_mixed_job(2, 1);
        spoil(&world);
        for late in [Duration::ZERO, LATE] {
            world.sandbox.advance_clock(late);
            let Some(run) = as_nobody(&world, &["poll", "-q"]) else {
                return;
            };
            run.exits(1).says("checkpoint.sqlite3");
            as_nobody(&world, &["run-job", &job]).unwrap().exits(1);
        }
        assert_eq!(world.sandbox.request_count(), 0);
    }
}

#[test]
fn without_room_for_the_checkpoint_nothing_is_sent_at_all() {
    let world = World::new();
    world.add_mixed_job(2, 1);
    with_little_room(&world, 0).exits(1).says("checkpoint.sqlite3");
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn a_wish_to_stop_is_no_fault_of_the_books() {
    let world = World::new();
    world.run(&["poll"]).exits(0);
    let job = world.add_mixed_job(2, 1);
    world.sandbox.advance_clock(LATE);
    fs::create_dir_all(world.path("books")).unwrap();
    let lock = fs::File::create(world.path("books/.pleo-export.lock")).unwrap();
    lock.lock().unwrap();
    let path = format!("/v3/export-jobs/{job}");
    let run = world.run_and_signal(&["poll"], "TERM", Fate::TakesEffect, move |request| {
        request.path == path
    });
    run.exits(5);
    assert_eq!(world.sandbox.job(&job).events, []);
    drop(lock);
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}
