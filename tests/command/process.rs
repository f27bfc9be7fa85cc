//! How the connector's process begins and ends.

use std::fs::{self, File};
use std::io::Read;
use std::process::Command as Program;
use std::sync::mpsc;
use std::time::Duration;

use pleo_export::model::verdict::JobFailureType;
use pleo_export::systems::{AccountingSystem, SystemError};

use crate::command::world::{Connector, book};

/// What the operator reads when it cannot be used.
#[track_caller]
fn refusal(connector: &Connector) -> String {
    match connector.try_start().unwrap_err() {
        SystemError::Fatal {
            failure_type: JobFailureType::InvalidConfiguration,
            reason,
        } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_cannot_be_started_is_a_setting_to_correct() {
    assert_eq!(
        refusal(&Connector::program(&["no-such-program-7351"])),
        "The connector `no-such-program-7351` cannot be started (there is no such program in any folder of PATH): correct \
         `accounting.command.program`."
    );
    let empty = refusal(&Connector::program(&[]));
    assert!(empty.contains("`accounting.command.program` is empty"), "{empty}");
}

#[test]
fn a_relative_program_is_looked_for_beside_the_settings() {
    let connector = Connector::program(&["./connector.sh"]);
    let script = Connector::script("hello unique; behave");
    let text = fs::read_to_string(script.path("connector.sh")).unwrap();
    let path = connector.path("connector.sh");
    fs::write(&path, format!("#!/bin/sh\n{text}")).unwrap();
    let mode = Program::new("chmod").arg("+x").arg(&path).status().unwrap();
    assert!(mode.success());
    assert_eq!(connector.start().describe().name, "Script");
}

#[test]
fn another_version_of_the_protocol_is_refused() {
    let connector =
        Connector::script(r#"ask; ok '{"protocol":2,"name":"New","target":"t","create":"unique"}'; behave"#);
    assert_eq!(
        refusal(&connector),
        "The connector `/bin/sh` cannot be used: it speaks version 2 of the protocol, not 1."
    );
}

#[test]
fn its_own_refusal_is_passed_on() {
    let connector = Connector::script(
        r#"ask; fail '{"kind":"fatal","type":"missing_configuration","reason":"Set BOOKS_URL."}'"#,
    );
    let error = connector.try_start().unwrap_err();
    let expected = SystemError::Fatal {
        failure_type: JobFailureType::MissingConfiguration,
        reason: "The connector `/bin/sh` says: \"Set BOOKS_URL.\"".to_owned(),
    };
    assert_eq!(error, expected);
}

#[test]
fn no_answer_to_the_greeting_is_an_outage() {
    let error = Connector::script("cat > /dev/null")
        .impatient()
        .try_start()
        .unwrap_err();
    assert!(matches!(error, SystemError::Unavailable { .. }), "{error:?}");
}

#[test]
fn one_process_serves_a_whole_run_and_may_take_its_leave() {
    let connector = Connector::script(
        "hello unique; while IFS= read -r line; do id=${line#*\\\"id\\\":}; id=${id%%,*}; ok \"$(booked)\"; done; echo bye > bye",
    );
    let mut system = connector.start();
    for entry in ["entry-1", "entry-2", "entry-3"] {
        book(&mut system, entry).unwrap();
    }
    drop(system);
    assert_eq!(fs::read_to_string(connector.path("starts")).unwrap(), "1\n");
    assert_eq!(fs::read_to_string(connector.path("bye")).unwrap(), "bye\n");
}

#[test]
fn one_that_writes_without_end_is_not_waited_for_without_end() {
    let connector = Connector::script("hello unique; ask; ok \"$(booked)\"; exec yes babble");
    let mut system = connector.start();
    book(&mut system, "a").unwrap();
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        drop(system);
        ended.send(())
    });
    assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(()));
}

#[test]
fn a_connector_that_changes_its_books_in_mid_run_is_not_used() {
    let connector = Connector::script(
        r#"ask; ok '{"protocol":1,"name":"Script","target":"books '"$start"'","create":"unique"}'; ask; exit 1"#,
    );
    let mut system = connector.start();
    assert!(matches!(book(&mut system, "a"), Err(SystemError::Unknown { .. })));
    let error = book(&mut system, "b").unwrap_err();
    assert!(matches!(error, SystemError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("must not change its books"), "{error}");
}

#[test]
fn what_it_started_dies_with_it() {
    let connector = Connector::that_once("sleep 1000 > pipe & cat > /dev/null").impatient();
    let pipe = connector.path("pipe");
    assert!(Program::new("mkfifo").arg(&pipe).status().unwrap().success());
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        // Reading ends when the last process that has the pipe open is gone.
        let read = File::open(pipe).and_then(|mut pipe| pipe.read_to_end(&mut Vec::new()));
        ended.send(read.is_ok())
    });
    let mut system = connector.start();
    assert!(matches!(book(&mut system, "a"), Err(SystemError::Unknown { .. })));
    assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(true));
}

#[test]
fn a_kill_between_two_questions_is_noticed() {
    let connector = Connector::script("hello unique; behave");
    let mut system = connector.start();
    book(&mut system, "a").unwrap();
    let process = system.process_id().unwrap();
    let kill = Program::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(kill.unwrap().success());
    // Whether the end is seen before the next question or after it, the one after that is answered.
    let _ = book(&mut system, "b");
    assert_eq!(book(&mut system, "c").unwrap().external_id.get(..2), Some("S1"));
}
