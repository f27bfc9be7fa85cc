//! Ends the program from outside at a moment of its own: the server sees the request, then the signal goes out.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command};
use std::sync::{Arc, OnceLock};

use crate::sandbox::{Hook, Request, Trouble};
use crate::support::{self, Run, World};

/// What becomes of the request at which the signal is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It has its effect; a killed program does not see the answer.
    TakesEffect,
    /// It never arrives.
    IsLost,
}

impl World {
    /// Runs the program and sends it `signal` ("KILL", "TERM") at the first request for which `is_moment` holds, whose
    /// answer waits until the program has said that it heard the signal: an answer that came first would let it go on.
    pub fn run_and_signal(
        &self,
        arguments: &[&str],
        signal: &'static str,
        fate: Fate,
        is_moment: impl Fn(&Request) -> bool + Send + 'static,
    ) -> Run {
        let process: Arc<OnceLock<u32>> = Arc::default();
        let heard: Arc<OnceLock<()>> = Arc::default();
        let (target, told) = (Arc::clone(&process), Arc::clone(&heard));
        let is_done = OnceLock::new();
        self.sandbox.on_request(move |request| {
            if !is_moment(request) || is_done.set(()).is_err() {
                return Hook::Continue;
            }
            let (target, told) = (Arc::clone(&target), Arc::clone(&told));
            let send = move || {
                support::signal(signal, *target.wait());
                if signal != "KILL" {
                    told.wait();
                }
            };
            match fate {
                Fate::TakesEffect => Hook::AfterEffect(Box::new(send)),
                Fate::IsLost => {
                    send();
                    Hook::Trouble(Trouble::ResetBeforeEffect)
                }
            }
        });
        let child = self.spawn(arguments);
        process.set(child.id()).expect("one process");
        let run = end_of(child, &format!("{arguments:?} until {signal}"), &heard);
        self.sandbox.on_request(|_| Hook::Continue);
        run
    }

    /// Runs the program and lets it sleep (no handler sees it) at the first request for which `is_moment` holds, which has
    /// its effect; meanwhile Pleo's clock goes on by `slept`.
    pub fn run_and_stall(
        &self,
        arguments: &[&str],
        slept: std::time::Duration,
        is_moment: impl Fn(&Request) -> bool + Send + 'static,
    ) -> Run {
        let process: Arc<OnceLock<u32>> = Arc::default();
        let (target, control) = (Arc::clone(&process), self.sandbox.control());
        let is_done = OnceLock::new();
        self.sandbox.on_request(move |request| {
            if !is_moment(request) || is_done.set(()).is_err() {
                return Hook::Continue;
            }
            let (target, control) = (Arc::clone(&target), control.clone());
            Hook::AfterEffect(Box::new(move || {
                let script = format!("kill -STOP {0} && sleep 0.1 && kill -CONT {0}", target.wait());
                let status = Command::new("sh").args(["-c", &script]).status();
                assert!(status.expect("`sh` runs").success());
                control.advance_clock(slept);
            }))
        });
        let child = self.spawn(arguments);
        process.set(child.id()).expect("one process");
        let run = Run::of(
            &format!("{arguments:?} asleep for {slept:?}"),
            child.wait_with_output().expect("it ends"),
        );
        self.sandbox.on_request(|_| Hook::Continue);
        run
    }

    /// Kills the program (no handler sees it) at the `nth` update of items, which `fate` befalls.
    pub fn kill_at_update(&self, nth: usize, fate: Fate) {
        let run = self.run_and_signal(&["poll"], "KILL", fate, nth_of("PUT", nth));
        assert_eq!(run.code, None, "it was killed: {run}");
    }
}

/// Waits for the end of a program; `heard` is set once it says that it stops, or says nothing any more.
pub fn end_of(mut child: Child, command: &str, heard: &OnceLock<()>) -> Run {
    let stderr = child.stderr.take().expect("stderr is piped");
    let (said, output) = std::thread::scope(|scope| {
        let said = scope.spawn(|| all_of(stderr, heard));
        let output = child.wait_with_output().expect("it ends");
        (said.join().expect("stderr can be read"), output)
    });
    let mut run = Run::of(command, output);
    run.stderr = said;
    run
}

fn all_of(stderr: ChildStderr, heard: &OnceLock<()>) -> String {
    let mut said = String::new();
    let mut stderr = BufReader::new(stderr);
    while stderr.read_line(&mut said).expect("stderr is UTF-8") > 0 {
        if said.contains("stopping: ") {
            let _ = heard.set(());
        }
    }
    let _ = heard.set(());
    said
}

/// Whether a request is the `nth` of its method, counted from 1.
pub fn nth_of(method: &'static str, nth: usize) -> impl Fn(&Request) -> bool + Send + 'static {
    let seen = std::sync::atomic::AtomicUsize::new(0);
    move |request| {
        request.method == method && seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst) + 1 == nth
    }
}

/// The events that were sent, answered or not.
pub fn is_event(request: &Request, event: &str) -> bool {
    request.method == "POST" && request.body["event"] == event
}
