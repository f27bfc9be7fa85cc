//! What was given and told earlier, by which books that lost something are known.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::error::CheckpointError;
use super::file::Checkpoint;
use crate::model::ids::{AccountingEntryId, JobId};

/// So many entries a person may have deleted.
pub const TOLERATED: usize = 5;

impl Checkpoint {
    /// Whether books whose numbers go up to these lack many that were given, in this year or altogether: says which.
    /// `books` is what they are known by.
    pub fn numbers_lacking(
        &self,
        books: &str,
        in_books: &BTreeMap<i32, u32>,
        year: i32,
    ) -> Result<Option<String>, CheckpointError> {
        let given = self.given_numbers()?;
        let lacks_many = |(year, given): &(&i32, &u32)| {
            let there = in_books.get(year).copied().unwrap_or(0);
            given.saturating_sub(there) as usize > TOLERATED
        };
        // A person may have put the files of a year that is over elsewhere, but not those of all years.
        let mut looked_at = given.iter().filter(|(of, _)| **of == year || in_books.is_empty());
        Ok(looked_at.find(lacks_many).map(|(year, given)| {
            let there = in_books.get(year).copied().unwrap_or(0);
            format!(
                "the books ({books}) go up to number {there} of {year}, but {given} was given: restored, or not mounted?"
            )
        }))
    }

    /// The highest number of each year that the books are known to have given.
    pub fn given_numbers(&self) -> Result<BTreeMap<i32, u32>, CheckpointError> {
        self.look(|connection| {
            let numbers = connection
                .prepare_cached("SELECT year, highest FROM given_number")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            Ok(numbers)
        })
    }

    /// Keeps the highest number of each year.
    pub fn keep_numbers(&mut self, highest: &BTreeMap<i32, u32>) -> Result<(), CheckpointError> {
        self.change(|transaction| Ok(keep_highest(transaction, highest)?))
    }

    /// The items of a job that still need a verdict and of which Pleo was told, in another job, that they are in the
    /// books: each with its number there.
    pub fn told_before(&self, job: &JobId) -> Result<Vec<(AccountingEntryId, String)>, CheckpointError> {
        self.look(|connection| {
            let told = connection
                .prepare_cached(
                    "SELECT item.entry_id, max(told.external_id) FROM item \
                     JOIN item AS told ON told.entry_id = item.entry_id AND told.job <> item.job \
                         AND told.outcome = 'successful' AND told.report = 'accepted' \
                     WHERE item.job = (SELECT number FROM job WHERE id = ?1) AND item.state IN ('listed', 'loaded', 'intended') \
                     GROUP BY item.entry_id ORDER BY item.entry_id",
                )?
                .query_map([job.as_str()], |row| {
                    Ok((AccountingEntryId::new(row.get::<_, String>(0)?), row.get(1)?))
                })?
                .collect::<Result<_, _>>()?;
            Ok(told)
        })
    }
}

/// Keeps the highest number of each year; nothing is written where none is higher than before.
pub(super) fn keep_highest(
    transaction: &Transaction<'_>,
    highest: &BTreeMap<i32, u32>,
) -> rusqlite::Result<()> {
    let mut keep = transaction.prepare_cached(
        "INSERT INTO given_number (year, highest) VALUES (?1, ?2) \
         ON CONFLICT (year) DO UPDATE SET highest = excluded.highest WHERE excluded.highest > highest",
    )?;
    // A file that a person wrote may begin with 0.
    for number in highest.iter().filter(|(_, highest)| **highest > 0) {
        keep.execute(number)?;
    }
    Ok(())
}
