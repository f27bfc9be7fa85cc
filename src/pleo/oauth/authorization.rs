//! Asking a person for consent: the address to open, and what the browser brings back (RFC 6749 section 4.1, RFC 7636).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use thiserror::Error;

use super::Settings;
use crate::host::{chance, digest};
use crate::pleo::error::{PleoError, shown};

/// One attempt to get consent. What proves that the answer is ours stays here.
#[derive(Debug)]
pub struct Authorization {
    address: Url,
    state: SecretString,
    pub(super) verifier: SecretString,
    pub(super) redirect_uri: String,
}

/// Why a redirect brings no code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RedirectError {
    /// It answers another attempt, or was made up.
    #[error("the address does not belong to this login: its `state` is missing or another one")]
    OtherState,
    /// The person or Pleo said no.
    #[error("Pleo did not give its consent: {0}")]
    Rejected(String),
    /// Pleo does not give what was asked for.
    #[error("Pleo does not give this application the scopes that were asked for: {0}")]
    Scopes(String),
    /// Neither a code nor an error.
    #[error("the address holds no `code`, or several")]
    NoCode,
}

impl Authorization {
    /// A new attempt. `redirect_uri` is one of the registered addresses, character for character.
    pub fn begin(settings: &Settings, redirect_uri: &str, scopes: &[String]) -> Result<Self, PleoError> {
        let secret = || {
            chance::secret().ok_or_else(|| PleoError::Settings {
                problem: "this system has no random numbers, without which no login is safe".to_owned(),
            })
        };
        let (state, verifier) = (secret()?, secret()?);
        let challenge = URL_SAFE_NO_PAD.encode(digest::of(verifier.expose_secret()).bytes());
        let mut address = settings.auth_url.at(["oauth", "authorize"]);
        address.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &settings.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &scopes.join(" ")),
            ("state", state.expose_secret()),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        Ok(Self {
            address,
            state,
            verifier,
            redirect_uri: redirect_uri.to_owned(),
        })
    }

    /// Where the person consents.
    pub fn address(&self) -> &str {
        self.address.as_str()
    }

    /// The code in the address that the browser was sent to. The state is looked at before anything else.
    pub fn code_of(&self, redirect: &Url) -> Result<SecretString, RedirectError> {
        let all = |name: &str| -> Vec<String> {
            let pairs = redirect.query_pairs().filter(|(key, _)| key == name);
            pairs.map(|(_, value)| value.into_owned()).collect()
        };
        let is_ours = match all("state").as_slice() {
            [state] => bool::from(state.as_bytes().ct_eq(self.state.expose_secret().as_bytes())),
            _ => false,
        };
        if !is_ours {
            return Err(RedirectError::OtherState);
        }
        if let Some(error) = all("error").first() {
            let words = [std::slice::from_ref(error), &all("error_description")].concat();
            let said = shown(&words.join(": "));
            return Err(match error.as_str() {
                "invalid_scope" => RedirectError::Scopes(said),
                _ => RedirectError::Rejected(said),
            });
        }
        match <[String; 1]>::try_from(all("code")) {
            Ok([code]) if !code.is_empty() => Ok(code.into()),
            _ => Err(RedirectError::NoCode),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt() -> Authorization {
        let settings = Settings {
            auth_url: "https://auth.example".parse().unwrap(),
            client_id: "client & co".into(),
            client_secret: SecretString::default(),
            store: crate::pleo::oauth::Store::File("tokens.json".into()),
            host: "external.example".into(),
            company_id: None,
            request_timeout: std::time::Duration::ZERO,
            give_up_after: std::time::Duration::ZERO,
        };
        Authorization::begin(
            &settings,
            "http://127.0.0.1:1/a?b=c",
            &["x:read".into(), "y".into()],
        )
        .unwrap()
    }

    #[test]
    fn the_address_has_what_the_contract_wants_and_no_secret() {
        let attempt = attempt();
        let address: Url = attempt.address().parse().unwrap();
        let pairs: Vec<(String, String)> = address.query_pairs().into_owned().collect();
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).unwrap().1.as_str();
        assert_eq!((address.path(), pairs.len()), ("/oauth/authorize", 7));
        assert_eq!((value("client_id"), value("scope")), ("client & co", "x:read y"));
        assert_eq!(value("redirect_uri"), "http://127.0.0.1:1/a?b=c");
        assert_eq!((value("state").len(), value("code_challenge").len()), (43, 43));
        assert!(!attempt.address().contains(attempt.verifier.expose_secret()));
        assert!(!attempt.address().contains(char::is_whitespace));
        assert_ne!(attempt.state.expose_secret(), attempt.verifier.expose_secret());
    }

    #[test]
    fn only_our_own_redirect_brings_a_code() {
        let attempt = attempt();
        let state = attempt.state.expose_secret();
        let code_of = |query: &str| {
            let redirect = format!("http://127.0.0.1:1/a?{query}").parse().unwrap();
            attempt
                .code_of(&redirect)
                .map(|code| code.expose_secret().to_owned())
        };
        assert_eq!(
            code_of(&format!("code=a%20b&state={state}")),
            Ok("a b".to_owned())
        );
        for query in [
            "code=a".to_owned(),
            "code=a&state=".to_owned(),
            format!("code=a&state={state}&state={state}"),
            format!("error=access_denied&state={state}x"),
        ] {
            assert_eq!(code_of(&query), Err(RedirectError::OtherState), "{query}");
        }
        for query in ["", "&code=", "&code=a&code=b"] {
            assert_eq!(
                code_of(&format!("state={state}{query}")),
                Err(RedirectError::NoCode),
                "{query}"
            );
        }
        let rejected = code_of(&format!(
            "state={state}&error=access_denied&error_description=no%1b"
        ))
        .unwrap_err();
        assert_eq!(rejected, RedirectError::Rejected("access_denied: no".to_owned()));
    }
}
