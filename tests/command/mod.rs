//! The command connector from outside: real processes that do right, wrong, or nothing at all.

mod babble;
mod books;
mod conformance;
mod process;
#[path = "../../examples/connector-conformance/sample.rs"]
#[expect(dead_code, reason = "the conformance test uses the rest")]
mod sample;
mod words;
mod world;
