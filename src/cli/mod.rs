//! The command line: what was typed becomes a run, and what the run says becomes text or JSON.
//!
//! stdout carries the answer, stderr the log and, on a terminal, a progress bar.

mod args;
mod exit;
mod logging;
mod progress;
mod render;
mod run;
mod signals;
mod status;
mod table;

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::Parser;
use clap::error::ErrorKind;

use crate::config::Sources;
use crate::export::PANICKED;
use crate::export::report::{Problem, ProblemKind, RunReport};
use crate::host::privacy;
use crate::model::foreign_text::one_line;
use args::{Args, Command};
pub use exit::Exit;
use render::Answer;

/// The program: what `main` calls, and what the quickstart example calls.
///
/// `environment` gives the working directory and variables; [`Sources::of_this_process`] is the usual one.
pub fn main(arguments: impl IntoIterator<Item = OsString>, sources: Sources) -> Exit {
    privacy::keep_to_ourselves();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let wants_json = arguments.iter().any(|argument| argument == "--json");
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return usage(&error, wants_json),
    };
    logging::set_up(&args.global, &sources.environment);
    let sources = Sources {
        config_flag: args.global.config.clone(),
        ..sources
    };
    let json = args.command.wants_json();
    log_panics();
    catch_unwind(AssertUnwindSafe(|| obey(&args, &sources))).unwrap_or_else(|_| {
        let problem = Problem {
            kind: ProblemKind::Panicked,
            message: "the program failed, which is an error in pleo-export".into(),
            hint: PANICKED.into(),
        };
        answer(&Answer::of_problem(problem), json)
    })
}

fn obey(args: &Args, sources: &Sources) -> Exit {
    let json = args.command.wants_json();
    let answer = match &args.command {
        Command::Poll { max_jobs, .. } => run::poll(sources, &args.global, *max_jobs),
        Command::RunJob {
            job_id,
            adopt,
            out_of_order,
            ..
        } => run::run_job(sources, &args.global, job_id, *adopt, *out_of_order),
        Command::Resume { .. } => run::resume(sources, &args.global),
        Command::Status { job, .. } => return status::status(sources, job.as_deref(), json),
    };
    self::answer(&answer, json)
}

/// A panic is a line of the log like any other.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = one_line(panic.payload_as_str().unwrap_or("no text"), 500);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("the program panicked at {place}: {text}");
    }));
}

/// Gives the answer: one document, or a table on stdout and what went wrong on stderr.
fn answer(answer: &Answer, json: bool) -> Exit {
    let exit = answer.exit();
    if json {
        return print(&answer.json(exit), exit);
    }
    let exit = print(&answer.text(), exit);
    // Nobody can be told that stderr is gone.
    let _ = io::stderr().lock().write_all(answer.problems().as_bytes());
    exit
}

/// clap's own words for people; a document for scripts.
fn usage(error: &clap::Error, wants_json: bool) -> Exit {
    let is_error = !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let exit = if is_error { Exit::Usage } else { Exit::Done };
    if is_error && wants_json {
        let problem = Problem {
            kind: ProblemKind::Usage,
            message: error
                .to_string()
                .trim_start_matches("error: ")
                .trim_end()
                .to_owned(),
            hint: "see `pleo-export --help`".into(),
        };
        return answer(&Answer::of_problem(problem), true);
    }
    let _ = error.print();
    exit
}

/// Writes the answer to stdout. A reader that has gone away is no error of ours.
fn print(text: &str, exit: Exit) -> Exit {
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

/// A run that ended before any job.
fn failed(problem: Problem) -> Answer {
    Answer::of_run(RunReport {
        jobs: Vec::new(),
        problem: Some(problem),
    })
}
