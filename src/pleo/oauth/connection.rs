//! The tokens in use: read from their file, renewed ahead of their end or when Pleo rejects them, by one process at a time.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::Settings;
use super::endpoint::{AskError, Endpoint, Grant, Granted};
use super::store::{Lock, lost};
use super::tokens::Tokens;
use crate::host::clock;
use crate::host::stop::Stop;
use crate::pleo::error::PleoError;

/// How long before its end an access token is renewed. Whoever got it renews one that lives for less than four times this
/// when three quarters of its life are over: how long a token of the file lives is known to nobody else.
const AHEAD: Duration = Duration::from_secs(60);

/// For how long another process may be at a refresh beyond the patience for its requests.
const MORE_PATIENCE: Duration = Duration::from_secs(30);

/// A connection to Pleo by OAuth.
#[derive(Debug)]
pub(in crate::pleo) struct Connection {
    endpoint: Endpoint,
    held: Mutex<Option<Held>>,
}

/// An access token that is on disk, and when to renew it, on a clock that only goes forward.
#[derive(Clone, Debug)]
struct Held {
    access: SecretString,
    renew_at: Instant,
}

impl Connection {
    pub(in crate::pleo) fn new(settings: Settings, stop: Stop) -> Self {
        settings.store.sweep(&stop);
        Self {
            endpoint: Endpoint::new(settings, stop),
            held: Mutex::default(),
        }
    }

    /// The access token for the next request.
    pub(in crate::pleo) fn access_token(&self, patience: Duration) -> Result<SecretString, PleoError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_ref().filter(|held| Instant::now() < held.renew_at) {
            return Ok(held.access.clone());
        }
        let renewed = self.renewed(None, patience)?;
        let access = renewed.access.clone();
        *held = Some(renewed);
        Ok(access)
    }

    /// Pleo has rejected this access token: sees to another one, which another process may have got already.
    pub(in crate::pleo) fn renew(
        &self,
        rejected: &SecretString,
        patience: Duration,
    ) -> Result<(), PleoError> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Some(self.renewed(Some(rejected), patience)?);
        Ok(())
    }

    fn renewed(&self, rejected: Option<&SecretString>, patience: Duration) -> Result<Held, PleoError> {
        let is_rejected = |access: &SecretString| rejected.is_some_and(|rejected| is_same(access, rejected));
        let store = &self.endpoint.settings.store;
        let seen = store.read()?;
        // A login that does not know yet whose tokens it has got holds the lock until it does.
        if seen.company_id.is_some() {
            self.check_ours(&seen)?;
            if let Some(held) = usable(&seen, AHEAD).filter(|held| !is_rejected(&held.access)) {
                return Ok(held);
            }
        }
        let mut lock = self.lock()?;
        let now = lock.read(store)?;
        self.check_ours(&now)?;
        // Whoever had the lock before us may have renewed them, however short their life is.
        let is_new = !is_same(&now.access, &seen.access);
        let ahead = if is_new { Duration::ZERO } else { AHEAD };
        match usable(&now, ahead).filter(|held| !is_rejected(&held.access)) {
            Some(held) => Ok(held),
            None => self.refresh(&mut lock, &now, patience),
        }
    }

    /// Waits for as long as another process may be at a refresh. Where the run is to stop there is one try for it, which the
    /// stop does not end: what is known must still be told to Pleo once.
    fn lock(&self) -> Result<Lock, PleoError> {
        let Settings {
            ref store,
            request_timeout,
            give_up_after,
            ..
        } = self.endpoint.settings;
        let stop = &self.endpoint.stop;
        if stop.is_requested() {
            return store.lock(request_timeout, &Stop::new());
        }
        store.lock(give_up_after + request_timeout + MORE_PATIENCE, stop)
    }

    /// Refuses tokens that are for somebody else or that Pleo has rejected: a login may have put others in the place of those
    /// that the settings were read with.
    fn check_ours(&self, tokens: &Tokens) -> Result<(), PleoError> {
        let Settings {
            store,
            host,
            company_id,
            ..
        } = &self.endpoint.settings;
        match (&tokens.company_id, company_id) {
            (None, Some(_)) => {
                let problem = format!("the login into `{store}` did not come to its end");
                return Err(PleoError::Disconnected { problem });
            }
            (Some(found), expected) if !expected.as_ref().is_some_and(|expected| found.is(expected)) => {
                return Err(PleoError::Settings {
                    problem: format!(
                        "the tokens in `{store}` are for company {found} by now: run `pleo-export login` for the company of \
                         these settings, or give each company a file of its own"
                    ),
                });
            }
            _ => {}
        }
        if tokens.host != *host {
            return Err(PleoError::Settings {
                problem: format!(
                    "the tokens in `{store}` are for another Pleo than {host}: run `pleo-export login`, or correct `pleo.base_url`"
                ),
            });
        }
        match tokens.refused_at {
            None => Ok(()),
            Some(at) => Err(PleoError::Disconnected {
                problem: format!("Pleo rejected the tokens in `{store}` on {}", clock::text(at)),
            }),
        }
    }

    /// A new pair, which is on disk when it comes back. Room for it is taken before the old one is given up.
    fn refresh(&self, lock: &mut Lock, old: &Tokens, patience: Duration) -> Result<Held, PleoError> {
        let room = lock.room()?;
        match self.endpoint.ask(&Grant::Refresh(&old.refresh), patience) {
            Ok(granted) => {
                let (renew_at, life) = (renew_at(granted.life), granted.life);
                let new = renewed_tokens(old, granted);
                room.fill(&new).map_err(|why| lost(&why))?;
                tracing::info!("renewed the tokens for Pleo, for {} s", life.as_secs());
                Ok(Held {
                    access: new.access,
                    renew_at,
                })
            }
            Err(AskError::Dead(words)) => {
                let marked = Tokens {
                    refused_at: Some(clock::now()),
                    ..old.clone()
                };
                if let Err(error) = room.fill(&marked) {
                    tracing::warn!("that Pleo rejects the tokens could not be noted: {error}");
                }
                let problem = format!("{words}: Pleo rejects to renew the tokens");
                Err(PleoError::Disconnected { problem })
            }
            Err(AskError::Other(error)) => Err(error),
        }
    }
}

/// The pair that follows. A refresh token that did not come stays the old one, as RFC 6749 (section 6) has it.
fn renewed_tokens(old: &Tokens, granted: Granted) -> Tokens {
    if granted.refresh.is_none() {
        tracing::warn!("Pleo renewed the access token and gave no new refresh token; keeping the old one");
    }
    Tokens {
        access: granted.access,
        refresh: granted.refresh.unwrap_or_else(|| old.refresh.clone()),
        expires_at: expires_at(granted.life),
        scope: granted.scope.unwrap_or_else(|| old.scope.clone()),
        ..old.clone()
    }
}

/// When tokens that come now end, by our clock.
pub(super) fn expires_at(life: Duration) -> DateTime<Utc> {
    let life = TimeDelta::from_std(life).unwrap_or_default();
    clock::now().checked_add_signed(life).unwrap_or_else(clock::now)
}

fn renew_at(life: Duration) -> Instant {
    Instant::now() + life.saturating_sub(AHEAD.min(life / 4))
}

/// The access token of the file, unless it ends within this time. Where a clock is wrong, Pleo's answer decides.
fn usable(tokens: &Tokens, ahead: Duration) -> Option<Held> {
    let left = (tokens.expires_at - clock::now()).to_std().ok()?;
    let renew_in = left.checked_sub(ahead).filter(|left| !left.is_zero())?;
    Some(Held {
        access: tokens.access.clone(),
        renew_at: Instant::now().checked_add(renew_in)?,
    })
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}
