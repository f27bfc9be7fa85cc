//! Which servers of Pleo were out of reach in this round, so that the companies after the first do not wait for them again.

use std::cell::RefCell;
use std::collections::BTreeSet;

use crate::pleo::Client;

/// The servers, by their addresses, that did not answer when they were last asked.
#[derive(Debug, Default)]
pub(super) struct Reach(RefCell<BTreeSet<String>>);

impl Reach {
    /// Leaves one short try where the server was out of reach.
    pub(super) fn tell(&self, server: &str, pleo: &Client) {
        if self.0.borrow().contains(server) {
            pleo.expect_silence();
        }
    }

    /// Notes whether the server has answered.
    pub(super) fn note(&self, server: &str, pleo: &Client) {
        let mut servers = self.0.borrow_mut();
        if pleo.is_out_of_reach() {
            servers.insert(server.to_owned());
        } else {
            servers.remove(server);
        }
    }
}
