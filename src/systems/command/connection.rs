//! The conversation with a connector: a question, its answer, and what it means when there is none.
//!
//! Whatever is late, doubled, out of order or unreadable ends the process, because nothing it says afterwards
//! could be matched to a question. The next question starts it anew.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use thiserror::Error;
use tracing::warn;

use crate::host::kill;
use crate::host::stop::Stop;
use crate::host::waiting::waiting_for;
use crate::systems::Description;

use super::answers::{self, LONGEST_NAME, Unfit};
use super::process::{Process, Silence};
use super::settings::Settings;
use super::stderr::LONGEST_TEXT;
use super::wire;
use crate::host::foreign_text::one_line;
use crate::model::permit::{Permit, Withheld};

/// After so many items in a row without an answer the rest of a batch is not tried, and after so many answers in a row that
/// cannot be read the connector is not asked any more.
pub(super) const PATIENCE: usize = 3;

/// A connector, running or about to be started again.
#[derive(Debug)]
pub(super) struct Connection {
    settings: Settings,
    stop: Stop,
    /// How the settings call it.
    name: String,
    /// What it said of itself; it must not change in one run.
    description: Description,
    running: Option<Running>,
    /// Its last answer was none of the protocol.
    was_wrong: bool,
    /// What was wrong with its answers to what it was to write, in a row.
    wrong_writes: Vec<String>,
}

/// Why a question has no good answer.
#[derive(Debug, Error)]
pub(super) enum Trouble {
    /// It cannot be used at all with these settings.
    #[error("{0}")]
    Misfit(String),
    /// The question never reached it.
    #[error("{0}")]
    NotAsked(String),
    /// It may have acted on the question.
    #[error("{0}")]
    Lost(String),
    /// The same, for an answer that is none of the protocol.
    #[error("{0}")]
    Wrong(String),
    /// The same, and it may answer yet, or nobody waited for it.
    #[error("{0}")]
    Late(String),
    /// The question was not asked, because this process may not act for the job now.
    #[error(transparent)]
    Withheld(#[from] Withheld),
    /// It answered that it will not or cannot.
    #[error("{}", .0.reason)]
    Refused(wire::Failure),
}

/// Whether a request to stop ends the wait.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wait<'a> {
    /// Nothing is written, so the answer can be done without.
    UntilStop,
    /// Something is written, if this permits it, and the entry in hand is finished.
    ToTheEnd(&'a Permit),
}

impl Connection {
    /// Starts the connector and learns what it is.
    pub(super) fn open(settings: Settings, stop: Stop) -> Result<Self, Trouble> {
        let name = settings.program.first().cloned().unwrap_or_default();
        let (running, description) = start(&settings, &name, &stop)?;
        Ok(Self {
            settings,
            stop,
            name,
            description,
            running: Some(running),
            was_wrong: false,
            wrong_writes: Vec::new(),
        })
    }

    pub(super) fn description(&self) -> &Description {
        &self.description
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }

    /// Asks, and takes the answer if `read` can make something of it.
    pub(super) fn ask<T: DeserializeOwned, U>(
        &mut self,
        verb: wire::Verb,
        wait: Wait<'_>,
        read: impl FnOnce(T) -> Result<U, Unfit>,
    ) -> Result<U, Trouble> {
        // Good look-ups in between mend nothing. The writing itself is never withheld for it, for what it was asked for before
        // may be booked.
        if let (Wait::UntilStop, [.., what]) = (wait, &*self.wrong_writes)
            && self.wrong_writes.len() >= PATIENCE
        {
            return Err(Trouble::Wrong(again_and_again(&self.name, what)));
        }
        let _waiting = waiting_for(format!("the connector {} to answer", self.name));
        let mut running = self.take_running()?;
        let stop = match wait {
            Wait::UntilStop => Some(&self.stop),
            Wait::ToTheEnd(permit) => {
                // Only now, for starting it anew may have taken long.
                if let Err(withheld) = permit.ask() {
                    self.running = Some(running);
                    return Err(withheld.into());
                }
                None
            }
        };
        let answer = running.exchange(verb, &self.settings, stop, read);
        if matches!(wait, Wait::ToTheEnd(_)) {
            match &answer {
                Ok(_) | Err(Trouble::Refused(_)) => self.wrong_writes.clear(),
                Err(Trouble::Wrong(what)) => self.wrong_writes.push(what.clone()),
                Err(_) => {}
            }
        }
        let is_wrong = matches!(answer, Err(Trouble::Wrong(_)));
        let answer = answer.map_err(|trouble| match trouble {
            Trouble::Lost(what) | Trouble::Late(what) => {
                Trouble::Lost(format!("the connector `{}` failed: {what}", self.name))
            }
            // Once may be an accident, and a new process is asked again.
            Trouble::Wrong(what) if !self.was_wrong => {
                Trouble::Lost(format!("the connector `{}` failed: {what}", self.name))
            }
            Trouble::Wrong(what) => Trouble::Wrong(again_and_again(&self.name, &what)),
            Trouble::Refused(failure) => Trouble::Refused(with_reason(failure, &self.description.name)),
            other => other,
        });
        self.was_wrong = is_wrong;
        // After a lost answer it is dropped, and so killed, at the end of this function.
        if !matches!(answer, Err(Trouble::Lost(_) | Trouble::Wrong(_))) {
            self.running = Some(running);
        }
        answer
    }

    /// The running connector, or a new one where there is none that can be trusted.
    fn take_running(&mut self) -> Result<Running, Trouble> {
        if let Some(running) = self.running.take() {
            if running.process.is_quiet() {
                return Ok(running);
            }
            warn!(
                connector = self.name,
                "the connector ended or spoke without being asked; starting it again"
            );
        }
        // What goes wrong now went well a moment ago; if it is the settings, the next run says so at its start.
        let (running, description) = start(&self.settings, &self.name, &self.stop)
            .map_err(|trouble| Trouble::NotAsked(trouble.to_string().replace('\n', " ")))?;
        if description == self.description {
            return Ok(running);
        }
        Err(Trouble::NotAsked(format!(
            "the connector `{}` called itself {} ({}) and, when it was started again, {} ({}): it must not change its \
             books or abilities in one run",
            self.name, self.description.name, self.description.target, description.name, description.target
        )))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            running.process.finish();
        }
    }
}

/// A connector's process that has been greeted.
#[derive(Debug)]
struct Running {
    process: Process,
    last_id: u64,
}

fn again_and_again(connector: &str, what: &str) -> String {
    format!(
        "The connector `{connector}` breaks the protocol again and again: {what}. Correct it \
         (docs/connector-protocol.md), then run again"
    )
}

fn start(settings: &Settings, name: &str, stop: &Stop) -> Result<(Running, Description), Trouble> {
    let process = Process::start(settings, name).map_err(|error| {
        Trouble::Misfit(format!(
            "The connector `{name}` cannot be started ({error}): correct `accounting.command.program`."
        ))
    })?;
    let mut running = Running { process, last_id: 0 };
    let hello = wire::Verb::Hello {
        protocol: wire::PROTOCOL,
        program: concat!("pleo-export ", env!("CARGO_PKG_VERSION")).to_owned(),
    };
    let description = running
        .exchange(hello, settings, Some(stop), Ok)
        .map_err(|trouble| match trouble {
            // It ended or talked nonsense: a wrong program or argument, or a fault in it, which the next run meets again.
            Trouble::Lost(what) | Trouble::Wrong(what) => {
                Trouble::Misfit(unusable(name, &what, &running.process.last_words()))
            }
            Trouble::Late(what) => Trouble::NotAsked(format!(
                "the connector `{name}` did not answer the greeting: {what}"
            )),
            Trouble::Refused(failure) => Trouble::Refused(with_reason(failure, name)),
            other => other,
        })?;
    let description = answers::description(description)
        .map_err(|unfit| Trouble::Misfit(format!("The connector `{name}` cannot be used: {unfit}.")))?;
    Ok((running, description))
}

/// Why a connector is of no use, and on a line of its own, which Pleo is not told, what it wrote to its stderr.
fn unusable(name: &str, what: &str, last_words: &str) -> String {
    let reason =
        format!("The connector `{name}` cannot be used: {what}. See to `accounting.command.program`.");
    if last_words.is_empty() {
        reason
    } else {
        format!("{reason}\nIt last wrote: {last_words}")
    }
}

impl Running {
    fn exchange<T: DeserializeOwned, U>(
        &mut self,
        verb: wire::Verb,
        settings: &Settings,
        stop: Option<&Stop>,
        read: impl FnOnce(T) -> Result<U, Unfit>,
    ) -> Result<U, Trouble> {
        self.last_id += 1;
        let request = wire::Request {
            id: self.last_id,
            verb,
        };
        let line = serde_json::to_vec(&request).map_err(|error| Trouble::NotAsked(error.to_string()))?;
        kill::point("request");
        self.process.send(line);
        let line = self
            .process
            .receive(settings.timeout, stop)
            .map_err(|silence| match silence {
                Silence::Ended => Trouble::Lost(silence.to_string()),
                Silence::Babble(_) => Trouble::Wrong(silence.to_string()),
                Silence::Late(_) | Silence::Stopped(_) => Trouble::Late(silence.to_string()),
            })?;
        kill::point("response");
        match answer_to(self.last_id, &line).map_err(Trouble::Wrong)? {
            Ok(good) => read(good)
                .map_err(|unfit| Trouble::Wrong(format!("its answer does not fit the question: {unfit}"))),
            Err(failure) => Err(Trouble::Refused(failure)),
        }
    }
}

/// The failure with a sentence of ours about what the connector said, if it did: people read it, and a foreign text must
/// not pass for our word on what is in the books.
fn with_reason(failure: wire::Failure, connector: &str) -> wire::Failure {
    let connector = one_line(connector, LONGEST_NAME);
    let reason = match failure.reason.as_str() {
        "" => format!(
            "The connector `{connector}` answered with an error and gave no reason: look into its log or ask who keeps it."
        ),
        // A quotation mark in it must not look like the end of what it says.
        said => format!("The connector `{connector}` says: \"{}\"", said.replace('"', "'")),
    };
    wire::Failure { reason, ..failure }
}

fn answer_to<T: DeserializeOwned>(id: u64, line: &[u8]) -> Result<Result<T, wire::Failure>, Unfit> {
    let unreadable = |error| format!("its answer cannot be read ({error})");
    let line = std::str::from_utf8(line).map_err(|_| "its answer is not UTF-8".to_owned())?;
    let answer: wire::Answer<Box<RawValue>> = serde_json::from_str(line).map_err(unreadable)?;
    if answer.id != id {
        return Err(format!("it answered question {} when {id} was asked", answer.id));
    }
    match (answer.ok, answer.error) {
        (Some(good), None) => Ok(Ok(serde_json::from_str(good.get()).map_err(unreadable)?)),
        (None, Some(failure)) => Ok(Err(wire::Failure {
            reason: one_line(&failure.reason, LONGEST_TEXT),
            ..failure
        })),
        _ => Err("its answer must have either `ok` or `error`".to_owned()),
    }
}
