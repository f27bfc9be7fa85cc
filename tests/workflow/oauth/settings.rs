use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{TOKENS, connected, registered};

#[test]
fn more_than_one_credential_is_refused_and_all_are_named() {
    for (variables, key_file) in [
        (&["PLEO_API_KEY"][..], false),
        (&["PLEO_ACCESS_TOKEN"], false),
        (&["PLEO_API_KEY", "PLEO_ACCESS_TOKEN"], false),
        (&["PLEO_ACCESS_TOKEN"], true),
        (&[], true),
    ] {
        let mut world = connected(3600);
        let mut names = vec!["pleo.oauth.token_file"];
        for name in variables {
            world = world.with_variable(name, "x");
            names.push(name);
        }
        if key_file {
            fs::write(world.path("key"), "x").unwrap();
            let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
            world = world.with_settings(&settings.replacen("[pleo]", "[pleo]\napi_key_file = \"key\"", 1));
            names.push("pleo.api_key_file");
        }
        for command in [&["poll"][..], &["login"], &["login", "--status"]] {
            let run = world.run(command).exits(2).says("keep the one you mean");
            for name in &names {
                assert!(run.stderr.contains(name), "{name}: {run}");
            }
        }
        assert_eq!(world.sandbox.request_count(), 0);
    }
}

#[test]
fn tokens_of_another_company_or_pleo_are_not_used() {
    let other = "9e57c0de-0000-4000-8000-00000000d00d";
    let world = connected(3600).with_variable("PLEO_COMPANY_ID", other);
    world
        .run(&["poll"])
        .exits(2)
        .says(other)
        .says(world.sandbox.company());
    let world = connected(3600);
    let company = world.sandbox.company().to_uppercase();
    world
        .with_variable("PLEO_COMPANY_ID", company)
        .run(&["poll"])
        .exits(0);
    let world = connected(3600);
    let url = world.sandbox.url().replace("127.0.0.1", "localhost");
    world
        .run_with("PLEO_BASE_URL", &url, &["poll"])
        .exits(2)
        .says("another Pleo");
    world
        .run_with("PLEO_BASE_URL", &url, &["login", "--status"])
        .exits(2)
        .says("another Pleo");
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn a_file_of_tokens_that_cannot_be_trusted_or_read_is_told_and_never_quoted() {
    let world = connected(3600);
    for mode in [0o640, 0o604, 0o644, 0o620] {
        fs::set_permissions(world.path(TOKENS), fs::Permissions::from_mode(mode)).unwrap();
        world.run(&["poll"]).exits(2).says("chmod 600");
        world.run(&["login", "--status"]).exits(2).says("chmod 600");
    }
    fs::set_permissions(world.path(TOKENS), fs::Permissions::from_mode(0o600)).unwrap();
    let whole = fs::read(world.path(TOKENS)).unwrap();
    for (content, says) in [
        (&b""[..], "no JSON"),
        (&whole[..whole.len() / 2], "no JSON"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "access_token"),
        (b"{\"access_token\": 7, \"secret\": \"secret\"}", "access_token"),
        (&b" ".repeat(70_000), "no file of tokens"),
    ] {
        fs::write(world.path(TOKENS), content).unwrap();
        let run = world
            .run(&["poll", "-vv"])
            .exits(2)
            .says(says)
            .says("tokens.json");
        assert!(!run.stderr.contains("secret"), "{run}");
    }
    // A login that was killed before it knew the company.
    let half = String::from_utf8(whole.clone())
        .unwrap()
        .replace("company_id", "company");
    fs::write(world.path(TOKENS), half).unwrap();
    for command in [&["poll"][..], &["login", "--status"]] {
        let run = world.run(command).exits(2).says("did not come to its end");
        assert!(
            !run.stderr.contains("PLEO_COMPANY_ID"),
            "the company comes with the login: {run}"
        );
    }
    // A link, wherever it leads.
    fs::rename(world.path(TOKENS), world.path("elsewhere")).unwrap();
    fs::write(world.path("elsewhere"), whole).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path(TOKENS)).unwrap();
    world.run(&["poll"]).exits(2).says("it is a link");
    world.run(&["login"]).exits(2).says("it is a link");
    world.run(&["logout"]).exits(2).says("it is a link");
    fs::remove_file(world.path(TOKENS)).unwrap();
    fs::create_dir(world.path(TOKENS)).unwrap();
    world.run(&["poll"]).exits(2).says("no file of tokens");
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn what_is_missing_is_told_at_once() {
    let world = registered()
        .without_variable("PLEO_CLIENT_SECRET")
        .with_settings("[pleo.oauth]\nscope = [\"x\"]\n");
    let run = world.run(&["login"]).exits(2);
    for name in [
        "client_id is missing",
        "PLEO_CLIENT_SECRET is missing",
        "token_file is missing",
        "scope is not a setting",
    ] {
        assert!(run.stderr.contains(name), "{name}: {run}");
    }
    let world = registered().with_variable("PLEO_BASE_URL", "https://gateway.example");
    world.run(&["login"]).exits(2).says("PLEO_AUTH_URL is missing");
    let world = registered().with_variable("PLEO_AUTH_URL", "http://auth.example");
    world.run(&["login"]).exits(2).says("https only");
    // A secret in a file of its own.
    let world = connected(-60).without_variable("PLEO_CLIENT_SECRET");
    let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
    let world = world.with_settings(&(settings + "client_secret_file = \"secret\"\n"));
    world.run(&["poll"]).exits(2).says("client_secret_file");
    fs::write(world.path("secret"), format!("{}\n", super::SECRET)).unwrap();
    fs::set_permissions(world.path("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    world.run(&["poll"]).exits(0);
    world.has_live_tokens();
}

#[test]
fn an_address_in_dot_env_does_not_lead_the_tokens_astray() {
    for name in ["PLEO_AUTH_URL", "PLEO_BASE_URL"] {
        let world = connected(-60);
        let url = world.sandbox.url().to_owned();
        fs::write(world.path(".env"), format!("{name}={url}\n")).unwrap();
        let world = world.without_variable(name);
        world.run(&["poll"]).exits(2).says(name);
        world.run(&["login"]).exits(2).says(name);
        assert_eq!(world.sandbox.request_count(), 0);
    }
}

#[test]
fn an_address_that_no_answer_could_come_back_to_is_refused_before_anybody_is_sent_there() {
    for (address, by_paste, says) in [
        ("http://127.0.0.1:8788/callback#here", true, "fragment"),
        ("http://127.0.0.1:8788/callback#", true, "fragment"),
        ("https://books.example/pleo#here", true, "fragment"),
        ("no address", true, "is no address"),
        ("http://127.0.0.1:0/callback", false, "with a port"),
    ] {
        let world = registered();
        let settings = fs::read_to_string(world.path("pleo-export.toml")).unwrap();
        let (before, _) = settings.split_once("redirect_uri").unwrap();
        let world = world.with_settings(&format!("{before}redirect_uri = \"{address}\"\n"));
        for arguments in [&["login"][..], &["login", "--paste"]] {
            if by_paste || arguments.len() == 1 {
                let run = world.run(arguments).exits(2).says(says);
                assert!(!run.stdout.contains("authorize"), "{run}");
            }
        }
    }
}
