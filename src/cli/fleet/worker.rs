//! The worker: claims the company that is due longest, polls for it as a single host does, gives it back, and goes on until
//! none is due. Any number of them do the same on any hosts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use tracing::{info, warn};

use super::problems;
use crate::cli::answer::{Form, Shown};
use crate::cli::as_typed::{as_typed, with_settings};
use crate::cli::companies;
use crate::cli::exit::Exit;
use crate::cli::metrics::{self, Sample};
use crate::cli::poll::{self, Wish};
use crate::cli::reach::Reach;
use crate::cli::render::{Answer, problem_exit};
use crate::cli::shared::Shared;
use crate::cli::signals;
use crate::config::{Company, Sources};
use crate::export::report::{Problem, ProblemKind};
use crate::fleet::{End, Member, Round, Throttles, Turn, USUAL_GRACE, host_name};
use crate::host::clock;
use crate::host::stop::{Stop, Stopped};

/// Serves companies of the folder until none is due.
pub(in crate::cli) fn work(sources: &Sources, folder: &Path, wish: Wish<'_>, form: Form) -> Exit {
    let stop = signals::stop_on_signals();
    let of_fleet = sources.of_fleet();
    let begun = problems::settings(sources).and_then(|mut settings| {
        let companies = companies::list(&of_fleet, folder)?;
        settings.grace = Some(grace(settings.grace, &companies)?);
        let member = Member::join(settings, stop.clone())?;
        Ok((member, companies))
    });
    let (member, companies) = match begun {
        Ok(begun) => begun,
        Err(problem) => return Shown::of(&Answer::of_problem(problem), form).give(form),
    };
    let mut worker = Worker {
        throttles: Arc::new(member.throttles()),
        wish,
        form,
        stop: &stop,
        reach: Reach::default(),
        served: Vec::new(),
        samples: Vec::new(),
        problem: None,
        companies: BTreeMap::new(),
    };
    worker.take(companies);
    if let Err(problem) = worker.go_on(&member) {
        worker.note(problem);
    }
    if let Some(path) = wish.metrics_file {
        metrics::write(&sources.working_folder.join(path), &worker.samples);
    }
    // What became of the companies stands beside: a scheduler starts another worker whatever it was.
    let exit = worker
        .problem
        .as_ref()
        .map_or(Exit::Done, |problem| problem_exit(problem.kind));
    companies::one_answer(worker.served, exit, worker.problem, form).give(form)
}

/// How long others wait after the end of a lease. What is on its way then must have arrived before another claims: where no
/// grace is set it lasts for the longest request, and one that is too short is refused.
fn grace(set: Option<Duration>, companies: &[Company]) -> Result<Duration, Problem> {
    // What cannot be read sends nothing, and its timeouts are not known.
    let served = companies
        .iter()
        .filter(|company| company.company_id.is_some() && company.refused.is_empty());
    let longest = served.max_by_key(|company| company.longest_request);
    let needed = longest.map_or(Duration::ZERO, |company| company.longest_request);
    let grace = set.unwrap_or(needed.max(USUAL_GRACE));
    match longest.filter(|_| grace < needed) {
        None => Ok(grace),
        Some(company) => Err(Problem {
            kind: ProblemKind::Configuration,
            message: format!(
                "fleet.grace_seconds is {}, but one request for company {} may take {} s: what is sent at the end of a lease \
                 could arrive after another host has begun",
                grace.as_secs(),
                company.name(),
                needed.as_secs()
            ),
            hint: "leave grace_seconds out or set it to at least that, or make the company's `timeout_seconds` shorter; nothing was claimed".into(),
        }),
    }
}

struct Worker<'a> {
    throttles: Arc<Throttles>,
    wish: Wish<'a>,
    form: Form,
    stop: &'a Stop,
    reach: Reach,
    /// By their ids: all that this host may serve.
    companies: BTreeMap<String, Company>,
    served: Vec<(Company, Shown)>,
    samples: Vec<Sample>,
    /// What is wrong with this worker; the worst of it.
    problem: Option<Problem>,
}

impl Worker<'_> {
    /// Takes those of the companies that this host may serve. One without an id cannot be claimed.
    fn take(&mut self, companies: Vec<Company>) {
        let host = host_name();
        for company in companies {
            let Some(id) = company.company_id.clone() else {
                self.note(Problem {
                    kind: ProblemKind::Configuration,
                    message: format!(
                        "`{}` names no company that can be read",
                        company.settings.display()
                    ),
                    hint: "set `company_id` under [pleo] there; the other companies are served".into(),
                });
                continue;
            };
            let is_here = |pinned: &String| pinned.eq_ignore_ascii_case(&host);
            if company.host.as_ref().is_none_or(is_here) {
                self.companies.insert(id.as_str().to_owned(), company);
            } else if let Some(pinned) = company.host {
                info!(
                    "company {id} is pinned to host `{pinned}`, and this one is `{host}`: leaving it to that one"
                );
            }
        }
    }

    fn go_on(&mut self, member: &Member) -> Result<(), Problem> {
        let ids: Vec<String> = self.companies.keys().cloned().collect();
        let mut round = member.begin(&ids)?;
        loop {
            if self.stop.is_requested() {
                return Err(Problem {
                    kind: ProblemKind::Stopped,
                    message: Stopped.to_string(),
                    hint: "companies that were not served are due for the next worker".into(),
                });
            }
            let Some(turn) = member.claim(&mut round)? else {
                return Ok(());
            };
            self.serve(turn, &mut round)?;
        }
    }

    /// Serves one company and gives it back. An error is one of the database.
    fn serve(&mut self, turn: Turn<'_>, round: &mut Round) -> Result<(), Problem> {
        let id = turn.company().as_str().to_owned();
        let span = tracing::error_span!("company", company.id = %turn.company());
        let _entered = span.enter();
        let company = self.companies.get(&id).cloned();
        let is_there = company.as_ref().is_some_and(|company| company.settings.exists());
        let Some(company) = company.filter(|_| is_there) else {
            // Of another host, or its file went away in mid-round.
            warn!("there are no settings for it here; leaving it to other hosts");
            round.except.push(id);
            let contact = turn.contact().clone();
            turn.end(&End {
                is_served: false,
                contact: &contact,
                pause: None,
            })?;
            return Ok(());
        };
        let began = Instant::now();
        let served = with_settings(&company.settings, true, || self.poll(&company, &turn));
        let is_lost = turn.permit().ask().is_err();
        let end = End {
            is_served: served.is_whole && !is_lost,
            contact: &served.contact,
            pause: served.pause.as_deref(),
        };
        let is_served = end.is_served;
        let released = turn.end(&end);
        clock::follow(None);
        if !is_served {
            round.except.push(id.clone());
        }
        self.samples.extend(poll::sample(
            &company.sources,
            company.company_id.as_ref(),
            &served.answer,
            began,
        ));
        let name = company.name();
        let shown = companies::in_hand(&company, || Shown::of(&served.answer, self.form));
        self.served.push((company, shown));
        let is_ours = released?;
        if is_ours && served.pause.is_some() {
            warn!(
                "the company is paused: no host serves it until that is mended and `pleo-export fleet resume {id}` was run"
            );
        }
        if served.is_gone {
            warn!("the settings file went away meanwhile; leaving the company to other hosts");
        } else if !served.is_whole || is_lost || !is_ours {
            self.note(Problem {
                kind: ProblemKind::Temporary,
                message: format!("company {name} was claimed and not served to its end by this worker"),
                hint: "the next worker goes on with it".into(),
            });
        }
        Ok(())
    }

    fn poll(&self, company: &Company, turn: &Turn<'_>) -> Served {
        let shared = Shared {
            fleet: turn,
            permit: turn.permit(),
            throttle: Arc::clone(&self.throttles) as Arc<_>,
            contact: RefCell::new(turn.contact().clone()),
            time: turn.time(),
            is_pinned: company.host.is_some(),
        };
        shared.follow_clock();
        if let Some(problem) = companies::refused(company) {
            let pause = Some(reason(&problem));
            let mut answer = Answer::of_problem(problem);
            shared.count(&mut answer, TimeDelta::MAX, self.stop);
            return Served {
                pause,
                answer,
                contact: shared.contact.into_inner(),
                is_whole: true,
                is_gone: false,
            };
        }
        let polled = poll::one(&company.sources, self.wish, &self.reach, Some(&shared), self.stop);
        let is_held = polled.answer.is_err();
        let (answer, telling) = polled.into_answer();
        let mut contact = shared.contact.into_inner();
        if let Some(told) = telling.wait() {
            contact.told = Some(told);
        }
        // Whoever reads it from the database does not know the company's file.
        if let Some(last) = &mut contact.last_poll {
            last.message = last.message.as_deref().map(as_typed);
            last.remedy = last.remedy.as_deref().map(as_typed);
        }
        let is_gone = !company.settings.exists();
        Served {
            pause: answer.problem().filter(|_| !is_gone).and_then(pause),
            is_whole: !is_held && !is_gone && !self.stop.is_requested(),
            is_gone,
            answer,
            contact,
        }
    }

    /// Keeps what is wrong with this worker: the worst of it.
    fn note(&mut self, problem: Problem) {
        let exit = |problem: &Problem| problem_exit(problem.kind);
        let before = self.problem.as_ref().map_or(Exit::Done, exit);
        if before.worst(exit(&problem)) == before && self.problem.is_some() {
            warn!("{}", problem.message);
        } else if let Some(before) = self.problem.replace(problem) {
            warn!("{}", before.message);
        }
    }
}

/// What came of a company's turn.
struct Served {
    answer: Answer,
    contact: crate::checkpoint::Contact,
    pause: Option<String>,
    /// Whether the poll came to its end, whatever it was.
    is_whole: bool,
    /// Its settings file went away meanwhile.
    is_gone: bool,
}

/// Only what no host can do anything about pauses a company: who is refused, or has wrong settings, is so on all of them.
fn pause(problem: &Problem) -> Option<String> {
    matches!(problem.kind, ProblemKind::Credential | ProblemKind::Configuration).then(|| reason(problem))
}

/// With the host that met it: perhaps the files of that one alone are wrong.
fn reason(problem: &Problem) -> String {
    let sentence = as_typed(&problems::sentence(&problem.message, &problem.hint));
    format!("met by host {}: {sentence}", host_name())
}
