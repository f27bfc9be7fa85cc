//! The only place where HTTP clients are built.

use std::time::Duration;

use reqwest::blocking::{Client, ClientBuilder};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

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
