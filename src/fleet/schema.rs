//! The tables: what is there, what that means, and how they come about.

use std::time::Duration;

use super::address::Address;
use super::database::{Database, Fault, Row};
use super::settings::Settings;
use crate::host::foreign_text::one_line;
use crate::host::kill;

/// The version of the tables that this program knows; a later one is a step at the end of [`STEPS`].
const VERSION: i32 = 1;

/// From each version to the next one.
const STEPS: [&str; 1] = [include_str!("schema.sql")];

/// Who brings the tables up to date holds this lock: any number that nobody else uses.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7307498431523)";

/// What a database holds.
pub(super) struct Found {
    is_read_only: bool,
    has_schema: bool,
    /// None where the tables are not ours.
    version: Option<i32>,
}

/// A connection to the tables of a fleet.
pub(super) fn open(settings: &Settings) -> Result<Database, Fault> {
    Database::new(settings.address.clone(), settings.patience(), |database| {
        let found = look(database)?;
        judge(&found, database.address(), true)
    })
}

/// Looks what is there.
fn look(database: &mut Database) -> Result<Found, Fault> {
    let sql = "SELECT current_setting('transaction_read_only') = 'on', to_regnamespace('pleo_export') IS NOT NULL, \
               to_regclass('pleo_export.fleet') IS NOT NULL";
    let row = first(database, sql)?;
    let has_table: bool = row.get(2)?;
    let version = if has_table {
        match first(
            database,
            "SELECT program::text, version::integer FROM pleo_export.fleet WHERE id = 1",
        ) {
            Ok(row) if row.get::<String>(0)? == "pleo-export" => Some(row.get(1)?),
            Ok(_) | Err(Fault::Schema(_) | Fault::Unexpected(_)) => None,
            Err(fault) => return Err(fault),
        }
    } else {
        None
    };
    Ok(Found {
        is_read_only: row.get(0)?,
        has_schema: row.get(1)?,
        version,
    })
}

fn first(database: &mut Database, sql: &str) -> Result<Row, Fault> {
    let rows = database.ask(sql, &[])?;
    rows.into_iter()
        .next()
        .ok_or_else(|| Fault::Unexpected("the fleet's database answers nothing".to_owned()))
}

/// Whether that can be worked with.
fn judge(found: &Found, address: &Address, needs_schema: bool) -> Result<(), Fault> {
    if found.is_read_only {
        return Err(Fault::Settings(format!(
            "the fleet's database ({address}) may only be read: name the one that is written to, not its replica (or all of them, \
             with target_session_attrs=read-write)"
        )));
    }
    match found.version {
        Some(VERSION) => Ok(()),
        Some(version) if version > VERSION => Err(Fault::Schema(format!(
            "the tables of the fleet ({address}) are of version {version}, and this program knows {VERSION}: update pleo-export \
             on this host"
        ))),
        None if found.has_schema => Err(Fault::Schema(format!(
            "the database ({address}) has a schema pleo_export that is not a fleet's: name a database of the fleet's own"
        ))),
        _ if !needs_schema => Ok(()),
        Some(version) => Err(Fault::Schema(format!(
            "the tables of the fleet ({address}) are of version {version}, and this program needs {VERSION}: run `pleo-export \
             fleet init`"
        ))),
        None => Err(Fault::Schema(format!(
            "the database ({address}) has no tables of a fleet: run `pleo-export fleet init`"
        ))),
    }
}

/// Makes the tables or brings them up to date. Two at once take turns. Answers from which version to which one.
pub fn init(settings: &Settings) -> Result<(i32, i32), Fault> {
    let seconds = kill::limit("PLEO_EXPORT_FLEET_INIT_PATIENCE", PATIENCE);
    let mut database = Database::new(settings.address.clone(), Duration::from_secs(seconds), |_| Ok(()))?;
    database.change(|database| {
        // Whoever falls silent with the tables locked must not keep the fleet from them.
        database.run(&format!(
            "SET LOCAL idle_in_transaction_session_timeout = '{seconds}s'"
        ))?;
        database.run(LOCK)?;
        let found = look(database)?;
        judge(&found, database.address(), false)?;
        if found.version.is_none() {
            refuse_other_letters(database)?;
            refuse_other_tables(database)?;
        }
        let before = found.version.unwrap_or(0);
        for step in STEPS.iter().skip(usize::try_from(before).unwrap_or(0)) {
            database.run(step)?;
        }
        Ok((before, VERSION))
    })
}

/// How long making the tables may wait for another who does, in seconds.
const PATIENCE: u64 = 30;

/// What Pleo and people say can be written in UTF-8 alone.
fn refuse_other_letters(database: &mut Database) -> Result<(), Fault> {
    let encoding: String = first(database, "SELECT current_setting('server_encoding')")?.get(0)?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(Fault::Schema(format!(
        "the database ({}) is written in {}, which lacks letters: make one in UTF-8, such as `createdb -E UTF8 -T template0 \
         pleo_export`",
        database.address(),
        one_line(&encoding, 40)
    )))
}

/// A database with tables of somebody else's is probably not the one that was meant.
fn refuse_other_tables(database: &mut Database) -> Result<(), Fault> {
    let sql = "SELECT schemaname || '.' || tablename FROM pg_catalog.pg_tables WHERE schemaname <> 'information_schema' \
               AND schemaname NOT LIKE 'pg\\_%' ORDER BY 1 LIMIT 1";
    let rows = database.ask(sql, &[])?;
    match rows.first() {
        None => Ok(()),
        Some(row) => Err(Fault::Schema(format!(
            "the database ({}) is another program's (it has the table {}): make one for the fleet alone, such as \
             `createdb pleo_export`",
            database.address(),
            one_line(&row.get::<String>(0)?, 100)
        ))),
    }
}
