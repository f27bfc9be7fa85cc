//! A fleet: many companies on many hosts, which share a PostgreSQL database (cargo feature `fleet`).
//!
//! The books are the truth on every host, so what is shared is who may act for a company now, and which jobs are ours.
//!
//! ```text
//! pleo-export --config fleet.toml fleet init                      makes the tables, or brings them up to date
//! pleo-export --config fleet.toml poll --companies DIR            a worker: claims, polls, releases, until nothing is due
//! pleo-export --config fleet.toml fleet status                    how it stands (also `status --fleet`, with --max-age)
//! pleo-export --config fleet.toml fleet pause COMPANY | fleet resume COMPANY
//! ```
//! `fleet.toml` holds `[fleet]` alone: `url_file`, `ca_file`, `lease_seconds` (90), `grace_seconds` (30, or the
//! longest request of its companies). `PLEO_EXPORT_FLEET_URL`
//! beats `url_file`, and without `--config` it is enough. A company's own file may hold `[fleet] host = "NAME"`: only the host
//! of that name claims it, which plain text books need. In a debug build `PLEO_EXPORT_HOST_NAME` stands for the host's name, so
//! that processes can be hosts.
//!
//! **A turn**: the worker claims the company that was claimed longest ago among those that nobody has served since this worker
//! began, that nobody holds and that is not paused. `epoch` in `pleo_export.company` grows with each claim.
//! **The lease** lasts for `lease_seconds` by the database's clock and is renewed each third. Its holder acts for as long on its
//! own boot-time clock, counted from before the renewal was sent; another claims only after the grace as well.
//!
//! The tables stand in `schema.sql`.

mod address;
mod database;
mod grants;
mod lease;
mod ledger;
mod member;
mod overview;
mod polls;
mod schema;
mod settings;
mod throttle;
mod tls;
mod turns;

pub use address::Address;
pub use database::Fault;
pub use grants::Grant;
pub use member::{Member, Round, Turn};
pub use overview::{CompanyState, Overview, Paused};
pub use schema::init;
pub use settings::{Settings, USUAL_GRACE, host_name};
pub use throttle::Throttles;
pub use turns::End;
