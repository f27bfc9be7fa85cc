//! Many items at once, two processes at once, receipts.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use pleo_export::model::document::{PostingState, Receipt};
use pleo_export::model::export_item::ExportItem;
use pleo_export::model::ids::JobId;
use pleo_export::model::references::Reference;
use pleo_export::systems::{AccountingSystem, Attachment, BookedEntry, SystemError};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::expenses::{expense, invoice_number, payable, taxed};
use crate::support::{self, MEALS, WALLET};

#[test]
fn a_hundred_items_are_booked_and_one_bad_one_stays_alone() {
    let Some(server) = support::server() else { return };
    let mut items: Vec<ExportItem> = (0..100)
        .map(|index| match index % 4 {
            0 => expense(1_000 + index),
            1 => ExportItem {
                lines: vec![taxed(12_500, 2_500, MEALS)],
                ..expense(12_500)
            },
            2 => payable(expense(2_000 + index), "card_purchase", &invoice_number()),
            _ => payable(expense(3_000 + index), "refund", &invoice_number()),
        })
        .collect();
    items[50].lines[0] = taxed(items[50].amount.amount.in_hundredths(), 100, MEALS);
    let mut books = server.books();
    let plans: Vec<_> = books.plan(&items).into_iter().map(Result::unwrap).collect();
    let mut plans = plans;
    // What nothing can foresee: the account goes away between plan and booking.
    plans[4].documents[0].postings[0].account.reference = Reference::Id(99_999_999);
    let answers = books.odoo.book(&support::permit(), &plans).unwrap();
    for (index, (answer, item)) in answers.iter().zip(&items).enumerate() {
        let documents = server.documents(item).len();
        match index {
            4 | 50 => {
                assert!(
                    matches!(answer, Err(SystemError::Rejected { .. })),
                    "{index}: {answer:?}"
                );
                assert_eq!(documents, 0, "{index}");
            }
            _ => {
                assert!(answer.is_ok(), "{index}: {answer:?}");
                assert_eq!(documents, if index % 4 < 2 { 1 } else { 2 }, "{index}");
            }
        }
        if index == 0 {
            assert_eq!(server.sums(item).get(WALLET), Some(&-1_000));
        }
    }
    let numbers: std::collections::BTreeSet<String> = answers
        .into_iter()
        .filter_map(Result::ok)
        .map(|booked| booked.external_id)
        .collect();
    assert_eq!(numbers.len(), 98, "each has its own number");
}

#[test]
fn two_processes_book_the_same_items_once() {
    let Some(server) = support::server() else { return };
    let items: Vec<ExportItem> = (0..6)
        .map(|index| match index % 2 {
            0 => ExportItem {
                lines: vec![taxed(12_502, 2_500, MEALS)],
                ..expense(12_502)
            },
            _ => payable(expense(2_000 + index), "card_purchase", &invoice_number()),
        })
        .collect();
    let book = || server.books().book(&items);
    let answers = std::thread::scope(|scope| {
        let others: Vec<_> = (0..2).map(|_| scope.spawn(book)).collect();
        let mut all = vec![book()];
        all.extend(others.into_iter().map(|other| other.join().unwrap()));
        all
    });
    for answer in answers
        .iter()
        .flatten()
        .filter_map(|answer| answer.as_ref().err())
    {
        // Not proven is allowed, as the next look-up finds it; a refusal would be a lie.
        assert!(
            matches!(
                answer,
                SystemError::Unavailable { .. } | SystemError::Unknown { .. }
            ),
            "{answer:?}"
        );
    }
    let last = book();
    for (item, answer) in items.iter().zip(last) {
        assert!(answer.is_ok(), "{answer:?}");
        let expected = if item.vendor.is_some() { 2 } else { 1 };
        let documents = server.documents(item);
        assert_eq!(documents.len(), expected, "{documents:?}");
        assert!(
            documents.iter().all(|document| document["state"] == "posted"),
            "{documents:?}"
        );
    }
}

fn receipt(folder: &Path, name: &str, content: &[u8]) -> Receipt {
    let mut sha256 = String::new();
    for byte in Sha256::digest(content) {
        write!(sha256, "{byte:02x}").unwrap();
    }
    let path = folder.join(&sha256);
    std::fs::write(&path, content).unwrap();
    Receipt {
        sha256,
        file_name: name.into(),
        media_type: "application/pdf".into(),
        size: content.len().try_into().unwrap(),
        path,
    }
}

fn attachments(server: &support::Server, item: &ExportItem) -> Vec<Value> {
    let ids: Vec<Value> = server
        .documents(item)
        .iter()
        .map(|document| document["id"].clone())
        .collect();
    let domain = json!([["res_model", "=", "account.move"], ["res_id", "in", ids]]);
    server.search("ir.attachment", domain, &["name", "file_size", "res_id", "datas"])
}

#[test]
fn receipts_are_there_once_in_their_order() {
    let Some(server) = support::server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let item = payable(expense(700), "card_purchase", &invoice_number());
    let mut books = server.books();
    let booked: BookedEntry = books.book_one(&item).unwrap();
    let entry = Attachment {
        job_id: JobId::new("job"),
        entry_id: item.entry_id.clone(),
        booked,
        payee: Some("Papirhuset".to_owned()),
        receipts: vec![
            receipt(folder.path(), "second page first.pdf", b"%PDF-1.4 one"),
            receipt(folder.path(), "b.pdf", b"%PDF-1.4 two!"),
            receipt(folder.path(), "the same again.pdf", b"%PDF-1.4 one"),
        ],
    };
    for _ in 0..2 {
        assert_eq!(
            books
                .odoo
                .attach(&support::permit(), std::slice::from_ref(&entry))
                .unwrap(),
            [Ok(())]
        );
        let there = attachments(server, &item);
        let names: Vec<&str> = there.iter().filter_map(|file| file["name"].as_str()).collect();
        assert_eq!(names, ["second page first.pdf", "b.pdf"]);
        assert_eq!(there[0]["file_size"], 12);
        assert_eq!(there[0]["datas"], "JVBERi0xLjQgb25l");
        let bill = server.search(
            "account.move",
            json!([["id", "=", there[0]["res_id"]]]),
            &["move_type"],
        );
        assert_eq!(bill[0]["move_type"], "in_invoice", "on the first document");
    }
    // What a call has not begun when it has lasted for long enough is left to a later one.
    let over = support::permit().until(Instant::now());
    let answers = books.odoo.attach(&over, &[entry.clone(), entry.clone()]).unwrap();
    assert_eq!(answers, [Ok(()), Err(SystemError::put_off())]);
    let mut small = server.books_with(|settings| {
        settings.largest_attachment = 5;
        settings.posting = PostingState::Final;
    });
    let entry = Attachment {
        receipts: vec![receipt(folder.path(), "large.pdf", b"%PDF-1.4 three")],
        ..entry
    };
    let answer = small.odoo.attach(&support::permit(), &[entry]).unwrap().remove(0);
    let Err(SystemError::Rejected { failure_type, .. }) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(failure_type.as_str(), "receipt_file_size_limit_exceeded");
}
