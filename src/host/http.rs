//! How this program speaks HTTP, whoever it speaks to: the only place where clients are built, the limit of a body, and
//! what a failure means.
//!
//! Proxies are those of the environment (`https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`), but never for this
//! machine itself: a proxy must not see what is meant for it, and cannot reach it.

use std::error::Error;
use std::io::{self, Read};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use reqwest::Url;
use reqwest::blocking::{Client, ClientBuilder, Response};

use crate::model::foreign_text::one_line;

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

/// Whether a variable names a proxy, or hosts that are reached without one. Our clients take these from the environment.
pub fn is_about_a_proxy(variable: &str) -> bool {
    let variable = variable.to_ascii_lowercase();
    matches!(
        variable.as_str(),
        "http_proxy" | "https_proxy" | "all_proxy" | "no_proxy"
    )
}

/// The same for a client of this server alone.
pub fn client_builder_for(server: &Url) -> ClientBuilder {
    if is_loopback(server) {
        client_builder().no_proxy()
    } else {
        client_builder()
    }
}

/// Whether the address is one of this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Why a body was not read whole.
#[derive(Debug)]
pub enum BodyError {
    /// It is larger than allowed.
    TooLarge,
    /// It took too long.
    TooSlow,
    /// It broke off.
    Broken(String),
}

/// The whole body, of at most so many bytes. The client's own timeout begins anew with each piece, so the time for the
/// whole is kept here.
pub fn read_body(response: &mut Response, largest: usize, until: Instant) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = response.read(&mut buffer).map_err(of_read)?;
        if count == 0 {
            return Ok(body);
        }
        body.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if body.len() > largest {
            return Err(BodyError::TooLarge);
        }
        if Instant::now() > until {
            return Err(BodyError::TooSlow);
        }
    }
}

/// An error of reading hides the client's own error inside.
fn of_read(error: io::Error) -> BodyError {
    match error.downcast::<reqwest::Error>() {
        Ok(error) if error.is_timeout() => BodyError::TooSlow,
        Ok(error) => BodyError::Broken(chain(&error.without_url())),
        Err(error) => BodyError::Broken(chain(&error)),
    }
}

/// Whether a body cannot be read because it is not compressed as its head says: it will be the same next time.
pub fn is_falsely_encoded(error: &io::Error) -> bool {
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
