//! What the server and the main thread share: the server leaves news here, the main thread takes them and leaves how its
//! polls went.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tracing::{info, warn};

use super::health::Health;
use super::seen::SeenIds;
use crate::host::foreign_text::one_line;
use crate::host::stop::Stop;
use crate::pleo::webhook::event::{self, News};
use crate::pleo::webhook::kept::{self, Owner};
use crate::pleo::webhook::signature::{self, Refusal, Signed};

/// Deliveries that are not taken for one reason are told at most so often: whoever sends thousands must not fill the log,
/// nor hide in it what is not taken for another reason.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A company whose deliveries are taken.
#[derive(Debug)]
pub(super) struct Place {
    /// Whose they are, and of which Pleo.
    pub(super) owner: Owner,
    /// Where its secrets are. Read for each delivery, so that a new one counts at once.
    pub(super) secrets: PathBuf,
    /// For how long one poll may be at work.
    pub(super) patience: Duration,
    has_news: AtomicBool,
    seen: Mutex<SeenIds>,
    health: Mutex<Health>,
}

/// Why a delivery was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    NotServed,
    Unable,
    Forged,
    OutOfTime,
}

/// When a reason was last told, and how often it has come up since.
#[derive(Debug)]
struct Told {
    at: Instant,
    untold: u64,
}

/// What is answered to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Taken, or nothing to us: Pleo need not send it again.
    Taken,
    /// Not Pleo's, or not now.
    Refused,
    /// It cannot be checked just now.
    Unable,
}

#[derive(Debug)]
pub(super) struct Desk {
    places: Vec<Place>,
    /// Whether somebody who should have a place has none.
    is_someone_left_out: bool,
    every: Duration,
    stop: Stop,
    told: Mutex<BTreeMap<Reason, Told>>,
}

impl Place {
    pub(super) fn new(owner: Owner, secrets: PathBuf, patience: Duration) -> Self {
        Self {
            owner,
            secrets,
            patience,
            has_news: AtomicBool::new(false),
            seen: Mutex::default(),
            health: Mutex::default(),
        }
    }

    /// Whether news wait.
    pub(super) fn has_news(&self) -> bool {
        self.has_news.load(Ordering::Acquire)
    }

    /// Takes the news: what comes from now on is for another poll.
    pub(super) fn take_news(&self) {
        self.has_news.store(false, Ordering::Release);
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        locked(&self.health)
    }
}

impl Desk {
    pub(super) fn new(places: Vec<Place>, is_someone_left_out: bool, every: Duration, stop: Stop) -> Self {
        Self {
            places,
            is_someone_left_out,
            every,
            stop,
            told: Mutex::default(),
        }
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }

    /// Whether the polls of every company succeed. One that is left out has none.
    pub(super) fn is_healthy(&self, now: Instant) -> bool {
        let is_at_work = |place: &Place| place.health().is_at_work(now, place.patience);
        let is_any_at_work = self.places.iter().any(is_at_work);
        let is_good = |place: &Place| place.health().is_good(now, self.every, is_any_at_work);
        !self.is_someone_left_out && self.places.iter().all(is_good)
    }

    /// Decides about a delivery. Nothing is believed before its signature is right; without a company of ours there is no
    /// secret to check it by, and then it is nothing to us.
    pub(super) fn deliver(
        &self,
        company: &str,
        signed: Signed<'_>,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Reply {
        let is_meant = |place: &&Place| place.owner.company_id.as_str().eq_ignore_ascii_case(company);
        let Some(place) = self.places.iter().find(is_meant) else {
            let company = one_line(company, 60);
            self.tell(
                Reason::NotServed,
                &format!("a delivery for company {company} was passed over: it is not served here"),
            );
            return Reply::Taken;
        };
        let company = &place.owner.company_id;
        let secrets = match kept::read(&place.secrets, &place.owner) {
            Ok(kept) => kept.into_iter().map(|kept| kept.secret).collect::<Vec<_>>(),
            Err(error) => {
                self.tell(
                    Reason::Unable,
                    &format!("a delivery for company {company} cannot be checked: {error}"),
                );
                return Reply::Unable;
            }
        };
        if let Err(refusal) = signature::verify(&secrets, signed, body, now) {
            let reason = match refusal {
                Refusal::Forged => Reason::Forged,
                Refusal::OutOfTime { .. } => Reason::OutOfTime,
            };
            self.tell(
                reason,
                &format!("a delivery for company {company} was refused: {refusal}"),
            );
            return Reply::Refused;
        }
        if !locked(&place.seen).is_new(signed.id, now) {
            info!(company.id = %company, "a delivery came once more; passed over");
            return Reply::Taken;
        }
        match event::read(body, company) {
            News::MayHaveAJob => {
                info!(company.id = %company, "Pleo tells of a new export job");
                place.has_news.store(true, Ordering::Release);
                self.stop.wake();
            }
            News::Else(about) => info!(company.id = %company, "a delivery about {about} was passed over"),
        }
        Reply::Taken
    }

    /// Tells what was not taken, if it is time to tell that again.
    fn tell(&self, reason: Reason, text: &str) {
        let mut told = locked(&self.told);
        let now = Instant::now();
        let untold = match told.get_mut(&reason) {
            Some(told) if now.saturating_duration_since(told.at) < TELL_EVERY => {
                told.untold = told.untold.saturating_add(1);
                return;
            }
            Some(told) => told.untold,
            None => 0,
        };
        told.insert(reason, Told { at: now, untold: 0 });
        match untold {
            0 => warn!("{text}"),
            more => warn!("{text}; and {more} more like it since this was told last"),
        }
    }
}

/// A thread that panicked with the lock held has left nothing half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::CompanyId;

    #[test]
    fn three_turns_may_pass_and_a_long_run_is_no_failure_of_its_company_nor_of_another() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let place = |company: &str| {
            let owner = Owner {
                company_id: CompanyId::new(company),
                host: "pleo.example".into(),
            };
            Place::new(owner, PathBuf::new(), Duration::from_secs(100))
        };
        let desk = Desk::new(
            vec![place("a"), place("b")],
            false,
            Duration::from_secs(10),
            Stop::new(),
        );
        let [a, b] = desk.places() else {
            panic!("there are two")
        };
        let is_good = |now| desk.is_healthy(at(now));
        a.health().begun(at(0));
        a.health().ended(true, at(1), at(11));
        assert!(!is_good(1), "nothing is known of the other yet");
        b.health().begun(at(1));
        b.health().ended(true, at(2), at(12));
        assert!(is_good(31) && !is_good(32));
        a.health().begun(at(11));
        assert!(is_good(111), "the other waits");
        assert!(!is_good(112), "at work, but not for ever");
        a.health().ended(true, at(110), at(120));
        b.health().begun(at(110));
        assert!(is_good(140), "it had to wait");
        b.health().ended(false, at(112), at(122));
        assert!(!is_good(112), "and did not succeed");
        a.health().begun(at(120));
        assert!(!is_good(120), "which no other excuses");
    }
}
