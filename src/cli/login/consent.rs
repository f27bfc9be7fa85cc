//! A person consents in a browser, and the consent becomes tokens that are known to be for one company.

use std::io::{self, Write};

use secrecy::SecretString;
use tracing::warn;

use super::connection::{ConnectionDocument, Told, client, load};
use super::redirect::{self, Listener};
use crate::cli::answer::Form;
use crate::cli::signals;
use crate::cli::table::safe;
use crate::config::{OAuthConfig, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;
use crate::pleo::oauth::tokens::Tokens;
use crate::pleo::oauth::{Authorization, NewConnection, RedirectError};
use crate::pleo::{Client, Credential, EXPORT_SCOPES, Installation, PleoError, Subject};

/// What Pleo calls an installation that is in use.
const ACTIVATED: &str = "ACTIVATED";

const LOOK_IN_PLEO: &str =
    "look at the integration in Pleo, then run `pleo-export login` again; ask Pleo's support if it stays so";

pub(super) fn connect(sources: &Sources, paste: bool, form: Form) -> Result<Told, Problem> {
    let config = load(sources, true)?;
    let Some(redirect_uri) = config.redirect_uri.clone() else {
        return Err(Problem {
            kind: ProblemKind::Configuration,
            message: "pleo.oauth.redirect_uri is missing: it is an address that Pleo registered for this application, such as \
                      http://127.0.0.1:8788/callback"
                .into(),
            hint: "correct the settings; nothing was sent".into(),
        });
    };
    let address = redirect::address(&redirect_uri)?;
    let stop = signals::stop_on_signals();
    config.oauth.store.try_place()?;
    let authorization = Authorization::begin(&config.oauth, &redirect_uri, &config.scopes)?;
    let code = if paste {
        show(
            authorization.address(),
            "then paste the address that the browser was sent to",
            form,
        );
        let redirect = redirect::pasted(&redirect_uri, &stop)?;
        authorization.code_of(&redirect).map_err(about_redirect)?
    } else {
        let listener = Listener::at(&address)?;
        show(authorization.address(), "this waits for Pleo's answer", form);
        let code = listener.wait(&stop, |redirect| match authorization.code_of(redirect) {
            Err(RedirectError::OtherState) => {
                warn!("{}; still waiting", RedirectError::OtherState);
                None
            }
            other => Some(other),
        })?;
        code.map_err(about_redirect)?
    };
    keep(&config, &stop, &authorization, &code)
}

/// Prints the address on a line of its own: on stdout, unless scripts expect a document there.
fn show(address: &str, next: &str, form: Form) {
    // Nobody can be told that a terminal is gone.
    let _ = writeln!(
        io::stderr().lock(),
        "Open this address in a browser and consent; {next}:"
    );
    let _ = if form.json {
        writeln!(io::stderr().lock(), "{address}")
    } else {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{address}").and_then(|()| stdout.flush())
    };
}

/// The tokens are on disk before Pleo is asked whose they are, and what was there before comes back if they are not ours.
fn keep(
    config: &OAuthConfig,
    stop: &Stop,
    authorization: &Authorization,
    code: &SecretString,
) -> Result<Told, Problem> {
    let new = NewConnection::exchange(&config.oauth, stop, authorization, code, &config.scopes)
        .map_err(not_connected)?;
    let client = client(config, Credential::AccessToken(new.access_token()), stop)?;
    // It has just given the tokens.
    client.answered_before();
    let installation = unless_silent(client.installation(None))?;
    let mut subject = installation.as_ref().and_then(|told| told.resource.clone());
    if subject.is_none() {
        subject = unless_silent(client.introspection())?.and_then(|told| told.subject);
    }
    let company_id = company(config, subject.as_ref())?;
    let tokens = new.keep(company_id)?;
    let status = match installation {
        None => None,
        Some(installation) => Some(activated(&client, installation)?),
    };
    look_at_scopes(&tokens)?;
    let connection = ConnectionDocument::of(config, &tokens, status);
    let company_id = connection.company_id.as_deref().unwrap_or_default();
    let proof = match subject {
        Some(_) => String::new(),
        None => format!(
            "Pleo does not say whose consent it is, so that it is for {company_id} is the settings' word alone: compare it with \
             the company that you consented for.\n"
        ),
    };
    let text = format!(
        "Connected to {} for company {company_id}. The tokens are in {}.\n{proof}",
        safe(&tokens.host),
        config.oauth.store
    );
    Ok(Told {
        text,
        connection: Some(connection),
    })
}

/// What Pleo told, or nothing where it will not say: no scope is documented for these questions.
fn unless_silent<T>(answered: Result<T, PleoError>) -> Result<Option<T>, Problem> {
    match answered {
        Ok(told) => Ok(Some(told)),
        Err(PleoError::CredentialRejected { answer, .. } | PleoError::Rejected { answer })
            if matches!(answer.status, 403 | 404) =>
        {
            warn!("{answer}: Pleo does not tell this");
            Ok(None)
        }
        Err(error) => Err(not_connected(error)),
    }
}

/// A code is good once, so whatever failed begins with another consent.
fn not_connected(error: PleoError) -> Problem {
    let is_about_client = matches!(error, PleoError::ClientRejected { .. });
    let is_about_token =
        matches!(&error, PleoError::CredentialRejected { answer, .. } if answer.status == 401);
    let problem = Problem::from(error);
    let hint = match problem.kind {
        _ if is_about_token => {
            "let PLEO_AUTH_URL and `pleo.base_url` be of one environment of Pleo's, for it is that of `pleo.base_url` that \
             rejects what that of PLEO_AUTH_URL has just given; then run `pleo-export login` again; nothing was kept"
        }
        _ if is_about_client => {
            "check `pleo.oauth.client_id`, the client secret (PLEO_CLIENT_SECRET or `client_secret_file`) and PLEO_AUTH_URL, \
             then run `pleo-export login` again; nothing was kept"
        }
        ProblemKind::Temporary => "run `pleo-export login` again and consent once more; nothing was kept",
        _ => return problem,
    };
    Problem {
        hint: hint.into(),
        ..problem
    }
}

/// For which company people consented: the one that the settings name, if they name one.
fn company(config: &OAuthConfig, subject: Option<&Subject>) -> Result<CompanyId, Problem> {
    let problem = |message: String, hint: &str| Problem {
        kind: ProblemKind::Configuration,
        message,
        hint: hint.to_owned(),
    };
    match (subject, &config.company_id) {
        (Some(Subject::Company(found)), Some(named)) if found != named => Err(problem(
            format!("the consent is for company {found}, and the settings name {named}; nothing was kept"),
            "consent for the company of the settings, or correct PLEO_COMPANY_ID (`company_id` under [pleo])",
        )),
        (Some(Subject::Company(found)), _) => Ok(found.clone()),
        (Some(Subject::Other(urn)), _) => Err(problem(
            format!(
                "the consent is for `{}`, which is no company; nothing was kept",
                safe(urn)
            ),
            "consent for one company: each has its own books, checkpoint and tokens",
        )),
        (None, Some(named)) => Ok(named.clone()),
        (None, None) => Err(problem(
            "Pleo does not say for which company the consent is; nothing was kept".to_owned(),
            "set PLEO_COMPANY_ID (or `company_id` under [pleo]), then log in again",
        )),
    }
}

/// A consent to less than an export needs would be refused at the first job, with the same login for ever.
fn look_at_scopes(tokens: &Tokens) -> Result<(), Problem> {
    let given: Vec<&str> = tokens.scope.split_whitespace().collect();
    let missing: Vec<&str> = EXPORT_SCOPES
        .into_iter()
        .filter(|scope| !given.contains(scope))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!(
            "the tokens are kept, but the consent lacks {}, without which nothing can be exported",
            missing.join(", ")
        ),
        hint: "write that under `pleo.oauth.scopes` (or leave `scopes` out), then run `pleo-export login` again; if it stays \
               so, ask Pleo to register the application for it"
            .into(),
    })
}

/// Sees that the installation is in use, and answers its status then.
fn activated(client: &Client, installation: Installation) -> Result<String, Problem> {
    let is_active = |installation: &Installation| installation.status.as_deref() == Some(ACTIVATED);
    let installation = if is_active(&installation) {
        installation
    } else {
        client.activate_installation().map_err(not_activated)?
    };
    let status = installation.status.clone().unwrap_or_default();
    if is_active(&installation) {
        return Ok(status);
    }
    let why = installation
        .error_code
        .as_deref()
        .map(|code| format!(" ({})", safe(code)))
        .unwrap_or_default();
    Err(Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!(
            "the tokens are kept, but Pleo shows the installation as {}{why}",
            safe(&status)
        ),
        hint: LOOK_IN_PLEO.into(),
    })
}

/// The tokens stay, so that another login is all that is left to do.
fn not_activated(error: PleoError) -> Problem {
    let is_refused = matches!(error, PleoError::Rejected { .. });
    let problem = Problem::from(error);
    let (kind, hint) = match problem.kind {
        _ if is_refused => (ProblemKind::NeedsPerson, LOOK_IN_PLEO),
        ProblemKind::Credential => (
            ProblemKind::Credential,
            "ask Pleo to let this application activate its installation, then run `pleo-export login` again",
        ),
        kind => (kind, "run `pleo-export login` again"),
    };
    Problem {
        kind,
        message: format!(
            "the tokens are kept, but the installation was not activated: {}",
            problem.message
        ),
        hint: hint.into(),
    }
}

fn about_redirect(error: RedirectError) -> Problem {
    let again = "run `pleo-export login` again, and open the address that it prints; nothing was kept";
    let (kind, hint) = match error {
        RedirectError::OtherState => (ProblemKind::Usage, again),
        RedirectError::Scopes(_) => (
            ProblemKind::Configuration,
            "correct `pleo.oauth.scopes`: each must be one that Pleo registered for this application; nothing was kept",
        ),
        RedirectError::Rejected(_) | RedirectError::NoCode => (ProblemKind::Credential, again),
    };
    Problem {
        kind,
        message: error.to_string(),
        hint: hint.into(),
    }
}
