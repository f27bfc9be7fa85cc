//! A process that is killed at a chosen moment, by itself or by the server that it speaks to.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sandbox::{Hook, Host};
use crate::support::World;

/// A moment of death.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// The n-th kill point that the process passes.
    Point(usize),
    /// The n-th request has had its effect, and the answer has not left the server.
    RequestSent(usize),
}

/// How the process ended.
pub enum End {
    /// SIGKILL at a moment of this kind.
    Killed(String),
    /// By itself: the moment never came.
    Untouched { code: Option<i32>, stderr: String },
}

/// Runs `poll` until the moment comes.
pub fn poll_until(world: &World, moment: Moment) -> End {
    let stderr = world.path("stderr.txt");
    let mut command = world.command(&["poll"]);
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::from(File::create(&stderr).unwrap()));
    let victim: Arc<Mutex<Option<Child>>> = Arc::default();
    let killed_with: Arc<Mutex<Option<String>>> = Arc::default();
    match moment {
        Moment::Point(n) => {
            command.env("PLEO_EXPORT_KILL_AT", n.to_string());
        }
        Moment::RequestSent(n) => {
            let (victim, killed_with, count) = (victim.clone(), killed_with.clone(), AtomicUsize::new(0));
            world.sandbox.on_request(move |request| {
                if count.fetch_add(1, Ordering::SeqCst) + 1 != n {
                    return Hook::Continue;
                }
                let kind = match request.host {
                    Host::Api => format!("{} sent", request.method),
                    Host::Receipts => "receipt asked for".to_owned(),
                };
                *lock(&killed_with) = Some(kind);
                let victim = victim.clone();
                Hook::AfterEffect(Box::new(move || {
                    lock(&victim).as_mut().unwrap().kill().unwrap();
                }))
            });
        }
    }
    // The server may want to kill it before `spawn` returns; it waits for the lock.
    let mut stdout = {
        let mut victim = lock(&victim);
        let child = victim.insert(command.spawn().unwrap());
        child.stdout.take().unwrap()
    };
    let mut said = Vec::new();
    stdout.read_to_end(&mut said).unwrap();
    let status = lock(&victim).as_mut().unwrap().wait().unwrap();
    world.sandbox.on_request(|_| Hook::Continue);
    let stderr = std::fs::read_to_string(stderr).unwrap();
    if status.signal() != Some(9) {
        return End::Untouched {
            code: status.code(),
            stderr,
        };
    }
    let by_itself = stderr.lines().rev().find_map(|line| {
        let (_, kind) = line.strip_prefix("killed at ")?.split_once(": ")?;
        Some(kind.to_owned())
    });
    End::Killed(by_itself.or(lock(&killed_with).take()).unwrap())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
