//! One run of the job for each moment at which its process may be stopped. Another one takes the job over and finishes
//! it, then the first one wakes and must not undo anything.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::job::Job;
use crate::proof::{self, Finding, Findings, Kind, Sought, findings_hold};
use crate::sandbox::Hook;
use crate::stopped::{self, Moment};
use crate::{every, of_all, tell};

const BATCH: usize = 8;

/// What a client that reads an ended job is told by the sandbox, which takes all clients for one. A read changes nothing.
const READ_OF_AN_ENDED_JOB: &str = "the items of a job were read that the client knew to be ended";

#[derive(Default)]
struct Outcome {
    moments: BTreeMap<String, usize>,
    findings: Vec<(Moment, Finding)>,
}

/// Stops it at every n-th moment of a kind, or until this is found.
fn matrix(job: &Job, family: fn(usize) -> Moment, every: usize, until: Option<Sought>) -> Outcome {
    let outcome = Mutex::new(Outcome::default());
    let (next, is_over) = (AtomicUsize::new(1), AtomicBool::new(false));
    let work = || {
        while !is_over.load(Ordering::SeqCst) {
            let moment = family(next.fetch_add(every, Ordering::SeqCst));
            let Some((kind, findings)) = stop_at(job, moment) else {
                is_over.store(true, Ordering::SeqCst);
                break;
            };
            let mut outcome = outcome.lock().unwrap();
            *outcome.moments.entry(kind).or_default() += 1;
            outcome
                .findings
                .extend(findings.into_iter().map(|finding| (moment, finding)));
            if findings_hold(until, &outcome.findings) {
                is_over.store(true, Ordering::SeqCst);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    outcome.into_inner().unwrap()
}

/// One stop. No answer means that the process ended before its moment came.
fn stop_at(job: &Job, moment: Moment) -> Option<(String, Vec<Finding>)> {
    let (world, id) = job.waiting();
    let sleeper = stopped::poll_until(&world, moment, stopped::SILENCE)?;
    let kind = sleeper.at.clone();
    // A stop is long, and Pleo tells the time in seconds.
    world.sandbox.advance_clock(Duration::from_secs(2));
    let has_copy = number(moment).is_multiple_of(2);
    // Where it died, the job is open when the first one wakes.
    let dies = matches!(moment, Moment::Sending(_)) || number(moment) % 4 > 1;
    let other = if dies {
        stopped::adopt_and_die_before_closing(&world, &id, has_copy)
    } else {
        stopped::adopt(&world, &id, has_copy).ends(&world)
    };
    let end = sleeper.wakes_and_ends(&world);
    let mut findings = Findings::default();
    // The first one may have been stopped while it held the books' lock and asked Pleo.
    let is_kept_out = other.code == Some(5) && other.stderr.contains("The books are in use");
    let is_well = is_kept_out || matches!(other.code, Some(0 | 3)) || (dies && other.code.is_none());
    findings.expect(Kind::Disorder, is_well, || format!("{other:?}"));
    findings.expect(Kind::Disorder, matches!(end.code, Some(0 | 3)), || {
        format!("{end:?}")
    });
    if dies {
        // What the first one never started is left to who did.
        world.run_with("PLEO_EXPORT_CHECKPOINT", "other.sqlite3", &["resume"]);
    }
    findings.0.extend(proof::when_done(&world, &id, job));
    let run = world.run(&["poll"]);
    findings.expect(Kind::Disorder, (run.code, &*run.stdout) == (Some(0), ""), || {
        format!("something is left to do: {run}")
    });
    let found = findings.0.into_iter();
    let findings = found.filter(|finding| !finding.text.contains(READ_OF_AN_ENDED_JOB));
    Some((kind, findings.collect()))
}

/// What is found where it is stopped while it waits for an answer, until this is found.
pub fn findings_until(sought: Sought, job: &Job) -> Vec<(Moment, Finding)> {
    matrix(job, Moment::Awaiting, 1, Some(sought)).findings
}

/// The one request that left without being asked about again, and what it broke. Where there are more than that, nothing.
fn of_one_request(findings: &[Finding]) -> Option<Vec<&str>> {
    let rules: Vec<&str> = findings
        .iter()
        .filter_map(|finding| finding.text.strip_prefix("broken rule: request "))
        .collect();
    let of = |rule: &&str| rule.split(',').next().map(str::to_owned);
    let requests: std::collections::BTreeSet<_> = rules.iter().map(of).collect();
    (requests.len() <= 1 && rules.len() == findings.len()).then_some(rules)
}

fn number(moment: Moment) -> usize {
    match moment {
        Moment::Awaiting(n) | Moment::AwaitingReport(n) | Moment::Sending(n) => n,
    }
}

#[test]
fn stopped_while_it_waits_for_an_answer_it_undoes_nothing_that_another_did_meanwhile() {
    let began = Instant::now();
    let outcome = matrix(&Job::of(32, BATCH), Moment::Awaiting, every(), None);
    tell(&format!(
        "stop matrix: {} stops, {} findings ({}; {} s; {:?})",
        outcome.moments.values().sum::<usize>(),
        outcome.findings.len(),
        of_all(),
        began.elapsed().as_secs(),
        outcome.moments,
    ));
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
    assert!(outcome.moments.len() >= 3, "{:?}", outcome.moments);
}

/// What README promises for the one moment that no question can cover.
#[test]
fn stopped_between_the_last_look_and_the_sending_it_steps_back_by_no_more_than_one_request() {
    let outcome = matrix(&Job::of(32, BATCH), Moment::Sending, every(), None);
    let mut by_moment: BTreeMap<Moment, Vec<Finding>> = BTreeMap::new();
    for (moment, finding) in outcome.findings {
        by_moment.entry(moment).or_default().push(finding);
    }
    let mut most = 0;
    for (moment, findings) in &by_moment {
        let rules = of_one_request(findings).unwrap_or_else(|| panic!("{moment:?}: {findings:#?}"));
        let steps_back = rules
            .iter()
            .filter(|rule| rule.contains(" after it was "))
            .count();
        assert!(steps_back <= BATCH, "{moment:?}: {findings:#?}");
        most = most.max(steps_back);
    }
    assert!(most > 0 || every() > 1, "nothing was sent in the wrong moment");
    tell(&format!(
        "stopped before sending: {} stops, at most {most} of {BATCH} items of a batch stepped back",
        outcome.moments.values().sum::<usize>()
    ));
}

/// The other one is at work when the first wakes, and a person has said that the job is the other's.
#[test]
fn who_wakes_while_another_is_at_work_leaves_the_job_to_it() {
    let job = Job::of(32, BATCH);
    let (world, id) = job.waiting();
    let world = world.with_variable("PLEO_EXPORT_WAIT_FOR_OTHERS", "2000");
    let moment = Moment::AwaitingReport(2);
    let sleeper = stopped::poll_until(&world, moment, stopped::SILENCE).expect("it is stopped");
    world.sandbox.advance_clock(Duration::from_secs(2));
    // The fourth word of the other one waits until the first one has looked and waits; the sixth until that has ended.
    let (told, is_told) = channel();
    let (go_on, first_held) = oneshot::channel();
    let (finish, second_held) = oneshot::channel();
    let held = Mutex::new(vec![second_held, first_held]);
    let go_on = Mutex::new(Some(go_on));
    let (words, looks) = (AtomicUsize::new(0), AtomicUsize::new(0));
    world.sandbox.on_request(move |request| {
        if request.method == "PUT" {
            let number = words.fetch_add(1, Ordering::SeqCst) + 1;
            if number == 4 || number == 6 {
                told.send(()).unwrap();
                return Hook::Held(held.lock().unwrap().pop().unwrap());
            }
        } else if request.path.ends_with("/items")
            && words.load(Ordering::SeqCst) == 4
            && looks.fetch_add(1, Ordering::SeqCst) == 1
            && let Some(go_on) = go_on.lock().unwrap().take()
        {
            go_on.send(()).unwrap();
        }
        Hook::Continue
    });
    let mut other = stopped::adopt(&world, &id, false);
    assert!(other.comes_to(&is_told), "{:?}", other.ends(&world));
    let end = sleeper.wakes_and_ends(&world);
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stderr.contains("leaving job"), "{end:?}");
    finish.send(()).unwrap();
    let other = other.ends(&world);
    assert_eq!(other.code, Some(3), "{other:?}");
    let findings = proof::when_done(&world, &id, &job);
    assert!(findings.is_empty(), "{findings:#?}");
    world.run(&["poll"]).exits(0);
}

/// With the real two seconds, and at the moment of which there are the most.
#[test]
fn a_stop_of_two_seconds_is_noticed() {
    let job = Job::of(16, BATCH);
    let (world, id) = job.waiting();
    let silence = pleo_export::pleo::silence();
    let sleeper = stopped::poll_until(&world, Moment::AwaitingReport(2), silence).expect("it is stopped");
    world.sandbox.advance_clock(Duration::from_secs(2));
    let other = stopped::adopt_and_die_before_closing(&world, &id, false);
    let end = sleeper.wakes_and_ends(&world);
    assert_eq!(end.code, Some(3), "{end:?} after {other:?}");
    let findings = proof::when_done(&world, &id, &job);
    assert!(findings.is_empty(), "{findings:#?}");
}
