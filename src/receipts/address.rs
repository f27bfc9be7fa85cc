//! Which hosts may be asked for a receipt. Addresses come from outside, so without this rule anybody who can write
//! one could have us read what only this machine and its networks may see.
//!
//! An IP address in a URL is judged as it stands. A name is judged by the addresses it has at the moment of
//! connecting, so a name that changes its address between a check and the connection wins nothing.

use std::collections::HashSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::{io, thread};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use thiserror::Error;

/// Judges every address before it is contacted.
#[derive(Debug)]
pub(super) struct Gate {
    /// A host of this machine that may be asked, by http too: that of a Pleo which itself is there.
    own_host: Option<String>,
    /// A proxy looks names up in our place, so a name is judged before the proxy hears it.
    has_proxy: bool,
    /// The hosts that receipts were wanted from. Any other name that is looked up is that of a proxy, which the
    /// operator chose and which is mostly private.
    hosts: Mutex<HashSet<String>>,
}

/// Why an address is not contacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// Not https.
    #[error("its address is not an https address")]
    NotHttps,
    /// An address of this machine or of its networks.
    #[error("its address is in a private network")]
    Private,
}

impl Gate {
    pub(super) fn new(own_host: Option<String>, has_proxy: bool) -> Self {
        Self {
            own_host,
            has_proxy,
            hosts: Mutex::default(),
        }
    }

    /// Judges a URL as it stands; its name, if it has one, is judged when it is looked up.
    pub(super) fn admit(&self, url: &Url) -> Result<(), Refusal> {
        let host = url.host_str().unwrap_or_default();
        let is_own = self.own_host.as_deref() == Some(host);
        if url.scheme() != "https" && !(is_own && url.scheme() == "http") {
            return Err(Refusal::NotHttps);
        }
        if is_own {
            return Ok(());
        }
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(address) if !is_public(address) => Err(Refusal::Private),
            Ok(_) => Ok(()),
            Err(_) if is_private_name(host) => Err(Refusal::Private),
            // What cannot be looked up here may be known to the proxy alone.
            Err(_) if self.has_proxy && look_up(host, true).is_err_and(|error| error.is::<Refusal>()) => {
                Err(Refusal::Private)
            }
            Err(_) => {
                lock(&self.hosts).insert(host.to_owned());
                Ok(())
            }
        }
    }
}

/// Whether a name is one that only this machine and its networks know.
fn is_private_name(host: &str) -> bool {
    const ENDINGS: [&str; 8] = [
        "localhost",
        "local",
        "internal",
        "intranet",
        "lan",
        "home",
        "corp",
        "home.arpa",
    ];
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let ends_so = |ending: &str| {
        host.strip_suffix(ending)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    !host.contains('.') || ENDINGS.iter().any(|ending| ends_so(ending))
}

impl Resolve for Gate {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        let only_public = lock(&self.hosts).contains(&name);
        // The system's look-up blocks, and this is called on the one thread that serves all downloads.
        let lookup = Lookup::default();
        let answer_to = lookup.clone();
        let started = thread::Builder::new().spawn(move || answer_to.answer(look_up(&name, only_public)));
        if let Err(error) = started {
            lookup.answer(Err(error.into()));
        }
        Box::pin(lookup)
    }
}

type Answer = Result<Addrs, Box<dyn std::error::Error + Send + Sync>>;

fn look_up(name: &str, only_public: bool) -> Answer {
    let found: Vec<SocketAddr> = (name, 0).to_socket_addrs()?.collect();
    if found.is_empty() {
        return Err(io::Error::from(io::ErrorKind::NotFound).into());
    }
    let allowed: Vec<SocketAddr> = found
        .into_iter()
        .filter(|address| !only_public || is_public(address.ip()))
        .collect();
    if allowed.is_empty() {
        return Err(Refusal::Private.into());
    }
    Ok(Box::new(allowed.into_iter()))
}

/// The answer of a look-up that another thread makes.
#[derive(Clone, Default)]
struct Lookup(Arc<Mutex<(Option<Answer>, Option<Waker>)>>);

impl Lookup {
    fn answer(&self, answer: Answer) {
        let mut slot = lock(&self.0);
        slot.0 = Some(answer);
        if let Some(waker) = slot.1.take() {
            waker.wake();
        }
    }
}

impl Future for Lookup {
    type Output = Answer;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let mut slot = lock(&self.0);
        if let Some(answer) = slot.0.take() {
            return Poll::Ready(answer);
        }
        slot.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an address is one of the open internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_reserved = a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b));
    !(is_reserved
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation())
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.octets() {
        // IPv4 in IPv6's clothes: compatible (also :: and ::1), mapped, translated, 6to4.
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 | 0xff, 0 | 0xff, v4 @ ..]
        | [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, v4 @ ..] => is_public_v4(v4.into()),
        [0x20, 0x02, a, b, c, d, ..] => is_public_v4(Ipv4Addr::new(a, b, c, d)),
        // The rest of the translators' ranges, tunnels, documentation, what was site-local.
        [0x00, 0x64, 0xff, 0x9b, ..]
        | [0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, ..]
        | [0x20, 0x01, 0, 0, ..]
        | [0x20, 0x01, 0x0d, 0xb8, ..]
        | [0xfe, 0xc0..=0xff, ..] => false,
        _ => !(address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_open_internet_are_public() {
        for text in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2002:7f00:1::1",
            "2001:db8::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "::ffff:0:a00:1",
            "::ffff:0:101:101",
            "fec0::1",
            "feff::1",
            "192.88.99.1",
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.169.0.1",
            "::ffff:1.1.1.1",
            "2606:4700:4700::1111",
            "64:ff9b::101:101",
            "192.88.98.1",
            "2001:4860:4860::8888",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn an_address_is_refused_however_it_is_written() {
        for (text, refusal) in [
            ("http://files.example/a.pdf", Refusal::NotHttps),
            ("ftp://files.example/a.pdf", Refusal::NotHttps),
            ("file:///etc/passwd", Refusal::NotHttps),
            ("https://127.0.0.1/a.pdf", Refusal::Private),
            ("https://2130706433/a.pdf", Refusal::Private),
            ("https://0x7f.1/a.pdf", Refusal::Private),
            ("https://[::1]/a.pdf", Refusal::Private),
            ("https://[::ffff:169.254.169.254]/a.pdf", Refusal::Private),
            ("https://localhost/a.pdf", Refusal::Private),
            ("https://LOCALHOST./a.pdf", Refusal::Private),
            ("https://metadata.google.internal/a.pdf", Refusal::Private),
            ("https://printer/a.pdf", Refusal::Private),
            ("https://nas.local/a.pdf", Refusal::Private),
        ] {
            for has_proxy in [false, true] {
                let strict = Gate::new(None, has_proxy);
                assert_eq!(strict.admit(&Url::parse(text).unwrap()), Err(refusal), "{text}");
            }
        }
    }

    #[test]
    fn a_pleo_on_this_machine_opens_its_own_host_alone() {
        let loose = Gate::new(Some("127.0.0.1".to_owned()), false);
        for (text, expected) in [
            ("http://127.0.0.1:8080/a.pdf", Ok(())),
            ("https://127.0.0.1/a.pdf", Ok(())),
            ("https://files.example/a.pdf", Ok(())),
            ("http://files.example/a.pdf", Err(Refusal::NotHttps)),
            ("http://127.0.0.2/a.pdf", Err(Refusal::NotHttps)),
            ("https://127.0.0.2/a.pdf", Err(Refusal::Private)),
            ("https://localhost/a.pdf", Err(Refusal::Private)),
            ("https://169.254.169.254/a.pdf", Err(Refusal::Private)),
            ("file:///etc/passwd", Err(Refusal::NotHttps)),
        ] {
            assert_eq!(loose.admit(&Url::parse(text).unwrap()), expected, "{text}");
        }
    }
}
