//! `login` and `logout`: a person's consent becomes tokens on this machine, and tokens are taken away again.

mod connection;
mod consent;
mod redirect;

use serde::Serialize;

use super::answer::{Form, Shown, either};
use super::exit::Exit;
use super::render::{Document, document};
use super::signals;
use super::table::safe;
use crate::config::{OAuthConfig, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::pleo::oauth;
use crate::pleo::oauth::tokens::{Tokens, TokensError};
use crate::pleo::{Credential, PleoError};
use connection::{ConnectionDocument, Told, client, load};

/// Asks a person for consent, and keeps what comes of it.
pub(super) fn login(sources: &Sources, paste: bool, form: Form) -> Exit {
    told(consent::connect(sources, paste, form), form)
}

/// Tells what is known of the connection here; asks nobody.
pub(super) fn status(sources: &Sources, form: Form) -> Exit {
    told(look(sources), form)
}

/// Takes the tokens away from this machine; with `revoke` Pleo is asked to end the consent first.
pub(super) fn logout(sources: &Sources, revoke: bool, form: Form) -> Exit {
    told(disconnect(sources, revoke), form)
}

fn look(sources: &Sources) -> Result<Told, Problem> {
    // With two credentials every other command refuses, so this is no connection.
    let config = load(sources, true)?;
    let tokens = read(&config)?.ok_or_else(|| Problem {
        kind: ProblemKind::Credential,
        message: TokensError::Absent(config.oauth.store.to_string()).to_string(),
        hint: "run `pleo-export login`".into(),
    })?;
    if let Some(refused_at) = tokens.refused_at {
        return Err(Problem {
            kind: ProblemKind::Credential,
            message: format!(
                "Pleo rejected the tokens in `{}` on {}",
                config.oauth.store,
                clock::text(refused_at)
            ),
            hint: "connect it again: run `pleo-export login`".into(),
        });
    }
    if tokens.host != config.oauth.host {
        return Err(not_in_use(format!(
            "the tokens in `{}` are for another Pleo ({}) than {}",
            config.oauth.store,
            safe(&tokens.host),
            config.oauth.host
        )));
    }
    let Some(company_id) = &tokens.company_id else {
        return Err(not_in_use(format!(
            "the login into `{}` did not come to its end",
            config.oauth.store
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
        clock::text(tokens.expires_at),
        if tokens.expires_at < now { " (over)" } else { "" },
        config.oauth.store
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
    if revoke && let Some(tokens) = read(&config)? {
        let credential = Credential::OAuth(Box::new(oauth::Settings {
            company_id: tokens.company_id.clone(),
            ..config.oauth.clone()
        }));
        let client = client(&config, credential, &stop)?;
        if tokens.company_id.is_some() {
            // It has told whose they are.
            client.answered_before();
        }
        match client.remove_installation() {
            Ok(()) => {}
            Err(error @ PleoError::Disconnected { .. }) => {
                oauth::forget(&config.oauth, &stop)?;
                return Err(not_revoked(&error));
            }
            Err(error @ PleoError::CredentialRejected { .. }) => {
                return Err(Problem {
                    hint: "nothing was removed: end the connection in Pleo, then run `pleo-export logout` without `--revoke`"
                        .into(),
                    ..error.into()
                });
            }
            Err(error) => return Err(error.into()),
        }
    }
    let text = match (oauth::forget(&config.oauth, &stop)?, revoke) {
        (false, true) => "There are no tokens here, so Pleo was not asked.\n",
        (false, false) => "There are no tokens here.\n",
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

/// Nobody could ask Pleo with tokens that it does not take any more, which says nothing of the installation.
fn not_revoked(error: &PleoError) -> Problem {
    Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!("the tokens are removed here; Pleo was not asked to end the connection: {error}"),
        hint: "end the connection in Pleo, where the company's integrations are".into(),
    }
}

/// The tokens as they stand, if there are some.
fn read(config: &OAuthConfig) -> Result<Option<Tokens>, Problem> {
    match config.oauth.store.read() {
        Ok(tokens) => Ok(Some(tokens)),
        Err(TokensError::Absent(_)) => Ok(None),
        Err(TokensError::OutOfReach(problem)) => Err(PleoError::TokensBusy { problem }.into()),
        Err(error) => Err(Problem {
            kind: ProblemKind::Configuration,
            message: error.to_string(),
            hint: "see to what is said, or run `pleo-export login`".into(),
        }),
    }
}

fn told(result: Result<Told, Problem>, form: Form) -> Exit {
    let (told, problem) = either(result);
    let (text, connection) = told.map_or_else(Default::default, |told| (told.text, told.connection));
    Shown::without_jobs(problem, form, text, |answer| {
        document(&LoginDocument { answer, connection })
    })
    .give(form)
}

#[derive(Serialize)]
struct LoginDocument {
    #[serde(flatten)]
    answer: Document<()>,
    connection: Option<ConnectionDocument>,
}
