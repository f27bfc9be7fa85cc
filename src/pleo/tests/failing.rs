//! Answers that are no success, and answers that do not come.

use std::sync::{Arc, Mutex};

use super::*;
use crate::pleo::Throttle;

#[test]
fn each_refusal_is_an_error_of_its_own() {
    let kind = |reply: Reply| {
        let server = TestServer::start(vec![reply]);
        let error = client(&server).job(&id()).unwrap_err();
        assert_eq!(server.seen().len(), 1, "no second try after {error}");
        error
    };
    assert!(
        matches!(kind(error(401, "X")), PleoError::CredentialRejected { answer, .. } if answer.status == 401)
    );
    assert!(
        matches!(kind(error(403, "X")), PleoError::CredentialRejected { answer, .. } if answer.status == 403)
    );
    assert!(matches!(
        kind(error(404, "EXPORT_NOT_FOUND")),
        PleoError::NotFound { .. }
    ));
    assert!(matches!(
        kind(Reply::Answer(404, "", String::new())),
        PleoError::NotFound { .. }
    ));
    assert!(matches!(
        kind(Reply::Answer(404, "", "<html>".into())),
        PleoError::NeverReached { .. }
    ));
    assert!(matches!(kind(error(404, "OTHER")), PleoError::Rejected { .. }));
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
        matches!(refused, PleoError::Rejected { answer } if answer.message.as_deref() == Some("words of Pleo"))
    );
    assert!(matches!(
        kind(error(501, "X")),
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
            "`data.companyId` is missing",
        ),
        (Reply::json(200, "[]"), "what was received is [], not an object"),
        (Reply::json(204, ""), "status 204"),
        (Reply::Endless(1024 * 1024), "larger than 67108864 bytes"),
    ] {
        let server = TestServer::start(vec![reply]);
        let error = client(&server).job(&id()).unwrap_err();
        assert!(
            matches!(error, PleoError::Contract { .. } | PleoError::TooLarge { .. }),
            "{error:?}"
        );
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
            "`GET /v3/export-jobs/{JOB}` got no good answer (tries: 1): answered 503 BUSY (\"words of Pleo\")"
        )
    );
    let page = || Reply::Answer(200, "Content-Type: text/html\r\n", "<html>".into());
    let html = TestServer::start(vec![page(), page()]);
    let client = impatient(&html);
    let error = client.job(&id()).unwrap_err();
    assert!(
        matches!(&error, PleoError::NeverReached { cause, .. } if cause.contains("not JSON (text/html)"))
    );
    client.answered_before();
    let error = client.job(&id()).unwrap_err();
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
            throttle: None,
            ..settings(&server)
        };
        let client = Client::new(settings, Stop::new()).unwrap();
        client.answered_before();
        let error = client.job(&id()).unwrap_err();
        assert!(
            matches!(&error, PleoError::OutOfReach { cause, .. } if cause.contains("timeout_seconds")),
            "{error}"
        );
    }
}

/// What was told to other hosts.
#[derive(Debug, Default)]
struct Told(Mutex<Vec<Duration>>);

impl Throttle for Told {
    fn remaining(&self, _: &str) -> Duration {
        Duration::ZERO
    }

    fn limited(&self, _: &str, wait: Duration) {
        self.0.lock().unwrap().push(wait);
    }
}

#[test]
fn a_limit_is_told_to_other_hosts_whether_or_not_there_is_another_try() {
    for is_asked_once in [false, true] {
        let reply = Reply::Answer(429, "Retry-After: 3600\r\n", String::new());
        let server = TestServer::start(vec![reply]);
        let told = Arc::new(Told::default());
        let settings = Settings {
            throttle: Some(Arc::clone(&told) as Arc<dyn Throttle>),
            ..settings(&server)
        };
        let client = Client::new(settings, Stop::new()).unwrap();
        let asked = if is_asked_once {
            client.job_now(&id())
        } else {
            client.job(&id())
        };
        assert!(matches!(asked, Err(PleoError::OutOfReach { .. })));
        assert_eq!(*told.0.lock().unwrap(), [Duration::from_secs(3600)]);
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
