//! `status` after time has passed, after polls that need a person, and after jobs that failed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::interrupt::{Fate, nth_of};
use crate::manners::on_a_terminal;
use crate::odd_places::set_mode;
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, Job, JobStatus, Trouble};
use crate::support::{Run, World};

fn settled() -> World {
    let world = World::new().impatient();
    world.add_mixed_job(6, 1);
    world.run(&["poll"]).exits(0);
    world
}

/// Lets so many hours pass since the last polls.
fn let_pass(world: &World, hours: u32) {
    let columns = ["last_poll_at", "last_success_at", "first_failed_at"];
    let earlier = columns
        .map(|column| format!("{column} = strftime('%Y-%m-%dT%H:%M:%fZ', {column}, '-{hours} hours')"));
    rusqlite::Connection::open(world.path("checkpoint.sqlite3"))
        .unwrap()
        .execute(&format!("UPDATE contact SET {}", earlier.join(", ")), [])
        .unwrap();
}

#[track_caller]
fn first_line(world: &World) -> String {
    let run = world.run(&["status"]).exits(0);
    run.stdout.lines().next().unwrap_or_default().to_owned()
}

fn health(world: &World) -> Value {
    world.run(&["status", "--json"]).exits(0).json()["health"].clone()
}

/// Items that failed are no reason why polls come no more.
#[test]
fn too_old_a_success_is_told_with_what_helps_against_that() {
    let world = settled();
    world.add_job(vec![Item::card_purchase(900).without_account().build()]);
    world.run(&["poll"]).exits(3);
    let_pass(&world, 5);
    let run = world
        .run(&["status", "--max-age", "30m", "-q"])
        .exits(6)
        .says("list-timers");
    assert!(!run.stderr.contains("export them again"), "{run}");
}

#[test]
fn polls_that_come_no_more_are_told() {
    let world = settled();
    let_pass(&world, 5);
    assert!(first_line(&world).starts_with("All is well: last successful poll 5 h ago"));
    let run = world
        .run(&["status", "--max-age", "30m"])
        .exits(6)
        .says("5 h ago");
    assert!(!run.stdout.contains("All is well"), "{run}");
    world.run(&["status", "--max-age", "2d"]).exits(0);
    let_pass(&world, 2);
    let line = first_line(&world);
    assert!(
        line.starts_with("Failing since 20") && line.contains("no poll has run since 20"),
        "{line}"
    );
    world
        .run(&["check"])
        .says("no poll has run since 20")
        .says("the cron job or `pleo-export listen`");
    let told = health(&world);
    assert_eq!(
        (&told["state"], &told["since"]),
        (&"failing".into(), &told["last_poll"])
    );
    let remedy = told["remedy"].as_str().unwrap();
    assert!(
        ["list-timers", "pleo-export-listen", "cron"]
            .iter()
            .all(|word| remedy.contains(word)),
        "{remedy}"
    );
    // What was wrong before is not forgotten.
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    world.run(&["poll"]).exits(5);
    let_pass(&world, 7);
    let line = first_line(&world);
    assert!(
        line.contains("no poll has run since 20") && line.contains("503"),
        "{line}"
    );
    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    assert!(first_line(&world).starts_with("All is well"));
    let seldom = settled().with_settings("[run]\nalarm_after = \"2w\"\n");
    let_pass(&seldom, 300);
    assert!(first_line(&seldom).starts_with("All is well"));
}

#[test]
fn polls_that_need_a_person_are_no_success_and_fail_since_the_first_of_them() {
    let world = settled();
    let success = health(&world)["last_success"].clone();
    fs::rename(world.path("books"), world.path("moved")).unwrap();
    let job = world.add_mixed_job(2, 2);
    world.run(&["poll"]).exits(6);
    let_pass(&world, 1);
    let first = health(&world);
    assert_ne!(first["last_success"], success, "time has passed");
    world.run(&["poll", "--metrics-file", "pleo.prom"]).exits(6);
    let second = health(&world);
    assert_eq!(second["state"], "failing");
    assert_eq!(
        (&second["since"], &second["last_success"]),
        (&first["since"], &first["last_success"])
    );
    assert_ne!(second["last_poll"], first["last_poll"]);
    let message = second["message"].as_str().unwrap();
    assert!(message.starts_with("2 polls in a row have failed: "), "{message}");
    world
        .run(&["status", "--max-age", "30m"])
        .exits(6)
        .says("not mounted");
    let metrics = fs::read_to_string(world.path("pleo.prom")).unwrap();
    assert!(metrics.contains("failing_since_timestamp_seconds{"), "{metrics}");
    // The person has come.
    fs::remove_dir_all(world.path("books")).unwrap();
    fs::rename(world.path("moved"), world.path("books")).unwrap();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    assert!(first_line(&world).starts_with("All is well"));
}

#[test]
fn what_failed_is_told_until_a_later_job_has_booked_it() {
    let entry = "7e57c0de-0000-4000-8000-000000000001";
    let lunch = || Item::card_purchase(100).id(entry);
    let world = World::new();
    let job = world.add_job(vec![lunch().without_account().build()]);
    world.run(&["poll"]).exits(3);
    let told = |run: Run| {
        let first = run.stdout.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("Last successful poll ")
                && first.contains(&format!("1 item of job {} failed", &job[..8])),
            "{run}"
        );
        run.says(&format!(
            "what helps: see why (`pleo-export status --job {}`)",
            &job[..8]
        ))
    };
    told(world.run(&["status"]).exits(0));
    world.run(&["poll"]).exits(0);
    told(world.run(&["status"]).exits(0));
    // Another expense is booked: that one is not.
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    told(world.run(&["status"]).exits(0));
    world.add_job(vec![lunch().build()]);
    world.run(&["poll"]).exits(0);
    assert!(first_line(&world).starts_with("All is well"));
}

#[test]
fn the_day_of_an_item_is_that_of_the_books() {
    let world = World::new().with_settings("[bookkeeping]\ntime_zone = \"Europe/Copenhagen\"\n");
    let job = world.add_job(vec![
        Item::card_purchase(100).date("2026-03-31T22:30:00Z").build(),
    ]);
    world.run(&["poll"]).exits(0);
    world.run(&["status", "--job", &job]).exits(0).says("2026-04-01");
    let run = world.run(&["status", "--job", &job, "--json"]).exits(0);
    assert_eq!(run.json()["items"][0]["date"], "2026-04-01", "{run}");
}

#[test]
fn a_job_that_failed_as_a_whole_is_told_until_its_expenses_are_booked() {
    let world = World::new();
    let job = world.add_mixed_job(3, 1);
    world
        .sandbox
        .fault(Fault::new(Trouble::MissingContraAccounts(vec!["EUR".into()])).always());
    world.run(&["poll"]).exits(4);
    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    let line = first_line(&world);
    assert!(
        line.starts_with("Last successful poll ") && line.contains(&job[..8]),
        "{line}"
    );
    world.add_mixed_job(3, 1);
    world.run(&["poll"]).exits(0);
    assert!(
        first_line(&world).starts_with("All is well"),
        "{}",
        first_line(&world)
    );
}

/// Looks from a folder of its own, with nothing that names a checkpoint.
fn look_in(world: &World, folder: &str) -> Run {
    let mut command = world.command(&["status"]);
    command
        .env_clear()
        .env("HOME", world.path("nowhere"))
        .current_dir(world.path(folder));
    world.run_command(&mut command)
}

#[test]
fn the_only_checkpoint_of_a_folder_is_found_whatever_its_name() {
    let world = settled();
    let made = world.path("checkpoint.sqlite3");
    for (folder, name) in [
        ("a", "checkpoint.sqlite3"),
        ("b", "pleo-export.sqlite3"),
        ("c", "acme.sqlite3"),
    ] {
        fs::create_dir(world.path(folder)).unwrap();
        let file = world.path(folder).join(name);
        fs::copy(&made, &file).unwrap();
        // Other programs' databases, and what is no database.
        let other = rusqlite::Connection::open(world.path(folder).join("other.sqlite3")).unwrap();
        other
            .execute_batch("PRAGMA application_id = 7; CREATE TABLE job (id)")
            .unwrap();
        fs::write(world.path(folder).join("text.sqlite3"), "text").unwrap();
        fs::create_dir(world.path(folder).join("folder.sqlite3")).unwrap();
        let run = look_in(&world, folder)
            .exits(0)
            .says(&format!("Checkpoint {}", file.display()));
        assert!(run.stdout.starts_with("All is well"), "{run}");
        fs::copy(&made, world.path(folder).join("second.sqlite3")).unwrap();
        look_in(&world, folder)
            .exits(2)
            .says("there are 2 checkpoints")
            .says(name);
    }
}

#[test]
fn what_is_no_checkpoint_is_told_for_what_it_is_and_left_as_it_is() {
    let world = World::new();
    fs::write(world.path("empty"), "").unwrap();
    fs::write(
        world.path("text"),
        "not a database, but somebody's text\n".repeat(9),
    )
    .unwrap();
    fs::create_dir(world.path("folder")).unwrap();
    let made = Command::new("mkfifo").arg(world.path("pipe")).status().unwrap();
    assert!(made.success());
    let foreign = rusqlite::Connection::open(world.path("foreign")).unwrap();
    foreign.execute_batch("CREATE TABLE somebodys (id)").unwrap();
    drop(foreign);
    world
        .run_with("PLEO_EXPORT_CHECKPOINT", "empty", &["status"])
        .exits(0)
        .says("is there, but empty");
    for (name, what, code) in [
        ("folder", "is a folder, and no regular file", 1),
        ("pipe", "is a device, a pipe or a socket, and no regular file", 1),
        ("text", "is no checkpoint", 1),
        ("foreign", "a database of another program", 1),
    ] {
        let path = world.path(name);
        let seen = |path: &std::path::Path| {
            let metadata = fs::metadata(path).unwrap();
            let content = if metadata.is_file() {
                fs::read(path).unwrap()
            } else {
                Vec::new()
            };
            (metadata.permissions().mode(), content)
        };
        set_mode(&path, 0o755);
        let before = seen(&path);
        for command in ["status", "poll", "resume", "check", "verify", "preview"] {
            let run = world
                .run_with("PLEO_EXPORT_CHECKPOINT", name, &[command])
                .says(what);
            // A doctor has one code for whatever is to be corrected.
            assert_eq!(run.code, Some(if command == "check" { 2 } else { code }), "{run}");
        }
        assert_eq!(seen(&path), before, "{name} was changed");
        assert!(!world.path(&format!("{name}-wal")).exists());
    }
}

#[test]
fn ids_that_are_to_be_copied_are_whole() {
    let entry = "7e57c0de-0000-4000-8000-000000000001";
    let world = World::new();
    let job = world.add_job(vec![Item::card_purchase(100).id(entry).without_account().build()]);
    world.run(&["poll"]).exits(3);
    for arguments in [
        format!("status --job {job}"),
        format!("status --job {job} --audit"),
    ] {
        let Some(written) = on_a_terminal(&world, 80, &arguments, &[]) else {
            return;
        };
        assert!(written.contains(&job) && written.contains(entry), "{written}");
    }
}

#[test]
fn no_remedy_is_told_twice() {
    let world = settled();
    let job = world.add_mixed_job(6, 2);
    world
        .run_and_signal(&["poll"], "TERM", Fate::TakesEffect, nth_of("PUT", 1))
        .exits(5);
    let run = world.run(&["status"]).exits(0).says(&job[..8]);
    // Once in what helps, once in the job's line.
    assert_eq!(run.stdout.matches("run again").count(), 2, "{run}");
    assert!(!run.stdout.contains("resume"), "{run}");
    world.kill_at_update(2, Fate::TakesEffect);
    let run = world.run(&["status"]).exits(0);
    assert!(!run.stdout.contains("resume"), "{run}");
}

/// A poll that ends over its settings is known to `status`, however little of them could be read.
#[test]
fn polls_that_end_over_their_settings_are_told() {
    type Break = fn(&World);
    let broken: [(&str, Break); 5] = [
        ("is not TOML", |world| {
            fs::write(world.path("unit.toml"), "[pleo\n").unwrap();
        }),
        ("cannot read the settings file", |world| {
            fs::remove_file(world.path("unit.toml")).unwrap();
        }),
        ("belongs to", |world| {
            let other = "[accounting.beancount]\ndirectory = \"other\"\n";
            fs::write(world.path("unit.toml"), other).unwrap();
        }),
        (".env`: it is a folder", |world| {
            fs::create_dir(world.path(".env")).unwrap();
        }),
        ("everybody may write it", |world| {
            fs::write(world.path(".env"), "PLEO_COMPANY_ID=acme\n").unwrap();
            set_mode(&world.path(".env"), 0o666);
        }),
    ];
    for (number, (cause, break_it)) in broken.into_iter().enumerate() {
        let mut world = World::new()
            .without_variable("PLEO_EXPORT_CHECKPOINT")
            .with_variable("STATE_DIRECTORY", "state")
            .with_variable("PLEO_EXPORT_CONFIG", "unit.toml");
        fs::write(world.path("unit.toml"), "").unwrap();
        world.add_mixed_job(2, 1);
        world.run(&["poll"]).exits(0);
        if number == 4 {
            world = world.without_variable("PLEO_COMPANY_ID");
        }
        break_it(&world);
        world.run(&["poll"]).exits(2);
        let mut looking = world.command(&["status"]);
        let run = world
            .run_command(looking.env_remove("PLEO_EXPORT_CONFIG"))
            .exits(0);
        let first = run.stdout.lines().next().unwrap_or_default();
        assert!(first.starts_with("Failing since 20"), "{cause}: {run}");
        run.says(cause);
    }
}

/// Root is not advised to take a file from the service, which could then not read it.
#[test]
fn the_file_of_the_service_stays_its_own() {
    let world = World::new();
    fs::write(world.path(".env"), "PLEO_API_KEY=key\n").unwrap();
    if std::os::unix::fs::chown(world.path(".env"), Some(65534), None).is_err() {
        println!("note: this user cannot give a file away, so nothing was looked at");
        return;
    }
    for command in ["status", "check", "poll"] {
        let run = world
            .run(&[command])
            .says("run pleo-export as that user (`sudo -u '#65534' pleo-export ...`)");
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(!text.contains("chown") && !text.contains("--config"), "{run}");
    }
}

#[test]
fn wrong_settings_are_to_be_corrected_where_the_checkpoint_is_named() {
    let world = World::new().with_settings("[pleo\n");
    let run = world
        .run(&["status"])
        .exits(2)
        .says("is not TOML")
        .says("correct these settings");
    assert!(!run.stderr.contains("say where the checkpoint is"), "{run}");
}

#[test]
fn what_failed_is_told_beside_what_is_waited_for() {
    let world = World::new();
    let job = world.add_job(vec![Item::card_purchase(100).without_account().build()]);
    world.run(&["poll"]).exits(3);
    let other = Job::of(vec![Item::card_purchase(200).build()]).status(JobStatus::InProgress);
    let other = world.sandbox.add_job(other);
    world.run(&["poll"]).exits(0);
    let line = first_line(&world);
    assert!(
        line.contains(&other) && line.contains(&format!("1 item of job {} failed", &job[..8])),
        "{line}"
    );
}

#[test]
fn another_programs_database_is_no_checkpoint() {
    let world = settled();
    rusqlite::Connection::open(world.path("other.sqlite3"))
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let mut looking = world.command(&["status"]);
    for name in ["PLEO_EXPORT_CHECKPOINT", "PLEO_COMPANY_ID"] {
        looking.env_remove(name);
    }
    let run = world.run_command(&mut looking).exits(0);
    assert!(run.stdout.starts_with("All is well"), "{run}");
}
