//! The token endpoint: a code or a refresh token in, a pair of tokens out, with all tries.
//!
//! Which way a client shows its secret differs between Pleo's pages: a basic credential is tried first, and where that
//! is rejected the form. A wrong secret says nothing about the tokens; only Pleo's own word on a grant does.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::blocking::Client;
use reqwest::header::ACCEPT;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::Settings;
use super::tokens::is_token;
use crate::host::http::{self, Body, BodyError, Fault};
use crate::host::retry::{self, Next, Retry};
use crate::host::stop::Stop;
use crate::host::waiting::waiting_for;
use crate::host::{clock, kill};
use crate::pleo::error::{Answer, Call, PleoError, shown};
use crate::pleo::retry::{asks_for_too_long, log_retry};
use crate::pleo::wire;

/// More than any answer of the endpoint has, in bytes. All of it has room in a file of tokens.
const LARGEST_ANSWER: u64 = 32 * 1024;

/// What an access token lives where the answer does not say, in seconds: as Pleo's pages have it.
const USUAL_LIFE: u64 = 900;

/// What is believed of a life at most, in seconds.
const LONGEST_LIFE: u64 = 86_400;

/// Errors of RFC 6749 (section 5.2) that may speak of the way in which the client shows its secret: who reads the form alone
/// misses it there.
const ABOUT_THE_CLIENT: [&str; 3] = ["invalid_request", "invalid_client", "unauthorized_client"];

/// Those that speak of what was asked for, and not of the grant.
const ABOUT_THE_REQUEST: [&str; 2] = ["unsupported_grant_type", "invalid_scope"];

/// Errors of other sections and of RFC 8628 that pass by themselves.
const PASSING: [&str; 3] = ["server_error", "temporarily_unavailable", "slow_down"];

/// Words for a grant that is dead, in whichever field they stand.
const DEAD: [&str; 2] = ["invalid_grant", "invalid_refresh_token"];

/// What tokens are asked for with.
pub(super) enum Grant<'a> {
    /// Good for one use, so an answer that is lost cannot be asked for again.
    Code {
        code: &'a SecretString,
        verifier: &'a SecretString,
        redirect_uri: &'a str,
    },
    Refresh(&'a SecretString),
}

/// What Pleo gives.
pub(super) struct Granted {
    pub(super) access: SecretString,
    /// `None` where the answer has none.
    pub(super) refresh: Option<SecretString>,
    pub(super) life: Duration,
    /// `None` where the answer does not say: what was asked for.
    pub(super) scope: Option<String>,
}

/// Why there are no tokens.
pub(super) enum AskError {
    /// The grant is dead for good; in Pleo's words.
    Dead(String),
    /// Anything else, which says nothing about the grant.
    Other(PleoError),
}

/// The way to the token endpoint.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) settings: Settings,
    pub(super) stop: Stop,
    /// Built when tokens are first asked for: most runs ask for none, and the certificates of the machine are many files.
    http: OnceLock<Client>,
    /// Whether the secret goes in the form, since the other way was rejected.
    by_form: AtomicBool,
}

/// How one try ended.
enum Try {
    Done(Granted),
    Over(AskError),
    /// The client was rejected in this way of showing its secret.
    OtherWay(Answer),
    Again {
        cause: String,
        retry_after: Option<Duration>,
        /// Whether the request may have had its effect.
        is_sent: bool,
        /// Whether anybody answered at all.
        is_reached: bool,
    },
}

impl Endpoint {
    pub(super) fn new(settings: Settings, stop: Stop) -> Self {
        Self {
            settings,
            stop,
            http: OnceLock::new(),
            by_form: AtomicBool::new(false),
        }
    }

    fn http(&self) -> Result<&Client, PleoError> {
        if let Some(client) = self.http.get() {
            return Ok(client);
        }
        let builder = http::client_builder_for(&self.settings.auth_url).referer(false);
        let built = builder.build().map_err(|error| PleoError::Settings {
            problem: format!("the HTTP client cannot be set up: {}", http::chain(&error)),
        })?;
        Ok(self.http.get_or_init(|| built))
    }

    /// Asks until there are tokens, or surely none. A refresh whose answer is lost is tried again: where it had its
    /// effect, the old token is rejected then, and nothing worse. So each try has its whole time, however little
    /// patience there is.
    pub(super) fn ask(&self, grant: &Grant<'_>, patience: Duration) -> Result<Granted, AskError> {
        let http = self.http().map_err(AskError::Other)?;
        let _waiting = waiting_for(format!("Pleo to answer {}", call()));
        let mut retry = Retry::new(Instant::now(), patience, fastrand::Rng::new());
        let mut ways = 0;
        loop {
            let (cause, retry_after, is_reached) = match self.attempt(http, grant) {
                Try::Done(granted) => return Ok(granted),
                Try::Over(error) => return Err(error),
                Try::OtherWay(answer) => {
                    ways += 1;
                    self.by_form.fetch_xor(true, Ordering::Relaxed);
                    if ways < 2 {
                        continue;
                    }
                    return Err(AskError::Other(PleoError::ClientRejected { answer }));
                }
                Try::Again {
                    cause, is_sent: true, ..
                } if matches!(grant, Grant::Code { .. }) => {
                    return Err(AskError::Other(PleoError::LostTokens { call: call(), cause }));
                }
                Try::Again {
                    cause,
                    retry_after,
                    is_reached,
                    ..
                } => (cause, retry_after, is_reached),
            };
            let cause = match retry.failed(Instant::now(), retry_after) {
                Next::Wait(wait) => {
                    log_retry(&call(), &cause, retry.tries(), wait);
                    let waited = self.stop.wait(wait);
                    waited.map_err(|stopped| AskError::Other(stopped.into()))?;
                    continue;
                }
                Next::GiveUp => cause,
                Next::TooLong(asked) => asks_for_too_long(&cause, asked),
            };
            let (call, tries) = (call(), retry.tries());
            return Err(AskError::Other(if is_reached {
                PleoError::OutOfReach { call, tries, cause }
            } else {
                PleoError::NeverReached { call, tries, cause }
            }));
        }
    }

    fn attempt(&self, http: &Client, grant: &Grant<'_>) -> Try {
        let (began, timeout) = (Instant::now(), self.settings.request_timeout);
        let by_form = self.by_form.load(Ordering::Relaxed);
        let mut form = grant.form();
        let mut builder = http
            .post(self.settings.auth_url.at(["oauth", "token"]))
            .timeout(timeout)
            .header(ACCEPT, "application/json");
        let (id, secret) = (
            self.settings.client_id.as_str(),
            self.settings.client_secret.expose_secret(),
        );
        if by_form {
            form.extend([("client_id", id), ("client_secret", secret)]);
        } else {
            // RFC 6749 section 2.3.1: both are encoded before they are joined.
            builder = builder.basic_auth(encoded(id), Some(encoded(secret)));
        }
        kill::point("before tokens are asked for");
        let mut response = match builder.form(&form).send() {
            Ok(response) => response,
            Err(error) => return unanswered(http::fault(error)),
        };
        let status = response.status().as_u16();
        let retry_after = http::retry_after(&response, clock::now());
        let body = match Body::new(&mut response, LARGEST_ANSWER, began + timeout, None).whole() {
            Ok(body) => body,
            Err(BodyError::TooLarge(_)) => return contract("the answer is larger than any that has tokens"),
            Err(error) => return again(error.to_string()),
        };
        kill::point("tokens answered");
        tracing::debug!(status, "asked Pleo for tokens");
        let (body, is_json) = wire::read_body(body);
        let fields = serde_json::from_str::<Value>(&body).unwrap_or_default();
        match status {
            200 if is_json => granted(&fields),
            200 => again("the answer is not JSON".to_owned()),
            _ if retry::is_temporary(status) => Try::Again {
                cause: format!("answered {status}"),
                retry_after,
                is_sent: status != 429,
                is_reached: true,
            },
            400..=499 if is_json || body.trim().is_empty() => {
                self.rejected(grant, status, &fields, retry_after)
            }
            400..=499 => Try::Over(AskError::Other(PleoError::NeverReached {
                call: call(),
                tries: 1,
                cause: format!(
                    "a {status} that does not come from Pleo: a firewall or proxy answers in its place"
                ),
            })),
            _ => contract(&format!("status {status}, where 200 is due")),
        }
    }

    /// What an answer is about that rejects. Pleo's own words are in capitals.
    fn rejected(&self, grant: &Grant<'_>, status: u16, fields: &Value, retry_after: Option<Duration>) -> Try {
        let words: Vec<&str> = ["error", "type", "error_description", "message"]
            .into_iter()
            .filter_map(|name| fields.get(name).and_then(Value::as_str))
            .collect();
        let secret = self.settings.client_secret.expose_secret();
        let hidden = |text: &str| shown(&grant.hide(&text.replace(secret, "…")));
        let answer = Answer {
            call: call(),
            status,
            error_type: words.first().map(|text| hidden(text)),
            message: words.get(1).map(|text| hidden(text)),
        };
        let words: Vec<String> = words.iter().map(|text| text.to_ascii_lowercase()).collect();
        let kind = words.first().map_or("", String::as_str);
        let is_dead = |text: &String| DEAD.iter().any(|word| text.contains(word));
        if words.iter().any(is_dead) {
            Try::Over(AskError::Dead(answer.to_string()))
        } else if PASSING.contains(&kind) {
            Try::Again {
                cause: answer.words(),
                retry_after,
                is_sent: true,
                is_reached: true,
            }
        } else if status == 401 || ABOUT_THE_CLIENT.contains(&kind) {
            Try::OtherWay(answer)
        } else if status == 400 && !kind.is_empty() && !ABOUT_THE_REQUEST.contains(&kind) {
            Try::Over(AskError::Dead(answer.to_string()))
        } else {
            Try::Over(AskError::Other(PleoError::ClientRejected { answer }))
        }
    }
}

impl Grant<'_> {
    fn form(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Code {
                code,
                verifier,
                redirect_uri,
            } => vec![
                ("grant_type", "authorization_code"),
                ("code", code.expose_secret()),
                ("redirect_uri", redirect_uri),
                ("code_verifier", verifier.expose_secret()),
            ],
            Self::Refresh(token) => vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", token.expose_secret()),
            ],
        }
    }

    /// A text of the server's without what was sent to it.
    fn hide(&self, text: &str) -> String {
        let secrets = match self {
            Self::Code { code, verifier, .. } => vec![*code, *verifier],
            Self::Refresh(token) => vec![*token],
        };
        secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.expose_secret(), "…")
        })
    }
}

/// Reads the tokens. Nothing of the answer is quoted, since any part of it may be one.
fn granted(fields: &Value) -> Try {
    let token = |name: &str| match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(token)) if is_token(token) => Ok(Some(SecretString::from(token.as_str()))),
        Some(_) => Err(format!("`{name}` is no token")),
    };
    let kind = fields
        .get("token_type")
        .and_then(Value::as_str)
        .unwrap_or("bearer");
    if !kind.eq_ignore_ascii_case("bearer") {
        return contract("`token_type` is not `Bearer`");
    }
    let life = fields.get("expires_in").and_then(|life| match life {
        Value::String(text) => text.parse().ok(),
        life => life.as_u64(),
    });
    match (token("access_token"), token("refresh_token")) {
        (Ok(Some(access)), Ok(refresh)) => Try::Done(Granted {
            access,
            refresh,
            life: Duration::from_secs(life.unwrap_or(USUAL_LIFE).min(LONGEST_LIFE)),
            // Whole, for it tells what may be done.
            scope: fields.get("scope").and_then(Value::as_str).map(str::to_owned),
        }),
        (Ok(None), _) => contract("`access_token` is missing"),
        (Err(problem), _) | (_, Err(problem)) => contract(&problem),
    }
}

fn unanswered((fault, cause): (Fault, String)) -> Try {
    match fault {
        Fault::Untrusted => Try::Over(AskError::Other(PleoError::Untrusted {
            problem: format!("{} was not sent: {cause}", call()),
        })),
        Fault::Unreached => Try::Again {
            cause,
            retry_after: None,
            is_sent: false,
            is_reached: false,
        },
        Fault::TimedOut | Fault::Broken => again(cause),
    }
}

/// It was sent, and nobody knows what came of it.
fn again(cause: String) -> Try {
    Try::Again {
        cause,
        retry_after: None,
        is_sent: true,
        is_reached: true,
    }
}

fn contract(problem: &str) -> Try {
    Try::Over(AskError::Other(PleoError::Contract {
        call: call(),
        problem: problem.to_owned(),
    }))
}

fn call() -> Call {
    Call {
        method: "POST",
        path: "/oauth/token".to_owned(),
    }
}

/// As a form encodes it.
fn encoded(text: &str) -> String {
    let Ok(mut url) = Url::parse("http://localhost/") else {
        return text.to_owned();
    };
    url.query_pairs_mut().append_key_only(text);
    url.query().unwrap_or_default().to_owned()
}
