//! Books that version 0.1 began. It opened `Expenses:<code>` for every code that it did not know, wallets and taxes too.
//! `fixtures/books_of_first_version` was written by it.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::sandbox::seed::Item;
use crate::support::{Run, World};

/// A company that goes on with the books of version 0.1.
pub fn world() -> World {
    let world = World::new();
    let fixture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/fixtures/books_of_first_version");
    copy(&fixture, &world.path("books"));
    world
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).unwrap();
        }
    }
}

/// A purchase of 125.00 on account 6800, and 10.00 of cashback on 3950.
fn new_job() -> Vec<Value> {
    vec![
        Item::card_purchase(12_500).tax("S25").build(),
        Item::cashback(1_000).build(),
    ]
}

/// What the text of the books adds up to on an account, in hundredths of DKK.
fn balance(world: &World, account: &str) -> i64 {
    let transactions = world.books().transactions();
    let postings = transactions
        .into_iter()
        .flat_map(|transaction| transaction.postings);
    postings
        .filter(|(name, _)| name == account)
        .filter_map(|(_, amount)| amount.strip_suffix(" DKK")?.replace('.', "").parse::<i64>().ok())
        .sum()
}

/// Puts the transfer into the ledger as it is printed, into the file that is a person's own.
fn paste_transfer(world: &World, run: &Run) -> String {
    let (_, transfer) = run
        .stdout
        .split_once("where yours are others:\n\n")
        .unwrap_or_else(|| panic!("{run}"));
    let (transfer, _) = transfer.split_once("\n\n").unwrap_or((transfer, ""));
    world
        .books()
        .edit("main.beancount", |text| format!("{text}\n{transfer}\n"));
    transfer.to_owned()
}

/// The purchase of 125.00 that it booked as PLEO-2026-000004.
fn old_item() -> Value {
    let item = Item::card_purchase(12_500).numbered(2);
    item.supplier("Nordlys Kontor A/S").tax("S25").build()
}

#[test]
fn its_guesses_go_on_as_costs_and_are_neither_wallet_nor_tax() {
    let world = world();
    world.add_job(new_job());
    world.run(&["poll"]).exits(0);
    let transactions = world.books().transactions();
    let new: Vec<_> = transactions
        .iter()
        .rev()
        .take(2)
        .flat_map(|transaction| &transaction.postings)
        .collect();
    let mut accounts: Vec<&str> = new.iter().map(|(account, _)| account.as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    assert_eq!(
        accounts,
        [
            "Assets:Pleo:5820",
            "Assets:Tax:1510",
            "Expenses:3950",
            "Expenses:6800"
        ]
    );
    world.books().are_clean();
}

#[test]
fn an_account_that_it_opened_under_an_identifier_is_found() {
    let world = world();
    let id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let mut travel = Item::card_purchase(7_700).build();
    travel["accountingEntryLines"][0]["account"] =
        json!({ "id": id, "name": "Travel", "code": "6900", "identifier": id });
    world.add_job(vec![travel]);
    world.run(&["poll"]).exits(0);
    assert_eq!(balance(&world, &format!("Expenses:{id}")), 5_000 + 7_700);
}

#[test]
fn what_stands_wrong_is_told_once_with_the_transfer_that_mends_it() {
    let world = world();
    world.add_job(new_job());
    world.add_job(new_job());
    let before = world.books().files();
    let run = world.run(&["poll"]).exits(0);
    for (path, text) in before {
        assert_eq!(world.books().files()[&path], text, "nothing that stands is moved");
    }
    let told = "Version 0.1 booked wallets and taxes among the expenses: \
                25.00 DKK on Expenses:1510 (belongs on Assets:Tax:1510), \
                25.00 DKK on Expenses:1512 (belongs on Assets:Tax:1512), \
                -25.00 DKK on Expenses:2612 (belongs on Liabilities:Tax:2612), \
                9735.00 DKK on Expenses:5820 (belongs on Assets:Pleo:5820), \
                200.00 EUR on Expenses:5821 (belongs on Assets:Pleo:5821).";
    assert_eq!(
        (run.stderr.matches(told).count(), run.stdout.matches(told).count()),
        (1, 1),
        "{run}"
    );

    let transfer = paste_transfer(&world, &run);
    world.books().are_clean();
    for account in ["Expenses:1510", "Expenses:1512", "Expenses:2612", "Expenses:5820"] {
        assert_eq!(balance(&world, account), 0, "{account} after {transfer}");
    }
    assert_eq!(
        balance(&world, "Assets:Pleo:5820"),
        973_500 - 2 * 12_500 + 2 * 1_000
    );
    world.add_job(new_job());
    let run = world.run(&["poll", "--json"]).exits(0);
    assert!(!format!("{run}").contains("Version 0.1"), "it is mended: {run}");
    let notices = run.json()["jobs"][0]["notices"].clone();
    let advice = |notice: &Value| {
        notice
            .as_str()
            .unwrap()
            .contains("main.beancount`, line 8: `pleo-reversed`")
    };
    let notices = notices.as_array().unwrap();
    assert!(
        notices.len() == 1 && notices.iter().all(advice),
        "its ledger's advice alone is told: {run}"
    );
}

#[test]
fn what_people_booked_there_for_themselves_is_no_transfer() {
    let world = world();
    // A cost of their own, and more moved away than stood there.
    let own = "2026-10-01 * \"Our own\"\n  Expenses:5820  100.00 DKK\n  Expenses:6800  -100.00 DKK\n\n\
               2026-10-02 * \"Too much\"\n  Expenses:1510  -40.00 DKK\n  Expenses:6800  40.00 DKK\n";
    world
        .books()
        .edit("main.beancount", |text| format!("{text}\n{own}"));
    world.add_job(new_job());
    let run = world.run(&["poll"]).exits(0);
    let told = "Version 0.1 booked wallets and taxes among the expenses: \
                25.00 DKK on Expenses:1512 (belongs on Assets:Tax:1512), \
                -25.00 DKK on Expenses:2612 (belongs on Liabilities:Tax:2612), \
                9735.00 DKK on Expenses:5820 (belongs on Assets:Pleo:5820), ";
    assert!(run.stdout.contains(told), "{run}");
}

#[test]
fn a_reversal_of_what_it_booked_counts_whichever_way_it_goes() {
    let world = world();
    let before = world.books().transactions();
    let purchase = before.iter().find(|transaction| {
        let mut postings = transaction.postings.iter();
        postings.any(|(account, amount)| account == "Expenses:5820" && amount == "-125.00 DKK")
    });
    let entry = &purchase.unwrap().metadata["pleo-entry"];
    let postings: Vec<String> = purchase
        .unwrap()
        .postings
        .iter()
        .map(|(account, amount)| {
            let back = amount
                .strip_prefix('-')
                .map_or_else(|| format!("-{amount}"), str::to_owned);
            format!("  {account}  {back}\n")
        })
        .collect();
    let reversal = format!("2026-10-01 * \"Reversal\" ^pleo-{entry}\n{}", postings.concat());
    world
        .books()
        .edit("main.beancount", |text| format!("{text}\n{reversal}"));
    world.add_job(new_job());
    world
        .run(&["poll"])
        .exits(0)
        .says("9860.00 DKK on Expenses:5820 (belongs on Assets:Pleo:5820)");
}

#[test]
fn what_it_exported_is_found_and_keeps_its_number() {
    let world = world();
    let job = world.add_job(vec![old_item()]);
    world.run(&["poll"]).exits(0);
    let item = world.sandbox.job(&job).items[0].clone();
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000004"));
    assert_eq!(world.books().numbers().len(), 7, "nothing was booked");
}

#[test]
fn the_transfer_opens_each_account_that_the_run_left_unopened() {
    let world = world();
    // The items ask for wallet and tax, and open neither: one is found, one is refused.
    world.add_job(vec![
        old_item(),
        Item::card_purchase(700).without_account().build(),
    ]);
    let run = world.run(&["poll"]).exits(3);
    let transfer = paste_transfer(&world, &run);
    world.books().are_clean();
    for account in [
        "Assets:Pleo:5820",
        "Assets:Pleo:5821",
        "Assets:Tax:1510",
        "Liabilities:Tax:2612",
    ] {
        let opening = format!("1970-01-01 open {account}\n");
        assert_eq!(transfer.matches(&opening).count(), 1, "{account} in {transfer}");
    }
    assert!(transfer.contains("name: \"Pleo DKK wallet\""), "{transfer}");
    world.add_job(new_job());
    let run = world.run(&["poll", "--json"]).exits(0);
    let notices = run.json()["jobs"][0]["notices"].to_string();
    assert!(
        !notices.contains("wallets and taxes among the expenses"),
        "{notices}"
    );
    assert_eq!(run.json()["jobs"][0]["opened"], json!([]), "it goes on with them");
    world.books().are_clean();
}

#[test]
fn settings_decide_where_the_transfer_goes() {
    let world = world().with_settings(
        "[accounts.map]\n5820 = 'Assets:Bank:Pleo'\n1510 = 'Assets:NotThis'\n5821 = 'Expenses:5821'\n\
         [taxes.S25]\naccount = 'Assets:VAT:Input'\n[taxes.RC25]\noutgoing_account = 'Liabilities:VAT:Output'\n",
    );
    world.add_job(vec![old_item()]);
    let run = world.run(&["poll"]).exits(0).says(
        "25.00 DKK on Expenses:1510 (belongs on Assets:VAT:Input), \
         25.00 DKK on Expenses:1512 (belongs on Assets:Tax:1512), \
         -25.00 DKK on Expenses:2612 (belongs on Liabilities:VAT:Output), \
         9735.00 DKK on Expenses:5820 (belongs on Assets:Bank:Pleo). It is left",
    );
    let transfer = paste_transfer(&world, &run);
    world.books().are_clean();
    assert_eq!(balance(&world, "Assets:Bank:Pleo"), 973_500, "{transfer}");
    assert_eq!(balance(&world, "Assets:VAT:Input"), 2_500, "{transfer}");
}

#[test]
fn the_answer_names_the_wallet_on_which_an_entry_stands() {
    let world = world();
    world.add_job(vec![old_item(), Item::card_purchase(700).build()]);
    let run = world.run(&["poll", "--json"]).exits(0);
    assert_eq!(
        run.json()["jobs"][0]["wallet"],
        json!([
            { "account": "Assets:Pleo:5820", "currency": "DKK", "amount": "-7.00" },
            { "account": "Expenses:5820", "currency": "DKK", "amount": "-125.00" },
        ])
    );
}
