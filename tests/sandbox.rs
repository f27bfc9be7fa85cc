//! The sandbox is the measure for everything else, so it is measured itself: it refuses what the contract refuses,
//! remembers what it was told, records broken rules, and makes the faults that were asked for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of a test may fail it"
)]

#[path = "../examples/sandbox/server/mod.rs"]
mod sandbox;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::blocking::{Client, RequestBuilder, Response};
use sandbox::seed::{self, Item, Line};
use sandbox::{Event, Fault, Hook, ItemStatus, Job, JobStatus, Options, RetryAfter, Sandbox, Trouble};
use serde_json::{Value, json};

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

#[test]
fn a_job_done_right_breaks_no_rule() {
    let (sandbox, job, entries) = with_job(3);
    let caller = Caller::new(&sandbox);
    caller.start(&job);
    let in_progress: Vec<Value> = entries
        .iter()
        .map(|entry| json!({ "accountingEntryId": entry, "status": "in_progress" }))
        .collect();
    assert_eq!(caller.put(&job, &json!(in_progress)).0, 200);
    let results = json!([
        successful(&entries[0]),
        failed(&entries[1]),
        successful(&entries[2])
    ]);
    let (status, answer) = caller.put(&job, &results);
    assert_eq!((status, &answer["errors"]), (200, &json!([])));
    assert_eq!(caller.send(&job, "completed_with_errors"), 202);

    let state = sandbox.job(&job);
    assert_eq!(state.status, JobStatus::CompletedWithErrors);
    assert_eq!(state.events, [Event::Started, Event::CompletedWithErrors]);
    assert_eq!(state.updates, 2);
    let item = state.item(&entries[1]);
    assert_eq!(
        item.history,
        [ItemStatus::Pending, ItemStatus::InProgress, ItemStatus::Failed]
    );
    assert_eq!(item.failure_reason_type.as_deref(), Some("account_unknown"));
    assert_eq!(state.item(&entries[0]).external_id.as_deref(), Some("PLEO-1"));
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    assert_eq!(caller.put(&job, &json!([successful(&entries[0])])).0, 422);
}

#[test]
fn credentials_are_checked_and_malformed_ones_recorded() {
    let sandbox = Sandbox::start(Options {
        access_token: Some("token".to_owned()),
        ..Options::default()
    });
    let caller = Caller::new(&sandbox);
    let path = format!("/v3/export-jobs?company_id={}", sandbox.company());
    let ask = |with: &dyn Fn(RequestBuilder) -> RequestBuilder| {
        read(with(caller.anonymous("GET", &path)).send().unwrap()).0
    };
    assert_eq!(ask(&|call| call.bearer_auth("token")), 200);
    assert_eq!(ask(&|call| call.basic_auth("another", Some(""))), 401);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    assert_eq!(
        ask(&|call| call.basic_auth(sandbox.api_key(), Some("secret"))),
        401
    );
    assert_broken(&sandbox, 0, "it must be empty");
    assert_eq!(ask(&|call| call), 401);
    assert_broken(&sandbox, 1, "no `Authorization` header");
}

#[test]
fn lists_are_paged_by_opaque_cursors_newest_first() {
    let sandbox = sandbox();
    let ids: Vec<String> = (0..45).map(|_| sandbox.add_job(Job::default())).collect();
    let caller = Caller::new(&sandbox);
    let (_, first) = caller.list("");
    assert_eq!(
        first["data"].as_array().unwrap().len(),
        20,
        "default size of a page"
    );
    assert_eq!(first["data"][0]["id"], json!(ids[44]));
    let cursor = first["pagination"]["endCursor"].as_str().unwrap();
    assert!(
        cursor
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte))
    );
    // A row that no longer passes the filter does not upset its cursor.
    sandbox.cancel_job(first["data"][19]["id"].as_str().unwrap());
    let pending = caller.all(&format!(
        "/v3/export-jobs?company_id={}&statuses=pending&limit=7",
        sandbox.company()
    ));
    assert_eq!(pending.len(), 44);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    assert_eq!(
        caller.list(&format!("&statuses=pending&after={cursor}")).0,
        400,
        "another list's cursor"
    );
    assert_eq!(
        caller.list(&format!("&after={cursor}&offset=3")).0,
        400,
        "two ways to page"
    );
    assert_eq!(caller.list("&after=lower").0, 400, "no cursor at all");
    assert_eq!(sandbox.broken_rules().len(), 3);
}

#[test]
fn queries_are_read_strictly() {
    let (sandbox, job, _) = with_job(1);
    let caller = Caller::new(&sandbox);
    for (path, rule) in [
        (
            format!("/v3/export-jobs/{job}/items?companyId=1"),
            "unknown query parameter `companyId`",
        ),
        (
            format!("/v3/export-items?job_id={job}&limit=many"),
            "no whole number",
        ),
        (
            format!("/v3/export-items?job_id={job}&job_id={job}"),
            "sent twice",
        ),
        ("/v3/export-items".to_owned(), "`job_id` is missing"),
        (
            format!("/v3/export-jobs/{job}/items?status=done"),
            "unknown item status",
        ),
        (
            format!("/v3/export-jobs/{job}/items?sorting_keys=date"),
            "not of the same length",
        ),
        ("/v3/export-jobs/1".to_owned(), "no UUID"),
    ] {
        let known = sandbox.broken_rules().len();
        assert_eq!(caller.get(&path).0, 400, "{path}");
        assert_broken(&sandbox, known, rule);
    }
    let known = sandbox.broken_rules().len();
    assert_eq!(caller.get("/v3/export-jobs").1["data"], json!([]));
    assert_broken(&sandbox, known, "`company_id` is missing");
    let (status, answer) = caller.get(&format!("/v3/export-jobs/{}", seed::COMPANY_ID));
    assert_eq!((status, &answer["type"]), (404, &json!("EXPORT_NOT_FOUND")));
}

#[test]
fn only_what_a_client_could_foresee_breaks_a_rule() {
    let (sandbox, job, _) = with_job(1);
    let caller = Caller::new(&sandbox);
    sandbox.set_job_status(&job, JobStatus::InProgress);
    assert_eq!(caller.send(&job, "started"), 422, "another instance was faster");
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    caller.get(&format!("/v3/export-jobs/{job}"));
    assert_eq!(caller.send(&job, "started"), 422);
    assert_broken(&sandbox, 0, "`started` sent for a job that is in progress");
    let second = sandbox.add_job(Job::default());
    assert_eq!(caller.send(&second, "started"), 422);
    assert_broken(&sandbox, 1, "another job of the company is in progress");
}

#[test]
fn the_oldest_job_comes_first() {
    let sandbox = sandbox();
    let newer = sandbox.add_job(Job::default());
    let older: DateTime<Utc> = "2026-01-01T00:00:00Z".parse().unwrap();
    sandbox.add_job(Job::default().created_at(older));
    assert_eq!(Caller::new(&sandbox).send(&newer, "started"), 202);
    assert_broken(&sandbox, 0, "oldest first");
}

#[test]
fn malformed_updates_are_refused_whole() {
    let (sandbox, job, entries) = with_job(1);
    let caller = Caller::new(&sandbox);
    caller.start(&job);
    let entry = &entries[0];
    for (body, status, rule) in [
        (json!({ "items": [] }), 400, "no bare array"),
        (json!([]), 400, "empty"),
        (json!(vec![successful(entry); 101]), 413, "101 items"),
        (
            json!([{ "accountingEntryId": entry, "status": "successful", "externalUrl": null }]),
            400,
            "is null",
        ),
        (
            json!([{ "accountingEntryId": entry, "status": "successful", "id": 1 }]),
            400,
            "unknown key `id`",
        ),
        (
            json!([{ "accountingEntryId": entry, "status": "done" }]),
            400,
            "unknown item status",
        ),
        (
            json!([{ "accountingEntryId": "1", "status": "successful" }]),
            400,
            "no UUID",
        ),
        (
            json!([{ "accountingEntryId": entry, "status": "failed", "failureReason": "x",
                  "failureReasonType": "job_expired" }]),
            400,
            "unknown value",
        ),
        (
            json!([{ "accountingEntryId": entry, "status": "successful", "exportedAt": "2026-01-01" }]),
            400,
            "date-time",
        ),
    ] {
        let known = sandbox.broken_rules().len();
        assert_eq!(caller.put(&job, &body).0, status, "{body}");
        assert_broken(&sandbox, known, rule);
    }
    assert_eq!(sandbox.job(&job).item(entry).history, [ItemStatus::Pending]);
    let text = caller
        .request("PUT", &format!("/v3/export-jobs/{job}/items"))
        .body("[]")
        .send()
        .unwrap();
    assert_eq!(text.status().as_u16(), 415);
}

#[test]
fn a_final_status_stays() {
    let (sandbox, job, entries) = with_job(2);
    let caller = Caller::new(&sandbox);
    caller.start(&job);
    assert_eq!(caller.put(&job, &json!([successful(&entries[0])])).0, 200);
    let (_, again) = caller.put(&job, &json!([successful(&entries[0])]));
    assert_eq!(again["errors"], json!([]));
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    let (_, changed) = caller.put(&job, &json!([failed(&entries[0])]));
    assert_eq!(
        changed["errors"][0]["type"],
        json!("EXPORT_ENTRY_STATUS_UPDATE_FAILED")
    );
    assert_broken(&sandbox, 0, "failed after it was successful");
    let (_, stranger) = caller.put(&job, &json!([successful(seed::COMPANY_ID)]));
    assert_eq!(
        stranger["errors"][0]["type"],
        json!("ACCOUNTING_ENTRY_DOES_NOT_EXIST")
    );
    let (_, twice) = caller.put(&job, &json!([successful(&entries[1]), successful(&entries[1])]));
    assert_eq!(
        (
            twice["data"].as_array().unwrap().len(),
            twice["errors"].as_array().unwrap().len()
        ),
        (1, 1)
    );
    let mut renamed = successful(&entries[0]);
    renamed["externalId"] = json!("PLEO-2");
    caller.put(&job, &json!([renamed]));
    assert_broken(&sandbox, 3, "another external id");
}

#[test]
fn results_before_everything_is_read_break_a_rule() {
    let (sandbox, job, entries) = with_job(30);
    let caller = Caller::new(&sandbox);
    assert_eq!(caller.put(&job, &json!([successful(&entries[0])])).0, 422);
    assert_broken(&sandbox, 0, "not started");
    caller.send(&job, "started");
    caller.all(&format!("/v3/export-jobs/{job}/items?status=pending"));
    caller.get(&format!("/v3/export-items?job_id={job}"));
    assert_eq!(caller.put(&job, &json!([successful(&entries[0])])).0, 200);
    assert_broken(
        &sandbox,
        1,
        "0 missing of the control layer, 10 of the data layer",
    );
}

#[test]
fn a_job_ends_as_its_items_did() {
    for (results, event, rule) in [
        (vec![successful as fn(&str) -> Value], "completed", "1 open"),
        (vec![successful, failed], "completed", "1 failed"),
        (
            vec![successful, successful],
            "completed_with_errors",
            "2 successful",
        ),
        (vec![failed, failed], "completed_with_errors", "2 failed"),
    ] {
        let (sandbox, job, entries) = with_job(2);
        let caller = Caller::new(&sandbox);
        caller.start(&job);
        let results: Vec<Value> = results
            .iter()
            .zip(&entries)
            .map(|(result, entry)| result(entry))
            .collect();
        caller.put(&job, &json!(results));
        assert_eq!(caller.send(&job, event), 202);
        assert_broken(&sandbox, 0, rule);
        assert_eq!(caller.send(&job, event), 422, "one final event");
        assert_broken(&sandbox, 1, "ended");
    }
}

#[test]
fn a_job_that_nobody_works_on_expires() {
    let (sandbox, job, entries) = with_job(2);
    let caller = Caller::new(&sandbox);
    caller.start(&job);
    sandbox.advance_clock(Duration::from_secs(3000));
    caller.put(&job, &json!([successful(&entries[0])]));
    sandbox.advance_clock(Duration::from_secs(3000));
    assert_eq!(
        sandbox.job(&job).status,
        JobStatus::InProgress,
        "the update counts as an action"
    );
    sandbox.advance_clock(Duration::from_secs(700));
    let state = sandbox.job(&job);
    assert_eq!(
        (state.status, state.failure_reason_type.as_deref()),
        (JobStatus::Failed, Some("job_expired"))
    );
    assert_eq!(state.item(&entries[0]).status, ItemStatus::Successful);
    assert_eq!(state.item(&entries[1]).status, ItemStatus::Abandoned);
    let again = sandbox.add_job(Job::of(vec![Item::card_purchase(12_500).numbered(1).build()]));
    assert_eq!(sandbox.job(&again).item(&entries[1]).status, ItemStatus::Pending);
    let response = caller
        .request("GET", &format!("/v3/export-jobs/{again}"))
        .send()
        .unwrap();
    let date = DateTime::parse_from_rfc2822(response.headers()["date"].to_str().unwrap()).unwrap();
    let ahead = date.to_utc() - DateTime::<Utc>::from(std::time::UNIX_EPOCH);
    assert!(ahead > TimeDelta::seconds(6700), "{date}");
    sandbox.cancel_job(&again);
    assert_eq!(caller.send(&again, "started"), 422);
    assert_eq!(
        sandbox.job(&again).failure_reason_type.as_deref(),
        Some("canceled_by_user")
    );
    assert_eq!(sandbox.broken_rules(), [""; 0]);
}

#[test]
fn receipts_lie_on_another_host_for_a_day() {
    let sandbox = sandbox();
    let address = sandbox.add_receipt(b"a note".to_vec(), "text/plain");
    let item = Item::card_purchase(100)
        .file(&address, "text/plain", 6)
        .receipt("pdf")
        .receipt("png")
        .missing_receipt();
    let job = sandbox.add_job(Job::of(vec![item.build()]));
    let caller = Caller::new(&sandbox);
    let addresses = || -> Vec<String> {
        let (_, page) = caller.get(&format!("/v3/export-items?job_id={job}"));
        let files = page["data"][0]["files"].as_array().unwrap();
        files
            .iter()
            .map(|file| file["url"].as_str().unwrap().to_owned())
            .collect()
    };
    let fetch = |url: &str| caller.http.get(url).send().unwrap();
    let old = addresses();
    assert!(old.iter().all(|url| !url.starts_with(sandbox.url())), "{old:?}");
    assert_eq!(fetch(&old[0]).text().unwrap(), "a note");
    assert!(fetch(&old[1]).bytes().unwrap().starts_with(b"%PDF-1.4"));
    assert!(fetch(&old[2]).bytes().unwrap().starts_with(b"\x89PNG"));
    assert_eq!(fetch(&old[3]).status().as_u16(), 404);
    sandbox.expire_job(&job);
    sandbox.advance_clock(Duration::from_secs(24 * 3600));
    assert_eq!(fetch(&old[0]).status().as_u16(), 403);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    caller.http.get(&old[0]).bearer_auth("secret").send().unwrap();
    assert_broken(&sandbox, 0, "credential was sent to the host of receipts");
}
