//! Endpoints under `/_sandbox/` for scripts, beside the contract and without credential: look at the state, add a job,
//! ask for a fault or a manner of delivery, change a consent. They are neither logged nor counted nor befallen by faults.

use serde::Deserialize;
use serde_json::json;

use super::control::Control;
use super::exchange::{Answer, Answered};
use super::fault::Fault;
use super::job::Job;
use super::seed;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewJob {
    #[serde(default = "some_items")]
    items: usize,
    #[serde(default)]
    seed: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consent {
    #[serde(default)]
    expire_access_tokens: bool,
    installation_status: Option<String>,
}

fn some_items() -> usize {
    25
}

/// Answers one call.
pub fn answer(control: &Control, method: &str, path: &str, body: &[u8]) -> Answer {
    route(control, method, path, body).unwrap_or_else(|refusal| refusal)
}

fn route(control: &Control, method: &str, path: &str, body: &[u8]) -> Answered {
    let wrong = |error: serde_json::Error| Answer::refusal(400, "BAD_REQUEST", &error.to_string());
    match (method, path) {
        ("GET", "/_sandbox/state") => {
            let state = json!({
                "jobs": control.jobs(),
                "broken_rules": control.broken_rules(),
                "requests": control.request_count(),
                "deliveries": control.deliveries(),
            });
            Ok(Answer::json(200, state))
        }
        ("POST", "/_sandbox/jobs") => {
            let NewJob { items, seed } = serde_json::from_slice(body).map_err(wrong)?;
            let id = control.add_job(Job::of(seed::mixed(items, seed)));
            Ok(Answer::json(201, json!({ "id": id })))
        }
        ("POST", "/_sandbox/faults") => {
            let fault: Fault = serde_json::from_slice(body).map_err(wrong)?;
            control.fault(fault);
            Ok(Answer::empty(204))
        }
        ("POST", "/_sandbox/deliveries") => {
            control.deliver(serde_json::from_slice(body).map_err(wrong)?);
            Ok(Answer::empty(204))
        }
        ("POST", "/_sandbox/consent") => {
            let consent: Consent = serde_json::from_slice(body).map_err(wrong)?;
            if consent.expire_access_tokens {
                control.expire_access_tokens();
            }
            if let Some(status) = consent.installation_status {
                control.change_options(|options| options.installation_status = status);
            }
            Ok(Answer::empty(204))
        }
        _ => Err(Answer::refusal(
            404,
            "NOT_FOUND",
            "There are /_sandbox/state, /_sandbox/jobs, /_sandbox/faults, /_sandbox/deliveries and /_sandbox/consent.",
        )),
    }
}
