//! What people do to their books: reverse, delete, correct, keep ledgers of their own, damage them.

use std::fs;
use std::sync::Arc;

use pleo_export::model::document::Part;
use pleo_export::systems::{AccountingSystem, Found, SystemError};

use crate::beancount::items::{bill_with_payment, job, permit, purchase, wanted};
use crate::beancount::ledger::{self, Ledger};

const FIRST: &str = "pleo/2026/PLEO-2026-000001.beancount";

fn found(ledger: &Ledger, entry_id: &str, parts: &[Part]) -> Found {
    ledger
        .system()
        .find(&[wanted(entry_id, parts)])
        .unwrap()
        .remove(0)
}

/// The books without the transaction of this number.
fn without(text: &str, number: &str) -> String {
    let blocks = text
        .split("\n\n")
        .filter(|block| !block.contains(&format!("pleo-number: \"{number}\"")));
    blocks.collect::<Vec<_>>().join("\n\n") + "\n"
}

#[test]
fn a_reversed_entry_is_booked_again_as_the_next_revision() {
    let reversal = "\n2026-11-01 * \"Taken back\" ^pleo-e1\n  Assets:Pleo:Wallet  125.00 DKK\n  \
                    Assets:VAT:Input  -25.00 DKK\n  Expenses:6800\n";
    let marked = reversal.replace(" ^pleo-e1\n", "\n  pleo-reverses: \"PLEO-2026-000001\"\n");
    let ways: [(&str, &dyn Fn(String) -> String); 2] = [
        ("main.beancount", &|text| text + reversal),
        (FIRST, &|text| text + &marked),
    ];
    for (file, change) in ways {
        let ledger = Ledger::new();
        ledger.book(&[purchase("e1"), purchase("e2")]);
        ledger.edit(file, change);
        assert_eq!(
            found(&ledger, "e1", &[Part::Main]),
            Found::Absent { next_revision: 2 },
            "{file}"
        );
        assert!(
            matches!(found(&ledger, "e2", &[Part::Main]), Found::Complete(_)),
            "{file}"
        );
        assert_eq!(ledger.book(&[purchase("e1")]), ["PLEO-2026-000003"]);
        // The same reversal does not take the second booking back as well.
        let Found::Complete(second) = found(&ledger, "e1", &[Part::Main]) else {
            panic!("{file}")
        };
        assert_eq!(
            (second.revision, second.external_id.as_str()),
            (2, "PLEO-2026-000003")
        );
        assert_eq!(
            ledger::metadata(&ledger.text().replace(": 2", ": \"2\""), "pleo-revision"),
            ["2"]
        );
        ledger.assert_sound();
    }
}

#[test]
fn what_only_looks_like_a_reversal_is_none() {
    for other in [
        "2026-11-01 * \"half\" ^pleo-e1\n  Assets:Pleo:Wallet  62.50 DKK\n  Expenses:6800\n",
        "2026-11-01 * \"the same way round\" ^pleo-e1\n  Assets:Pleo:Wallet  -125.00 DKK\n  Assets:VAT:Input  25.00 \
         DKK\n  Expenses:6800  100.00 DKK\n",
        "2026-11-01 * \"no link\"\n  Assets:Pleo:Wallet  125.00 DKK\n  Assets:VAT:Input  -25.00 DKK\n  \
         Expenses:6800  -100.00 DKK\n",
    ] {
        let ledger = Ledger::new();
        ledger.book(&[purchase("e1")]);
        ledger.edit("main.beancount", |text| text + other);
        assert!(
            matches!(found(&ledger, "e1", &[Part::Main]), Found::Complete(_)),
            "{other}"
        );
    }
}

#[test]
fn a_deleted_entry_is_booked_again_under_a_new_number() {
    let ledger = Ledger::new();
    ledger.book(&[purchase("e1"), purchase("e2")]);
    ledger.edit(FIRST, |text| without(&text, "PLEO-2026-000002"));
    assert_eq!(
        found(&ledger, "e2", &[Part::Main]),
        Found::Absent { next_revision: 1 }
    );
    // Pleo was told the old number, so it is not given to anything else.
    assert_eq!(ledger.book(&[purchase("e2")]), ["PLEO-2026-000003"]);
    ledger.assert_sound();
}

#[test]
fn an_entry_that_lost_a_part_is_completed_and_keeps_its_number() {
    let parts = [Part::Main, Part::Payment];
    for lost in ["PLEO-2026-000001", "PLEO-2026-000002"] {
        let ledger = Ledger::new();
        let item = bill_with_payment("e1", "INV-1");
        ledger.book(std::slice::from_ref(&item));
        ledger.edit(FIRST, |text| without(&text, lost));
        assert!(
            matches!(found(&ledger, "e1", &parts), Found::Incomplete(_)),
            "{lost}"
        );
        let numbers = ledger.book(std::slice::from_ref(&item));
        let Found::Complete(booked) = found(&ledger, "e1", &parts) else {
            panic!("{lost}")
        };
        assert_eq!(numbers, [booked.external_id]);
        assert_eq!(numbers == ["PLEO-2026-000001"], lost == "PLEO-2026-000002");
        assert_eq!(ledger::metadata(&ledger.text(), "pleo-entry").len(), 2);
        ledger.assert_sound();
    }
}

#[test]
fn a_half_reversed_entry_is_refused_by_name() {
    let ledger = Ledger::new();
    let item = bill_with_payment("e1", "INV-1");
    ledger.book(std::slice::from_ref(&item));
    let payment = "  Liabilities:AccountsPayable  -125.00 DKK\n  Assets:Pleo:Wallet  125.00 DKK\n";
    ledger.edit("main.beancount", |text| {
        format!("{text}\n2026-11-01 * \"Half\"\n  pleo-reverses: \"PLEO-2026-000002\"\n{payment}")
    });
    let Found::Unclear { booked, reason } = found(&ledger, "e1", &item.parts()) else {
        panic!("{payment}")
    };
    assert_eq!(booked.external_id, "PLEO-2026-000001");
    for part in [
        "PLEO-2026-000002 is reversed by",
        "pleo-export reverse PLEO-2026-000001",
    ] {
        assert!(reason.contains(part), "{reason}");
    }
    let error = ledger.try_book(&[item]).unwrap().remove(0).unwrap_err();
    assert!(matches!(error, SystemError::BookedWrong { .. }), "{error}");
}

#[test]
fn corrections_by_hand_are_left_alone() {
    let ledger = Ledger::new();
    ledger.book(&[purchase("e1")]);
    ledger.edit(FIRST, |text| {
        let text = text
            .replace("2026-10-09 !", "2026-10-10 *")
            .replace("Expenses:6800", "Expenses:Office");
        text.replace("note", "; my own words\n  note")
    });
    let Found::Complete(booked) = found(&ledger, "e1", &[Part::Main]) else {
        panic!()
    };
    assert_eq!(booked.posting_date.to_string(), "2026-10-10");
    let before = ledger.text();
    ledger.book(&[purchase("e1")]);
    assert_eq!(ledger.text(), before);
}

#[test]
fn a_ledger_of_ones_own_is_followed_through_its_includes() {
    let ledger = Ledger::new();
    fs::create_dir(ledger.books().join("mine")).unwrap();
    let own = "* A heading with a \" in it\noption \"operating_currency\" \"DKK\"\n2020-01-01 open Expenses:6800 DKK\n  \
               name: \"over\n2020-01-01 open Assets:Trap\n\"\n2020-01-01 open Assets:Old\n2020-12-31 close Assets:Old\n";
    fs::write(ledger.books().join("mine/a.beancount"), own).unwrap();
    ledger.edit("main.beancount", |text| text + "include \"mine/*.beancount\"\n");
    ledger.book(&[purchase("e1")]);
    assert!(
        !ledger.text().contains("open Expenses:6800"),
        "it is open already"
    );
    ledger.assert_sound();
    for (account, why) in [
        ("Assets:Old", "was closed on 2020-12-31"),
        ("Expenses:6800", "takes DKK only, not SEK"),
    ] {
        let mut item = purchase("e2");
        Arc::make_mut(&mut item.item).amount.currency = "SEK".parse().unwrap();
        item.documents[0].postings[0].account = crate::beancount::items::account(account);
        let error = ledger.try_book(&[item]).unwrap().remove(0).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn damage_is_named_with_file_and_line_and_nothing_is_booked() {
    type Change = fn(String) -> String;
    let damages: [(Change, &str); 6] = [
        (
            |text| text.replace("  Assets:Pleo:Wallet  -125.00 DKK\n", ""),
            "does not balance",
        ),
        (
            |text| text.replace("\"PLEO-2026-000001\"", "\"7\""),
            "`pleo-number` is missing or wrong",
        ),
        (
            |text| text[..text.rfind('"').unwrap()].to_owned(),
            "a string begins here and does not end",
        ),
        (
            |text| format!("{text}\n<<<<<<< HEAD\n"),
            "is not a line of a ledger",
        ),
        (
            |text| format!("{text}\n{}", text.split("\n\n").last().unwrap()),
            "stands here a second time, first in",
        ),
        (
            |text| text.replace("2026-10-09", "2026-02-30"),
            "is not a line of a ledger",
        ),
    ];
    for (change, why) in damages {
        let ledger = Ledger::new();
        ledger.book(&[purchase("e1")]);
        ledger.edit(FIRST, change);
        let before = ledger.text();
        let mut system = ledger.system();
        for error in [
            system.find(&[wanted("e1", &[])]).unwrap_err(),
            system.book(&permit(), &[purchase("e9")]).unwrap_err(),
            system.check(&job()).unwrap_err(),
        ] {
            assert!(matches!(error, SystemError::Damaged { .. }), "{why}: {error}");
            let text = error.to_string();
            assert!(
                text.contains(why) && text.contains("PLEO-2026-000001.beancount`, line "),
                "{why}: {text}"
            );
        }
        assert_eq!(ledger.text(), before, "{why}");
    }
}

#[test]
fn a_change_while_we_run_is_seen() {
    let ledger = Ledger::new();
    let mut system = ledger.system();
    system.book(&permit(), &[purchase("e1"), purchase("e2")]).unwrap();
    assert!(matches!(
        system.find(&[wanted("e1", &[])]).unwrap()[0],
        Found::Complete(_)
    ));
    ledger.edit(FIRST, |text| without(&text, "PLEO-2026-000001"));
    let found = system.find(&[wanted("e1", &[]), wanted("e2", &[])]).unwrap();
    assert_eq!(found[0], Found::Absent { next_revision: 1 });
    assert!(matches!(found[1], Found::Complete(_)));
    fs::remove_file(ledger.books().join(FIRST)).unwrap();
    assert_eq!(
        system.find(&[wanted("e2", &[])]).unwrap(),
        [Found::Absent { next_revision: 1 }]
    );
}

#[test]
#[cfg(unix)]
fn a_year_that_was_moved_elsewhere_still_counts() {
    let ledger = Ledger::new();
    let entry = ledger.try_book(&[purchase("e1")]).unwrap().remove(0).unwrap();
    let receipt = crate::beancount::items::receipt(ledger.folder.path(), "a.pdf", b"content");
    let attached = [crate::beancount::items::attachment("e1", entry, vec![receipt])];
    ledger.system().attach(&permit(), &attached).unwrap()[0]
        .clone()
        .unwrap();
    let (year, archive) = (
        ledger.books().join("pleo/2026"),
        ledger.folder.path().join("archive"),
    );
    fs::rename(&year, &archive).unwrap();
    std::os::unix::fs::symlink(&archive, &year).unwrap();
    assert!(matches!(found(&ledger, "e1", &[Part::Main]), Found::Complete(_)));
    assert_eq!(ledger.book(&[purchase("e2")]), ["PLEO-2026-000002"]);
    ledger.assert_sound();
    fs::remove_dir_all(ledger.books().join("documents")).unwrap();
    ledger.system().attach(&permit(), &attached).unwrap()[0]
        .clone()
        .unwrap();
    ledger.assert_sound();
    assert!(ledger.books().join("documents").exists());
}
