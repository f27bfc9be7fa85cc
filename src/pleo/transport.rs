//! One request to Pleo with all its tries: authentication, limits, waits, the log.
//!
//! The credential is added here, to requests for the configured host alone, and appears nowhere else. What a
//! failed try means is decided in [`retry`]; what an answer means, by the caller.

use std::io::Read;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderName, LOCATION, RETRY_AFTER};
use secrecy::ExposeSecret;

use super::error::{Answer, Call, PleoError, cause_of, cause_of_read, chain, shown};
use super::retry::{self, Ending, Method, Next, Outcome, Retry, classify};
use super::{Credential, Settings, wire};
use crate::host::stop::Stop;
use crate::host::{clock, http, kill};

/// The largest answer we read, in bytes: a page of a hundred items is far smaller.
const LARGEST_ANSWER: usize = 64 * 1024 * 1024;

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

/// One request.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) segments: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) body: Option<String>,
}

impl Request<'_> {
    /// How errors and the log name it.
    pub(super) fn call(&self) -> Call {
        Call {
            method: self.method.as_str(),
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
    base_url: Url,
    credential: Credential,
    request_timeout: Duration,
    give_up_after: Duration,
    stop: Stop,
    server_time: Mutex<Option<ServerTime>>,
}

/// How one try ended, and what is known of it.
struct Attempt {
    ending: Ending,
    /// For people.
    cause: String,
    body: String,
    retry_after: Option<Duration>,
    /// Where a redirect points to.
    redirect_host: Option<String>,
}

impl Transport {
    pub(super) fn new(settings: Settings, stop: Stop) -> Result<Self, PleoError> {
        settings.check()?;
        let mut builder = http::client_builder()
            .timeout(settings.request_timeout)
            .pool_idle_timeout(LONGEST_IDLE)
            .referer(false);
        if settings.is_loopback() {
            // A proxy of the environment must not see what is meant for this machine, in plain text.
            builder = builder.no_proxy();
        } else {
            builder = builder.https_only(true);
        }
        Ok(Self {
            http: builder.build().map_err(|error| PleoError::Settings {
                problem: format!(
                    "the HTTP client cannot be set up: {}; on a bare system, install its CA certificates (package \
                     `ca-certificates`)",
                    chain(&error)
                ),
            })?,
            base_url: settings.base_url,
            credential: settings.credential,
            request_timeout: settings.request_timeout,
            give_up_after: settings.give_up_after,
            stop,
            server_time: Mutex::default(),
        })
    }

    /// The time of the last answer.
    pub(super) fn server_time(&self) -> Option<ServerTime> {
        *self.server_time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends until it is done, surely not done, or lost. The answer's body is JSON for a GET or PUT.
    ///
    /// A wish to stop ends only the waits: what is known must still be told to Pleo once.
    pub(super) fn send(&self, request: &Request<'_>) -> Result<String, PleoError> {
        let url = self.address(request)?;
        let call = request.call();
        let mut retry = Retry::new(Instant::now(), self.give_up_after, fastrand::Rng::new());
        loop {
            let attempt = self.attempt(request, url.clone(), &call);
            match classify(request.method, attempt.ending) {
                Outcome::Done => return Ok(attempt.body),
                Outcome::Final => return Err(attempt.into_error(call, retry.tries() + 1)),
                Outcome::Lost => {
                    let cause = attempt.cause;
                    return Err(PleoError::LostAnswer { call, cause });
                }
                Outcome::TryAgain => match retry.failed(Instant::now(), attempt.retry_after) {
                    Next::Wait(wait) => {
                        log_retry(&call, &attempt.cause, retry.tries(), wait);
                        self.stop.wait(wait)?;
                    }
                    Next::GiveUp => return Err(attempt.given_up(call, retry.tries())),
                    Next::TooLong(asked) => {
                        let cause = format!(
                            "{}, and Pleo asks to wait {} s, which is longer than `pleo.give_up_after_seconds` leaves",
                            attempt.cause,
                            asked.as_secs()
                        );
                        return Err(Attempt { cause, ..attempt }.given_up(call, retry.tries()));
                    }
                },
            }
        }
    }

    fn address(&self, request: &Request<'_>) -> Result<Url, PleoError> {
        let mut url = self.base_url.clone();
        url.path_segments_mut()
            .map_err(|()| PleoError::Settings {
                problem: "`pleo.base_url` is not the address of a host".to_owned(),
            })?
            .pop_if_empty()
            .extend(request.segments);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(request.query);
        }
        Ok(url)
    }

    /// One try, in the log as one line.
    fn attempt(&self, request: &Request<'_>, url: Url, call: &Call) -> Attempt {
        let began = Instant::now();
        let attempt = self.exchange(request, url, call);
        let status = match attempt.ending {
            Ending::Answered { status, .. } => Some(status),
            Ending::NotConnected | Ending::Interrupted | Ending::TooLarge => None,
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
            .authorized(self.http.request(request.method.for_http(), url))
            .header(ACCEPT, "application/json");
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, "application/json;charset=UTF-8")
                .body(body.clone());
        }
        kill::point("before request");
        let mut response = match builder.send() {
            Ok(response) => response,
            Err(error) if error.is_connect() => {
                return Attempt::broken(Ending::NotConnected, cause_of(error));
            }
            Err(error) => return Attempt::broken(Ending::Interrupted, cause_of(error)),
        };
        self.remember_time(&response);
        let body = match read_body(&mut response, began, self.request_timeout) {
            Ok(Some(body)) => body,
            Ok(None) => {
                let cause = format!("the answer is larger than {LARGEST_ANSWER} bytes");
                return Attempt::broken(Ending::TooLarge, cause);
            }
            Err(cause) => return Attempt::broken(Ending::Interrupted, cause),
        };
        kill::point("response");
        self.answered(&response, body, call)
    }

    fn authorized(&self, builder: RequestBuilder) -> RequestBuilder {
        match &self.credential {
            Credential::ApiKey(key) => builder.basic_auth(key.expose_secret(), Some("")),
            Credential::AccessToken(token) => builder.bearer_auth(token.expose_secret()),
        }
    }

    fn remember_time(&self, response: &Response) {
        if let Some(at) = header(response, &DATE).and_then(retry::http_date) {
            let received = Instant::now();
            *self.server_time.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(ServerTime { at, received });
        }
    }

    fn answered(&self, response: &Response, body: Vec<u8>, call: &Call) -> Attempt {
        let status = response.status().as_u16();
        let (body, json) = wire::read_body(body);
        let cause = match status {
            200 if !json => {
                let media_type = header(response, &CONTENT_TYPE).unwrap_or("no media type");
                format!("the answer is not JSON ({})", shown(media_type))
            }
            200..=299 => format!("answered {status}"),
            _ => wire::answer(call.clone(), status, &body).words(),
        };
        // Pleo's own clock, where it tells it, knows best how long it is until the date it names.
        let now = self.server_time().map_or_else(clock::now, |time| time.at);
        Attempt {
            ending: Ending::Answered { status, json },
            cause,
            body,
            retry_after: header(response, &RETRY_AFTER)
                .and_then(|text| retry::retry_after(status, text, now)),
            redirect_host: header(response, &LOCATION)
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
            retry_after: None,
            redirect_host: None,
        }
    }

    /// The error when trying again is no use.
    fn into_error(self, call: Call, tries: u32) -> PleoError {
        let Ending::Answered { status, .. } = self.ending else {
            let problem = self.cause;
            return PleoError::Contract { call, problem };
        };
        match status {
            300..=399 => PleoError::Contract {
                call,
                problem: format!(
                    "{status} redirects to the host `{}`, and redirects are not followed",
                    self.redirect_host.unwrap_or_default()
                ),
            },
            400..=499 => wire::answer(call, status, &self.body).into_error(),
            500.. => PleoError::OutOfReach {
                call,
                tries,
                cause: self.cause,
            },
            _ => PleoError::Contract {
                call,
                problem: format!("status {status}, where 200 is due"),
            },
        }
    }

    /// The error when the patience is over.
    fn given_up(self, call: Call, tries: u32) -> PleoError {
        let cause = self.cause;
        if matches!(self.ending, Ending::Answered { status: 200, .. }) {
            let problem = format!("{cause}, in each of {tries} tries");
            return PleoError::Contract { call, problem };
        }
        PleoError::OutOfReach { call, tries, cause }
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

/// The whole body; `None` when it is too large. The client's own timeout begins anew with each piece, so the
/// time for the whole is kept here.
fn read_body(response: &mut Response, began: Instant, timeout: Duration) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = response.read(&mut buffer).map_err(cause_of_read)?;
        if count == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if body.len() > LARGEST_ANSWER {
            return Ok(None);
        }
        if began.elapsed() > timeout {
            return Err("the answer took longer than `pleo.timeout_seconds`".to_owned());
        }
    }
}

fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
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
