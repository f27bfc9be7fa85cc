use serde_json::{Map, Value, json};

use crate::attack::{ENTRY, add_item, is_debug, one_item};
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, ItemStatus, Trouble};
use crate::support::World;

fn job_says(field: &str, value: &Value) -> Trouble {
    Trouble::JobSays(Map::from_iter([(field.to_owned(), value.clone())]))
}

#[test]
fn no_figure_of_a_job_stops_the_program_or_spoils_the_checkpoint() {
    for (field, value) in [
        ("expiresIn", json!(i64::MAX)),
        ("expiresIn", json!(1_000_000_000_000_i64)),
        ("expiresIn", json!(-1)),
        ("numberOfItems", json!(i64::MAX)),
        ("lastUpdatedAt", json!("9999-12-31T23:59:59Z")),
        ("lastUpdatedAt", json!("0001-01-01T00:00:00Z")),
        ("startedAt", json!("9999-12-31T23:59:59-23:00")),
        ("createdAt", json!("9999-12-31T23:59:59Z")),
        ("createdAt", json!("1000-01-01")),
    ] {
        let world = one_item();
        world.sandbox.fault(
            Fault::new(job_says(field, &value))
                .on("GET", "/v3/export-jobs/**")
                .always(),
        );
        world.sandbox.fault(
            Fault::new(job_says(field, &value))
                .on("GET", "/v3/export-jobs")
                .always(),
        );
        let run = world.run(&["poll", "--json"]);
        assert!(
            run.code.is_some_and(|code| (0..=6).contains(&code)),
            "{field} {value}: {run}"
        );
        assert!(
            !run.stderr.contains("panicked") && !run.stderr.contains("damaged"),
            "{field} {value}: {run}"
        );
        run.json();
        world.sandbox.clear_faults();
        world.run(&["status", "--json"]).exits(0);
        let run = world.run(&["poll"]);
        assert!(matches!(run.code, Some(0 | 4)), "{field} {value}: {run}");
        add_item(&world);
        world.run(&["poll"]).exits(0);
        assert_eq!(world.books().entries(), [ENTRY]);
        world.keeps_its_promise();
    }
}

#[test]
fn an_item_of_another_age_fails_alone() {
    let world = one_item();
    let mut old = Item::card_purchase(100).build();
    old["date"] = json!("9999-12-31T23:59:59Z");
    let id = old["accountingEntryId"].as_str().unwrap().to_owned();
    let job = world.add_job(vec![old, Item::card_purchase(200).build()]);
    world.run(&["poll"]).exits(3);
    let state = world.sandbox.job(&job);
    assert_eq!(state.count(ItemStatus::Successful), 1);
    let item = state.item(&id);
    assert_eq!(item.failure_reason_type.as_deref(), Some("validation_failure"));
    let reason = item.failure_reason.as_ref().unwrap();
    assert!(reason.starts_with("The date of the expense is "), "{reason}");
}

#[test]
fn a_panic_at_any_moment_is_exit_1_with_a_document_and_the_next_run_goes_on() {
    if !is_debug("a_panic_at_any_moment_is_exit_1_with_a_document_and_the_next_run_goes_on") {
        return;
    }
    for panic_at in (1..).step_by(5) {
        let world = one_item();
        let run = world.run_with("PLEO_EXPORT_PANIC_AT", &panic_at.to_string(), &["poll", "--json"]);
        if !run.stderr.contains("panicked") {
            assert!(panic_at > 20, "{run}");
            assert_eq!(run.code, Some(0), "{run}");
            return;
        }
        assert!(matches!(run.code, Some(0 | 1 | 5)), "at {panic_at}: {run}");
        assert!(!run.stderr.contains("thread 'main'"), "{run}");
        let answer = run.json();
        assert_eq!(answer["exit_code"], json!(run.code), "{run}");
        if run.code == Some(1) {
            assert_eq!(answer["error"]["kind"], "unexpected", "{run}");
            let status = world.run(&["status"]).exits(0);
            assert!(
                !status.stdout.starts_with("All is well"),
                "at {panic_at}: {status}"
            );
        }
        let run = world.run(&["poll"]);
        assert!(matches!(run.code, Some(0 | 3)), "at {panic_at}: {run}");
        world.keeps_its_promise();
        world.books().has_nothing_twice();
    }
}

#[test]
fn a_poll_that_panics_is_recorded_like_any_that_fails() {
    if !is_debug("a_poll_that_panics_is_recorded_like_any_that_fails") {
        return;
    }
    let world = one_item();
    world.run(&["poll"]).exits(0);
    add_item(&world);
    world.run_with("PLEO_EXPORT_PANIC_AT", "6", &["poll"]).exits(1);
    let health = &world.run(&["status", "--json"]).json()["health"];
    assert_eq!(health["state"], "failing", "{health}");
    let connection = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    let ended_in_order: bool = connection
        .query_row("SELECT clean FROM meta", [], |row| row.get(0))
        .unwrap();
    assert!(!ended_in_order);
}

#[test]
fn after_a_panic_over_one_job_the_others_go_on() {
    if !is_debug("after_a_panic_over_one_job_the_others_go_on") {
        return;
    }
    // Where in a run the first job is begun with is found by trying: the first point at which the second is done.
    let mut went_on = 0;
    for panic_at in (1..60).step_by(2) {
        let world = World::new();
        world.add_job(vec![Item::card_purchase(100).build()]);
        let second = world.add_job(vec![Item::card_purchase(200).build()]);
        let run = world.run_with("PLEO_EXPORT_PANIC_AT", &panic_at.to_string(), &["poll", "--json"]);
        let is_done = world.sandbox.job(&second).count(ItemStatus::Successful) == 1;
        if is_done && run.code == Some(1) {
            assert!(run.stderr.contains("panicked"), "{run}");
            went_on += 1;
        }
    }
    assert!(
        went_on > 0,
        "no panic over the first job left the second one to be done"
    );
}

#[test]
fn a_page_that_is_too_large_is_read_in_smaller_ones_and_an_item_that_is_fails_alone() {
    if !is_debug("a_page_that_is_too_large_is_read_in_smaller_ones_and_an_item_that_is_fails_alone") {
        return;
    }
    let large = |number: u64, length: usize| {
        Item::card_purchase(100)
            .numbered(number)
            .note(&"x".repeat(length))
            .build()
    };
    let mut items: Vec<Value> = (1..8).map(|number| large(number, 60_000)).collect();
    items.push(large(8, 200_000));
    items.extend((9..12).map(|number| large(number, 60_000)));
    let id = items[7]["accountingEntryId"].as_str().unwrap().to_owned();
    let mut reading_past = None;
    for trouble in [None, Some(Trouble::Status(503)), Some(Trouble::ResetBeforeEffect)] {
        let world = World::new();
        let job = world.add_job(items.clone());
        if let (Some(trouble), Some(nth)) = (trouble, reading_past) {
            let fault = Fault::new(trouble).on("GET", "/v3/export-items");
            world.sandbox.fault(fault.at(nth));
        }
        world
            .run_with("PLEO_EXPORT_LARGEST_ANSWER", "150000", &["poll"])
            .exits(3);
        let state = world.sandbox.job(&job);
        assert_eq!(state.count(ItemStatus::Successful), 10);
        let item = state.item(&id);
        assert_eq!(item.failure_reason_type.as_deref(), Some("validation_failure"));
        assert!(
            item.failure_reason.as_ref().unwrap().contains("more data"),
            "{item:?}"
        );
        world.keeps_its_promise_and_all_rules();
        // What is too large by itself is asked for again, and read past.
        let requests = world.sandbox.requests();
        let pages = requests
            .iter()
            .filter(|request| request.path == "/v3/export-items");
        let queries: Vec<&String> = pages.map(|request| &request.query).collect();
        let again = queries.windows(2).position(|two| two[0] == two[1]);
        reading_past = reading_past.or(again.map(|before| before + 2));
        assert!(reading_past.is_some(), "{queries:?}");
    }
}

#[test]
fn the_id_of_a_job_does_not_steer_what_is_shown() {
    let world = one_item();
    let evil = "j\u{1b}]0;title\u{7}\u{202e}gpj";
    world.sandbox.fault(
        Fault::new(job_says("id", &json!(evil)))
            .on("GET", "/v3/export-jobs")
            .always(),
    );
    for arguments in [
        &["poll", "-vv"][..],
        &["poll", "--json", "-vv"],
        &["status"],
        &["status", "--json"],
    ] {
        let run = world.run(arguments);
        for text in [&run.stdout, &run.stderr] {
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{run}");
        }
        // Nor by a JSON answer that is read elsewhere. The log quotes what came, escapes and all.
        let answer = &run.stdout;
        assert!(
            !answer.contains("\\u202e") && !answer.contains("\\u001b"),
            "{run}"
        );
    }
}
