//! Faults on demand: each does what it says, to the requests it was meant for, as often as asked.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Event, Fault, Hook, Host, ItemStatus, Job, JobStatus, RetryAfter, Trouble};
use crate::{Caller, assert_broken, read, sandbox, successful, with_job};

#[test]
fn a_fault_waits_for_its_turn_and_its_requests() {
    let (sandbox, job, _) = with_job(1);
    let caller = Caller::new(&sandbox);
    sandbox.fault(
        Fault::new(Trouble::Status(503))
            .on("GET", "/v3/export-jobs/*")
            .at(2)
            .times(2),
    );
    let path = format!("/v3/export-jobs/{job}");
    assert_eq!(caller.list("").0, 200);
    let answers: Vec<u16> = (0..4).map(|_| caller.get(&path).0).collect();
    assert_eq!(answers, [200, 503, 503, 200]);
    sandbox.fault(Fault::new(Trouble::Status(401)).always());
    assert_eq!((caller.get(&path).0, caller.list("").0), (401, 401));
    sandbox.clear_faults();
    assert_eq!(caller.get(&path).0, 200);
}

#[test]
fn a_lost_answer_had_its_effect_and_a_reset_had_none() {
    let (sandbox, job, entries) = with_job(1);
    let caller = Caller::new(&sandbox);
    let started = json!({ "jobId": job, "event": "started" });
    let start = || {
        caller
            .request("POST", "/v3/export-job-events")
            .json(&started)
            .send()
    };
    sandbox.fault(Fault::new(Trouble::ResetBeforeEffect));
    assert!(start().is_err());
    assert_eq!(sandbox.job(&job).status, JobStatus::Pending);
    sandbox.fault(Fault::new(Trouble::LostAnswer));
    assert!(start().is_err());
    assert_eq!(sandbox.job(&job).status, JobStatus::InProgress);
    caller.read_layers(&job);
    sandbox.fault(Fault::new(Trouble::StatusAfterEffect(502)).on("PUT", "/v3/export-jobs/*/items"));
    assert_eq!(caller.put(&job, &json!([successful(&entries[0])])).0, 502);
    assert_eq!(sandbox.job(&job).item(&entries[0]).status, ItemStatus::Successful);
    let statuses: Vec<Option<u16>> = sandbox.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [None, None, Some(200), Some(200), Some(502)]);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
}

#[test]
fn a_client_is_not_held_to_what_it_was_never_told() {
    let (sandbox, job, entries) = with_job(1);
    let caller = Caller::new(&sandbox);
    caller.start(&job);
    caller.put(&job, &json!([successful(&entries[0])]));
    let completed = json!({ "jobId": job, "event": "completed" });
    sandbox.fault(Fault::new(Trouble::LostAnswer));
    assert!(
        caller
            .request("POST", "/v3/export-job-events")
            .json(&completed)
            .send()
            .is_err()
    );
    assert_eq!(caller.send(&job, "completed"), 422);
    assert_eq!(sandbox.broken_rules(), [""; 0]);
    caller.get(&format!("/v3/export-jobs/{job}"));
    assert_eq!(caller.send(&job, "completed"), 422);
    assert_broken(&sandbox, 0, "`completed` sent for a job that is ended");
}

#[test]
fn an_answer_can_be_spoilt_on_its_way() {
    let (sandbox, job, _) = with_job(3);
    let caller = Caller::new(&sandbox);
    let ask = |trouble: Trouble| {
        sandbox.fault(Fault::new(trouble));
        caller
            .request("GET", &format!("/v3/export-items?job_id={job}"))
            .send()
            .unwrap()
    };
    assert!(ask(Trouble::TruncatedBody).bytes().is_err());
    assert!(serde_json::from_str::<Value>(&ask(Trouble::BrokenJson).text().unwrap()).is_err());
    let page = ask(Trouble::HtmlPage);
    assert_eq!(page.status().as_u16(), 200);
    assert_eq!(page.headers()["content-type"], "text/html");
    let redirect = ask(Trouble::Redirect("http://elsewhere.example/".to_owned()));
    assert_eq!(redirect.status().as_u16(), 307);
    let busy = ask(Trouble::RateLimit(RetryAfter::Seconds(7)));
    assert_eq!(busy.status().as_u16(), 429);
    assert_eq!(busy.headers()["retry-after"], "7");
    let later = ask(Trouble::RateLimit(RetryAfter::Date(60)));
    assert!(later.headers()["retry-after"].to_str().unwrap().ends_with("GMT"));
    assert!(
        ask(Trouble::RateLimit(RetryAfter::Unsaid))
            .headers()
            .get("retry-after")
            .is_none()
    );
    assert!(
        ask(Trouble::HugeBody)
            .content_length()
            .is_some_and(|length| length > 60_000_000)
    );
    let (status, answer) = read(ask(Trouble::MissingContraAccounts(vec!["GBP".to_owned()])));
    assert_eq!(
        (status, &answer["type"]),
        (400, &json!("MISSING_CONTRA_ACCOUNTS"))
    );
    assert_eq!(read(ask(Trouble::SlowMilliseconds(1))).0, 200);
}

#[test]
fn pages_can_lie() {
    let (sandbox, job, _) = with_job(4);
    let caller = Caller::new(&sandbox);
    let path = format!("/v3/export-items?job_id={job}&limit=2");
    let ids = |page: &Value| -> Vec<String> {
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["accountingEntryId"].to_string())
            .collect()
    };
    let first = caller.get(&path).1;
    let cursor = first["pagination"]["endCursor"].as_str().unwrap().to_owned();
    let second = format!("{path}&after={cursor}");
    sandbox.fault(Fault::new(Trouble::RepeatedCursor));
    assert_eq!(caller.get(&second).1["pagination"]["endCursor"], json!(cursor));
    sandbox.fault(Fault::new(Trouble::MissingCursor));
    let page = caller.get(&second).1;
    assert_eq!(
        (
            &page["pagination"]["hasNextPage"],
            page["pagination"].get("endCursor")
        ),
        (&json!(true), None)
    );
    sandbox.fault(Fault::new(Trouble::ItemTwice));
    assert_eq!(ids(&caller.get(&second).1)[0], ids(&first)[1]);
    sandbox.fault(Fault::new(Trouble::WrongCount(9)));
    assert_eq!(
        caller.get(&format!("/v3/export-jobs/{job}")).1["data"]["numberOfItems"],
        json!(9)
    );
    sandbox.fault(
        Fault::new(Trouble::EndlessPages)
            .on("GET", "/v3/export-items")
            .always(),
    );
    let (mut cursors, mut path_of_page) = (BTreeSet::new(), path.clone());
    for _ in 0..9 {
        let page = caller.get(&path_of_page).1;
        assert_eq!(page["pagination"]["hasNextPage"], json!(true));
        let next = page["pagination"]["endCursor"].as_str().unwrap();
        assert!(cursors.insert(next.to_owned()), "the cursor {next} came before");
        path_of_page = format!("{path}&after={next}");
    }
}

#[test]
fn an_event_can_take_effect_late_or_never() {
    let (sandbox, job, _) = with_job(0);
    let caller = Caller::new(&sandbox);
    caller.start(&job);
    let read_status = || caller.get(&format!("/v3/export-jobs/{job}")).1["data"]["status"].clone();
    sandbox.fault(Fault::new(Trouble::LateEvent(None)));
    assert_eq!(caller.send(&job, "completed"), 202);
    assert_eq!(
        (read_status(), read_status()),
        (json!("in_progress"), json!("in_progress"))
    );
    sandbox.fault(Fault::new(Trouble::LateEvent(Some(1))));
    assert_eq!(caller.send(&job, "completed"), 202);
    assert_eq!(
        (read_status(), read_status()),
        (json!("in_progress"), json!("completed"))
    );
    assert_eq!(
        sandbox.job(&job).events,
        [Event::Started, Event::Completed, Event::Completed]
    );
    assert_eq!(sandbox.broken_rules(), [""; 0]);
}

#[test]
fn chosen_items_are_refused_alone() {
    let (sandbox, job, entries) = with_job(2);
    let caller = Caller::new(&sandbox);
    caller.start(&job);
    let error_type = "ACCOUNTING_ENTRY_UPDATE_FAILED".to_owned();
    sandbox.fault(Fault::new(Trouble::RefusedItems {
        entries: vec![entries[1].clone()],
        error_type,
    }));
    let (_, answer) = caller.put(&job, &json!([successful(&entries[0]), successful(&entries[1])]));
    assert_eq!(
        answer["errors"][0]["type"],
        json!("ACCOUNTING_ENTRY_UPDATE_FAILED")
    );
    let state = sandbox.job(&job);
    assert_eq!(
        (
            state.count(ItemStatus::Successful),
            state.count(ItemStatus::Pending)
        ),
        (1, 1)
    );
    assert_eq!(
        caller.put(&job, &json!([successful(&entries[1])])).1["errors"],
        json!([])
    );
}

#[test]
fn receipts_have_faults_of_their_own() {
    let sandbox = sandbox();
    let address = sandbox.add_receipt(vec![b'x'; 1000], "application/pdf");
    let caller = Caller::new(&sandbox);
    let fetch = |trouble: Trouble| {
        sandbox.fault(Fault::new(trouble).on("GET", "/receipts/**"));
        caller.http.get(&address).send().unwrap()
    };
    assert_eq!(fetch(Trouble::Status(403)).status().as_u16(), 403);
    assert!(fetch(Trouble::TruncatedBody).bytes().is_err());
    assert_eq!(fetch(Trouble::LongerThanAnnounced).bytes().unwrap().len(), 2000);
    assert_eq!(
        fetch(Trouble::ContentType("text/html".to_owned())).headers()["content-type"],
        "text/html"
    );
    assert_eq!(
        fetch(Trouble::Endless).bytes().unwrap().len(),
        1000 + 64 * 1024 * 1024
    );
    assert!(
        sandbox
            .requests()
            .iter()
            .all(|request| request.host == Host::Receipts)
    );
}

#[test]
fn a_hook_acts_in_the_middle_of_a_request() {
    let (sandbox, job, _) = with_job(1);
    let caller = Caller::new(&sandbox);
    let (sender, seen) = channel();
    let (control, hooked) = (sandbox.control(), job.clone());
    sandbox.on_request(move |request| {
        sender.send(request.path.clone()).unwrap();
        match request.number {
            1 => Hook::Trouble(Trouble::Status(500)),
            2 => {
                let (control, hooked) = (control.clone(), hooked.clone());
                Hook::AfterEffect(Box::new(move || control.cancel_job(&hooked)))
            }
            _ => Hook::Continue,
        }
    });
    let path = format!("/v3/export-jobs/{job}");
    let statuses: Vec<Value> = (0..3)
        .map(|_| caller.get(&path).1["data"]["status"].clone())
        .collect();
    assert_eq!(statuses, [Value::Null, json!("pending"), json!("failed")]);
    assert_eq!(seen.try_iter().collect::<Vec<_>>(), vec![path; 3]);
}

#[test]
fn both_layers_can_disagree() {
    let sandbox = sandbox();
    let job = Job::of(vec![Item::card_purchase(100).numbered(1).build()])
        .unlisted(Item::card_purchase(100).numbered(2).build())
        .without_payload(seed::USER_ID);
    let id = sandbox.add_job(job);
    let caller = Caller::new(&sandbox);
    let entries = |path: String| -> BTreeSet<String> {
        caller
            .all(&path)
            .iter()
            .map(|row| row["accountingEntryId"].as_str().unwrap().to_owned())
            .collect()
    };
    let control = entries(format!("/v3/export-jobs/{id}/items?limit=9"));
    let data = entries(format!("/v3/export-items?job_id={id}"));
    assert_eq!(control.difference(&data).collect::<Vec<_>>(), [seed::USER_ID]);
    assert_eq!(
        data.difference(&control).collect::<Vec<_>>(),
        [&seed::uuid_of("entry 2")]
    );
    assert_eq!(
        caller.get(&format!("/v3/export-jobs/{id}")).1["data"]["numberOfItems"],
        json!(2)
    );
}

#[test]
fn scripts_have_endpoints_of_their_own() {
    let sandbox = sandbox();
    let caller = Caller::new(&sandbox);
    let post = |path: &str, body: Value| read(caller.anonymous("POST", path).json(&body).send().unwrap());
    let (status, job) = post("/_sandbox/jobs", json!({ "items": 3, "seed": 7 }));
    assert_eq!(status, 201);
    let fault = json!({ "trouble": { "status": 503 }, "path": "/v3/export-jobs", "times": 0 });
    assert_eq!(post("/_sandbox/faults", fault).0, 204);
    assert_eq!(
        post(
            "/_sandbox/faults",
            json!({ "trouble": "lost_answer", "often": 2 })
        )
        .0,
        400
    );
    assert_eq!(caller.list("").0, 503);
    let (_, state) = read(caller.anonymous("GET", "/_sandbox/state").send().unwrap());
    assert_eq!(
        (&state["jobs"][0]["id"], &state["requests"]),
        (&job["id"], &json!(1))
    );
    assert_eq!(state["jobs"][0]["items"][2]["entry"], json!(seed::entry_id(7, 2)));
}

#[test]
fn an_answer_can_hold_odd_values() {
    let (sandbox, job, entries) = with_job(2);
    let caller = Caller::new(&sandbox);
    let odd = |id: &str, pointer: &str, value: Option<Value>| {
        Fault::new(Trouble::OddValue {
            id: id.to_owned(),
            pointer: pointer.to_owned(),
            value,
        })
    };
    let path = format!("/v3/export-jobs/{job}");
    sandbox.fault(odd(&job, "/createdAt", Some(json!("2026-06-01T08:00Z"))).times(2));
    assert_eq!(caller.list("").1["data"][0]["createdAt"], "2026-06-01T08:00Z");
    assert_eq!(caller.get(&path).1["data"]["createdAt"], "2026-06-01T08:00Z");
    sandbox.fault(odd(&job, "/numberOfItems", None));
    assert!(caller.get(&path).1["data"].get("numberOfItems").is_none());
    assert_eq!(caller.get(&path).1["data"]["numberOfItems"], 2);

    let items = format!("/v3/export-items?job_id={job}");
    sandbox.fault(odd(
        &entries[0],
        "/amount/inWalletCurrency/value",
        Some(json!("much")),
    ));
    let page = caller.get(&items).1;
    let odd_one = |item: &&Value| item["accountingEntryId"] == entries[0].as_str();
    let changed: Vec<&Value> = page["data"].as_array().unwrap().iter().filter(odd_one).collect();
    assert_eq!(changed[0]["amount"]["inWalletCurrency"]["value"], "much");

    sandbox.fault(Fault::new(Trouble::OddBytes {
        from: entries[0].clone(),
        to: b"\xff".to_vec(),
    }));
    let bytes = caller.request("GET", &items).send().unwrap().bytes().unwrap();
    assert!(bytes.contains(&0xff) && !String::from_utf8_lossy(&bytes).contains(&entries[0]));

    sandbox.fault(Fault::new(Trouble::OddHeader(
        "date".to_owned(),
        "yesterday".to_owned(),
    )));
    let answer = caller.request("GET", &items).send().unwrap();
    assert_eq!(answer.headers()["date"], "yesterday");
    sandbox.fault(Fault::new(Trouble::Page(
        451,
        "text/html".to_owned(),
        "<p>No</p>".to_owned(),
    )));
    let answer = caller.request("GET", &items).send().unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.text().unwrap()),
        (451, "<p>No</p>".to_owned())
    );
    assert_eq!(sandbox.broken_rules(), [""; 0]);
}
