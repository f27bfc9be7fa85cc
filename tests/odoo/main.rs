//! The Odoo module against a real Odoo 19, started by `.ci/odoo start`, which prints the environment to set:
//! `PLEO_EXPORT_TEST_ODOO_URL`, `…_DATABASE`, `…_KEY` and three more keys. Without it nothing is run, and one line says so. What is booked is read back through Odoo's own API, not through the module.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::restriction,
    clippy::disallowed_methods,
    reason = "a test that cannot go on has failed, one that is not run says so, and the harness serves other tests too"
)]

mod bills;
mod door;
mod entries;
mod expenses;
mod invariance;
mod jobs;
mod journeys;
mod kill;
mod outages;
#[path = "../support/paper.rs"]
mod paper;
mod people;
#[path = "../support/mod.rs"]
mod program;
mod refusals;
mod reverse;
#[path = "../../examples/sandbox/server/mod.rs"]
mod sandbox;
#[path = "../support/odoo.rs"]
mod support;
mod whole_job;
mod world;
