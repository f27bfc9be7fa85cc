//! How each request shows who we are: an API key, an access token that was given, or one of a connection that renews itself.

use std::time::Duration;

use reqwest::blocking::RequestBuilder;
use secrecy::{ExposeSecret, SecretString};

use super::Credential;
use super::error::{CredentialKind, KeyPlace, PleoError};
use super::oauth::Connection;
use crate::host::stop::Stop;

/// What every export must be allowed to do.
pub const EXPORT_SCOPES: [&str; 3] = ["export-jobs:read", "export-jobs:write", "export-items:read"];

/// Where what is shown comes from.
#[derive(Debug)]
pub(super) enum Access {
    Key(SecretString, KeyPlace),
    Token(SecretString),
    Connection(Box<Connection>),
}

/// What one request shows.
pub(super) enum Shown {
    Key(SecretString),
    Token(SecretString),
}

impl Access {
    pub(super) fn new(credential: Credential, stop: &Stop) -> Self {
        match credential {
            Credential::ApiKey(key, place) => Self::Key(key, place),
            Credential::AccessToken(token) => Self::Token(token),
            Credential::OAuth(settings) => {
                Self::Connection(Box::new(Connection::new(*settings, stop.clone())))
            }
        }
    }

    /// What the next request shows. Tokens that are about to end are renewed first; after this time no further try begins.
    pub(super) fn shown(&self, patience: Duration) -> Result<Shown, PleoError> {
        Ok(match self {
            Self::Key(key, _) => Shown::Key(key.clone()),
            Self::Token(token) => Shown::Token(token.clone()),
            Self::Connection(connection) => Shown::Token(connection.access_token(patience)?),
        })
    }

    /// Pleo has rejected what was shown (401). Answers whether there is something else to show now.
    pub(super) fn renew(&self, rejected: &Shown, patience: Duration) -> Result<bool, PleoError> {
        match (self, rejected) {
            (Self::Connection(connection), Shown::Token(token)) => {
                connection.renew(token, patience).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// An error as it is to be understood: a connection whose newest token is rejected is none any more.
    pub(super) fn understood(&self, error: PleoError) -> PleoError {
        match (self, error) {
            (Self::Connection(_), PleoError::CredentialRejected { answer, .. }) if answer.status == 401 => {
                let problem = format!("{answer}: Pleo rejects a token that it has just given");
                PleoError::Disconnected { problem }
            }
            (Self::Key(_, place), PleoError::CredentialRejected { answer, .. }) => {
                PleoError::CredentialRejected {
                    answer,
                    kind: CredentialKind::Key(*place),
                }
            }
            (_, error) => error,
        }
    }
}

impl Shown {
    pub(super) fn on(&self, builder: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Key(key) => builder.basic_auth(key.expose_secret(), Some("")),
            Self::Token(token) => builder.bearer_auth(token.expose_secret()),
        }
    }
}
