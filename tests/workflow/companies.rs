//! Several companies on one machine: each is served by settings of its own, and none by those of another.

use std::fs;
#[cfg(feature = "listen")]
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
#[cfg(feature = "listen")]
use std::net::TcpStream;
#[cfg(feature = "listen")]
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

#[cfg(feature = "listen")]
use crate::listen::listener::{eventually, follow};
use crate::sandbox::{Fault, Job, JobStatus, Options, Sandbox, Trouble, seed};
use crate::support::{IMPATIENT, World};

const CANNOT_READ: &str = "cannot read the settings file";

const OTHER: &str = "7e57c0de-0000-4000-8000-0000000000b2";

const THIRD: &str = "7e57c0de-0000-4000-8000-0000000000c3";

/// A job with the expenses of this company.
fn job(company: &str, items: usize, seed: u64) -> Job {
    let items = Value::from(seed::mixed(items, seed)).to_string();
    let items: Value = serde_json::from_str(&items.replace(&Options::default().company, company)).unwrap();
    Job::of(items.as_array().unwrap().clone())
}

/// A machine with the companies `acme` and `beta`, each of a Pleo of its own.
struct Machine {
    world: World,
    other: Sandbox,
}

impl Machine {
    fn new() -> Self {
        let world = World::new().told_by_files_alone();
        let mut other = Sandbox::start(Options::default());
        other.serve_company(OTHER);
        fs::create_dir(world.path("companies")).unwrap();
        let machine = Self { world, other };
        machine.add("acme", &machine.world.sandbox, machine.world.sandbox.company());
        machine.add("beta", &machine.other, OTHER);
        machine
    }

    /// A settings file with what must be a company's own.
    fn add(&self, name: &str, pleo: &Sandbox, company: &str) {
        fs::write(self.world.path(&format!("companies/{name}.key")), pleo.api_key()).unwrap();
        self.write(
            name,
            &format!(
                "{IMPATIENT}base_url = \"{}\"\ncompany_id = \"{company}\"\napi_key_file = \"{name}.key\"\n\
                 [checkpoint]\npath = \"../{name}.sqlite3\"\n[accounting.beancount]\ndirectory = \"../{name}-books\"\n",
                pleo.url()
            ),
        );
    }

    fn write(&self, name: &str, settings: &str) {
        fs::write(self.world.path(&format!("companies/{name}.toml")), settings).unwrap();
    }

    fn settings(&self, name: &str) -> String {
        fs::read_to_string(self.world.path(&format!("companies/{name}.toml"))).unwrap()
    }

    /// Runs the command for all, and answers each company's exit code and part.
    #[track_caller]
    fn run(&self, command: &str, code: i32) -> (Vec<u64>, Value) {
        let run = self
            .world
            .run(&[command, "--companies", "companies", "--json"])
            .exits(code);
        let answer = run.json();
        assert_eq!(answer["exit_code"], code);
        let companies = answer["companies"].as_array().unwrap();
        let codes = companies
            .iter()
            .map(|company| company["exit_code"].as_u64().unwrap());
        (codes.collect(), answer["companies"].clone())
    }
}

#[test]
fn each_company_is_served_from_its_own_file() {
    let machine = Machine::new();
    let (sandbox, other) = (&machine.world.sandbox, &machine.other);
    let jobs = [machine.world.add_mixed_job(3, 1), other.add_job(job(OTHER, 4, 2))];
    let (codes, companies) = machine.run("poll", 0);
    assert_eq!(codes, [0, 0]);
    for (number, (company, name)) in [(sandbox.company(), "acme"), (OTHER, "beta")]
        .into_iter()
        .enumerate()
    {
        let part = &companies[number];
        let mut keys: Vec<&str> = part.as_object().unwrap().keys().map(String::as_str).collect();
        keys.retain(|key| ["company_id", "settings", "exit_code", "jobs", "error"].contains(key));
        assert_eq!(keys.len(), 5, "{part}");
        assert_eq!(part["company_id"], company);
        assert!(
            part["settings"]
                .as_str()
                .unwrap()
                .ends_with(&format!("companies/{name}.toml"))
        );
        assert_eq!(part["jobs"][0]["id"], json!(jobs[number]));
        assert!(
            machine
                .world
                .path(&format!("{name}-books/main.beancount"))
                .exists()
        );
    }
    assert_eq!(sandbox.job(&jobs[0]).status, JobStatus::Completed);
    assert_eq!(other.job(&jobs[1]).status, JobStatus::Completed);
    let (codes, companies) = machine.run("status", 0);
    assert_eq!(codes, [0, 0]);
    assert_eq!(companies[0]["health"]["state"], "ok");
    assert_eq!(companies[1]["jobs"][0]["id"], json!(jobs[1]));
    let (codes, companies) = machine.run("check", 0);
    assert_eq!(codes, [0, 0], "{companies}");
    assert!(companies[0]["checks"].as_array().unwrap().len() > 5);
    let (codes, companies) = machine.run("verify", 0);
    assert_eq!(codes, [0, 0], "{companies}");
    assert_eq!(
        [0, 1].map(|number| companies[number]["compared"]["items"].as_u64()),
        [Some(3), Some(4)],
        "{companies}"
    );
    for command in ["status", "verify"] {
        let run = machine.world.run(&[command, "--companies", "companies"]).exits(0);
        assert_eq!(run.stdout.matches("Company ").count(), 2, "{run}");
    }
    // For people: whose it is stands above each part, and in each line of the log.
    other.add_job(job(OTHER, 4, 3));
    let run = machine.world.run(&["poll", "--companies", "companies"]).exits(0);
    assert!(run.stdout.starts_with(&format!("Company {OTHER} (")), "{run}");
    assert!(
        !run.stdout.contains(sandbox.company()),
        "nothing was done there: {run}"
    );
    let names = [sandbox.company(), OTHER].map(|company| format!("company {company}: "));
    let is_named = |line: &str| names.iter().any(|name| line.contains(name));
    assert!(
        run.stderr.lines().count() == 2 && run.stderr.lines().all(is_named),
        "{run}"
    );
    let job = other.add_job(job(OTHER, 4, 4));
    let arguments = ["-v", "--log-format", "json", "poll", "--companies", "companies"];
    let run = machine.world.run(&arguments).exits(0);
    let of_job: Vec<&str> = run.stderr.lines().filter(|line| line.contains(&job)).collect();
    assert!(
        !of_job.is_empty() && of_job.iter().all(|line| line.contains(OTHER)),
        "{run}"
    );
}

#[test]
fn one_that_fails_holds_up_none_of_the_others() {
    let machine = Machine::new();
    let job = machine.other.add_job(job(OTHER, 4, 2));
    fs::write(machine.world.path("companies/acme.key"), "revoked").unwrap();
    machine.write("aaa", "this is no TOML");
    machine.write(".hidden", "nor this");
    let (codes, companies) = machine.run("poll", 2);
    assert_eq!(codes, [2, 2, 0]);
    assert_eq!(companies[0]["company_id"], Value::Null);
    assert_eq!(companies[0]["error"]["kind"], "configuration");
    assert_eq!(companies[1]["error"]["kind"], "credential_refused");
    assert_eq!(machine.other.job(&job).status, JobStatus::Completed);
    let arguments = ["poll", "--companies", "companies", "--metrics-file", "pleo.prom"];
    let run = machine.world.run(&arguments).exits(2);
    let metrics = fs::read_to_string(machine.world.path("pleo.prom")).unwrap();
    assert!(metrics.contains(&format!("pleo_export_exit_code{{company_id=\"{OTHER}\"}} 0")));
    assert_eq!(metrics.matches("pleo_export_exit_code{").count(), 2, "{metrics}");
    run.says("error: company ").says("is not TOML").says("aaa.toml");
    let (codes, _) = machine.run("check", 2);
    assert_eq!(codes, [2, 2, 0]);
    let (codes, _) = machine.run("status", 2);
    assert_eq!(codes, [2, 0, 0]);
}

#[test]
fn what_is_logged_beside_a_poll_names_its_company_too() {
    let machine = Machine::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for name in ["acme", "beta"] {
        let notify = format!("[notify]\nurl = \"http://{nobody}/\"\n");
        machine.write(name, &(machine.settings(name) + &notify));
    }
    let run = machine.world.run(&["poll", "--companies", "companies"]).exits(0);
    let lines: Vec<&str> = run
        .stderr
        .lines()
        .filter(|line| line.contains("[notify] url"))
        .collect();
    assert_eq!(lines.len(), 2, "{run}");
    for company in [machine.world.sandbox.company(), OTHER] {
        assert!(lines.iter().any(|line| line.contains(company)), "{run}");
    }
}

#[test]
fn what_would_hold_for_all_is_refused_before_anything_is_sent() {
    let machine = Machine::new();
    for name in [
        "PLEO_COMPANY_ID",
        "PLEO_API_KEY",
        "PLEO_ACCESS_TOKEN",
        "PLEO_CLIENT_ID",
        "PLEO_CLIENT_SECRET",
        "PLEO_EXPORT_CHECKPOINT",
        "PLEO_EXPORT_BOOKS",
        "PLEO_EXPORT_CONFIG",
        "ODOO_API_KEY",
    ] {
        for command in ["poll", "check", "status", "verify", "listen"] {
            if command == "listen" && !cfg!(feature = "listen") {
                continue;
            }
            machine
                .world
                .run_with(name, "x", &[command, "--companies", "companies"])
                .exits(2)
                .says(&format!("{name} is set"));
        }
    }
    let run = |arguments: &[&str]| machine.world.run(arguments).exits(2);
    run(&[
        "poll",
        "--companies",
        "companies",
        "--config",
        "companies/acme.toml",
    ])
    .says("--config");
    run(&["poll", "--companies", "nowhere"]).says("nowhere");
    fs::create_dir(machine.world.path("empty")).unwrap();
    run(&["poll", "--companies", "empty"]).says("no settings file");
    fs::write(machine.world.path(".env"), "").unwrap();
    let run = run(&["poll", "--companies", "companies", "--json"]);
    assert!(
        run.json()["error"]["message"].as_str().unwrap().contains(".env"),
        "{run}"
    );
    assert_eq!(
        machine.world.sandbox.request_count() + machine.other.request_count(),
        0
    );
}

/// What is missing is told as a line of the file, since the variables are refused here.
#[test]
fn a_settings_file_that_is_wrong_is_told_with_a_cure_that_holds_here() {
    let machine = Machine::new();
    let path = machine.world.path("companies/bad.toml");
    let with = |content: &str| fs::write(&path, content).unwrap();
    let told = |says: &[&str]| {
        for command in ["poll", "check", "status", "verify"] {
            let (_, companies) = machine.run(command, 2);
            let bad = companies[1].to_string();
            assert!(
                companies[1]["settings"].as_str().unwrap().ends_with("bad.toml"),
                "{bad}"
            );
            // `status` needs no credential.
            let says = if command == "status" { &says[..1] } else { says };
            for text in says {
                assert!(bad.contains(text), "{command}: no `{text}` in {bad}");
            }
            let refused = [
                "PLEO_COMPANY_ID",
                "PLEO_API_KEY",
                "PLEO_EXPORT_CHECKPOINT",
                "ODOO_API_KEY",
                "PLEO_CLIENT",
            ];
            assert!(!refused.iter().any(|name| bad.contains(name)), "{command}: {bad}");
            assert!(
                says[0] != CANNOT_READ || !bad.contains("is missing"),
                "{command}: {bad}"
            );
        }
    };
    with("");
    told(&[
        "pleo.company_id is missing in `",
        "pleo.api_key_file is missing in `",
    ]);
    with(&format!(
        "[pleo]\ncompany_id = \"{THIRD}\"\napi_key = \"x\"\n[accounting]\nsystem = \"odoo\"\n"
    ));
    let run = machine.world.run(&["poll", "--companies", "companies"]).exits(2);
    let run = run
        .says("name that as pleo.api_key_file")
        .says("accounting.odoo.api_key_file is missing in `");
    assert!(
        !run.stderr.contains("ODOO_API_KEY") && !run.stderr.contains("PLEO_API_KEY"),
        "{run}"
    );
    with("company_id = ");
    told(&["is not TOML"]);
    fs::write(&path, b"\xff\xfea").unwrap();
    told(&[CANNOT_READ, "save it as UTF-8"]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("nowhere", &path).unwrap();
    told(&[CANNOT_READ, "it is a link to `nowhere`"]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    told(&[CANNOT_READ, "it is a folder"]);
    fs::remove_dir(&path).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(pipe.unwrap().success());
    told(&[CANNOT_READ, "it is no regular file"]);
}

#[test]
fn what_two_companies_share_is_refused_for_both() {
    for (shared, says) in [
        ("company_id", "company id"),
        ("../beta.sqlite3", "checkpoint"),
        ("../beta-books", "books"),
    ] {
        let machine = Machine::new();
        let text = machine.settings("acme");
        let changed = match shared {
            "company_id" => text.replace(machine.world.sandbox.company(), OTHER),
            other => text.replace(&other.replace("beta", "acme"), other),
        };
        assert_ne!(changed, text);
        machine.write("acme", &changed);
        let mut third = Sandbox::start(Options::default());
        third.serve_company(THIRD);
        machine.add("gamma", &third, THIRD);
        let job = third.add_job(job(THIRD, 2, 2));
        let (codes, companies) = machine.run("poll", 2);
        assert_eq!(codes, [2, 2, 0], "{companies}");
        for part in [&companies[0], &companies[1]] {
            let message = part["error"]["message"].as_str().unwrap();
            assert!(message.contains(&format!("has the same {says} as")), "{message}");
        }
        assert_eq!(third.job(&job).status, JobStatus::Completed);
        assert_eq!(
            machine.world.sandbox.request_count() + machine.other.request_count(),
            0
        );
    }
}

#[test]
fn a_server_out_of_reach_is_waited_for_once_in_a_round() {
    let machine = Machine::new();
    let patient = |name: &str| {
        let text = machine.settings(name).replace(
            "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 1",
            "[pleo]\ntimeout_seconds = 2\ngive_up_after_seconds = 6",
        );
        machine.write(name, &text);
    };
    patient("acme");
    for number in 0..4 {
        let name = format!("acme{number}");
        let company = format!("7e57c0de-0000-4000-8000-00000000000{number}");
        machine.add(&name, &machine.world.sandbox, &company);
        patient(&name);
    }
    let job = machine.other.add_job(job(OTHER, 2, 2));
    let fault = Fault::new(Trouble::Status(503)).always();
    machine.world.sandbox.fault(fault);
    let began = Instant::now();
    let (codes, companies) = machine.run("poll", 5);
    assert_eq!(codes, [5, 5, 5, 5, 5, 0], "{companies}");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(machine.other.job(&job).status, JobStatus::Completed);
}

#[test]
#[cfg(feature = "listen")]
fn one_listener_serves_them_all() {
    let machine = Machine::new();
    machine.write("aaa", "this is no TOML");
    for name in ["acme", "beta"] {
        let company = if name == "beta" {
            OTHER
        } else {
            machine.world.sandbox.company()
        };
        let settings = format!("companies/{name}.toml");
        let url = format!("https://example.com/webhooks/pleo/{company}");
        machine
            .world
            .run(&["--config", &settings, "subscribe", &url])
            .exits(0);
    }
    let arguments = [
        "listen",
        "-v",
        "--bind",
        "127.0.0.1:0",
        "--every",
        "1s",
        "--companies",
        "companies",
    ];
    let mut child = machine.world.command(&arguments);
    let log = machine.world.path("log.txt");
    let child = child
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).unwrap());
    let mut child = child.spawn().unwrap();
    let log = || fs::read_to_string(&log).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let listening = [lines.next().unwrap(), lines.next().unwrap()];
    let jobs = [
        machine.world.add_mixed_job(3, 1),
        machine.other.add_job(job(OTHER, 4, 2)),
    ];
    follow(&machine.world.sandbox);
    follow(&machine.other);
    eventually("both are booked", || {
        let [first, second] = &jobs;
        machine.world.sandbox.job(first).status.is_ended() && machine.other.job(second).status.is_ended()
    });
    let acme = machine.world.sandbox.company();
    for company in [acme, OTHER] {
        let is_over = |line: &str| line.contains("the poll is over") && line.contains(company);
        eventually("its poll is over", || log().lines().any(is_over));
        assert!(log().contains(&format!("company {company}: ")), "{}", log());
    }
    // Those are well; who is left out is told of, and is not well.
    let address = listening[0].split('/').nth(2).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut health = String::new();
    stream.read_to_string(&mut health).unwrap();
    assert!(
        health.contains(" 503 ") && health.contains("a company is not served"),
        "{health}"
    );
    assert!(
        log().contains("aaa.toml") && log().contains("is not TOML"),
        "{}",
        log()
    );
    crate::support::signal("TERM", child.id());
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 5)), "{}", log());
    let is_listening = |line: &String| line.starts_with("Listening on");
    assert!(listening.iter().all(is_listening) && !lines.any(|line| is_listening(&line)));
}

/// A build without the feature takes nothing of a fleet for absent, and says how to have it.
#[cfg(not(feature = "fleet"))]
#[test]
fn a_build_without_fleets_says_how_to_have_one() {
    let machine = Machine::new();
    fs::write(machine.world.path("fleet.toml"), "[fleet]\n").unwrap();
    let with_fleet = ["--config", "fleet.toml"];
    for arguments in [
        &["fleet", "init"][..],
        &["fleet", "status"],
        &["status", "--fleet"],
        &["poll", "--companies", "companies"],
    ] {
        let arguments = [&with_fleet[..], arguments].concat();
        machine.world.run(&arguments).exits(2).says("--features fleet");
    }
    machine.write(
        "acme",
        &format!("{}[fleet]\nhost = \"here\"\n", machine.settings("acme")),
    );
    let (codes, companies) = machine.run("poll", 2);
    assert_eq!(codes, [2, 0]);
    let told = companies[0]["error"]["message"].as_str().unwrap();
    assert!(told.contains("--features fleet"), "{told}");
}
