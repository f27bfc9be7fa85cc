//! The promise, at its hardest place: the process is killed before and after each of its calls to Odoo, and the next
//! one goes on. However often, the books hold each document once and nothing that was not planned.

use std::process::Command;

use pleo_export::model::export_item::ExportItem;
use pleo_export::model::ids::AccountingEntryId;
use pleo_export::systems::Found;

use crate::expenses::{expense, invoice_number, payable, taxed};
use crate::support::{self, MEALS, WALLET};

/// Set in the process that is to die: the entries to book, separated by spaces.
const ENTRIES: &str = "PLEO_EXPORT_TEST_ENTRIES";

/// Two items that together use every call: one with a cent to correct, and a bill with its payment.
fn items(ids: [&str; 2], number: &str) -> [ExportItem; 2] {
    let mut items = [
        ExportItem {
            lines: vec![taxed(12_502, 2_500, MEALS)],
            ..expense(12_502)
        },
        payable(expense(2_000), "card_purchase", number),
    ];
    for (item, id) in items.iter_mut().zip(ids) {
        item.entry_id = AccountingEntryId::new(id);
        item.book_id = "771".into();
    }
    items
}

/// Not a test of its own: what the killed processes run.
#[test]
fn booking_process() {
    let Some((_, entries)) = std::env::vars().find(|(key, _)| key == ENTRIES) else {
        return;
    };
    let Some(server) = support::server() else { return };
    let words: Vec<&str> = entries.split(' ').collect();
    let items = items([words[0], words[1]], words[2]);
    for answer in server.books().book(&items) {
        answer.unwrap();
    }
}

#[test]
fn wherever_it_is_killed_each_document_is_there_once() {
    let Some(server) = support::server() else { return };
    let mut all = Vec::new();
    // Every second moment: after an answer and before the next request are the same to Odoo.
    for at in (2..).step_by(2) {
        let ids = [expense(1).entry_id, expense(1).entry_id];
        let number = invoice_number();
        all.extend(items([ids[0].as_str(), ids[1].as_str()], &number));
        let killed = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "kill::booking_process"])
            .env("PLEO_EXPORT_KILL_AT", at.to_string())
            .env(ENTRIES, format!("{} {} {number}", ids[0], ids[1]))
            .output()
            .unwrap();
        if killed.status.success() {
            assert!(at > 40, "only {at} moments: is the process killed at all?");
            break;
        }
    }
    // One batch finds entries in every state that a death can leave.
    let mut books = server.books();
    for (index, answer) in books.book(&all).into_iter().enumerate() {
        answer.unwrap_or_else(|error| panic!("killed at {}: {error}", (index / 2 + 1) * 2));
    }
    for (index, pair) in all.chunks(2).enumerate() {
        let [entry, bill] = pair else { panic!("{pair:?}") };
        let at = format!("killed at {}", (index + 1) * 2);
        assert!(matches!(books.find(entry, 1), Found::Complete(_)), "{at}");
        assert!(matches!(books.find(bill, 2), Found::Complete(_)), "{at}");
        assert_eq!(server.documents(entry).len(), 1, "{at}");
        assert_eq!(server.sums(entry).get(WALLET), Some(&-12_502), "{at}");
        assert_eq!(server.sums(entry).len(), 3, "{at}");
        let documents = server.documents(bill);
        assert_eq!(documents.len(), 2, "{at}");
        let is_paid = |document: &serde_json::Value| document["payment_state"] == "paid";
        assert!(documents.iter().any(is_paid), "{at}: {documents:?}");
        assert_eq!(server.sums(bill).get(WALLET), Some(&-2_000), "{at}");
    }
}
