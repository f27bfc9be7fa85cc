//! Tokens that hosts share, where the run is to stop.

use std::sync::{Arc, Mutex};

use super::*;
use crate::host::clock;
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

#[test]
fn what_is_known_is_told_after_a_stop_even_where_that_needs_a_new_token() {
    let tokens = r#"{"access_token":"new-access","refresh_token":"new-refresh","expires_in":900}"#;
    let job = format!(r#"{{"data":{}}}"#, job_json(JOB, COMPANY));
    let server = TestServer::start(vec![Reply::json(200, tokens), Reply::json(200, job)]);
    let place = Place(Arc::new(Mutex::new(Tokens {
        access: SecretString::from("access"),
        refresh: SecretString::from("refresh"),
        expires_at: clock::now(),
        company_id: Some(CompanyId::new(COMPANY)),
        host: "127.0.0.1".to_owned(),
        scope: String::new(),
        refused_at: None,
    })));
    let common = settings(&server);
    let credential = Credential::OAuth(Box::new(oauth::Settings {
        auth_url: server.url(),
        client_id: "client".to_owned(),
        client_secret: SecretString::from(SECRET),
        store: Store::Shared(Arc::new(place)),
        host: "127.0.0.1".to_owned(),
        company_id: Some(CompanyId::new(COMPANY)),
        request_timeout: common.request_timeout,
        give_up_after: common.give_up_after,
    }));
    let stop = Stop::new();
    stop.request();
    let client = Client::new(Settings { credential, ..common }, stop).unwrap();
    assert!(client.job(&id()).is_ok());
    let told = server.seen();
    assert_eq!(told[0].line, "POST /oauth/token");
    assert!(
        told[1]
            .headers
            .contains(&"authorization: bearer new-access".to_owned()),
        "{told:?}"
    );
}
