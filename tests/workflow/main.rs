//! The program against a real server, a real checkpoint and real books. One file a promise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed, and says what it did not look at"
)]
#![allow(
    unreachable_pub,
    dead_code,
    reason = "the harness serves several test programs"
)]

#[path = "../../examples/sandbox/server/mod.rs"]
mod sandbox;
mod support;

/// What is wrong outside: settings, credential, answers, disks. A clear text, and nothing lost.
mod bad_input;
/// The figures in the books are right.
mod balances;
/// The main job: poll, run-job, resume, status, with their exit codes.
mod main_job;
/// The same expenses come again.
mod re_export;
/// One process dies, or many: the next one goes on.
mod resume;
/// What people read, word by word.
mod texts;
