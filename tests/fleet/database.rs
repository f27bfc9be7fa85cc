//! What the database lets its users do, as docs/fleet.md has it, and who gives way there.

use std::io::Read;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::cluster::{Cluster, sql};
use crate::tokens;
use crate::world::{Fleet, company, run};

/// The n-th block of statements in the documentation.
fn documented(number: usize) -> &'static str {
    let blocks = include_str!("../../docs/fleet.md").split("```sql\n").skip(1);
    let mut blocks = blocks.map(|block| block.split("```").next().unwrap());
    blocks.nth(number).unwrap()
}

/// Whether the database refuses this to its user, and in which words.
#[track_caller]
fn refuses(url: &str, statement: &str, words: &str) {
    let output = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, url])
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains(words),
        "{statement}: {said}"
    );
}

#[test]
fn a_worker_needs_the_rights_that_are_documented_and_no_more() {
    let Some(cluster) = Cluster::start() else { return };
    let mut fleet = Fleet::on(&cluster, 1);
    fleet.sql(documented(0));
    let owner = fleet.url.clone();
    fleet.url = owner.replace("postgres@", "pleo_export_worker@");
    assert_ne!(fleet.url, owner);
    let host = fleet.host("first");
    fleet.add_job(0, 3);
    host.round().exits(0);
    fleet.is_all_well();
    host.run(&["fleet", "pause", &company(0)]).exits(0);
    host.run(&["fleet", "resume", &company(0)]).exits(0);
    host.run(&["fleet", "status"]).exits(0);
    // The tokens of a company, and a limit that Pleo sets.
    tokens::register(&fleet);
    tokens::login(&fleet, &host).exits(0);
    fleet.sandbox.expire_access_tokens();
    run(&mut tokens::of_company(&fleet, &host, &["verify"])).exits(0);
    run(&mut tokens::of_company(&fleet, &host, &["logout"])).exits(0);
    for (statement, words) in [
        ("DELETE FROM pleo_export.audit", "permission denied"),
        (
            "UPDATE pleo_export.verdict SET outcome = 'failed'",
            "permission denied",
        ),
        ("DELETE FROM pleo_export.job", "permission denied"),
        ("UPDATE pleo_export.fleet SET version = 0", "permission denied"),
        ("CREATE TABLE pleo_export.more ()", "permission denied"),
    ] {
        refuses(&fleet.url, statement, words);
    }
    // A database without tables: its user may not make them.
    let empty = cluster.database().replace("postgres@", "pleo_export_worker@");
    fleet
        .host_by("second", &empty)
        .run(&["fleet", "init"])
        .exits(2)
        .says("permission denied");
}

#[test]
fn verdicts_and_audit_trail_only_grow_until_their_owner_removes_what_is_old() {
    let Some(fleet) = Fleet::of(1) else { return };
    fleet.add_job(0, 3);
    fleet.host("first").round().exits(0);
    let count = || {
        fleet.sql(
            "SELECT (SELECT count(*) FROM pleo_export.verdict), (SELECT count(*) FROM pleo_export.audit), \
             (SELECT count(*) FROM pleo_export.job)",
        )
    };
    let before = count();
    fleet.sql(
        "INSERT INTO pleo_export.verdict (decided_at, company_id, job_id, entry_id, outcome, host, epoch, part) \
         SELECT decided_at - interval '11 years', company_id, job_id, entry_id, outcome, host, epoch, -part FROM \
         pleo_export.verdict; \
         INSERT INTO pleo_export.audit (happened_at, company_id, event, detail, host) \
         SELECT happened_at - interval '11 years', company_id, event, detail, host FROM pleo_export.audit; \
         INSERT INTO pleo_export.job SELECT 'old', company_id, state, epoch, host, begun_at, \
         changed_at - interval '11 years' FROM pleo_export.job",
    );
    assert_ne!(count(), before);
    for statement in [
        "DELETE FROM pleo_export.verdict",
        "UPDATE pleo_export.audit SET detail = ''",
        "TRUNCATE pleo_export.audit",
    ] {
        refuses(&fleet.url, statement, "only ever added");
    }
    fleet.sql(documented(1));
    assert_eq!(count(), before);
    refuses(&fleet.url, "DELETE FROM pleo_export.audit", "only ever added");
    refuses(&fleet.url, "DELETE FROM pleo_export.verdict", "only ever added");
}

/// Somebody else at the database, who does this and then waits for the end of its input.
struct Session(Child);

impl Session {
    fn new(url: &str, statements: &str) -> Self {
        let mut child = Command::new("psql")
            .args(["-X", "-qAt", "-v", "ON_ERROR_STOP=1", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let statements = format!("{statements};\nSELECT 'done';\n");
        std::io::Write::write_all(child.stdin.as_mut().unwrap(), statements.as_bytes()).unwrap();
        let mut said = Vec::new();
        let stdout = child.stdout.as_mut().unwrap();
        while !said.ends_with(b"done\n") {
            let mut byte = [0];
            stdout.read_exact(&mut byte).unwrap();
            said.extend(byte);
        }
        Self(child)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// How many wait for a lock.
const WAITING: &str = "SELECT count(*) FROM pg_locks WHERE NOT granted AND (database IS NULL OR database = (SELECT oid FROM \
                       pg_database WHERE datname = current_database()))";

#[test]
fn an_init_that_falls_silent_with_the_tables_in_hand_gives_way() {
    let Some(cluster) = Cluster::shared() else { return };
    let fleet = Fleet::before_init(cluster.database(), 1);
    let session = Session::new(&fleet.url, "SELECT pg_advisory_lock(7307498431523)");
    let first = fleet.host("first");
    let mut silent = first
        .with_variable("PLEO_EXPORT_FLEET_INIT_PATIENCE", "5")
        .command(&["fleet", "init"])
        .spawn()
        .unwrap();
    while sql(&fleet.url, WAITING) != "1" {
        assert!(silent.try_wait().unwrap().is_none(), "it waits for its turn");
    }
    let process = Pid::from_raw(silent.id().try_into().unwrap()).unwrap();
    kill_process(process, Signal::STOP).unwrap();
    drop(session);
    let second = fleet.host("second").run(&["fleet", "init"]);
    kill_process(process, Signal::CONT).unwrap();
    assert_eq!(silent.wait().unwrap().code(), Some(5));
    second.exits(0);
    fleet.host("second").round().exits(0);
}
