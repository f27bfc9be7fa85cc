//! Any text in any field comes back unchanged in meaning, and never becomes part of the ledger's own syntax.

use std::process::Command;
use std::sync::Arc;

use pleo_export::model::document::{DocumentKind, Part, PlannedItem, Purpose};
use pleo_export::model::references::{AccountKey, AccountPurpose, References};
use pleo_export::systems::{AccountingSystem, Found, SystemError};
use proptest::prelude::*;

use crate::beancount::items::{job, permit, purchase, wanted};
use crate::beancount::ledger::{self, Ledger, metadata};

const NASTY: [&str; 12] = [
    "",
    "\"",
    "\\",
    "\\\"",
    "\"\n2026-01-01 open Assets:Trap\n; ",
    "x\"\n  Assets:Trap  1.00 DKK\n  pleo-entry: \"other",
    "tab\t, return\r\n, form feed \u{c}, bell \u{7}, nul \0, escape \u{1b}[31m, delete \u{7f}, next line \u{85}",
    "\u{202e}right to left\u{202c} שלום مرحبا",
    "emoji 👩‍👩‍👧, astral 𐍈, not a character \u{ffff}, byte order mark \u{feff}, separators \u{2028}\u{2029}",
    "; comment",
    "#tag ^link *flag ! 2026-10-09 * \"x\"",
    "TRUE",
];

/// Puts the text wherever Pleo may send one.
fn filled_with(entry_id: &str, text: &str) -> PlannedItem {
    let mut planned = purchase(entry_id);
    let some = || Some(text.to_owned());
    text.clone_into(&mut planned.payee);
    text.clone_into(&mut planned.description);
    text.clone_into(&mut planned.content_hash);
    planned.remarks = vec![text.to_owned()];
    let item = Arc::make_mut(&mut planned.item);
    item.note = some();
    text.clone_into(&mut item.book_id);
    item.web_link = some();
    item.attendees = vec![text.to_owned()];
    item.reconciled_entries = vec![text.to_owned()];
    if let Some(user) = &mut item.user {
        (user.name, user.code) = (text.to_owned(), some());
    }
    if let Some(supplier) = &mut item.supplier {
        (supplier.name, supplier.tax_number) = (some(), some());
    }
    if let Some(account) = &mut item.lines[0].account {
        (account.name, account.code) = (text.to_owned(), some());
    }
    planned.documents[0].kind = DocumentKind::VendorBill;
    let owed = &mut planned.documents[0].postings[2];
    (owed.purpose, owed.employee_code) = (Purpose::Employee, some());
    let cost = &mut planned.documents[0].postings[0];
    text.clone_into(&mut cost.tags[0].tag.code);
    text.clone_into(&mut cost.line.as_mut().unwrap().line_id);
    cost.tax.as_mut().unwrap().code = some();
    text.clone_into(&mut cost.tax.as_mut().unwrap().rate);
    planned.documents[0].invoice_number = some();
    planned
}

/// Control characters are written visibly and a long text is cut; everything else comes back as it was.
fn as_written(text: &str) -> String {
    let shown = |character: char| match character {
        '\n' | '\t' | '\r' => character.to_string(),
        _ if character.is_control() => format!("<U+{:04X}>", u32::from(character)),
        _ => character.to_string(),
    };
    let end = if text.chars().count() > 2_000 {
        "… [cut]"
    } else {
        ""
    };
    text.chars()
        .take(2_000)
        .map(shown)
        .chain([end.to_owned()])
        .collect()
}

fn assert_survives(text: &str) {
    let ledger = Ledger::new();
    ledger.book(&[filled_with("e1", text), purchase("e2")]);
    let written = ledger.text();
    let expected = as_written(text);
    for key in [
        "account-code",
        "employee-code",
        "invoice-number",
        "pleo-book-id",
        "tax-code",
    ] {
        assert_eq!(metadata(&written, key).first(), Some(&expected), "{key}");
    }
    let lines = || written.lines();
    assert_eq!(
        lines().filter(|line| line.starts_with("2026-")).count(),
        2,
        "{written}"
    );
    assert_eq!(
        lines()
            .filter(|line| line.starts_with("  A") || line.starts_with("  E"))
            .count(),
        6,
        "{written}"
    );
    let mut system = ledger.system();
    for (entry_id, hash) in [("e1", &expected), ("e2", &"v1:aa11".to_owned())] {
        let found = system.find(&[wanted(entry_id, &[Part::Main])]).unwrap().remove(0);
        let Found::Complete(booked) = found else {
            panic!("{entry_id} is not found in {written}")
        };
        assert_eq!(booked.content_hash.as_ref(), Some(hash));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn any_text_survives(text in prop_oneof![any::<String>(), "[\"\\\\\n\r\t; a-zA:*!^#{}0-9]{0,40}"]) {
        assert_survives(&text);
    }

    #[test]
    fn any_code_gets_an_account_that_can_be_booked(code in any::<String>()) {
        let ledger = Ledger::new();
        let mut system = ledger.system();
        let key = AccountKey::of_code(AccountPurpose::Cost, code.clone());
        let mut references = References::default();
        references.accounts.insert(key.clone(), Some(code.clone()));
        let resolution = system.resolve(&references).unwrap();
        let found = resolution.accounts[&key].best();
        prop_assert_eq!(found.is_some(), !code.is_empty());
        if let Some(account) = found {
            let mut item = purchase("e1");
            item.documents[0].postings[0].account = account.clone();
            prop_assert!(system.book(&permit(), &[item]).unwrap()[0].is_ok());
            let again = ledger.system().resolve(&references).unwrap();
            let again = again.accounts[&key].best().unwrap();
            prop_assert_eq!((&again.reference, &again.opens), (&account.reference, &None));
        }
    }
}

#[test]
fn nasty_texts_survive() {
    for text in NASTY {
        assert_survives(text);
    }
}

#[test]
fn beancount_reads_what_was_meant() {
    let ledger = Ledger::new();
    let long = "a long \"note\"\n".repeat(1_000);
    let texts: Vec<&str> = NASTY.into_iter().chain([long.as_str()]).collect();
    let items: Vec<_> = texts
        .iter()
        .enumerate()
        .map(|(at, text)| filled_with(&format!("e{at}"), text))
        .collect();
    ledger.book(&items);
    ledger.assert_sound();
    let Some(python) = ledger::bean_check().map(|program| program.replace("bean-check", "python3")) else {
        return;
    };
    let script = "import sys, json; from beancount import loader; from beancount.core import data\n\
                  entries, errors, _ = loader.load_file(sys.argv[1])\n\
                  print(json.dumps([[t.narration, t.meta['pleo-book-id'], len(t.postings)] \
                  for t in data.filter_txns(entries)]))";
    let main = ledger.books().join("main.beancount");
    let output = Command::new(python)
        .args(["-c", script])
        .arg(main)
        .output()
        .unwrap();
    let mut read: Vec<(String, String, usize)> = serde_json::from_slice(&output.stdout).unwrap();
    let meant = |text: &&str| (as_written(text), as_written(text), 3);
    let mut meant: Vec<_> = texts.iter().map(meant).collect();
    read.sort();
    meant.sort();
    assert_eq!(read, meant);
}

#[test]
fn ids_that_could_not_be_found_again_are_refused_and_others_are_kept_apart() {
    let ledger = Ledger::new();
    let error = ledger
        .try_book(&[purchase("e\u{7}1")])
        .unwrap()
        .remove(0)
        .unwrap_err();
    assert!(matches!(error, SystemError::Rejected { .. }));
    let ids = ["e 1", "e-1", "e\"1", "e\n1", "E-1", "é1", "e/1", ""];
    let items: Vec<_> = ids.iter().map(|id| purchase(id)).collect();
    ledger.book(&items);
    let mut system = ledger.system();
    system.check(&job()).unwrap();
    for id in ids {
        assert!(
            matches!(system.find(&[wanted(id, &[])]).unwrap()[0], Found::Complete(_)),
            "{id:?}"
        );
    }
    ledger.assert_sound();
}
