//! A process that is stopped (SIGSTOP) at a chosen moment and woken later, while another one takes its job over.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tokio::sync::oneshot;

use crate::sandbox::{Hook, Host, Request, Trouble};
use crate::support::World;

/// What was heard of a job is fresh for so long here, so that a stop need not last for seconds.
pub const SILENCE: Duration = Duration::from_millis(400);

/// Where the process is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// It waits for the answer to its n-th request, which has had its effect.
    Awaiting(usize),
    /// It waits for the answer to its n-th report of items, so it has the books' lock no more.
    AwaitingReport(usize),
    /// Its n-th request to Pleo is about to leave, and it has asked whether it may send it.
    Sending(usize),
}

/// A process that is stopped.
pub struct Sleeper {
    child: Child,
    stopped: Instant,
    silence: Duration,
    /// What it was stopped at, for people.
    pub at: String,
}

/// How a process ended.
#[derive(Debug)]
#[allow(dead_code, reason = "what it said is what a failed assertion shows")]
pub struct End {
    pub code: Option<i32>,
    pub stderr: String,
}

/// Runs `poll` until it is stopped; nothing where it ends before the moment comes. What it heard of a job is fresh for as
/// long as `silence`.
#[expect(clippy::zombie_processes, reason = "a process that ended was waited for")]
pub fn poll_until(world: &World, moment: Moment, silence: Duration) -> Option<Sleeper> {
    let mut command = world.command(&["poll"]);
    command
        .stdout(Stdio::null())
        .stderr(Stdio::from(File::create(world.path("stderr.txt")).unwrap()));
    command.env("PLEO_EXPORT_SILENCE", silence.as_millis().to_string());
    if let Moment::Sending(n) = moment {
        command.env("PLEO_EXPORT_STOP_AT", n.to_string());
    }
    let held = match moment {
        Moment::Awaiting(n) => hold_nth(world, n, |_| true),
        Moment::AwaitingReport(n) => hold_nth(world, n, |request| request.method == "PUT"),
        Moment::Sending(_) => channel().1,
    };
    let mut child = command.spawn().unwrap();
    let (at, release) = match moment {
        Moment::Sending(_) => {
            // Its status is taken by that where it ended.
            if !waits_stopped(&child) {
                return None;
            }
            ("sending".to_owned(), None)
        }
        Moment::Awaiting(_) | Moment::AwaitingReport(_) => {
            let (at, release) = wait_for(&held, &mut child)?;
            kill_process(pid(&child), Signal::STOP).unwrap();
            assert!(waits_stopped(&child), "it is stopped");
            (at, Some(release))
        }
    };
    // The answer lies ready for when it wakes.
    if let Some(release) = release {
        release.send(()).unwrap();
    }
    world.sandbox.on_request(|_| Hook::Continue);
    Some(Sleeper {
        child,
        stopped: Instant::now(),
        silence,
        at,
    })
}

/// Holds back the answer to the n-th request of a kind and hands out what releases it.
fn hold_nth(
    world: &World,
    n: usize,
    counts: fn(&Request) -> bool,
) -> Receiver<(String, oneshot::Sender<()>)> {
    let (sender, receiver) = channel();
    let count = Mutex::new(0);
    world.sandbox.on_request(move |request| {
        let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
        if !counts(request) {
            return Hook::Continue;
        }
        *count += 1;
        if *count != n {
            return Hook::Continue;
        }
        let at = match request.host {
            Host::Api => request.method.clone(),
            Host::Receipts => "receipt".to_owned(),
        };
        let (release, held) = oneshot::channel();
        // Nobody listens where the process has ended.
        let _ = sender.send((at, release));
        Hook::Held(held)
    });
    receiver
}

/// What was held, or nothing where the process ends before.
fn wait_for<T>(held: &Receiver<T>, child: &mut Child) -> Option<T> {
    loop {
        match held.recv_timeout(Duration::from_millis(5)) {
            Ok(held) => return Some(held),
            Err(RecvTimeoutError::Timeout) if child.try_wait().unwrap().is_none() => {}
            // It may have been held and given up just now; then it has ended all the same.
            Err(_) => return None,
        }
    }
}

/// Waits until the process is stopped; `false` where it ended.
fn waits_stopped(child: &Child) -> bool {
    let options = WaitOptions::UNTRACED | WaitOptions::NOHANG;
    loop {
        match waitpid(Some(pid(child)), options) {
            Ok(Some((_, status))) => return status.stopped(),
            Ok(None) => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_child(child)
}

impl Sleeper {
    /// Wakes it, once it was away for longer than what it heard is taken for fresh.
    pub fn wakes(&self) {
        while self.stopped.elapsed() <= self.silence {
            std::thread::yield_now();
        }
        kill_process(pid(&self.child), Signal::CONT).unwrap();
    }

    /// Waits for its end, after it was woken.
    pub fn ends(mut self, world: &World) -> End {
        let code = self.child.wait().unwrap().code();
        let stderr = fs::read_to_string(world.path("stderr.txt")).unwrap();
        End { code, stderr }
    }

    /// Wakes it and waits for its end.
    pub fn wakes_and_ends(self, world: &World) -> End {
        self.wakes();
        self.ends(world)
    }
}

/// Another process that takes the job over, with a checkpoint of its own: a copy of the first one's as it is now, or an
/// empty one.
pub struct Other {
    child: Child,
}

/// Starts the other process.
pub fn adopt(world: &World, job: &str, has_copy: bool) -> Other {
    if has_copy {
        copy_checkpoint(world);
    }
    let mut command = world.command(&["run-job", job, "--adopt"]);
    command
        .env("PLEO_EXPORT_CHECKPOINT", "other.sqlite3")
        .stdout(Stdio::null())
        .stderr(Stdio::from(File::create(world.path("other.txt")).unwrap()));
    Other {
        child: command.spawn().unwrap(),
    }
}

impl Other {
    /// Waits until it comes so far; `false` where it ends before.
    pub fn comes_to(&mut self, point: &Receiver<()>) -> bool {
        wait_for(point, &mut self.child).is_some()
    }

    /// Waits for its end.
    pub fn ends(mut self, world: &World) -> End {
        let code = self.child.wait().unwrap().code();
        let stderr = fs::read_to_string(world.path("other.txt")).unwrap();
        End { code, stderr }
    }
}

/// Lets the other process die when it is about to close the job: every item has its verdict then, and the job is open.
pub fn adopt_and_die_before_closing(world: &World, job: &str, has_copy: bool) -> End {
    let process: Arc<OnceLock<Pid>> = Arc::default();
    let target = Arc::clone(&process);
    world.sandbox.on_request(move |request| {
        let closes = request.method == "POST" && request.body["event"] != "started";
        if !closes {
            return Hook::Continue;
        }
        kill_process(*target.wait(), Signal::KILL).unwrap();
        Hook::Trouble(Trouble::ResetBeforeEffect)
    });
    let other = adopt(world, job, has_copy);
    process.set(pid(&other.child)).unwrap();
    let end = other.ends(world);
    world.sandbox.on_request(|_| Hook::Continue);
    end
}

fn copy_checkpoint(world: &World) {
    for suffix in ["", "-wal"] {
        let from = world.path(&format!("checkpoint.sqlite3{suffix}"));
        if from.exists() {
            fs::copy(from, world.path(&format!("other.sqlite3{suffix}"))).unwrap();
        }
    }
}
