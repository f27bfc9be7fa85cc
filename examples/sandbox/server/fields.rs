//! JSON bodies read strictly: only known keys, nothing null, every value of its declared type.

use axum::http::header;
use chrono::DateTime;
use serde_json::{Map, Value};

use super::exchange::{Answer, Call};
use super::query::{bad_request, is_uuid};
use super::world::World;

/// The JSON document of a call; anything but `application/json` is refused.
pub fn json_body(world: &mut World, call: &Call) -> Result<Value, Answer> {
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        world.break_rule(
            call,
            &format!("content type of the body is `{content_type}`, not `application/json`"),
        );
        return Err(Answer::refusal(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            "The body must be application/json.",
        ));
    }
    serde_json::from_slice(&call.body)
        .map_err(|error| bad_request(world, call, &format!("body is no JSON: {error}")))
}

/// The fields of one JSON object. Each error is a rule that was broken, in words.
#[derive(Debug)]
pub struct Fields<'body>(&'body Map<String, Value>);

impl<'body> Fields<'body> {
    /// Reads an object that has no keys but those in `allowed` and no null.
    pub fn of(value: &'body Value, allowed: &[&str]) -> Result<Self, String> {
        let Value::Object(map) = value else {
            return Err("an object was expected".to_owned());
        };
        for (key, value) in map {
            if !allowed.contains(&key.as_str()) {
                return Err(format!("unknown key `{key}`"));
            }
            if value.is_null() {
                return Err(format!("`{key}` is null; leave it out instead"));
            }
        }
        Ok(Self(map))
    }

    /// A text, if it is there.
    pub fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.0.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("`{key}` is no text")),
        }
    }

    /// A text that must be there.
    pub fn required(&self, key: &str) -> Result<String, String> {
        self.text(key)?.ok_or_else(|| format!("`{key}` is missing"))
    }

    /// A UUID that must be there.
    pub fn uuid(&self, key: &str) -> Result<String, String> {
        let text = self.required(key)?;
        if is_uuid(&text) {
            Ok(text)
        } else {
            Err(format!("`{key}` is no UUID: {text}"))
        }
    }

    /// One of a closed list, if it is there.
    pub fn one_of(&self, key: &str, list: &[&str]) -> Result<Option<String>, String> {
        match self.text(key)? {
            Some(text) if !list.contains(&text.as_str()) => {
                Err(format!("`{key}` has an unknown value: {text}"))
            }
            text => Ok(text),
        }
    }

    /// A date with time and zone, if it is there.
    pub fn date_time(&self, key: &str) -> Result<Option<String>, String> {
        match self.text(key)? {
            Some(text) if DateTime::parse_from_rfc3339(&text).is_err() => {
                Err(format!("`{key}` is no date-time: {text}"))
            }
            text => Ok(text),
        }
    }
}
