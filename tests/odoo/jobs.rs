//! What an integrator decides and what an accountant changes in Odoo, seen through whole jobs.

use std::slice;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::door::{Door, Passage};
use crate::program::World;
use crate::sandbox::seed::Item;
use crate::sandbox::{ItemState, ItemStatus, JobStatus};
use crate::support::{self, ARCHIVED};
use crate::whole_job::{entries, failures};
use crate::world;

const SALES_TAX: &str = "X25 is set to S_DK_25, which is not among the purchase taxes";
const VENDOR: &str = "Nordlys Kontor A/S";

fn invoice(item: Item, number: u64) -> Value {
    let (date, due) = ("2026-09-01T00:00:00Z", "2026-09-30T00:00:00Z");
    item.vendor(VENDOR)
        .method("accounts_payable")
        .invoice_information(&format!("J-{number}"), date, due)
        .build()
}

/// Runs a job of its own and answers what became of its items.
#[track_caller]
fn export(world: &World, items: &[Value], code: i32) -> Vec<ItemState> {
    let job = world.add_job(items.to_vec());
    world.run(&["poll"]).exits(code);
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
    world.sandbox.job(&job).items
}

#[test]
fn a_bill_is_paid_by_the_payment_of_a_later_job() {
    let Some(server) = support::server() else { return };
    let world = world::world(server);
    let number = world::new_seed();
    let bill = invoice(Item::invoice(9_900).tax("S25").numbered(number), number);
    let payment = Item::invoice_payment(9_900)
        .without_account()
        .numbered(number + 1);
    let payment = invoice(payment, number);
    let state = || server.moves(&entries(slice::from_ref(&bill)))[0]["payment_state"].clone();
    export(&world, slice::from_ref(&bill), 0);
    assert_eq!(state(), "not_paid");
    export(&world, &[payment], 0);
    assert_eq!(state(), "paid");
}

#[test]
fn drafts_are_completed_once_final_entries_are_wanted() {
    let Some(server) = support::server() else { return };
    let world = world::world_at(server, &server.url, "posting = \"draft\"");
    let number = world::new_seed();
    let items = [
        Item::card_purchase(5_000).tax("S25").numbered(number).build(),
        invoice(Item::card_purchase(2_000).numbered(number + 1), number),
    ];
    let entries = entries(&items);
    let states = || -> Vec<Value> {
        let documents = server.moves(&entries);
        documents
            .iter()
            .map(|document| document["state"].clone())
            .collect()
    };
    let told = export(&world, &items, 0);
    assert_eq!(states(), ["draft", "draft", "draft"]);
    assert!(told[0].external_id.as_deref().unwrap().starts_with("draft "));
    let world = world.with_settings(&world::settings(&server.database, &server.url, ""));
    let told = export(&world, &items, 0);
    assert_eq!(states(), ["posted", "posted", "posted"]);
    let number = told[1].external_id.as_deref().unwrap();
    assert!(number.starts_with("BILL/2026/"), "{number}");
}

#[test]
fn closed_periods_follow_the_policy_of_the_settings() {
    let Some(server) = support::server() else { return };
    let _guard = support::locks();
    server.lock("fiscalyear_lock_date", Some("2024-03-31"));
    let dated = || {
        let item = Item::card_purchase(5_000).tax("S25").date("2024-02-10T10:00:00Z");
        [item.numbered(world::new_seed()).build()]
    };
    let outcome = |policy: &str, code: i32| -> (ItemState, Vec<Value>) {
        let more = format!("closed_periods = \"{policy}\"");
        let world = world::world_at(server, &server.url, &more);
        let item = dated();
        let told = export(&world, &item, code).remove(0);
        let documents = server.moves(&entries(&item));
        (
            told,
            documents
                .iter()
                .map(|document| document["date"].clone())
                .collect(),
        )
    };
    let (told, booked) = outcome("fail", 3);
    assert!(booked.is_empty());
    let reason = told.failure_reason.unwrap();
    assert!(
        reason.contains("closed until 2024-03-31") && reason.ends_with("Nothing was booked."),
        "{reason}"
    );
    assert_eq!(outcome("next_open", 0).1, ["2024-04-01"]);
    let today = chrono::Utc::now().date_naive().to_string();
    assert_eq!(outcome("today", 0).1, [today]);
    server.lock("fiscalyear_lock_date", None);
}

/// Odoo gives no error then: it posts with another date. No check before the posting can see that coming.
#[test]
fn a_period_that_closes_at_the_moment_of_posting_is_told_with_the_name_of_the_entry() {
    let Some(server) = support::server() else { return };
    let _guard = support::locks();
    let is_closed = AtomicBool::new(false);
    let door = Door::before(&server.url, move |_, request| {
        if request.contains("/account.move/action_post") && !is_closed.swap(true, Ordering::SeqCst) {
            server.lock("fiscalyear_lock_date", Some("2024-03-31"));
        }
        Passage::Open
    });
    let world = world::world_at(server, &door.url, "");
    let number = world::new_seed();
    let items = [
        Item::card_purchase(5_000)
            .tax("S25")
            .date("2024-02-10T10:00:00Z")
            .numbered(number)
            .build(),
        Item::card_purchase(6_000).tax("S25").numbered(number + 1).build(),
    ];
    let told = export(&world, &items, 3);
    server.lock("fiscalyear_lock_date", None);
    let reason = told[0].failure_reason.as_deref().unwrap();
    assert!(
        reason.contains("Odoo moves it to 2024-04-30 by itself"),
        "{reason}"
    );
    assert_eq!(told[1].status, ItemStatus::Successful);
    // What is posted is not taken back.
    let booked = server.moves(&entries(&items));
    assert_eq!(booked.len(), 2, "{booked:?}");
    let moved = booked
        .iter()
        .find(|document| document["date"] == "2024-04-30")
        .unwrap();
    assert_eq!(moved["state"], "posted");
    let name = moved["name"].as_str().unwrap();
    assert!(reason.starts_with(&format!("Booked as {name}: ")), "{reason}");
}

#[test]
fn what_odoo_does_not_have_fails_its_item_alone() {
    let Some(server) = support::server() else { return };
    let settings = world::settings(&server.database, &server.url, "")
        .replace("create_vendors = true", "create_vendors = false")
        .replace(
            "[accounts.map]",
            &format!("[accounts.map]\n\"7000\" = \"{ARCHIVED}\"\n\"7001\" = \"nowhere\""),
        )
        .replace("Pleo X25", "S_DK_25");
    let world = world::world(server).with_settings(&settings);
    let number = world::new_seed();
    let plain = || Item::card_purchase(5_000);
    let stranger = plain().vendor("Never heard of").method("accounts_payable");
    let items: Vec<Value> = (number..)
        .zip([
            plain().tax("S25"),
            plain().account("7000"),
            plain().account("7001"),
            plain().tax("X25"),
            plain().tag("DEPT", "MOON"),
            stranger,
            plain(),
        ])
        .map(|(number, item)| item.numbered(number).build())
        .collect();
    let told = export(&world, &items, 3);
    let verdicts: Vec<&str> = told
        .iter()
        .map(|item| item.failure_reason_type.as_deref().unwrap_or(item.status.name()))
        .collect();
    let expected = [
        "successful",
        "account_unknown",
        "account_unknown",
        "tax_code_unknown",
        "tag_unknown",
        "vendor_unknown",
        "successful",
    ];
    assert_eq!(verdicts, expected);
    let booked = server.moves(&entries(&items));
    assert_eq!(booked.len(), 2);
    for (item, named) in told
        .iter()
        .zip(["", ARCHIVED, "nowhere", SALES_TAX, "MOON", "Never heard of", ""])
    {
        let reason = item.failure_reason.as_deref().unwrap_or_default();
        assert!(reason.contains(named), "{reason}");
        assert_eq!(
            reason.ends_with("Nothing was booked."),
            !named.is_empty(),
            "{reason}"
        );
    }
}

#[test]
fn a_journal_that_was_renamed_fails_the_job_and_nothing_is_booked() {
    let Some(server) = support::server() else { return };
    let code = format!("P{:04}", fastrand::u32(..10_000));
    let journal = json!([{ "name": format!("Pleo {code}"), "code": code, "type": "general" }]);
    let id = server.call("account.journal", "create", json!({ "vals_list": journal }));
    let journals = format!("create_vendors = true\njournals = {{ general = \"{code}\" }}");
    let settings =
        world::settings(&server.database, &server.url, "").replace("create_vendors = true", &journals);
    let world = world::world(server).with_settings(&settings);
    let item = || [Item::card_purchase(5_000).numbered(world::new_seed()).build()];
    let told = export(&world, &item(), 0);
    assert!(told[0].external_id.as_deref().unwrap().starts_with(&code));

    let renamed = format!("Q{}", &code[1..]);
    let rename = json!({ "ids": id, "vals": { "code": renamed } });
    server.call("account.journal", "write", rename);
    let items = item();
    let job = world.add_job(items.to_vec());
    world
        .run(&["poll"])
        .exits(4)
        .says(&format!("Journal {code}"))
        .says("was renamed or archived");
    assert_eq!(world.sandbox.job(&job).status, JobStatus::Failed);
    assert!(server.moves(&entries(&items)).is_empty());

    let world = world.with_settings(&settings.replace(&code, &renamed));
    assert_eq!(export(&world, &items, 0)[0].status, ItemStatus::Successful);
}

#[test]
fn a_user_without_the_right_to_payments_fails_the_job_before_anything_is_booked() {
    let Some(server) = support::server() else { return };
    let world = world::world(server).with_variable("ODOO_API_KEY", &server.no_payments);
    let number = world::new_seed();
    let items = [invoice(Item::card_purchase(2_000).numbered(number), number)];
    let job = world.add_job(items.to_vec());
    world.run(&["poll"]).exits(4).says("may not register payments");
    let job = world.sandbox.job(&job);
    assert_eq!(job.status, JobStatus::Failed);
    assert_eq!(job.failure_reason_type.as_deref(), Some("authorization_failure"));
    assert!(server.moves(&entries(&items)).is_empty());
}

#[test]
fn an_entry_that_was_begun_with_another_hash_is_completed() {
    let Some(server) = support::server() else { return };
    let bill = || {
        Item::card_purchase(4_000)
            .vendor(VENDOR)
            .method("accounts_payable")
            .without_tax()
    };
    let number = world::new_seed();
    let mut items = vec![
        bill().numbered(number).build(),
        bill().numbered(number + 1).build(),
    ];
    let drafts = world::world_at(server, &server.url, "posting = \"draft\"");
    drafts.add_job(items.clone());
    drafts.run(&["poll"]).exits(0);
    // Vendors got a reference in Pleo since; and a hash of another version stands on the second entry.
    for item in &mut items {
        item["vendor"]["taxRegistrationNumber"] = json!("DK30303030");
    }
    for document in server.moves(&entries(&items[1..])) {
        let own = json!([["id", "=", document["id"]]]);
        let origin = server.search("account.move", own, &["invoice_origin"])[0]["invoice_origin"].clone();
        let origin = origin.as_str().unwrap().replace(" 2:", " 9:");
        assert!(origin.contains(" 9:"), "{origin}");
        let vals = json!({ "ids": [document["id"]], "vals": { "invoice_origin": origin } });
        server.call("account.move", "write", vals);
    }
    let world = world::world(server);
    let job = world.add_job(items.clone());
    let run = world.run(&["poll"]);
    assert!(failures(&world, &job).is_empty(), "{run}");
    let documents = server.moves(&entries(&items));
    assert_eq!(documents.len(), 4);
    assert!(
        documents.iter().all(|document| document["state"] == "posted"),
        "{documents:?}"
    );
}
