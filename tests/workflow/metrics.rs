//! `--metrics-file`: what a collector reads after each poll.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::{Fault, Trouble, seed};
use crate::support::World;

/// The value of a line, by its name and labels behind the company.
fn value(world: &World, name: &str, labels: &str) -> Option<f64> {
    let text = fs::read_to_string(world.path("pleo.prom")).unwrap();
    let start = format!(
        "pleo_export_{name}{{company_id=\"{}\"{labels}}} ",
        world.sandbox.company()
    );
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix(&start))
        .collect();
    assert!(lines.len() <= 1, "{text}");
    lines.first().map(|value| value.parse().unwrap())
}

const POLL: &[&str] = &["poll", "--metrics-file", "pleo.prom"];

#[test]
fn each_poll_writes_what_a_monitor_asks() {
    let world = World::new().impatient();
    world.run(POLL).exits(0);
    assert_eq!(value(&world, "exit_code", ""), Some(0.0));
    assert_eq!(value(&world, "oldest_pending_job_age_seconds", ""), Some(0.0));
    assert_eq!(value(&world, "jobs_total", ",status=\"completed\""), Some(0.0));
    let mode = fs::metadata(world.path("pleo.prom"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644, "another user collects it");

    world.add_job(seed::mixed(3, 1));
    world.add_job(seed::mixed(2, 2));
    world.run(&[POLL, &["--max-jobs", "1"]].concat()).exits(0);
    assert_eq!(value(&world, "jobs_total", ",status=\"completed\""), Some(1.0));
    assert_eq!(value(&world, "items_total", ",status=\"successful\""), Some(3.0));
    assert!(value(&world, "oldest_pending_job_age_seconds", "").unwrap() > 0.0);
    let success = value(&world, "last_success_timestamp_seconds", "").unwrap();
    assert!(success > 1_700_000_000.0);
    assert_eq!(value(&world, "last_poll_timestamp_seconds", ""), Some(success));
    assert!(value(&world, "run_duration_seconds", "").unwrap() > 0.0);
    assert_eq!(value(&world, "failing_since_timestamp_seconds", ""), None);

    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    world.run(POLL).exits(5);
    assert_eq!(value(&world, "exit_code", ""), Some(5.0));
    assert_eq!(
        value(&world, "oldest_pending_job_age_seconds", ""),
        None,
        "it is not known"
    );
    assert!(value(&world, "failing_since_timestamp_seconds", "").unwrap() >= success);
    world.run_with("PLEO_API_KEY", "", POLL).exits(2);
    assert_eq!(value(&world, "exit_code", ""), Some(2.0));
    assert_eq!(value(&world, "items_total", ",status=\"successful\""), Some(3.0));

    // Each name is explained once, before its lines, and no file is left aside.
    let text = fs::read_to_string(world.path("pleo.prom")).unwrap();
    let explained = text.lines().filter(|line| line.starts_with("# TYPE"));
    let mut names: Vec<_> = explained.map(|line| line.split(' ').nth(2).unwrap()).collect();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "{text}");
    let left = fs::read_dir(world.path("")).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".part")
    });
    assert_eq!(left.count(), 0);
    world.sandbox.clear_faults();
    let run = world
        .run(&["poll", "--metrics-file", "nowhere/pleo.prom"])
        .exits(0);
    run.says("the metrics could not be written").says("nowhere");
}

#[test]
fn what_is_no_file_is_left_in_its_place() {
    let world = World::new();
    let socket = world.path("pleo.prom");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let run = world.run(POLL).exits(0);
    run.says("a device, a pipe or a socket");
    assert!(!fs::metadata(&socket).unwrap().is_file(), "it was replaced");
}

#[test]
fn how_long_a_job_waits_is_told_by_the_clock_of_pleo() {
    let world = World::new().with_variable("PLEO_EXPORT_CLOCK_AHEAD", "86400");
    world.add_mixed_job(1, 1);
    world.add_mixed_job(1, 2);
    world.run(&[POLL, &["--max-jobs", "1"]].concat()).exits(0);
    let age = value(&world, "oldest_pending_job_age_seconds", "").unwrap();
    assert!(age > 0.0 && age < 43_200.0, "{age}");
}

#[test]
fn a_file_that_is_something_else_is_never_replaced() {
    let world = World::new();
    world.run(POLL).exits(0);
    fs::write(world.path("mine.toml"), "[notify]\n").unwrap();
    fs::write(world.path("node.prom"), "# HELP node_load1 Load.\n").unwrap();
    for name in [
        "checkpoint.sqlite3",
        "checkpoint.sqlite3.lock",
        "mine.toml",
        "node.prom",
    ] {
        let before = fs::read(world.path(name)).unwrap();
        world
            .run(&["poll", "--config", "mine.toml", "--metrics-file", name])
            .exits(2)
            .says("(--metrics-file)")
            .says("name a file of its own");
        assert_eq!(fs::read(world.path(name)).unwrap(), before, "{name}");
    }
    fs::write(world.path("pleo.prom"), "").unwrap();
    world.run(POLL).exits(0);
    world.run(POLL).exits(0);
}

#[test]
fn metrics_of_which_nothing_is_known_stay_as_they_were() {
    let world = World::new();
    world.run(POLL).exits(0);
    let before = fs::read(world.path("pleo.prom")).unwrap();
    let lost = world.without_variable("PLEO_COMPANY_ID");
    lost.run(POLL).exits(2).says("are left as they were");
    assert_eq!(fs::read(lost.path("pleo.prom")).unwrap(), before);
}
