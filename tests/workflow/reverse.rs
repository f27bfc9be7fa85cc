use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;
use serde_json::Value;

use crate::sandbox::seed::{Item, Line};
use crate::sandbox::{ItemState, ItemStatus};
use crate::support::{Run, World};

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";
const FIRST: &str = "PLEO-2026-000001.beancount";
const WALLET: &str = "Assets:Pleo:Wallet";
const MAP: &str = "[accounts.map]\n\"5820\" = \"Assets:Pleo:Wallet\"\n";

fn lunch(amount: i64) -> Item {
    Item::card_purchase(amount)
        .numbered(7)
        .id(ENTRY)
        .date("2026-05-10T10:00:00Z")
        .supplier("Shop")
}

fn bill() -> Item {
    lunch(12_500)
        .vendor("Nordlys Kontor A/S")
        .method("accounts_payable")
}

/// A world in which the item is in the books.
fn booked(item: &Item) -> World {
    booked_with(item, "")
}

fn booked_with(item: &Item, settings: &str) -> World {
    let world = World::new().with_settings(&format!("{settings}{MAP}"));
    world.add_job(vec![item.clone().build()]);
    world.run(&["poll"]).exits(0);
    world
}

fn export(world: &World, item: &Item, code: i32) -> (ItemState, Run) {
    let job = world.add_job(vec![item.clone().build()]);
    let run = world.run(&["poll"]).exits(code);
    (world.sandbox.job(&job).item(ENTRY).clone(), run)
}

/// Adds a person's own transaction to the ledger.
fn write(world: &World, text: &str) {
    let ledger = world.path("books/main.beancount");
    let before = fs::read_to_string(&ledger).unwrap();
    fs::write(ledger, format!("{before}\n{text}\n")).unwrap();
}

/// Hundredths on each account, without those at zero.
fn balances(world: &World) -> BTreeMap<String, i64> {
    let mut balances = BTreeMap::new();
    for transaction in world.books().transactions() {
        for (account, amount) in transaction.postings {
            let number = amount.split_whitespace().next().unwrap();
            *balances.entry(account).or_insert(0) += number.replace('.', "").parse::<i64>().unwrap();
        }
    }
    balances.retain(|_, balance| *balance != 0);
    balances
}

fn stands_at(world: &World, account: &str) -> i64 {
    balances(world).get(account).copied().unwrap_or(0)
}

fn mirrors(world: &World) -> usize {
    let transactions = world.books().transactions();
    let mirrors = transactions
        .iter()
        .filter(|transaction| transaction.metadata.contains_key("pleo-reverses"));
    mirrors.count()
}

fn batch_files(world: &World) -> Vec<PathBuf> {
    let files = world.books().files().into_keys();
    files
        .filter(|file| file.to_string_lossy().contains("/pleo/20"))
        .collect()
}

fn audit(world: &World, event: &str) -> Vec<String> {
    let connection = Connection::open(world.path("checkpoint.sqlite3")).unwrap();
    let mut rows = connection
        .prepare("SELECT detail FROM audit WHERE event = ?1 ORDER BY id")
        .unwrap();
    let rows = rows.query_map([event], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn the_line_that_the_first_version_advised_takes_nothing_out_and_is_told() {
    let world = booked(&lunch(10_000));
    world.books().edit(FIRST, |text| {
        text.replacen("  pleo-number", "  pleo-reversed: TRUE\n  pleo-number", 1)
    });
    write(&world, "; or add the line  pleo-reversed: TRUE  to the entry.");
    let (item, run) = export(&world, &lunch(10_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"));
    assert_eq!(stands_at(&world, "Expenses:6800"), 10_000);
    let line = |name: &str| {
        let (path, text) = world
            .books()
            .files()
            .into_iter()
            .find(|(path, _)| path.ends_with(name))
            .unwrap();
        let at = text
            .lines()
            .position(|line| line.contains("pleo-reversed"))
            .unwrap();
        format!("{}`, line {}", path.display(), at + 1)
    };
    run.says(&line(FIRST))
        .says("takes nothing out of a balance")
        .says("pleo-export reverse PLEO-2026-000001")
        .says(&line("main.beancount"));
    world.books().are_clean();
}

#[test]
fn new_books_do_not_advise_it() {
    let world = booked(&lunch(10_000));
    let main = fs::read_to_string(world.path("books/main.beancount")).unwrap();
    assert!(
        main.contains("pleo-export reverse") && !main.contains("pleo-reversed"),
        "{main}"
    );
    let (_, run) = export(&world, &lunch(10_000), 0);
    assert!(!run.stderr.contains("pleo-revers"), "{run}");
}

#[test]
fn a_changed_expense_is_reversed_by_the_command_that_the_text_names_and_booked_anew() {
    let world = booked(&lunch(10_000));
    let (item, _) = export(&world, &lunch(13_000), 6);
    let reason = item.failure_reason.unwrap();
    let command = reason.split('`').nth(1).unwrap().to_owned();
    assert_eq!(command, "pleo-export reverse PLEO-2026-000001", "{reason}");

    let mut arguments: Vec<&str> = command.split(' ').skip(1).collect();
    arguments.extend(["--reason", "the amount was changed", "--json"]);
    // No credential is needed, and nothing is asked of Pleo.
    let requests = world.sandbox.requests().len();
    let mut program = world.command(&arguments);
    let run = world.run_command(program.env_remove("PLEO_API_KEY").env("USER", "bookkeeper"));
    assert_eq!(world.sandbox.requests().len(), requests);
    let answer = run.exits(0).json();
    assert_eq!(
        answer["reversed"],
        serde_json::json!([{
            "externalId": "PLEO-2026-000001",
            "reversal": "PLEO-2026-000002",
            "date": "2026-05-10",
            "documents": 1,
        }])
    );
    assert_eq!(answer["error"], Value::Null);
    assert_eq!(balances(&world), BTreeMap::new());
    let told = audit(&world, "reversal").concat();
    for part in [
        "PLEO-2026-000001 was reversed by PLEO-2026-000002 on 2026-05-10",
        "bookkeeper",
        "the amount was changed",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert!(
        audit(&world, "reversal_intended")
            .concat()
            .contains("PLEO-2026-000001 by bookkeeper")
    );

    let (item, _) = export(&world, &lunch(13_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000003"));
    assert_eq!(stands_at(&world, "Expenses:6800"), 13_000);
    assert_eq!(stands_at(&world, WALLET), -13_000);
    // And only once.
    let (item, _) = export(&world, &lunch(13_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000003"));
    assert_eq!(
        world.books().numbers(),
        ["PLEO-2026-000001", "PLEO-2026-000002", "PLEO-2026-000003"]
    );
    world.books().are_clean();
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn the_mirror_is_of_the_entry_as_it_stands_today() {
    let taxed = lunch(10_000).tax("S25").tag("project", "Launch");
    let world = booked(&taxed);
    world.books().edit(FIRST, |text| {
        let recoded = text.replace("  Expenses:6800  ", "  Expenses:Gifts  ");
        format!("{recoded}\n2020-01-01 open Expenses:Gifts\n")
    });
    world
        .run(&["reverse", "PLEO-2026-000001"])
        .exits(0)
        .says("PLEO-2026-000001 was reversed by PLEO-2026-000002 on 2026-05-10");
    assert_eq!(balances(&world), BTreeMap::new());
    let text = fs::read_to_string(world.path("books/pleo/2026/PLEO-2026-000002.beancount")).unwrap();
    assert!(!text.contains("pleo-entry"), "{text}");
    // What is counted by tax code and cost centre comes to zero too.
    for line in [
        "  pleo-reverses: \"PLEO-2026-000001\"",
        "  Expenses:Gifts  -80.00 DKK",
        "    tags: \"project=Launch\"",
        "    tax-code: \"S25\"",
    ] {
        assert!(text.contains(line), "no `{line}` in {text}");
    }
    world.books().are_clean();
}

#[test]
fn two_lines_taken_back_by_hand_as_one_are_taken_back() {
    let item = lunch(8_000).split([Line::new("6800", 5_000), Line::new("6800", 3_000)]);
    let world = booked(&item);
    write(
        &world,
        &format!(
            "2026-05-11 * \"Taken back\" ^pleo-{ENTRY}\n  Expenses:6800  -80.00 DKK\n  {WALLET}  80.00 DKK"
        ),
    );
    // It is no half reversal, so there is nothing left to reverse.
    world
        .run(&["reverse", "PLEO-2026-000001"])
        .exits(6)
        .says("reversed already")
        .says("main.beancount");
    let (item, _) = export(&world, &item, 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000002"));
    assert_eq!(stands_at(&world, "Expenses:6800"), 8_000);
    assert!(
        world
            .books()
            .documents()
            .contains_key(&(ENTRY.to_owned(), "main".to_owned(), "2".to_owned()))
    );
    world.books().are_clean();
}

#[test]
fn an_entry_of_the_balance_sheet_at_zero_asks_whether_it_was_taken_back_or_paid_back() {
    let loan = Item::personal_spend(5_000)
        .numbered(8)
        .id(ENTRY)
        .date("2026-05-10T10:00:00Z");
    let world = booked(&loan);
    let back = format!(
        "2026-05-20 * \"Back\" ^pleo-{ENTRY}\n  Assets:Pleo:EmployeeReceivable  -50.00 DKK\n  {WALLET}  50.00 DKK"
    );
    write(&world, &back);
    let (item, _) = export(&world, &loan, 3);
    let reason = item.failure_reason.unwrap();
    assert!(
        reason.starts_with("Booked as PLEO-2026-000001: it stands at zero"),
        "{reason}"
    );
    for part in [
        "taken back or paid back?",
        "pleo-export reverse PLEO-2026-000001",
        "pleo-reverses: \"PLEO-2026-000001\"",
        "main.beancount",
    ] {
        assert!(reason.contains(part), "no `{part}` in {reason}");
    }
    // With the mark it was taken back.
    let ledger = world.path("books/main.beancount");
    let text = fs::read_to_string(&ledger).unwrap();
    let head = format!("2026-05-20 * \"Back\" ^pleo-{ENTRY}\n");
    fs::write(
        &ledger,
        text.replace(&head, &format!("{head}  pleo-reverses: \"PLEO-2026-000001\"\n")),
    )
    .unwrap();
    let (item, _) = export(&world, &loan, 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000002"));
    assert_eq!(stands_at(&world, "Assets:Pleo:EmployeeReceivable"), 5_000);
    world.books().are_clean();
}

#[test]
fn a_bill_is_taken_back_with_its_payment_in_one_file() {
    let (bill_number, payment_number) = ("PLEO-2026-000001", "PLEO-2026-000002");
    // Naming both of them is naming the entry once.
    for numbers in [
        &[bill_number][..],
        &[payment_number],
        &[bill_number, payment_number],
    ] {
        let world = booked(&bill());
        let before = batch_files(&world).len();
        let run = world.run(&[&["reverse", "--json"], numbers].concat()).exits(0);
        let answer = run.json();
        assert_eq!(answer["reversed"][0]["externalId"], "PLEO-2026-000001");
        assert_eq!(answer["reversed"][0]["documents"], 2);
        assert_eq!((mirrors(&world), batch_files(&world).len()), (2, before + 1));
        assert_eq!(balances(&world), BTreeMap::new());
        let run = world.run(&["reverse", bill_number, payment_number]).exits(6);
        run.says("reversed already, by PLEO-2026-000003");
        let (item, _) = export(&world, &bill(), 0);
        assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000005"));
        world.books().are_clean();
        world.books().has_nothing_twice();
    }
}

#[test]
fn half_a_pair_taken_back_is_told_whichever_half_and_however() {
    let payment = "  Liabilities:AccountsPayable  -125.00 DKK\n  Assets:Pleo:Wallet  125.00 DKK";
    let cost = "  Expenses:6800  -125.00 DKK\n  Liabilities:AccountsPayable  125.00 DKK";
    for (postings, mark, says) in [
        (
            payment,
            "  pleo-reverses: \"PLEO-2026-000002\"\n",
            "PLEO-2026-000002 is reversed by",
        ),
        (
            cost,
            "  pleo-reverses: \"PLEO-2026-000001\"\n",
            "PLEO-2026-000001 is reversed by",
        ),
        (payment, "", "only a part of"),
        (cost, "", "only a part of"),
    ] {
        let world = booked(&bill());
        write(
            &world,
            &format!("2026-05-20 * \"Half\" ^pleo-{ENTRY}\n{mark}{postings}"),
        );
        let before = world.books().files();
        let (item, _) = export(&world, &bill(), 3);
        let reason = item.failure_reason.unwrap();
        assert!(
            reason.starts_with("Booked as ") && reason.contains(says),
            "{reason}"
        );
        let run = world.run(&["reverse", "PLEO-2026-000001", "--json"]).exits(6);
        assert!(
            run.json()["error"]["message"].as_str().unwrap().contains("half"),
            "{run}"
        );
        assert_eq!(world.books().files(), before, "nothing is written");
    }
}

#[test]
fn a_mark_counts_only_where_it_comes_to_zero_on_each_account() {
    let wrong = format!("  Expenses:6800  -90.00 DKK\n  {WALLET}  90.00 DKK");
    let elsewhere = "  Expenses:6800  -100.00 DKK\n  Assets:Pleo:Transit  100.00 DKK".to_owned();
    let unknown = format!("  Expenses:6800  -100.00 * 1 DKK\n  {WALLET}  100.00 DKK");
    for postings in [wrong, elsewhere, unknown] {
        let world = booked(&lunch(10_000));
        write(
            &world,
            &format!("2026-05-11 * \"Taken back\"\n  pleo-reverses: \"PLEO-2026-000001\"\n{postings}"),
        );
        let (item, _) = export(&world, &lunch(10_000), 3);
        let reason = item.failure_reason.unwrap();
        assert!(reason.starts_with("Booked as PLEO-2026-000001: "), "{reason}");
        for part in [FIRST, "main.beancount", "do not come to zero"] {
            assert!(reason.contains(part), "no `{part}` in {reason}");
        }
        world.run(&["reverse", "PLEO-2026-000001"]).exits(6);
    }
    // Without a link, and with a number that was copied along, it counts; a second one beside it does not.
    let world = booked(&lunch(10_000));
    let mirror = format!(
        "2026-05-11 * \"Taken back\"\n  pleo-reverses: \"PLEO-2026-000001\"\n  pleo-number: \"PLEO-2026-000001\"\n  \
         Expenses:6800  -100.00 DKK\n  {WALLET}"
    );
    write(&world, &mirror);
    let ledger = world.path("books/main.beancount");
    let once = fs::read_to_string(&ledger).unwrap();
    write(&world, &mirror);
    let (item, _) = export(&world, &lunch(10_000), 3);
    assert!(item.failure_reason.unwrap().contains("reversed twice"));
    fs::write(ledger, once).unwrap();
    let (item, _) = export(&world, &lunch(10_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000002"));
}

#[test]
fn what_was_recoded_or_adjusted_counts_with_a_remark() {
    let world = booked(&lunch(10_000));
    write(
        &world,
        &format!(
            "2020-01-01 open Expenses:Gifts\n\n2026-05-11 * \"Recoded\" ^pleo-{ENTRY}\n  Expenses:Gifts  30.00 DKK\n  \
             Expenses:6800  -30.00 DKK"
        ),
    );
    let (item, run) = export(&world, &lunch(10_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"));
    let remark = "PLEO-2026-000001 counts, although other transactions with its link";
    assert!(
        run.stdout.contains(remark) && run.stderr.contains(remark),
        "{run}"
    );
    run.says("main.beancount");
    world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    // The mirror is of the entry; the person's own transaction is that person's.
    assert_eq!(
        balances(&world),
        BTreeMap::from([
            ("Expenses:6800".to_owned(), -3_000),
            ("Expenses:Gifts".to_owned(), 3_000)
        ])
    );
}

#[test]
fn an_entry_that_moves_nothing_counts_until_it_is_reversed() {
    let nothing = lunch(0);
    let world = booked(&nothing);
    let (item, _) = export(&world, &nothing, 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"));
    world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    let (item, _) = export(&world, &nothing, 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000003"));
    world.books().are_clean();
}

#[test]
fn where_books_of_the_first_version_count_twice_it_is_told_and_can_be_mended() {
    let world = booked(&lunch(10_000));
    world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    export(&world, &lunch(13_000), 0);
    // As the first version would have left it: the line instead of the mirror.
    fs::remove_file(world.path("books/pleo/2026/PLEO-2026-000002.beancount")).unwrap();
    world.books().edit(FIRST, |text| {
        text.replacen("  pleo-number", "  pleo-reversed: TRUE\n  pleo-number", 1)
    });
    assert_eq!(stands_at(&world, "Expenses:6800"), 23_000);
    let (item, run) = export(&world, &lunch(13_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000003"));
    run.says("counted twice: 230.00").says(FIRST);
    world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    assert_eq!(stands_at(&world, "Expenses:6800"), 13_000);
    let (item, run) = export(&world, &lunch(13_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000003"));
    assert!(!run.stderr.contains("counted twice"), "{run}");
    world.books().are_clean();
}

#[test]
fn several_are_all_checked_before_the_first_is_written() {
    let other = Item::card_purchase(500).numbered(9).date("2026-05-10T10:00:00Z");
    let world = World::new().with_settings(MAP);
    world.add_job(vec![lunch(10_000).build(), other.build()]);
    world.run(&["poll"]).exits(0);
    for (wrong, code) in [
        ("PLEO-2026-000009", 2),
        ("PLEO-2025-000001", 2),
        ("nonsense", 2),
        ("draft 7", 2),
    ] {
        let run = world
            .run(&["reverse", "PLEO-2026-000001", wrong, "--json"])
            .exits(code);
        let answer = run.json();
        assert_eq!(
            (&answer["exit_code"], &answer["reversed"]),
            (&code.into(), &serde_json::json!([]))
        );
        assert!(
            answer["error"]["message"].as_str().unwrap().contains(wrong),
            "{run}"
        );
        assert_eq!(mirrors(&world), 0);
    }
    let run = world
        .run(&["reverse", "PLEO-2026-000001", "PLEO-2026-000002"])
        .exits(0);
    run.says("PLEO-2026-000003").says("PLEO-2026-000004");
    assert_eq!(balances(&world), BTreeMap::new());
    world
        .run(&["reverse", "PLEO-2026-000002"])
        .exits(6)
        .says("PLEO-2026-000004");
    world
        .run(&["reverse", "PLEO-2026-000004"])
        .exits(2)
        .says("is itself the reversal of PLEO-2026-000002");
    world.run(&["reverse"]).exits(2);
    world.books().are_clean();
}

#[test]
fn the_day_is_that_of_the_entry_while_it_is_open() {
    let world = booked(&lunch(10_000));
    let settings = |bookkeeping: &str| {
        let text = format!("[bookkeeping]\n{bookkeeping}{MAP}");
        fs::write(world.path("pleo-export.toml"), text).unwrap();
    };
    settings("closed_until = \"2026-05-31\"\n");
    world
        .run(&["reverse", "PLEO-2026-000001"])
        .exits(2)
        .says("closed until 2026-05-31")
        .says("--date");
    world
        .run(&["reverse", "PLEO-2026-000001", "--date", "2026-05-20"])
        .exits(2)
        .says("closed until 2026-05-31");
    world
        .run(&["reverse", "PLEO-2026-000001", "--date", "tomorrow"])
        .exits(2);
    assert_eq!(mirrors(&world), 0);
    settings("closed_until = \"2026-05-31\"\nclosed_periods = \"next_open\"\n");
    let run = world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    run.says("on 2026-06-01");
    world.books().are_clean();

    // A balance that the ledger states later would be broken.
    let world = booked_with(&lunch(10_000), "[bookkeeping]\nclosed_periods = \"next_open\"\n");
    write(&world, &format!("2026-07-01 balance {WALLET}  -100.00 DKK"));
    world.books().are_clean();
    world
        .run(&["reverse", "PLEO-2026-000001"])
        .exits(0)
        .says("on 2026-07-01");
    world.books().are_clean();

    let world = booked(&lunch(10_000));
    let run = world
        .run(&["reverse", "PLEO-2026-000001", "--date", "2026-08-02"])
        .exits(0);
    run.says("on 2026-08-02");
}

#[test]
fn killed_at_any_moment_and_run_again_there_is_one_mirror() {
    let mut kinds = Vec::new();
    for moment in 1.. {
        let world = booked(&bill());
        let mut program = world.command(&["reverse", "PLEO-2026-000001"]);
        let run = world.run_command(program.env("PLEO_EXPORT_KILL_AT", moment.to_string()));
        let was_written = mirrors(&world) > 0;
        if run.code.is_some() {
            run.exits(0);
            break;
        }
        let kind = run
            .stderr
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("killed at "));
        kinds.extend(kind.map(str::to_owned));
        assert!(matches!(mirrors(&world), 0 | 2), "half a pair: {run}");
        assert!(
            !was_written || audit(&world, "reversal_intended").len() == 1,
            "the intent comes first: {run}"
        );
        let again = world.run(&["reverse", "PLEO-2026-000001"]);
        again
            .exits(if was_written { 6 } else { 0 })
            .says("PLEO-2026-000003");
        assert_eq!((mirrors(&world), balances(&world)), (2, BTreeMap::new()), "{run}");
        world.books().are_clean();
        let (item, _) = export(&world, &bill(), 0);
        assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000005"), "{run}");
    }
    for kind in ["commit", "file made", "file renamed"] {
        assert!(kinds.iter().any(|killed| killed.contains(kind)), "{kinds:?}");
    }
}

#[test]
fn a_run_at_work_is_left_alone() {
    let world = booked(&lunch(10_000));
    let lock = fs::File::options()
        .write(true)
        .open(world.path("checkpoint.sqlite3.lock"))
        .unwrap();
    lock.lock().unwrap();
    let run = world.run(&["reverse", "PLEO-2026-000001", "--json"]).exits(5);
    assert_eq!(run.json()["error"]["kind"], "temporary");
    drop(lock);
    world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
}

#[test]
fn a_number_is_never_given_twice_and_the_next_batch_explains_the_gap() {
    let world = booked(&lunch(10_000));
    let second = Item::card_purchase(500).numbered(9).date("2026-05-10T10:00:00Z");
    world.add_job(vec![second.build()]);
    world.run(&["poll"]).exits(0);
    fs::remove_file(world.path("books/pleo/2026/PLEO-2026-000002.beancount")).unwrap();
    let third = Item::card_purchase(700).numbered(10).date("2026-05-10T10:00:00Z");
    world.add_job(vec![third.build()]);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.books().numbers(), ["PLEO-2026-000001", "PLEO-2026-000003"]);
    let gap = "; given before and not there: PLEO-2026-000002 to PLEO-2026-000002\n";
    let text = fs::read_to_string(world.path("books/pleo/2026/PLEO-2026-000003.beancount")).unwrap();
    assert!(text.contains(gap), "{text}");
    // It is explained once, and stays so without the checkpoint.
    for name in [
        "checkpoint.sqlite3",
        "checkpoint.sqlite3-wal",
        "checkpoint.sqlite3-shm",
    ] {
        let _ = fs::remove_file(world.path(name));
    }
    let fourth = Item::card_purchase(900).numbered(11).date("2026-05-10T10:00:00Z");
    world.add_job(vec![fourth.build()]);
    world.run(&["poll"]).exits(0);
    let text = fs::read_to_string(world.path("books/pleo/2026/PLEO-2026-000004.beancount")).unwrap();
    assert!(!text.contains("given before"), "{text}");
    world.books().are_clean();
}

/// Seven expenses of today, so that their numbers are of the current year.
fn of_today(amount: i64) -> Vec<Value> {
    let now = chrono::Utc::now();
    let numbered = |number| Item::card_purchase(amount).numbered(number).at(now).build();
    (20..27).map(numbered).collect()
}

#[test]
fn books_that_lack_what_was_told_are_not_booked_into() {
    let world = World::new().with_settings(MAP);
    world.add_job(of_today(100));
    world.run(&["poll"]).exits(0);
    let batch = batch_files(&world).remove(0);
    let aside = world.path("aside");
    fs::rename(&batch, &aside).unwrap();

    // By the highest number of the year, whatever is exported.
    let job = world.add_job(vec![lunch(10_000).build()]);
    let run = world.run(&["poll", "--json"]).exits(6);
    let error = run.json()["error"].clone();
    assert_eq!(error["kind"], "needs_person");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("restored, or not mounted?"),
        "{error}"
    );
    assert!(
        error["hint"].as_str().unwrap().contains("poll --books-are-right"),
        "{error}"
    );
    assert_eq!(world.books().entries(), Vec::<String>::new());
    // Mounted again, it goes on by itself.
    fs::rename(&aside, &batch).unwrap();
    world.run(&["poll"]).exits(0);
    let item = world.sandbox.job(&job).item(ENTRY).clone();
    assert_eq!(item.status, ItemStatus::Successful);
    let lunch = item.external_id.unwrap();

    // By the entries that Pleo was told of, also where their numbers say nothing.
    let text = fs::read_to_string(&batch).unwrap();
    let numbers = text.lines().find(|line| line.starts_with("; numbers:")).unwrap();
    fs::write(&aside, &text).unwrap();
    fs::write(&batch, format!("{numbers}\n")).unwrap();
    world.add_job(of_today(100));
    world
        .run(&["poll"])
        .exits(6)
        .says("the books lack 7 entries")
        .says("restored, or not mounted?");
    assert_eq!(world.books().entries(), [ENTRY]);

    // A person says that they are right: booked anew, under the same revision and with new numbers.
    let run = world.run(&["poll", "--books-are-right"]).exits(0);
    run.says("the expense is booked anew");
    let documents = world.books().documents();
    assert_eq!(documents.len(), 8);
    assert!(
        documents.keys().all(|(_, _, revision)| revision == "1"),
        "{documents:?}"
    );
    let year = chrono::Utc::now().format("%Y");
    let given_before = format!("PLEO-{year}-000007");
    assert!(
        world
            .books()
            .numbers()
            .iter()
            .all(|number| *number > given_before || *number == lunch)
    );
    world.books().are_clean();
    // The old file's return is a double key and no double booking.
    fs::write(&batch, &text).unwrap();
    world.add_job(of_today(100));
    world.run(&["poll"]).exits(1).says("stands here a second time");
}

#[test]
fn a_few_that_are_missing_are_booked_anew_with_a_remark() {
    let world = booked(&lunch(10_000));
    world.books().take_out(|block| block.contains(ENTRY));
    let (item, run) = export(&world, &lunch(10_000), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000002"));
    let remark = "the books lack PLEO-2026-000001";
    assert!(
        run.stdout.contains(remark) && run.stderr.contains(remark),
        "{run}"
    );
    assert!(
        world
            .books()
            .documents()
            .contains_key(&(ENTRY.to_owned(), "main".to_owned(), "1".to_owned()))
    );
    world.books().are_clean();
}
