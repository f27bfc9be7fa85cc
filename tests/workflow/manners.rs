//! Manners: what is said on a terminal and what in a pipe, what `-q` leaves, what those are told who mistype.

use std::process::Command;

use crate::sandbox::seed::Item;
use crate::sandbox::{Fault, Trouble, seed};
use crate::support::{Run, World};

/// The program on a terminal of so many columns, whose stdout and stderr are then one; `None`, with a note, without `script`.
pub fn on_a_terminal(
    world: &World,
    columns: u32,
    arguments: &str,
    variables: &[(&str, &str)],
) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_pleo-export");
    let mut command = Command::new("script");
    command
        .args([
            "-qec",
            &format!("stty cols {columns} rows 50; exec {program} {arguments}"),
            "/dev/null",
        ])
        .current_dir(world.path(""))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TERM", "xterm")
        .envs(world.environment())
        .envs(variables.iter().copied());
    match command.output() {
        Ok(output) if output.stderr.starts_with(b"script: ") => {
            let error = String::from_utf8_lossy(&output.stderr);
            println!("note: there is no terminal to be had here ({error}), so nothing was looked at on one");
            None
        }
        Ok(output) => Some(String::from_utf8(output.stdout).unwrap()),
        Err(error) => {
            println!("note: there is no `script` here ({error}), so nothing was looked at on a terminal");
            None
        }
    }
}

/// What stays on the screen of what was written to it: the terminal's own words taken out, lines that were drawn over gone.
fn screen(written: &str) -> String {
    let mut text = String::new();
    let mut characters = written.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // `ESC [ … letter`; clearing a line ends with K, and what was on it is gone.
            let sequence: String = characters
                .by_ref()
                .take_while(|c| !c.is_ascii_alphabetic())
                .collect();
            let _ = sequence;
            continue;
        }
        text.push(character);
    }
    let lines = text.split('\n').map(|line| {
        line.trim_end_matches('\r')
            .rsplit('\r')
            .next()
            .unwrap_or_default()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn tables_fit_the_terminal() {
    let world = World::new();
    let mut items = seed::quickstart();
    items.push(
        Item::card_purchase(100)
            .supplier("東京電力ホールディングス株式会社の支店")
            .build(),
    );
    let job = world.add_job(items);
    world.run(&["poll"]).exits(3);
    for columns in [80, 200] {
        for arguments in [
            "status".to_owned(),
            format!("status --job {job}"),
            format!("status --job {} --audit", &job[..8]),
        ] {
            let Some(written) = on_a_terminal(&world, columns, &arguments, &[]) else {
                return;
            };
            let shown = screen(&written);
            assert!(shown.contains(&job[..8]), "{shown}");
            // The lines before the tables are prose, which a terminal breaks by itself.
            for line in shown.lines().skip_while(|line| !line.is_empty()) {
                // A wide character counts twice.
                let wide = line.chars().filter(|c| *c >= '\u{1100}' && *c != '…').count();
                assert!(
                    line.chars().count() + wide <= columns as usize || line.contains("://"),
                    "{columns} columns: {line}\n{shown}"
                );
            }
        }
    }
}

#[test]
fn a_person_at_a_terminal_is_told_that_there_is_nothing_to_do() {
    let world = World::new();
    let Some(written) = on_a_terminal(&world, 80, "poll", &[]) else {
        return;
    };
    assert_eq!(written.trim(), "Nothing to do.");
    assert_eq!(on_a_terminal(&world, 80, "poll -q", &[]).unwrap().trim(), "");
    let run = world.run(&["poll"]).exits(0);
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("", ""),
        "in a pipe nothing"
    );
}

#[test]
fn what_failed_is_red_unless_colours_are_not_wanted() {
    let world = World::new();
    world.add_job(seed::quickstart());
    let Some(written) = on_a_terminal(&world, 120, "poll", &[]) else {
        return;
    };
    assert!(written.contains("\u{1b}[31m2 failed\u{1b}[0m"), "{written}");
    let written = on_a_terminal(&world, 120, "run-job 7", &[]).unwrap();
    assert!(written.contains("\u{1b}[31merror:\u{1b}[0m"), "{written}");
    let written = on_a_terminal(&world, 120, "run-job 7", &[("NO_COLOR", "1")]).unwrap();
    assert!(
        written.contains("error:") && !written.contains("\u{1b}[3"),
        "{written}"
    );
    assert!(
        !world.run(&["run-job", "7"]).stderr.contains('\u{1b}'),
        "a pipe has no colours"
    );
}

#[test]
fn the_bar_moves_while_something_is_slow_and_leaves_no_dead_copy() {
    let world = World::new();
    world.add_mixed_job(4, 1);
    // The verdicts are taken six seconds late, while nothing else happens.
    world.sandbox.fault(Fault {
        path: Some("/v3/**".to_owned()),
        method: Some("PUT".to_owned()),
        ..Fault::new(Trouble::SlowMilliseconds(6_000))
    });
    let Some(written) = on_a_terminal(&world, 100, "poll -v", &[]) else {
        return;
    };
    for moment in ["items, 1s", "items, 3s", "items, 5s"] {
        assert!(written.contains(moment), "no clock at {moment}: {written}");
    }
    assert!(
        written.contains("still waiting for Pleo to answer `PUT "),
        "{written}"
    );
    let shown = screen(&written);
    assert!(shown.contains("closed job "), "{shown}");
    let dead = shown.lines().filter(|line| line.contains("/4 items, ")).count();
    assert_eq!(dead, 0, "{shown}");
}

#[test]
fn quiet_says_nothing_but_what_failed() {
    let world = World::new();
    world.add_mixed_job(3, 1);
    let run = world.run(&["poll", "-q"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let run = world.run(&["status", "-q"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let told = |arguments: &[&str]| world.run(arguments).stdout;
    assert!(told(&["check"]).contains('✓'));
    assert!(told(&["check"]).contains('!'));
    assert_eq!(told(&["check", "-q"]), "");
    assert_eq!(told(&["preview", "-q"]), "");
    world.add_job(seed::quickstart());
    for command in [
        ["verify", "-q"].as_slice(),
        &["subscribe", "--list", "-q"],
        &["prune-evidence", "--before", "2020", "-q"],
    ] {
        let run = world.run(command).exits(0);
        assert_eq!((&*run.stdout, &*run.stderr), ("", ""), "{run}");
    }
    let run = world.run(&["poll", "-q"]).exits(3).says("2 failed");
    assert!(!run.stdout.contains("wallet"), "{run}");
    let number = world.books().numbers().remove(0);
    let run = world.run(&["reverse", &number, "-q"]).exits(0);
    assert_eq!((&*run.stdout, &*run.stderr), ("", ""), "{run}");
    let wrong = world.run_with("PLEO_API_KEY", "wrong", &["check", "-q"]).exits(2);
    assert!(
        wrong.stdout.lines().all(|line| line.starts_with('✗')) && wrong.stdout.contains("credential"),
        "{wrong}"
    );
    // What fails is said, also where the command itself does not.
    world.run_with("PLEO_API_KEY", "wrong", &["poll", "-q"]).exits(2);
    let run = world
        .run(&["status", "-q"])
        .exits(0)
        .says("rejects the credential");
    assert!(
        run.stdout.starts_with("Failing since 20") && !run.stdout.contains("JOB"),
        "{run}"
    );
}

#[test]
fn a_log_line_names_its_job_once() {
    let world = World::new();
    let job = world.add_job(seed::quickstart());
    let run = world.run(&["poll", "-v"]).exits(3);
    let lines: Vec<_> = run.stderr.lines().collect();
    assert!(lines.len() > 5, "{run}");
    for line in lines {
        assert_eq!(line.matches(&job).count(), 1, "{line}");
    }
    assert!(!run.stderr.contains("items=1"), "{run}");
}

#[test]
fn who_mistypes_a_setting_is_told_what_was_meant() {
    let refused = |toml: &str| World::new().with_settings(toml).run(&["poll"]).exits(2);
    refused("[pleo]\nbatchsize = 5\n").says("pleo.batchsize is not a setting: did you mean `batch_size`?");
    refused("[bookkeping]\nposting = 'draft'\n").says("did you mean `bookkeeping`?");
    refused("[pleo]\nentirely_else = 5\n").says("here only company_id");
    for (toml, way) in [
        ("[pleo]\napi_key = 'live-key'\n", "pleo.api_key_file"),
        ("[pleo]\naccess_token = 'live-key'\n", "PLEO_ACCESS_TOKEN"),
        (
            "[accounting]\nsystem = 'odoo'\n[accounting.odoo]\napi_key = 'live-key'\n",
            "accounting.odoo.api_key_file",
        ),
        // Also where it would not be used.
        (
            "[accounting.odoo]\napi_key = 'live-key'\n",
            "accounting.odoo.api_key_file",
        ),
        (
            "[pleo.oauth]\nclient_secret = 'live-key'\n",
            "pleo.oauth.client_secret_file",
        ),
    ] {
        let run = refused(toml).says("may not stand in the settings file").says(way);
        assert!(!run.stderr.contains("live-key"), "{run}");
    }
    // The sections of systems that are not chosen need not be whole, and their keys are known.
    for (toml, meant) in [
        ("[accounting.odoo]\ndatabse = 'x'\n", "database"),
        ("[accounting.odoo.journals]\npurchas = 'x'\n", "purchase"),
        ("[accounting.command]\nprogramm = ['x']\n", "program"),
    ] {
        refused(toml).says(&format!("did you mean `{meant}`?"));
    }
    World::new()
        .with_settings(
            "[accounting.odoo]\napi_key_file = 'nowhere'\n[accounting.command]\ntimeout_seconds = 5\n",
        )
        .run(&["poll"])
        .exits(0);
}

#[test]
fn a_day_may_be_a_text_or_a_date() {
    for written in ["\"2026-03-31\"", "2026-03-31"] {
        let world = World::new().with_settings(&format!("[bookkeeping]\nclosed_until = {written}\n"));
        world.run(&["poll"]).exits(0);
    }
    for written in ["2026-03-31T12:00:00Z", "12:00:00", "\"31.03.2026\"", "20260331"] {
        let world = World::new().with_settings(&format!("[bookkeeping]\nclosed_until = {written}\n"));
        world.run(&["poll"]).exits(2).says("bookkeeping.closed_until");
    }
}

#[test]
fn a_job_is_known_by_the_head_of_its_id() {
    let world = World::new();
    let job = world.add_mixed_job(2, 1);
    world.run(&["run-job", &job[..7]]).exits(2).says("8 characters");
    world
        .run(&["run-job", "00000000"])
        .exits(2)
        .says("no job that is known here");
    world.run(&["run-job", &job[..8]]).exits(0).says(&job);
    world.run(&["status", "--job", &job[..13]]).exits(0).says(&job);
    world
        .run(&["status", "--job", "00000000"])
        .exits(2)
        .says("00000000");
}

#[test]
fn who_decided_what_when_and_why() {
    let world = World::new();
    let job = world.add_job(seed::quickstart());
    world.run(&["poll"]).exits(3);
    let table = world.run(&["status", "--job", &job, "--audit"]).exits(0);
    let table = table
        .says("WHEN")
        .says("pleo-export")
        .says("Pleo")
        .says("claim")
        .says("decide");
    assert!(table.stdout.contains("accept"), "{table}");
    let document = world
        .run(&["status", "--job", &job, "--audit", "--json"])
        .exits(0)
        .json();
    let trail = document["audit"].as_array().unwrap();
    let decided: usize = trail
        .iter()
        .filter(|line| line["event"] == "decide")
        .map(|line| line["entries"].as_array().unwrap().len())
        .sum();
    assert_eq!(decided, 25, "every item was decided");
    assert!(
        trail
            .iter()
            .all(|line| line["at"].is_string() && line["who"].is_string())
    );
    let csv = world
        .run(&["status", "--job", &job, "--audit", "--csv"])
        .exits(0)
        .stdout;
    assert!(csv.starts_with("when,who,what,items,why\r\n"), "{csv}");
    assert_eq!(csv.lines().count(), trail.len() + 1);
    world.run(&["status", "--audit"]).exits(2);
}

#[test]
fn the_items_of_a_job_with_supplier_day_amount_number_link_and_text() {
    let world = World::new();
    let job = world.add_job(seed::quickstart());
    world.run(&["poll"]).exits(3);
    let document = world.run(&["status", "--job", &job, "--json"]).exits(0).json();
    let items = document["items"].as_array().unwrap();
    assert_eq!(items.len(), 25);
    let has = |key: &str| items.iter().filter(|item| item[key].is_string()).count();
    assert_eq!(
        (has("date"), has("amount"), has("currency"), has("link")),
        (25, 25, 25, 25)
    );
    assert_eq!((has("number"), has("text")), (23, 2));
    assert!(has("supplier") > 10);
    let run = world.run(&["status", "--job", &job]).exits(0);
    run.says("PLEO-2026-000001").says("https://").says("Nørrebro");
}

#[test]
fn failures_are_told_by_cause_and_the_last_twenty_jobs() {
    let world = World::new().with_settings("[bookkeeping]\nunknown_accounts = 'fail'\n");
    let mut items: Vec<_> = (0..40)
        .map(|_| Item::card_purchase(500).account("6800").build())
        .collect();
    items.extend((0..30).map(|_| Item::card_purchase(900).without_account().build()));
    let job = world.add_job(items);
    let run = world.run(&["poll", "-q"]).exits(3).says("30 items");
    assert!(run.stdout.lines().count() < 20, "{run}");
    let run = world.run(&["status", "--job", &job]).exits(0).says("30 items");
    assert!(run.stdout.lines().count() < 100 + 80, "{run}");
    for _ in 0..21 {
        world.add_mixed_job(1, 1);
    }
    world.run(&["poll"]);
    let shown = |arguments: &[&str]| {
        world.run(arguments).exits(0).json()["jobs"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(shown(&["status", "--json"]), 20);
    assert_eq!(shown(&["status", "--json", "--all"]), 22);
    world
        .run(&["status"])
        .exits(0)
        .says("and 2 older jobs: `pleo-export status --all`");
}

#[test]
fn bash_completes_what_stands_behind_a_command() {
    let Ok(version) = Command::new("bash").arg("--version").output() else {
        return;
    };
    assert!(version.status.success());
    let world = World::new();
    let script = world.run(&["completions", "bash"]).exits(0).stdout;
    for (words, wanted) in [
        (&["sta"][..], "status"),
        (&["status", "--m"], "--max-age"),
        (&["run-job", "--ad"], "--adopt"),
        (&["prune-evidence", "--be"], "--before"),
        (&["fleet", "status", "--max"], "--max-age"),
        (&["completions", "fi"], "fish"),
    ] {
        let asked = format!(
            "{script}\nCOMP_WORDS=(pleo-export {}); COMP_CWORD={}; _pleo__export pleo-export {} ''; echo \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len(),
            words.last().unwrap(),
        );
        let said = Command::new("bash").args(["-c", &asked]).output().unwrap();
        assert_eq!(
            String::from_utf8(said.stdout).unwrap().trim(),
            wanted,
            "{words:?}"
        );
    }
}

#[test]
fn a_credential_that_is_refused_is_named() {
    let world = World::new();
    let run = world.run_with("PLEO_API_KEY", "wrong", &["poll"]).exits(2);
    let run = run.says("PLEO_API_KEY");
    assert!(!run.stderr.contains("PLEO_ACCESS_TOKEN"), "{run}");
    let world = world.without_variable("PLEO_API_KEY");
    let run = world.run_with("PLEO_ACCESS_TOKEN", "wrong", &["poll"]).exits(2);
    let run = run.says("set PLEO_ACCESS_TOKEN");
    assert!(!run.stderr.contains("PLEO_API_KEY"), "{run}");
}

#[test]
fn the_program_tells_of_itself() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        world.run(&["completions", shell]).exits(0).says("run-job");
    }
    let man: Run = world
        .run(&["man"])
        .exits(0)
        .says(".TH")
        .says("PLEO_API_KEY")
        .says("run\\-job")
        .says("[\\-\\-config FILE]");
    assert!(man.stderr.is_empty(), "{man}");
    // The columns of tables and examples stay.
    let page = &man.stdout;
    assert_eq!(
        page.matches(".SH EXTRA\n.nf\n").count(),
        page.matches(".SH EXTRA").count()
    );
    for command in [
        "poll",
        "check",
        "preview",
        "verify",
        "login",
        "subscribe",
        "completions",
    ] {
        let help = world
            .run(&[command, "--help"])
            .exits(0)
            .says("PLEO_EXPORT_CONFIG");
        help.says(&format!("  pleo-export {command}"));
    }
    world
        .run(&["--help"])
        .exits(0)
        .says("PLEO_EXPORT_CHECKPOINT")
        .says("PLEO_CLIENT_SECRET");
    world
        .run(&["verify", "--since", "tomorrow"])
        .exits(2)
        .says("such as 2026-03-31");
    #[cfg(feature = "listen")]
    world
        .run(&["listen", "--bind", "foo"])
        .exits(2)
        .says("such as 127.0.0.1:8787");
    world.run(&["status", "--help"]).exits(0).says("--max-age 30m");
    world.run(&["--version"]).exits(0).says(env!("CARGO_PKG_VERSION"));
}
