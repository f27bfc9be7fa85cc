//! A connection by OAuth that all hosts share: one row, which whoever renews it holds.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use crate::sandbox::OauthClient;
use crate::support::Run;
use crate::world::{Fleet, Host, company, run};

/// A fleet whose company connects by OAuth, and how its settings are named to a command.
fn registered() -> Option<Fleet> {
    let fleet = Fleet::of(1)?;
    register(&fleet);
    Some(fleet)
}

pub fn register(fleet: &Fleet) {
    let client = OauthClient::default();
    let settings = fs::read_to_string(fleet.settings_of(0)).unwrap();
    let settings = settings.replace("api_key_file = \"0.key\"\n", "");
    let oauth = format!(
        "[pleo.oauth]\nclient_id = \"{}\"\nclient_secret_file = \"secret\"\nredirect_uri = \"{}\"\n",
        client.id, client.redirect_uris[0]
    );
    fs::write(fleet.settings_of(0), settings + &oauth).unwrap();
    fs::rename(fleet.path("companies/0.key"), fleet.path("companies/secret")).unwrap();
    fs::write(fleet.path("companies/secret"), client.secret).unwrap();
}

/// A command for the company alone, on a host that knows the fleet's database.
pub fn of_company(fleet: &Fleet, host: &Host<'_>, arguments: &[&str]) -> Command {
    let mut command = host.of_company(0, arguments);
    command.env("PLEO_EXPORT_FLEET_URL", &fleet.url);
    command
}

/// A consent, as a browser gives it, and what it is sent back to.
fn consent(address: &str) -> String {
    let (host, path) = address.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
    location.unwrap_or_else(|| panic!("{answer}")).to_owned()
}

pub fn login(fleet: &Fleet, host: &Host<'_>) -> Run {
    let mut command = of_company(fleet, host, &["login", "--paste"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut address = String::new();
    stdout.read_line(&mut address).unwrap();
    if address.starts_with("http://") {
        let mut stdin = child.stdin.take().unwrap();
        writeln!(stdin, "{}", consent(address.trim_end())).unwrap();
    }
    Run::of("login", child.wait_with_output().unwrap())
}

/// Everything that was ever written of the consent ends here.
fn expire(fleet: &Fleet) {
    fleet.sandbox.expire_access_tokens();
    fleet.sql("UPDATE pleo_export.oauth_grant SET expires_at = now() - interval '1 minute'");
}

#[track_caller]
fn has_live_tokens(fleet: &Fleet) {
    let row = fleet.sql("SELECT access_token, refresh_token FROM pleo_export.oauth_grant");
    let (access, refresh) = row.split_once('|').unwrap();
    let live = fleet.sandbox.live_tokens();
    assert!(
        live.contains(&(access.to_owned(), refresh.to_owned())),
        "{live:?}"
    );
}

#[test]
fn hosts_whose_access_token_ends_at_once_renew_it_once() {
    let Some(fleet) = registered() else { return };
    let hosts: Vec<Host<'_>> = ["first", "second", "third", "fourth"]
        .map(|name| fleet.host(name))
        .into();
    login(&fleet, &hosts[0]).exits(0);
    has_live_tokens(&fleet);
    for round in 1..=3 {
        fleet.add_job(0, 2);
        expire(&fleet);
        std::thread::scope(|scope| {
            let (fleet, worker) = (&fleet, &hosts[0]);
            scope.spawn(move || worker.round().exits(0));
            for host in &hosts[1..] {
                scope.spawn(move || run(&mut of_company(fleet, host, &["verify"])).exits(0));
            }
        });
        assert_eq!(fleet.sandbox.refreshes(), round);
        has_live_tokens(&fleet);
    }
    fleet.is_all_well();
    // Whoever logs out does so for all.
    run(&mut of_company(&fleet, &hosts[3], &["logout"])).exits(0);
    hosts[0].round().exits(0);
    let paused = "SELECT company_id FROM pleo_export.company WHERE paused_at IS NOT NULL";
    assert_eq!(
        fleet.sql(paused),
        company(0),
        "without tokens nobody can serve it"
    );
    let reason = fleet.sql("SELECT pause_reason FROM pleo_export.company WHERE paused_at IS NOT NULL");
    assert!(reason.contains("0.toml login`"), "{reason}");
}

/// A host that falls silent while it renews holds up the others for a time, not for ever, and voids nothing.
#[test]
fn a_host_that_dies_with_new_tokens_in_hand_leaves_a_consent_that_is_told_about() {
    let Some(fleet) = registered() else { return };
    let (first, second) = (fleet.host("first"), fleet.host("second"));
    login(&fleet, &first).exits(0);
    // Before Pleo is asked for new ones the old ones are good: the next host renews them.
    let (mut lost, mut is_in_hand) = (0, false);
    for point in 1.. {
        expire(&fleet);
        let before = fleet.sandbox.refreshes();
        let victim = first
            .clone()
            .with_variable("PLEO_EXPORT_KILL_AT", point.to_string());
        let died = run(&mut of_company(&fleet, &victim, &["verify"]));
        if died.code.is_some() {
            assert!(lost > 0 && !is_in_hand, "{died}");
            break;
        }
        let run = run(&mut of_company(&fleet, &second, &["verify"]));
        is_in_hand |= died.stderr.contains("tokens answered");
        is_in_hand &= !died.stderr.contains("tokens written");
        if is_in_hand {
            lost += 1;
            // Only between Pleo's answer and the commit: then a person must log in.
            run.exits(2).says("0.toml login`");
            login(&fleet, &first).exits(0);
        } else {
            run.exits(0);
            assert!(fleet.sandbox.refreshes() - before <= 1, "{}", died.stderr);
        }
        has_live_tokens(&fleet);
    }
}
