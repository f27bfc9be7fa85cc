//! The commands that the program tells to type do what they are meant to, pasted as they stand.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::sandbox::{Job, JobStatus, seed};
use crate::support::{Run, World};

/// Whatever is between the marks, each once.
fn commands(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = text
        .split('`')
        .filter(|part| part.starts_with("pleo-export "))
        .map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    commands.sort();
    commands.dedup();
    commands
}

/// Types it in another folder, into a shell that has nothing of ours but the program.
fn typed(world: &World, command: &str) -> Run {
    let elsewhere = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_pleo-export"));
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let mut shell = Command::new("/bin/sh");
    shell
        .args(["-c", command])
        .current_dir(elsewhere.path())
        .env_clear();
    shell.env("PATH", path).env("HOME", elsewhere.path());
    world.run_command(&mut shell)
}

/// A company whose settings are all in one file, and a job that another instance has left in progress.
fn world_of_one_file() -> (World, String, String) {
    let world = World::new().told_by_files_alone();
    fs::create_dir(world.path("it's here")).unwrap();
    fs::write(world.path("it's here/key"), world.sandbox.api_key()).unwrap();
    let settings = format!(
        "[pleo]\nbase_url = \"{}\"\ncompany_id = \"{}\"\napi_key_file = \"key\"\n[checkpoint]\npath = \"../checkpoint.sqlite3\"\n\
         [accounting.beancount]\ndirectory = \"../books\"\n",
        world.sandbox.url(),
        world.sandbox.company()
    );
    fs::write(world.path("it's here/acme.toml"), settings).unwrap();
    let job = Job::of(seed::mixed(3, 1)).status(JobStatus::InProgress);
    let job = world.sandbox.add_job(job);
    let file = world.path("it's here/acme.toml");
    let named = format!(
        "pleo-export --config '{}' ",
        file.display().to_string().replace('\'', r"'\''")
    );
    (world, job, named)
}

/// Wherever it is told, and the command helps.
#[track_caller]
fn helps(world: &World, options: [&str; 2], job: &str, named: &str) {
    let adopt = format!("{named}run-job {job} --adopt");
    for command in ["poll", "status", "check"] {
        let run = world.run(&[command, options[0], options[1]]).exits(0);
        assert_eq!(
            commands(&format!("{}{}", run.stdout, run.stderr)),
            [&*adopt],
            "{run}"
        );
    }
    for command in ["status", "check"] {
        let run = world.run(&[command, options[0], options[1], "--json"]).exits(0);
        let document = run.json().to_string().replace("\\\\", "\\");
        assert!(document.contains(&adopt), "{run}");
    }
    let run = typed(world, &adopt).exits(0);
    assert_eq!(world.sandbox.job(job).status, JobStatus::Completed, "{run}");
}

#[test]
fn they_name_the_settings_file_that_was_named() {
    let (world, job, named) = world_of_one_file();
    helps(&world, ["--config", "it's here/acme.toml"], &job, &named);
    // What a job of ours says in the table and in its head.
    world.add_job(seed::quickstart());
    world.run(&["poll", "--config", "it's here/acme.toml"]).exits(3);
    let run = world.run(&["status", "--config", "it's here/acme.toml"]).exits(0);
    for command in commands(&run.stdout) {
        assert!(command.starts_with(&named), "{command} in {run}");
        typed(&world, &command).exits(0).says("could not be downloaded");
    }
    // An error of the command line, beside the answer.
    let run = world.run(&["verify", "--config", "it's here/acme.toml", "--job", "deadbeef"]);
    let run = run.exits(2).says(&format!("`{named}status`"));
    // Told once more, it stays as it is.
    assert!(!run.stderr.contains(&format!("{named}--config")), "{run}");
}

#[test]
fn they_name_the_settings_file_of_the_company_that_they_are_for() {
    let (world, job, named) = world_of_one_file();
    helps(&world, ["--companies", "it's here"], &job, &named);
    let run = world.run(&["verify", "--companies", "it's here"]).exits(0);
    assert!(commands(&run.stdout).is_empty(), "{run}");
    fs::remove_file(world.path("it's here/key")).unwrap();
    let run = world.run(&["status", "--companies", "it's here"]).exits(0);
    assert!(run.stdout.contains("All is well"), "{run}");
}

#[test]
fn they_name_none_where_none_was_named() {
    let world = World::new();
    let run = world.run(&["status"]).exits(0).says("run `pleo-export poll`");
    assert!(!run.stdout.contains("--config"), "{run}");
}

/// A company that was never served for want of its key says so, and not that nobody polled.
#[test]
fn a_company_that_has_no_key_says_so() {
    let (world, _, _) = world_of_one_file();
    fs::remove_file(world.path("it's here/key")).unwrap();
    world.run(&["poll", "--companies", "it's here"]).exits(2);
    let run = world.run(&["status", "--companies", "it's here"]).exits(0);
    let run = run
        .says("pleo.api_key_file: cannot read")
        .says("what helps: correct the settings");
    assert!(!run.stdout.contains("`pleo-export"), "{run}");
}

#[test]
fn who_is_told_of_a_poll_is_told_the_whole_command() {
    let (world, job, named) = world_of_one_file();
    let file = world.path("it's here/acme.toml");
    let settings = fs::read_to_string(&file).unwrap();
    let notify = "[notify]\ncommand = [\"sh\", \"-c\", \"cat >> ../told\"]\n";
    fs::write(&file, format!("{settings}{notify}")).unwrap();
    world.run(&["poll", "--companies", "it's here"]).exits(0);
    let told = fs::read_to_string(world.path("told"))
        .unwrap()
        .replace("\\\\", "\\");
    assert!(
        told.contains(&format!("`{named}run-job {job} --adopt`")),
        "{told}"
    );
}
