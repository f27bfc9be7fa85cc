//! What people do to our documents in Odoo between two exports of the same expense. The books are theirs: nothing of
//! it is undone or booked over behind their back, and Pleo is told what is so.

use pleo_export::bookkeeping::Role;
use pleo_export::model::document::{PlannedItem, PostingState};
use pleo_export::model::export_item::{ExportItem, InvoiceInformation, Method};
use pleo_export::systems::{AccountingSystem, Found, SystemError};
use serde_json::{Value, json};

use crate::expenses::{expense, invoice_number, line, payable, taxed};
use crate::support::{self, Books, FX, MEALS, OUT_OF_POCKET, PAYABLE, Server, TRAVEL, WALLET};

fn document(server: &Server, item: &ExportItem, kind: &str) -> Value {
    let documents = server.documents(item);
    let found = documents.iter().find(|document| document["move_type"] == kind);
    found.unwrap_or_else(|| panic!("{documents:?}")).clone()
}

fn reset_to_draft(server: &Server, document: &Value) {
    server.call("account.move", "button_draft", json!({ "ids": [document["id"]] }));
}

fn cancel(server: &Server, document: &Value) {
    reset_to_draft(server, document);
    server.call(
        "account.move",
        "button_cancel",
        json!({ "ids": [document["id"]] }),
    );
}

fn journal_of(server: &Server, document: &Value) -> Value {
    let own = json!([["id", "=", document["id"]]]);
    server.search("account.move", own, &["journal_id"])[0]["journal_id"][0].clone()
}

/// Odoo's reversal of a document; its id while it is a draft.
pub(crate) fn begin_reversal(server: &Server, document: &Value) -> Option<Value> {
    let context = json!({ "active_model": "account.move", "active_ids": [document["id"]] });
    let vals = json!({ "journal_id": journal_of(server, document), "date": "2026-10-06" });
    let wizard = server.call(
        "account.move.reversal",
        "create",
        json!({ "vals_list": [vals], "context": context }),
    );
    server.call(
        "account.move.reversal",
        "reverse_moves",
        json!({ "ids": wizard, "context": context }),
    );
    let own = json!([["reversed_entry_id", "=", document["id"]]]);
    let reversal = server.search("account.move", own, &["state"]).remove(0);
    (reversal["state"] == "draft").then(|| reversal["id"].clone())
}

pub(crate) fn post(server: &Server, id: &Value) {
    server.call("account.move", "action_post", json!({ "ids": [id] }));
}

fn reverse(server: &Server, document: &Value) {
    if let Some(draft) = begin_reversal(server, document) {
        post(server, &draft);
    }
}

#[track_caller]
fn is_left_to_a_person(server: &Server, books: &mut Books, item: &ExportItem, why: &str) {
    let before = server.documents(item);
    assert!(matches!(books.find(item, 2), Found::Incomplete(_)), "{why}");
    let answer = books.book_one(item);
    let Err(SystemError::BookedWrong { reason, booked, .. }) = answer else {
        panic!("{why}: {answer:?}")
    };
    let is_named = |document: &Value| document["name"] == booked.external_id.as_str();
    let is_draft = booked.external_id.starts_with("draft ");
    assert!(is_draft || before.iter().any(is_named), "{booked:?}");
    assert!(reason.contains(why), "{reason}");
    assert_eq!(server.documents(item), before, "{why}");
}

#[test]
fn a_payment_that_stands_beside_a_bill_that_does_not_is_never_made_twice() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    for (undo, kind, why) in [
        (reverse as fn(&Server, &Value), "in_invoice", "was reversed"),
        (cancel, "in_invoice", "was cancelled"),
        (reverse, "entry", "was reversed"),
        (cancel, "entry", "was cancelled"),
    ] {
        let item = payable(expense(2_000), "card_purchase", &invoice_number());
        books.book_one(&item).unwrap();
        undo(server, &document(server, &item, kind));
        is_left_to_a_person(server, &mut books, &item, why);
        // What the text asks for: then the entry is booked anew.
        let other = if kind == "entry" { "in_invoice" } else { "entry" };
        undo(server, &document(server, &item, other));
        assert_eq!(
            books.find(&item, 2),
            Found::Absent { next_revision: 2 },
            "{kind} {why}"
        );
    }
}

#[test]
fn a_part_that_is_credited_leaves_the_bill_standing() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let item = payable(expense(10_000), "invoice", &invoice_number());
    let booked = books.book_one(&item).unwrap();
    let bill = document(server, &item, "in_invoice");
    let context = json!({ "active_model": "account.move", "active_ids": [bill["id"]] });
    let wizard = json!({ "vals_list": [{ "journal_id": journal_of(server, &bill) }], "context": context });
    let wizard = server.call("account.move.reversal", "create", wizard);
    let begun = json!({ "ids": wizard, "context": context });
    server.call("account.move.reversal", "refund_moves", begun);
    let own = json!([["reversed_entry_id", "=", bill["id"]]]);
    let credit = server.search("account.move", own, &["state"])[0]["id"].clone();
    let lines = json!([["move_id", "=", credit], ["display_type", "=", "product"]]);
    let line = server.search("account.move.line", lines, &["id"])[0]["id"].clone();
    let less = json!({ "invoice_line_ids": [[1, line, { "price_unit": 20 }]] });
    server.call("account.move", "write", json!({ "ids": [credit], "vals": less }));
    post(server, &credit);
    assert_eq!(books.find(&item, 1), Found::Complete(booked));
}

#[test]
fn an_earlier_revision_that_a_person_took_up_again_still_counts() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let item = expense(2_000);
    let first = books.book_one(&item).unwrap();
    let of_first = document(server, &item, "entry");
    cancel(server, &of_first);
    assert_eq!(books.find(&item, 1), Found::Absent { next_revision: 2 });
    let mut plan = books.plan(std::slice::from_ref(&item)).remove(0).unwrap();
    plan.revision = 2;
    books
        .odoo
        .book(&support::permit(), &[plan])
        .unwrap()
        .remove(0)
        .unwrap();
    let second = server.documents(&item).pop().unwrap();
    reset_to_draft(server, &of_first);
    post(server, &of_first["id"]);
    cancel(server, &second);
    let Found::Complete(found) = books.find(&item, 1) else {
        panic!("{:?}", server.documents(&item))
    };
    assert_eq!((found.external_id, found.revision), (first.external_id, 1));
}

#[test]
fn a_draft_on_another_day_is_not_posted() {
    let Some(server) = support::server() else { return };
    let item = expense(3_000);
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    drafts.book_one(&item).unwrap();
    let draft = document(server, &item, "entry");
    let moved = json!({ "ids": [draft["id"]], "vals": { "date": "2026-10-20" } });
    server.call("account.move", "write", moved);
    is_left_to_a_person(
        server,
        &mut server.books(),
        &item,
        "is not what would be booked now",
    );
}

#[test]
fn what_a_person_reset_to_draft_is_not_posted_again() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let item = ExportItem {
        lines: vec![taxed(12_500, 2_500, MEALS)],
        ..expense(12_500)
    };
    books.book_one(&item).unwrap();
    reset_to_draft(server, &document(server, &item, "entry"));
    is_left_to_a_person(server, &mut books, &item, "was reset to draft");
}

#[test]
fn a_draft_that_a_person_changed_is_not_posted() {
    let Some(server) = support::server() else { return };
    let item = payable(expense(3_000), "invoice", &invoice_number());
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    drafts.book_one(&item).unwrap();
    let bill = document(server, &item, "in_invoice");
    let lines = json!([["move_id", "=", bill["id"]], ["display_type", "=", "product"]]);
    let line = server.search("account.move.line", lines, &["price_unit"])[0]["id"].clone();
    let changed = json!({ "invoice_line_ids": [[1, line, { "price_unit": 50 }]] });
    server.call(
        "account.move",
        "write",
        json!({ "ids": [bill["id"]], "vals": changed }),
    );
    let mut books = server.books();
    is_left_to_a_person(server, &mut books, &item, "is not what would be booked now");
    assert_eq!(document(server, &item, "in_invoice")["state"], "draft");
}

#[test]
fn an_entry_is_known_again_though_its_source_document_was_emptied() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let item = payable(expense(2_000), "card_purchase", &invoice_number());
    let booked = books.book_one(&item).unwrap();
    let ids: Vec<Value> = server
        .documents(&item)
        .iter()
        .map(|document| document["id"].clone())
        .collect();
    server.call(
        "account.move",
        "write",
        json!({ "ids": ids, "vals": { "invoice_origin": false } }),
    );
    let again = books.book_one(&item).unwrap();
    assert_eq!(again.external_id, booked.external_id);
    assert_eq!(books.find(&item, 2), Found::Complete(booked));
    assert_eq!(server.documents(&item).len(), 2, "it is written down again");
}

#[test]
fn what_a_process_left_behind_unfinished_is_told_by_name_under_other_settings() {
    let Some(server) = support::server() else { return };
    let item = expense(2_000);
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    drafts.book_one(&item).unwrap();
    let left = document(server, &item, "entry");
    // As it is when the process dies between making and comparing.
    let origin = server.search(
        "account.move",
        json!([["id", "=", left["id"]]]),
        &["invoice_origin"],
    );
    let origin = origin[0]["invoice_origin"]
        .as_str()
        .unwrap()
        .replace(" checked ", " made-dead ");
    server.call(
        "account.move",
        "write",
        json!({ "ids": [left["id"]], "vals": { "invoice_origin": origin } }),
    );
    let mut books = server.books();
    books.policy.map.insert(MEALS.into(), TRAVEL.into());
    is_left_to_a_person(server, &mut books, &item, "is not what would be booked now");
    // Under the settings that it was made with, it is gone on with.
    books.policy.map.clear();
    books.book_one(&item).unwrap();
    assert_eq!(server.sums(&item).get(MEALS), Some(&2_000));
    assert_eq!(server.documents(&item).len(), 1);
}

#[test]
fn an_account_of_the_wrong_kind_is_refused_before_anything_is_written() {
    let Some(server) = support::server() else { return };
    let equity = server.search(
        "account.account",
        json!([["account_type", "=", "equity"]]),
        &["code"],
    );
    let equity = equity[0]["code"].as_str().unwrap();
    let mut books = server.books();
    let refused = |books: &mut Books, item: &ExportItem, why: &str| {
        let answer = books.book_one(item);
        let Err(SystemError::Rejected { reason, failure_type }) = answer else {
            panic!("{why}: {answer:?}")
        };
        assert_eq!(failure_type.as_str(), "invalid_configuration");
        assert!(reason.contains(why), "{reason}");
        assert!(server.documents(item).is_empty(), "{why}");
    };
    for (account, kind) in [(equity, "equity"), (WALLET, "asset_cash")] {
        let item = ExportItem {
            lines: vec![line(100, account)],
            ..expense(100)
        };
        let why = format!("of the type {kind} in Odoo, which is not made for a cost");
        refused(&mut books, &item, &why);
    }
    let bill = ExportItem {
        lines: vec![line(100, PAYABLE)],
        ..expense(100)
    };
    let bill = payable(bill, "invoice", &invoice_number());
    refused(
        &mut books,
        &bill,
        "of the type liability_payable in Odoo, which is not made for a cost",
    );
    books.policy.roles.insert(Role::Wallet, PAYABLE.into());
    refused(&mut books, &expense(100), "not made for the wallet");
    books.policy.roles.insert(Role::Wallet, WALLET.into());
    books.policy.roles.insert(Role::AccountsPayable, FX.into());
    let bill = payable(expense(100), "invoice", &invoice_number());
    refused(&mut books, &bill, "not made for what vendors are owed");
}

#[test]
fn bills_stand_on_the_configured_account_and_are_due_on_their_date() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    books
        .policy
        .roles
        .insert(Role::AccountsPayable, OUT_OF_POCKET.into());
    let mut item = payable(expense(2_000), "invoice", &invoice_number());
    item.invoice = item.invoice.map(|invoice| InvoiceInformation {
        due_date: None,
        ..invoice
    });
    books.book_one(&item).unwrap();
    let bill = document(server, &item, "in_invoice");
    assert_eq!(bill["invoice_date_due"], "2026-10-01");
    assert_eq!(server.sums(&item).get(OUT_OF_POCKET), Some(&-2_000));
    let owed = json!([
        ["move_id", "=", bill["id"]],
        ["display_type", "=", "payment_term"]
    ]);
    let owed = server.search("account.move.line", owed, &["date_maturity"]);
    assert_eq!(owed[0]["date_maturity"], "2026-10-01");
}

/// A contact is added between two exports of one expense: what was a journal entry would be a bill with its payment.
#[test]
fn money_that_a_journal_entry_moved_is_not_moved_again_by_a_payment() {
    let Some(server) = support::server() else { return };
    for posting in [PostingState::Draft, PostingState::Final] {
        let mut books = server.books_with(|settings| settings.posting = posting);
        let number = invoice_number();
        let mut item = payable(expense(2_000), "card_purchase", &number);
        item.method = Method::Absent;
        item.vendor.as_mut().unwrap().code = Some(number.clone());
        let as_journal_entry = books.plan(std::slice::from_ref(&item)).remove(0).unwrap();
        let book = |books: &mut Books, plan: PlannedItem| {
            books.odoo.book(&support::permit(), &[plan]).unwrap().remove(0)
        };
        let booked = book(&mut books, as_journal_entry.clone()).unwrap();
        let before = server.documents(&item);
        let contact = json!({ "name": "Konsulent A/S", "ref": number, "is_company": true });
        server.call("res.partner", "create", json!({ "vals_list": [contact] }));
        let with_payment = books.plan(std::slice::from_ref(&item)).remove(0).unwrap();
        assert_eq!(with_payment.documents.len(), 2);
        assert_eq!(with_payment.content_hash, as_journal_entry.content_hash);
        assert_eq!(books.find(&item, 2), Found::Complete(booked));
        // Another process booked it after the look-up.
        let answer = book(&mut books, with_payment.clone());
        assert!(
            matches!(answer, Err(SystemError::BookedWrong { .. })),
            "{answer:?}"
        );
        assert_eq!(server.documents(&item), before, "{posting:?}");

        // And the other way round, where a process died after the payment.
        let other = ExportItem {
            entry_id: expense(2_000).entry_id,
            ..item
        };
        let mut plan = books.plan(std::slice::from_ref(&other)).remove(0).unwrap();
        let mut without_vendor = plan.clone();
        without_vendor.documents.clone_from(&as_journal_entry.documents);
        plan.documents.remove(0);
        book(&mut books, plan).unwrap();
        let before = server.documents(&other);
        assert_eq!(before.len(), 1, "the payment alone");
        let answer = book(&mut books, without_vendor);
        assert!(
            matches!(answer, Err(SystemError::BookedWrong { .. })),
            "{answer:?}"
        );
        assert_eq!(server.documents(&other), before, "{posting:?}");
    }
}

#[test]
fn a_note_on_a_bill_keeps_nothing_from_being_posted() {
    let Some(server) = support::server() else { return };
    let item = payable(expense(3_000), "invoice", &invoice_number());
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    drafts.book_one(&item).unwrap();
    let bill = document(server, &item, "in_invoice");
    let note = json!({ "invoice_line_ids": [[0, 0, { "display_type": "line_note", "name": "Asked Anna" }]] });
    server.call(
        "account.move",
        "write",
        json!({ "ids": [bill["id"]], "vals": note }),
    );
    server.books().book_one(&item).unwrap();
    assert_eq!(document(server, &item, "in_invoice")["state"], "posted");
}

#[test]
fn what_is_taken_back_and_lost_its_source_document_is_told_with_what_to_do() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    for (undo, why) in [
        (
            cancel as fn(&Server, &Value),
            "reset it to draft there, or delete it",
        ),
        (reverse, "reverse its reversal there, too"),
    ] {
        let item = expense(2_000);
        books.book_one(&item).unwrap();
        let entry = document(server, &item, "entry");
        undo(server, &entry);
        let emptied = json!({ "ids": [entry["id"]], "vals": { "invoice_origin": false } });
        server.call("account.move", "write", emptied);
        let answer = books.book_one(&item);
        let Err(SystemError::Rejected { reason, .. }) = answer else {
            panic!("{answer:?}")
        };
        assert!(reason.contains(why), "{reason}");
    }
}

#[test]
fn an_address_without_a_name_beside_its_company_is_passed_over() {
    let Some(server) = support::server() else { return };
    let mut item = payable(expense(2_000), "invoice", &invoice_number());
    let number = format!("V-{:08}", fastrand::u32(..));
    let company = json!({ "name": "Gade & Vej A/S", "ref": number, "is_company": true });
    let company = server.call("res.partner", "create", json!({ "vals_list": [company] }))[0].clone();
    let address = json!({ "type": "invoice", "ref": number, "parent_id": company });
    server.call("res.partner", "create", json!({ "vals_list": [address] }));
    item.vendor.as_mut().unwrap().code = Some(number);
    server.books().book_one(&item).unwrap();
    assert_eq!(document(server, &item, "in_invoice")["partner_id"][0], company);
}
