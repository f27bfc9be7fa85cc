//! The HTTP server, on a thread and a runtime of its own. It takes deliveries and says whether the listener is healthy; it
//! never waits for a poll.
//!
//! Whoever can reach it is taken for hostile. A connection serves one request and ends after [`DEADLINE`] whatever it is
//! at, so one that drips bytes ends like one that is silent; there are at most [`MOST_CONNECTIONS`], and the next ones wait
//! in the system's queue; a body has at most [`LARGEST_BODY`] bytes.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, HeaderValue};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use super::desk::{Desk, Reply};
use crate::host::{clock, kill};
use crate::pleo::webhook::signature::Signed;

/// The largest body, in bytes. An event has less than a thousand.
const LARGEST_BODY: usize = 64 * 1024;

/// How long a connection may last, from its beginning to the last byte of the answer, in seconds.
const DEADLINE: u64 = 10;

/// The most connections at a time.
const MOST_CONNECTIONS: usize = 64;

/// Serves the desk until the process ends.
pub(super) fn start(listener: StdListener, desk: Arc<Desk>) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    let listener = {
        let _inside = runtime.enter();
        Gate {
            listener: TcpListener::from_std(listener)?,
            places: Arc::new(Semaphore::new(MOST_CONNECTIONS)),
            deadline: Duration::from_secs(kill::limit("PLEO_EXPORT_WEBHOOK_DEADLINE", DEADLINE)),
        }
    };
    let router = Router::new()
        .route("/webhooks/pleo/{company}", post(deliver))
        .route("/healthz", get(health))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(map_response(last_of_its_connection))
        .with_state(desk);
    std::thread::Builder::new()
        .name("webhook".to_owned())
        .spawn(move || {
            // It has no end and no error of its own.
            let _ = runtime.block_on(async { axum::serve(listener, router).await });
        })
}

async fn deliver(State(desk): State<Arc<Desk>>, Path(company): Path<String>, request: Request) -> StatusCode {
    // Nobody waits for bytes that are announced and will be refused.
    if request.body().size_hint().lower() > LARGEST_BODY as u64 {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    let headers = request.headers().clone();
    let body = match Bytes::from_request(request, &()).await {
        Ok(body) => body,
        Err(rejection) => return rejection.status(),
    };
    let text = |name| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    };
    let signed = Signed {
        id: text("webhook-id"),
        timestamp: text("webhook-timestamp"),
        signature: text("webhook-signature"),
    };
    match desk.deliver(&company, signed, &body, clock::now()) {
        Reply::Taken => StatusCode::NO_CONTENT,
        Reply::Refused => StatusCode::UNAUTHORIZED,
        Reply::Unable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

async fn health(State(desk): State<Arc<Desk>>) -> (StatusCode, &'static str) {
    if desk.is_healthy(Instant::now()) {
        (StatusCode::OK, "ok\n")
    } else {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "no poll has succeeded lately, or a company is not served: see the log, or `pleo-export status`\n",
        )
    }
}

/// One connection, one request: so the deadline of the one is that of the other.
async fn last_of_its_connection(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Lets in as many as there is place for.
struct Gate {
    listener: TcpListener,
    places: Arc<Semaphore>,
    deadline: Duration,
}

impl Listener for Gate {
    type Io = Visitor;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Visitor, SocketAddr) {
        // Nobody closes it; if so, nobody would count any more either.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        // axum's own listener waits and tries again where the system has no more to give.
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let deadline = Box::pin(tokio::time::sleep(self.deadline));
        (
            Visitor {
                stream,
                deadline,
                _place: place,
            },
            address,
        )
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends at its deadline, and then gives its place to the next.
struct Visitor {
    stream: TcpStream,
    deadline: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Visitor {
    /// The stream, while there is time. Whoever waits for it is woken at the deadline.
    fn in_time(&mut self, context: &mut Context<'_>) -> io::Result<Pin<&mut TcpStream>> {
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(Pin::new(&mut self.stream)),
        }
    }
}

impl AsyncRead for Visitor {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().in_time(context)?.poll_read(context, buffer)
    }
}

impl AsyncWrite for Visitor {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.get_mut().in_time(context)?.poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().in_time(context)?.poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().in_time(context)?.poll_shutdown(context)
    }
}
