//! The step that made rows small: jobs and items get numbers as keys, and what the data layer said of an item goes into
//! a table of its own, which no later step of the item writes again.
//!
//! What is kept for good (supplier, amount, link, what the content hash is made of) is read out of every payload first;
//! then the payloads of jobs that are over are dropped. All of it is one transaction: what is interrupted, or finds no
//! room, leaves the old file as it was.

use rusqlite::Connection;

use super::error::Fault;
use super::facts::ReadFacts;
use crate::host::kill;

const NEW: &str = "
ALTER TABLE job RENAME TO former_job;
ALTER TABLE item RENAME TO former_item;

CREATE TABLE job (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE CHECK (id <> ''),
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

-- what the data layer says of an item; all but the payload is kept for good, and all but it is NULL where the payload
-- cannot be read
CREATE TABLE item_data (
    number INTEGER PRIMARY KEY,
    supplier TEXT,
    -- in hundredths of the wallet's currency
    amount INTEGER,
    currency TEXT,
    -- where a person sees it in Pleo
    link TEXT,
    -- what the content hash is made of
    canonical_text TEXT,
    payload TEXT,
    CHECK ((amount IS NULL) = (currency IS NULL)),
    CHECK ((amount IS NULL) = (canonical_text IS NULL)),
    CHECK (amount IS NOT NULL OR (supplier IS NULL AND link IS NULL))
) STRICT;

CREATE TABLE item (
    -- its place in the order of work, once the data of its job are read
    number INTEGER PRIMARY KEY,
    job INTEGER NOT NULL REFERENCES job (number),
    entry_id TEXT NOT NULL CHECK (entry_id <> ''),
    state TEXT NOT NULL CHECK (state IN ('listed', 'loaded', 'intended', 'declined', 'settled', 'foreign')),
    report TEXT CHECK (report IN ('unsent', 'accepted', 'refused')),
    pleo_status TEXT NOT NULL
        CHECK (pleo_status IN ('pending', 'in_progress', 'failed', 'successful', 'abandoned')),
    -- of the expense; NULL where none can be read
    date TEXT,
    data INTEGER REFERENCES item_data (number),
    outcome TEXT CHECK (outcome IN ('successful', 'failed')),
    external_id TEXT,
    external_url TEXT,
    exported_at TEXT,
    failure_type TEXT,
    reason TEXT,
    -- what the books have of an item that failed
    standing TEXT CHECK (standing IN ('nothing_booked', 'booked_as', 'changed', 'may_be_booked')),
    -- the number in the books
    booked_as TEXT,
    -- also what became of an entry in earlier jobs
    UNIQUE (entry_id, job),
    CHECK ((state IN ('declined', 'settled')) = (report IS NOT NULL)),
    CHECK ((state IN ('declined', 'settled')) = (outcome IS NOT NULL)),
    CHECK ((outcome IS 'successful') = (external_id IS NOT NULL)),
    CHECK ((outcome IS 'successful') = (exported_at IS NOT NULL)),
    CHECK (outcome IS 'successful' OR external_url IS NULL),
    CHECK ((outcome IS 'failed') = (failure_type IS NOT NULL)),
    CHECK ((outcome IS 'failed') = (reason IS NOT NULL)),
    CHECK ((outcome IS 'failed') = (standing IS NOT NULL)),
    CHECK ((booked_as IS NOT NULL) = (standing IS 'booked_as' OR standing IS 'changed')),
    CHECK (state NOT IN ('loaded', 'intended') OR data IS NOT NULL)
) STRICT;

-- several items of which the same is said, as a JSON list
ALTER TABLE audit ADD COLUMN entries TEXT CHECK (entries IS NULL OR entry_id IS NULL);

INSERT INTO job (id, company_id, created_at, number_of_items, vendor_based_bookkeeping, state, updated_at, expires_at,
        last_error, closing_status, closing_failure_type, closing_reason)
    SELECT id, company_id, created_at, number_of_items, vendor_based_bookkeeping, state, updated_at, expires_at,
        last_error, closing_status, closing_failure_type, closing_reason
    FROM former_job ORDER BY created_at, id;
";

/// The items in the order of work; their data stand under the numbers of their former rows.
const ITEMS: &str = "
INSERT INTO item (job, entry_id, state, report, pleo_status, date, data, outcome, external_id, external_url,
        exported_at, failure_type, reason, standing, booked_as)
    SELECT job.number, entry_id, former_item.state, report, pleo_status, nullif(sort_date, ''),
        iif(payload IS NULL, NULL, former_item.rowid), outcome, external_id, external_url, exported_at, failure_type,
        reason, standing, booked_as
    FROM former_item JOIN job ON job.id = job_id ORDER BY job.number, sort_date, entry_id;
";

/// Indexes last: built at once they are in order.
const REST: &str = "
DROP TABLE former_item;
DROP TABLE former_job;
-- counting, and the order of work
CREATE INDEX item_of_job ON item (job);
CREATE INDEX item_to_report ON item (job, report) WHERE report IN ('unsent', 'refused');
";

/// Makes the step.
pub(super) fn make(connection: &Connection, read_facts: ReadFacts) -> Result<(), Fault> {
    connection.execute_batch(NEW)?;
    kill::point("in the step to small rows");
    take_data(connection, read_facts)?;
    kill::point("in the step to small rows");
    connection.execute_batch(ITEMS)?;
    kill::point("in the step to small rows");
    connection.execute_batch(REST)?;
    Ok(())
}

/// Takes over what the data layer said, one payload in memory at a time.
fn take_data(connection: &Connection, read_facts: ReadFacts) -> Result<(), Fault> {
    let mut payloads = connection.prepare(
        "SELECT former_item.rowid, payload, job.state IN ('starting', 'started', 'closing') \
         FROM former_item JOIN job ON job.id = job_id WHERE payload IS NOT NULL",
    )?;
    let mut keep = connection.prepare(
        "INSERT INTO item_data (number, supplier, amount, currency, link, canonical_text, payload) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut rows = payloads.query([])?;
    while let Some(row) = rows.next()? {
        let payload = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let facts = read_facts(payload);
        let facts = facts.as_ref();
        keep.execute((
            row.get::<_, i64>(0)?,
            facts.and_then(|facts| facts.supplier.as_deref()),
            facts.map(|facts| facts.amount.amount.in_hundredths()),
            facts.map(|facts| facts.amount.currency.as_str()),
            facts.and_then(|facts| facts.link.as_deref()),
            facts.map(|facts| facts.canonical_text.as_str()),
            Some(payload).filter(|_| row.get(2) == Ok(true)),
        ))?;
    }
    Ok(())
}
