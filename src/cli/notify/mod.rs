//! `[notify]`: tells people and monitors how polls end, without being asked.
//!
//! It never changes a run: a thread of its own does the telling, and the program waits for it for a few seconds at its end.
//! The address is called at each poll, as services of the kind of healthchecks want it. The program hears what is new, and
//! once a day that nothing is: what it was told last is kept in the checkpoint.

mod deliver;
mod event;

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tracing::{Span, debug, warn};

use super::as_typed::as_typed;
use super::exit::Exit;
use super::poll_end::Standing;
use super::render::Answer;
use crate::checkpoint::{Checkpoint, Contact, RunLock, Told};
use crate::config::{NotifyConfig, Sources, StatusConfig};
use crate::export::report::held_up;
use crate::host::clock;
use crate::host::stop::Stop;
use crate::model::ids::JobId;
use deliver::Document;
use event::Event;

/// How long the program waits for the telling, once it has answered.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to tell that a job has begun; the end of the poll must be told after it.
const PATIENCE_AT_START: Duration = Duration::from_secs(2);

/// How long a program that was killed is waited for.
const FAREWELL: Duration = Duration::from_millis(200);

/// Who is told of one poll.
pub(super) struct Notifier {
    thread: Option<Teller>,
}

struct Teller {
    news: Sender<News>,
    is_over: Receiver<Told>,
}

enum News {
    Started(JobId),
    Ended(Box<Ending>, Instant),
}

/// How a poll ended, for those who are told.
struct Ending {
    /// By the clock that the poll followed; the thread that tells knows its own alone.
    at: DateTime<Utc>,
    exit: Exit,
    has_failed: bool,
    /// A job of another instance is in the way.
    is_held_up: bool,
    since: Option<DateTime<Utc>>,
    message: String,
    remedy: Option<String>,
    /// What is kept of the polls, where that is not the checkpoint's.
    kept: Option<Contact>,
}

impl Notifier {
    /// Of these settings, as far as they can be read.
    pub(super) fn new(sources: &Sources) -> Self {
        let config = NotifyConfig::load(sources);
        if config.command.is_none() && config.url.is_none() {
            return Self { thread: None };
        }
        let place = StatusConfig::load(sources).ok();
        let (news, to_tell) = mpsc::channel();
        let (over, is_over) = mpsc::channel();
        // Its lines in the log are of this company, too.
        let span = Span::current();
        let telling = thread::Builder::new().spawn(move || {
            if let Some(told) = span.in_scope(|| tell(&config, place.as_ref(), &to_tell)) {
                let _ = over.send(told);
            }
        });
        if let Err(error) = &telling {
            warn!("[notify] cannot be served: {error}");
        }
        Self {
            thread: telling.is_ok().then_some(Teller { news, is_over }),
        }
    }

    /// A job of the poll begins.
    pub(super) fn started(&self, job: &JobId) {
        if let Some(teller) = &self.thread {
            let _ = teller.news.send(News::Started(job.clone()));
        }
    }

    /// The poll is over, and the lock is free. `since` is when a run began that lasts too long; `kept` is what is known of the
    /// polls, where the checkpoint is not asked. Not told of is a poll that was stopped: the next one goes on.
    pub(super) fn ended(
        self,
        answer: &Answer,
        since: Option<DateTime<Utc>>,
        kept: Option<Contact>,
        stop: &Stop,
    ) -> Telling {
        let Some(teller) = self.thread else {
            return Telling(None);
        };
        let until = Instant::now() + PATIENCE;
        let exit = answer.exit();
        let standing = Standing::of(exit, stop);
        if standing != Standing::Stopped {
            let problem = answer.problem();
            let in_the_way = answer
                .blocked_by()
                .map(|blocker| as_typed(&held_up(&blocker.id).1));
            let ending = Ending {
                at: clock::now(),
                exit,
                has_failed: standing == Standing::Failure,
                is_held_up: in_the_way.is_some(),
                since,
                message: problem.map_or_else(|| answer.summary(), |problem| as_typed(&problem.message)),
                remedy: problem.map(|problem| as_typed(&problem.hint)).or(in_the_way),
                kept,
            };
            let _ = teller.news.send(News::Ended(Box::new(ending), until));
        }
        Telling(Some((teller.is_over, until)))
    }
}

/// The telling of a poll that is over.
pub(super) struct Telling(Option<(Receiver<Told>, Instant)>);

impl Telling {
    /// Nobody is told.
    pub(super) const fn nothing() -> Self {
        Self(None)
    }

    /// Waits until it is done, but not for long. Answers what was told, where somebody else than the checkpoint is to keep it.
    pub(super) fn wait(self) -> Option<Told> {
        let (is_over, until) = self.0?;
        let left = until.saturating_duration_since(Instant::now());
        is_over.recv_timeout(left + FAREWELL).ok()
    }
}

fn tell(config: &NotifyConfig, place: Option<&StatusConfig>, news: &Receiver<News>) -> Option<Told> {
    let company_id = place.and_then(|place| place.company_id.as_ref());
    for news in news {
        match news {
            News::Started(job) => {
                let document = Document::new(
                    Event::Started,
                    company_id,
                    &format!("export job {job} has begun"),
                    None,
                );
                let until = Instant::now() + PATIENCE_AT_START;
                deliver::to_both(config, &document, Some(&document), until);
            }
            News::Ended(ending, until) => return tell_end(config, place, *ending, until),
        }
    }
    None
}

/// Answers what was told, where the checkpoint is not who keeps it.
fn tell_end(
    config: &NotifyConfig,
    place: Option<&StatusConfig>,
    ending: Ending,
    until: Instant,
) -> Option<Told> {
    let company_id = place.and_then(|place| place.company_id.as_ref());
    let is_kept_elsewhere = ending.kept.is_some();
    let kept = ending.kept.or_else(|| place.and_then(kept));
    let now = ending.at;
    let series = kept.as_ref().and_then(|kept| kept.failed_polls.as_ref());
    let told = kept.as_ref().and_then(|kept| kept.told.as_ref());
    let (exit, has_failed) = (ending.exit, ending.has_failed);
    let level = event::level(exit, ending.is_held_up);
    let event = event::news(told, has_failed, level, now);
    let document = |event| {
        let since = match event {
            Event::Failure => ending.since.or(series.map(|series| series.since)).unwrap_or(now),
            _ => now,
        };
        Document::new(event, company_id, &ending.message, ending.remedy.as_deref()).ended(exit, since)
    };
    let for_url = document(if has_failed {
        Event::Failure
    } else {
        Event::Success
    });
    let for_command = event.filter(|_| config.command.is_some()).map(document);
    let is_told = deliver::to_both(config, &for_url, for_command.as_ref(), until);
    let told = match (for_command, event, told) {
        (Some(_), Some(event), _) if is_told => Told {
            event: event.as_str().to_owned(),
            exit_code: level,
            at: now,
        },
        (None, None, Some(told)) if told.exit_code != level => Told {
            exit_code: level,
            ..told.clone()
        },
        _ => return None,
    };
    if is_kept_elsewhere {
        return Some(told);
    }
    if let Some(place) = place {
        remember(place, told);
    }
    None
}

/// What is kept of the polls, where it can be read.
fn kept(place: &StatusConfig) -> Option<Contact> {
    let checkpoint = Checkpoint::open_read_only(&place.checkpoint).ok().flatten()?;
    if let Some(company_id) = &place.company_id {
        checkpoint.refuse_other_company(company_id).ok()?;
    }
    checkpoint.contact().ok()
}

/// Keeps what was told. Where that cannot be, it is told once more.
fn remember(place: &StatusConfig, told: Told) {
    let Some(company_id) = &place.company_id else {
        return;
    };
    let kept = RunLock::acquire(&place.checkpoint).map(|_lock| {
        Checkpoint::note_contact(&place.checkpoint, Some(company_id), |contact| {
            contact.told = Some(told);
        })
    });
    match kept {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => debug!("what was told could not be kept: {error}"),
        Err(error) => debug!("what was told could not be kept: {error}"),
    }
}
