//! What `login` and `logout` share: the settings, the way to Pleo, and what is told of a connection.

use serde::Serialize;
use tracing::warn;

use crate::cli::run;
use crate::config::{NoOAuth, OAuthConfig, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;
use crate::pleo::oauth::tokens::Tokens;
use crate::pleo::{Client, Credential, PleoError};

/// What is told of a connection.
pub(super) struct Told {
    /// For people.
    pub(super) text: String,
    /// For scripts.
    pub(super) connection: Option<ConnectionDocument>,
}

pub(super) fn load(sources: &Sources, is_login: bool) -> Result<OAuthConfig, Problem> {
    let config = OAuthConfig::load(sources, is_login).map_err(|no| match no {
        NoOAuth::Problems(problems) => run::wrong_settings(&problems),
        NoOAuth::ByOther(credential) => Problem {
            kind: ProblemKind::Configuration,
            message: format!("there is no login here: the settings connect by {credential}"),
            hint: format!(
                "nothing need be done; to connect by OAuth, write [pleo.oauth] in place of {credential}"
            ),
        },
    })?;
    for warning in &config.warnings {
        warn!("{warning}");
    }
    Ok(config)
}

pub(super) fn client(config: &OAuthConfig, credential: Credential, stop: &Stop) -> Result<Client, PleoError> {
    let settings = crate::pleo::Settings {
        base_url: config.base_url.clone(),
        // No job is listed by a login.
        company_id: config.company_id.clone().unwrap_or_else(|| CompanyId::new("")),
        credential,
        request_timeout: config.oauth.request_timeout,
        give_up_after: config.oauth.give_up_after,
        requests_per_minute: 0,
        throttle: None,
    };
    Client::new(settings, stop.clone())
}

/// A connection without its tokens.
#[derive(Serialize)]
pub(super) struct ConnectionDocument {
    pub(super) company_id: Option<String>,
    pub(super) host: String,
    pub(super) client_id: String,
    pub(super) expires_at: String,
    pub(super) scopes: Vec<String>,
    pub(super) installation: Option<String>,
    pub(super) token_file: String,
}

impl ConnectionDocument {
    pub(super) fn of(config: &OAuthConfig, tokens: &Tokens, installation: Option<String>) -> Self {
        Self {
            company_id: tokens.company_id.as_ref().map(ToString::to_string),
            host: tokens.host.clone(),
            client_id: config.oauth.client_id.clone(),
            expires_at: clock::text(tokens.expires_at),
            scopes: tokens.scope.split_whitespace().map(str::to_owned).collect(),
            installation,
            token_file: config.oauth.store.to_string(),
        }
    }
}
