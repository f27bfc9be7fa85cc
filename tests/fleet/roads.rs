//! The road to the database goes silent or breaks, and the database itself crashes. A worker goes on until its lease is over by
//! its own clock, and then writes nothing more.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::proxy::Proxy;
use crate::sandbox::{Hook, Host as Asked};
use crate::stops::{hold_nth, wait_for};
use crate::tell;
use crate::world::{Fleet, GRACE, Host, LEASE};

/// A host whose road to the database is the test's.
fn host_behind<'fleet>(fleet: &'fleet Fleet, proxy: &Proxy) -> Host<'fleet> {
    let (_, database) = fleet.url.rsplit_once('/').unwrap();
    let url = format!("postgresql://postgres@127.0.0.1:{}/{database}", proxy.port);
    fleet.host_by("first", &url)
}

/// The answer to the n-th request is held back while the road is bad, until the lease is over.
fn bad_road(spoil: fn(&Proxy), n: usize) -> Option<String> {
    let cluster = Cluster::shared()?;
    let fleet = Fleet::on(cluster, 2);
    for number in [0, 1] {
        fleet.add_job(number, 4);
    }
    let proxy = Proxy::to(cluster.port());
    let held = hold_nth(&fleet, n);
    let first = host_behind(&fleet, &proxy);
    let mut working = first.begin();
    let (at, release) = wait_for(&held, &mut working)?;
    let began = Instant::now();
    spoil(&proxy);
    // Another host can have the company once lease and grace are over; then the first one must be silent.
    let second = fleet.host("second");
    second.rounds_until("another host finishes both jobs", || fleet.is_done());
    let requests = fleet.sandbox.request_count();
    // Its client may have given up waiting.
    let _ = release.send(());
    let (code, log) = working.ends();
    assert_eq!(code, Some(5), "at {at}: {log}");
    let most = Duration::from_secs(20 + LEASE + GRACE);
    assert!(began.elapsed() < most, "it hangs at {at}: {log}");
    // What it still may do is to look, which changes nothing.
    let later = fleet.sandbox.requests().split_off(requests);
    let wrote: Vec<_> = later.iter().filter(|request| request.method != "GET").collect();
    assert!(wrote.is_empty(), "at {at}: {wrote:?}");
    fleet.is_all_well();
    Some(at)
}

#[test]
fn a_road_that_goes_silent_or_breaks_ends_the_right_to_act() {
    if Cluster::shared().is_none() {
        return;
    }
    std::thread::scope(|scope| {
        for spoil in [Proxy::goes_silent as fn(&Proxy), Proxy::breaks] {
            for n in [2, 6, 8] {
                scope.spawn(move || bad_road(spoil, n).expect("there are so many requests"));
            }
        }
    });
}

#[test]
fn without_the_database_nothing_is_claimed_and_the_worker_ends_with_5() {
    let Some(cluster) = Cluster::shared() else { return };
    let fleet = Fleet::on(cluster, 1);
    fleet.add_job(0, 1);
    let proxy = Proxy::to(cluster.port());
    for spoil in [Proxy::goes_silent as fn(&Proxy), Proxy::breaks] {
        spoil(&proxy);
        let began = Instant::now();
        host_behind(&fleet, &proxy).round().exits(5);
        assert!(began.elapsed() < Duration::from_secs(30), "it hangs");
    }
    assert_eq!(
        fleet.sandbox.request_count(),
        0,
        "nothing is asked of Pleo without a claim"
    );
    proxy.recovers();
    host_behind(&fleet, &proxy).round().exits(0);
    fleet.is_all_well();
}

#[test]
fn a_slow_receipt_outlasts_the_lease_and_nothing_is_booked_with_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let fleet = Fleet::on(cluster, 1);
    fleet.add_job(0, 3);
    let proxy = Proxy::to(cluster.port());
    let (sender, receipt) = std::sync::mpsc::channel();
    fleet.sandbox.on_request(move |request| {
        if request.host != Asked::Receipts {
            return Hook::Continue;
        }
        let (release, held) = tokio::sync::oneshot::channel();
        let _ = sender.send(release);
        Hook::Held(held)
    });
    let mut working = host_behind(&fleet, &proxy).begin();
    let release = wait_for(&receipt, &mut working).expect("a receipt is asked for");
    proxy.goes_silent();
    fleet.sandbox.on_request(|_| Hook::Continue);
    // The other host fetches the receipt for itself, once it may have the company.
    let began = Instant::now();
    fleet
        .host("second")
        .rounds_until("another host finishes the job", || fleet.is_done());
    assert!(
        began.elapsed() > Duration::from_secs(LEASE),
        "lease and grace were waited for"
    );
    let booked = fleet.booked();
    release.send(()).unwrap();
    let (code, log) = working.ends();
    assert_eq!(code, Some(5), "{log}");
    assert_eq!(fleet.booked(), booked);
    fleet.is_all_well();
}

/// While a receipt comes slowly the lease is renewed, and nobody else gets the company.
#[test]
fn a_lease_is_renewed_for_as_long_as_the_work_takes() {
    let Some(fleet) = Fleet::of(1) else { return };
    fleet.add_job(0, 3);
    let held = hold_nth(&fleet, 7);
    let mut working = fleet.host("first").begin();
    let (_, release) = wait_for(&held, &mut working).expect("there are so many requests");
    let (began, second) = (Instant::now(), fleet.host("second"));
    while began.elapsed() < Duration::from_secs(2 * (LEASE + GRACE)) {
        let run = second.round().exits(0);
        assert_eq!(run.json()["companies"], serde_json::json!([]), "{run}");
    }
    release.send(()).unwrap();
    let (code, log) = working.ends();
    assert_eq!(code, Some(0), "{log}");
    fleet.is_all_well();
    let epoch = fleet.sql("SELECT max(epoch) FROM pleo_export.company");
    assert_eq!(epoch, "1", "one claim");
}

#[test]
fn a_database_that_crashes_twenty_times_costs_time_alone() {
    let Some(cluster) = Cluster::start() else { return };
    let fleet = Fleet::on(&cluster, 12);
    for number in 0..12 {
        for _ in 0..2 {
            fleet.add_job(number, 3);
        }
    }
    let is_over = AtomicBool::new(false);
    let began = Instant::now();
    let mut crashes = 0;
    std::thread::scope(|scope| {
        for name in ["first", "second", "third"] {
            let (fleet, is_over) = (&fleet, &is_over);
            scope.spawn(move || {
                let host = fleet.host(name);
                while !is_over.load(Ordering::SeqCst) {
                    let run = host.round();
                    if !matches!(run.code, Some(0 | 5)) {
                        is_over.store(true, Ordering::SeqCst);
                        panic!("{run}");
                    }
                }
            });
        }
        while crashes < 20 && !is_over.load(Ordering::SeqCst) {
            cluster.crash();
            crashes += 1;
            // Between two of them something must get on.
            let before = fleet.sandbox.request_count();
            fleet.eventually("somebody works", || {
                is_over.load(Ordering::SeqCst)
                    || fleet.is_done()
                    || fleet.sandbox.request_count() > before + 5
            });
        }
        fleet.eventually("all is done", || {
            is_over.load(Ordering::SeqCst) || fleet.is_done()
        });
        is_over.store(true, Ordering::SeqCst);
    });
    tell(&format!(
        "fleet: {crashes} crashes of the database ({} s)",
        began.elapsed().as_secs()
    ));
    fleet.is_all_well();
}

#[test]
fn a_pooler_that_gives_each_transaction_another_connection_changes_nothing() {
    let Some(cluster) = Cluster::shared() else { return };
    let fleet = Fleet::on(cluster, 6);
    let Some(url) = cluster.pooled(&fleet.url) else {
        return;
    };
    for number in 0..6 {
        fleet.add_job(number, 3);
    }
    std::thread::scope(|scope| {
        for name in ["first", "second", "third"] {
            let (fleet, url) = (&fleet, &url);
            scope.spawn(move || {
                let host = fleet.host_by(name, url);
                host.rounds_until("all is done", || fleet.is_done());
            });
        }
    });
    fleet.host_by("first", &url).run(&["fleet", "init"]).exits(0);
    fleet.is_all_well();
}
