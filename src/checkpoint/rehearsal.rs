//! What a preview asks of a checkpoint: what was told before, and what would become of each item.

use super::columns::{VERDICT, money_from, rows, verdict_from};
use super::error::{CheckpointError, Fault};
use super::file::Checkpoint;
use super::items::{Position, StoredItem};
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::money::Money;
use crate::model::verdict::Verdict;

/// So many items are looked through at once.
const PAGE: usize = 500;

/// What became of an item, and what a person knows it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RehearsedItem {
    /// The accounting entry.
    pub entry_id: AccountingEntryId,
    /// Its place in the order of work.
    pub position: Position,
    /// From whom it was.
    pub supplier: Option<String>,
    /// When it was, as it was received.
    pub date: Option<String>,
    /// How much, in the currency of the wallet.
    pub amount: Option<Money>,
    /// Where a person sees it in Pleo.
    pub link: Option<String>,
    /// Our verdict.
    pub verdict: Verdict,
}

impl Checkpoint {
    /// Takes over what another one knows that decides what is booked in a job: the numbers that were given, and which of
    /// the job's entries Pleo was told of by other jobs. The control layer was read before.
    pub fn take_history(&mut self, known: &Self, job: &JobId) -> Result<(), CheckpointError> {
        self.keep_numbers(&known.given_numbers()?)?;
        let mut after = None;
        loop {
            let page = self.in_scope_page(job, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(last.position);
            let told = known.told_by_others(job, &page)?;
            self.change(|transaction| {
                for (entry_id, external_id) in told {
                    transaction.execute(EARLIER_JOB, [])?;
                    transaction
                        .prepare_cached(EARLIER_ITEM)?
                        .execute((entry_id.as_str(), external_id))?;
                }
                Ok(())
            })?;
        }
    }

    /// Which of these items Pleo was told of, in another job, that they are in the books: each with its number there.
    fn told_by_others(
        &self,
        job: &JobId,
        items: &[StoredItem],
    ) -> Result<Vec<(AccountingEntryId, String)>, CheckpointError> {
        self.look(|connection| {
            let mut told = Vec::new();
            let mut statement = connection.prepare_cached(
                "SELECT max(external_id) FROM item WHERE entry_id = ?1 AND outcome = 'successful' AND report = 'accepted' \
                 AND job IS NOT (SELECT number FROM job WHERE id = ?2)",
            )?;
            for item in items {
                let number: Option<String> =
                    statement.query_row((item.entry_id.as_str(), job.as_str()), |row| row.get(0))?;
                told.extend(number.map(|number| (item.entry_id.clone(), number)));
            }
            Ok(told)
        })
    }

    /// The next verdicts on a job's items after a position, at most `limit`, in the order of work.
    pub fn outcomes(
        &self,
        job: &JobId,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<RehearsedItem>, CheckpointError> {
        let after = after.map_or(i64::MIN, |position| position.0);
        self.look(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {VERDICT}, item.number, supplier, date, amount, currency, link \
                     FROM item LEFT JOIN item_data ON item_data.number = item.data \
                     WHERE job = (SELECT number FROM job WHERE id = ?1) AND item.number > ?2 AND outcome IS NOT NULL \
                     ORDER BY item.number LIMIT ?3"
                ))?
                .query_and_then(
                    (job.as_str(), after, rows(limit)),
                    |row| {
                        let (entry_id, verdict) = verdict_from(row, job)?;
                        Ok::<_, Fault>(RehearsedItem {
                            amount: money_from(row.get(12)?, row.get(13)?, &entry_id)?,
                            entry_id,
                            position: Position(row.get(9)?),
                            supplier: row.get(10)?,
                            date: row.get(11)?,
                            link: row.get(14)?,
                            verdict,
                        })
                    },
                )?
                .collect()
        })
    }
}

/// A job that stands for all earlier ones.
const EARLIER_JOB: &str = "INSERT OR IGNORE INTO job (id, company_id, created_at, number_of_items, vendor_based_bookkeeping, \
     state, updated_at, closing_status) VALUES ('earlier', '', '1970-01-01T00:00:00.000Z', 0, 0, 'closed', \
     '1970-01-01T00:00:00.000Z', 'completed')";

/// An item of it of which Pleo was told.
const EARLIER_ITEM: &str = "INSERT OR IGNORE INTO item (job, entry_id, state, report, pleo_status, outcome, external_id, \
     exported_at) VALUES ((SELECT number FROM job WHERE id = 'earlier'), ?1, 'settled', 'accepted', 'successful', \
     'successful', ?2, '1970-01-01T00:00:00.000Z')";
