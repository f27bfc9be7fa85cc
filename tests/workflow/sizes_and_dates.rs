use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, ItemStatus, JobStatus, Trouble};
use crate::support::World;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

fn with_receipt() -> (World, String) {
    let world = World::new();
    let job = world.add_job(vec![Item::card_purchase(2500).id(ENTRY).receipt("pdf").build()]);
    (world, job)
}

#[test]
fn a_receipt_that_is_shorter_than_pleo_says_is_fetched_again() {
    let (world, job) = with_receipt();
    world.sandbox.fault(Fault::new(Trouble::CutShort));
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
}

#[test]
fn a_receipt_that_stays_shorter_is_none() {
    let (world, job) = with_receipt();
    world.sandbox.fault(Fault::new(Trouble::CutShort).always());
    world.run(&["poll"]).exits(3).says("bytes came");
    let item = world.sandbox.job(&job).item(ENTRY).clone();
    assert_eq!(
        item.failure_reason_type.as_deref(),
        Some("receipt_download_failure")
    );
    let asked = world
        .sandbox
        .requests()
        .iter()
        .filter(|request| request.path.starts_with("/receipts"))
        .count();
    assert_eq!(asked, 2);
    assert!(world.books().entries().is_empty());
}

#[test]
fn a_receipt_that_is_falsely_said_to_be_compressed_is_told_at_once() {
    let (world, job) = with_receipt();
    let gzip = Trouble::OddHeader("content-encoding".into(), "gzip".into());
    world
        .sandbox
        .fault(Fault::new(gzip).on("GET", "/receipts/**").always());
    let began = std::time::Instant::now();
    world.run(&["poll"]).exits(3).says("compressed");
    assert!(began.elapsed().as_secs() < 30);
    let item = world.sandbox.job(&job).item(ENTRY).clone();
    assert_eq!(
        item.failure_reason_type.as_deref(),
        Some("receipt_download_failure")
    );
}

fn today_world() -> World {
    // Whatever day it is, the item's period is closed, so that it is booked today.
    World::new().with_settings(
        "[bookkeeping]\nclosed_until = \"2026-03-31\"\nclosed_periods = \"today\"\nposting = \"final\"\n",
    )
}

fn purchase(date: &str) -> Item {
    Item::card_purchase(2500).id(ENTRY).date(date)
}

fn posting_day(world: &World) -> String {
    world
        .books()
        .transactions()
        .iter()
        .find(|one| one.metadata.contains_key("pleo-entry"))
        .unwrap()
        .head[..10]
        .to_owned()
}

#[test]
fn today_and_the_time_of_export_follow_pleos_clock() {
    for (ahead, is_followed) in [(60, false), (3 * 3600 * 24, true)] {
        let world = today_world();
        world.sandbox.advance_clock(Duration::from_secs(ahead));
        let job = world.add_job(vec![purchase("2026-03-05T10:00:00Z").build()]);
        let run = world.run(&["poll"]).exits(0);
        let warnings = run.stderr.matches("the clock of this machine is").count();
        assert_eq!(warnings, usize::from(is_followed), "{run}");
        let pleo = Utc::now() + TimeDelta::seconds(i64::try_from(ahead).unwrap());
        let exported = world.sandbox.job(&job).item(ENTRY).exported_at.clone().unwrap();
        let exported: DateTime<Utc> = exported.parse().unwrap();
        assert!((pleo - exported).abs() < TimeDelta::minutes(3), "{exported}");
        let near = [pleo - TimeDelta::minutes(3), pleo].map(|time| time.date_naive().to_string());
        assert!(
            near.contains(&posting_day(&world)),
            "{} {near:?}",
            posting_day(&world)
        );
    }
}

#[test]
fn a_date_of_pleos_that_cannot_be_true_stops_no_job_and_moves_no_day() {
    for date in [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 2999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "yesterday",
        "",
    ] {
        let world = today_world();
        let job = world.add_job(vec![purchase("2026-03-05T10:00:00Z").build()]);
        world
            .sandbox
            .fault(Fault::new(Trouble::OddHeader("date".into(), date.into())).always());
        let run = world.run(&["poll"]);
        assert_eq!(run.code, Some(0), "{date} {run}");
        assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 1);
        let near = [Utc::now() - TimeDelta::minutes(3), Utc::now()].map(|time| time.date_naive().to_string());
        assert!(near.contains(&posting_day(&world)), "{date}");
    }
}
