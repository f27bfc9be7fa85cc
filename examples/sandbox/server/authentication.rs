//! Who may ask: the API key as the user of a basic credential with an empty password, or the access token as bearer.
//! A wrong credential is answered 401 and is no broken rule; a malformed one is both.

use axum::http::header;

use super::codec::{BASE64, decode};
use super::exchange::{Answer, Call};
use super::key_of;
use super::world::World;

/// Passes a call whose credential is right, and notes for which company it is.
pub fn check(world: &mut World, call: &mut Call) -> Result<(), Answer> {
    let is_right = match credential(call) {
        Ok(Credential::Key(key)) => {
            let mut companies = world.options.companies();
            call.company = companies.find(|company| key == key_of(company)).cloned();
            call.company.is_some() || key == world.options.api_key
        }
        Ok(Credential::Token(token)) => {
            let now = world.clock.now();
            world.options.access_token.as_ref() == Some(&token) || world.oauth.takes(&token, now)
        }
        Err(rule) => {
            world.break_rule(call, rule);
            false
        }
    };
    if is_right {
        Ok(())
    } else {
        Err(Answer::refusal(
            401,
            "UNAUTHORIZED",
            "The credential is missing or wrong.",
        ))
    }
}

enum Credential {
    Key(String),
    Token(String),
}

fn credential(call: &Call) -> Result<Credential, &'static str> {
    if call.headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
        return Err("more than one `Authorization` header");
    }
    let value = call
        .header(header::AUTHORIZATION)
        .ok_or("no `Authorization` header")?;
    let (scheme, rest) = value
        .split_once(' ')
        .ok_or("the `Authorization` header has no scheme")?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return if rest.is_empty() {
            Err("the bearer token is empty")
        } else {
            Ok(Credential::Token(rest.to_owned()))
        };
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err("the `Authorization` scheme is neither Basic nor Bearer");
    }
    let plain = decode(rest, BASE64).and_then(|bytes| String::from_utf8(bytes).ok());
    let plain = plain.ok_or("the basic credential is not base64")?;
    match plain.split_once(':') {
        Some((key, "")) if !key.is_empty() => Ok(Credential::Key(key.to_owned())),
        Some((_, "")) => Err("the basic credential has no user"),
        Some(_) => Err("the basic credential has a password; it must be empty"),
        None => Err("the basic credential has no colon"),
    }
}
