//! Receipts beside their entries: byte for byte, in order, never twice, and put back when they are gone.

use std::fs;

use pleo_export::model::document::Part;
use pleo_export::model::verdict::ItemFailureType;
use pleo_export::systems::{AccountingSystem, BookedEntry, Found, SystemError};

use crate::beancount::items::{attachment, permit, purchase, receipt, wanted};
use crate::beancount::ledger::{self, Ledger};

fn booked(ledger: &Ledger, entry_id: &str) -> BookedEntry {
    ledger.try_book(&[purchase(entry_id)]).unwrap().remove(0).unwrap()
}

#[test]
fn receipts_are_kept_in_order_and_once() {
    let ledger = Ledger::new();
    let (e1, e2) = (booked(&ledger, "e1"), booked(&ledger, "e2"));
    let [a, b] = [("a.PDF", b"one"), ("no ending", b"two")]
        .map(|(name, bytes)| receipt(ledger.folder.path(), name, bytes));
    let entries = [
        attachment("e1", e1, vec![b.clone(), a.clone(), b.clone()]),
        attachment("e2", e2, vec![a.clone()]),
    ];
    let mut system = ledger.system();
    for _ in 0..2 {
        assert_eq!(system.attach(&permit(), &entries).unwrap(), [Ok(()), Ok(())]);
        assert_eq!(
            ledger.system().attach(&permit(), &entries).unwrap(),
            [Ok(()), Ok(())]
        );
    }
    let text = ledger.text();
    assert_eq!(
        ledger::metadata(&text, "sha256"),
        [&*b.sha256, &*a.sha256, &*a.sha256]
    );
    assert_eq!(text.matches("  receipt: 2\n").count(), 1);
    let path = "documents/2026/2026-10-09 Papirhuset PLEO-2026-000001 2.pdf";
    assert_eq!(fs::read(ledger.books().join(path)).unwrap(), b"one");
    assert!(
        text.contains(&format!(
            "2026-10-09 document Expenses:6800 \"../../{path}\" ^pleo-e1\n"
        )),
        "{text}"
    );
    assert_eq!(
        ledger.batches(),
        [
            "2026/PLEO-2026-000001-receipts.beancount",
            "2026/PLEO-2026-000001.beancount",
            "2026/PLEO-2026-000001.evidence.jsonl",
            "2026/PLEO-2026-000002.beancount",
            "2026/PLEO-2026-000002.evidence.jsonl",
            "about.beancount",
        ]
    );
    ledger.assert_sound();
}

#[test]
fn a_receipt_that_is_gone_or_cut_short_is_put_back() {
    let ledger = Ledger::new();
    let entry = booked(&ledger, "e1");
    let a = receipt(ledger.folder.path(), "a.pdf", b"content");
    let entries = [attachment("e1", entry, vec![a.clone()])];
    ledger.system().attach(&permit(), &entries).unwrap()[0]
        .clone()
        .unwrap();
    let path = ledger
        .books()
        .join("documents/2026/2026-10-09 Papirhuset PLEO-2026-000001 1.pdf");
    let text = ledger.text();
    for damage in [
        |path: &_| fs::remove_file(path).unwrap(),
        |path: &_| fs::write(path, b"cont").unwrap(),
    ] {
        damage(&path);
        ledger.system().attach(&permit(), &entries).unwrap()[0]
            .clone()
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"content");
        assert_eq!(ledger.text(), text);
    }
}

#[test]
fn a_receipt_that_came_later_gets_a_file_of_its_own() {
    let ledger = Ledger::new();
    let entry = booked(&ledger, "e1");
    let [a, b] = ["a.pdf", "b.pdf"].map(|name| receipt(ledger.folder.path(), name, name.as_bytes()));
    for receipts in [vec![a.clone()], vec![a, b]] {
        let outcome = ledger
            .system()
            .attach(&permit(), &[attachment("e1", entry.clone(), receipts)])
            .unwrap();
        assert_eq!(outcome, [Ok(())]);
    }
    assert_eq!(ledger.batches()[0], "2026/PLEO-2026-000001-receipts-2.beancount");
    ledger.assert_sound();
}

#[test]
fn a_failure_stays_with_its_entry() {
    let ledger = Ledger::new();
    let (e1, e2) = (booked(&ledger, "e1"), booked(&ledger, "e2"));
    let good = receipt(ledger.folder.path(), "good.pdf", b"good");
    let changed = receipt(ledger.folder.path(), "changed.pdf", b"before");
    fs::write(&changed.path, b"after!").unwrap();
    let answers = ledger.system().attach(
        &permit(),
        &[
            attachment("e1", e1.clone(), vec![changed]),
            attachment("gone", e1, vec![good.clone()]),
            attachment("e2", e2, vec![good]),
        ],
    );
    let answers = answers.unwrap();
    assert!(
        matches!(&answers[0], Err(SystemError::Unavailable { .. })),
        "{answers:?}"
    );
    let Err(SystemError::Rejected { failure_type, .. }) = &answers[1] else {
        panic!("{answers:?}")
    };
    assert_eq!(*failure_type, ItemFailureType::ReceiptUploadFailure);
    assert_eq!(answers[2], Ok(()));
    assert_eq!(ledger::metadata(&ledger.text(), "sha256").len(), 1);
    ledger.assert_sound();
}

#[test]
fn receipts_do_not_count_as_bookings() {
    let ledger = Ledger::new();
    let entry = booked(&ledger, "e1");
    let a = receipt(ledger.folder.path(), "a.pdf", b"a");
    ledger
        .system()
        .attach(&permit(), &[attachment("e1", entry, vec![a])])
        .unwrap()[0]
        .clone()
        .unwrap();
    fs::remove_file(ledger.books().join("pleo/2026/PLEO-2026-000001.beancount")).unwrap();
    let found = ledger.system().find(&[wanted("e1", &[Part::Main])]).unwrap();
    assert_eq!(found, [Found::Absent { next_revision: 1 }]);
    assert_eq!(ledger.book(&[purchase("e1")]), ["PLEO-2026-000001"]);
}

#[test]
fn what_the_first_version_stored_is_not_stored_again() {
    let ledger = Ledger::new();
    let entry = booked(&ledger, "e1");
    let a = receipt(ledger.folder.path(), "a.pdf", b"content");
    let group = ledger.books().join("documents").join(&a.sha256[..2]);
    fs::create_dir_all(&group).unwrap();
    fs::write(group.join(format!("{}.pdf", a.sha256)), b"content").unwrap();
    let entries = [attachment("e1", entry, vec![a.clone()])];
    ledger.system().attach(&permit(), &entries).unwrap()[0]
        .clone()
        .unwrap();
    let path = format!("../../documents/{}/{}.pdf", &a.sha256[..2], a.sha256);
    assert!(ledger.text().contains(&path), "{}", ledger.text());
    assert!(!ledger.books().join("documents/2026").exists());
    ledger.assert_sound();
}

#[test]
fn a_file_of_the_same_name_is_never_overwritten() {
    let ledger = Ledger::new();
    let entry = booked(&ledger, "e1");
    let a = receipt(ledger.folder.path(), "a.pdf", b"content");
    let folder = ledger.books().join("documents/2026");
    fs::create_dir_all(&folder).unwrap();
    // As another case, and of the same size.
    let other = folder.join("2026-10-09 PAPIRHUSET PLEO-2026-000001 1.PDF");
    fs::write(&other, b"another").unwrap();
    let entries = [attachment("e1", entry, vec![a])];
    for _ in 0..2 {
        ledger.system().attach(&permit(), &entries).unwrap()[0]
            .clone()
            .unwrap();
    }
    assert_eq!(fs::read(other).unwrap(), b"another");
    let name = "2026-10-09 Papirhuset PLEO-2026-000001 1-2.pdf";
    assert_eq!(fs::read(folder.join(name)).unwrap(), b"content");
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2);
    ledger.assert_sound();
}

#[test]
fn what_lies_in_the_place_of_one_receipt_fails_its_entry_and_what_no_receipt_can_be_kept_in_is_told_of_the_books()
 {
    let ledger = Ledger::new();
    let entry = booked(&ledger, "e1");
    let entries = [attachment(
        "e1",
        entry,
        vec![receipt(ledger.folder.path(), "a.pdf", b"a")],
    )];
    let attach = || ledger.system().attach(&permit(), &entries).unwrap().remove(0);
    let documents = ledger.books().join("documents");
    fs::write(&documents, "a file in the folder's place").unwrap();
    assert!(
        matches!(attach(), Err(SystemError::Damaged { .. })),
        "{:?}",
        attach()
    );
    fs::remove_file(&documents).unwrap();
    attach().unwrap();
    let own = documents.join("2026/2026-10-09 Papirhuset PLEO-2026-000001 1.pdf");
    fs::remove_file(&own).unwrap();
    fs::create_dir(&own).unwrap();
    assert!(
        matches!(attach(), Err(SystemError::Rejected { .. })),
        "{:?}",
        attach()
    );
}
