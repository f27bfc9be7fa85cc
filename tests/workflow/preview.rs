//! `preview` shows what the next run does, and does nothing itself.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::check::everything;
use crate::connector::connector;
use crate::interrupt::Fate;
use crate::invariance::each_seed;
use crate::invariance::mix::{CLOSED_ACCOUNT, OLD_ACCOUNT, cut, mix};
use crate::invariance::unique_books::UniqueBooks;
use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Fault, Hook, Host, JobStatus, Request, Trouble};
use crate::support::{Run, World};

/// Runs a preview, which must leave everything as it is: every file with its time, and Pleo.
#[track_caller]
fn preview(world: &World, arguments: &[&str]) -> Run {
    let before = everything(&world.path(""));
    let asked = world.sandbox.request_count();
    let temporary = tempfile::tempdir().unwrap();
    let arguments = [&["preview"], arguments].concat();
    let mut command = world.command(&arguments);
    let run = world.run_command(command.env("TMPDIR", temporary.path()));
    assert_eq!(everything(&world.path("")), before, "{run}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "{run}");
    for request in world.sandbox.requests().iter().skip(asked) {
        let is_reading = request.method == "GET" || request.path.ends_with(":search");
        assert!(is_reading, "{} {}", request.method, request.path);
    }
    run
}

/// The transactions of our entries, in the order of their numbers, as the batches have them.
fn transactions(books: &Path) -> Vec<String> {
    let mut files: Vec<_> = crate::support::Books {
        folder: books.to_owned(),
    }
    .files()
    .into_values()
    .collect();
    files.retain(|text| text.contains("pleo-entry"));
    in_order(&files.join("\n\n"))
}

fn in_order(text: &str) -> Vec<String> {
    let number = |block: &str| {
        let at = block.find("pleo-number: ").unwrap();
        block[at..].lines().next().unwrap().to_owned()
    };
    let blocks = text.split("\n\n").map(str::trim);
    let mut blocks: Vec<String> = blocks
        .filter(|block| block.contains("pleo-entry: "))
        .map(str::to_owned)
        .collect();
    blocks.sort_by_key(|block| number(block));
    blocks
}

/// What a preview says, held against what a run said of the same jobs.
#[track_caller]
fn is_what_was_done(preview: &Value, run: &Value) {
    let (preview, run) = (&preview["jobs"], &run["jobs"]);
    let jobs = |document: &Value| document.as_array().unwrap().clone();
    assert_eq!(jobs(preview).len(), jobs(run).len());
    for (preview, run) in jobs(preview).iter().zip(&jobs(run)) {
        for (shown, done) in [
            ("id", "id"),
            ("items", "items"),
            ("opens", "opened"),
            ("wallet", "wallet"),
            ("taxes", "taxes"),
            ("remarks", "remarks"),
            ("notices", "notices"),
            ("refusals", "refusals"),
        ] {
            assert_eq!(preview[shown], run[done], "{shown}");
        }
        let entries = preview["entries"].as_array().unwrap();
        let failures: Vec<Value> = entries
            .iter()
            .filter(|entry| !entry["reason"].is_null())
            .map(|entry| {
                json!({ "accountingEntryId": entry["accountingEntryId"], "type": entry["type"], "reason": entry["reason"] })
            })
            .collect();
        // A run also tells of those that an earlier one had told Pleo of.
        let is_shown = |failure: &&Value| {
            let mut shown = entries.iter();
            shown.any(|entry| entry["accountingEntryId"] == failure["accountingEntryId"])
        };
        let done: Vec<&Value> = run["failures"]
            .as_array()
            .unwrap()
            .iter()
            .filter(is_shown)
            .collect();
        assert_eq!(json!(failures), json!(done));
    }
}

#[test]
fn what_is_shown_is_what_the_next_run_does() {
    each_seed(|seed| {
        let mut random = Rng::with_seed(seed);
        let batch_size = random.usize(1..9);
        let world = World::new().with_settings(&format!(
            "[pleo]\nbatch_size = {batch_size}\n[vendors]\ncodes = [\"V300\"]\n"
        ));
        if random.bool() {
            fs::create_dir(world.path("books")).unwrap();
            let accounts = format!(
                "2099-01-01 open Expenses:{CLOSED_ACCOUNT}\n2026-01-01 open Expenses:Year\n  code: \"{OLD_ACCOUNT}\"\n"
            );
            fs::write(world.path("books/accounts.beancount"), accounts).unwrap();
        }
        let mut jobs = cut(&mix(seed), &mut random);
        if random.bool() {
            // Some of it is in the books already, and comes again.
            let again = jobs[0].clone();
            world.add_job(again);
            world.run(&["poll"]);
        }
        jobs.push(seed::mixed(6, seed));
        for job in jobs {
            world.add_job(job);
        }
        if random.bool() {
            let point = random.usize(20..200).to_string();
            world.run_with("PLEO_EXPORT_KILL_AT", &point, &["poll", "--max-jobs", "1"]);
            // A run that died leaves its log, which the next look would otherwise put into the file.
            world.run(&["status"]);
        }
        let over: Vec<String> = world
            .sandbox
            .jobs()
            .into_iter()
            .filter(|job| job.status.is_ended())
            .map(|job| job.id)
            .collect();
        let shown = preview_of_killed(&world);
        let before = transactions(&world.path("books"));
        let mut run = world.run(&["poll", "--json"]).json();
        // A run also tells of a job that Pleo has closed for one which died before it knew.
        let told = run["jobs"].as_array_mut().unwrap();
        told.retain(|job| over.iter().all(|id| job["id"] != **id));
        let notation: Vec<String> = shown["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|job| job["entries"].as_array().unwrap())
            .filter_map(|entry| entry["notation"].as_str().map(str::to_owned))
            .collect();
        let mut expected = before;
        expected.extend(in_order(&notation.join("\n\n")));
        assert_eq!(
            transactions(&world.path("books")),
            in_order(&expected.join("\n\n"))
        );
        is_what_was_done(&shown, &run);
    });
}

/// The preview of all jobs. What SQLite keeps beside a checkpoint whose run was killed may change; nothing else may.
#[track_caller]
fn preview_of_killed(world: &World) -> Value {
    let kept = |world: &World| {
        let mut all = everything(&world.path(""));
        let companion = |path: &Path| {
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            name.ends_with("-shm") || name.ends_with("-wal")
        };
        let is_killed = all.keys().any(|path| companion(path));
        all.retain(|path, _| !(companion(path) || is_killed && path == &world.path("")));
        all
    };
    let before = kept(world);
    let asked = world.sandbox.request_count();
    let run = world.run(&["preview", "--all", "--receipts", "--json"]).exits(0);
    assert_eq!(kept(world), before, "{run}");
    let requests = world.sandbox.requests();
    assert!(
        requests.iter().skip(asked).all(|request| request.method == "GET"),
        "{run}"
    );
    run.json()
}

/// A system that is only asked: its entries are made up, and count for what comes after them all the same.
#[test]
fn what_is_made_up_is_what_a_system_books() {
    each_seed(|seed| {
        let mut random = Rng::with_seed(seed);
        let world = World::new().with_settings(&format!(
            "[pleo]\nbatch_size = {}\n[vendors]\ncodes = [\"V300\"]\n",
            random.usize(1..9)
        ));
        let mut books = UniqueBooks::new(seed, 0);
        for (at, job) in cut(&mix(seed), &mut random).into_iter().enumerate() {
            // What the system finds out only while it books, nobody knows before.
            let is_taken = |item: &Value| !item.to_string().contains(CLOSED_ACCOUNT);
            world.add_job(job.into_iter().filter(is_taken).collect());
            if at == 0 && random.bool() {
                world.poll_with(&mut books);
            }
        }
        let shown = world.preview_with(Box::new(books.clone()));
        let run = world.poll_with(&mut books);
        assert_eq!(shown.len(), run.jobs.len());
        // The system gives an entry this number, and a preview knows none.
        let numbered = |text: String| text.replace("U-", "item ");
        for ((preview, entries), run) in shown.iter().zip(&run.jobs) {
            assert_eq!(preview.problem, None);
            assert_eq!(preview.counts, run.counts);
            assert_eq!(preview.totals.wallet, run.totals.wallet);
            assert_eq!(preview.totals.taxes, run.totals.taxes);
            assert_eq!(
                numbered(format!("{:?}", preview.totals.remarks)),
                numbered(format!("{:?}", run.totals.remarks))
            );
            let failed = entries.iter().filter_map(|entry| {
                let failure = entry.failure()?;
                Some((entry.outcome.entry_id.clone(), failure.clone()))
            });
            assert_eq!(
                numbered(format!("{:?}", failed.collect::<Vec<_>>())),
                numbered(format!("{:?}", run.failures))
            );
        }
    });
}

#[test]
fn a_person_reads_what_would_be_booked_and_what_not_and_why() {
    let world = World::new().impatient();
    let id = world.add_job(vec![
        Item::card_purchase(12_500).account("6800").numbered(1).build(),
        Item::card_purchase(2_000).without_account().numbered(2).build(),
        Item::card_purchase(3_000).without_account().numbered(3).build(),
    ]);
    let run = preview(&world, &[]).exits(0);
    for told in [
        format!("Job {id} (pending): 3 items, 1 would be in the books, 2 would fail"),
        "pleo-number: \"PLEO-2026-000001\"".to_owned(),
        "(2 items)".to_owned(),
        "30.00 DKK".to_owned(),
        "would open Expenses:6800".to_owned(),
        "wallet ".to_owned(),
    ] {
        assert!(run.stdout.contains(&told), "no `{told}` in {run}");
    }
    world.run(&["poll"]).exits(3);
    preview(&world, &[]).exits(0).says("No export job waits");
    preview(&world, &[&id]).exits(0).says("is over");
    // The same expenses once more: one is in the books.
    let again = world.add_job(vec![
        Item::card_purchase(12_500).account("6800").numbered(1).build(),
    ]);
    let short = &again[..8];
    let run = preview(&world, &[short]).exits(0);
    assert!(run.stdout.contains("in the books already"), "{run}");
    assert!(!run.stdout.contains("pleo-entry"), "{run}");
}

#[test]
fn quiet_tells_what_would_fail_and_nothing_else() {
    let world = World::new();
    assert_eq!(preview(&world, &["-q"]).exits(0).stdout, "");
    let good = world.add_job(vec![
        Item::card_purchase(12_500).account("6800").numbered(1).build(),
    ]);
    assert_eq!(preview(&world, &["-q"]).exits(0).stdout, "");
    let bad = world.add_job(vec![
        Item::card_purchase(900).account("6800").numbered(2).build(),
        Item::card_purchase(2_000).without_account().numbered(3).build(),
    ]);
    let run = preview(&world, &["-q", "--all"])
        .exits(0)
        .says("would fail, missing_configuration (1 item)");
    assert!(run.stdout.contains(&bad) && !run.stdout.contains(&good), "{run}");
    assert!(
        !run.stdout.contains("9.00") && !run.stdout.contains("would open"),
        "{run}"
    );
}

#[test]
fn the_document_has_what_is_agreed() {
    let world = World::new().impatient();
    world.add_job(vec![
        Item::card_purchase(12_500)
            .account("6800")
            .receipt("pdf")
            .numbered(1)
            .build(),
    ]);
    let document = preview(&world, &["--json"]).exits(0).json();
    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["exit_code"], 0);
    assert_eq!(document["error"], Value::Null);
    assert_eq!(document["blocked_by"], Value::Null);
    let entry = &document["jobs"][0]["entries"][0];
    assert_eq!(entry["state"], "new");
    assert_eq!(entry["amount"], "125.00");
    assert_eq!(entry["currency"], "DKK");
    assert_eq!(entry["externalId"], "PLEO-2026-000001");
    assert_eq!(
        entry["receipts"],
        json!([{ "name": null, "state": "not_fetched" }])
    );
    let postings = entry["documents"][0]["postings"].as_array().unwrap();
    assert!(
        postings.iter().all(|posting| posting["currency"] == "DKK"),
        "{entry}"
    );
    let fetched = preview(&world, &["--json", "--receipts"]).exits(0).json();
    let receipt = &fetched["jobs"][0]["entries"][0]["receipts"][0];
    assert_eq!(receipt["state"], "fetched");
    assert!(receipt["name"].is_string(), "{receipt}");
}

#[test]
fn what_cannot_be_looked_at_says_so() {
    let world = World::new().impatient();
    let job = world.add_job(vec![Item::card_purchase(12_500).build()]);
    preview(&world, &["2b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11"])
        .exits(2)
        .says("does not know the job");
    preview(&world, &["2b1f"]).exits(2).says("is not a UUID");
    preview(&world, &[&job, "--all"]).exits(2);
    // Reached once, so that an outage is one.
    world.run(&["poll"]).exits(0);
    world.add_job(vec![Item::card_purchase(12_500).build()]);
    world.sandbox.fault(Fault::new(Trouble::Status(503)).always());
    preview(&world, &[]).exits(5);
}

#[test]
fn a_job_of_another_company_is_no_business_of_ours() {
    let world = World::new().with_variable("PLEO_COMPANY_ID", "11111111-1111-4111-8111-111111111111");
    let job = world.add_mixed_job(3, 1);
    preview(&world, &[&job]).exits(2).says(world.sandbox.company());
}

#[test]
fn what_the_books_lack_is_told_and_is_no_failure_of_the_preview() {
    let world = World::new().impatient();
    let items: Vec<Value> = (1..=8)
        .map(|number| Item::card_purchase(100).numbered(number).build())
        .collect();
    world.add_job(items.clone());
    world.run(&["poll"]).exits(0);
    fs::remove_dir_all(world.path("books")).unwrap();
    let job = world.add_job(items);
    let run = preview(&world, &["--json"]).exits(0);
    let document = run.json();
    assert_eq!(document["jobs"][0]["id"], job.as_str());
    let problem = &document["jobs"][0]["problem"];
    assert_eq!(problem["kind"], "needs_person", "{run}");
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .contains("restored, or not mounted"),
        "{run}"
    );
    world.run(&["poll"]).exits(6).says("restored, or not mounted");
}

#[test]
fn a_job_of_another_instance_is_said_to_be_in_the_way() {
    let world = World::new().impatient();
    let foreign = world.add_job(vec![Item::card_purchase(100).numbered(1).build()]);
    let mine = world.add_job(vec![Item::card_purchase(200).numbered(2).build()]);
    world.sandbox.set_job_status(&foreign, JobStatus::InProgress);
    let document = preview(&world, &["--json"]).exits(0).json();
    assert_eq!(document["blocked_by"]["id"], foreign.as_str());
    assert_eq!(document["jobs"][0]["id"], mine.as_str());
    preview(&world, &[]).says("in progress for another instance");
}

#[test]
fn a_connector_is_only_asked_and_its_documents_are_a_table() {
    let world = World::new();
    let journal = world.path("journal");
    // The example makes its folder as soon as it is greeted, and that is its own affair.
    fs::create_dir_all(journal.join("journal")).unwrap();
    fs::write(journal.join("accounts.txt"), "6800\n5820\n1510\n").unwrap();
    let world = world.with_settings(&format!(
        "[accounting]\nsystem = \"command\"\n[accounting.command]\nprogram = [{:?}, \"journal\"]\ntimeout_seconds = 20\n",
        connector()
    ));
    world.add_job(vec![Item::card_purchase(12_500).numbered(1).tax("S25").build()]);
    let run = preview(&world, &["--receipts"]).exits(0);
    for told in [
        "journal entry: ",
        "6800",
        "100.00 DKK",
        "the numbers of entries are decided by",
    ] {
        assert!(run.stdout.contains(told), "no `{told}` in {run}");
    }
    let document = preview(&world, &["--json"]).exits(0).json();
    let entry = &document["jobs"][0]["entries"][0];
    assert_eq!(
        (&entry["state"], &entry["externalId"]),
        (&json!("new"), &Value::Null)
    );
    assert_eq!(document["jobs"][0]["decided_when_booking"], json!(["numbers"]));
}

#[test]
fn no_lock_is_waited_for() {
    let world = World::new().impatient();
    world.add_job(seed::mixed(6, 3));
    fs::create_dir(world.path("books")).unwrap();
    let locks = ["checkpoint.sqlite3.lock", "books/.pleo-export.lock"].map(|name| {
        let lock = fs::File::create(world.path(name)).unwrap();
        lock.lock().unwrap();
        lock
    });
    preview(&world, &[]).exits(0);
    drop(locks);
}

#[test]
fn a_run_that_books_the_same_meanwhile_is_no_double_entry() {
    let world = World::new().with_settings("[pleo]\nbatch_size = 2\n");
    let receipt = |number| Item::card_purchase(100).numbered(number).receipt("pdf").build();
    world.add_job((1..=6).map(receipt).collect());
    let (sender, held) = mpsc::channel();
    let receipts = AtomicUsize::new(0);
    world.sandbox.on_request(move |request| {
        // The first batch has two, and is put aside by then.
        if request.host == Host::Receipts && receipts.fetch_add(1, Ordering::SeqCst) == 2 {
            let (release, until) = oneshot::channel();
            sender.send(release).unwrap();
            return Hook::Held(until);
        }
        Hook::Continue
    });
    let child = world.spawn(&["preview", "--receipts", "--json"]);
    let release = held
        .recv_timeout(Duration::from_secs(60))
        .expect("the preview gets there");
    world.run(&["poll"]).exits(0);
    release.send(()).unwrap();
    let run = Run::of("preview", child.wait_with_output().unwrap()).exits(0);
    let document = run.json();
    let entries = document["jobs"][0]["entries"].as_array().unwrap();
    let states: Vec<&str> = entries
        .iter()
        .map(|entry| entry["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        ["new", "new", "booked", "booked", "booked", "booked"],
        "{run}"
    );
    world.keeps_its_promise();
}

#[test]
#[cfg(target_os = "linux")]
#[ignore = "it takes a minute; .ci/run runs it"]
fn twenty_thousand_items_need_no_more_memory_than_a_few_thousand() {
    let peak = |items: u64| {
        let world = World::new();
        world.add_job(
            (1..=items)
                .map(|number| Item::card_purchase(100).numbered(number).build())
                .collect(),
        );
        let mut child = world
            .command(&["preview", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut stdout = child.stdout.take().unwrap();
        let (mut piece, mut length, mut peak) = (vec![0; 1 << 16], 0, 0);
        loop {
            let read = stdout.read(&mut piece).unwrap();
            if read == 0 {
                break;
            }
            length += read;
            let status = fs::read_to_string(&status).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.map_or(peak, |line| line.trim().trim_end_matches(" kB").parse().unwrap());
        }
        assert!(child.wait().unwrap().success());
        println!(
            "preview of {items} items: {} KiB at most, {} KiB shown",
            peak,
            length / 1024
        );
        peak
    };
    let (few, many): (u64, u64) = (peak(4_000), peak(20_000));
    // What the books hold is indexed, for a preview as for a run: half a kilobyte an entry.
    assert!(
        many < few + 16_000,
        "{few} KiB for 4,000 items and {many} KiB for 20,000"
    );
}

#[test]
fn a_job_that_would_fail_as_a_whole_is_told_before_a_poll_takes_it() {
    let world = World::new();
    world.add_mixed_job(3, 1);
    let trouble = Trouble::MissingContraAccounts(vec!["EUR".to_owned()]);
    world.sandbox.fault(Fault::new(trouble).always());
    let run = preview(&world, &[]).exits(0);
    let run = run
        .says("(pending): 3 items, ")
        .says("this export would fail as a whole: Contra accounts are missing")
        .says("before the next poll");
    assert!(!run.stdout.contains("0 items"), "{run}");
}

/// What an earlier job would book is not in the books yet.
#[test]
fn an_entry_of_two_jobs_is_in_the_books_by_the_second() {
    let world = World::new();
    let item = Item::card_purchase(100).build();
    world.add_job(vec![item.clone()]);
    world.add_job(vec![item.clone()]);
    let run = preview(&world, &["--all"]).exits(0).says("in the books by then");
    assert!(!run.stdout.contains("in the books already"), "{run}");
    world.run(&["poll"]).exits(0);
    preview(&world, &["--all"]).exits(0).says("No export job waits");
    world.add_job(vec![item]);
    preview(&world, &["--all"]).exits(0).says("in the books already");
}

#[cfg(unix)]
#[test]
fn the_folder_of_a_preview_goes_with_it_however_it_ends() {
    let world = World::new();
    world.add_job(vec![Item::card_purchase(100).receipt("pdf").build()]);
    let temporary = tempfile::tempdir().unwrap();
    let left = || fs::read_dir(temporary.path()).unwrap().count();
    let world = world.with_variable("TMPDIR", temporary.path());
    let ends = |signal: &'static str| {
        let is_receipt = |request: &Request| request.host == Host::Receipts;
        world.run_and_signal(&["preview", "--receipts"], signal, Fate::IsLost, is_receipt)
    };
    // Who is started by `nohup` has the terminal's end ignored, and so has what he starts.
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let is_ignored =
        ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1));
    ends(if is_ignored { "TERM" } else { "HUP" }).exits(5);
    assert_eq!(left(), 0);
    assert_eq!(ends("KILL").code, None);
    assert_eq!(left(), 1);
    // Neither is of a preview that was killed.
    fs::create_dir(temporary.path().join("pleo-export-preview-0123456789abcdef")).unwrap();
    fs::create_dir(temporary.path().join("pleo-export-preview-mine")).unwrap();
    world.run(&["preview"]).exits(0);
    assert_eq!(left(), 2);
}

#[test]
fn what_cannot_be_kept_for_a_preview_is_not_shown_as_booked() {
    let world = World::new().impatient();
    world.add_mixed_job(3, 1);
    // Nobody can write there, as on a full disk.
    let file = fs::File::open(world.path("pleo-export.toml")).unwrap();
    let shown = world.preview_into(Box::new(UniqueBooks::new(1, 0)), file);
    let (preview, entries) = &shown[0];
    assert!(entries.is_empty(), "{entries:?}");
    let problem = preview.problem.as_ref().unwrap();
    assert_eq!(problem.kind.as_str(), "configuration", "{problem:?}");
    assert!(
        problem.message.contains("cannot be kept for the preview"),
        "{problem:?}"
    );
}
