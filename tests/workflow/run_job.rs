use std::fs;

use crate::sandbox::{Event, Job, JobStatus, Options, Request, seed};
use crate::support::World;

const OTHER_COMPANY: &str = "7e57c0de-0000-4000-8000-0000000000cc";

fn changes_something(request: &Request) -> bool {
    request.method != "GET"
}

#[test]
fn a_job_of_another_company_is_left_as_it_is() {
    for flags in [&[][..], &["--adopt"], &["--out-of-order"]] {
        for status in [JobStatus::Pending, JobStatus::InProgress, JobStatus::Completed] {
            let world = World::new().with_variable("PLEO_COMPANY_ID", OTHER_COMPANY);
            let job = world.sandbox.add_job(Job::of(seed::mixed(3, 1)).status(status));
            let arguments = [&["run-job", &job][..], flags].concat();
            world
                .run(&arguments)
                .exits(2)
                .says(&job)
                .says(world.sandbox.company());
            assert!(!world.sandbox.requests().iter().any(changes_something));
            assert_eq!(world.sandbox.job(&job).status, status);
            assert!(!world.books().folder.exists(), "nothing is booked");
        }
    }
}

#[test]
fn a_newer_job_waits_for_its_turn_unless_a_person_says_otherwise() {
    let world = World::with_options(Options {
        oldest_first: false,
        ..Options::default()
    });
    let [oldest, _, newest] = [1, 2, 3].map(|seed| world.add_mixed_job(3, seed));
    world
        .run(&["run-job", &newest])
        .exits(6)
        .says(&format!("job {oldest} is pending and older"))
        .says(&format!("run-job {oldest}"))
        .says("--out-of-order");
    assert!(!world.sandbox.requests().iter().any(changes_something));
    world.run(&["run-job", &newest, "--out-of-order"]).exits(0);
    assert_eq!(
        world.sandbox.job(&newest).events,
        [Event::Started, Event::Completed]
    );
    assert_eq!(world.sandbox.job(&oldest).status, JobStatus::Pending);
    world.run(&["run-job", &oldest]).exits(0);
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise();
}

/// Pleo runs one job of a company at a time, so no flag helps.
#[test]
fn while_a_job_is_in_progress_no_other_is_begun() {
    for is_ours in [true, false] {
        let world = World::new();
        let (running, remedy) = if is_ours {
            let job = world.add_mixed_job(3, 1);
            world.kill_at_update(1, crate::interrupt::Fate::TakesEffect);
            (job.clone(), format!("run-job {job}`"))
        } else {
            let job = Job::of(seed::mixed(3, 1)).status(JobStatus::InProgress);
            let job = world.sandbox.add_job(job);
            (job.clone(), format!("run-job {job} --adopt`"))
        };
        let next = world.add_mixed_job(3, 2);
        for flags in [&[][..], &["--out-of-order"], &["--adopt"]] {
            let before = world.sandbox.requests().len();
            world
                .run(&[&["run-job", &next][..], flags].concat())
                .exits(6)
                .says(&running)
                .says(&remedy);
            let sent = world.sandbox.requests();
            assert!(!sent[before..].iter().any(changes_something));
        }
        let command = remedy.trim_end_matches('`');
        world.run(&command.split(' ').collect::<Vec<_>>()).exits(0);
        world.run(&["run-job", &next]).exits(0);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_mistyped_setting_does_not_bind_a_new_checkpoint() {
    let world = World::new();
    let elsewhere = "http://localhost:1";
    let in_vain = "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n";
    fs::write(world.path("pleo-export.toml"), in_vain).unwrap();
    world.run_with("PLEO_BASE_URL", elsewhere, &["poll"]).exits(2);
    world
        .run_with("PLEO_COMPANY_ID", OTHER_COMPANY, &["poll"])
        .exits(0);
    world
        .run_with("PLEO_EXPORT_BOOKS", "mistyped", &["poll"])
        .exits(0);
    world.add_mixed_job(3, 1);
    world.run(&["poll"]).exits(0);
    // From here on it is this company's, on this host.
    for (name, value) in [
        ("PLEO_BASE_URL", elsewhere),
        ("PLEO_COMPANY_ID", OTHER_COMPANY),
        ("PLEO_EXPORT_BOOKS", "mistyped"),
    ] {
        world.run_with(name, value, &["poll"]).exits(2).says("checkpoint");
    }
    world.keeps_its_promise();
}
