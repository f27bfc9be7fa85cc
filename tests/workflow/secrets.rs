use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::interrupt::nth_of;
use crate::sandbox::{Fault, Hook, Options, Trouble, seed};
use crate::support::{Run, World};

const KEY: &str = "pleo-key-5f1c8e9ab37d";
/// The same as it travels: base64 of the key and a colon, without the last, uncertain characters.
const KEY_ON_THE_WIRE: &str = "cGxlby1rZXktNWYxYzhlOWFiMzdk";
const TOKEN: &str = "pleo-token-c0ffee15900d";

fn world() -> World {
    World::with_options(Options {
        api_key: KEY.to_owned(),
        access_token: Some(TOKEN.to_owned()),
        ..Options::default()
    })
    .impatient()
}

#[track_caller]
fn is_silent(run: &Run) {
    for secret in [KEY, KEY_ON_THE_WIRE, TOKEN] {
        assert!(
            !run.stdout.contains(secret) && !run.stderr.contains(secret),
            "`{secret}` in {run}"
        );
    }
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(all_files(&path));
        }
        files.push(path);
    }
    files
}

/// What is wrong with an address is told in many places, and none of them shows what may be a credential in it.
#[test]
fn an_address_with_a_password_is_told_without_it() {
    let told = "[notify]\ncommand = [\"sh\", \"-c\", \"cat > told\"]\n[accounting]\nsystem = \"odoo\"\n[accounting.odoo]\n";
    for wrong in [
        "https://bot:pleo-key-5f1c8e9ab37d@odoo.example",
        "https://bot:x?pleo-key-5f1c8e9ab37d@odoo.example",
        "https://odoo.example/?key=pleo-key-5f1c8e9ab37d",
        "https://odoo.example/?key=x@pleo-key-5f1c8e9ab37d",
        "odoo.example/#pleo-key-5f1c8e9ab37d",
    ] {
        let world = world().with_settings(&format!("{told}url = \"{wrong}\"\n"));
        is_silent(&world.run(&["poll"]).exits(2).says("accounting.odoo.url"));
        is_silent(
            &world
                .run_with("PLEO_BASE_URL", wrong, &["check"])
                .says("PLEO_BASE_URL"),
        );
        is_silent(&world.run(&["status", "--json"]));
        let document = fs::read_to_string(world.path("told")).unwrap();
        assert!(!document.contains(KEY), "{document}");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_credential_is_in_no_answer_no_log_and_no_file() {
    for (variable, secret) in [("PLEO_API_KEY", KEY), ("PLEO_ACCESS_TOKEN", TOKEN)] {
        for troubles in [
            vec![],
            vec![Trouble::Status(401)],
            vec![
                Trouble::Status(500),
                Trouble::ResetBeforeEffect,
                Trouble::HtmlPage,
            ],
            vec![Trouble::Redirect("https://elsewhere.example/".to_owned())],
            vec![Trouble::LostAnswer, Trouble::TruncatedBody],
        ] {
            let world = world()
                .without_variable("PLEO_API_KEY")
                .with_variable(variable, secret);
            world.add_job(seed::quickstart());
            for trouble in troubles {
                world.sandbox.fault(Fault::new(trouble).at(4).times(3));
            }
            for format in ["text", "json"] {
                is_silent(&world.run(&["poll", "-vv", "--log-format", format, "--json"]));
            }
            is_silent(&world.run(&["status", "-vv", "--json"]));
            for path in all_files(&world.path(""))
                .into_iter()
                .filter(|path| path.is_file())
            {
                let bytes = fs::read(&path).unwrap();
                for secret in [KEY, KEY_ON_THE_WIRE, TOKEN] {
                    assert!(!contains(&bytes, secret), "`{secret}` in {}", path.display());
                }
            }
            let told = world.sandbox.broken_rules();
            assert!(!told.iter().any(|rule| rule.contains("credential")), "{told:?}");
        }
    }
}

#[test]
fn errors_about_settings_do_not_quote_the_credential() {
    let world = world();
    for (file, text) in [
        (".env", format!("PLEO_API_KEY {KEY}\n")),
        ("pleo-export.toml", format!("[pleo]\napi_key = \"{KEY}\"\n")),
        ("pleo-export.toml", format!("[pleo\napi_key = \"{KEY}\"\n")),
        (
            "pleo-export.toml",
            format!("[pleo]\napi_key_file = [\"{KEY}\"]\n"),
        ),
        (
            "pleo-export.toml",
            format!("[pleo]\nbase_url = \"https://{KEY}:@pleo.example\"\n"),
        ),
    ] {
        fs::write(world.path(file), text).unwrap();
        for arguments in [["poll", "-vv"], ["poll", "--json"]] {
            let mut command = world.command(&arguments);
            is_silent(&world.run_command(command.env_remove("PLEO_BASE_URL")).exits(2));
        }
        fs::remove_file(world.path(file)).unwrap();
    }
    let url = world.sandbox.url().replace("//", &format!("//{KEY}@"));
    is_silent(&world.run_with("PLEO_BASE_URL", &url, &["poll", "-vv"]).exits(2));
    // A key that could not even be sent.
    let broken = format!("{KEY}\nsecond line");
    is_silent(&world.run_with("PLEO_API_KEY", &broken, &["poll", "-vv"]).exits(2));
}

#[test]
#[cfg(target_os = "linux")]
fn the_credential_is_not_in_the_list_of_processes() {
    let world = world();
    world.add_mixed_job(2, 1);
    let (sender, lines) = std::sync::mpsc::channel();
    let (pid_sender, pid) = std::sync::mpsc::channel::<u32>();
    let (pid, is_moment) = (std::sync::Mutex::new(pid), nth_of("PUT", 1));
    world.sandbox.on_request(move |request| {
        if is_moment(request) {
            let pid = pid.lock().unwrap().recv().unwrap();
            sender
                .send(fs::read(format!("/proc/{pid}/cmdline")).unwrap())
                .unwrap();
        }
        Hook::Continue
    });
    let child = world.spawn(&["poll"]);
    pid_sender.send(child.id()).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let line = lines.recv().unwrap();
    assert!(contains(&line, "poll") && !contains(&line, KEY));
}

#[test]
fn a_key_file_that_others_can_read_is_warned_of() {
    let world = world()
        .without_variable("PLEO_API_KEY")
        .with_settings("[pleo]\napi_key_file = \"key\"\n");
    fs::write(world.path("key"), format!("{KEY}\n")).unwrap();
    for (mode, warns) in [(0o600, false), (0o640, true), (0o604, true)] {
        fs::set_permissions(world.path("key"), fs::Permissions::from_mode(mode)).unwrap();
        let run = world.run(&["poll"]).exits(0);
        is_silent(&run);
        assert_eq!(run.stderr.contains("chmod 600"), warns, "{mode:o}: {run}");
    }
    fs::write(world.path("key"), "").unwrap();
    is_silent(&world.run(&["poll"]).exits(2).says("must hold the secret"));
}

#[test]
fn whatever_the_umask_files_are_for_their_owner_alone() {
    let world = world();
    world.add_mixed_job(12, 1);
    fs::create_dir(world.path("state")).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "umask 000; exec \"$0\" poll"])
        .arg(world.command(&[]).get_program())
        .current_dir(world.path(""))
        .env_clear()
        .envs(world.environment())
        .env("PLEO_EXPORT_CHECKPOINT", "state/made/checkpoint.sqlite3");
    // Killed, so that SQLite's companions are still there.
    let run = {
        let process: std::sync::Arc<std::sync::OnceLock<u32>> = std::sync::Arc::default();
        let (target, is_moment) = (std::sync::Arc::clone(&process), nth_of("PUT", 2));
        world.sandbox.on_request(move |request| {
            if is_moment(request) {
                crate::support::signal("KILL", *target.wait());
                return Hook::Trouble(Trouble::ResetBeforeEffect);
            }
            Hook::Continue
        });
        let child = command.spawn().unwrap();
        process.set(child.id()).unwrap();
        child.wait_with_output().unwrap()
    };
    assert_eq!(run.status.code(), None);
    for part in ["state/made", "books"] {
        let mut paths = all_files(&world.path(part));
        paths.push(world.path(part));
        for path in paths {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
        }
    }
    assert!(
        world.path("state/made/checkpoint.sqlite3-wal").exists(),
        "the companions were looked at"
    );
}
