//! Pleo's authorization server, on the same port as the API: consent without a person, a code for one use, tokens of which a
//! refresh voids both at once. A token that is wrong or dead is refused and breaks no rule; one that was refused and
//! comes again does.

use std::collections::BTreeSet;

use axum::extract::Query as Decoded;
use axum::http::{Uri, header};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::codec::{BASE64, decode, encode};
use super::exchange::{Answer, Answered, Call};
use super::query::Query;
use super::world::World;

/// For how long a code is good.
const CODE_SECONDS: i64 = 60;

const AUTHORIZE: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
];

/// The one application that is registered.
#[derive(Clone, Debug)]
pub struct OauthClient {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
    /// Where a browser may be sent after consent.
    pub redirect_uris: Vec<String>,
    /// For how long an access token is good.
    pub access_token_seconds: i64,
    /// Whether the secret is taken from the form alone, and not from a basic credential.
    pub wants_form: bool,
    /// Whether the person who is asked refuses.
    pub consent_is_refused: bool,
}

impl Default for OauthClient {
    fn default() -> Self {
        Self {
            id: "sandbox-client".to_owned(),
            secret: "sandbox-client-secret".to_owned(),
            redirect_uris: vec!["http://127.0.0.1:8788/callback".to_owned()],
            access_token_seconds: 900,
            wants_form: false,
            consent_is_refused: false,
        }
    }
}

/// What the server remembers of consents.
#[derive(Clone, Debug, Default)]
pub struct Oauth {
    codes: Vec<Code>,
    grants: Vec<Grant>,
    /// Refresh tokens that were refused.
    refused: BTreeSet<String>,
    /// How many refreshes were done.
    pub refreshes: usize,
    /// How many tokens there were ever.
    count: usize,
}

#[derive(Clone, Debug)]
struct Code {
    text: String,
    redirect_uri: String,
    challenge: String,
    scope: String,
    at: DateTime<Utc>,
    /// The grant that came of it.
    grant: Option<usize>,
}

#[derive(Clone, Debug)]
struct Grant {
    access: String,
    refresh: String,
    until: DateTime<Utc>,
    scope: String,
    is_void: bool,
}

impl Oauth {
    /// Whether an access token is good at this moment.
    pub fn takes(&self, token: &str, now: DateTime<Utc>) -> bool {
        self.grants
            .iter()
            .any(|grant| !grant.is_void && grant.access == token && now < grant.until)
    }

    /// The tokens that are good now, access and refresh.
    pub fn live(&self) -> Vec<(String, String)> {
        let live = self.grants.iter().filter(|grant| !grant.is_void);
        live.map(|grant| (grant.access.clone(), grant.refresh.clone()))
            .collect()
    }

    /// Voids every token.
    pub fn void_all(&mut self) {
        self.grants.iter_mut().for_each(|grant| grant.is_void = true);
    }

    /// Ends every access token; the refresh tokens stay good.
    pub fn expire_access(&mut self, now: DateTime<Utc>) {
        self.grants.iter_mut().for_each(|grant| grant.until = now);
    }

    /// Uses every code, as a thief might.
    pub fn use_up_codes(&mut self, until: DateTime<Utc>) {
        for code in 0..self.codes.len() {
            self.grant("", until);
            self.codes[code].grant = Some(self.grants.len() - 1);
        }
    }

    /// Gives a new grant, and answers its tokens.
    pub fn grant(&mut self, scope: &str, until: DateTime<Utc>) -> (String, String) {
        self.grants.push(Grant {
            access: String::new(),
            refresh: String::new(),
            until,
            scope: scope.to_owned(),
            is_void: false,
        });
        self.renew(self.grants.len() - 1, until)
    }

    fn renew(&mut self, grant: usize, until: DateTime<Utc>) -> (String, String) {
        self.count += 1;
        let chance = fastrand::u64(..);
        let grant = &mut self.grants[grant];
        grant.access = format!("access-{}-{chance:016x}", self.count);
        grant.refresh = format!("refresh-{}-{chance:016x}", self.count);
        grant.until = until;
        (grant.access.clone(), grant.refresh.clone())
    }
}

/// Answers one call to the authorization server.
pub fn answer(world: &mut World, call: &Call) -> Answered {
    match (call.request.method.as_str(), call.request.path.as_str()) {
        ("GET", "/oauth/authorize") => authorize(world, call),
        ("POST", "/oauth/token") => token(world, call),
        ("POST", "/oauth/token/introspect") => introspect(world, call),
        _ => {
            world.break_rule(call, "the authorization server has no such path or method");
            Err(Answer::refusal(404, "NOT_FOUND", "Not found."))
        }
    }
}

/// A wrong client or redirect address is never redirected to.
fn authorize(world: &mut World, call: &Call) -> Answered {
    let query = Query::parse(world, call, &AUTHORIZE)?;
    let value = |name: &str| query.one(name).unwrap_or_default().to_owned();
    let client = world.options.oauth_client.clone();
    let (redirect_uri, challenge, state) = (value("redirect_uri"), value("code_challenge"), value("state"));
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let broken = [
        (value("response_type") != "code", "`response_type` is not `code`"),
        (value("client_id") != client.id, "the client is not known"),
        (
            !client.redirect_uris.contains(&redirect_uri),
            "the redirect address is not registered",
        ),
        (state.len() < 16, "`state` can be guessed"),
        (
            value("code_challenge_method") != "S256",
            "`code_challenge_method` is not `S256`",
        ),
        (
            challenge.len() != 43 || !challenge.bytes().all(is_base64url),
            "`code_challenge` is no SHA-256",
        ),
        (query.one("scope").is_none(), "`scope` is missing"),
    ];
    if let Some((_, rule)) = broken.iter().find(|(is_broken, _)| *is_broken) {
        world.break_rule(call, rule);
        return Err(Answer::refusal(400, "BAD_REQUEST", rule));
    }
    let scope = value("scope");
    let knows = |scope: &str| world.options.scopes.iter().any(|known| known == scope);
    let outcome = if client.consent_is_refused {
        ("error", "access_denied".to_owned())
    } else if !scope.split(' ').all(knows) {
        ("error", "invalid_scope".to_owned())
    } else {
        ("code", new_code(world, &redirect_uri, challenge, scope))
    };
    let mark = if redirect_uri.contains('?') { '&' } else { '?' };
    let (name, value) = outcome;
    let address = format!("{redirect_uri}{mark}{name}={value}&state={state}");
    Ok(Answer::empty(302).with(header::LOCATION, address))
}

fn new_code(world: &mut World, redirect_uri: &str, challenge: String, scope: String) -> String {
    let code = format!("code-{:032x}", fastrand::u128(..));
    let at = world.clock.now();
    world.oauth.codes.push(Code {
        text: code.clone(),
        redirect_uri: redirect_uri.to_owned(),
        challenge,
        scope,
        at,
        grant: None,
    });
    code
}

fn token(world: &mut World, call: &Call) -> Answered {
    let form = form(world, call)?;
    check_client(world, call, &form, true)?;
    let value = |name: &str| form.one(name).unwrap_or_default().to_owned();
    match value("grant_type").as_str() {
        "authorization_code" => exchange(
            world,
            &value("code"),
            &value("redirect_uri"),
            &value("code_verifier"),
        ),
        "refresh_token" => refresh(world, call, &value("refresh_token")),
        _ => {
            world.break_rule(
                call,
                "`grant_type` is neither `authorization_code` nor `refresh_token`",
            );
            Err(refusal(400, "unsupported_grant_type", None))
        }
    }
}

fn exchange(world: &mut World, code: &str, redirect_uri: &str, verifier: &str) -> Answered {
    let now = world.clock.now();
    let Some(known) = world.oauth.codes.iter().position(|known| known.text == code) else {
        return Err(refusal(400, "invalid_grant", None));
    };
    let Code {
        challenge,
        scope,
        at,
        grant,
        redirect_uri: sent_to,
        ..
    } = world.oauth.codes[known].clone();
    if let Some(grant) = grant {
        // Somebody else may have had it first.
        world.oauth.grants[grant].is_void = true;
        return Err(refusal(400, "invalid_grant", Some("the code was used")));
    }
    let is_good = sent_to == redirect_uri
        && (43..=128).contains(&verifier.len())
        && base64url(&Sha256::digest(verifier)) == challenge
        && now - at < TimeDelta::seconds(CODE_SECONDS);
    if !is_good {
        return Err(refusal(400, "invalid_grant", None));
    }
    let until = now + TimeDelta::seconds(world.options.oauth_client.access_token_seconds);
    let tokens = world.oauth.grant(&scope, until);
    world.oauth.codes[known].grant = Some(world.oauth.grants.len() - 1);
    Ok(tokens_answer(world, tokens, &scope))
}

fn refresh(world: &mut World, call: &Call, refresh: &str) -> Answered {
    let live = |grant: &Grant| !grant.is_void && grant.refresh == refresh;
    let Some(grant) = world.oauth.grants.iter().position(live) else {
        if !world.oauth.refused.insert(refresh.to_owned()) {
            world.break_rule(call, "a refresh token that was refused is sent again");
        }
        return Err(refusal(400, "invalid_grant", Some("invalid_refresh_token")));
    };
    let until = world.clock.now() + TimeDelta::seconds(world.options.oauth_client.access_token_seconds);
    let tokens = world.oauth.renew(grant, until);
    world.oauth.refreshes += 1;
    let scope = world.oauth.grants[grant].scope.clone();
    Ok(tokens_answer(world, tokens, &scope))
}

fn tokens_answer(world: &World, (access, refresh): (String, String), scope: &str) -> Answer {
    let body = json!({
        "access_token": access,
        "refresh_token": refresh,
        "expires_in": world.options.oauth_client.access_token_seconds,
        "token_type": "Bearer",
        "scope": scope,
    });
    Answer::json(200, body).with(header::CACHE_CONTROL, "no-store".to_owned())
}

fn introspect(world: &mut World, call: &Call) -> Answered {
    let form = form(world, call)?;
    check_client(world, call, &form, false)?;
    let token = form.one("token").unwrap_or_default();
    let now = world.clock.now();
    let is_refresh = world.oauth.live().iter().any(|(_, refresh)| refresh == token);
    let mut body = json!({ "active": world.oauth.takes(token, now) || is_refresh });
    if body["active"] == Value::Bool(true) {
        body["sub"] = json!(world.options.company);
        body["client_id"] = json!(world.options.oauth_client.id);
    }
    Ok(Answer::json(200, body))
}

/// A form, each field at most once.
fn form(world: &mut World, call: &Call) -> Result<Query, Answer> {
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or_default();
    let text = std::str::from_utf8(&call.body).ok();
    let uri = text.and_then(|text| format!("/?{text}").parse::<Uri>().ok());
    let pairs = uri.and_then(|uri| Decoded::<Vec<(String, String)>>::try_from_uri(&uri).ok());
    let names: Vec<String> = pairs
        .iter()
        .flat_map(|pairs| pairs.0.iter().map(|pair| pair.0.clone()))
        .collect();
    let once = names.iter().collect::<BTreeSet<_>>().len() == names.len();
    match pairs {
        Some(Decoded(pairs)) if once && content_type.starts_with("application/x-www-form-urlencoded") => {
            Ok(Query { pairs })
        }
        _ => {
            world.break_rule(call, "the body is no form");
            Err(refusal(400, "invalid_request", None))
        }
    }
}

/// The client shows who it is in one way alone, and never in the address.
fn check_client(world: &mut World, call: &Call, form: &Query, takes_form: bool) -> Result<(), Answer> {
    if !call.request.query.is_empty() {
        world.break_rule(call, "the address of the authorization server has a query");
    }
    let client = world.options.oauth_client.clone();
    let by_form = (form.one("client_id"), form.one("client_secret"));
    let basic = call
        .header(header::AUTHORIZATION)
        .and_then(|value| value.strip_prefix("Basic "));
    let basic = basic
        .and_then(|text| decode(text, BASE64))
        .and_then(|bytes| String::from_utf8(bytes).ok());
    if basic.is_some() && by_form.1.is_some() {
        world.break_rule(call, "the client shows who it is in two ways");
        return Err(refusal(400, "invalid_request", None));
    }
    let is_right = match (&basic, by_form) {
        (Some(basic), _) => !client.wants_form && *basic == format!("{}:{}", client.id, client.secret),
        (None, (Some(id), Some(secret))) => takes_form && id == client.id && secret == client.secret,
        (None, _) => false,
    };
    if is_right {
        Ok(())
    } else {
        Err(refusal(401, "invalid_client", None))
    }
}

fn refusal(status: u16, error: &str, description: Option<&str>) -> Answer {
    let mut body = json!({ "error": error });
    if let Some(description) = description {
        body["error_description"] = json!(description);
    }
    Answer::json(status, body)
}

fn base64url(bytes: &[u8]) -> String {
    encode(bytes, BASE64).replace('+', "-").replace('/', "_")
}
