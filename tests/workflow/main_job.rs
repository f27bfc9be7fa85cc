use serde_json::{Value, json};

use crate::interrupt::Fate;
use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Event, Fault, ItemStatus, Job, JobStatus, Options, RetryAfter, Trouble};
use crate::support::World;

#[test]
fn twenty_five_items_reach_the_books_and_two_fail_as_meant() {
    let world = World::new();
    let job = world.add_job(seed::quickstart());
    let run = world.run(&["poll"]).exits(3);
    let state = world.sandbox.job(&job);
    assert_eq!(state.status, JobStatus::CompletedWithErrors);
    assert_eq!(state.events, [Event::Started, Event::CompletedWithErrors]);
    assert_eq!(
        (
            state.count(ItemStatus::Successful),
            state.count(ItemStatus::Failed)
        ),
        (23, 2),
        "{run}"
    );
    let types: Vec<_> = state
        .items
        .iter()
        .filter_map(|item| item.failure_reason_type.as_deref())
        .collect();
    assert_eq!(types, ["missing_configuration", "receipt_download_failure"]);
    let books = world.books();
    assert_eq!(books.entries().len(), 23);
    books.has_nothing_twice();
    books.are_clean();
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn three_pending_jobs_over_small_pages_are_worked_on_oldest_first_one_at_a_time() {
    let world = World::with_options(Options {
        page_size_max: 50,
        ..Options::default()
    });
    let jobs: Vec<_> = [
        ("2026-11-20T10:00:00Z", 250),
        ("2026-11-18T09:00:00Z", 3),
        ("2026-11-19T09:00:00Z", 1),
    ]
    .iter()
    .zip(1..)
    .map(|((created, items), seed)| {
        world
            .sandbox
            .add_job(Job::of(seed::mixed(*items, seed)).created_at(created.parse().unwrap()))
    })
    .collect();
    world.run(&["poll"]).exits(0);
    let started: Vec<String> = world
        .sandbox
        .requests()
        .iter()
        .filter(|request| request.path == "/v3/export-job-events")
        .map(|request| format!("{} {}", request.method, request.status.unwrap_or_default()))
        .collect();
    assert_eq!(started, ["POST 202"; 6]);
    for job in &jobs {
        let state = world.sandbox.job(job);
        assert_eq!(state.events, [Event::Started, Event::Completed]);
        assert!(
            state
                .items
                .iter()
                .all(|item| item.status == ItemStatus::Successful && item.external_id.is_some())
        );
    }
    let books = world.books();
    assert_eq!(books.entries().len(), 254);
    books.has_nothing_twice();
    books.are_clean();
    // The sandbox records a job started before an older one, and a second one started beside a first.
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn nothing_to_do_is_silent_for_people_and_an_empty_document_for_scripts() {
    let world = World::new();
    let run = world.run(&["poll"]).exits(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    let run = world.run(&["poll", "--json"]).exits(0);
    assert_eq!(
        run.json(),
        json!({"schema_version": 1, "exit_code": 0, "jobs": [], "error": null, "blocked_by": null})
    );
    world.run(&["resume"]).exits(0);
}

#[test]
fn the_json_answer_holds_what_scripts_rely_on() {
    let world = World::new();
    let job = world.add_job(vec![
        Item::card_purchase(12_500).build(),
        Item::card_purchase(100).without_account().build(),
    ]);
    let answer = world.run(&["poll", "--json"]).exits(3).json();
    assert_eq!(answer["exit_code"], 3);
    assert_eq!(answer["error"], Value::Null);
    let first = &answer["jobs"][0];
    assert_eq!(first["id"], job.as_str());
    assert_eq!(first["status"], "completed_with_errors");
    assert_eq!(
        first["items"],
        json!({"total": 2, "successful": 1, "failed": 1, "open": 0})
    );
    assert_eq!(first["failures"][0]["type"], "missing_configuration");
    assert!(
        first["failures"][0]["reason"]
            .as_str()
            .unwrap()
            .ends_with("Nothing was booked."),
        "{first}"
    );
    assert_eq!(first["refusals"][0]["items"], 1);
}

#[test]
fn max_jobs_leaves_the_rest_for_later() {
    let world = World::new();
    let jobs = [world.add_mixed_job(2, 1), world.add_mixed_job(2, 2)];
    let run = world.run(&["poll", "--max-jobs", "1", "--json"]).exits(0);
    assert_eq!(run.json()["jobs"].as_array().unwrap().len(), 1);
    let pending = jobs
        .iter()
        .filter(|job| world.sandbox.job(job).status == JobStatus::Pending)
        .count();
    assert_eq!(pending, 1);
}

#[test]
fn run_job_starts_the_named_job_and_on_a_closed_one_says_so() {
    let world = World::with_options(Options {
        oldest_first: false,
        ..Options::default()
    });
    let (_, second) = (world.add_mixed_job(2, 1), world.add_mixed_job(3, 2));
    world
        .run(&["run-job", &second, "--out-of-order"])
        .exits(0)
        .says("completed: 3 items, 3 booked, 0 failed");
    world
        .run(&["run-job", &second])
        .exits(0)
        .says("was over already: completed");
    assert_eq!(
        world.sandbox.job(&second).events,
        [Event::Started, Event::Completed]
    );
}

#[test]
fn a_job_of_another_instance_is_left_alone_unless_a_person_takes_it_over() {
    let world = World::new();
    let job = world
        .sandbox
        .add_job(Job::of(seed::mixed(3, 1)).status(JobStatus::InProgress));
    world
        .run(&["poll", "-v"])
        .exits(0)
        .says("in progress for another instance");
    world.run(&["resume"]).exits(0);
    world.run(&["run-job", &job]).exits(6).says("--adopt");
    assert_eq!(world.books().entries().len(), 0);
    world.run(&["run-job", &job, "--adopt"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn status_knows_without_network_or_credential() {
    let world = World::new();
    world
        .run(&["status"])
        .exits(0)
        .says("Never polled: there is no checkpoint at ");
    let job = world.add_job(seed::quickstart());
    world.run(&["poll"]).exits(3);
    let mut command = world.command(&["status", "--json"]);
    command
        .env_remove("PLEO_API_KEY")
        .env_remove("PLEO_COMPANY_ID")
        .env("PLEO_BASE_URL", "http://127.0.0.1:1");
    let status = world.run_command(&mut command).exits(0).json();
    assert_eq!(status["jobs"][0]["id"], job.as_str());
    assert_eq!(
        status["jobs"][0]["items"],
        json!({"total": 25, "successful": 23, "failed": 2, "open": 0})
    );
    world
        .run(&["status", "--job", &job])
        .exits(0)
        .says("missing_configuration")
        .says("receipt_download_failure");
    world
        .run(&["status", "--job", "7e57c0de-0000-4000-8000-000000000bad"])
        .exits(2)
        .says("not known here");
}

#[test]
fn passing_troubles_of_the_network_change_nothing() {
    let world = World::new();
    let job = world.add_mixed_job(30, 3);
    for (at, trouble) in [
        (1, Trouble::Status(503)),
        (3, Trouble::RateLimit(RetryAfter::Seconds(0))),
        (5, Trouble::TruncatedBody),
        (7, Trouble::BrokenJson),
        (9, Trouble::HtmlPage),
        (11, Trouble::ResetBeforeEffect),
    ] {
        world
            .sandbox
            .fault(Fault::new(trouble).on("GET", "/v3/**").at(at));
    }
    for (at, trouble) in [
        (1, Trouble::LostAnswer),
        (3, Trouble::StatusAfterEffect(502)),
        (5, Trouble::Status(500)),
    ] {
        world
            .sandbox
            .fault(Fault::new(trouble).on("PUT", "/v3/**").at(at));
    }
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).events, [Event::Started, Event::Completed]);
    world.books().has_nothing_twice();
    world.books().are_clean();
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn a_job_without_items_is_completed() {
    let world = World::new();
    let job = world.add_job(Vec::new());
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).events, [Event::Started, Event::Completed]);
}

#[test]
fn when_every_item_fails_the_job_fails_with_the_commonest_reason() {
    let world = World::new();
    let job = world.add_job(vec![Item::card_purchase(100).without_account().build()]);
    world.run(&["poll"]).exits(3);
    let state = world.sandbox.job(&job);
    assert_eq!(state.events, [Event::Started, Event::Failed]);
    assert_eq!(
        state.failure_reason_type.as_deref(),
        Some("missing_configuration")
    );
}

#[test]
fn an_absent_payload_fails_alone_and_a_stranger_in_the_data_is_ignored() {
    let world = World::new();
    let absent = seed::entry_id(5, 1);
    let stranger = Item::card_purchase(77_700)
        .id("7e57c0de-0000-4000-8000-00000000beef")
        .build();
    let job = world.sandbox.add_job(
        Job::of(seed::mixed(1, 5))
            .without_payload(&absent)
            .unlisted(stranger),
    );
    world.run(&["poll"]).exits(3);
    let state = world.sandbox.job(&job);
    assert_eq!(
        state.item(&absent).failure_reason_type.as_deref(),
        Some("validation_failure")
    );
    assert_eq!(world.books().entries(), [seed::entry_id(5, 0)]);
}

#[test]
fn the_jobs_of_a_file_are_booked_for_the_company_that_the_file_names() {
    let mut world = World::new();
    let company = "11111111-2222-4333-8444-555555555555";
    let item = |number, amount| {
        let item = Item::card_purchase(amount).numbered(number);
        item.set("companyId", json!(company)).build()
    };
    let file = json!([{ "items": [item(1, 500), item(2, 700)] }, { "items": [item(3, 900)] }]);
    let jobs = world.add_jobs_of(&file.to_string());
    let answer = world.run(&["poll", "--json"]).exits(0).json();
    let done: Vec<&str> = answer["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["id"].as_str().unwrap())
        .collect();
    assert_eq!(done, jobs);
    assert_eq!(world.books().entries().len(), 3);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_job_that_pleo_does_not_know_any_more_holds_up_no_other_and_is_told_until_it_has_expired() {
    let world = World::new();
    let gone = world.add_mixed_job(3, 1);
    world.kill_at_update(1, Fate::TakesEffect);
    world.sandbox.set_job_status(&gone, JobStatus::Completed);
    let next = world.add_mixed_job(3, 2);
    let unknown = Fault::new(Trouble::Page(404, "application/json".into(), "{}".into()))
        .on("GET", &format!("/v3/export-jobs/{gone}"));
    world.sandbox.fault(unknown.always());
    world.run(&["poll", "--max-jobs", "1"]).exits(2).says(&gone);
    assert_eq!(world.sandbox.job(&next).status, JobStatus::Completed);
    let expires = "UPDATE job SET expires_at = '2020-01-01T00:00:00Z' WHERE id = ?1";
    let checkpoint = world.path("checkpoint.sqlite3");
    let expire = || {
        rusqlite::Connection::open(&checkpoint)
            .unwrap()
            .execute(expires, [&gone])
    };
    assert_eq!(expire().unwrap(), 1);
    world.run(&["poll"]).exits(2).says(&gone);
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise();
}
