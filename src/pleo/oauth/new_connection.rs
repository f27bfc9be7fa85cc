//! A consent becomes a connection, and a connection ends.

use secrecy::SecretString;

use super::connection::expires_at;
use super::endpoint::{AskError, Endpoint, Grant};
use super::store::{Lock, lost, to_be_replaced};
use super::tokens::{Tokens, TokensError};
use super::{Authorization, Settings};
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;
use crate::pleo::error::PleoError;

/// New tokens that are on disk, while nobody knows yet for which company they are. Dropped before [`Self::keep`], it
/// puts back what was there before.
#[derive(Debug)]
pub struct NewConnection {
    lock: Lock,
    tokens: Tokens,
    before: Option<Tokens>,
    is_kept: bool,
}

impl NewConnection {
    /// Exchanges a code for tokens and keeps them. Nobody else renews tokens of this file meanwhile.
    pub fn exchange(
        settings: &Settings,
        stop: &Stop,
        authorization: &Authorization,
        code: &SecretString,
        scopes: &[String],
    ) -> Result<Self, PleoError> {
        let mut lock = lock(settings, stop)?;
        let before = to_be_replaced(lock.read(&settings.store))?;
        let room = lock.room()?;
        let endpoint = Endpoint::new(settings.clone(), stop.clone());
        let grant = Grant::Code {
            code,
            verifier: &authorization.verifier,
            redirect_uri: &authorization.redirect_uri,
        };
        let granted = endpoint.ask(&grant, settings.give_up_after);
        let granted = granted.map_err(|error| match error {
            AskError::Dead(words) => PleoError::Disconnected {
                problem: format!("{words}: Pleo does not take the code, which was used before or is too old"),
            },
            AskError::Other(error) => error,
        })?;
        let Some(refresh) = granted.refresh else {
            return Err(PleoError::NoRefreshToken);
        };
        let tokens = Tokens {
            access: granted.access,
            refresh,
            expires_at: expires_at(granted.life),
            company_id: None,
            host: settings.host.clone(),
            scope: granted.scope.unwrap_or_else(|| scopes.join(" ")),
            refused_at: None,
        };
        room.fill(&tokens).map_err(|why| lost(&why))?;
        Ok(Self {
            lock,
            tokens,
            before,
            is_kept: false,
        })
    }

    /// For asking Pleo whose they are.
    pub fn access_token(&self) -> SecretString {
        self.tokens.access.clone()
    }

    /// Keeps the tokens as those of this company.
    pub fn keep(mut self, company_id: CompanyId) -> Result<Tokens, PleoError> {
        self.tokens.company_id = Some(company_id);
        self.lock.write(&self.tokens).map_err(|why| lost(&why))?;
        self.is_kept = true;
        Ok(self.tokens.clone())
    }
}

impl Drop for NewConnection {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let undone = match &self.before {
            Some(before) => self.lock.write(before),
            None => self.lock.remove().map(drop),
        };
        if let Err(error) = undone {
            tracing::warn!("tokens of a login that failed are still there: {error}");
        }
    }
}

/// Takes the tokens away; Pleo is not told. Answers whether there were some.
pub fn forget(settings: &Settings, stop: &Stop) -> Result<bool, PleoError> {
    settings.store.refuse_other()?;
    settings.store.sweep(stop);
    if let Err(TokensError::Absent(_)) = settings.store.read() {
        return Ok(false);
    }
    lock(settings, stop)?.remove()
}

fn lock(settings: &Settings, stop: &Stop) -> Result<Lock, PleoError> {
    stop.check()?;
    settings
        .store
        .lock(settings.give_up_after + settings.request_timeout, stop)
}
