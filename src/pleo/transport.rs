//! One request to Pleo with all its tries: authentication, limits, waits, the log.
//!
//! The credential is added here ([`Access`]), to requests for the configured host alone, and appears nowhere else. What a
//! failed try means is decided in [`super::retry`]; what an answer means, by the caller.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, LOCATION};

use super::access::{Access, Shown};
use super::attempt::Attempt;
use super::error::{Call, PleoError, shown};
use super::heard::Exchange;
use super::pace::Pace;
use super::reached::{Limits, Reached};
use super::request::Request;
use super::retry::{Content, Outcome, TryEnd, asks_for_too_long, classify, log_retry};
use super::skim::Skimmed;
use super::throttle::Throttle;
use super::{Settings, wire};
use crate::host::http::{self, Body};
use crate::host::retry::{self, Next, Retry};
use crate::host::server_url::ServerUrl;
use crate::host::stop::Stop;
use crate::host::waiting::waiting_for;
use crate::host::{clock, kill};

/// The largest answer we read, in bytes: a page of a hundred items is far smaller.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Bookings take long. A connection that idled meanwhile may be gone, which would look like a lost answer.
const LONGEST_IDLE: Duration = Duration::from_secs(15);

/// The time on Pleo's clock, and when it was so on ours: a job's deadline can be measured without trusting that
/// our clock is right or that nobody sets it.
#[derive(Clone, Copy, Debug)]
pub struct ServerTime {
    /// Pleo's time, to the second.
    pub at: DateTime<Utc>,
    /// The moment it came, on a clock that only goes forward.
    pub received: Instant,
}

/// The way to Pleo.
#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    base_url: ServerUrl,
    access: Access,
    /// As settings have them.
    limits: Limits,
    pace: Pace,
    stop: Stop,
    server_time: Mutex<Option<ServerTime>>,
    reached: Reached,
    /// Who else sends with the same credential, and what stands for it.
    throttle: Option<(Arc<dyn Throttle>, String)>,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answered {
    /// JSON for what reads or sets.
    pub(super) body: String,
    pub(super) exchange: Exchange,
}

impl Transport {
    pub(super) fn new(settings: Settings, stop: Stop) -> Result<Self, PleoError> {
        settings.check()?;
        let credential = settings.credential_digest();
        let builder = http::client_builder_for(&settings.base_url)
            .timeout(settings.request_timeout)
            .pool_idle_timeout(LONGEST_IDLE)
            .referer(false);
        Ok(Self {
            http: builder.build().map_err(|error| PleoError::Settings {
                problem: format!(
                    "the HTTP client cannot be set up: {}; on a bare system, install its CA certificates (package \
                     `ca-certificates`), and let SSL_CERT_FILE name a file of them where it is set",
                    http::chain(&error)
                ),
            })?,
            base_url: settings.base_url,
            access: Access::new(settings.credential, &stop),
            limits: Limits {
                timeout: settings.request_timeout,
                patience: settings.give_up_after,
            },
            pace: Pace::new(settings.requests_per_minute),
            stop,
            server_time: Mutex::default(),
            reached: Reached::default(),
            throttle: settings.throttle.map(|throttle| (throttle, credential)),
        })
    }

    /// What is known of reaching Pleo.
    pub(super) const fn reached(&self) -> &Reached {
        &self.reached
    }

    /// How long one try of a request may take.
    pub(super) const fn request_timeout(&self) -> Duration {
        self.limits.timeout
    }

    /// The time of the last answer.
    pub(super) fn server_time(&self) -> Option<ServerTime> {
        *self.server_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until it is done, surely not done, or lost.
    ///
    /// A request to stop ends only the waits: what is known must still be told to Pleo once. What writes asks for its permit
    /// before each try, for the wait before may have been long.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Answered, PleoError> {
        self.whole(self.limits(), request)
    }

    /// Sends once; what might come right in a moment is an error.
    pub(super) fn send_once(&self, request: &Request<'_>) -> Result<Answered, PleoError> {
        let patience = Duration::ZERO;
        self.whole(
            Limits {
                patience,
                ..self.limits()
            },
            request,
        )
    }

    fn whole(&self, limits: Limits, request: &Request<'_>) -> Result<Answered, PleoError> {
        let method = request.action.method();
        let (body, exchange) = self.send_within(limits, request, |mut response, began| {
            let attempt = self.read_whole(&mut response, began, &request.call());
            match classify(method, attempt.ending) {
                Outcome::Done => Ok(attempt.body),
                Outcome::TryAgain | Outcome::Lost | Outcome::Final => Err(Box::new(attempt)),
            }
        })?;
        Ok(Answered { body, exchange })
    }

    /// Asks for an answer that is too large to be read, and reads past its items.
    pub(super) fn skim(&self, request: &Request<'_>) -> Result<(Skimmed, Exchange), PleoError> {
        let skimmed = self.send_within(self.limits(), request, |mut response, began| {
            if !response.status().is_success() {
                return Err(Box::new(self.read_whole(&mut response, began, &request.call())));
            }
            self.remember_time(&response);
            Skimmed::read(response, self.limits.timeout, &self.stop)
                .ok_or_else(|| Box::new(Attempt::too_large(largest_answer())))
        });
        if matches!(skimmed, Err(PleoError::TooLarge { .. })) {
            // A stop ends the reading of so much, too.
            self.stop.check()?;
        }
        skimmed
    }

    /// Sends until `read` takes an answer for what was asked for.
    fn send_within<T>(
        &self,
        limits: Limits,
        request: &Request<'_>,
        read: impl Fn(Response, Instant) -> Result<T, Box<Attempt>>,
    ) -> Result<(T, Exchange), PleoError> {
        let result = self.try_within(limits, request, read);
        self.reached.ended(&result);
        result
    }

    fn try_within<T>(
        &self,
        limits: Limits,
        request: &Request<'_>,
        read: impl Fn(Response, Instant) -> Result<T, Box<Attempt>>,
    ) -> Result<(T, Exchange), PleoError> {
        let url = self.address(request);
        let call = request.call();
        let _waiting = waiting_for(format!("Pleo to answer {call}"));
        // Before the patience begins: that we send no more than is allowed is no fault of Pleo's.
        self.pace.wait(&self.stop);
        let mut retry = Retry::new(Instant::now(), limits.patience, fastrand::Rng::new());
        let mut is_renewed = false;
        loop {
            self.wait_for_limits(&call, &mut retry)?;
            let shown = self.access.shown(self.limits());
            let shown = shown.map_err(|error| self.reached.understood(error))?;
            // Before the permit is asked for: this process may be stopped between that and the sending.
            let began = clock::since_boot();
            request.action.ask()?;
            let attempt = match self.attempt(request, url.clone(), &shown, &read) {
                Ok((value, date)) => {
                    let ended = clock::since_boot();
                    return Ok((value, Exchange { began, ended, date }));
                }
                Err(attempt) => *attempt,
            };
            // It was surely not processed.
            if attempt.is_unauthorized() && !is_renewed && self.renewed(&shown)? {
                is_renewed = true;
                self.pace.wait(&self.stop);
                continue;
            }
            self.wait_after(attempt, request, &mut retry)?;
        }
    }

    /// For how long a request is tried now.
    fn limits(&self) -> Limits {
        self.reached.limits(self.limits)
    }

    /// Whether there is something else to show than what Pleo rejected.
    fn renewed(&self, rejected: &Shown) -> Result<bool, PleoError> {
        let renewed = self.access.renew(rejected, self.limits());
        renewed.map_err(|error| self.reached.understood(error))
    }

    /// Waits for as long as Pleo has told another host not to send anything.
    fn wait_for_limits(&self, call: &Call, retry: &mut Retry) -> Result<(), PleoError> {
        let Some((throttle, credential)) = &self.throttle else {
            return Ok(());
        };
        loop {
            let left = throttle.remaining(credential);
            if left.is_zero() {
                return Ok(());
            }
            let cause = format!(
                "Pleo limits this credential for another {} s, as it told another host",
                left.as_secs() + 1
            );
            match retry.failed(Instant::now(), Some(left)) {
                Next::Wait(wait) => {
                    log_retry(call, &cause, retry.tries(), wait);
                    self.stop.wait(wait)?;
                }
                Next::GiveUp | Next::TooLong(_) => {
                    let (call, tries) = (call.clone(), retry.tries());
                    return Err(PleoError::OutOfReach { call, tries, cause });
                }
            }
        }
    }

    /// Tells the others that Pleo has asked to wait.
    fn tell_of_limit(&self, attempt: &Attempt, wait: Duration) {
        if let Some((throttle, credential)) = &self.throttle
            && matches!(attempt.ending, TryEnd::Answered { status: 429, .. })
        {
            throttle.limited(credential, wait);
        }
    }

    /// After a try that did not do it: waits until the next one, or says why there is none.
    fn wait_after(
        &self,
        attempt: Attempt,
        request: &Request<'_>,
        retry: &mut Retry,
    ) -> Result<(), PleoError> {
        let (call, has_answered) = (request.call(), self.reached.has_answered());
        match classify(request.action.method(), attempt.ending) {
            Outcome::Final => {
                let error = attempt.error(call, retry.tries() + 1, has_answered);
                return Err(self.access.understood(error));
            }
            Outcome::Lost => {
                let cause = attempt.cause;
                return Err(PleoError::LostAnswer { call, cause });
            }
            Outcome::Done | Outcome::TryAgain => {}
        }
        match retry.failed(Instant::now(), attempt.retry_after) {
            Next::Wait(wait) => {
                log_retry(&call, &attempt.cause, retry.tries(), wait);
                self.tell_of_limit(&attempt, wait);
                self.stop.wait(wait)?;
                self.pace.wait(&self.stop);
                Ok(())
            }
            Next::GiveUp => {
                if let Some(asked) = attempt.retry_after {
                    self.tell_of_limit(&attempt, asked);
                }
                Err(attempt.given_up(call, retry.tries(), has_answered))
            }
            Next::TooLong(asked) => {
                self.tell_of_limit(&attempt, asked);
                let cause = asks_for_too_long(&attempt.cause, asked);
                let attempt = Attempt { cause, ..attempt };
                Err(attempt.given_up(call, retry.tries(), has_answered))
            }
        }
    }

    fn address(&self, request: &Request<'_>) -> Url {
        let mut url = self.base_url.at(request.segments.iter().copied());
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        url
    }

    /// One try, in the log as one line. Answers what was read, and the time on Pleo's clock.
    fn attempt<T>(
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
            let date = date(&response);
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
            .timeout(self.limits().timeout)
            .header(ACCEPT, "application/json");
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

    fn read_whole(&self, response: &mut Response, began: Instant, call: &Call) -> Attempt {
        self.remember_time(response);
        let until = began + self.limits.timeout;
        let body = match Body::new(response, largest_answer(), until, None).whole() {
            Ok(body) => body,
            Err(error) => return Attempt::not_read(error, self.too_slow()),
        };
        kill::point("response");
        self.answered(response, body, call)
    }

    fn remember_time(&self, response: &Response) {
        if let Some(at) = date(response) {
            let received = Instant::now();
            *self.server_time.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ServerTime { at, received });
        }
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

/// The time on the server's clock.
fn date(response: &Response) -> Option<DateTime<Utc>> {
    http::header(response, &DATE).and_then(retry::http_date)
}
