use serde_json::{Value, json};

use crate::attack::ENTRY;
use crate::sandbox::ItemStatus;
use crate::sandbox::seed::{Item, Line};
use crate::support::World;

/// A bill with everything that has a code or a number.
fn bill() -> Value {
    Item::card_purchase(12_500)
        .numbered(1)
        .id(ENTRY)
        .split([
            Line::new("6800", 5_000).tax("S25").tag("DEPT", "SALES"),
            Line::new("6830", 7_500),
        ])
        .vendor("Nordlys Kontor A/S")
        .method("accounts_payable")
        .invoice_information("INV", "2026-09-01", "2026-09-30")
        .user(0)
        .team(0)
        .build()
}

#[test]
fn a_code_that_is_too_long_fails_its_item_alone_and_the_text_names_it() {
    for (pointer, named) in [
        ("/vendor/code", "The code of the vendor"),
        ("/vendor/taxRegistrationNumber", "The tax number of the vendor"),
        ("/user/code", "The code of the employee"),
        ("/team/code", "The code of the team"),
        (
            "/accountingEntryLines/0/account/code",
            "The code of the account of line 1",
        ),
        (
            "/accountingEntryLines/0/tax/code",
            "The code of the tax of line 1",
        ),
        (
            "/accountingEntryLines/0/tags/0/code",
            "The code of tag 1 of line 1",
        ),
        (
            "/accountingEntryLines/0/tags/0/groupCode",
            "The group of tag 1 of line 1",
        ),
        (
            "/additionalInformation/invoiceInformation/invoiceNumber",
            "The number of the invoice",
        ),
        (
            "/additionalInformation/reconciliationId",
            "The book id of the expense",
        ),
    ] {
        for (length, fits) in [(200, true), (201, false)] {
            let world = World::new();
            let mut item = bill();
            *item
                .pointer_mut(pointer)
                .unwrap_or_else(|| panic!("no {pointer}")) = json!("9".repeat(length));
            let job = world.add_job(vec![item, Item::card_purchase(100).build()]);
            let run = world.run(&["poll"]);
            let state = world.sandbox.job(&job);
            let item = state.item(ENTRY);
            if fits {
                assert_eq!(item.status, ItemStatus::Successful, "{pointer}: {item:?} {run}");
                continue;
            }
            assert_eq!(state.count(ItemStatus::Successful), 1);
            assert_eq!(
                item.failure_reason_type.as_deref(),
                Some("validation_failure"),
                "{item:?}"
            );
            let reason = item.failure_reason.as_ref().unwrap();
            assert!(
                reason.starts_with(&format!("{named} has 201 characters, more than the 200 ")),
                "{reason}"
            );
            world.keeps_its_promise();
        }
    }
}

#[test]
fn long_texts_are_cut_in_the_books_and_found_again() {
    let world = World::new();
    let mut item = bill();
    let long = "\u{f8}re \"og\" \\ mere ".repeat(5_000);
    item["note"] = json!(long);
    item["supplier"]["name"] = json!(long);
    item["user"]["name"] = json!(long);
    item["vendor"]["name"] = json!(long);
    world.add_job(vec![item.clone()]);
    world.run(&["poll"]).exits(0);
    let size: usize = world.books().files().values().map(String::len).sum();
    assert!(size < 100_000, "{size}");
    assert!(
        world
            .books()
            .files()
            .values()
            .any(|text| text.contains("… [cut]\""))
    );
    world.books().are_clean();
    let numbers = world.books().numbers();
    world.add_job(vec![item]);
    world.run(&["poll"]).exits(0);
    assert_eq!(world.books().numbers(), numbers);
    world.keeps_its_promise_and_all_rules();
}
