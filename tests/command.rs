//! The command connector from outside: real processes that do right, wrong, or nothing at all.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail them")]

#[path = "command/babble.rs"]
mod babble;
#[path = "command/books.rs"]
mod books;
#[path = "command/conformance.rs"]
mod conformance;
#[path = "command/process.rs"]
mod process;
#[path = "../examples/connector-conformance/sample.rs"]
#[expect(dead_code, reason = "the conformance test uses the rest")]
mod sample;
#[path = "command/words.rs"]
mod words;
#[path = "command/world.rs"]
mod world;
