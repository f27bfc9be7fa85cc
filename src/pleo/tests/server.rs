//! A server for the client's own tests: it says what the test wrote down, one connection for each request, and
//! remembers what it was asked. When all is said it is gone, so a further request finds no connection.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::host::server_url::ServerUrl;

/// What the server does with one request.
pub(super) enum Reply {
    /// A whole answer with this status, further header lines and body.
    Answer(u16, &'static str, String),
    /// These bytes, then the end of the connection.
    Raw(&'static str),
    /// Nothing, until the client goes away.
    Silence,
    /// A body that does not end until the client goes away, in pieces of this size.
    Endless(usize),
    /// A whole answer with this body, a piece of it at a time with this pause after each, in so many pieces.
    Slow(String, usize, Duration),
}

impl Reply {
    pub(super) fn json(status: u16, body: impl Into<String>) -> Self {
        Self::Answer(
            status,
            "Content-Type: application/json;charset=UTF-8\r\n",
            body.into(),
        )
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Method and target.
    pub(super) line: String,
    /// Header lines, in lower case.
    pub(super) headers: Vec<String>,
    pub(super) body: String,
}

pub(super) struct TestServer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl TestServer {
    pub(super) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut replies = replies.into_iter().peekable();
            while let Some(reply) = replies.next() {
                let (connection, _) = listener.accept().unwrap();
                remembered.lock().unwrap().push(read_request(&connection));
                if replies.peek().is_none() {
                    // Nobody may connect once the client has its last answer.
                    drop(listener);
                    return answer(connection, reply);
                }
                answer(connection, reply);
            }
        });
        Self { address, seen }
    }

    pub(super) fn url(&self) -> ServerUrl {
        format!("http://{}", self.address).parse().unwrap()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Methods and targets alone.
    pub(super) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

fn read_request(connection: &TcpStream) -> Seen {
    let mut reader = BufReader::new(connection);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let line = lines.remove(0).trim_end_matches(" HTTP/1.1").to_owned();
    let length = lines
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    Seen {
        line,
        headers: lines.into_iter().map(|line| line.to_lowercase()).collect(),
        body: String::from_utf8(body).unwrap(),
    }
}

fn answer(mut connection: TcpStream, reply: Reply) {
    match reply {
        Reply::Answer(status, headers, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
            );
            connection.write_all((head + &body).as_bytes()).unwrap();
        }
        Reply::Raw(text) => connection.write_all(text.as_bytes()).unwrap(),
        Reply::Silence => {
            let _ = connection.read(&mut [0]);
        }
        Reply::Endless(size) => {
            let piece = vec![b' '; size];
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
            while connection.write_all(&piece).is_ok() {}
        }
        Reply::Slow(body, pieces, pause) => {
            connection.set_read_timeout(Some(pause)).unwrap();
            connection
                .write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
                .unwrap();
            for piece in body.as_bytes().chunks(body.len().div_ceil(pieces)) {
                if connection.write_all(piece).is_err() {
                    return;
                }
                // Nothing more comes, unless the client goes away.
                let _ = connection.read(&mut [0]);
            }
        }
    }
}
