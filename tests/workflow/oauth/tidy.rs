//! What a login or a logout must not do to other files, and what it says where Pleo was not asked.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{TOKENS, connected, registered};
use crate::sandbox::{Fault, Trouble};

#[test]
fn a_file_of_something_else_is_neither_replaced_nor_removed() {
    for (name, content) in [
        ("checkpoint.sqlite3", "SQLite format 3"),
        ("main.beancount", "2026-01-01 open Assets:Bank\n"),
        ("client-secret", "secret"),
        ("client.json", "{\"client_id\": \"x\", \"client_secret\": \"y\"}"),
        ("pleo-export.toml", ""),
    ] {
        let world = registered();
        let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
        let world = world.with_settings(&settings.replace(TOKENS, name));
        if !content.is_empty() {
            fs::write(world.path(name), content).unwrap();
            fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let before = fs::read(world.path(name)).unwrap();
        for command in [
            &["login"][..],
            &["login", "--paste"],
            &["logout"],
            &["logout", "--revoke"],
        ] {
            world.run(command).exits(2).says(name);
            assert_eq!(fs::read(world.path(name)).unwrap(), before, "{name}");
        }
        assert!(!world.path(&format!("{name}.lock")).exists());
        assert_eq!(world.sandbox.request_count(), 0);
    }
}

#[test]
fn tokens_get_no_name_that_something_else_is_going_to_have() {
    for name in [
        "checkpoint.sqlite3",
        "checkpoint.sqlite3.lock",
        "checkpoint.sqlite3.webhook.json",
        "books/main.beancount",
    ] {
        let world = registered();
        let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
        let world = world.with_settings(&settings.replace(TOKENS, name));
        world.run(&["login"]).exits(2).says("name another file");
        assert!(!world.path(name).exists());
    }
}

/// A damaged file of tokens is one all the same.
#[test]
fn half_a_file_of_tokens_is_logged_out_of() {
    let world = connected(3600);
    let whole = fs::read(world.path(TOKENS)).unwrap();
    fs::write(world.path(TOKENS), &whole[..whole.len() / 2]).unwrap();
    world.run(&["logout"]).exits(0);
    assert!(!world.path(TOKENS).exists());
}

#[test]
fn a_connection_that_pleo_was_not_asked_to_end_is_not_said_to_be_void() {
    for is_marked in [true, false] {
        for is_json in [true, false] {
            let world = connected(-60);
            if is_marked {
                world.sandbox.revoke_all();
                world.run(&["poll"]).exits(2);
            } else {
                world.sandbox.revoke_all();
            }
            let mut command = vec!["logout", "--revoke"];
            command.extend(is_json.then_some("--json"));
            let run = world.run(&command).exits(6);
            let run = run.says("Pleo was not asked").says("end the connection in Pleo");
            if is_json {
                let document = run.json();
                assert_eq!(document["exit_code"], 6);
                assert_eq!(document["error"]["kind"], "needs_person");
            }
            assert!(!run.stdout.contains("void") && !world.path(TOKENS).exists());
            assert_eq!(world.requests_to("/v1/installations/me"), 0);
        }
    }
}

#[test]
fn who_has_answered_in_this_run_is_not_said_to_be_out_of_reach_for_ever() {
    let lost = |method: &str, path: &str, trouble: Trouble| Fault::new(trouble).on(method, path).always();
    let page = Trouble::Page(500, "text/html".into(), "<p>Sorry</p>".into());
    for trouble in [Trouble::LostAnswer, Trouble::ResetBeforeEffect, page] {
        let world = registered();
        world
            .sandbox
            .fault(lost("GET", "/v1/installations/me", trouble.clone()));
        let run = world.login_by_paste(|redirect| redirect).exits(5);
        run.says("nothing was kept").says("consent once more");
        let world = connected(3600);
        world
            .sandbox
            .fault(lost("DELETE", "/v1/installations/me", trouble));
        world.run(&["logout", "--revoke"]).exits(5);
        assert!(world.path(TOKENS).exists());
    }
}

#[test]
fn a_page_of_a_guest_network_ends_no_connection() {
    let world = connected(3600);
    let page = Trouble::Page(200, "text/html".into(), "<p>Log in to the guest network".into());
    world
        .sandbox
        .fault(Fault::new(page).on("DELETE", "/v1/installations/me").always());
    let run = world.run(&["logout", "--revoke"]).exits(1).says("not JSON");
    assert!(!run.stdout.contains("void"), "{run}");
    world.has_live_tokens();
    world.sandbox.clear_faults();
    world.run(&["logout", "--revoke"]).exits(0);
    assert!(!world.path(TOKENS).exists());
}

#[test]
fn what_pleo_refuses_of_a_login_or_logout_has_its_own_way_out() {
    let status =
        |status, method: &str, path: &str| Fault::new(Trouble::Status(status)).on(method, path).always();
    let world = registered();
    world.sandbox.fault(status(503, "POST", "/oauth/token"));
    let run = world.login_by_paste(|redirect| redirect).exits(5);
    assert!(!run.stderr.contains("lost"), "{run}");
    let world = registered().with_variable("PLEO_CLIENT_SECRET", "wrong");
    let run = world.login_by_paste(|redirect| redirect).exits(2);
    assert!(!run.stderr.contains("tokens were kept"), "{run}");
    assert!(run.stderr.contains("nothing was kept"), "{run}");
    for (code, expected) in [(500, 5), (422, 6)] {
        let world = registered();
        world
            .sandbox
            .fault(status(code, "POST", "/v1/installations/me:activate"));
        let run = world.login_by_paste(|redirect| redirect).exits(expected);
        run.says("run `pleo-export login` again");
        world.has_live_tokens();
    }
    let world = connected(3600);
    world.sandbox.fault(status(403, "DELETE", "/v1/installations/me"));
    let run = world.run(&["logout", "--revoke"]).exits(2);
    assert!(!run.stderr.contains("export-jobs:read"), "{run}");
    run.says("without `--revoke`");
    assert!(world.path(TOKENS).exists());
}

#[test]
fn a_crowd_of_silent_connections_does_not_keep_the_browser_waiting() {
    let world = registered();
    let waiting = world.begin_login(&[]);
    let redirect = super::consent(&waiting.address);
    let place = redirect.split('/').nth(2).unwrap();
    let silent: Vec<_> = (0..60)
        .map(|_| std::net::TcpStream::connect(place).unwrap())
        .collect();
    let began = std::time::Instant::now();
    assert_eq!(super::get(&redirect).0, 200);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    drop(silent);
    waiting.ends().exits(0);
}

#[test]
fn check_names_what_a_login_connects_by() {
    let world = registered();
    world.login_by_paste(|redirect| redirect).exits(0);
    world.run(&["check"]).says("an access token (OAuth)");
}
