//! Which account each posting goes to, row by row, through the program: settings, the ledger's own word, its names, and
//! what is opened where nothing fits.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};

use crate::sandbox::ItemStatus;
use crate::sandbox::seed::Item;
use crate::support::World;

/// A card purchase of 125.00 DKK on account 6800 and wallet 5820 with a tax of 25.00 and its account 1510.
fn meal() -> Value {
    Item::card_purchase(12_500).tax("S25").build()
}

/// The same under reverse charge: 100.00, with the tax accounts 1512 and 2612.
fn software() -> Value {
    Item::card_purchase(10_000).account("6800").tax("RC25").build()
}

/// Cashback of 10.00 on account 6800.
fn cashback() -> Value {
    Item::cashback(1_000).account("6800").build()
}

/// Books of a person's own: what `accounts.beancount` says before the first run.
fn ledger(accounts: &str) -> World {
    let world = World::new();
    fs::create_dir(world.path("books")).unwrap();
    fs::write(world.path("books/accounts.beancount"), accounts).unwrap();
    world
}

/// Exports one item alone and answers on which account each amount stands, or why it failed.
fn export(world: &World, item: Value) -> Result<BTreeMap<String, String>, String> {
    let before = world.books().transactions().len();
    let job = world.add_job(vec![item]);
    let run = world.run(&["poll"]);
    let exported = world.sandbox.job(&job).items[0].clone();
    match (run.code, exported.status) {
        (Some(0), ItemStatus::Successful) => {
            world.books().are_clean();
            let transactions = world.books().transactions();
            let new = transactions.into_iter().skip(before);
            let postings = new.flat_map(|transaction| transaction.postings);
            Ok(postings.map(|(account, amount)| (amount, account)).collect())
        }
        (Some(3), ItemStatus::Failed) => Err(exported.failure_reason.unwrap_or_default()),
        _ => panic!("{run}"),
    }
}

/// What makes an item.
type Made = fn() -> Value;

/// A row of the table: what the ledger opens, the item, and the account of an amount or the text of the failure.
type Row = (
    &'static str,
    &'static str,
    Made,
    Result<(&'static str, &'static str), &'static str>,
);

const COST: &str = "100.00 DKK";
const INPUT_TAX: &str = "25.00 DKK";
const OUTPUT_TAX: &str = "-25.00 DKK";
const WALLET: &str = "-125.00 DKK";
const INCOME: &str = "-10.00 DKK";

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (title, accounts, item, expected) in rows {
        let answer = export(&ledger(accounts), item());
        let fits = match (&answer, expected) {
            (Ok(postings), Ok((amount, account))) => {
                postings.get(*amount).map(String::as_str) == Some(*account)
            }
            (Err(reason), Err(text)) => reason.contains(text),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{title}\n  expected {expected:?}\n  answer   {answer:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_ledger_says_by_metadata_which_account_has_a_code() {
    check(&[
        (
            "under any root",
            "2020-01-01 open Equity:Food\n  code: \"6800\"\n",
            meal,
            Ok((COST, "Equity:Food")),
        ),
        (
            "a number without quotes",
            "2020-01-01 open Expenses:Food\n  code: 6800\n",
            meal,
            Ok((COST, "Expenses:Food")),
        ),
        (
            "it beats a name",
            "2020-01-01 open Expenses:Food\n  code: \"6800\"\n2020-01-01 open Expenses:Staff:6800\n",
            meal,
            Ok((COST, "Expenses:Food")),
        ),
        (
            "the wallet",
            "2020-01-01 open Assets:Bank:Pleo\n  code: \"5820\"\n",
            meal,
            Ok((WALLET, "Assets:Bank:Pleo")),
        ),
        (
            "a tax",
            "2020-01-01 open Assets:VAT\n  code: \"1510\"\n",
            meal,
            Ok((INPUT_TAX, "Assets:VAT")),
        ),
        (
            "an account that says what it serves serves nothing else",
            "2020-01-01 open Assets:Bank:Pleo\n  code: \"6800\"\n  purpose: \"wallet\"\n",
            meal,
            Ok((COST, "Expenses:6800")),
        ),
        (
            "one that is not open yet is not meant",
            "2026-09-15 open Expenses:Food\n  code: \"6800\"\n2020-01-01 open Expenses:Staff:6800\n",
            meal,
            Ok((COST, "Expenses:Staff:6800")),
        ),
        (
            "two are not guessed between",
            "2020-01-01 open Expenses:Food\n  code: \"6800\"\n2020-01-01 open Expenses:Meals\n  code: \"6800\"\n",
            meal,
            Err("Account 6800 (Meals and entertainment) may be Expenses:Food or Expenses:Meals"),
        ),
    ]);
}

#[test]
fn an_account_closed_at_the_end_of_a_year_and_its_successor_bear_one_code() {
    let world = ledger(
        "2020-01-01 open Expenses:Food2025\n  code: \"6800\"\n2025-12-31 close Expenses:Food2025\n\
         2026-01-01 open Expenses:Food2026\n  code: \"6800\"\n",
    );
    let mut jobs = Vec::new();
    for date in ["2025-12-31T12:00:00Z", "2026-01-01T12:00:00Z"] {
        jobs.push(Item::card_purchase(12_500).tax("S25").date(date).build());
    }
    world.add_job(jobs);
    world.run(&["poll"]).exits(0);
    let accounts: Vec<(String, String)> = world
        .books()
        .transactions()
        .into_iter()
        .map(|transaction| {
            (
                transaction.head[..10].to_owned(),
                transaction.postings[0].0.clone(),
            )
        })
        .collect();
    let expected = [
        ("2025-12-31", "Expenses:Food2025"),
        ("2026-01-01", "Expenses:Food2026"),
    ];
    assert_eq!(
        accounts,
        expected.map(|(day, account)| (day.to_owned(), account.to_owned()))
    );
    world.books().are_clean();
}

#[test]
fn an_account_whose_last_part_is_the_code_is_meant_where_its_root_fits() {
    // What the ledger has, what is booked, and which account takes this amount of it.
    let rows: [(&str, Made, &str, &str); 16] = [
        ("Expenses:Staff:6800", meal, COST, "Expenses:Staff:6800"),
        ("Income:Less:6800", meal, COST, "Income:Less:6800"),
        ("Assets:Prepaid:6800", meal, COST, "Assets:Prepaid:6800"),
        ("Liabilities:Loan:6800", meal, COST, "Expenses:6800"),
        ("Income:Other:6800", cashback, INCOME, "Income:Other:6800"),
        ("Expenses:Fees:6800", cashback, INCOME, "Expenses:Fees:6800"),
        ("Assets:Other:6800", cashback, INCOME, "Income:6800"),
        ("Assets:Bank:5820", meal, WALLET, "Assets:Bank:5820"),
        ("Liabilities:Card:5820", meal, WALLET, "Liabilities:Card:5820"),
        ("Expenses:5820", meal, WALLET, "Assets:Pleo:5820"),
        ("Assets:VAT:1510", meal, INPUT_TAX, "Assets:VAT:1510"),
        ("Liabilities:VAT:1510", meal, INPUT_TAX, "Liabilities:VAT:1510"),
        ("Expenses:1510", meal, INPUT_TAX, "Assets:Tax:1510"),
        (
            "Liabilities:VAT:2612",
            software,
            OUTPUT_TAX,
            "Liabilities:VAT:2612",
        ),
        ("Assets:VAT:2612", software, OUTPUT_TAX, "Assets:VAT:2612"),
        ("Income:2612", software, OUTPUT_TAX, "Liabilities:Tax:2612"),
    ];
    for (known, item, amount, expected) in rows {
        let answer = export(&ledger(&format!("2020-01-01 open {known}\n")), item());
        let account = answer.map(|accounts| accounts[amount].clone());
        assert_eq!(account.as_deref(), Ok(expected), "with {known}");
    }
}

#[test]
fn no_account_is_taken_from_what_it_is_used_for() {
    check(&[
        (
            "two under different roots",
            "2020-01-01 open Expenses:Staff:6800\n2020-01-01 open Assets:Prepaid:6800\n",
            meal,
            Err("may be Assets:Prepaid:6800 or Expenses:Staff:6800"),
        ),
        (
            "one that has another code does not count",
            "2020-01-01 open Expenses:Staff:6800\n  code: \"7000\"\n",
            meal,
            Ok((COST, "Expenses:6800")),
        ),
        (
            "the name that would be opened belongs to another code",
            "2020-01-01 open Expenses:6800\n  code: \"7000\"\n",
            meal,
            Err("the name Expenses:6800 under which it would be opened is used there for something else"),
        ),
        (
            "it was closed",
            "2020-01-01 open Assets:Pleo:5820\n2026-09-13 close Assets:Pleo:5820\n",
            meal,
            Err("Account Assets:Pleo:5820 was closed on 2026-09-13, and the entry is of 2026-09-14"),
        ),
        (
            "it serves something else",
            "2020-01-01 open Assets:Tax:1510\n  purpose: \"wallet\"\n",
            meal,
            Err("the name Assets:Tax:1510 under which it would be opened is used there for something else"),
        ),
    ]);
}

#[test]
fn what_fits_nothing_is_opened_by_its_purpose_and_serves_that_alone() {
    let world = World::new();
    let accounts = export(&world, meal()).unwrap();
    let account = |amount: &str| accounts[amount].as_str();
    assert_eq!(
        [account(COST), account(INPUT_TAX), account(WALLET)],
        ["Expenses:6800", "Assets:Tax:1510", "Assets:Pleo:5820"]
    );
    let accounts = export(&world, software()).unwrap();
    assert_eq!(accounts[OUTPUT_TAX], "Liabilities:Tax:2612");
    let text: String = world.books().files().into_values().collect();
    for opening in [
        "open Expenses:6800\n  code: \"6800\"\n  name: \"Meals and entertainment\"\n  purpose: \"cost\"\n",
        "open Assets:Pleo:5820\n  code: \"5820\"\n  name: \"Pleo DKK wallet\"\n  purpose: \"wallet\"\n",
        "open Assets:Tax:1510\n  code: \"1510\"\n  purpose: \"input_tax\"\n",
        "open Liabilities:Tax:2612\n  code: \"2612\"\n  purpose: \"output_tax\"\n",
    ] {
        assert_eq!(text.matches(opening).count(), 1, "{opening} in {text}");
    }
    // Cashback and meals may have one code in Pleo and are never one account here, whichever comes first.
    assert_eq!(export(&world, cashback()).unwrap()[INCOME], "Income:6800");
    let world = World::new();
    assert_eq!(export(&world, cashback()).unwrap()[INCOME], "Income:6800");
    assert_eq!(export(&world, meal()).unwrap()[COST], "Expenses:6800");
    // The wallet's code as a category is no wallet, and the category's code as a wallet no category.
    let mut odd = meal();
    odd["accountingEntryLines"][0]["account"]["code"] = json!("5820");
    odd["contraAccount"]["code"] = json!("6800");
    let accounts = export(&world, odd).unwrap();
    assert_eq!(
        [&*accounts[COST], &*accounts[WALLET]],
        ["Expenses:5820", "Assets:Pleo:6800"]
    );
}

#[test]
fn settings_come_first() {
    let world = ledger("2020-01-01 open Expenses:Food\n  code: \"6800\"\n").with_settings(
        "[accounts.map]\n6800 = 'Expenses:Mapped'\n5820 = 'Assets:Mapped'\n[taxes.S25]\naccount = 'Assets:Ruled'\n",
    );
    let accounts = export(&world, meal()).unwrap();
    assert_eq!(
        [&*accounts[COST], &*accounts[INPUT_TAX], &*accounts[WALLET]],
        ["Expenses:Mapped", "Assets:Ruled", "Assets:Mapped"]
    );
}

const ID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

fn identified(code: Option<&str>) -> Value {
    let mut item = meal();
    item["accountingEntryLines"][0]["account"] =
        json!({ "id": ID, "name": "Travel", "code": code, "identifier": ID });
    item
}

#[test]
fn the_code_names_an_account_and_the_identifier_is_kept_beside_it() {
    let world = World::new();
    assert_eq!(
        export(&world, identified(Some("6900"))).unwrap()[COST],
        "Expenses:6900"
    );
    let text: String = world.books().files().into_values().collect();
    assert!(
        text.contains(&format!(
            "code: \"6900\"\n  name: \"Travel\"\n  identifier: \"{ID}\"\n  purpose: \"cost\"\n"
        )),
        "{text}"
    );
    // Without a code the identifier stands for it, and is another account than any code.
    let under_identifier = format!("Expenses:{ID}");
    assert_eq!(export(&world, identified(None)).unwrap()[COST], under_identifier);
    assert_eq!(
        export(&world, identified(Some("6900"))).unwrap()[COST],
        "Expenses:6900"
    );
    let named = export(&world, Item::card_purchase(12_500).tax("S25").account(ID).build()).unwrap();
    assert_eq!(named[COST], under_identifier, "as a code it is the same account");
}

#[test]
fn an_identifier_is_no_code_of_another_account() {
    let mut item = meal();
    item["accountingEntryLines"][0]["account"]["identifier"] = json!("5000");
    let sales = "2020-01-01 open Income:Sales\n  code: \"5000\"\n";
    let answer = export(&ledger(sales), item.clone()).unwrap();
    assert_eq!(answer[COST], "Expenses:6800", "it has a code of its own");
    let known = format!("{sales}2020-01-01 open Expenses:Food\n  identifier: \"5000\"\n");
    assert_eq!(
        export(&ledger(&known), item.clone()).unwrap()[COST],
        "Expenses:6800",
        "an identifier in the ledger is information"
    );
    item["accountingEntryLines"][0]["account"]["code"] = Value::Null;
    for (ledger_text, expected) in [
        (known.as_str(), "Income:Sales"),
        ("2020-01-01 open Expenses:Food:5000\n", "Expenses:Food:5000"),
        ("", "Expenses:5000"),
    ] {
        let answer = export(&ledger(ledger_text), item.clone()).unwrap();
        assert_eq!(answer[COST], expected, "it has nothing but the identifier");
    }
}

/// A purchase of which the line's account is named in this way.
fn named(day: &str, code: Option<&str>, identifier: Option<&str>) -> Value {
    let date = format!("{day}T12:00:00Z");
    let mut item = Item::card_purchase(12_500).tax("S25").date(&date).build();
    item["accountingEntryLines"][0]["account"] =
        json!({ "id": ID, "name": "Travel", "code": code, "identifier": identifier });
    item
}

/// The cost account of each item, or why it failed: in one job, and with a job for each.
fn costs_however_cut(accounts: &str, items: &[Value]) -> Vec<String> {
    let each_alone: Vec<_> = items.iter().map(|item| vec![item.clone()]).collect();
    let [one_job, alone] = [vec![items.to_vec()], each_alone].map(|jobs| {
        let world = ledger(accounts).with_settings("[pleo]\nbatch_size = 1\n");
        for job in jobs {
            world.add_job(job);
        }
        world.run(&["poll"]);
        world.books().are_clean();
        let transactions = world.books().transactions();
        let states = world.sandbox.jobs().into_iter().flat_map(|job| job.items);
        let mut outcome: Vec<(String, String)> = states
            .map(|state| {
                let is_its = |transaction: &&crate::support::Transaction| {
                    transaction.metadata.get("pleo-entry") == Some(&state.entry)
                };
                let booked = transactions.iter().find(is_its);
                let cost = booked.map(|transaction| transaction.postings[0].0.clone());
                let text = cost.unwrap_or_else(|| state.failure_reason.clone().unwrap_or_default());
                (state.entry.clone(), text)
            })
            .collect();
        outcome.sort_by_key(|(entry, _)| items.iter().position(|item| item["accountingEntryId"] == **entry));
        outcome.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    });
    assert_eq!(one_job, alone, "one job, and a job for each");
    alone
}

#[test]
fn how_items_that_name_an_account_in_several_ways_are_cut_changes_nothing() {
    let ways = [
        (Some("6900"), Some("I-1")),
        (None, Some("I-1")),
        (Some("6900"), None),
        (None, Some("6900")),
        (Some("6900"), Some("I-2")),
        (Some("I-1"), None),
    ];
    let first_version = "1970-01-01 open Expenses:I-1\n  code: \"I-1\"\n";
    for begin in 0..ways.len() {
        let mut order = ways;
        order.rotate_left(begin);
        let items: Vec<Value> = order
            .iter()
            .zip(["01", "02", "03", "04", "05", "06"])
            .map(|((code, identifier), day)| named(&format!("2026-09-{day}"), *code, *identifier))
            .collect();
        let expected: Vec<String> = order
            .iter()
            .map(|(code, identifier)| format!("Expenses:{}", code.or(*identifier).unwrap()))
            .collect();
        assert_eq!(costs_however_cut("", &items), expected);
        // An account of a person's own with the same code is only ever asked for by it.
        assert_eq!(costs_however_cut(first_version, &items), expected);
    }
}

#[test]
fn where_the_code_has_an_account_that_is_not_open_that_day_no_rival_is_opened() {
    let items = [
        named("2025-12-30", Some("6800"), None),
        named("2026-01-10", Some("6800"), None),
    ];
    let by_code = "2026-01-01 open Expenses:Meals\n  code: \"6800\"\n";
    let outcome = costs_however_cut(by_code, &items);
    let why = "Account Expenses:Meals (6800) is open from 2026-01-01 on, and the entry is of 2025-12-30: ";
    assert!(outcome[0].starts_with(why), "{outcome:?}");
    assert_eq!(outcome[1], "Expenses:Meals");
    let by_name = "2026-01-01 open Expenses:Staff:6800\n";
    let outcome = costs_however_cut(by_name, &items);
    let why = "Account Expenses:Staff:6800 is open from 2026-01-01 on, and the entry is of 2025-12-30: ";
    assert!(outcome[0].starts_with(why), "{outcome:?}");
    assert_eq!(outcome[1], "Expenses:Staff:6800");
    // A gap between two years.
    let gap = "2020-01-01 open Expenses:Meals\n  code: \"6800\"\n2025-12-29 close Expenses:Meals\n\
               2026-01-01 open Expenses:Meals2026\n  code: \"6800\"\n";
    let outcome = costs_however_cut(gap, &items);
    let why = "Account Expenses:Meals (6800) was closed on 2025-12-29, and the entry is of 2025-12-30: ";
    assert!(outcome[0].starts_with(why), "{outcome:?}");
    assert_eq!(outcome[1], "Expenses:Meals2026");
}

#[test]
fn on_the_day_of_the_change_the_successor_is_meant() {
    let accounts = "2020-01-01 open Expenses:Old\n  code: \"6800\"\n2026-01-01 close Expenses:Old\n\
                    2026-01-01 open Expenses:New\n  code: \"6800\"\n";
    let items = ["2025-12-31", "2026-01-01", "2026-01-02"].map(|day| named(day, Some("6800"), None));
    assert_eq!(
        costs_however_cut(accounts, &items),
        ["Expenses:Old", "Expenses:New", "Expenses:New"]
    );
}

#[test]
fn where_unknown_accounts_fail_nothing_is_guessed() {
    let strict = "[bookkeeping]\nunknown_accounts = 'fail'\n[accounts]\ncontra = 'Assets:Bank'\n";
    let world = World::new().with_settings(strict);
    let reason = export(&world, meal()).unwrap_err();
    assert!(
        reason.contains("Account 6800 (Meals and entertainment) is not in the books"),
        "{reason}"
    );
    let accounts = fs::read_to_string(world.path("books/accounts.beancount")).unwrap();
    let opened: Vec<_> = accounts.lines().filter(|line| line.contains(" open ")).collect();
    assert_eq!(
        opened,
        ["1970-01-01 open Assets:Bank"],
        "only what the settings name"
    );

    let mut without_tax_account = meal();
    without_tax_account["accountingEntryLines"][0]["tax"]["ingoingTaxAccount"] = Value::Null;
    let known = "2020-01-01 open Expenses:6800\n2020-01-01 open Assets:Pleo:5820\n";
    let world = ledger(known).with_settings(strict);
    let reason = export(&world, without_tax_account.clone()).unwrap_err();
    assert!(
        reason.contains("Account Assets:Tax:Input (accounts.input_tax) is not in the books"),
        "a role that nobody set is a guess: {reason}"
    );
    let opened = format!("{known}2020-01-01 open Assets:Tax:Input\n");
    let world = ledger(&opened).with_settings(strict);
    assert_eq!(
        export(&world, without_tax_account.clone()).unwrap()[INPUT_TAX],
        "Assets:Tax:Input"
    );
    let set = format!("{strict}input_tax = 'Assets:VAT'\n");
    let world = ledger(known).with_settings(&set);
    assert_eq!(
        export(&world, without_tax_account).unwrap()[INPUT_TAX],
        "Assets:VAT"
    );
}

#[test]
fn with_nothing_configured_a_top_up_and_a_purchase_leave_the_wallet_among_the_assets() {
    let world = World::new();
    let mut purchase = Item::card_purchase(10_000).build();
    purchase["contraAccount"]["name"] = json!("Pleo DKK");
    world.add_job(vec![Item::wallet_topup(1_000_000).build(), purchase]);
    let job = world.run(&["poll", "--json"]).exits(0).json()["jobs"][0].clone();
    let wallet = json!([{ "account": "Assets:Pleo:5820", "currency": "DKK", "amount": "9900.00" }]);
    assert_eq!(job["wallet"], wallet);
    world.books().are_clean();
}

#[test]
fn prepaid_costs_cash_and_taxes_stand_where_they_belong_with_nothing_configured() {
    let world = World::new();
    let mut taxed = meal();
    taxed["accountingEntryLines"][0]["tax"]["ingoingTaxAccount"] = json!("7220");
    let accounts = export(&world, taxed).unwrap();
    assert_eq!(
        [&*accounts[COST], &*accounts[INPUT_TAX], &*accounts[WALLET]],
        ["Expenses:6800", "Assets:Tax:7220", "Assets:Pleo:5820"]
    );
    // Nobody told that 1300 is prepaid: a line's account whose root nobody knows is a cost.
    let prepaid = Item::card_purchase(20_000).account("1300").build();
    assert_eq!(export(&world, prepaid).unwrap()["200.00 DKK"], "Expenses:1300");
    let cash = Item::atm_withdrawal(9_900).user(0).build();
    assert_eq!(
        export(&world, cash).unwrap()["99.00 DKK"],
        "Assets:Pleo:EmployeeReceivable"
    );
}

#[test]
fn the_answer_tells_what_was_opened_taken_for_granted_and_odd() {
    let world = World::new();
    let mut unnamed = meal();
    unnamed["accountingEntryLines"][0]["tax"]["ingoingTaxAccount"] = Value::Null;
    let odd = Item::card_purchase(5_000).sub_type("surprise").build();
    let odd_id = odd["accountingEntryId"].clone();
    let failing = Item::card_purchase(700).without_account().build();
    let items = vec![unnamed.clone(), odd, failing];
    world.add_job(items);
    let job = world.run(&["poll", "--json"]).exits(3).json()["jobs"][0].clone();
    assert_eq!(
        job["opened"],
        json!([
            { "account": "Assets:Pleo:5820", "code": "5820", "name": "Pleo DKK wallet", "purpose": "wallet" },
            { "account": "Expenses:6800", "code": "6800", "name": "Meals and entertainment", "purpose": "cost" },
        ])
    );
    assert_eq!(
        job["wallet"],
        json!([{ "account": "Assets:Pleo:5820", "currency": "DKK", "amount": "-175.00" }])
    );
    assert_eq!(
        job["taxes"],
        json!([{ "code": "S25", "account": "Assets:Tax:Input", "amount": "25.00", "currency": "DKK" }])
    );
    assert_eq!(
        job["remarks"],
        json!([{ "accountingEntryId": odd_id, "message": "sub-type \"surprise\" is not known; the type alone decided" }])
    );
    // Exported again it is found: the wallet moved all the same, and nothing is opened.
    world.add_job(vec![unnamed]);
    let job = world.run(&["poll", "--json"]).exits(0).json()["jobs"][0].clone();
    assert_eq!(job["opened"], json!([]));
    assert_eq!(job["wallet"][0]["amount"], "-125.00");

    // The same in words, in answer and log.
    let world = World::new();
    let mut unnamed = meal();
    unnamed["accountingEntryLines"][0]["tax"]["ingoingTaxAccount"] = Value::Null;
    world.add_job(vec![unnamed]);
    let run = world.run(&["poll"]).exits(0);
    let sentence = "tax S25, 25.00 DKK, taken as fully deductible: set [taxes.S25]";
    for text in [
        "wallet Assets:Pleo:5820: -125.00 DKK",
        "opened Expenses:6800 (6800, Meals and entertainment, cost)",
        sentence,
    ] {
        assert!(run.stdout.contains(text), "{text} in {run}");
    }
    assert_eq!(run.stderr.matches(sentence).count(), 1, "{run}");
    let world = world.with_settings("[taxes.S25]\ndeductible = 1.0\n");
    let mut again = meal();
    again["accountingEntryLines"][0]["tax"]["ingoingTaxAccount"] = Value::Null;
    world.add_job(vec![again]);
    let run = world.run(&["poll"]).exits(0);
    assert!(
        !format!("{run}").contains("taken as"),
        "a rule is a word on it: {run}"
    );
}
