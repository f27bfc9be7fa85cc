//! `poll`: one company or several, and who is told how it ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use chrono::TimeDelta;
use tracing::warn;

use super::answer::{self, Form, Shown, panicked};
use super::args::Global;
use super::companies;
use super::exit::Exit;
use super::metrics::{self, Sample};
use super::notify::{Notifier, Telling};
use super::poll_end;
use super::reach::Reach;
use super::render::Answer;
use super::run::{Held, Poll, Run};
use super::shared::Shared;
use super::signals;
use crate::config::{Sources, StatusConfig};
use crate::export::report::{Problem, ProblemKind};
use crate::host::stop::{Stop, Stopped};
use crate::model::ids::CompanyId;

/// How polls are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub(super) global: &'a Global,
    pub(super) max_jobs: Option<u32>,
    pub(super) books_are_right: bool,
    /// Where the metrics go.
    pub(super) metrics_file: Option<&'a Path>,
}

/// A poll that is over.
pub(super) struct Polled {
    /// What it says, unless another run is at work that does not yet last too long.
    pub(super) answer: Result<Answer, Held>,
    /// Those who are told.
    pub(super) telling: Telling,
}

impl Polled {
    /// The answer. Two runs that meet are normal for a scheduler.
    pub(super) fn into_answer(self) -> (Answer, Telling) {
        let answer = self.answer.unwrap_or_else(|held| {
            warn!("{}; leaving it to that one", held.message());
            Answer::left_to_another()
        });
        (answer, self.telling)
    }
}

/// Polls for one company.
pub(super) fn poll(sources: &Sources, wish: Wish<'_>, form: Form) -> Exit {
    let stop = signals::stop_on_signals();
    let began = Instant::now();
    let (answer, telling) = one(sources, wish, &Reach::default(), None, &stop).into_answer();
    let exit = answer::answer(&answer, form);
    if let Some(path) = wish.metrics_file {
        let sample = sample(sources, None, &answer, began);
        metrics::write(&sources.working_folder.join(path), sample.as_ref());
    }
    let _ = telling.wait();
    exit
}

/// Polls for each company of a folder. Where the run is to stop, those whose turn has not come are left alone.
pub(super) fn poll_each(sources: &Sources, folder: &Path, wish: Wish<'_>, form: Form) -> Exit {
    let stop = signals::stop_on_signals();
    let reach = Reach::default();
    let (mut tellings, mut samples) = (Vec::new(), Vec::new());
    let exit = companies::each(sources, folder, form, |company| {
        let began = Instant::now();
        let answer = match companies::refused(company) {
            Some(problem) => Answer::of_problem(problem),
            None if stop.is_requested() => Answer::of_problem(stopped()),
            None => {
                let (answer, telling) = one(&company.sources, wish, &reach, None, &stop).into_answer();
                tellings.push(telling);
                answer
            }
        };
        samples.extend(sample(
            &company.sources,
            company.company_id.as_ref(),
            &answer,
            began,
        ));
        Shown::of(&answer, form)
    });
    if let Some(path) = wish.metrics_file {
        metrics::write(&sources.working_folder.join(path), &samples);
    }
    for telling in tellings {
        let _ = telling.wait();
    }
    exit
}

/// What is told of a poll in metrics, where it is known whose it was.
pub(super) fn sample(
    sources: &Sources,
    company_id: Option<&CompanyId>,
    answer: &Answer,
    began: Instant,
) -> Option<Sample> {
    let place = StatusConfig::load(sources).ok();
    let of_settings = place.as_ref().and_then(|place| place.company_id.clone());
    Some(Sample {
        company_id: company_id.cloned().or(of_settings)?,
        place,
        exit: answer.exit(),
        duration: began.elapsed(),
        oldest_pending: answer.oldest_pending(),
    })
}

fn stopped() -> Problem {
    Problem {
        kind: ProblemKind::Stopped,
        message: Stopped.to_string(),
        hint: "nothing was begun for this company".into(),
    }
}

/// One poll of one company, whatever becomes of it.
pub(super) fn one(
    sources: &Sources,
    wish: Wish<'_>,
    reach: &Reach,
    shared: Option<&Shared<'_>>,
    stop: &Stop,
) -> Polled {
    let notifier = Notifier::new(sources);
    let run = Run {
        sources,
        global: wish.global,
        stop,
        books_are_right: wish.books_are_right,
        poll: Some(&Poll {
            notifier: &notifier,
            reach,
            shared,
        }),
    };
    let polled = catch_unwind(AssertUnwindSafe(|| {
        run.attempt(|exporter| exporter.poll(wish.max_jobs))
    }))
    .unwrap_or_else(|_| {
        let mut answer = Answer::of_problem(panicked());
        match shared {
            Some(shared) => shared.count(&mut answer, TimeDelta::MAX, stop),
            None => poll_end::note_afterwards(sources, &mut answer, stop),
        }
        Ok(answer)
    });
    let (answer, since) = match polled {
        Ok(answer) => (Ok(answer), None),
        Err(held) => match held.lasting() {
            Some(problem) => (Ok(Answer::of_problem(problem)), held.since()),
            None => (Err(held), None),
        },
    };
    let telling = match &answer {
        Ok(answer) => {
            let kept = shared.map(|shared| shared.contact.borrow().clone());
            notifier.ended(answer, since, kept, stop)
        }
        // The run that is at work tells how it ends.
        Err(_) => Telling::nothing(),
    };
    Polled { answer, telling }
}
