//! The credential for Pleo: exactly one of an API key, an access token and a file of tokens.

use super::secret::{secret_file, sendable};
use super::section::Section;
use super::sources::Layers;
use crate::pleo::{Credential, KeyPlace};

/// The name of the setting that makes tokens the credential.
pub(super) const TOKEN_FILE: &str = "pleo.oauth.token_file";

/// What the credential is.
pub(super) enum Found {
    Secret(Credential),
    /// The tokens of `[pleo.oauth]`.
    Tokens,
}

pub(super) fn credential(
    layers: &Layers,
    pleo: &mut Section,
    tokens: Option<&'static str>,
    problems: &mut Vec<String>,
    warnings: &mut Vec<String>,
) -> Option<Found> {
    let before = problems.len();
    let key_file = pleo.path("api_key_file", layers.file_folder(), problems);
    let (key, token) = credentials(layers, key_file.is_some(), tokens, problems)?;
    let secret = match (key, token, key_file) {
        (Some(key), _, _) => {
            sendable("PLEO_API_KEY", key, problems).map(|key| Credential::ApiKey(key, KeyPlace::Variable))
        }
        (None, Some(token), _) => sendable("PLEO_ACCESS_TOKEN", token, problems).map(Credential::AccessToken),
        (None, None, Some(path)) => secret_file("pleo.api_key_file", &path, problems, warnings)
            .map(|key| Credential::ApiKey(key, KeyPlace::File)),
        (None, None, None) if tokens.is_some() => return Some(Found::Tokens),
        (None, None, None) if problems.len() > before => None,
        (None, None, None) => {
            layers.missing(
                "pleo.api_key_file",
                "PLEO_API_KEY is missing: set it to an API key made in Pleo under Settings > API Keys (or `api_key_file` \
                 under [pleo], or PLEO_ACCESS_TOKEN, or log in: `token_file` under [pleo.oauth])",
                "`api_key_file = \"…\"`, a file with an API key made in Pleo under Settings > API Keys, under [pleo] (or log \
                 in: `token_file` under [pleo.oauth])",
                problems,
            );
            None
        }
    };
    secret.map(Found::Secret)
}

/// `PLEO_API_KEY` and `PLEO_ACCESS_TOKEN`, where there is at most one kind of credential. The variable of the key beats its
/// file; `tokens` names what makes tokens the credential.
pub(super) fn credentials(
    layers: &Layers,
    has_key_file: bool,
    tokens: Option<&'static str>,
    problems: &mut Vec<String>,
) -> Option<(Option<String>, Option<String>)> {
    let key = layers.variable("PLEO_API_KEY", problems);
    let token = layers.variable("PLEO_ACCESS_TOKEN", problems);
    let (key, token) = (key.ok()?, token.ok()?);
    let names = [
        (key.is_some(), "PLEO_API_KEY"),
        (key.is_none() && has_key_file, "pleo.api_key_file"),
        (token.is_some(), "PLEO_ACCESS_TOKEN"),
        (tokens.is_some(), tokens.unwrap_or_default()),
    ];
    let names: Vec<_> = names
        .iter()
        .filter(|(is_set, _)| *is_set)
        .map(|(_, name)| *name)
        .collect();
    match names.as_slice() {
        [first @ .., last] if !first.is_empty() => {
            let all = if first.len() == 1 { "both" } else { "all" };
            problems.push(format!(
                "{} and {last} are {all} set: keep the one you mean",
                first.join(", ")
            ));
            None
        }
        _ => Some((key, token)),
    }
}

/// The names of the credentials that count: the one for Pleo, where one is used, and that for Odoo.
pub(super) fn credentials_in_use(
    layers: &Layers,
    of_pleo: Option<&'static str>,
    is_odoo: bool,
) -> Vec<&'static str> {
    let of_odoo = (is_odoo && layers.is_set("ODOO_API_KEY")).then_some("ODOO_API_KEY");
    of_pleo.into_iter().chain(of_odoo).collect()
}

/// The name of a credential that was found.
pub(super) fn name_of(layers: &Layers, credential: &Credential) -> Option<&'static str> {
    match credential {
        Credential::OAuth(_) => Some(TOKEN_FILE),
        Credential::ApiKey(..) | Credential::AccessToken(_) => other_credential(layers, true),
    }
}

/// The name of the credential that is no token of ours, if there is one.
pub(super) fn other_credential(layers: &Layers, has_key_file: bool) -> Option<&'static str> {
    let variables = ["PLEO_API_KEY", "PLEO_ACCESS_TOKEN"];
    let set = variables.into_iter().find(|name| layers.is_set(name));
    set.or(has_key_file.then_some("pleo.api_key_file"))
}
