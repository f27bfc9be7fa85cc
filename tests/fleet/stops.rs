//! A worker is stopped while it waits for an answer, or killed; another host takes the company over, and the first one wakes.
//! Whatever it was about to say or write comes too late and must not happen.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::sync::oneshot;

use crate::sandbox::{Hook, Host as Asked, Request};
use crate::world::{Fleet, Host, Working, companies_of, company};
use crate::{is_full, tell};

/// Expenses of the job; every third has a receipt.
const ITEMS: usize = 6;

/// What a moment came to: what was waited for, and what was found afterwards.
type Outcome = (String, Vec<String>);

/// Tries moments 1, 2, … (each, or a sample) on two threads until one lies behind the end, and answers all that was found.
fn each_moment(sample: usize, try_moment: impl Fn(usize) -> Option<Outcome> + Sync) -> (usize, Vec<String>) {
    let step = if is_full() { 1 } else { sample };
    let (next, is_over) = (AtomicUsize::new(1), AtomicBool::new(false));
    let outcomes: Mutex<BTreeMap<usize, Outcome>> = Mutex::default();
    let work = || {
        while !is_over.load(Ordering::SeqCst) {
            let moment = next.fetch_add(step, Ordering::SeqCst);
            match try_moment(moment) {
                Some(outcome) => {
                    outcomes.lock().unwrap().insert(moment, outcome);
                }
                None => is_over.store(true, Ordering::SeqCst),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(work);
        }
    });
    let outcomes = outcomes.into_inner().unwrap();
    let findings = outcomes.iter().flat_map(|(moment, (at, findings))| {
        findings
            .iter()
            .map(move |finding| format!("at moment {moment} ({at}): {finding}"))
    });
    (outcomes.len(), findings.collect())
}

/// Holds back the answer to the n-th request to Pleo, and hands out what releases it.
pub fn hold_nth(fleet: &Fleet, n: usize) -> Receiver<(String, oneshot::Sender<()>)> {
    hold_nth_of(fleet, n, |_| true)
}

/// The same for the n-th request of a kind.
pub fn hold_nth_of(
    fleet: &Fleet,
    n: usize,
    is_meant: impl Fn(&Request) -> bool + Send + 'static,
) -> Receiver<(String, oneshot::Sender<()>)> {
    let (sender, receiver) = channel();
    let count = AtomicUsize::new(0);
    fleet.sandbox.on_request(move |request| {
        if !is_meant(request) || count.fetch_add(1, Ordering::SeqCst) + 1 != n {
            return Hook::Continue;
        }
        let at = match request.host {
            Asked::Api => format!("{} {}", request.method, request.path),
            Asked::Receipts => "a receipt".to_owned(),
        };
        let (release, held) = oneshot::channel();
        // Nobody listens where the worker has ended.
        let _ = sender.send((at, release));
        Hook::Held(held)
    });
    receiver
}

/// What was held, or nothing where the worker ends before.
pub fn wait_for<T>(held: &Receiver<T>, worker: &mut Working) -> Option<T> {
    loop {
        match held.recv_timeout(Duration::from_millis(5)) {
            Ok(held) => return Some(held),
            Err(RecvTimeoutError::Timeout) if worker.child.try_wait().unwrap().is_none() => {}
            Err(_) => return None,
        }
    }
}

fn signal(worker: &Working, signal: Signal) {
    kill_process(Pid::from_child(&worker.child), signal).unwrap();
}

fn waits_stopped(worker: &Working) {
    let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
    loop {
        match waitpid(Some(Pid::from_child(&worker.child)), options) {
            Ok(Some((_, status))) => return assert!(status.stopped(), "it ended"),
            Ok(None) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Stopped while it waits for the n-th answer, which lies ready when it wakes.
fn stop_at(fleet: &Fleet, n: usize) -> Option<Outcome> {
    fleet.add_job(0, ITEMS);
    let held = hold_nth(fleet, n);
    let mut first = fleet.host("first").begin();
    let (at, release) = wait_for(&held, &mut first)?;
    signal(&first, Signal::STOP);
    waits_stopped(&first);
    release.send(()).unwrap();
    fleet.sandbox.on_request(|_| Hook::Continue);
    // A stop is long, and Pleo tells the time in seconds.
    fleet.sandbox.advance_clock(Duration::from_secs(2));
    let second = fleet.host("second");
    second.rounds_until("another host finishes the job", || fleet.is_done());
    signal(&first, Signal::CONT);
    let (code, log) = first.ends();
    let mut findings = fleet.findings();
    if !matches!(code, Some(0 | 5)) {
        findings.push(format!("the first one ended with {code:?}: {log}"));
    }
    Some((at, findings))
}

#[test]
fn stopped_and_woken_it_undoes_nothing_that_another_host_did_meanwhile() {
    if Fleet::of(1).is_none() {
        return;
    }
    let began = Instant::now();
    let (moments, findings) = each_moment(4, |n| stop_at(&Fleet::of(1)?, n));
    tell(&format!(
        "fleet, stopped while it waits for an answer: {moments} stops, {} findings ({} s)",
        findings.len(),
        began.elapsed().as_secs()
    ));
    assert!(moments > 2 && findings.is_empty(), "{findings:#?}");
}

/// Killed at its n-th kill point; a host that knows nothing goes on.
fn kill_at(fleet: &Fleet, n: usize) -> Option<Outcome> {
    fleet.add_job(0, ITEMS);
    let first = fleet
        .host("first")
        .with_variable("PLEO_EXPORT_KILL_AT", n.to_string());
    let (code, log) = first.begin().ends();
    if code.is_some() {
        return None;
    }
    let at = log
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("killed at "))
        .unwrap_or("?");
    fleet
        .host("second")
        .rounds_until("another host finishes the job", || fleet.is_done());
    Some((at.to_owned(), fleet.findings()))
}

#[test]
fn killed_at_any_moment_its_company_is_served_by_another_host() {
    if Fleet::of(1).is_none() {
        return;
    }
    let began = Instant::now();
    let (moments, findings) = each_moment(29, |n| kill_at(&Fleet::of(1)?, n));
    tell(&format!(
        "fleet, killed: {moments} kill points, {} findings ({} s)",
        findings.len(),
        began.elapsed().as_secs()
    ));
    assert!(moments > 3 && findings.is_empty(), "{findings:#?}");
}

#[test]
fn a_host_that_dies_is_followed_within_lease_and_grace() {
    let Some(fleet) = Fleet::of(1) else { return };
    fleet.add_job(0, ITEMS);
    let held = hold_nth(&fleet, 6);
    let mut first = fleet.host("first").begin();
    let (_, _release) = wait_for(&held, &mut first).expect("there are six requests");
    let second: Host<'_> = fleet.host("second");
    let run = second.round().exits(0);
    assert_eq!(run.json()["companies"], serde_json::json!([]), "{run}");
    signal(&first, Signal::KILL);
    let died = Instant::now();
    second.rounds_until("the job is done", || fleet.is_done());
    tell(&format!("fleet: followed after {:?}", died.elapsed()));
    assert!(died.elapsed() < Duration::from_secs(10));
    fleet.is_all_well();
    let epoch = fleet.sql(&format!(
        "SELECT epoch FROM pleo_export.company WHERE company_id = '{}'",
        company(0)
    ));
    assert!(epoch.parse::<u32>().unwrap() >= 2, "{epoch}");
    // The checkpoint of the one that died has the job open for ever; what the other closed stays closed.
    fleet.host("first").round().exits(0);
    assert_eq!(fleet.sql("SELECT state FROM pleo_export.job"), "closed");
    let told = fleet.sql("SELECT count(*) FROM pleo_export.audit WHERE detail = 'known to one host alone'");
    assert_eq!(told, "0");
}

#[test]
fn a_job_that_expires_under_a_host_that_died_is_told_by_the_next_one() {
    let Some(fleet) = Fleet::of(1) else { return };
    let job = fleet.add_job(0, ITEMS);
    let held = hold_nth(&fleet, 6);
    let mut first = fleet.host("first").begin();
    let (_, _release) = wait_for(&held, &mut first).expect("there are six requests");
    signal(&first, Signal::KILL);
    fleet.sandbox.expire_job(&job);
    let second = fleet.host("second");
    let mut answers = std::iter::repeat_with(|| second.round().json());
    let answer = answers.find(|answer| !companies_of(answer).is_empty()).unwrap();
    let served = companies_of(&answer)[0];
    assert_eq!(served["exit_code"], 4, "{served}");
    assert_eq!(served["jobs"][0]["id"], job.as_str(), "{served}");
    assert!(
        served["error"]["message"].to_string().contains("expired"),
        "{served}"
    );
    assert_eq!(fleet.sql("SELECT state FROM pleo_export.job"), "ended");
}
