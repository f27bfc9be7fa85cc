//! A small HTTP server that can break off, never end and answer nonsense, which a proper one would not.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A server that hands each request to `answer`, with its path and how often that path was asked for before.
pub(super) struct Server {
    pub(super) base: String,
    seen: Arc<Mutex<HashMap<String, usize>>>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(super) fn start(answer: impl Fn(&str, usize, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            base: format!("http://{}", listener.local_addr().unwrap()),
            seen: Arc::default(),
            heads: Arc::default(),
        };
        let (seen, heads, answer) = (
            Arc::clone(&server.seen),
            Arc::clone(&server.heads),
            Arc::new(answer),
        );
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, heads, answer) = (Arc::clone(&seen), Arc::clone(&heads), Arc::clone(&answer));
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let head = read_head(&stream);
                    let path = head.split_whitespace().nth(1).unwrap_or("/").to_owned();
                    heads.lock().unwrap().push(head);
                    let before = {
                        let mut seen = seen.lock().unwrap();
                        let count = seen.entry(path.clone()).or_default();
                        *count += 1;
                        *count - 1
                    };
                    answer(&path, before, &mut stream);
                });
            }
        });
        server
    }

    /// Whoever listens there, if anybody does.
    pub(super) fn at(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            seen: Arc::default(),
            heads: Arc::default(),
        }
    }

    pub(super) fn asked_for(&self, path: &str) -> usize {
        self.seen.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    /// The heads of all requests.
    pub(super) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// The same server under another name.
    pub(super) fn called(mut self, name: &str) -> Self {
        self.base = self.base.replace("127.0.0.1", name);
        self
    }
}

/// A server whose certificate nobody trusts, and how many connections it had.
pub(super) fn untrusted() -> (SocketAddr, Arc<AtomicUsize>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/workflow/certificates");
    let certificate = CertificateDer::from_pem_file(folder.join("good.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let (config, count) = (Arc::new(config), Arc::new(AtomicUsize::new(0)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            let _ = connection.complete_io(&mut stream.unwrap());
        }
    });
    (address, count)
}

fn read_head(stream: &TcpStream) -> String {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
    head
}

pub(super) fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    // The client may have hung up, which is its right.
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}
