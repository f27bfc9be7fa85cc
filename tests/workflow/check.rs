//! `check` alone finds what is wrong, and says what to do in the same line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::odd_places::{as_nobody, set_mode};
use crate::sandbox::{ChartAccount, Fault, JobStatus, Options, Trouble, seed};
use crate::support::{Run, World};

const NAMES: [&str; 14] = [
    "settings",
    "credential",
    "scopes",
    "company",
    "clock",
    "jobs",
    "accounting_system",
    "accounts",
    "taxes",
    "checkpoint",
    "books",
    "disk",
    "lock",
    "last_poll",
];

const ANOTHER_COMPANY: &str = "11111111-1111-4111-8111-111111111111";

fn example(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)).unwrap()
}

/// A company that is set up as the example says.
fn set_up(options: Options) -> World {
    World::with_options(options).with_settings(&example("pleo-export.toml"))
}

/// The line that is told about this, which begins with how it stands.
#[track_caller]
fn line(run: &Run, mark: char, name: &str) -> String {
    let begins = format!("{mark} {name} ");
    let line = run.stdout.lines().find(|line| line.starts_with(&begins));
    line.unwrap_or_else(|| panic!("no `{begins}` in {run}"))
        .to_owned()
}

/// What `--json` says: each name with its states. All names are told, in their order.
#[track_caller]
fn states(run: &Run) -> Vec<(String, String)> {
    let document = run.json();
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["exit_code"], json!(run.code.unwrap()));
    assert_eq!(document["jobs"], json!([]));
    let text = |check: &Value, key: &str| check[key].as_str().unwrap().to_owned();
    let checks = document["checks"].as_array().unwrap();
    for check in checks {
        let needs_remedy = ["failed", "warning"].contains(&check["state"].as_str().unwrap());
        assert!(check["remedy"].is_string() || !needs_remedy, "no remedy: {check}");
        assert!(!text(check, "message").is_empty());
    }
    let states: Vec<(String, String)> = checks
        .iter()
        .map(|check| (text(check, "name"), text(check, "state")))
        .collect();
    let mut names: Vec<&str> = states.iter().map(|(name, _)| name.as_str()).collect();
    names.dedup();
    assert_eq!(names, NAMES);
    states
}

fn not_ok(run: &Run) -> Vec<(String, String)> {
    let mut states = states(run);
    states.retain(|(_, state)| state != "ok");
    states.dedup();
    states
}

fn told(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, state)| ((*name).to_owned(), (*state).to_owned()))
        .collect()
}

/// Every file and folder with its time and content.
pub fn everything(folder: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        let modified = path.metadata().unwrap().modified().unwrap();
        let content = if path.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            Vec::new()
        } else {
            fs::read(&path).unwrap()
        };
        all.insert(path, (modified, content));
    }
    all
}

#[test]
fn a_plain_set_up_is_all_ticks_and_nothing_is_written_before_or_after_a_run() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(12, 1));
    for is_first in [true, false] {
        let before = everything(&world.path(""));
        let asked = world.sandbox.request_count();
        let run = world.run(&["check"]).exits(0);
        for name in NAMES {
            line(&run, '✓', name);
        }
        assert!(run.stdout.ends_with("\n14 in order\n"), "{run}");
        assert_eq!(not_ok(&world.run(&["check", "--json"]).exits(0)), []);
        assert_eq!(everything(&world.path("")), before);
        for request in world.sandbox.requests().iter().skip(asked) {
            let reads = request.method == "GET" || request.path.ends_with(":search");
            assert!(reads, "{request:?}");
        }
        if is_first {
            assert!(line(&run, '✓', "jobs").contains("waits in Pleo"), "{run}");
            world.run(&["poll"]);
            // Readers leave an empty log behind.
            world.run(&["status"]).exits(0);
        }
    }
    assert_eq!(world.sandbox.broken_rules(), [""; 0]);
}

/// What differs between two companies and machines, put out of the way.
fn settled(text: &str, folder: &str) -> Vec<String> {
    let words = |line: &str| -> String {
        let line = line.replace(folder.trim_end_matches('/'), "/srv");
        let words = line.split(' ').map(|word| {
            let bare = word.trim_matches(['`', ',', '.']);
            let is_id = bare.len() == 36 && bare.matches('-').count() == 4;
            let is_number = !bare.is_empty() && bare.chars().all(|digit| digit.is_ascii_digit());
            if is_id || is_number {
                "…".to_owned()
            } else {
                word.to_owned()
            }
        });
        words.collect::<Vec<_>>().join(" ")
    };
    text.lines().map(words).collect()
}

#[test]
fn readme_shows_what_is_told() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(12, 1));
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, shown) = readme.split_once("```text\n✓ settings").unwrap();
    let (shown, _) = shown.split_once("\n```").unwrap();
    let told = world.run(&["check"]).exits(0).stdout;
    let told = settled(&told, world.path("").to_str().unwrap());
    assert_eq!(settled(&format!("✓ settings{shown}"), "/srv"), told[..14]);
    assert_eq!(told[14..], ["", "… in order"]);
}

#[test]
fn without_settings_everything_that_would_be_opened_is_told() {
    let world = World::new();
    let run = world.run(&["check"]).exits(0);
    let found = line(&run, '!', "accounts");
    assert!(
        found.contains("account 6800 (Meals and entertainment) would be opened as Expenses:6800"),
        "{found}"
    );
    assert!(
        found.ends_with(
            "-> if another one is meant, add to the settings under [accounts.map]: \"6800\" = \"…\""
        ),
        "{found}"
    );
    let found = line(&run, '!', "taxes");
    assert!(
        found.contains("tax S25 (Moms S25) would be opened as Assets:Tax:1510"),
        "{found}"
    );
    assert!(
        found.ends_with("under [taxes.\"S25\"]: account = \"…\""),
        "{found}"
    );
    run.says("and 9 more: --json has all");
    let whole = world.run(&["check", "--json"]).exits(0);
    whole.says("account 5820 (Pleo DKK wallet) would be opened as Assets:Pleo:5820");
}

#[test]
fn a_company_that_the_credential_is_not_for_is_told_with_the_right_one() {
    let world = set_up(Options::default());
    let own = world.sandbox.company().to_owned();
    let world = world.with_variable("PLEO_COMPANY_ID", ANOTHER_COMPANY);
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "company");
    assert!(
        found.contains(&format!("the credential is for company {own}")),
        "{found}"
    );
    assert!(
        found.contains(&format!("-> set PLEO_COMPANY_ID={own}")),
        "{found}"
    );
    line(&run, '?', "jobs");
    assert_eq!(
        world.sandbox.broken_rules(),
        [""; 0],
        "nothing is asked in its name"
    );
}

#[test]
fn a_company_that_is_not_named_is_told_and_the_rest_is_looked_at_for_it() {
    let world = set_up(Options::default());
    let own = world.sandbox.company().to_owned();
    let world = world.without_variable("PLEO_COMPANY_ID");
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "company");
    assert!(
        found.contains(&format!("-> set PLEO_COMPANY_ID={own}")),
        "{found}"
    );
    assert_eq!(
        not_ok(&world.run(&["check", "--json"]).exits(2)),
        told(&[("company", "failed")])
    );
}

#[test]
fn an_organisation_s_credential_is_asked_for_the_company() {
    let subject = Some(format!("urn:pleo:organisation:{ANOTHER_COMPANY}"));
    let options = || Options {
        subject: subject.clone(),
        ..Options::default()
    };
    let world = set_up(options());
    assert_eq!(not_ok(&world.run(&["check", "--json"]).exits(0)), []);
    let world = set_up(options()).without_variable("PLEO_COMPANY_ID");
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "company");
    assert!(
        found.contains("Pleo does not say whose the credential is -> set PLEO_COMPANY_ID"),
        "{found}"
    );
}

#[test]
fn each_permission_that_is_missing_is_told_by_its_name() {
    let world = set_up(Options {
        scopes: vec!["export-jobs:read".to_owned()],
        ..Options::default()
    });
    let run = world.run(&["check"]).exits(2);
    for scope in ["export-jobs:write", "export-items:read"] {
        run.stdout
            .lines()
            .find(|line| {
                line.starts_with("✗ scopes ")
                    && line.contains(&format!("-> give the key the permission {scope}"))
            })
            .unwrap_or_else(|| panic!("{run}"));
    }
    // What only `check` asks for stops nothing.
    let found = line(&run, '?', "taxes");
    assert!(
        found.contains("-> give the key the permission tax-codes:read"),
        "{found}"
    );
    line(&run, '✓', "accounts");
    let asked = world.sandbox.requests();
    assert!(
        asked.iter().all(|request| request.status == Some(200)),
        "nothing is asked in vain"
    );
}

#[test]
fn taxes_and_accounts_without_a_counterpart_are_told_with_the_line_that_gives_them_one() {
    let chart = (0..300).map(|number| ChartAccount::cost(&format!("{}", 7000 + number), "Cost"));
    let world = World::with_options(Options {
        chart: chart.collect(),
        ..Options::default()
    });
    let world =
        world.with_settings("[bookkeeping]\nunknown_accounts = 'fail'\n[taxes.Z9]\naccount = 'Assets:Z9'\n");
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "taxes");
    assert!(
        found.contains("tax S25 (Moms S25): the books have no counterpart (1510)"),
        "{found}"
    );
    assert!(
        found.ends_with("in the settings under [taxes.\"S25\"]: account = \"…\""),
        "{found}"
    );
    let found = line(&run, '✗', "accounts");
    assert!(found.contains("[accounts"), "{found}");
    run.says("more: --json has all");
    let document = world.run(&["check", "--json"]).exits(2).json();
    let checks = document["checks"].as_array().unwrap();
    let is_of_pleo = |check: &&Value| check["message"].as_str().unwrap().starts_with("account 7");
    assert_eq!(checks.iter().filter(is_of_pleo).count(), 300);
    let outgoing = |check: &&Value| check["remedy"].to_string().contains("outgoing_account");
    assert_eq!(
        checks.iter().filter(outgoing).count(),
        1,
        "reverse charge needs both"
    );
    assert_eq!(world.sandbox.broken_rules(), [""; 0]);
    // What `check` says mends it.
    let lines = "[bookkeeping]\nunknown_accounts = 'fail'\n[taxes.S25]\naccount = 'Assets:VAT'\n";
    let world = world.with_settings(lines);
    let run = world.run(&["check"]).exits(2);
    assert!(!run.stdout.contains("tax S25"), "{run}");
}

#[test]
fn what_has_no_code_is_told_to_get_one_in_pleo() {
    let world = World::with_options(Options {
        chart: vec![ChartAccount::cost("", "Meals")],
        ..Options::default()
    });
    let nameless = Trouble::OddBytes {
        from: "\"externalId\":\"acc-\"".into(),
        to: b"\"externalId\":null".to_vec(),
    };
    let fault = Fault::new(nameless).on("POST", "/v1/chart-of-accounts:search");
    world.sandbox.fault(fault.always());
    let run = world.run(&["check"]).exits(0);
    let found = line(&run, '!', "accounts");
    assert!(
        found.contains("account without a code (Meals)") && found.ends_with("-> give it a code in Pleo"),
        "{found}"
    );
}

#[test]
fn a_rejected_key_says_where_it_was_found() {
    let world = World::new().with_variable("PLEO_API_KEY", "another");
    let found = line(&world.run(&["check"]).exits(2), '✗', "credential");
    assert!(
        found.contains("401") && found.contains("-> check the API key in PLEO_API_KEY"),
        "{found}"
    );
    let world = World::new()
        .without_variable("PLEO_API_KEY")
        .with_settings("[pleo]\napi_key_file = 'key'\n");
    fs::write(world.path("key"), "another\n").unwrap();
    let found = line(&world.run(&["check"]).exits(2), '✗', "credential");
    assert!(
        found.contains("in the file of `pleo.api_key_file`") && !found.contains("PLEO_API_KEY"),
        "{found}"
    );
    // A list with commas is one, too.
    let world = World::new();
    let commas = Trouble::OddBytes {
        from: "export-jobs:read export-jobs:write export-items:read".into(),
        to: b"export-jobs:read,export-jobs:write, export-items:read".to_vec(),
    };
    world
        .sandbox
        .fault(Fault::new(commas).on("GET", "/v1/introspect"));
    line(&world.run(&["check"]).exits(0), '✓', "scopes");
}

#[test]
fn a_system_that_a_fleet_refuses_is_told_beforehand() {
    let world = World::new().with_variable("PLEO_EXPORT_FLEET_URL", "postgresql://nobody@127.0.0.1:1/fleet");
    let run = world.run(&["check"]).exits(2);
    let found = run
        .stdout
        .lines()
        .find(|line| line.starts_with("✗ accounting_system "));
    assert!(
        found.is_some_and(|found| found.contains("-> pin the company to the host")),
        "{run}"
    );
}

#[test]
fn a_subscription_that_delivers_nothing_is_told() {
    let world = World::new();
    world.run(&["subscribe", "http://127.0.0.1:8787/hook"]).exits(0);
    line(&world.run(&["check"]).exits(0), '✓', "jobs");
    let changed = |from: &str, to: &str| {
        world.sandbox.clear_faults();
        let odd = Trouble::OddBytes {
            from: from.into(),
            to: to.as_bytes().to_vec(),
        };
        world
            .sandbox
            .fault(Fault::new(odd).on("GET", "/v1/subscriptions"));
        let run = world.run(&["check"]).exits(0);
        let found = run.stdout.lines().find(|line| line.starts_with("! jobs "));
        found.unwrap_or_else(|| panic!("{run}")).to_owned()
    };
    let found = changed("\"ACTIVE\"", "\"INACTIVE\"");
    assert!(
        found.contains("switched off subscription") && found.contains("subscribe --remove"),
        "{found}"
    );
    let found = changed("\"id\":\"", "\"id\":\"0");
    assert!(found.contains("does not know subscription"), "{found}");
}

#[test]
fn books_and_a_checkpoint_that_cannot_be_written_are_told() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(3, 1));
    world.run(&["poll"]);
    for path in everything(&world.path("")).into_keys() {
        set_mode(&path, if path.is_dir() { 0o755 } else { 0o644 });
    }
    let Some(run) = as_nobody(&world, &["check"]) else {
        return;
    };
    let run = run.exits(2);
    let found = line(&run, '✗', "books");
    assert!(
        found.contains("books") && found.contains("Let the user that runs pleo-export write there"),
        "{found}"
    );
    let found = line(&run, '✗', "checkpoint");
    assert!(
        found.contains("make it writable for the user that runs pleo-export"),
        "{found}"
    );
    line(&run, '✓', "jobs");
}

#[test]
fn books_of_another_company_and_damaged_ones_are_told() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(3, 1));
    world.run(&["poll"]);
    let company = world.sandbox.company().to_owned();
    world.books().edit("PLEO-2026-000001.beancount", |text| {
        text.replace(&company, ANOTHER_COMPANY)
    });
    let found = line(&world.run(&["check"]).exits(2), '✗', "books");
    assert!(
        found.contains(&format!("hold entries of company {ANOTHER_COMPANY}")),
        "{found}"
    );
    assert!(found.contains("Set accounting.beancount.directory"), "{found}");
    world.books().edit("PLEO-2026-000001.beancount", |text| {
        format!("{text}\n2026-01-01 * \"cut")
    });
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "books");
    assert!(
        found.contains("Repair it or take the file back from a backup"),
        "{found}"
    );
    line(&run, '?', "accounts");
    line(&run, '✓', "checkpoint");
}

#[test]
fn a_ledger_that_lacks_what_is_booked_is_told_with_the_line_that_takes_it_in() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(3, 1));
    world.run(&["poll"]);
    let main = world.path("books/main.beancount");
    fs::write(
        &main,
        "option \"title\" \"Mine\"\ninclude \"accounts.beancount\"\n",
    )
    .unwrap();
    let found = line(&world.run(&["check"]).exits(0), '!', "books");
    assert!(
        found.contains("does not include what is booked -> add the line  include \"pleo/**/*.beancount\""),
        "{found}"
    );
    let settings = example("pleo-export.toml") + "[accounting.beancount]\nledger = 'books/main.beancount'\n";
    let found = line(
        &world.with_settings(&settings).run(&["check"]).exits(2),
        '✗',
        "books",
    );
    assert!(
        found.contains("add the line  include \"pleo/**/*.beancount\""),
        "{found}"
    );
}

#[test]
fn a_job_of_another_instance_is_told_with_the_command_that_takes_it_over() {
    let world = set_up(Options::default());
    let job = world.add_job(seed::mixed(3, 1));
    world.sandbox.set_job_status(&job, JobStatus::InProgress);
    let found = line(&world.run(&["check"]).exits(0), '!', "jobs");
    assert!(
        found.contains(&format!("job {job} is in progress for another instance")),
        "{found}"
    );
    assert!(
        found.contains(&format!("run `pleo-export run-job {job} --adopt`")),
        "{found}"
    );
    // Nobody has worked on it for more than half of its life.
    world.sandbox.advance_clock(Duration::from_secs(40 * 60));
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "jobs");
    assert!(found.contains("last heard from 40 min ago"), "{found}");
    let found = line(&run, '✗', "clock");
    assert!(
        found.contains("min behind Pleo's") && found.contains("-> set it"),
        "{found}"
    );
}

#[test]
fn a_job_of_ours_that_was_interrupted_is_told() {
    let world = set_up(Options::default());
    let job = world.add_job(seed::mixed(3, 1));
    world.kill_at_update(1, crate::interrupt::Fate::TakesEffect);
    let run = world.run(&["check"]).exits(0);
    let found = line(&run, '!', "jobs");
    assert!(
        found.contains(&job) && found.contains("-> run `pleo-export resume`"),
        "{found}"
    );
    let found = line(&run, '!', "last_poll");
    assert!(found.contains("was killed"), "{found}");
    world.run(&["resume"]);
    assert_eq!(not_ok(&world.run(&["check", "--json"]).exits(0)), []);
}

/// What another one's checkpoint knows says nothing of these books.
#[test]
fn a_checkpoint_of_other_books_does_not_call_these_incomplete() {
    let world = World::new();
    let of_this_year = |number| {
        seed::Item::card_purchase(100)
            .numbered(number)
            .at(chrono::Utc::now())
            .build()
    };
    world.add_job((1..9).map(of_this_year).collect());
    world.run(&["poll"]).exits(0);
    let run = world.run_with("PLEO_EXPORT_BOOKS", "other", &["check"]).exits(2);
    assert!(line(&run, '✗', "checkpoint").contains("belongs to"), "{run}");
    assert!(!run.stdout.contains("books-are-right"), "{run}");
}

#[test]
fn what_version_0_1_left_under_the_expenses_is_told_with_the_transfer_that_mends_it() {
    let world = crate::first_version::world();
    let run = world.run(&["check"]).exits(0);
    let mut lines = run.stdout.lines();
    let found = lines.find(|line| line.starts_with("! books") && line.contains("Version 0.1"));
    let found = found.unwrap_or_else(|| panic!("{run}"));
    assert!(
        found.contains("Expenses:5820 (belongs on Assets:Pleo:5820)"),
        "{found}"
    );
    assert!(found.contains("-> Book this transfer to mend it"), "{found}");
    let (_, rest) = run.stdout.split_once(found).unwrap();
    let (transfer, _) = rest.split_once("\n✓ ").unwrap();
    world
        .books()
        .edit("main.beancount", |text| format!("{text}\n{transfer}\n"));
    let run = world.run(&["check"]).exits(0);
    assert!(!run.stdout.contains("Version 0.1"), "{run}");
    world.books().are_clean();
}

#[test]
fn a_pleo_that_is_down_hides_nothing_of_what_is_here() {
    let world = set_up(Options::default());
    let settings = format!(
        "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n{}",
        example("pleo-export.toml")
    );
    let world = world.with_settings(&settings);
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    let run = world.run(&["check"]).exits(5);
    let found = line(&run, '?', "credential");
    assert!(
        found.contains("503") && found.contains("-> run `pleo-export check` again"),
        "{found}"
    );
    for name in [
        "settings",
        "accounting_system",
        "checkpoint",
        "books",
        "disk",
        "lock",
        "last_poll",
    ] {
        line(&run, '✓', name);
    }
    states(&world.run(&["check", "--json"]).exits(5));
    // Something to correct is the stronger word.
    let world = world.with_variable("PLEO_EXPORT_BOOKS", "pleo-export.toml");
    line(&world.run(&["check"]).exits(2), '✗', "books");
}

#[test]
fn a_pleo_that_was_never_reached_is_a_matter_of_settings() {
    let settings = "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n";
    let world = World::new()
        .with_settings(settings)
        .with_variable("PLEO_BASE_URL", "http://127.0.0.1:1");
    let found = line(&world.run(&["check"]).exits(2), '✗', "credential");
    assert!(found.contains("-> check `pleo.base_url`, the proxy"), "{found}");
}

#[test]
fn a_credential_that_pleo_refuses_is_told() {
    let world = set_up(Options::default()).with_variable("PLEO_API_KEY", "revoked");
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "credential");
    assert!(
        found.contains("401") && found.contains("-> check the API key"),
        "{found}"
    );
    assert_eq!(world.sandbox.request_count(), 1, "it is not sent again");
}

#[test]
fn where_pleo_cannot_say_nothing_is_failed() {
    let world = set_up(Options::default());
    for (method, path) in [
        ("GET", "/v1/introspect"),
        ("GET", "/v1/installations/me"),
        ("POST", "/v1/chart-of-accounts:search"),
        ("POST", "/v0/tax-codes:search"),
    ] {
        world
            .sandbox
            .fault(Fault::new(Trouble::Status(403)).on(method, path).always());
    }
    let expected = told(&[
        ("credential", "unknown"),
        ("scopes", "unknown"),
        ("company", "unknown"),
        ("accounts", "unknown"),
        ("taxes", "unknown"),
    ]);
    assert_eq!(not_ok(&world.run(&["check", "--json"]).exits(0)), expected);
}

#[test]
fn an_installation_that_is_not_in_use_is_told() {
    let world = set_up(Options {
        installation_status: "INACTIVE".to_owned(),
        ..Options::default()
    });
    let found = line(&world.run(&["check"]).exits(0), '!', "credential");
    assert!(
        found.contains("INACTIVE") && found.contains("-> connect it again"),
        "{found}"
    );
}

/// Whatever comes in place of an answer, all else is told.
#[test]
fn an_odd_answer_takes_down_itself_alone() {
    let world = World::new().impatient();
    let odd_body = |text: &str| Trouble::Page(200, "application/json".to_owned(), text.to_owned());
    let odd = [
        Trouble::Status(404),
        Trouble::MissingCursor,
        odd_body("[]"),
        odd_body(r#"{"data":{"scope":7,"subjectURN":[]},"resource":{},"pagination":{"hasNextPage":false}}"#),
        odd_body(r#"{"data":[null,7,{"code":{}},{"name":"\u001b[31m"}],"pagination":{"hasNextPage":false}}"#),
    ];
    let never_read = [Trouble::HtmlPage, Trouble::TruncatedBody];
    let of_lists = [
        ("GET", "/v3/export-jobs"),
        ("POST", "/v1/chart-of-accounts:search"),
        ("POST", "/v0/tax-codes:search"),
    ];
    let of_us = [("GET", "/v1/introspect"), ("GET", "/v1/installations/me")];
    let each = of_lists
        .iter()
        .chain(&of_us)
        .flat_map(|path| odd.iter().map(move |trouble| (path, trouble)));
    let each = each.chain(never_read.iter().map(|trouble| (&of_us[0], trouble)));
    for ((method, path), trouble) in each {
        world.sandbox.clear_faults();
        world
            .sandbox
            .fault(Fault::new(trouble.clone()).on(method, path).always());
        let run = world.run(&["check", "--json"]);
        assert!(
            [0, 2, 5].contains(&run.code.unwrap()),
            "{path} {trouble:?}: {run}"
        );
        let states = states(&run);
        let is_ok = |name: &str| states.iter().any(|(told, state)| told == name && state == "ok");
        assert!(is_ok("books") && is_ok("checkpoint"), "{path} {trouble:?}: {run}");
    }
    // What was told last would steer a terminal.
    let text = world.run(&["check"]).stdout;
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[test]
fn with_wrong_settings_all_problems_are_told_nothing_is_sent_and_the_rest_is_looked_at() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(3, 1));
    world.run(&["poll"]);
    let before = world.sandbox.request_count();
    let world = world
        .with_settings("[bookkeeping]\nposting = 'finished'\n[bokkeeping]\n")
        .without_variable("PLEO_API_KEY");
    let run = world.run(&["check"]).exits(2);
    let problems = run.stdout.lines().filter(|line| line.starts_with("✗ settings "));
    assert_eq!(problems.count(), 3, "{run}");
    line(&run, '✓', "books");
    line(&run, '✓', "checkpoint");
    line(&run, '?', "credential");
    states(&world.run(&["check", "--json"]).exits(2));
    assert_eq!(world.sandbox.request_count(), before);
}

#[test]
fn an_odoo_out_of_reach_and_a_connector_that_is_not_there_are_told() {
    let odoo =
        "[accounting]\nsystem = 'odoo'\n[accounting.odoo]\nurl = 'http://127.0.0.1:1'\ndatabase = 'books'\n";
    let world = World::new()
        .with_settings(odoo)
        .with_variable("ODOO_API_KEY", "key");
    let run = world.run(&["check"]).exits(5);
    let found = line(&run, '?', "accounting_system");
    assert!(found.contains("Odoo"), "{found}");
    line(&run, '?', "taxes");
    line(&run, '✓', "credential");
    let connector = |program: &str| {
        format!("[accounting]\nsystem = 'command'\n[accounting.command]\nprogram = [{program}]\n")
    };
    let world = World::new().with_settings(&connector("'./no-such-program'"));
    let found = line(&world.run(&["check"]).exits(2), '✗', "accounting_system");
    assert!(found.contains("accounting.command.program"), "{found}");
    let silent = connector("'sleep', '60'") + "timeout_seconds = 1\n";
    line(
        &World::new().with_settings(&silent).run(&["check"]).exits(5),
        '?',
        "accounting_system",
    );
}

/// An Odoo that says no to whatever it is asked.
fn odoo_that_allows_nothing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let head =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 5";
            write!(stream, "{head}\r\n\r\nfalse").unwrap();
        }
    });
    url
}

#[test]
fn a_right_that_the_odoo_user_lacks_is_told() {
    let url = odoo_that_allows_nothing();
    let odoo =
        format!("[accounting]\nsystem = 'odoo'\n[accounting.odoo]\nurl = '{url}'\ndatabase = 'books'\n");
    let world = World::new()
        .with_settings(&odoo)
        .with_variable("ODOO_API_KEY", "key");
    let found = line(&world.run(&["check"]).exits(2), '✗', "accounting_system");
    assert!(
        found.contains("may not create journal entries: give the user the right"),
        "{found}"
    );
}

#[test]
fn a_connector_is_asked_for_all_that_expenses_will_need() {
    let world = World::new();
    let journal = world.path("journal");
    fs::create_dir(&journal).unwrap();
    fs::write(journal.join("accounts.txt"), "6800\n5820\n1510\n").unwrap();
    let world = world.with_settings(&format!(
        "[accounting]\nsystem = 'command'\n[accounting.command]\nprogram = [{:?}, 'journal']\n",
        crate::connector::connector()
    ));
    let run = world.run(&["check"]).exits(2);
    line(&run, '✓', "accounting_system");
    let found = line(&run, '!', "accounts");
    assert!(
        found.contains("role wallet has no account in the settings")
            && found.contains("under [accounts]: wallet = \"…\""),
        "{found}"
    );
    let found = line(&run, '✗', "accounts");
    assert!(
        found.contains("account 6810 (Travel and lodging)")
            && found.contains("under [accounts.map]: \"6810\" = "),
        "{found}"
    );
    assert!(!run.stdout.contains("account 6800"), "{run}");
    let found = line(&run, '✗', "taxes");
    assert!(
        found.contains("tax GB20") && found.contains("under [taxes.\"GB20\"]: account"),
        "{found}"
    );
}

#[test]
fn a_checkpoint_that_is_damaged_or_another_s_is_told() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(3, 1));
    world.run(&["poll"]);
    let other_books = world
        .run_with("PLEO_EXPORT_BOOKS", "elsewhere", &["check"])
        .exits(2);
    let found = line(&other_books, '✗', "checkpoint");
    assert!(
        found.contains("belongs to company") && found.contains("-> name another file as checkpoint.path"),
        "{found}"
    );
    let path = world.path("checkpoint.sqlite3");
    // Begun while the books could not be asked: a run takes it as its own.
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("UPDATE meta SET target = ''", []).unwrap();
    drop(connection);
    let found = line(&world.run(&["check"]).exits(0), '✓', "checkpoint");
    assert!(found.contains("whole and ours"), "{found}");
    world.run(&["poll"]).exits(0);
    let mut bytes = fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0xAA);
    fs::write(&path, bytes).unwrap();
    let run = world.run(&["check"]).exits(2);
    let found = line(&run, '✗', "checkpoint");
    assert!(
        found.contains("is damaged") && found.contains("-> restore it from a backup"),
        "{found}"
    );
    line(&run, '✓', "books");
    line(&run, '✓', "jobs");
}

#[test]
fn a_run_at_work_and_one_that_does_not_end_are_told() {
    let world = set_up(Options::default());
    let lock = world.path("checkpoint.sqlite3.lock");
    fs::write(&lock, "process 4711 since 2026-01-01T00:00:00Z\n").unwrap();
    let held = File::open(&lock).unwrap();
    held.try_lock().unwrap();
    let found = line(&world.run(&["check"]).exits(2), '✗', "lock");
    assert!(
        found.contains("process 4711 since 2026") && found.contains("-> look whether it still gets on"),
        "{found}"
    );
    fs::write(&lock, "process 4711 since 2999-01-01T00:00:00Z\n").unwrap();
    let found = line(&world.run(&["check"]).exits(0), '✓', "lock");
    assert!(found.contains("process 4711"), "{found}");
    drop(held);
    line(&world.run(&["check"]).exits(0), '✓', "lock");
}

#[test]
fn polls_that_failed_are_told() {
    let settings = "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1\n";
    let world = World::new().with_settings(settings);
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    world.run(&["poll"]).exits(5);
    world.run(&["poll"]).exits(5);
    world.sandbox.clear_faults();
    let found = line(&world.run(&["check"]).exits(0), '!', "last_poll");
    assert!(
        found.contains("2 polls in a row failed since") && found.contains("503"),
        "{found}"
    );
    world.run(&["poll"]).exits(0);
    let found = line(&world.run(&["check"]).exits(0), '✓', "last_poll");
    assert!(found.contains("ended well at 20"), "{found}");
    let world = World::new().impatient();
    let job = world.add_job(vec![seed::Item::card_purchase(-100).build()]);
    world.run(&["run-job", &job]).exits(0);
    let found = line(&world.run(&["check"]).exits(0), '✓', "last_poll");
    assert!(found.contains("no poll ended here yet"), "{found}");
}

#[test]
fn it_works_beside_a_run() {
    let world = set_up(Options::default());
    world.add_job(seed::mixed(40, 1));
    let slow = Trouble::slow(Duration::from_millis(300));
    world
        .sandbox
        .fault(Fault::new(slow).on("PUT", "/v3/export-jobs/*/items").always());
    let mut run = world.spawn(&["poll"]);
    while run.try_wait().unwrap().is_none() {
        let check = world.run(&["check"]);
        assert!([0, 5].contains(&check.code.unwrap()), "{check}");
    }
    world.run(&["check"]).exits(0);
    world.books().has_nothing_twice();
}
