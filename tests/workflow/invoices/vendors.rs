//! Which vendors are one vendor, which numbers one number, and who is a vendor at all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Told, bill, card, however_cut, id, in_one_job, invoiced, payment, refund, vendor};
use crate::sandbox::seed::Item;
use crate::support::World;

#[test]
fn a_vendor_is_known_by_the_strongest_reference_that_both_have() {
    let table = [
        (
            vendor(Some("V100"), None, None),
            vendor(Some("V100"), Some("E9"), None),
            true,
        ),
        (
            vendor(Some("V100"), None, None),
            vendor(Some("V200"), None, None),
            false,
        ),
        (
            vendor(Some("V100"), Some("E1"), Some("DK12345678")),
            vendor(Some("V200"), Some("E1"), Some("DK12345678")),
            false,
        ),
        // It gets a code later.
        (
            vendor(None, Some("E1"), None),
            vendor(Some("V100"), Some("E1"), None),
            true,
        ),
        (
            vendor(None, Some("V100"), None),
            vendor(Some("V100"), None, None),
            true,
        ),
        (
            vendor(None, None, Some("DK 12.34.56.78")),
            vendor(Some("V100"), None, Some("12345678")),
            true,
        ),
        (
            vendor(None, Some("E1"), Some("DK12345678")),
            vendor(None, Some("E2"), Some("DK12345678")),
            false,
        ),
        (
            vendor(None, None, Some("00000000")),
            vendor(None, None, Some("00000000")),
            false,
        ),
        (
            vendor(None, None, Some("123")),
            vendor(None, None, Some("123")),
            false,
        ),
    ];
    for (first, second, is_same) in table {
        let items = [
            bill(10_000).set("vendor", first.clone()),
            bill(10_000).set("vendor", second.clone()),
        ];
        however_cut("", &items, |told| {
            let verdicts = told.verdicts();
            assert_eq!(
                verdicts[1] != "booked",
                is_same,
                "{first} and {second}: {verdicts:?}"
            );
        });
    }
}

#[test]
fn a_number_is_the_same_however_it_is_typed() {
    for typed in ["inv 2026 7", "INV.2026/7", " INV\u{200b}20267 "] {
        let items = [
            invoiced(bill(10_000), "INV-2026-7", Some("2026-05-10")),
            invoiced(payment(10_000), typed, None),
        ];
        however_cut("", &items, |told| {
            assert_eq!(told.verdicts(), ["booked", "booked"]);
            assert_eq!(told.links(1), told.links(2), "{typed}");
            assert_eq!(
                told.documents(2)[0].metadata["invoice-number"],
                typed.trim(),
                "kept for people"
            );
        });
    }
}

#[test]
fn a_number_is_the_same_however_a_computer_writes_its_letters() {
    for (number, other) in [
        ("\u{c9}-7", "E\u{301}7"),
        ("INV1", "\u{ff29}\u{ff2e}\u{ff36}\u{ff11}"),
    ] {
        let items = [
            invoiced(bill(10_000), number, Some("2026-05-10")),
            invoiced(bill(10_000), other, Some("2026-05-10")),
        ];
        however_cut("", &items, |told| {
            let verdicts = told.verdicts();
            assert!(
                verdicts[1].contains("is already there"),
                "{number} and {other}: {verdicts:?}"
            );
        });
    }
    let items = [
        invoiced(bill(10_000), "\u{c9}7", Some("2026-05-10")),
        invoiced(bill(10_000), "E7", Some("2026-05-10")),
    ];
    however_cut("", &items, |told| {
        assert_eq!(told.verdicts(), ["booked", "booked"]);
    });
}

#[test]
fn a_vendor_that_is_missing_is_asked_for_by_what_there_is() {
    let nobody = |item: Item| item.set("vendor", Value::Null).set("supplier", Value::Null);
    let by_supplier = |item: Item| {
        item.set("vendor", Value::Null)
            .set("supplier", json!({ "name": "Acme", "code": "V100" }))
    };
    let name_alone = |item: Item| item.set("vendor", vendor(None, None, None));
    let documents = [
        (bill as fn(i64) -> Item, "A vendor bill"),
        (payment, "A payment of a vendor's bill"),
        (refund, "A refund from a vendor"),
        (|amount| bill(-amount), "A vendor's credit note"),
    ];
    for (item, document) in documents {
        let texts = [
            (
                nobody(item(10_000)),
                " needs a vendor and none with a code, an identifier or a tax number is given: tag a vendor in Pleo,",
            ),
            (
                name_alone(item(10_000)),
                " needs a vendor with a code, an identifier or a tax number: give the vendor Acme ApS a code in Pleo,",
            ),
            (
                by_supplier(item(10_000)),
                " needs a vendor, and the supplier V100 (Acme) is not one in these books: tag a vendor in Pleo,",
            ),
        ];
        let (items, texts): (Vec<Item>, Vec<&str>) = texts.into_iter().unzip();
        let verdicts = in_one_job("", &items).verdicts();
        for (verdict, text) in verdicts.iter().zip(texts) {
            assert!(
                verdict.starts_with(&format!("{document}{text}")),
                "{document}{text} is not {verdict}"
            );
        }
    }
}

#[test]
fn the_second_document_takes_the_link_that_stands_in_the_books() {
    // A vendor that gets a code between bill and payment.
    let first = bill(10_000).set("vendor", vendor(None, Some("E1"), None));
    let second = payment(10_000).set("vendor", vendor(Some("V100"), Some("E1"), None));
    however_cut("", &[first, second], |told| {
        assert_eq!(
            (told.links(1), told.links(2)),
            (vec!["bill-E1/X".to_owned()], vec!["bill-E1/X".to_owned()])
        );
    });
    // A person who gave the pair another link.
    let told = in_one_job("", &[bill(10_000)]);
    let books = told.world.books();
    books.edit("PLEO-2026-000001.beancount", |text| {
        text.replace("^bill-V100/X", "^our-own-X")
    });
    told.world
        .add_job(vec![card(10_000).numbered(2).id(&id(2)).build()]);
    told.world.run(&["poll"]).exits(0);
    assert_eq!(told.links(2), ["our-own-X", "our-own-X"]);
}

#[test]
fn vendors_of_plain_text_books_are_tagged_or_named_in_the_settings() {
    let by_supplier = |item: Item| {
        item.set("vendor", Value::Null)
            .set("supplier", json!({ "name": "Acme", "code": "V100" }))
    };
    let absent = |item: Item| by_supplier(item).set("bookkeeping", Value::Null);
    let named = "[vendors]\ncodes = [\"V100\"]";
    for (settings, kinds) in [
        ("", vec!["journal-entry"]),
        (named, vec!["vendor-bill", "bill-payment"]),
    ] {
        however_cut(settings, &[absent(card(10_000))], |told| {
            assert_eq!(told.kinds(1), kinds);
        });
    }
    however_cut("", &[by_supplier(bill(10_000))], |told| {
        assert_eq!(
            told.items[0].failure_reason_type.as_deref(),
            Some("vendor_unknown")
        );
        let reason = &told.verdicts()[0];
        assert!(reason.contains("[vendors] codes = [\"V100\"]"), "{reason}");
    });
    however_cut(named, &[by_supplier(bill(10_000))], |told| {
        assert_eq!(told.kinds(1), ["vendor-bill"]);
    });
    // A payment of a bill that is there pairs with it all the same.
    for pay in [absent(payment(4_000)), by_supplier(payment(4_000))] {
        however_cut("", &[bill(10_000), pay.clone()], |told| {
            assert_eq!(told.verdicts(), ["booked", "booked"]);
            assert_eq!(told.kinds(2), ["bill-payment"]);
            assert_eq!(told.remarks(2), "invoice X: 60.00 DKK remains open");
        });
    }
    however_cut("", &[absent(payment(4_000))], |told| {
        assert_eq!(told.kinds(1), ["journal-entry"]);
    });
}

#[test]
fn a_vendors_documents_say_who_it_is_and_which_invoice() {
    let all = vendor(Some("V100"), Some("E1"), Some("DK12345678"));
    let told = in_one_job("", &[card(10_000).set("vendor", all)]);
    for document in told.documents(1) {
        let expected = [
            ("invoice-number", "X"),
            ("invoice-date", "2026-05-10"),
            ("vendor-code", "V100"),
            ("vendor-external-id", "E1"),
            ("vendor-tax-number", "DK12345678"),
        ];
        let said: BTreeMap<_, _> = document.metadata.clone();
        for (key, value) in expected {
            assert_eq!(
                said.get(key).map(String::as_str),
                Some(value),
                "{key} of {}",
                document.head
            );
        }
    }
}

/// What version 0.1.0 wrote of a bill of a supplier, of a tagged vendor and of a card invoice.
const BOOKS_OF_0_1: &str = r#"
2026-05-10 ! "Acme" "Acme" ^pleo-old ^bill-V100/X
  pleo-entry: "old"
  pleo-number: "PLEO-2026-000001"
  pleo-document: "vendor-bill"
  pleo-hash: "1:00"
  pleo-amount: "100.00 DKK"
  pleo-supplier-amount: "100.00 DKK"
  pleo-vendor-reference: "V100"
  invoice-number: "X"
  invoice-date: 2026-05-10
  WHO
  Expenses:3640  100.00 DKK
    purpose: "cost"
  Liabilities:AccountsPayable  -100.00 DKK
    purpose: "payable"
"#;

#[test]
fn books_of_version_0_1_are_read() {
    let whos = [
        ("supplier-code: \"V100\"", vendor(Some("V100"), None, None)),
        ("vendor-code: \"V100\"", vendor(Some("V100"), None, None)),
        ("supplier-account: \"V100\"", vendor(None, Some("V100"), None)),
        (
            "supplier-tax-number: \"DK12345678\"",
            vendor(Some("V9"), None, Some("12345678")),
        ),
        ("note: \"only the reference\"", vendor(Some("V100"), None, None)),
    ];
    for (who, vendor) in whos {
        let world = World::new();
        std::fs::create_dir_all(world.path("books/pleo/2026")).unwrap();
        let accounts = "1970-01-01 open Expenses:3640\n1970-01-01 open Liabilities:AccountsPayable\n";
        std::fs::write(world.path("books/accounts.beancount"), accounts).unwrap();
        std::fs::write(
            world.path("books/pleo/2026/PLEO-2026-000001.beancount"),
            BOOKS_OF_0_1.replace("WHO", who),
        )
        .unwrap();
        let items = [
            bill(10_000).set("vendor", vendor.clone()),
            payment(4_000).set("vendor", vendor.clone()),
        ];
        let items = items.into_iter().enumerate();
        let job = world.add_job(
            items
                .map(|(n, item)| item.numbered(n as u64).id(&id(n)).build())
                .collect(),
        );
        world.run(&["poll"]).exits(3);
        let told = Told {
            items: world.sandbox.job(&job).items,
            world,
        };
        assert!(
            told.verdicts()[0].contains("already there as PLEO-2026-000001"),
            "{who}: {:?}",
            told.verdicts()
        );
        assert_eq!(told.remarks(1), "invoice X: 60.00 DKK remains open", "{who}");
        assert_eq!(told.links(1), ["bill-V100/X"], "{who}");
        told.world.books().are_clean();
    }
}

#[test]
fn a_payment_that_only_its_bill_explains_counts_in_the_wallet_when_it_is_found_again() {
    let supplier = json!({ "name": "Acme", "code": "V100" });
    let items = [
        bill(10_000).build(),
        payment(4_000)
            .set("vendor", Value::Null)
            .set("supplier", supplier)
            .build(),
    ];
    let world = World::new();
    for (run, items) in [
        ("first", &items[..]),
        ("again", &items[..]),
        ("alone", &items[1..]),
    ] {
        world.add_job(items.to_vec());
        let job = world.run(&["poll", "--json"]).exits(0).json()["jobs"][0].clone();
        assert_eq!(job["wallet"][0]["amount"], "-40.00", "{run}: {job}");
    }
}
