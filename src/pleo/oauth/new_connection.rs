//! A consent becomes a connection, and a connection ends.

use std::path::Path;

use secrecy::SecretString;

use super::connection::{expires_at, not_kept, not_locked};
use super::endpoint::{AskError, Endpoint, Grant};
use super::tokens::{self, Tokens, TokensError, TokensLock, folder_of};
use super::{Authorization, Settings};
use crate::host::files;
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;
use crate::pleo::error::PleoError;

/// New tokens that are on disk, while nobody knows yet for which company they are. Dropped before [`Self::keep`], it
/// puts back what was there before.
#[derive(Debug)]
pub struct NewConnection {
    lock: TokensLock,
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
        let lock = lock(settings, stop)?;
        let before = tokens::read(&settings.token_file).ok();
        let room = lock.room().map_err(|error| not_kept(&error))?;
        let endpoint = Endpoint::new(settings, stop.clone())?;
        let granted = endpoint.ask(&Grant::Code {
            code,
            verifier: &authorization.verifier,
            redirect_uri: &authorization.redirect_uri,
        });
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
        room.fill(&tokens).map_err(|error| not_kept(&error))?;
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
        self.lock.write(&self.tokens).map_err(|error| not_kept(&error))?;
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
            None => tokens::remove(&self.lock).map(drop),
        };
        if let Err(error) = undone {
            tracing::warn!("tokens of a login that failed are still there: {error}");
        }
    }
}

/// Takes the tokens away from this machine; Pleo is not told. Answers whether there were some.
pub fn forget(settings: &Settings, stop: &Stop) -> Result<bool, PleoError> {
    tokens::sweep(&settings.token_file, stop);
    if let Err(TokensError::Absent(_)) = tokens::read(&settings.token_file) {
        return Ok(false);
    }
    tokens::remove(&lock(settings, stop)?).map_err(|error| PleoError::Settings {
        problem: error.to_string(),
    })
}

/// Whether there is a place to write this file of tokens, found out before a person is asked for anything.
pub fn try_place(path: &Path) -> Result<(), PleoError> {
    files::refuse_link(path)
        .and_then(|()| files::make_folder(folder_of(path)))
        .and_then(|()| files::Part::new(folder_of(path)).map(drop))
        .map_err(|error| not_kept(&error))
}

fn lock(settings: &Settings, stop: &Stop) -> Result<TokensLock, PleoError> {
    let patience = settings.give_up_after + settings.request_timeout;
    TokensLock::acquire(&settings.token_file, patience, stop).map_err(not_locked)
}
