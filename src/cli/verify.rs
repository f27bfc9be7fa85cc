//! `verify`: Pleo, checkpoint and books compared, and what differs shown. Writes nothing and takes no lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use tracing::warn;

use super::answer::{Form, Shown};
use super::as_typed::as_typed;
use super::exit::Exit;
use super::job_ids::{LISTED, SHORTEST};
use super::render::{Answer, Document, document};
use super::table::{Table, safe};
use super::{check, companies, parts, signals};
use crate::checkpoint::{self, Checkpoint};
use crate::config::{Config, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::host::counted::counted;
use crate::host::stop::Stop;
use crate::model::ids::{AccountingEntryId, JobId};
use crate::verify::gather::{Comparison, GatherError, Scope, Sides, gather};
use crate::verify::{Difference, Kind, Level};

/// How many differences of one kind are shown to people; scripts get all.
const SHOWN: usize = 20;

/// Compares and shows.
pub(super) fn verify(sources: &Sources, job: Option<&str>, since: Option<NaiveDate>, form: Form) -> Exit {
    shown(sources, job, since, form, &signals::stop_on_signals()).give(form)
}

/// The same for each company of a folder.
pub(super) fn verify_each(sources: &Sources, folder: &Path, since: Option<NaiveDate>, form: Form) -> Exit {
    let stop = signals::stop_on_signals();
    companies::each(sources, folder, form, |company| {
        companies::unless_refused(company, form, || {
            shown(&company.sources, None, since, form, &stop)
        })
    })
}

fn shown(sources: &Sources, job: Option<&str>, since: Option<NaiveDate>, form: Form, stop: &Stop) -> Shown {
    match compared(sources, job, since, stop) {
        Ok(outcome) => {
            let is_different = outcome
                .differences
                .iter()
                .any(|one| one.level == Level::Difference);
            let exit = if is_different {
                Exit::NeedsPerson
            } else {
                Exit::Done
            };
            Shown {
                exit,
                text: if form.json {
                    to_json(&outcome, exit, None)
                } else if form.quiet && !is_different {
                    String::new()
                } else {
                    to_text(&outcome)
                },
                problems: Vec::new(),
            }
        }
        Err(problem) => {
            let mut shown = Shown::of(&Answer::of_problem(problem.clone()), form);
            if form.json {
                shown.text = to_json(&Comparison::default(), shown.exit, Some(&problem));
            }
            shown
        }
    }
}

/// What differs. It is looked at a second time before it is told: a run may have written meanwhile.
fn compared(
    sources: &Sources,
    job: Option<&str>,
    since: Option<NaiveDate>,
    stop: &Stop,
) -> Result<Comparison, Problem> {
    let config = Config::load(sources).map_err(|problems| Problem {
        kind: ProblemKind::Configuration,
        message: problems.to_string(),
        hint: "correct the settings; nothing was asked".into(),
    })?;
    let scope = match (job, since) {
        (Some(job), _) => Scope::Job(job_id(job)?),
        (None, Some(day)) => Scope::Since(beginning(day, &config)),
        (None, None) => Scope::All,
    };
    let mut outcome = look(&config, &scope, stop)?;
    let jobs: BTreeSet<JobId> = outcome.differences.iter().map(|one| one.job.clone()).collect();
    if !jobs.is_empty() {
        let again = look(&config, &Scope::Jobs(jobs), stop)?;
        let lasting: BTreeSet<(Option<&AccountingEntryId>, Kind)> = again
            .differences
            .iter()
            .map(|one| (one.entry_id.as_ref(), one.kind))
            .collect();
        outcome
            .differences
            .retain(|one| lasting.contains(&(one.entry_id.as_ref(), one.kind)));
        outcome.not_compared.extend(again.not_compared);
    }
    if outcome.without_amount > 0 {
        let entries = counted(outcome.without_amount, "entry");
        let note = format!("amounts of {entries}, whose evidence was removed");
        outcome.not_compared.insert(note);
    }
    for difference in &mut outcome.differences {
        difference.remedy = as_typed(&difference.remedy);
    }
    Ok(outcome)
}

fn job_id(job: &str) -> Result<String, Problem> {
    let is_of_one = |character: char| character.is_ascii_hexdigit() || character == '-';
    if job.len() >= SHORTEST && job.chars().all(is_of_one) {
        return Ok(job.to_ascii_lowercase());
    }
    Err(Problem {
        kind: ProblemKind::Usage,
        message: format!(
            "`{}` is no job's id, nor its first {SHORTEST} characters or more",
            safe(job)
        ),
        hint: LISTED.into(),
    })
}

/// The moment at which the day begins in the time zone of the books.
fn beginning(day: NaiveDate, config: &Config) -> DateTime<Utc> {
    let midnight = day.and_time(NaiveTime::MIN);
    let local = midnight.and_local_timezone(config.bookkeeping.time_zone);
    local
        .earliest()
        .map_or_else(|| midnight.and_utc(), |local| local.to_utc())
}

/// One look at all three sides: the checkpoint first, since it is the first to be behind.
fn look(config: &Config, scope: &Scope, stop: &Stop) -> Result<Comparison, Problem> {
    let at_work = checkpoint::at_work(&config.checkpoint);
    let checkpoint = Checkpoint::look_at(&config.checkpoint)?;
    let mut system = parts::accounting_system(&config.system, stop).map_err(parts::not_begun)?;
    if let Some(checkpoint) = &checkpoint {
        let description = system.describe();
        let owner = parts::owner(config, &description);
        checkpoint.refuse_others(&owner, description.former_target.as_deref())?;
    }
    let contact = checkpoint.as_ref().map(Checkpoint::contact).transpose()?;
    let pleo = check::client(config, contact.as_ref(), stop)?;
    let is_run_at_work = || at_work.is_some() || checkpoint::at_work(&config.checkpoint).is_some();
    let mut sides = Sides {
        pleo: &pleo,
        checkpoint: checkpoint.as_ref(),
        system: system.as_mut(),
        zone: config.bookkeeping.time_zone,
        is_run_at_work: is_run_at_work(),
        stop,
    };
    let mut outcome = gather(&mut sides, scope).map_err(problem)?;
    for notice in system.notices() {
        warn!("{notice}");
    }
    if let Some(checkpoint) = &checkpoint {
        checkpoint.finish_reading()?;
    } else {
        let note = format!(
            "there is no checkpoint `{}`: amounts are compared with evidence alone, where there is some",
            config.checkpoint.display()
        );
        outcome.not_compared.insert(note);
    }
    Ok(outcome)
}

fn problem(error: GatherError) -> Problem {
    match error {
        GatherError::Pleo(error) => error.into(),
        GatherError::Checkpoint(error) => error.into(),
        GatherError::System(error) => error.into(),
        GatherError::Stopped(error) => Problem {
            kind: ProblemKind::Stopped,
            message: error.to_string(),
            hint: "run it again; nothing was changed".into(),
        },
        GatherError::UnknownJob(message) => Problem {
            kind: ProblemKind::UnknownJob,
            message,
            hint: LISTED.into(),
        },
    }
}

/// A table for each kind, those that a person must see to first, and at the end what was compared with what.
fn to_text(outcome: &Comparison) -> String {
    let mut groups: BTreeMap<(Level, Kind), Vec<&Difference>> = BTreeMap::new();
    for difference in &outcome.differences {
        groups
            .entry((difference.level, difference.kind))
            .or_default()
            .push(difference);
    }
    // Writing into a text never fails.
    let mut text = String::new();
    for ((level, kind), differences) in &groups {
        let heading = match level {
            Level::Difference => heading(*kind),
            Level::Remark => "A person may have done so",
        };
        let _ = writeln!(text, "{heading} ({}, {})", kind.as_str(), differences.len());
        let mut table = Table::new(&["accounting entry", "what differs, and what to do"]);
        for difference in differences.iter().take(SHOWN) {
            let entry_id = difference
                .entry_id
                .as_ref()
                .map_or("-", AccountingEntryId::as_str);
            table.row(&[
                entry_id,
                &format!("{} -> {}", difference.message, difference.remedy),
            ]);
        }
        text.push_str(&table.render());
        if let Some(more) = differences.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let _ = writeln!(text, "  and {more} more: --json has all");
        }
        text.push('\n');
    }
    text + &sum(outcome)
}

const fn heading(kind: Kind) -> &'static str {
    match kind {
        Kind::NotReported => "Booked, and Pleo does not know",
        Kind::NotBooked => "Told to Pleo, and not booked",
        Kind::Changed => "Not what was booked",
        Kind::ReceiptMissing => "Receipts that are missing or are others",
        Kind::BookedTwice => "Booked twice",
        Kind::Evidence => "Evidence that is missing or is not what was written",
    }
}

fn sum(outcome: &Comparison) -> String {
    let differences = outcome.differences.iter();
    let count = differences.filter(|one| one.level == Level::Difference).count();
    let found = match count {
        0 => "No difference".to_owned(),
        count => counted(count, "difference"),
    };
    let (items, jobs) = (
        counted(outcome.items, "item"),
        counted(outcome.jobs, "export job"),
    );
    let mut text = format!("{found} in {items} of {jobs}.\n");
    if outcome.items > 0 {
        text.push_str(COMPARED);
    }
    for note in &outcome.not_compared {
        let _ = writeln!(text, "Not compared: {}", safe(note));
    }
    text
}

/// Pleo shows no amounts of a job that is over.
const COMPARED: &str = "Of jobs that are over, statuses and numbers were compared with Pleo, amounts with checkpoint and evidence.\n";

#[derive(Serialize)]
struct DifferenceDocument<'a> {
    #[serde(rename = "accountingEntryId")]
    accounting_entry_id: Option<&'a str>,
    #[serde(rename = "jobId")]
    job_id: &'a str,
    level: &'static str,
    kind: &'static str,
    message: &'a str,
    remedy: &'a str,
}

#[derive(Serialize)]
struct ComparedDocument<'a> {
    jobs: usize,
    items: usize,
    not_compared: &'a BTreeSet<String>,
}

#[derive(Serialize)]
struct VerifyDocument<'a> {
    #[serde(flatten)]
    answer: Document<()>,
    differences: Vec<DifferenceDocument<'a>>,
    compared: ComparedDocument<'a>,
}

fn to_json(outcome: &Comparison, exit: Exit, problem: Option<&Problem>) -> String {
    let differences = outcome.differences.iter().map(|one| DifferenceDocument {
        accounting_entry_id: one.entry_id.as_ref().map(AccountingEntryId::as_str),
        job_id: one.job.as_str(),
        level: one.level.as_str(),
        kind: one.kind.as_str(),
        message: &one.message,
        remedy: &one.remedy,
    });
    document(&VerifyDocument {
        answer: Document::without_jobs(exit, problem),
        differences: differences.collect(),
        compared: ComparedDocument {
            jobs: outcome.jobs,
            items: outcome.items,
            not_compared: &outcome.not_compared,
        },
    })
}
