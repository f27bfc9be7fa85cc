//! A Pleo of one's own: the Export API v3 and the webhook on loopback, strict and with a memory. It refuses what the contract refuses,
//! records every rule that a client breaks, and makes the faults that a network makes, on demand.
//!
//! It is the other side of the wire, so it knows nothing of the crate that is tried on it. Programs and tests take it in
//! as a module by path. [`Sandbox::start`] begins, [`seed`] has items to export, [`Control`] has all the rest.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "each program that takes this module in uses a part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a sandbox that cannot go on has nothing better to do"
)]

mod api;
mod authentication;
mod backdoor;
mod clock;
mod codec;
mod connection;
mod control;
mod damage;
mod delivery;
mod document;
mod event;
mod exchange;
mod fault;
mod fields;
mod http;
mod job;
mod job_file;
mod oauth;
mod paging;
mod platform;
mod query;
mod receipts;
pub mod seed;
mod states;
mod subscriptions;
mod update;
mod wire;
mod world;

use std::net::TcpListener;
use std::ops::Deref;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use control::{Control, Hook, Snapshot};
pub use delivery::{Delivered, Manner, sign};
pub use exchange::{Host, Request};
pub use fault::{Fault, RetryAfter, Trouble};
pub use job::{ItemState, Job, JobState};
pub use job_file::{JobFile, JobFileError};
pub use oauth::OauthClient;
pub use platform::ChartAccount;
pub use states::{Event, ItemStatus, JobStatus};
pub use world::News;

/// How the sandbox is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// No page has more rows than this, whatever the client asks for.
    pub page_size_max: usize,
    /// Port of the API on 127.0.0.1; 0 takes a free one. The host of receipts always takes a free one.
    pub port: u16,
    /// The API key that is taken as user of a basic credential.
    pub api_key: String,
    /// The access token that is taken as bearer, if any.
    pub access_token: Option<String>,
    /// Id of the company.
    pub company: String,
    /// Companies beside it. API key and access tokens are good for all of them, and each has a key of its own besides:
    /// [`key_of`].
    pub more_companies: Vec<String>,
    /// Seconds for which a job lives after the last action on it.
    pub lifetime_seconds: u64,
    /// Whether starting a job while an older one is pending breaks a rule.
    pub oldest_first: bool,
    /// What the credential may do.
    pub scopes: Vec<String>,
    /// What the credential was made for, as a URN; the company when absent.
    pub subject: Option<String>,
    /// The state of the installation; empty when there is none.
    pub installation_status: String,
    /// The application that is registered for OAuth.
    pub oauth_client: OauthClient,
    /// The accounts that Pleo knows for the company.
    pub chart: Vec<ChartAccount>,
    /// The tax codes that Pleo knows for the company, without company, id and times.
    pub tax_codes: Vec<serde_json::Value>,
}

/// What an export needs, and what `check` can use beside it.
pub const SCOPES: [&str; 5] = [
    "export-jobs:read",
    "export-jobs:write",
    "export-items:read",
    "accounts:read",
    "tax-codes:read",
];

impl Options {
    /// Every company that is served.
    pub fn companies(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.company).chain(&self.more_companies)
    }
}

/// The API key that is good for one of several companies alone.
pub fn key_of(company: &str) -> String {
    format!("sandbox-api-key-of-{company}")
}

impl Default for Options {
    fn default() -> Self {
        Self {
            page_size_max: 50,
            port: 0,
            api_key: "sandbox-api-key".to_owned(),
            access_token: None,
            company: seed::COMPANY_ID.to_owned(),
            more_companies: Vec::new(),
            lifetime_seconds: 3600,
            oldest_first: true,
            scopes: SCOPES.map(str::to_owned).to_vec(),
            subject: None,
            installation_status: "ACTIVATED".to_owned(),
            oauth_client: OauthClient::default(),
            chart: platform::seeded_chart(),
            tax_codes: platform::seeded_taxes(),
        }
    }
}

/// A running sandbox. It answers when [`Sandbox::start`] returns and stops when it is dropped; everything else is in
/// [`Control`], to which it dereferences.
#[derive(Debug)]
pub struct Sandbox {
    control: Control,
    url: String,
    api_key: String,
    company: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a server in a thread of its own.
    ///
    /// # Panics
    /// When a port cannot be had.
    pub fn start(options: Options) -> Self {
        let listen = |port: u16| {
            let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
            listener
                .set_nonblocking(true)
                .expect("a socket can be made non-blocking");
            let url = format!(
                "http://{}",
                listener.local_addr().expect("a bound socket has an address")
            );
            (listener, url)
        };
        let (api, url) = listen(options.port);
        let (receipts, receipts_url) = listen(0);
        let (api_key, company) = (options.api_key.clone(), options.company.clone());
        let control = Control::new(options, receipts_url);
        let (stop, stopped) = oneshot::channel();
        let served = control.clone();
        let thread = std::thread::spawn(move || http::serve(served, api, receipts, stopped));
        Self {
            control,
            url,
            api_key,
            company,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Address of the API, without slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Id of the company.
    pub fn company(&self) -> &str {
        &self.company
    }

    /// Serves another company from now on.
    pub fn serve_company(&mut self, company: &str) {
        company.clone_into(&mut self.company);
        company.clone_into(&mut self.control.world().options.company);
    }

    /// The API key.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// A handle for hooks and other threads.
    pub fn control(&self) -> Control {
        self.control.clone()
    }
}

/// Tests speak to the sandbox; a hook, which may not own it, speaks to a [`Control`] in the same words.
impl Deref for Sandbox {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.control.forget_hook();
        if let Some(stop) = self.stop.take() {
            // The thread may have ended already; then nobody needs to be told.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
