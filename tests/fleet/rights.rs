//! How long a right to act lasts: the lease by a clock of the host's own, the grace after it, and the fence in the database. Each
//! is also tried with the bug that leaves it out (`tests/promise/with_bugs`), which must be noticed here.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::cluster::Cluster;
use crate::proxy::Proxy;
use crate::stops::{hold_nth, hold_nth_of, wait_for};
use crate::support::has_bugs_or_says_so;
use crate::tell;
use crate::world::{Fleet, GRACE, PATIENCE, company, connector};

fn fleet_with(bug: Option<&'static str>) -> Option<Fleet> {
    let fleet = Fleet::of(1)?;
    Some(match bug {
        Some(bug) => fleet.with_bug(bug),
        None => fleet,
    })
}

/// A host behind a road of the test's own.
fn road(fleet: &Fleet) -> (Proxy, String) {
    let proxy = Proxy::to(Cluster::shared().unwrap().port());
    let (_, database) = fleet.url.rsplit_once('/').unwrap();
    let url = format!("postgresql://postgres@127.0.0.1:{}/{database}", proxy.port);
    (proxy, url)
}

/// By how much too early another host claims the company of one that is cut off.
fn claimed_too_early(bug: Option<&'static str>) -> Option<Duration> {
    let fleet = fleet_with(bug)?;
    fleet.add_job(0, 3);
    let (proxy, url) = road(&fleet);
    let held = hold_nth(&fleet, 6);
    let mut working = fleet.host_by("first", &url).begin();
    let (_, _release) = wait_for(&held, &mut working).expect("there are so many requests");
    proxy.goes_silent();
    let until = fleet.sql("SELECT lease_until FROM pleo_export.company");
    let second = fleet.host("second");
    let is_claimed = || fleet.sql("SELECT count(*) FROM pleo_export.company WHERE epoch > 1") == "1";
    second.rounds_until("another host has the company", is_claimed);
    let late = fleet.sql(&format!(
        "SELECT extract(epoch FROM claimed_at - '{until}'::timestamptz) FROM pleo_export.company"
    ));
    let late = Duration::try_from_secs_f64(late.parse().unwrap()).unwrap_or_default();
    Some(Duration::from_secs(GRACE).saturating_sub(late))
}

/// How much a host books after the end of its lease. The answer to its last renewal came late, and the books answered its
/// look-up only after the lease was over.
fn booked_too_late(bug: Option<&'static str>) -> Option<usize> {
    const LEASE: u64 = 6;
    let fleet = fleet_with(bug)?.with_lease(LEASE).with_grace(20);
    let slow = fleet.path("slow.sh");
    let connector = connector();
    let connector = connector.display();
    let [asked, go] = ["asked", "go"].map(|name| {
        let path = fleet.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    });
    let script = format!(
        "#!/bin/sh\nwhile IFS= read -r line; do case $line in *'\"verb\":\"find\"'*) if [ -p {asked} ]; then : >{asked}; \
         read -r _ <{go}; rm {asked}; fi;; esac; printf '%s\\n' \"$line\"; done | {connector} \"$1\"\n",
        asked = asked.display(),
        go = go.display()
    );
    fs::write(&slow, script).unwrap();
    fs::set_permissions(&slow, fs::Permissions::from_mode(0o700)).unwrap();
    let settings = fs::read_to_string(fleet.settings_of(0)).unwrap();
    let settings = settings.replace(&connector.to_string(), &slow.display().to_string());
    let settings = settings.replace(&format!("timeout_seconds = {GRACE}\n"), "timeout_seconds = 20\n");
    fs::write(fleet.settings_of(0), settings).unwrap();
    fleet.add_job(0, 3);
    let (proxy, url) = road(&fleet);
    let working = fleet.host_by("first", &url).begin();
    let (sender, are_asked) = channel();
    std::thread::spawn(move || sender.send(fs::read(asked)));
    let asked = are_asked.recv_timeout(PATIENCE);
    asked.expect("the books are asked").unwrap();
    // Who renews has a connection by then.
    fleet.until_it_says("granted_at > claimed_at");
    // Less than a question may take: a third of the lease.
    proxy.lags(Duration::from_millis(1_500));
    proxy.cuts_after_answer();
    fleet.until_it_says("clock_timestamp() > lease_until + interval '300 milliseconds'");
    // Open for reading as well, it does not wait for a reader.
    let mut go = fs::OpenOptions::new().read(true).write(true).open(go).unwrap();
    go.write_all(b"\n").unwrap();
    let (code, log) = working.ends();
    assert_eq!(code, Some(5), "{log}");
    Some(fleet.booked().len())
}

/// The batches that a host begins after another one has claimed its company. Leases are so long that no renewal tells it.
fn begun_too_late(bug: Option<&'static str>) -> Option<usize> {
    let fleet = fleet_with(bug)?.with_lease(90);
    let settings = fs::read_to_string(fleet.settings_of(0)).unwrap();
    fs::write(
        fleet.settings_of(0),
        settings.replace("[pleo]\n", "[pleo]\nbatch_size = 2\n"),
    )
    .unwrap();
    fleet.add_job(0, 12);
    let announces = |body: &serde_json::Value| body[0]["status"] == "in_progress";
    let is_verdict = |body: &serde_json::Value| body[0]["status"] == "successful";
    let held = hold_nth_of(&fleet, 1, move |request| is_verdict(&request.body));
    let mut working = fleet.host("first").begin();
    // What it has decided is in the database by now, so that only the next batch can tell.
    let (_, release) = wait_for(&held, &mut working).expect("there is a first batch");
    fleet.sql("UPDATE pleo_export.company SET epoch = epoch + 1, holder = 'another', host = 'another'");
    let before = fleet.sandbox.request_count();
    release.send(()).unwrap();
    working.ends();
    let later = fleet.sandbox.requests().split_off(before);
    Some(later.iter().filter(|request| announces(&request.body)).count())
}

#[test]
fn another_host_waits_for_the_grace_as_well() {
    if let Some(early) = claimed_too_early(None) {
        assert_eq!(early, Duration::ZERO);
    }
}

#[test]
fn a_lease_counts_from_before_it_was_asked_for() {
    if let Some(entries) = booked_too_late(None) {
        assert_eq!(entries, 0);
    }
}

#[test]
fn a_batch_is_not_begun_once_another_host_has_the_company() {
    if let Some(batches) = begun_too_late(None) {
        assert_eq!(batches, 0);
    }
}

#[test]
fn the_grace_is_as_long_as_a_request_may_take() {
    for (grace, timeout, expected) in [
        ("", "2", Some("00:00:30")),
        ("", "40", Some("00:00:40")),
        ("grace_seconds = 50\n", "40", Some("00:00:50")),
        ("grace_seconds = 30\n", "40", None),
    ] {
        let Some(fleet) = Fleet::of(1) else { return };
        let settings = fs::read_to_string(fleet.settings_of(0)).unwrap();
        let (head, tail) = settings.split_once("[accounting.command]").unwrap();
        let tail = tail.replace(
            &format!("timeout_seconds = {GRACE}"),
            &format!("timeout_seconds = {timeout}"),
        );
        fs::write(fleet.settings_of(0), format!("{head}[accounting.command]{tail}")).unwrap();
        let host = fleet.host("first");
        let settings = format!("[fleet]\nurl_file = \"database-url\"\n{grace}");
        fs::write(host.state.join("fleet.toml"), settings).unwrap();
        let asked = hold_nth(&fleet, 1);
        let Some(expected) = expected else {
            host.round().exits(2).says("fleet.grace_seconds is 30");
            continue;
        };
        let mut working = host.begin();
        let (_, _release) = wait_for(&asked, &mut working).expect("Pleo is asked");
        let wait =
            fleet.sql("SELECT date_trunc('second', free_at - lease_until), date_trunc('second', lease_until - granted_at) FROM pleo_export.company");
        assert_eq!(wait, format!("{expected}|00:01:30"));
    }
}

/// The rights proven: each bug breaks one of them.
mod deliberate_bugs {
    use super::*;

    fn is_caught(bug: &'static str, found: impl FnOnce(Option<&'static str>) -> Option<String>) {
        if !has_bugs_or_says_so() || Cluster::shared().is_none() {
            return;
        }
        let found = found(Some(bug)).unwrap_or_else(|| panic!("`{bug}` is not caught"));
        tell(&format!("deliberate bug {bug}: caught: {found}"));
    }

    #[test]
    fn no_grace_is_caught() {
        is_caught("no-grace", |bug| {
            let early = claimed_too_early(bug)?;
            (early > Duration::ZERO).then(|| format!("another host came {early:?} too early"))
        });
    }

    #[test]
    fn a_lease_counted_from_its_answer_is_caught() {
        is_caught("lease-from-answer", |bug| {
            let entries = booked_too_late(bug)?;
            (entries > 0).then(|| format!("{entries} entries booked after the end of the lease"))
        });
    }

    #[test]
    fn no_fence_is_caught() {
        is_caught("no-fence", |bug| {
            let batches = begun_too_late(bug)?;
            (batches > 0).then(|| {
                format!(
                    "{batches} batches begun for a company of {} that another host had",
                    company(0)
                )
            })
        });
    }
}
