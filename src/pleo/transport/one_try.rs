//! One try of a request: what is sent, and what comes back.

use std::sync::PoisonError;
use std::time::Instant;

use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::blocking::Response;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, LOCATION};

use super::{ServerTime, Transport};
use crate::host::http::{self, Body};
use crate::host::{clock, kill, retry};
use crate::pleo::access::Shown;
use crate::pleo::attempt::Attempt;
use crate::pleo::error::{Call, shown};
use crate::pleo::request::Request;
use crate::pleo::retry::{Content, TryEnd};
use crate::pleo::skim::Skimmed;
use crate::pleo::wire;

/// The largest answer we read, in bytes: a page of a hundred items is far smaller.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

impl Transport {
    pub(super) fn address(&self, request: &Request<'_>) -> Url {
        let mut url = self.base_url.at(request.segments.iter().copied());
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        url
    }

    /// One try, in the log as one line. Answers what was read, and the time on Pleo's clock.
    pub(super) fn attempt<T>(
        &self,
        request: &Request<'_>,
        url: Url,
        shown: &Shown,
        read: impl Fn(Response, Instant) -> Result<T, Box<Attempt>>,
    ) -> Result<(T, Option<DateTime<Utc>>), Box<Attempt>> {
        let began = Instant::now();
        let mut status = None;
        let answered = self.exchange(request, url, shown).and_then(|response| {
            status = Some(response.status().as_u16());
            let date = self.remember_time(&response);
            Ok((read(response, began)?, date))
        });
        let call = request.call();
        tracing::debug!(
            method = call.method,
            path = call.path,
            status,
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "asked Pleo"
        );
        answered
    }

    fn exchange(&self, request: &Request<'_>, url: Url, shown: &Shown) -> Result<Response, Box<Attempt>> {
        let mut builder = shown
            .on(self.http.request(request.action.method().for_http(), url))
            .header(ACCEPT, "application/json");
        let timeout = self.limits().timeout;
        // Unlike the client's own, it ends the reading of the answer, too, which may take longer where it is skimmed.
        if timeout < self.limits.timeout {
            builder = builder.timeout(timeout);
        }
        if let Some(body) = request.action.body() {
            builder = builder
                .header(CONTENT_TYPE, "application/json;charset=UTF-8")
                .body(body.to_owned());
        }
        kill::point("before request");
        let response = builder.send();
        response.map_err(|error| Box::new(Attempt::failed(http::fault(error), self.too_slow())))
    }

    /// What happened when an answer did not come in time, or not all of it.
    fn too_slow(&self) -> String {
        let (host, timeout) = (
            self.base_url.host_str().unwrap_or_default(),
            self.limits().timeout,
        );
        // Of a host that was silent before less is waited for than the setting says.
        let named = if timeout == self.limits.timeout {
            " (`pleo.timeout_seconds`)"
        } else {
            ""
        };
        format!("no answer from {host} within {timeout:?}{named}")
    }

    /// Reads all of an answer.
    pub(super) fn read_whole(&self, response: &mut Response, began: Instant, call: &Call) -> Attempt {
        let until = began + self.limits.timeout;
        let body = match Body::new(response, largest_answer(), until, None).whole() {
            Ok(body) => body,
            Err(error) => return Attempt::not_read(error, self.too_slow()),
        };
        kill::point("response");
        self.answered(response, body, call)
    }

    /// Reads past the items of an answer that says that it is good.
    pub(super) fn read_past(&self, response: Response) -> Result<Skimmed, Box<Attempt>> {
        let skimmed = Skimmed::read(response, self.limits.timeout, &self.stop);
        skimmed.ok_or_else(|| Box::new(Attempt::too_large(largest_answer())))
    }

    /// The time on Pleo's clock, where the answer tells it.
    fn remember_time(&self, response: &Response) -> Option<DateTime<Utc>> {
        let at = http::header(response, &DATE).and_then(retry::http_date)?;
        let received = Instant::now();
        *self.server_time.lock().unwrap_or_else(PoisonError::into_inner) = Some(ServerTime { at, received });
        Some(at)
    }

    fn answered(&self, response: &Response, body: Vec<u8>, call: &Call) -> Attempt {
        let status = response.status().as_u16();
        let (body, is_json) = wire::read_body(body);
        let content = match status {
            _ if is_json => Content::Json,
            // A proxy alone asks for its own credential.
            407 => Content::Foreign,
            _ if body.trim().is_empty() => Content::Nothing,
            _ => Content::Foreign,
        };
        // What says nothing may come from anybody on the way; only Pleo accepts an event.
        if is_json || status == 202 {
            self.reached.answered();
        }
        let media_type = || shown(http::header(response, &CONTENT_TYPE).unwrap_or("no media type"));
        let cause = match status {
            200 if !is_json => format!("the answer is not JSON ({})", media_type()),
            400.. if content == Content::Foreign => format!(
                "a {status} that does not come from Pleo ({}, not JSON): a firewall or proxy on the way, or another \
                 server, answers in its place",
                media_type()
            ),
            200..=299 => format!("answered {status}"),
            _ => wire::answer(call.clone(), status, &body).words(),
        };
        // Pleo's own clock, where it tells it, knows best how long it is until the date it names.
        let now = self.server_time().map_or_else(clock::now, |time| time.at);
        Attempt {
            ending: TryEnd::Answered { status, content },
            cause,
            body,
            retry_after: http::retry_after(response, now).filter(|_| retry::is_temporary(status)),
            redirect_host: http::header(response, &LOCATION)
                .and_then(|target| self.base_url.join(target).ok())
                .and_then(|target| target.host_str().map(shown)),
        }
    }
}

fn largest_answer() -> u64 {
    kill::limit("PLEO_EXPORT_LARGEST_ANSWER", LARGEST_ANSWER)
}
