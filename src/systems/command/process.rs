//! The connector's process: lines in, lines out, one at a time, and a sure end.
//!
//! Three threads of its own feed it and read it, so that a connector that neither reads nor writes can be
//! waited for with a limit. It knows nothing of what the lines mean.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::host::stop::{Stop, Stopped};
use crate::host::{environment, process_group};

use super::settings::Settings;
use super::stderr::Stderr;

/// The longest line that is taken, in bytes.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// How often a wait looks whether the stop was requested.
const GLANCE: Duration = Duration::from_millis(100);

/// How long the process may take to end by itself once nothing more will be asked.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long the last lines of its stderr are waited for, once it is dead: they often say why.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// With this begin the names of settings that are meant for a connector.
const OWN_VARIABLES: &str = "CONNECTOR_";

/// A running connector. Dropping it kills its process group.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    requests: Option<Sender<Vec<u8>>>,
    lines: Receiver<Result<Vec<u8>, Silence>>,
    stderr: Arc<Stderr>,
    /// Closed when all of its stderr is read.
    stderr_ended: Receiver<()>,
}

/// Why there is no line.
#[derive(Clone, Copy, Debug, Error)]
pub(super) enum Silence {
    /// It is gone, or has closed its stdout.
    #[error("it ended without an answer")]
    Ended,
    /// It wrote what no line can be made of.
    #[error("{0}")]
    Babble(&'static str),
    /// It has not answered yet.
    #[error("it gave no answer within {0:?}")]
    Late(Duration),
    /// Nobody waits any more.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl Process {
    /// Starts the program. The error says what to put right in the settings.
    pub(super) fn start(settings: &Settings, name: &str) -> Result<Self, String> {
        let folder = &settings.working_folder;
        if !folder.is_dir() {
            return Err(format!(
                "its working folder `{}` does not exist",
                folder.display()
            ));
        }
        let Some((program, arguments)) = settings.program.split_first() else {
            return Err("`accounting.command.program` is empty".to_owned());
        };
        // In a group of its own the entry in hand is finished before a SIGINT of the terminal has its effect.
        let mut command = environment::program(folder, program, arguments, OWN_VARIABLES);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| {
            environment::program_problem(folder, program).unwrap_or_else(|| error.to_string())
        })?;
        Self::feed_and_read(child, name).map_err(|error| error.to_string())
    }

    fn feed_and_read(mut child: Child, name: &str) -> io::Result<Self> {
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (requests, to_write) = mpsc::channel();
        // With room for one line only, a connector that babbles without end waits instead of filling the memory.
        let (read, lines) = mpsc::sync_channel(1);
        let (last_words, stderr_ended) = mpsc::channel::<()>();
        let log = Arc::new(Stderr::new(name));
        // From here on, dropping it ends the child.
        let process = Self {
            child,
            requests: Some(requests),
            lines,
            stderr: Arc::clone(&log),
            stderr_ended,
        };
        let spawn = |work: Box<dyn FnOnce() + Send>| thread::Builder::new().spawn(work).map(drop);
        if let Some(stdin) = stdin {
            spawn(Box::new(move || write_lines(stdin, &to_write)))?;
        }
        if let Some(stdout) = stdout {
            spawn(Box::new(move || read_lines(stdout, &read)))?;
        }
        if let Some(stderr) = stderr {
            spawn(Box::new(move || {
                log.pass_on(stderr);
                drop(last_words);
            }))?;
        }
        Ok(process)
    }

    /// Whether it runs and has said nothing that was not asked for.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self.lines.try_recv(), Err(mpsc::TryRecvError::Empty))
    }

    /// Sends a line. It may have been read by the connector from now on, whatever happens next.
    pub(super) fn send(&self, mut line: Vec<u8>) {
        line.push(b'\n');
        self.stderr.next_question();
        if let Some(requests) = &self.requests {
            // A writer that is gone has lost its pipe, which the wait for the answer finds out.
            let _ = requests.send(line);
        }
    }

    /// The next line, without its end. The error says why there is none.
    ///
    /// With a `stop` the wait ends as soon as the stop is requested.
    pub(super) fn receive(&self, timeout: Duration, stop: Option<&Stop>) -> Result<Vec<u8>, Silence> {
        let asked = Instant::now();
        loop {
            if let Some(stop) = stop {
                stop.check()?;
            }
            let left = timeout.saturating_sub(asked.elapsed());
            match self.lines.recv_timeout(left.min(GLANCE)) {
                Ok(line) => return line,
                Err(RecvTimeoutError::Disconnected) => return Err(Silence::Ended),
                Err(RecvTimeoutError::Timeout) if left <= GLANCE => return Err(Silence::Late(timeout)),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// What it wrote to its stderr last, on one line; empty where it wrote nothing. Waits a moment for its end.
    pub(super) fn last_words(&self) -> String {
        let _ = self.stderr_ended.recv_timeout(LAST_WORDS);
        self.stderr.last_words()
    }

    /// Its number on this machine.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Lets it end by itself, for a while.
    pub(super) fn finish(mut self) {
        self.requests = None;
        let asked = Instant::now();
        loop {
            let left = FAREWELL.saturating_sub(asked.elapsed());
            // Also one that writes without end is waited for no longer.
            if left.is_zero() || self.lines.recv_timeout(left).is_err() {
                return;
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The group first: as long as its leader is not waited for, nobody else can have its number.
        process_group::kill(self.child.id());
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = self.stderr_ended.recv_timeout(LAST_WORDS);
    }
}

fn write_lines(mut stdin: impl Write, lines: &Receiver<Vec<u8>>) {
    for line in lines {
        if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_lines(stdout: impl Read, lines: &SyncSender<Result<Vec<u8>, Silence>>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        // Where reading fails or ends in mid-line, the connector is gone and the last line proves nothing.
        let read = stdout.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        let whole = match read {
            Ok(_) if line.pop_if(|last| *last == b'\n').is_some() => Ok(line),
            Ok(read) if u64::try_from(read).is_ok_and(|read| read == LONGEST_LINE) => {
                Err(Silence::Babble("it wrote a line of more than 16 MB"))
            }
            Ok(_) | Err(_) => return,
        };
        let is_over = whole.is_err();
        if lines.send(whole).is_err() || is_over {
            return;
        }
    }
}
