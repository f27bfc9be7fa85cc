//! What the two sides say to each other, word for word.

use std::fs;

use pleo_export::model::document::Part;
use pleo_export::model::verdict::{ItemFailureType, JobFailureType};
use pleo_export::systems::{AccountingSystem, Found, SystemError, Wanted};
use serde_json::{Value, json};

use crate::command::sample;
use crate::command::world::{Connector, accounts, book, permit, purchase};

/// A connector that keeps every line it gets and answers each with this.
fn that_answers(answer: &str) -> Connector {
    Connector::script(&format!(
        "hello unique; while ask; do printf '%s\\n' \"$line\" >> asked; {answer}; done"
    ))
}

fn asked(connector: &Connector) -> Value {
    serde_json::from_str(fs::read_to_string(connector.path("asked")).unwrap().trim()).unwrap()
}

#[test]
fn an_item_is_told_whole() {
    let connector = that_answers("ok \"$(booked)\"");
    book(&mut connector.start(), "entry-1").unwrap();
    let line = asked(&connector);
    let item = &line["item"];
    assert_eq!(line["verb"], "book");
    assert_eq!(item["entry_id"], "entry-1");
    assert_eq!(item["type"], "card_purchase");
    assert_eq!(item["amount"], json!({ "hundredths": 12500, "currency": "EUR" }));
    assert_eq!(item["date"], "2026-10-09T12:00:00.000Z");
    assert_eq!(item["posting_state"], "draft");
    assert_eq!(
        item["sub_type"],
        Value::Null,
        "what is absent is null, not left out"
    );
    let document = &item["documents"][0];
    assert_eq!(
        (&document["kind"], &document["part"]),
        (&json!("journal_entry"), &json!("main"))
    );
    assert_eq!(document["posting_date"], "2026-10-09");
    let postings: Vec<_> = document["postings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|posting| {
            let amount = posting["amount"]["hundredths"].as_i64().unwrap();
            (
                posting["account"]["reference"].as_str().unwrap(),
                amount,
                &posting["purpose"],
            )
        })
        .collect();
    assert_eq!(
        postings,
        [("6800", 12500, &json!("cost")), ("1910", -12500, &json!("cash"))]
    );
}

#[test]
fn a_receipt_is_told_by_its_whole_path() {
    let connector = that_answers("ok '{}'");
    let mut system = connector.start();
    let booked = book(&mut Connector::script("hello unique; behave").start(), "entry-1").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let attachment = sample::attachment(&purchase("entry-1"), &booked, folder.path()).unwrap();
    assert_eq!(system.attach(&permit(), &[attachment]).unwrap(), [Ok(())]);
    let line = asked(&connector);
    assert_eq!(line["entry_id"], "entry-1");
    assert_eq!(line["booked"]["external_id"], booked.external_id);
    let path = line["receipts"][0]["path"].as_str().unwrap();
    assert_eq!(path, folder.path().join("receipt.pdf").display().to_string());
}

#[test]
fn each_failure_means_for_the_books_what_it_says() {
    // Made safe for people, and nobody takes it for our word.
    let reason = || "The connector `Script` says: \"Why.\"".to_owned();
    let rejected = |failure_type| SystemError::Rejected {
        failure_type,
        reason: reason(),
    };
    let cases = [
        (
            r#""kind":"rejected","type":"account_unknown""#,
            rejected(ItemFailureType::AccountUnknown),
        ),
        (
            r#""kind":"rejected","type":"a_word_of_its_own""#,
            rejected(ItemFailureType::AccountingSystemValidationFailure),
        ),
        (
            r#""kind":"rejected""#,
            rejected(ItemFailureType::AccountingSystemValidationFailure),
        ),
        (
            r#""kind":"unavailable""#,
            SystemError::Unavailable { reason: reason() },
        ),
        (r#""kind":"unknown""#, SystemError::Unknown { reason: reason() }),
        (r#""kind":"damaged""#, SystemError::Damaged { reason: reason() }),
        (
            r#""kind":"fatal","type":"authorization_failure""#,
            SystemError::Fatal {
                failure_type: JobFailureType::AuthorizationFailure,
                reason: reason(),
            },
        ),
    ];
    for (words, expected) in cases {
        let connector = that_answers(&format!("fail '{{{words},\"reason\":\" Why.\\u0007 \"}}'"));
        let mut system = connector.start();
        let error = book(&mut system, "entry-1").unwrap_err();
        assert_eq!(error, expected, "{words}");
    }
}

#[test]
fn a_failure_without_a_reason_names_the_connector() {
    for reason in ["", " \\u0007\\n"] {
        let connector = that_answers(&format!(
            "fail '{{\"kind\":\"rejected\",\"reason\":\"{reason}\"}}'"
        ));
        let error = book(&mut connector.start(), "entry-1").unwrap_err();
        assert_eq!(
            error.to_string(),
            "The connector `Script` answered with an error and gave no reason: look into its log or ask who keeps it."
        );
    }
    let connector = Connector::script(r#"ask; fail '{"kind":"fatal","reason":""}'"#);
    let error = connector.try_start().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("The connector `/bin/sh` answered with an error"),
        "{error}"
    );
}

/// The example on the page is this purchase, but for its texts and what is drawn by lot.
#[test]
fn the_item_on_the_page_is_what_is_asked() {
    let page = include_str!("../../docs/connector-protocol.md");
    let (_, example) = page.split_once("```json\n").unwrap();
    let mut shown: Value = serde_json::from_str(example.split_once("```").unwrap().0).unwrap();
    let connector = that_answers("ok \"$(booked)\"");
    book(&mut connector.start(), "6b1f…").unwrap();
    let mut item = asked(&connector)["item"].clone();
    for item in [&mut shown, &mut item] {
        let ids = [
            "/content_hash",
            "/job_id",
            "/company_id",
            "/documents/0/postings/0/line/id",
        ];
        let texts = ["/payee", "/description", "/note", "/employee/name"];
        for path in ids.into_iter().chain(texts) {
            let other = item.pointer_mut(path).unwrap();
            assert!(other.is_string(), "{path}");
            *other = Value::Null;
        }
    }
    assert_eq!(shown, item, "{item:#}");
}

#[test]
fn a_fatal_failure_in_mid_batch_keeps_what_was_booked() {
    let connector = Connector::script(
        r#"hello unique; ask; ok "$(booked)"; ask; fail '{"kind":"fatal","reason":"Licence expired."}'; behave"#,
    );
    let mut system = connector.start();
    let answers = system.book(&permit(), &["a", "b", "c"].map(purchase)).unwrap();
    assert!(answers[0].is_ok(), "{answers:?}");
    assert!(
        matches!(answers[1], Err(SystemError::Fatal { .. })),
        "{answers:?}"
    );
    assert!(
        matches!(answers[2], Err(SystemError::Unavailable { .. })),
        "{answers:?}"
    );
}

#[test]
fn as_many_answers_as_questions() {
    let connector = that_answers(r#"ok '{"accounts":[null]}'"#);
    let error = connector
        .start()
        .resolve(&sample::references(&accounts()))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("it gave 1 answers in `accounts` where 2 were asked"),
        "{error}"
    );
}

#[test]
fn a_look_up_that_contradicts_itself_proves_nothing() {
    let booked = r#"{"external_id":"X","posting_date":"2026-10-09","revision":1,"parts":["main"]}"#;
    let cases = [
        (
            r#"{"entry_id":"entry-2","state":"absent","next_revision":1}"#.to_owned(),
            "about entry entry-2 where entry-1 was asked",
        ),
        (
            r#"{"entry_id":"entry-1","state":"absent","next_revision":0}"#.to_owned(),
            "`next_revision` is 0",
        ),
        (
            format!(
                r#"{{"entry_id":"entry-1","state":"complete","booked":{}}}"#,
                booked.replace("main", "payment")
            ),
            "complete without its part \"main\"",
        ),
        (
            format!(
                r#"{{"entry_id":"entry-1","state":"complete","booked":{}}}"#,
                booked.replace('X', "")
            ),
            "`external_id`",
        ),
        (
            r#"{"entry_id":"entry-1","state":"perhaps"}"#.to_owned(),
            "perhaps",
        ),
    ];
    for (entry, told) in cases {
        let connector = that_answers(&format!("ok '{{\"entries\":[{entry}]}}'"));
        let error = connector.start().find(&[wanted()]).unwrap_err();
        assert!(matches!(error, SystemError::Unavailable { .. }), "{error:?}");
        assert!(error.to_string().contains(told), "{told}: {error}");
    }
    let entry = format!(r#"{{"entry_id":"entry-1","state":"incomplete","booked":{booked},"more":1}}"#);
    let connector = that_answers(&format!("ok '{{\"entries\":[{entry}]}}'"));
    let found = connector.start().find(&[wanted()]).unwrap();
    assert!(matches!(&found[..], [Found::Incomplete(booked)] if booked.external_id == "X"));
}

fn wanted() -> Wanted {
    sample::wanted(&purchase("entry-1"))
}

/// The payment may be missing only beside a journal entry, and only where the connector says that it is one.
#[test]
fn an_entry_without_all_its_parts_is_not_believed() {
    let mut item = purchase("entry-1");
    let mut payment = item.documents[0].clone();
    payment.part = Part::Payment;
    item.documents.push(payment);
    for (says, is_believed) in [
        (r#""parts":[]"#, false),
        (r#""parts":[],"journal_entry":true"#, false),
        (r#""parts":["payment"],"journal_entry":true"#, false),
        (r#""parts":["main"]"#, false),
        (r#""parts":["main"],"journal_entry":false"#, false),
        (r#""parts":["main"],"journal_entry":true"#, true),
        (r#""parts":["main","payment"]"#, true),
    ] {
        let booked = format!(r#"{{"external_id":"X","posting_date":"2026-10-09","revision":1,{says}}}"#);
        let connector = that_answers(&format!("ok '{booked}'"));
        let answers = connector.start().book(&permit(), &[item.clone()]).unwrap();
        match &answers[..] {
            [Ok(_)] => assert!(is_believed, "{says}"),
            [Err(SystemError::Unknown { .. })] => assert!(!is_believed, "{says}"),
            other => panic!("{says}: {other:?}"),
        }
        let entry = format!(r#"{{"entry_id":"entry-1","state":"complete","booked":{booked}}}"#);
        let connector = that_answers(&format!("ok '{{\"entries\":[{entry}]}}'"));
        match connector.start().find(&[sample::wanted(&item)]).as_deref() {
            Ok([Found::Complete(_)]) => assert!(is_believed, "{says}"),
            Err(SystemError::Unavailable { .. }) => assert!(!is_believed, "{says}"),
            other => panic!("{says}: {other:?}"),
        }
    }
}

#[test]
fn an_address_that_cannot_be_shown_fails_no_booking() {
    for (url, shown) in [
        ("https://books.example/7", true),
        ("/entries/7", false),
        ("ftp://books.example/7", false),
    ] {
        let booked = format!(
            r#"{{"external_id":"X","external_url":"{url}","posting_date":"2026-10-09","revision":1,"parts":["main"]}}"#
        );
        let connector = that_answers(&format!("ok '{booked}'"));
        let booked = book(&mut connector.start(), "entry-1").unwrap();
        assert_eq!(booked.external_url.is_some(), shown, "{url}");
    }
}
