//! Entries taken back by command, in Odoo: cancelled, reversed and posted, with their payments, and gone on with
//! wherever a run was cut off.

use chrono::NaiveDate;
use pleo_export::model::document::PostingState;
use pleo_export::model::export_item::ExportItem;
use pleo_export::model::reversal::{ReversalDays, ReversalRequest, Reversed, WhenClosed};
use pleo_export::systems::{AccountingSystem, Found, ReversalError};
use serde_json::json;

use crate::expenses::{expense, invoice_number, payable};
use crate::people::begin_reversal;
use crate::support::{self, Books, Server};

fn request(number: &str) -> ReversalRequest {
    ReversalRequest {
        numbers: vec![number.to_owned()],
        reason: Some("a wrong amount".to_owned()),
        days: ReversalDays {
            named: None,
            closed_until: None,
            when_closed: WhenClosed::Ask,
        },
    }
}

fn reverse(books: &mut Books, number: &str) -> Reversed {
    let mut reversed = books.odoo.reverse(&request(number)).unwrap();
    assert_eq!(reversed.len(), 1);
    reversed.remove(0)
}

#[track_caller]
fn refused(books: &mut Books, number: &str, why: &str) {
    match books.odoo.reverse(&request(number)) {
        Err(ReversalError::NeedsPerson(reason)) => assert!(reason.contains(why), "{reason}"),
        other => panic!("{other:?}"),
    }
}

/// How many reversals of the entry's documents there are, drafts among them.
fn reversals(server: &Server, item: &ExportItem) -> usize {
    let ids: Vec<_> = server
        .documents(item)
        .iter()
        .map(|document| document["id"].clone())
        .collect();
    let domain = json!([["reversed_entry_id", "in", ids], ["state", "!=", "cancel"]]);
    server.search("account.move", domain, &["state"]).len()
}

#[test]
fn an_entry_is_reversed_once_and_can_be_booked_anew() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    for item in [
        expense(1_500),
        payable(expense(2_500), "invoice", &invoice_number()),
    ] {
        let booked = books.book_one(&item).unwrap();
        let reversed = reverse(&mut books, &booked.external_id);
        assert_eq!(reversed.external_id, booked.external_id);
        assert_eq!((reversed.date, reversed.documents), (booked.posting_date, 1));
        assert!(reversed.reversal.is_some());
        assert_eq!(books.find(&item, 1), Found::Absent { next_revision: 2 });
        assert_eq!(reversals(server, &item), 1);
        let number = reversed.reversal.unwrap();
        refused(
            &mut books,
            &booked.external_id,
            &format!("reversed already, by {number}"),
        );
        assert_eq!(reversals(server, &item), 1);
    }
    let unknown = books.odoo.reverse(&request("MISC/1999/0001"));
    assert!(matches!(unknown, Err(ReversalError::Unusable(_))), "{unknown:?}");
}

#[test]
fn a_bill_is_reversed_with_our_payment_and_neither_stays_open() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let item = payable(expense(3_500), "card_purchase", &invoice_number());
    let booked = books.book_one(&item).unwrap();
    let reversed = reverse(&mut books, &booked.external_id);
    assert_eq!(reversed.documents, 2);
    assert_eq!(books.find(&item, 2), Found::Absent { next_revision: 2 });
    assert_eq!(reversals(server, &item), 2);
    for document in server.documents(&item) {
        assert_eq!(document["amount_residual"], json!(0.0), "{document}");
    }
}

#[test]
fn what_was_begun_is_gone_on_with() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    // The wizard has run, and the draft that it made was not posted.
    let bill = payable(expense(4_500), "invoice", &invoice_number());
    let booked = books.book_one(&bill).unwrap();
    let draft = begin_reversal(server, &server.documents(&bill)[0]);
    assert!(draft.is_some(), "a credit note is a draft at first");
    reverse(&mut books, &booked.external_id);
    assert_eq!(reversals(server, &bill), 1);
    assert_eq!(books.find(&bill, 1), Found::Absent { next_revision: 2 });
    // The payment is reversed, and the bill not yet.
    let pair = payable(expense(5_500), "card_purchase", &invoice_number());
    let booked = books.book_one(&pair).unwrap();
    let documents = server.documents(&pair);
    let payment = documents.iter().find(|document| document["move_type"] == "entry");
    if let Some(draft) = begin_reversal(server, payment.unwrap()) {
        crate::people::post(server, &draft);
    }
    reverse(&mut books, &booked.external_id);
    assert_eq!(reversals(server, &pair), 2);
    assert_eq!(books.find(&pair, 2), Found::Absent { next_revision: 2 });
}

#[test]
fn a_draft_is_cancelled() {
    let Some(server) = support::server() else { return };
    let mut drafts = server.books_with(|settings| settings.posting = PostingState::Draft);
    for (item, parts) in [
        (expense(1_700), 1),
        (payable(expense(1_800), "card_purchase", &invoice_number()), 2),
    ] {
        let booked = drafts.book_one(&item).unwrap();
        let reversed = reverse(&mut drafts, &booked.external_id);
        assert_eq!((reversed.reversal, reversed.documents), (None, parts));
        assert_eq!(drafts.find(&item, parts), Found::Absent { next_revision: 2 });
        refused(&mut drafts, &booked.external_id, "reversed already");
    }
}

#[test]
fn what_is_tied_to_something_else_is_refused_by_its_name() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let number = invoice_number();
    let bill = payable(expense(6_500), "invoice", &number);
    let booked = books.book_one(&bill).unwrap();
    // Another expense pays it.
    let payment = payable(expense(6_500), "invoice_payment", &number);
    let paid = books.book_one(&payment).unwrap();
    refused(&mut books, &booked.external_id, &paid.external_id);
    assert_eq!(reversals(server, &bill), 0);
}

#[test]
fn a_locked_day_asks_for_another() {
    let Some(server) = support::server() else { return };
    let _locks = support::locks();
    let mut books = server.books();
    // The other tests book in years that nobody closes.
    let item = ExportItem {
        date: "2024-02-10T10:00:00Z".parse().unwrap(),
        ..expense(7_500)
    };
    let booked = books.book_one(&item).unwrap();
    let day = booked.posting_date.to_string();
    server.lock("fiscalyear_lock_date", Some(&day));
    let asked = books.odoo.reverse(&request(&booked.external_id));
    let later: NaiveDate = booked.posting_date.succ_opt().unwrap();
    let mut named = request(&booked.external_id);
    named.days.named = Some(later);
    let reversed = books.odoo.reverse(&named);
    server.lock("fiscalyear_lock_date", None);
    let Err(ReversalError::Unusable(reason)) = asked else {
        panic!("{asked:?}")
    };
    assert!(reason.contains("--date"), "{reason}");
    assert_eq!(reversed.unwrap()[0].date, later);
}

#[test]
fn what_moves_nothing_is_cancelled_and_not_reversed_by_itself() {
    let Some(server) = support::server() else { return };
    let mut books = server.books();
    let item = expense(0);
    let booked = books.book_one(&item).unwrap();
    let reversed = reverse(&mut books, &booked.external_id);
    assert_eq!(reversed.reversal, None);
    assert_eq!(books.find(&item, 1), Found::Absent { next_revision: 2 });
}
