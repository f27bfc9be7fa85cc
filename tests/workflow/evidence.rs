use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::sandbox::seed::{self, Item};
use crate::support::World;

/// Every value in a payload by its path, but for addresses of files.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    fn collect(value: &Value, path: &str, leaves: &mut BTreeMap<String, String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    collect(value, &format!("{path}/{name}"), leaves);
                }
            }
            Value::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    collect(value, &format!("{path}/{at}"), leaves);
                }
            }
            leaf => {
                leaves.insert(path.to_owned(), leaf.to_string());
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(value, "", &mut found);
    found.retain(|path, _| !(path.starts_with("/files/") && path.ends_with("/url")));
    found
}

fn entry(item: &Value) -> &str {
    item["accountingEntryId"].as_str().unwrap()
}

#[test]
fn whatever_pleo_says_is_in_the_evidence_and_no_address_of_a_file_is_anywhere() {
    let world = World::new();
    let mut random = fastrand::Rng::with_seed(3);
    let mut items: Vec<Value> = (1..=3).flat_map(|seed| seed::mixed(60, seed)).collect();
    for item in &mut items {
        // What a version of Pleo to come may say.
        let tax =
            json!({ "name": "Moms", "rate": random.i64(1..10_000), "codes": ["A", null, { "b": true }] });
        item["tax"] = tax;
        item["note"] = json!("n".repeat(random.usize(1..4_000)));
    }
    world.add_job(items.clone());
    world.run(&["poll"]).exits(0);
    let evidence = world.books().evidence();
    assert_eq!(evidence.len(), items.len());
    for item in &items {
        let line = evidence
            .iter()
            .find(|line| line["entry"] == *entry(item))
            .unwrap();
        assert_eq!(leaves(&line["payload"]), leaves(item));
    }
    let addresses = items
        .iter()
        .flat_map(|item| item["files"].as_array().into_iter().flatten());
    let addresses: Vec<&str> = addresses.filter_map(|file| file["url"].as_str()).collect();
    assert!(!addresses.is_empty());
    for file in all_files(&world.path("books")) {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        assert!(
            !addresses.iter().any(|address| text.contains(address)),
            "{}",
            file.display()
        );
    }
    world.keeps_its_promise_and_all_rules();
}

fn all_files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                all_files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}

#[test]
fn evidence_says_what_was_decided() {
    let world = World::new().with_settings(
        "[bookkeeping]\nclosed_until = \"2026-09-30\"\nclosed_periods = \"next_open\"\nposting = \"final\"\n",
    );
    let item = Item::card_purchase(12_500)
        .tax("S25")
        .date("2026-09-14T10:30:00Z")
        .build();
    let job = world.add_job(vec![item]);
    world.run(&["poll"]).exits(0);
    let line = world.books().evidence().remove(0);
    assert_eq!(line["job"], json!(job));
    assert_eq!(line["numbers"], json!(["PLEO-2026-000001"]));
    assert_eq!(
        (&line["revision"], &line["posting"]),
        (&json!(1), &json!("final"))
    );
    assert!(line["version"].as_str().unwrap().starts_with("pleo-export "));
    let document = &line["documents"][0];
    assert_eq!(document["posting_date"], "2026-10-01");
    assert_eq!(document["moved_from"], "2026-09-14");
    let amounts: Vec<&str> = document["postings"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|posting| posting["amount"].as_str())
        .collect();
    assert_eq!(amounts, ["100.00", "25.00", "-125.00"]);
    assert_eq!(document["postings"][0]["tax"]["base"], "100.00");
}

#[test]
fn nothing_is_overwritten_and_what_a_killed_run_left_harms_nobody() {
    let world = World::new();
    let folder = world.path("books/pleo/2026");
    fs::create_dir_all(&folder).unwrap();
    let left = folder.join("PLEO-2026-000001.evidence.jsonl");
    fs::write(&left, "{\"entry\":\"cut sho").unwrap();
    let item = Item::card_purchase(12_500).build();
    let job = world.add_job(vec![item.clone()]);
    world.run(&["poll"]).exits(0);
    let told = world.sandbox.job(&job).items.remove(0);
    assert_eq!(told.external_id.as_deref(), Some("PLEO-2026-000001"));
    assert_eq!(fs::read_to_string(left).unwrap(), "{\"entry\":\"cut sho");
    for name in [
        "PLEO-2026-000001-2.beancount",
        "PLEO-2026-000001-2.evidence.jsonl",
    ] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    assert_eq!(world.books().evidence().len(), 1);
    world.books().are_clean();
    // No look-up reads it: gone, the entry is found all the same.
    fs::remove_file(folder.join("PLEO-2026-000001-2.evidence.jsonl")).unwrap();
    let again = world.add_job(vec![item]);
    world.run(&["poll"]).exits(0);
    let told = world.sandbox.job(&again).items.remove(0);
    assert_eq!(told.external_id.as_deref(), Some("PLEO-2026-000001"));
}

#[test]
fn a_transaction_carries_only_what_is_looked_up_or_asked_for() {
    let world = World::new();
    world.add_mixed_job(300, 5);
    world.run(&["poll"]).exits(0);
    let mut purchases = BTreeMap::<usize, usize>::new();
    let mut bills = BTreeMap::<usize, usize>::new();
    for transaction in world.books().transactions() {
        let lines = transaction.metadata.len();
        let (most, counted) = match transaction.metadata.get("pleo-document").map(String::as_str) {
            None => (8, &mut purchases),
            Some(_) => (14, &mut bills),
        };
        assert!(lines <= most, "{lines} lines: {transaction:?}");
        *counted.entry(lines).or_default() += 1;
    }
    let usual = |counted: &BTreeMap<usize, usize>| {
        let most = counted.iter().max_by_key(|(_, times)| **times);
        *most.unwrap().0
    };
    assert!((4..=5).contains(&usual(&purchases)), "{purchases:?}");
    assert!(usual(&bills) <= 10, "{bills:?}");
    let text: String = world.books().files().into_values().collect();
    let mut of_posting = 0;
    for line in text.lines() {
        let is_metadata = line.starts_with("    ");
        of_posting = if is_metadata { of_posting + 1 } else { 0 };
        assert!(of_posting <= 3, "{line}");
    }
    for machine_word in ["card_purchase", "out_of_pocket", "wallet_topup", "per_diem"] {
        assert!(!text.contains(machine_word), "{machine_word}");
    }
}

#[test]
fn an_entry_before_a_balance_that_the_user_states_is_booked_with_a_remark_that_names_it() {
    let world = World::new();
    world.add_job(vec![
        Item::card_purchase(100)
            .numbered(9)
            .date("2026-01-05T10:00:00Z")
            .build(),
    ]);
    world.run(&["poll"]).exits(0);
    let main = world.path("books/main.beancount");
    let text = fs::read_to_string(&main).unwrap();
    let line = text.lines().count() + 1;
    fs::write(
        &main,
        format!(
            "{text}2026-09-30 balance Assets:Pleo  -1.00 DKK\n2026-12-31 balance Expenses:Nobody  0.00 DKK\n\
             2020-01-01 open Expenses:Nobody\n"
        ),
    )
    .unwrap();
    let on = |date: &str, number| Item::card_purchase(12_500).numbered(number).date(date).build();
    let items = vec![on("2026-09-14T10:00:00Z", 1), on("2026-09-30T10:00:00Z", 2)];
    let (before, after) = (entry(&items[0]).to_owned(), entry(&items[1]).to_owned());
    world.add_job(items);
    let answer = world.run(&["poll", "--json"]).exits(0).json();
    let remarks = world.books().remarks(&before);
    assert_eq!(remarks.len(), 1, "{remarks:?}");
    assert!(
        remarks[0].contains(&format!("main.beancount`, line {line} states for 2026-09-30")),
        "{remarks:?}"
    );
    assert_eq!(
        answer["jobs"][0]["remarks"][0]["message"],
        json!(remarks[0]),
        "{answer}"
    );
    assert_eq!(world.books().remarks(&after), Vec::<String>::new());
}
