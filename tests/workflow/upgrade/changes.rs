//! Changes of one field, by the item of the fixture that they are made to.

use serde_json::{Value, json};

use super::item;

/// A change of one field: which item, what is set where in its payload, and the clause that names it with both values.
pub type Change = (usize, Vec<(&'static str, Value)>, &'static str);

const LINE: &str = "/accountingEntryLines/0";

pub fn changes() -> Vec<Change> {
    [of_any_expense(), of_bills_and_more()].concat()
}

fn of_any_expense() -> Vec<Change> {
    let of_line = |rest: &str| -> &'static str { Box::leak(format!("{LINE}{rest}").into_boxed_str()) };
    vec![
        (
            1,
            vec![
                ("/amount/inWalletCurrency/value", json!(13_000)),
                (of_line("/lineAmount/inWalletCurrency/value"), json!(13_000)),
                (of_line("/netAmount/inWalletCurrency/value"), json!(10_500)),
            ],
            "the amount is now 130.00 DKK instead of 125.00 DKK",
        ),
        (
            1,
            vec![("/date", json!("2026-09-15T10:30:00Z"))],
            "the date is now 2026-09-15 instead of 2026-09-01",
        ),
        (
            1,
            vec![(of_line("/account/code"), json!("6830"))],
            "the account is now 6830 instead of 6800",
        ),
        (
            1,
            vec![(of_line("/tax/code"), json!("S26"))],
            "the tax is now S26 25.00 instead of S25 25.00",
        ),
        (
            1,
            vec![(of_line("/tax/ingoingTaxAccount"), json!("1511"))],
            "the account of the tax is now 1511 instead of Expenses:1510",
        ),
        (
            2,
            vec![("/accountingEntryLines/2/tax/ingoingTaxAccount", json!("1511"))],
            "the account of the tax of line 3 is now 1511 instead of Expenses:1510",
        ),
        (
            1,
            vec![(of_line("/tax/rate"), json!(0.26))],
            "the rate of the tax is now 0.26 instead of 0.25",
        ),
        (
            1,
            vec![(of_line("/tags/0/code"), json!("ENG"))],
            "the tags are now DEPT=ENG, PROJECT=P-100 instead of DEPT=SALES, PROJECT=P-100",
        ),
        (
            1,
            vec![(of_line("/tags"), json!([]))],
            "the tags are now none instead of DEPT=SALES, PROJECT=P-100",
        ),
        (
            1,
            vec![("/contraAccount/code", json!("5821"))],
            "the contra account is now 5821 Pleo DKK wallet instead of 5820 Pleo DKK wallet",
        ),
        (
            1,
            vec![("/type", json!("fee"))],
            "the type is now fee instead of card purchase",
        ),
        (
            1,
            vec![("/bookkeeping/method", json!("accounts_payable"))],
            "the bookkeeping method is now accounts payable instead of journal",
        ),
        (
            2,
            vec![("/accountingEntryLines/1/account/code", json!("6820"))],
            "the account of line 2 is now 6820 instead of 6810",
        ),
        (
            2,
            vec![
                ("/accountingEntryLines/1/account/code", json!("6830")),
                ("/accountingEntryLines/2/account/code", json!("6810")),
            ],
            "the account of line 3 is now 6810 instead of 6830",
        ),
    ]
}

fn of_bills_and_more() -> Vec<Change> {
    vec![
        (
            3,
            vec![("/amount/inSupplierCurrency/value", json!(10_100))],
            "the amount in the supplier's currency is now 101.00 EUR instead of 100.00 EUR",
        ),
        (
            4,
            vec![(
                "/additionalInformation/invoiceInformation/invoiceNumber",
                json!("INV-101"),
            )],
            "the invoice number is now INV-101 instead of INV-100",
        ),
        (
            4,
            vec![(
                "/additionalInformation/invoiceInformation/invoiceDate",
                json!("2026-08-21"),
            )],
            "the invoice date is now 2026-08-21 instead of 2026-08-20",
        ),
        (
            4,
            vec![("/additionalInformation/invoiceInformation/dueDate", json!(null))],
            "the due date is now none instead of 2026-09-20",
        ),
        (
            5,
            vec![
                ("/vendor/code", json!("V999")),
                ("/vendor/externalId", json!("V999")),
                ("/vendor/taxRegistrationNumber", json!("DK99999999")),
            ],
            "the vendor is now V999, DK99999999 (Tog & Færge \"Øresund\") instead of V102, DK18273645",
        ),
        (
            5,
            vec![("/vendor/code", json!("V999"))],
            "the vendor is now V999, V102, DK18273645 (Tog & Færge \"Øresund\") instead of V102, DK18273645",
        ),
        (
            8,
            vec![("/user", json!({ "name": "Freja Sørensen", "code": "E001" }))],
            "the employee is now E001 (Freja Sørensen) instead of E004",
        ),
        (
            11,
            vec![("/user/code", json!("E001"))],
            "the employee is now E001 (Maeve O'Brien) instead of E003",
        ),
        (
            13,
            vec![(
                "/contraAccount",
                json!({ "name": "Pleo DKK wallet", "code": "5820" }),
            )],
            "the contra account is now 5820 Pleo DKK wallet instead of none",
        ),
    ]
}

pub fn changed(change: &Change) -> Value {
    let (number, sets, _) = change;
    let mut item = item(*number);
    for (pointer, value) in sets {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = item.pointer_mut(parent).unwrap();
        match key.parse::<usize>() {
            Ok(index) => parent[index] = value.clone(),
            Err(_) => parent[key] = value.clone(),
        }
    }
    item
}

/// A bill split into two lines that was one.
pub fn split() -> Value {
    let mut item = item(6);
    let lines = item["accountingEntryLines"].as_array_mut().unwrap();
    let mut second = lines[0].clone();
    second["accountingEntryLineId"] = json!("7e57c0de-0000-4000-8000-0000000000b2");
    second["account"]["code"] = json!("6850");
    lines.push(second);
    for (line, amount) in lines.iter_mut().zip([100_000, 49_000]) {
        for key in ["lineAmount", "netAmount"] {
            line[key]["inWalletCurrency"]["value"] = json!(amount);
        }
    }
    item
}
