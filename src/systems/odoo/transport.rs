//! One call to Odoo's external API: over JSON-2 (Odoo 19 and later), or over JSON-RPC where a login is configured
//! (the older ones have no other way).
//!
//! A refusal of Odoo's carries a Python traceback and values of other people's records: only its name and message
//! leave this file. Bodies are never logged.

use std::time::{Duration, Instant};

use reqwest::blocking::{Client, Response};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tracing::debug;

use super::Settings;
use super::errors::{CallError, Refusal};
use crate::host::http::{self, BodyError};
use crate::host::retry::{self, Next, Retry};
use crate::host::{clock, kill, stop::Stop};
use crate::systems::SystemError;

/// How long a call that only reads is tried again; the workflow above waits longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest answer that is read: a batch of 100 entries with all their lines is far smaller.
const LONGEST_ANSWER: usize = 64 << 20;

/// The named arguments of a call.
pub(super) type Arguments = Map<String, Value>;

/// The arguments of a call from a `json!({…})`.
pub(super) fn arguments(value: Value) -> Arguments {
    match value {
        Value::Object(map) => map,
        _ => Arguments::new(),
    }
}

/// A connection to one database.
pub(super) struct Transport {
    client: Client,
    url: reqwest::Url,
    database: String,
    api_key: SecretString,
    timeout: Duration,
    protocol: Protocol,
    stop: Stop,
}

#[derive(Debug)]
enum Protocol {
    Json2,
    JsonRpc { login: String, session: Option<Session> },
}

/// Who JSON-RPC knows us as.
#[derive(Clone, Copy, Debug)]
struct Session {
    user: i64,
    major: u32,
}

/// The first version with JSON-2, and with what the rest of this module expects of Odoo's fields.
const CURRENT: u32 = 19;

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport")
            .field("url", &self.url.as_str())
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Transport {
    pub(super) fn new(settings: &Settings, stop: Stop) -> Result<Self, reqwest::Error> {
        let protocol = match &settings.login {
            None => Protocol::Json2,
            Some(login) => Protocol::JsonRpc {
                login: login.clone(),
                session: None,
            },
        };
        Ok(Self {
            client: http::client_builder_for(&settings.url)
                .timeout(settings.timeout)
                .build()?,
            url: settings.url.clone(),
            database: settings.database.clone(),
            api_key: settings.api_key.clone(),
            timeout: settings.timeout,
            protocol,
            stop,
        })
    }

    /// Odoo's major version, as far as this module distinguishes them. Known after the first call.
    pub(super) fn major(&self) -> u32 {
        match &self.protocol {
            Protocol::Json2 | Protocol::JsonRpc { session: None, .. } => CURRENT,
            Protocol::JsonRpc {
                session: Some(session),
                ..
            } => session.major,
        }
    }

    /// A call that changes nothing: tried again while Odoo restarts or is slow.
    pub(super) fn read<T: DeserializeOwned>(
        &mut self,
        model: &str,
        method: &str,
        arguments: Arguments,
    ) -> Result<T, CallError> {
        let mut retry = Retry::new(Instant::now(), PATIENCE, fastrand::Rng::new());
        loop {
            let error = match self.call(model, method, &arguments) {
                Ok(value) => return typed(model, method, value),
                Err(error) => error,
            };
            if !error.is_temporary() {
                return Err(error);
            }
            let Next::Wait(wait) = retry.failed(Instant::now(), error.retry_after()) else {
                return Err(error);
            };
            debug!("{error}; trying again");
            if self.stop.wait(wait).is_err() {
                return Err(error);
            }
        }
    }

    /// A call that may change something: made once.
    pub(super) fn write<T: DeserializeOwned>(
        &mut self,
        model: &str,
        method: &str,
        arguments: Arguments,
    ) -> Result<T, CallError> {
        typed(model, method, self.call(model, method, &arguments)?)
    }

    /// All records of a model that match, with these fields.
    pub(super) fn search<T: DeserializeOwned>(
        &mut self,
        model: &str,
        domain: Value,
        fields: &[&str],
        context: &Value,
    ) -> Result<Vec<T>, CallError> {
        let arguments =
            arguments(json!({ "domain": domain, "fields": fields, "order": "id", "context": context }));
        self.read(model, "search_read", arguments)
    }

    fn call(&mut self, model: &str, method: &str, arguments: &Arguments) -> Result<Value, CallError> {
        if matches!(self.protocol, Protocol::JsonRpc { session: None, .. }) {
            self.log_in()?;
        }
        if let Protocol::JsonRpc {
            session: Some(session),
            ..
        } = &self.protocol
        {
            let mut named = arguments.clone();
            let ids: Vec<Value> = named.remove("ids").into_iter().collect();
            let key = self.api_key.expose_secret();
            let body = json!([self.database, session.user, key, model, method, ids, named]);
            return self.rpc("object", "execute_kw", &body, self.patience(arguments));
        }
        let patience = self.patience(arguments);
        let request = self
            .client
            .post(self.address(&format!("json/2/{model}/{method}")))
            .bearer_auth(self.api_key.expose_secret())
            .header("X-Odoo-Database", &self.database)
            .timeout(patience)
            .json(arguments);
        self.send(request, &format!("{model}.{method}"), patience)
    }

    /// Learns the user's id and the version, which every further JSON-RPC call needs.
    fn log_in(&mut self) -> Result<(), CallError> {
        let Protocol::JsonRpc { login, .. } = &self.protocol else {
            return Ok(());
        };
        let login = login.clone();
        let version = self.rpc("common", "version", &json!([]), self.timeout)?;
        let major = version
            .pointer("/server_version_info/0")
            .and_then(Value::as_u64)
            .and_then(|major| u32::try_from(major).ok())
            .unwrap_or(CURRENT);
        let credentials = json!([self.database, login, self.api_key.expose_secret(), {}]);
        let user = self.rpc("common", "authenticate", &credentials, self.timeout)?;
        let user = user.as_i64().ok_or_else(|| CallError::Refused {
            refusal: Refusal::Authentication,
            message: format!("login {login} with this key is not accepted"),
        })?;
        self.protocol = Protocol::JsonRpc {
            login,
            session: Some(Session { user, major }),
        };
        Ok(())
    }

    fn rpc(
        &self,
        service: &str,
        method: &str,
        arguments: &Value,
        patience: Duration,
    ) -> Result<Value, CallError> {
        let body = json!({
            "jsonrpc": "2.0", "method": "call", "id": 1,
            "params": { "service": service, "method": method, "args": arguments },
        });
        let request = self
            .client
            .post(self.address("jsonrpc"))
            .timeout(patience)
            .json(&body);
        let mut answer = self.send(request, method, patience)?;
        if let Some(error) = answer.get("error") {
            let text = |path: &str| error.pointer(path).and_then(Value::as_str).unwrap_or_default();
            return Err(CallError::from_odoo(
                text("/data/name"),
                text("/data/message"),
                None,
            ));
        }
        Ok(answer.get_mut("result").map(Value::take).unwrap_or_default())
    }

    /// The whole time a call may take: receipts travel in the body, so it grows with them.
    fn patience(&self, arguments: &Arguments) -> Duration {
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

    fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.url.as_str().trim_end_matches('/'))
    }

    fn send(
        &self,
        request: reqwest::blocking::RequestBuilder,
        what: &str,
        patience: Duration,
    ) -> Result<Value, CallError> {
        kill::point("request");
        let began = Instant::now();
        let response = request
            .send()
            .map_err(|error| CallError::from_fault(http::fault(error)));
        kill::point("response");
        let mut response = response?;
        let (status, retry_after) = (response.status(), retry_after(&response));
        debug!(call = what, status = status.as_u16(), "Odoo answered");
        if status.is_redirection() {
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok());
            return Err(CallError::redirected(
                target.unwrap_or("another address"),
                &self.url,
            ));
        }
        let is_json = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.contains("json"));
        let body = http::read_body(&mut response, LONGEST_ANSWER, began + patience);
        let body = body.map_err(|error| {
            CallError::lost(match error {
                BodyError::TooLarge => format!("its answer is larger than {LONGEST_ANSWER} bytes"),
                BodyError::TooSlow => "its answer took too long".to_owned(),
                BodyError::Broken(cause) => format!("its answer broke off ({cause})"),
            })
        })?;
        let value = serde_json::from_slice::<Value>(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&body))
            .ok()
            .filter(|_| is_json || status.is_success());
        match value {
            Some(value) if status.is_success() => Ok(value),
            Some(value) => {
                let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
                Err(CallError::from_odoo(
                    text("name"),
                    text("message"),
                    Some((status, retry_after)),
                ))
            }
            None => Err(CallError::not_odoo(
                status,
                retry_after,
                &self.url,
                &self.database,
            )),
        }
    }
}

fn retry_after(response: &Response) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    retry::retry_after(text, clock::now()).filter(|_| retry::is_temporary(response.status().as_u16()))
}

fn typed<T: DeserializeOwned>(model: &str, method: &str, value: Value) -> Result<T, CallError> {
    serde_json::from_value(value).map_err(|error| {
        CallError::lost(format!(
            "its answer to {model}.{method} is not what Odoo answers ({error})"
        ))
    })
}

/// For calls outside a batch, where a lost answer means nothing was proven.
impl From<CallError> for SystemError {
    fn from(error: CallError) -> Self {
        error.for_reading()
    }
}
