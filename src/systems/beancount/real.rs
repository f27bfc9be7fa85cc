//! The real beancount, where the tests' own switch names one, asked through the scripts in `.ci/`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a script answers to a question; `None` where there is no beancount to ask.
#[expect(clippy::disallowed_methods, reason = "the test suite's own switch")]
pub(super) fn ask<A: DeserializeOwned>(script: &str, question: &impl Serialize) -> Option<A> {
    let checker = std::env::var("PLEO_EXPORT_BEAN_CHECK").ok()?;
    let python = Path::new(&checker).with_file_name("python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci").join(script);
    let mut child = Command::new(python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let question = serde_json::to_vec(question).unwrap();
    child.stdin.take().unwrap().write_all(&question).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}
