//! Subscriptions to events: `/v1/subscriptions` and what is below it, read as strictly as the rest.

use std::collections::BTreeSet;

use axum::http::Uri;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::clock::stamp;
use super::codec::{BASE64, encode};
use super::exchange::{Answer, Answered, Call};
use super::fields::{Fields, json_body};
use super::paging::{self, Page, Row};
use super::query::{PAGING, Query, bad_request, is_uuid};
use super::world::{World, random_uuid};

/// The events that there are.
const EVENTS: [&str; 2] = ["v1.export-job.created", "v1.vendor.created"];

/// A subscription and what became of it.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Signs its deliveries: `whsec_` and the base64 of the key.
    pub secret: String,
    /// What was asked for.
    pub wish: Wish,
    /// Whether it is gone.
    pub is_deleted: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    activities: Vec<Value>,
}

/// What a client asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where deliveries go.
    pub url: String,
    /// Of which events.
    pub events: Vec<String>,
    /// Whether anything is delivered.
    pub is_active: bool,
    /// `customHeaders` and `endpointAuth` as they came.
    others: Vec<(String, Value)>,
}

/// Answers one call below `/v1/subscriptions`; `rest` is what comes after that.
pub fn answer(world: &mut World, call: &Call, rest: &[&str]) -> Answered {
    match (call.request.method.as_str(), rest) {
        ("GET", []) => list(world, call),
        ("POST", []) => create(world, call),
        ("GET", [id]) => {
            Query::parse(world, call, &[])?;
            let found = find(world, call, id)?;
            Ok(shown(&world.subscriptions[found]))
        }
        ("PUT", [id]) => replace(world, call, id),
        ("DELETE", [id]) => delete(world, call, id),
        ("GET", [id, "secret"]) => {
            Query::parse(world, call, &[])?;
            let found = find(world, call, id)?;
            let secret = &world.subscriptions[found].secret;
            Ok(Answer::json(200, json!({ "data": { "secretKey": secret } })))
        }
        ("GET", [id, "activities"]) => activities(world, call, id),
        (_, [] | [_] | [_, "secret" | "activities"]) => {
            world.break_rule(call, "this path does not take this method");
            Err(Answer::refusal(405, "METHOD_NOT_ALLOWED", "Method not allowed."))
        }
        _ => {
            world.break_rule(call, "there is no such path");
            Err(Answer::refusal(404, "NOT_FOUND", "Not found."))
        }
    }
}

fn find(world: &mut World, call: &Call, id: &str) -> Result<usize, Answer> {
    if !is_uuid(id) {
        return Err(bad_request(world, call, "the subscription id is no UUID"));
    }
    world
        .subscriptions
        .iter()
        .position(|known| !known.is_deleted && known.id.eq_ignore_ascii_case(id))
        .ok_or_else(|| Answer::refusal(404, "NOT_FOUND", "Subscription not found."))
}

fn list(world: &mut World, call: &Call) -> Answered {
    let query = Query::parse(world, call, &[&["status", "event_types"][..], &PAGING].concat())?;
    let status = query.one("status").map(str::to_owned);
    let events: Vec<String> = query.all("event_types").map(str::to_owned).collect();
    let passes = |known: &Subscription| {
        !known.is_deleted
            && status.as_ref().is_none_or(|status| status == known.wish.status())
            && (events.is_empty() || known.wish.events.iter().any(|event| events.contains(event)))
    };
    let rows: Vec<Row> = world.subscriptions.iter().map(passes).enumerate().collect();
    let Page { rows, pagination, .. } = paging::page(world, call, &query, &rows)?;
    let data: Vec<Value> = rows
        .into_iter()
        .map(|row| world.subscriptions[row].show())
        .collect();
    Ok(Answer::json(
        200,
        json!({ "data": data, "pagination": pagination }),
    ))
}

fn create(world: &mut World, call: &Call) -> Answered {
    Query::parse(world, call, &[])?;
    let wish = wish(world, call)?;
    let key: [u8; 24] = std::array::from_fn(|_| fastrand::u8(..));
    let now = world.clock.now();
    let mut subscription = Subscription {
        id: random_uuid(),
        secret: format!("whsec_{}", encode(&key, BASE64)),
        wish,
        is_deleted: false,
        created_at: now,
        updated_at: now,
        activities: Vec::new(),
    };
    subscription.note("CREATE", now, &world.options.company);
    let answer = shown(&subscription);
    world.subscriptions.push(subscription);
    Ok(answer)
}

fn replace(world: &mut World, call: &Call, id: &str) -> Answered {
    Query::parse(world, call, &[])?;
    let found = find(world, call, id)?;
    let wish = wish(world, call)?;
    let (now, company) = (world.clock.now(), world.options.company.clone());
    let subscription = &mut world.subscriptions[found];
    subscription.wish = wish;
    subscription.note("UPDATE", now, &company);
    Ok(shown(subscription))
}

fn delete(world: &mut World, call: &Call, id: &str) -> Answered {
    Query::parse(world, call, &[])?;
    let found = find(world, call, id)?;
    let (now, company) = (world.clock.now(), world.options.company.clone());
    let subscription = &mut world.subscriptions[found];
    subscription.is_deleted = true;
    subscription.note("DELETE", now, &company);
    Ok(Answer::empty(204))
}

fn activities(world: &mut World, call: &Call, id: &str) -> Answered {
    let query = Query::parse(world, call, &[&["operation_types"][..], &PAGING].concat())?;
    let found = find(world, call, id)?;
    let activities = world.subscriptions[found].activities.clone();
    let types: Vec<&str> = query.all("operation_types").collect();
    let passes = |activity: &Value| {
        types.is_empty() || types.iter().any(|wanted| activity["operationType"] == **wanted)
    };
    let rows: Vec<Row> = activities.iter().map(passes).enumerate().collect();
    let Page { rows, pagination, .. } = paging::page(world, call, &query, &rows)?;
    let data: Vec<&Value> = rows.into_iter().map(|row| &activities[row]).collect();
    Ok(Answer::json(
        200,
        json!({ "data": data, "pagination": pagination }),
    ))
}

fn wish(world: &mut World, call: &Call) -> Result<Wish, Answer> {
    let body = json_body(world, call)?;
    Wish::of(&body).map_err(|rule| bad_request(world, call, &rule))
}

impl Wish {
    fn of(body: &Value) -> Result<Self, String> {
        let keys = [
            "customHeaders",
            "endpointAuth",
            "endpointUrl",
            "eventTypes",
            "status",
        ];
        let fields = Fields::of(body, &keys)?;
        let url = fields.required("endpointUrl")?;
        let uri: Uri = url
            .parse()
            .map_err(|_| format!("`endpointUrl` is no address: {url}"))?;
        let is_own = uri
            .host()
            .is_some_and(|host| host == "127.0.0.1" || host == "localhost");
        // A sandbox delivers to this machine, where nobody has a certificate.
        if uri.scheme_str() != Some("https") && !(uri.scheme_str() == Some("http") && is_own) {
            return Err(format!("`endpointUrl` is not https: {url}"));
        }
        let events: Option<Vec<String>> = body["eventTypes"]
            .as_array()
            .map(|events| {
                events
                    .iter()
                    .map(|event| Some(event.as_str()?.to_owned()))
                    .collect()
            })
            .ok_or("`eventTypes` is missing, or no list")?;
        let events = events.ok_or("`eventTypes` has something that is no text")?;
        if events.iter().collect::<BTreeSet<_>>().len() != events.len() {
            return Err("`eventTypes` has an event twice".to_owned());
        }
        if events.is_empty() || events.iter().any(|event| !EVENTS.contains(&event.as_str())) {
            return Err(format!(
                "`eventTypes` names other events than there are: {events:?}"
            ));
        }
        if let Some(headers) = body.get("customHeaders") {
            let texts = headers
                .as_object()
                .filter(|headers| headers.values().all(Value::is_string));
            texts.ok_or("`customHeaders` is no object of texts")?;
        }
        if let Some(auth) = body.get("endpointAuth") {
            Fields::of(auth, &["type", "credentials"])?.one_of("type", &["NONE", "BASIC"])?;
        }
        let status = fields.one_of("status", &["ACTIVE", "INACTIVE"])?;
        let other = |key: &str| Some((key.to_owned(), body.get(key)?.clone()));
        Ok(Self {
            url,
            events,
            is_active: status.is_none_or(|status| status == "ACTIVE"),
            others: ["customHeaders", "endpointAuth"]
                .into_iter()
                .filter_map(other)
                .collect(),
        })
    }

    fn status(&self) -> &'static str {
        if self.is_active { "ACTIVE" } else { "INACTIVE" }
    }
}

impl Subscription {
    fn show(&self) -> Value {
        let mut value = json!({
            "id": self.id,
            "endpointUrl": self.wish.url,
            "eventTypes": self.wish.events,
            "status": self.wish.status(),
            "createdAt": stamp(self.created_at),
            "updatedAt": stamp(self.updated_at),
        });
        for (key, other) in &self.wish.others {
            value[key] = other.clone();
        }
        value
    }

    fn note(&mut self, operation: &str, now: DateTime<Utc>, company: &str) {
        self.updated_at = now;
        self.activities.push(json!({
            "id": random_uuid(),
            "subscriptionId": self.id,
            "operationType": operation,
            "description": operation.to_lowercase(),
            "actorUrn": format!("urn:pleo:company:{company}"),
            "createdAt": stamp(now),
        }));
    }
}

fn shown(subscription: &Subscription) -> Answer {
    Answer::json(200, json!({ "data": subscription.show() }))
}
