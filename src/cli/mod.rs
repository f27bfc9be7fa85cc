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

use clap::Parser;
use clap::error::ErrorKind;

use crate::config::Sources;
use crate::export::report::{Problem, ProblemKind, RunReport};
use args::{Args, Command};
pub use exit::Exit;
use render::Answer;

/// The program: what `main` calls, and what the quickstart example calls.
///
/// `environment` gives the working directory and variables; [`Sources::of_this_process`] is the usual one.
pub fn main(arguments: impl IntoIterator<Item = OsString>, sources: Sources) -> Exit {
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
    let answer = match args.command {
        Command::Poll { max_jobs, .. } => run::poll(&sources, &args.global, max_jobs),
        Command::RunJob {
            ref job_id,
            adopt,
            out_of_order,
            ..
        } => run::run_job(&sources, &args.global, job_id, adopt, out_of_order),
        Command::Resume { .. } => run::resume(&sources, &args.global),
        Command::Status { ref job, .. } => return status::status(&sources, job.as_deref(), json),
    };
    self::answer(&answer, json)
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
