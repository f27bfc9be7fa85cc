//! What the client must know, and the refusal of settings by which the credential would leave our hands.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::error::PleoError;
use super::oauth;
use crate::host::http;
use crate::model::ids::CompanyId;

/// What the client must know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Pleo is. HTTPS, except on a loopback host.
    pub base_url: reqwest::Url,
    /// The only company whose jobs are listed.
    pub company_id: CompanyId,
    /// By what Pleo knows us.
    pub credential: Credential,
    /// How long one try of a request may take, the answer's body included.
    pub request_timeout: Duration,
    /// After this time no further try of a request begins.
    pub give_up_after: Duration,
}

/// By what Pleo knows us.
#[derive(Clone, Debug)]
pub enum Credential {
    /// The user name of HTTP basic authentication, with an empty password.
    ApiKey(SecretString),
    /// A bearer token.
    AccessToken(SecretString),
    /// Tokens in a file, which are renewed.
    OAuth(Box<oauth::Settings>),
}

impl Settings {
    /// The host of a Pleo on this machine itself, as its address has it.
    pub fn own_host(&self) -> Option<&str> {
        self.base_url
            .host_str()
            .filter(|_| http::is_loopback(&self.base_url))
    }

    /// Refuses what would send the credential unprotected, or could not send it at all.
    pub(super) fn check(&self) -> Result<(), PleoError> {
        match self.problem() {
            Some(problem) => Err(PleoError::Settings { problem }),
            None => Ok(()),
        }
    }

    fn problem(&self) -> Option<String> {
        let url = &self.base_url;
        let scheme = url.scheme();
        if url.cannot_be_a_base() || url.host_str().is_none() {
            return Some(format!(
                "`pleo.base_url` is `{scheme}:…`, which is not the address of a host"
            ));
        }
        if scheme != "https" && !(scheme == "http" && http::is_loopback(url)) {
            return Some(format!(
                "`pleo.base_url` begins with `{scheme}:`; only https keeps the credential secret, so use it"
            ));
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Some(
                "`pleo.base_url` holds more than host and path; take the rest out, and give the credential in \
                 PLEO_API_KEY or PLEO_ACCESS_TOKEN"
                    .to_owned(),
            );
        }
        let (name, secret) = match &self.credential {
            Credential::ApiKey(secret) => ("API key", secret),
            Credential::AccessToken(secret) => ("access token", secret),
            Credential::OAuth(_) => return None,
        };
        let secret = secret.expose_secret();
        let can_be_sent = !secret.is_empty() && secret.bytes().all(|byte| byte.is_ascii_graphic());
        (!can_be_sent)
            .then(|| format!("the {name} is empty, or has spaces or other characters that no {name} has"))
    }
}
