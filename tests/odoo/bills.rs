//! Vendor bills, credit notes and payments, in one item, in one job and in two.

use pleo_export::bookkeeping::DuplicateInvoices;
use pleo_export::model::document::PostingState;
use pleo_export::model::export_item::{ExportItem, Vendor};
use pleo_export::systems::{AccountingSystem, Found};
use serde_json::{Value, json};

use crate::expenses::{expense, invoice_number, payable, taxed};
use crate::support::{self, MEALS, OUT_OF_POCKET, TRAVEL, WALLET};

fn documents_of(server: &support::Server, item: &ExportItem, kind: &str) -> Value {
    let documents = server.documents(item);
    documents
        .iter()
        .find(|document| document["move_type"] == kind)
        .unwrap_or_else(|| panic!("{documents:?}"))
        .clone()
}

#[test]
fn a_bill_is_paid_by_its_payment() {
    let Some(server) = support::server() else { return };
    let number = invoice_number();
    let bill = ExportItem {
        lines: vec![taxed(12_500, 2_500, MEALS), taxed(-2_500, -500, TRAVEL)],
        ..expense(10_000)
    };
    let item = payable(bill, "card_purchase", &number);
    let mut books = server.books();
    let booked = books.book_one(&item).unwrap();
    assert!(booked.external_id.starts_with("BILL/2026/10/"), "{booked:?}");
    assert_eq!(
        server.sums(&item),
        [
            (MEALS, 10_000),
            (TRAVEL, -2_000),
            ("7740", 2_000),
            (WALLET, -10_000)
        ]
        .map(|(account, sum)| (account.to_owned(), sum))
        .into()
    );
    let bill = documents_of(server, &item, "in_invoice");
    assert_eq!(bill["ref"], number, "the vendor's own number");
    assert_eq!(bill["payment_state"], "paid");
    assert_eq!(bill["invoice_date"], "2026-10-01");
    assert_eq!(bill["invoice_date_due"], "2026-10-31");
    assert!(bill["narration"].as_str().unwrap().contains(&item.book_id));
    let entry = documents_of(server, &item, "entry");
    assert_eq!(entry["ref"], format!("{number} / Pleo {}", item.book_id));
    let payment = server.search(
        "account.payment",
        json!([["id", "=", entry["origin_payment_id"][0]]]),
        &["state", "amount", "payment_type", "reconciled_bill_ids"],
    );
    assert_eq!(payment[0]["state"], "paid");
    assert_eq!(payment[0]["amount"], 100.0);
    assert_eq!(payment[0]["payment_type"], "outbound");
    assert_eq!(payment[0]["reconciled_bill_ids"], json!([bill["id"]]));
    let Found::Complete(found) = books.find(&item, 2) else {
        panic!("not complete")
    };
    assert_eq!(found.external_id, booked.external_id);
    assert_eq!(found.parts.len(), 2);
    assert_eq!(books.book_one(&item).unwrap().external_id, booked.external_id);
    assert_eq!(server.documents(&item).len(), 2);
}

#[test]
fn a_refund_is_a_credit_note_and_money_back() {
    let Some(server) = support::server() else { return };
    let refund = ExportItem {
        lines: vec![taxed(5_000, 1_000, MEALS)],
        ..expense(5_000)
    };
    let item = payable(refund, "refund", &invoice_number());
    server.books().book_one(&item).unwrap();
    assert_eq!(documents_of(server, &item, "in_refund")["payment_state"], "paid");
    assert_eq!(
        server.sums(&item),
        [(MEALS, -4_000), ("7740", -1_000), (WALLET, 5_000)]
            .map(|(account, sum)| (account.to_owned(), sum))
            .into()
    );
}

#[test]
fn a_refund_of_the_same_number_leaves_the_bill_paid() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let number = invoice_number();
    let purchase = payable(expense(10_000), "card_purchase", &number);
    books.book_one(&purchase).unwrap();
    let refund = payable(expense(10_000), "refund", &number);
    books.book_one(&refund).unwrap();
    assert_eq!(
        documents_of(server, &purchase, "in_invoice")["payment_state"],
        "paid"
    );
    assert_eq!(
        documents_of(server, &refund, "in_refund")["payment_state"],
        "paid"
    );
    assert!(matches!(books.find(&refund, 2), Found::Complete(_)));
}

#[test]
fn a_payment_settles_the_bill_of_an_earlier_job_and_the_other_way_round() {
    let Some(server) = support::server() else { return };
    for bill_first in [true, false] {
        let number = invoice_number();
        let bill = ExportItem {
            lines: vec![taxed(12_500, 2_500, MEALS)],
            ..expense(12_500)
        };
        let bill = payable(bill, "invoice", &number);
        let payment = payable(expense(12_500), "invoice_payment", &number);
        let (first, second) = if bill_first {
            (&bill, &payment)
        } else {
            (&payment, &bill)
        };
        server.books().book_one(first).unwrap();
        if bill_first {
            assert_eq!(
                documents_of(server, &bill, "in_invoice")["payment_state"],
                "not_paid"
            );
        }
        server.books().book_one(second).unwrap();
        let booked = documents_of(server, &bill, "in_invoice");
        assert_eq!(booked["payment_state"], "paid", "bill first: {bill_first}");
        assert_eq!(booked["amount_residual"], 0.0);
        assert!(matches!(server.books().find(first, 1), Found::Complete(_)));
        assert!(matches!(server.books().find(second, 1), Found::Complete(_)));
    }
}

#[test]
fn a_payment_settles_a_bill_that_a_person_entered() {
    let Some(server) = support::server() else { return };
    let number = invoice_number();
    let vendor = server.search("res.partner", json!([["ref", "=", "V-42"]]), &["id"])[0]["id"].clone();
    let account = server.search("account.account", json!([["code", "=", MEALS]]), &["id"])[0]["id"].clone();
    let bill = server.call(
        "account.move",
        "create",
        json!({ "vals_list": [{
            "move_type": "in_invoice", "partner_id": vendor, "invoice_date": "2026-10-01", "ref": number,
            "invoice_line_ids": [[0, 0, { "name": "By hand", "price_unit": 80, "account_id": account, "tax_ids": [[6, 0, []]] }]],
        }]}),
    );
    server.call("account.move", "action_post", json!({ "ids": bill }));
    server
        .books()
        .book_one(&payable(expense(8_000), "invoice_payment", &number))
        .unwrap();
    let paid = server.search("account.move", json!([["id", "in", bill]]), &["payment_state"]);
    assert_eq!(paid[0]["payment_state"], "paid");

    let mut books = server.books();
    let same = payable(expense(8_000), "invoice", &number);
    let refusal = books.plan(std::slice::from_ref(&same)).remove(0).unwrap_err();
    assert!(refusal.reason.contains("BILL/"), "{}", refusal.reason);
    books.policy.duplicate_invoices = DuplicateInvoices::Warn;
    assert!(books.plan(&[same]).remove(0).is_ok());
}

#[test]
fn drafts_of_bill_and_payment_are_completed_when_final_entries_are_wanted() {
    let Some(server) = support::server() else { return };
    let item = payable(expense(3_000), "card_purchase", &invoice_number());
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    let booked = drafts.book_one(&item).unwrap();
    assert_eq!(drafts.find(&item, 2), Found::Complete(booked));
    let mut books = server.books();
    assert!(matches!(books.find(&item, 2), Found::Incomplete(_)));
    books.book_one(&item).unwrap();
    assert_eq!(documents_of(server, &item, "in_invoice")["payment_state"], "paid");
    assert_eq!(server.documents(&item).len(), 2);
}

#[test]
fn an_employee_is_owed_for_what_they_paid_themselves() {
    let Some(server) = support::server() else { return };
    let mut item = payable(expense(2_000), "out_of_pocket", "");
    (item.vendor, item.invoice) = (None, None);
    server.books().book_one(&item).unwrap();
    let bill = documents_of(server, &item, "in_invoice");
    assert_eq!(bill["partner_id"][1], "Anna Berg");
    assert_eq!(bill["ref"], format!("Pleo {}", item.book_id));
    assert_eq!(
        server.sums(&item).get(OUT_OF_POCKET),
        Some(&-2_000),
        "on the account of employees, not of vendors"
    );
}

#[test]
fn vendors_are_made_once_and_only_when_allowed() {
    let Some(server) = support::server() else { return };
    let number = format!("N_{:08}", fastrand::u32(..));
    let with_vendor = |hundredths| {
        let mut item = payable(expense(hundredths), "card_purchase", &invoice_number());
        item.vendor = item.vendor.map(|vendor| Vendor {
            code: Some(number.clone()),
            name: "New vendor".into(),
            ..vendor
        });
        item
    };
    let items = [with_vendor(1_000), with_vendor(2_000)];
    let refusal = server.books().plan(&items).remove(0).unwrap_err();
    assert_eq!(refusal.failure_type.as_str(), "vendor_unknown");
    let mut making = server.books_with(|settings| settings.create_vendors = true);
    let answers = making.book(&items);
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    server.books().book_one(&with_vendor(3_000)).unwrap();
    assert_eq!(
        server
            .search("res.partner", json!([["ref", "=", number]]), &["id"])
            .len(),
        1
    );
    assert_eq!(making.odoo.describe().name, "Odoo");
}
