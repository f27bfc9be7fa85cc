//! The JSON Schema of the protocol, made from its types and kept in `docs/`. No part of the program.

use std::path::PathBuf;

use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use crate::model::verdict::{ItemFailureType, JobFailureType};

use super::wire;

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/connector-protocol.schema.json")
}

/// Every line of the protocol: requests, and the answer to each verb.
fn schema() -> String {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let lines = [
        generator.subschema_for::<wire::Request>(),
        generator.subschema_for::<wire::Answer<wire::HelloAnswer>>(),
        generator.subschema_for::<wire::Answer<wire::Done>>(),
        generator.subschema_for::<wire::Answer<wire::Resolved>>(),
        generator.subschema_for::<wire::Answer<wire::Entries>>(),
        generator.subschema_for::<wire::Answer<wire::Booked>>(),
    ];
    let definitions: Value = generator.take_definitions(true).into();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": format!("pleo-export connector protocol, version {}", wire::PROTOCOL),
        "description": "One line is one request or the answer to one. See connector-protocol.md.",
        "anyOf": lines,
        "$defs": definitions,
    });
    format!("{schema:#}\n")
}

#[test]
fn the_schema_in_the_documentation_is_that_of_the_types() {
    let committed = std::fs::read_to_string(file()).unwrap_or_default();
    assert!(
        committed == schema(),
        "docs/connector-protocol.schema.json is out of date: cargo test --lib write_the_schema -- --ignored"
    );
}

#[test]
fn the_page_lists_every_word_for_failures() {
    let page = std::fs::read_to_string(file().with_file_name("connector-protocol.md")).unwrap();
    let line = |beginning: &str, words: Vec<&str>| format!("- {beginning}: `{}`\n", words.join("`, `"));
    let items = ItemFailureType::ALL.iter().map(|word| word.as_str());
    let jobs = JobFailureType::ALL.iter().map(|word| word.as_str());
    for expected in [
        line("for items", items.collect()),
        line("for jobs", jobs.collect()),
    ] {
        assert!(
            page.contains(&expected),
            "docs/connector-protocol.md lacks: {expected}"
        );
    }
}

#[test]
#[ignore = "writes docs/connector-protocol.schema.json"]
fn write_the_schema() {
    std::fs::create_dir_all(file().parent().unwrap()).unwrap();
    std::fs::write(file(), schema()).unwrap();
}
