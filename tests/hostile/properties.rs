//! Whatever comes as an answer, a setting, a line of a connector or a file of the books: the program ends with one of its
//! exit codes and a document, and what it has written it can read.

use std::fs;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::attack::one_item;
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, Trouble};
use crate::support::{Run, World};

/// Values that are odd where something else is due.
fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!(true)),
        Just(json!("")),
        Just(json!(-1)),
        Just(json!(i64::MAX)),
        Just(json!(i64::MIN)),
        Just(json!(u64::MAX)),
        Just(json!(1e308)),
        Just(json!(0.5)),
        Just(json!("9999-12-31T23:59:59.999999999-23:59")),
        Just(json!("-0001-01-01T00:00:00Z")),
        Just(json!("2026-02-30")),
        Just(json!("\u{0}\u{1b}[2J\u{202e}\n\"\\")),
        Just(json!("../../../../etc/passwd")),
        Just(json!("x".repeat(5_000))),
        Just(json!([[[[[[[[1]]]]]]]])),
        "\\PC{0,30}".prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
    ]
}

/// Every place in a value.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Object(fields) => fields
            .iter()
            .for_each(|(name, value)| places(value, &format!("{at}/{name}"), all)),
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(index, value)| places(value, &format!("{at}/{index}"), all));
        }
        _ => {}
    }
}

/// A run that ends in order, whatever it says.
#[track_caller]
fn ends_in_order(run: &Run) {
    assert!(run.code.is_some_and(|code| (0..=6).contains(&code)), "{run}");
    assert!(!run.stderr.contains("panicked"), "{run}");
    assert!(run.json()["exit_code"] == json!(run.code), "{run}");
}

const JOB_FIELDS: [&str; 10] = [
    "id",
    "companyId",
    "status",
    "createdAt",
    "startedAt",
    "lastUpdatedAt",
    "expiresIn",
    "numberOfItems",
    "vendorBasedBookkeeping",
    "failureReasonType",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn odd_items(changes in prop::collection::vec((any::<prop::sample::Index>(), odd()), 1..4)) {
        let world = one_item();
        let mut item = Item::card_purchase(12_500).tax("S25").vendor("V").method("accounts_payable")
            .invoice_information("1", "2026-09-01", "2026-09-30").receipt("pdf").note("n").build();
        for (index, value) in changes {
            let mut all = Vec::new();
            places(&item, "", &mut all);
            // The sandbox itself needs the key to serve the item at all.
            all.retain(|place| !place.is_empty() && place != "/accountingEntryId");
            *item.pointer_mut(index.get::<String>(&all)).unwrap() = value;
        }
        world.add_job(vec![item]);
        ends_in_order(&world.run(&["poll", "--json"]));
        ends_in_order(&world.run(&["status", "--json"]));
        world.keeps_its_promise();
        world.books().are_clean();
    }

    #[test]
    fn odd_jobs(field in prop::sample::select(&JOB_FIELDS[..]), value in odd(), at in 1_usize..5) {
        let world = one_item();
        let says = Trouble::JobSays(serde_json::Map::from_iter([(field.to_owned(), value)]));
        for path in ["/v3/export-jobs", "/v3/export-jobs/*"] {
            world.sandbox.fault(Fault::new(says.clone()).on("GET", path).at(at).times(3));
        }
        ends_in_order(&world.run(&["poll", "--json"]));
        ends_in_order(&world.run(&["status", "--json"]));
        world.sandbox.clear_faults();
        ends_in_order(&world.run(&["poll", "--json"]));
        world.keeps_its_promise();
    }

    #[test]
    fn odd_settings(lines in prop::collection::vec("[ -~]{0,30}|[a-z.]{1,12} = [0-9\"a-z\\[\\]{}.-]{0,12}|\\[[a-z.]{1,20}\\]", 0..6), in_env in any::<bool>()) {
        let world = one_item();
        fs::write(world.path(if in_env { ".env" } else { "pleo-export.toml" }), lines.join("\n")).unwrap();
        ends_in_order(&world.run(&["poll", "--json"]));
        ends_in_order(&world.run(&["status", "--json"]));
    }

    #[test]
    fn odd_lines_of_a_connector(answers in prop::collection::vec(prop_oneof![
        odd().prop_map(|value| json!({"id": 1, "ok": value}).to_string()),
        odd().prop_map(|value| json!({"id": value, "ok": {"protocol": 1}}).to_string()),
        odd().prop_map(|value| json!({"id": 1, "ok": {"protocol": 1, "name": "n", "target": "t", "create": "unique",
            "payables": false, "attachments": {"largest": value}, "computes_tax": false}}).to_string()),
        odd().prop_map(|value| json!({"id": 2, "ok": {"accounts": value, "closed_until": {"all": value}}}).to_string()),
        "[ -~]{0,40}",
    ], 1..4)) {
        let world = World::new();
        fs::write(world.path("answers"), answers.join("\n") + "\n").unwrap();
        let world = world.with_settings(
            "[accounts]\nwallet = \"w\"\n[accounting]\ngive_up_after_seconds = 1\nsystem = \"command\"\n\
             [accounting.command]\nprogram = [\"cat\", \"answers\"]\ntimeout_seconds = 2\n",
        );
        crate::attack::add_item(&world);
        ends_in_order(&world.run(&["poll", "--json"]));
        ends_in_order(&world.run(&["status", "--json"]));
    }
}

#[test]
fn a_row_of_the_checkpoint_that_was_changed_is_told_and_nothing_is_booked_twice() {
    for change in [
        "UPDATE job SET created_at = 'yesterday'",
        "UPDATE job SET expires_at = ''",
        "UPDATE job SET company_id = char(0)",
        "UPDATE job SET number_of_items = 9223372036854775807",
        "UPDATE meta SET pleo_host = 'attacker.example'",
        "UPDATE item SET external_id = char(27) || '[2J', exported_at = '9999-99-99'",
        "UPDATE item SET pleo_status = 'pending'",
    ] {
        let world = one_item();
        world.run(&["poll"]).exits(0);
        let connection = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
        connection
            .execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {change}"))
            .unwrap();
        drop(connection);
        crate::attack::add_item(&world);
        for arguments in [["poll", "--json"], ["status", "--json"], ["resume", "--json"]] {
            let run = world.run(&arguments);
            ends_in_order(&run);
            assert!(
                !run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'),
                "{run}"
            );
        }
        world.books().has_nothing_twice();
    }
}
