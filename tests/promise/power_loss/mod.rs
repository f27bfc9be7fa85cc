//! Takes the power away at every moment that differs: just before each sync and each request. The disk is rebuilt as
//! it may be then, the server put back to that moment, and a new process goes on.

mod disk;
mod image;
mod trace;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex};

use self::disk::{Disk, EVERY_LUCK};
use self::image::Image;
use crate::job::Job;
use crate::proof::{self, Finding, Findings, Kind, Sought, findings_hold};
use crate::sandbox::{Hook, Host, Snapshot};
use crate::support::World;
use crate::victim::{self, End, Moment};
use crate::{every, of_all, tell};

const AT_THE_END: &str = "at the end";

/// Takes the power away. It reads as a sentence: `PowerLoss::of(job).until(sought).run(&strace)`.
pub struct PowerLoss {
    job: Job,
    /// The kill point at which a process ends before the one whose power is lost.
    killed_before: Option<usize>,
    only_at_the_end: bool,
    every: usize,
    until: Option<Sought>,
}

/// A moment, and what was on the disk after it.
struct Cut {
    text: String,
    /// How many requests had their effect.
    requests: usize,
    image: Image,
}

/// A run, cut into moments.
struct Recording {
    world: World,
    job_id: String,
    /// The server after so many requests.
    snapshots: Vec<Snapshot>,
    cuts: Vec<Cut>,
}

pub struct Outcome {
    cuts: usize,
    pub findings: Vec<(String, Finding)>,
}

impl PowerLoss {
    pub fn of(job: Job) -> Self {
        Self {
            job,
            killed_before: None,
            only_at_the_end: false,
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

    /// Once all is done, by a process that went on after one that was killed at this kill point.
    fn at_the_end_after_a_kill_at(self, point: usize) -> Self {
        Self {
            killed_before: Some(point),
            only_at_the_end: true,
            ..self
        }
    }

    /// Only every n-th cut.
    fn at_every(self, every: usize) -> Self {
        Self { every, ..self }
    }

    /// Each thread has a recording of its own and takes its share of the cuts.
    pub fn run(&self, strace: &Path) -> Outcome {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let outcomes = std::thread::scope(|scope| {
            let share = |share: usize| move || self.record(strace).run_share(self, share, threads);
            let workers: Vec<_> = (0..threads).map(|number| scope.spawn(share(number))).collect();
            let ended = workers.into_iter().map(|worker| worker.join().unwrap());
            ended.collect::<Vec<_>>()
        });
        Outcome {
            cuts: outcomes.iter().map(|outcome| outcome.cuts).sum(),
            findings: outcomes
                .into_iter()
                .flat_map(|outcome| outcome.findings)
                .collect(),
        }
    }

    fn record(&self, strace: &Path) -> Recording {
        let (world, job_id) = self.job.waiting();
        let snapshots = Arc::new(Mutex::new(vec![world.sandbox.snapshot()]));
        let (keep, control) = (snapshots.clone(), world.sandbox.control());
        world.sandbox.on_request(move |request| {
            if request.host == Host::Receipts {
                return Hook::Continue;
            }
            let (keep, control) = (keep.clone(), control.clone());
            Hook::AfterEffect(Box::new(move || keep.lock().unwrap().push(control.snapshot())))
        });
        let log_folder = tempfile::tempdir().unwrap();
        let log = log_folder.path().join("trace");
        let root = world.path("");
        let mut disk = Disk::of(&root);
        let mut requests = 0;
        let mut cuts = Vec::new();
        for kill_at in self.killed_before.map(Some).into_iter().chain([None]) {
            let mut command = trace::traced(strace, &world.command(&["poll"]), &log);
            if let Some(kill_at) = kill_at {
                command.env("PLEO_EXPORT_KILL_AT", kill_at.to_string());
            }
            let output = command.output().unwrap();
            assert!(kill_at.is_some() || output.status.code() == Some(3), "{output:?}");
            let calls = trace::read(&std::fs::read_to_string(&log).unwrap());
            cuts = cut(&mut disk, &calls, &mut requests);
            if self.only_at_the_end {
                cuts.retain(|cut| cut.text.starts_with(AT_THE_END));
            }
            assert!(
                disk.current() == image::image_of(&root),
                "the model of the disk is not the disk"
            );
        }
        world.sandbox.on_request(|_| Hook::Continue);
        let snapshots = std::mem::take(&mut *snapshots.lock().unwrap());
        assert_eq!(snapshots.len(), requests + 1, "each request is in the trace");
        Recording {
            world,
            job_id,
            snapshots,
            cuts,
        }
    }
}

/// Applies what a process did, and cuts before each moment that makes a difference to the disk or to the world.
fn cut(disk: &mut Disk, calls: &[trace::Call], requests: &mut usize) -> Vec<Cut> {
    let mut cuts = Vec::new();
    let mut seen = HashSet::new();
    disk.close_all();
    let mut cut_here = |disk: &Disk, requests: usize, text: &str| {
        for luck in EVERY_LUCK {
            let image = disk.after_cut(luck);
            if seen.insert((requests, text == AT_THE_END, fingerprint(&image))) {
                let text = format!("{text} (cut {}), kept of the unsynced: {luck:?}", cuts.len());
                cuts.push(Cut {
                    text,
                    requests,
                    image,
                });
            }
        }
    };
    for call in calls {
        if call.is_request() {
            cut_here(disk, *requests, &format!("before request {}", *requests + 1));
            *requests += 1;
        } else if disk.synced(call).is_some() {
            cut_here(
                disk,
                *requests,
                &format!("after request {requests}, before {} {}", call.name, call.other(0)),
            );
        }
        disk.apply(call);
    }
    cut_here(disk, *requests, AT_THE_END);
    cuts
}

fn fingerprint(image: &Image) -> u64 {
    let mut hasher = DefaultHasher::new();
    image.hash(&mut hasher);
    hasher.finish()
}

impl Recording {
    fn run_share(self, of: &PowerLoss, share: usize, shares: usize) -> Outcome {
        let mut outcome = Outcome {
            cuts: 0,
            findings: Vec::new(),
        };
        for cut in self.cuts.iter().skip(share).step_by(shares * of.every) {
            outcome.cuts += 1;
            let findings = self.go_on_after(cut, of);
            outcome
                .findings
                .extend(findings.into_iter().map(|finding| (cut.text.clone(), finding)));
            if findings_hold(of.until, &outcome.findings) {
                break;
            }
        }
        outcome
    }

    fn go_on_after(&self, cut: &Cut, of: &PowerLoss) -> Vec<Finding> {
        let world = &self.world;
        image::rebuild(&world.path(""), &cut.image);
        world.sandbox.restore(&self.snapshots[cut.requests]);
        let mut findings = Findings(proof::at_death(world, &self.job_id));
        let by_poll = cut.requests.is_multiple_of(2);
        crate::kill_matrix::recover(world, &self.job_id, by_poll, &mut findings);
        findings.0.extend(proof::when_done(world, &self.job_id, &of.job));
        findings.0
    }
}

/// `None`, and a word on it, where there is no strace.
pub fn strace_or_say_so(test: &str) -> Option<std::path::PathBuf> {
    let strace = trace::strace();
    if strace.is_none() {
        tell(&format!(
            "{test}: did NOT run, because strace is not installed (Debian package `strace`)"
        ));
    }
    strace
}

#[test]
fn after_a_power_loss_at_any_moment_nothing_is_booked_twice_and_nothing_is_lost() {
    let Some(strace) = strace_or_say_so("power loss") else {
        return;
    };
    let outcome = PowerLoss::of(Job::of(14, 7)).at_every(every()).run(&strace);
    tell_figure(&format!("power loss ({})", of_all()), &outcome);
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}

#[test]
fn what_a_killed_process_had_not_synced_is_synced_before_it_is_relied_on() {
    let Some(strace) = strace_or_say_so("power loss after a kill") else {
        return;
    };
    // A file has its name, and nobody has synced the folder: the next process finds it there.
    let mut outcome = Outcome {
        cuts: 0,
        findings: Vec::new(),
    };
    for point in points_with_unsynced_names() {
        let loss = PowerLoss::of(Job::of(8, 8)).at_the_end_after_a_kill_at(point);
        let share = loss.record(&strace).run_share(&loss, 0, 1);
        outcome.cuts += share.cuts;
        let findings = share.findings.into_iter();
        outcome
            .findings
            .extend(findings.map(|(text, finding)| (format!("killed at {point}, {text}"), finding)));
    }
    tell_figure("power loss after a kill", &outcome);
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}

/// The kill points of a small job that lie between a new name and the sync of its folder, found by trying.
fn points_with_unsynced_names() -> Vec<usize> {
    let mut points = Vec::new();
    for point in 1.. {
        let (world, _) = Job::of(8, 8).waiting();
        match victim::poll_until(&world, Moment::Point(point)) {
            End::Killed(kind) if kind == "file renamed" || kind == "folder made" => points.push(point),
            End::Killed(_) => {}
            End::Untouched { .. } => break,
        }
    }
    assert!(!points.is_empty());
    points
}

fn tell_figure(name: &str, outcome: &Outcome) {
    let count = |kind| {
        outcome
            .findings
            .iter()
            .filter(|(_, finding)| finding.kind == kind)
            .count()
    };
    tell(&format!(
        "{name}: {} cuts, {} duplicates, {} losses",
        outcome.cuts,
        count(Kind::Duplicate),
        count(Kind::Loss)
    ));
}
