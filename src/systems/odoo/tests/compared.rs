//! What a draft is compared with, line by line, and which lock closes which document.

use serde_json::{Value, json};

use super::{COST, PAYABLE, TAX, VENDOR, WALLET, document, posting, tax, taxed};
use crate::model::document::{Document, DocumentKind, Posting, Purpose};
use crate::systems::SystemError;
use crate::systems::odoo::api::records::Id;
use crate::systems::odoo::before::locks::Locks;
use crate::systems::odoo::booking::verify::{Comparison, Correction, Line};

/// A line in Odoo: account, amount, tax, kind.
fn line(id: Id, account: &str, amount: &str, tax: Option<&str>, kind: &str) -> Line {
    let link = |text: &str| json!([text.parse::<Id>().unwrap(), "name"]);
    let amount: Value = serde_json::from_str(amount).unwrap();
    serde_json::from_value(json!({
        "id": id, "move_id": [1, "x"], "account_id": link(account), "amount_currency": amount, "balance": amount,
        "tax_line_id": tax.map_or(json!(false), link), "group_tax_id": false, "display_type": kind,
    }))
    .unwrap()
}

fn compare(document: &Document, lines: &[Line]) -> Result<Option<Correction>, String> {
    let comparison = Comparison {
        document,
        creditor: document.creditor.as_ref().map(|_| VENDOR),
        currency: "DKK".parse().unwrap(),
        is_foreign: false,
        lines,
    };
    comparison.run().map_err(|error| match error {
        SystemError::Rejected { reason, .. } => reason,
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_draft_is_compared_line_by_line() {
    let mut postings = taxed(1);
    postings.push(posting(WALLET, -12_500, Purpose::Cash));
    let entry = document(DocumentKind::JournalEntry, postings);
    let cost = || line(1, COST, "100.0", None, "product");
    let cash = || line(2, WALLET, "-125.0", None, "product");
    let tax = |amount| line(3, "774", amount, Some(TAX), "tax");
    let suspense = |amount| line(4, "648", amount, None, "product");

    assert_eq!(compare(&entry, &[cost(), cash(), tax("25.0")]), Ok(None));
    let rounding = compare(&entry, &[cost(), cash(), tax("24.99"), suspense("0.01")]);
    let figures = json!({ "amount_currency": 25.0, "balance": 25.0 });
    assert_eq!(
        rounding,
        Ok(Some(Correction(vec![json!([1, 3, figures]), json!([2, 4])])))
    );
    let wrong = compare(&entry, &[cost(), cash(), tax("20.0"), suspense("5.0")]).unwrap_err();
    assert!(
        wrong.contains("Odoo computes 20.00 DKK of tax with I25, Pleo has 25.00 DKK"),
        "{wrong}"
    );
    for lines in [
        vec![cost(), cash()],
        vec![cost(), cash(), tax("25.0"), suspense("0.01")],
        vec![
            line(1, COST, "99.0", None, "product"),
            cash(),
            tax("25.0"),
            suspense("1.0"),
        ],
        vec![line(1, "35", "100.0", None, "product"), cash(), tax("25.0")],
        vec![],
    ] {
        assert!(compare(&entry, &lines).is_err(), "{lines:?}");
    }
}

#[test]
fn what_a_bill_owes_is_compared_and_put_on_the_right_account() {
    let mut postings = taxed(1);
    postings.push(posting(PAYABLE, -12_500, Purpose::Payable));
    let bill = document(DocumentKind::VendorBill, postings);
    let cost = || line(1, COST, "100.0", None, "product");
    let tax = |amount| line(3, "774", amount, Some(TAX), "tax");
    let owed = |account, amount| line(5, account, amount, None, "payment_term");

    assert_eq!(
        compare(&bill, &[cost(), tax("25.0"), owed("740", "-125.0")]),
        Ok(None)
    );
    let in_terms = [cost(), tax("25.0"), owed("740", "-25.0"), owed("740", "-100.0")];
    assert_eq!(compare(&bill, &in_terms), Ok(None));
    let elsewhere = compare(&bill, &[cost(), tax("25.0"), owed("741", "-125.0")]);
    assert_eq!(
        elsewhere,
        Ok(Some(Correction(vec![json!([1, 5, { "account_id": 740 }])])))
    );
    let rounding = compare(&bill, &[cost(), tax("25.01"), owed("740", "-125.01")]);
    assert_eq!(
        rounding,
        Ok(Some(Correction(vec![json!([1, 3, { "amount_currency": 25.0 }])])))
    );
    assert!(compare(&bill, &[cost(), tax("25.0"), owed("740", "-124.0")]).is_err());
    assert!(compare(&bill, &[cost(), tax("25.0")]).is_err());
}

#[test]
fn reverse_charge_must_cancel_out() {
    let reverse = tax(10_000, 2_500, true);
    let entry = document(
        DocumentKind::JournalEntry,
        vec![
            Posting {
                tax: Some(reverse.clone()),
                ..posting(COST, 10_000, Purpose::Cost)
            },
            Posting {
                tax: Some(reverse.clone()),
                ..posting(COST, 2_500, Purpose::Tax)
            },
            Posting {
                tax: Some(reverse),
                ..posting(COST, -2_500, Purpose::ReverseTax)
            },
            posting(WALLET, -10_000, Purpose::Cash),
        ],
    );
    let with = |taxes: &[(&str, &str)]| {
        let mut lines = vec![
            line(1, COST, "100.0", None, "product"),
            line(2, WALLET, "-100.0", None, "product"),
        ];
        lines.extend(
            taxes
                .iter()
                .map(|(account, amount)| line(3, account, amount, Some(TAX), "tax")),
        );
        compare(&entry, &lines)
    };
    assert_eq!(with(&[("774", "25.0"), ("775", "-25.0")]), Ok(None));
    assert_eq!(
        with(&[("774", "25.01"), ("775", "-25.01")]),
        Ok(None),
        "a hundredth that cancels out"
    );
    assert!(with(&[("774", "20.0"), ("775", "-20.0")]).is_err());
    assert!(
        with(&[("774", "25.0")]).is_err(),
        "a tax that is paid is no reverse charge"
    );
}

#[test]
fn each_lock_closes_its_documents() {
    let day = |text: &str| Some(text.parse().unwrap());
    let mut postings = taxed(1);
    postings.push(posting(WALLET, -12_500, Purpose::Cash));
    let with_tax = document(DocumentKind::JournalEntry, postings);
    let plain = document(DocumentKind::JournalEntry, vec![posting(COST, 1, Purpose::Cost)]);
    let bill = document(DocumentKind::VendorBill, vec![posting(COST, 1, Purpose::Cost)]);
    let closed = |locks: Locks| [&with_tax, &plain, &bill].map(|document| locks.closes(document).is_some());
    let none = Locks::default();
    assert_eq!(closed(none), [false; 3]);
    assert_eq!(
        closed(Locks {
            all: day("2026-10-05"),
            ..none
        }),
        [true; 3]
    );
    assert_eq!(
        closed(Locks {
            all: day("2026-10-04"),
            ..none
        }),
        [false; 3]
    );
    assert_eq!(
        closed(Locks {
            purchases: day("2026-10-05"),
            ..none
        }),
        [false, false, true]
    );
    assert_eq!(
        closed(Locks {
            taxes: day("2026-10-05"),
            ..none
        }),
        [true, false, false]
    );
}
