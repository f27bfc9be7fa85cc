//! The client against a server that really listens: what it sends, and what it makes of every answer.

use std::time::Duration;

use secrecy::SecretString;

use super::test_server::{Reply, TestServer};
use super::{Client, Credential, ItemUpdate, JobEvent, PleoError, Refusal, Settings};
use crate::host::stop::Stop;
use crate::model::export_job::{ItemStatus, JobStatus};
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::verdict::{Exported, Failure, ItemFailureType, JobFailure, JobFailureType, Verdict};

const COMPANY: &str = "11111111-1111-4111-8111-111111111111";
const OTHER_COMPANY: &str = "99999999-9999-4999-8999-999999999999";
const JOB: &str = "22222222-2222-4222-8222-222222222222";
const SECRET: &str = "sk-top-secret";

fn settings(server: &TestServer) -> Settings {
    Settings {
        base_url: server.url(),
        company_id: CompanyId::new(COMPANY),
        credential: Credential::ApiKey(SecretString::from(SECRET)),
        request_timeout: Duration::from_secs(20),
        give_up_after: Duration::from_secs(20),
    }
}

fn client(server: &TestServer) -> Client {
    Client::new(settings(server), Stop::new()).unwrap()
}

/// Has no patience, so the first failure that may be tried again is the last.
fn impatient(server: &TestServer) -> Client {
    let settings = Settings {
        give_up_after: Duration::ZERO,
        ..settings(server)
    };
    Client::new(settings, Stop::new()).unwrap()
}

fn id() -> JobId {
    JobId::new(JOB)
}

fn entry(name: &str) -> AccountingEntryId {
    AccountingEntryId::new(name)
}

fn job_json(id: &str, company: &str) -> String {
    format!(
        r#"{{"id":"{id}","companyId":"{company}","status":"pending","createdAt":"2026-10-05T08:00:00Z",
            "expiresIn":3600,"numberOfItems":2,"vendorBasedBookkeeping":true,"isInteractive":true,
            "startedAt":null,"lastUpdatedAt":"2026-10-05T08:00:01.5Z","failureReasonType":null,"new":[1]}}"#
    )
}

fn page(elements: &[&str], next: Option<&str>) -> Reply {
    let pagination = match next {
        Some(cursor) => format!(r#"{{"hasNextPage":true,"endCursor":"{cursor}"}}"#),
        None => r#"{"hasNextPage":false,"endCursor":null}"#.to_owned(),
    };
    let elements = elements.join(",");
    Reply::json(
        200,
        format!(r#"{{"data":[{elements}],"pagination":{pagination}}}"#),
    )
}

fn error(status: u16, error_type: &str) -> Reply {
    Reply::json(
        status,
        format!(r#"{{"type":"{error_type}","message":"words of Pleo"}}"#),
    )
}

#[test]
fn lists_the_jobs_of_our_company_from_all_pages() {
    let server = TestServer::start(vec![
        page(
            &[&job_json(JOB, COMPANY), &job_json("x", OTHER_COMPANY)],
            Some("AB=~2"),
        ),
        page(&[&job_json("third", &COMPANY.to_uppercase())], None),
    ]);
    let jobs = client(&server)
        .list_jobs(&[JobStatus::Pending, JobStatus::InProgress])
        .unwrap();
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, [JOB, "third"]);
    assert_eq!(jobs[0].status, JobStatus::Pending);
    assert_eq!(jobs[0].expires_in_seconds, 3600);
    assert!(jobs[0].vendor_based_bookkeeping);
    let query = format!("company_id={COMPANY}&statuses=pending&statuses=in_progress&limit=100");
    assert_eq!(
        server.lines(),
        [
            format!("GET /v3/export-jobs?{query}"),
            format!("GET /v3/export-jobs?{query}&after=AB%3D%7E2"),
        ]
    );
}

#[test]
fn the_credential_travels_as_pleo_wants_it() {
    let bearer = Credential::AccessToken(SecretString::from(SECRET));
    for (credential, expected) in [
        (
            settings(&TestServer::start(vec![])).credential,
            "authorization: basic c2stdg9wlxnly3jlddo=",
        ),
        (bearer, "authorization: bearer sk-top-secret"),
    ] {
        let server = TestServer::start(vec![page(&[], None)]);
        let settings = Settings {
            credential,
            ..settings(&server)
        };
        let client = Client::new(settings, Stop::new()).unwrap();
        client.list_jobs(&[]).unwrap();
        assert!(
            server.seen()[0].headers.iter().any(|line| line == expected),
            "{:?}",
            server.seen()
        );
        assert!(!format!("{client:?}").contains(SECRET));
    }
}

#[test]
fn a_base_path_stays_in_front() {
    let body = format!(r#"{{"data":{}}}"#, job_json(JOB, OTHER_COMPANY));
    let server = TestServer::start(vec![Reply::json(200, body)]);
    let base_url = server.url().join("proxy/").unwrap();
    let client = Client::new(
        Settings {
            base_url,
            ..settings(&server)
        },
        Stop::new(),
    )
    .unwrap();
    assert_eq!(client.job(&id()).unwrap().company_id.as_str(), OTHER_COMPANY);
    assert_eq!(server.lines(), [format!("GET /proxy/v3/export-jobs/{JOB}")]);
}

#[test]
fn settings_that_would_give_the_credential_away_are_refused() {
    let server = TestServer::start(vec![]);
    let with_url = |url: &str| Settings {
        base_url: url.parse().unwrap(),
        ..settings(&server)
    };
    for url in [
        "https://external.pleo.io",
        "http://localhost:1",
        "http://127.0.0.9",
        "http://[::1]:80/x/",
    ] {
        Client::new(with_url(url), Stop::new()).unwrap();
    }
    for url in [
        "http://external.pleo.io",
        "http://127.0.0.1.evil.example",
        "ftp://localhost",
        "data:x",
        "https://user@external.pleo.io",
        "https://external.pleo.io/?key=1",
    ] {
        let error = Client::new(with_url(url), Stop::new()).unwrap_err();
        assert!(
            matches!(&error, PleoError::Settings { problem } if problem.contains("pleo.base_url")),
            "{error}"
        );
    }
    for secret in ["", "top secret", "topsecret\n"] {
        let credential = Credential::AccessToken(SecretString::from(secret));
        let error = Client::new(
            Settings {
                credential,
                ..settings(&server)
            },
            Stop::new(),
        )
        .unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn each_refusal_is_an_error_of_its_own() {
    let kind = |reply: Reply| {
        let server = TestServer::start(vec![reply]);
        let error = client(&server).job(&id()).unwrap_err();
        assert_eq!(server.seen().len(), 1, "no second try after {error}");
        error
    };
    assert!(matches!(kind(error(401, "X")), PleoError::CredentialRefused { answer } if answer.status == 401));
    assert!(matches!(kind(error(403, "X")), PleoError::CredentialRefused { answer } if answer.status == 403));
    assert!(matches!(
        kind(error(404, "EXPORT_NOT_FOUND")),
        PleoError::NotFound { .. }
    ));
    assert!(matches!(
        kind(Reply::Answer(404, "", "<html>".into())),
        PleoError::NotFound { .. }
    ));
    assert!(matches!(kind(error(404, "OTHER")), PleoError::Refused { .. }));
    let finished = kind(error(422, "EXPORT_JOB_STATUS_UNPROCESSABLE"));
    assert!(matches!(finished, PleoError::JobFinished { .. }));
    let conflict = kind(error(422, "INVALID_EXPORT_JOB_STATUS_CHANGE"));
    assert!(matches!(conflict, PleoError::StatusConflict { .. }));
    for spelling in ["MISSING_CONTRA_ACCOUNTS", "missing_contra_accounts"] {
        let missing = kind(error(400, spelling));
        assert!(
            matches!(missing, PleoError::MissingContraAccounts { message, .. } if message == "words of Pleo")
        );
    }
    let refused = kind(error(413, "EXPORT_JOB_ITEMS_UPDATE_LIMIT"));
    assert!(
        matches!(refused, PleoError::Refused { answer } if answer.message.as_deref() == Some("words of Pleo"))
    );
    assert!(matches!(
        kind(error(520, "X")),
        PleoError::OutOfReach { tries: 1, .. }
    ));
}

#[test]
fn what_is_outside_of_the_contract_is_said_so() {
    for (reply, problem) in [
        (
            Reply::json(200, format!(r#"{{"data":{}}}"#, job_json("x", COMPANY))),
            "`data.id` is another job",
        ),
        (
            Reply::json(200, r#"{"data":{"id":"x"}}"#),
            "`companyId` is missing",
        ),
        (Reply::json(200, "[]"), "the whole is [], not an object"),
        (Reply::json(204, ""), "status 204"),
        (Reply::Endless(1024 * 1024), "larger than 67108864 bytes"),
    ] {
        let server = TestServer::start(vec![reply]);
        let error = client(&server).job(&id()).unwrap_err();
        assert!(matches!(error, PleoError::Contract { .. }), "{error:?}");
        assert!(error.to_string().contains(problem), "{error}");
    }
}

#[test]
fn reading_goes_on_after_everything_that_passes() {
    let whole = format!(r#"{{"data":{}}}"#, job_json(JOB, COMPANY));
    for failure in [
        error(503, "X"),
        Reply::Answer(429, "Retry-After: 0\r\n", String::new()),
        Reply::Raw(""),
        Reply::Raw("HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{\"data\":"),
        Reply::Answer(
            200,
            "Content-Type: text/html\r\n",
            "<html>maintenance</html>".into(),
        ),
        Reply::json(200, r#"{"data":{"id":"#),
    ] {
        let server = TestServer::start(vec![failure, Reply::json(200, whole.as_str())]);
        assert_eq!(client(&server).job(&id()).unwrap().id, id());
        assert_eq!(server.seen().len(), 2);
    }
}

#[test]
fn reading_gives_up_when_the_patience_is_over() {
    let server = TestServer::start(vec![error(503, "BUSY")]);
    let gone = impatient(&server).job(&id()).unwrap_err();
    assert_eq!(
        gone.to_string(),
        format!(
            "`GET /v3/export-jobs/{JOB}` got no good answer in 1 tries: answered 503 BUSY (\"words of Pleo\"); \
             run again later"
        )
    );
    let html = TestServer::start(vec![Reply::Answer(
        200,
        "Content-Type: text/html\r\n",
        "<html>".into(),
    )]);
    let error = impatient(&html).job(&id()).unwrap_err();
    assert!(
        matches!(&error, PleoError::Contract { problem, .. } if problem.contains("not JSON (text/html)"))
    );
}

#[test]
fn slow_answers_are_cut_off() {
    for reply in [Reply::Silence, Reply::Endless(1)] {
        let server = TestServer::start(vec![reply]);
        let settings = Settings {
            request_timeout: Duration::from_millis(200),
            give_up_after: Duration::ZERO,
            ..settings(&server)
        };
        let error = Client::new(settings, Stop::new())
            .unwrap()
            .job(&id())
            .unwrap_err();
        assert!(
            matches!(&error, PleoError::OutOfReach { cause, .. } if cause.contains("timeout_seconds")),
            "{error}"
        );
    }
}

#[test]
fn a_wait_beyond_the_patience_is_not_waited() {
    let reply = Reply::Answer(429, "Retry-After: 3600\r\n", String::new());
    let server = TestServer::start(vec![reply]);
    let error = client(&server).job(&id()).unwrap_err();
    assert!(matches!(error, PleoError::OutOfReach { tries: 1, .. }));
    assert!(error.to_string().contains("Pleo asks to wait 3600 s"), "{error}");
}

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
        let error = client(&server).send_event(&id(), &JobEvent::Started).unwrap_err();
        assert!(matches!(error, PleoError::LostAnswer { .. }), "{error:?}");
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn an_event_is_sent_again_when_it_surely_was_not_processed() {
    let busy = Reply::Answer(429, "", String::new());
    let server = TestServer::start(vec![busy, Reply::json(202, "")]);
    client(&server).send_event(&id(), &JobEvent::Started).unwrap();
    let body: serde_json::Value = serde_json::from_str(&server.seen()[1].body).unwrap();
    assert_eq!(body, serde_json::json!({"jobId": JOB, "event": "started"}));
    // All is said: nobody listens any more.
    let error = impatient(&server)
        .send_event(&id(), &JobEvent::Started)
        .unwrap_err();
    assert!(matches!(error, PleoError::OutOfReach { .. }), "{error:?}");
}

#[test]
fn an_event_says_why_the_job_failed() {
    let failure = JobFailure {
        failure_type: JobFailureType::MissingConfiguration,
        reason: "Set the account.".to_owned(),
    };
    let server = TestServer::start(vec![Reply::json(202, "")]);
    client(&server)
        .send_event(&id(), &JobEvent::Failed(failure))
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
fn a_redirect_is_not_followed() {
    let server = TestServer::start(vec![Reply::Answer(
        307,
        "Location: https://elsewhere.example/login?x=1\r\n",
        String::new(),
    )]);
    let error = client(&server).list_jobs(&[JobStatus::Pending]).unwrap_err();
    assert!(matches!(error, PleoError::Contract { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("`elsewhere.example`"), "{text}");
    assert!(
        text.contains("`GET /v3/export-jobs`") && !text.contains("company_id"),
        "{text}"
    );
}

#[test]
fn a_stop_ends_the_waiting_but_not_the_telling() {
    let stop = Stop::new();
    stop.request();
    let server = TestServer::start(vec![Reply::json(202, ""), error(503, "X")]);
    let client = Client::new(settings(&server), stop).unwrap();
    client.send_event(&id(), &JobEvent::Completed).unwrap();
    assert!(matches!(client.job(&id()), Err(PleoError::Stopped(_))));
}

#[test]
fn the_control_layer_is_read_page_by_page() {
    let server = TestServer::start(vec![
        page(
            &[r#"{"accountingEntryId":"a","status":"in_progress","failureReasonType":null}"#],
            Some("A"),
        ),
        page(
            &[
                r#"{"accountingEntryId":"b","status":null}"#,
                r#"{"accountingEntryId":"c","status":"new word"}"#,
            ],
            None,
        ),
    ]);
    let mut pages = Vec::new();
    let read: Result<(), PleoError> = client(&server).control_layer(&id(), |page| {
        pages.push(
            page.into_iter()
                .map(|item| (item.entry_id, item.status))
                .collect::<Vec<_>>(),
        );
        Ok(())
    });
    read.unwrap();
    assert_eq!(
        pages,
        [
            vec![(entry("a"), ItemStatus::InProgress)],
            vec![
                (entry("b"), ItemStatus::Pending),
                (entry("c"), ItemStatus::Pending)
            ],
        ]
    );
    assert_eq!(
        server.lines()[0],
        format!("GET /v3/export-jobs/{JOB}/items?limit=100")
    );
}

#[test]
fn a_list_that_turns_in_a_circle_is_an_error() {
    let element = r#"{"accountingEntryId":"a"}"#;
    let server = TestServer::start(vec![page(&[element], Some("A")), page(&[element], Some("A"))]);
    let read: Result<(), PleoError> = client(&server).control_layer(&id(), |_| Ok(()));
    assert!(matches!(read, Err(PleoError::Contract { .. })), "{read:?}");
}

#[test]
fn the_data_layer_is_handed_on_as_received() {
    let odd = r#"{"accountingEntryId" : "a", "amount": 89696.0, "note":"ø\u00f8"}"#;
    let server = TestServer::start(vec![page(&[odd, "7", r#"{"accountingEntryId":5}"#], None)]);
    let mut items = Vec::new();
    let read: Result<(), PleoError> = client(&server).data_layer(&id(), |page| {
        items.extend(page.into_iter().map(|item| (item.entry_id, item.payload)));
        Ok(())
    });
    read.unwrap();
    let received = |text: &str| text.to_owned();
    assert_eq!(
        items,
        [
            (Some(entry("a")), received(odd)),
            (None, received("7")),
            (None, received(r#"{"accountingEntryId":5}"#)),
        ]
    );
    assert_eq!(
        server.lines(),
        [format!("GET /v3/export-items?job_id={JOB}&limit=100")]
    );
}

#[test]
fn an_error_of_the_reader_ends_the_reading() {
    #[derive(Debug)]
    struct Full;
    impl From<PleoError> for Full {
        fn from(error: PleoError) -> Self {
            panic!("{error}")
        }
    }
    let server = TestServer::start(vec![page(&[], Some("A")), page(&[], None)]);
    let read = client(&server).data_layer(&id(), |_| Err(Full));
    assert!(matches!(read, Err(Full)));
    assert_eq!(server.seen().len(), 1);
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
    let answer = client(&server).update_items(&id(), &updates).unwrap();
    let refused = Refusal {
        entry_id: entry("d"),
        error_type: "ACCOUNTING_ENTRY_UPDATE_FAILED".to_owned(),
        message: "no\\u{1b}".to_owned(),
    };
    assert_eq!(answer.refused, [refused]);
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
    client(&server).update_items(&id(), &updates).unwrap();
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
fn pleos_clock_is_remembered() {
    let reply = Reply::Answer(202, "Date: Mon, 05 Oct 2026 08:49:37 GMT\r\n", String::new());
    let server = TestServer::start(vec![reply]);
    let client = client(&server);
    assert!(client.server_time().is_none());
    client.send_event(&id(), &JobEvent::Started).unwrap();
    let time = client.server_time().unwrap();
    assert_eq!(time.at.to_rfc3339(), "2026-10-05T08:49:37+00:00");
}
