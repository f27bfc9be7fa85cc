//! The tokens of a company's consent, one row each: who renews them holds the row, and the new pair is committed before anybody
//! uses it.

use std::fmt;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use tracing::debug;

use super::database::{Database, Fault, Parameter, Row, Type};
use super::schema;
use super::settings::Settings;
use crate::host::clock;
use crate::host::kill;
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;
use crate::pleo::oauth::tokens::Tokens;
use crate::pleo::oauth::{LockedTokens, SharedError, SharedTokens};

/// How long tokens that Pleo has just given are tried to be kept: the old ones are dead by then.
const MOST_STUBBORN: Duration = Duration::from_secs(120);

const PAUSE: Duration = Duration::from_millis(200);

/// Where the fleet keeps the tokens of one company.
#[derive(Clone, Debug)]
pub struct Grant {
    settings: Settings,
    company: CompanyId,
}

impl Grant {
    /// Nothing is asked yet.
    pub const fn new(settings: Settings, company: CompanyId) -> Self {
        Self { settings, company }
    }

    /// A connection of its own: others may wait for long while this one holds the row.
    fn database(&self) -> Result<Database, SharedError> {
        Ok(schema::open(&self.settings)?)
    }
}

impl SharedTokens for Grant {
    fn name(&self) -> String {
        format!("the fleet's database, {}", self.settings.address)
    }

    fn read(&self) -> Result<Option<Tokens>, SharedError> {
        Ok(read(&mut self.database()?, &self.company, "")?)
    }

    fn lock(&self, patience: Duration) -> Result<Box<dyn LockedTokens>, SharedError> {
        let mut locked = Locked {
            database: self.database()?,
            company: self.company.clone(),
            patience,
            before: None,
        };
        locked.before = locked.begin()?;
        Ok(Box::new(locked))
    }
}

/// A row that is held by a change which is not committed yet.
struct Locked {
    database: Database,
    company: CompanyId,
    patience: Duration,
    /// What stood there when the row was had.
    before: Option<Tokens>,
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Locked").field(&self.company).finish()
    }
}

impl Locked {
    /// Waits for the row, and answers what stands in it.
    fn begin(&mut self) -> Result<Option<Tokens>, Fault> {
        let patience = i64::try_from(self.patience.as_millis())
            .unwrap_or(i64::MAX)
            .min(3_600_000);
        self.database.begin()?;
        // Whoever holds the row and falls silent loses it after the time that a refresh can take.
        let limits = format!(
            "SET LOCAL lock_timeout = {patience}; SET LOCAL idle_in_transaction_session_timeout = {}",
            patience.saturating_add(30_000)
        );
        self.database.run(&limits)?;
        let usual = self.database.be_patient(self.patience + Duration::from_secs(5));
        let found = read(&mut self.database, &self.company, " FOR UPDATE");
        self.database.be_patient(usual);
        found
    }

    /// Writes within the change.
    fn put(&mut self, tokens: &Tokens) -> Result<(), Fault> {
        let sql = "INSERT INTO pleo_export.oauth_grant (company_id, host, access_token, refresh_token, expires_at, scope, \
                       is_finished, refused_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp()) \
                   ON CONFLICT (company_id) DO UPDATE SET host = excluded.host, access_token = excluded.access_token, \
                       refresh_token = excluded.refresh_token, expires_at = excluded.expires_at, scope = excluded.scope, \
                       is_finished = excluded.is_finished, refused_at = excluded.refused_at, changed_at = excluded.changed_at";
        let company = self.company.as_str();
        let parameters: &[Parameter<'_>] = &[
            (&company, Type::TEXT),
            (&tokens.host, Type::TEXT),
            (&tokens.access.expose_secret(), Type::TEXT),
            (&tokens.refresh.expose_secret(), Type::TEXT),
            (&tokens.expires_at, Type::TIMESTAMPTZ),
            (&tokens.scope, Type::TEXT),
            (&tokens.company_id.is_some(), Type::BOOL),
            (&tokens.refused_at, Type::TIMESTAMPTZ),
        ];
        self.database.ask(sql, parameters).map(drop)
    }

    /// After an answer that was lost: what was to be written is written unless it is there.
    fn put_again(&mut self, tokens: &Tokens) -> Result<(), Fault> {
        self.database.take_back();
        let there = self.begin()?;
        let pair = |tokens: &Tokens| tokens.refresh.expose_secret().to_owned();
        // Somebody else who has written meanwhile, with a consent that is newer, is right. Who only found the old pair
        // refused is not.
        if there.as_ref().map(pair) == self.before.as_ref().map(pair) {
            self.put(tokens)?;
        }
        self.database.commit()
    }
}

impl LockedTokens for Locked {
    fn read(&mut self) -> Result<Option<Tokens>, SharedError> {
        Ok(read(&mut self.database, &self.company, "")?)
    }

    fn try_write(&mut self) -> Result<(), SharedError> {
        // A change that was committed before has let the row go.
        if !self.database.is_in_change() {
            self.before = self.begin()?;
        }
        let sql = "UPDATE pleo_export.oauth_grant SET changed_at = clock_timestamp() WHERE company_id = $1";
        self.database.ask(sql, &[(&self.company.as_str(), Type::TEXT)])?;
        kill::point("room for tokens");
        Ok(())
    }

    fn write(&mut self, tokens: &Tokens) -> Result<(), SharedError> {
        let mut written = self.put(tokens).and_then(|()| self.database.commit());
        let until = Instant::now() + MOST_STUBBORN;
        while let Err(Fault::OutOfReach(why)) = &written {
            if Instant::now() >= until {
                break;
            }
            debug!("{why}; the new tokens are tried to be kept again");
            // Nothing must end this: what is not kept now is lost.
            let _ = Stop::new().wait(PAUSE);
            written = self.put_again(tokens);
        }
        kill::point("tokens written");
        Ok(written?)
    }

    fn remove(&mut self) -> Result<bool, SharedError> {
        let sql = "DELETE FROM pleo_export.oauth_grant WHERE company_id = $1 RETURNING 1";
        let removed = self.database.ask(sql, &[(&self.company.as_str(), Type::TEXT)])?;
        if self.database.is_in_change() {
            self.database.commit()?;
        }
        Ok(!removed.is_empty())
    }
}

fn read(database: &mut Database, company: &CompanyId, with: &str) -> Result<Option<Tokens>, Fault> {
    let sql = format!(
        "SELECT host, access_token, refresh_token, expires_at, scope, is_finished, refused_at FROM pleo_export.oauth_grant \
         WHERE company_id = $1{with}"
    );
    let rows = database.ask(&sql, &[(&company.as_str(), Type::TEXT)])?;
    rows.first().map(|row| tokens(row, company)).transpose()
}

fn tokens(row: &Row, company: &CompanyId) -> Result<Tokens, Fault> {
    let secret = |column| row.get::<String>(column).map(SecretString::from);
    let refused_at: Option<DateTime<Utc>> = row.get(6)?;
    Ok(Tokens {
        host: row.get(0)?,
        access: secret(1)?,
        refresh: secret(2)?,
        expires_at: row.get(3)?,
        scope: row.get(4)?,
        company_id: row.get::<bool>(5)?.then(|| company.clone()),
        refused_at: refused_at.map(|at| at.min(clock::now())),
    })
}

impl From<Fault> for SharedError {
    fn from(fault: Fault) -> Self {
        Self {
            is_temporary: matches!(fault, Fault::OutOfReach(_)),
            text: fault.to_string(),
        }
    }
}
