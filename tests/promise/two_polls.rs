//! Two plain polls, each with a checkpoint of its own, and the answers to both their `started` are lost: one took effect,
//! the other did not, and neither can know which.

use std::fs::{self, File};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::job::Job;
use crate::proof;
use crate::sandbox::{Hook, Trouble};
use crate::support::World;
use crate::{every, tell};

const CHECKPOINTS: [&str; 2] = ["checkpoint.sqlite3", "other.sqlite3"];

/// What holds back the second update of items until the other process is through.
type Held = Arc<Mutex<Option<oneshot::Sender<()>>>>;

/// Lets both see the job as pending before either starts it, and loses both answers. Where it is `held`, whoever goes on
/// is in the middle of the job when the other one looks.
fn lose_both_starts(world: &World, held: Option<Held>) {
    let [readings, starts, words] = [0; 3].map(AtomicUsize::new);
    let (release, first_reading) = oneshot::channel();
    let (release, first_reading) = (Mutex::new(Some(release)), Mutex::new(Some(first_reading)));
    world.sandbox.on_request(move |request| {
        let is_start = request.body["event"] == "started";
        match (request.method.as_str(), request.path.split('/').count()) {
            ("GET", 4) => match readings.fetch_add(1, Ordering::SeqCst) {
                0 => return Hook::Held(first_reading.lock().unwrap().take().unwrap()),
                1 => release.lock().unwrap().take().unwrap().send(()).unwrap(),
                _ => {}
            },
            ("POST", _) if is_start => match starts.fetch_add(1, Ordering::SeqCst) {
                0 => return Hook::Trouble(Trouble::LostAnswer),
                1 => return Hook::Trouble(Trouble::ResetBeforeEffect),
                _ => {}
            },
            ("PUT", _) if words.fetch_add(1, Ordering::SeqCst) == 1 => {
                if let Some(held) = &held {
                    let (release, until) = oneshot::channel();
                    *held.lock().unwrap() = Some(release);
                    return Hook::Held(until);
                }
            }
            _ => {}
        }
        Hook::Continue
    });
}

fn poll(world: &World, at: usize, wait: &str) -> Child {
    let mut command = world.command(&["poll"]);
    command
        .env("PLEO_EXPORT_CHECKPOINT", CHECKPOINTS[at])
        .env("PLEO_EXPORT_WAIT_FOR_OTHERS", wait)
        .stdout(Stdio::null())
        .stderr(Stdio::from(
            File::create(world.path(&format!("{at}.txt"))).unwrap(),
        ));
    command.spawn().unwrap()
}

/// Both to their ends; answers what the one that ended first said.
fn until_both_end(world: &World, mut polls: [Child; 2], held: Option<&Held>) -> (String, [Option<i32>; 2]) {
    let first = loop {
        match polls
            .iter_mut()
            .position(|poll| poll.try_wait().unwrap().is_some())
        {
            Some(first) => break first,
            None => std::thread::yield_now(),
        }
    };
    let release = held.and_then(|held| held.lock().unwrap().take());
    // It is held once the other one is that far; if it is not yet, nothing waits.
    if let Some(release) = release {
        let _ = release.send(());
    }
    let codes = polls.map(|mut poll| poll.wait().unwrap().code());
    let said = fs::read_to_string(world.path(&format!("{first}.txt"))).unwrap();
    (said, codes)
}

fn story(waits: [&str; 2], is_held: bool) -> String {
    let job = Job::of(24, 6);
    let (world, id) = job.waiting();
    let held = is_held.then(Held::default);
    lose_both_starts(&world, held.clone());
    let polls = [0, 1].map(|at| poll(&world, at, waits[at]));
    let (said, codes) = until_both_end(&world, polls, held.as_ref());
    world.sandbox.on_request(|_| Hook::Continue);
    assert!(
        codes.iter().all(|code| matches!(code, Some(0 | 3))),
        "{codes:?}: {said}"
    );
    for checkpoint in CHECKPOINTS {
        // It is judged anew, and it is over.
        let run = world.run_with("PLEO_EXPORT_CHECKPOINT", checkpoint, &["poll"]);
        assert!(matches!(run.code, Some(0 | 3)), "{run}");
    }
    let findings = proof::when_done(&world, &id, &job);
    assert!(findings.is_empty(), "{codes:?}: {findings:#?}");
    said
}

#[test]
fn two_polls_after_a_lost_start_never_undo_each_others_work() {
    let said = story(["100", "4000"], true);
    assert!(said.contains("leaving job"), "{said}");
    let said = story(["4000", "100"], true);
    assert!(said.contains("leaving job"), "{said}");
    // The second one looks at any stage of the first one's work. Chance keeps those apart who wait equally long.
    let waits: Vec<u32> = (700..2_000).step_by(100 * every()).collect();
    for wait in &waits {
        story(["100", &wait.to_string()], false);
    }
    tell(&format!(
        "two polls after a lost start: {} stories, 0 steps back",
        2 + waits.len()
    ));
}
