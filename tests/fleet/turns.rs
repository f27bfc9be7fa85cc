//! Who has a company, for how long, and what that costs.

use std::time::{Duration, Instant};

use crate::sandbox::{Fault, RetryAfter, Trouble};
use crate::world::{Fleet, company};
use crate::{is_full, tell};

/// Rounds of so many workers at once until all is done; how long that took.
fn work_off(fleet: &Fleet, workers: usize) -> Duration {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..workers {
            scope.spawn(move || {
                let host = fleet.host(&format!("host-{number}"));
                host.rounds_until("all jobs are done", || fleet.is_done());
            });
        }
    });
    began.elapsed()
}

fn with_jobs(companies: usize, jobs: usize) -> Option<Fleet> {
    let fleet = Fleet::of(companies)?;
    for number in 0..companies {
        for _ in 0..jobs {
            fleet.add_job(number, 3);
        }
    }
    Some(fleet)
}

#[test]
fn every_company_is_claimed_by_one_worker_at_a_time_and_all_is_done() {
    let companies = if is_full() { 200 } else { 24 };
    let Some(fleet) = with_jobs(companies, 3) else {
        return;
    };
    let by_four = work_off(&fleet, 4);
    fleet.is_all_well();
    // Nobody came in between: each claim was the first of its company, or came after the release of the one before.
    let claims: usize = fleet
        .sql("SELECT sum(epoch) FROM pleo_export.company")
        .parse()
        .unwrap();
    assert!(claims >= companies, "{claims}");
    let hosts = fleet.sql("SELECT count(DISTINCT host) FROM pleo_export.job");
    assert_eq!(hosts, "4", "all four had a share");
    let one = with_jobs(companies, 3).unwrap();
    let by_one = work_off(&one, 1);
    one.is_all_well();
    tell(&format!(
        "fleet: {companies} companies with three jobs each: {:.1} s by four workers on two cores, {:.1} s by one; {claims} claims",
        by_four.as_secs_f32(),
        by_one.as_secs_f32()
    ));
}

#[test]
fn a_round_with_nothing_to_do_is_cheap() {
    let companies = if is_full() { 5_000 } else { 200 };
    let Some(fleet) = Fleet::of(companies) else { return };
    let host = fleet.host("first");
    // The first round makes a checkpoint for each.
    host.round().exits(0);
    let (began, before) = (Instant::now(), fleet.sandbox.request_count());
    host.round().exits(0);
    let took = began.elapsed();
    let requests = fleet.sandbox.request_count() - before;
    tell(&format!(
        "fleet: a round over {companies} companies with nothing to do: {:.1} s, {:.1} ms and {:.2} requests a company ({})",
        took.as_secs_f32(),
        took.as_secs_f64() * 1_000.0 / f64::from(u32::try_from(companies).unwrap()),
        f64::from(u32::try_from(requests).unwrap()) / f64::from(u32::try_from(companies).unwrap()),
        std::env::var("PLEO_EXPORT_FLEET_TEST_PROGRAM").map_or("debug build".to_owned(), |program| program),
    ));
    let served = fleet.sql("SELECT count(*) FROM pleo_export.company WHERE epoch = 2 AND holder IS NULL");
    assert_eq!(served, companies.to_string());
}

#[test]
fn clocks_that_are_an_hour_apart_decide_nothing() {
    let Some(fleet) = with_jobs(6, 2) else { return };
    std::thread::scope(|scope| {
        for (name, ahead) in [("in-time", "0"), ("ahead", "3600")] {
            let fleet = &fleet;
            scope.spawn(move || {
                let host = fleet.host(name).with_variable("PLEO_EXPORT_CLOCK_AHEAD", ahead);
                host.rounds_until("all jobs are done", || fleet.is_done());
            });
        }
    });
    fleet.is_all_well();
    let late = "SELECT count(*) FROM pleo_export.company WHERE claimed_at > now() OR last_poll_at > now() + interval '5 minutes'";
    assert_eq!(fleet.sql(late), "0", "times are the database's");
}

#[test]
fn a_rate_limit_that_one_host_meets_holds_back_all_who_use_the_credential() {
    let Some(fleet) = Fleet::of(2) else { return };
    for number in [0, 1] {
        // One key for both.
        std::fs::write(
            fleet.path(&format!("companies/{number}.key")),
            fleet.sandbox.api_key(),
        )
        .unwrap();
        fleet.add_job(number, 2);
    }
    fleet
        .sandbox
        .fault(Fault::new(Trouble::RateLimit(RetryAfter::Seconds(20))));
    fleet.host("first").round();
    assert_eq!(fleet.sandbox.request_count(), 1, "{:?}", fleet.sandbox.requests());
    fleet.host("second").round();
    assert_eq!(fleet.sandbox.request_count(), 1, "{:?}", fleet.sandbox.requests());
    let held =
        fleet.sql("SELECT count(*) FROM pleo_export.throttle WHERE until > now() + interval '10 seconds'");
    assert_eq!(held, "1");
    // It is over.
    fleet.sql("UPDATE pleo_export.throttle SET until = now()");
    fleet
        .host("second")
        .rounds_until("both jobs are done", || fleet.is_done());
    fleet.is_all_well();
}

#[test]
fn a_company_is_served_by_the_host_that_it_is_pinned_to_alone() {
    let Some(fleet) = Fleet::of(2) else { return };
    fleet.write_company(1, "[fleet]\nhost = \"Second\"\n");
    for number in [0, 1] {
        fleet.add_job(number, 1);
    }
    fleet.host("first").round().exits(0);
    let served = "SELECT company_id FROM pleo_export.company WHERE epoch > 0";
    assert_eq!(fleet.sql(served), company(0));
    fleet
        .host("second")
        .rounds_until("the other is served as well", || fleet.is_done());
    fleet.is_all_well();
}
