//! The command line: what was typed becomes a run, and what the run says becomes text or JSON.
//!
//! stdout carries the answer, stderr the log and, on a terminal, a progress bar.

mod answer;
mod args;
mod as_typed;
mod check;
mod companies;
mod exit;
mod fleet;
mod help;
mod job_ids;
#[cfg(feature = "listen")]
mod listen;
mod logging;
mod login;
mod manual;
mod metrics;
mod notify;
mod parts;
mod patience;
mod poll;
mod poll_end;
mod preview;
mod progress;
mod prune;
mod reach;
mod render;
mod reverse;
mod run;
mod shared;
mod signals;
mod status;
mod subscribe;
mod table;
mod terminal;
mod verify;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;
use tracing::Level;

use crate::config::{self, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::foreign_text::one_line;
use crate::host::privacy;
use answer::{Form, answer, panicked, print};
use args::{Args, Command, LogFormat};
pub use exit::Exit;
use render::Answer;
use subscribe::Wish;

/// The program: what `main` calls, and what the quickstart example calls.
///
/// `sources` give the working directory and variables; [`Sources::of_this_process`] is the usual one.
pub fn main(arguments: impl IntoIterator<Item = OsString>, sources: Sources) -> Exit {
    privacy::keep_to_ourselves();
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => return usage(&error, &arguments, &sources),
    };
    let log = args.global.log_format;
    logging::set_up(log, logging::level(&args.global), &sources.environment);
    let sources = Sources {
        config_flag: args.global.config.clone(),
        ..sources
    };
    let form = Form {
        json: args.command.wants_json(),
        log,
        quiet: args.global.quiet,
    };
    let named = sources.config_flag.as_ref();
    as_typed::name_settings(named.map(|file| sources.working_folder.join(file)));
    log_panics();
    catch_unwind(AssertUnwindSafe(|| obey(&args, &sources, form)))
        .unwrap_or_else(|_| answer(&Answer::of_problem(panicked()), form))
}

fn obey(args: &Args, sources: &Sources, form: Form) -> Exit {
    let answer = match &args.command {
        Command::Poll {
            max_jobs,
            books_are_right,
            companies,
            metrics_file,
            ..
        } => {
            let wish = poll::Wish {
                global: &args.global,
                max_jobs: *max_jobs,
                books_are_right: *books_are_right,
                metrics_file: metrics_file.as_deref(),
            };
            return polls(sources, companies.as_deref(), wish, form);
        }
        Command::RunJob {
            job_id,
            adopt,
            out_of_order,
            ..
        } => run::run_job(sources, &args.global, job_id.trim(), *adopt, *out_of_order),
        Command::Resume { .. } => run::resume(sources, &args.global),
        Command::Reverse {
            numbers,
            date,
            reason,
            ..
        } => return reverse::reverse(sources, numbers, *date, reason.as_deref(), form),
        Command::PruneEvidence { before, .. } => return prune::prune_evidence(sources, *before, form),
        Command::Login { status: true, .. } => return login::status(sources, form),
        Command::Login { paste, .. } => return login::login(sources, *paste, form),
        Command::Logout { revoke, .. } => return login::logout(sources, *revoke, form),
        Command::Check {
            companies: Some(folder),
            ..
        } => return check::check_each(sources, folder, form),
        Command::Check { companies: None, .. } => return check::check(sources, form),
        Command::Preview {
            job_id,
            all,
            receipts,
            ..
        } => {
            let wish = preview::Wish {
                job: job_id.as_deref().map(str::trim),
                all: *all,
                receipts: *receipts,
            };
            return preview::preview(sources, &args.global, wish, form);
        }
        Command::Verify {
            job,
            since,
            companies,
            ..
        } => {
            let job = job.as_deref().map(str::trim);
            return match companies {
                Some(folder) => verify::verify_each(sources, folder, *since, form),
                None => verify::verify(sources, job, *since, form),
            };
        }
        Command::Status {
            fleet: true, wish, ..
        } => return fleet::status(sources, wish.max_age, form),
        Command::Status {
            companies: Some(folder),
            wish,
            ..
        } => return status::status_of_each(sources, folder, wish, form),
        Command::Status {
            companies: None,
            wish,
            ..
        } => return status::status(sources, wish, form),
        Command::Subscribe { url, remove, .. } => {
            let wish = match (url, remove) {
                (Some(url), _) => Wish::Subscribe(url.trim()),
                (None, Some(id)) => Wish::Remove(id.trim()),
                (None, None) => Wish::List,
            };
            return subscribe::subscribe(sources, &wish, form);
        }
        #[cfg(feature = "listen")]
        Command::Listen(wish) => return listen::listen(sources, wish, &args.global, form),
        Command::Fleet { command } => return fleet::obey(sources, command, form),
        Command::Completions { shell } => return written(Ok(manual::completions(*shell))),
        Command::Man => return written(manual::man()),
    };
    answer::answer(&answer, form)
}

/// Polls: for one company, for each of a folder, or as a worker of a fleet.
fn polls(sources: &Sources, companies: Option<&Path>, wish: poll::Wish<'_>, form: Form) -> Exit {
    if let Some(path) = wish.metrics_file
        && let Err(problem) = companies::refuse_metrics_file(sources, companies, path)
    {
        return answer(&Answer::of_problem(problem), form);
    }
    match companies {
        None => poll::poll(sources, wish, form),
        Some(folder) if config::fleet::is_meant(sources) => fleet::work(sources, folder, wish, form),
        Some(folder) => poll::poll_each(sources, folder, wish, form),
    }
}

fn written(text: std::io::Result<Vec<u8>>) -> Exit {
    match text {
        Ok(text) => print(&String::from_utf8_lossy(&text), Exit::Done),
        Err(error) => {
            tracing::error!("the manual page cannot be made: {error}");
            Exit::Unexpected
        }
    }
}

/// A panic is a line of the log like any other.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let text = one_line(panic.payload_as_str().unwrap_or("no text"), 500);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!("the program panicked at {place}: {text}");
    }));
}

/// clap's own words for people; a document or a line of the log for scripts.
fn usage(error: &clap::Error, arguments: &[OsString], sources: &Sources) -> Exit {
    let is_error = !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let exit = if is_error { Exit::Usage } else { Exit::Done };
    let form = form_of(arguments);
    if is_error && (form.json || form.log == LogFormat::Json) {
        logging::set_up(form.log, Level::ERROR, &sources.environment);
        let problem = Problem {
            kind: ProblemKind::Usage,
            message: error
                .to_string()
                .trim_start_matches("error: ")
                .trim_end()
                .to_owned(),
            hint: "see `pleo-export --help`".into(),
        };
        return answer(&Answer::of_problem(problem), form);
    }
    let _ = error.print();
    exit
}

/// The form that arguments ask for which cannot be read as a whole.
fn form_of(arguments: &[OsString]) -> Form {
    let is_json_log = arguments.iter().any(|argument| argument == "--log-format=json")
        || arguments
            .windows(2)
            .any(|pair| matches!(pair, [name, value] if name == "--log-format" && value == "json"));
    Form {
        quiet: false,
        json: arguments.iter().any(|argument| argument == "--json"),
        log: if is_json_log {
            LogFormat::Json
        } else {
            LogFormat::Text
        },
    }
}
