//! One request to Pleo with all its tries: authentication, limits, waits, the log.
//!
//! The credential is added here, to requests for the configured host alone, and appears nowhere else. What a
//! failed try means is decided in [`retry`]; what an answer means, by the caller.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, LOCATION};
use secrecy::ExposeSecret;

use super::error::{Answer, Call, PleoError, shown};
use super::heard::Exchange;
use super::retry::{Ending, Method, Outcome, classify};
use super::skim::Skimmed;
use super::{Credential, Settings, wire};
use crate::host::http::{self, Body, BodyError, Fault};
use crate::host::retry::{self, Next, Retry};
use crate::host::server_url::ServerUrl;
use crate::host::stop::Stop;
use crate::host::{clock, kill};
use crate::model::permit::{Permit, Withheld};

/// The largest answer we read, in bytes: a page of a hundred items is far smaller.
const LARGEST_ANSWER: u64 = 64 * 1024 * 1024;

/// Bookings take long. A connection that idled meanwhile may be gone, which would look like a lost answer.
const LONGEST_IDLE: Duration = Duration::from_secs(15);

/// What happened when an answer did not come, or not all of it.
const TOO_SLOW: &str = "no answer within `pleo.timeout_seconds`";

/// The time on Pleo's clock, and when it was so on ours: a job's deadline can be measured without trusting that
/// our clock is right or that nobody sets it.
#[derive(Clone, Copy, Debug)]
pub struct ServerTime {
    /// Pleo's time, to the second.
    pub at: DateTime<Utc>,
    /// The moment it came, on a clock that only goes forward.
    pub received: Instant,
}

/// One request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) action: Action<'a>,
    pub(super) segments: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
}

/// What a request does. One that writes has a body and needs a permit.
#[derive(Debug)]
pub(super) enum Action<'a> {
    /// Reads.
    Read,
    /// Sets this; the same twice is the same.
    Set(String, &'a Permit),
    /// Tells of this event; the same twice is not the same.
    Tell(String, &'a Permit),
}

impl Action<'_> {
    const fn method(&self) -> Method {
        match self {
            Self::Read => Method::Get,
            Self::Set(..) => Method::Put,
            Self::Tell(..) => Method::Post,
        }
    }

    fn body(&self) -> Option<&str> {
        match self {
            Self::Read => None,
            Self::Set(body, _) | Self::Tell(body, _) => Some(body),
        }
    }

    /// Asks whether it may be done now.
    fn ask(&self) -> Result<(), Withheld> {
        match self {
            Self::Read => Ok(()),
            Self::Set(_, permit) | Self::Tell(_, permit) => permit.ask(),
        }
    }
}

impl Request<'_> {
    /// How errors and the log name it.
    pub(super) fn call(&self) -> Call {
        Call {
            method: self.action.method().as_str(),
            path: shown(&format!("/{}", self.segments.join("/"))),
        }
    }

    /// The error for an answer that cannot be read.
    pub(super) fn contract(&self, problem: &dyn std::fmt::Display) -> PleoError {
        PleoError::Contract {
            call: self.call(),
            problem: problem.to_string(),
        }
    }
}

/// The way to Pleo.
#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    base_url: ServerUrl,
    credential: Credential,
    request_timeout: Duration,
    give_up_after: Duration,
    stop: Stop,
    server_time: Mutex<Option<ServerTime>>,
    /// Whether Pleo itself ever answered with these settings.
    has_answered: AtomicBool,
}

/// A good answer.
#[derive(Debug)]
pub(super) struct Answered {
    /// JSON for a GET or PUT.
    pub(super) body: String,
    pub(super) exchange: Exchange,
}

/// How one try ended, and what is known of it.
struct Attempt {
    ending: Ending,
    /// For people.
    cause: String,
    body: String,
    /// The time on Pleo's clock in the answer.
    date: Option<DateTime<Utc>>,
    retry_after: Option<Duration>,
    /// Where a redirect points to.
    redirect_host: Option<String>,
    /// Whether the body is one that Pleo never sends.
    is_foreign: bool,
}

impl Transport {
    pub(super) fn new(settings: Settings, stop: Stop) -> Result<Self, PleoError> {
        settings.check()?;
        let builder = http::client_builder_for(&settings.base_url)
            .timeout(settings.request_timeout)
            .pool_idle_timeout(LONGEST_IDLE)
            .referer(false);
        Ok(Self {
            http: builder.build().map_err(|error| PleoError::Settings {
                problem: format!(
                    "the HTTP client cannot be set up: {}; on a bare system, install its CA certificates (package \
                     `ca-certificates`)",
                    http::chain(&error)
                ),
            })?,
            base_url: settings.base_url,
            credential: settings.credential,
            request_timeout: settings.request_timeout,
            give_up_after: settings.give_up_after,
            stop,
            server_time: Mutex::default(),
            has_answered: AtomicBool::new(false),
        })
    }

    /// Whether Pleo itself ever answered with these settings, as far as is known.
    pub(super) fn has_answered(&self) -> bool {
        self.has_answered.load(Ordering::Relaxed)
    }

    /// Pleo did, in an earlier run.
    pub(super) fn answered_before(&self) {
        self.has_answered.store(true, Ordering::Relaxed);
    }

    /// How long one try of a request may take.
    pub(super) const fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// The time of the last answer.
    pub(super) fn server_time(&self) -> Option<ServerTime> {
        *self.server_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until it is done, surely not done, or lost.
    ///
    /// A wish to stop ends only the waits: what is known must still be told to Pleo once. What writes asks for its permit
    /// before each try, for the wait before may have been long.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<Answered, PleoError> {
        self.send_within(self.give_up_after, request)
    }

    /// Sends once; what might come right in a moment is an error.
    pub(super) fn send_once(&self, request: &Request<'_>) -> Result<Answered, PleoError> {
        self.send_within(Duration::ZERO, request)
    }

    fn send_within(&self, patience: Duration, request: &Request<'_>) -> Result<Answered, PleoError> {
        let url = self.address(request);
        let call = request.call();
        let mut retry = Retry::new(Instant::now(), patience, fastrand::Rng::new());
        loop {
            // Before the permit is asked for: this process may be stopped between that and the sending.
            let began = clock::since_boot();
            request.action.ask()?;
            let attempt = self.attempt(request, url.clone(), &call);
            match classify(request.action.method(), attempt.ending) {
                Outcome::Done => {
                    let exchange = Exchange {
                        began,
                        ended: clock::since_boot(),
                        date: attempt.date,
                    };
                    let body = attempt.body;
                    return Ok(Answered { body, exchange });
                }
                Outcome::Final => return Err(self.error(attempt, call, retry.tries() + 1)),
                Outcome::Lost => {
                    let cause = attempt.cause;
                    return Err(PleoError::LostAnswer { call, cause });
                }
                Outcome::TryAgain => match retry.failed(Instant::now(), attempt.retry_after) {
                    Next::Wait(wait) => {
                        log_retry(&call, &attempt.cause, retry.tries(), wait);
                        self.stop.wait(wait)?;
                    }
                    Next::GiveUp => return Err(self.given_up(attempt, call, retry.tries())),
                    Next::TooLong(asked) => {
                        let cause = format!(
                            "{}, and Pleo asks to wait {} s, which is longer than `pleo.give_up_after_seconds` leaves",
                            attempt.cause,
                            asked.as_secs()
                        );
                        return Err(self.given_up(Attempt { cause, ..attempt }, call, retry.tries()));
                    }
                },
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

    /// One try, in the log as one line.
    fn attempt(&self, request: &Request<'_>, url: Url, call: &Call) -> Attempt {
        let began = Instant::now();
        let attempt = self.exchange(request, url, call);
        let status = match attempt.ending {
            Ending::Answered { status, .. } => Some(status),
            Ending::NotConnected | Ending::Untrusted | Ending::Interrupted | Ending::TooLarge => None,
        };
        tracing::debug!(
            method = call.method,
            path = call.path,
            status,
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "asked Pleo"
        );
        attempt
    }

    fn exchange(&self, request: &Request<'_>, url: Url, call: &Call) -> Attempt {
        let began = Instant::now();
        let mut builder = self
            .authorized(self.http.request(request.action.method().for_http(), url))
            .header(ACCEPT, "application/json");
        if let Some(body) = request.action.body() {
            builder = builder
                .header(CONTENT_TYPE, "application/json;charset=UTF-8")
                .body(body.to_owned());
        }
        kill::point("before request");
        let mut response = match builder.send() {
            Ok(response) => response,
            Err(error) => return Attempt::failed(http::fault(error)),
        };
        self.remember_time(&response);
        let until = began + self.request_timeout;
        let body = Body::new(&mut response, largest_answer(), until, None);
        let body = match body.whole() {
            Ok(body) => body,
            Err(BodyError::TooLarge(largest)) => {
                let cause = format!("the answer is larger than {largest} bytes");
                return Attempt::broken(Ending::TooLarge, cause);
            }
            Err(BodyError::TooSlow | BodyError::Silent) => {
                return Attempt::broken(Ending::Interrupted, TOO_SLOW.to_owned());
            }
            Err(error) => return Attempt::broken(Ending::Interrupted, error.to_string()),
        };
        kill::point("response");
        self.answered(&response, body, call)
    }

    /// Asks once for an answer that is too large to be read, and reads past its items.
    pub(super) fn skim(&self, request: &Request<'_>) -> Result<Skimmed, PleoError> {
        let (call, url) = (request.call(), self.address(request));
        let too_large = || PleoError::TooLarge {
            call: request.call(),
            problem: format!("the answer is larger than {} bytes", largest_answer()),
        };
        self.stop.check()?;
        let builder = self.http.request(request.action.method().for_http(), url);
        let response = self.authorized(builder).header(ACCEPT, "application/json").send();
        let response =
            response.map_err(|error| self.given_up(Attempt::failed(http::fault(error)), call, 1))?;
        if !response.status().is_success() {
            return Err(too_large());
        }
        Skimmed::read(response, self.request_timeout, &self.stop).ok_or_else(too_large)
    }

    fn authorized(&self, builder: RequestBuilder) -> RequestBuilder {
        match &self.credential {
            Credential::ApiKey(key) => builder.basic_auth(key.expose_secret(), Some("")),
            Credential::AccessToken(token) => builder.bearer_auth(token.expose_secret()),
        }
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
        let (body, json) = wire::read_body(body);
        // A proxy alone asks for its own credential.
        let is_foreign = !json && (!body.trim().is_empty() || status == 407);
        // What says nothing may come from anybody on the way; only Pleo accepts an event.
        if json || status == 202 {
            self.has_answered.store(true, Ordering::Relaxed);
        }
        let media_type = || shown(http::header(response, &CONTENT_TYPE).unwrap_or("no media type"));
        let cause = match status {
            200 if !json => format!("the answer is not JSON ({})", media_type()),
            400.. if is_foreign => format!(
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
            ending: Ending::Answered { status, json },
            cause,
            body,
            date: date(response),
            retry_after: http::retry_after(response, now).filter(|_| retry::is_temporary(status)),
            is_foreign,
            redirect_host: http::header(response, &LOCATION)
                .and_then(|target| self.base_url.join(target).ok())
                .and_then(|target| target.host_str().map(shown)),
        }
    }
}

impl Attempt {
    fn broken(ending: Ending, cause: String) -> Self {
        Self {
            ending,
            cause,
            body: String::new(),
            date: None,
            retry_after: None,
            redirect_host: None,
            is_foreign: false,
        }
    }

    /// No answer came.
    fn failed((fault, cause): (Fault, String)) -> Self {
        match fault {
            Fault::Untrusted => Self::broken(Ending::Untrusted, cause),
            Fault::Unreached => Self::broken(Ending::NotConnected, cause),
            Fault::TimedOut => Self::broken(Ending::Interrupted, TOO_SLOW.to_owned()),
            Fault::Broken => Self::broken(Ending::Interrupted, cause),
        }
    }
}

impl Transport {
    /// The error when trying again is no use.
    fn error(&self, attempt: Attempt, call: Call, tries: u32) -> PleoError {
        let problem = attempt.cause;
        let (status, is_json) = match attempt.ending {
            Ending::Answered { status, json } => (status, json),
            Ending::Untrusted => {
                let problem = format!("{call} was not sent: {problem}");
                return PleoError::Settings { problem };
            }
            Ending::TooLarge => return PleoError::TooLarge { call, problem },
            Ending::NotConnected | Ending::Interrupted => return PleoError::Contract { call, problem },
        };
        match status {
            300..=399 => {
                let problem = format!(
                    "{status} redirects to the host `{}`, and redirects are not followed",
                    attempt.redirect_host.unwrap_or_default()
                );
                // As the page does that wants one to log in to a network.
                if self.has_answered() {
                    PleoError::Contract { call, problem }
                } else {
                    self.not_reached(call, tries, problem)
                }
            }
            400..=499 if attempt.is_foreign => self.not_reached(call, tries, problem),
            400..=499 => wire::answer(call, status, &attempt.body).into_error(),
            500.. if !is_json => self.not_reached(call, tries, problem),
            500.. => PleoError::OutOfReach {
                call,
                tries,
                cause: problem,
            },
            _ => PleoError::Contract {
                call,
                problem: format!("status {status}, where 200 is due"),
            },
        }
    }

    /// The error when the patience is over.
    fn given_up(&self, attempt: Attempt, call: Call, tries: u32) -> PleoError {
        let cause = attempt.cause;
        match attempt.ending {
            // Whoever limits calls says himself that it will pass.
            Ending::Answered { status: 429, .. } => PleoError::OutOfReach { call, tries, cause },
            // No JSON is no answer of Pleo's, whatever the status: until one came, nobody knows that it is Pleo out there.
            Ending::NotConnected | Ending::Interrupted | Ending::Answered { json: false, .. }
                if !self.has_answered() =>
            {
                PleoError::NeverReached { call, tries, cause }
            }
            Ending::Answered { status: 200, .. } => {
                let problem = format!("{cause}, in each of {tries} tries");
                PleoError::Contract { call, problem }
            }
            _ => PleoError::OutOfReach { call, tries, cause },
        }
    }

    /// Somebody or something stands between us and Pleo: for a time, if it was different once.
    fn not_reached(&self, call: Call, tries: u32, cause: String) -> PleoError {
        if self.has_answered() {
            PleoError::OutOfReach { call, tries, cause }
        } else {
            PleoError::NeverReached { call, tries, cause }
        }
    }
}

impl Answer {
    /// What Pleo said, without the call.
    fn words(&self) -> String {
        let whole = self.to_string();
        let call = format!("{} ", self.call);
        whole.strip_prefix(&call).unwrap_or(&whole).to_owned()
    }
}

impl Method {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
        }
    }

    const fn for_http(self) -> reqwest::Method {
        match self {
            Self::Get => reqwest::Method::GET,
            Self::Put => reqwest::Method::PUT,
            Self::Post => reqwest::Method::POST,
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

fn log_retry(call: &Call, cause: &str, tries: u32, wait: Duration) {
    let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    // One failed try is the network's daily life; a second one is worth a look.
    if tries < 2 {
        tracing::debug!(
            method = call.method,
            path = call.path,
            wait_ms,
            "{cause}; trying again"
        );
    } else {
        tracing::warn!(
            method = call.method,
            path = call.path,
            tries,
            wait_ms,
            "{cause}; trying again"
        );
    }
}
