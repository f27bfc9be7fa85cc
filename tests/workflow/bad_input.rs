use std::fs;

use serde_json::{Value, json};

use crate::interrupt::{Fate, is_event};
use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Event, Fault, Hook, ItemStatus, JobStatus, Trouble};
use crate::support::World;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

#[test]
fn every_problem_with_the_settings_is_listed_and_nothing_is_sent() {
    let world = World::new()
        .without_variable("PLEO_API_KEY")
        .with_variable("PLEO_COMPANY_ID", "acme")
        .with_variable("PLEO_BASE_URL", "http://pleo.example")
        .with_settings(
            "colour = 1\n[pleo]\nbatch_size = 101\ntimeout_seconds = \"long\"\napi_key = \"secret\"\n\
             [bookkeeping]\nposting = \"maybe\"\ntime_zone = \"Mars/Olympus\"\nclosed_until = \"soon\"\n\
             [accounts]\nwallet = \"not an account\"\n",
        );
    world.add_mixed_job(1, 1);
    let run = world.run(&["poll", "--json"]).exits(2);
    let error = &run.json()["error"];
    assert_eq!(error["kind"], "configuration");
    let message = error["message"].as_str().unwrap();
    for named in [
        "PLEO_API_KEY is missing",
        "PLEO_COMPANY_ID: `acme`",
        "PLEO_BASE_URL is `http://pleo.example`",
        "colour is not a setting",
        "pleo.batch_size is 101",
        "pleo.timeout_seconds must be",
        "pleo.api_key may not stand in the settings file",
        "bookkeeping.posting is \"maybe\"",
        "Mars/Olympus",
        "closed_until",
        "accounts.wallet is \"not an account\"",
    ] {
        assert!(message.contains(named), "no `{named}` in {message}");
    }
    assert_eq!(world.sandbox.request_count(), 0);
    assert!(!world.path("checkpoint.sqlite3").exists() && !world.path("books").exists());
}

#[test]
fn two_credentials_or_a_settings_file_that_is_not_there_are_refused() {
    let world = World::new().with_variable("PLEO_ACCESS_TOKEN", "token");
    world.run(&["poll"]).exits(2).says("are both set");
    let world = World::new();
    world
        .run(&["poll", "--config", "elsewhere.toml"])
        .exits(2)
        .says("elsewhere.toml");
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn a_wrong_credential_is_said_to_be_wrong() {
    let world = World::new().with_variable("PLEO_API_KEY", "wrong");
    let job = world.add_mixed_job(2, 1);
    let run = world.run(&["poll", "--json"]).exits(2);
    assert_eq!(run.json()["error"]["kind"], "credential_refused");
    world.run(&["poll"]).exits(2).says("Settings > API Keys");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
}

#[test]
fn a_job_id_that_is_none_or_unknown_is_said_to_be_so() {
    let world = World::new();
    for id in ["7", "../etc/passwd", "{7e57c0de-0000-4000-8000-000000000bad}", ""] {
        world.run(&["run-job", id]).exits(2).says("is not a UUID");
    }
    assert_eq!(world.sandbox.request_count(), 0);
    world
        .run(&["run-job", "7e57c0de-0000-4000-8000-000000000bad"])
        .exits(2)
        .says("check the job's id");
}

#[test]
fn a_checkpoint_that_cannot_be_written_stops_the_run_before_anything_is_sent() {
    let world = World::new();
    world.add_mixed_job(2, 1);
    fs::write(world.path("file"), "").unwrap();
    fs::create_dir(world.path("folder")).unwrap();
    for (path, named) in [("file/checkpoint.sqlite3", "file`"), ("folder", "folder`")] {
        let run = world.run_with("PLEO_EXPORT_CHECKPOINT", path, &["poll"]).exits(1);
        assert!(run.stderr.contains(named), "{run}");
    }
    // For root every folder is writable, so this can be seen as a user alone.
    fs::create_dir(world.path("sealed")).unwrap();
    set_mode(&world, "sealed", 0o500);
    if fs::write(world.path("sealed/probe"), "").is_err() {
        let run = world
            .run_with("PLEO_EXPORT_CHECKPOINT", "sealed/checkpoint.sqlite3", &["poll"])
            .exits(1);
        assert!(run.stderr.contains("sealed"), "{run}");
    }
    set_mode(&world, "sealed", 0o700);
    assert_eq!(world.sandbox.request_count(), 0);
}

#[cfg(unix)]
fn set_mode(world: &World, name: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(world.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_checkpoint_of_a_newer_version_is_left_alone() {
    let world = World::new();
    world.add_mixed_job(2, 1);
    world.run(&["poll"]).exits(0);
    rusqlite::Connection::open(world.path("checkpoint.sqlite3"))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let before = fs::read(world.path("checkpoint.sqlite3")).unwrap();
    for command in ["poll", "resume", "status"] {
        world.run(&[command]).exits(1).says("later version");
    }
    assert!(
        fs::read(world.path("checkpoint.sqlite3")).unwrap() == before,
        "it was changed"
    );
}

#[test]
fn a_checkpoint_that_is_something_else_is_left_alone() {
    let world = World::new();
    for content in [
        "not a database, just a text that somebody keeps here ".repeat(40),
        "short".to_owned(),
    ] {
        fs::write(world.path("checkpoint.sqlite3"), &content).unwrap();
        world.run(&["poll"]).exits(1).says("checkpoint.sqlite3");
        assert_eq!(
            fs::read_to_string(world.path("checkpoint.sqlite3")).unwrap(),
            content
        );
    }
    assert_eq!(world.sandbox.request_count(), 0);
}

#[test]
fn books_that_cannot_be_read_stop_the_job_until_they_are_repaired() {
    let world = World::new();
    world.add_mixed_job(3, 1);
    world.run(&["poll"]).exits(0);
    let (path, text) = world
        .books()
        .files()
        .into_iter()
        .find(|(path, _)| path.ends_with("PLEO-2026-000001.beancount"))
        .unwrap();
    fs::write(
        &path,
        text.replacen("pleo-number: \"PLEO", "pleo-number: \"PL\"EO", 1),
    )
    .unwrap();
    let job = world.add_mixed_job(3, 2);
    world.run(&["poll"]).exits(1).says("PLEO-2026-000001.beancount");
    // Found before anything was sent, so the export simply waits.
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
    fs::write(&path, text).unwrap();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.books().entries().len(), 6);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_web_page_in_place_of_pleo_is_no_answer() {
    let world = World::new().impatient();
    let job = world.add_mixed_job(2, 1);
    for (has_answered, code) in [(false, 2), (true, 1)] {
        if has_answered {
            world
                .run(&["run-job", "7e57c0de-0000-4000-8000-00000000dead"])
                .exits(2);
        }
        world.sandbox.fault(Fault::new(Trouble::HtmlPage).always());
        let run = world.run(&["poll"]).exits(code).says("not JSON");
        run.says("pleo.base_url");
        world.sandbox.clear_faults();
    }
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Pending);
}

#[test]
fn pages_that_cannot_be_followed_stop_the_job_with_nothing_booked() {
    for path in ["/v3/export-jobs/*/items", "/v3/export-items"] {
        for trouble in [Trouble::RepeatedCursor, Trouble::MissingCursor] {
            let world = World::with_options(crate::sandbox::Options {
                page_size_max: 3,
                ..Default::default()
            });
            let job = world.add_mixed_job(9, 1);
            world
                .sandbox
                .fault(Fault::new(trouble).on("GET", path).at(2).always());
            world.run(&["poll"]).exits(1).says("endCursor");
            assert_eq!(world.books().entries().len(), 0);
            assert_eq!(world.sandbox.job(&job).updates, 0);
            world.sandbox.clear_faults();
            world.run(&["poll"]).exits(0);
            world.keeps_its_promise_and_all_rules();
        }
    }
}

#[test]
fn a_count_that_never_agrees_closes_the_job_with_errors_and_calls_a_person() {
    for (count, failing) in [(5, 0), (3, 0), (0, 0), (9, 1)] {
        let world = World::new();
        let mut items: Vec<Value> = seed::mixed(4, 1);
        if failing > 0 {
            items[0]["date"] = json!("soon");
        }
        let job = world.add_job(items);
        world.sandbox.fault(
            Fault::new(Trouble::WrongCount(count))
                .on("GET", "/v3/export-jobs/*")
                .always(),
        );
        let run = world
            .run(&["poll", "--json"])
            .exits(6)
            .says(&format!("holds {count} items, but Pleo lists 4"));
        assert_eq!(run.json()["jobs"][0]["status"], "completed_with_errors");
        let job = world.sandbox.job(&job);
        assert_eq!(job.status, JobStatus::CompletedWithErrors);
        assert_eq!(job.count(ItemStatus::Successful), 4 - failing);
        world.sandbox.clear_faults();
        world.run(&["poll"]).exits(0);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_count_that_never_agreed_is_told_also_where_the_answer_to_the_end_was_lost() {
    for still_differs in [true, false] {
        let world = World::new();
        let job = world.add_mixed_job(2, 1);
        let fault = Fault::new(Trouble::WrongCount(3)).on("GET", "/v3/export-jobs/*");
        world.sandbox.fault(fault.always());
        let run = world.run_and_signal(&["poll"], "KILL", Fate::TakesEffect, |request| {
            is_event(request, "completed_with_errors")
        });
        assert_eq!(run.code, None, "{run}");
        let says = if still_differs {
            "holds 3 items, but Pleo lists 2"
        } else {
            world.sandbox.clear_faults();
            "closed with errors, although none"
        };
        world.run(&["poll"]).exits(6).says(says);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::CompletedWithErrors);
        world.run(&["poll"]).exits(0);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn a_count_that_agrees_at_the_second_look_is_no_news() {
    let world = World::new();
    let job = world.add_mixed_job(4, 1);
    // The second reading of the job is the one after its start.
    world.sandbox.fault(
        Fault::new(Trouble::WrongCount(5))
            .on("GET", "/v3/export-jobs/*")
            .at(2),
    );
    world.run(&["poll"]).exits(0).says("reading both again");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn missing_contra_accounts_fail_the_job_with_the_remedy() {
    let world = World::new();
    let job = world.add_mixed_job(4, 1);
    world
        .sandbox
        .fault(Fault::new(Trouble::MissingContraAccounts(vec!["EUR".into(), "SEK".into()])).always());
    world
        .run(&["poll"])
        .exits(4)
        .says("Contra accounts")
        .says("EUR, SEK");
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Failed]);
    assert_eq!(
        state.failure_reason_type.as_deref(),
        Some("missing_configuration")
    );
    world.keeps_its_promise_and_all_rules();
}

fn with(pointer: &str, value: Value) -> Value {
    let mut payload = Item::card_purchase(12_500).tax("S25").user(0).build();
    *payload.pointer_mut(pointer).unwrap() = value;
    payload
}

#[test]
fn an_item_that_cannot_be_read_fails_alone_and_says_why() {
    let world = World::new();
    let bad = [
        (
            with("/amount/inWalletCurrency/value", json!("125.00")),
            "The amount of the expense is",
        ),
        (
            with(
                "/accountingEntryLines/0/netAmount/inWalletCurrency/value",
                json!("1e2"),
            ),
            "The net amount of line 1 is",
        ),
        (
            with("/amount/inWalletCurrency/value", json!(12.345)),
            "The amount of the expense is",
        ),
        (
            with("/amount/inWalletCurrency/value", json!(1e300)),
            "The amount of the expense is",
        ),
        (
            with("/accountingEntryLines", json!("none")),
            "The lines of the expense are",
        ),
        (
            with("/accountingEntryLines/0", json!(null)),
            "Line 1 cannot be read",
        ),
        (with("/date", json!("yesterday")), "The date of the expense is"),
        (with("/type", json!(null)), "The expense has no type"),
        (with("/amount", json!([])), "The amount of the expense is"),
        (with("/user", json!(7)), "The employee cannot be read"),
    ];
    let mut items: Vec<Value> = bad.iter().map(|(payload, _)| payload.clone()).collect();
    items.push(Item::card_purchase(100).id(ENTRY).build());
    // Not even objects, and an object without a key.
    items.extend([
        json!(7),
        json!(null),
        json!([]),
        json!("item"),
        json!({"accountingEntryId": 7}),
    ]);
    let job = world.add_job(items);
    world.run(&["poll"]).exits(3);
    let state = world.sandbox.job(&job);
    for (payload, field) in &bad {
        let item = state.item(payload["accountingEntryId"].as_str().unwrap());
        let reason = item.failure_reason.as_deref().unwrap_or_default();
        assert_eq!(
            item.failure_reason_type.as_deref(),
            Some("validation_failure"),
            "{field}: {item:?}"
        );
        assert!(
            reason.contains(field) && reason.contains("Nothing was booked."),
            "{field}: {reason}"
        );
    }
    assert_eq!(state.count(ItemStatus::Failed), bad.len() + 5);
    assert_eq!(world.books().entries(), [ENTRY]);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn payloads_in_the_shape_of_the_documented_samples_are_read_without_a_refusal() {
    let world = World::new();
    let receipt = world
        .sandbox
        .add_receipt(b"%PDF-1.4 a receipt".to_vec(), "application/pdf");
    let money = |value: Value, currency: &str| json!({"value": value, "currency": currency});
    let both = |value: Value| json!({"inWalletCurrency": money(value.clone(), "DKK"), "inSupplierCurrency": money(value, "DKK")});
    let invoice = json!({
        "_links": {"api": {"self": "https://external.pleo.example/v3/1"}, "web": {"all": "https://app.pleo.example/a", "exportItem": "https://app.pleo.example/e"}},
        "accountingEntryId": ENTRY, "companyId": world.sandbox.company(), "type": "invoice", "subType": null,
        "date": "2026-09-14T10:30:00Z", "amount": both(json!(15000)), "note": null,
        "files": [{"url": receipt}], "team": null, "servicePeriod": null, "contraAccount": null,
        "supplier": {"name": "Chairs A/S", "code": null, "account": null, "taxIdentifier": null, "country": "UNDEFINED", "categoryCode": null},
        "vendor": null, "user": null, "bookkeeping": null,
        "accountingEntryLines": [{
            "accountingEntryLineId": "7e57c0de-0000-4000-8000-0000000000a1", "lineAmount": both(json!(15000)), "netAmount": both(json!(15000)),
            "account": {"id": "7e57c0de-0000-4000-8000-0000000000b1", "name": "Office", "code": "6830", "identifier": null},
            "tags": [], "tax": null
        }],
        "additionalInformation": {
            "reconciliationId": 1_234_567, "attendees": null, "reconciledEntries": null,
            "invoiceInformation": {"invoiceNumber": "INV-1", "invoiceDate": "2026-09-01", "dueDate": "2026-09-30", "paymentDate": null, "status": "paid", "supplierBankAccount": null}
        }
    });
    let mut purchase = invoice.clone();
    purchase["accountingEntryId"] = json!("7e57c0de-0000-4000-8000-0000000000e2");
    purchase["type"] = json!("card_purchase");
    purchase["amount"] = both(json!(15000.0));
    purchase["files"] = json!(null);
    purchase["additionalInformation"]["invoiceInformation"] = json!(null);
    let job = world.add_job(vec![invoice, purchase]);
    let run = world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 2, "{run}");
    assert_eq!(world.books().attached().len(), 1);
    world.keeps_its_promise_and_all_rules();
    world.books().are_clean();
}

#[test]
fn a_verdict_that_is_refused_once_is_taken_when_it_comes_alone() {
    let world = World::new();
    let job = world.add_mixed_job(6, 1);
    world.sandbox.fault(
        Fault::new(Trouble::RefusedItems {
            entries: vec![seed::entry_id(1, 2)],
            error_type: "UNEXPECTED".to_owned(),
        })
        .at(2),
    );
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 6);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn an_item_for_which_pleo_rejects_whole_requests_keeps_no_other_from_being_booked() {
    let world = World::new();
    let job = world.add_mixed_job(4, 1);
    let entry = seed::entry_id(1, 2);
    let is_rejected = entry.clone();
    world.sandbox.on_request(move |request| {
        if request.method == "PUT" && request.body.to_string().contains(&is_rejected) {
            Hook::Trouble(Trouble::Status(400))
        } else {
            Hook::Continue
        }
    });
    world
        .run(&["poll"])
        .exits(6)
        .says("does not take the verdicts of 1 item");
    let state = world.sandbox.job(&job);
    assert_eq!(state.count(ItemStatus::Successful), 3);
    assert_eq!(state.item(&entry).status, ItemStatus::Pending);
    assert_eq!(world.books().entries().len(), 3);
    world.sandbox.on_request(|_| Hook::Continue);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 4);
    world.keeps_its_promise_and_all_rules();
}

#[cfg(unix)]
#[test]
fn a_device_or_a_link_to_one_is_no_place_for_a_checkpoint_and_keeps_its_mode() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
    let world = World::new();
    let path = world.path("checkpoint.sqlite3");
    let null = std::path::Path::new("/dev/null");
    let before = mode(null);
    std::os::unix::fs::symlink(null, &path).unwrap();
    world.run(&["poll"]).exits(1).says("is a link to `/dev/null`");
    assert_eq!(mode(null), before);
    fs::remove_file(&path).unwrap();
    let pipe = std::process::Command::new("mkfifo")
        .args(["-m", "644"])
        .arg(&path)
        .status();
    assert!(pipe.unwrap().success());
    let before = mode(&path);
    world.run(&["poll"]).exits(1).says("no regular file");
    assert_eq!(mode(&path), before);
    assert_eq!(world.sandbox.request_count(), 0);
}
