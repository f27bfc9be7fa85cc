//! Takes the power away at every moment that differs: just before each sync and each request. The disk is rebuilt as
//! it may be then, the server put back to that moment, and a new process goes on.

mod disk;
mod trace;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::sync::{Arc, Mutex};

use self::disk::{Disk, EVERY_LUCK, Image};
use crate::job::Job;
use crate::proof::{self, Finding, Findings, Kind};
use crate::sandbox::{self, Hook, Host, Snapshot};
use crate::support::World;
use crate::tell;
use crate::victim::{self, End, Moment};

/// Takes the power away. It reads as a sentence: `PowerLoss::of(job).with_bug("no-fsync-file").run(&strace)`.
struct PowerLoss {
    job: Job,
    batch_size: usize,
    mutation: &'static str,
    /// Kill points at which processes end before the one whose power is lost.
    killed_before: Vec<usize>,
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

struct Outcome {
    cuts: usize,
    findings: Vec<(String, Finding)>,
}

impl PowerLoss {
    fn of(job: Job, batch_size: usize) -> Self {
        Self {
            job,
            batch_size,
            mutation: "",
            killed_before: Vec::new(),
        }
    }

    /// With a deliberate bug in every process.
    fn with_bug(self, mutation: &'static str) -> Self {
        Self { mutation, ..self }
    }

    /// After a process that was killed at this kill point.
    fn after_a_kill_at(mut self, point: usize) -> Self {
        self.killed_before.push(point);
        self
    }

    /// Each thread has a recording of its own and takes its share of the cuts.
    fn run(&self, strace: &Path) -> Outcome {
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
        let world = World::new().with_settings(&format!("[pleo]\nbatch_size = {}\n", self.batch_size));
        let job_id = world.sandbox.add_job(sandbox::Job::of(self.job.items.clone()));
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
        let ends = self.killed_before.iter().copied().map(Some).chain([None]);
        for kill_at in ends {
            let mut command = trace::traced(strace, &world.command(&["poll"]), &log);
            command.env("PLEO_EXPORT_MUTATION", self.mutation);
            if let Some(kill_at) = kill_at {
                command.env("PLEO_EXPORT_KILL_AT", kill_at.to_string());
            }
            let output = command.output().unwrap();
            assert!(kill_at.is_some() || output.status.code() == Some(3), "{output:?}");
            let calls = trace::read(&std::fs::read_to_string(&log).unwrap());
            cuts = cut(&mut disk, &calls, &mut requests);
            assert!(
                disk.current() == disk::image_of(&root),
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
            if seen.insert((requests, fingerprint(&image))) {
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
    cut_here(disk, *requests, "at the end");
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
        for cut in self.cuts.iter().skip(share).step_by(shares) {
            outcome.cuts += 1;
            let findings = self.go_on_after(cut, of);
            outcome
                .findings
                .extend(findings.into_iter().map(|finding| (cut.text.clone(), finding)));
            if !of.mutation.is_empty() && !outcome.findings.is_empty() {
                break;
            }
        }
        outcome
    }

    fn go_on_after(&self, cut: &Cut, of: &PowerLoss) -> Vec<Finding> {
        let world = &self.world;
        disk::rebuild(&world.path(""), &cut.image);
        world.sandbox.restore(&self.snapshots[cut.requests]);
        let mut findings = Findings(proof::at_death(world, &self.job_id));
        crate::kill_matrix::recover(
            world,
            &self.job_id,
            of.mutation,
            cut.requests % 2 == 0,
            &mut findings,
        );
        findings.0.extend(proof::when_done(world, &self.job_id, &of.job));
        findings.0
    }
}

fn job() -> Job {
    Job::of(14)
}

const BATCH_SIZE: usize = 7;

/// `None`, and a word on it, where there is no strace.
fn strace_or_say_so(test: &str) -> Option<std::path::PathBuf> {
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
    let outcome = PowerLoss::of(job(), BATCH_SIZE).run(&strace);
    tell_figure("power loss", &outcome);
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}

#[test]
fn what_a_killed_process_had_not_synced_is_synced_before_it_is_relied_on() {
    let Some(strace) = strace_or_say_so("power loss after a kill") else {
        return;
    };
    // The batch has its name in the books, and nobody has synced the folder.
    let point = point_after_the_first_booking();
    let outcome = PowerLoss::of(job(), BATCH_SIZE)
        .after_a_kill_at(point)
        .run(&strace);
    tell_figure("power loss after a kill", &outcome);
    assert!(outcome.findings.is_empty(), "{:#?}", outcome.findings);
}

#[test]
fn leaving_out_the_sync_of_files_is_caught() {
    is_caught("no-fsync-file");
}

#[test]
fn leaving_out_the_sync_of_folders_is_caught() {
    is_caught("no-fsync-folder");
}

#[test]
fn leaving_out_the_sync_of_the_checkpoint_is_caught() {
    is_caught("no-fsync-checkpoint");
}

#[track_caller]
fn is_caught(mutation: &'static str) {
    let Some(strace) = strace_or_say_so(mutation) else {
        return;
    };
    let outcome = PowerLoss::of(job(), BATCH_SIZE).with_bug(mutation).run(&strace);
    let Some((moment, finding)) = outcome.findings.first() else {
        panic!("`{mutation}` is not caught");
    };
    tell(&format!(
        "mutation {mutation}: caught {moment}: {:?}: {}",
        finding.kind, finding.text
    ));
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

/// The kill point at which the first batch has its name, found by trying.
fn point_after_the_first_booking() -> usize {
    let is_it = |point: &usize| {
        let world = World::new().with_settings(&format!("[pleo]\nbatch_size = {BATCH_SIZE}\n"));
        world.sandbox.add_job(sandbox::Job::of(job().items));
        let end = victim::poll_until(&world, Moment::Point(*point), "");
        assert!(matches!(end, End::Killed(_)), "nothing was booked");
        !world.books().entries().is_empty()
    };
    (1..).find(is_it).unwrap()
}
