//! The checkpoint: whole, ours, on a disk of this machine; who is at work on it, and how the last polls ended.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Check, Name};
use crate::checkpoint::{self, Checkpoint, CheckpointError, Fault, Owner, PollEnd};
use crate::host::clock::{self, TOLERATED};
use crate::host::{disk, files};

/// What opening it came to.
pub type Opened = Result<Option<Checkpoint>, CheckpointError>;

/// The file itself. `owner` is whose it should be, where that is known, with a former name of the same books.
pub fn file(path: &Path, opened: &Opened, owner: Option<(&Owner, Option<&str>)>) -> Vec<Check> {
    let name = Name::Checkpoint;
    let mut checks = place(path);
    let found = opened.as_ref().map(Option::as_ref);
    match found.map(|checkpoint| checkpoint.map(|checkpoint| look(checkpoint, owner))) {
        Err(error) => checks.push(of_error(error)),
        Ok(Some(Err(error))) => checks.push(of_error(&error)),
        Ok(Some(Ok(()))) if checks.is_empty() => {
            checks.push(Check::ok(name, format!("`{}` is whole and ours", path.display())));
        }
        Ok(None) if checks.is_empty() => {
            checks.push(Check::ok(
                name,
                format!("`{}` will be made by the first run", path.display()),
            ));
        }
        Ok(_) => {}
    }
    checks
}

fn look(checkpoint: &Checkpoint, owner: Option<(&Owner, Option<&str>)>) -> Result<(), CheckpointError> {
    checkpoint.check_through()?;
    owner.map_or(Ok(()), |(owner, former_target)| {
        checkpoint.refuse_others(owner, former_target)
    })
}

fn of_error(error: &CheckpointError) -> Check {
    match error.fault {
        Fault::Busy(_) => Check::out_of_reach(Name::Checkpoint, error.to_string()),
        _ => Check::failed(Name::Checkpoint, error.to_string(), error.hint()),
    }
}

/// What is wrong with where it lies.
fn place(path: &Path) -> Vec<Check> {
    let name = Name::Checkpoint;
    let folder = disk::nearest_folder(path.parent().unwrap_or(Path::new("")));
    let lock = checkpoint::lock_path(path);
    let mut files = [path, &lock].into_iter().filter(|file| file.is_file());
    let of_file = files.find_map(|file| files::refuse_unwritable_file(file).err());
    let unwritable = of_file.or_else(|| files::refuse_unwritable(folder).err());
    let mut checks = Vec::new();
    if let Some(error) = unwritable {
        checks.push(Check::failed(
            name,
            error.to_string(),
            "make it writable for the user that runs pleo-export, or name another one as `checkpoint.path` (PLEO_EXPORT_CHECKPOINT)",
        ));
    }
    if let Some(share) = disk::network_share(folder) {
        checks.push(Check::failed(
            name,
            format!(
                "`{}` lies on a network share ({share}), where a log in shared memory does not work",
                path.display()
            ),
            "name a file on a disk of this machine as `checkpoint.path` (PLEO_EXPORT_CHECKPOINT)",
        ));
    }
    checks
}

/// Whether a run is at work, and for how long already.
pub fn lock(at_work: Option<&str>, alarm_after: TimeDelta, now: DateTime<Utc>) -> Vec<Check> {
    let name = Name::Lock;
    let Some(by) = at_work else {
        return vec![Check::ok(name, "no run is at work")];
    };
    let lasts = checkpoint::since(by).map(|since| now - since);
    vec![match lasts.filter(|lasts| *lasts > alarm_after) {
        Some(_) => Check::failed(
            name,
            format!("a run has been at work for longer than `run.alarm_after` allows ({by})"),
            "look whether it still gets on (`pleo-export status`); ending it is safe, and the next run goes on",
        ),
        None => Check::ok(name, format!("a run is at work ({by})")),
    }]
}

/// How the last polls ended.
pub fn last_poll(
    opened: &Opened,
    alarm_after: TimeDelta,
    is_at_work: bool,
    now: DateTime<Utc>,
) -> Vec<Check> {
    let name = Name::LastPoll;
    let checkpoint = match opened {
        Ok(Some(checkpoint)) => checkpoint,
        Ok(None) => return vec![Check::ok(name, "no run has been here yet")],
        Err(_) => return super::not_looked_at(&[name], "the checkpoint cannot be read"),
    };
    let (contact, ended_in_order) = match (checkpoint.contact(), checkpoint.ended_in_order()) {
        (Ok(contact), Ok(ended_in_order)) => (contact, ended_in_order),
        (Err(error), _) | (_, Err(error)) => {
            return vec![Check {
                name,
                ..of_error(&error)
            }];
        }
    };
    let mut checks = Vec::new();
    if !ended_in_order && !is_at_work {
        checks.push(Check::warning(
            name,
            "the last run did not come to its end: it was killed, or the power went",
            "nothing is lost; the next run goes on (`pleo-export poll`)",
        ));
    }
    if let Some(series) = &contact.failed_polls {
        let since = clock::text(series.since);
        let message = match series.count {
            0 | 1 => format!("the last poll failed at {since}: {}", series.last_error),
            several => format!(
                "{several} polls in a row failed since {since}: {}",
                series.last_error
            ),
        };
        let remedy = "see to the cause, as far as it is not told above; the next good poll ends the series";
        checks.push(if contact.alarm(alarm_after, now).is_some() {
            Check::failed(name, message, remedy)
        } else {
            Check::warning(name, message, remedy)
        });
    }
    let last = contact
        .last_poll
        .as_ref()
        .filter(|last| last.at - now > TOLERATED);
    if let Some(last) = last {
        let at = clock::text(last.at);
        checks.push(Check::warning(
            name,
            format!("the last poll was at {at}, later than the clock of this machine shows: one of the two is wrong"),
            "set the clock right (`timedatectl`); where it is right, run `pleo-export poll`",
        ));
    }
    let silent_since = contact.last_poll.as_ref().map(|last| last.at);
    if let Some(at) = silent_since.filter(|at| !is_at_work && now - *at > alarm_after) {
        let at = clock::text(at);
        checks.push(Check::warning(
            name,
            format!("no poll has run since {at}"),
            "see that the timer, the cron job or `pleo-export listen` is still there",
        ));
    }
    if checks.is_empty() {
        checks.push(Check::ok(name, how_it_ended(contact.last_poll.as_ref())));
    }
    checks
}

fn how_it_ended(last: Option<&PollEnd>) -> String {
    let Some(last) = last else {
        return "no poll ended here yet".to_owned();
    };
    let at = clock::text(last.at);
    match last.exit_code {
        0 => format!("ended well at {at}"),
        code => format!("ended at {at} with exit code {code}"),
    }
}

/// Says where a run changed the file while it was read, so that what was told of it may be mixed.
pub fn changed_meanwhile(opened: &Opened) -> Option<Check> {
    let checkpoint = opened.as_ref().ok()?.as_ref()?;
    checkpoint.finish_reading().err().as_ref().map(of_error)
}
