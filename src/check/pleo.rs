//! Pleo's side: what the credential is, what it may do, whose it is, and whether the clocks agree.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, Name};
use crate::host::clock;
use crate::model::ids::CompanyId;
use crate::pleo::{Client, EXPORT_SCOPES, Installation, Introspection, PleoError, Subject};

/// From which difference on a clock is worth a word: Pleo tells whole seconds, and its answer takes a while.
const NOTICED: TimeDelta = TimeDelta::seconds(30);

/// What Pleo told of the credential.
#[derive(Debug)]
pub struct Told {
    /// Credential, scopes and company.
    pub checks: Vec<Check>,
    /// The company that the credential was made for, where Pleo says it.
    pub company: Option<CompanyId>,
    /// What the credential may do, where Pleo says it.
    scopes: Option<Vec<String>>,
    /// Why nothing more can be asked in the company's name, if nothing can.
    pub obstacle: Option<String>,
}

impl Told {
    /// Whether it may do this, as far as Pleo says.
    pub fn may(&self, scope: &str) -> bool {
        self.scopes
            .as_ref()
            .is_none_or(|scopes| scopes.iter().any(|given| given == scope))
    }

    /// Nothing was learnt.
    pub fn nothing(checks: Vec<Check>) -> Self {
        Self {
            checks,
            company: None,
            scopes: None,
            obstacle: Some("Pleo could not be asked".to_owned()),
        }
    }

    /// Nothing more can be asked after this error.
    pub fn stop_at(error: &PleoError, obstacle: &str) -> Self {
        let mut checks = vec![of_error(Name::Credential, error)];
        checks.extend(super::not_looked_at(&[Name::Scopes, Name::Company], obstacle));
        Self {
            obstacle: Some(obstacle.to_owned()),
            ..Self::nothing(checks)
        }
    }
}

/// What an error of Pleo's means for a check.
pub(super) fn of_error(name: Name, error: &PleoError) -> Check {
    match error {
        PleoError::OutOfReach { .. }
        | PleoError::LostAnswer { .. }
        | PleoError::TokensBusy { .. }
        | PleoError::Stopped(_) => Check::out_of_reach(name, error.to_string()),
        _ => Check::failed(name, error.to_string(), error.hint()),
    }
}

/// Whether Pleo has answered that it will not say: no scope is documented for these questions, and older credentials may
/// not be let in.
fn is_cannot_say(error: &PleoError) -> bool {
    match error {
        PleoError::CredentialRejected { answer, .. } => answer.status == 403,
        PleoError::NotFound { .. } | PleoError::Rejected { .. } | PleoError::Contract { .. } => true,
        _ => false,
    }
}

/// Asks what the credential is, and whether it is the credential of the company that the settings name. Of one of several
/// companies a settings file alone names it.
pub fn credential(client: &Client, configured: Option<&CompanyId>, is_one_of_several: bool) -> Told {
    let introspection = match client.introspection() {
        Ok(introspection) => Ok(introspection),
        Err(error) if is_cannot_say(&error) => Err(error),
        Err(error @ PleoError::CredentialRejected { .. }) => {
            return Told::stop_at(&error, "Pleo rejects the credential");
        }
        Err(error) => return Told::stop_at(&error, "Pleo cannot be asked"),
    };
    let subject = introspection.as_ref().ok().and_then(|told| told.subject.clone());
    // A credential that serves several companies must say which one it asks for.
    let asks_for = configured.filter(|_| matches!(subject, Some(Subject::Other(_))));
    let installation = client.installation(asks_for);
    let mut checks = vec![kind(&introspection)];
    checks.extend(installation.as_ref().ok().and_then(state));
    let scopes = introspection.as_ref().ok().and_then(|told| told.scopes.clone());
    checks.extend(permissions(scopes.as_deref()));
    let company = company_of(subject.as_ref(), installation.as_ref().ok());
    let (check, obstacle) = company_check(configured, company.as_ref(), subject.as_ref(), is_one_of_several);
    checks.push(check);
    Told {
        checks,
        company,
        scopes,
        obstacle,
    }
}

fn kind(introspection: &Result<Introspection, PleoError>) -> Check {
    let told = match introspection {
        Ok(told) => told,
        Err(error) => {
            let message = format!("Pleo does not say what this credential is ({error})");
            return Check::unknown(Name::Credential, message, None);
        }
    };
    let kind = match told.method.as_deref() {
        Some("API_KEY") => "an API key",
        Some("OAUTH2") => "an access token (OAuth)",
        _ => "a credential of a kind that Pleo does not tell",
    };
    let application = told.application.as_ref();
    let application = application
        .map(|name| format!(" of the application {name}"))
        .unwrap_or_default();
    Check::ok(Name::Credential, format!("{kind}{application}, which Pleo takes"))
}

/// What is wrong with the installation, if something is.
fn state(installation: &Installation) -> Option<Check> {
    let status = installation
        .status
        .as_deref()
        .filter(|status| *status != "ACTIVATED")?;
    let code = installation.error_code.as_ref();
    let code = code.map(|code| format!(", {code}")).unwrap_or_default();
    let message = format!("Pleo has the installation of this application as {status}{code}");
    let remedy = "connect it again in Pleo under Settings > Integrations, or ask Pleo's support why it is so";
    Some(Check::warning(Name::Credential, message, remedy))
}

fn permissions(scopes: Option<&[String]>) -> Vec<Check> {
    let name = Name::Scopes;
    let Some(scopes) = scopes else {
        let message = "Pleo does not say what this credential may do";
        return vec![Check::unknown(name, message, None)];
    };
    let missing = EXPORT_SCOPES
        .iter()
        .filter(|scope| !scopes.iter().any(|given| given == *scope));
    let missing: Vec<Check> = missing
        .map(|scope| {
            let message = format!("the credential lacks the permission {scope}");
            let remedy = format!(
                "give the key the permission {scope} in Pleo under Settings > API Keys; an application gets it from Pleo"
            );
            Check::failed(name, message, remedy)
        })
        .collect();
    if missing.is_empty() {
        return vec![Check::ok(name, EXPORT_SCOPES.join(", "))];
    }
    missing
}

fn company_of(subject: Option<&Subject>, installation: Option<&Installation>) -> Option<CompanyId> {
    let resource = installation.and_then(|installation| installation.resource.as_ref());
    [subject, resource]
        .into_iter()
        .flatten()
        .find_map(|subject| match subject {
            Subject::Company(id) => Some(id.clone()),
            Subject::Other(_) => None,
        })
}

/// Whether the settings name the credential's own company, and why nothing can be asked for it where they do not.
fn company_check(
    configured: Option<&CompanyId>,
    own: Option<&CompanyId>,
    subject: Option<&Subject>,
    is_one_of_several: bool,
) -> (Check, Option<String>) {
    let name = Name::Company;
    let set_to = |id: &str| {
        if is_one_of_several {
            format!("write `company_id = \"{id}\"` under [pleo]")
        } else {
            format!("set PLEO_COMPANY_ID={id} (or `company_id` under [pleo])")
        }
    };
    match (configured, own, subject) {
        (Some(configured), Some(own), _) if is_same(configured, own) => (
            Check::ok(name, format!("{configured} is the credential's own")),
            None,
        ),
        (Some(configured), Some(own), _) => {
            let message = format!(
                "the settings name company {configured}, but the credential is for company {own}: no job would ever be \
                 found"
            );
            let remedy = format!("{}, or use the key of the other", set_to(own.as_str()));
            let obstacle = "the credential is for another company".to_owned();
            (Check::failed(name, message, remedy), Some(obstacle))
        }
        (None, Some(own), _) => {
            let message = format!("no company is named, and the credential is for company {own}");
            (Check::failed(name, message, set_to(own.as_str())), None)
        }
        (Some(configured), None, Some(Subject::Other(urn))) => {
            let message = format!(
                "the credential is for {urn}, and Pleo does not say whether {configured} belongs to it"
            );
            (Check::unknown(name, message, None), None)
        }
        (Some(configured), None, _) => {
            let message = format!("Pleo does not say whether the credential is for {configured}");
            let remedy = "if no job is found although one waits in Pleo, the id is wrong".to_owned();
            (Check::unknown(name, message, Some(remedy)), None)
        }
        (None, None, _) => {
            let message = "no company is named, and Pleo does not say whose the credential is";
            let obstacle = "the company is not known".to_owned();
            (
                Check::failed(name, message, set_to("your-company-id")),
                Some(obstacle),
            )
        }
    }
}

fn is_same(one: &CompanyId, other: &CompanyId) -> bool {
    one.as_str().eq_ignore_ascii_case(other.as_str())
}

/// The time on Pleo's clock, by its last answer.
pub(super) fn time(client: &Client) -> Option<DateTime<Utc>> {
    let told = client.server_time()?;
    let since = TimeDelta::from_std(told.received.elapsed()).unwrap_or_default();
    told.at.checked_add_signed(since)
}

/// Holds our clock against Pleo's, by its last answer.
pub fn clocks(client: &Client) -> Vec<Check> {
    let name = Name::Clock;
    let Some(theirs) = time(client) else {
        return super::not_looked_at(&[name], "no answer of Pleo told its time");
    };
    let ahead = clock::now() - theirs;
    let length = clock::length(ahead.abs());
    if ahead.abs() < NOTICED {
        return vec![Check::ok(name, "agrees with Pleo's")];
    }
    let direction = if ahead < TimeDelta::zero() {
        "behind"
    } else {
        "ahead of"
    };
    let message = format!("the clock of this machine is {length} {direction} Pleo's");
    let remedy = "set it, best by a time service: `timedatectl set-ntp true`";
    vec![if ahead.abs() > clock::TOLERATED {
        Check::failed(name, message + ", too far for dates and deadlines", remedy)
    } else {
        Check::warning(name, message, remedy)
    }]
}
