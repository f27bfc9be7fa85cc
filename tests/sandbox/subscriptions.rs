//! Subscriptions and what is delivered to them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::sandbox::{Job, JobStatus, Manner, sign};
use crate::{Caller, assert_broken, read, sandbox};

impl Caller<'_> {
    fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        read(self.request(method, path).json(body).send().unwrap())
    }
}

fn wish(url: &str) -> Value {
    json!({ "endpointUrl": url, "eventTypes": ["v1.export-job.created"] })
}

#[test]
fn a_subscription_lives_as_the_contract_says() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    let (status, made) = caller.ask("POST", "/v1/subscriptions", &wish("https://example.com/a"));
    assert_eq!((status, &made["data"]["status"]), (200, &json!("ACTIVE")));
    let path = format!("/v1/subscriptions/{}", made["data"]["id"].as_str().unwrap());
    assert_eq!(caller.get(&path), (200, made.clone()));
    let (_, secret) = caller.get(&format!("{path}/secret"));
    assert!(
        secret["data"]["secretKey"]
            .as_str()
            .unwrap()
            .starts_with("whsec_")
    );
    assert_eq!(
        caller.all("/v1/subscriptions?status=ACTIVE&event_types=v1.export-job.created")[0],
        made["data"]
    );
    let mut changed = wish("https://example.com/b");
    changed["status"] = json!("INACTIVE");
    changed["customHeaders"] = json!({ "x-token": "1" });
    let (status, changed) = caller.ask("PUT", &path, &changed);
    assert_eq!(
        (status, &changed["data"]["customHeaders"]["x-token"]),
        (200, &json!("1"))
    );
    assert!(caller.all("/v1/subscriptions?status=ACTIVE").is_empty());
    let activities = caller.all(&format!("{path}/activities?operation_types=UPDATE"));
    assert_eq!(activities[0]["operationType"], "UPDATE");
    assert_eq!(caller.request("DELETE", &path).send().unwrap().status(), 204);
    for path in [path.clone(), format!("{path}/secret")] {
        assert_eq!(caller.get(&path).0, 404);
    }
    assert!(caller.all("/v1/subscriptions").is_empty());
    assert_eq!(sandbox.broken_rules(), [""; 0]);
}

#[test]
fn what_the_contract_does_not_know_is_refused_and_recorded() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    let with = |key: &str, value: Value| {
        let mut wish = wish("https://example.com");
        wish[key] = value;
        wish
    };
    for (number, (body, rule)) in [
        (with("endpointUrl", json!("http://example.com")), "not https"),
        (with("eventTypes", json!("v1.export-job.created")), "no list"),
        (with("eventTypes", json!([])), "other events"),
        (
            with("eventTypes", json!(["v1.export.job-created"])),
            "other events",
        ),
        (
            with("eventTypes", json!(["v1.vendor.created", "v1.vendor.created"])),
            "twice",
        ),
        (with("status", json!("PAUSED")), "unknown value"),
        (with("secret", json!("mine")), "unknown key"),
        (with("customHeaders", json!({ "a": 1 })), "no object of texts"),
        (with("endpointAuth", json!({ "type": "DIGEST" })), "unknown value"),
        (with("status", Value::Null), "is null"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(caller.ask("POST", "/v1/subscriptions", &body).0, 400, "{body}");
        assert_broken(&sandbox, number, rule);
    }
    assert_eq!(caller.get("/v1/subscriptions/1").0, 400);
    assert_eq!(caller.get("/v1/subscriptions?active=true").0, 400);
    assert_eq!(caller.ask("PATCH", "/v1/subscriptions", &json!({})).0, 405);
    let unauthorized = caller.anonymous("GET", "/v1/subscriptions").send().unwrap();
    assert_eq!(unauthorized.status(), 401);
    assert!(sandbox.subscriptions().is_empty());
}

/// An endpoint that takes deliveries and hands on their text.
fn endpoint() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (mut stream, mut text) = (stream, Vec::new());
            let mut buffer = [0; 4096];
            while !text.ends_with(b"}") {
                let read = stream.read(&mut buffer).unwrap();
                text.extend_from_slice(&buffer[..read]);
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
            if sender.send(String::from_utf8(text).unwrap()).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

#[test]
fn a_new_job_is_delivered_in_the_manner_that_was_asked_for() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    let (url, deliveries) = endpoint();
    assert_eq!(caller.ask("POST", "/v1/subscriptions", &wish(&url)).0, 200);
    let secret = sandbox.subscriptions()[0].1.clone();
    let next = || deliveries.recv_timeout(Duration::from_secs(30)).unwrap();
    for manner in [
        Manner::Never,
        Manner::Proper,
        Manner::Twice,
        Manner::Wrapped,
        Manner::TwoSignatures,
        Manner::WrongSignature,
        Manner::OldTimestamp,
    ] {
        sandbox.deliver(manner);
        let job = sandbox.add_job(Job::default());
        if manner == Manner::Never {
            continue;
        }
        let text = next();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| {
            let line = head.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_once(": ").unwrap().1.to_owned()
        };
        let timestamp: i64 = header("webhook-timestamp").parse().unwrap();
        let right = sign(&secret, &header("webhook-id"), timestamp, body.as_bytes());
        let is_signed = header("webhook-signature").split(' ').any(|entry| entry == right);
        assert_eq!(is_signed, manner != Manner::WrongSignature, "{manner:?}");
        let body: Value = serde_json::from_str(body).unwrap();
        let event = if manner == Manner::Wrapped {
            &body["payload"]
        } else {
            &body
        };
        assert_eq!(event["eventType"], "v1.export-job.created");
        assert_eq!(
            (&event["data"]["id"], &event["data"]["status"]),
            (&json!(job), &json!("pending"))
        );
        if manner == Manner::Twice {
            assert_eq!(next(), text);
        }
    }
    sandbox.deliver(Manner::Proper);
    sandbox.add_job(Job::default().status(JobStatus::InProgress));
    let last = sandbox.add_job(Job::default());
    assert!(next().contains(&last), "a job that is taken already is no news");
}
