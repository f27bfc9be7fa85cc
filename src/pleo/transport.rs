//! One request to Pleo with all its tries: authentication, limits, waits, the log.
//!
//! The credential is added here ([`Access`]), to requests for the configured host alone, and appears nowhere else. What a
//! failed try means is decided in [`super::retry`]; what an answer means, by the caller.

mod one_try;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::blocking::{Client, Response};

use super::Settings;
use super::access::{Access, Shown};
use super::attempt::Attempt;
use super::error::{Call, PleoError};
use super::heard::Exchange;
use super::pace::Pace;
use super::reached::{Limits, Reached};
use super::request::{Asked, Request};
use super::retry::{Outcome, TryEnd, asks_for_too_long, classify, log_retry};
use super::skim::Skimmed;
use super::throttle::Throttle;
use super::wire::Malformed;
use crate::host::clock;
use crate::host::http;
use crate::host::retry::{Next, Retry};
use crate::host::server_url::ServerUrl;
use crate::host::stop::Stop;
use crate::host::waiting::waiting_for;

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
        self.send_as(Asked::Patiently, request)
    }

    /// Sends as often as is said.
    pub(super) fn send_as(&self, asked: Asked, request: &Request<'_>) -> Result<Answered, PleoError> {
        let method = request.action.method();
        let limits = match asked {
            Asked::Patiently => self.limits(),
            Asked::Once => Limits {
                patience: Duration::ZERO,
                ..self.limits()
            },
        };
        let (body, exchange) = self.send_within(limits, request, |mut response, began| {
            let attempt = self.read_whole(&mut response, began, &request.call());
            match classify(method, attempt.ending) {
                Outcome::Done => Ok(attempt.body),
                Outcome::TryAgain | Outcome::Lost | Outcome::Final => Err(Box::new(attempt)),
            }
        })?;
        Ok(Answered { body, exchange })
    }

    /// Sends, and reads the answer.
    pub(super) fn read<T>(
        &self,
        request: &Request<'_>,
        read: impl FnOnce(&str) -> Result<T, Malformed>,
    ) -> Result<T, PleoError> {
        let answer = self.send(request)?;
        read(&answer.body).map_err(|problem| request.contract(&problem))
    }

    /// Asks for an answer that is too large to be read, and reads past its items.
    pub(super) fn skim(&self, request: &Request<'_>) -> Result<(Skimmed, Exchange), PleoError> {
        let skimmed = self.send_within(self.limits(), request, |mut response, began| {
            if !response.status().is_success() {
                return Err(Box::new(self.read_whole(&mut response, began, &request.call())));
            }
            self.read_past(response)
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
            let shown = self.access.shown(self.limits().patience);
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
        let renewed = self.access.renew(rejected, self.limits().patience);
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
}
