//! The deliveries that came already, by their ids. Pleo may send one twice, and whoever has caught one may send it again;
//! neither is news. Only what was signed well gets in, so no stranger can fill the memory.

use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

/// For how long an id is remembered: as long as its delivery could be within its time, and longer.
const REMEMBERED: TimeDelta = TimeDelta::minutes(15);

/// The most ids. More than these within their time and the oldest one is forgotten: then a delivery that is sent again
/// starts a poll too many, and no more.
const MOST: usize = 10_000;

/// The longest id that is remembered whole, in bytes.
const LONGEST_ID: usize = 200;

#[derive(Debug, Default)]
pub(super) struct SeenIds {
    by_age: VecDeque<(DateTime<Utc>, String)>,
    ids: HashSet<String>,
}

impl SeenIds {
    /// Remembers an id, and answers whether it is new.
    pub(super) fn is_new(&mut self, id: &str, now: DateTime<Utc>) -> bool {
        while let Some((since, _)) = self.by_age.front()
            && ((now - *since).abs() > REMEMBERED || self.by_age.len() >= MOST)
        {
            if let Some((_, id)) = self.by_age.pop_front() {
                self.ids.remove(&id);
            }
        }
        if id.len() > LONGEST_ID {
            return true;
        }
        let is_new = self.ids.insert(id.to_owned());
        if is_new {
            self.by_age.push_back((now, id.to_owned()));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_remembered_for_its_time_and_the_memory_has_an_end() {
        let begin = DateTime::from_timestamp(1_614_265_330, 0).unwrap();
        let mut seen = SeenIds::default();
        assert!(seen.is_new("a", begin));
        assert!(!seen.is_new("a", begin + REMEMBERED));
        assert!(seen.is_new("a", begin + REMEMBERED + TimeDelta::seconds(1)));
        for number in 0..3 * MOST {
            assert!(seen.is_new(&number.to_string(), begin + REMEMBERED));
        }
        assert!(seen.by_age.len() <= MOST && seen.ids.len() <= MOST);
        assert!(!seen.is_new(&(3 * MOST - 1).to_string(), begin + REMEMBERED));
        // A clock that was set back holds nothing for ever.
        assert!(seen.is_new("b", begin - TimeDelta::days(1)));
        assert_eq!(seen.ids.len(), 1);
    }
}
