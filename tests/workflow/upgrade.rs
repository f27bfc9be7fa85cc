//! Books and checkpoint of an earlier version: every entry is found again, and a change is told field by field.

/// The changes that are tried.
mod changes;
mod small_rows;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use changes::{changed, changes, split};

use crate::sandbox::{ItemState, ItemStatus};
use crate::support::{Transaction, World};

const CHECKPOINT: &str = "checkpoint.sqlite3";

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/v0.1.0")
}

fn read(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(fixtures().join(name)).unwrap()).unwrap()
}

fn items() -> Vec<Value> {
    read("items.json").as_array().unwrap().clone()
}

fn item(number: usize) -> Value {
    items().swap_remove(number - 1)
}

fn entry(item: &Value) -> String {
    item["accountingEntryId"].as_str().unwrap().to_owned()
}

/// The number that version 0.1.0 gave to an item.
fn number(item: &Value) -> String {
    read("numbers.json")[entry(item)].as_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let from = file.unwrap().path();
        let to = to.join(from.file_name().unwrap());
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A world with the books that version 0.1.0 left.
fn with_old_books() -> World {
    let world = World::new();
    copy(&fixtures().join("books"), &world.path("books"));
    world
}

/// The same with its checkpoint, as if it had been left on this machine by this company's own runs.
fn with_old_books_and_checkpoint() -> World {
    let world = with_old_books();
    fs::copy(fixtures().join(CHECKPOINT), world.path(CHECKPOINT)).unwrap();
    let connection = rusqlite::Connection::open(world.path(CHECKPOINT)).unwrap();
    let target = format!("beancount:{}", world.path("books").display());
    connection
        .execute("UPDATE meta SET target = ?1", [target])
        .unwrap();
    world
}

/// A world in which this version booked the same items.
fn with_new_books() -> World {
    let world = World::new();
    world.add_job(items());
    world.run(&["poll"]).exits(0);
    world
}

fn export_again(world: &World, items: Vec<Value>) -> Vec<ItemState> {
    let job = world.add_job(items.clone());
    let run = world.run(&["poll"]);
    let state = world.sandbox.job(&job);
    assert!(state.status.is_ended(), "{run}");
    items
        .iter()
        .map(|item| state.item(&entry(item)).clone())
        .collect()
}

#[track_caller]
fn refused(state: &ItemState, number: &str) -> String {
    let reason = state
        .failure_reason
        .clone()
        .unwrap_or_else(|| panic!("booked: {state:?}"));
    let begins = format!("Booked as {number}: the expense was changed in Pleo after it was booked: ");
    let ends = format!(": run `pleo-export reverse {number}`, then export again.");
    assert!(reason.starts_with(&begins) && reason.ends_with(&ends), "{reason}");
    reason[begins.len()..reason.len() - ends.len()].to_owned()
}

#[test]
fn every_entry_of_0_1_0_that_was_not_changed_answers_its_old_number() {
    for world in [with_old_books(), with_old_books_and_checkpoint()] {
        let before = world.books().files();
        let states = export_again(&world, items());
        for (item, state) in items().iter().zip(states) {
            assert_eq!(
                (state.status, state.external_id.as_deref(), state.failure_reason),
                (ItemStatus::Successful, Some(number(item).as_str()), None)
            );
        }
        assert_eq!(world.books().files(), before, "nothing was written");
        assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
        world.books().are_clean();
    }
}

#[test]
fn what_0_1_0_did_is_still_known_to_status() {
    let world = with_old_books_and_checkpoint();
    let status = world.run(&["status", "--json"]).exits(0).json();
    assert_eq!(status["jobs"][0]["items"]["successful"], json!(14), "{status}");
}

#[test]
fn a_change_of_any_field_is_refused_with_both_values() {
    let world = with_old_books();
    let before = world.books().files();
    for change in changes() {
        let payload = changed(&change);
        let state = export_again(&world, vec![payload.clone()]).remove(0);
        let clauses = refused(&state, &number(&payload));
        assert!(clauses.contains(change.2), "{} in {clauses}", change.2);
        // Two lines that swap their accounts are two clauses; every other change is one.
        let expected = if change.2.contains("account of line 3") {
            2
        } else {
            1
        };
        assert_eq!(clauses.split("; ").count(), expected, "{clauses}");
    }
    let state = export_again(&world, vec![split()]).remove(0);
    assert_eq!(
        refused(&state, &number(&item(6))),
        "the split is now 1000.00 on 6810 / 490.00 on 6850 instead of 1490.00 on 6810"
    );
    assert_eq!(world.books().files(), before, "nothing was written");
}

#[test]
fn the_same_with_the_books_of_this_version() {
    let world = with_new_books();
    let numbers: BTreeMap<String, String> = world.sandbox.jobs()[0]
        .items
        .iter()
        .map(|item| (item.entry.clone(), item.external_id.clone().unwrap()))
        .collect();
    let before = world.books().files();
    for (item, state) in items().iter().zip(export_again(&world, items())) {
        assert_eq!(state.external_id.as_deref(), Some(numbers[&entry(item)].as_str()));
    }
    for change in changes() {
        let payload = changed(&change);
        let state = export_again(&world, vec![payload.clone()]).remove(0);
        let clauses = refused(&state, &numbers[&entry(&payload)]);
        // What it was may not be in the books.
        let (now, _) = change.2.split_once(" instead of ").unwrap();
        assert!(clauses.contains(now), "{now} in {clauses}");
    }
    let state = export_again(&world, vec![split()]).remove(0);
    let clauses = refused(&state, &numbers[&entry(&split())]);
    assert!(
        clauses.contains("1000.00") && clauses.contains("490.00"),
        "{clauses}"
    );
    assert_eq!(world.books().files(), before, "nothing was written");
}

#[test]
fn an_entry_of_a_version_to_come_is_compared_by_what_the_books_show() {
    for (world, begins) in [(with_old_books(), "\"1:"), (with_new_books(), "\"2:")] {
        world.books().edit("PLEO-2026-000001.beancount", |text| {
            assert!(text.contains(begins));
            text.replace(begins, "\"9:")
        });
        for state in export_again(&world, items()) {
            assert_eq!(state.status, ItemStatus::Successful, "{state:?}");
        }
        for change in changes() {
            let is_seen = [
                "amount is",
                "date is",
                "account is",
                "account of line",
                "employee is",
                "tax is",
                "tags are",
            ]
            .iter()
            .any(|word| change.2.starts_with(&format!("the {word}")));
            let payload = changed(&change);
            let state = export_again(&world, vec![payload]).remove(0);
            assert_eq!(
                state.failure_reason.is_some(),
                is_seen,
                "{}: {:?}",
                change.2,
                state.failure_reason
            );
            if let Some(reason) = state.failure_reason {
                assert!(reason.contains(change.2), "{reason}");
            }
        }
        let in_euro = changed(&(
            10,
            [
                "/amount",
                "/accountingEntryLines/0/lineAmount",
                "/accountingEntryLines/0/netAmount",
            ]
            .map(|at| -> (&'static str, Value) {
                let at = Box::leak(format!("{at}/inWalletCurrency/currency").into_boxed_str());
                (at, json!("EUR"))
            })
            .to_vec(),
            "",
        ));
        let state = export_again(&world, vec![in_euro]).remove(0);
        let reason = state.failure_reason.unwrap();
        assert!(
            reason.contains("the amount is now 10000.00 EUR instead of 10000.00 DKK"),
            "{reason}"
        );
    }
}

#[test]
fn an_entry_that_states_less_is_told_apart_all_the_same() {
    let world = with_new_books();
    let numbers: BTreeMap<String, String> = world.sandbox.jobs()[0]
        .items
        .iter()
        .map(|item| (item.entry.clone(), item.external_id.clone().unwrap()))
        .collect();
    for version in ["\"2:", "\"9:"] {
        world
            .books()
            .edit("PLEO-2026-000001.beancount", |text| text.replace("\"2:", version));
        for state in export_again(&world, items()) {
            assert_eq!(state.status, ItemStatus::Successful, "{state:?}");
        }
    }
    world
        .books()
        .edit("PLEO-2026-000001.beancount", |text| text.replace("\"9:", "\"2:"));
    for change in changes() {
        let payload = changed(&change);
        let state = export_again(&world, vec![payload.clone()]).remove(0);
        let clauses = refused(&state, &numbers[&entry(&payload)]);
        let (now, before) = change.2.split_once(" instead of ").unwrap();
        let is_known = [
            "amount is",
            "date is",
            "account is",
            "account of",
            "employee is",
            "tags are",
            "invoice number",
            "vendor is",
        ]
        .iter()
        .any(|word| now.starts_with(&format!("the {word}")));
        assert!(clauses.contains(now), "{now} in {clauses}");
        assert!(
            clauses.contains(before) && is_known
                || clauses.contains("not known here")
                || before == "none" && clauses.contains("instead of none")
                || now.starts_with("the account of the tax")
                    && clauses.contains("instead of Assets:Tax:1510")
                || now.starts_with("the tax is") && clauses.contains("instead of S25")
                || now.starts_with("the invoice date") && clauses.contains(before),
            "{before} in {clauses}"
        );
    }
    world.books().are_clean();
}

#[test]
fn a_reference_that_was_added_or_is_written_in_another_way_is_no_change() {
    let known = item(1)["supplier"].clone();
    let tagged = json!({
        "id": "7e57c0de-0000-4000-8000-0000000000f1", "name": "Kaffebaren", "code": known["code"],
        "externalId": "ext-9", "taxRegistrationNumber": known["taxIdentifier"],
    });
    let additions: Vec<(usize, Vec<(&'static str, Value)>)> = vec![
        (12, vec![("/vendor/code", json!("V201"))]),
        (
            12,
            vec![
                ("/vendor/code", json!("V201")),
                ("/vendor/externalId", json!("ext-1")),
            ],
        ),
        (1, vec![("/vendor", tagged)]),
        (8, vec![("/supplier/code", json!("V555"))]),
        (8, vec![("/vendor", json!({ "name": "Kiosk", "code": "V777" }))]),
        (5, vec![("/vendor/taxRegistrationNumber", json!("18 27 36 45"))]),
        (12, vec![("/vendor/taxRegistrationNumber", json!("ie 6388047-v"))]),
        (
            5,
            vec![
                ("/vendor/code", json!("V102")),
                ("/vendor/externalId", json!("ext-5")),
            ],
        ),
        (
            1,
            vec![("/accountingEntryLines/0/account/identifier", json!("acc-1"))],
        ),
        (
            3,
            vec![
                ("/accountingEntryLines/0/account/identifier", json!("acc-1")),
                ("/contraAccount/identifier", json!("acc-2")),
            ],
        ),
    ];
    for world in [with_old_books(), with_new_books()] {
        let before = world.books().files();
        for (number, sets) in &additions {
            let payload = changed(&(*number, sets.clone(), ""));
            let state = export_again(&world, vec![payload]).remove(0);
            assert_eq!(state.status, ItemStatus::Successful, "{sets:?}: {state:?}");
        }
        assert_eq!(world.books().files(), before, "nothing was written");
        // Another vendor is one.
        let other = json!({ "name": "Other", "code": "V777" });
        let payload = changed(&(1, vec![("/vendor", other)], ""));
        let state = export_again(&world, vec![payload]).remove(0);
        let reason = state.failure_reason.unwrap();
        // What states less does not say who it was.
        assert!(
            reason.contains("the vendor is now V777 (Other) instead of ")
                || reason.contains("the vendor is now V777 (Other) (before: not known here)"),
            "{reason}"
        );
    }
}

#[test]
fn a_payment_of_an_old_bill_pairs_with_it() {
    let world = with_old_books();
    // The foreign bill of 200.00 EUR was 1490.00 DKK; its payment is 1493.00 DKK.
    let mut payment = item(6);
    payment["accountingEntryId"] = json!("7e57c0de-0000-4000-8000-0000000000a1");
    payment["type"] = json!("invoice_payment");
    payment["subType"] = json!("invoice_payment_sent");
    payment["date"] = json!("2026-09-20T10:00:00Z");
    payment["contraAccount"] = json!({ "name": "Pleo DKK wallet", "code": "5820" });
    payment["amount"]["inWalletCurrency"]["value"] = json!(149_300);
    let line = &mut payment["accountingEntryLines"][0];
    line["account"] = json!(null);
    for key in ["lineAmount", "netAmount"] {
        line[key]["inWalletCurrency"]["value"] = json!(149_300);
    }
    let state = export_again(&world, vec![payment.clone()]).remove(0);
    assert_eq!(state.status, ItemStatus::Successful, "{state:?}");
    let transactions = world.books().transactions();
    let of_entry = |entry: &str| {
        let mut found = transactions
            .iter()
            .filter(|transaction| transaction.metadata.get("pleo-entry").map(String::as_str) == Some(entry));
        found.next().unwrap().clone()
    };
    let (bill, payment) = (of_entry(&entry(&item(6))), of_entry(&entry(&payment)));
    let links = |head: &str| head.split(" ^").skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(links(&bill.head), links(&payment.head), "one link for both");
    assert_eq!(links(&bill.head).len(), 1);
    let payable: Vec<&str> = [&bill, &payment]
        .iter()
        .flat_map(|transaction| &transaction.postings)
        .filter(|(account, _)| account == "Liabilities:AccountsPayable")
        .map(|(_, amount)| amount.as_str())
        .collect();
    assert_eq!(payable, ["-1490.00 DKK", "1490.00 DKK"]);
    let difference = payment
        .postings
        .iter()
        .find(|(account, _)| account == "Expenses:Pleo:FxDifference");
    assert_eq!(difference.unwrap().1, "3.00 DKK");
    world.books().are_clean();
}

#[test]
fn a_receipt_that_an_old_entry_lacks_is_put_beside_it() {
    let world = with_old_books();
    fs::remove_file(world.path("books/pleo/2026/PLEO-2026-000001-receipts.beancount")).unwrap();
    let before = world.books().numbers();
    let state = export_again(&world, vec![item(1)]).remove(0);
    assert_eq!(
        (state.status, state.external_id),
        (ItemStatus::Successful, Some(number(&item(1))))
    );
    let attached = world.books().attached();
    assert_eq!(attached.len(), 1);
    assert!(attached.iter().all(|(of, _)| *of == entry(&item(1))));
    assert_eq!(world.books().numbers(), before, "no transaction was written");
    world.books().are_clean();
}

#[test]
fn what_0_1_0_took_for_reversed_counts_and_is_told_once_a_run() {
    let world = with_old_books();
    let (item, old) = (item(2), number(&item(2)));
    let number_line = format!("  pleo-number: \"{old}\"\n");
    world.books().edit("PLEO-2026-000001.beancount", |text| {
        text.replace(&number_line, &format!("  pleo-reversed: TRUE\n{number_line}"))
    });
    world.add_job(vec![item.clone()]);
    let run = world.run(&["poll"]).exits(0);
    assert_eq!(
        run.stderr
            .matches(&format!("so {old} still counts. Run `pleo-export reverse {old}`"))
            .count(),
        1,
        "{run}"
    );
    // Where it booked the expense again beside that, both count.
    let text = world
        .books()
        .files()
        .remove(&world.path("books/pleo/2026/PLEO-2026-000001.beancount"));
    let text = text.unwrap();
    let of_item = text
        .split("\n\n")
        .find(|part| part.contains(&number_line))
        .unwrap();
    let again = of_item
        .replace("  pleo-reversed: TRUE\n", "  pleo-revision: 2\n")
        .replace(&old, "PLEO-2026-000090");
    fs::write(
        world.path("books/pleo/2026/PLEO-2026-000090.beancount"),
        again + "\n",
    )
    .unwrap();
    world.add_job(vec![item.clone()]);
    world.run(&["poll"]).exits(0).says("counted twice: 600.00 DKK");
    world.run(&["reverse", &old]).exits(0);
    let state = export_again(&world, vec![item]).remove(0);
    assert_eq!(state.external_id.as_deref(), Some("PLEO-2026-000090"));
    world.has_each_entry_once();
}

#[test]
fn an_entry_of_0_1_0_that_is_completed_keeps_its_hash() {
    let world = with_old_books();
    let documents = world.books().transactions();
    let of_payment = documents.iter().find(|document| {
        document
            .metadata
            .get("pleo-part")
            .is_some_and(|part| part == "payment")
    });
    let begun = of_payment.unwrap().metadata["pleo-entry"].clone();
    world
        .books()
        .take_out(|text| text.contains("pleo-part: \"payment\"") && text.contains(&begun));
    let payload = items().into_iter().find(|item| entry(item) == begun).unwrap();
    let state = export_again(&world, vec![payload.clone()]).remove(0);
    assert_eq!(state.external_id, Some(number(&payload)));
    let own = |document: &Transaction| document.metadata.get("pleo-entry") == Some(&begun);
    let documents: Vec<_> = world.books().transactions().into_iter().filter(own).collect();
    assert_eq!(documents.len(), 2);
    assert!(
        documents
            .iter()
            .all(|document| document.metadata["pleo-hash"].starts_with("1:")),
        "{documents:#?}"
    );
    assert_eq!(
        documents[0].metadata["pleo-hash"],
        documents[1].metadata["pleo-hash"]
    );
    world.books().are_clean();
}
