//! The tables, and how an older file becomes a newer one.
//!
//! Every rule about a row that SQL can say stands here as a CHECK, so that no code and no hand can store a state
//! without what belongs to it. The rules about what follows what are in [`crate::model::state`].

use rusqlite::types::Value;
use rusqlite::{Connection, Transaction, params_from_iter};

use super::error::Fault;
use super::facts::ReadFacts;
use super::small_rows;

/// Says in the file's header whose file it is ("PLEO").
const APPLICATION_ID: i32 = 0x504C_454F;

/// The steps from an empty file to the newest schema; `user_version` counts those that were made.
///
/// A step that was released is never changed, removed or moved: a new one is added at the end.
const STEPS: &[Step] = &[
    Step::Sql(FIRST),
    Step::Sql(GIVEN_NUMBERS),
    Step::Sql(CONTACT),
    Step::Sql(STANDING),
    Step::Small,
    Step::Sql(PAYLOADS),
    Step::Sql(POLLS),
    Step::Sql(BLOCKED),
    Step::Sql(WITHDRAWN),
    Step::Sql(LISTS_OF_TWO),
    Step::Sql(ENDED_OTHERWISE),
];

/// A step to the next schema.
enum Step {
    Sql(&'static str),
    /// Rows become small, see [`small_rows`].
    Small,
}

impl Step {
    fn make(&self, connection: &Connection, read_facts: ReadFacts) -> Result<(), Fault> {
        match self {
            Self::Sql(sql) => Ok(connection.execute_batch(sql)?),
            Self::Small => small_rows::make(connection, read_facts),
        }
    }
}

const FIRST: &str = "
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    company_id TEXT NOT NULL,
    pleo_host TEXT NOT NULL,
    target TEXT NOT NULL,
    -- 1 after an orderly end; 0 while a run writes and after one that died
    clean INTEGER NOT NULL CHECK (clean IN (0, 1))
) STRICT;

CREATE TABLE job (
    id TEXT PRIMARY KEY CHECK (id <> ''),
    company_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    number_of_items INTEGER NOT NULL CHECK (number_of_items >= 0),
    vendor_based_bookkeeping INTEGER NOT NULL CHECK (vendor_based_bookkeeping IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('starting', 'started', 'closing', 'closed', 'ended', 'foreign')),
    updated_at TEXT NOT NULL,
    expires_at TEXT,
    last_error TEXT,
    closing_status TEXT CHECK (closing_status IN ('completed', 'completed_with_errors', 'failed')),
    closing_failure_type TEXT,
    closing_reason TEXT,
    CHECK (state NOT IN ('closing', 'closed') OR closing_status IS NOT NULL),
    CHECK (state NOT IN ('starting', 'started', 'foreign') OR closing_status IS NULL),
    CHECK ((closing_failure_type IS NULL) = (closing_reason IS NULL)),
    CHECK (closing_failure_type IS NULL OR closing_status IS 'failed')
) STRICT;

CREATE TABLE item (
    job_id TEXT NOT NULL REFERENCES job (id),
    entry_id TEXT NOT NULL CHECK (entry_id <> ''),
    state TEXT NOT NULL CHECK (state IN ('listed', 'loaded', 'intended', 'declined', 'settled', 'foreign')),
    report TEXT CHECK (report IN ('unsent', 'accepted', 'refused')),
    pleo_status TEXT NOT NULL
        CHECK (pleo_status IN ('pending', 'in_progress', 'failed', 'successful', 'abandoned')),
    sort_date TEXT NOT NULL DEFAULT '',
    outcome TEXT CHECK (outcome IN ('successful', 'failed')),
    external_id TEXT,
    external_url TEXT,
    exported_at TEXT,
    failure_type TEXT,
    reason TEXT,
    payload TEXT,
    PRIMARY KEY (job_id, entry_id),
    CHECK ((state IN ('declined', 'settled')) = (report IS NOT NULL)),
    CHECK ((state IN ('declined', 'settled')) = (outcome IS NOT NULL)),
    CHECK ((outcome IS 'successful') = (external_id IS NOT NULL)),
    CHECK ((outcome IS 'successful') = (exported_at IS NOT NULL)),
    CHECK (outcome IS 'successful' OR external_url IS NULL),
    CHECK ((outcome IS 'failed') = (failure_type IS NOT NULL)),
    CHECK ((outcome IS 'failed') = (reason IS NOT NULL)),
    CHECK (state <> 'listed' OR payload IS NULL),
    CHECK (state NOT IN ('loaded', 'intended') OR payload IS NOT NULL)
) STRICT;
-- the order of work
CREATE INDEX item_in_scope ON item (job_id, sort_date, entry_id)
    WHERE state IN ('listed', 'loaded', 'intended');
CREATE INDEX item_with_verdict ON item (job_id, report, entry_id) WHERE report IS NOT NULL;
-- all that counting needs, so that it never reads past a payload
CREATE INDEX item_counted ON item (job_id, state, outcome, pleo_status);

CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    job_id TEXT,
    entry_id TEXT,
    event TEXT NOT NULL CHECK (event <> ''),
    detail TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
";

/// The highest number of each year that the books ever gave (`PLEO-2026-000123`), and of which entries Pleo was told.
const GIVEN_NUMBERS: &str = "
CREATE TABLE given_number (
    year INTEGER PRIMARY KEY,
    highest INTEGER NOT NULL CHECK (highest > 0)
) STRICT;
INSERT INTO given_number (year, highest)
    SELECT CAST(substr(external_id, 6, 4) AS INTEGER), max(CAST(substr(external_id, 11) AS INTEGER))
    FROM item
    WHERE external_id GLOB 'PLEO-[0-9][0-9][0-9][0-9]-[0-9][0-9][0-9][0-9][0-9][0-9]*'
        AND CAST(substr(external_id, 11) AS INTEGER) BETWEEN 1 AND 4294967295
    GROUP BY 1;
-- what became of an entry in earlier jobs
CREATE INDEX item_told ON item (entry_id) WHERE outcome = 'successful' AND report = 'accepted';
";

const CONTACT: &str = "
CREATE TABLE contact (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- a digest of the address and the proxies by which Pleo has answered; empty when it never did
    answered_by TEXT NOT NULL,
    -- the polls since the last good one
    failed_polls INTEGER NOT NULL CHECK (failed_polls >= 0),
    first_failed_at TEXT,
    last_error TEXT,
    CHECK ((failed_polls = 0) = (first_failed_at IS NULL)),
    CHECK ((failed_polls = 0) = (last_error IS NULL))
) STRICT;
INSERT INTO contact (id, answered_by, failed_polls) VALUES (1, '', 0);
";

/// What the books have of an item that failed. Until then only its text said so, at its beginning or its end; from then on
/// `reason` is the reason alone. A column that is added can hold no rule about those before it, so the rule that each
/// failed item has a standing is with the next table that is made anew.
const STANDING: &str = "
ALTER TABLE item ADD COLUMN standing TEXT
    CHECK (standing IN ('nothing_booked', 'booked_as', 'changed', 'may_be_booked'))
    CHECK (standing IS NULL OR outcome IS 'failed');
-- the number in the books
ALTER TABLE item ADD COLUMN booked_as TEXT
    CHECK ((booked_as IS NOT NULL) = (standing IS 'booked_as' OR standing IS 'changed'));

UPDATE item SET standing = 'may_be_booked', reason = substr(reason, length('May be booked: ') + 1)
    WHERE outcome = 'failed' AND reason GLOB 'May be booked: *';
UPDATE item SET
    standing = iif(
        substr(reason, instr(reason, ': ') + 2) GLOB 'the expense was changed in Pleo after it was booked*',
        'changed', 'booked_as'
    ),
    booked_as = substr(reason, length('Booked as ') + 1, instr(reason, ': ') - length('Booked as ') - 1),
    reason = substr(reason, instr(reason, ': ') + 2)
    WHERE outcome = 'failed' AND standing IS NULL AND reason GLOB 'Booked as *: *';
UPDATE item SET
    standing = 'nothing_booked',
    reason = iif(
        reason GLOB '* Nothing was booked.', substr(reason, 1, length(reason) - length(' Nothing was booked.')), reason
    )
    WHERE outcome = 'failed' AND standing IS NULL;
";

/// Whether a job still has payloads, so that those which are kept for long enough are found without looking at items.
const PAYLOADS: &str = "
ALTER TABLE job ADD COLUMN has_payloads INTEGER NOT NULL DEFAULT 1 CHECK (has_payloads IN (0, 1));
CREATE INDEX job_with_payloads ON job (updated_at) WHERE has_payloads = 1;
";

/// How the last poll ended, also one that found nothing, and what was told of it.
const POLLS: &str = "
ALTER TABLE contact ADD COLUMN last_success_at TEXT;
ALTER TABLE contact ADD COLUMN last_poll_at TEXT;
ALTER TABLE contact ADD COLUMN last_exit_code INTEGER
    CHECK (last_exit_code BETWEEN 0 AND 255) CHECK ((last_exit_code IS NULL) = (last_poll_at IS NULL));
ALTER TABLE contact ADD COLUMN last_message TEXT CHECK (last_message IS NULL OR last_poll_at IS NOT NULL);
ALTER TABLE contact ADD COLUMN last_remedy TEXT CHECK ((last_remedy IS NULL) = (last_message IS NULL));
ALTER TABLE contact ADD COLUMN told_at TEXT;
ALTER TABLE contact ADD COLUMN told_event TEXT CHECK ((told_event IS NULL) = (told_at IS NULL));
ALTER TABLE contact ADD COLUMN told_exit_code INTEGER
    CHECK (told_exit_code BETWEEN 0 AND 255) CHECK ((told_exit_code IS NULL) = (told_at IS NULL));
";

/// The job of another instance that keeps the company's next ones waiting, and what helps where a run left a job open.
const BLOCKED: &str = "
CREATE TABLE blocked (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    job_id TEXT NOT NULL CHECK (job_id <> ''),
    last_updated_at TEXT NOT NULL,
    is_stuck INTEGER NOT NULL CHECK (is_stuck IN (0, 1))
) STRICT;
ALTER TABLE job ADD COLUMN last_hint TEXT CHECK (last_hint IS NULL OR last_error IS NOT NULL);
";

/// Whether the last intent to book an item was withdrawn. Pleo may go on to show it as in progress, as it was told before.
const WITHDRAWN: &str = "
ALTER TABLE item ADD COLUMN is_withdrawn INTEGER NOT NULL DEFAULT 0
    CHECK (is_withdrawn IN (0, 1)) CHECK (is_withdrawn = 0 OR state NOT IN ('intended', 'foreign'));
";

/// At each write SQLite makes a table of its own of a list that a CHECK names, unless the list has at most two words. The
/// rules say what they said before, so no row has to be looked at.
const LISTS_OF_TWO: &str = "
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(replace(replace(sql,
    '(state IN (''listed'', ''loaded'', ''intended'', ''declined'', ''settled'', ''foreign''))',
    '(state IN (''listed'', ''loaded'') OR state IN (''intended'', ''declined'') OR state IN (''settled'', ''foreign''))'),
    '(report IN (''unsent'', ''accepted'', ''refused''))',
    '(report IN (''unsent'', ''accepted'') OR report = ''refused'')'),
    '(pleo_status IN (''pending'', ''in_progress'', ''failed'', ''successful'', ''abandoned''))',
    '(pleo_status IN (''pending'', ''in_progress'') OR pleo_status IN (''failed'', ''successful'') '
        || 'OR pleo_status = ''abandoned'')'),
    '(standing IN (''nothing_booked'', ''booked_as'', ''changed'', ''may_be_booked''))',
    '(standing IN (''nothing_booked'', ''booked_as'') OR standing IN (''changed'', ''may_be_booked''))')
    WHERE name = 'item';
PRAGMA writable_schema = RESET;
";

/// A job that ended without us kept the outcome that we had meant for it; from then on it has the one that Pleo shows.
const ENDED_OTHERWISE: &str = "\
UPDATE job SET closing_status = NULL, closing_failure_type = NULL, closing_reason = NULL WHERE state = 'ended';
";

/// The newest schema that this program knows.
pub(super) fn known_version() -> i64 {
    i64::try_from(STEPS.len()).unwrap_or(i64::MAX)
}

/// The version of the file's schema; 0 for a file without any content.
///
/// Another program's database is refused here, before anything in it is touched.
pub(super) fn version(connection: &Connection) -> Result<i64, Fault> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let owner: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let objects: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (owner, version, objects) {
        (0, 0, 0) => Ok(0),
        (APPLICATION_ID, version, _) if version >= 1 => Ok(version),
        _ => Err(Fault::NoCheckpoint("it is a database of another program")),
    }
}

/// Refuses another program's database, and a file in which something else goes by the name of a table of ours, or acts
/// when we write: a view in its place may never end. What people have added beside is not looked at. Asked once, when a file
/// is opened.
pub(super) fn refuse_foreign(connection: &Connection) -> Result<(), Fault> {
    let version = version(connection)?;
    if version == 0 || version > known_version() {
        return Ok(());
    }
    let found = objects(connection)?;
    let ours = Connection::open_in_memory()?;
    for step in STEPS.iter().take(usize::try_from(version).unwrap_or(usize::MAX)) {
        step.make(&ours, |_| None)?;
    }
    let ours = objects(&ours)?;
    // An index that is lost only costs time.
    let acts = |object: &&(String, String, Option<String>)| object.0 != "index";
    if let Some((_, name, _)) = ours.iter().filter(acts).find(|object| !found.contains(object)) {
        return Err(Fault::Damaged(format!(
            "`{name}` is not what pleo-export makes of that name"
        )));
    }
    let foreign = found
        .iter()
        .find(|object| object.0 == "trigger" && !ours.contains(object));
    foreign.map_or(Ok(()), |(_, name, _)| {
        Err(Fault::Damaged(format!(
            "the trigger `{name}` is none of pleo-export"
        )))
    })
}

/// Kind, name and text of what a file holds.
fn objects(connection: &Connection) -> Result<Vec<(String, String, Option<String>)>, Fault> {
    let mut statement = connection.prepare("SELECT type, name, sql FROM sqlite_schema")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Makes an empty file of an earlier version.
#[cfg(test)]
pub(super) fn make_version(connection: &Connection, version: usize) -> Result<(), Fault> {
    for step in STEPS.iter().take(version) {
        step.make(connection, |_| None)?;
    }
    connection.pragma_update(None, "user_version", i64::try_from(version).unwrap_or(i64::MAX))?;
    Ok(connection.pragma_update(None, "application_id", APPLICATION_ID)?)
}

/// What an older file holds, as the newest schema has it, for readers, who may not change the file itself.
pub(super) fn newest_copy(old: &Connection, version: i64) -> Result<Connection, Fault> {
    let (made, missing) = STEPS.split_at(usize::try_from(version).unwrap_or(usize::MAX).min(STEPS.len()));
    let copy = Connection::open_in_memory()?;
    made.iter().try_for_each(|step| step.make(&copy, |_| None))?;
    let tables = objects(&copy)?.into_iter().filter(|(kind, ..)| kind == "table");
    for (_, table, _) in tables {
        let mut rows = old.prepare(&format!("SELECT * FROM {table}"))?;
        let places = vec!["?"; rows.column_count()].join(", ");
        let mut insert = copy.prepare(&format!("INSERT OR REPLACE INTO {table} VALUES ({places})"))?;
        let columns = rows.column_count();
        let payload = rows.column_index("payload").ok();
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let row = (0..columns).map(|column| match row.get::<_, Value>(column) {
                // Nobody who only looks asks for it, and there may be more than memory holds.
                Ok(Value::Text(_)) if Some(column) == payload => Ok(Value::Text(String::new())),
                value => value,
            });
            insert.execute(params_from_iter(row.collect::<Result<Vec<_>, _>>()?))?;
        }
    }
    missing.iter().try_for_each(|step| step.make(&copy, |_| None))?;
    Ok(copy)
}

/// Makes the steps that the file has not seen.
pub(super) fn migrate(transaction: &Transaction<'_>, read_facts: ReadFacts) -> Result<(), Fault> {
    let done = version(transaction)?;
    for (number, step) in (1_i64..).zip(STEPS) {
        if number > done {
            step.make(transaction, read_facts)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
    }
    Ok(())
}
