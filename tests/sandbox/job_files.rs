//! Jobs of one's own: every kind of file works or says what is wrong with it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::built::example;
use crate::sandbox::seed::{self, Item};
use crate::sandbox::{JobFile, JobStatus, Options, Sandbox};
use crate::{Caller, sandbox};

const COMPANY: &str = "11111111-2222-4333-8444-555555555555";

fn item(number: u64) -> Value {
    let item = Item::card_purchase(12_500).numbered(number);
    item.set("companyId", json!(COMPANY)).build()
}

fn read(file: &Value) -> JobFile {
    JobFile::read(&file.to_string()).expect("the file can be used")
}

#[test]
fn a_whole_job_is_served_as_the_file_has_it() {
    let id = "90c192cf-d3ac-44af-8f21-ddb66cad4a26";
    let file = read(&json!([{
        "id": id, "companyId": COMPANY, "createdAt": "2026-06-01T08:00:00Z", "vendorBasedBookkeeping": true,
        "status": "pending", "numberOfItems": 2, "items": [item(1), item(2)],
    }]));
    assert_eq!(file.company.as_deref(), Some(COMPANY));
    assert_eq!(file.item_count(), 2);
    let mut sandbox = sandbox();
    sandbox.serve_company(COMPANY);
    for job in file.jobs {
        assert_eq!(sandbox.add_job(job), id);
    }
    assert_eq!(sandbox.company(), COMPANY);
    let caller = Caller::new(&sandbox);
    let (status, list) = caller.list("");
    assert_eq!(status, 200, "{list}");
    let job = &list["data"][0];
    assert_eq!(
        (&job["id"], &job["companyId"], &job["vendorBasedBookkeeping"]),
        (&json!(id), &json!(COMPANY), &json!(true))
    );
    assert!(
        job["createdAt"]
            .as_str()
            .unwrap()
            .starts_with("2026-06-01T08:00:00"),
        "{job}"
    );
    caller.start(id);
    let items = caller.all(&format!("/v3/export-items?job_id={id}"));
    assert!(items.contains(&item(1)) && items.contains(&item(2)), "{items:?}");
    assert_eq!(sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn what_a_job_leaves_out_gets_a_value() {
    let file = read(&json!([{ "items": [item(1)] }, { "id": null, "createdAt": null, "items": [{}] }]));
    assert_eq!(
        file.company.as_deref(),
        Some(COMPANY),
        "the items say whose they are"
    );
    let sandbox = Sandbox::start(Options {
        company: COMPANY.to_owned(),
        ..Options::default()
    });
    let ids: Vec<String> = file.jobs.into_iter().map(|job| sandbox.add_job(job)).collect();
    assert_ne!(ids[0], ids[1]);
    let caller = Caller::new(&sandbox);
    let (_, list) = caller.list("&statuses=pending");
    let listed: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["id"].as_str().unwrap())
        .collect();
    assert!(ids.iter().all(|id| listed.contains(&id.as_str())), "{list}");
    assert_eq!(sandbox.job(&ids[1]).status, JobStatus::Pending);
    assert_eq!(read(&json!([{ "items": [{}] }])).company, None);
}

#[test]
fn a_file_that_cannot_be_taken_says_where_and_what() {
    let cases = [
        ("", "it is not JSON"),
        ("{\"items\": [", "it is not JSON"),
        ("{}", "it is not a list"),
        ("7", "it is not a list"),
        ("[]", "it has no jobs"),
        ("[7]", "job 1 is not an object"),
        ("[{}]", "job 1 has no `items`"),
        ("[{\"items\": []}]", "job 1 has no items"),
        ("[{\"items\": {}}]", "job 1 has `items` that are not a list"),
        (
            "[{\"items\": [{}]}, {\"items\": [{}, 7]}]",
            "job 2 has an item 2 that is not an object",
        ),
        (
            "[{\"id\": 7, \"items\": [{}]}]",
            "job 1 has something else than a text as `id`",
        ),
        (
            "[{\"createdAt\": \"June\", \"items\": [{}]}]",
            "job 1 has a `createdAt` that is not a date",
        ),
        (
            "[{\"status\": \"done\", \"items\": [{}]}]",
            "job 1 has a `status` that Pleo does not know: done",
        ),
        (
            "[{\"vendorBasedBookkeeping\": 1, \"items\": [{}]}]",
            "job 1 has a `vendorBasedBookkeeping`",
        ),
        (
            "[{\"id\": \"a\", \"items\": [{}]}, {\"id\": \"a\", \"items\": [{}]}]",
            "job 2 has the id of another job",
        ),
        (
            "[{\"companyId\": \"a\", \"items\": [{}]}, {\"companyId\": \"b\", \"items\": [{}]}]",
            "more than one company (a, b)",
        ),
    ];
    for (text, says) in cases {
        let error = JobFile::read(text).expect_err(text).to_string();
        assert!(error.contains(says), "`{says}` in {error}");
    }
}

#[test]
fn the_program_serves_a_file_and_refuses_a_bad_one_with_2() {
    let program = example("sandbox");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good = file("jobs.json", &json!([{ "items": [item(1)] }]).to_string());
    for (jobs, company, waiting) in [
        (
            good.to_str().unwrap(),
            COMPANY,
            "Waiting: 1 job from the file, 1 item in all.",
        ),
        ("3", seed::COMPANY_ID, "Waiting: 3 jobs of 25 items."),
    ] {
        let mut child = Command::new(&program)
            .args(["--port", "0", "--jobs", jobs])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said: Vec<String> = lines
            .map(Result::unwrap)
            .take_while(|line| !line.starts_with("Next:"))
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(
            said.contains(&format!("export PLEO_COMPANY_ID={company}")),
            "{said:?}"
        );
        assert!(said.contains(&waiting.to_owned()), "{said:?}");
    }
    let absent = folder.path().join("absent.json");
    for (path, says) in [
        (file("cut.json", "[{"), "it is not JSON"),
        (file("empty.json", "[{\"items\": []}]"), "job 1 has no items"),
        (absent, "the file cannot be read"),
    ] {
        let output = Command::new(&program).arg("--jobs").arg(&path).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains(says), "`{says}` in {text}");
    }
}
