//! A connection by OAuth through the real program: a browser that consents, tokens that are renewed, and everything that can
//! happen in between.

mod answers;
mod kept;
mod login;
mod refresh;
mod settings;
mod tidy;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{OauthClient, Options};
use crate::support::{Run, World};

/// A secret that nothing else looks like.
const SECRET: &str = "client-secret-77aa01";

const TOKENS: &str = "tokens.json";

/// A world whose program is registered with Pleo and has no credential yet. The company is not named either.
fn registered() -> World {
    registered_with(|_| ())
}

fn registered_with(change: impl FnOnce(&mut Options)) -> World {
    let redirect_uri = format!("http://127.0.0.1:{}/callback", free_port());
    let mut options = Options {
        installation_status: "AUTHORIZED".to_owned(),
        oauth_client: OauthClient {
            secret: SECRET.to_owned(),
            redirect_uris: vec![redirect_uri.clone()],
            ..OauthClient::default()
        },
        ..Options::default()
    };
    change(&mut options);
    World::with_options(options)
        .without_variable("PLEO_API_KEY")
        .without_variable("PLEO_COMPANY_ID")
        .with_variable("PLEO_CLIENT_SECRET", SECRET)
        .with_settings(&format!(
            "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n[pleo.oauth]\nclient_id = \"sandbox-client\"\n\
             token_file = \"{TOKENS}\"\nredirect_uri = \"{redirect_uri}\"\n"
        ))
}

/// A world that is connected: with tokens that end after so many seconds by the program's clock, whatever Pleo's says.
fn connected(seconds: i64) -> World {
    let world = registered();
    world.connect(seconds);
    world
}

/// A port that nobody has, below those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let next = std::process::id() + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + u16::try_from(next % 12_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

impl World {
    /// Writes a file of tokens as a login would, for a new consent.
    fn connect(&self, seconds: i64) {
        let (access, refresh) = self.sandbox.grant();
        let tokens = json!({
            "access_token": access, "refresh_token": refresh, "host": "127.0.0.1", "company_id": self.sandbox.company(),
            "expires_at": (now() + chrono::TimeDelta::seconds(seconds)).to_rfc3339(),
        });
        fs::write(self.path(TOKENS), tokens.to_string()).unwrap();
        fs::set_permissions(self.path(TOKENS), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn tokens(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path(TOKENS)).unwrap()).unwrap()
    }

    fn token(&self, name: &str) -> String {
        self.tokens()[name].as_str().unwrap().to_owned()
    }

    /// How many requests for tokens there were.
    fn token_requests(&self) -> usize {
        self.requests_to("/oauth/token")
    }

    fn requests_to(&self, path: &str) -> usize {
        self.sandbox
            .requests()
            .iter()
            .filter(|request| request.path == path)
            .count()
    }

    /// Both tokens are those that Pleo takes.
    #[track_caller]
    fn has_live_tokens(&self) {
        let pair = (self.token("access_token"), self.token("refresh_token"));
        assert!(self.sandbox.live_tokens().contains(&pair), "{pair:?} is not live");
        let mode = fs::metadata(self.path(TOKENS)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// What was being written when somebody was killed, which may hold a pair that is good, is gone.
    #[track_caller]
    fn leaves_nothing_aside(&self) {
        let files = fs::read_dir(self.path("")).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = names.filter(|name| name.contains(".part")).collect();
        assert!(left.is_empty(), "{left:?}");
    }

    #[track_caller]
    fn breaks_no_rule(&self) {
        let broken = self.sandbox.broken_rules();
        assert!(broken.is_empty(), "{broken:#?}");
    }

    /// The program says that somebody must log in, and from now on it says so without asking Pleo for anything.
    #[track_caller]
    fn must_log_in(&self) {
        self.run(&["poll"]).exits(2).says("pleo-export login");
        assert!(self.tokens()["refused_at"].is_string(), "{}", self.tokens());
        let requests = self.sandbox.request_count();
        self.run(&["poll"]).exits(2).says("pleo-export login");
        self.run(&["login", "--status"])
            .exits(2)
            .says("pleo-export login");
        assert_eq!(self.sandbox.request_count(), requests, "nothing was sent again");
        self.breaks_no_rule();
    }
}

/// What a browser does: it follows where Pleo sends it, up to the page of that address.
fn get(address: &str) -> (u16, Option<String>, String) {
    let client = pleo_export::host::http::client_builder()
        .no_proxy()
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let answer = client.get(address).send().unwrap();
    let location = answer
        .headers()
        .get("location")
        .map(|to| to.to_str().unwrap().to_owned());
    (answer.status().as_u16(), location, answer.text().unwrap())
}

/// Pleo's redirect after consent.
fn consent(address: &str) -> String {
    let (status, location, text) = get(address);
    assert_eq!(status, 302, "{text}");
    location.unwrap()
}

#[track_caller]
fn hides(run: &Run, secrets: &[String]) {
    for secret in secrets {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "`{secret}` in {run}"
        );
    }
}
