//! What the browser brings back from Pleo: at an address of this machine for as long as a login waits, or pasted by hand.

use std::io::{self, BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use reqwest::Url;

use crate::export::report::{Problem, ProblemKind};
use crate::host::kill;
use crate::host::server_url::is_loopback;
use crate::host::stop::{Stop, Stopped};

/// For how long a person may take to consent, in seconds.
const PATIENCE: u64 = 300;

/// How often it is looked whether somebody has come.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// For how long one request may take, however it drips.
const REQUEST_TIME: Duration = Duration::from_secs(2);

/// So many are read side by side; the next ones wait until one has ended or its time is over.
const MOST_CONNECTIONS: usize = 256;

/// The largest head of a request that is read, in bytes; also the longest line that is pasted.
const LARGEST: u64 = 16 * 1024;

/// The redirect address of the settings. With a fragment nothing of an answer would come back, and Pleo registers none
/// (RFC 6749, section 3.1.2).
pub(super) fn address(redirect_uri: &str) -> Result<Url, Problem> {
    let what = match redirect_uri.parse::<Url>() {
        Ok(url) if url.fragment().is_none() => return Ok(url),
        Ok(_) => "must have no fragment (`#…`)",
        Err(_) => "is no address",
    };
    Err(Problem {
        kind: ProblemKind::Configuration,
        message: format!("pleo.oauth.redirect_uri `{redirect_uri}` {what}"),
        hint: "write it as it was registered with Pleo; nothing was sent".into(),
    })
}

/// Listens at a redirect address of this machine.
pub(super) struct Listener {
    socket: TcpListener,
    redirect_uri: Url,
}

impl Listener {
    /// Takes the port before anybody is sent there.
    pub(super) fn at(url: &Url) -> Result<Self, Problem> {
        let usage = |message: String, hint: &str| Problem {
            kind: ProblemKind::Configuration,
            message,
            hint: hint.to_owned(),
        };
        let by_hand = "run `pleo-export login --paste` and paste the address that the browser was sent to";
        let (host, port) = match (url.host_str(), url.port()) {
            (Some(host), Some(port)) if url.scheme() == "http" && port != 0 && is_loopback(url) => {
                (host.to_owned(), port)
            }
            _ => {
                let what =
                    "is not an address of this machine with a port, such as http://127.0.0.1:8788/callback";
                return Err(usage(format!("pleo.oauth.redirect_uri `{url}` {what}"), by_hand));
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let socket = TcpListener::bind((host, port)).and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket = socket.map_err(|error| {
            let message = format!("nothing can listen on {host} port {port} ({error})");
            usage(
                message,
                "end what listens there, such as another login; or run `pleo-export login --paste`",
            )
        })?;
        Ok(Self {
            socket,
            redirect_uri: url.clone(),
        })
    }

    /// Waits until `take` makes something of a request to the redirect address. What it makes nothing of is answered and
    /// ends nothing: anybody on this machine can ask.
    pub(super) fn wait<T>(&self, stop: &Stop, take: impl Fn(&Url) -> Option<T>) -> Result<T, Problem> {
        let patience = Duration::from_secs(kill::limit("PLEO_EXPORT_LOGIN_PATIENCE", PATIENCE));
        let until = Instant::now() + patience;
        // Each is read by itself: one that is silent must not keep the browser waiting.
        let (sender, heard) = mpsc::channel();
        let mut at_work = 0;
        loop {
            let mut is_idle = true;
            if at_work < MOST_CONNECTIONS
                && let Ok((mut stream, _)) = self.socket.accept()
            {
                let sender = sender.clone();
                let reader = std::thread::Builder::new().spawn(move || {
                    let target = read_target(&mut stream);
                    sender.send((stream, target))
                });
                at_work += usize::from(reader.is_ok());
                is_idle = false;
            }
            if let Ok((stream, target)) = heard.try_recv() {
                at_work -= 1;
                if let Some(taken) = target.and_then(|target| self.serve(stream, &target, &take)) {
                    return Ok(taken);
                }
                is_idle = false;
            }
            if is_idle {
                stop.wait(LOOK_EVERY).map_err(stopped)?;
            }
            if Instant::now() > until {
                return Err(Problem {
                    kind: ProblemKind::Temporary,
                    message: format!("nobody consented within {} s", patience.as_secs()),
                    hint: "run `pleo-export login` again, and open the address that it prints".into(),
                });
            }
        }
    }

    /// A request that cannot be read is nobody's redirect.
    fn serve<T>(&self, mut stream: TcpStream, target: &str, take: impl Fn(&Url) -> Option<T>) -> Option<T> {
        let url = self.redirect_uri.join(target).ok()?;
        let is_ours =
            url.path() == self.redirect_uri.path() && url.host_str() == self.redirect_uri.host_str();
        let taken = is_ours.then(|| take(&url)).flatten();
        let (status, text) = match (&taken, is_ours) {
            (Some(_), _) => (
                "200 OK",
                "Pleo has answered. Go back to the terminal: it says how the login went.",
            ),
            (None, true) => (
                "400 Bad Request",
                "This is not the answer to the login that is waiting. Open the address that it printed last.",
            ),
            (None, false) => ("404 Not Found", "There is nothing here."),
        };
        // A browser that has gone away has done its work.
        let _ = answer(&mut stream, status, text);
        taken
    }
}

/// What is asked for by the GET that comes.
fn read_target(stream: &mut TcpStream) -> Option<String> {
    stream.set_nonblocking(false).ok()?;
    let until = Instant::now() + REQUEST_TIME;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let left = until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())?;
        stream.set_read_timeout(Some(left)).ok()?;
        let count = stream.read(&mut buffer).ok().filter(|count| *count > 0)?;
        head.extend_from_slice(buffer.get(..count)?);
        if head.len() > usize::try_from(LARGEST).ok()? {
            return None;
        }
    }
    let line = head.split(|byte| *byte == b'\r').next()?;
    let target = std::str::from_utf8(line)
        .ok()?
        .strip_prefix("GET ")?
        .split(' ')
        .next()?;
    // Nothing but a path: an address would lead the join elsewhere.
    (target.starts_with('/') && !target.starts_with("//")).then(|| target.to_owned())
}

fn answer(stream: &mut TcpStream, status: &str, text: &str) -> io::Result<()> {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>pleo-export</title>\
         <body style=\"font: 1.2em sans-serif; margin: 4em\"><p>{text}</p></body></html>\n"
    );
    let length = page.len();
    stream.set_write_timeout(Some(REQUEST_TIME))?;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}"
    )?;
    stream.flush()
}

/// The address that a person pastes, or its query alone.
pub(super) fn pasted(redirect_uri: &str, stop: &Stop) -> Result<Url, Problem> {
    let (sender, receiver) = mpsc::channel();
    // A line of stdin cannot be waited for and given up: whoever reads it goes with the process.
    std::thread::spawn(move || {
        let mut line = Vec::new();
        let _ = io::stdin().lock().take(LARGEST).read_until(b'\n', &mut line);
        sender.send(String::from_utf8_lossy(&line).trim().to_owned())
    });
    let line = loop {
        match receiver.try_recv() {
            Ok(line) => break line,
            Err(mpsc::TryRecvError::Empty) => stop.wait(LOOK_EVERY).map_err(stopped)?,
            Err(mpsc::TryRecvError::Disconnected) => break String::new(),
        }
    };
    let problem = |message: &str| Problem {
        kind: ProblemKind::Usage,
        message: message.to_owned(),
        hint: "run it again, and paste the whole address of the page that the browser ended on".into(),
    };
    if line.is_empty() {
        return Err(problem("no address was pasted"));
    }
    let whole = if line.contains("://") {
        line
    } else {
        let query = line.rsplit('?').next().unwrap_or_default();
        format!("{redirect_uri}?{query}")
    };
    whole
        .parse()
        .map_err(|_| problem("what was pasted is no address"))
}

fn stopped(stopped: Stopped) -> Problem {
    Problem {
        kind: ProblemKind::Stopped,
        message: stopped.to_string(),
        hint: "run `pleo-export login` again".into(),
    }
}
