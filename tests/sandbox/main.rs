//! The sandbox is the measure for everything else, so it is measured itself: it refuses what the contract refuses,
//! remembers what it was told, records broken rules, and makes the faults that were asked for.
#![allow(clippy::restriction, reason = "a helper of a test may fail it")]

#[path = "../support/built.rs"]
mod built;
mod faults;
mod job_files;
mod lifecycle;
mod oauth;
mod platform;
mod reading;
#[path = "../../examples/sandbox/server/mod.rs"]
mod sandbox;
mod seeds;
mod subscriptions;

use reqwest::blocking::{Client, RequestBuilder, Response};
use serde_json::{Value, json};

use sandbox::seed::Item;
use sandbox::{Job, Options, Sandbox};

/// A client that says exactly what a test tells it to say.
struct Caller<'sandbox> {
    sandbox: &'sandbox Sandbox,
    http: Client,
}

impl<'sandbox> Caller<'sandbox> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the sandbox is tested without the crate's own client"
    )]
    fn new(sandbox: &'sandbox Sandbox) -> Self {
        // A second test finds the provider installed, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        Self { sandbox, http }
    }

    fn anonymous(&self, method: &str, path: &str) -> RequestBuilder {
        self.http
            .request(method.parse().unwrap(), format!("{}{path}", self.sandbox.url()))
    }

    fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.anonymous(method, path)
            .basic_auth(self.sandbox.api_key(), Some(""))
    }

    fn get(&self, path: &str) -> (u16, Value) {
        read(self.request("GET", path).send().unwrap())
    }

    fn put(&self, job: &str, body: &Value) -> (u16, Value) {
        read(
            self.request("PUT", &format!("/v3/export-jobs/{job}/items"))
                .json(body)
                .send()
                .unwrap(),
        )
    }

    fn send(&self, job: &str, event: &str) -> u16 {
        let body = json!({ "jobId": job, "event": event });
        read(
            self.request("POST", "/v3/export-job-events")
                .json(&body)
                .send()
                .unwrap(),
        )
        .0
    }

    fn list(&self, statuses: &str) -> (u16, Value) {
        self.get(&format!(
            "/v3/export-jobs?company_id={}{statuses}",
            self.sandbox.company()
        ))
    }

    /// Every row of a list, page by page.
    fn all(&self, path: &str) -> Vec<Value> {
        let (mut rows, mut path_of_page) = (Vec::new(), path.to_owned());
        loop {
            let (status, page) = self.get(&path_of_page);
            assert_eq!(status, 200, "{page}");
            rows.extend(page["data"].as_array().unwrap().iter().cloned());
            if page["pagination"]["hasNextPage"] == json!(false) {
                return rows;
            }
            path_of_page = format!(
                "{path}&after={}",
                page["pagination"]["endCursor"].as_str().unwrap()
            );
        }
    }

    /// Starts a job and reads both layers, as the contract wants it.
    fn start(&self, job: &str) {
        assert_eq!(self.send(job, "started"), 202);
        self.read_layers(job);
    }

    /// Reads both layers of a job.
    fn read_layers(&self, job: &str) {
        self.all(&format!("/v3/export-jobs/{job}/items?limit=50"));
        self.all(&format!("/v3/export-items?job_id={job}"));
    }
}

fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (
        status,
        serde_json::from_str(&response.text().unwrap()).unwrap_or(Value::Null),
    )
}

fn sandbox() -> Sandbox {
    Sandbox::start(Options::default())
}

/// A sandbox with one job of so many simple items, and the entries of these.
fn with_job(count: u64) -> (Sandbox, String, Vec<String>) {
    let sandbox = sandbox();
    let items: Vec<Value> = (0..count)
        .map(|number| Item::card_purchase(12_500).numbered(number).build())
        .collect();
    let entries = items
        .iter()
        .map(|item| item["accountingEntryId"].as_str().unwrap().to_owned())
        .collect();
    let job = sandbox.add_job(Job::of(items));
    (sandbox, job, entries)
}

fn successful(entry: &str) -> Value {
    json!({ "accountingEntryId": entry, "status": "successful", "externalId": "PLEO-1" })
}

fn failed(entry: &str) -> Value {
    let reason = "Account 6800 is not in the books.";
    json!({ "accountingEntryId": entry, "status": "failed", "failureReason": reason,
            "failureReasonType": "account_unknown" })
}

/// The one rule that was broken since the last look.
#[track_caller]
fn assert_broken(sandbox: &Sandbox, known: usize, part: &str) {
    let rules = sandbox.broken_rules();
    assert!(
        rules.len() == known + 1 && rules[known].contains(part),
        "expected `{part}`, found {rules:#?}"
    );
}
