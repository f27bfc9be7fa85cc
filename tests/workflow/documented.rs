//! What the docs show can be typed as it stands there: every command of README, `docs/`, the examples and the help.
//!
//! Not run: `listen`, which does not end (`listen.rs` runs it), what is a fleet's, `cargo install`, and what is no command of this
//! program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::World;

/// What stands in the docs for a thing of the reader's own.
const JOB: &str = "2b1f7c1e";

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The code in a text of Markdown: lines in fences, and what stands between backticks.
fn code(markdown: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, part) in markdown.split("```").enumerate() {
        if number % 2 == 1 {
            found.extend(
                part.strip_prefix("sh\n")
                    .into_iter()
                    .flat_map(str::lines)
                    .map(str::to_owned),
            );
        } else {
            let spans = part.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| span.replace('\n', " ")));
        }
    }
    found
}

/// The commands of this program that the docs show, without those that are only named (`poll` for `pleo-export poll`).
fn shown(world: &World) -> BTreeSet<String> {
    let mut lines: Vec<String> = [
        "README.md",
        "docs/operations.md",
        "docs/connector-protocol.md",
        "SECURITY.md",
    ]
    .iter()
    .flat_map(|name| code(&file(name)))
    .collect();
    for name in [
        "cron",
        "systemd/pleo-export.service",
        "systemd/pleo-export@.service",
    ] {
        let text = file(&format!("examples/{name}"));
        lines.extend(
            text.lines()
                .filter_map(|line| Some(line.split_once("Is all well: ")?.1.to_owned())),
        );
    }
    for command in [
        "poll",
        "run-job",
        "status",
        "reverse",
        "check",
        "preview",
        "verify",
        "prune-evidence",
        "login",
        "subscribe",
    ] {
        let help = world.run(&[command, "--help"]).exits(0).stdout;
        let examples = help.lines().filter(|line| line.starts_with("  "));
        lines.extend(examples.map(|line| line.trim().split("  ").next().unwrap().to_owned()));
    }
    let is_ours = |line: &String| line.starts_with("pleo-export ") || line.contains(" pleo-export ");
    let lines = lines.into_iter().filter(is_ours);
    // Those of a fleet need its database; `tests/fleet` has it.
    let lines = lines.filter(|line| !line.contains(" fleet"));
    // A message that the docs quote.
    lines.filter(|line| !line.starts_with("run ")).collect()
}

/// The words of a command, with what stands between single quotes as one.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in command.split('\'').enumerate() {
        if number % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn every_command_that_the_docs_show_can_be_typed_as_it_stands() {
    let shown = shown(&World::new());
    assert!(shown.len() > 25, "{shown:#?}");
    for command in shown {
        let world = World::new()
            .without_variable("PLEO_EXPORT_CHECKPOINT")
            .with_variable("STATE_DIRECTORY", "state");
        fs::create_dir(world.path("examples")).unwrap();
        fs::write(
            world.path("examples/pleo-export.toml"),
            file("examples/pleo-export.toml"),
        )
        .unwrap();
        let job = world.add_mixed_job(3, 1);
        world.run(&["poll"]).exits(0);
        let checkpoint = format!("state/pleo-export-{}.sqlite3", world.sandbox.company());
        let number = world.books().numbers()[0].clone();
        let own = |word: &str| {
            word.replace(JOB, &job[..8])
                .replace("PLEO-2026-000123", &number)
                .replace("NUMBER", &number)
                .replace("FILE", &checkpoint)
                .replace("/var/lib/pleo-export/acme", "state")
        };
        // `sudo -u pleo-export` and `env` in front are the machine's.
        let (before, arguments) = command.rsplit_once("pleo-export ").unwrap();
        let arguments = arguments.split(['|', '\\']).next().unwrap();
        let arguments: Vec<String> = words(arguments).iter().map(|word| own(word)).collect();
        let mut program = world.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        for (name, value) in before.split_whitespace().filter_map(|word| word.split_once('=')) {
            program.env(name, own(value));
        }
        let code = match arguments[0].as_str() {
            "listen" => continue,
            // The world connects by a key.
            "login" | "logout" => 2,
            _ => 0,
        };
        let run = world.run_command(&mut program).exits(code);
        assert!(!run.stderr.contains("Usage:"), "`{command}`: {run}");
    }
}

/// A table of the settings that is shown by itself has no key that is not one.
#[test]
fn every_setting_that_the_docs_show_is_one() {
    for name in ["README.md", "docs/operations.md", "docs/connector-protocol.md"] {
        let text = file(name);
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let world = World::new()
                .with_settings(block)
                .with_variable("ODOO_API_KEY", "key");
            let run = world.run(&["check"]);
            for complaint in ["is not a setting", "must be", "is not TOML", "may not stand"] {
                let mut settings = run.stdout.lines().filter(|line| line.starts_with("✗ settings"));
                assert!(!settings.any(|line| line.contains(complaint)), "{block}\n{run}");
            }
        }
    }
}
