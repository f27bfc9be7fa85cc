//! `[pleo.oauth]`: as what we are registered with Pleo, and where the tokens are.

use std::path::PathBuf;

use secrecy::SecretString;

use super::checkpoint::in_its_folder;
use super::credential::{TOKEN_FILE, credentials, other_credential};
use super::fleet::{self, OfCompany};
use super::pleo::{base_url, company_id, server, timeouts};
use super::problems::ConfigProblems;
use super::secret::{secret_file, sendable};
use super::section::Section;
use super::sources::{Layers, Sources};
use crate::host::files;
use crate::host::server_url::ServerUrl;
use crate::model::ids::CompanyId;
use crate::pleo::EXPORT_SCOPES;
use crate::pleo::oauth::tokens::{self, Tokens, TokensError};
use crate::pleo::oauth::{self, Store};

/// The settings that `login` and `logout` need.
#[derive(Debug)]
pub struct OAuthConfig {
    /// As what we are registered, and where tokens come from and are kept.
    pub oauth: oauth::Settings,
    /// Where the API is.
    pub base_url: ServerUrl,
    /// Which company must be the one that is consented for, where that is said.
    pub company_id: Option<CompanyId>,
    /// Where the browser is sent after consent, as it was registered.
    pub redirect_uri: Option<String>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What is allowed but unwise; to be logged.
    pub warnings: Vec<String>,
}

impl OAuthConfig {
    /// Reads what stands under `[pleo]`; problems with other settings do not matter here. For a login other credentials
    /// do: a run would not know which one is meant.
    pub fn load(sources: &Sources, is_login: bool) -> Result<Self, NoOAuth> {
        let (mut problems, mut warnings) = (Vec::new(), Vec::new());
        let layers = Layers::read(sources, &mut problems);
        layers.check_proxies(&mut problems);
        let mut file = layers.file_section();
        let mut pleo = file.section("pleo", &mut problems);
        let base_url = base_url(&layers, &mut pleo, &mut problems);
        let mut section = OAuthSection::read(&layers, &mut pleo, &mut problems, &mut warnings);
        let mut missing = Vec::new();
        let company_id = company_id(&layers, &mut pleo, &mut problems, &mut missing);
        let of_fleet = OfCompany::read(sources, &layers, &mut file, &mut problems);
        section.share(sources, &of_fleet, company_id.as_ref(), &mut problems);
        if of_fleet.is_served {
            problems.append(&mut missing);
        }
        let key_file = pleo.path("api_key_file", layers.file_folder(), &mut problems);
        let timeouts = timeouts(&mut pleo, &mut problems);
        if section.is_absent
            && let Some(credential) = other_credential(&layers, key_file.is_some())
        {
            return Err(NoOAuth::ByOther(credential));
        }
        if is_login {
            let tokens = section.token_file.as_ref().map_or("[pleo.oauth]", |_| TOKEN_FILE);
            let _ = credentials(&layers, key_file.is_some(), Some(tokens), &mut problems);
            section.refuse_name_in_use(&layers, &mut file, company_id.as_ref(), &mut problems);
        }
        layers.refuse_misleading(&[TOKEN_FILE], &mut problems);
        let (redirect_uri, scopes) = (section.redirect_uri.clone(), section.scopes.clone());
        let oauth = section.settings(&layers, base_url.as_ref(), None, timeouts, &mut problems);
        match (oauth, base_url) {
            (Some(oauth), Some(base_url)) if problems.is_empty() => Ok(Self {
                oauth,
                base_url,
                company_id,
                redirect_uri,
                scopes,
                warnings,
            }),
            _ => Err(NoOAuth::Problems(layers.problems(problems))),
        }
    }
}

/// Why there are no settings for a connection by OAuth.
#[derive(Debug)]
pub enum NoOAuth {
    /// The settings have another credential, of this name, and say nothing of OAuth.
    ByOther(&'static str),
    /// Something is wrong or missing.
    Problems(ConfigProblems),
}

/// `[pleo.oauth]` as it stands. What is missing matters only to those who use it.
pub(super) struct OAuthSection {
    /// Whether neither file nor variables say anything of it.
    is_absent: bool,
    client_id: Option<String>,
    client_secret: Option<SecretString>,
    has_secret: bool,
    token_file: Option<PathBuf>,
    /// Where a fleet keeps them.
    shared: Option<Store>,
    redirect_uri: Option<String>,
    scopes: Vec<String>,
    auth_url: Option<ServerUrl>,
    has_auth_url: bool,
}

impl OAuthSection {
    pub(super) fn read(
        layers: &Layers,
        pleo: &mut Section,
        problems: &mut Vec<String>,
        warnings: &mut Vec<String>,
    ) -> Self {
        let mut section = pleo.section("oauth", problems);
        let is_absent = section.keys().is_empty()
            && !["PLEO_CLIENT_ID", "PLEO_CLIENT_SECRET"]
                .iter()
                .any(|name| layers.is_set(name));
        let in_file = section.text("client_id", problems);
        let client_id = layers
            .variable("PLEO_CLIENT_ID", problems)
            .ok()
            .flatten()
            .or(in_file);
        let secret_path = section.path("client_secret_file", layers.file_folder(), problems);
        let secret = layers.variable("PLEO_CLIENT_SECRET", problems);
        let has_secret = secret_path.is_some() || !matches!(secret, Ok(None));
        let client_secret = match (secret.ok().flatten(), secret_path) {
            (Some(secret), _) => sendable("PLEO_CLIENT_SECRET", secret, problems),
            (None, Some(path)) => secret_file("pleo.oauth.client_secret_file", &path, problems, warnings),
            (None, None) => None,
        };
        let token_file = section.path("token_file", layers.file_folder(), problems);
        let redirect_uri = section.text("redirect_uri", problems);
        let scopes = scopes(&mut section, problems);
        section.finish(problems);
        let auth_url = layers.variable("PLEO_AUTH_URL", problems).ok().flatten();
        Self {
            is_absent,
            client_id,
            client_secret,
            has_secret,
            // Its folder's one name: the lock beside it must be the same one for all.
            token_file: token_file.map(in_its_folder),
            shared: None,
            redirect_uri,
            scopes,
            has_auth_url: auth_url.is_some(),
            auth_url: auth_url.and_then(|text| server("PLEO_AUTH_URL", &text, problems)),
        }
    }

    /// What makes tokens the credential, where something does.
    pub(super) fn as_credential(&self) -> Option<&'static str> {
        match (&self.token_file, &self.shared) {
            (Some(_), _) => Some(TOKEN_FILE),
            (None, Some(_)) => Some("[pleo.oauth]"),
            (None, None) => None,
        }
    }

    /// Lets a fleet keep the tokens, where one serves the company and it connects by OAuth.
    pub(super) fn share(
        &mut self,
        sources: &Sources,
        of_fleet: &OfCompany,
        company_id: Option<&CompanyId>,
        problems: &mut Vec<String>,
    ) {
        of_fleet.refuse_token_file(self.token_file.is_some(), problems);
        if of_fleet.is_served && !self.is_absent && self.token_file.is_none() {
            self.shared = company_id.and_then(|company| fleet::grant(sources, company, problems));
        }
    }

    /// Refuses to keep tokens where the settings have something else kept, be it there already or not yet.
    fn refuse_name_in_use(
        &self,
        layers: &Layers,
        file: &mut Section,
        company_id: Option<&CompanyId>,
        problems: &mut Vec<String>,
    ) {
        let Some(path) = &self.token_file else { return };
        let mut unimportant = Vec::new();
        let (checkpoint, _) = super::checkpoint::checkpoint(layers, file, company_id, &mut unimportant);
        let is_beside = |checkpoint: &PathBuf| {
            let endings = [
                "",
                ".lock",
                "-wal",
                "-shm",
                "-journal",
                ".webhook.json",
                ".webhook.json.lock",
            ];
            endings
                .into_iter()
                .any(|ending| *path == files::beside(checkpoint, ending))
        };
        let what = if checkpoint.as_ref().is_some_and(is_beside) {
            "the checkpoint's"
        } else if path.extension().is_some_and(|ending| ending == "beancount") {
            "a ledger's"
        } else {
            return;
        };
        problems.push(format!(
            "{TOKEN_FILE} is `{}`, which is {what} name: name another file",
            path.display()
        ));
    }

    /// What the file of tokens holds, for whichever Pleo.
    pub(super) fn file_content(&self, problems: &mut Vec<String>) -> Option<Tokens> {
        tokens::read(self.token_file.as_ref()?)
            .map_err(|error| {
                let remedy = match error {
                    TokensError::Absent(_) | TokensError::Damaged { .. } => ": run `pleo-export login`",
                    // They say it themselves.
                    TokensError::OutOfReach(_)
                    | TokensError::Unusable { .. }
                    | TokensError::Unreadable(_) => "",
                };
                problems.push(format!("{TOKEN_FILE}: {error}{remedy}"));
            })
            .ok()
    }

    /// Whose tokens there are in the file, for this Pleo.
    pub(super) fn company_of_tokens(
        &self,
        base_url: Option<&ServerUrl>,
        problems: &mut Vec<String>,
    ) -> Option<CompanyId> {
        let path = self.token_file.as_ref()?;
        let tokens = self.file_content(problems)?;
        let host = base_url.and_then(|url| url.host_str())?;
        if tokens.host != host {
            problems.push(format!(
                "{TOKEN_FILE}: the tokens in `{}` are for another Pleo than {host}: run `pleo-export login`, or correct \
                 `pleo.base_url`",
                path.display()
            ));
            return None;
        }
        if tokens.company_id.is_none() {
            problems.push(format!(
                "{TOKEN_FILE}: the login into `{}` did not come to its end: run `pleo-export login`",
                path.display()
            ));
        }
        tokens.company_id
    }

    /// Everything that a connection needs; what is missing is a problem.
    pub(super) fn settings(
        self,
        layers: &Layers,
        base_url: Option<&ServerUrl>,
        company_id: Option<CompanyId>,
        (request_timeout, give_up_after): (std::time::Duration, std::time::Duration),
        problems: &mut Vec<String>,
    ) -> Option<oauth::Settings> {
        if self.client_id.is_none() {
            layers.missing(
                "pleo.oauth.client_id",
                "pleo.oauth.client_id is missing: it is what Pleo calls this application (or PLEO_CLIENT_ID)",
                "`client_id = \"…\"`, what Pleo calls this application, under [pleo.oauth]",
                problems,
            );
        }
        if !self.has_secret {
            layers.missing(
                "pleo.oauth.client_secret_file",
                "PLEO_CLIENT_SECRET is missing: it is what Pleo gave with the client id (or `client_secret_file` under \
                 [pleo.oauth])",
                "`client_secret_file = \"…\"`, a file with what Pleo gave with the client id, under [pleo.oauth]",
                problems,
            );
        }
        let store = self.token_file.map(Store::File).or(self.shared);
        if store.is_none() {
            problems.push(format!(
                "{TOKEN_FILE} is missing: it is where tokens are kept, such as \"/var/lib/pleo-export/tokens.json\""
            ));
        }
        let derived = base_url.and_then(auth_url_of);
        if base_url.is_some() && derived.is_none() && !self.has_auth_url {
            problems.push(
                "PLEO_AUTH_URL is missing: it is where people consent, which cannot be told from `pleo.base_url`".into(),
            );
        }
        Some(oauth::Settings {
            auth_url: self.auth_url.or(derived)?,
            client_id: self.client_id?,
            client_secret: self.client_secret?,
            store: store?,
            host: base_url?.host_str()?.to_owned(),
            company_id,
            request_timeout,
            give_up_after,
        })
    }
}

/// Where people consent for this Pleo: `auth.` stands where `external.` does in the API's address, and a sandbox on this
/// machine serves both.
fn auth_url_of(base_url: &ServerUrl) -> Option<ServerUrl> {
    if base_url.is_loopback() {
        return Some(base_url.clone());
    }
    let host = base_url.host_str()?.strip_prefix("external.")?;
    format!("https://auth.{host}").parse().ok()
}

fn scopes(section: &mut Section, problems: &mut Vec<String>) -> Vec<String> {
    let scopes = section.texts("scopes", problems);
    let is_scope = |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
    match scopes {
        Some(scopes) if !scopes.is_empty() && scopes.iter().all(is_scope) => scopes,
        Some(_) => {
            problems.push(
                "pleo.oauth.scopes must be scopes such as \"export-jobs:read\", each by itself".to_owned(),
            );
            Vec::new()
        }
        // All that is asked for unless settings say otherwise.
        None => EXPORT_SCOPES.map(str::to_owned).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_consent_where_the_api_is_at_home() {
        for (base_url, auth_url) in [
            ("https://external.pleo.io", Some("https://auth.pleo.io")),
            (
                "https://external.staging.pleo.io/",
                Some("https://auth.staging.pleo.io"),
            ),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("https://gateway.example", None),
        ] {
            let found = auth_url_of(&base_url.parse().unwrap()).map(|url| url.to_string());
            assert_eq!(found.as_deref(), auth_url, "{base_url}");
        }
    }
}
