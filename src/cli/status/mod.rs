//! `status`: is all well, and what the checkpoint knows. No network, no credential, no lock.

mod health;
mod known;
mod one_job;
mod table;
mod taken_over;
mod unmended;

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use tracing::warn;

use super::answer::{Form, Shown};
use super::args::StatusWish;
use super::as_typed::as_typed;
use super::companies;
use super::exit::Exit;
use super::render::{Answer, BlockerDocument, Document, ErrorDocument, document, failures_table};
use super::table::safe;
use crate::config::Sources;
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock::{self, TOLERATED, length};
use health::{AT_WORK, Health, SILENT};
use known::Known;
use one_job::{ItemDocument, TrailDocument};
use table::JobDocument;

/// Says whether all is well, and shows the last jobs or one.
pub(super) fn status(sources: &Sources, wish: &StatusWish, form: Form) -> Exit {
    shown(sources, wish, form).give(form)
}

/// The same for each company of a folder.
pub(super) fn status_of_each(sources: &Sources, folder: &Path, wish: &StatusWish, form: Form) -> Exit {
    companies::each(sources, folder, form, |company| {
        companies::unless_refused(company, form, || shown(&company.sources, wish, form))
    })
}

fn shown(sources: &Sources, wish: &StatusWish, form: Form) -> Shown {
    let known = match Known::read(sources, wish) {
        Ok(known) => known,
        Err(problem) => return Shown::of(&Answer::of_problem(problem), form),
    };
    let now = clock::now();
    if !form.json {
        known.passed_over.iter().for_each(|note| warn!("{note}"));
    }
    let too_old = wish
        .max_age
        .and_then(|max_age| too_old(&known.health, max_age, now));
    let exit = too_old.as_ref().map_or(Exit::Done, |_| Exit::NeedsPerson);
    let text = if form.json {
        to_json(&known, too_old.as_ref(), exit)
    } else if wish.csv {
        one_job::csv(&known.trail)
    } else if form.quiet && too_old.is_some() {
        String::new()
    } else if form.quiet {
        known.health.text_of_failure(now)
    } else {
        to_text(&known, wish, too_old.is_some(), now)
    };
    Shown {
        exit,
        text,
        problems: too_old.into_iter().collect(),
    }
}

/// What is wrong where the last success is older than it may be.
fn too_old(health: &Health, max_age: Duration, now: DateTime<Utc>) -> Option<Problem> {
    let max_age = TimeDelta::from_std(max_age).unwrap_or(TimeDelta::MAX);
    let message = match health.last_success {
        None => "no poll has succeeded yet".to_owned(),
        Some(last) if last - now > TOLERATED => format!(
            "the last successful poll was at {}, which is in the future: the clock of this machine is wrong",
            clock::text(last)
        ),
        Some(last) if now - last > max_age => {
            format!(
                "the last successful poll was {} ago ({})",
                length(now - last),
                clock::text(last)
            )
        }
        Some(_) => return None,
    };
    // What is to be seen to besides is no reason why polls come no more.
    let remedy = health.remedy.clone().filter(|_| !health.is_ok());
    Some(Problem {
        kind: ProblemKind::NeedsPerson,
        message: health.add_cause(&message),
        hint: remedy.unwrap_or_else(|| {
            let silent = if health.is_at_work { AT_WORK } else { SILENT };
            silent.to_owned()
        }),
    })
}

/// Where the last success is too old, the error says how it stands.
fn to_text(known: &Known, wish: &StatusWish, is_too_old: bool, now: DateTime<Utc>) -> String {
    let mut text = if is_too_old {
        String::new()
    } else {
        known.health.text(now)
    };
    if known.is_there {
        let path = known.path.display();
        text = format!("{text}Checkpoint {}\n", safe(&path.to_string()));
    }
    if !known.jobs.is_empty() {
        text.push('\n');
        text.push_str(&table::text(known, wish, now));
    }
    if known.older_jobs > 0 {
        let all = as_typed("`pleo-export status --all`");
        text = format!("{text}  and {} older jobs: {all}\n", known.older_jobs);
    }
    if wish.audit {
        text.push('\n');
        text.push_str(&one_job::trail_text(&known.trail));
    } else if wish.job.is_some() {
        for job in known.jobs.iter().filter(|job| !job.failures.is_empty()) {
            text.push('\n');
            text.push_str(&failures_table(&job.failures));
        }
        if !known.items.is_empty() {
            text.push('\n');
            text.push_str(&one_job::items_text(&known.items, known.zone));
        }
    }
    text
}

#[derive(Serialize)]
struct StatusDocument<'a> {
    #[serde(flatten)]
    answer: Document<JobDocument>,
    health: &'a Health,
    checkpoint: String,
    blocked_by: Option<BlockerDocument>,
    older_jobs: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ItemDocument>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit: Option<Vec<TrailDocument<'a>>>,
    notes: &'a [String],
}

fn to_json(known: &Known, too_old: Option<&Problem>, exit: Exit) -> String {
    let (wants_items, wants_trail) = (!known.items.is_empty(), !known.trail.is_empty());
    document(&StatusDocument {
        answer: Document {
            schema_version: 1,
            exit_code: exit.code(),
            jobs: known
                .jobs
                .iter()
                .map(|job| JobDocument::new(job, known))
                .collect(),
            error: too_old.or(known.alarm.as_ref()).map(ErrorDocument::from),
        },
        health: &known.health,
        checkpoint: known.path.display().to_string(),
        blocked_by: known.blocked.as_ref().map(BlockerDocument::from),
        older_jobs: known.older_jobs,
        items: wants_items.then(|| {
            let items = known.items.iter();
            items.map(|item| ItemDocument::new(item, known.zone)).collect()
        }),
        audit: wants_trail.then(|| known.trail.iter().map(TrailDocument::from).collect()),
        notes: &known.passed_over,
    })
}
