//! Tokens that somebody else puts in the place of those in use, and those that cannot be read or kept at the moment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use super::{TOKENS, connected, registered};
use crate::sandbox::Hook;
use crate::support::{Run, World};

/// A world where somebody else does something to the file of tokens in the middle of a run, which needs new ones then.
fn in_mid_run(meddle: impl Fn(&Path) + Send + Sync + 'static) -> World {
    let world = connected(3600);
    let (control, path) = (world.sandbox.control(), world.path(TOKENS));
    world.sandbox.on_request(move |request| {
        if request.path == "/v3/export-jobs" {
            control.expire_access_tokens();
            meddle(&path);
        }
        Hook::Continue
    });
    world
}

#[track_caller]
fn says_once(run: &Run, text: &str) {
    assert_eq!(run.stderr.matches(text).count(), 1, "`{text}` in {run}");
}

#[test]
fn tokens_of_somebody_else_are_not_used_whenever_they_come() {
    for (field, value, says) in [
        ("host", json!("elsewhere.example"), "another Pleo"),
        (
            "company_id",
            json!("9e57c0de-0000-4000-8000-00000000d00d"),
            "for company 9e57c0de",
        ),
        ("company_id", json!(null), "did not come to its end"),
    ] {
        // What a login writes: good tokens, with one field of others.
        let world = in_mid_run(move |path| {
            let mut other: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
            other["access_token"] = json!("of-somebody-else");
            other[field] = value.clone();
            fs::write(path, other.to_string()).unwrap();
        });
        world.run(&["poll"]).exits(2).says(says);
        assert_eq!(
            world.requests_to("/v3/export-jobs"),
            1,
            "nothing was sent with them"
        );
        assert_eq!(world.token_requests(), 0);
        assert_eq!(world.tokens()["access_token"], "of-somebody-else");
    }
}

#[test]
fn what_to_do_about_tokens_that_are_gone_or_damaged_is_said_once() {
    let damaged = in_mid_run(|path| fs::write(path, "{\"access_token\":").unwrap());
    let gone = in_mid_run(|path| fs::remove_file(path).unwrap());
    for world in [damaged, gone] {
        // In the middle of a run, and before the next one.
        for _ in 0..2 {
            let run = world.run(&["poll"]).exits(2);
            says_once(&run, "run `pleo-export login`");
        }
        let run = world.run(&["login", "--status"]).exits(2);
        says_once(&run, "run `pleo-export login`");
    }
}

#[test]
fn a_login_gives_up_no_tokens_that_could_not_be_read() {
    let world = connected(3600);
    let before = fs::read(world.path(TOKENS)).unwrap();
    let let_others_read = || {
        fs::set_permissions(world.path(TOKENS), fs::Permissions::from_mode(0o644)).unwrap();
    };
    let run = world.login_by_paste(|redirect| {
        let_others_read();
        redirect
    });
    run.exits(2).says("chmod 600");
    assert_eq!(world.token_requests(), 0, "the code was not spent");
    // Nor is anybody asked for consent then.
    world.run(&["login", "--paste"]).exits(2).says("chmod 600");
    assert_eq!(fs::read(world.path(TOKENS)).unwrap(), before);
    fs::set_permissions(world.path(TOKENS), fs::Permissions::from_mode(0o600)).unwrap();
    world.run(&["poll"]).exits(0);
    // What is damaged is replaced.
    fs::write(world.path(TOKENS), &before[..before.len() / 2]).unwrap();
    world.login_by_paste(|redirect| redirect).exits(0);
    world.has_live_tokens();
}

#[test]
fn a_login_whose_tokens_could_not_be_kept_says_so() {
    let part = |path: &Path| pleo_export::host::files::part_of(path);
    // As Pleo gives them, and as it tells whose they are.
    for (request_path, is_part) in [("/oauth/token", false), ("/v1/installations/me", true)] {
        let world = registered();
        let path = world.path(TOKENS);
        let in_the_way = if is_part { part(&path) } else { path };
        world.sandbox.on_request(move |request| {
            if request.path == request_path {
                fs::create_dir(&in_the_way).unwrap();
            }
            Hook::Continue
        });
        let run = world.login_by_paste(|redirect| redirect).exits(2);
        assert!(!run.stderr.contains("nothing was sent"), "{run}");
        says_once(&run, "could not be kept");
        run.says("run `pleo-export login`");
    }
}
