//! A checkpoint of the version before its rows were small, in mid-job: nothing is lost, whenever the step is cut off.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{CHECKPOINT, copy};
use crate::full_disk::with_little_room;
use crate::sandbox::{ItemStatus, Job, JobStatus};
use crate::support::World;

const JOB: &str = "7e57c0de-0000-4000-8000-0000000000d2";
const CLOSED_JOB: &str = "7e57c0de-0000-4000-8000-0000000000d1";

/// The newest schema: all steps to it are made in one piece.
const NEWEST: i64 = 11;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema-3")
}

fn connection(world: &World) -> Connection {
    Connection::open(world.path(CHECKPOINT)).unwrap()
}

fn version(world: &World) -> i64 {
    connection(world)
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

/// The machine and the Pleo on which that version was killed.
fn in_mid_job() -> World {
    let world = World::new()
        .impatient()
        .with_settings("[pleo]\nbatch_size = 10\n[bookkeeping]\nattachments = \"none\"\n");
    copy(&fixtures().join("books"), &world.path("books"));
    std::fs::copy(fixtures().join(CHECKPOINT), world.path(CHECKPOINT)).unwrap();
    let connection = connection(&world);
    let target = format!("beancount:{}", world.path("books").display());
    connection
        .execute("UPDATE meta SET target = ?1", [target])
        .unwrap();
    let items: Vec<(String, String, String)> = connection
        .prepare("SELECT entry_id, state, payload FROM item WHERE job_id = ?1 ORDER BY rowid")
        .unwrap()
        .query_map([JOB], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    world.sandbox.add_job(Job {
        id: Some(JOB.to_owned()),
        created_at: Some("2026-11-02T08:00:00Z".parse().unwrap()),
        ..Job::of(
            items
                .iter()
                .map(|item| serde_json::from_str(&item.2).unwrap())
                .collect(),
        )
        .status(JobStatus::InProgress)
    });
    for (entry, state, _) in &items {
        match state.as_str() {
            "settled" => world.sandbox.set_item_status(JOB, entry, ItemStatus::Successful),
            "intended" => world.sandbox.set_item_status(JOB, entry, ItemStatus::InProgress),
            _ => {}
        }
    }
    world
}

/// The next run goes on as if nothing had been.
#[track_caller]
fn goes_on(world: &World) {
    world.run(&["resume"]).exits(0);
    assert_eq!(version(world), NEWEST);
    let state = world.sandbox.job(JOB);
    assert_eq!(
        (state.status, state.count(ItemStatus::Successful)),
        (JobStatus::Completed, 40)
    );
    world.books().has_nothing_twice();
    let entries = world.books().entries();
    assert!(state.items.iter().all(|item| entries.contains(&item.entry)));
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn a_job_in_mid_work_goes_on_and_what_was_done_is_still_known() {
    let world = in_mid_job();
    let status = |job: &str| world.run(&["status", "--json", "--job", job]).exits(0).json();
    let closed = status(CLOSED_JOB);
    assert_eq!(closed["jobs"][0]["items"]["successful"], json!(24), "{closed}");
    let open = status(JOB)["jobs"][0]["items"].clone();
    assert_eq!(
        (&open["successful"], &open["open"]),
        (&json!(8), &json!(32)),
        "{open}"
    );
    assert_eq!(version(&world), 3, "who looks changes nothing");
    let told = numbers(&world, "job_id");
    goes_on(&world);
    assert_eq!(status(CLOSED_JOB)["jobs"], closed["jobs"]);
    let now = numbers(&world, "(SELECT id FROM job WHERE number = job)");
    assert!(told.len() == 8 && told.iter().all(|number| now.contains(number)));
    // What is kept of the job that is over, and of the one that is not.
    let kept = |which: &str| -> i64 {
        let sql = format!(
            "SELECT count(*) FROM item JOIN item_data ON item_data.number = data JOIN job ON job.number = item.job \
             WHERE job.id = ?1 AND {which}"
        );
        let job = if which.contains("IS NOT NULL") {
            JOB
        } else {
            CLOSED_JOB
        };
        connection(&world)
            .query_row(&sql, [job], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(
        kept("payload IS NULL AND amount <> 0 AND canonical_text LIKE '2:%' AND link LIKE 'https://%'"),
        25
    );
    assert_eq!(
        kept("payload IS NOT NULL AND amount <> 0 AND date LIKE '2026-%'"),
        40
    );
}

fn numbers(world: &World, job: &str) -> Vec<String> {
    connection(world)
        .prepare(&format!(
            "SELECT entry_id || ' ' || external_id FROM item WHERE {job} = ?1 AND outcome = 'successful'"
        ))
        .unwrap()
        .query_map([JOB], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn killed_at_any_moment_of_the_step_the_file_is_the_old_or_the_new_one() {
    let mut in_the_step = 0;
    for moment in 1.. {
        let world = in_mid_job();
        let run = world.run_with("PLEO_EXPORT_KILL_AT", &moment.to_string(), &["resume"]);
        assert_eq!(run.code, None, "{run}");
        in_the_step += usize::from(run.stderr.contains("in the step"));
        let is_done = version(&world) == NEWEST;
        assert!(is_done || version(&world) == 3);
        let sound: String = connection(&world)
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .unwrap();
        assert_eq!(sound, "ok");
        goes_on(&world);
        if is_done {
            break;
        }
    }
    assert_eq!(in_the_step, 3);
}

#[test]
fn without_room_for_the_step_the_old_file_stays() {
    for (refused, blocks) in (8..).step_by(64).enumerate() {
        let world = in_mid_job();
        let run = with_little_room(&world, blocks);
        if version(&world) == NEWEST {
            assert!(refused > 2, "there was room all the time");
            goes_on(&world);
            return;
        }
        let run = run.exits(1);
        let says = run.stderr.to_lowercase();
        assert!(says.contains("disk") || says.contains("write"), "{run}");
        let before: Value = world.run(&["status", "--json"]).exits(0).json();
        assert_eq!(before["jobs"].as_array().unwrap().len(), 2, "{before}");
        goes_on(&world);
    }
}
