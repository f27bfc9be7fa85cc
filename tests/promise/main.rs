//! The promise, proven: an entry is in the books at most once and every item gets a true verdict, whatever is
//! killed or cut off. These tests end the program by SIGKILL at every moment that matters and take the power away,
//! and then show that they would notice if the program did its steps in another order.
#![cfg(unix)]
#![allow(
    unreachable_pub,
    clippy::restriction,
    reason = "a test that cannot go on has failed, and nobody outside uses its parts"
)]

#[path = "../../examples/sandbox/server/mod.rs"]
mod sandbox;
#[allow(dead_code, reason = "the other tests use the rest")]
#[path = "../support/mod.rs"]
mod support;

/// Each deliberate bug is caught.
mod deliberate_bugs;
/// An export job and what must become of each of its items.
mod job;
/// Kills the process at every moment, lets a new one go on, and looks.
mod kill_matrix;
/// Takes the power away at every moment, with the disk as it may be then.
mod power_loss;
/// What must be true at the moment of death and once all is done.
mod proof;
/// Stops the process at every moment, lets another one finish the job, wakes it, and looks.
mod stop_matrix;
/// A process that is stopped at a chosen moment.
mod stopped;
/// Two polls that both lost the answer to their start.
mod two_polls;
/// A process that is killed at a chosen moment.
mod victim;

/// Every how many moments are tried: all in CI, a sample elsewhere, since each takes two processes and more.
fn every() -> usize {
    if std::env::var_os("PLEO_EXPORT_TEST_FULL").is_some() {
        1
    } else {
        3
    }
}

/// What a figure says of that.
fn of_all() -> &'static str {
    if every() == 1 {
        "all of them"
    } else {
        "every third one; PLEO_EXPORT_TEST_FULL=1 takes all"
    }
}

/// Tells a figure to whoever runs the tests, also where the output of tests that pass is kept back.
fn tell(figure: &str) {
    use std::io::Write;
    // Nobody reads it where it cannot be written.
    let _ = writeln!(std::io::stderr(), "{figure}");
}
