//! What the client sends and reads when all is well, and what it will not send.

use super::*;
use crate::model::export_job::{ItemStatus, JobStatus};
use crate::pleo::ExportJobEvent;
use crate::pleo::request::Request;
use crate::pleo::transport::Transport;

const OTHER: &str = "7e57c0de-0000-4000-8000-0000000000f2";
const THIRD: &str = "7e57c0de-0000-4000-8000-0000000000f3";

#[test]
fn lists_the_jobs_of_our_company_from_all_pages() {
    let server = TestServer::start(vec![
        page(
            &[&job_json(JOB, COMPANY), &job_json(OTHER, OTHER_COMPANY)],
            Some("AB=~2"),
        ),
        page(
            &[
                &job_json(THIRD, &COMPANY.to_uppercase()),
                &job_json("../x", COMPANY),
            ],
            None,
        ),
    ]);
    let jobs = client(&server)
        .list_jobs(&[JobStatus::Pending, JobStatus::InProgress])
        .unwrap();
    let ids: Vec<&str> = jobs.iter().map(|job| job.id.as_str()).collect();
    assert_eq!(ids, [JOB, THIRD], "what cannot be asked for is left aside");
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
    let base_url = format!("{}/proxy/", server.url()).parse().unwrap();
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
fn a_credential_that_cannot_be_sent_is_refused() {
    let server = TestServer::start(vec![]);
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
fn a_redirect_is_not_followed() {
    let server = TestServer::start(vec![Reply::Answer(
        307,
        "Location: https://elsewhere.example/login?x=1\r\n",
        String::new(),
    )]);
    let client = client(&server);
    let error = client.list_jobs(&[JobStatus::Pending]).unwrap_err();
    assert!(matches!(error, PleoError::NeverReached { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("`elsewhere.example`"), "{text}");
    assert!(
        text.contains("`GET /v3/export-jobs`") && !text.contains("company_id"),
        "{text}"
    );
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
    let read: Result<u64, PleoError> = client(&server).control_layer(&id(), |page| {
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
    let read: Result<u64, PleoError> = client(&server).control_layer(&id(), |_| Ok(()));
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
fn pleos_clock_is_remembered() {
    let reply = Reply::Answer(202, "Date: Mon, 05 Oct 2026 08:49:37 GMT\r\n", String::new());
    let server = TestServer::start(vec![reply]);
    let client = client(&server);
    assert!(client.server_time().is_none());
    client
        .send_event(&permit(), &id(), &ExportJobEvent::Started)
        .unwrap();
    let time = client.server_time().unwrap();
    assert_eq!(time.at.to_rfc3339(), "2026-10-05T08:49:37+00:00");
}

#[test]
fn what_is_read_past_may_take_longer_than_a_request() {
    let body = r#"{"data":[{"accountingEntryId":"a","note":"large"}],"pagination":{"hasNextPage":false}}"#;
    let request_timeout = Duration::from_secs(3);
    let pause = request_timeout / 8;
    let server = TestServer::start(vec![Reply::Slow(body.to_owned(), 10, pause)]);
    let settings = Settings {
        request_timeout,
        ..settings(&server)
    };
    let transport = Transport::new(settings, Stop::new()).unwrap();
    let (skimmed, _) = transport
        .skim(&Request::reading(&["v3", "export-items"], &[]))
        .unwrap();
    assert_eq!(skimmed.data.len(), 1);
}
