//! The settings of the client for Pleo.

use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::error::{KeyPlace, PleoError};
use super::oauth;
use super::throttle::Throttle;
use crate::host::digest;
use crate::host::server_url::ServerUrl;
use crate::model::ids::CompanyId;

/// What the client must know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Pleo is.
    pub base_url: ServerUrl,
    /// The only company whose jobs are listed.
    pub company_id: CompanyId,
    /// The credential for this company.
    pub credential: Credential,
    /// How long one try of a request may take, the answer's body included.
    pub request_timeout: Duration,
    /// After this time no further try of a request begins.
    pub give_up_after: Duration,
    /// How many requests a minute at most; 0 is as many as come.
    pub requests_per_minute: u32,
    /// The limits that other hosts were told, where they send with the same credential.
    pub throttle: Option<Arc<dyn Throttle>>,
}

/// A credential for Pleo's API.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The user name of HTTP basic authentication, with an empty password.
    ApiKey(SecretString, KeyPlace),
    /// A bearer token.
    AccessToken(SecretString),
    /// Tokens in a file, which are renewed.
    OAuth(Box<oauth::Settings>),
}

impl Settings {
    /// The host of a Pleo on this machine itself, as its address has it.
    pub fn own_host(&self) -> Option<&str> {
        self.base_url.host_str().filter(|_| self.base_url.is_loopback())
    }

    /// What stands for the credential where others must know it and must not have it.
    pub(super) fn credential_digest(&self) -> String {
        let (kind, secret, whose) = match &self.credential {
            Credential::ApiKey(secret, _) => ("key", secret.expose_secret(), ""),
            Credential::AccessToken(secret) => ("token", secret.expose_secret(), ""),
            // Its tokens change.
            Credential::OAuth(settings) => ("client", &*settings.client_id, self.company_id.as_str()),
        };
        digest::sha256(format!("{kind}\n{secret}\n{whose}\n{}", self.base_url))
    }

    /// Refuses a credential that no header can hold.
    pub(super) fn check(&self) -> Result<(), PleoError> {
        let (name, secret) = match &self.credential {
            Credential::ApiKey(secret, _) => ("API key", secret),
            Credential::AccessToken(secret) => ("access token", secret),
            Credential::OAuth(_) => return Ok(()),
        };
        let secret = secret.expose_secret();
        if !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(());
        }
        Err(PleoError::Settings {
            problem: format!("the {name} is empty, or has spaces or other characters that no {name} has"),
        })
    }
}
