use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::attack::{STRANGER, is_debug, is_root, one_item};
use crate::interrupt::nth_of;
use crate::sandbox::{Hook, ItemStatus};
use crate::support::{Run, World};

/// A connector of the shell that answers as told, and writes what it sees of the environment.
fn with_connector(external_id: &str) -> World {
    let world = World::new();
    let script = format!(
        r#"env > environment.txt
while read -r line; do
    id=$(printf '%s' "$line" | sed 's/^{{"id":\([0-9]*\).*/\1/')
    booked='{{"external_id":"{external_id}","posting_date":"2026-10-09","revision":1,"parts":["main"]}}'
    case "$line" in
        *'"verb":"hello"'*) printf '%s\n' '{{"id":'$id',"ok":{{"protocol":1,"name":"n","target":"t","create":"unique","payables":false,"computes_tax":false}}}}' ;;
        *'"verb":"resolve"'*) printf '%s\n' '{{"id":'$id',"ok":{{"accounts":[{{"reference":"a","name":"a"}},{{"reference":"a","name":"a"}}]}}}}' ;;
        *'"verb":"find"'*) printf '%s\n' '{{"id":'$id',"ok":{{"entries":[{{"entry_id":"7e57c0de-0000-4000-8000-0000000000e1","state":"absent","next_revision":1}}]}}}}' ;;
        *'"verb":"book"'*) printf '%s\n' '{{"id":'$id',"ok":'$booked'}}' ;;
        *) printf '%s\n' '{{"id":'$id',"ok":{{}}}}' ;;
    esac
done
"#
    );
    fs::write(world.path("connector.sh"), script).unwrap();
    let world = world.with_settings(
        "[bookkeeping]\nattachments = \"none\"\n[accounts]\nwallet = \"w\"\n[accounting]\ngive_up_after_seconds = 1\nsystem = \"command\"\n\
         [accounting.command]\nprogram = [\"sh\", \"connector.sh\"]\n",
    );
    crate::attack::add_item(&world);
    world
}

#[test]
fn a_number_that_cannot_be_shown_is_not_told_and_the_entry_is_successful() {
    let long = "x".repeat(5_000);
    for (external_id, is_told) in [
        ("A-1", true),
        (long.as_str(), false),
        (r"A\u0007\u202e1", false),
        (r"A\n1", false),
    ] {
        let world = with_connector(external_id);
        let run = world.run(&["poll"]).exits(0);
        let job = world.sandbox.jobs().remove(0);
        assert_eq!(job.count(ItemStatus::Successful), 1, "{run}");
        assert_eq!(
            job.items[0].external_id.as_deref(),
            is_told.then_some("A-1"),
            "{run}"
        );
        assert_eq!(
            run.stderr.contains("Pleo is not told the number"),
            !is_told,
            "{run}"
        );
    }
}

#[test]
fn a_connector_sees_of_the_environment_what_it_needs() {
    let world = with_connector("A-1")
        .with_variable("AWS_SECRET_ACCESS_KEY", "secret")
        .with_variable("ODOO_API_KEY", "secret")
        .with_variable("CREDENTIALS_DIRECTORY", "/run/secret")
        .with_variable("LD_PRELOAD_OF_OTHERS", "secret")
        .with_variable("CONNECTOR_URL", "meant for it")
        .with_variable("PATH", std::env::var("PATH").unwrap())
        .with_variable("LC_ALL", "C");
    world.run(&["poll"]).exits(0);
    let seen = fs::read_to_string(world.path("environment.txt")).unwrap();
    for name in ["CONNECTOR_URL=", "PATH=", "LC_ALL="] {
        assert!(seen.contains(name), "{seen}");
    }
    assert!(!seen.contains("secret") && !seen.contains("PLEO_"), "{seen}");
}

/// The program as another user, in a world that is theirs.
fn as_stranger(world: &World, arguments: &[&str]) -> Command {
    let program = world.path("pleo-export");
    fs::copy(env!("CARGO_BIN_EXE_pleo-export"), &program).unwrap();
    let status = Command::new("chown")
        .args(["-R", "65534:65534"])
        .arg(world.path(""))
        .status();
    assert!(status.unwrap().success());
    fs::set_permissions(world.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(program)
        .args(arguments)
        .current_dir(world.path(""))
        .env_clear()
        .envs(world.environment())
        .env("PATH", std::env::var("PATH").unwrap())
        .stdin(Stdio::null());
    command
}

#[test]
#[cfg(target_os = "linux")]
fn nobody_reads_the_memory_in_which_the_credential_is() {
    if !is_root("nobody_reads_the_memory_in_which_the_credential_is") {
        return;
    }
    assert_eq!(STRANGER, 65534);
    // Only debug builds may be traced.
    for (may_be_traced, is_read) in [("0", false), ("1", cfg!(debug_assertions))] {
        let world = one_item();
        let (sender, answers) = std::sync::mpsc::channel();
        let (pid_sender, pid) = std::sync::mpsc::channel::<u32>();
        let (pid, is_moment) = (std::sync::Mutex::new(pid), nth_of("GET", 1));
        world.sandbox.on_request(move |request| {
            if is_moment(request) {
                let pid = pid.lock().unwrap().recv().unwrap();
                // The same user looks.
                let looked = Command::new("setpriv")
                    .args(["--reuid=65534", "--regid=65534", "--clear-groups", "cat"])
                    .arg(format!("/proc/{pid}/environ"))
                    .output()
                    .unwrap();
                sender
                    .send(String::from_utf8_lossy(&looked.stdout).contains("PLEO_API_KEY="))
                    .unwrap();
            }
            Hook::Continue
        });
        let child = as_stranger(&world, &["poll"])
            .env("PLEO_EXPORT_MAY_BE_TRACED", may_be_traced)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        pid_sender.send(child.id()).unwrap();
        Run::of("poll as another user", child.wait_with_output().unwrap()).exits(0);
        assert_eq!(answers.recv().unwrap(), is_read, "may be traced: {may_be_traced}");
    }
}

#[test]
fn a_user_who_is_not_root_is_served_like_root() {
    if !is_root("a_user_who_is_not_root_is_served_like_root") {
        return;
    }
    let world = one_item();
    Run::of(
        "poll as another user",
        as_stranger(&world, &["poll"]).output().unwrap(),
    )
    .exits(0);
    // What root leaves is trusted, what a third user leaves is not.
    std::os::unix::fs::chown(world.path("pleo-export.toml"), Some(0), Some(0)).unwrap();
    Run::of("settings of root", as_stranger_again(&world).output().unwrap()).exits(0);
    std::os::unix::fs::chown(world.path("pleo-export.toml"), Some(1), Some(1)).unwrap();
    Run::of("settings of a third", as_stranger_again(&world).output().unwrap())
        .exits(2)
        .says("chown 65534");
}

fn as_stranger_again(world: &World) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(world.path("pleo-export"))
        .arg("poll")
        .current_dir(world.path(""))
        .env_clear()
        .envs(world.environment())
        .env("PATH", std::env::var("PATH").unwrap())
        .stdin(Stdio::null());
    command
}

#[test]
fn a_checkpoint_that_another_user_may_not_read_is_there_all_the_same() {
    if !is_root("a_checkpoint_that_another_user_may_not_read_is_there_all_the_same") {
        return;
    }
    let world = one_item();
    world.run(&["poll"]).exits(0);
    fs::copy(world.path("checkpoint.sqlite3"), world.path("own")).unwrap();
    let mut looking = as_stranger(&world, &["status"]);
    std::os::unix::fs::chown(world.path("checkpoint.sqlite3"), Some(0), Some(0)).unwrap();
    for name in ["PLEO_EXPORT_CHECKPOINT", "PLEO_COMPANY_ID"] {
        looking.env_remove(name);
    }
    let run = Run::of("status as another user", looking.output().unwrap())
        .exits(1)
        .says("look as the user that runs pleo-export");
    assert!(!run.stderr.contains("immutable"), "{run}");
    // What may be read beside it is the only one that there is to see.
    fs::rename(world.path("own"), world.path("own.sqlite3")).unwrap();
    Run::of("status of the other", looking.output().unwrap())
        .exits(0)
        .says("own.sqlite3");
}

/// Sends SIGTERM, and answers how long the program took to end.
fn terminate(mut child: Child) -> Duration {
    crate::support::signal("TERM", child.id());
    let asked = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(asked.elapsed() < Duration::from_secs(30), "it does not end");
        std::thread::yield_now();
    }
    asked.elapsed()
}

#[test]
fn a_checkpoint_with_an_endless_view_is_refused_at_once() {
    for (table, columns) in [("job", "id"), ("item", "entry_id"), ("meta", "company_id")] {
        let world = one_item();
        world.run(&["poll"]).exits(0);
        let connection = rusqlite::Connection::open(world.path("checkpoint.sqlite3")).unwrap();
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys = OFF; DROP TABLE {table}; CREATE VIEW {table} AS WITH RECURSIVE r(n) AS \
                 (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n AS {columns} FROM r;"
            ))
            .unwrap();
        drop(connection);
        let began = Instant::now();
        for arguments in [&["poll"][..], &["status"], &["resume"]] {
            world.run(arguments).exits(1).says("damaged");
        }
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_trigger_in_the_checkpoint_is_refused() {
    let world = one_item();
    world.run(&["poll"]).exits(0);
    rusqlite::Connection::open(world.path("checkpoint.sqlite3"))
        .unwrap()
        .execute_batch("CREATE TRIGGER t BEFORE UPDATE ON job BEGIN SELECT RAISE(ABORT, 'no'); END;")
        .unwrap();
    world.run(&["poll"]).exits(1).says("the trigger `t`");
}

#[test]
fn a_stop_always_ends_a_run() {
    if !is_debug("a_stop_always_ends_a_run") {
        return;
    }
    // A pipe in the place of the ledger: reading it never ends, and no wish to stop reaches that.
    let world = one_item();
    fs::create_dir_all(world.path("books")).unwrap();
    let made = Command::new("mkfifo")
        .arg(world.path("books/main.beancount"))
        .status();
    assert!(made.unwrap().success());
    let mut child = world
        .command(&["poll"])
        .env("PLEO_EXPORT_STOP_PATIENCE", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while world.sandbox.request_count() < 2 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before");
        std::thread::yield_now();
    }
    let took = terminate(child);
    assert!(took < Duration::from_secs(20), "{took:?}");
    fs::remove_file(world.path("books/main.beancount")).unwrap();
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise_and_all_rules();
}
