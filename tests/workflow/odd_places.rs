//! Odd places and companions of the checkpoint and the books. As root every folder is writable, so some of this is seen
//! as another user, whom only root can become.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::sandbox::JobStatus;
use crate::support::{Run, World};

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// The program as a user who owns nothing; `None`, with a note, where this test cannot become one.
pub fn as_nobody(world: &World, arguments: &[&str]) -> Option<Run> {
    as_nobody_in(world, "", arguments)
}

/// The same in a folder of the world.
pub fn as_nobody_in(world: &World, folder: &str, arguments: &[&str]) -> Option<Run> {
    let program = world.path("program");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_pleo-export"), &program).unwrap();
    }
    set_mode(&program, 0o755);
    set_mode(&world.path(""), 0o755);
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
        .arg(&program)
        .args(arguments)
        .current_dir(world.path(folder))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(world.environment());
    let run = command.output().ok().map(|output| Run::of("setpriv", output));
    let run = run.filter(|run| !run.stderr.starts_with("setpriv:"));
    if run.is_none() {
        println!("note: this user cannot become another one, so nothing was looked at as one");
    }
    run
}

/// The program where syncing this folder is refused, as some shares refuse it; `None`, with a note, without strace.
fn where_nothing_syncs(world: &World, folders: &[&Path]) -> Option<Run> {
    let program = world.command(&["poll"]);
    let mut command = Command::new("strace");
    command.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=fsync",
        "-e",
        "inject=fsync:error=EINVAL",
    ]);
    for folder in folders {
        command.arg("-P").arg(folder);
    }
    command
        .arg(program.get_program())
        .arg("poll")
        .current_dir(world.path(""))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(world.environment());
    let run = command.output().ok().map(|output| Run::of("strace", output));
    let run = run.filter(|run| !run.stderr.contains("strace:"));
    if run.is_none() {
        println!("note: there is no strace here, so no share was imitated");
    }
    run
}

#[test]
fn a_checkpoint_that_another_program_holds_is_out_of_reach_and_not_damaged() {
    let world = World::new();
    let job = world.add_mixed_job(1, 1);
    world.run(&["status"]).exits(0);
    world.run(&["poll", "--max-jobs", "1"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    let other = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let run = world
        .run(&["poll", "--json"])
        .exits(5)
        .says("checkpoint.sqlite3")
        .json();
    assert_eq!(run["error"]["kind"], "temporary");
    drop(other);
    world.run(&["poll"]).exits(0);
}

#[test]
fn a_checkpoint_whose_mode_cannot_be_set_is_warned_of() {
    let world = World::new();
    for name in ["state", "books"] {
        fs::create_dir(world.path(name)).unwrap();
        set_mode(&world.path(name), 0o777);
    }
    let world = world.with_variable("PLEO_EXPORT_CHECKPOINT", "state/checkpoint.sqlite3");
    fs::write(world.path("state/checkpoint.sqlite3"), "").unwrap();
    set_mode(&world.path("state/checkpoint.sqlite3"), 0o666);
    let job = world.add_mixed_job(1, 1);
    let Some(run) = as_nobody(&world, &["poll"]) else {
        return;
    };
    run.exits(0).says("other users may be able to read");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
}

#[test]
fn status_reads_a_checkpoint_in_a_folder_that_it_may_only_read() {
    let world = World::new().with_variable("PLEO_EXPORT_CHECKPOINT", "st ä%/checkpoint.sqlite3");
    let job = world.add_mixed_job(1, 1);
    world.run(&["poll"]).exits(0);
    let folder = world.path("st ä%");
    set_mode(&folder, 0o755);
    set_mode(&folder.join("checkpoint.sqlite3"), 0o644);
    let before = fs::read_dir(&folder).unwrap().count();
    let Some(run) = as_nobody(&world, &["status"]) else {
        return;
    };
    run.exits(0).says(&job[..8]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), before);
    // With a log beside it the file alone may be half of the truth.
    fs::write(folder.join("checkpoint.sqlite3-wal"), "x").unwrap();
    let run = as_nobody(&world, &["status"]).unwrap();
    assert_ne!(run.code, Some(0), "{run}");
}

#[test]
fn folders_that_are_links_lead_to_one_lock_and_a_file_that_is_a_link_is_refused() {
    let world = World::new().with_variable("PLEO_EXPORT_CHECKPOINT", "state/checkpoint.sqlite3");
    world.run(&["poll"]).exits(0);
    symlink(world.path("state"), world.path("linked")).unwrap();
    let lock = fs::File::open(world.path("state/checkpoint.sqlite3.lock")).unwrap();
    lock.lock().unwrap();
    world
        .run_with("PLEO_EXPORT_CHECKPOINT", "linked/checkpoint.sqlite3", &["resume"])
        .exits(5)
        .says("another run");
    drop(lock);
    symlink("state/checkpoint.sqlite3", world.path("soft.sqlite3")).unwrap();
    world
        .run_with("PLEO_EXPORT_CHECKPOINT", "soft.sqlite3", &["poll"])
        .exits(1)
        .says("is a link");
    fs::hard_link(world.path("state/checkpoint.sqlite3"), world.path("hard.sqlite3")).unwrap();
    for name in ["hard.sqlite3", "state/checkpoint.sqlite3"] {
        world
            .run_with("PLEO_EXPORT_CHECKPOINT", name, &["poll"])
            .exits(1)
            .says("is a link");
    }
    fs::remove_file(world.path("hard.sqlite3")).unwrap();
    world.run(&["poll"]).exits(0);
}

#[test]
fn a_checkpoint_where_folders_cannot_be_synced_is_refused_before_a_job_is_started() {
    let world = World::new().with_variable("PLEO_EXPORT_CHECKPOINT", "share/checkpoint.sqlite3");
    fs::create_dir(world.path("share")).unwrap();
    let job = world.add_mixed_job(1, 1);
    let Some(run) = where_nothing_syncs(&world, &[&world.path("share")]) else {
        return;
    };
    run.exits(1).says("needs a local disk");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn books_where_folders_cannot_be_synced_are_kept_with_one_warning() {
    let world = World::new();
    world.run(&["poll"]).exits(0);
    let job = world.add_mixed_job(12, 1);
    let year = world.path("books/pleo/2026");
    let folders = [
        world.path("books"),
        world.path("books/pleo"),
        year,
        world.path("books/documents"),
    ];
    let folders: Vec<&Path> = folders.iter().map(AsRef::as_ref).collect();
    let Some(run) = where_nothing_syncs(&world, &folders) else {
        return;
    };
    assert_eq!(run.stderr.matches("power cut").count(), 1, "{run}");
    run.exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.books().has_nothing_twice();
}

#[test]
fn a_log_of_json_lines_ends_with_what_went_wrong() {
    let last = |run: Run| {
        let lines: Vec<serde_json::Value> = run
            .stderr
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect();
        lines.last().cloned().unwrap_or_default()
    };
    let world = World::new();
    world.add_mixed_job(1, 1);
    for (arguments, kind) in [
        (
            &["poll", "--log-format", "json", "--max-jobs", "none"][..],
            "usage",
        ),
        (&["--log-format=json", "pole"], "usage"),
        (&["run-job", "x", "--log-format", "json"], "usage"),
        (&["run-job", "x", "--log-format", "json", "--json"], "usage"),
    ] {
        let line = last(world.run(arguments).exits(2));
        assert_eq!(
            (&line["level"], &line["kind"]),
            (&"ERROR".into(), &kind.into()),
            "{line}"
        );
    }
    let line = last(
        world
            .run_with("PLEO_BASE_URL", "no address", &["poll", "--log-format", "json"])
            .exits(2),
    );
    assert!(
        line["message"].as_str().unwrap().contains("PLEO_BASE_URL") && !line["hint"].is_null(),
        "{line}"
    );
    let line = last(
        world
            .run_with("PLEO_API_KEY", "wrong", &["poll", "-q", "--log-format", "json"])
            .exits(2),
    );
    assert_eq!(line["kind"], "credential_refused");
    let run = world.run(&["poll", "-v", "--log-format", "json"]).exits(0);
    let line = run
        .stderr
        .lines()
        .find(|line| line.contains("\"job.id\""))
        .unwrap()
        .to_owned();
    assert_eq!(line.matches("\"job.id\"").count(), 1, "{line}");
    last(run);
}

#[test]
fn a_job_id_may_have_spaces_around_it() {
    let world = World::new();
    let job = world.add_mixed_job(1, 1);
    world.run(&["run-job", &format!(" {job}\n")]).exits(0);
    world
        .run(&["status", "--job", &format!("{job} ")])
        .exits(0)
        .says(&job);
}
