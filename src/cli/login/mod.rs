//! `login` and `logout`: a person's consent becomes tokens on this machine, and tokens are taken away again.

mod redirect;

use std::io::{self, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::SecretString;
use serde::Serialize;
use tracing::warn;

use super::answer::{self, Form, print, tell};
use super::exit::Exit;
use super::render::{Answer, ErrorDocument, document};
use super::table::safe;
use super::{run, signals};
use crate::config::{OAuthConfig, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::ids::CompanyId;
use crate::pleo::oauth::tokens::{self, Tokens, TokensError};
use crate::pleo::oauth::{self, Authorization, NewConnection, RedirectError};
use crate::pleo::{Client, Credential, Installation, PleoError, Subject};
use redirect::Listener;

/// What Pleo calls an installation that is in use.
const ACTIVATED: &str = "ACTIVATED";

/// What is told of a connection.
struct Told {
    /// For people.
    text: String,
    /// For scripts.
    connection: Option<ConnectionDocument>,
}

/// Asks a person for consent, and keeps what comes of it.
pub(super) fn login(sources: &Sources, paste: bool, form: Form) -> Exit {
    told(connect(sources, paste, form), form)
}

/// Tells what is known of the connection here; asks nobody.
pub(super) fn status(sources: &Sources, form: Form) -> Exit {
    told(look(sources), form)
}

/// Takes the tokens away from this machine; with `revoke` Pleo is asked to end the consent first.
pub(super) fn logout(sources: &Sources, revoke: bool, form: Form) -> Exit {
    told(disconnect(sources, revoke), form)
}

fn connect(sources: &Sources, paste: bool, form: Form) -> Result<Told, Problem> {
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
    let stop = signals::stop_on_signals();
    oauth::try_place(&config.oauth.token_file)?;
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
        let listener = Listener::at(&redirect_uri)?;
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
    let new = NewConnection::exchange(&config.oauth, stop, authorization, code, &config.scopes)?;
    let client = client(config, Credential::AccessToken(new.access_token()), stop)?;
    let installation = match client.installation(None) {
        Ok(installation) => Some(installation),
        // No scope is documented for this, and an answer without an installation neither: then nothing is known.
        Err(PleoError::CredentialRefused { answer } | PleoError::Refused { answer })
            if matches!(answer.status, 403 | 404) =>
        {
            warn!("{answer}: Pleo does not say where the application is installed");
            None
        }
        Err(error) => return Err(error.into()),
    };
    let company_id = company(config, installation.as_ref())?;
    let tokens = new.keep(company_id)?;
    let status = match installation {
        None => None,
        Some(installation) => Some(activated(&client, installation)?),
    };
    let connection = ConnectionDocument::of(config, &tokens, status);
    let text = format!(
        "Connected to {} for company {}. The tokens are in {}.\n",
        safe(&tokens.host),
        connection.company_id.as_deref().unwrap_or_default(),
        config.oauth.token_file.display()
    );
    Ok(Told {
        text,
        connection: Some(connection),
    })
}

/// For which company people consented: the one that the settings name, if they name one.
fn company(config: &OAuthConfig, installation: Option<&Installation>) -> Result<CompanyId, Problem> {
    let problem = |message: String, hint: &str| Problem {
        kind: ProblemKind::Configuration,
        message,
        hint: hint.to_owned(),
    };
    let resource = installation.and_then(|installation| installation.resource.as_ref());
    match (resource, &config.company_id) {
        (Some(Subject::Company(found)), Some(named)) if found != named => Err(problem(
            format!("the consent is for company {found}, and the settings name {named}; nothing was kept"),
            "consent for the company of the settings, or correct PLEO_COMPANY_ID",
        )),
        (Some(Subject::Company(found)), _) => Ok(found.clone()),
        (Some(Subject::Other(urn)), _) => Err(problem(
            format!(
                "the consent is for `{}`, which is no company; nothing was kept",
                safe(urn)
            ),
            "consent for one company: each has its own books, checkpoint and tokens",
        )),
        (None, Some(named)) => {
            warn!(
                "Pleo does not say for which company the consent is; taking the settings' word for {named}"
            );
            Ok(named.clone())
        }
        (None, None) => Err(problem(
            "Pleo does not say for which company the consent is; nothing was kept".to_owned(),
            "set PLEO_COMPANY_ID, then log in again",
        )),
    }
}

/// Sees that the installation is in use, and answers its status then.
fn activated(client: &Client, installation: Installation) -> Result<String, Problem> {
    let is_active = |installation: &Installation| installation.status.as_deref() == Some(ACTIVATED);
    let installation = if is_active(&installation) {
        installation
    } else {
        client.activate_installation().map_err(|error| {
            let problem = Problem::from(error);
            Problem {
                message: format!(
                    "the tokens are kept, but the installation was not activated: {}",
                    problem.message
                ),
                ..problem
            }
        })?
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
        message: format!("the tokens are kept, but Pleo shows the installation as {}{why}", safe(&status)),
        hint: "look at the integration in Pleo, then run `pleo-export login` again; ask Pleo's support if it stays so".into(),
    })
}

fn client(config: &OAuthConfig, credential: Credential, stop: &Stop) -> Result<Client, PleoError> {
    let settings = crate::pleo::Settings {
        base_url: config.base_url.clone(),
        // No job is listed by a login.
        company_id: config.company_id.clone().unwrap_or_else(|| CompanyId::new("")),
        credential,
        request_timeout: config.oauth.request_timeout,
        give_up_after: config.oauth.give_up_after,
        throttle: None,
    };
    Client::new(settings, stop.clone())
}

fn about_redirect(error: RedirectError) -> Problem {
    Problem {
        kind: match error {
            RedirectError::OtherState => ProblemKind::Usage,
            RedirectError::Refused(_) | RedirectError::NoCode => ProblemKind::Credential,
        },
        message: error.to_string(),
        hint: "run `pleo-export login` again, and open the address that it prints; nothing was kept".into(),
    }
}

fn look(sources: &Sources) -> Result<Told, Problem> {
    let config = load(sources, false)?;
    let tokens = read(&config)?.ok_or_else(|| Problem {
        kind: ProblemKind::Credential,
        message: TokensError::Absent(config.oauth.token_file.clone()).to_string(),
        hint: "run `pleo-export login`".into(),
    })?;
    if let Some(refused_at) = tokens.refused_at {
        return Err(Problem {
            kind: ProblemKind::Credential,
            message: format!(
                "Pleo refused the tokens in `{}` on {}",
                config.oauth.token_file.display(),
                moment(refused_at)
            ),
            hint: "connect it again: run `pleo-export login`".into(),
        });
    }
    if tokens.host != config.oauth.host {
        return Err(not_in_use(format!(
            "the tokens in `{}` are for another Pleo ({}) than {}",
            config.oauth.token_file.display(),
            safe(&tokens.host),
            config.oauth.host
        )));
    }
    let Some(company_id) = &tokens.company_id else {
        return Err(not_in_use(format!(
            "the login into `{}` did not come to its end",
            config.oauth.token_file.display()
        )));
    };
    let connection = ConnectionDocument::of(&config, &tokens, None);
    let now = clock::now();
    let text = format!(
        "Connected to {} for company {} as {}.\nScopes: {}\nThe access token is good until {}{}; it is renewed by itself.\n\
         The tokens are in {}.\n",
        safe(&connection.host),
        company_id,
        safe(&connection.client_id),
        safe(&tokens.scope),
        moment(tokens.expires_at),
        if tokens.expires_at < now { " (over)" } else { "" },
        config.oauth.token_file.display()
    );
    Ok(Told {
        text,
        connection: Some(connection),
    })
}

/// What every other command refuses.
fn not_in_use(message: String) -> Problem {
    Problem {
        kind: ProblemKind::Configuration,
        message,
        hint: "run `pleo-export login`, or correct `pleo.base_url`".into(),
    }
}

fn disconnect(sources: &Sources, revoke: bool) -> Result<Told, Problem> {
    let config = load(sources, false)?;
    let stop = signals::stop_on_signals();
    if revoke && read(&config)?.is_some() {
        let credential = Credential::OAuth(Box::new(config.oauth.clone()));
        match client(&config, credential, &stop)?.remove_installation() {
            Ok(()) => {}
            // What Pleo does not take any more need not be revoked.
            Err(error @ PleoError::Disconnected { .. }) => {
                warn!("{error}; only this machine's tokens are removed");
            }
            Err(error) => return Err(error.into()),
        }
    }
    let text = match (oauth::forget(&config.oauth, &stop)?, revoke) {
        (false, _) => "There are no tokens here.\n",
        (true, true) => "The tokens are removed here and void at Pleo.\n",
        (true, false) => {
            "The tokens are removed here. Pleo still has the consent; `--revoke` would have ended it.\n"
        }
    };
    Ok(Told {
        text: text.to_owned(),
        connection: None,
    })
}

/// The tokens as they stand, if there are some.
fn read(config: &OAuthConfig) -> Result<Option<Tokens>, Problem> {
    match tokens::read(&config.oauth.token_file) {
        Ok(tokens) => Ok(Some(tokens)),
        Err(TokensError::Absent(_)) => Ok(None),
        Err(error) => Err(Problem {
            kind: ProblemKind::Configuration,
            message: error.to_string(),
            hint: "see to what is said, or run `pleo-export login`".into(),
        }),
    }
}

fn load(sources: &Sources, is_login: bool) -> Result<OAuthConfig, Problem> {
    let config = OAuthConfig::load(sources, is_login).map_err(|problems| run::wrong_settings(&problems))?;
    for warning in &config.warnings {
        warn!("{warning}");
    }
    Ok(config)
}

fn told(result: Result<Told, Problem>, form: Form) -> Exit {
    match result {
        Ok(told) if form.json => print(&to_json(Exit::Done, told.connection, None), Exit::Done),
        Ok(told) => print(&told.text, Exit::Done),
        Err(problem) if form.json => {
            let exit = Answer::of_problem(problem.clone()).exit();
            let exit = print(&to_json(exit, None, Some(&problem)), exit);
            tell(std::iter::once(&problem), form);
            exit
        }
        Err(problem) => answer::answer(&Answer::of_problem(problem), form),
    }
}

fn moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A connection without its tokens.
#[derive(Serialize)]
struct ConnectionDocument {
    company_id: Option<String>,
    host: String,
    client_id: String,
    expires_at: String,
    scopes: Vec<String>,
    installation: Option<String>,
    token_file: String,
}

impl ConnectionDocument {
    fn of(config: &OAuthConfig, tokens: &Tokens, installation: Option<String>) -> Self {
        Self {
            company_id: tokens.company_id.as_ref().map(ToString::to_string),
            host: tokens.host.clone(),
            client_id: config.oauth.client_id.clone(),
            expires_at: moment(tokens.expires_at),
            scopes: tokens.scope.split_whitespace().map(str::to_owned).collect(),
            installation,
            token_file: config.oauth.token_file.display().to_string(),
        }
    }
}

#[derive(Serialize)]
struct LoginDocument {
    schema_version: u32,
    exit_code: u8,
    jobs: [(); 0],
    connection: Option<ConnectionDocument>,
    error: Option<ErrorDocument>,
}

fn to_json(exit: Exit, connection: Option<ConnectionDocument>, problem: Option<&Problem>) -> String {
    document(&LoginDocument {
        schema_version: 1,
        exit_code: exit.code(),
        jobs: [],
        connection,
        error: problem.map(ErrorDocument::from),
    })
}
