//! Tokens that others are at, too.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;

use super::server::Seen;
use super::*;
use crate::host::{clock, lock_file};
use crate::pleo::oauth::tokens::Tokens;
use crate::pleo::oauth::{self, LockedTokens, SharedError, SharedTokens, Store};

/// A place for tokens that nobody else is at.
#[derive(Clone, Debug)]
struct Place(Arc<Mutex<Tokens>>);

impl SharedTokens for Place {
    fn name(&self) -> String {
        "the place".to_owned()
    }

    fn read(&self) -> Result<Option<Tokens>, SharedError> {
        Ok(Some(self.0.lock().unwrap().clone()))
    }

    fn lock(&self, _: Duration) -> Result<Box<dyn LockedTokens>, SharedError> {
        // A login that was under way has come to its end.
        self.0.lock().unwrap().company_id = Some(CompanyId::new(COMPANY));
        Ok(Box::new(self.clone()))
    }
}

impl LockedTokens for Place {
    fn read(&mut self) -> Result<Option<Tokens>, SharedError> {
        SharedTokens::read(self)
    }

    fn try_write(&mut self) -> Result<(), SharedError> {
        Ok(())
    }

    fn write(&mut self, tokens: &Tokens) -> Result<(), SharedError> {
        *self.0.lock().unwrap() = tokens.clone();
        Ok(())
    }

    fn remove(&mut self) -> Result<bool, SharedError> {
        unreachable!()
    }
}

/// Tokens of a login that has come to its end, which live for so many seconds.
fn tokens(seconds: i64) -> Tokens {
    Tokens {
        access: SecretString::from("access"),
        refresh: SecretString::from("refresh"),
        expires_at: clock::now() + TimeDelta::seconds(seconds),
        company_id: Some(CompanyId::new(COMPANY)),
        host: "127.0.0.1".to_owned(),
        scope: String::new(),
        refused_at: None,
    }
}

fn shared(tokens: Tokens) -> Store {
    Store::Shared(Arc::new(Place(Arc::new(Mutex::new(tokens)))))
}

fn connected(server: &TestServer, store: Store, request_timeout: Duration, stop: Stop) -> Client {
    let common = settings(server);
    let credential = Credential::OAuth(Box::new(oauth::Settings {
        auth_url: server.url(),
        client_id: "client".to_owned(),
        client_secret: SecretString::from(SECRET),
        store,
        host: "127.0.0.1".to_owned(),
        company_id: Some(CompanyId::new(COMPANY)),
        request_timeout,
        give_up_after: common.give_up_after,
    }));
    Client::new(Settings { credential, ..common }, stop).unwrap()
}

fn stopped() -> Stop {
    let stop = Stop::new();
    stop.request();
    stop
}

fn job() -> Reply {
    Reply::json(200, format!(r#"{{"data":{}}}"#, job_json(JOB, COMPANY)))
}

#[track_caller]
fn shows(seen: &Seen, token: &str) {
    let header = format!("authorization: bearer {token}");
    assert!(seen.headers.contains(&header), "{seen:?}");
}

#[test]
fn what_is_known_is_told_after_a_stop_even_where_that_needs_a_new_token() {
    let pair = r#"{"access_token":"new-access","refresh_token":"new-refresh","expires_in":900}"#;
    let server = TestServer::start(vec![Reply::json(200, pair), job()]);
    let client = connected(&server, shared(tokens(0)), Duration::from_secs(20), stopped());
    assert!(client.job(&id()).is_ok());
    let told = server.seen();
    assert_eq!(told[0].line, "POST /oauth/token");
    shows(&told[1], "new-access");
}

#[test]
fn a_stop_does_not_end_the_wait_for_another_process_that_renews_the_tokens() {
    let server = TestServer::start(vec![job()]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    let old = format!(
        r#"{{"access_token":"access","refresh_token":"refresh","expires_at":"2026-10-05T08:00:00Z","company_id":"{COMPANY}","host":"127.0.0.1"}}"#
    );
    std::fs::write(&path, old).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let _held = lock_file::acquire(&path, Duration::ZERO, &Stop::new()).unwrap();
    let client = connected(&server, Store::File(path), Duration::from_millis(200), stopped());
    let error = client.job(&id()).unwrap_err();
    assert!(matches!(error, PleoError::TokensBusy { .. }), "{error:?}");
}

#[test]
fn a_login_that_is_under_way_is_waited_for() {
    let server = TestServer::start(vec![job()]);
    let unfinished = Tokens {
        company_id: None,
        ..tokens(3600)
    };
    let client = connected(&server, shared(unfinished), Duration::from_secs(20), Stop::new());
    assert!(client.job(&id()).is_ok());
    shows(&server.seen()[0], "access");
}
