//! The items to export: complete, in balance, the same each time.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::sandbox::seed::{self, Item, Line};

fn value(amount: &Value, currency: &str) -> i64 {
    amount[currency]["value"].as_i64().unwrap()
}

#[test]
fn the_same_seed_gives_the_same_items() {
    let items = seed::mixed(60, 4);
    assert_eq!(items, seed::mixed(60, 4));
    assert_eq!(items[59]["accountingEntryId"], json!(seed::entry_id(4, 59)));
    let of_both: Vec<Value> = [items, seed::mixed(60, 5)].concat();
    for key in ["/accountingEntryId", "/additionalInformation/reconciliationId"] {
        let ids: BTreeSet<&str> = of_both
            .iter()
            .filter_map(|item| item.pointer(key)?.as_str())
            .collect();
        assert_eq!(ids.len(), 120, "{key}");
    }
}

#[test]
fn the_quickstart_shows_every_type_three_wallets_and_two_failures() {
    let items = seed::quickstart();
    let all = |key: &str| -> BTreeSet<&str> {
        items
            .iter()
            .filter_map(|item| item.pointer(key)?.as_str())
            .collect()
    };
    assert_eq!(items.len(), 25);
    assert_eq!(all("/type").len(), 17);
    assert_eq!(
        all("/amount/inWalletCurrency/currency"),
        BTreeSet::from(["DKK", "EUR", "GBP"])
    );
    assert_eq!(items[23]["accountingEntryLines"][0]["account"], Value::Null);
    assert_eq!(items[24]["files"][0]["url"], json!("receipt:missing"));
}

#[test]
fn lines_add_up_to_their_item_and_taxes_to_their_line() {
    for item in seed::mixed(270, 8) {
        let lines = item["accountingEntryLines"].as_array().unwrap();
        let sum: i64 = lines
            .iter()
            .map(|line| value(&line["lineAmount"], "inWalletCurrency"))
            .sum();
        assert_eq!(sum, value(&item["amount"], "inWalletCurrency"), "{item}");
        for line in lines.iter().filter(|line| !line["tax"].is_null()) {
            let gross = value(&line["lineAmount"], "inWalletCurrency");
            let net = value(&line["netAmount"], "inWalletCurrency");
            let tax = value(&line["tax"]["amount"], "inWalletCurrency");
            let in_price = if line["tax"]["type"] == json!("reverse") {
                0
            } else {
                tax
            };
            assert_eq!(gross, net + in_price, "{line}");
        }
    }
}

#[test]
fn the_builder_counts_taxes_and_currencies() {
    let lines = [
        Line::new("6800", 10_000).tax("S25"),
        Line::new("6810", 2_500).tax("RC25").tag("DEPT", "ENG"),
    ];
    let item = Item::card_purchase(12_500)
        .supplier_currency("EUR", 1_676)
        .split(lines)
        .build();
    let amount = |pointer: &str| item.pointer(pointer).and_then(Value::as_i64).unwrap();
    assert_eq!(
        amount("/accountingEntryLines/0/tax/amount/inWalletCurrency/value"),
        2_000
    );
    assert_eq!(
        amount("/accountingEntryLines/0/netAmount/inWalletCurrency/value"),
        8_000
    );
    assert_eq!(
        amount("/accountingEntryLines/1/tax/amount/inWalletCurrency/value"),
        625
    );
    assert_eq!(
        amount("/accountingEntryLines/1/netAmount/inWalletCurrency/value"),
        2_500
    );
    assert_eq!(
        amount("/accountingEntryLines/0/lineAmount/inSupplierCurrency/value"),
        1_341
    );
    assert_eq!(
        item["accountingEntryLines"][1]["tags"][0]["groupCode"],
        json!("DEPT")
    );
    assert_eq!(item["contraAccount"]["code"], json!("5820"));
    assert_eq!(
        Item::out_of_pocket(1).build()["contraAccount"],
        Value::Null,
        "moves no wallet"
    );
}
