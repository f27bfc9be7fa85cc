//! `fleet status`, also `status --fleet`: how all companies stand, as the database knows it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::problems;
use crate::cli::answer::{Form, Shown};
use crate::cli::as_typed::as_typed;
use crate::cli::exit::Exit;
use crate::cli::render::{Answer, Document, document};
use crate::cli::table::Table;
use crate::config::Sources;
use crate::export::report::{Problem, ProblemKind};
use crate::fleet::{CompanyState, Overview};
use crate::host::clock::{self, length};

/// So many companies are named in a sentence.
const MOST_NAMED: usize = 5;

/// Shows the companies of the fleet.
pub(in crate::cli) fn status(sources: &Sources, max_age: Option<Duration>, form: Form) -> Exit {
    let asked = problems::settings(sources).and_then(|settings| {
        let (now, companies) = Overview::new(&settings)?.companies()?;
        Ok((settings.address.to_string(), now, companies))
    });
    let (address, now, companies) = match asked {
        Ok(asked) => asked,
        Err(problem) => return Shown::of(&Answer::of_problem(problem), form).give(form),
    };
    let stands = Stands {
        database: address,
        time: now,
        totals: Totals::of(&companies),
        companies: companies.iter().map(CompanyDocument::from).collect(),
    };
    let too_old = max_age.and_then(|max_age| too_old(&companies, max_age, now));
    let exit = too_old.as_ref().map_or(Exit::Done, |_| Exit::NeedsPerson);
    let text = if form.json {
        document(&FleetDocument {
            answer: Document::without_jobs(exit, too_old.as_ref()),
            fleet: &stands,
        })
    } else if form.quiet {
        String::new()
    } else {
        stands.text()
    };
    Shown {
        exit,
        text,
        problems: too_old.into_iter().collect(),
    }
    .give(form)
}

#[derive(Serialize)]
struct FleetDocument<'a> {
    #[serde(flatten)]
    answer: Document<()>,
    fleet: &'a Stands,
}

#[derive(Serialize)]
struct Stands {
    database: String,
    /// By the clock of the database.
    time: DateTime<Utc>,
    totals: Totals,
    companies: Vec<CompanyDocument>,
}

#[derive(Default, Serialize)]
struct Totals {
    companies: usize,
    held: usize,
    paused: usize,
    failing: usize,
    never_polled: usize,
}

/// The word for how a company stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ok,
    Failing,
    Paused,
    NeverPolled,
}

#[derive(Serialize)]
struct CompanyDocument {
    company_id: String,
    state: State,
    held_by: Option<String>,
    held_until: Option<DateTime<Utc>>,
    paused: Option<PausedDocument>,
    since: Option<DateTime<Utc>>,
    last_success: Option<DateTime<Utc>>,
    last_poll: Option<DateTime<Utc>>,
    last_exit_code: Option<u8>,
    message: Option<String>,
    remedy: Option<String>,
    open_jobs: i64,
}

#[derive(Serialize)]
struct PausedDocument {
    at: DateTime<Utc>,
    by: String,
    reason: Option<String>,
}

fn state(company: &CompanyState) -> State {
    let last = company.contact.last_poll.as_ref();
    if company.paused.is_some() {
        State::Paused
    } else if company.contact.failed_polls.is_some()
        || last.is_some_and(|last| last.exit_code == Exit::NeedsPerson.code())
    {
        State::Failing
    } else if last.is_none() {
        State::NeverPolled
    } else {
        State::Ok
    }
}

impl From<&CompanyState> for CompanyDocument {
    fn from(company: &CompanyState) -> Self {
        let last = company.contact.last_poll.as_ref();
        let series = company.contact.failed_polls.as_ref();
        let (held_by, held_until) = company.held.clone().unzip();
        Self {
            company_id: company.company_id.clone(),
            state: state(company),
            held_by,
            held_until,
            paused: company.paused.as_ref().map(|paused| PausedDocument {
                at: paused.at,
                by: paused.by.clone(),
                reason: paused.reason.clone(),
            }),
            since: series.map(|series| series.since),
            last_success: company.contact.last_success,
            last_poll: last.map(|last| last.at),
            last_exit_code: last.map(|last| last.exit_code),
            message: last.and_then(|last| last.message.clone()),
            remedy: last.and_then(|last| last.remedy.clone()),
            open_jobs: company.open_jobs,
        }
    }
}

impl Totals {
    fn of(companies: &[CompanyState]) -> Self {
        let count =
            |of: &dyn Fn(&CompanyState) -> bool| companies.iter().filter(|company| of(company)).count();
        Self {
            companies: companies.len(),
            held: count(&|company| company.held.is_some()),
            paused: count(&|company| state(company) == State::Paused),
            failing: count(&|company| state(company) == State::Failing),
            never_polled: count(&|company| state(company) == State::NeverPolled),
        }
    }
}

impl Stands {
    fn text(&self) -> String {
        let Totals {
            companies,
            held,
            paused,
            failing,
            never_polled,
        } = &self.totals;
        let companies = of_companies(*companies);
        let mut text = format!(
            "{companies} ({}): {held} held, {paused} paused, {failing} failing, {never_polled} never polled\n",
            self.database
        );
        let mut table = Table::new(&["company", "state", "since", "why"]);
        let mut is_empty = true;
        for company in self.companies.iter().filter(|company| company.state != State::Ok) {
            let (word, since, why) = company.told();
            let since = since.map(clock::text);
            table.row(&[&company.company_id, word, since.as_deref().unwrap_or("-"), &why]);
            is_empty = false;
        }
        if !is_empty {
            text.push('\n');
            text.push_str(&table.render());
        }
        text
    }
}

impl CompanyDocument {
    fn told(&self) -> (&'static str, Option<DateTime<Utc>>, String) {
        let message = self.message.clone().unwrap_or_default();
        let with_remedy = match &self.remedy {
            Some(remedy) if !message.is_empty() => problems::sentence(&message, remedy),
            _ => message,
        };
        match (self.state, &self.paused) {
            (State::Paused, Some(paused)) => {
                let why = paused.reason.clone().unwrap_or_else(|| "by a person".to_owned());
                (
                    "paused",
                    Some(paused.at),
                    format!(
                        "{why}; when that is mended: {}",
                        as_typed(&format!("`pleo-export fleet resume {}`", self.company_id))
                    ),
                )
            }
            (State::NeverPolled, _) => ("never polled", None, String::new()),
            (State::Failing, _) => ("failing", self.since.or(self.last_poll), with_remedy),
            _ => ("ok", None, with_remedy),
        }
    }
}

fn of_companies(count: usize) -> String {
    match count {
        1 => "1 company".to_owned(),
        several => format!("{several} companies"),
    }
}

/// What is wrong where companies were not served for too long. One that a person has paused is meant to stand.
fn too_old(companies: &[CompanyState], max_age: Duration, now: DateTime<Utc>) -> Option<Problem> {
    let max_age = TimeDelta::from_std(max_age).unwrap_or(TimeDelta::MAX);
    let is_meant = |company: &CompanyState| {
        company
            .paused
            .as_ref()
            .is_some_and(|paused| paused.by == "person")
    };
    let is_old = |company: &&CompanyState| {
        !is_meant(company)
            && company
                .contact
                .last_success
                .is_none_or(|last| now - last > max_age)
    };
    let old: Vec<&CompanyState> = companies.iter().filter(is_old).collect();
    let oldest = old.iter().map(|company| company.contact.last_success).min()?;
    let since = oldest.map_or_else(
        || "some never had one".to_owned(),
        |oldest| format!("the oldest is {} ago", length(now - oldest)),
    );
    let named: Vec<&str> = old
        .iter()
        .take(MOST_NAMED)
        .map(|company| company.company_id.as_str())
        .collect();
    let more = if old.len() > MOST_NAMED { ", …" } else { "" };
    Some(Problem {
        kind: ProblemKind::NeedsPerson,
        message: format!(
            "the last successful poll is too long ago for {} ({since}): {}{more}",
            of_companies(old.len()),
            named.join(", ")
        ),
        hint: "see that workers are started on the hosts, and what `pleo-export fleet status` says of these companies; pause one that \
               is not to be served any more (`pleo-export fleet pause`)"
            .into(),
    })
}
