//! `[pleo]`: for which company, where Pleo is, how patiently it is asked.

use std::time::Duration;

use super::credential::TOKEN_FILE;
use super::section::Section;
use super::sources::Layers;
use crate::host::server_url::ServerUrl;
use crate::model::ids::CompanyId;

/// That none is named goes to `missing`, since it is no problem for everybody.
pub(super) fn company_id(
    layers: &Layers,
    pleo: &mut Section,
    problems: &mut Vec<String>,
    missing: &mut Vec<String>,
) -> Option<CompanyId> {
    let before = problems.len();
    let in_file = pleo.text("company_id", problems);
    let variable = layers.variable("PLEO_COMPANY_ID", problems).ok()?;
    let (name, text) = match (variable, in_file) {
        (Some(text), _) => ("PLEO_COMPANY_ID", text),
        (None, Some(text)) => ("pleo.company_id", text),
        (None, None) if problems.len() > before => return None,
        (None, None) => {
            layers.missing(
                "pleo.company_id",
                "PLEO_COMPANY_ID is missing: set it to your company's id on Pleo (or `company_id` under [pleo])",
                "`company_id = \"…\"`, the company's id on Pleo, under [pleo]",
                missing,
            );
            return None;
        }
    };
    text.trim()
        .parse()
        .map_err(|error| problems.push(format!("{name}: {error}")))
        .ok()
}

pub(super) fn base_url(layers: &Layers, pleo: &mut Section, problems: &mut Vec<String>) -> Option<ServerUrl> {
    let in_file = pleo.text("base_url", problems);
    let variable = layers.variable("PLEO_BASE_URL", problems).ok()?;
    let (name, text) = match (variable, in_file) {
        (Some(text), _) => ("PLEO_BASE_URL", text),
        (None, Some(text)) => ("pleo.base_url", text),
        (None, None) => ("pleo.base_url", "https://external.pleo.io".to_owned()),
    };
    let url = server(name, &text, problems)?;
    let last = url
        .path()
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default();
    if last
        .strip_prefix('v')
        .is_some_and(|version| version.parse::<u8>().is_ok())
    {
        problems.push(format!(
            "{name} is `{url}`: leave `/{last}` out, each call adds the version of its own API"
        ));
        return None;
    }
    Some(url)
}

/// A server's address.
pub(super) fn server(name: &str, text: &str, problems: &mut Vec<String>) -> Option<ServerUrl> {
    text.parse()
        .map_err(|problem| problems.push(format!("{}: {problem}", address(name, text))))
        .ok()
}

/// How a setting that is an address is told. Before an @ and behind a ? or # may stand a credential: then it is not shown.
pub(super) fn address(name: &str, text: &str) -> String {
    if text.contains(['@', '?', '#']) {
        name.to_owned()
    } else {
        format!("{name} is `{text}`")
    }
}

/// The company that is named, or the one that the tokens are for; never one beside the other.
pub(super) fn one_company(
    named: Option<CompanyId>,
    of_tokens: Option<CompanyId>,
    missing: &mut Vec<String>,
    problems: &mut Vec<String>,
) -> Option<CompanyId> {
    match (named, of_tokens) {
        (Some(named), Some(of_tokens)) if named != of_tokens => {
            problems.push(format!(
                "{TOKEN_FILE}: the tokens are for company {of_tokens}, and the settings name {named}: leave the company out, \
                 or log in for that one"
            ));
            None
        }
        (None, Some(of_tokens)) => {
            missing.clear();
            Some(of_tokens)
        }
        (named, _) => named,
    }
}

/// How many items are told of at once, and how many requests a minute leave at most; 0 is as many as come.
pub(super) fn at_most(pleo: &mut Section, problems: &mut Vec<String>) -> (i64, u32) {
    let requests = pleo.integer("requests_per_minute", 0..=60_000, problems);
    (
        pleo.integer("batch_size", 1..=100, problems).unwrap_or(100),
        requests
            .and_then(|requests| requests.try_into().ok())
            .unwrap_or(0),
    )
}

/// How long one request may take, and all of its tries.
pub(super) fn timeouts(pleo: &mut Section, problems: &mut Vec<String>) -> (Duration, Duration) {
    (
        pleo.seconds("timeout_seconds", 30, problems),
        pleo.seconds("give_up_after_seconds", 120, problems),
    )
}
