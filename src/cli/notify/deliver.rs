//! How somebody is told: one JSON document for a program, a call for an address. No secret is handed on.

use std::io::Write;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde::Serialize;
use tracing::{debug, warn};

use super::event::Event;
use crate::cli::exit::Exit;
use crate::config::NotifyConfig;
use crate::host::server_url::ServerUrl;
use crate::host::stop::Stop;
use crate::host::{clock, environment, http, process_group};
use crate::model::ids::CompanyId;

/// With this begin the names of settings that are meant for the program.
const OWN_VARIABLES: &str = "NOTIFY_";

/// How much is said, in characters: a pipe holds it without a reader.
const LONGEST: usize = 4_000;

/// How often it is looked whether the program has ended.
const GLANCE: Duration = Duration::from_millis(20);

/// What the program reads.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Document<'a> {
    schema_version: u32,
    event: Event,
    company_id: Option<&'a str>,
    message: String,
    remedy: Option<String>,
    since: Option<String>,
    exit_code: Option<u8>,
}

impl<'a> Document<'a> {
    pub(super) fn new(
        event: Event,
        company_id: Option<&'a CompanyId>,
        message: &str,
        remedy: Option<&str>,
    ) -> Self {
        Self {
            schema_version: 1,
            event,
            company_id: company_id.map(CompanyId::as_str),
            message: shortened(message),
            remedy: remedy.map(shortened),
            since: None,
            exit_code: None,
        }
    }

    /// A poll that has ended so, as it has been since then.
    pub(super) fn ended(self, exit: Exit, since: DateTime<Utc>) -> Self {
        Self {
            since: Some(clock::text(since)),
            exit_code: Some(exit.code()),
            ..self
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Tells both at the same time. Answers whether the program was told, or there is none.
pub(super) fn to_both(
    config: &NotifyConfig,
    for_url: &Document<'_>,
    for_command: Option<&Document<'_>>,
    until: Instant,
) -> bool {
    let to_url = || config.url.as_ref().map(|url| call(url, for_url, until));
    let (called, result) = thread::scope(|scope| {
        let calling = scope.spawn(to_url);
        let result = match (&config.command, for_command) {
            (Some(command), Some(document)) => run(config, command, document, until),
            _ => Ok(()),
        };
        (calling.join(), result)
    });
    if let Ok(Some(Err(problem))) = called {
        warn!("[notify] url: {problem}");
    }
    if let Err(problem) = &result {
        warn!("[notify] command: {problem}");
    }
    result.is_ok()
}

/// Calls the address as healthchecks has it: `/start`, the address itself, or `/fail` with what went wrong.
fn call(url: &ServerUrl, document: &Document<'_>, until: Instant) -> Result<(), String> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Err("there was no time left".to_owned());
    }
    let client = http::client_builder_for(url)
        .timeout(left)
        .build()
        .map_err(|error| http::chain(&error))?;
    let request = match document.event {
        Event::Started => client.get(url.at(["start"])),
        Event::Success | Event::Recovery => client.get((**url).clone()),
        Event::Failure => client.post(url.at(["fail"])).body(text(document)),
    };
    let response = request.send().map_err(|error| http::fault(error).1)?;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!(
            "{} answered {}",
            url.host_str().unwrap_or_default(),
            status.as_u16()
        )),
    }
}

fn text(document: &Document<'_>) -> String {
    match &document.remedy {
        Some(remedy) => format!("{}\n{remedy}", document.message),
        None => document.message.clone(),
    }
}

/// Runs the program with the document on its stdin. One that does not end in time is killed, with all that it started.
fn run(
    config: &NotifyConfig,
    command: &[String],
    document: &Document<'_>,
    until: Instant,
) -> Result<(), String> {
    let Some((program, arguments)) = command.split_first() else {
        return Ok(());
    };
    let mut line = serde_json::to_vec(document).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let mut child = environment::program(&config.folder, program, arguments, OWN_VARIABLES)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("`{program}` cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(&line)
    {
        debug!("`{program}` does not read what it is told: {error}");
    }
    wait(&mut child, until).map_err(|problem| format!("`{program}` {problem}"))
}

fn wait(child: &mut Child, until: Instant) -> Result<(), String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("ended with {status}")),
            Ok(None) if Instant::now() < until => glance(),
            Ok(None) => {
                process_group::kill(child.id());
                let _ = child.kill();
                let _ = child.wait();
                return Err("took too long and was ended".to_owned());
            }
            Err(error) => return Err(format!("cannot be waited for: {error}")),
        }
    }
}

/// Waits for a moment. No stop ends it: also of a run that is stopped it is told how it ended, within its time.
fn glance() {
    let _ = Stop::new().wait(GLANCE);
}
