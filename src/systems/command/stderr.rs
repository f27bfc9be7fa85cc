//! What a connector writes to its stderr, passed on to the log as warnings: enough to understand it, but no flood.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::{Mutex, PoisonError};

use tracing::warn;

use crate::host::foreign_text::one_line;

/// The longest text of a connector's that is passed on, in characters: a reason is a sentence or two.
pub(super) const LONGEST_TEXT: usize = 600;

/// How many lines are passed on for one question.
const MOST_LINES: usize = 200;

/// How many of the last lines are kept: a traceback's end says what happened and where.
const LAST_LINES: usize = 4;

/// The longest line that is taken as one, in bytes.
const LONGEST_LINE: u64 = 4096;

/// The stderr of one process.
#[derive(Debug)]
pub(super) struct Stderr {
    connector: String,
    /// How many lines came since the last question.
    lines: Mutex<usize>,
    /// The last lines that say something.
    last: Mutex<VecDeque<String>>,
}

impl Stderr {
    pub(super) fn new(connector: &str) -> Self {
        Self {
            connector: connector.to_owned(),
            lines: Mutex::new(0),
            last: Mutex::default(),
        }
    }

    /// Reads to the end, also what is not passed on: a full pipe would block the connector.
    pub(super) fn pass_on(&self, stderr: impl Read) {
        let mut stderr = BufReader::new(stderr);
        loop {
            let mut line = Vec::new();
            let read = stderr.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
            match read {
                Ok(0) | Err(_) => break,
                Ok(_) => self.take(&line),
            }
        }
        self.next_question();
    }

    /// Begins to count anew and says what was left out.
    pub(super) fn next_question(&self) {
        let lines = std::mem::take(&mut *self.lines.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(left_out @ 1..) = lines.checked_sub(MOST_LINES) {
            warn!(
                connector = self.connector,
                "{left_out} more lines of its stderr were left out"
            );
        }
    }

    /// The last lines, as one.
    pub(super) fn last_words(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().map(String::as_str).collect::<Vec<_>>().join(" | ")
    }

    fn take(&self, line: &[u8]) {
        let line = one_line(&String::from_utf8_lossy(line), LONGEST_TEXT);
        if !line.is_empty() {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(line.clone());
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        *lines += 1;
        if *lines <= MOST_LINES {
            warn!(connector = self.connector, "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::io;
    use std::sync::Arc;

    use super::*;

    /// Where the log of a test goes.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, event: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(event);
            Ok(event.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(does: impl FnOnce()) -> Vec<String> {
        let log = Log::default();
        let written = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, does);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn flood(lines: usize) -> String {
        (1..=lines).fold(String::new(), |mut text, line| {
            writeln!(text, "line {line}").unwrap();
            text
        })
    }

    #[test]
    fn a_flood_is_cut_off_and_counted() {
        let lines = logged(|| Stderr::new("c").pass_on(flood(100_000).as_bytes()));
        assert_eq!(lines.len(), 201);
        assert!(lines[199].contains("line 200 "), "{}", lines[199]);
        assert!(
            lines[200].contains("99800 more lines of its stderr were left out"),
            "{}",
            lines[200]
        );
    }

    #[test]
    fn each_question_may_have_its_lines() {
        let lines = logged(|| {
            let stderr = Stderr::new("c");
            for _ in 0..3 {
                stderr.next_question();
                stderr.pass_on(flood(200).as_bytes());
            }
        });
        assert_eq!(lines.len(), 600, "and nothing was left out");
    }
}
