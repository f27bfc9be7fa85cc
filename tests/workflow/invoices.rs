//! Whose invoice it is, what is a duplicate, and what pays what: each row through the program, all in one job and each
//! item in a job of its own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use pleo_export::model::document::PlannedItem;
use pleo_export::model::ids::AccountingEntryId;
use pleo_export::model::references::{References, Resolution};
use pleo_export::systems::beancount::Beancount;
use pleo_export::systems::{
    AccountingSystem, Attachment, BookedEntry, Description, Found, JobNeeds, SystemError, Wanted,
};

use crate::sandbox::seed::Item;
use crate::sandbox::{ItemState, ItemStatus};
use crate::support::{Transaction, World};

/// The n-th accounting entry, so that items of one day keep their order.
fn id(n: usize) -> String {
    format!("{n:08x}-0000-4000-8000-000000000000")
}

fn vendor(code: Option<&str>, external_id: Option<&str>, tax_number: Option<&str>) -> Value {
    json!({
        "id": "3f98e277-4cbd-47ad-9c90-a9587403e430", "name": "Acme ApS", "defaultCurrency": "DKK",
        "code": code, "externalId": external_id, "taxRegistrationNumber": tax_number,
    })
}

/// An item of the vendor V100 with the invoice number X, dated `day` like its invoice.
fn of_acme(item: Item, day: &str) -> Item {
    invoiced(item, "X", Some(day))
        .set("vendor", vendor(Some("V100"), None, None))
        .set(
            "supplier",
            json!({ "name": "Shop", "country": "DK", "categoryCode": "5999" }),
        )
        .method("accounts_payable")
        .date(&format!("{day}T10:00:00Z"))
}

fn invoiced(item: Item, number: &str, day: Option<&str>) -> Item {
    let day = day.map(|day| format!("{day}T10:00:00Z"));
    item.additional(
        "invoiceInformation",
        json!({ "invoiceNumber": number, "invoiceDate": day, "status": "paid" }),
    )
}

fn bill(amount: i64) -> Item {
    of_acme(Item::invoice(amount), "2026-05-10")
}

fn payment(amount: i64) -> Item {
    of_acme(Item::invoice_payment(amount), "2026-05-20")
}

fn card(amount: i64) -> Item {
    of_acme(Item::card_invoice(amount), "2026-05-10")
}

fn refund(amount: i64) -> Item {
    of_acme(Item::refund(amount), "2026-05-20")
}

/// What became of the items, in their order.
struct Told {
    world: World,
    items: Vec<ItemState>,
}

/// Books the items in one job.
fn in_one_job(settings: &str, items: &[Item]) -> Told {
    exported(settings, &[items.to_vec()])
}

/// Books the items in one job, and again with a job for each; `look` must hold of both.
#[track_caller]
fn however_cut(settings: &str, items: &[Item], look: impl Fn(&Told)) {
    look(&in_one_job(settings, items));
    let alone: Vec<Vec<Item>> = items.iter().map(|item| vec![item.clone()]).collect();
    look(&exported(settings, &alone));
}

fn exported(settings: &str, jobs: &[Vec<Item>]) -> Told {
    let world = World::new().with_settings(&format!(
        "{settings}\n[accounts.map]\n5820 = \"Assets:Pleo:Wallet\"\n"
    ));
    let (mut ids, mut count) = (Vec::new(), 0);
    for job in jobs {
        let items = job.iter().map(|item| {
            count += 1;
            item.clone().numbered(count as u64).id(&id(count)).build()
        });
        ids.push(world.add_job(items.collect()));
    }
    let run = world.run(&["poll"]);
    assert!(matches!(run.code, Some(0 | 3 | 4)), "{run}");
    world.keeps_its_promise_and_all_rules();
    world.books().are_clean();
    let mut items: Vec<ItemState> = ids.iter().flat_map(|job| world.sandbox.job(job).items).collect();
    items.sort_by(|one, other| one.entry.cmp(&other.entry));
    Told { world, items }
}

impl Told {
    /// "booked" or why not, for each item.
    fn verdicts(&self) -> Vec<String> {
        let verdict = |item: &ItemState| match item.status {
            ItemStatus::Successful => "booked".to_owned(),
            _ => item.failure_reason.clone().unwrap_or_default(),
        };
        self.items.iter().map(verdict).collect()
    }

    fn documents(&self, n: usize) -> Vec<Transaction> {
        let mut documents = self.world.books().transactions();
        documents.retain(|document| document.metadata.get("pleo-entry") == Some(&id(n)));
        documents.sort_by_key(|document| document.metadata.get("pleo-part").cloned());
        documents
    }

    /// The kinds of the documents of the n-th item.
    fn kinds(&self, n: usize) -> Vec<String> {
        let documents = self.documents(n).into_iter();
        documents
            .map(|document| document.metadata["pleo-document"].clone())
            .collect()
    }

    /// What the books remark on the n-th item.
    fn remarks(&self, n: usize) -> String {
        let documents = self.documents(n);
        let main = documents.first().expect("it is booked");
        main.metadata.get("remarks").cloned().unwrap_or_default()
    }

    /// The link of the invoice on every document of the n-th item.
    fn links(&self, n: usize) -> Vec<String> {
        let link = |document: &Transaction| {
            let links = document.head.split(" ^").skip(1);
            links
                .filter(|link| !link.starts_with("pleo-"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        self.documents(n).iter().map(link).collect()
    }

    fn balance(&self, account: &str) -> i64 {
        let postings = self
            .world
            .books()
            .transactions()
            .into_iter()
            .flat_map(|document| document.postings);
        let amounts = postings.filter(|(name, _)| name == account);
        amounts
            .map(|(_, amount)| {
                amount
                    .split(' ')
                    .next()
                    .unwrap()
                    .replace('.', "")
                    .parse::<i64>()
                    .unwrap()
            })
            .sum()
    }
}

const PAYABLES: &str = "Liabilities:AccountsPayable";
const WALLET: &str = "Assets:Pleo:Wallet";
const FX: &str = "Expenses:Pleo:FxDifference";

#[test]
fn g06_the_same_bill_twice_is_booked_once() {
    however_cut("", &[bill(10_000), bill(10_000)], |told| {
        let verdicts = told.verdicts();
        assert_eq!(verdicts[0], "booked");
        assert!(
            verdicts[1].starts_with(
                "Invoice \"X\" of Acme ApS is already there as PLEO-2026-000001 for another expense"
            ),
            "{verdicts:?}"
        );
        assert_eq!(told.balance(PAYABLES), -10_000);
    });
    however_cut(
        "[bookkeeping]\nduplicate_invoices = \"warn\"",
        &[bill(10_000), bill(10_000)],
        |told| {
            assert_eq!(told.verdicts(), ["booked", "booked"]);
            assert_eq!(
                told.remarks(2),
                "invoice X of Acme ApS is already there as PLEO-2026-000001 for another expense"
            );
        },
    );
}

#[test]
fn g07_a_rate_difference_sits_on_whichever_document_comes_second() {
    let (bill, payment) = (
        bill(149_000).supplier_currency("EUR", 20_000),
        payment(149_300).supplier_currency("EUR", 20_000),
    );
    let in_advance = payment.clone().date("2026-05-01T10:00:00Z");
    for items in [[bill.clone(), payment], [in_advance, bill]] {
        however_cut("", &items, |told| {
            assert_eq!(told.verdicts(), ["booked", "booked"]);
            let balances = [PAYABLES, FX, WALLET].map(|account| told.balance(account));
            assert_eq!(balances, [0, 300, -149_300]);
            let on_second = told.documents(2)[0]
                .postings
                .iter()
                .any(|(account, _)| account == FX);
            assert!(on_second, "the second document has the difference");
            assert_eq!((told.remarks(1), told.remarks(2)), (String::new(), String::new()));
            assert_eq!(told.links(1), told.links(2));
        });
    }
}

#[test]
fn g08_a_part_payment_says_what_remains_open() {
    however_cut("", &[bill(100_000), payment(40_000), payment(60_000)], |told| {
        assert_eq!(told.verdicts(), ["booked", "booked", "booked"]);
        assert_eq!(told.remarks(2), "invoice X: 600.00 DKK remains open");
        assert_eq!(told.remarks(3), "");
        assert_eq!(told.balance(PAYABLES), 0);
    });
    let returned = payment(100_000).sub_type("invoice_payment_returned");
    however_cut("", &[bill(100_000), payment(100_000), returned], |told| {
        assert_eq!(told.remarks(3), "invoice X: 1000.00 DKK remains open");
    });
}

#[test]
fn a03_a_number_that_comes_again_next_year_is_another_invoice() {
    let year = |year: &str, amount: i64| {
        [
            of_acme(Item::invoice(amount), &format!("{year}-02-03")),
            invoiced(
                of_acme(Item::invoice_payment(amount), &format!("{year}-02-20")),
                "X",
                Some(&format!("{year}-02-03")),
            ),
        ]
    };
    // The same amount in both years, too.
    for amount in [20_000, 10_000] {
        however_cut(
            "",
            &[year("2025", 10_000), year("2026", amount)].concat(),
            |told| {
                assert_eq!(told.verdicts(), ["booked"; 4]);
                assert_eq!(told.balance(PAYABLES), 0);
                assert_eq!(
                    told.remarks(3),
                    "Acme ApS has used the number X before (PLEO-2025-000001): check that these are two invoices"
                );
                assert_eq!((told.remarks(2), told.remarks(4)), (String::new(), String::new()));
            },
        );
    }
}

#[test]
fn g02_refunds_in_parts_are_booked_without_fuss() {
    let second = refund(30_000).date("2026-05-21T10:00:00Z");
    however_cut("", &[card(100_000), refund(20_000), second], |told| {
        assert_eq!(told.verdicts(), ["booked", "booked", "booked"]);
        assert_eq!(told.balance(WALLET), -50_000);
        assert_eq!((told.remarks(2), told.remarks(3)), (String::new(), String::new()));
        assert_eq!(told.kinds(3), ["credit-note", "refund-receipt"]);
    });
}

#[test]
fn what_moved_the_wallet_is_booked_with_a_remark_that_asks_for_the_money() {
    type Make = fn(i64) -> Item;
    let types: [(&str, Make); 3] = [
        ("card_invoice", Item::card_invoice),
        ("card_purchase", Item::card_purchase),
        ("fee", Item::fee),
    ];
    for (name, make) in types {
        let again = of_acme(make(10_000), "2026-05-10");
        however_cut("", &[card(10_000), again], |told| {
            assert_eq!(told.verdicts(), ["booked", "booked"], "{name}");
            assert_eq!(told.balance(WALLET), -20_000, "{name}");
            assert_eq!(
                told.remarks(2),
                "invoice X of Acme ApS is paid a second time (PLEO-2026-000001): ask for it back",
                "{name}"
            );
        });
    }
    for make in [Item::refund, Item::chargeback] {
        let again = of_acme(make(10_000), "2026-05-21");
        however_cut("", &[card(10_000), refund(10_000), again], |told| {
            assert_eq!(told.verdicts(), ["booked", "booked", "booked"]);
            assert_eq!(told.balance(WALLET), 10_000);
            let remarks = told.remarks(3);
            assert!(
                remarks.starts_with("invoice X of Acme ApS is refunded a second time (PLEO-2026-00000"),
                "{remarks}"
            );
        });
    }
}

#[test]
fn a_duplicate_is_known_by_day_amount_and_year() {
    let (may, june, next) = (Some("2026-05-10"), Some("2026-06-10"), Some("2027-06-10"));
    let dated = |amount: i64, day| invoiced(bill(amount), "X", day);
    let euros = |wallet: i64, day| dated(wallet, day).supplier_currency("EUR", 1_340);
    let table = [
        (
            "same day, other amount",
            dated(10_000, may),
            dated(9_000, may),
            false,
        ),
        (
            "same amount, same year",
            dated(10_000, may),
            dated(10_000, june),
            false,
        ),
        (
            "same amount, next year",
            dated(10_000, may),
            dated(10_000, next),
            true,
        ),
        (
            "other amount, other day",
            dated(10_000, may),
            dated(9_000, june),
            true,
        ),
        (
            "a date missing, same amount",
            dated(10_000, None),
            dated(10_000, may),
            false,
        ),
        (
            "a date missing, other amount",
            dated(10_000, may),
            dated(9_000, None),
            true,
        ),
        (
            "same amount in the supplier's currency",
            euros(10_000, may),
            euros(10_030, june),
            false,
        ),
        (
            "the credit note of the bill",
            dated(10_000, may),
            dated(-10_000, may),
            true,
        ),
        (
            "the same credit note",
            dated(-10_000, may),
            dated(-10_000, june),
            false,
        ),
        (
            "another part credit",
            dated(-10_000, may),
            dated(-4_000, may),
            true,
        ),
    ];
    for (case, first, second, is_booked) in table {
        however_cut("", &[first.clone(), second.clone()], |told| {
            let verdicts = told.verdicts();
            assert_eq!(verdicts[0], "booked", "{case}");
            assert_eq!(verdicts[1] == "booked", is_booked, "{case}: {verdicts:?}");
        });
    }
}

#[test]
fn a_corrected_bill_is_booked_once_the_first_is_credited_or_reversed() {
    let items = [bill(10_000), bill(-10_000), bill(9_000)];
    however_cut("", &items, |told| {
        assert_eq!(told.verdicts(), ["booked", "booked", "booked"]);
        assert_eq!(told.balance(PAYABLES), -9_000);
    });
    however_cut("", &[bill(10_000), bill(-4_000), bill(9_000)], |told| {
        assert_ne!(
            told.verdicts()[2],
            "booked",
            "a part of the first bill still stands"
        );
    });
    let told = in_one_job("", &[bill(10_000)]);
    told.world.books().edit("PLEO-2026-000001.beancount", |text| {
        text.replace("  pleo-number: ", "  pleo-reversed: TRUE\n  pleo-number: ")
    });
    let job = told
        .world
        .add_job(vec![bill(9_000).numbered(9).id(&id(9)).build()]);
    told.world.run(&["poll"]).exits(0);
    assert_eq!(told.world.sandbox.job(&job).count(ItemStatus::Successful), 1);
}

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
fn what_is_refused_does_not_exist_for_what_comes_after() {
    type Spoil = fn(Item) -> Item;
    let causes: [(&str, Spoil); 3] = [
        ("its receipt cannot be had", Item::missing_receipt),
        ("it has no account", Item::without_account),
        ("the books refuse its account", |item| item.account("9999")),
    ];
    for (cause, spoil) in causes {
        for items in [
            vec![spoil(bill(10_000)), bill(10_000), payment(10_000)],
            vec![spoil(bill(10_000)), payment(10_000)],
        ] {
            let world_of = |jobs: &[Vec<Item>]| {
                let world = World::new();
                std::fs::create_dir(world.path("books")).unwrap();
                std::fs::write(
                    world.path("books/accounts.beancount"),
                    "2099-01-01 open Expenses:9999\n",
                )
                .unwrap();
                let mut count = 0;
                for job in jobs {
                    let items = job.iter().map(|item| {
                        count += 1;
                        item.clone().numbered(count as u64).id(&id(count)).build()
                    });
                    world.add_job(items.collect());
                }
                world.run(&["poll"]);
                world.keeps_its_promise_and_all_rules();
                let items = world
                    .sandbox
                    .jobs()
                    .into_iter()
                    .flat_map(|job| job.items)
                    .collect();
                Told { world, items }
            };
            let alone: Vec<Vec<Item>> = items.iter().map(|item| vec![item.clone()]).collect();
            for told in [world_of(std::slice::from_ref(&items)), world_of(&alone)] {
                let verdicts = told.verdicts();
                assert_ne!(verdicts[0], "booked", "{cause}");
                assert_eq!(verdicts[1..], vec!["booked"; verdicts.len() - 1], "{cause}");
                assert_eq!(told.remarks(2), "", "{cause}");
            }
        }
    }
}

#[test]
fn the_log_announces_a_duplicate_within_the_job_before_anything_is_booked() {
    let world = World::new();
    let items = [bill(10_000), bill(10_000)];
    let items = items.into_iter().enumerate();
    world.add_job(
        items
            .map(|(n, item)| item.numbered(n as u64).id(&id(n)).build())
            .collect(),
    );
    world
        .run(&["poll"])
        .exits(3)
        .says("will fail: an invoice of the same vendor and number is already there: 1 item");
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

/// Books into which another process books the same bill under another entry, just before our first booking.
#[derive(Debug)]
struct BookedMeanwhile {
    ours: Beancount,
    theirs: Option<Beancount>,
}

impl AccountingSystem for BookedMeanwhile {
    fn describe(&self) -> Description {
        self.ours.describe()
    }

    fn check(&mut self, job: &JobNeeds) -> Result<(), SystemError> {
        self.ours.check(job)
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        self.ours.resolve(references)
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        self.ours.find(entries)
    }

    fn book(&mut self, items: &[PlannedItem]) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        if let Some(mut theirs) = self.theirs.take() {
            let mut same_bill = items[0].clone();
            same_bill.item.entry_id = AccountingEntryId::new("theirs");
            theirs.book(&[same_bill]).unwrap().remove(0).unwrap();
        }
        self.ours.book(items)
    }

    fn attach(&mut self, entries: &[Attachment]) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        self.ours.attach(entries)
    }
}

#[test]
fn a_bill_that_another_process_booked_since_the_look_up_is_a_duplicate() {
    let world = World::new();
    let job = world.add_job(vec![bill(10_000).numbered(1).id(&id(1)).build()]);
    let mut system = BookedMeanwhile {
        ours: world.beancount(),
        theirs: Some(world.beancount()),
    };
    world.poll_with(&mut system);
    let told = Told {
        items: world.sandbox.job(&job).items,
        world,
    };
    let verdicts = told.verdicts();
    assert!(
        verdicts[0].contains("is already there as PLEO-2026-000001"),
        "{verdicts:?}"
    );
    assert_eq!(told.balance(PAYABLES), -10_000);
}
