//! `[notify]`: who is told, when, and of what; and that it never changes a run.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::interrupt::Fate;
use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Fault, Job, JobStatus, Request, Trouble};
use crate::support::{IMPATIENT, World};

/// A world whose program keeps each document that it is told, and the environment that it has.
fn world() -> World {
    let world = World::new()
        .with_settings(&format!(
            "{IMPATIENT}[notify]\ncommand = [\"sh\", \"./told.sh\"]\n"
        ))
        .with_variable("PATH", std::env::var_os("PATH").unwrap())
        .with_variable("NOTIFY_TOKEN", "for-the-program");
    fs::write(
        world.path("told.sh"),
        "cat >> told.jsonl; env > told.env; pwd > told.pwd\n",
    )
    .unwrap();
    world
}

/// What was told since this was last asked.
fn told(world: &World) -> Vec<Value> {
    let path = world.path("told.jsonl");
    let text = fs::read_to_string(&path).unwrap_or_default();
    fs::write(path, "").unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn events(told: &[Value]) -> Vec<(&str, Option<u64>)> {
    told.iter()
        .map(|told| (told["event"].as_str().unwrap(), told["exit_code"].as_u64()))
        .collect()
}

#[test]
fn the_one_job_that_needs_a_person_is_told_and_not_the_other_that_only_waits() {
    let world = world();
    let lunch = |amount| {
        let entry = "7e57c0de-0000-4000-8000-0000000000e1";
        vec![Item::card_purchase(amount).id(entry).build()]
    };
    world.add_job(lunch(12_500));
    world.run(&["poll"]).exits(0);
    told(&world);
    world.add_job(lunch(13_000));
    let second = world.add_mixed_job(2, 1);
    let items = format!("/v3/export-jobs/{second}/**");
    world.sandbox.fault(outage().on("GET", &items));
    let run = world.run(&["poll", "--json"]).exits(6);
    let about = "changed in Pleo after booking: 1 item";
    assert_eq!(run.json()["error"]["message"], about, "{run}");
    assert_eq!(run.json()["jobs"][1]["problem"]["kind"], "temporary", "{run}");
    let told = told(&world);
    assert_eq!(events(&told).last(), Some(&("failure", Some(6))));
    assert_eq!(told.last().unwrap()["message"], about);
    world.run(&["status"]).exits(0).says(about);
}

fn outage() -> Fault {
    Fault::new(Trouble::Status(503)).always()
}

#[test]
fn the_program_is_told_what_is_new_and_once_a_day_that_nothing_is() {
    let world = world();
    world.run(&["poll"]).exits(0);
    let first = told(&world);
    assert_eq!(events(&first), [("success", Some(0))]);
    let keys: Vec<&str> = first[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "company_id",
            "event",
            "exit_code",
            "message",
            "remedy",
            "schema_version",
            "since"
        ]
    );
    assert_eq!(first[0]["company_id"], world.sandbox.company());
    assert_eq!(first[0]["schema_version"], 1);
    let environment = fs::read_to_string(world.path("told.env")).unwrap();
    assert!(environment.contains("NOTIFY_TOKEN=for-the-program") && !environment.contains("PLEO_"));

    world.run(&["poll"]).exits(0);
    assert_eq!(told(&world), Vec::<Value>::new(), "nothing is new");
    let job = world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    let begun = told(&world);
    assert_eq!(events(&begun), [("started", None)]);
    assert!(begun[0]["message"].as_str().unwrap().contains(&job));

    world.sandbox.fault(outage());
    world.run(&["poll"]).exits(5);
    world.run(&["poll"]).exits(5);
    let failed = told(&world);
    assert_eq!(events(&failed), [("failure", Some(5))]);
    assert!(
        failed[0]["message"].as_str().unwrap().contains("503"),
        "{failed:?}"
    );
    assert!(failed[0]["remedy"].is_string());
    let yesterday = |word: &str| {
        let changed = rusqlite::Connection::open(world.path("checkpoint.sqlite3"))
            .unwrap()
            .execute(
                "UPDATE contact SET told_at = '2026-01-01T00:00:00.000Z', first_failed_at = \
                 iif(first_failed_at IS NULL, NULL, '2026-01-01T00:00:00.000Z') WHERE told_event = ?1",
                [word],
            );
        assert_eq!(changed, Ok(1));
    };
    yesterday("failure");
    world.run(&["poll"]).exits(6);
    let again = told(&world);
    assert_eq!(events(&again), [("failure", Some(6))]);
    assert_eq!(again[0]["since"], "2026-01-01T00:00:00Z");

    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    world.run(&["poll"]).exits(0);
    assert_eq!(events(&told(&world)), [("recovery", Some(0))]);
    yesterday("recovery");
    world.run(&["poll"]).exits(0);
    assert_eq!(events(&told(&world)), [("success", Some(0))]);
}

#[test]
fn what_fails_before_the_work_begins_is_told_too() {
    let world = world();
    // There is no checkpoint yet that could keep what was told.
    for _ in 0..2 {
        world.run_with("PLEO_API_KEY", "", &["poll"]).exits(2);
        assert_eq!(events(&told(&world)), [("failure", Some(2))]);
    }
    world.run(&["poll"]).exits(0);
    assert_eq!(events(&told(&world)), [("success", Some(0))]);
    for expected in [&[("failure", Some(2))][..], &[]] {
        world.run_with("PLEO_API_KEY", "", &["poll"]).exits(2);
        assert_eq!(events(&told(&world)), expected);
    }
    world.run(&["poll"]).exits(0);
    assert_eq!(events(&told(&world)), [("recovery", Some(0))]);
    // A file in the way of its lock.
    fs::remove_file(world.path("checkpoint.sqlite3.lock")).unwrap();
    fs::create_dir(world.path("checkpoint.sqlite3.lock")).unwrap();
    world.run(&["poll"]).exits(1);
    assert_eq!(events(&told(&world)), [("failure", Some(1))]);
}

#[test]
fn neither_a_signal_nor_another_run_nor_another_instance_is_a_failure() {
    let world = world();
    world.run(&["poll"]).exits(0);
    told(&world);
    let lock = fs::File::open(world.path("checkpoint.sqlite3.lock")).unwrap();
    lock.lock().unwrap();
    world.run(&["poll"]).exits(0);
    drop(lock);
    world.add_mixed_job(60, 1);
    let is_update = |request: &Request| request.method == "PUT";
    world
        .run_and_signal(&["poll"], "TERM", Fate::TakesEffect, is_update)
        .exits(5);
    assert_eq!(events(&told(&world)), [("started", None)]);
    // To another checkpoint the job is another instance's: a success with a warning, told once.
    let other = || {
        world
            .run_with("PLEO_EXPORT_CHECKPOINT", "other.sqlite3", &["poll"])
            .exits(0);
        told(&world)
    };
    let warning = other();
    assert_eq!(events(&warning), [("success", Some(0))]);
    assert!(warning[0]["message"].as_str().unwrap().starts_with("job "));
    assert!(warning[0]["remedy"].as_str().unwrap().contains("--adopt"));
    assert_eq!(other(), Vec::<Value>::new());
}

#[test]
fn a_job_of_another_instance_is_told_as_a_warning_and_then_as_a_failure() {
    let world = world();
    world.run(&["poll"]).exits(0);
    told(&world);
    let job = world
        .sandbox
        .add_job(Job::of(seed::mixed(3, 2)).status(JobStatus::InProgress));
    world.run(&["poll"]).exits(0);
    let warning = told(&world);
    assert_eq!(events(&warning), [("success", Some(0))]);
    assert!(
        warning[0]["message"].as_str().unwrap().contains(&job),
        "{warning:?}"
    );
    let remedy = warning[0]["remedy"].as_str().unwrap();
    assert!(remedy.contains(&format!("run-job {job} --adopt")), "{remedy}");
    world.run(&["poll"]).exits(0);
    assert_eq!(told(&world), Vec::<Value>::new());
    world.sandbox.advance_clock(Duration::from_secs(31 * 60));
    world.run(&["poll"]).exits(6);
    let failed = told(&world);
    assert_eq!(events(&failed), [("failure", Some(6))]);
    world.run(&["poll"]).exits(6);
    assert_eq!(told(&world), Vec::<Value>::new());
    world.run(&["run-job", &job, "--adopt"]).exits(0);
    world.run(&["poll"]).exits(0);
    assert_eq!(events(&told(&world)), [("recovery", Some(0))]);
}

#[test]
fn a_run_that_lasts_too_long_is_told() {
    let world = world();
    world.run(&["poll"]).exits(0);
    told(&world);
    let mut lock = fs::File::create(world.path("checkpoint.sqlite3.lock")).unwrap();
    writeln!(lock, "process 1 since 2020-02-29T12:00:00Z").unwrap();
    lock.lock().unwrap();
    world.run(&["poll"]).exits(6);
    let told = told(&world);
    assert_eq!(events(&told), [("failure", Some(6))]);
    assert_eq!(told[0]["since"], "2020-02-29T12:00:00Z");
}

#[test]
fn who_does_not_listen_changes_no_run_and_is_told_again() {
    let world = world();
    for script in ["exit 1\n", "sleep 600 & sleep 600\n", "exec <&-; exit 3\n"] {
        fs::write(world.path("told.sh"), script).unwrap();
        let began = Instant::now();
        let run = world.run(&["poll", "--json"]).exits(0).says("[notify] command");
        assert_eq!(run.json()["error"], Value::Null);
        assert!(began.elapsed() < Duration::from_secs(30), "{run}");
    }
    fs::write(world.path("told.sh"), "cat >> told.jsonl\n").unwrap();
    world.run(&["poll"]).exits(0);
    assert_eq!(events(&told(&world)), [("success", Some(0))]);
    // Nobody can be told by a program that is not there.
    let world = World::new().with_settings("[notify]\ncommand = [\"./no-such-program\"]\n");
    world.run(&["poll"]).exits(0).says("no-such-program");
}

/// Answers every request, and tells its method, path and body.
fn monitor() -> (String, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, calls) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let (mut head, mut length) = (String::new(), 0);
            stream.read_line(&mut head).unwrap();
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).unwrap();
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).unwrap();
            let head = head.trim().trim_end_matches(" HTTP/1.1").to_owned();
            // Before the answer, after which the program may end and the test look.
            let _ = seen.send((head, String::from_utf8(body).unwrap()));
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).unwrap();
        }
    });
    (format!("http://{address}/ping/uuid"), calls)
}

#[test]
fn the_address_is_called_after_every_poll() {
    let (url, calls) = monitor();
    let world = World::new().with_settings(&format!("{IMPATIENT}[notify]\nurl = \"{url}\"\n"));
    let heads = || calls.try_iter().map(|(head, _)| head).collect::<Vec<_>>();
    for _ in 0..2 {
        world.run(&["poll"]).exits(0);
        assert_eq!(heads(), ["GET /ping/uuid"]);
    }
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    assert_eq!(heads(), ["GET /ping/uuid/start", "GET /ping/uuid"]);
    world.sandbox.fault(outage());
    for _ in 0..2 {
        world.run(&["poll"]).exits(5);
        let (head, body) = calls.try_recv().unwrap();
        assert_eq!(head, "POST /ping/uuid/fail");
        assert!(
            body.contains("503") && !body.contains(world.sandbox.api_key()),
            "{body}"
        );
    }
    world.run_with("PLEO_API_KEY", "", &["poll"]).exits(2);
    assert_eq!(heads(), ["POST /ping/uuid/fail"]);
    // A person's command is no poll.
    world.sandbox.clear_faults();
    world.run(&["resume"]).exits(0);
    assert_eq!(heads(), Vec::<String>::new());
}

#[test]
fn an_address_that_is_silent_or_wrong_changes_no_run() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let world = World::new().with_settings(&format!("[notify]\nurl = \"http://{address}/ping\"\n"));
    world.add_mixed_job(2, 1);
    let began = Instant::now();
    let run = world
        .run(&["poll"])
        .exits(0)
        .says("[notify] url: no answer in time");
    assert!(began.elapsed() < Duration::from_secs(30), "{run}");
    assert!(
        !run.stderr.contains("/ping"),
        "whoever knows the address may call it: {run}"
    );
    drop(silent);
    world.run(&["poll"]).exits(0).says("cannot be reached");
    for (settings, says) in [
        (
            "url = \"http://monitor.example/x\"",
            "notify.url must begin with https://, since whoever reads the address",
        ),
        ("url = \"monitor\"", "notify.url is no address"),
        (
            "url = \"https://u:p@monitor.example/x\"",
            "notify.url must have no user",
        ),
        ("command = []", "notify.command is empty"),
        ("command = \"x\"", "notify.command must be a list"),
        ("email = \"x\"", "notify.email is not a setting"),
    ] {
        let world = World::new().with_settings(&format!("[notify]\n{settings}\n"));
        world.run(&["poll"]).exits(2).says(says);
    }
}

#[test]
fn check_tells_of_a_program_that_could_not_be_started_and_starts_none() {
    let mut world = World::new().with_variable("PATH", "/usr/bin:/bin");
    fs::write(world.path("not-executable"), "").unwrap();
    fs::create_dir(world.path("folder")).unwrap();
    std::os::unix::fs::symlink("nowhere", world.path("dangling")).unwrap();
    for (program, says) in [
        ("no-such-program-9f2", "in any folder of PATH"),
        ("./nowhere", "No such file"),
        ("./dangling", "No such file"),
        ("./not-executable", "chmod +x"),
        ("./folder", "is a folder"),
    ] {
        world = world.with_settings(&format!("[notify]\ncommand = [\"{program}\"]\n"));
        let run = world.run(&["check"]).exits(0).says(says);
        assert!(run.stdout.contains("! settings "), "{run}");
    }
    // One that can be started is not.
    for program in ["\"touch\", \"started\"", "\"/bin/sh\", \"-c\", \"touch started\""] {
        world = world.with_settings(&format!("[notify]\ncommand = [{program}]\n"));
        let run = world.run(&["check"]).exits(0);
        assert!(!run.stdout.contains("notify"), "{run}");
        assert!(!world.path("started").exists());
    }
}

#[test]
fn other_books_are_told_too() {
    let world = world();
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    told(&world);
    fs::create_dir(world.path("others")).unwrap();
    world.run_with("PLEO_EXPORT_BOOKS", "others", &["poll"]).exits(2);
    assert_eq!(events(&told(&world)), [("failure", Some(2))]);
}

#[test]
fn a_program_that_cannot_be_started_is_known_beforehand() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new().with_settings(&format!("{IMPATIENT}[notify]\ncommand = [\"./told.sh\"]\n"));
    for (script, says) in [
        ("#!/nowhere/sh\n", "asks for the interpreter `/nowhere/sh`"),
        ("echo\n", "is no program"),
        ("#!\necho hi\n", "is no program"),
        ("#! /bin/sh\r\nexit 0\r\n", "has Windows line ends"),
    ] {
        fs::write(world.path("told.sh"), script).unwrap();
        fs::set_permissions(world.path("told.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        let run = world.run(&["poll"]).exits(0).says(says);
        assert!(run.stderr.contains("cannot be started"), "{run}");
        world.run(&["check"]).says(says);
    }
    fs::write(world.path("told.sh"), "#!/bin/sh\n").unwrap();
    let run = world.run(&["poll"]).exits(0);
    assert_eq!(run.stderr, "", "{run}");
}
