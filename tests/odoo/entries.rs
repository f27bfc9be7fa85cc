//! Journal entries: what is in the books afterwards, booking again, drafts, tax to the cent, foreign wallets.

use pleo_export::bookkeeping;
use pleo_export::model::document::PostingState;
use pleo_export::model::export_item::{AccountReference, ExportItem, Method};
use pleo_export::model::money::Money;
use pleo_export::systems::{AccountingSystem, Found, SystemError};
use serde_json::json;

use crate::expenses::{expense, invoice_number, line, payable, tag, taxed};
use crate::people::{begin_reversal, post};
use crate::support::{self, EURO_WALLET, MEALS, TRAVEL, WALLET};

#[test]
fn an_expense_is_booked_as_planned_and_found_again() {
    let Some(server) = support::server() else { return };
    let mut item = ExportItem {
        lines: vec![taxed(10_000, 2_000, MEALS), line(2_500, TRAVEL)],
        ..expense(12_500)
    };
    item.lines[0].tags = vec![tag()];
    let mut books = server.books();
    assert_eq!(books.find(&item, 1), Found::Absent { next_revision: 1 });
    let booked = books.book_one(&item).unwrap();
    assert_eq!(
        server.sums(&item),
        [
            (MEALS, 8_000),
            (TRAVEL, 2_500),
            ("7740", 2_000),
            (WALLET, -12_500)
        ]
        .map(|(account, sum)| (account.to_owned(), sum))
        .into()
    );
    let documents = server.documents(&item);
    let [document] = documents.as_slice() else {
        panic!("{documents:?}")
    };
    assert_eq!(document["state"], "posted");
    assert_eq!(document["date"], "2026-10-05");
    assert_eq!(document["name"], booked.external_id);
    assert!(
        document["ref"]
            .as_str()
            .unwrap()
            .ends_with(&format!(" / Pleo {}", item.book_id)),
        "{document}"
    );
    let narration = document["narration"].as_str().unwrap();
    assert!(
        narration.contains("Lunch &lt;b&gt;&amp; more&lt;/b&gt;"),
        "{narration}"
    );
    let url = format!(
        "{}/mail/view?model=account.move&res_id={}",
        server.url, document["id"]
    );
    assert_eq!(booked.external_url.as_deref(), Some(url.as_str()));
    let lines = server.search(
        "account.move.line",
        json!([
            ["move_id", "=", document["id"]],
            ["analytic_distribution", "!=", false]
        ]),
        &["balance"],
    );
    assert!(lines.iter().any(|line| line["balance"] == 80.0), "{lines:?}");

    let Found::Complete(found) = books.find(&item, 1) else {
        panic!("not found")
    };
    assert_eq!(found, booked);
    assert_eq!(found.content_hash, Some(bookkeeping::content_hash(&item)));
    assert_eq!(found.amount, Some(item.amount));
    assert_eq!(
        books.book_one(&item).unwrap(),
        booked,
        "booking again finds the first"
    );
    assert_eq!(server.documents(&item).len(), 1);
}

#[test]
fn a_cent_of_tax_is_rounding_and_takes_pleos_figure() {
    let Some(server) = support::server() else { return };
    // 25 % of 100.02 is 25.01 for Odoo.
    let item = ExportItem {
        lines: vec![taxed(12_502, 2_500, MEALS)],
        ..expense(12_502)
    };
    server.books().book_one(&item).unwrap();
    assert_eq!(
        server.sums(&item),
        [(MEALS, 10_002), ("7740", 2_500), (WALLET, -12_502)]
            .map(|(account, sum)| (account.to_owned(), sum))
            .into()
    );
    let lines = server.search(
        "account.move.line",
        json!([["move_id", "=", server.documents(&item)[0]["id"]]]),
        &["name"],
    );
    assert_eq!(lines.len(), 3, "nothing stays on the suspense account: {lines:?}");
}

#[test]
fn a_cent_of_tax_on_each_line_is_rounding_too() {
    let Some(server) = support::server() else { return };
    let split = ExportItem {
        lines: vec![
            taxed(12_502, 2_500, MEALS),
            taxed(12_502, 2_500, TRAVEL),
            taxed(10_000, 2_000, TRAVEL),
        ],
        ..expense(35_004)
    };
    let euros = ExportItem {
        amount: Money {
            currency: "EUR".parse().unwrap(),
            ..split.amount
        },
        ..split.clone()
    };
    for (item, wallet, method) in [
        (split.clone(), -35_004, Method::Journal),
        (euros, -262_530, Method::Journal),
        (split, -35_004, Method::AccountsPayable),
    ] {
        let mut item = ExportItem {
            entry_id: expense(1).entry_id,
            ..item
        };
        if method == Method::AccountsPayable {
            item = payable(item, "card_purchase", &invoice_number());
        }
        server.books().book_one(&item).unwrap();
        let sums = server.sums(&item);
        assert_eq!(sums.get(WALLET), Some(&wallet), "{sums:?}");
        assert_eq!(sums.get("7740"), Some(&(wallet * -7_000 / 35_004)), "{sums:?}");
        assert_eq!(sums.values().sum::<i64>(), 0, "{sums:?}");
    }
}

#[test]
fn more_than_a_cent_fails_with_both_figures_and_leaves_nothing() {
    let Some(server) = support::server() else { return };
    let item = ExportItem {
        lines: vec![taxed(12_500, 2_300, MEALS)],
        ..expense(12_500)
    };
    let good = ExportItem {
        lines: vec![taxed(12_500, 2_500, MEALS)],
        ..expense(12_500)
    };
    let mut books = server.books();
    let answers = books.book(&[item.clone(), good.clone()]);
    let Err(SystemError::Rejected { reason, .. }) = &answers[0] else {
        panic!("{answers:?}")
    };
    assert!(
        reason.contains("Odoo computes 25.50 DKK of tax") && reason.contains("Pleo has 23.00 DKK"),
        "{reason}"
    );
    assert!(server.documents(&item).is_empty());
    assert!(answers[1].is_ok(), "{answers:?}");
    assert_eq!(books.find(&item, 1), Found::Absent { next_revision: 1 });
}

#[test]
fn a_draft_stays_a_draft_until_final_entries_are_wanted() {
    let Some(server) = support::server() else { return };
    let item = expense(5_000);
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    let booked = drafts.book_one(&item).unwrap();
    assert_eq!(server.documents(&item)[0]["state"], "draft");
    assert!(booked.external_id.starts_with("draft "), "{}", booked.external_id);
    assert_eq!(drafts.find(&item, 1), Found::Complete(booked.clone()));
    let mut books = server.books();
    assert_eq!(books.find(&item, 1), Found::Incomplete(booked));
    let posted = books.book_one(&item).unwrap();
    assert!(
        posted.external_id.starts_with("MISC/2026/"),
        "{}",
        posted.external_id
    );
    assert_eq!(server.documents(&item).len(), 1);
    assert_eq!(
        drafts.find(&item, 1),
        Found::Complete(posted),
        "what a person posted is complete as well"
    );
}

#[test]
fn a_wallet_in_another_currency_is_booked_at_odoos_rate() {
    let Some(server) = support::server() else { return };
    let euros = |date: &str, tax: bool| {
        let mut item = expense(10_001);
        item.amount.currency = "EUR".parse().unwrap();
        item.date = format!("{date}T10:00:00Z").parse().unwrap();
        item.contra_account = Some(AccountReference {
            code: Some(EURO_WALLET.into()),
            identifier: None,
            name: "Wallet EUR".into(),
        });
        item.lines = vec![line(3_333, MEALS), line(3_334, TRAVEL), line(3_334, MEALS)];
        if tax {
            item.lines = vec![taxed(10_001, 2_000, MEALS)];
        }
        item
    };
    let mut books = server.books();
    let plain = euros("2026-10-05", false);
    books.book_one(&plain).unwrap();
    // 33.33 × 7.5 = 249.975, 33.34 × 7.5 = 250.05; the wallet takes what rounding leaves over.
    assert_eq!(
        server.sums(&plain),
        [(MEALS, 50_003), (TRAVEL, 25_005), (EURO_WALLET, -75_008)]
            .map(|(account, sum)| (account.to_owned(), sum))
            .into()
    );
    let with_tax = euros("2026-10-05", true);
    books.book_one(&with_tax).unwrap();
    let sums = server.sums(&with_tax);
    assert_eq!(sums.values().sum::<i64>(), 0, "{sums:?}");
    assert_eq!(sums.get("7740"), Some(&15_000), "{sums:?}");
    assert_eq!(sums.keys().count(), 3, "{sums:?}");

    let without_rate = euros("2025-12-31", false);
    let Err(SystemError::Rejected { reason, .. }) = books.book_one(&without_rate) else {
        panic!("booked without a rate")
    };
    assert!(reason.contains("no rate of EUR for 2025-12-31"), "{reason}");
    assert!(server.documents(&without_rate).is_empty());
}

#[test]
fn an_entry_that_was_reversed_or_deleted_no_longer_counts() {
    let Some(server) = support::server() else { return };
    let item = expense(1_234);
    let mut books = server.books();
    books.book_one(&item).unwrap();
    if let Some(draft) = begin_reversal(server, &server.documents(&item)[0]) {
        assert!(
            matches!(books.find(&item, 1), Found::Complete(_)),
            "a draft of a reversal reverses nothing"
        );
        post(server, &draft);
    }
    assert_eq!(books.find(&item, 1), Found::Absent { next_revision: 2 });

    let mut plan = books.plan(std::slice::from_ref(&item)).remove(0).unwrap();
    plan.revision = 2;
    let again = books
        .odoo
        .book(&support::permit(), &[plan])
        .unwrap()
        .remove(0)
        .unwrap();
    assert_eq!(again.revision, 2);
    assert_eq!(books.find(&item, 1), Found::Complete(again));

    let deleted = expense(4_321);
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    drafts.book_one(&deleted).unwrap();
    server.call(
        "account.move",
        "unlink",
        json!({ "ids": [server.documents(&deleted)[0]["id"]] }),
    );
    assert_eq!(drafts.find(&deleted, 1), Found::Absent { next_revision: 1 });
    drafts.book_one(&deleted).unwrap();
    assert_eq!(server.documents(&deleted).len(), 1);
}
