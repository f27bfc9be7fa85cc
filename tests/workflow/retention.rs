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
