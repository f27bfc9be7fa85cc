//! How the answer of a command is given: what to stdout, what beside it.

use std::io::{self, Write};

use super::args::LogFormat;
use super::as_typed::as_typed;
use super::exit::Exit;
use super::render::{Answer, Document, problem_exit, problem_text};
use super::terminal::Stream;
use crate::export::PANICKED;
use crate::export::report::{Problem, ProblemKind};

/// In which form the answer goes to stdout, and what went wrong to stderr.
#[derive(Clone, Copy)]
pub(super) struct Form {
    pub(super) json: bool,
    pub(super) log: LogFormat,
    /// Nothing is said but what failed.
    pub(super) quiet: bool,
}

/// An answer as it goes out.
pub(super) struct Shown {
    pub(super) exit: Exit,
    /// For stdout.
    pub(super) text: String,
    /// What went wrong.
    pub(super) problems: Vec<Problem>,
}

impl Shown {
    pub(super) fn of(answer: &Answer, form: Form) -> Self {
        let exit = answer.exit();
        let text = if form.json {
            answer.json(exit)
        } else if form.quiet {
            answer.text_of_failures()
        } else {
            answer.text()
        };
        let is_idle = text.is_empty() && exit == Exit::Done && !form.quiet;
        let text = match answer.idle() {
            // A scheduler wants to hear nothing then, a person that it is so.
            Some(words) if is_idle && Stream::Out.is_terminal() => format!("{words}\n"),
            _ => text,
        };
        Self {
            exit,
            text,
            problems: answer.problems().cloned().collect(),
        }
    }

    /// Of a command that works on no jobs: its text, or the document that begins with this head.
    pub(super) fn without_jobs(
        problem: Option<Problem>,
        form: Form,
        text: String,
        json: impl FnOnce(Document<()>) -> String,
    ) -> Self {
        let exit = problem
            .as_ref()
            .map_or(Exit::Done, |problem| problem_exit(problem.kind));
        let text = if form.json {
            json(Document::without_jobs(exit, problem.as_ref()))
        } else if form.quiet {
            String::new()
        } else {
            text
        };
        Self {
            exit,
            text,
            problems: problem.into_iter().collect(),
        }
    }

    /// Gives it: one document, or a table on stdout and what went wrong on stderr. A log of JSON lines ends with what went
    /// wrong, whatever stdout has.
    pub(super) fn give(&self, form: Form) -> Exit {
        let exit = print(&self.text, self.exit);
        tell(self.problems.iter(), form);
        exit
    }
}

/// What was done and what went wrong, of which there is one.
pub(super) fn either<T>(result: Result<T, Problem>) -> (Option<T>, Option<Problem>) {
    match result {
        Ok(done) => (Some(done), None),
        Err(problem) => (None, Some(problem)),
    }
}

/// Gives the answer of a run.
pub(super) fn answer(answer: &Answer, form: Form) -> Exit {
    Shown::of(answer, form).give(form)
}

/// Says what went wrong beside the answer.
pub(super) fn tell<'a>(problems: impl Iterator<Item = &'a Problem>, form: Form) {
    match form {
        Form {
            log: LogFormat::Json, ..
        } => {
            for problem in problems {
                tracing::error!(
                    kind = problem.kind.as_str(),
                    hint = as_typed(&problem.hint),
                    "{}",
                    as_typed(&problem.message)
                );
            }
        }
        Form { json: true, .. } => {}
        Form { json: false, .. } => {
            let text: String = problems.map(problem_text).collect();
            // Nobody can be told that stderr is gone.
            let _ = io::stderr().lock().write_all(text.as_bytes());
        }
    }
}

/// Writes the answer to stdout. A reader that has gone away is no error of ours.
pub(super) fn print(text: &str, exit: Exit) -> Exit {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit,
        Err(error) => {
            tracing::error!("cannot write the answer to stdout: {error}");
            exit.worst(Exit::Unexpected)
        }
    }
}

/// The program itself failed.
pub(super) fn panicked() -> Problem {
    Problem {
        kind: ProblemKind::Panicked,
        message: "the program failed, which is an error in pleo-export".into(),
        hint: PANICKED.into(),
    }
}
