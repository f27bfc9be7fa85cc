//! Updates and events: what they say, and when they are said again.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::permit::Withheld;
use crate::model::verdict::{
    Exported, Failure, ItemFailureType, JobFailure, JobFailureType, JobOutcome, Verdict,
};
use crate::pleo::{ExportJobEvent, ItemUpdate, Rejection};

#[test]
fn an_event_is_sent_once_when_it_may_have_arrived() {
    for reply in [
        error(500, "X"),
        error(503, "X"),
        Reply::Raw(""),
        Reply::Raw("HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\n"),
        Reply::Answer(200, "Content-Type: text/html\r\n", "<html>log in</html>".into()),
    ] {
        let server = TestServer::start(vec![reply, Reply::json(202, "")]);
        let error = client(&server)
            .send_event(&permit(), &id(), &ExportJobEvent::Started)
            .unwrap_err();
        assert!(matches!(error, PleoError::LostAnswer { .. }), "{error:?}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn an_event_is_sent_again_when_it_surely_was_not_processed() {
    let busy = Reply::Answer(429, "", String::new());
    let server = TestServer::start(vec![busy, Reply::json(202, "")]);
    client(&server)
        .send_event(&permit(), &id(), &ExportJobEvent::Started)
        .unwrap();
    let body: serde_json::Value = serde_json::from_str(&server.seen()[1].body).unwrap();
    assert_eq!(body, serde_json::json!({"jobId": JOB, "event": "started"}));
    // All is said: nobody listens any more.
    let error = impatient(&server)
        .send_event(&permit(), &id(), &ExportJobEvent::Started)
        .unwrap_err();
    assert!(matches!(error, PleoError::NeverReached { .. }), "{error:?}");
}

#[test]
fn an_event_says_why_the_job_failed() {
    let failure = JobFailure {
        failure_type: JobFailureType::MissingConfiguration,
        reason: "Set the account.".to_owned(),
    };
    let server = TestServer::start(vec![Reply::json(202, "")]);
    client(&server)
        .send_event(
            &permit(),
            &id(),
            &ExportJobEvent::Ended(JobOutcome::Failed(failure)),
        )
        .unwrap();
    let seen = &server.seen()[0];
    assert_eq!(seen.line, "POST /v3/export-job-events");
    assert!(
        seen.headers
            .iter()
            .any(|line| line.starts_with("content-type: application/json"))
    );
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&seen.body).unwrap(),
        serde_json::json!({"jobId": JOB, "event": "failed",
            "failureReasonType": "missing_configuration", "failureReason": "Set the account."})
    );
}

#[test]
fn a_stop_ends_the_waiting_but_not_the_telling() {
    let stop = Stop::new();
    stop.request();
    let server = TestServer::start(vec![Reply::json(202, ""), error(503, "X")]);
    let client = Client::new(settings(&server), stop).unwrap();
    client
        .send_event(&permit(), &id(), &ExportJobEvent::Ended(JobOutcome::Completed))
        .unwrap();
    assert!(matches!(client.job(&id()), Err(PleoError::Stopped(_))));
}

#[test]
fn an_update_says_what_is_known_and_leaves_out_the_rest() {
    let exported = |external_url| {
        Verdict::Successful(Exported {
            external_id: "PLEO-2026-000001".to_owned(),
            external_url,
            exported_at: "2026-10-05T08:00:00.123Z".parse().unwrap(),
        })
    };
    let failure = Failure::booked_as("X", ItemFailureType::ValidationFailure, &"å".repeat(2000));
    let updates = [
        ItemUpdate::InProgress(entry("a")),
        ItemUpdate::Final(entry("b"), exported(None)),
        ItemUpdate::Final(entry("c"), exported(Some("https://books.example/1".to_owned()))),
        ItemUpdate::Final(entry("d"), Verdict::Failed(failure)),
    ];
    let refusal = r#"{"accountingEntryId":"d","type":"ACCOUNTING_ENTRY_UPDATE_FAILED","message":"no\u001b"}"#;
    let server = TestServer::start(vec![Reply::json(
        200,
        format!(r#"{{"data":[],"errors":[{refusal}]}}"#),
    )]);
    let answer = client(&server).update_items(&permit(), &id(), &updates).unwrap();
    let rejected = Rejection {
        entry_id: entry("d"),
        error_type: "ACCOUNTING_ENTRY_UPDATE_FAILED".to_owned(),
        message: "no".to_owned(),
    };
    assert_eq!(answer.rejected, [rejected]);
    let seen = &server.seen()[0];
    assert_eq!(seen.line, format!("PUT /v3/export-jobs/{JOB}/items"));
    let mut body: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    let reason = body[3]["failureReason"].take();
    let reason = reason.as_str().unwrap();
    assert_eq!(reason.chars().count(), 1000);
    assert!(
        reason.starts_with("Booked as X: åå") && reason.ends_with('…'),
        "{reason}"
    );
    assert_eq!(
        body,
        serde_json::json!([
            {"accountingEntryId": "a", "status": "in_progress"},
            {"accountingEntryId": "b", "status": "successful", "externalId": "PLEO-2026-000001",
             "exportedAt": "2026-10-05T08:00:00Z"},
            {"accountingEntryId": "c", "status": "successful", "externalId": "PLEO-2026-000001",
             "externalUrl": "https://books.example/1", "exportedAt": "2026-10-05T08:00:00Z"},
            {"accountingEntryId": "d", "status": "failed", "failureReasonType": "validation_failure",
             "failureReason": null},
        ])
    );
}

#[test]
fn an_update_of_more_than_a_hundred_goes_in_parts() {
    let updates: Vec<ItemUpdate> = (0..101)
        .map(|n| ItemUpdate::InProgress(entry(&n.to_string())))
        .collect();
    let accepted = || Reply::json(200, r#"{"data":[],"errors":[]}"#);
    let server = TestServer::start(vec![accepted(), accepted()]);
    client(&server).update_items(&permit(), &id(), &updates).unwrap();
    let sizes: Vec<usize> = server
        .seen()
        .iter()
        .map(|seen| {
            serde_json::from_str::<Vec<serde_json::Value>>(&seen.body)
                .unwrap()
                .len()
        })
        .collect();
    assert_eq!(sizes, [100, 1]);
}

#[test]
fn a_permit_is_asked_for_before_each_try() {
    let server = TestServer::start(vec![error(503, "X"), Reply::json(200, "{}")]);
    let asked = AtomicUsize::new(0);
    let once = Permit::given_by(move || match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Ok(()),
        _ => Err(Withheld::Changed("it was taken over".to_owned())),
    });
    let update = [ItemUpdate::InProgress(AccountingEntryId::new("a"))];
    let error = client(&server).update_items(&once, &id(), &update).unwrap_err();
    assert!(matches!(error, PleoError::Withheld(_)), "{error:?}");
    assert_eq!(server.seen().len(), 1);

    let server = TestServer::start(vec![Reply::json(202, "")]);
    let never = Permit::given_by(|| Err(Withheld::Changed("it was taken over".to_owned())));
    let error = client(&server)
        .send_event(&never, &id(), &ExportJobEvent::Started)
        .unwrap_err();
    assert!(error.to_string().starts_with("nothing was written: "), "{error}");
    assert_eq!(server.seen().len(), 0);
}
