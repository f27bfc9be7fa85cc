//! The address of a server that gets a credential.

use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::str::FromStr;

use reqwest::Url;
use thiserror::Error;

/// A server's address that is safe for a credential: https, or http to this machine alone, without user, password, query
/// and fragment. There is no other way to make one than to parse it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// Why an address is none of a server that may get a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnsafeUrl {
    /// No address at all.
    #[error("that is not an address such as https://external.pleo.io")]
    NoUrl,
    /// Such as `data:x`.
    #[error("the address names no host")]
    NoHost,
    /// Others could read along.
    #[error("the credential may travel by https only (http is for this machine alone)")]
    NotHttps,
    /// A credential in an address ends up in logs, and paths cannot be added after a query.
    #[error("the address must have no user, password, query or fragment")]
    MoreThanAServer,
}

impl FromStr for ServerUrl {
    type Err = UnsafeUrl;

    fn from_str(text: &str) -> Result<Self, UnsafeUrl> {
        let url: Url = text.parse().map_err(|_| UnsafeUrl::NoUrl)?;
        if url.host_str().is_none() {
            return Err(UnsafeUrl::NoHost);
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err(UnsafeUrl::NotHttps),
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(UnsafeUrl::MoreThanAServer);
        }
        Ok(Self(url))
    }
}

impl ServerUrl {
    /// Whether the server is this machine itself.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.0)
    }

    /// The address below it with these parts of a path, each escaped.
    pub fn at<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        // Always so: an address with a host has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl Deref for ServerUrl {
    type Target = Url;

    fn deref(&self) -> &Url {
        &self.0
    }
}

/// Without the slash at its end.
impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Whether an address is one of this machine itself.
pub fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_would_give_the_credential_away_is_refused() {
        for (text, expected) in [
            ("https://external.pleo.io", None),
            ("http://localhost:1", None),
            ("http://127.0.0.9", None),
            ("http://[::1]:80/x/", None),
            ("http://external.pleo.io", Some(UnsafeUrl::NotHttps)),
            ("http://127.0.0.1.evil.example", Some(UnsafeUrl::NotHttps)),
            ("ftp://localhost", Some(UnsafeUrl::NotHttps)),
            ("data:x", Some(UnsafeUrl::NoHost)),
            ("external.pleo.io", Some(UnsafeUrl::NoUrl)),
            ("https://user@external.pleo.io", Some(UnsafeUrl::MoreThanAServer)),
            (
                "https://external.pleo.io/?key=1",
                Some(UnsafeUrl::MoreThanAServer),
            ),
        ] {
            assert_eq!(text.parse::<ServerUrl>().err(), expected, "{text}");
        }
    }

    #[test]
    fn a_path_is_added_to_the_one_that_is_there() {
        let server: ServerUrl = "https://odoo.example/proxy/".parse().unwrap();
        assert_eq!(server.to_string(), "https://odoo.example/proxy");
        assert_eq!(
            server.at(["a", "b/c"]).as_str(),
            "https://odoo.example/proxy/a/b%2Fc"
        );
    }
}
