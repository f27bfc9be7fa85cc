//! Those who send with the same credential from other hosts: what Pleo says to one of them of its limits holds for all.

use std::fmt::Debug;
use std::time::Duration;

/// What is known of limits, over all who use a credential. A credential is named by a digest.
pub trait Throttle: Debug + Send + Sync {
    /// For how long nothing is to be sent with it.
    fn remaining(&self, credential: &str) -> Duration;

    /// Pleo has answered 429, and nothing is to be sent for so long.
    fn limited(&self, credential: &str, wait: Duration);
}
