//! Whose invoice it is, what is a duplicate, and what pays what: each row through the program, all in one job and each
//! item in a job of its own.

mod duplicates;
mod vendors;
mod waves;

use serde_json::{Value, json};

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
            .map(|mut document| {
                let kind = document.metadata.remove("pleo-document");
                kind.unwrap_or_else(|| "journal-entry".to_owned())
            })
            .collect()
    }

    /// What the books remark on the n-th item.
    fn remarks(&self, n: usize) -> String {
        assert!(!self.documents(n).is_empty(), "it is booked");
        self.world.books().remarks(&id(n)).join("; ")
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
