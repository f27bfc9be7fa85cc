//! The program's main job with Odoo behind it, read back through Odoo's own API.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::paper;
use crate::program::World;
use crate::sandbox::{ItemStatus, seed};
use crate::support::{self, Server};
use crate::world::{self, CHART};

#[test]
fn sixty_mixed_items_are_in_odoo_as_they_are_on_paper() {
    let Some(server) = support::server() else { return };
    let world = world::world(server);
    let items = seed::mixed(60, world::new_seed());
    let job = world.add_job(items.clone());
    let run = world.run(&["poll"]);
    assert!(
        world.sandbox.job(&job).count(ItemStatus::Successful) == 60,
        "{run}\n{:#?}",
        failures(&world, &job)
    );
    run.exits(0);

    let entries = entries(&items);
    assert_eq!(server.balances(&entries), paper::expected(&items, &CHART));
    let documents = server.moves(&entries);
    let by_entry = by_entry(&documents);
    assert_eq!(by_entry.len(), 60);
    assert!(documents.iter().all(|document| document["state"] == "posted"));
    every_bill_stands_as_its_payments_say(&items, &by_entry);
    receipts_are_attached(server, &items, &by_entry);
    what_employees_are_owed_names_them(server, &documents);
    let told = world.sandbox.job(&job);
    for item in &told.items {
        let number = item.external_id.as_deref().unwrap();
        let document = by_entry[&item.entry]
            .iter()
            .find(|document| document["name"] == number);
        let id = &document.unwrap_or_else(|| panic!("{number} is not in Odoo"))["id"];
        let link = item.external_url.as_deref().unwrap();
        assert!(link.ends_with(&format!("res_id={id}")), "{link}");
    }

    // Exported again: the same numbers, and nothing more in Odoo.
    let again = world.add_job(items.clone());
    world.run(&["poll"]).exits(0);
    let told_again = world.sandbox.job(&again);
    for (before, after) in told.items.iter().zip(&told_again.items) {
        assert_eq!(before.external_id, after.external_id);
    }
    assert_eq!(server.moves(&entries).len(), documents.len());
    assert_eq!(server.balances(&entries), paper::expected(&items, &CHART));
    assert_eq!(world.sandbox.broken_rules(), Vec::<String>::new());
}

pub(crate) fn entries(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .map(|item| item["accountingEntryId"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) fn failures(world: &World, job: &str) -> Vec<String> {
    world
        .sandbox
        .job(job)
        .items
        .into_iter()
        .filter_map(|item| item.failure_reason)
        .collect()
}

/// The origin of a document is `pleo`, its entry, and more.
fn by_entry(documents: &[Value]) -> BTreeMap<String, Vec<Value>> {
    let mut by_entry: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for document in documents {
        let origin = document["invoice_origin"].as_str().unwrap();
        let entry = origin.split(' ').nth(1).unwrap().to_owned();
        by_entry.entry(entry).or_default().push(document.clone());
    }
    by_entry
}

/// A bill is paid by its own payment or by that of another item, unless that payment came back.
fn every_bill_stands_as_its_payments_say(items: &[Value], by_entry: &BTreeMap<String, Vec<Value>>) {
    let number = |item: &Value| item["additionalInformation"]["invoiceInformation"]["invoiceNumber"].clone();
    let came_back: Vec<Value> = items
        .iter()
        .filter(|item| item["subType"] == "invoice_payment_returned")
        .map(number)
        .collect();
    let mut seen = BTreeMap::<&str, usize>::new();
    for item in items {
        let is_payable = item["bookkeeping"]["method"] == "accounts_payable";
        if !is_payable || item["type"] == "invoice_payment" {
            continue;
        }
        let state = if item["type"] == "invoice" && came_back.contains(&number(item)) {
            "not_paid"
        } else {
            "paid"
        };
        let documents = &by_entry[item["accountingEntryId"].as_str().unwrap()];
        let bill = documents
            .iter()
            .find(|document| ["in_invoice", "in_refund"].contains(&document["move_type"].as_str().unwrap()));
        assert_eq!(bill.unwrap()["payment_state"], state, "{item:#}");
        *seen.entry(state).or_default() += 1;
    }
    assert_eq!(seen, BTreeMap::from([("not_paid", 2), ("paid", 6)]));
}

fn what_employees_are_owed_names_them(server: &Server, documents: &[Value]) {
    let ids: Vec<&Value> = documents.iter().map(|document| &document["id"]).collect();
    let accounts = [CHART.out_of_pocket, CHART.receivable];
    let domain = json!([["move_id", "in", ids], ["account_id.code", "in", accounts]]);
    let lines = server.search("account.move.line", domain, &["partner_id", "name"]);
    assert!(lines.len() > 10, "only {} lines", lines.len());
    for line in lines {
        assert!(line["partner_id"].is_array(), "{line}");
    }
}

fn receipts_are_attached(server: &Server, items: &[Value], by_entry: &BTreeMap<String, Vec<Value>>) {
    let mut attached = 0;
    for item in items {
        let entry = item["accountingEntryId"].as_str().unwrap();
        let ids: Vec<&Value> = by_entry[entry].iter().map(|document| &document["id"]).collect();
        let domain = json!([["res_model", "=", "account.move"], ["res_id", "in", ids]]);
        let there = server.search("ir.attachment", domain, &["file_size"]);
        let mut sizes: Vec<u64> = there
            .iter()
            .map(|file| file["file_size"].as_u64().unwrap())
            .collect();
        let files = item["files"].as_array().map_or(&[][..], Vec::as_slice);
        let mut wanted: Vec<u64> = files.iter().map(|file| file["size"].as_u64().unwrap()).collect();
        sizes.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(sizes, wanted, "{entry}");
        attached += sizes.len();
    }
    assert!(attached > 20, "only {attached} receipts");
}
