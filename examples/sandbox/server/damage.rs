//! Carries out what can be done to an answer: refusing a call before it has any effect, changing a page, and spoiling
//! the bytes on the wire.

use std::time::Duration;

use axum::http::{StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::clock::http_date;
use super::connection::RawReply;
use super::exchange::{Answer, Call, Content};
use super::fault::{ENDLESS_BYTES, RetryAfter, Trouble};

/// What leaves the server.
#[derive(Debug)]
pub enum Reply {
    /// A proper HTTP answer.
    Proper(Answer),
    /// Exact bytes, then the end of the connection. The status is what a client gets to see, if any.
    Raw(RawReply, Option<u16>),
}

/// The reply that a trouble puts in place of the whole call, which then has no effect.
pub fn instead(trouble: &Trouble, now: DateTime<Utc>) -> Option<Reply> {
    let refusal = |status: u16| Answer::refusal(status, "FAULT", "This answer was asked for.");
    let answer = match trouble {
        Trouble::Status(status) => refusal(*status),
        Trouble::RateLimit(when) => match retry_after(when, now) {
            Some(text) => refusal(429).with(header::RETRY_AFTER, text),
            None => refusal(429),
        },
        Trouble::Redirect(url) => Answer::empty(307).with(header::LOCATION, url.clone()),
        Trouble::HtmlPage => Answer::bytes(
            200,
            "text/html",
            b"<!DOCTYPE html><title>Back soon</title><p>Back soon.</p>".to_vec(),
        ),
        Trouble::Page(status, content_type, text) => {
            Answer::bytes(*status, content_type, text.clone().into_bytes())
        }
        Trouble::ResetBeforeEffect => {
            return Some(Reply::Raw(
                RawReply {
                    reset: true,
                    ..RawReply::default()
                },
                None,
            ));
        }
        Trouble::HugeBody => {
            let begin = Answer::bytes(200, "application/json", b"{\"data\":[".to_vec());
            let length = b"{\"data\":[".len() + ENDLESS_BYTES;
            return Some(raw(begin, Some(length), ENDLESS_BYTES, now));
        }
        _ => return None,
    };
    Some(Reply::Proper(answer))
}

fn retry_after(when: &RetryAfter, now: DateTime<Utc>) -> Option<String> {
    match when {
        RetryAfter::Unsaid => None,
        RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
        RetryAfter::Date(seconds) => {
            let ahead = TimeDelta::seconds(i64::try_from(*seconds).unwrap_or(i64::MAX / 1000));
            Some(http_date(now + ahead))
        }
        RetryAfter::Text(text) => Some(text.clone()),
    }
}

/// The reply that a trouble makes of the proper answer, once the call has had its effect.
pub fn afterwards(call: &Call, mut answer: Answer, now: DateTime<Utc>) -> Reply {
    let Some(trouble) = &call.trouble else {
        return Reply::Proper(answer);
    };
    if let Content::Json(body) = &mut answer.content {
        change_page(trouble, call, body);
        if let Trouble::OddValue { id, pointer, value } = trouble {
            change_value(body, id, pointer, value.as_ref());
        }
        if let (Trouble::WithoutField(name), Some(object)) = (trouble, body.as_object_mut()) {
            object.remove(name);
        }
    }
    match trouble {
        Trouble::StatusAfterEffect(status) => {
            Reply::Proper(Answer::refusal(*status, "FAULT", "This answer was asked for."))
        }
        Trouble::LostAnswer => Reply::Raw(RawReply::default(), None),
        Trouble::TruncatedBody => {
            let (length, status) = (body_length(&answer), answer.status);
            let (headers, bytes) = answer.into_parts();
            let half = bytes.get(..length / 2).unwrap_or_default();
            let half = Answer {
                status,
                headers,
                content: Content::Empty,
            }
            .with_bytes(half);
            raw(half, Some(length.max(1)), 0, now)
        }
        Trouble::BrokenJson => {
            let (headers, mut bytes) = answer.clone().into_parts();
            bytes.pop();
            Reply::Proper(Answer { headers, ..answer }.with_bytes(&bytes))
        }
        Trouble::ContentType(content_type) => {
            let (_, bytes) = answer.clone().into_parts();
            Reply::Proper(Answer::bytes(answer.status, content_type, bytes))
        }
        Trouble::LongerThanAnnounced => {
            let length = body_length(&answer);
            raw(answer, None, length, now)
        }
        Trouble::Endless => raw(answer, None, ENDLESS_BYTES, now),
        Trouble::CutShort => {
            let (headers, bytes) = answer.clone().into_parts();
            let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
            Reply::Proper(Answer { headers, ..answer }.with_bytes(half))
        }
        Trouble::OddBytes { from, to } => {
            let (headers, bytes) = answer.clone().into_parts();
            let changed = replaced(&bytes, from.as_bytes(), to);
            Reply::Proper(Answer { headers, ..answer }.with_bytes(&changed))
        }
        Trouble::OddHeader(name, value) => match name.parse() {
            Ok(name) => Reply::Proper(answer.with(name, value.clone())),
            Err(_) => Reply::Proper(answer),
        },
        _ => Reply::Proper(answer),
    }
}

/// How long the answer is held back.
pub fn delay(trouble: Option<&Trouble>) -> Duration {
    match trouble {
        Some(Trouble::SlowMilliseconds(milliseconds)) => Duration::from_millis((*milliseconds).min(60_000)),
        _ => Duration::ZERO,
    }
}

fn change_page(trouble: &Trouble, call: &Call, body: &mut Value) {
    let asked = call
        .request
        .query
        .split('&')
        .find_map(|pair| pair.strip_prefix("after="));
    match (trouble, body.get_mut("pagination").and_then(Value::as_object_mut)) {
        (Trouble::RepeatedCursor, Some(pagination)) => {
            pagination.insert("hasNextPage".to_owned(), json!(true));
            if let Some(asked) = asked {
                // A cursor is base32, so the only character that a client may have encoded is the padding.
                pagination.insert("endCursor".to_owned(), json!(asked.replace("%3D", "=")));
            }
        }
        (Trouble::MissingCursor, Some(pagination)) => {
            pagination.insert("hasNextPage".to_owned(), json!(true));
            pagination.remove("endCursor");
        }
        _ => {}
    }
    if let Trouble::JobSays(fields) = trouble {
        let say = |job: &mut Value| {
            for (name, value) in fields {
                if let Some(field) = job.get_mut(name) {
                    field.clone_from(value);
                }
            }
        };
        match body.get_mut("data") {
            Some(Value::Array(jobs)) => jobs.iter_mut().for_each(say),
            Some(job) => say(job),
            None => {}
        }
    }
    if let Trouble::WrongCount(count) = trouble {
        match body.get_mut("data") {
            Some(Value::Array(jobs)) => jobs.iter_mut().for_each(|job| recount(job, *count)),
            Some(job) => recount(job, *count),
            None => {}
        }
    }
}

/// Changes the value in every object of this id.
fn change_value(body: &mut Value, id: &str, pointer: &str, value: Option<&Value>) {
    match body {
        Value::Array(elements) => elements
            .iter_mut()
            .for_each(|element| change_value(element, id, pointer, value)),
        Value::Object(fields) => {
            fields
                .values_mut()
                .for_each(|field| change_value(field, id, pointer, value));
            let is_it = ["id", "accountingEntryId"]
                .iter()
                .any(|name| fields.get(*name).is_some_and(|found| found == id));
            let (parent, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
            if is_it && let Some(Value::Object(parent)) = body.pointer_mut(parent) {
                match value {
                    Some(value) => parent.insert(name.to_owned(), value.clone()),
                    None => parent.remove(name),
                };
            }
        }
        _ => {}
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut changed = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(from) {
            changed.extend_from_slice(to);
            rest = behind;
        } else {
            changed.push(*first);
            rest = behind;
        }
    }
    changed
}

fn recount(job: &mut Value, count: u64) {
    if let Some(number) = job.get_mut("numberOfItems") {
        *number = json!(count);
    }
}

fn body_length(answer: &Answer) -> usize {
    answer.clone().into_parts().1.len()
}

/// The answer as exact bytes, with the length that is claimed and blanks behind it.
fn raw(answer: Answer, length: Option<usize>, filler: usize, now: DateTime<Utc>) -> Reply {
    let status = answer.status;
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|code| code.canonical_reason())
        .unwrap_or("Unknown");
    let (headers, body) = answer.into_parts();
    let date = (header::DATE, http_date(now));
    let close = (header::CONNECTION, "close".to_owned());
    let length = length.map(|length| (header::CONTENT_LENGTH, length.to_string()));
    let headers = headers.into_iter().chain([date, close]).chain(length);
    let lines: Vec<String> = headers
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!("HTTP/1.1 {status} {reason}\r\n{}\r\n", lines.concat());
    let bytes = [head.into_bytes(), body].concat();
    Reply::Raw(
        RawReply {
            bytes,
            filler,
            reset: false,
        },
        Some(status),
    )
}
