//! How the fleet stands, and what a person says about a company.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::database::{Database, Fault};
use super::settings::{Settings, host_name};
use super::{polls, schema, turns};
use crate::checkpoint::Contact;

/// How long a person waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The database of a fleet, for whoever looks or says something.
#[derive(Debug)]
pub struct Overview(Database);

/// A company as the fleet knows it.
#[derive(Clone, Debug)]
pub struct CompanyState {
    /// Its id.
    pub company_id: String,
    /// Which host holds it, and until when.
    pub held: Option<(String, DateTime<Utc>)>,
    /// That nobody is to serve it, where that is so.
    pub paused: Option<Paused>,
    /// How its polls have ended.
    pub contact: Contact,
    /// How many of its jobs are in the fleet's hands.
    pub open_jobs: i64,
}

/// Why a company is not served.
#[derive(Clone, Debug)]
pub struct Paused {
    /// Since when.
    pub at: DateTime<Utc>,
    /// `person`, or `worker` where its settings or credential were refused.
    pub by: String,
    /// The worker's reason.
    pub reason: Option<String>,
}

impl Overview {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// [`Fault`] where this machine cannot ask.
    pub fn new(settings: &Settings) -> Result<Self, Fault> {
        let mut database = schema::open(settings)?;
        database.be_patient(PATIENCE);
        Ok(Self(database))
    }

    /// Every company, by its id, and the time of the database.
    ///
    /// # Errors
    /// [`Fault`] where the database cannot be used.
    pub fn companies(&mut self) -> Result<(DateTime<Utc>, Vec<CompanyState>), Fault> {
        let sql = format!(
            "SELECT company_id, CASE WHEN free_at > clock_timestamp() THEN host END, lease_until, paused_at, \
                 paused_by, pause_reason, \
                 (SELECT count(*) FROM pleo_export.job j WHERE j.company_id = c.company_id AND {}), {} \
             FROM pleo_export.company c ORDER BY company_id",
            turns::OPEN,
            polls::COLUMNS
        );
        let now = self.0.ask("SELECT clock_timestamp()", &[])?;
        let now = now.first().map(|row| row.get(0)).transpose()?.unwrap_or_default();
        let rows = self.0.ask(&sql, &[])?;
        let states = rows.iter().map(|row| {
            let (host, until): (Option<String>, Option<DateTime<Utc>>) = (row.get(1)?, row.get(2)?);
            let paused_at: Option<DateTime<Utc>> = row.get(3)?;
            let by: Option<String> = row.get(4)?;
            let reason = row.get(5)?;
            Ok(CompanyState {
                company_id: row.get(0)?,
                held: host.zip(until),
                paused: paused_at.map(|at| Paused {
                    at,
                    by: by.unwrap_or_default(),
                    reason,
                }),
                open_jobs: row.get(6)?,
                contact: polls::read(row, 7)?,
            })
        });
        Ok((now, states.collect::<Result<_, Fault>>()?))
    }

    /// Has nobody claim the company. Answers whether the fleet has it.
    ///
    /// # Errors
    /// [`Fault`] where the database cannot be used.
    pub fn pause(&mut self, company: &str) -> Result<bool, Fault> {
        turns::pause(&mut self.0, company, &host_name())
    }

    /// Has it served again. Answers whether the fleet has it.
    ///
    /// # Errors
    /// [`Fault`] where the database cannot be used.
    pub fn resume(&mut self, company: &str) -> Result<bool, Fault> {
        turns::resume(&mut self.0, company, &host_name())
    }
}
