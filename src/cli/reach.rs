//! Which hosts of Pleo were out of reach in this round, so that the companies after the first do not wait for them again.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::pleo::Client;

/// The hosts that did not answer when they were last asked.
#[derive(Debug, Default)]
pub(super) struct Reach(RefCell<BTreeSet<String>>);

impl Reach {
    /// Leaves one short try where the host was out of reach.
    pub(super) fn tell(&self, host: &str, pleo: &Client) {
        if self.0.borrow().contains(host) {
            pleo.expect_silence();
        }
    }

    /// Notes whether the host has answered.
    pub(super) fn note(&self, host: &str, pleo: &Client) {
        let mut hosts = self.0.borrow_mut();
        if pleo.is_out_of_reach() {
            hosts.insert(host.to_owned());
        } else {
            hosts.remove(host);
        }
    }
}
