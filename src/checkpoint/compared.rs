//! What is known of entries, for one who compares it with Pleo and the books.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use rusqlite::OptionalExtension;

use super::columns::{VERDICT, money_from, rows, time_from, verdict_from};
use super::{Checkpoint, CheckpointError};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::money::Money;
use crate::model::verdict::Verdict;

/// What is known of an item of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Our verdict, where there is one.
    pub verdict: Option<Verdict>,
    /// Whether Pleo took it.
    pub is_accepted: bool,
    /// What the entry is about, as it was last booked or else read.
    pub about: Option<About>,
    /// What Pleo sent of it when it was last exported, as long as that is kept.
    pub exported: Option<String>,
}

/// What an entry is about, for people and for amounts to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// From whom it was.
    pub supplier: Option<String>,
    /// When it was.
    pub date: Option<DateTime<Utc>>,
    /// How much, in the currency of the wallet.
    pub amount: Money,
}

impl Checkpoint {
    /// What is known of these items of the job, one answer for each, in the same order.
    pub fn recorded(
        &self,
        job: &JobId,
        entries: &[AccountingEntryId],
    ) -> Result<Vec<Option<Recorded>>, CheckpointError> {
        self.look(|connection| {
            let sql = format!(
                "SELECT {VERDICT}, report IS 'accepted' FROM item \
                 WHERE entry_id = ?2 AND job = (SELECT number FROM job WHERE id = ?1)"
            );
            let mut items = connection.prepare_cached(&sql)?;
            // What is in the books is what was last booked, whichever job that was.
            let mut abouts = connection.prepare_cached(
                "SELECT supplier, date, amount, currency, iif(outcome = 'successful', payload, NULL) FROM item \
                 JOIN item_data ON item_data.number = item.data JOIN job ON job.number = item.job \
                 WHERE entry_id = ?1 AND amount IS NOT NULL \
                 ORDER BY outcome IS 'successful' DESC, job.created_at DESC LIMIT 1",
            )?;
            let mut recorded = Vec::with_capacity(entries.len());
            for entry in entries {
                let mut found = items.query((job.as_str(), entry.as_str()))?;
                let Some(row) = found.next()? else {
                    recorded.push(None);
                    continue;
                };
                let has_verdict = row.get_ref(1)? != rusqlite::types::ValueRef::Null;
                let verdict = has_verdict.then(|| verdict_from(row, job)).transpose()?;
                let about = abouts
                    .query_row([entry.as_str()], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
                    })
                    .optional()?;
                let (about, exported) = match about {
                    Some((supplier, date, amount, currency, payload)) => {
                        let date: Option<String> = date;
                        let date = date
                            .map(|text| time_from(&text, format_args!("item `{entry}`")))
                            .transpose()?;
                        let about = |amount| About {
                            supplier,
                            date,
                            amount,
                        };
                        (money_from(amount, currency, entry)?.map(about), payload)
                    }
                    None => (None, None),
                };
                recorded.push(Some(Recorded {
                    verdict: verdict.map(|(_, verdict)| verdict),
                    is_accepted: row.get(9)?,
                    about,
                    exported,
                }));
            }
            Ok(recorded)
        })
    }

    /// The next entries of a job after this number of theirs, at most `limit`, each with its own number.
    pub fn entries_page(
        &self,
        job: &JobId,
        after: i64,
        limit: usize,
    ) -> Result<Vec<(i64, AccountingEntryId)>, CheckpointError> {
        self.look(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT number, entry_id FROM item WHERE job = (SELECT number FROM job WHERE id = ?1) \
                     AND number > ?2 ORDER BY number LIMIT ?3",
                )?
                .query_map((job.as_str(), after, rows(limit)), |row| {
                    Ok((row.get(0)?, AccountingEntryId::new(row.get::<_, String>(1)?)))
                })?
                .collect::<Result<_, _>>()?;
            Ok(found)
        })
    }

    /// Whether Pleo took a verdict that the entry is in the books, in another job than these.
    pub fn told_elsewhere(
        &self,
        entry: &AccountingEntryId,
        jobs: &HashSet<JobId>,
    ) -> Result<bool, CheckpointError> {
        self.look(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT job.id FROM item JOIN job ON job.number = item.job \
                 WHERE entry_id = ?1 AND outcome = 'successful' AND report = 'accepted'",
            )?;
            let mut found = statement.query([entry.as_str()])?;
            while let Some(row) = found.next()? {
                if !jobs.contains(&JobId::new(row.get::<_, String>(0)?)) {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }
}
