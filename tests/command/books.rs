//! The example connector keeps the promise.

use std::fs;

use pleo_export::model::document::Part;
use pleo_export::model::permit::{Permit, Withheld};
use pleo_export::model::references::{AccountKey, AccountPurpose, References};
use pleo_export::systems::{AccountingSystem, Create, Found, SystemError, Wanted};

use crate::command::sample;
use crate::command::world::{Connector, accounts, book, day, permit, purchase};

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
        .map(|row| {
            row.split(',')
                .skip(6)
                .take(2)
                .map(|cell| cell.trim_matches('"'))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(amounts, [["6800", "125.00"], ["1910", "-125.00"]]);

    drop(system);
    let mut system = connector.start();
    let wanted = Wanted {
        entry_id: purchase("entry-1").item.entry_id.clone(),
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
        .book(&permit(), &[purchase("entry-1"), wrong, purchase("entry-3")])
        .unwrap();
    let numbers: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().ok().map(|booked| booked.external_id.as_str()))
        .collect();
    assert_eq!(numbers, [Some("entry-1"), None, Some("entry-3")]);
    let refusal = answers[1].as_ref().unwrap_err().to_string();
    assert_eq!(
        refusal,
        "The connector `CSV journal` says: \"Account 9999 is not in accounts.txt: add it, then export again.\""
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
            found.and_then(|(_, found)| Some(found.best()?.reference.to_string())),
            known.then(|| code.to_owned())
        );
    }
    assert_eq!(resolution.closed_until.all, Some(day("2026-03-31")));
}

#[test]
fn an_account_is_asked_for_by_its_identifier_too_and_with_what_it_is_needed_for() {
    let wanted = AccountKey::Pleo {
        purpose: AccountPurpose::InputTax,
        code: Some("1510".to_owned()),
        identifier: Some("6800".to_owned()),
    };
    let mut references = References {
        accounts: [(wanted.clone(), Some("VAT".to_owned()))].into(),
        ..References::default()
    };
    let by_code = AccountKey::of_code(AccountPurpose::Cost, "6800");
    references.accounts.insert(by_code, None);
    let connector = Connector::script(
        r#"hello unique; ask; printf '%s' "$line" > question; ok '{"accounts":[null,null]}'; behave"#,
    );
    let mut system = connector.start();
    assert_eq!(system.resolve(&references).unwrap().accounts.len(), 0);
    let question = fs::read_to_string(connector.path("question")).unwrap();
    // `code` says what it said before there was an `account_code`.
    for account in [
        r#"{"named_by":"pleo","code":"6800","account_code":"1510","identifier":"6800","purpose":"input_tax","name":"VAT"}"#,
        r#"{"named_by":"pleo","code":"6800","account_code":"6800","identifier":null,"purpose":"cost","name":null}"#,
    ] {
        assert!(question.contains(account), "{question}");
    }
    // The example knows the identifier and not the code.
    let resolution = Connector::csv().start().resolve(&references).unwrap();
    assert_eq!(
        resolution.accounts[&wanted].best().unwrap().reference,
        "6800".into()
    );
}

#[test]
fn receipts_lie_beside_their_entry_once() {
    let connector = Connector::csv();
    let mut system = connector.start();
    let booked = book(&mut system, "entry-1").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let attachment = sample::attachment(&purchase("entry-1"), &booked, folder.path()).unwrap();
    for _ in 0..2 {
        let answers = system
            .attach(&permit(), std::slice::from_ref(&attachment))
            .unwrap();
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
            ("CONNECTOR_BOOKS_TOKEN", "its own"),
        ],
    );
    let environment = fs::read_to_string(connector.path("environment")).unwrap();
    assert!(
        environment.contains("CONNECTOR_BOOKS_TOKEN=its own"),
        "{environment}"
    );
    assert!(!environment.contains("secret"), "{environment}");
}

#[test]
fn no_text_breaks_out_of_its_cell_or_becomes_a_formula() {
    for (text, cell) in [
        ("a, \"b\"\r\nc", "\"a, \"\"b\"\"\r\nc\""),
        (
            "=HYPERLINK(\"https://attacker.example\")",
            "\"'=HYPERLINK(\"\"https://attacker.example\"\")\"",
        ),
        ("+1", "\"'+1\""),
        ("-1", "\"'-1\""),
        ("@SUM(A1)", "\"'@SUM(A1)\""),
        ("\ttab", "\"'\ttab\""),
    ] {
        let connector = Connector::csv();
        let mut system = connector.start();
        let mut item = purchase("entry-1");
        text.clone_into(&mut item.description);
        let booked = system.book(&permit(), &[item]).unwrap().remove(0).unwrap();
        let rows = fs::read_to_string(connector.path("journal/entry-1.csv")).unwrap();
        assert!(rows.ends_with(&format!(",{cell}\r\n")), "{rows}");
        // What is read back is what was booked, whatever stands in the cells.
        assert_eq!(book(&mut system, "entry-1").unwrap(), booked);
    }
    let connector = Connector::csv();
    let mut system = connector.start();
    for entry in ["=1,\"2\"\n3", "@x"] {
        let booked = book(&mut system, entry).unwrap();
        assert_eq!(book(&mut system, entry).unwrap(), booked);
    }
}

#[test]
fn nothing_is_asked_for_that_writes_without_a_permit() {
    let connector = Connector::csv();
    let mut system = connector.start();
    let withheld = Permit::given_by(|| Err(Withheld::Changed("it was taken over".to_owned())));
    let answer = system.book(&withheld, &[purchase("entry-1")]);
    assert!(
        matches!(answer.as_deref(), Ok([Err(SystemError::Withheld(_))])),
        "{answer:?}"
    );
    assert!(!connector.path("journal/entry-1.csv").exists());
    // The connector runs on, and books when it may.
    let process = system.process_id();
    book(&mut system, "entry-1").unwrap();
    assert_eq!(system.process_id(), process);
}
