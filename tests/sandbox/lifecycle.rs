//! The life of a job: start, updates, end, expiry, and the rules that each keeps.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Event, ItemStatus, Job, JobStatus};
use crate::{Caller, assert_broken, failed, sandbox, successful, with_job};

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
    sandbox.advance_clock(Duration::from_mins(50));
    caller.put(&job, &json!([successful(&entries[0])]));
    sandbox.advance_clock(Duration::from_mins(50));
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
    sandbox.cancel_job(&again);
    assert_eq!(caller.send(&again, "started"), 422);
    assert_eq!(
        sandbox.job(&again).failure_reason_type.as_deref(),
        Some("canceled_by_user")
    );
    assert_eq!(sandbox.broken_rules(), [""; 0]);
}
