//! The host of receipts: files under addresses that nobody can guess and that work for 24 hours from when the item was
//! fetched. It is another host than the API on purpose, and it must never see the credential.

use std::fmt::Write;

use axum::http::header;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::document;
use super::exchange::{Answer, Answered, Call};
use super::world::{World, random_uuid};

/// Begins the address of a receipt that the server makes up when the item is fetched: `receipt:pdf:` and `receipt:png:`
/// are followed by its lines, separated by `|`.
pub const MADE_UP: &str = "receipt:";
/// The address of a receipt that is not there: the host answers 404.
pub const MISSING: &str = "receipt:missing";
const LIFETIME: TimeDelta = TimeDelta::hours(24);

#[derive(Clone, Debug)]
struct Receipt {
    id: String,
    made_from: Option<String>,
    content_type: String,
    bytes: Vec<u8>,
}

/// The files of the host and the secret of its addresses.
#[derive(Clone, Debug)]
pub struct Receipts {
    url: String,
    secret: String,
    files: Vec<Receipt>,
}

impl Receipts {
    /// A host without files.
    pub fn new(url: String) -> Self {
        Self {
            url,
            secret: random_uuid(),
            files: Vec::new(),
        }
    }

    /// Adds a file and answers an address that works for 24 hours from `now`.
    pub fn add(&mut self, bytes: Vec<u8>, content_type: &str, now: DateTime<Utc>) -> String {
        let id = self.store(bytes, content_type, None);
        self.address(&id, now)
    }

    fn store(&mut self, bytes: Vec<u8>, content_type: &str, made_from: Option<String>) -> String {
        let id = digest(&random_uuid());
        self.files.push(Receipt {
            id: id.clone(),
            made_from,
            content_type: content_type.to_owned(),
            bytes,
        });
        id
    }

    /// The payload with addresses that begin their 24 hours now. Addresses of other hosts stay as they are.
    pub fn with_fresh_addresses(&mut self, mut payload: Value, now: DateTime<Utc>) -> Value {
        let Some(files) = payload.get_mut("files").and_then(Value::as_array_mut) else {
            return payload;
        };
        for file in files {
            let Some(url) = file.get("url").and_then(Value::as_str) else {
                continue;
            };
            if let Some(id) = self.id_of(url) {
                file["url"] = json!(self.address(&id, now));
            }
        }
        payload
    }

    fn id_of(&mut self, url: &str) -> Option<String> {
        if let Some(path) = url.strip_prefix(&self.url) {
            return path
                .strip_prefix("/receipts/")?
                .split('/')
                .next()
                .map(ToOwned::to_owned);
        }
        if url == MISSING {
            return Some(digest("missing"));
        }
        let (kind, _) = url.strip_prefix(MADE_UP)?.split_once(':')?;
        if let Some(known) = self
            .files
            .iter()
            .find(|file| file.made_from.as_deref() == Some(url))
        {
            return Some(known.id.clone());
        }
        let bytes = made_up(url)?;
        Some(self.store(bytes, content_type(kind), Some(url.to_owned())))
    }

    fn address(&self, id: &str, issued: DateTime<Utc>) -> String {
        let seconds = issued.timestamp();
        format!(
            "{}/receipts/{id}/{seconds}-{}",
            self.url,
            digest(&format!("{} {id} {seconds}", self.secret))
        )
    }
}

/// The content type of a kind of made-up receipt.
pub fn content_type(kind: &str) -> &'static str {
    if kind == "png" {
        "image/png"
    } else {
        "application/pdf"
    }
}

/// The bytes of the made-up receipt that has this address.
pub fn made_up(address: &str) -> Option<Vec<u8>> {
    let (kind, text) = address.strip_prefix(MADE_UP)?.split_once(':')?;
    let lines: Vec<&str> = text.split('|').collect();
    Some(if kind == "png" {
        document::png(&lines)
    } else {
        document::pdf(&lines)
    })
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .take(16)
        .fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// Answers one call to the host of receipts.
pub fn answer(world: &mut World, call: &Call) -> Answer {
    if call.headers.contains_key(header::AUTHORIZATION) {
        world.break_rule(call, "the credential was sent to the host of receipts");
    }
    find(world, call).unwrap_or_else(|refusal| refusal)
}

fn find(world: &World, call: &Call) -> Answered {
    let gone = || Answer::refusal(404, "NOT_FOUND", "There is no such file.");
    let segments: Vec<&str> = call.request.path.split('/').skip(1).collect();
    let ("GET", ["receipts", id, token]) = (call.request.method.as_str(), segments.as_slice()) else {
        return Err(gone());
    };
    let issued = token.split('-').next().and_then(|seconds| seconds.parse().ok());
    let issued = issued
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .ok_or_else(gone)?;
    if !world.receipts.address(id, issued).ends_with(&call.request.path) {
        return Err(gone());
    }
    if world.clock.now() >= issued + LIFETIME {
        return Err(Answer::refusal(
            403,
            "EXPIRED",
            "The address of this file has expired.",
        ));
    }
    let file = world
        .receipts
        .files
        .iter()
        .find(|file| file.id == *id)
        .ok_or_else(gone)?;
    Ok(Answer::bytes(200, &file.content_type, file.bytes.clone()))
}
