use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::attack::{STRANGER, give_away, is_root, one_item};
use crate::support::World;

/// With what the environment says in a file that is found instead.
fn world_with_dot_env(names: &[&str]) -> World {
    let mut world = one_item();
    let mut text = String::new();
    for name in names {
        if let Some(value) = world.environment().get(*name) {
            text += &[name, "=", value.to_str().unwrap(), "\n"].concat();
        }
        world = world.without_variable(name);
    }
    fs::write(world.path(".env"), text).unwrap();
    world
}

#[test]
fn settings_that_others_can_write_are_refused() {
    for name in [".env", "pleo-export.toml"] {
        for (mode, is_fine) in [
            (0o600, true),
            (0o644, true),
            (0o664, true),
            (0o646, false),
            (0o666, false),
        ] {
            let world = world_with_dot_env(&["PLEO_API_KEY"]);
            fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
            let run = world.run(&["poll"]);
            if is_fine {
                run.exits(0);
            } else {
                let cure = format!("chmod go-w {}", world.path(name).display());
                run.exits(2).says(&cure);
                assert_eq!(world.sandbox.request_count(), 0);
                // It needs no settings, and passes these over.
                world.run(&["status"]).exits(0).says(&cure);
            }
        }
    }
}

#[test]
fn settings_of_a_stranger_are_refused() {
    if !is_root("settings_of_a_stranger_are_refused") {
        return;
    }
    for name in [".env", "pleo-export.toml"] {
        let world = world_with_dot_env(&["PLEO_API_KEY"]);
        give_away(&world.path(name), STRANGER);
        world
            .run(&["poll"])
            .exits(2)
            .says(&format!("{}", world.path(name).display()))
            .says("run pleo-export as that user");
        assert_eq!(world.sandbox.request_count(), 0);
        // A group of others.
        give_away(&world.path(name), 0);
        std::os::unix::fs::chown(world.path(name), None, Some(STRANGER)).unwrap();
        fs::set_permissions(world.path(name), fs::Permissions::from_mode(0o660)).unwrap();
        world.run(&["poll"]).exits(2).says("chmod go-w");
        // A link of a stranger to a file of ours is as good as a file of theirs.
        let (file, ours) = (world.path(name), world.path("ours"));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        give_away(&file, 0);
        fs::rename(&file, &ours).unwrap();
        std::os::unix::fs::symlink(&ours, &file).unwrap();
        world.run(&["poll"]).exits(0);
        give_away(&file, STRANGER);
        world.run(&["poll"]).exits(2).says("run pleo-export as that user");
    }
}

#[test]
fn a_file_that_is_named_is_trusted_as_named() {
    let world = one_item();
    fs::rename(world.path("pleo-export.toml"), world.path("named.toml")).unwrap();
    fs::set_permissions(world.path("named.toml"), fs::Permissions::from_mode(0o666)).unwrap();
    world.run(&["poll", "--config", "named.toml"]).exits(0);
    world
        .run_with("PLEO_EXPORT_CONFIG", "named.toml", &["poll"])
        .exits(0);
}

#[test]
fn a_file_that_is_found_does_not_say_where_a_credential_from_elsewhere_goes() {
    for (name, value) in [
        ("PLEO_BASE_URL", "https://attacker.example"),
        ("PLEO_EXPORT_CONFIG", "theirs.toml"),
        ("HTTPS_PROXY", "http://attacker.example:3128"),
        ("https_proxy", "http://attacker.example:3128"),
        ("ALL_PROXY", "http://attacker.example:3128"),
        ("PLEO_AUTH_URL", "https://attacker.example"),
        ("PLEO_EXPORT_FLEET_URL", "postgres://attacker.example"),
    ] {
        let world = one_item().without_variable(name);
        fs::write(
            world.path("theirs.toml"),
            "[notify]\ncommand = [\"touch\", \"ran\"]\n",
        )
        .unwrap();
        fs::write(world.path(".env"), format!("{name}={value}\n")).unwrap();
        world.run(&["poll"]).exits(2).says(name).says("PLEO_API_KEY");
        assert_eq!(world.sandbox.request_count(), 0, "{name}");
        assert!(!world.path("ran").exists(), "their program has run");
    }
    // A key of its own in a file that the settings name is elsewhere, too.
    let world = world_with_dot_env(&["PLEO_BASE_URL"]).with_settings("[pleo]\napi_key_file = \"key\"\n");
    let key = world.environment()["PLEO_API_KEY"].clone();
    fs::write(world.path("key"), key.into_encoded_bytes()).unwrap();
    let world = world.without_variable("PLEO_API_KEY");
    world
        .run(&["poll"])
        .exits(2)
        .says("PLEO_BASE_URL")
        .says("pleo.api_key_file");
}

#[test]
fn a_file_that_is_found_may_hold_both() {
    let world = world_with_dot_env(&["PLEO_BASE_URL", "PLEO_API_KEY"]);
    world.run(&["poll"]).exits(0);
    // What the environment says beats it, and needs nobody's word.
    let world = world_with_dot_env(&["PLEO_API_KEY"]);
    let text = fs::read_to_string(world.path(".env")).unwrap() + "PLEO_BASE_URL=https://attacker.example\n";
    fs::write(world.path(".env"), text).unwrap();
    world.run(&["poll"]).exits(0);
    // An empty variable is none.
    let world = world_with_dot_env(&["PLEO_BASE_URL", "PLEO_API_KEY", "PLEO_EXPORT_BOOKS"]);
    let world = world
        .with_variable("PLEO_BASE_URL", "")
        .with_variable("PLEO_API_KEY", "");
    world.run(&["poll"]).exits(0);
}

#[test]
fn a_settings_file_beside_the_credential_says_who_is_told() {
    let world = world_with_dot_env(&["PLEO_BASE_URL", "PLEO_API_KEY"]);
    fs::write(
        world.path("named.toml"),
        "[notify]\ncommand = [\"touch\", \"ran\"]\n",
    )
    .unwrap();
    let text = fs::read_to_string(world.path(".env")).unwrap() + "PLEO_EXPORT_CONFIG=named.toml\n";
    fs::write(world.path(".env"), text).unwrap();
    world.run(&["poll"]).exits(0);
    assert!(world.path("ran").exists());
}

#[test]
fn a_credential_that_nobody_needs_and_nobody_has_stands_nowhere_else() {
    let world = world_with_dot_env(&["PLEO_BASE_URL", "PLEO_COMPANY_ID"]).without_variable("PLEO_API_KEY");
    let reverse = ["reverse", "PLEO-2026-000001"];
    world.run(&reverse).exits(2).says("no books");
    let world = world.with_variable("PLEO_API_KEY", "key");
    world
        .run(&reverse)
        .exits(2)
        .says("PLEO_BASE_URL")
        .says("PLEO_API_KEY");
}
