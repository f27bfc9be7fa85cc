//! The client against a server that really listens: what it sends, and what it makes of every answer.

use std::time::Duration;

use secrecy::SecretString;

use self::server::{Reply, TestServer};
use super::{Client, Credential, KeyPlace, PleoError, Settings};
use crate::host::stop::Stop;
use crate::model::ids::{AccountingEntryId, CompanyId, JobId};
use crate::model::permit::Permit;

mod failing;
mod oauth;
mod reading;
mod server;
mod telling;

const COMPANY: &str = "11111111-1111-4111-8111-111111111111";
const OTHER_COMPANY: &str = "99999999-9999-4999-8999-999999999999";
const JOB: &str = "22222222-2222-4222-8222-222222222222";
const SECRET: &str = "sk-top-secret";

fn settings(server: &TestServer) -> Settings {
    Settings {
        base_url: server.url(),
        company_id: CompanyId::new(COMPANY),
        credential: Credential::ApiKey(SecretString::from(SECRET), KeyPlace::Variable),
        request_timeout: Duration::from_secs(20),
        give_up_after: Duration::from_secs(20),
        requests_per_minute: 0,
        throttle: None,
    }
}

/// Nobody but this process is at work.
fn permit() -> Permit {
    Permit::given_by(|| Ok(()))
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
