//! What names people is kept for as long as it may be, and no longer.

use std::fs;

use rusqlite::Connection;

use crate::sandbox::seed::Item;
use crate::support::World;

const SECRET: &str = "Lunch with a whistleblower";

fn job(world: &World) {
    let item = Item::card_purchase(-10_000).supplier("Shop").note(SECRET);
    world.add_job(vec![item.build()]);
}

/// Whether the checkpoint or one of SQLite's files beside it still says so.
fn says_it(world: &World) -> bool {
    let files = ["checkpoint.sqlite3", "checkpoint.sqlite3-wal"].map(|name| world.path(name));
    let contents = files.iter().filter_map(|file| fs::read(file).ok());
    let mut contents = contents.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    contents.any(|text| text.contains(SECRET))
}

fn kept(world: &World) -> String {
    let connection = Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    let sql = "SELECT supplier || ' ' || amount || currency || ' ' || (canonical_text LIKE '2:%') || ' ' || item.outcome \
               FROM item JOIN item_data ON item_data.number = item.data";
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn a_payload_goes_when_its_days_are_over_and_what_is_kept_for_good_stays() {
    let world = World::new();
    job(&world);
    world.run(&["poll"]).exits(0);
    assert!(says_it(&world));
    // 29 days go by, and two more.
    for (days, is_there) in [(29, true), (2, false)] {
        let connection = Connection::open(world.path("checkpoint.sqlite3")).unwrap();
        let sql = "UPDATE job SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', updated_at, ?1)";
        connection.execute(sql, [format!("-{days} days")]).unwrap();
        drop(connection);
        world.run(&["poll"]).exits(0);
        assert_eq!(says_it(&world), is_there, "after {days} more days");
    }
    assert_eq!(kept(&world), "Shop -10000DKK 1 successful");
    world.run(&["verify"]).exits(0).says("No difference");
    world.run(&["status"]).exits(0).says("completed");
}

#[test]
fn no_days_at_all_is_the_end_of_the_poll_that_closed_the_job() {
    let world = World::new().with_settings("[checkpoint]\nkeep_payloads_days = 0\n");
    job(&world);
    world.run(&["poll"]).exits(0);
    assert!(!says_it(&world));
    assert_eq!(kept(&world), "Shop -10000DKK 1 successful");
}

#[test]
fn what_is_no_number_of_days_is_a_problem_of_the_settings() {
    for days in ["-1", "3651", "\"30\""] {
        let world = World::new().with_settings(&format!("[checkpoint]\nkeep_payloads_days = {days}\n"));
        let run = world.run(&["poll"]).exits(2);
        run.says("checkpoint.keep_payloads_days");
    }
}

const BEFORE: [&str; 3] = ["prune-evidence", "--before", "2026"];

/// Books with a batch of each year, and the evidence of each.
fn with_evidence() -> World {
    let world = World::new();
    for (year, seed) in [(2024, 1), (2025, 2), (2026, 3)] {
        let date = format!("{year}-05-10T10:00:00Z");
        let item = Item::card_purchase(-10_000)
            .numbered(seed)
            .supplier("Shop")
            .note(SECRET);
        world.add_job(vec![item.date(&date).build()]);
        world.run(&["poll"]).exits(0);
    }
    assert_eq!(evidence(&world).len(), 3);
    // What a run that was killed left behind.
    fs::write(
        world.path("books/pleo/2024/PLEO-2024-000007.evidence.jsonl"),
        SECRET,
    )
    .unwrap();
    world
}

fn evidence(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for year in fs::read_dir(world.path("books/pleo")).unwrap() {
        let year = year.unwrap().path();
        let files = fs::read_dir(year).into_iter().flatten();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        found.extend(names.filter(|name| name.contains(".evidence.")));
    }
    found.sort();
    found
}

#[test]
fn evidence_of_earlier_years_is_removed_with_a_line_and_is_no_difference() {
    let world = with_evidence();
    let others: Vec<_> = world
        .books()
        .files()
        .into_iter()
        .filter(|(path, _)| !path.ends_with("about.beancount"))
        .collect();
    let run = world
        .run(&["prune-evidence", "--before", "2026", "--json"])
        .exits(0);
    assert_eq!(run.json()["removed"].as_array().unwrap().len(), 3, "{run}");
    assert_eq!(evidence(&world), ["PLEO-2026-000001.evidence.jsonl"]);
    let now = world.books().files();
    assert!(
        others.iter().all(|(path, text)| now[path] == *text),
        "what is there is not written again"
    );
    let lines: usize = now
        .values()
        .map(|text| text.matches("custom \"pleo-evidence-removed\"").count())
        .sum();
    assert_eq!(lines, 3);
    world.run(&["verify"]).exits(0).says("No difference");
    // Of what was removed the checkpoint knows the amounts, and without it nothing does.
    let checkpoint = world.path("checkpoint.sqlite3");
    let aside = world.path("aside.sqlite3");
    fs::rename(&checkpoint, &aside).unwrap();
    world
        .run(&["verify"])
        .exits(0)
        .says("Not compared: amounts of 2 entries, whose evidence was removed");
    fs::rename(&aside, &checkpoint).unwrap();
    world
        .run(&BEFORE)
        .exits(0)
        .says("There is no evidence of batches before 2026.");
    world.books().are_clean();
    // What goes without a line is one.
    fs::remove_file(world.path("books/pleo/2026/PLEO-2026-000001.evidence.jsonl")).unwrap();
    world.run(&["verify"]).exits(6).says("evidence");
}

#[test]
fn killed_at_any_moment_the_next_call_ends_it() {
    let mut was_killed = 0;
    for moment in 1.. {
        let world = with_evidence();
        let run = world.run_with("PLEO_EXPORT_KILL_AT", &moment.to_string(), &BEFORE);
        world.run(&["verify"]).exits(0).says("No difference");
        if run.code.is_some() {
            assert_eq!(run.code, Some(0), "{run}");
            break;
        }
        was_killed += 1;
        world.run(&BEFORE).exits(0);
        assert_eq!(evidence(&world), ["PLEO-2026-000001.evidence.jsonl"], "{run}");
        world.run(&["verify"]).exits(0).says("No difference");
        world.books().are_clean();
    }
    assert!(was_killed >= 8, "only {was_killed} moments");
}

#[test]
fn what_cannot_be_pruned_is_said() {
    let world = with_evidence();
    world
        .run(&["prune-evidence", "--before", "9999"])
        .exits(2)
        .says("still being written");
    world.run(&["prune-evidence", "--before", "old"]).exits(2);
    world.run(&["prune-evidence"]).exits(2);
    let lock = fs::File::open(world.path("checkpoint.sqlite3.lock")).unwrap();
    lock.lock().unwrap();
    world.run(&BEFORE).exits(5).says("another run is at work");
    drop(lock);
    assert_eq!(evidence(&world).len(), 4);
}
