//! One call to Odoo's external API, JSON-2, which Odoo has since version 19. Each call is made once: who asks again, and
//! how often, is decided by the workflow.
//!
//! A rejection of Odoo's carries a Python traceback and values of other people's records: only its name and message
//! leave this file. Bodies are never logged.

use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::debug;

use super::errors::CallError;
use crate::host::http::{self, Body, BodyError};
use crate::host::kill;
use crate::host::server_url::ServerUrl;
use crate::host::waiting::waiting_for;
use crate::model::permit::Permit;
use crate::systems::odoo::settings::Settings;

/// The longest answer that is read, in bytes: a batch of 100 entries with all their lines is far smaller.
const LONGEST_ANSWER: u64 = 64 << 20;

/// How long a look may take whether a conversation can begin.
const LONGEST_GREETING: Duration = Duration::from_secs(10);

/// A connection to one database.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client,
    url: ServerUrl,
    database: String,
    api_key: SecretString,
    timeout: Duration,
    /// Asked for before whatever writes. There is none while a person takes entries back: no job is at stake then.
    permit: Option<Permit>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("url", &self.url.as_str())
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Transport {
    pub(crate) fn new(settings: &Settings) -> Result<Self, reqwest::Error> {
        Ok(Self {
            client: http::client_builder_for(&settings.url)
                .timeout(settings.timeout)
                .build()?,
            url: settings.url.clone(),
            database: settings.database.clone(),
            api_key: settings.api_key.clone(),
            timeout: settings.timeout,
            permit: None,
        })
    }

    /// Looks whether a conversation can begin, as far as that is a matter of settings: an Odoo that is out of reach may be
    /// there in a moment. Carries no key.
    pub(crate) fn greet(&self) -> Result<(), CallError> {
        let patience = self.timeout.min(LONGEST_GREETING);
        let answer = self
            .client
            .head(self.url.at(["json", "version"]))
            .timeout(patience)
            .send();
        match answer.map_err(|error| CallError::from_fault(http::fault(error))) {
            Err(error @ CallError::Untrusted(_)) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// The same connection, on which nothing is written without this permit.
    pub(crate) fn under(&self, permit: &Permit) -> Self {
        Self {
            permit: Some(permit.clone()),
            ..self.clone()
        }
    }

    /// Calls a method of a model that changes something.
    pub(crate) fn write<T: DeserializeOwned>(
        &self,
        model: &str,
        method: &str,
        arguments: &Value,
    ) -> Result<T, CallError> {
        if let Some(permit) = &self.permit {
            permit.ask()?;
        }
        self.call(model, method, arguments)
    }

    /// Calls a method of a model that changes nothing.
    pub(crate) fn call<T: DeserializeOwned>(
        &self,
        model: &str,
        method: &str,
        arguments: &Value,
    ) -> Result<T, CallError> {
        let what = format!("{model}.{method}");
        let patience = self.patience(arguments);
        let request = self
            .client
            .post(self.url.at(["json", "2", model, method]))
            .bearer_auth(self.api_key.expose_secret())
            .header("X-Odoo-Database", &self.database)
            .timeout(patience)
            .json(arguments);
        serde_json::from_value(self.send(request, &what, patience)?).map_err(|error| {
            CallError::Unusable(format!("its answer to {what} is not what Odoo answers ({error})"))
        })
    }

    /// All records of a model that match, with these fields.
    pub(crate) fn search<T: DeserializeOwned>(
        &self,
        model: &str,
        domain: Value,
        fields: &[&str],
        context: &Value,
    ) -> Result<Vec<T>, CallError> {
        let asked = json!({ "domain": domain, "fields": fields, "order": "id", "context": context });
        self.call(model, "search_read", &asked)
    }

    /// The whole time a call may take: receipts travel in the body, so it grows with them.
    fn patience(&self, arguments: &Value) -> Duration {
        let rows = arguments
            .get("data")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let characters: usize = rows
            .iter()
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(Value::as_str)
            .map(str::len)
            .sum();
        self.timeout + Duration::from_secs(u64::try_from(characters / 200_000).unwrap_or(0))
    }

    fn send(
        &self,
        request: reqwest::blocking::RequestBuilder,
        what: &str,
        patience: Duration,
    ) -> Result<Value, CallError> {
        kill::point("request");
        let began = Instant::now();
        let _waiting = waiting_for(format!("Odoo ({what})"));
        let response = request
            .send()
            .map_err(|error| CallError::from_fault(http::fault(error)));
        kill::point("response");
        let mut response = response?;
        let status = response.status();
        debug!(call = what, status = status.as_u16(), "Odoo answered");
        if status.is_redirection() {
            let target = http::header(&response, &LOCATION).unwrap_or("another address");
            return Err(CallError::redirected(target, &self.url));
        }
        let is_json = http::header(&response, &CONTENT_TYPE).is_some_and(|value| value.contains("json"));
        let body = Body::new(&mut response, LONGEST_ANSWER, began + patience, None);
        let body = body.whole().map_err(|error| match error {
            BodyError::TooLarge(longest) => CallError::too_long(what, longest),
            BodyError::TooSlow | BodyError::Silent => CallError::Lost("its answer took too long".to_owned()),
            error => CallError::Lost(format!("its answer broke off ({error})")),
        })?;
        let value = serde_json::from_slice::<Value>(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body))
            .ok()
            .filter(|_| is_json || status.is_success());
        match value {
            Some(value) if status.is_success() => Ok(value),
            Some(value) => {
                let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
                Err(CallError::from_odoo(text("name"), text("message"), status))
            }
            None => Err(CallError::not_odoo(status, &self.url, &self.database)),
        }
    }
}
