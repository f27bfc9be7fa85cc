//! Where the database is, and how safely it is reached: TLS verifies name and chain, and plain text stays on this machine.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::host::foreign_text::one_line;
use crate::host::http;

/// An address of a database, checked.
#[derive(Clone)]
pub struct Address {
    pub(super) config: Config,
    /// None where everything stays on this machine.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// Host and database, for people.
    shown: String,
}

impl fmt::Debug for Address {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Address").field(&self.shown).finish()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

/// What `sslmode` and `sslrootcert` of an address say; the driver does not know all of it.
#[derive(Default)]
struct Wanted {
    mode: Option<String>,
    root: Option<PathBuf>,
}

impl Address {
    /// Reads an address such as `postgresql://user:password@host/database`, which stands in `folder`. Whoever is to be
    /// believed as the database stands in `ca_file`, or is known to this machine.
    ///
    /// # Errors
    /// What is wrong with it, without any part of it that may be secret.
    pub fn read(text: &str, folder: &Path, ca_file: Option<&Path>) -> Result<Self, String> {
        if !text.starts_with("postgresql://") && !text.starts_with("postgres://") {
            return Err("must be an address such as postgresql://user@host/database".to_owned());
        }
        // What stands before the last one is a part of the password, and would be shown as that of something else.
        if text.matches('@').count() > 1 {
            return Err("has more than one @: write those of the user and the password as %40".to_owned());
        }
        let (plain, wanted) = take_out(text);
        let mut config = Config::from_str(&plain).map_err(|error| {
            format!(
                "is no address of a database: {}",
                one_line(&http::chain(&error), 300)
            )
        })?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err("names no host: for a Unix socket, add ?host=/var/run/postgresql".to_owned());
        }
        if config.get_dbname().is_none() {
            return Err(
                "names no database: it stands behind the host, such as postgresql://user@host/pleo_export"
                    .to_owned(),
            );
        }
        let root = match (ca_file, wanted.root) {
            (Some(_), Some(_)) => {
                return Err(
                    "has an sslrootcert, and there is a `fleet.ca_file`: keep the one you mean".to_owned(),
                );
            }
            (Some(file), None) => Some(file.to_owned()),
            (None, root) => root.map(|root| folder.join(root)),
        };
        let mode = wanted.mode.as_deref();
        let tls = if is_tls(&config, mode)? {
            Some(Arc::new(client_config(root.as_deref())?))
        } else {
            None
        };
        config.ssl_mode(if tls.is_some() {
            SslMode::Require
        } else {
            SslMode::Disable
        });
        config.application_name("pleo-export");
        let shown = shown(&config);
        Ok(Self { config, tls, shown })
    }
}

/// Takes `sslmode` and `sslrootcert` out of the address.
fn take_out(text: &str) -> (String, Wanted) {
    let mut wanted = Wanted::default();
    let Some((head, query)) = text.split_once('?') else {
        return (text.to_owned(), wanted);
    };
    let mut left = Vec::new();
    for pair in query.split('&') {
        let value = || {
            let url = Url::parse(&format!("http://localhost/?{pair}")).ok();
            url.and_then(|url| url.query_pairs().next().map(|(_, value)| value.into_owned()))
                .unwrap_or_default()
        };
        match pair.split('=').next() {
            Some("sslmode") => wanted.mode = Some(value()),
            // The driver's word for the certificates of this machine.
            Some("sslrootcert") => {
                wanted.root = Some(value()).filter(|value| value != "system").map(PathBuf::from);
            }
            _ => left.push(pair),
        }
    }
    let plain = if left.is_empty() {
        head.to_owned()
    } else {
        format!("{head}?{}", left.join("&"))
    };
    (plain, wanted)
}

/// Whether the way to the database is encrypted. It need not be on this machine, unless the address says so.
fn is_tls(config: &Config, mode: Option<&str>) -> Result<bool, String> {
    let all_sockets = config.get_hostaddrs().is_empty() && config.get_hosts().iter().all(is_socket);
    let all_here = config.get_hostaddrs().iter().all(IpAddr::is_loopback)
        && (!config.get_hostaddrs().is_empty() || config.get_hosts().iter().all(is_here));
    match mode {
        None | Some("prefer" | "allow") => Ok(!all_here),
        Some("require" | "verify-ca" | "verify-full") => Ok(!all_sockets),
        Some("disable") if all_here => Ok(false),
        Some("disable") => Err(
            "has sslmode=disable, but everything would go over the network in plain text: take it out"
                .to_owned(),
        ),
        Some(_) => Err("has an unknown sslmode: take it out, name and chain are always verified".to_owned()),
    }
}

#[cfg(unix)]
const fn is_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

#[cfg(not(unix))]
const fn is_socket(_host: &Host) -> bool {
    false
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

fn client_config(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("cannot be reached by TLS here: {error}"))?;
    let Some(file) = ca_file else {
        let builder = builder.with_platform_verifier();
        let builder = builder.map_err(|error| {
            format!(
                "needs this machine's certificates, which cannot be read ({error}): name a `fleet.ca_file`"
            )
        })?;
        return Ok(builder.with_no_client_auth());
    };
    let cannot =
        |error: &dyn fmt::Display| format!("needs the certificates in `{}`: {error}", file.display());
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| cannot(&error))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| cannot(&error))?;
        roots.add(certificate).map_err(|error| cannot(&error))?;
    }
    if roots.is_empty() {
        return Err(cannot(&"there is none in it"));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

fn shown(config: &Config) -> String {
    let host = |host: &Host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    };
    let hosts: Vec<_> = config.get_hosts().iter().map(host).collect();
    let database = config.get_dbname().unwrap_or_default();
    one_line(&format!("{database} on {}", hosts.join(", ")), 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_on_this_machine_and_all_else_is_verified() {
        for (address, is_tls) in [
            ("postgresql://u@localhost/db", Some(false)),
            ("postgres://u:p@127.0.0.1:5433/db", Some(false)),
            ("postgresql://u@[::1]/db", Some(false)),
            ("postgresql:///db?host=/var/run/postgresql", Some(false)),
            (
                "postgresql:///db?host=/var/run/postgresql&sslmode=require",
                Some(false),
            ),
            ("postgresql://u@localhost/db?sslmode=verify-full", Some(true)),
            ("postgresql://u@db.example/db", Some(true)),
            ("postgresql://u@db.example/db?sslmode=prefer", Some(true)),
            (
                "postgresql://u@a.example,b.example/db?sslmode=verify-ca&target_session_attrs=read-write",
                Some(true),
            ),
            ("postgresql://u@localhost,b.example/db", Some(true)),
            ("postgresql://u@localhost/db?hostaddr=192.0.2.1", Some(true)),
            ("postgresql://u@db.example/db?sslmode=disable", None),
            ("postgresql://u@db.example/db?sslmode=maybe", None),
            ("postgresql://u@db.example/db?sslrootcert=/nowhere.pem", None),
            ("postgresql://u@db.example/db?sslrootcert=nowhere.pem", None),
            ("postgresql://u@db.example/db?colour=red", None),
            ("postgresql://u@db.example", None),
            ("postgresql:///db", None),
            ("postgresql://u:s3@cret@db.example/db", None),
            ("postgresql://u:s3%40cret@db.example/db", Some(true)),
            ("mysql://u@db.example/db", None),
            ("host=db.example dbname=db", None),
        ] {
            let read = Address::read(address, Path::new(""), None);
            assert_eq!(
                read.as_ref().ok().map(|read| read.tls.is_some()),
                is_tls,
                "{address}: {read:?}"
            );
        }
        let read = |address: &str| Address::read(address, Path::new(""), None);
        let error = read("postgresql://u:s3cret@db.example/db?colour=red").unwrap_err();
        assert!(error.contains("colour") && !error.contains("s3cret"), "{error}");
        for password in ["s3@cret", "s3@host/cret", "s3@host?cret"] {
            let error = read(&format!("postgresql://u:{password}@db.example/db")).unwrap_err();
            assert!(error.contains("%40") && !error.contains("cret"), "{error}");
        }
        let read = read("postgresql://u:s3cret@db.example/books").unwrap();
        assert_eq!(
            format!("{read} {read:?}"),
            "books on db.example Address(\"books on db.example\")"
        );
    }
}
