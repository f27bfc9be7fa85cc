//! The only reader of the clock. Whatever decides takes the time as an argument.

use chrono::{DateTime, SubsecRound, Utc};

/// The time of day in UTC, in whole milliseconds, as everything we store and send has it.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the clock"
)]
pub fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}
