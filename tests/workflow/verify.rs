//! `verify` finds whatever was done to Pleo, checkpoint or books since, says what to do, and changes nothing.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::check::everything;
use crate::in_process::DiesBeforeAttaching;
use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, ItemStatus, RetryAfter, Trouble};
use crate::support::{Run, World};

const ENTRIES: [&str; 3] = [
    "7e57c0de-0000-4000-8000-0000000000f1",
    "7e57c0de-0000-4000-8000-0000000000f2",
    "7e57c0de-0000-4000-8000-0000000000f3",
];
const BATCH: &str = "PLEO-2026-000001.beancount";
const EVIDENCE: &str = "books/pleo/2026/PLEO-2026-000001.evidence.jsonl";

fn expenses() -> [Item; 3] {
    [
        Item::card_purchase(-10_000).supplier("Shop").receipt("pdf"),
        Item::card_purchase(-20_000).supplier("Kiosk").account("6800"),
        Item::card_purchase(-30_000)
            .vendor("Nordlys Kontor A/S")
            .method("accounts_payable"),
    ]
    .map(|item| item.date("2026-05-10T10:00:00Z"))
}

fn job(world: &World) -> String {
    let items = expenses().into_iter().zip(ENTRIES);
    world.add_job(items.map(|(item, entry)| item.id(entry).build()).collect())
}

/// Whoever was killed before the receipts has the next run put them there.
#[test]
fn receipts_that_a_killed_run_did_not_come_to_are_no_loss() {
    let world = World::new();
    world.add_job(vec![Item::card_purchase(100).receipt("pdf").build()]);
    world.die_with(&mut DiesBeforeAttaching(world.beancount()));
    let run = world
        .run(&["verify"])
        .exits(6)
        .says("receipts that are not there yet are put there");
    assert!(!run.stdout.contains("from a backup"), "{run}");
    world.run(&["resume"]).exits(0);
    world.run(&["verify"]).exits(0);
}

/// Three expenses that are booked and told.
fn booked() -> (World, String) {
    let world = World::new().impatient();
    let job = job(&world);
    world.run(&["poll"]).exits(0);
    (world, job)
}

/// What `verify` tells: entry, level and kind, with its message and remedy. Nothing is written by it.
#[track_caller]
fn told_with(world: &World, arguments: &[&str], code: i32) -> Vec<Value> {
    let before = everything(&world.path(""));
    let run = world
        .run(&[&["verify", "--json"], arguments].concat())
        .exits(code);
    assert_eq!(
        everything(&world.path("")),
        before,
        "something was written: {run}"
    );
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
    let document = run.json();
    assert_eq!(document["exit_code"], json!(code));
    let differences = document["differences"].as_array().unwrap().clone();
    for difference in &differences {
        let remedy = difference["remedy"].as_str().unwrap();
        assert!(!remedy.is_empty(), "{difference}");
    }
    differences
}

#[track_caller]
fn told(world: &World, code: i32) -> Vec<Value> {
    told_with(world, &[], code)
}

/// The one thing that is told.
#[track_caller]
fn one(world: &World, entry: usize, level: &str, kind: &str) -> (String, String) {
    let differences = told(world, if level == "remark" { 0 } else { 6 });
    let [one] = differences.as_slice() else {
        panic!("not one difference: {differences:#?}");
    };
    assert_eq!(one["accountingEntryId"], ENTRIES[entry], "{one}");
    assert_eq!(
        (&one["level"], &one["kind"]),
        (&json!(level), &json!(kind)),
        "{one}"
    );
    let text = |key: &str| one[key].as_str().unwrap().to_owned();
    (text("message"), text("remedy"))
}

#[track_caller]
fn has(text: &str, part: &str) {
    assert!(text.contains(part), "no `{part}` in `{text}`");
}

fn receipt(world: &World) -> PathBuf {
    let mut found = Vec::new();
    for year in fs::read_dir(world.path("books/documents")).unwrap() {
        found.extend(
            fs::read_dir(year.unwrap().path())
                .unwrap()
                .map(|file| file.unwrap().path()),
        );
    }
    found.retain(|path| path.is_file());
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn what_is_as_it_should_be_is_not_told() {
    let (world, job) = booked();
    assert_eq!(told(&world, 0), Vec::<Value>::new());
    assert_eq!(told_with(&world, &["--job", &job], 0), Vec::<Value>::new());
    assert_eq!(told_with(&world, &["--job", &job[..8]], 0), Vec::<Value>::new());
    assert_eq!(
        told_with(&world, &["--since", "2020-01-01"], 0),
        Vec::<Value>::new()
    );
    let run: Run = world.run(&["verify"]).exits(0);
    run.says("No difference in 3 items of 1 export job.")
        .says("statuses and numbers were compared with Pleo, amounts with checkpoint and evidence");
}

#[test]
fn nothing_was_ever_exported() {
    let world = World::new();
    assert_eq!(told(&world, 0), Vec::<Value>::new());
    job(&world);
    assert_eq!(told(&world, 0), Vec::<Value>::new());
}

#[test]
fn an_entry_that_was_deleted_from_the_books() {
    let (world, _) = booked();
    world.books().take_out(|block| block.contains(ENTRIES[1]));
    let (message, remedy) = one(&world, 1, "difference", "not_booked");
    has(&message, "Kiosk, 2026-05-10, ");
    has(&message, "PLEO-2026-000002");
    has(&remedy, "restore");
    world
        .run(&["verify"])
        .exits(6)
        .says("Told to Pleo, and not booked (not_booked, 1)");
    // What is said to do helps.
    let again = world.add_job(vec![expenses()[1].clone().id(ENTRIES[1]).build()]);
    world.run(&["poll"]).exits(0);
    assert_eq!(
        world.sandbox.job(&again).item(ENTRIES[1]).status,
        ItemStatus::Successful
    );
    assert_eq!(told(&world, 0), Vec::<Value>::new());
}

#[test]
fn one_document_of_a_bill_with_its_payment() {
    let (world, _) = booked();
    world
        .books()
        .take_out(|block| block.contains(ENTRIES[2]) && block.contains("pleo-part: \"payment\""));
    let (message, _) = one(&world, 2, "difference", "not_booked");
    has(&message, "only a part");
}

#[test]
fn an_entry_that_stands_twice() {
    let (world, _) = booked();
    let batch = world
        .books()
        .files()
        .into_iter()
        .find(|(path, _)| path.ends_with(BATCH))
        .unwrap();
    let copy = batch
        .1
        .split("\n\n")
        .find(|block| block.contains(ENTRIES[1]))
        .unwrap()
        .to_owned();
    fs::write(world.path("books/pleo/2026/copy.beancount"), format!("{copy}\n")).unwrap();
    let (message, remedy) = one(&world, 1, "difference", "booked_twice");
    has(&message, "copy.beancount`, line 1");
    has(&message, &format!("{BATCH}`, line "));
    has(&remedy, "delete the one");
    assert!(
        !remedy.contains("take it back"),
        "`reverse` cannot say which: {remedy}"
    );
}

#[test]
fn an_amount_that_was_changed_in_the_books() {
    let (world, _) = booked();
    world.books().edit(BATCH, |text| text.replace("200.00", "210.00"));
    let (message, remedy) = one(&world, 1, "difference", "changed");
    has(&message, "comes to 210.00 ");
    has(&message, "was booked as 200.00 ");
    has(&remedy, "pleo-export reverse PLEO-2026-000002");
}

#[test]
fn a_content_hash_that_was_spoilt_in_the_books() {
    let key = "pleo-hash: \"2:";
    let spoil: [fn(&str) -> String; 4] = [
        |line| line.replace("pleo-hash", "hash"),
        |line| line.replace("\"2:", "\"x"),
        |line| format!("{}\"", &line[..line.len() - 4]),
        |line| {
            let at = line.find("2:").unwrap() + 2;
            let other = if line[at..].starts_with('A') { "B" } else { "A" };
            format!("{}{other}{}", &line[..at], &line[at + 1..])
        },
    ];
    for spoil in spoil {
        let (world, _) = booked();
        let (path, text) = world
            .books()
            .files()
            .into_iter()
            .find(|(_, text)| text.contains(key))
            .unwrap();
        let line = text.lines().find(|line| line.contains(key)).unwrap();
        fs::write(path, text.replacen(line, &spoil(line), 1)).unwrap();
        let (message, remedy) = one(&world, 0, "difference", "changed");
        has(&message, "content hash");
        has(&remedy, "`pleo-hash`");
    }
}

#[test]
fn an_entry_with_debit_and_credit_swapped_in_the_books() {
    let (world, _) = booked();
    world.books().edit(BATCH, |text| {
        text.replace("-200.00", "~")
            .replace("200.00", "-200.00")
            .replace('~', "200.00")
    });
    let (message, remedy) = one(&world, 1, "difference", "changed");
    has(&message, "PLEO-2026-000002 has debit and credit swapped");
    has(&message, "which was booked with -200.00 ");
    assert!(!message.contains("moved to"), "{message}");
    has(&remedy, "pleo-export reverse PLEO-2026-000002");
}

#[test]
fn a_person_recategorised_or_moved_it_to_another_day() {
    let (world, _) = booked();
    let account = world.books().files().into_values().find_map(|text| {
        let at = text.find(ENTRIES[1])?;
        let rest = text.get(at..)?;
        let line = rest.lines().find(|line| line.starts_with("  Expenses:"))?;
        Some(line.split_whitespace().next()?.to_owned())
    });
    let account = account.unwrap();
    world.books().edit(BATCH, |text| {
        let blocks = text.split("\n\n").map(|block| {
            if block.contains(ENTRIES[1]) {
                block.replace(&format!("{account} "), "Expenses:Other ")
            } else {
                block.to_owned()
            }
        });
        blocks.collect::<Vec<_>>().join("\n\n")
    });
    let (message, _) = one(&world, 1, "remark", "changed");
    has(&message, "Expenses:Other");
    world
        .run(&["verify"])
        .exits(0)
        .says("A person may have done so (changed, 1)");

    let (world, _) = booked();
    world.books().edit(BATCH, |text| {
        let blocks = text.split("\n\n").map(|block| {
            if block.contains(ENTRIES[1]) {
                block.replace("2026-05-10", "2026-05-11")
            } else {
                block.to_owned()
            }
        });
        blocks.collect::<Vec<_>>().join("\n\n")
    });
    let (message, _) = one(&world, 1, "remark", "changed");
    has(&message, "from 2026-05-10 to 2026-05-11");
}

#[test]
fn amounts_that_are_no_plain_numbers_are_not_compared_and_told() {
    let (world, _) = booked();
    let books = world.books().files().into_iter();
    let (path, text) = books
        .into_iter()
        .find(|(_, text)| text.contains("  200.00 DKK"))
        .unwrap();
    fs::write(&path, text.replace("200.00 DKK", "200.005 DKK")).unwrap();
    let (message, _) = one(&world, 1, "remark", "changed");
    has(&message, "was not compared: its amounts are no plain numbers");
}

#[test]
fn an_entry_that_was_reversed() {
    let (world, _) = booked();
    world.run(&["reverse", "PLEO-2026-000002"]).exits(0);
    let (message, remedy) = one(&world, 1, "remark", "not_booked");
    has(&message, "reversed");
    has(&remedy, "export it again");
}

#[test]
fn a_receipt_that_is_lost_or_another() {
    let (world, _) = booked();
    let path = receipt(&world);
    let content = fs::read(&path).unwrap();
    fs::write(&path, b"another").unwrap();
    let (message, _) = one(&world, 0, "difference", "receipt_missing");
    has(&message, "another content");
    fs::remove_file(&path).unwrap();
    let (message, remedy) = one(&world, 0, "difference", "receipt_missing");
    has(&message, "is missing");
    has(&remedy, "backup");
    fs::create_dir(&path).unwrap();
    let (message, _) = one(&world, 0, "difference", "receipt_missing");
    has(&message, "is a folder");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, content).unwrap();
    assert_eq!(told(&world, 0), Vec::<Value>::new());
    fs::remove_file(world.path("books/pleo/2026/PLEO-2026-000001-receipts.beancount")).unwrap();
    let (message, _) = one(&world, 0, "difference", "receipt_missing");
    has(&message, "name no receipt with the SHA-256");
}

#[test]
fn evidence_that_is_lost_or_was_written_over() {
    let (world, _) = booked();
    let path = world.path(EVIDENCE);
    let content = fs::read_to_string(&path).unwrap();
    for (done, says) in [
        (
            Some(content.replace("200.00", "210.00")),
            "is not what was written",
        ),
        (None, "is missing"),
    ] {
        match done {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let differences = told(&world, 6);
        let [one] = differences.as_slice() else {
            panic!("{differences:#?}")
        };
        assert_eq!(
            (&one["accountingEntryId"], &one["kind"]),
            (&Value::Null, &json!("evidence"))
        );
        has(one["message"].as_str().unwrap(), says);
        has(
            one["message"].as_str().unwrap(),
            "PLEO-2026-000001.evidence.jsonl",
        );
    }
}

#[test]
fn pleo_lost_the_verdicts() {
    let (world, job) = booked();
    for status in [ItemStatus::Failed, ItemStatus::Pending, ItemStatus::Abandoned] {
        world.sandbox.set_item_status(&job, ENTRIES[1], status);
        let (message, remedy) = one(&world, 1, "difference", "not_reported");
        has(&message, "Pleo had taken that it is booked");
        has(&remedy, "export it again in Pleo");
    }
    // Another export tells it after all.
    world.add_job(vec![expenses()[1].clone().id(ENTRIES[1]).build()]);
    world.run(&["poll"]).exits(0);
    assert_eq!(told(&world, 0), Vec::<Value>::new());
    // Of the old job alone, the checkpoint knows of the other.
    fs::remove_file(world.path("checkpoint.sqlite3")).unwrap();
    assert_eq!(told(&world, 0), Vec::<Value>::new());
    assert_eq!(told_with(&world, &["--job", &job], 6).len(), 1);
}

#[test]
fn what_is_booked_and_was_not_told_yet() {
    let world = World::new().impatient();
    let job = job(&world);
    // Pleo hears that the batch is begun, and not what became of it.
    let verdicts = Fault::new(Trouble::Status(503))
        .on("PUT", "/v3/export-jobs/*/items")
        .at(2)
        .always();
    world.sandbox.fault(verdicts);
    world.run(&["poll"]).exits(5);
    for told in told(&world, 6) {
        assert_eq!(told["kind"], "not_reported", "{told}");
        has(told["remedy"].as_str().unwrap(), "pleo-export resume");
    }
    // Whoever is at work on it will tell; a run holds the lock of the checkpoint.
    let lock = fs::File::open(world.path("checkpoint.sqlite3.lock")).unwrap();
    lock.lock().unwrap();
    world.run(&["verify"]).exits(0).says("is being worked on");
    drop(lock);
    world.sandbox.clear_faults();
    world.sandbox.expire_job(&job);
    for told in told(&world, 6) {
        assert_eq!(told["kind"], "not_reported", "{told}");
        has(told["message"].as_str().unwrap(), "abandoned");
        has(told["remedy"].as_str().unwrap(), "export it again in Pleo");
    }
    let items = expenses().into_iter().zip(ENTRIES);
    world.add_job(items.map(|(item, entry)| item.id(entry).build()).collect());
    assert_eq!(told(&world, 6).len(), 3, "they wait");
    world.run(&["poll"]);
    assert_eq!(told(&world, 0), Vec::<Value>::new());
}

#[test]
fn a_checkpoint_that_is_lost_or_restored() {
    let world = World::new().impatient();
    let first = world.add_job(vec![expenses()[0].clone().id(ENTRIES[0]).build()]);
    world.run(&["poll"]).exits(0);
    let path = world.path("checkpoint.sqlite3");
    let old = fs::read(&path).unwrap();
    let items = expenses().into_iter().zip(ENTRIES).skip(1);
    world.add_job(items.map(|(item, entry)| item.id(entry).build()).collect());
    world.run(&["poll"]).exits(0);
    fs::write(&path, old).unwrap();
    assert_eq!(told(&world, 0), Vec::<Value>::new(), "the older one");
    world.books().edit("PLEO-2026-000002.beancount", |text| {
        text.replace("200.00", "210.00")
    });
    one(&world, 1, "difference", "changed");
    fs::remove_file(&path).unwrap();
    one(&world, 1, "difference", "changed");
    world.run(&["verify"]).exits(6).says("there is no checkpoint");
    assert_eq!(told_with(&world, &["--job", &first], 0), Vec::<Value>::new());
}

#[test]
fn an_expense_that_was_changed_in_pleo_after_it_was_booked() {
    let (world, _) = booked();
    let changed = Item::card_purchase(-25_000)
        .supplier("Kiosk")
        .account("6800")
        .date("2026-05-10T10:00:00Z");
    world.add_job(vec![changed.id(ENTRIES[1]).build()]);
    // While it waits, its data are there to be compared with.
    let (message, remedy) = one(&world, 1, "difference", "changed");
    has(&message, "another content");
    has(&remedy, "pleo-export reverse PLEO-2026-000002");
    world.run(&["poll"]).exits(6);
    let (message, remedy) = one(&world, 1, "difference", "changed");
    has(
        &message,
        "was changed in Pleo after it was booked as PLEO-2026-000002",
    );
    has(&remedy, "pleo-export reverse PLEO-2026-000002");
}

#[test]
fn books_of_another_checkpoint_are_not_compared() {
    let (world, _) = booked();
    fs::create_dir(world.path("b2")).unwrap();
    let other = world.path("b2");
    world
        .run_with("PLEO_EXPORT_BOOKS", other.to_str().unwrap(), &["verify"])
        .exits(2)
        .says("b2");
    assert_eq!(told(&world, 0), Vec::<Value>::new());
}

#[test]
fn a_person_waits_for_the_answer_so_a_long_wait_is_not_taken() {
    let world = World::new();
    let busy = Fault::new(Trouble::RateLimit(RetryAfter::Seconds(30)));
    world.sandbox.fault(busy.on("GET", "/v3/**"));
    world.run(&["verify"]).exits(5);
}

#[test]
fn what_a_person_may_ask_wrongly_and_pleo_out_of_reach() {
    let (world, _) = booked();
    let unknown = "11111111-2222-4333-8444-555555555555";
    world
        .run(&["verify", "--job", unknown])
        .exits(2)
        .says("knows a job");
    world
        .run(&["verify", "--job", "1234"])
        .exits(2)
        .says("is no job's id");
    world.run(&["verify", "--since", "yesterday"]).exits(2);
    world
        .sandbox
        .fault(Fault::new(Trouble::Status(503)).on("GET", "/v3/**").always());
    world.run(&["verify"]).exits(5);
    world.sandbox.clear_faults();
    fs::remove_dir_all(world.path("books")).unwrap();
    world.run(&["verify"]).exits(1).says("There are no books");
}
