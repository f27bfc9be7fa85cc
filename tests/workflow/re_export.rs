use serde_json::{Value, json};

use crate::interrupt::nth_of;
use crate::sandbox::seed::{Item, Line};
use crate::sandbox::{Control, Fault, Hook, ItemState, ItemStatus, Trouble};
use crate::support::World;

const ENTRY: &str = "7e57c0de-0000-4000-8000-0000000000e1";

fn lunch() -> Item {
    Item::card_purchase(12_500)
        .numbered(7)
        .id(ENTRY)
        .supplier("Kiosk at the corner")
        .tax("S25")
        .receipt("pdf")
}

/// A world in which the lunch is in the books as PLEO-2026-000001.
fn booked() -> World {
    let world = World::new();
    world.add_job(vec![lunch().build()]);
    world.run(&["poll"]).exits(0);
    world
}

fn export_again(world: &World, payload: Value, code: i32) -> ItemState {
    let job = world.add_job(vec![payload]);
    world.run(&["poll"]).exits(code);
    let state = world.sandbox.job(&job);
    assert!(state.status.is_ended());
    state.item(ENTRY).clone()
}

fn revisions(world: &World) -> Vec<String> {
    let documents = world.books().documents().into_keys();
    documents.map(|(_, _, revision)| revision).collect()
}

#[test]
fn a_receipt_that_is_missing_beside_an_entry_without_a_plan_is_told() {
    let world = booked();
    let world =
        world.with_settings("[bookkeeping]\nattachments = 'best_effort'\nclosed_until = '2099-12-31'\n");
    world.sandbox.fault(
        Fault::new(Trouble::Status(404))
            .on("GET", "/receipts/**")
            .always(),
    );
    world.add_job(vec![lunch().build()]);
    let run = world.run(&["poll", "--json"]).exits(0);
    let remarks = run.json()["jobs"][0]["remarks"].to_string();
    assert!(remarks.contains("Receipt 1 of 1"), "{run}");
}

#[test]
fn the_same_content_gets_the_old_id_however_the_first_job_ended() {
    let ends: [fn(&Control, &str); 2] = [
        |control, job| control.expire_job(job),
        |control, job| control.cancel_job(job),
    ];
    for end in ends {
        let world = World::new();
        let job = world.add_job(vec![lunch().build()]);
        let (control, id, is_verdict) = (world.sandbox.control(), job.clone(), nth_of("PUT", 2));
        world.sandbox.on_request(move |request| {
            if is_verdict(request) {
                end(&control, &id);
            }
            Hook::Continue
        });
        world.run(&["poll"]).exits(4);
        assert_eq!(world.sandbox.job(&job).item(ENTRY).status, ItemStatus::Abandoned);
        let item = export_again(&world, lunch().build(), 0);
        assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"));
        assert_eq!(world.books().numbers().len(), 1);
        world.keeps_its_promise_and_all_rules();
    }
}

#[test]
fn the_same_content_after_a_success_is_found_with_what_informs_alone_changed() {
    let world = booked();
    let noted = lunch()
        .note("a note that was written later")
        .attendees(&["Ida"])
        .build();
    let item = export_again(&world, noted, 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"));
    assert_eq!(world.books().numbers().len(), 1);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn a_folder_of_batches_that_comes_with_the_first_of_them_is_seen_by_the_same_run() {
    let world = World::new();
    std::fs::create_dir_all(world.path("books")).unwrap();
    let ledger = "include \"accounts.beancount\"\ninclude \"pleo/**/*.beancount\"\n";
    std::fs::write(world.path("books/main.beancount"), ledger).unwrap();
    std::fs::write(world.path("books/accounts.beancount"), "").unwrap();
    let jobs = [
        world.add_job(vec![lunch().build()]),
        world.add_job(vec![lunch().build()]),
    ];
    world.run(&["poll"]);
    for job in jobs {
        let item = world.sandbox.job(&job).item(ENTRY).clone();
        assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"), "{item:?}");
    }
    assert_eq!(world.books().numbers().len(), 1);
}

#[test]
fn an_item_that_failed_is_booked_once_its_cause_is_gone() {
    let world = World::new();
    let item = export_again(&world, lunch().without_account().build(), 3);
    assert_eq!(item.failure_reason_type.as_deref(), Some("missing_configuration"));
    let item = export_again(&world, lunch().build(), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"));
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn changed_content_is_refused_by_name_and_needs_a_person() {
    let changes = [
        (
            lunch().split([Line::new("6800", 12_500).tax("Z0")]).build(),
            "the tax is now Z0 0.00 instead of S25 25.00",
        ),
        (
            lunch().account("6830").build(),
            "the account is now 6830 instead of 6800",
        ),
        (
            lunch().date("2026-09-15T10:30:00Z").build(),
            "the date is now 2026-09-15 instead of 2026-09-14",
        ),
        (
            lunch()
                .split([Line::new("6800", 6_000), Line::new("6830", 6_500)])
                .build(),
            "the split is now 60.00 on 6800 / 65.00 on 6830 instead of 125.00 on 6800 with S25 25.00",
        ),
        (
            Item::card_purchase(9_900)
                .numbered(7)
                .id(ENTRY)
                .supplier("Kiosk at the corner")
                .tax("S25")
                .receipt("pdf")
                .build(),
            "the amount is now 99.00 DKK instead of 125.00 DKK; the tax is now S25 19.80 instead of S25 25.00",
        ),
    ];
    let world = booked();
    let before = world.books().files();
    for (payload, says) in changes {
        let item = export_again(&world, payload, 6);
        let reason = item.failure_reason.unwrap();
        assert!(reason.starts_with("Booked as PLEO-2026-000001: "), "{reason}");
        assert!(
            reason.contains(says) && reason.contains("reverse PLEO-2026-000001"),
            "{reason}"
        );
    }
    assert_eq!(world.books().files(), before, "nothing was written");
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn each_particular_that_changed_is_named_as_what_it_is() {
    let line = "/accountingEntryLines/0";
    let at = |rest: &str| format!("{line}{rest}");
    let changes = [
        (
            vec![(at("/tax/ingoingTaxAccount"), json!("1511"))],
            "the account of the tax is now 1511 instead of Assets:Tax:1510",
        ),
        (
            vec![(at("/tax/type"), json!("exclusive"))],
            "the type of the tax is now exclusive (before: not known here)",
        ),
        (
            vec![
                (at("/tax/amount/inWalletCurrency/value"), json!(2_000)),
                (at("/netAmount/inWalletCurrency/value"), json!(10_500)),
            ],
            "the tax is now S25 20.00 instead of S25 25.00",
        ),
    ];
    let world = booked();
    let before = world.books().files();
    for (sets, says) in changes {
        let mut payload = lunch().build();
        for (pointer, value) in sets {
            *payload.pointer_mut(&pointer).unwrap() = value;
        }
        let reason = export_again(&world, payload, 6).failure_reason.unwrap();
        let (_, clauses) = reason.split_once("after it was booked: ").unwrap();
        assert_eq!(
            clauses,
            format!("{says}: run `pleo-export reverse PLEO-2026-000001`, then export again.")
        );
    }
    assert_eq!(world.books().files(), before, "nothing was written");
}

#[test]
fn the_employee_who_is_owed_is_named_with_both_codes() {
    let world = World::new();
    let mut payload = lunch().build();
    payload["type"] = json!("out_of_pocket");
    payload["contraAccount"] = json!(null);
    payload["user"] = json!({ "name": "Freja Sørensen", "code": "E7" });
    export_again(&world, payload.clone(), 0);
    payload["user"] = json!({ "name": "Łukasz Żak", "code": "E8" });
    let reason = export_again(&world, payload, 6).failure_reason.unwrap();
    let says = "the employee is now E8 (Łukasz Żak) instead of E7";
    assert!(reason.contains(says), "{reason}");
}

#[test]
fn reversed_by_command_it_is_booked_as_revision_2_with_the_new_content() {
    let world = booked();
    world.run(&["reverse", "PLEO-2026-000001"]).exits(0);
    let changed = lunch().account("6830").build();
    let item = export_again(&world, changed.clone(), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000003"));
    assert_eq!(revisions(&world), ["1", "2"]);
    let item = export_again(&world, changed, 0);
    assert_eq!(
        item.external_id.as_deref(),
        Some("PLEO-2026-000003"),
        "and only once"
    );
    assert_eq!(revisions(&world), ["1", "2"]);
    world.books().are_clean();
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn reversed_by_a_counter_entry_it_is_booked_as_revision_2() {
    let world = booked();
    let counter = format!(
        "2026-09-20 * \"taken back\" ^pleo-{ENTRY}\n  Expenses:6800  -100.00 DKK\n  Assets:Tax:1510  -25.00 DKK\n  \
         Assets:Pleo:5820  125.00 DKK\n"
    );
    world
        .books()
        .edit("main.beancount", |text| format!("{text}\n{counter}"));
    let item = export_again(&world, lunch().build(), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000002"));
    assert_eq!(revisions(&world), ["1", "2"]);
    world.books().are_clean();
}

#[test]
fn deleted_by_hand_it_is_booked_again() {
    let world = booked();
    world.books().take_out(|block| block.contains(ENTRY));
    assert_eq!(world.books().entries().len(), 0);
    let item = export_again(&world, lunch().build(), 0);
    assert_eq!(item.status, ItemStatus::Successful);
    assert_eq!(world.books().entries(), [ENTRY]);
    world.keeps_its_promise_and_all_rules();
}

#[test]
fn only_a_receipt_missing_is_attached() {
    let world = World::new().impatient();
    let world = world.with_settings("[bookkeeping]\nattachments = \"best_effort\"\n");
    world.sandbox.fault(
        Fault::new(Trouble::Status(404))
            .on("GET", "/receipts/**")
            .always(),
    );
    let item = export_again(&world, lunch().build(), 0);
    assert_eq!(item.status, ItemStatus::Successful);
    assert_eq!(world.books().attached().len(), 0);
    world.sandbox.clear_faults();
    let item = export_again(&world, lunch().build(), 0);
    assert_eq!(item.external_id.as_deref(), Some("PLEO-2026-000001"));
    assert_eq!(world.books().attached().len(), 1);
    export_again(&world, lunch().build(), 0);
    assert_eq!(world.books().attached().len(), 1, "and only once");
    // Another receipt that was added in Pleo comes to the entry, which stays the one it is.
    export_again(&world, lunch().receipt("png").build(), 0);
    assert_eq!(
        (world.books().attached().len(), world.books().numbers().len()),
        (2, 1)
    );
    world.books().are_clean();
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

#[test]
fn a_receipt_that_cannot_be_had_any_more_is_no_silent_success() {
    let world = booked();
    let item = export_again(&world, lunch().missing_receipt().build(), 3);
    let reason = item.failure_reason.unwrap();
    assert!(
        reason.starts_with("Booked as PLEO-2026-000001: Receipt 2 of 2"),
        "{reason}"
    );
    world.keeps_its_promise_and_all_rules();
}
