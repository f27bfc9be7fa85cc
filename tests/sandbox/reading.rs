//! What only reads: credentials, queries, pages, receipts, and the clock.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use reqwest::blocking::RequestBuilder;
use serde_json::json;

use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Job, Options, Sandbox};
use crate::{Caller, assert_broken, read, sandbox, with_job};

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
    sandbox.advance_clock(Duration::from_hours(24));
    assert_eq!(fetch(&old[0]).status().as_u16(), 403);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    caller.http.get(&old[0]).bearer_auth("secret").send().unwrap();
    assert_broken(&sandbox, 0, "credential was sent to the host of receipts");
}

#[test]
fn every_answer_carries_the_time_of_the_servers_clock() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    let date = || {
        let response = caller.request("GET", "/v3/nowhere").send().unwrap();
        DateTime::parse_from_rfc2822(response.headers()["date"].to_str().unwrap()).unwrap()
    };
    let before = date();
    sandbox.advance_clock(Duration::from_hours(24));
    assert!(date() - before >= TimeDelta::days(1));
}
