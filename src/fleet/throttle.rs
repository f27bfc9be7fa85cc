//! What Pleo said to one host of a credential holds for all: until when nothing more is sent with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::debug;

use super::database::{Database, Fault, Type};
use crate::pleo::Throttle;

/// How long an answer of the database is good.
const FRESH: Duration = Duration::from_secs(1);

/// Longer than this nobody is held back by what another was told, in milliseconds.
const LONGEST: u64 = 3_600_000;

/// The limits that are known to the fleet.
pub struct Throttles {
    database: Arc<Mutex<Database>>,
    /// When each was asked for last, and until when nothing is sent.
    known: Mutex<HashMap<String, (Instant, Instant)>>,
}

impl fmt::Debug for Throttles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttles").finish_non_exhaustive()
    }
}

impl Throttles {
    pub(super) fn new(database: Arc<Mutex<Database>>) -> Self {
        Self {
            database,
            known: Mutex::default(),
        }
    }

    fn read(&self, credential: &str) -> Result<Duration, Fault> {
        let sql = "SELECT (extract(epoch FROM until - clock_timestamp()) * 1000)::bigint FROM pleo_export.throttle \
                   WHERE credential = $1 AND until > clock_timestamp() AND noted_at <= clock_timestamp()";
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = database.ask(sql, &[(&credential, Type::TEXT)])?;
        let left = rows.first().map(|row| row.get::<i64>(0)).transpose()?;
        Ok(Duration::from_millis(left.map_or(0, i64::unsigned_abs)))
    }

    fn write(&self, credential: &str, wait: Duration) -> Result<(), Fault> {
        // What was noted in what is the future now, before the clock was set back, counts no more.
        let sql = "INSERT INTO pleo_export.throttle AS t (credential, noted_at, until) \
                   VALUES ($1, clock_timestamp(), clock_timestamp() + $2 * interval '1 millisecond') \
                   ON CONFLICT (credential) DO UPDATE SET noted_at = excluded.noted_at, \
                       until = CASE WHEN t.noted_at > clock_timestamp() THEN excluded.until \
                                    ELSE greatest(t.until, excluded.until) END";
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).min(LONGEST);
        let wait = i64::try_from(wait).unwrap_or(i64::MAX);
        let mut database = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        database.ask(sql, &[(&credential, Type::TEXT), (&wait, Type::INT8)])?;
        Ok(())
    }
}

impl Throttle for Throttles {
    fn remaining(&self, credential: &str) -> Duration {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let before = known.get(credential).copied();
        let until = before.map_or(now, |(_, until)| until);
        if before.is_some_and(|(asked, _)| now.duration_since(asked) < FRESH) {
            return until.saturating_duration_since(now);
        }
        // Where the database cannot be asked, Pleo itself will say it again.
        let left = self.read(credential).unwrap_or_else(|fault| {
            debug!("whether Pleo limits the credential is not known: {fault}");
            Duration::ZERO
        });
        let now = Instant::now();
        // What this host was told itself holds, also where the database does not have it.
        let until = until.max(now + left);
        known.insert(credential.to_owned(), (now, until));
        until.saturating_duration_since(now)
    }

    fn limited(&self, credential: &str, wait: Duration) {
        let now = Instant::now();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(
            credential.to_owned(),
            (now, now + wait.min(Duration::from_millis(LONGEST))),
        );
        drop(known);
        if let Err(fault) = self.write(credential, wait) {
            debug!("that Pleo limits the credential was not told the others: {fault}");
        }
    }
}
