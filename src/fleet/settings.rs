//! What a host must know to be one of a fleet.

use std::time::Duration;

use super::address::Address;
use crate::host::kill;

/// The settings of `[fleet]`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the database is.
    pub address: Address,
    /// For how long a claim holds unless it is renewed.
    pub lease: Duration,
    /// How long others wait after that, where it is set: what is on its way at the end of a lease must have arrived by then.
    pub grace: Option<Duration>,
}

/// The grace where none is set, and no request may take longer.
pub const USUAL_GRACE: Duration = Duration::from_secs(30);

impl Settings {
    pub(super) fn grace(&self) -> Duration {
        self.grace.unwrap_or(USUAL_GRACE)
    }

    /// How long one question to the database may take: a lease has room for several.
    pub(super) fn patience(&self) -> Duration {
        (self.lease / 3).clamp(Duration::from_millis(300), Duration::from_secs(10))
    }
}

/// The name of this host, by which companies are pinned to it.
pub fn host_name() -> String {
    if let Some(name) = kill::text("PLEO_EXPORT_HOST_NAME") {
        return name;
    }
    #[cfg(unix)]
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    let name = String::from("unknown");
    name
}
