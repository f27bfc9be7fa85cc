//! What Pleo sends by itself: the event that an export job was created, signed with the subscription's secret, over a plain
//! connection to this machine.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use axum::http::Uri;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

use super::codec::{BASE64, decode, encode};
use super::control::Control;
use super::states::JobStatus;
use super::wire;
use super::world::{News, World, random_uuid};

const EVENT: &str = "v1.export-job.created";

/// How long an endpoint may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How the events of jobs are delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Manner {
    /// Once, bare, signed well.
    #[default]
    Proper,
    /// With the event in `payload`, as Pleo's page prints it.
    Wrapped,
    /// The same delivery, of the same id, twice.
    Twice,
    /// With a signature of an older secret before the right one.
    TwoSignatures,
    /// Signed with another secret.
    WrongSignature,
    /// Signed ten minutes ago.
    OldTimestamp,
    /// Not at all.
    Never,
}

/// A delivery that was made.
#[derive(Clone, Debug, Serialize)]
pub struct Delivered {
    /// The job that it is about.
    pub job: String,
    /// Where it went.
    pub url: String,
    /// What was answered; `None` when nobody did.
    pub status: Option<u16>,
}

/// A delivery about to be made.
struct Delivery {
    job: String,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: String,
    times: usize,
}

/// The value of `webhook-signature` by which a message is Pleo's.
///
/// # Panics
/// When the secret is none.
pub fn sign(secret: &str, id: &str, timestamp: i64, body: &[u8]) -> String {
    let key = decode(secret.trim_start_matches("whsec_"), BASE64).expect("a secret is base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key may have any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}=", encode(&mac.finalize().into_bytes(), BASE64))
}

/// Delivers the event of a new job to everybody who has subscribed to it, on threads of their own.
pub fn tell(control: &Control, job: &str) {
    let deliveries = due(&control.world(), job);
    for delivery in deliveries {
        let control = control.clone();
        std::thread::spawn(move || {
            for _ in 0..delivery.times {
                let delivered = Delivered {
                    job: delivery.job.clone(),
                    url: delivery.url.clone(),
                    status: send(&delivery),
                };
                let mut world = control.world();
                world.deliveries.push(delivered.clone());
                world.tell(&News::Delivered(delivered));
            }
        });
    }
}

fn due(world: &World, job: &str) -> Vec<Delivery> {
    let job = world
        .jobs
        .iter()
        .find(|known| known.id == job && known.status == JobStatus::Pending);
    let Some(job) = job.filter(|_| world.manner != Manner::Never) else {
        return Vec::new();
    };
    let event = json!({
        "data": wire::job(job, world.company_of(job), world.options.lifetime_seconds),
        "eventId": random_uuid(),
        "eventType": EVENT,
    });
    let subscribed = world.subscriptions.iter().filter(|known| {
        !known.is_deleted && known.wish.is_active && known.wish.events.iter().any(|event| event == EVENT)
    });
    subscribed
        .map(|known| {
            let id = format!("msg_{}", random_uuid());
            let now = world.clock.now();
            let (body, at) = match world.manner {
                Manner::Wrapped => (json!({ "webhook-id": id, "payload": event }), now),
                Manner::OldTimestamp => (event.clone(), now - TimeDelta::minutes(10)),
                _ => (event.clone(), now),
            };
            let body = body.to_string();
            Delivery {
                job: job.id.clone(),
                url: known.wish.url.clone(),
                headers: headers(world.manner, &known.secret, &id, at, &body),
                body,
                times: if world.manner == Manner::Twice { 2 } else { 1 },
            }
        })
        .collect()
}

fn headers(
    manner: Manner,
    secret: &str,
    id: &str,
    at: DateTime<Utc>,
    body: &str,
) -> Vec<(&'static str, String)> {
    let timestamp = at.timestamp();
    let right = sign(secret, id, timestamp, body.as_bytes());
    let wrong = sign(
        "whsec_b2xkIHNlY3JldCBvbGQgc2VjcmV0",
        id,
        timestamp,
        body.as_bytes(),
    );
    let signature = match manner {
        Manner::WrongSignature => wrong,
        Manner::TwoSignatures => format!("{wrong} {right}"),
        _ => right,
    };
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signature),
    ]
}

/// Sends a delivery and answers the status that came back.
fn send(delivery: &Delivery) -> Option<u16> {
    let uri: Uri = delivery.url.parse().ok()?;
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
    let mut stream = TcpStream::connect((authority.host(), authority.port_u16().unwrap_or(80))).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let headers: Vec<String> = delivery
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n{}",
        uri.path(),
        delivery.body.len(),
        headers.concat()
    );
    stream
        .write_all(format!("{head}\r\n{}", delivery.body).as_bytes())
        .ok()?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).ok()?;
    std::str::from_utf8(&answer).ok()?.split(' ').nth(1)?.parse().ok()
}
