use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use crate::support::World;

fn bytes(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

/// The world's own address, company and key, for a file instead of the environment.
fn dot_env(world: &World) -> String {
    format!(
        "PLEO_BASE_URL={}\nPLEO_COMPANY_ID={}\nPLEO_API_KEY={}\n",
        world.sandbox.url(),
        world.sandbox.company(),
        world.sandbox.api_key()
    )
}

fn without_settings(world: World) -> World {
    ["PLEO_BASE_URL", "PLEO_COMPANY_ID", "PLEO_API_KEY"]
        .into_iter()
        .fold(world, World::without_variable)
}

#[test]
fn what_a_shell_leaves_around_a_company_id_is_no_part_of_it() {
    let world = World::new();
    let company = format!(" {}\r", world.sandbox.company());
    world.run_with("PLEO_COMPANY_ID", &company, &["poll"]).exits(0);
}

#[test]
fn paths_are_taken_as_bytes() {
    let world = World::new()
        .with_variable("PLEO_EXPORT_BOOKS", bytes(b"B\xfccher"))
        .with_variable("PLEO_EXPORT_CHECKPOINT", bytes(b"st\xe9/checkpoint.sqlite3"));
    world.add_mixed_job(3, 1);
    world.run(&["poll"]).exits(0);
    world.run(&["status"]).exits(0).says("completed");
    let books = world.path("").join(bytes(b"B\xfccher"));
    assert!(books.join("main.beancount").is_file());
    assert!(!world.path("books").exists());
    assert!(
        world
            .path("")
            .join(bytes(b"st\xe9"))
            .join("checkpoint.sqlite3")
            .is_file()
    );
}

#[test]
fn the_same_paths_from_dot_env_and_the_state_folder() {
    let world = without_settings(World::new())
        .without_variable("PLEO_EXPORT_CHECKPOINT")
        .with_variable("STATE_DIRECTORY", bytes(b"st\xe9:other"));
    world.add_mixed_job(1, 1);
    let content = [dot_env(&world).as_bytes(), b"PLEO_EXPORT_BOOKS='B\xfccher'\n"].concat();
    fs::write(world.path(".env"), content).unwrap();
    world.run(&["poll"]).exits(0);
    assert!(
        world
            .path("")
            .join(bytes(b"B\xfccher"))
            .join("main.beancount")
            .is_file()
    );
    assert!(
        fs::read_dir(world.path("").join(bytes(b"st\xe9")))
            .unwrap()
            .count()
            > 0
    );
}

#[test]
fn a_variable_that_is_not_utf_8_is_a_problem_and_nothing_is_sent() {
    for name in [
        "PLEO_BASE_URL",
        "PLEO_COMPANY_ID",
        "PLEO_API_KEY",
        "PLEO_ACCESS_TOKEN",
        "http_proxy",
        "HTTPS_PROXY",
        "no_proxy",
    ] {
        let world = World::new().with_variable(name, bytes(b"http://caf\xe9/"));
        world.add_mixed_job(1, 1);
        let run = world.run(&["poll", "--json"]).exits(2);
        let message = run.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("{name} is not UTF-8")), "{message}");
        assert!(!message.contains("missing"), "{message}");
        assert_eq!(world.sandbox.request_count(), 0);
    }
    // `status` needs no key, so it does not mind one that cannot be read.
    World::new()
        .with_variable("PLEO_API_KEY", bytes(b"\xff"))
        .run(&["status"])
        .exits(0);
}

#[test]
fn a_proxy_that_is_no_address_or_of_another_kind_is_a_problem() {
    for (name, value, says) in [
        ("https_proxy", "proxy example:80", "is not the address of a proxy"),
        ("HTTP_PROXY", "http://", "is not the address of a proxy"),
        (
            "all_proxy",
            " http://proxy.example",
            "is not the address of a proxy",
        ),
        (
            "ALL_PROXY",
            "socks5://user:hush@proxy.example:1080",
            "of the kind socks5",
        ),
        ("https_proxy", "socks5h://proxy.example", "of the kind socks5h"),
        // The clients cannot read these, and would go to Pleo without the proxy.
        (
            "https_proxy",
            "//proxy.example:3128",
            "is not the address of a proxy",
        ),
        (
            "https_proxy",
            "proxy.example:3128/",
            "is not the address of a proxy",
        ),
        (
            "https_proxy",
            "http:///proxy.example",
            "is not the address of a proxy",
        ),
        (
            "https_proxy",
            "http:/proxy.example",
            "is not the address of a proxy",
        ),
        (
            "https_proxy",
            "http://user:hu^sh@proxy.example",
            "is not the address of a proxy",
        ),
        (
            "https_proxy",
            "http://user:hu sh@proxy.example",
            "is not the address of a proxy",
        ),
        (
            "https_proxy",
            "http://user:hu|sh@proxy.example",
            "is not the address of a proxy",
        ),
        (
            "https_proxy",
            "http://user:h\u{fc}sh@proxy.example",
            "is not the address of a proxy",
        ),
        // They would show the proxy another password.
        ("https_proxy", "http://user:hu@sh@proxy.example", "%40"),
    ] {
        let world = World::new().with_variable(name, value);
        let run = world.run(&["poll"]).exits(2).says(says).says(name);
        assert!(!run.stderr.contains("hush"), "{run}");
    }
    for value in [
        "http://proxy.example:3128",
        "proxy.example:3128",
        "https://u:p@proxy.example",
        "http://u:p%40%5E@proxy.example:3128/",
    ] {
        let world = World::new().with_variable("https_proxy", value);
        world.run(&["poll"]).exits(0);
    }
    let world = World::new().without_variable("SSL_CERT_FILE");
    fs::write(world.path(".env"), "https_proxy=http://proxy.example:3128\n").unwrap();
    world.run(&["poll"]).exits(2).says("https_proxy stands in `");
    fs::write(world.path(".env"), "SSL_CERT_FILE=/etc/authority.pem\n").unwrap();
    world.run(&["poll"]).exits(2).says("SSL_CERT_FILE stands in `");
}

#[test]
fn a_dot_env_that_cannot_be_read_is_a_problem() {
    let world = World::new();
    let path = world.path(".env");
    let refused = |says: &str| {
        let run = world.run(&["poll"]).exits(2).says(says);
        assert!(run.stderr.contains(".env"), "{run}");
        assert_eq!(world.sandbox.request_count(), 0);
    };
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    refused("no regular file");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("it is a folder");
    fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    refused("cannot read");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "A=1\nPLEO_API_KEY=\"hush\n").unwrap();
    refused("line 2 has a quote that does not end");
    fs::write(&path, b"\xff\xfeA\0=\x001\0").unwrap();
    refused("UTF-16");
}

#[test]
fn what_may_stand_in_a_file_that_cannot_be_read_is_not_missing() {
    for content in [
        &b"\xff\xfeP\0"[..],
        b"PLEO_API_KEY=\"hush\n",
        b"PLEO_API_KEY: hush\n",
        &vec![b'#'; 17 * 1024 * 1024],
    ] {
        let world = without_settings(World::new());
        fs::write(world.path(".env"), content).unwrap();
        let run = world.run(&["poll"]).exits(2).says(".env`");
        assert!(!run.stderr.contains("missing"), "{run}");
    }
    for (line, says) in [
        ("company_id = 7", "pleo.company_id must be a text in quotes"),
        ("api_key_file = 7", "pleo.api_key_file must be a text in quotes"),
        ("api_key_file = \"$KEYS/k\"", "begins with $"),
    ] {
        let world = without_settings(World::new());
        let (company, key) = (
            world.sandbox.company().to_owned(),
            world.sandbox.api_key().to_owned(),
        );
        let world = if line.starts_with("company_id") {
            world.with_variable("PLEO_API_KEY", key)
        } else {
            world.with_variable("PLEO_COMPANY_ID", company)
        };
        let world = world.with_settings(&format!("[pleo]\n{line}\n"));
        let run = world.run(&["poll"]).exits(2).says(says);
        assert!(run.stderr.contains("1 problem"), "{run}");
    }
}

#[test]
fn a_secret_in_the_settings_file_is_told_where_it_belongs_however_it_is_spelled() {
    for (section, key, belongs) in [
        ("pleo", "api_key", "set PLEO_API_KEY, or put it into a file"),
        ("pleo", "apikey", "set PLEO_API_KEY, or put it into a file"),
        ("pleo", "API-Key", "set PLEO_API_KEY, or put it into a file"),
        ("pleo", "PLEO_API_KEY", "set PLEO_API_KEY, or put it into a file"),
        ("pleo", "access-token", "set PLEO_ACCESS_TOKEN, or log in"),
        ("pleo.oauth", "clientSecret", "client_secret_file"),
        ("pleo", "client_secret", "client_secret_file"),
        ("accounting.odoo", "apiKey", "accounting.odoo.api_key_file"),
        ("accounting.odoo", "password", "accounting.odoo.api_key_file"),
    ] {
        for value in ["\"hush\"", "[\"hush\"]", "4711"] {
            let world = World::new().with_settings(&format!("[{section}]\n{key} = {value}\n"));
            let run = world.run(&["poll"]).exits(2).says(belongs);
            let named = format!("{section}.{key} may not stand in the settings file");
            assert!(run.stderr.contains(&named), "{run}");
            assert!(
                !run.stderr.contains("hush") && !run.stderr.contains("4711"),
                "{run}"
            );
        }
    }
    let world = World::new().with_settings("PLEO_API_KEY = \"hush\"\nODOO_API_KEY = \"hush\"\n");
    world
        .run(&["poll"])
        .exits(2)
        .says("set PLEO_API_KEY")
        .says("set ODOO_API_KEY");
}

#[test]
fn what_is_wrong_with_the_settings_file_is_told_with_its_place() {
    for (text, says) in [
        ("[pleo]\nbatch_size = 3\nbatch_size = 4\n", "(line 3)"),
        ("[pleo]\n\n[pleo]\n", "(line 3)"),
        ("batch_size\n", "(line 1)"),
        ("[vendors]\ncodes = [1]\n", "not a list of something else"),
        ("[vendors]\ncodes = \"V1\"\n", "not string"),
    ] {
        let world = World::new().with_settings(text);
        world.run(&["poll"]).exits(2).says(says);
    }
}

#[test]
fn a_settings_file_that_leads_nowhere_is_a_problem() {
    let world = World::new();
    std::os::unix::fs::symlink("nowhere", world.path("pleo-export.toml")).unwrap();
    world.run(&["poll"]).exits(2).says("pleo-export.toml");
    let world = World::new().with_settings("");
    fs::write(world.path("pleo-export.toml"), b"[accounting]\n# caf\xe9\n").unwrap();
    world.run(&["poll"]).exits(2).says("line 2 is not UTF-8");
}

#[test]
fn nothing_is_substituted_in_dot_env() {
    let world = without_settings(World::new());
    let text = dot_env(&world).replace(world.sandbox.api_key(), "abc$def-ghi${HOME}");
    fs::write(world.path(".env"), text).unwrap();
    world.run(&["poll"]).exits(2).says("rejects the credential");
    let sandbox = crate::sandbox::Sandbox::start(crate::sandbox::Options {
        api_key: "abc$def-ghi${HOME}".to_owned(),
        ..crate::sandbox::Options::default()
    });
    world.run_with("PLEO_BASE_URL", sandbox.url(), &["poll"]).exits(0);
}

#[test]
fn a_byte_order_mark_is_skipped() {
    let world = World::new();
    let address = world.environment()["PLEO_BASE_URL"].clone();
    let world = without_settings(world)
        .with_settings("\u{feff}[pleo]\napi_key_file = \"key\"\n")
        .with_variable("PLEO_BASE_URL", address);
    let lines = dot_env(&world);
    // An address counts beside the credential alone.
    let is_elsewhere = |line: &&str| line.contains("API_KEY") || line.contains("BASE_URL");
    let lines: Vec<&str> = lines.lines().filter(|line| !is_elsewhere(line)).collect();
    let text = lines.join("\r\n");
    fs::write(world.path(".env"), format!("\u{feff}{text}")).unwrap();
    fs::write(
        world.path("key"),
        format!("\u{feff}{}\r\n", world.sandbox.api_key()),
    )
    .unwrap();
    world.run(&["poll"]).exits(0);
}

#[test]
fn a_path_that_begins_with_a_tilde_is_in_the_home_folder() {
    let world = World::new();
    let home = world.path("h\u{f6}me");
    let world = world
        .with_variable("HOME", &home)
        .with_variable("PLEO_EXPORT_BOOKS", "~/books")
        .with_variable("PLEO_EXPORT_CHECKPOINT", "~/state/cp.sqlite3");
    world.add_mixed_job(1, 1);
    world.run(&["poll"]).exits(0);
    assert!(home.join("books/main.beancount").is_file() && home.join("state/cp.sqlite3").is_file());
    let world = World::new()
        .without_variable("PLEO_EXPORT_CHECKPOINT")
        .with_settings(
            "[checkpoint]\npath = \"~/cp.sqlite3\"\n[accounting.beancount]\ndirectory = \"~/b\"\n",
        );
    world.add_mixed_job(1, 1);
    world.run(&["poll"]).exits(2).says("HOME is not set");
    world
        .run_with("HOME", world.path("me").to_str().unwrap(), &["poll"])
        .exits(0);
    assert!(world.path("me/b/main.beancount").is_file() && world.path("me/cp.sqlite3").is_file());
}

#[test]
fn a_path_that_a_shell_would_have_changed_is_refused() {
    for (value, says) in [
        ("~anna/books", "begins with ~ and a name"),
        ("$HOME/books", "begins with $"),
        ("${HOME}/books", "begins with $"),
        ("\"books\"", "begins with a quote"),
        ("'books'", "begins with a quote"),
    ] {
        for name in [
            "PLEO_EXPORT_BOOKS",
            "PLEO_EXPORT_CHECKPOINT",
            "PLEO_EXPORT_CONFIG",
        ] {
            let world = World::new().with_variable(name, value);
            world.run(&["poll"]).exits(2).says(says).says(name);
            assert_eq!(world.sandbox.request_count(), 0);
        }
        let value = value.replace('"', "\\\"");
        for setting in ["[accounting.beancount]\ndirectory", "[pleo]\napi_key_file"] {
            let world = World::new().with_settings(&format!("{setting} = \"{value}\"\n"));
            world.run(&["poll"]).exits(2).says(says);
        }
    }
    // What a file with foreign line ends leaves behind a value that a shell reads.
    for value in ["books\r", "books\n", "bo\tks"] {
        let world = World::new().with_variable("PLEO_EXPORT_BOOKS", value);
        world
            .run(&["poll"])
            .exits(2)
            .says("PLEO_EXPORT_BOOKS has a line break");
    }
    let world = World::new().with_settings("[accounting.beancount]\ndirectory = \"a\\u0000b\"\n");
    world.run(&["poll"]).exits(2).says("control character");
    // A relative home is another one wherever the program is started.
    let world = World::new()
        .with_variable("HOME", "me")
        .with_variable("PLEO_EXPORT_BOOKS", "~/b");
    world
        .run(&["poll"])
        .exits(2)
        .says("HOME is not set to a whole path");
    // Spelled with its folder, any name is a name.
    let world = World::new().with_variable("PLEO_EXPORT_BOOKS", "./$HOME");
    world.add_mixed_job(1, 1);
    world.run(&["poll"]).exits(0);
    assert!(world.path("$HOME/main.beancount").is_file());
}

#[test]
fn a_key_in_quotes_is_refused() {
    for name in ["PLEO_API_KEY", "PLEO_ACCESS_TOKEN"] {
        for key in ["\"hush\"", "'hush'"] {
            let world = World::new()
                .without_variable("PLEO_API_KEY")
                .with_variable(name, key);
            let run = world.run(&["poll"]).exits(2).says("without quotes").says(name);
            assert!(!run.stderr.contains("hush"), "{run}");
        }
    }
    let world = World::new()
        .without_variable("PLEO_API_KEY")
        .with_settings("[pleo]\napi_key_file = \"key\"\n");
    fs::write(world.path("key"), "\"hush\"\n").unwrap();
    world.run(&["poll"]).exits(2).says("without quotes");
}

#[test]
fn a_relative_state_home_is_ignored() {
    let world = World::new()
        .without_variable("PLEO_EXPORT_CHECKPOINT")
        .with_variable("XDG_STATE_HOME", "state");
    let home = world.path("home");
    let world = world.with_variable("HOME", &home);
    world.add_mixed_job(1, 1);
    world.run(&["poll"]).exits(0);
    assert!(home.join(".local/state/pleo-export").is_dir() && !world.path("state").exists());
}

#[test]
fn an_odd_name_of_the_books_folder_hides_nothing_that_is_in_it() {
    for name in [bytes(b"B\xfccher"), "bo*ks".into()] {
        let world = World::new().with_variable("PLEO_EXPORT_BOOKS", &name);
        let items = crate::sandbox::seed::mixed(5, 1);
        world.add_job(items.clone());
        world.run(&["poll"]).exits(0);
        world.add_job(items);
        world.run(&["poll"]).exits(0);
        let books = crate::support::Books {
            folder: world.path("").join(&name),
        };
        assert_eq!(books.entries().len(), 5);
        books.has_nothing_twice();
    }
}

/// Reading a pipe would wait for ever.
#[test]
fn a_pipe_is_no_settings_file_and_holds_no_key() {
    let world = World::new().without_variable("PLEO_API_KEY");
    assert!(
        Command::new("mkfifo")
            .arg(world.path("pipe"))
            .status()
            .unwrap()
            .success()
    );
    world
        .run(&["--config", "pipe", "poll"])
        .exits(2)
        .says("pipe`: it is no regular file");
    let world = world.with_settings("[pleo]\napi_key_file = \"pipe\"\n");
    world.run(&["poll"]).exits(2).says("pipe`: it is no regular file");
}

#[test]
fn pleos_address_is_told_without_a_version() {
    for (address, version) in [
        ("https://external.pleo.io/v3", "/v3"),
        ("https://gateway.example/pleo/v0/", "/v0"),
    ] {
        let world = World::new().with_variable("PLEO_BASE_URL", address);
        let run = world.run(&["poll"]).exits(2).says("PLEO_BASE_URL is `");
        run.says(&format!("leave `{version}` out"));
    }
    // One on the way to it is part of the address.
    let world = World::new();
    let address = format!("{}/v3/pleo", world.sandbox.url());
    let run = world.run_with("PLEO_BASE_URL", &address, &["poll"]);
    assert!(!run.stderr.contains("out, each call"), "{run}");
}
