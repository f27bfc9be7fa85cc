//! How much of a job's lifetime is left, on Pleo's clock and a monotonic one: the host's own clock may jump.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tracing::warn;

use crate::host::clock;
use crate::model::export_job::ExportJob;
use crate::pleo::ServerTime;

/// How far a time of Pleo's may be out of a job's lifetime and still be believed.
const TOLERATED: TimeDelta = TimeDelta::minutes(5);

/// Follows Pleo's clock where ours is far off: `today` and what Pleo is told depend on it. The job was just read and
/// is open.
pub(super) fn follow_clock(job: &ExportJob, server_time: Option<ServerTime>) {
    let believed = server_time.filter(|time| is_believable(job, time.at));
    if server_time.is_some() && believed.is_none() {
        warn!(
            "Pleo's `Date` does not fit its own job {}, so it is not believed",
            job.id
        );
    }
    if let Some(ahead) = clock::follow(believed.map(|time| (time.at, time.received))) {
        let by = ahead.abs().num_minutes();
        let way = if ahead > TimeDelta::zero() {
            "ahead"
        } else {
            "behind"
        };
        warn!(
            "the clock of this machine is {by} minutes {way} of Pleo's: dates follow Pleo's clock until it is set right"
        );
    }
}

/// Pleo shows the job as open, so its present moment is one of the job's lifetime.
fn is_believable(job: &ExportJob, at: DateTime<Utc>) -> bool {
    let last_action = job.last_updated_at.unwrap_or(job.created_at);
    let age = at - last_action;
    let lifetime = i64::try_from(job.expires_in_seconds)
        .ok()
        .and_then(TimeDelta::try_seconds);
    age >= -TOLERATED && age <= lifetime.unwrap_or(TimeDelta::MAX - TOLERATED) + TOLERATED
}

/// When Pleo gives a job up, counted from the last time it heard of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    lifetime: Duration,
    expires: Instant,
    expires_at: DateTime<Utc>,
    last_heard: Instant,
    /// From when on we have worked on it for three quarters of a lifetime.
    overdue: Instant,
}

impl Deadline {
    /// From a job that was read `now`, and the server's time that came with it.
    pub(super) fn of(job: &ExportJob, server_time: Option<ServerTime>, now: Instant) -> Self {
        let lifetime = Duration::from_secs(job.expires_in_seconds);
        let (read_at, server_now) = match server_time.filter(|time| is_believable(job, time.at)) {
            Some(server) => (server.received, server.at),
            // Without a server clock that can be believed the job counts as just touched, from the moment that we read it.
            None => (now, job.last_updated_at.unwrap_or(job.created_at)),
        };
        let last_action = job.last_updated_at.unwrap_or(job.created_at);
        let since = (server_now - last_action).to_std().unwrap_or_default();
        let left = lifetime.saturating_sub(since);
        let later = |moment: Instant, time: Duration| moment.checked_add(time).unwrap_or(moment);
        let started = job.started_at.unwrap_or(last_action);
        let worked = (server_now - started).to_std().unwrap_or_default();
        Self {
            lifetime,
            expires: later(read_at, left),
            expires_at: TimeDelta::from_std(lifetime)
                .ok()
                .and_then(|lifetime| last_action.checked_add_signed(lifetime))
                .unwrap_or(last_action),
            last_heard: read_at.checked_sub(since).unwrap_or(read_at),
            overdue: later(read_at, (lifetime / 4).saturating_mul(3).saturating_sub(worked)),
        }
    }

    /// The moment on Pleo's clock.
    pub(super) fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// What is left.
    pub(super) fn left(&self, now: Instant) -> Duration {
        self.expires.saturating_duration_since(now)
    }

    /// Whether a quarter of the lifetime has passed since Pleo last heard from us.
    pub(super) fn is_silent_too_long(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_heard) > self.lifetime / 4
    }

    /// Until when one step may last: it takes a quarter of what is left.
    pub(super) fn of_a_step(&self, now: Instant) -> Instant {
        now.checked_add(self.left(now) / 4).unwrap_or(now)
    }

    /// How many items that take so long each come into a batch that is over before Pleo should hear from us; one at least.
    pub(super) fn fitting(&self, of_an_item: Duration) -> usize {
        let fitting = (self.lifetime / 4).as_nanos().checked_div(of_an_item.as_nanos());
        fitting.map_or(usize::MAX, |fitting| {
            usize::try_from(fitting).unwrap_or(usize::MAX).max(1)
        })
    }

    /// Whether less than a quarter of the lifetime is left.
    pub(super) fn is_near(&self, now: Instant) -> bool {
        self.left(now) < self.lifetime / 4
    }

    /// Whether we have worked on it for three quarters of a lifetime. Each update of ours gives it a new lifetime, so
    /// this is what ends a job that can never be finished.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        now >= self.overdue
    }

    /// Whether more than half of the lifetime is left.
    pub(super) fn is_far(&self, now: Instant) -> bool {
        self.left(now) > self.lifetime / 2
    }

    /// Until when that is so.
    pub(super) fn far_until(&self, now: Instant) -> DateTime<Utc> {
        let left = self.left(now).saturating_sub(self.lifetime / 2);
        let left = TimeDelta::from_std(left).unwrap_or_default();
        let present = clock::now();
        present.checked_add_signed(left).unwrap_or(present)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::export_job::JobStatus;

    fn job(last_updated_at: DateTime<Utc>) -> ExportJob {
        ExportJob {
            id: crate::model::ids::JobId::new("j"),
            company_id: crate::model::ids::CompanyId::new("c"),
            status: JobStatus::InProgress,
            created_at: last_updated_at - TimeDelta::hours(5),
            started_at: Some(last_updated_at - TimeDelta::minutes(5)),
            last_updated_at: Some(last_updated_at),
            expires_in_seconds: 3600,
            number_of_items: 1,
            vendor_based_bookkeeping: false,
            failure_reason_type: None,
        }
    }

    #[test]
    fn time_runs_on_the_servers_clock_whatever_ours_says() {
        let server_now = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
        let received = Instant::now();
        let deadline = Deadline::of(
            &job(server_now - TimeDelta::minutes(40)),
            Some(ServerTime {
                at: server_now,
                received,
            }),
            received,
        );
        assert_eq!(deadline.left(received), Duration::from_secs(20 * 60));
        assert_eq!(
            deadline.left(received + Duration::from_secs(6 * 60)),
            Duration::from_secs(14 * 60)
        );
        assert!(
            !deadline.is_near(received)
                && !deadline.is_far(received)
                && deadline.is_silent_too_long(received)
        );
        assert!(deadline.is_near(received + Duration::from_secs(6 * 60)));
        assert_eq!(
            deadline.left(received + Duration::from_secs(3600)),
            Duration::ZERO
        );
    }

    #[test]
    fn a_batch_is_as_large_as_a_quarter_of_the_lifetime_allows() {
        let touched = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
        let deadline = Deadline::of(&job(touched), None, Instant::now());
        for (seconds, items) in [(0, usize::MAX), (1, 900), (10, 90), (899, 1), (5_000, 1)] {
            assert_eq!(deadline.fitting(Duration::from_secs(seconds)), items, "{seconds}");
        }
    }

    #[test]
    fn a_time_outside_of_the_jobs_life_is_not_believed() {
        let touched = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
        let job = job(touched);
        let received = Instant::now();
        for (age, left_minutes) in [
            (TimeDelta::minutes(30), 30),
            (TimeDelta::minutes(-4), 60),
            (TimeDelta::minutes(63), 0),
            (TimeDelta::minutes(-6), 60),
            (TimeDelta::minutes(66), 60),
            (TimeDelta::days(-11_000), 60),
            (TimeDelta::days(40_000), 60),
        ] {
            let at = touched + age;
            let deadline = Deadline::of(&job, Some(ServerTime { at, received }), received);
            let left = deadline.left(received).as_secs().div_ceil(60);
            assert_eq!(left, left_minutes, "{age}");
        }
    }

    proptest! {
        #[test]
        fn no_figure_of_a_job_is_too_much(
            lifetime in prop_oneof![any::<u64>(), 0_u64..100_000],
            seconds in prop::array::uniform3(-100_000_000_000_i64..250_000_000_000),
        ) {
            let [updated, started, server] = seconds.map(|second| DateTime::from_timestamp(second, 0).unwrap());
            let job = ExportJob { expires_in_seconds: lifetime, started_at: Some(started), ..job(updated) };
            let now = Instant::now();
            for server_time in [None, Some(ServerTime { at: server, received: now })] {
                let deadline = Deadline::of(&job, server_time, now);
                let _ = (deadline.left(now), deadline.is_near(now), deadline.is_far(now), deadline.is_overdue(now));
                let _ = (deadline.is_silent_too_long(now), deadline.expires_at());
            }
        }
    }
}
