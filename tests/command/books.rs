//! The example connector keeps the promise.

use std::fs;

use pleo_export::model::document::Part;
use pleo_export::model::references::AccountKey;
use pleo_export::systems::{AccountingSystem, Create, Found, Wanted};

use crate::sample;
use crate::world::{Connector, accounts, book, day, purchase};

#[test]
fn an_entry_is_one_csv_file_and_is_found_again() {
    let connector = Connector::csv();
    let mut system = connector.start();
    let description = system.describe();
    assert_eq!(description.name, "CSV journal");
    assert_eq!(description.create, Create::Unique);
    assert!(
        description.target.starts_with("command:/"),
        "{}",
        description.target
    );

    let booked = book(&mut system, "entry-1").unwrap();
    assert_eq!(booked.external_id, "entry-1");
    let file = connector.path("journal/entry-1.csv");
    let rows = fs::read_to_string(&file).unwrap();
    let amounts: Vec<_> = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').skip(6).take(2).collect::<Vec<_>>())
        .collect();
    assert_eq!(amounts, [["6800", "125.00"], ["1910", "-125.00"]]);

    drop(system);
    let mut system = connector.start();
    let wanted = Wanted {
        entry_id: purchase("entry-1").item.entry_id,
        parts: vec![Part::Main],
    };
    assert_eq!(system.find(&[wanted]).unwrap(), [Found::Complete(booked.clone())]);
    assert_eq!(book(&mut system, "entry-1").unwrap(), booked);
    assert_eq!(booked.content_hash, Some(purchase("entry-1").content_hash));
    assert_eq!(booked.amount, Some(purchase("entry-1").item.amount));
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        rows,
        "nothing was written again"
    );
}

#[test]
fn a_batch_is_answered_in_order() {
    let connector = Connector::csv();
    let mut system = connector.start();
    let mut wrong = purchase("entry-2");
    wrong.documents[0].postings[1].account.reference = "9999".into();
    let answers = system
        .book(&[purchase("entry-1"), wrong, purchase("entry-3")])
        .unwrap();
    let numbers: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().ok().map(|booked| booked.external_id.as_str()))
        .collect();
    assert_eq!(numbers, [Some("entry-1"), None, Some("entry-3")]);
    let refusal = answers[1].as_ref().unwrap_err().to_string();
    assert_eq!(
        refusal,
        "Account 9999 is not in accounts.txt: add it, then export again."
    );
}

#[test]
fn references_are_resolved_by_their_order() {
    let connector = Connector::csv();
    let mut system = connector.start();
    let mut references = sample::references(&accounts());
    let unknown = AccountKey::Configured("4711".to_owned());
    references.accounts.insert(unknown.clone(), None);
    let resolution = system.resolve(&references).unwrap();
    for (code, known) in [("6800", true), ("1910", true), ("4711", false)] {
        let found = resolution.accounts.iter().find(|(key, _)| key.text() == code);
        assert_eq!(
            found.map(|(_, account)| account.reference.to_string()),
            known.then(|| code.to_owned())
        );
    }
    assert_eq!(resolution.closed_until.all, Some(day("2026-03-31")));
}

#[test]
fn receipts_lie_beside_their_entry_once() {
    let connector = Connector::csv();
    let mut system = connector.start();
    let booked = book(&mut system, "entry-1").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let attachment = sample::attachment(&purchase("entry-1"), &booked, folder.path()).unwrap();
    for _ in 0..2 {
        let answers = system.attach(std::slice::from_ref(&attachment)).unwrap();
        assert_eq!(answers, [Ok(())]);
    }
    let names: Vec<_> = fs::read_dir(connector.path("journal"))
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| file.file_name().to_string_lossy().ends_with("receipt.pdf"))
        .collect();
    assert_eq!(names.len(), 1);
    assert_eq!(
        fs::read(names[0].path()).unwrap(),
        fs::read(&attachment.receipts[0].path).unwrap()
    );
}

#[test]
fn the_connector_never_sees_our_credentials() {
    let connector = Connector::script("env > environment; hello unique; behave");
    connector.conformance(
        &[],
        &[
            ("PLEO_API_KEY", "secret"),
            ("ODOO_API_KEY", "secret"),
            ("MY_BOOKS_TOKEN", "its own"),
        ],
    );
    let environment = fs::read_to_string(connector.path("environment")).unwrap();
    assert!(environment.contains("MY_BOOKS_TOKEN=its own"), "{environment}");
    assert!(!environment.contains("secret"), "{environment}");
}
