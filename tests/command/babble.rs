//! Connectors that answer late, twice, out of order, too much, or what nobody can read.

use std::sync::Arc;
use std::time::Duration;

use pleo_export::model::references::References;
use pleo_export::systems::{AccountingSystem, SystemError};

use crate::command::world::{Connector, book, permit};

/// What a connector does to one question, and what the operator reads about it.
const BABBLE: [(&str, &str, &str); 12] = [
    ("dies", "exit 1", "ended without an answer"),
    (
        "dies in mid-line",
        r#"printf '{"id":%s,"ok"' "$id"; exit 0"#,
        "ended without an answer",
    ),
    (
        "closes its stdout",
        "exec >&-; cat > /dev/null",
        "ended without an answer",
    ),
    ("writes no JSON", "echo Traceback", "cannot be read"),
    ("writes an empty line", "echo", "cannot be read"),
    (
        "writes no UTF-8",
        r#"printf '{"id":%s,"ok":{"a":"\377"}}\n' "$id""#,
        "not UTF-8",
    ),
    (
        "answers out of order",
        r#"id=$((id + 1)); ok "$(booked)""#,
        "answered question 3 when 2 was asked",
    ),
    (
        "answers an older question",
        r#"id=1; ok "$(booked)""#,
        "answered question 1 when 2 was asked",
    ),
    (
        "answers without id",
        r#"printf '{"ok":{}}\n'"#,
        "missing field `id`",
    ),
    (
        "answers nothing and everything",
        r#"printf '{"id":%s}\n' "$id""#,
        "either `ok` or `error`",
    ),
    (
        "answers with another shape",
        r#"ok '["booked"]'"#,
        "cannot be read",
    ),
    (
        "writes a line without end",
        "head -c 17000000 /dev/zero | tr '\\0' x; echo",
        "more than 16 MB",
    ),
];

#[test]
fn an_entry_that_was_asked_for_may_be_booked_and_the_next_one_gets_a_new_process() {
    for (name, does, told) in BABBLE {
        let connector = Connector::that_once(does);
        let mut system = connector.start();
        let error = book(&mut system, "entry-1").unwrap_err();
        assert!(matches!(error, SystemError::Unknown { .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(told), "{name}: {error}");
        assert!(
            error.to_string().ends_with("entry entry-1 may be booked"),
            "{name}: {error}"
        );
        assert_eq!(
            book(&mut system, "entry-2").unwrap().external_id,
            "S1-2",
            "{name}"
        );
    }
}

#[test]
fn a_question_that_books_nothing_is_only_out_of_reach() {
    for (name, does, told) in BABBLE {
        let connector = Connector::that_once(does);
        let mut system = connector.start();
        let error = system.resolve(&References::default()).unwrap_err();
        assert!(
            matches!(error, SystemError::Unavailable { .. }),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains(told), "{name}: {error}");
        assert!(system.resolve(&References::default()).is_ok(), "{name}");
    }
}

#[test]
fn a_late_answer_is_never_taken_for_another() {
    // It answers only once the next question is there.
    let connector = Connector::that_once("late=$(booked); IFS= read -r line; id=2; ok \"$late\"").impatient();
    let mut system = connector.start();
    let error = book(&mut system, "entry-1").unwrap_err();
    assert!(matches!(error, SystemError::Unknown { .. }), "{error:?}");
    assert!(error.to_string().contains("no answer within 2s"), "{error}");
    assert_eq!(book(&mut system, "entry-2").unwrap().external_id, "S1-2");
}

#[test]
fn a_second_answer_is_never_taken_for_another() {
    let connector = Connector::that_once(r#"ok "$(booked)"; ok "$(booked)""#);
    let mut system = connector.start();
    assert_eq!(book(&mut system, "entry-1").unwrap().external_id, "S0-2");
    // It depends on the moment whether the second answer is seen before the next question or after it.
    match book(&mut system, "entry-2") {
        Ok(booked) => assert_eq!(booked.external_id, "S1-2"),
        Err(error) => assert!(matches!(error, SystemError::Unknown { .. }), "{error:?}"),
    }
    assert_eq!(
        book(&mut system, "entry-3").unwrap().posting_date.to_string(),
        "2026-10-09"
    );
}

#[test]
fn a_flood_of_lines_fills_no_memory_and_is_cut_off() {
    let connector = Connector::that_once("yes babble");
    let mut system = connector.start();
    let error = book(&mut system, "entry-1").unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    assert!(book(&mut system, "entry-2").is_ok());
}

#[test]
fn a_loud_stderr_does_not_block_it() {
    let connector = Connector::script("hello unique; head -c 2000000 /dev/zero | tr '\\0' '\\n' >&2; behave");
    assert!(book(&mut connector.start(), "entry-1").is_ok());
}

#[test]
fn a_connector_that_does_not_read_is_waited_for_with_a_limit() {
    let connector = Connector::script("hello unique; sleep 1000").impatient();
    let mut system = connector.start();
    let mut item = crate::command::world::purchase("entry-1");
    Arc::make_mut(&mut item.item).note = Some("long ".repeat(1_000_000));
    let error = system.book(&permit(), &[item]).unwrap().remove(0).unwrap_err();
    assert!(matches!(error, SystemError::Unknown { .. }), "{error:?}");
}

#[test]
fn one_entry_that_kills_it_does_not_hold_up_the_others() {
    let connector = Connector::script(
        "hello unique; while ask; do case $line in *poison*) exit 1 ;; *) ok \"$(booked)\" ;; esac; done",
    );
    let items = ["a", "poison-1", "b", "poison-2", "c"].map(crate::command::world::purchase);
    let answers = connector.start().book(&permit(), &items).unwrap();
    let booked: Vec<_> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(booked, [true, false, true, false, true], "{answers:?}");
}

#[test]
fn after_three_failures_in_a_row_the_rest_is_not_sent() {
    let connector = Connector::script("hello unique; ask; echo \"$line\" >> asked; exit 1");
    let items = ["a", "b", "c", "d", "e"].map(crate::command::world::purchase);
    let answers = connector.start().book(&permit(), &items).unwrap();
    for (answer, is_sent) in answers.iter().zip([true, true, true, false, false]) {
        match answer {
            Err(SystemError::Unknown { .. }) => assert!(is_sent),
            Err(SystemError::Unavailable { .. }) => assert!(!is_sent),
            other => panic!("{other:?}"),
        }
    }
    let asked = std::fs::read_to_string(connector.path("asked")).unwrap();
    assert_eq!(asked.lines().count(), 3);
}

#[test]
fn a_stop_ends_the_wait_for_an_answer_that_can_be_done_without() {
    let connector = Connector::that_once("cat > /dev/null");
    let mut system = connector.start();
    let stop = connector.stop.clone();
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = pleo_export::host::stop::Stop::new().wait(Duration::from_millis(150));
            stop.request();
        });
        system.resolve(&References::default()).unwrap_err()
    });
    assert!(error.to_string().contains("stopped by a signal"), "{error}");
}

#[test]
fn after_a_stop_no_further_entry_is_sent() {
    for create in ["unique", "exclusive", "search"] {
        let connector = Connector::script(&format!("hello {create}; behave"));
        let mut system = connector.start();
        connector.stop.request();
        let answers = system
            .book(&permit(), &["a", "b"].map(crate::command::world::purchase))
            .unwrap();
        let is_unsent = |answer: &Result<_, _>| matches!(answer, Err(SystemError::Unavailable { .. }));
        assert!(answers.iter().all(is_unsent), "{create}: {answers:?}");
    }
}
