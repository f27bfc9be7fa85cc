//! What a fleet puts in the place of what one host keeps for itself, for one poll of one company.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use super::poll_end;
use super::render::Answer;
use crate::checkpoint::Contact;
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::fleet::Fleet;
use crate::model::permit::Permit;
use crate::pleo::Throttle;
use crate::systems::{Create, Description};

/// A company that the fleet has handed out.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    /// The other hosts.
    pub(super) fleet: &'a dyn Fleet,
    /// The right to act, beside that of the lock.
    pub(super) permit: Permit,
    /// What Pleo has told the others of its limits.
    pub(super) throttle: Arc<dyn Throttle>,
    /// How the polls of the company have ended, on all hosts; the checkpoint of one knows a part of it.
    pub(super) contact: RefCell<Contact>,
    /// The time of the fleet, by which what is kept of the polls is measured, and when it was so.
    pub(super) time: (DateTime<Utc>, Instant),
    /// Whether this host alone serves the company.
    pub(super) is_pinned: bool,
}

impl Shared<'_> {
    /// The right to act of both: this host's run lock and the lease.
    pub(super) fn both(&self, lock: Permit) -> Permit {
        let lease = self.permit.clone();
        Permit::given_by(move || {
            lock.ask()?;
            lease.ask()
        })
    }

    /// Notes how a poll ended that came to no work.
    pub(super) fn count(&self, answer: &mut Answer, alarm_after: TimeDelta, stop: &Stop) {
        poll_end::count(&mut self.contact.borrow_mut(), answer, alarm_after, stop);
    }

    /// Lets the time follow that of the fleet.
    pub(super) fn follow_clock(&self) {
        clock::follow(Some(self.time));
    }
}

/// Why a fleet cannot book in this system, where it cannot. `is_pinned` says whether one host alone serves the company.
pub(super) fn refusal(system: &Description, is_pinned: bool) -> Option<Problem> {
    let name = &system.name;
    let (message, hint) = match system.create {
        Create::Unique => return None,
        Create::Exclusive if is_pinned => return None,
        Create::Exclusive => (
            format!(
                "{name} locks its books on one host, so that two hosts of a fleet could book the same entry twice"
            ),
            "pin the company to the host that has the books: `host` under [fleet] in its settings file",
        ),
        Create::Search => (
            format!(
                "{name} can only be searched for what it has (`create: search`), so that after a take-over nobody knows \
                     whether an entry on its way was booked"
            ),
            "serve the company by a single host without a fleet, or have the connector declare `create: unique`",
        ),
    };
    Some(Problem {
        kind: ProblemKind::Configuration,
        message,
        hint: hint.into(),
    })
}

/// Hosts of a fleet take turns, and whoever acts beside them is in their way.
pub(super) fn of_fleet() -> Problem {
    Problem {
        kind: ProblemKind::Configuration,
        message: "a fleet serves this company ([fleet] in its settings, or PLEO_EXPORT_FLEET_URL)".into(),
        hint: "start a worker (`pleo-export poll --companies DIR`); to work on it by hand, pause it (`pleo-export fleet pause`), and \
               leave [fleet] and that variable away for so long"
            .into(),
    }
}
