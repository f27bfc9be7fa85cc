//! The one file that asks PostgreSQL: a runtime of its own, and a deadline of ours around every question, since a network
//! that falls silent is never noticed by the driver. Beside it the driver is known to those alone who read an address and
//! encrypt the way there ([`super::address`], [`super::tls`]).
//!
//! Statements are unnamed and nothing is kept in a session, so that PgBouncer may give each to another server connection.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::Client;
use tokio_postgres::tls::NoTls;
use tokio_postgres::types::FromSqlOwned;
use tracing::debug;

pub(super) use tokio_postgres::types::{ToSql, Type};

use super::address::Address;
use super::tls::{Tls, is_refused_here, is_untrusted};
use crate::host::foreign_text::one_line;
use crate::host::http;
use crate::host::kill;
use crate::host::stop::Stop;

/// How long the tries for an answer are apart.
const PAUSE: Duration = Duration::from_millis(200);

/// A value of a statement, with its type in the database.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

/// Why the database did not do it. Each text names the database.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub enum Fault {
    /// Out of reach, or too busy, for now. Whether it was done is not known.
    OutOfReach(String),
    /// Address, credential, certificate or rights are wrong: nothing was done.
    Settings(String),
    /// There are no tables of a fleet that this version can use: nothing was done.
    Schema(String),
    /// It has no room: nothing was done.
    Full(String),
    /// Anything else: nothing was done.
    Unexpected(String),
}

/// A connection to the database, which comes about when it is needed, and again when it is gone.
pub(super) struct Database {
    runtime: Runtime,
    address: Address,
    /// How long one question may take.
    patience: Duration,
    /// What each new connection must pass; away while it is asked.
    check: Option<Check>,
    client: Option<Client>,
    is_in_change: bool,
    /// Until when nobody waits for an answer once more who could do without.
    silent_until: Option<Instant>,
}

/// Looks at a new connection, whether it leads to what was meant.
pub(super) type Check = fn(&mut Database) -> Result<(), Fault>;

/// A row of an answer.
#[derive(Debug)]
pub(super) struct Row(tokio_postgres::Row);

impl Row {
    /// What stands in this column.
    pub(super) fn get<T: FromSqlOwned>(&self, column: usize) -> Result<T, Fault> {
        self.0.try_get(column).map_err(|error| {
            Fault::Unexpected(format!(
                "the fleet's database answers with another kind of row: {}",
                http::chain(&error)
            ))
        })
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Database").field(&self.address).finish()
    }
}

impl Database {
    /// Nothing is sent yet.
    pub(super) fn new(address: Address, patience: Duration, check: Check) -> Result<Self, Fault> {
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            runtime: runtime
                .map_err(|error| Fault::Unexpected(format!("no runtime for the database: {error}")))?,
            address,
            patience,
            check: Some(check),
            client: None,
            is_in_change: false,
            silent_until: None,
        })
    }

    /// How long one question may take from now on. Answers how long it could before.
    pub(super) const fn be_patient(&mut self, patience: Duration) -> Duration {
        std::mem::replace(&mut self.patience, patience)
    }

    /// Whether a change was begun that is neither committed nor taken back.
    pub(super) const fn is_in_change(&self) -> bool {
        self.is_in_change && self.client.is_some()
    }

    pub(super) const fn address(&self) -> &Address {
        &self.address
    }

    /// Asks once. A connection that turns out to be gone is no reason to do without an answer: then it is asked by a new one.
    /// Right after a silence nobody waits again, unless he insists.
    pub(super) fn ask(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Fault> {
        if self.silent_until.is_some_and(|until| Instant::now() < until) {
            return Err(self.silent());
        }
        let may_be_gone = self.client.is_some() && !self.is_in_change;
        match self.ask_by_this_connection(sql, parameters) {
            Err(Fault::OutOfReach(_)) if may_be_gone && self.silent_until.is_none() => {
                self.ask_by_this_connection(sql, parameters)
            }
            answer => answer,
        }
    }

    /// The next question is worth the wait.
    pub(super) const fn insist(&mut self) {
        self.silent_until = None;
    }

    fn ask_by_this_connection(&mut self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, Fault> {
        self.connected()?;
        let (patience, client) = (self.patience, &self.client);
        kill::point("before the database is asked");
        let answer = self.runtime.block_on(async {
            let client = client.as_ref()?;
            Some(tokio::time::timeout(patience, client.query_typed(sql, parameters)).await)
        });
        kill::point("database answered");
        let rows = self.understood(answer)?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Asks until there is an answer, or the time is over, or the run is to stop.
    pub(super) fn ask_until(
        &mut self,
        until: Instant,
        stop: &Stop,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Fault> {
        loop {
            self.insist();
            match self.ask(sql, parameters) {
                Err(Fault::OutOfReach(why)) if Instant::now() + PAUSE < until => {
                    debug!("{why}; trying again");
                    if stop.wait(PAUSE).is_err() {
                        return Err(Fault::OutOfReach(why));
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Statements without values, such as those that make tables.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), Fault> {
        self.connected()?;
        let (patience, client) = (self.patience, &self.client);
        let answer = self.runtime.block_on(async {
            let client = client.as_ref()?;
            Some(tokio::time::timeout(patience, client.batch_execute(sql)).await)
        });
        self.understood(answer)
    }

    /// Does the work as one change, all of it or nothing. Where the last answer is lost it is not known which.
    pub(super) fn change<T, E: From<Fault>>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.begin()?;
        let value = work(self);
        if value.is_err() {
            self.take_back();
        }
        let value = value?;
        self.commit()?;
        Ok(value)
    }

    /// Begins a change: what is asked from now on holds together.
    pub(super) fn begin(&mut self) -> Result<(), Fault> {
        self.run("BEGIN")?;
        self.is_in_change = true;
        Ok(())
    }

    /// Commits the change that was begun. Where the answer is lost it is not known whether it was.
    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        let committed = self.run("COMMIT");
        self.is_in_change = false;
        committed
    }

    /// Takes the change back that was begun: the end of its connection does.
    pub(super) fn take_back(&mut self) {
        self.client = None;
        self.is_in_change = false;
    }

    fn connected(&mut self) -> Result<(), Fault> {
        if self.client.as_ref().is_some_and(|client| !client.is_closed()) {
            return Ok(());
        }
        self.client = None;
        if self.is_in_change {
            self.is_in_change = false;
            return Err(Fault::OutOfReach(format!(
                "the connection to the fleet's database ({}) ended in the middle of a change",
                self.address
            )));
        }
        // A connection that ends while it is looked at.
        let Some(check) = self.check.take() else {
            return Err(self.silent());
        };
        let connected = self.connect().and_then(|()| check(self));
        self.check = Some(check);
        if connected.is_err() {
            self.client = None;
        }
        connected
    }

    fn connect(&mut self) -> Result<(), Fault> {
        let (patience, address) = (self.patience, &self.address);
        let connected = self
            .runtime
            .block_on(async { tokio::time::timeout(patience, connect(address)).await });
        let client = match connected {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return Err(self.fault(&error)),
            Err(_) => return Err(self.fell_silent()),
        };
        self.client = Some(client);
        Ok(())
    }

    fn understood<T>(
        &mut self,
        answer: Option<Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>>,
    ) -> Result<T, Fault> {
        match answer {
            Some(Ok(Ok(answer))) => {
                self.silent_until = None;
                Ok(answer)
            }
            Some(Ok(Err(error))) => {
                let fault = self.fault(&error);
                if error.as_db_error().is_none() || matches!(fault, Fault::OutOfReach(_)) {
                    self.client = None;
                }
                Err(fault)
            }
            // What was asked may still be done, and its answer must not be taken for another's.
            Some(Err(_)) => {
                self.client = None;
                Err(self.fell_silent())
            }
            None => Err(self.silent()),
        }
    }

    fn fell_silent(&mut self) -> Fault {
        self.silent_until = Instant::now().checked_add(self.patience);
        self.silent()
    }

    fn silent(&self) -> Fault {
        Fault::OutOfReach(format!(
            "the fleet's database ({}) gave no answer within {} ms",
            self.address,
            self.patience.as_millis()
        ))
    }

    fn fault(&self, error: &tokio_postgres::Error) -> Fault {
        let words = one_line(&http::chain(error), 300);
        let text = |what: &str| format!("the fleet's database ({}) {what}: {words}", self.address);
        let Some(code) = error.code() else {
            return if is_untrusted(error) {
                Fault::Settings(text("is not trusted"))
            } else if is_refused_here(error) {
                Fault::Settings(text("cannot be used with this address"))
            } else {
                Fault::OutOfReach(text("is out of reach"))
            };
        };
        match (code.code(), code.code().get(..2).unwrap_or_default()) {
            ("53100" | "58030", _) => Fault::Full(text("cannot write")),
            ("3D000" | "42501" | "25006", _) | (_, "28") => Fault::Settings(text("refuses")),
            ("42P01" | "42703" | "3F000", _) => Fault::Schema(text("lacks what a fleet needs")),
            ("55P03" | "25P03" | "57014", _) | (_, "08" | "40" | "53" | "57") => {
                Fault::OutOfReach(text("cannot be used now"))
            }
            _ => Fault::Unexpected(text("answers with an error")),
        }
    }
}

async fn connect(address: &Address) -> Result<Client, tokio_postgres::Error> {
    match &address.tls {
        None => {
            let (client, connection) = address.config.connect(NoTls).await?;
            tokio::spawn(ended(connection));
            Ok(client)
        }
        Some(tls) => {
            let (client, connection) = address.config.connect(Tls(Arc::clone(tls))).await?;
            tokio::spawn(ended(connection));
            Ok(client)
        }
    }
}

/// How a connection ended, the one who asks learns by his next question.
async fn ended(connection: impl Future<Output = Result<(), tokio_postgres::Error>>) {
    if let Err(error) = connection.await {
        debug!(
            "a connection to the fleet's database ended: {}",
            http::chain(&error)
        );
    }
}
