//! Random mixes of what belongs to a vendor's invoices: bills, payments in parts, returned payments, refunds, credit
//! notes, duplicates, foreign currency, and items that fail on a receipt or an account. Few vendors and few numbers, so
//! that nearly everything has to do with something else.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::sandbox::seed::Item;

/// The account that no accounting system of these tests takes, as found out only while booking.
pub const CLOSED_ACCOUNT: &str = "9999";

/// An account that the books of these tests open from 2026 on only.
pub const OLD_ACCOUNT: &str = "6890";

/// The ways in which Pleo may name the same few vendors.
fn vendors() -> Vec<(Option<Value>, Value)> {
    let vendor = |code: Option<&str>, external_id: Option<&str>, tax_number: Option<&str>| {
        json!({
            "id": "3f98e277-4cbd-47ad-9c90-a9587403e430", "name": "Acme ApS", "defaultCurrency": "DKK",
            "code": code, "externalId": external_id, "taxRegistrationNumber": tax_number,
        })
    };
    let shop = json!({ "name": "Shop" });
    vec![
        (Some(vendor(Some("V100"), None, None)), shop.clone()),
        (
            Some(vendor(Some("V100"), Some("E1"), Some("DK12345678"))),
            shop.clone(),
        ),
        (Some(vendor(None, Some("E1"), None)), shop.clone()),
        (Some(vendor(None, None, Some("12 34 56 78"))), shop.clone()),
        (
            Some(vendor(Some("V200"), Some("E2"), Some("DK12345678"))),
            shop.clone(),
        ),
        (None, json!({ "name": "Acme", "code": "V100", "account": "4400" })),
        (None, json!({ "name": "Named", "code": "V300" })),
    ]
}

/// Items in the order of work: by date, then by accounting entry.
pub fn mix(seed: u64) -> Vec<Value> {
    let mut random = Rng::with_seed(seed);
    let vendors = vendors();
    let vendors: Vec<_> = random.choose_multiple(vendors.iter(), 3);
    let count = random.usize(6..15);
    let mut items: Vec<Value> = (0..count)
        .map(|at| item(&mut random, &vendors, seed * 1_000 + u64::try_from(at).unwrap()))
        .collect();
    items.sort_by_key(|item| {
        let text = |key: &str| item[key].as_str().unwrap().to_owned();
        (text("date"), text("accountingEntryId"))
    });
    items
}

/// The accounting entry of an item.
pub fn entry(item: &Value) -> String {
    item["accountingEntryId"].as_str().unwrap().to_owned()
}

/// Cuts the items into jobs, anywhere or nowhere.
pub fn cut(items: &[Value], random: &mut Rng) -> Vec<Vec<Value>> {
    let mut jobs: Vec<Vec<Value>> = vec![Vec::new()];
    let pieces = *random.choice(&[0, 1, 4]).unwrap();
    for item in items {
        if random.u8(0..8) < pieces && !jobs.last().unwrap().is_empty() {
            jobs.push(Vec::new());
        }
        jobs.last_mut().unwrap().push(item.clone());
    }
    jobs
}

/// Code and identifier of an account.
type Name = (Option<&'static str>, Option<&'static str>);

/// The ways in which Pleo may name the same few accounts.
const NAMES: &[Name] = &[
    (Some("6800"), Some("I-1")),
    (Some("6800"), Some("I-2")),
    (Some("6800"), None),
    (None, Some("I-1")),
    (None, Some("6800")),
    (Some("I-1"), None),
    (Some(OLD_ACCOUNT), Some("I-1")),
];

fn item(random: &mut Rng, vendors: &[&(Option<Value>, Value)], number: u64) -> Value {
    let price = *pick(random, &[10_000, 10_000, 6_000, 4_000, 20_000]);
    // The same price in euros, at the rate of another day.
    let in_euros = (random.u8(0..3) == 0).then_some(price / 8);
    let amount = price + in_euros.map_or(0, |_| random.i64(0..3) * 100);
    let mut item = match random.u8(0..20) {
        0..=5 => Item::invoice(amount),
        6 => Item::invoice(-amount),
        7..=11 => Item::invoice_payment(amount),
        12 => Item::invoice_payment(amount).sub_type("invoice_payment_returned"),
        13..=14 => Item::card_invoice(amount),
        15..=16 => Item::card_purchase(amount),
        17 => Item::refund(amount),
        18 => Item::chargeback(amount),
        _ => Item::fee(amount),
    };
    if let Some(euros) = in_euros {
        item = item.supplier_currency("EUR", euros);
    }
    let (vendor, supplier) = pick(random, vendors);
    item = item.numbered(number).set("supplier", supplier.clone());
    if let Some(vendor) = vendor {
        item = item.set("vendor", vendor.clone());
    }
    item = match random.u8(0..8) {
        0 => item,
        1 => item.method("journal"),
        _ => item.method("accounts_payable"),
    };
    let invoice = json!({
        "invoiceNumber": pick(random, &["A-1", "A-1", "a 1", "B2", "b-2"]),
        "invoiceDate": pick(random, &[Some("2025-12-30"), Some("2026-01-10"), Some("2026-01-10"), None]),
        "status": "paid",
    });
    if random.u8(0..12) > 0 {
        item = item.additional("invoiceInformation", invoice);
    }
    item = match random.u8(0..16) {
        0 => item.missing_receipt(),
        1 => item.without_account(),
        2 => item.account(CLOSED_ACCOUNT),
        3 => item.receipt("pdf"),
        _ => item,
    };
    // Several on one day, so that the order of their entries decides as well.
    let date = pick(random, &["2025-12-30", "2026-01-10", "2026-01-11", "2026-01-20"]);
    let mut item = item.date(&format!("{date}T10:00:00Z")).build();
    if random.u8(0..3) == 0 {
        name_accounts(random, &mut item);
    }
    item
}

/// Names the accounts of the lines by code, by identifier or by both.
fn name_accounts(random: &mut Rng, item: &mut Value) {
    let lines = item["accountingEntryLines"].as_array_mut().unwrap();
    for account in lines.iter_mut().map(|line| &mut line["account"]) {
        let (code, identifier) = *pick(random, NAMES);
        if !account.is_null() && account["code"] != CLOSED_ACCOUNT {
            account["code"] = json!(code);
            account["identifier"] = json!(identifier);
        }
    }
}

fn pick<'a, T>(random: &mut Rng, from: &'a [T]) -> &'a T {
    &from[random.usize(0..from.len())]
}
