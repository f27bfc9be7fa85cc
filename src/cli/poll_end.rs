//! How a poll ended, for those who look later: each is kept in the checkpoint, also one that found nothing, could not reach
//! Pleo, or failed before it came to its work.

use chrono::{DateTime, TimeDelta, Utc};
use tracing::debug;

use super::exit::Exit;
use super::render::Answer;
use crate::checkpoint::{Checkpoint, Contact, FailedPolls, PollEnd, RunLock};
use crate::config::{Sources, StatusConfig};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::host::stop::Stop;

/// How a poll counts for those who watch. `status`, `--max-age`, metrics, `[notify]` and the health of `listen` all go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It did what it should (0, 3, 4): what became of the jobs is told in Pleo. Also where it waits for a job of another
    /// instance that is still heard of.
    Success,
    /// It failed (1, 2, 5), or cannot go on without a person (6).
    Failure,
    /// A signal ended it: the next one goes on.
    Stopped,
}

impl Standing {
    /// Of a poll that ended so.
    pub(super) fn of(exit: Exit, stop: &Stop) -> Self {
        match exit {
            Exit::Done | Exit::ItemsFailed | Exit::JobFailed => Self::Success,
            Exit::Temporary if stop.is_requested() => Self::Stopped,
            Exit::Unexpected | Exit::Usage | Exit::Temporary | Exit::NeedsPerson => Self::Failure,
        }
    }
}

/// Notes how a poll ended. One that failed for a reason that may pass is no news, but a long series of them is.
pub(super) fn count(contact: &mut Contact, answer: &mut Answer, alarm_after: TimeDelta, stop: &Stop) {
    let now = clock::now();
    let exit = answer.exit();
    let cause = answer.problem().cloned();
    match Standing::of(exit, stop) {
        Standing::Success => {
            contact.failed_polls = None;
            contact.last_success = Some(now);
        }
        Standing::Failure => {
            contact.poll_failed(cause.as_ref().map_or("", |cause| &cause.message), now);
            if exit == Exit::Temporary
                && let Some(series) = contact.alarm(alarm_after, now)
            {
                answer.raise_alarm(failing(series));
            }
        }
        Standing::Stopped => {}
    }
    // The series tells the cause; what helps is what the poll itself says.
    let remedy = answer.problem().map(|problem| problem.hint.clone());
    let message = cause.map(|cause| cause.message);
    contact.last_poll = Some(PollEnd {
        at: now,
        exit_code: answer.exit().code(),
        message,
        remedy,
    });
}

/// Notes a poll that ended before its work, where the checkpoint is to be had. The caller holds the lock.
pub(super) fn note(config: &StatusConfig, answer: &mut Answer, stop: &Stop) {
    let noted = Checkpoint::note_contact(&config.checkpoint, config.company_id.as_ref(), |contact| {
        count(contact, answer, config.alarm_after, stop);
    });
    if let Err(error) = noted {
        debug!("the end of the poll could not be noted: {error}");
    }
}

/// Notes a poll that ended over its settings or panicked, as far as the settings say where.
pub(super) fn note_afterwards(sources: &Sources, answer: &mut Answer, stop: &Stop) {
    if let Some(config) = StatusConfig::of_wrong(sources)
        // Nothing is made for settings that are wrong.
        && config.checkpoint.exists()
        && let Ok(_lock) = RunLock::acquire(&config.checkpoint)
    {
        note(&config, answer, stop);
    }
}

/// What helps once polls have failed for longer than they may.
pub(super) const FOR_TOO_LONG: &str = "this does not come right by itself any more: see to the cause, then run \
                                       `pleo-export poll`; the next good poll ends the alarm";

/// What a person is told about polls that fail again and again.
pub(super) fn failing(series: &FailedPolls) -> Problem {
    Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!(
            "{} polls in a row have failed since {}: {}",
            series.count,
            clock::text(series.since),
            series.last_error
        ),
        hint: FOR_TOO_LONG.into(),
    }
}

/// What a person is told about a run that does not end.
pub(super) fn lasting(by: &str, since: Option<DateTime<Utc>>, alarm_after: TimeDelta) -> Option<Problem> {
    since.filter(|since| clock::now() - *since > alarm_after).map(|_| Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!("a run has been at work for longer than `run.alarm_after` allows ({by})"),
        hint: "look whether it still gets on (`pleo-export status`); ending it is safe, and the next run goes on".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_still_may_once_it_is_an_alarm() {
        let mut contact = Contact::default();
        for hours in [8, 7] {
            contact.poll_failed("out of reach", clock::now() - TimeDelta::hours(hours));
        }
        let mut answer = Answer::of_problem(Problem {
            kind: ProblemKind::Temporary,
            message: "out of reach".into(),
            hint: "run again".into(),
        });
        assert_eq!((answer.exit(), answer.may_pass()), (Exit::Temporary, true));
        count(&mut contact, &mut answer, TimeDelta::hours(6), &Stop::new());
        assert_eq!((answer.exit(), answer.may_pass()), (Exit::NeedsPerson, true));
        let told: Vec<&Problem> = answer.problems().collect();
        assert!(told.len() == 1 && told[0].message.starts_with("3 polls in a row have failed"));
    }
}
