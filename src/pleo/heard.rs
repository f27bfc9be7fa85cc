//! What this process has last heard from Pleo about the job in hand: how fresh that is, and whether another instance has
//! worked on it since. Pure: the clock comes in as an argument.
//!
//! Whether Pleo's `lastUpdatedAt` moves with each update of items is inferred: the contract calls it the time of the last
//! action and says no more. So it only ever says when to look at the items again, and what they show decides. Where it
//! is seen not to move, [`Heard::tells_updates`] says so.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use crate::host::kill;
use crate::model::export_job::{ExportJob, ItemStatus, JobStatus};
use crate::model::ids::JobId;

/// For how long what was heard of a job is taken for fresh. Another instance goes unnoticed for so long at most. A fast run is
/// never silent for that time, and so it never asks.
pub fn silence() -> Duration {
    Duration::from_millis(kill::limit("PLEO_EXPORT_SILENCE", 2_000))
}

/// Where Pleo has each item of a job. By their hashes: there may be many, and that two of them have the same one is less
/// likely than a broken machine.
pub(super) type Picture = HashMap<u64, ItemStatus>;

/// What is known of one job.
#[derive(Clone, Debug)]
pub(super) struct Record {
    job: JobId,
    at: Duration,
    status: Option<JobStatus>,
    items: Picture,
    listed_at: Option<Duration>,
    /// Up to this second of Pleo's clock whatever happened to the items is known here.
    known_until: Option<DateTime<Utc>>,
    /// The job's `lastUpdatedAt` when it was last shown.
    last_shown: Option<DateTime<Utc>>,
    /// When Pleo last took an update of items from us.
    last_update: Option<DateTime<Utc>>,
    is_touched: bool,
    has_progressed: bool,
    tells_updates: bool,
}

/// An exchange with Pleo that brought an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    /// When it began, by [`crate::host::clock::since_boot`]: what it told may be as old as that.
    pub(super) began: Duration,
    /// When it ended.
    pub(super) ended: Duration,
    /// The time on Pleo's clock in the answer.
    pub(super) date: Option<DateTime<Utc>>,
}

/// What this process has heard of a job, as far as it decides whether it may go on.
#[derive(Clone, Debug)]
pub struct Heard {
    /// How old the newest of it is.
    pub age: Duration,
    /// Where Pleo had the job.
    pub status: Option<JobStatus>,
    /// Pleo has heard of the job later than of our last word on it.
    pub is_touched: bool,
    /// An item is further than we brought it: another instance is at work, or was.
    pub has_progressed: bool,
    /// Whether `lastUpdatedAt` tells of updates of items, as far as can be seen.
    pub tells_updates: bool,
    /// How long ago all items were read; never, if nothing.
    pub listed_before: Option<Duration>,
}

impl Record {
    /// Nothing is known yet.
    pub(super) fn of(job: &JobId) -> Self {
        Self {
            job: job.clone(),
            at: Duration::ZERO,
            status: None,
            items: Picture::new(),
            listed_at: None,
            known_until: None,
            last_shown: None,
            last_update: None,
            is_touched: false,
            has_progressed: false,
            tells_updates: true,
        }
    }

    pub(super) fn is_of(&self, job: &JobId) -> bool {
        self.job.as_str().eq_ignore_ascii_case(job.as_str())
    }

    pub(super) fn heard(&self, now: Duration) -> Heard {
        Heard {
            age: now.saturating_sub(self.at),
            status: self.status.clone(),
            is_touched: self.is_touched,
            has_progressed: self.has_progressed,
            tells_updates: self.tells_updates,
            listed_before: self.listed_at.map(|at| now.saturating_sub(at)),
        }
    }

    /// Pleo has shown the job.
    pub(super) fn shown(&mut self, job: &ExportJob, exchange: Exchange) {
        self.at = exchange.began;
        self.status = Some(job.status.clone());
        // An update of ours may have been on its way for so long when its answer was dated.
        let tolerance = TimeDelta::from_std(silence()).unwrap_or_default() + TimeDelta::seconds(1);
        // In whole seconds, as a `Date` is: what happened within its second cannot be told from our own word.
        self.last_shown = job.last_updated_at.map(|at| at.trunc_subsecs(0));
        self.tells_updates = match (self.last_shown, self.last_update) {
            (Some(shown), Some(ours)) => shown >= ours - tolerance,
            (Some(_), None) => true,
            (None, _) => false,
        };
        self.is_touched |= self.known_until.is_some() && self.last_shown > self.known_until;
    }

    /// All items were read from end to end, and whoever asked goes by what they show. `first` is the exchange that brought
    /// the first page: what came later may have happened after it.
    pub(super) fn listed(&mut self, items: Picture, first: Exchange) {
        self.items = items;
        self.has_progressed = false;
        self.looked_over(first);
    }

    /// Some items were read, only to compare them with what is known. Answers whether one is further.
    pub(super) fn compare(&mut self, mut items: impl Iterator<Item = (u64, ItemStatus)>) -> bool {
        self.has_progressed |= items.any(|(entry, shown)| {
            let known = self.items.get(&entry).copied().unwrap_or(ItemStatus::Pending);
            is_further(shown, known)
        });
        self.has_progressed
    }

    /// All items were read from end to end, and `first` brought the first page. Nothing is heard of the job itself by that:
    /// the items of one that is over can be read as well.
    pub(super) fn looked_over(&mut self, first: Exchange) {
        self.listed_at = Some(first.began);
        // The job was shown before the first page came, so all that it told of is in the pages.
        self.known_until = first.date.max(self.last_shown).max(self.known_until);
        self.is_touched = false;
    }

    /// Pleo took these updates.
    pub(super) fn updated(&mut self, items: impl Iterator<Item = (u64, ItemStatus)>, exchange: Exchange) {
        self.items.extend(items);
        self.last_update = exchange.date.or(self.last_update);
        self.took_our_word(exchange);
    }

    /// Pleo took a word of ours. Where that took long, others may have had theirs meanwhile.
    pub(super) fn took_our_word(&mut self, exchange: Exchange) {
        self.at = exchange.began;
        if exchange.ended.saturating_sub(exchange.began) < silence() {
            self.known_until = exchange.date.max(self.known_until);
        }
    }

    /// The items must be compared before anything else is done, however fresh is what is known.
    pub(super) fn doubt(&mut self) {
        self.is_touched = true;
    }
}

/// Whether an item is further on its way than it was known to be. One that is less far is an answer that lags.
fn is_further(shown: ItemStatus, known: ItemStatus) -> bool {
    let place = |status: ItemStatus| match status {
        ItemStatus::Pending => 0,
        ItemStatus::InProgress => 1,
        ItemStatus::Failed | ItemStatus::Successful | ItemStatus::Abandoned => 2,
    };
    place(shown) > place(known) || (known.is_final() && shown.is_final() && shown != known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::CompanyId;

    fn moment(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    /// An answer of this second, to a request that took so many milliseconds.
    fn answer(second: i64, took: u64) -> Exchange {
        let ended = Duration::from_secs(1_000 + second.unsigned_abs());
        Exchange {
            began: ended.saturating_sub(Duration::from_millis(took)),
            ended,
            date: Some(moment(second)),
        }
    }

    fn job(last_updated_at: Option<DateTime<Utc>>) -> ExportJob {
        ExportJob {
            id: JobId::new("j"),
            company_id: CompanyId::new("c"),
            status: JobStatus::InProgress,
            created_at: moment(0),
            started_at: None,
            last_updated_at,
            expires_in_seconds: 3_600,
            number_of_items: 1,
            vendor_based_bookkeeping: false,
            failure_reason_type: None,
        }
    }

    /// Read at second 0, and told at second 10 that its only item is being booked.
    fn told(took: u64) -> Record {
        let mut record = Record::of(&JobId::new("j"));
        record.listed(Picture::from([(1, ItemStatus::Pending)]), answer(0, 10));
        record.updated([(1, ItemStatus::InProgress)].into_iter(), answer(10, took));
        record
    }

    #[test]
    fn a_word_of_somebody_else_is_told_from_our_own_by_the_second() {
        for (shown, took, is_touched) in [
            (moment(10), 10, false),
            (moment(10) + TimeDelta::milliseconds(999), 10, false),
            (moment(11), 10, true),
            // It was so long on its way that anybody may have spoken in between.
            (moment(10), 3_000, true),
        ] {
            let mut record = told(took);
            record.shown(&job(Some(shown)), answer(20, 10));
            let heard = record.heard(Duration::from_secs(1_021));
            assert_eq!(heard.is_touched, is_touched, "{shown} {took}");
            assert_eq!(heard.age, Duration::from_millis(1_010));
        }
    }

    #[test]
    fn only_an_item_that_is_further_than_it_was_brought_is_somebody_elses_doing() {
        for (shown, has_progressed) in [
            (ItemStatus::Pending, false),
            (ItemStatus::InProgress, false),
            (ItemStatus::Failed, true),
            (ItemStatus::Successful, true),
            (ItemStatus::Abandoned, true),
        ] {
            let mut record = told(10);
            record.doubt();
            assert_eq!(record.compare([(1, shown)].into_iter()), has_progressed);
            record.looked_over(answer(20, 10));
            let heard = record.heard(Duration::from_secs(1_020));
            assert_eq!(heard.has_progressed, has_progressed, "{shown:?}");
            assert!(!heard.is_touched);
            // The job itself may be over all the same.
            assert_eq!(heard.age, Duration::from_millis(10_010));
        }
    }

    #[test]
    fn a_time_that_does_not_move_with_our_updates_tells_nothing_of_others() {
        for (shown, tells) in [
            (None, false),
            (Some(moment(0)), false),
            (Some(moment(7)), true),
            (Some(moment(10)), true),
        ] {
            let mut record = told(10);
            record.shown(&job(shown), answer(20, 10));
            assert_eq!(record.heard(Duration::ZERO).tells_updates, tells, "{shown:?}");
        }
    }
}
