//! How this program speaks HTTP, whoever it speaks to: the only place where clients are built, the limit of a body, and
//! what a failure means.
//!
//! Proxies are those of the environment (`https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`), but never for this
//! machine itself: a proxy must not see what is meant for it, and cannot reach it.

use std::error::Error;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use reqwest::Url;
use reqwest::blocking::{Client, ClientBuilder, Response};
use reqwest::header::{HeaderName, RETRY_AFTER};
use thiserror::Error;

use super::foreign_text::one_line;
use super::retry;
use super::server_url::ServerUrl;
use super::stop::{Stop, Stopped};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a system's words on a failure is shown.
const SHOWN_CHARACTERS: usize = 300;

/// A builder with our name, no redirects and no retries of its own; the caller sets the total timeout.
///
/// Redirects are off because a credential must never travel to another host, and retries because the transport
/// that knows which calls may be repeated decides about them alone.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that builds clients"
)]
pub fn client_builder() -> ClientBuilder {
    // Building any client panics unless a TLS provider is installed; a second installation only says so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("pleo-export/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
}

/// The variables from which our clients take their proxies, and the hosts that are reached without one.
pub const PROXIES: [&str; 8] = [
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

/// Whether a variable has the name of one of [`PROXIES`], however it is spelled.
pub fn is_about_a_proxy(variable: &str) -> bool {
    PROXIES.iter().any(|name| name.eq_ignore_ascii_case(variable))
}

/// Whether our clients take a variable from the environment, where alone they look for it.
pub fn is_read_by_clients(variable: &str) -> bool {
    is_about_a_proxy(variable) || matches!(variable, "SSL_CERT_FILE" | "SSL_CERT_DIR")
}

/// The same for a client of this server alone.
pub fn client_builder_for(server: &ServerUrl) -> ClientBuilder {
    if server.scheme() == "http" {
        // The certificates of the machine are many files, and only TLS needs them.
        client_builder().no_proxy().tls_certs_only([])
    } else if server.is_loopback() {
        client_builder().no_proxy()
    } else {
        client_builder().https_only(true)
    }
}

/// Why a body was not read whole.
#[derive(Debug, Error)]
pub enum BodyError {
    /// It is larger than this, in bytes.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// It took too long.
    #[error("it took too long")]
    TooSlow,
    /// No piece of it came for too long.
    #[error("the server fell silent")]
    Silent,
    /// It is not compressed as its head says: it will be the same next time.
    #[error("{0}")]
    FalselyEncoded(String),
    /// It broke off.
    #[error("{0}")]
    Broken(String),
    /// Nobody wants it any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The body of an answer, of at most so many bytes. The client's own timeout begins anew with each piece, so the time for
/// the whole is kept here.
#[derive(Debug)]
pub struct Body<'a> {
    response: &'a mut Response,
    largest: u64,
    read: u64,
    until: Instant,
    stop: Option<&'a Stop>,
}

impl<'a> Body<'a> {
    /// The body of this answer. With a `stop` it is given up when the run is to stop.
    pub const fn new(
        response: &'a mut Response,
        largest: u64,
        until: Instant,
        stop: Option<&'a Stop>,
    ) -> Self {
        Self {
            response,
            largest,
            read: 0,
            until,
            stop,
        }
    }

    /// All of it, in memory.
    pub fn whole(mut self) -> Result<Vec<u8>, BodyError> {
        let mut body = Vec::new();
        self.pieces(|piece| {
            body.extend_from_slice(piece);
            Ok::<_, BodyError>(())
        })?;
        Ok(body)
    }

    /// All of it, a piece at a time.
    pub fn pieces<E: From<BodyError>>(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = self.piece(&mut buffer)?;
            if count == 0 {
                return Ok(());
            }
            take(buffer.get(..count).unwrap_or_default())?;
        }
    }

    fn piece(&mut self, buffer: &mut [u8]) -> Result<usize, BodyError> {
        self.stop.map_or(Ok(()), Stop::check)?;
        let count = self.response.read(buffer).map_err(of_read)?;
        self.read = self.read.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
        if self.read > self.largest {
            return Err(BodyError::TooLarge(self.largest));
        }
        if count > 0 && Instant::now() > self.until {
            return Err(BodyError::TooSlow);
        }
        Ok(count)
    }
}

impl Read for Body<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.piece(buffer).map_err(io::Error::other)
    }
}

/// An error of reading hides the client's own error inside.
fn of_read(error: io::Error) -> BodyError {
    if is_falsely_encoded(&error) {
        return BodyError::FalselyEncoded(chain(&error));
    }
    if error.kind() == io::ErrorKind::TimedOut {
        return BodyError::Silent;
    }
    match error.downcast::<reqwest::Error>() {
        Ok(error) if error.is_timeout() => BodyError::Silent,
        Ok(error) => BodyError::Broken(chain(&error.without_url())),
        Err(error) => BodyError::Broken(chain(&error)),
    }
}

/// A header of an answer, where it is there and can be read.
pub fn header<'a>(response: &'a Response, name: &HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// How long the answer asks us to wait, by a clock that shows `now`.
pub fn retry_after(response: &Response, now: DateTime<Utc>) -> Option<Duration> {
    header(response, &RETRY_AFTER).and_then(|text| retry::retry_after(text, now))
}

/// Whether a body cannot be read because it is not compressed as its head says.
fn is_falsely_encoded(error: &io::Error) -> bool {
    // TLS calls its own faults so, too.
    let is_tls = |error: &io::Error| {
        error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
            .is_some()
    };
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|error| error.kind() == io::ErrorKind::InvalidData && !is_tls(error))
}

/// What a request that got no answer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The certificate is expired, unknown or for another host: a matter of settings, and nothing was sent.
    Untrusted,
    /// The name, the proxy or the connection: nothing was sent.
    Unreached,
    /// It was sent, and no answer came in time.
    TimedOut,
    /// It was sent, and the connection broke.
    Broken,
}

/// What happened, without the address, because its query is nobody's business.
pub fn fault(error: reqwest::Error) -> (Fault, String) {
    let host = error
        .url()
        .and_then(Url::host_str)
        .unwrap_or("the host")
        .to_owned();
    if let Some(problem) = causes(&error).find_map(certificate_problem) {
        return (
            Fault::Untrusted,
            format!(
                "the certificate of {host} is not trusted ({problem}); a certificate authority of your own is named in \
                 SSL_CERT_FILE"
            ),
        );
    }
    if error.is_connect() {
        let last = causes(&error).last().map(ToString::to_string).unwrap_or_default();
        let cause = match last.as_str() {
            "tunnel error: proxy authorization required" => {
                "the proxy wants a user and password (407)".to_owned()
            }
            "tunnel error: unsuccessful" => "the proxy refuses to connect to it".to_owned(),
            _ => shown(&last),
        };
        return (Fault::Unreached, format!("{host} cannot be reached: {cause}"));
    }
    if error.is_timeout() {
        return (Fault::TimedOut, "no answer in time".to_owned());
    }
    (Fault::Broken, chain(&error.without_url()))
}

/// What is wrong with a certificate, where that is the cause.
fn certificate_problem(cause: &(dyn Error + 'static)) -> Option<String> {
    match cause.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Other(problem)) => {
            Some(shown(&problem.0.to_string()))
        }
        rustls::Error::InvalidCertificate(problem) => Some(shown(&problem.to_string())),
        rustls::Error::NoCertificatesPresented => Some("it has none".to_owned()),
        _ => None,
    }
}

/// The error and what it came from, the source of all last.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| {
        let error = *error;
        // An error of the system passes over the one that it holds.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// An error and its sources on one line.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in causes(error).map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    shown(&text)
}

fn shown(text: &str) -> String {
    one_line(text, SHOWN_CHARACTERS)
}
