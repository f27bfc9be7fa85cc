//! The Odoo module against a real Odoo 19, started by `.ci/odoo start`, which prints the environment to set:
//! `PLEO_EXPORT_TEST_ODOO_URL`, `…_DATABASE`, `…_KEY`, `…_ADMIN_KEY`, `…_LIMITED_KEY`. Without it nothing is run, and one
//! line says so. What is booked is read back through Odoo's own API, not through the module.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that cannot go on has failed, and one that is not run says so"
)]

mod bills;
mod entries;
mod expenses;
mod journeys;
mod kill;
mod refusals;
mod support;
