//! Times, as people and scripts read them.

use chrono::{DateTime, SecondsFormat, Utc};

/// A time for people and scripts alike.
pub(super) fn instant(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
