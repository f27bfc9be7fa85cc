//! A door before Odoo that the test opens and shuts: what a server that restarts or is slow looks like from outside.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It reaches Odoo, and its answer comes back.
    Open,
    /// The connection is cut before it reaches Odoo.
    Shut,
    /// It reaches Odoo and has its effect; the connection is cut instead of the answer.
    AnswerLost,
    /// It reaches Odoo; its answer stays away for longer than anybody waits.
    AnswerLate,
}

/// Lets requests through to one address, and counts them.
pub(crate) struct Door {
    pub(crate) url: String,
    requests: Arc<AtomicUsize>,
}

impl Door {
    /// `passage` decides for each request, by its number from 1 on and its first line.
    pub(crate) fn before(
        url: &str,
        passage: impl Fn(usize, &str) -> Passage + Send + Sync + 'static,
    ) -> Self {
        let inside = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, passage) = (requests.clone(), Arc::new(passage));
        thread::spawn(move || {
            for outside in listener.incoming() {
                let (Ok(outside), inside) = (outside, TcpStream::connect(&inside).unwrap()) else {
                    return;
                };
                let (count, passage) = (count.clone(), passage.clone());
                thread::spawn(move || serve(&outside, &inside, &count, &*passage));
            }
        });
        Self { url, requests }
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// One connection. A request begins with the chunk that begins with `POST`.
fn serve(
    outside: &TcpStream,
    inside: &TcpStream,
    count: &AtomicUsize,
    passage: &dyn Fn(usize, &str) -> Passage,
) {
    let now = Mutex::new(Passage::Open);
    thread::scope(|scope| {
        scope.spawn(|| {
            copy(inside, outside, |_| *now.lock().unwrap());
            close(outside, inside);
        });
        copy(outside, inside, |chunk| {
            if chunk.starts_with(b"POST ") {
                let text = String::from_utf8_lossy(chunk);
                let number = count.fetch_add(1, Ordering::SeqCst) + 1;
                *now.lock().unwrap() = passage(number, text.lines().next().unwrap_or_default());
            }
            match *now.lock().unwrap() {
                Passage::Shut => Passage::Shut,
                _ => Passage::Open,
            }
        });
        // A request that has begun is Odoo's: it goes on with it though nobody waits for the answer.
        if *now.lock().unwrap() == Passage::Shut {
            close(outside, inside);
        }
        let _ = inside.shutdown(Shutdown::Write);
    });
}

/// Copies until either side ends or what comes may not pass.
fn copy(mut from: &TcpStream, mut to: &TcpStream, mut passage: impl FnMut(&[u8]) -> Passage) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let chunk = &buffer[..length];
        match passage(chunk) {
            Passage::Open if to.write_all(chunk).is_ok() => {}
            // Whoever waits gives up first and closes the connection.
            Passage::AnswerLate => {}
            Passage::Open | Passage::Shut | Passage::AnswerLost => return,
        }
    }
}

fn close(outside: &TcpStream, inside: &TcpStream) {
    let _ = outside.shutdown(Shutdown::Both);
    let _ = inside.shutdown(Shutdown::Both);
}
