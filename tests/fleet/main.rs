//! Many companies, several hosts and a real PostgreSQL: who may act for a company is one host at a time, whatever is killed,
//! stopped, cut off or restarted. Processes are the hosts, each with a state folder of its own; leases last for seconds.
//!
//! The tests start a cluster of their own by `.ci/postgres` (or take the one that `PLEO_EXPORT_FLEET_TEST_URL` names). Without
//! PostgreSQL on this machine nothing is run, and one line says so.
#![cfg(unix)]
#![allow(
    dead_code,
    unreachable_pub,
    clippy::restriction,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed, one that is not run says so, and the harness serves other tests too"
)]

#[path = "../support/built.rs"]
mod built;
#[path = "../../examples/sandbox/server/mod.rs"]
mod sandbox;
#[path = "../support/mod.rs"]
mod support;

/// What is wrong outside of the program.
mod bad_input;
/// A PostgreSQL of the tests' own.
mod cluster;
/// What the database lets its users do, and who gives way there.
mod database;
/// What is handed out for Kubernetes.
mod handed_out;
/// A real Odoo as the books.
mod odoo;
/// A road to the database that can go silent or break.
mod proxy;
/// How long a right to act lasts, and that each part of that is needed.
mod rights;
/// The road to the database is bad, or the database crashes.
mod roads;
/// Workers are stopped and killed.
mod stops;
/// Tokens that hosts share.
mod tokens;
/// Who has a company, for how long, and what that costs.
mod turns;
/// Companies, hosts, and what must be true once all is done.
mod world;

/// Whether every moment is tried, as in CI with its switch, or a sample.
fn is_full() -> bool {
    std::env::var_os("PLEO_EXPORT_TEST_FULL").is_some()
}

/// Tells a figure to whoever runs the tests, also where the output of tests that pass is kept back.
fn tell(figure: &str) {
    use std::io::Write;
    // Nobody reads it where it cannot be written.
    let _ = writeln!(std::io::stderr(), "{figure}");
}
