//! The values are other ones than those that the program was written with: what is tested is the kind.

use serde_json::{Value, json};

use crate::sandbox::seed::{self, Item};
use crate::sandbox::{Fault, ItemStatus, Job, JobStatus, Trouble};
use crate::support::World;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

fn odd(id: &str, pointer: &str, value: Option<Value>) -> Fault {
    Fault::new(Trouble::OddValue {
        id: id.to_owned(),
        pointer: pointer.to_owned(),
        value,
    })
    .always()
}

fn odd_bytes(from: &str, to: &[u8]) -> Fault {
    Fault::new(Trouble::OddBytes {
        from: from.to_owned(),
        to: to.to_owned(),
    })
    .on("GET", "/v3/export-items")
    .always()
}

#[test]
fn a_job_with_an_odd_value_is_left_aside_and_the_others_are_worked_on() {
    for (pointer, value) in [
        ("/createdAt", Some(json!("yesterday"))),
        ("/createdAt", Some(json!(1_780_300_800_u64))),
        ("/createdAt", None),
        ("/lastUpdatedAt", Some(json!("2026-13-01T00:00:00Z"))),
        ("/expiresIn", Some(json!(i64::MAX))),
        ("/expiresIn", Some(json!(u64::MAX))),
        ("/expiresIn", Some(json!("3600"))),
        ("/expiresIn", None),
        ("/expiresIn", Some(json!(0))),
        ("/expiresIn", Some(json!(-1))),
        ("/id", Some(json!("../x"))),
        ("/id", Some(json!("{job}"))),
        ("/numberOfItems", Some(json!("two"))),
        ("/numberOfItems", None),
        ("/numberOfItems", Some(json!(1.5))),
        ("/vendorBasedBookkeeping", Some(json!("yes"))),
        ("/status", Some(json!(["pending"]))),
        ("/companyId", Some(json!("\u{fffd}"))),
    ] {
        let world = World::new();
        let first = world.add_mixed_job(2, 1);
        let second = world.sandbox.add_job(Job::of(seed::mixed(3, 2)));
        world.sandbox.fault(odd(&first, pointer, value.clone()));
        let run = world.run(&["poll"]);
        let told = pointer.trim_start_matches('/');
        assert!(
            run.stderr.contains(told) && run.stderr.contains("left aside"),
            "{value:?} {run}"
        );
        assert_eq!(run.code, Some(0), "{pointer} {value:?} {run}");
        let about = run.stderr.lines().filter(|line| line.contains("left aside"));
        let about: Vec<&str> = about.collect();
        let names_it = |line: &&str| pointer == "/id" || line.contains(&first);
        assert!(
            about.len() == 1 && about.iter().all(names_it),
            "{pointer} {value:?} {run}"
        );
        let check = world.run(&["check"]).exits(2);
        let is_told = |line: &str| line.starts_with("✗ jobs") && line.contains("left aside");
        assert!(check.stdout.lines().any(is_told), "{pointer} {value:?} {check}");
        if pointer != "/id" && pointer != "/companyId" {
            let run = world.run(&["run-job", &first]).exits(1);
            assert!(run.stderr.contains(told), "{pointer} {value:?} {run}");
            assert_eq!(world.sandbox.job(&first).events, [], "{pointer} {value:?} {run}");
        }
        assert_eq!(
            world.sandbox.job(&first).status,
            JobStatus::Pending,
            "{pointer} {value:?}"
        );
        assert_eq!(
            world.sandbox.job(&second).status,
            JobStatus::Completed,
            "{pointer} {value:?}"
        );
    }
}

#[test]
fn a_job_of_ours_that_turns_odd_says_what_and_is_gone_on_with_later() {
    let world = World::new().impatient();
    let job = world.add_mixed_job(2, 1);
    world.sandbox.fault(
        Fault::new(Trouble::Status(503))
            .on("GET", "/v3/export-items")
            .always(),
    );
    world.run(&["poll"]).exits(5);
    world.sandbox.clear_faults();
    world
        .sandbox
        .fault(odd(&job, "/expiresIn", Some(json!(i64::MAX))));
    world.run(&["poll"]).exits(1).says("expiresIn");
    world.sandbox.clear_faults();
    world.run(&["poll"]).exits(0);
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
}

#[test]
fn a_moment_is_read_in_each_form_of_iso_8601() {
    for moment in [
        "2026-06-01T08:00Z",
        "2026-06-01T08:00:00+0000",
        "2026-06-01T10:00+02:00",
        "2026-06-01T10:00:00.5+02",
        "2026-06-01T08:00:00.123456789Z",
        "2026-06-01t08:00:00z",
    ] {
        let world = World::new();
        let job = world.add_job(vec![Item::card_purchase(2500).id(ENTRY).build()]);
        for pointer in ["/createdAt", "/date"] {
            world.sandbox.clear_faults();
            world.sandbox.fault(odd(
                if pointer == "/date" { ENTRY } else { &job },
                pointer,
                Some(json!(moment)),
            ));
            let run = world.run(&["poll"]);
            assert_eq!(run.code, Some(0), "{moment} {run}");
            if pointer == "/createdAt" {
                world.add_job(vec![
                    Item::card_purchase(2600).id(&ENTRY.replace('1', "2")).build(),
                ]);
            }
        }
    }
}

#[test]
fn half_a_character_or_a_byte_that_is_none_is_replaced_and_remarked() {
    for to in [
        &b"\\ud83d"[..],
        b"\\uDE00 x",
        b"Caf\xe9",
        b"\xf0\x9f\x98",
        b"a\tb\xff",
        b"\\x41",
        b"one \\u12 two",
    ] {
        let world = World::new();
        let mut item = Item::card_purchase(2500).id(ENTRY).build();
        item["note"] = json!("MARK");
        let job = world.add_job(vec![item, Item::card_purchase(900).build()]);
        world.sandbox.fault(odd_bytes("MARK", to));
        let run = world.run(&["poll"]);
        assert_eq!(run.code, Some(0), "{to:?} {run}");
        assert_eq!(world.sandbox.job(&job).count(ItemStatus::Successful), 2);
        assert!(evidence(&world).contains("the note of the expense is "), "{to:?}");
    }
}

#[test]
fn the_same_in_what_names_or_decides_fails_the_item_alone() {
    for (field, value) in [
        ("/accountingEntryLines/0/account/code", "MARK"),
        ("/companyId", "MARK"),
        ("/date", "2026-06-01T08:00:00MARK"),
        ("/type", "card_purchaseMARK"),
    ] {
        let world = World::new();
        let mut item = Item::card_purchase(2500).id(ENTRY).build();
        *item.pointer_mut(field).unwrap() = json!(value);
        let job = world.add_job(vec![item, Item::card_purchase(900).build()]);
        world.sandbox.fault(odd_bytes("MARK", b"\\udc00"));
        world.run(&["poll"]).exits(3).says("cannot be read");
        let job = world.sandbox.job(&job);
        assert_eq!(
            (job.status, job.count(ItemStatus::Successful)),
            (JobStatus::CompletedWithErrors, 1)
        );
        assert_eq!(job.item(ENTRY).status, ItemStatus::Failed, "{field}");
    }
}

#[test]
fn an_entry_id_that_cannot_be_read_fails_its_item_alone() {
    let world = World::new();
    let job = world.add_job(vec![
        Item::card_purchase(2500).id(ENTRY).build(),
        Item::card_purchase(900).build(),
    ]);
    world.sandbox.fault(odd_bytes(ENTRY, b"7e57\xff"));
    world.run(&["poll"]).exits(3);
    let job = world.sandbox.job(&job);
    assert_eq!(
        (job.item(ENTRY).status, job.count(ItemStatus::Successful)),
        (ItemStatus::Failed, 1)
    );
}

#[test]
fn an_element_of_the_list_that_cannot_be_read_hides_no_other_and_calls_a_person() {
    let world = World::new();
    let job = world.add_job(vec![
        Item::card_purchase(2500).id(ENTRY).build(),
        Item::card_purchase(900).build(),
    ]);
    let unreadable = Trouble::OddBytes {
        from: ENTRY.to_owned(),
        to: b"7e57\xff".to_vec(),
    };
    world.sandbox.fault(
        Fault::new(unreadable)
            .on("GET", "/v3/export-jobs/*/items")
            .always(),
    );
    world
        .run(&["poll"])
        .exits(6)
        .says("left aside")
        .says("holds 2 items, but Pleo lists 1");
    let job = world.sandbox.job(&job);
    assert_eq!(job.status, JobStatus::CompletedWithErrors);
    assert_eq!(job.count(ItemStatus::Successful), 1);
    assert_eq!(world.books().entries().len(), 1);
}

#[test]
fn what_decorates_may_be_of_any_type() {
    for (pointer, remarked) in [
        ("/note", "the note of the expense"),
        ("/team", "the team"),
        ("/team/name", "the name of the team"),
        ("/user/name", "the name of the employee"),
        ("/supplier/name", "the name of the supplier"),
        ("/additionalInformation/attendees", "the attendees of the expense"),
        (
            "/accountingEntryLines/0/account/name",
            "the name of the account of line 1",
        ),
    ] {
        for value in [json!({"a": 1}), json!([[]]), json!(true)] {
            if pointer == "/team" && value.is_object() {
                // A team of no name is one.
                continue;
            }
            let world = World::new();
            let mut item = Item::card_purchase(2500).id(ENTRY).build();
            item["team"] = json!({"id": "t", "name": "Office", "code": "T1"});
            item["user"] = json!({"id": "u", "name": "Somebody", "code": "E1"});
            item["supplier"] = json!({"name": "Shop"});
            let job = world.add_job(vec![item]);
            world.sandbox.fault(odd(ENTRY, pointer, Some(value.clone())));
            let run = world.run(&["poll"]);
            assert_eq!(run.code, Some(0), "{pointer} {value} {run}");
            assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed);
            assert!(evidence(&world).contains(remarked), "{pointer} {value}");
        }
    }
}

#[test]
fn what_nobody_uses_fails_no_item() {
    let invoice = "/additionalInformation/invoiceInformation";
    for (pointer, value) in [
        ("/vendor/registrationNumber".to_owned(), json!("7".repeat(300))),
        ("/vendor/country".to_owned(), json!({"a": 1})),
        (format!("{invoice}/paymentDate"), json!("2026-13-45")),
        (format!("{invoice}/status"), json!(false)),
        // The tagged vendor stands in its place.
        ("/supplier".to_owned(), json!("Shop")),
        ("/supplier/taxIdentifier".to_owned(), json!(true)),
    ] {
        let world = World::new();
        let job = world.add_job(vec![Item::invoice(2500).vendor("Somebody").id(ENTRY).build()]);
        world.sandbox.fault(odd(ENTRY, &pointer, Some(value)));
        world.run(&["poll"]).exits(0);
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Completed, "{pointer}");
        let is_remarked = evidence(&world).contains("the supplier");
        assert_eq!(is_remarked, pointer.starts_with("/supplier"), "{pointer}");
    }
    // Without a vendor the supplier may be who is owed.
    let world = World::new();
    world.add_job(vec![Item::card_purchase(2500).id(ENTRY).build()]);
    world.sandbox.fault(odd(
        ENTRY,
        "/supplier",
        Some(json!({"name": "Shop", "code": true})),
    ));
    world.run(&["poll"]).exits(3);
}

#[test]
fn a_failed_job_that_tells_no_type_is_the_one_that_was_told_to_fail() {
    for has_type in [true, false] {
        let world = World::new();
        let mut item = Item::card_purchase(2500).id(ENTRY).build();
        item["supplier"] = json!({"name": "Shop", "code": true});
        let job = world.add_job(vec![item]);
        if !has_type {
            world.sandbox.fault(odd(&job, "/failureReasonType", None));
        }
        let run = world.run(&["poll"]).exits(3);
        assert!(!run.stderr.contains("expired"), "{run}");
        assert_eq!(world.sandbox.job(&job).status, JobStatus::Failed);
    }
}

#[test]
fn what_decides_about_money_stays_strict() {
    for (pointer, value) in [
        ("/amount/inWalletCurrency/value", json!("2500")),
        ("/date", json!("1 June")),
        ("/accountingEntryLines/0/account/code", json!({"code": "6800"})),
        ("/accountingEntryLines/0/lineAmount", json!([])),
        ("/companyId", json!(7)),
    ] {
        let world = World::new();
        let job = world.add_job(vec![
            Item::card_purchase(2500).id(ENTRY).build(),
            Item::card_purchase(900).build(),
        ]);
        world.sandbox.fault(odd(ENTRY, pointer, Some(value.clone())));
        let run = world.run(&["poll"]);
        assert_eq!(run.code, Some(3), "{pointer} {value} {run}");
        assert_eq!(
            world.sandbox.job(&job).item(ENTRY).status,
            ItemStatus::Failed,
            "{pointer}"
        );
        assert_eq!(world.books().entries().len(), 1);
    }
}

/// What the books keep of the payloads, and the remarks.
fn evidence(world: &World) -> String {
    fn walk(folder: &std::path::Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, text);
            } else if path
                .extension()
                .is_some_and(|extension| extension != "pdf" && extension != "png")
            {
                text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap()));
            }
        }
    }
    let mut text = String::new();
    walk(&world.books().folder, &mut text);
    text
}

#[test]
fn the_company_of_an_expense_is_known_in_capitals_too() {
    let world = World::new();
    let company = world.sandbox.company().to_uppercase();
    assert_ne!(company, world.sandbox.company());
    let item = Item::card_purchase(100).set("companyId", company.into());
    world.add_job(vec![item.build()]);
    world.run(&["poll"]).exits(0);
    world.keeps_its_promise();
}
