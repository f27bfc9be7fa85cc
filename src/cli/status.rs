//! `status`: what the checkpoint knows. No network, no credential, no lock.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::answer::{Form, Shown};
use super::companies;
use super::exit::Exit;
use super::poll_end;
use super::render::{
    Answer, Document, ErrorDocument, FailureDocument, ItemsDocument, document, failures_table, problem_text,
};
use super::table::Table;
use crate::checkpoint::{self, Checkpoint, Counts, JobRecord};
use crate::config::{Sources, StatusConfig};
use crate::export::report::{Problem, ProblemKind};
use crate::host::clock;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::model::state::JobState;
use crate::model::verdict::Failure;

/// Shows all jobs, or one with its failures.
pub(super) fn status(sources: &Sources, job: Option<&str>, form: Form) -> Exit {
    shown(sources, job, form).give(form)
}

/// Shows the jobs of each company of a folder.
pub(super) fn status_of_each(sources: &Sources, folder: &Path, form: Form) -> Exit {
    companies::each(sources, folder, form, |company| {
        companies::unless_refused(company, form, || shown(&company.sources, None, form))
    })
}

fn shown(sources: &Sources, job: Option<&str>, form: Form) -> Shown {
    match read(sources, job) {
        Ok((alarm, jobs)) => Shown {
            exit: Exit::Done,
            text: if form.json {
                to_json(jobs, alarm.as_ref())
            } else {
                let alarm = alarm.as_ref().map(problem_text).unwrap_or_default();
                alarm + &to_text(&jobs, job.is_some(), clock::now())
            },
            problems: Vec::new(),
        },
        Err(problem) => Shown::of(&Answer::of_problem(problem), form),
    }
}

struct Known {
    record: JobRecord,
    counts: Counts,
    failures: Vec<(AccountingEntryId, Failure)>,
    /// Who is at work on it now.
    at_work: Option<String>,
}

impl Known {
    /// Where the job stands, in Pleo's words as far as they are known here.
    fn status(&self) -> &str {
        match (self.record.state, &self.record.closing) {
            (JobState::Closed, Some(outcome)) => outcome.status().as_str(),
            (JobState::Starting, _) => "pending",
            (JobState::Ended, _) => "failed",
            _ => "in_progress",
        }
    }

    /// Its items; before the list is read, all of them are open.
    fn items(&self) -> Counts {
        let unread = self.record.number_of_items.saturating_sub(self.counts.total);
        Counts {
            total: self.counts.total + unread,
            open: self.counts.open + unread,
            ..self.counts
        }
    }
}

/// What a person must see to before anything else, and the jobs.
fn read(sources: &Sources, job: Option<&str>) -> Result<(Option<Problem>, Vec<Known>), Problem> {
    let config = StatusConfig::load(sources).map_err(|problems| Problem {
        kind: ProblemKind::Configuration,
        message: problems.to_string(),
        hint: "correct the settings".into(),
    })?;
    let wanted: Option<JobId> = job.map(str::parse).transpose().map_err(|error| Problem {
        kind: ProblemKind::Usage,
        message: format!("the job id {error}"),
        hint: LIST.into(),
    })?;
    let checkpoint = Checkpoint::open_read_only(&config.checkpoint)?;
    if let (Some(checkpoint), Some(company_id)) = (&checkpoint, &config.company_id) {
        checkpoint.refuse_other_company(company_id)?;
    }
    let records = match (&checkpoint, &wanted) {
        (None, _) => Vec::new(),
        (Some(checkpoint), None) => checkpoint.jobs()?,
        (Some(checkpoint), Some(id)) => checkpoint.job(id)?.into_iter().collect(),
    };
    if let (Some(id), true) = (wanted, records.is_empty()) {
        return Err(Problem {
            kind: ProblemKind::UnknownJob,
            message: format!(
                "job {id} is not known here (checkpoint `{}`)",
                config.checkpoint.display()
            ),
            hint: LIST.into(),
        });
    }
    let at_work = checkpoint::at_work(&config.checkpoint);
    let lasting = at_work
        .as_ref()
        .and_then(|by| poll_end::lasting(by, checkpoint::since(by), config.alarm_after));
    let Some(checkpoint) = checkpoint else {
        return Ok((lasting, Vec::new()));
    };
    let contact = checkpoint.contact()?;
    let failing = contact
        .alarm(config.alarm_after, clock::now())
        .map(poll_end::failing);
    let jobs: Result<Vec<Known>, Problem> = records
        .into_iter()
        .map(|record| {
            let counts = checkpoint.counts(&record.id)?;
            let failures = checkpoint.failures(&record.id)?;
            Ok(Known {
                at_work: at_work.clone(),
                record,
                counts,
                failures,
            })
        })
        .collect();
    let jobs = jobs?;
    checkpoint.finish_reading()?;
    Ok((lasting.or(failing), jobs))
}

const LIST: &str = "`pleo-export status` lists the jobs that are known here";

fn to_text(jobs: &[Known], with_failures: bool, now: DateTime<Utc>) -> String {
    if jobs.is_empty() {
        return "No export job has been worked on yet: run `pleo-export poll`.\n".to_owned();
    }
    let mut table = Table::new(&[
        "job",
        "status",
        "done",
        "failed",
        "open",
        "since",
        "expires",
        "last error, what to do",
    ]);
    for job in jobs {
        table.row(&[
            job.record.id.as_str(),
            &job.status().replace('_', " "),
            &job.items().successful.to_string(),
            &job.items().failed.to_string(),
            &job.items().open.to_string(),
            &since(job.record.updated_at, now),
            &expires(&job.record, now),
            &match &job.record.last_error {
                Some(error) => format!("{error} -> {}", next_step(job)),
                None => next_step(job),
            },
        ]);
    }
    let mut text = table.render();
    if with_failures {
        for job in jobs.iter().filter(|job| !job.failures.is_empty()) {
            text.push('\n');
            text.push_str(&failures_table(&job.failures));
        }
    }
    text
}

/// What the operator does next.
fn next_step(job: &Known) -> String {
    let unproven = job
        .failures
        .iter()
        .filter(|(_, failure)| failure.may_be_in_the_books())
        .count();
    match (job.record.state, &job.at_work) {
        (JobState::Starting | JobState::Started | JobState::Closing, Some(by)) => {
            format!("nothing: {by} is at work")
        }
        (JobState::Starting | JobState::Started | JobState::Closing, None) => {
            "run `pleo-export resume`".to_owned()
        }
        (JobState::Closed, _) if unproven > 0 => {
            format!("look for {unproven} items in the books (status --job)")
        }
        (JobState::Closed, _) if job.counts.failed > 0 => {
            "read the failures (status --job), then export again".to_owned()
        }
        (JobState::Closed, _) if job.status() == "failed" => {
            "correct the cause, then export again in Pleo".to_owned()
        }
        (JobState::Closed, _) => "nothing".to_owned(),
        (JobState::Ended, _) => "export the open expenses again in Pleo".to_owned(),
        (JobState::Foreign, _) => "nothing: another instance has it".to_owned(),
    }
}

fn since(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} ago", clock::length(now - time))
}

fn expires(record: &JobRecord, now: DateTime<Utc>) -> String {
    match record.expires_at {
        Some(at) if record.state.is_open() && at > now => format!("in {}", clock::length(at - now)),
        Some(_) if record.state.is_open() => "now".to_owned(),
        _ => "-".to_owned(),
    }
}

#[derive(Serialize)]
struct JobDocument {
    id: String,
    status: String,
    /// Where it stands on our side.
    state: &'static str,
    items: ItemsDocument,
    failures: Vec<FailureDocument>,
    updated_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    last_error: Option<String>,
    next_step: String,
}

fn to_json(jobs: Vec<Known>, alarm: Option<&Problem>) -> String {
    let jobs = jobs
        .into_iter()
        .map(|job| JobDocument {
            next_step: next_step(&job),
            id: job.record.id.to_string(),
            status: job.status().to_owned(),
            state: job.record.state.as_str(),
            items: job.items().into(),
            failures: job.failures.iter().map(FailureDocument::from).collect(),
            updated_at: job.record.updated_at,
            expires_at: job.record.expires_at,
            last_error: job.record.last_error,
        })
        .collect();
    document(&Document {
        schema_version: 1,
        exit_code: Exit::Done.code(),
        jobs,
        error: alarm.map(ErrorDocument::from),
    })
}
