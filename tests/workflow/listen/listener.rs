//! A listener as the tests see it: its address, its log, its end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::sandbox::{JobStatus, Sandbox, sign};
use crate::support::World;

/// A running `pleo-export listen`, to which the sandbox delivers.
pub struct Listener<'world> {
    world: &'world World,
    pub child: Child,
    pub address: String,
    secret: String,
    pub log: Arc<Mutex<String>>,
}

impl<'world> Listener<'world> {
    /// Starts it, and waits until its first poll is over.
    pub fn start(world: &'world World, every: &str) -> Self {
        let listener = Self::start_with(world, every, |_| {});
        eventually("the listener is healthy", || listener.health() == 200);
        listener
    }

    pub fn start_with(world: &'world World, every: &str, change: impl FnOnce(&mut Command)) -> Self {
        // Its port is known only when it listens, and it listens only with a secret: the first address leads nowhere.
        let elsewhere = format!(
            "https://nowhere.invalid/webhooks/pleo/{}",
            world.sandbox.company()
        );
        world.run(&["subscribe", &elsewhere]).exits(0);
        follow(&world.sandbox);
        let mut command = world.command(&["listen", "-vv", "--bind", "127.0.0.1:0", "--every", every]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env("PLEO_EXPORT_WEBHOOK_DEADLINE", "2");
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut log = written.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
                drop(log);
                something_happened();
            }
        });
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let address = line.split('/').nth(2).unwrap_or_default().to_owned();
        let url = format!("http://{address}/webhooks/pleo/{}", world.sandbox.company());
        assert!(line.starts_with(&format!("Listening on {url}")), "{line}");
        // Subscribed under its very eyes: the new secret counts at once.
        world.run(&["subscribe", &url]).exits(0);
        let subscriptions = world.sandbox.subscriptions();
        let secret = subscriptions
            .into_iter()
            .find(|(known, _)| *known == url)
            .unwrap()
            .1;
        Self {
            world,
            child,
            address,
            secret,
            log,
        }
    }

    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// How many polls it has begun.
    pub fn polls(&self) -> usize {
        self.log().matches("polling: ").count()
    }

    /// Waits until no poll runs and none is about to.
    #[track_caller]
    pub fn rests(&self, polls: usize) {
        eventually(&format!("{polls} polls are over"), || {
            self.log().matches("the poll is over").count() == polls && self.polls() == polls
        });
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    /// Sends these bytes and answers the status that comes back.
    pub fn ask(&self, request: &[u8]) -> u16 {
        let mut stream = self.connect();
        // A server that has seen enough may close while we still send.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
    }

    pub fn health(&self) -> u16 {
        self.ask(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    }

    pub fn post(&self, company: &str, headers: &str, body: &[u8]) -> u16 {
        let head = format!(
            "POST /webhooks/pleo/{company} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.ask(&[head.as_bytes(), body].concat())
    }

    /// Sends a delivery of our own, signed as Pleo would.
    pub fn deliver(&self, id: &str, body: &[u8]) -> u16 {
        let headers = self.headers(id, now(), body);
        self.post(self.world.sandbox.company(), &headers, body)
    }

    pub fn headers(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        format!(
            "webhook-id: {id}\r\nwebhook-timestamp: {timestamp}\r\nwebhook-signature: {}\r\n",
            sign(&self.secret, id, timestamp, body)
        )
    }

    pub fn event(&self) -> Value {
        json!({
            "data": { "id": "1", "companyId": self.world.sandbox.company(), "status": "pending" },
            "eventId": "2",
            "eventType": "v1.export-job.created",
        })
    }

    pub fn signal(&self, name: &str) {
        crate::support::signal(name, self.child.id());
    }

    /// Waits for its end.
    pub fn code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    #[track_caller]
    pub fn books(&self, job: &str) {
        eventually("the job is booked", || {
            self.world.sandbox.job(job).status == JobStatus::Completed
        });
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            println!("the listener's log:\n{}", self.log());
        }
    }
}

/// How much has happened: lines of logs, and what servers have told.
static HAPPENED: (Mutex<u64>, Condvar) = (Mutex::new(0), Condvar::new());

fn something_happened() {
    *HAPPENED.0.lock().unwrap() += 1;
    HAPPENED.1.notify_all();
}

/// Lets [`eventually`] look again whenever this server has answered or delivered something.
pub fn follow(sandbox: &Sandbox) {
    let news = sandbox.watch();
    std::thread::spawn(move || news.iter().for_each(|_| something_happened()));
}

/// Waits until this holds, looking whenever something has happened and now and then between, and fails when it does not in
/// half a minute.
#[track_caller]
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    let (count, more) = &HAPPENED;
    loop {
        let seen = *count.lock().unwrap();
        if holds() {
            return;
        }
        let left = until.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "it never came about that {what}");
        let now = count.lock().unwrap();
        // Files may be written after the last line of the log.
        let left = left.min(Duration::from_millis(200));
        drop(more.wait_timeout_while(now, left, |now| *now == seen).unwrap());
    }
}

pub fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
