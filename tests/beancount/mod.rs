//! The embedded books as a user has them: files in a folder, read by people, beancount, and several processes.
//!
//! With `PLEO_EXPORT_BEAN_CHECK` naming a bean-check of beancount 3, each test also asks beancount itself.

mod hostile;
mod items;
mod ledger;
mod people;
mod receipts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use pleo_export::host::stop::Stop;
use pleo_export::model::document::{Part, SeenInvoice};
use pleo_export::model::ids::AccountingEntryId;
use pleo_export::model::references::{
    AccountKey, AccountPurpose, InvoiceKey, InvoiceNumber, InvoiceSide, References, VendorKey,
};
use pleo_export::model::verdict::ItemFailureType;
use pleo_export::systems::beancount::{Beancount, Settings, UnknownAccounts};
use pleo_export::systems::{AccountingSystem, Found, SystemError};

use self::items::{bill_with_payment, day, job, permit, purchase, purchase_on, wanted};
use ledger::Ledger;

#[test]
fn nothing_is_written_without_a_permit() {
    let ledger = Ledger::new();
    ledger.book(&[purchase("e1")]);
    let before = ledger::files_below(&ledger.books());
    let withheld = items::withheld();
    let mut system = ledger.system();
    let booked = system.find(&[wanted("e1", &[Part::Main])]).unwrap().remove(0);
    let attachment = items::attachment(
        "e1",
        booked.booked().unwrap().clone(),
        vec![items::receipt(ledger.folder.path(), "a.pdf", b"a")],
    );
    assert!(matches!(
        system.book(&withheld, &[purchase("e2")]),
        Err(SystemError::Withheld(_))
    ));
    assert!(matches!(
        system.attach(&withheld, &[attachment]),
        Err(SystemError::Withheld(_))
    ));
    assert_eq!(ledger::files_below(&ledger.books()), before);
}

#[test]
fn new_books_are_made_once_and_never_written_again() {
    let ledger = Ledger::new();
    ledger.assert_sound();
    ledger.edit("main.beancount", |text| format!("{text}; mine\n"));
    fs::write(
        ledger.books().join("accounts.beancount"),
        "2020-01-01 open Assets:Mine\n",
    )
    .unwrap();
    ledger.system().check(&job()).unwrap();
    assert!(
        fs::read_to_string(ledger.books().join("main.beancount"))
            .unwrap()
            .ends_with("; mine\n")
    );
    let accounts = fs::read_to_string(ledger.books().join("accounts.beancount")).unwrap();
    assert_eq!(accounts, "2020-01-01 open Assets:Mine\n");
    // What is no longer opened there is opened with the first entry that uses it.
    ledger.book(&[purchase("e1")]);
    ledger.assert_sound();
}

#[test]
fn a_batch_is_one_new_file_with_all_that_pleo_said() {
    let ledger = Ledger::new();
    assert_eq!(
        ledger.book(&[purchase("e1"), bill_with_payment("e2", "INV-77")]),
        ["PLEO-2026-000001", "PLEO-2026-000002"]
    );
    assert_eq!(
        ledger.batches(),
        [
            "2026/PLEO-2026-000001.beancount",
            "2026/PLEO-2026-000001.evidence.jsonl",
            "about.beancount"
        ]
    );
    let text = ledger.text();
    for fact in [
        "2026-10-09 ! \"Papirhuset\" \"Paper and toner\" ^pleo-e1\n",
        "  pleo-entry: \"e1\"\n",
        "; export job: 0b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11\n",
        "  supplier-amount: \"16.75 EUR\"\n",
        "  Expenses:6800  100.00 DKK\n",
        "    tax-code: \"S25\"\n",
        "    tags: \"project=Launch\"\n",
        "    account-code: \"6800\"\n",
        "    purpose: \"payable\"\n",
        "  Assets:Pleo:Wallet  -125.00 DKK\n",
        "  vendor-code: \"V-42\"\n",
        "^pleo-e2 ^bill-V-42/INV-77\n",
        "  pleo-part: \"payment\"\n",
        "  pleo-number: \"PLEO-2026-000003\"\n",
        "; numbers: PLEO-2026-000001 to PLEO-2026-000003\n",
    ] {
        assert!(text.contains(fact), "{fact} is missing in\n{text}");
    }
    ledger.assert_sound();
}

#[test]
fn an_entry_is_booked_once_however_often_it_is_asked_for() {
    let ledger = Ledger::new();
    let mut system = ledger.system();
    let items = [purchase("e1"), bill_with_payment("e2", "INV-1"), purchase("e1")];
    let first = system.book(&permit(), &items).unwrap();
    let before = ledger.text();
    for again in [
        system.book(&permit(), &items).unwrap(),
        ledger.try_book(&items).unwrap(),
    ] {
        assert_eq!(again, first);
    }
    assert_eq!(ledger.text(), before);
    let Found::Complete(found) = &ledger.system().find(&[wanted("e2", &[])]).unwrap()[0] else {
        panic!()
    };
    assert_eq!(Some(found), first[1].as_ref().ok());
    assert_eq!(found.parts, [Part::Main, Part::Payment]);
    assert_eq!(found.content_hash.as_deref(), Some("v1:aa11"));
    assert_eq!(found.amount, Some(items::money(12_500, "DKK")));
    assert_eq!(found.posting_date, day("2026-10-09"));
}

#[test]
fn the_first_batch_says_in_which_currency_the_books_are_kept() {
    let option = "option \"operating_currency\"";
    let ledger = Ledger::new();
    ledger.book(&[purchase("e1")]);
    ledger.book(&[purchase("e2")]);
    assert_eq!(ledger.text().matches(option).count(), 1);
    assert!(ledger.text().contains(&format!("{option} \"DKK\"\n")));
    ledger.assert_sound();
    let ledger = Ledger::new();
    ledger.edit("main.beancount", |text| format!("{text}{option} \"EUR\"\n"));
    ledger.book(&[purchase("e1")]);
    assert!(!ledger.text().contains(option), "a person chose already");
}

#[test]
fn numbers_have_no_gaps_in_any_year() {
    let ledger = Ledger::new();
    let numbers = ledger.book(&[
        purchase_on("e1", day("2025-12-31")),
        purchase_on("e2", day("2026-01-01")),
        purchase_on("e3", day("2025-12-30")),
    ]);
    assert_eq!(
        numbers,
        ["PLEO-2025-000001", "PLEO-2026-000001", "PLEO-2025-000002"]
    );
    // A refused item takes none.
    let mut refused = purchase("e4");
    refused.documents[0].postings[0].account = items::account("no account");
    let answers = ledger.try_book(&[refused, purchase("e5")]).unwrap();
    assert!(matches!(
        answers[0],
        Err(SystemError::Rejected {
            failure_type: ItemFailureType::AccountUnknown,
            ..
        })
    ));
    assert_eq!(answers[1].as_ref().unwrap().external_id, "PLEO-2026-000002");
    assert_eq!(
        ledger.book(&[purchase_on("e6", day("2025-06-01"))]),
        ["PLEO-2025-000003"]
    );
    ledger.assert_sound();
}

#[test]
fn two_processes_on_one_folder_book_each_entry_once() {
    let ledger = Ledger::new();
    let batches: Vec<Vec<_>> = (0..10)
        .map(|batch| (0..5).map(|n| purchase(&format!("e{}", batch * 3 + n))).collect())
        .collect();
    std::thread::scope(|scope| {
        for reversed in [false, true] {
            let (ledger, mut batches) = (&ledger, batches.clone());
            if reversed {
                batches.reverse();
            }
            scope.spawn(move || {
                let mut system = ledger.system();
                for batch in &batches {
                    assert!(system.book(&permit(), batch).unwrap().iter().all(Result::is_ok));
                }
            });
        }
    });
    let text = ledger.text();
    let entries = ledger::metadata(&text, "pleo-entry");
    assert_eq!(entries.len(), 32);
    assert_eq!(entries.iter().collect::<BTreeSet<_>>().len(), 32);
    let numbers: BTreeSet<_> = ledger::metadata(&text, "pleo-number").into_iter().collect();
    let expected = (1..=32).map(|serial| format!("PLEO-2026-{serial:06}")).collect();
    assert_eq!(numbers, expected);
    ledger.assert_sound();
}

#[test]
fn what_a_killed_process_left_aside_is_passed_over() {
    let ledger = Ledger::new();
    ledger.book(&[purchase("e1")]);
    fs::write(
        ledger.books().join("pleo/2026/.PLEO-2026-000002.beancount.part"),
        "half a ba",
    )
    .unwrap();
    assert_eq!(ledger.book(&[purchase("e2")]), ["PLEO-2026-000002"]);
    ledger.assert_sound();
}

#[test]
fn accounts_are_resolved_by_name_code_and_metadata() {
    let ledger = Ledger::new();
    ledger.edit("accounts.beancount", |text| {
        format!("{text}2020-01-01 open Expenses:Food\n  code: \"6900\"\n")
    });
    let configured = AccountKey::Configured("Expenses:New".to_owned());
    let wrong = AccountKey::Configured("Kosten:New".to_owned());
    let [known, unknown, odd] =
        ["6900", "6800", "68/00"].map(|code| AccountKey::of_code(AccountPurpose::Cost, code));
    let mut references = References::default();
    for key in [&configured, &wrong, &known, &unknown, &odd] {
        references.accounts.insert(key.clone(), Some("Name".to_owned()));
    }
    let resolution = ledger.system().resolve(&references).unwrap();
    let name = |key| {
        resolution
            .accounts
            .get(key)
            .and_then(|found| Some(found.best()?.reference.to_string()))
    };
    assert_eq!(name(&configured).as_deref(), Some("Expenses:New"));
    assert_eq!(name(&wrong).as_deref(), None);
    assert_eq!(name(&known).as_deref(), Some("Expenses:Food"));
    assert_eq!(name(&unknown).as_deref(), Some("Expenses:6800"));
    assert!(name(&odd).unwrap().starts_with("Expenses:68-00-"));

    let settings = Settings {
        unknown_accounts: UnknownAccounts::Fail,
        ..ledger.settings()
    };
    let strict = Beancount::new(settings, Stop::new())
        .resolve(&references)
        .unwrap();
    let found = strict.accounts.values().filter(|found| found.best().is_some());
    assert_eq!(found.count(), 2, "{:?}", strict.accounts);
}

#[test]
fn an_account_opened_for_a_code_keeps_code_and_name() {
    let ledger = Ledger::new();
    let mut references = References::default();
    let key = AccountKey::Pleo {
        purpose: AccountPurpose::Cost,
        code: Some("6800".to_owned()),
        identifier: Some("3f25".to_owned()),
    };
    references
        .accounts
        .insert(key.clone(), Some("Meals \"out\"".to_owned()));
    let mut system = ledger.system();
    let resolution = system.resolve(&references).unwrap();
    let mut item = purchase("e1");
    item.documents[0].postings[0].account = resolution.accounts[&key].best().unwrap().clone();
    system.book(&permit(), &[item]).unwrap();
    let opening = "1970-01-01 open Expenses:6800\n  code: \"6800\"\n  name: \"Meals \\\"out\\\"\"\n  \
                   identifier: \"3f25\"\n  purpose: \"cost\"\n";
    assert!(ledger.text().contains(opening), "{}", ledger.text());
    ledger.book(&[purchase("e2")]);
    assert_eq!(ledger.text().matches(" open Expenses:6800").count(), 1);
    ledger.assert_sound();
}

#[test]
fn an_account_that_somebody_opens_for_something_else_meanwhile_is_not_used() {
    let key = AccountKey::of_code(AccountPurpose::Cost, "6800");
    let references = References {
        accounts: [(key.clone(), None)].into(),
        ..References::default()
    };
    for (facts, is_taken) in [
        ("  code: \"7000\"\n", true),
        ("  purpose: \"wallet\"\n", true),
        ("  code: \"6800\"\n  purpose: \"cost\"\n", false),
        ("", false),
    ] {
        let ledger = Ledger::new();
        let mut system = ledger.system();
        let resolution = system.resolve(&references).unwrap();
        let mut item = purchase("e1");
        item.documents[0].postings[0].account = resolution.accounts[&key].best().unwrap().clone();
        ledger.edit("accounts.beancount", |text| {
            format!("{text}2020-01-01 open Expenses:6800\n{facts}")
        });
        let answer = system.book(&permit(), &[item]).unwrap().remove(0);
        assert_eq!(answer.is_err(), is_taken, "{facts}: {answer:?}");
        ledger.assert_sound();
    }
}

#[test]
fn a_configuration_that_beancount_cannot_take_is_told_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        configured_accounts: vec!["Expenses:Meals out".to_owned()],
        ..ledger::settings(folder.path().join("books"))
    };
    let error = Beancount::new(settings.clone(), Stop::new())
        .check(&job())
        .unwrap_err();
    assert!(matches!(error, SystemError::Settings { .. }));
    assert!(error.to_string().contains("`Expenses:Meals out`"), "{error}");
    assert!(!settings.directory.exists());

    fs::write(&settings.directory, "a file").unwrap();
    let settings = Settings {
        configured_accounts: Vec::new(),
        account_map: BTreeMap::new(),
        tax_accounts: BTreeMap::new(),
        ..settings
    };
    let error = Beancount::new(settings, Stop::new()).check(&job()).unwrap_err();
    assert!(
        matches!(error, SystemError::Settings { .. }) && error.to_string().contains("is a file"),
        "{error}"
    );
}

#[test]
fn invoices_are_known_by_vendor_and_number() {
    let ledger = Ledger::new();
    ledger.book(&[bill_with_payment("e1", "INV-77")]);
    let invoice = |code: &str, number: &str| InvoiceKey {
        vendor: VendorKey {
            code: Some(code.to_owned()),
            ..VendorKey::default()
        },
        number: InvoiceNumber::new(number).unwrap(),
    };
    let known = invoice("V-42", "INV-77");
    let references = References {
        invoices: [
            known.clone(),
            invoice("V-43", "INV-77"),
            invoice("V-42", "INV-78"),
        ]
        .into(),
        vendors: [
            (known.vendor.clone(), "Papirhuset".to_owned()),
            (VendorKey::default(), String::new()),
        ]
        .into(),
        ..References::default()
    };
    let resolution = ledger.system().resolve(&references).unwrap();
    assert_eq!(resolution.invoices.len(), 1);
    assert_eq!(resolution.vendors.len(), 1);
    assert_eq!(resolution.vendors[&known.vendor].reference, "V-42".into());
    let sides: Vec<_> = resolution.invoices[&known]
        .iter()
        .map(|side| (side.entry_id.clone(), side.side, side.payable.to_string()))
        .collect();
    let e1 = AccountingEntryId::new("e1");
    assert_eq!(
        sides,
        [
            (e1.clone(), InvoiceSide::Bill, "-125.00 DKK".to_owned()),
            (e1, InvoiceSide::Payment, "125.00 DKK".to_owned()),
        ]
    );
}

#[test]
fn a_plan_is_good_only_while_the_books_have_of_its_invoice_what_it_was_made_from() {
    let ledger = Ledger::new();
    let bill = |entry: &str| {
        let mut bill = bill_with_payment(entry, "INV-77");
        bill.seen = bill.documents[0].matching.clone().map(|key| SeenInvoice {
            key,
            in_books: Vec::new(),
        });
        bill
    };
    // Two processes planned at the same time; each entry may be booked again, for it does not stand in its own way.
    let (first, second) = (bill("e1"), bill("e2"));
    ledger.book(std::slice::from_ref(&first));
    ledger.book(std::slice::from_ref(&first));
    let before = ledger.text();
    let answers = ledger.try_book(std::slice::from_ref(&second)).unwrap();
    assert!(
        matches!(answers[..], [Err(SystemError::Unavailable { .. })]),
        "{answers:?}"
    );
    assert_eq!(ledger.text(), before, "nothing was booked");
    // Planned again from what the books have, it is booked.
    let mut again = second;
    let seen = again.seen.as_mut().unwrap();
    let asked = References {
        invoices: [seen.key.clone()].into(),
        ..References::default()
    };
    seen.in_books = ledger.system().resolve(&asked).unwrap().invoices[&seen.key].clone();
    assert_eq!(ledger.book(&[again]), ["PLEO-2026-000003"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_nothing_is_booked() {
    let ledger = Ledger::new();
    fs::write(ledger.books().join("pleo/2026"), "a file where a folder belongs").unwrap();
    let error = ledger.try_book(&[purchase("e1")]).unwrap_err();
    assert!(matches!(error, SystemError::Damaged { .. }));
    let text = error.to_string();
    assert!(text.contains("pleo/2026"), "{text}");
    fs::remove_file(ledger.books().join("pleo/2026")).unwrap();
    assert_eq!(ledger.book(&[purchase("e1")]), ["PLEO-2026-000001"]);
}

#[test]
fn an_entry_has_an_address_where_fava_is_configured() {
    let ledger = Ledger::new();
    let settings = Settings {
        fava_url: Some("http://localhost:5000/books/".to_owned()),
        ..ledger.settings()
    };
    let mut system = Beancount::new(settings, Stop::new());
    let booked = system
        .book(&permit(), &[purchase("e1")])
        .unwrap()
        .remove(0)
        .unwrap();
    let address = "http://localhost:5000/books/journal/?filter=%5Epleo-e1";
    assert_eq!(booked.external_url.as_deref(), Some(address));
    assert_eq!(
        system.find(&[wanted("e1", &[])]).unwrap(),
        [Found::Complete(booked)]
    );
}

#[test]
#[cfg(unix)]
fn the_books_have_one_name_before_and_after_they_are_made() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("real"), folder.path().join("link")).unwrap();
    let target = |way: &str| {
        let settings = ledger::settings(folder.path().join(way).join("books"));
        let mut system = Beancount::new(settings, Stop::new());
        let before = system.describe().target;
        system.check(&job()).unwrap();
        before
    };
    assert_eq!(target("link"), target("real"));
    assert_eq!(target("link"), target("real"));
}
