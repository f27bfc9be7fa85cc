//! What a holder writes about jobs and items. What it says of a job or the company counts only while the company is held with
//! its epoch. Verdicts were decided under that epoch and stay true of it, so they are written even when another host has the
//! company by then. The same write twice is one.

use super::database::{Database, Fault, Parameter, Type};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::state::{JobEvent, JobState};
use crate::model::verdict::Verdict;

/// Something to be written.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    Job {
        job: JobId,
        event: JobEvent,
        why: String,
    },
    Verdicts {
        job: JobId,
        verdicts: Vec<(AccountingEntryId, Verdict)>,
    },
    /// About the company.
    Company { event: &'static str, detail: String },
}

/// Who writes.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pub(super) company: CompanyId,
    pub(super) epoch: i64,
    pub(super) host: String,
}

impl Entry {
    /// How many rows of its own it adds: each has a number among what the holder wrote.
    pub(super) fn parts(&self) -> i32 {
        match self {
            Self::Job { .. } | Self::Company { .. } => 1,
            Self::Verdicts { verdicts, .. } => i32::try_from(verdicts.len()).unwrap_or(i32::MAX),
        }
    }
}

/// Only while the company is held with this epoch.
const HELD: &str =
    "held AS (SELECT company_id FROM pleo_export.company WHERE company_id = $1 AND epoch = $2 FOR SHARE)";

/// Writes it; `part` is the number of its first row. Answers whether the company is still held.
pub(super) fn write(
    database: &mut Database,
    writer: &Writer,
    entry: &Entry,
    part: i32,
) -> Result<bool, Fault> {
    match entry {
        Entry::Job { job, event, why } => job_event(database, writer, job, *event, why, part),
        Entry::Verdicts { job, verdicts } => decided(database, writer, job, verdicts, part),
        Entry::Company { event, detail } => about_company(database, writer, event, detail, part),
    }
}

/// A job that is over stays so: a host whose checkpoint is older has nothing to say of it.
fn job_event(
    database: &mut Database,
    writer: &Writer,
    job: &JobId,
    event: JobEvent,
    why: &str,
    part: i32,
) -> Result<bool, Fault> {
    let state = match event {
        JobEvent::Claim => JobState::Starting,
        JobEvent::Started => JobState::Started,
        JobEvent::Close => JobState::Closing,
        JobEvent::Closed => JobState::Closed,
        JobEvent::EndedByPleo => JobState::Ended,
        JobEvent::LostToAnother => JobState::Foreign,
    };
    let sql = format!(
        "WITH {HELD}, \
         kept AS (INSERT INTO pleo_export.job (job_id, company_id, state, epoch, host, begun_at, changed_at) \
             SELECT $3, company_id, $4, $2, $5, clock_timestamp(), clock_timestamp() FROM held \
             ON CONFLICT (job_id) DO UPDATE SET state = excluded.state, epoch = excluded.epoch, host = excluded.host, \
                 changed_at = excluded.changed_at WHERE job.state NOT IN ('closed', 'ended') \
             RETURNING company_id), \
         noted AS (INSERT INTO pleo_export.audit (happened_at, company_id, job_id, event, detail, host, epoch, part) \
             SELECT clock_timestamp(), company_id, $3, $6, $7, $5, $2, $8 FROM kept \
             ON CONFLICT (company_id, epoch, part) DO NOTHING) \
         SELECT 1 FROM held"
    );
    let (why, host) = (storable(why), writer.host.as_str());
    let (company, job) = (writer.company.as_str(), job.as_str());
    let parameters: &[Parameter<'_>] = &[
        (&company, Type::TEXT),
        (&writer.epoch, Type::INT8),
        (&job, Type::TEXT),
        (&state.as_str(), Type::TEXT),
        (&host, Type::TEXT),
        (&event.as_str(), Type::TEXT),
        (&why, Type::TEXT),
        (&part, Type::INT4),
    ];
    Ok(!database.ask(&sql, parameters)?.is_empty())
}

fn decided(
    database: &mut Database,
    writer: &Writer,
    job: &JobId,
    verdicts: &[(AccountingEntryId, Verdict)],
    part: i32,
) -> Result<bool, Fault> {
    let sql = format!(
        "WITH {HELD}, \
         noted AS (INSERT INTO pleo_export.verdict \
                 (decided_at, company_id, job_id, entry_id, outcome, external_id, failure_type, reason, host, epoch, part) \
             SELECT clock_timestamp(), $1, $3, entry, outcome, external_id, failure_type, reason, $4, $2, \
                 $5 + (number - 1)::integer \
             FROM unnest($6, $7, $8, $9, $10) WITH ORDINALITY \
                 AS given (entry, outcome, external_id, failure_type, reason, number) \
             ON CONFLICT (company_id, epoch, part) DO NOTHING) \
         SELECT 1 FROM held"
    );
    let entries: Vec<String> = verdicts
        .iter()
        .map(|(entry, _)| storable(entry.as_str()))
        .collect();
    let rows: Vec<Columns> = verdicts.iter().map(|(_, verdict)| Columns::of(verdict)).collect();
    let column = |of: fn(&Columns) -> Option<String>| rows.iter().map(of).collect::<Vec<_>>();
    let outcomes: Vec<&str> = rows.iter().map(|row| row.outcome).collect();
    let numbers = column(|row| row.external_id.clone());
    let types = column(|row| row.failure_type.map(str::to_owned));
    let reasons = column(|row| row.reason.clone());
    let (company, job, host) = (writer.company.as_str(), job.as_str(), writer.host.as_str());
    let parameters: &[Parameter<'_>] = &[
        (&company, Type::TEXT),
        (&writer.epoch, Type::INT8),
        (&job, Type::TEXT),
        (&host, Type::TEXT),
        (&part, Type::INT4),
        (&entries, Type::TEXT_ARRAY),
        (&outcomes, Type::TEXT_ARRAY),
        (&numbers, Type::TEXT_ARRAY),
        (&types, Type::TEXT_ARRAY),
        (&reasons, Type::TEXT_ARRAY),
    ];
    Ok(!database.ask(&sql, parameters)?.is_empty())
}

fn about_company(
    database: &mut Database,
    writer: &Writer,
    event: &str,
    detail: &str,
    part: i32,
) -> Result<bool, Fault> {
    let sql = format!(
        "WITH {HELD}, \
         noted AS (INSERT INTO pleo_export.audit (happened_at, company_id, event, detail, host, epoch, part) \
             SELECT clock_timestamp(), company_id, $3, $4, $5, $2, $6 FROM held \
             ON CONFLICT (company_id, epoch, part) DO NOTHING) \
         SELECT 1 FROM held"
    );
    let (company, detail, host) = (writer.company.as_str(), storable(detail), writer.host.as_str());
    let parameters: &[Parameter<'_>] = &[
        (&company, Type::TEXT),
        (&writer.epoch, Type::INT8),
        (&event, Type::TEXT),
        (&detail, Type::TEXT),
        (&host, Type::TEXT),
        (&part, Type::INT4),
    ];
    Ok(!database.ask(&sql, parameters)?.is_empty())
}

/// A verdict as its columns.
struct Columns {
    outcome: &'static str,
    external_id: Option<String>,
    failure_type: Option<&'static str>,
    reason: Option<String>,
}

impl Columns {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Successful(exported) => Self {
                outcome: "successful",
                external_id: Some(storable(&exported.external_id)),
                failure_type: None,
                reason: None,
            },
            Verdict::Failed(failure) => Self {
                outcome: "failed",
                external_id: failure.standing().booked_as().map(|number| storable(number)),
                failure_type: Some(failure.failure_type().as_str()),
                reason: Some(storable(&failure.text())),
            },
        }
    }
}

/// A text without the one character that the database cannot hold.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
