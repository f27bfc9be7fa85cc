//! How items are cut into jobs changes nothing in Odoo either: a sample of what `tests/workflow/invariance.rs` shows with
//! many mixes elsewhere.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::sandbox::seed::Item;
use crate::support::{self, Server};
use crate::whole_job::entries;
use crate::world;

const VENDOR: &str = "Nordlys Kontor A/S";

/// An open bill of two years ago, a bill of the same number, the same bill once more, a payment of a part, a refund in two
/// parts, the rest, and last year's number.
fn items(number: u64) -> Vec<Value> {
    let dated = |item: Item, n: u64, day: &str, typed: &str| {
        let day = format!("{day}T00:00:00Z");
        item.vendor(VENDOR)
            .method("accounts_payable")
            .invoice_information(&format!("I-{typed}{number}"), &day, &day)
            .numbered(number + n)
            .date(&format!("2026-09-{:02}T10:00:00Z", n + 1))
    };
    let paid = |amount| Item::invoice_payment(amount).without_account();
    let items = [
        dated(Item::invoice(9_900).without_tax(), 0, "2024-09-01", ""),
        dated(Item::invoice(9_900).without_tax(), 1, "2026-09-01", ""),
        dated(Item::invoice(9_900).without_tax(), 2, "2026-09-02", " "),
        dated(paid(4_000), 3, "2026-09-01", ""),
        dated(Item::card_invoice(5_000).without_tax(), 4, "2026-09-04", "c"),
        dated(Item::refund(2_000).without_tax(), 5, "2026-09-05", "c"),
        dated(Item::refund(1_000).without_tax(), 6, "2026-09-05", "C-"),
        dated(paid(5_900), 7, "2026-09-01", ""),
        dated(Item::invoice(9_900).without_tax(), 8, "2025-09-01", ""),
    ];
    items.into_iter().map(Item::build).collect()
}

/// What became of each item, in their order: verdict and documents, without numbers and ids.
fn outcome(server: &Server, jobs: &[Vec<Value>]) -> Vec<(String, Vec<String>)> {
    let world = world::world(server);
    for job in jobs {
        world.add_job(job.clone());
    }
    let run = world.run(&["poll"]);
    assert!(matches!(run.code, Some(0 | 3 | 4)), "{run}");
    let verdicts: BTreeMap<String, String> = world
        .sandbox
        .jobs()
        .into_iter()
        .flat_map(|job| job.items)
        .map(|item| {
            (
                item.entry,
                format!("{:?} {:?}", item.status, item.failure_reason_type),
            )
        })
        .collect();
    let order = entries(&jobs.concat());
    order
        .iter()
        .map(|entry| {
            let moves = server.moves(std::slice::from_ref(entry));
            let text = |document: &Value| {
                ["move_type", "date", "amount_total", "payment_state", "state"]
                    .map(|field| document[field].to_string())
                    .join(" ")
            };
            let mut documents: Vec<String> = moves.iter().map(text).collect();
            documents.sort();
            (verdicts[entry].clone(), documents)
        })
        .collect()
}

#[test]
fn only_the_items_and_their_order_count() {
    let Some(server) = support::server() else { return };
    let together = outcome(server, &[items(world::new_seed())]);
    let each_alone: Vec<Vec<Value>> = items(world::new_seed())
        .into_iter()
        .map(|item| vec![item])
        .collect();
    assert_eq!(outcome(server, &each_alone), together);
    let booked = together
        .iter()
        .map(|(verdict, _)| verdict.starts_with("Successful"));
    assert_eq!(
        booked.collect::<Vec<_>>(),
        [true, true, false, true, true, true, true, true, true]
    );
    let is_paid = |n: usize| together[n].1.iter().any(|document| document.contains("\"paid\""));
    assert_eq!([0, 1, 8].map(is_paid), [false, true, false], "{together:#?}");
}
