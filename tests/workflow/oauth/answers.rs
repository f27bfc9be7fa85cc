//! What the token endpoint says, in the words that Pleo's pages and the standards use for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::{connected, free_port, registered, registered_with};
use crate::sandbox::{Fault, Trouble};
use crate::support::World;

fn on_tokens(status: u16, body: &serde_json::Value) -> Fault {
    let page = Trouble::Page(status, "application/json".into(), body.to_string());
    Fault::new(page).on("POST", "/oauth/token")
}

#[test]
fn a_rejection_is_taken_for_what_it_speaks_of_however_it_is_spelled() {
    let client = (2, "PLEO_CLIENT_SECRET", false);
    let grant = (2, "pleo-export login", true);
    let passing = (5, "trying again", false);
    for (status, body, (code, says, is_marked)) in [
        (401, json!({"type": "INVALID_CLIENT"}), client),
        (400, json!({"type": "INVALID_CLIENT"}), client),
        (400, json!({"error": "unauthorized_client"}), client),
        (400, json!({"error": "invalid_scope"}), client),
        (401, json!({"type": "INVALID_REFRESH_TOKEN"}), grant),
        (400, json!({"type": "X", "message": "Invalid_Grant"}), grant),
        (400, json!({"error": "temporarily_unavailable"}), passing),
        (400, json!({"type": "SERVER_ERROR"}), passing),
        (403, json!({"error": "slow_down"}), passing),
    ] {
        let world = connected(-60);
        world.sandbox.fault(on_tokens(status, &body).always());
        world.run(&["poll", "-vv"]).exits(code).says(says);
        assert_eq!(world.tokens()["refused_at"].is_string(), is_marked, "{body}");
        world.sandbox.clear_faults();
        if !is_marked {
            world.run(&["poll"]).exits(0);
            world.has_live_tokens();
        }
    }
}

#[test]
fn a_server_that_misses_the_client_in_the_form_is_shown_it_there() {
    for error in ["invalid_request", "unauthorized_client", "invalid_client"] {
        let world = registered_with(|options| options.oauth_client.wants_form = true);
        world.connect(-60);
        world.sandbox.fault(on_tokens(400, &json!({ "error": error })));
        world.run(&["poll"]).exits(0);
        assert_eq!(
            (world.token_requests(), world.sandbox.refreshes()),
            (2, 1),
            "{error}"
        );
        world.has_live_tokens();
    }
}

#[test]
fn what_is_in_the_way_of_new_tokens_is_there_for_a_time_once_pleo_has_answered() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let page = Trouble::Page(403, "text/html".into(), "<p>Blocked".into());
    for has_answered in [false, true] {
        let code = if has_answered { 5 } else { 2 };
        let world = connected(3600);
        if has_answered {
            world.run(&["poll"]).exits(0);
        }
        world.connect(-60);
        world
            .run_with("PLEO_AUTH_URL", &nobody, &["poll"])
            .exits(code)
            .says("cannot be reached");
        world
            .sandbox
            .fault(Fault::new(page.clone()).on("POST", "/oauth/token").always());
        let run = world.run(&["poll"]).exits(code).says("firewall");
        assert_eq!(
            run.stderr.contains("nothing with these settings"),
            !has_answered,
            "{run}"
        );
    }
}

#[test]
fn a_long_list_of_scopes_is_looked_at_to_its_end() {
    let others = "another-scope:read ".repeat(60);
    let longer = |path: &str, method: &str| {
        Fault::new(Trouble::OddBytes {
            from: "\"scope\":\"".to_owned(),
            to: format!("\"scope\":\"{others}").into_bytes(),
        })
        .on(method, path)
        .always()
    };
    let world = registered();
    world.sandbox.fault(longer("/oauth/token", "POST"));
    world.sandbox.fault(longer("/v1/introspect", "GET"));
    world.login_by_paste(|redirect| redirect).exits(0);
    assert!(world.token("scope").ends_with("export-items:read"));
    let run = world.run(&["check"]).exits(0);
    assert!(!run.stdout.contains("lacks"), "{run}");
}

#[test]
fn tokens_of_another_environment_are_told_as_such() {
    let world = registered();
    world.sandbox.fault(
        Fault::new(Trouble::Status(401))
            .on("GET", "/v1/installations/me")
            .always(),
    );
    let run = world.login_by_paste(|redirect| redirect).exits(2);
    assert!(!run.stderr.contains("PLEO_ACCESS_TOKEN"), "{run}");
    run.says("PLEO_AUTH_URL").says("pleo.base_url");
}

/// A world with a file of settings for each company, of these names, whose tokens end after so many seconds.
fn with_companies(names: &[(&str, i64)], timeout_seconds: u32) -> World {
    let world = registered();
    let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
    let settings = settings.replace(
        "timeout_seconds = 2",
        &format!("timeout_seconds = {timeout_seconds}"),
    );
    let url = world.sandbox.url().to_owned();
    fs::remove_file(world.path("pleo-export.toml")).unwrap();
    fs::create_dir(world.path("companies")).unwrap();
    fs::write(world.path("companies/secret"), super::SECRET).unwrap();
    for (name, seconds) in names {
        world.connect(*seconds);
        let company = format!("9e57c0de-0000-4000-8000-00000000000{name}");
        let tokens = fs::read_to_string(world.path(super::TOKENS)).unwrap();
        let tokens = tokens.replace(world.sandbox.company(), &company);
        let path = world.path(&format!("companies/{name}.json"));
        fs::write(&path, tokens).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let pleo = format!("[pleo]\nbase_url = \"{url}\"\ncompany_id = \"{company}\"");
        let settings = settings
            .replace(super::TOKENS, &format!("{name}.json"))
            .replace("[pleo]", &pleo)
            .replace("[pleo.oauth]", "[pleo.oauth]\nclient_secret_file = \"secret\"");
        let own = format!(
            "{settings}[checkpoint]\npath = \"../{name}.sqlite3\"\n[accounting.beancount]\ndirectory = \"../{name}\"\n"
        );
        fs::write(world.path(&format!("companies/{name}.toml")), own).unwrap();
    }
    world.told_by_files_alone().without_variable("PLEO_CLIENT_SECRET")
}

/// The first company of a round spends its patience on a server that is out of reach; the others know.
#[test]
fn one_company_alone_waits_for_tokens_that_do_not_come() {
    let world = with_companies(&[("a", -60), ("b", -60), ("c", -60)], 2);
    world.sandbox.fault(
        Fault::new(Trouble::ResetBeforeEffect)
            .on("POST", "/oauth/token")
            .always(),
    );
    let run = world.run(&["poll", "--companies", "companies", "--json"]);
    let answer = run.json();
    let once = |company: &serde_json::Value| {
        let message = company["error"]["message"].as_str().unwrap_or_default();
        assert!(message.contains("/oauth/token"), "{answer}");
        message.contains("(tries: 1)")
    };
    let companies = answer["companies"].as_array().unwrap();
    assert_eq!(
        companies.iter().map(once).collect::<Vec<_>>(),
        [false, true, true]
    );
}

/// Pleo gives up the old pair as it makes the new one, which is lost where nobody waits for it.
#[test]
fn tokens_that_come_late_are_waited_for_also_where_pleo_is_out_of_reach() {
    let world = with_companies(&[("a", 3600), ("b", -60)], 30);
    let busy = Fault::new(Trouble::Status(503)).on("GET", "/v3/export-jobs");
    world.sandbox.fault(busy.always());
    let late = Fault::new(Trouble::SlowMilliseconds(6_000)).on("POST", "/oauth/token");
    world.sandbox.fault(late.always());
    world.run(&["poll", "--companies", "companies"]);
    assert_eq!(world.sandbox.refreshes(), 1);
    let kept: serde_json::Value =
        serde_json::from_slice(&fs::read(world.path("companies/b.json")).unwrap()).unwrap();
    let token = |name: &str| kept[name].as_str().unwrap().to_owned();
    let pair = (token("access_token"), token("refresh_token"));
    assert!(world.sandbox.live_tokens().contains(&pair), "{kept}");
}
