//! Tokens that somebody else puts in the place of those in use, and those that cannot be read or kept at the moment.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{TOKENS, connected, registered};
use crate::sandbox::Hook;
use crate::support::World;

/// What a login in the middle of a run writes: good tokens, with one field of others.
fn replaced_in_mid_run(field: &str, value: &serde_json::Value) -> World {
    let world = connected(3600);
    let mut other = world.tokens();
    other["access_token"] = json!("of-somebody-else");
    other[field] = value.clone();
    let (control, path) = (world.sandbox.control(), world.path(TOKENS));
    world.sandbox.on_request(move |request| {
        if request.path == "/v3/export-jobs" {
            control.expire_access_tokens();
            fs::write(&path, other.to_string()).unwrap();
        }
        Hook::Continue
    });
    world
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
        let world = replaced_in_mid_run(field, &value);
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
    let world = registered();
    let path = world.path(TOKENS);
    world.sandbox.on_request(move |request| {
        if request.path == "/oauth/token" {
            fs::create_dir(&path).unwrap();
        }
        Hook::Continue
    });
    let run = world.login_by_paste(|redirect| redirect).exits(2);
    assert!(!run.stderr.contains("nothing was sent"), "{run}");
    run.says("could not be kept").says("run `pleo-export login`");
}
