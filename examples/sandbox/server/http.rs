//! The thread that serves both hosts: turns HTTP into calls, calls into replies, and replies into HTTP.

use std::net::TcpListener as StdListener;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::clock::http_date;
use super::connection::{Switch, SwitchListener};
use super::control::{Control, Hook};
use super::damage::{self, Reply};
use super::exchange::{Answer, Call, Host, Request};
use super::fault::Trouble;
use super::world::News;
use super::{api, backdoor, receipts};

const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// Serves both hosts until told to stop; connections still open are cut then.
pub fn serve(control: Control, api: StdListener, receipts: StdListener, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be had");
    runtime.block_on(async move {
        for (host, listener) in [(Host::Api, api), (Host::Receipts, receipts)] {
            let listener =
                SwitchListener(TcpListener::from_std(listener).expect("the runtime takes the socket"));
            let router = Router::new().fallback(handle).with_state((host, control.clone()));
            let service = router.into_make_service_with_connect_info::<Switch>();
            tokio::spawn(async move { axum::serve(listener, service).await });
        }
        // Either somebody says stop or nobody is left to say it.
        let _ = stopped.await;
    });
}

async fn handle(
    State((host, control)): State<(Host, Control)>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    http: HttpRequest,
) -> Response {
    let (parts, body) = http.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    if host == Host::Api && parts.uri.path().starts_with("/_sandbox/") {
        let answer = backdoor::answer(&control, parts.method.as_str(), parts.uri.path(), &body);
        return proper(answer, control.world().clock.now());
    }
    let call = Call {
        request: enter(&control, host, &parts, &body),
        headers: parts.headers,
        body: body.to_vec(),
        trouble: None,
        company: None,
    };
    let (call, reply, held) = reply(&control, host, call);
    // An answer is dated when it is made, whenever it leaves.
    let made_at = control.world().clock.now();
    if let Some(held) = held {
        // The other end is dropped where nobody holds it any more.
        let _ = held.await;
    }
    tokio::time::sleep(damage::delay(call.trouble.as_ref())).await;
    leave(&control, &call, &reply);
    match reply {
        Reply::Proper(answer) => proper(answer, made_at),
        Reply::Raw(raw, _) => {
            switch.turn(raw);
            // Whatever is answered here, the connection sends `raw` in its place.
            Response::new(Body::empty())
        }
    }
}

/// Enters a request in the log.
fn enter(control: &Control, host: Host, parts: &http::request::Parts, body: &Bytes) -> Request {
    let mut world = control.world();
    let request = Request {
        number: world.requests.len() + 1,
        host,
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
        status: None,
    };
    world.requests.push(request.clone());
    request
}

/// Lets the hook see the call, then gives it its effect and its reply.
fn reply(control: &Control, host: Host, mut call: Call) -> (Call, Reply, Option<oneshot::Receiver<()>>) {
    // The hook runs without the lock, so that it may use a control.
    let hook = control.call_hook(&call.request);
    let mut world = control.world();
    let armed = world.trouble_for(&call.request);
    call.trouble = if let Hook::Trouble(trouble) = &hook {
        Some(trouble.clone())
    } else {
        armed
    };
    let now = world.clock.now();
    world.has_miscounted |= matches!(call.trouble, Some(Trouble::WrongCount(_)));
    let reply = call
        .trouble
        .as_ref()
        .and_then(|trouble| damage::instead(trouble, now))
        .unwrap_or_else(|| {
            let answer = match host {
                Host::Api => api::answer(&mut world, &mut call),
                Host::Receipts => receipts::answer(&mut world, &call),
            };
            damage::afterwards(&call, answer, now)
        });
    drop(world);
    let held = match hook {
        Hook::AfterEffect(then) => {
            then();
            None
        }
        Hook::Held(held) => Some(held),
        Hook::Continue | Hook::Trouble(_) => None,
    };
    (call, reply, held)
}

/// Completes the request's line in the log and tells the watchers.
fn leave(control: &Control, call: &Call, reply: &Reply) {
    let status = match reply {
        Reply::Proper(answer) => Some(answer.status),
        Reply::Raw(_, status) => *status,
    };
    let mut world = control.world();
    if let Some(request) = world.requests.get_mut(call.request.number - 1) {
        request.status = status;
    }
    world.tell(&News::Answered(Request {
        status,
        ..call.request.clone()
    }));
}

fn proper(answer: Answer, at: DateTime<Utc>) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (headers, bytes) = answer.into_parts();
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let date = (header::DATE, http_date(at));
    // A header of the answer's own beats the clock's.
    for (name, value) in [date].into_iter().chain(headers) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
