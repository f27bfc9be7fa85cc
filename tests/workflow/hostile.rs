use std::time::{Duration, Instant};

use pleo_export::model::ids::AccountingEntryId;
use pleo_export::systems::{AccountingSystem, SystemError, Wanted};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::sandbox::seed::{self, Item, Line};
use crate::sandbox::{Fault, ItemStatus, JobStatus, Trouble};
use crate::support::World;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

/// Each would be syntax, an escape or a trick somewhere.
const NASTY: [&str; 14] = [
    "\"\n2026-01-01 open Assets:Stolen\n2026-01-01 * \"a\" \"b\"\n  Assets:Stolen  1 DKK\n",
    "ends with a backslash \\",
    "a \\\" quote that is escaped twice \\\\\"",
    "; a comment # a tag ^a-link {cost} [price] @ 1 DKK",
    "line\r\nbreaks\rof\u{2028}all\u{85}kinds\u{b}here",
    "NUL\0and\u{1b}[31mred\u{7f}\u{8}",
    "\u{202e}txet desrever\u{2066}\u{200f}",
    "include \"/etc/passwd\"\noption \"title\" \"x\"\nplugin \"os\"",
    "pleo-entry: \"7e57c0de-0000-4000-8000-00000000beef\"",
    "  pleo-reverses: \"PLEO-2026-000001\"\n  pleo-number: \"PLEO-2026-999999\"",
    "TRUE",
    "2026-01-01",
    "\u{feff}zero\u{200b}width",
    "'; DROP TABLE item; --",
];

/// The payload with `text` in the place of every text that only informs or names something.
fn stuffed(number: u64, text: &str) -> Value {
    let mut payload = Item::card_purchase(12_500)
        .numbered(number)
        .split([
            Line::new("6800", 5_000).tax("S25").tag("DEPT", "SALES"),
            Line::new("6830", 7_500).tag("PROJECT", "P-100"),
        ])
        .vendor("Nordlys Kontor A/S")
        .method("accounts_payable")
        .invoice_information("INV", "2026-09-01", "2026-09-30")
        .attendees(&["Ida"])
        .reconciles(&["1000001".to_owned()])
        .user(0)
        .team(0)
        .note("note")
        .build();
    for pointer in [
        "/note",
        "/supplier/name",
        "/supplier/code",
        "/supplier/taxIdentifier",
        "/supplier/country",
        "/vendor/name",
        "/vendor/code",
        "/vendor/externalId",
        "/vendor/taxRegistrationNumber",
        "/user/name",
        "/user/code",
        "/team/name",
        "/team/code",
        "/contraAccount/name",
        "/additionalInformation/reconciliationId",
        "/additionalInformation/attendees/0",
        "/additionalInformation/reconciledEntries/0",
        "/additionalInformation/invoiceInformation/invoiceNumber",
        "/additionalInformation/invoiceInformation/status",
        "/accountingEntryLines/0/accountingEntryLineId",
        "/accountingEntryLines/0/account/name",
        "/accountingEntryLines/0/tags/0/groupCode",
        "/accountingEntryLines/0/tags/0/code",
        "/accountingEntryLines/0/tax/code",
        "/accountingEntryLines/1/account/name",
        "/_links/web/exportItem",
    ] {
        *payload
            .pointer_mut(pointer)
            .unwrap_or_else(|| panic!("no {pointer}")) = json!(text);
    }
    // Two bills of one vendor with one number would be refused as one.
    payload["additionalInformation"]["invoiceInformation"]["invoiceNumber"] =
        json!(format!("{number} {text}"));
    payload
}

#[test]
fn ledger_syntax_in_every_text_stays_text() {
    let world = World::new();
    let items: Vec<_> = (100..)
        .zip(NASTY)
        .map(|(number, text)| stuffed(number, text))
        .collect();
    let entries: Vec<_> = items
        .iter()
        .map(|item| item["accountingEntryId"].as_str().unwrap().to_owned())
        .collect();
    let job = world.add_job(items.clone());
    let run = world.run(&["poll", "-vv"]).exits(0);
    is_harmless(&run.stdout);
    is_harmless(&run.stderr);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), NASTY.len());
    let mut found = world.books().entries();
    found.sort();
    let mut expected = entries;
    expected.sort();
    assert_eq!(found, expected, "each entry, and none that a text made up");
    world.books().are_clean();
    // What was written is read back as what it was: the same expenses are found, none has changed.
    let numbers = world.books().numbers();
    world.add_job(items);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.books().numbers(), numbers);
    world.keeps_its_promise_and_all_rules();
}

/// A terminal shows such text as it is: no control characters, nothing that turns text around.
#[track_caller]
fn is_harmless(text: &str) {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    let found = text.chars().find(|c| steers(*c));
    assert_eq!(found, None, "in {text:?}");
}

#[test]
fn what_comes_from_outside_does_not_steer_the_terminal() {
    let world = World::new().with_settings("[bookkeeping]\nunknown_accounts = \"fail\"\n");
    let refused = |number: u64, text: &str| {
        let mut payload = stuffed(number, text);
        payload["accountingEntryLines"][0]["account"]["code"] = json!(text);
        payload["accountingEntryLines"][1]["account"]["code"] = json!(format!("{text}2"));
        payload
    };
    let items = (200..).zip(NASTY).map(|(number, text)| refused(number, text));
    let job = world.add_job(items.collect());
    for arguments in [vec!["poll", "-vv"], vec!["status"], vec!["status", "--job", &job]] {
        let run = world.run(&arguments);
        is_harmless(&run.stdout);
        is_harmless(&run.stderr);
    }
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Failed), NASTY.len());
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_server_that_speaks_in_escapes_is_quoted_without_them() {
    let world = World::new().impatient();
    let escaped = "\u{1b}]0;title\u{7}\u{202e}";
    world.sandbox.fault(
        Fault::new(Trouble::RefusedItems {
            entries: Vec::new(),
            error_type: escaped.to_owned(),
        })
        .always(),
    );
    world.add_mixed_job(2, 1);
    let run = world.run(&["poll", "-vv"]).exits(6);
    is_harmless(&run.stdout);
    is_harmless(&run.stderr);
}

#[test]
fn a_hundred_thousand_tags_and_a_note_of_ten_megabytes_are_booked_in_seconds() {
    let world = World::new();
    let mut tagged = Item::card_purchase(100).id(ENTRY).build();
    tagged["accountingEntryLines"][0]["tags"] = (0..100_000)
        .map(|number| json!({"groupCode": format!("g{number}"), "code": "c"}))
        .collect();
    let noted = Item::card_purchase(200)
        .note(&"øre og \"mere\"\n".repeat(10 * 1024 * 1024 / 14))
        .build();
    let job = world.add_job(vec![tagged, noted, Item::card_purchase(300).build()]);
    let began = Instant::now();
    world.run(&["poll"]).exits(0);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 3);
    let numbers = world.books().numbers();
    world.add_job(vec![Item::card_purchase(100).id(ENTRY).build()]);
    world.run(&["poll"]).exits(6);
    assert_eq!(world.books().numbers(), numbers, "the books can still be read");
}

#[test]
fn an_item_nested_too_deep_is_no_end_of_the_program() {
    let world = World::new().impatient();
    let mut deep = json!("bottom");
    for _ in 0..400 {
        deep = json!([deep]);
    }
    let mut payload = Item::card_purchase(100).id(ENTRY).build();
    payload["accountingEntryLines"][0]["account"]["code"] = deep;
    let job = world.add_job(vec![payload, Item::card_purchase(200).build()]);
    let run = world.run(&["poll"]);
    assert!(matches!(run.code, Some(1 | 3)), "{run}");
    assert!(!world.books().entries().contains(&ENTRY.to_owned()));
    assert!(matches!(
        world.sandbox.job(&job).status,
        JobStatus::InProgress | JobStatus::CompletedWithErrors
    ));
    world.keeps_its_promise();
}

#[test]
fn an_answer_without_end_is_not_read_to_its_end() {
    let world = World::new().impatient();
    world.add_mixed_job(2, 1);
    world.sandbox.fault(
        Fault::new(Trouble::HugeBody)
            .on("GET", "/v3/export-items")
            .always(),
    );
    let run = world.run(&["poll"]);
    assert!(matches!(run.code, Some(1 | 5)), "{run}");
    assert!(
        run.stderr.contains("larger than") || run.stderr.contains("timeout_seconds"),
        "{run}"
    );
    assert_eq!(world.books().entries().len(), 0);
    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn pages_that_never_end_are_left_with_nothing_booked() {
    for path in ["/v3/export-jobs/*/items", "/v3/export-items"] {
        let world = World::new();
        world.add_mixed_job(60, 1);
        world
            .sandbox
            .fault(Fault::new(Trouble::EndlessPages).on("GET", path).always());
        let began = Instant::now();
        world.run(&["poll"]).exits(5).says("does not end");
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        assert_eq!(world.books().entries().len(), 0);
        world.sandbox.clear_faults();
        world.run(&["poll"]).exits(0);
        world.keeps_its_promise_and_all_rules();
    }
}

/// Pieces of which ledgers are made, and some of which none is.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("2026-01-01 * \"a\" ^pleo-e1\n".to_owned()),
        Just("  pleo-entry: \"e1\"\n".to_owned()),
        Just("  pleo-part: \"payment\"\n".to_owned()),
        Just("  pleo-number: \"PLEO-2026-000001\"\n".to_owned()),
        Just("  pleo-revision: 4294967296\n".to_owned()),
        Just("  pleo-amount: \"1.00 DKK\"\n".to_owned()),
        Just("  pleo-reversed: TRUE\n".to_owned()),
        Just("  pleo-reverses: \"PLEO-2026-000001\"\n".to_owned()),
        Just("; given before and not there: PLEO-2026-000001 to PLEO-2026-4294967295\n".to_owned()),
        Just("  Assets:A  -99999999999999999999.99 DKK\n".to_owned()),
        Just("  Assets:A  1 DKK\n".to_owned()),
        Just("  Assets:A\n".to_owned()),
        Just("include \"*\"\n".to_owned()),
        Just("include \"../../../../etc/*\"\n".to_owned()),
        Just("1970-01-01 open Assets:A\n".to_owned()),
        Just("2026-01-01 document Assets:A \"x\" ^pleo-e1\n".to_owned()),
        Just("pushtag #a\n".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just("\u{feff}".to_owned()),
        "\\PC{0,12}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_in_the_books_makes_the_reader_panic_or_guess(pieces in proptest::collection::vec(piece(), 0..25)) {
        let world = World::new();
        let text = pieces.concat();
        for file in ["books/main.beancount", "books/pleo/2026/PLEO-2026-000009.beancount"] {
            let path = world.path(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, &text).unwrap();
        }
        let wanted = Wanted { entry_id: AccountingEntryId::new("e1"), parts: Vec::new() };
        match world.beancount().find(&[wanted]) {
            Ok(found) => prop_assert_eq!(found.len(), 1),
            Err(error) => prop_assert!(matches!(error, SystemError::Damaged { .. }), "{}", error),
        }
    }
}

#[test]
fn entries_of_a_stranger_in_a_payload_are_not_booked_twice_under_one_key() {
    // The data layer brings the same entry twice, with two contents: one document, one verdict.
    let world = World::new();
    let job = world.sandbox.add_job(
        crate::sandbox::Job::of(seed::mixed(2, 1))
            .unlisted(Item::card_purchase(999).id(&seed::entry_id(1, 0)).build()),
    );
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 2);
    world.keeps_its_promise_and_all_rules();
}
