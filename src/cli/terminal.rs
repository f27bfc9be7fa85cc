//! What stdout and stderr are: a terminal, with its width and colours, or something that is read later.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::sync::OnceLock;

/// How wide an answer is where no terminal says it.
const USUAL_WIDTH: usize = 120;

/// Whether `NO_COLOR` forbids colours; unset until the program has read it.
static NO_COLOR: OnceLock<bool> = OnceLock::new();

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// The answer.
    Out,
    /// The log.
    Err,
}

/// Takes the word of `NO_COLOR`, any text of which is a no.
pub(super) fn set_up(no_color: Option<&OsStr>) {
    let _ = NO_COLOR.set(no_color.is_some_and(|value| !value.is_empty()));
}

impl Stream {
    /// Whether a person reads it now.
    pub(super) fn is_terminal(self) -> bool {
        match self {
            Self::Out => io::stdout().is_terminal(),
            Self::Err => io::stderr().is_terminal(),
        }
    }

    /// Whether it is shown colours.
    pub(super) fn has_colours(self) -> bool {
        self.is_terminal() && NO_COLOR.get() == Some(&false)
    }

    /// The text as something that failed.
    pub(super) fn red(self, text: &str) -> String {
        if self.has_colours() {
            format!("\u{1b}[31m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// How many columns an answer on stdout may take.
pub(super) fn width() -> usize {
    let size = Stream::Out
        .is_terminal()
        .then(terminal_size::terminal_size)
        .flatten();
    // A width of nothing is what a terminal says that does not know its own.
    size.map(|(width, _)| usize::from(width.0))
        .filter(|width| *width > 0)
        .unwrap_or(USUAL_WIDTH)
}
