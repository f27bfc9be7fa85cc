//! stdout, written piece by piece. A reader that goes away is no error of ours.

use std::io::{self, BufWriter, Stdout, Write};

use crate::cli::exit::Exit;

/// Where the answer goes.
pub(super) struct Output {
    stdout: BufWriter<Stdout>,
    outcome: io::Result<()>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            stdout: BufWriter::new(io::stdout()),
            outcome: Ok(()),
        }
    }

    /// Writes the text, unless something went wrong before.
    pub(super) fn write(&mut self, text: &str) {
        if self.outcome.is_ok() {
            self.outcome = self.stdout.write_all(text.as_bytes());
        }
    }

    /// How the command ends, now that all is written.
    pub(super) fn end(mut self, exit: Exit) -> Exit {
        match self.outcome.and_then(|()| self.stdout.flush()) {
            Ok(()) => exit,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
            Err(error) => {
                tracing::error!("cannot write the answer to stdout: {error}");
                exit.worst(Exit::Unexpected)
            }
        }
    }
}
