//! Is all well? What is wrong, since when, and the one thing that helps.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::unmended::Unmended;
use crate::checkpoint::{Blocked, Contact, JobRecord, PollEnd, since};
use crate::cli::as_typed::as_typed;
use crate::cli::exit::Exit;
use crate::cli::poll_end::FOR_TOO_LONG;
use crate::cli::table::safe;
use crate::cli::terminal::Stream;
use crate::export::report::{Problem, held_up};
use crate::host::clock::{self, TOLERATED, length};

/// How it stands, for people and scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Health {
    state: State,
    /// Since when it fails.
    since: Option<DateTime<Utc>>,
    pub(super) last_success: Option<DateTime<Utc>>,
    last_poll: Option<DateTime<Utc>>,
    /// What is wrong, or what a person should know.
    message: Option<String>,
    pub(super) remedy: Option<String>,
    /// The last run did not end by itself; it may be that it did while we looked.
    #[serde(skip)]
    pub(super) is_left_by_a_dead_run: bool,
    /// A run is at work, whose end will say more.
    #[serde(skip)]
    pub(super) is_at_work: bool,
}

/// The word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Failing,
    NeverPolled,
}

/// What it is judged by.
pub(super) struct Facts<'a> {
    pub(super) contact: &'a Contact,
    pub(super) blocked: Option<&'a Blocked>,
    /// Who is at work now.
    pub(super) at_work: Option<String>,
    /// Who was last.
    pub(super) last_holder: Option<String>,
    /// The last run ended without saying so.
    pub(super) has_died: bool,
    /// A run has been at work for too long.
    pub(super) lasting: Option<&'a Problem>,
    /// For how long no poll may come.
    pub(super) alarm_after: TimeDelta,
    /// The polls have failed for longer than they may.
    pub(super) is_alarm: bool,
    /// A job of ours that is in progress.
    pub(super) open_job: Option<&'a JobRecord>,
    /// What is to be mended of jobs that are over.
    pub(super) unmended: Option<&'a Unmended>,
}

/// What helps where there is no checkpoint.
pub(super) const NEVER_POLLED: &str = "run `pleo-export poll`; if it ran already, say where the checkpoint is \
                                       (PLEO_EXPORT_CHECKPOINT, or the settings of the service)";

/// Nothing was ever heard of a poll.
pub(super) fn never_polled(why: &str, remedy: &str) -> Health {
    Health {
        state: State::NeverPolled,
        since: None,
        last_success: None,
        last_poll: None,
        message: Some(why.to_owned()),
        remedy: Some(remedy.to_owned()),
        is_left_by_a_dead_run: false,
        is_at_work: false,
    }
}

/// The first that applies says how it stands: a run at work, one that died, the last poll. Where the last of these was too
/// long ago, that is what is wrong.
pub(super) fn judge(facts: &Facts<'_>, now: DateTime<Utc>) -> Health {
    let contact = facts.contact;
    let last = contact.last_poll.as_ref();
    let mut health = Health {
        state: State::Ok,
        since: None,
        last_success: contact.last_success,
        last_poll: last.map(|last| last.at),
        message: None,
        remedy: None,
        is_left_by_a_dead_run: false,
        is_at_work: facts.at_work.is_some(),
    };
    if let Some(by) = &facts.at_work {
        health.message = Some(format!("a run is at work ({by})"));
        if let Some(lasting) = facts.lasting {
            health.fails(since(by), lasting.message.clone(), lasting.hint.clone());
        }
    } else if facts.has_died {
        health.is_left_by_a_dead_run = true;
        let by = facts.last_holder.as_deref();
        let who = by.map_or_else(String::new, |by| format!(" ({by})"));
        let what = format!("the last run{who} died: it was killed, or the machine went down");
        let remedy = "run `pleo-export poll`, or wait for the next one: it goes on where that one was";
        health.fails(by.and_then(since), what, remedy.into());
    } else if let Some(last) = last {
        health.of_poll(last, facts);
    } else if let Some(series) = &contact.failed_polls {
        // Kept by a version that kept no more of it.
        health.fails(Some(series.since), series.last_error.clone(), RUN.into());
    } else if facts.open_job.is_none() {
        return never_polled("no poll has been noted in this checkpoint yet", RUN);
    }
    if health.state == State::Ok && health.message.is_none() {
        health.of_open_job(facts);
    }
    health.add_unmended(facts);
    if facts.at_work.is_none() {
        health.of_silence(facts, now);
    }
    if health.state == State::Ok && health.last_poll.is_some_and(|last| last - now > TOLERATED) {
        let message = "the last poll was later than the clock of this machine shows: one of the two is wrong";
        health.fails(
            None,
            message.into(),
            "set the clock right (`timedatectl`); where it is right, run `pleo-export poll`".into(),
        );
    }
    health
}

pub(super) const RUN: &str = "run `pleo-export poll`";

/// Where one has come and is not over.
pub(super) const AT_WORK: &str =
    "nothing, as long as the run at work gets on: it counts once it is over (`pleo-export status`)";

/// Where polls come no more.
pub(super) const SILENT: &str = "see that what polls is still there (`systemctl list-timers 'pleo-export*'`, `systemctl status \
                                 pleo-export-listen`, or the cron job), then run `pleo-export poll`; where polls are meant to \
                                 come less often, set `run.alarm_after` longer than that";

impl Health {
    fn fails(&mut self, since: Option<DateTime<Utc>>, message: String, remedy: String) {
        self.state = State::Failing;
        self.since = since;
        self.message = Some(message);
        self.remedy = Some(remedy);
    }

    fn of_poll(&mut self, last: &PollEnd, facts: &Facts<'_>) {
        let series = facts.contact.failed_polls.as_ref();
        let ended = format!("it ended with {}", last.exit_code);
        let message = last.message.as_ref().unwrap_or(&ended);
        let remedy = || match &last.remedy {
            _ if facts.is_alarm && last.exit_code == Exit::Temporary.code() => FOR_TOO_LONG.to_owned(),
            Some(remedy) if last.exit_code == Exit::Temporary.code() => {
                format!("{remedy} (`pleo-export poll`)")
            }
            Some(remedy) => remedy.clone(),
            None => RUN.to_owned(),
        };
        if let Some(series) = series {
            let message = match series.count {
                0 | 1 => series.last_error.clone(),
                several => format!("{several} polls in a row have failed: {}", series.last_error),
            };
            self.fails(Some(series.since), message, remedy());
        } else if last.exit_code == Exit::NeedsPerson.code() {
            // Kept by a version that took it for no failure.
            self.fails(Some(last.at), message.clone(), remedy());
        } else if let Some(blocked) = facts.blocked {
            let (message, remedy) = held_up(&blocked.by);
            self.message = Some(message);
            self.remedy = Some(remedy);
        } else if let Some(unmended) = facts.unmended {
            self.message = Some(unmended.message.clone());
            self.remedy = Some(unmended.remedy.clone());
        } else if last.message.is_some() {
            self.message = Some(format!("the last poll: {message}"));
            self.remedy = Some(remedy());
        }
    }

    /// Polls that come no more say nothing of themselves.
    fn of_silence(&mut self, facts: &Facts<'_>, now: DateTime<Utc>) {
        let holder = facts.last_holder.as_deref().filter(|_| facts.has_died);
        let Some(last) = self.last_poll.max(holder.and_then(since)) else {
            return;
        };
        if now - last <= facts.alarm_after {
            return;
        }
        let silent = format!("no poll has run since {}", clock::text(last));
        let message = match self.state {
            State::Failing => self.add_cause(&silent),
            State::Ok | State::NeverPolled => silent,
        };
        self.fails(self.since.or(Some(last)), message, SILENT.into());
    }

    /// A job that `resume` or `run-job` left open is news, too.
    fn of_open_job(&mut self, facts: &Facts<'_>) {
        let Some(job) = facts.open_job else { return };
        let why = job
            .last_error
            .as_ref()
            .map_or_else(String::new, |error| format!(": {error}"));
        self.message = Some(format!("job {} was left in progress{why}", job.id));
        let hint = job.last_hint.clone();
        self.remedy = Some(hint.unwrap_or_else(|| RUN.to_owned()));
    }

    /// What is to be mended of jobs that are over, behind what is only to be waited for.
    fn add_unmended(&mut self, facts: &Facts<'_>) {
        let Some(unmended) = facts.unmended.filter(|_| self.state == State::Ok) else {
            return;
        };
        if self.message.as_ref() != Some(&unmended.message) {
            let join = |told: Option<&String>, more: &str| match told {
                Some(told) => format!("{told}; {more}"),
                None => more.to_owned(),
            };
            self.message = Some(join(self.message.as_ref(), &unmended.message));
            self.remedy = Some(join(self.remedy.as_ref(), &unmended.remedy));
        }
    }

    /// What is wrong, behind something that is said already.
    pub(super) fn add_cause(&self, text: &str) -> String {
        match &self.message {
            Some(message) => format!("{text}; {message}"),
            None => text.to_owned(),
        }
    }

    /// Whether nothing stands in the way of polls.
    pub(super) fn is_ok(&self) -> bool {
        matches!(self.state, State::Ok)
    }

    /// Has the commands in it be what is to be typed.
    pub(super) fn name_commands(&mut self) {
        for text in [&mut self.message, &mut self.remedy].into_iter().flatten() {
            *text = as_typed(text);
        }
    }

    /// The same where it fails; else nothing.
    pub(super) fn text_of_failure(&self, now: DateTime<Utc>) -> String {
        match self.state {
            State::Failing => self.text(now),
            State::Ok | State::NeverPolled => String::new(),
        }
    }

    /// The first lines of the answer.
    pub(super) fn text(&self, now: DateTime<Utc>) -> String {
        let success = match self.last_success {
            Some(at) if at - now > TOLERATED => format!("last successful poll at {}", clock::text(at)),
            Some(at) => format!("last successful poll {} ago", length(now - at)),
            None => "no poll has succeeded yet".to_owned(),
        };
        let message = self.message.as_deref().map(safe);
        let mut text = match (self.state, message) {
            (State::Ok, None) => format!("All is well: {success}; nothing to do.\n"),
            (State::Ok, Some(message)) => format!("{}; {message}.\n", capital(&success)),
            (State::NeverPolled, message) => format!("Never polled: {}.\n", message.unwrap_or_default()),
            (State::Failing, message) => {
                let since = self.since.map_or_else(String::new, |since| {
                    format!(" since {} ({} ago)", clock::text(since), length(now - since))
                });
                let message = message.unwrap_or_default();
                format!("{}{since}: {message}\n  {success}\n", Stream::Out.red("Failing"))
            }
        };
        if let Some(remedy) = &self.remedy {
            text.push_str("  what helps: ");
            text.push_str(&safe(remedy));
            text.push('\n');
        }
        text
    }
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
