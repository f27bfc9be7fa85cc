use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Command;
use std::sync::mpsc::channel;

use crate::interrupt::{Fate, nth_of};
use crate::sandbox::{Fault, Hook, ItemStatus, JobStatus, Trouble};
use crate::support::{Run, World};

const SMALL_BATCHES: &str = "[pleo]\nbatch_size = 5\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n";

#[test]
fn killed_at_any_update_the_next_run_finishes() {
    for nth in 1..=6 {
        for fate in [Fate::TakesEffect, Fate::IsLost] {
            let world = World::new().with_settings(SMALL_BATCHES);
            let job = world.add_mixed_job(15, 1);
            world.kill_at_update(nth, fate);
            world.run(&["resume"]).exits(0);
            assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 15);
            assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
            world.keeps_its_promise_and_all_rules();
            world.books().are_clean();
        }
    }
}

#[test]
fn a_stop_finishes_what_is_in_hand_and_leaves_the_job_to_the_next_run() {
    for signal in ["TERM", "INT"] {
        let world = World::new().with_settings(SMALL_BATCHES);
        let job = world.add_mixed_job(15, 1);
        let run = world
            .run_and_signal(&["poll", "--json"], signal, Fate::TakesEffect, nth_of("PUT", 3))
            .exits(5);
        let answer = run.json();
        assert_eq!(answer["error"]["kind"], "stopped");
        assert_eq!(answer["jobs"][0]["status"], "in_progress");
        let booked = world.books().entries().len();
        assert!((5..15).contains(&booked), "{booked} of 15");
        world.run(&["status"]).exits(0).says("in progress");
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn whoever_comes_during_a_run_is_told_and_changes_nothing() {
    let world = World::new();
    let job = world.add_mixed_job(8, 1);
    let (sender, results) = channel();
    let others: Vec<(&str, Command)> = [
        ("poll", vec!["poll", "-v"]),
        ("run-job", vec!["run-job", job.as_str()]),
        ("resume", vec!["resume", "--json"]),
        ("status", vec!["status"]),
    ]
    .into_iter()
    .map(|(name, arguments)| (name, world.command(&arguments)))
    .collect();
    let others = std::sync::Mutex::new(others);
    let is_verdict = nth_of("PUT", 2);
    world.sandbox.on_request(move |request| {
        if is_verdict(request) {
            for (name, mut command) in others.lock().unwrap().drain(..) {
                let run = Run::of(name, command.output().unwrap());
                sender.send(run).unwrap();
            }
        }
        Hook::Continue
    });
    world.run(&["poll"]).exits(0);
    let mut results = results.iter();
    let mut next = || results.next().unwrap();
    next().exits(0).says("another run is at work");
    next().exits(5).says("another run is at work").says("process ");
    let resume = next().exits(5);
    assert_eq!(resume.json()["error"]["kind"], "temporary");
    next().exits(0).says("is at work").says(&job[..8]);
    world.keeps_its_promise_and_all_rules();
}

/// From the nth request on, for every so many n, nothing works any more; later it does again.
fn goes_dark(trouble: &Trouble, every: usize, code: i32) {
    for nth in (1..).step_by(every) {
        let world = World::new().with_settings(SMALL_BATCHES);
        let job = world.add_mixed_job(7, 1);
        world.sandbox.fault(Fault {
            path: Some("/v3/**".to_owned()),
            ..Fault::new(trouble.clone()).at(nth).always()
        });
        let run = world.run(&["poll"]);
        world.sandbox.clear_faults();
        if run.code == Some(0) {
            assert!(nth > 11, "{nth} requests are not a whole job");
            return;
        }
        // What never reached Pleo with these settings is taken for a matter of settings.
        let run = run.exits(if nth == 1 { 2 } else { code });
        assert!(!run.stderr.is_empty(), "{run}");
        world.run(&["poll"]).exits(0);
        assert_eq!(
            world.sandbox.job(&job).count(ItemStatus::Successful),
            7,
            "dark from request {nth} on"
        );
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_credential_that_expires_at_any_request_stops_the_run_and_a_good_one_finishes_it() {
    goes_dark(&Trouble::Status(401), 1, 2);
}

#[test]
fn a_pleo_that_goes_away_at_any_request_is_waited_for() {
    goes_dark(&Trouble::ResetBeforeEffect, 2, 5);
}

#[test]
fn a_pleo_whose_answers_are_lost_from_any_request_on_is_waited_for() {
    goes_dark(&Trouble::LostAnswer, 2, 5);
}

#[test]
fn a_signal_ends_the_wait_for_books_that_somebody_else_holds() {
    let world = World::new();
    let job = world.add_mixed_job(3, 1);
    fs::create_dir(world.books().folder).unwrap();
    let held = File::create(world.books().folder.join(".pleo-export.lock")).unwrap();
    held.lock().unwrap();
    let mut child = world.spawn(&["poll", "-v"]);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("waiting for another process to finish with the books") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    crate::support::signal("TERM", child.id());
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(5), "{said}");
    assert!(said.contains("stopped by a signal"), "{said}");
    assert!(
        world.sandbox.job(&job).events.is_empty(),
        "nothing was begun that cannot go on"
    );
    held.unlock().unwrap();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 3);
    world.keeps_its_promise_and_all_rules();
}
