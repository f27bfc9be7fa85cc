//! One run of the job for each moment of death, until a run passes untouched.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::job::Job;
use crate::proof::{self, Finding, Findings, Kind, Sought, findings_hold};
use crate::sandbox::JobStatus;
use crate::support::World;
use crate::victim::{End, Moment, poll_until};
use crate::{every, of_all, tell};

/// Every how many moments the process that goes on is killed as well.
const TWICE_EVERY: usize = 5;

/// Every how many moments the real checker looks at the books, where there is one.
const BEAN_CHECK_EVERY: usize = 25;

/// Kills at every moment. It reads as a sentence: `KillMatrix::of(job).until(sought).run()`.
pub struct KillMatrix {
    job: Job,
    every: usize,
    until: Option<Sought>,
}

/// What came of it.
pub struct Outcome {
    /// How often each kind of moment was met.
    pub moments: BTreeMap<String, usize>,
    pub findings: Vec<(Moment, Finding)>,
}

impl Outcome {
    pub fn points(&self) -> usize {
        self.moments.values().sum()
    }

    pub fn count(&self, kind: Kind) -> usize {
        self.findings
            .iter()
            .filter(|(_, finding)| finding.kind == kind)
            .count()
    }
}

impl KillMatrix {
    pub fn of(job: Job) -> Self {
        Self {
            job,
            every: 1,
            until: None,
        }
    }

    /// Ends once this is found.
    pub fn until(self, sought: Sought) -> Self {
        Self {
            until: Some(sought),
            ..self
        }
    }

    /// Only every n-th moment.
    fn at_every(self, every: usize) -> Self {
        Self { every, ..self }
    }

    pub fn run(&self) -> Outcome {
        let outcome = Mutex::new(Outcome {
            moments: BTreeMap::new(),
            findings: Vec::new(),
        });
        for family in [Moment::Point, Moment::RequestSent] {
            let (next, is_over) = (AtomicUsize::new(self.every), AtomicBool::new(false));
            let work = || {
                while !is_over.load(Ordering::SeqCst) {
                    let moment = family(next.fetch_add(self.every, Ordering::SeqCst));
                    let (kind, findings) = self.kill_at(moment);
                    let mut outcome = outcome.lock().unwrap();
                    match kind {
                        Some(kind) => *outcome.moments.entry(kind).or_default() += 1,
                        None => is_over.store(true, Ordering::SeqCst),
                    }
                    outcome
                        .findings
                        .extend(findings.into_iter().map(|finding| (moment, finding)));
                    if findings_hold(self.until, &outcome.findings) {
                        is_over.store(true, Ordering::SeqCst);
                    }
                }
            };
            std::thread::scope(|scope| {
                for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                    scope.spawn(work);
                }
            });
        }
        outcome.into_inner().unwrap()
    }

    /// One life and death, and what a new process makes of it. No kind of moment means that it never came.
    fn kill_at(&self, moment: Moment) -> (Option<String>, Vec<Finding>) {
        let (world, job) = self.job.waiting();
        let mut findings = Findings::default();
        let kind = match poll_until(&world, moment) {
            End::Untouched { code, stderr } => {
                findings.expect(Kind::Disorder, code == Some(3), || {
                    format!("exit {code:?}: {stderr}")
                });
                None
            }
            End::Killed(kind) => {
                findings.0.extend(proof::at_death(&world, &job));
                if number(moment).is_multiple_of(TWICE_EVERY) {
                    let again = Moment::Point(number(moment) * 7 % 60 + 1);
                    if let End::Killed(_) = poll_until(&world, again) {
                        findings.0.extend(proof::at_death(&world, &job));
                    }
                }
                recover(&world, &job, number(moment).is_multiple_of(2), &mut findings);
                Some(kind)
            }
        };
        findings.0.extend(proof::when_done(&world, &job, &self.job));
        let run = world.run(&["poll"]);
        findings.expect(Kind::Disorder, (run.code, &*run.stdout) == (Some(0), ""), || {
            format!("something is left to do: {run}")
        });
        if std::env::var_os("PLEO_EXPORT_BEAN_CHECK").is_some() && is_sampled(moment) {
            world.books().are_clean();
        }
        (kind, findings.0)
    }
}

/// A new process goes on: `poll`, which does it all; or `resume`, and `poll` only where nothing was begun.
pub fn recover(world: &World, job: &str, by_poll: bool, findings: &mut Findings) {
    let mut go_on = |arguments: &[&str]| {
        let run = world.run(arguments);
        findings.expect(Kind::Disorder, matches!(run.code, Some(0 | 3)), || {
            run.to_string()
        });
    };
    if by_poll {
        return go_on(&["poll"]);
    }
    go_on(&["resume"]);
    if world.sandbox.job(job).status == JobStatus::Pending {
        go_on(&["poll"]);
    }
}

fn number(moment: Moment) -> usize {
    match moment {
        Moment::Point(n) | Moment::RequestSent(n) => n,
    }
}

fn is_sampled(moment: Moment) -> bool {
    number(moment).is_multiple_of(BEAN_CHECK_EVERY)
}

#[test]
fn killed_at_any_moment_nothing_is_booked_twice_and_nothing_is_lost() {
    let began = std::time::Instant::now();
    let outcome = KillMatrix::of(Job::of(120, 20)).at_every(every()).run();
    tell(&format!(
        "kill matrix: {} kill points, {} duplicates, {} losses ({}; each {TWICE_EVERY}th with a second kill; {} s; {:?})",
        outcome.points(),
        outcome.count(Kind::Duplicate),
        outcome.count(Kind::Loss),
        of_all(),
        began.elapsed().as_secs(),
        outcome.moments,
    ));
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
    if every() > 1 {
        return;
    }
    for kind in [
        "before request",
        "folder made",
        "response",
        "before commit",
        "commit",
        "file made",
        "file renamed",
        "GET sent",
        "PUT sent",
        "POST sent",
        "receipt asked for",
    ] {
        assert!(
            outcome.moments.contains_key(kind),
            "no process was killed at: {kind}"
        );
    }
}
