//! What can be typed. Nothing here is checked against files, settings or the network.

#[cfg(feature = "listen")]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::{ArgAction, ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::exit::Exit;
use super::help;

/// Books Pleo's export jobs in your accounting system: each entry at most once, each item with a true verdict.
#[derive(Debug, Parser)]
#[command(name = "pleo-export", version = help::VERSION.as_str(), about, max_term_width = 110)]
#[command(after_help = Exit::HELP, after_long_help = format!("{}\n\n{}", help::VARIABLES, Exit::HELP))]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Global {
    /// Settings file, or `PLEO_EXPORT_CONFIG`; all variables: `pleo-export --help` [default: pleo-export.toml when there is one]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
    /// How the log on stderr is written
    #[arg(long, value_enum, default_value_t = LogFormat::Text, global = true)]
    pub(super) log_format: LogFormat,
    /// Tell more; twice for every request
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "quiet")]
    pub(super) verbose: u8,
    /// Say nothing but what failed
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Finish our interrupted job, then work on pending jobs, oldest first, until none is left
    #[command(after_help = help::POLL)]
    Poll {
        /// Work on at most this many jobs
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        max_jobs: Option<u32>,
        /// Book although the books lack entries that Pleo was told of: a person has looked, and they are right
        #[arg(long)]
        books_are_right: bool,
        /// Serve each company of this folder: a settings file (*.toml) for each
        #[arg(long, value_name = "DIR")]
        companies: Option<PathBuf>,
        /// Write metrics for the textfile collector of Prometheus' node exporter
        #[arg(long, value_name = "PATH")]
        metrics_file: Option<PathBuf>,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Start one job, or go on with it
    #[command(after_help = help::RUN_JOB)]
    RunJob {
        /// The job's id, or its first characters: 8 and more, where they are unique
        job_id: String,
        /// Take over a job that another instance started and left
        #[arg(long)]
        adopt: bool,
        /// Start it although an older job is pending
        #[arg(long)]
        out_of_order: bool,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Go on with interrupted jobs of ours; start nothing new
    Resume {
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Take entries back: book the mirror of each, once; needs no credential for Pleo
    #[command(after_help = help::REVERSE)]
    Reverse {
        /// The entries' numbers in the books, such as PLEO-2026-000123
        #[arg(required = true, value_name = "NUMBER")]
        numbers: Vec<String>,
        /// The day to book it on [default: the entry's own, where the books are open]
        #[arg(long, value_name = "DATE", value_parser = day)]
        date: Option<NaiveDate>,
        /// Why, for those who read the books later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Look whether everything is in order, and say what to do where it is not; changes nothing
    #[command(after_help = help::CHECK)]
    Check {
        /// Serve each company of this folder: a settings file (*.toml) for each
        #[arg(long, value_name = "DIR")]
        companies: Option<PathBuf>,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Show what the next job would book; starts, writes and tells nothing
    #[command(after_help = help::PREVIEW)]
    Preview {
        /// This job: its id, or the beginning of it
        #[arg(conflicts_with = "all")]
        job_id: Option<String>,
        /// Every open job, in the order of polls
        #[arg(long)]
        all: bool,
        /// Fetch the receipts, too: a missing one may mean that nothing is booked
        #[arg(long)]
        receipts: bool,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Compare Pleo, checkpoint and books, and say what to do where they differ; changes nothing
    #[command(after_help = help::VERIFY)]
    Verify {
        /// Only this job: its id, or the first 8 characters of it and more
        #[arg(long, value_name = "JOB_ID", conflicts_with = "since")]
        job: Option<String>,
        /// Only jobs that were made in Pleo on this day or later
        #[arg(long, value_name = "DATE", value_parser = day)]
        since: Option<NaiveDate>,
        /// Serve each company of this folder: a settings file (*.toml) for each
        #[arg(long, value_name = "DIR", conflicts_with = "job")]
        companies: Option<PathBuf>,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Remove evidence that may be kept no longer; a line in the books says so
    #[command(after_help = help::PRUNE_EVIDENCE)]
    PruneEvidence {
        /// The first year of which it stays
        #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i32).range(1970..=9999))]
        before: i32,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Is all well? Show what the checkpoint knows; needs no network and no credential
    #[command(after_help = help::STATUS)]
    Status {
        #[command(flatten)]
        wish: StatusWish,
        /// Serve each company of this folder: a settings file (*.toml) for each
        #[arg(long, value_name = "DIR", conflicts_with = "job")]
        companies: Option<PathBuf>,
        /// Show what the database of the fleet knows, of all companies
        #[arg(long, conflicts_with_all = ["job", "companies", "all"])]
        fleet: bool,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Connect to Pleo by OAuth: a person consents in a browser, and the tokens are kept here
    #[command(after_help = help::LOGIN)]
    Login {
        /// Read the address that the browser was sent to from stdin, instead of waiting for it
        #[arg(long, conflicts_with = "status")]
        paste: bool,
        /// Only show what is known of the connection; asks nobody
        #[arg(long)]
        status: bool,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Remove the tokens of `login` from this machine
    Logout {
        /// Have Pleo remove the integration first, which makes every token of it void
        #[arg(long)]
        revoke: bool,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Have Pleo tell `listen` of new export jobs; keeps the secret of it
    #[command(group = ArgGroup::new("wish").required(true), after_help = help::SUBSCRIBE)]
    Subscribe {
        #[arg(group = "wish", value_name = "URL", help = WEBHOOK_URL)]
        url: Option<String>,
        /// Show every subscription of this application
        #[arg(long, group = "wish")]
        list: bool,
        /// End this subscription
        #[arg(long, group = "wish", value_name = "ID")]
        remove: Option<String>,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Poll when Pleo tells of a new export job, and every so often besides
    #[cfg(feature = "listen")]
    #[command(after_help = help::LISTEN)]
    Listen(ListenWish),
    /// Many companies on many hosts: what the hosts share
    #[command(after_help = help::FLEET)]
    Fleet {
        #[command(subcommand)]
        command: FleetCommand,
    },
    /// Write completions for a shell to stdout
    #[command(after_help = help::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write the manual page to stdout: `pleo-export man | man -l -`
    Man,
}

/// What is done to the database of a fleet.
#[derive(Debug, Subcommand)]
pub(super) enum FleetCommand {
    /// Make its tables, or bring them up to date; safe to repeat
    Init {
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Show which companies are served, held, paused or failing
    Status {
        /// End with 6 when the last successful poll of a company is older, such as 30m or 2h
        #[arg(long, value_name = "DURATION", value_parser = age)]
        max_age: Option<Duration>,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Have no worker claim a company; whoever holds it now comes to its end
    Pause {
        /// Its id on Pleo
        company: String,
        #[command(flatten)]
        answer: OutputForm,
    },
    /// Have the workers serve it again
    Resume {
        /// Its id on Pleo
        company: String,
        #[command(flatten)]
        answer: OutputForm,
    },
}

/// Where and how often.
#[cfg(feature = "listen")]
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct ListenWish {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8787", value_parser = address)]
    pub(super) bind: SocketAddr,
    /// Poll at least this often, such as 90s, 5m or 1h: what Pleo tells may be lost
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub(super) every: Duration,
    /// Serve each company of this folder: a settings file (*.toml) for each
    #[arg(long, value_name = "DIR")]
    pub(super) companies: Option<PathBuf>,
    /// Write metrics for the textfile collector of Prometheus' node exporter, after each poll
    #[arg(long, value_name = "PATH")]
    pub(super) metrics_file: Option<PathBuf>,
}

/// What of the checkpoint is shown.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct StatusWish {
    /// Show this job: its items, and its failures by cause
    #[arg(long, value_name = "JOB_ID")]
    pub(super) job: Option<String>,
    /// Show who decided what about the job, when and why
    #[arg(long, requires = "job")]
    pub(super) audit: bool,
    /// The same as comma-separated values
    #[arg(long, requires = "audit", conflicts_with = "json")]
    pub(super) csv: bool,
    /// Show all jobs, not the last 20 alone
    #[arg(long, conflicts_with = "job")]
    pub(super) all: bool,
    /// End with 6 when the last successful poll is older, such as 30m, 2h or 2d
    #[arg(long, value_name = "DURATION", value_parser = age)]
    pub(super) max_age: Option<Duration>,
}

const WEBHOOK_URL: &str = "Where Pleo reaches `listen`: https://YOUR-HOST/webhooks/pleo/COMPANY_ID";

fn day(text: &str) -> Result<NaiveDate, &'static str> {
    text.parse().map_err(|_| "a day is due, such as 2026-03-31")
}

#[cfg(feature = "listen")]
fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse()
        .map_err(|_| "an IP address and a port are due, such as 127.0.0.1:8787")
}

/// A length of time, at most a day.
#[cfg(feature = "listen")]
fn duration(text: &str) -> Result<Duration, &'static str> {
    crate::config::duration(text)
        .and_then(|duration| duration.to_std().ok())
        .filter(|duration| *duration <= Duration::from_secs(86_400))
        .ok_or("a number and its unit is due, such as 90s, 5m or 1h, and at most a day")
}

/// An age, at most a year.
fn age(text: &str) -> Result<Duration, &'static str> {
    crate::config::duration(text)
        .and_then(|duration| duration.to_std().ok())
        .filter(|duration| *duration <= Duration::from_secs(366 * 86_400))
        .ok_or("a number and its unit is due, such as 30m, 2h, 3d or 1w, and at most a year")
}

#[derive(Clone, Copy, Debug, ClapArgs)]
pub(super) struct OutputForm {
    /// Answer with one JSON document on stdout
    #[arg(long)]
    pub(super) json: bool,
}

impl Command {
    pub(super) const fn wants_json(&self) -> bool {
        match self {
            Self::Poll { answer, .. }
            | Self::RunJob { answer, .. }
            | Self::Resume { answer }
            | Self::Check { answer, .. }
            | Self::Preview { answer, .. }
            | Self::Reverse { answer, .. }
            | Self::Verify { answer, .. }
            | Self::PruneEvidence { answer, .. }
            | Self::Status { answer, .. }
            | Self::Login { answer, .. }
            | Self::Logout { answer, .. }
            | Self::Subscribe { answer, .. } => answer.json,
            #[cfg(feature = "listen")]
            Self::Listen(_) => false,
            Self::Fleet { command } => command.answer().json,
            Self::Completions { .. } | Self::Man => false,
        }
    }
}

impl FleetCommand {
    const fn answer(&self) -> OutputForm {
        match self {
            Self::Init { answer }
            | Self::Status { answer, .. }
            | Self::Pause { answer, .. }
            | Self::Resume { answer, .. } => *answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        super::Args::command().debug_assert();
    }
}
