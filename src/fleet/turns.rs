//! Whose turn it is: what the database is asked about companies. All times are its own.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::database::{Database, Fault, Parameter, Type};
use super::polls;
use super::settings::Settings;
use crate::checkpoint::Contact;
use crate::host::stop::Stop;
use crate::model::ids::{CompanyId, JobId};
use crate::model::state::JobState;

/// A company that was claimed.
pub(super) struct Claimed {
    pub(super) company: CompanyId,
    pub(super) epoch: i64,
    /// Who held it and did not give it back.
    pub(super) taken_from: Option<String>,
    /// The database's time.
    pub(super) now: DateTime<Utc>,
    pub(super) jobs: Vec<(JobId, JobState)>,
    pub(super) contact: Contact,
}

/// Who claims, and what.
pub(super) struct Claim<'a> {
    pub(super) holder: &'a str,
    pub(super) host: &'a str,
    /// Only companies that nobody has served since then.
    pub(super) since: DateTime<Utc>,
    pub(super) except: &'a [String],
}

/// How long the database is asked for an answer.
pub(super) struct Until<'a>(pub(super) Instant, pub(super) &'a Stop);

/// Makes companies known. Answers the time, and who is known beside them.
pub(super) fn register(
    database: &mut Database,
    until: &Until<'_>,
    companies: &[String],
) -> Result<(DateTime<Utc>, Vec<String>), Fault> {
    let all: &[Parameter<'_>] = &[(&companies, Type::TEXT_ARRAY)];
    let sql = "INSERT INTO pleo_export.company (company_id) SELECT unnest($1) ON CONFLICT DO NOTHING";
    database.ask_until(until.0, until.1, sql, all)?;
    // A lease that was granted in what is the future now: the clock of the database was set back. From now on it holds for
    // as long as it was granted for, which is no shorter than its holder believes.
    let sql = "UPDATE pleo_export.company SET granted_at = clock_timestamp(), \
               lease_until = clock_timestamp() + (lease_until - granted_at), \
               free_at = clock_timestamp() + (free_at - granted_at) WHERE granted_at > clock_timestamp()";
    database.ask_until(until.0, until.1, sql, &[])?;
    let sql = "SELECT clock_timestamp(), array(SELECT company_id FROM pleo_export.company WHERE NOT company_id = ANY ($1))";
    let rows = database.ask_until(until.0, until.1, sql, all)?;
    let row = rows.first().ok_or_else(nothing)?;
    Ok((row.get(0)?, row.get(1)?))
}

/// Claims the company that was claimed longest ago of those that are due, free and not paused. What this holder has already,
/// because an answer was lost, is claimed anew.
pub(super) fn claim(
    database: &mut Database,
    until: &Until<'_>,
    settings: &Settings,
    claim: &Claim<'_>,
) -> Result<Option<Claimed>, Fault> {
    let sql = format!(
        "WITH turn AS ( \
             SELECT company_id, holder AS before FROM pleo_export.company \
             WHERE paused_at IS NULL \
               AND (free_at IS NULL OR free_at < clock_timestamp() OR holder = $1) \
               AND (served_at IS NULL OR served_at < $3 OR served_at > clock_timestamp()) \
               AND NOT company_id = ANY ($4) \
             ORDER BY claimed_at NULLS FIRST, company_id LIMIT 1 FOR UPDATE SKIP LOCKED) \
         UPDATE pleo_export.company AS c \
         SET epoch = c.epoch + 1, holder = $1, host = $2, claimed_at = clock_timestamp(), granted_at = clock_timestamp(), \
             lease_until = clock_timestamp() + $5 * interval '1 millisecond', \
             free_at = clock_timestamp() + ($5 + $6) * interval '1 millisecond' \
         FROM turn WHERE c.company_id = turn.company_id \
         RETURNING c.company_id, c.epoch, turn.before, clock_timestamp(), \
             array(SELECT job_id FROM pleo_export.job j WHERE j.company_id = c.company_id AND {OPEN} ORDER BY job_id), \
             array(SELECT state FROM pleo_export.job j WHERE j.company_id = c.company_id AND {OPEN} ORDER BY job_id), {}",
        polls::COLUMNS
    );
    let (lease, grace) = lengths(settings);
    let parameters: &[Parameter<'_>] = &[
        (&claim.holder, Type::TEXT),
        (&claim.host, Type::TEXT),
        (&claim.since, Type::TIMESTAMPTZ),
        (&claim.except, Type::TEXT_ARRAY),
        (&lease, Type::INT8),
        (&grace, Type::INT8),
    ];
    let rows = database.ask_until(until.0, until.1, &sql, parameters)?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let jobs = row.get::<Vec<String>>(4)?.into_iter().map(JobId::new);
    let states = row.get::<Vec<String>>(5)?;
    let states = states.iter().map(|word| {
        JobState::from_word(word)
            .ok_or_else(|| Fault::Unexpected(format!("a job of the fleet has the state `{word}`")))
    });
    Ok(Some(Claimed {
        company: CompanyId::new(row.get::<String>(0)?),
        epoch: row.get(1)?,
        taken_from: row
            .get::<Option<String>>(2)?
            .filter(|before| before != claim.holder),
        now: row.get(3)?,
        jobs: jobs.zip(states.collect::<Result<Vec<_>, _>>()?).collect(),
        contact: polls::read(row, 6)?,
    }))
}

/// A job that nothing was heard of for a week is over, whatever became of it: Pleo gives one up within the hour.
pub(super) const OPEN: &str =
    "j.state IN ('starting', 'started', 'closing') AND j.changed_at > clock_timestamp() - interval '7 days'";

/// Makes a lease last from now on. Answers whether it is still this holder's.
pub(super) fn renew(
    database: &mut Database,
    settings: &Settings,
    holder: &str,
    company: &CompanyId,
    epoch: i64,
) -> Result<bool, Fault> {
    let sql = "UPDATE pleo_export.company SET granted_at = clock_timestamp(), \
                   lease_until = clock_timestamp() + $4 * interval '1 millisecond', \
                   free_at = clock_timestamp() + ($4 + $5) * interval '1 millisecond' \
               WHERE company_id = $1 AND epoch = $2 AND holder = $3 RETURNING 1";
    let (lease, grace) = lengths(settings);
    database.insist();
    let rows = database.ask(
        sql,
        &[
            (&company.as_str(), Type::TEXT),
            (&epoch, Type::INT8),
            (&holder, Type::TEXT),
            (&lease, Type::INT8),
            (&grace, Type::INT8),
        ],
    )?;
    Ok(!rows.is_empty())
}

/// Whether nobody has claimed the company since.
pub(super) fn is_held(database: &mut Database, company: &CompanyId, epoch: i64) -> Result<bool, Fault> {
    let sql = "SELECT 1 FROM pleo_export.company WHERE company_id = $1 AND epoch = $2 AND holder IS NOT NULL";
    let rows = database.ask(sql, &[(&company.as_str(), Type::TEXT), (&epoch, Type::INT8)])?;
    Ok(!rows.is_empty())
}

/// How a turn ended.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    /// Whether the company was served: it is due again for who begins from now on. Otherwise it still is.
    pub is_served: bool,
    /// How its polls have ended.
    pub contact: &'a Contact,
    /// Why nobody is to serve it before a person has seen to it.
    pub pause: Option<&'a str>,
}

/// Gives a company back. Answers whether it was still this holder's; giving it back twice is the same as once.
pub(super) fn release(
    database: &mut Database,
    until: &Until<'_>,
    company: &CompanyId,
    epoch: i64,
    end: &End<'_>,
) -> Result<bool, Fault> {
    let sql = format!(
        "UPDATE pleo_export.company SET holder = NULL, granted_at = NULL, lease_until = NULL, free_at = NULL, \
             served_at = CASE WHEN $3 THEN clock_timestamp() ELSE served_at END, \
             paused_at = CASE WHEN $4::text IS NULL THEN paused_at ELSE clock_timestamp() END, \
             paused_by = CASE WHEN $4::text IS NULL THEN paused_by ELSE 'worker' END, \
             pause_reason = coalesce($4, pause_reason), {} \
         WHERE company_id = $1 AND epoch = $2 RETURNING 1",
        polls::ASSIGNMENTS
    );
    let row = polls::Row::of(end.contact);
    let company = company.as_str();
    let mut parameters: Vec<Parameter<'_>> = vec![
        (&company, Type::TEXT),
        (&epoch, Type::INT8),
        (&end.is_served, Type::BOOL),
        (&end.pause, Type::TEXT),
    ];
    parameters.extend(row.parameters());
    Ok(!database
        .ask_until(until.0, until.1, &sql, &parameters)?
        .is_empty())
}

/// A person says that nobody is to serve the company. Answers whether the fleet has it.
pub(super) fn pause(database: &mut Database, company: &str, host: &str) -> Result<bool, Fault> {
    let change = "paused_at = clock_timestamp(), paused_by = 'person', pause_reason = NULL";
    by_a_person(database, company, host, change, "pause")
}

/// A person says that it is to be served again, at once.
pub(super) fn resume(database: &mut Database, company: &str, host: &str) -> Result<bool, Fault> {
    let change = "paused_at = NULL, paused_by = NULL, pause_reason = NULL, served_at = NULL";
    by_a_person(database, company, host, change, "resume")
}

fn by_a_person(
    database: &mut Database,
    company: &str,
    host: &str,
    change: &str,
    event: &str,
) -> Result<bool, Fault> {
    let sql = format!(
        "WITH done AS (UPDATE pleo_export.company SET {change} WHERE company_id = $1 RETURNING company_id), \
         noted AS (INSERT INTO pleo_export.audit (happened_at, company_id, event, detail, host) \
             SELECT clock_timestamp(), company_id, $2, 'a person', $3 FROM done) \
         SELECT 1 FROM done"
    );
    let parameters: &[Parameter<'_>] = &[(&company, Type::TEXT), (&event, Type::TEXT), (&host, Type::TEXT)];
    Ok(!database.ask(&sql, parameters)?.is_empty())
}

/// Lease and grace in milliseconds.
fn lengths(settings: &Settings) -> (i64, i64) {
    let milliseconds = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    (milliseconds(settings.lease), milliseconds(settings.grace()))
}

fn nothing() -> Fault {
    Fault::Unexpected("the fleet's database answers nothing".to_owned())
}
