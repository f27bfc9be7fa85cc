//! The content hash: the same expense is the same, a changed one is not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Days, TimeDelta};
use pleo_export::bookkeeping::{canonical_text, change, content_hash, is_unchanged};
use pleo_export::model::booked_content::BookedContent;
use pleo_export::model::export_item::{
    AccountReference, ExportItem, InvoiceInformation, ItemType, Line, Method, Party, ReceiptFile, SubType,
    Tag, Tax, TaxType,
};
use pleo_export::model::money::Amount;
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::bookkeeping::items::{Item, item, money};
use crate::bookkeeping::properties::items;
use crate::bookkeeping::world::world;

fn base() -> Item {
    item("card_purchase", "225.00")
        .payable()
        .invoice("A-1")
        .contra("5830 Pleo DKK")
        .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
        .tag("project", "P-1")
        .tag("team", "T-1")
        .line("6900 Travel", "100.00")
}

#[test]
fn it_is_versioned_and_stable() {
    // Books keep this value: when it changes, the version must too.
    assert_eq!(
        content_hash(&base().0),
        "2:OGnRO.Er-bg.g8M8Y.GimMU..dvHaF.CqjSy..lVf9D.wG3cd.9zSVX.aarel.g6p4A.PDBLi.4Y3t7.VPoCs.um_7R..JSRNY.2MFPxp"
    );
}

#[test]
fn an_entry_is_compared_in_the_version_that_its_hash_names() {
    let first = "1:db5a7f92630602b35d5eef0fe2744552b5854525af62d1afafd53ace4b8deff8";
    assert!(is_unchanged(&base().0, first));
    assert!(!is_unchanged(&base().on("2026-03-16T12:00:00Z").0, first));
    assert!(is_unchanged(&base().0, &content_hash(&base().0)));
    // What cannot be read is no proof of anything, and nothing that the books show says otherwise.
    for unknown in ["9:ab", "2:ab", "2:", "ab", "", "v1:aa11"] {
        assert!(!is_unchanged(&base().0, unknown), "{unknown}");
        assert_eq!(changed(&base().0, unknown), None, "{unknown}");
    }
}

#[test]
fn its_text_says_of_each_field_what_it_is_made_of() {
    let text = canonical_text(&base().0);
    assert!(text.starts_with("2:\ntype="), "{text}");
    // A field by its name and length, and in it what is digested.
    for field in [
        "invoice_number=13:number=3:A-1\n\n",
        "amount=21:amount=10:225.00 DKK\n\n",
        "contra_account=15:account=4:5830\n\n",
    ] {
        assert!(text.contains(field), "{field} in {text}");
    }
    let invoice = Sha256::digest("number=3:A-1\n");
    let digest = URL_SAFE_NO_PAD.encode(invoice);
    assert!(content_hash(&base().0).contains(&format!(".{}.", &digest[..5])));
}

#[test]
fn a_short_line_in_the_books() {
    assert!(
        content_hash(&base().0).len() <= 110,
        "{}",
        content_hash(&base().0)
    );
    let plain = item("card_purchase", "10.00").line("6800 Meals", "10.00");
    assert!(content_hash(&plain.0).len() < 66, "{}", content_hash(&plain.0));
}

/// What was changed, with books that show nothing.
fn changed(item: &ExportItem, hash: &str) -> Option<String> {
    change(item, hash, &BookedContent::default(), &world().settings)
}

type Change = Box<dyn Fn(&mut Item)>;

#[test]
fn what_the_books_depend_on_changes_it() {
    let changes: Vec<(&str, Change)> = vec![
        ("type", Box::new(|item| item.0.item_type = ItemType::Fee)),
        (
            "sub-type",
            Box::new(|item| *item = item.clone().sub_type("interest")),
        ),
        ("method", Box::new(|item| *item = item.clone().method("journal"))),
        (
            "date",
            Box::new(|item| *item = item.clone().on("2026-03-16T12:00:00Z")),
        ),
        ("amount", Box::new(|item| item.0.amount = money("225.01 DKK"))),
        ("currency", Box::new(|item| item.0.amount = money("225.00 SEK"))),
        (
            "supplier amount",
            Box::new(|item| item.0.supplier_amount = Some(money("30.00 EUR"))),
        ),
        (
            "contra account",
            Box::new(|item| *item = item.clone().contra("5831 Pleo DKK")),
        ),
        ("vendor", Box::new(|item| *item = item.clone().vendor("V-101"))),
        (
            "invoice number",
            Box::new(|item| item.0.invoice.as_mut().unwrap().number = "A-2".to_owned()),
        ),
        (
            "due date",
            Box::new(|item| item.0.invoice.as_mut().unwrap().due_date = None),
        ),
        (
            "line amount",
            Box::new(|item| item.0.lines[1].amount = "99.00".parse().unwrap()),
        ),
        (
            "net amount",
            Box::new(|item| item.0.lines[1].net_amount = "99.00".parse().unwrap()),
        ),
        ("account", Box::new(|item| item.0.lines[1].account = None)),
        (
            "tag",
            Box::new(|item| {
                item.0.lines[0].tags.pop();
            }),
        ),
        (
            "tax code",
            Box::new(|item| item.0.lines[0].tax.as_mut().unwrap().code = None),
        ),
        (
            "tax amount",
            Box::new(|item| item.0.lines[0].tax.as_mut().unwrap().amount = "24.00".parse().unwrap()),
        ),
        (
            "one line less",
            Box::new(|item| {
                item.0.lines.pop();
            }),
        ),
        (
            "the same line twice",
            Box::new(|item| {
                let line = item.0.lines[1].clone();
                item.0.lines.push(line);
            }),
        ),
    ];
    let before = content_hash(&base().0);
    for (title, change) in changes {
        let mut item = base();
        change(&mut item);
        assert_ne!(content_hash(&item.0), before, "{title}");
        assert_ne!(canonical_text(&item.0), canonical_text(&base().0), "{title}");
    }
}

#[test]
fn names_notes_addresses_and_order_do_not() {
    let mut item = base();
    item.0.note = Some("changed".to_owned());
    item.0.user = Some(Party {
        name: "Bo".to_owned(),
        code: Some("E8".to_owned()),
    });
    item.0.files.push(ReceiptFile {
        url: "https://x".to_owned(),
        media_type: None,
        size: None,
    });
    item.0.vendor.as_mut().unwrap().name = "Renamed".to_owned();
    item.0.contra_account.as_mut().unwrap().name = "Renamed".to_owned();
    item.0.lines[0].account.as_mut().unwrap().name = "Renamed".to_owned();
    item.0.lines[0].tax.as_mut().unwrap().rate = "0.250".to_owned();
    item.0.lines[0].tags.reverse();
    item.0.lines.reverse();
    item.0.lines[0].line_id = "new".to_owned();
    item.0.web_link = Some("https://y".to_owned());
    item.0.remarks.push("odd".to_owned());
    assert_eq!(content_hash(&item.0), content_hash(&base().0));
    assert_eq!(canonical_text(&item.0), canonical_text(&base().0));
}

#[test]
fn no_value_passes_for_another_field() {
    let mut one = base();
    let mut other = base();
    one.0.vendor.as_mut().unwrap().code = Some("V\nvendor.identifier=1:X".to_owned());
    other.0.vendor.as_mut().unwrap().code = Some("V".to_owned());
    other.0.vendor.as_mut().unwrap().external_id = Some("X".to_owned());
    assert_ne!(content_hash(&one.0), content_hash(&other.0));
}

/// `code/identifier/tax number`, each of which may be empty.
fn with_vendor(item: &Item, references: &str) -> ExportItem {
    let mut references = references
        .split('/')
        .map(|text| Some(text.to_owned()).filter(|text| !text.is_empty()));
    let mut item = item.clone().vendor("").0;
    let vendor = item.vendor.as_mut().unwrap();
    vendor.code = references.next().unwrap();
    vendor.external_id = references.next().unwrap();
    vendor.tax_number = references.next().unwrap();
    item
}

#[test]
fn a_vendor_is_the_same_by_the_strongest_reference_that_both_have() {
    let purchase = item("card_purchase", "10.00").line("6800 Meals", "10.00");
    let (bill, journal) = (purchase.clone().payable(), purchase.method("journal"));
    let table = [
        // before          now                  of a bill  of a journal entry
        ("V1//", "V1//", true, true),
        ("V1/E1/", "V1/E2/", true, true),
        ("V1//", "V2//", false, false),
        ("V1/E1/DK12345678", "V2/E1/DK12345678", false, false),
        ("/E1/", "E1//", true, true),
        ("/E1/", "/E2/", false, false),
        ("/E1/", "V1/E1/", true, true),
        ("//DK12345678", "//12 34 56 78", true, true),
        ("//DK12345678", "//12345679", false, false),
        ("V1//", "//", false, false),
        // Who is named only now says nothing else than before; but it would make a bill another.
        ("//", "V1//", false, true),
        ("//n/a", "V1//", false, true),
        ("V1//", "/E1/", false, true),
    ];
    for (before, now, of_bill, of_journal) in table {
        for (item, same) in [(&bill, of_bill), (&journal, of_journal)] {
            let hash = content_hash(&with_vendor(item, before));
            let now_item = with_vendor(item, now);
            assert_eq!(is_unchanged(&now_item, &hash), same, "{before} and {now}");
            let names =
                changed(&now_item, &hash).is_some_and(|clauses| clauses.starts_with("the vendor is now"));
            assert_eq!(names, !same, "{before} and {now}");
        }
    }
    let nobody = content_hash(&journal.0);
    assert!(is_unchanged(&with_vendor(&journal, "V1//"), &nobody));
    assert!(!is_unchanged(&with_vendor(&bill, "V1//"), &content_hash(&bill.0)));
}

#[test]
fn an_account_with_a_code_is_known_by_its_code() {
    let hash = content_hash(&base().0);
    let mut now = base().0;
    now.lines[0].account.as_mut().unwrap().identifier = Some("acc-1".to_owned());
    now.contra_account.as_mut().unwrap().identifier = Some("acc-2".to_owned());
    assert!(is_unchanged(&now, &hash));
    let mut without_code = now.clone();
    without_code.lines[0].account.as_mut().unwrap().code = None;
    assert!(!is_unchanged(&without_code, &hash));
    let hash = content_hash(&without_code);
    without_code.lines[0].account.as_mut().unwrap().identifier = Some("acc-9".to_owned());
    assert!(!is_unchanged(&without_code, &hash), "an identifier alone counts");
}

#[test]
fn the_employee_who_owes_or_is_owed_belongs_to_it() {
    let with_code = |item_type: &str, code: Option<&str>| {
        let mut item = item(item_type, "10.00").line("6800 Meals", "10.00").0;
        item.user = Some(Party {
            name: "Bo".to_owned(),
            code: code.map(str::to_owned),
        });
        item
    };
    for (item_type, counts) in [
        ("out_of_pocket", true),
        ("mileage", true),
        ("per_diem", true),
        ("direct_reimbursement", true),
        ("external_reimbursement", true),
        ("atm_withdrawal", true),
        ("personal_spend", true),
        ("card_purchase", false),
        ("invoice", false),
    ] {
        let hash = content_hash(&with_code(item_type, Some("E7")));
        let change = changed(&with_code(item_type, Some("E8")), &hash);
        let text = "the employee is now E8 (Bo) (before: not known here)";
        assert_eq!(change.as_deref(), counts.then_some(text), "{item_type}");
        // Who gets a code is the same as before.
        let hash = content_hash(&with_code(item_type, None));
        assert_eq!(
            changed(&with_code(item_type, Some("E8")), &hash),
            None,
            "{item_type}"
        );
    }
}

#[test]
fn what_only_repeats_a_change_is_not_told() {
    let hash = content_hash(&base().0);
    let clauses = |apply: &dyn Fn(&mut ExportItem)| {
        let mut now = base().0;
        apply(&mut now);
        changed(&now, &hash).unwrap()
    };
    let split = clauses(&|item| {
        let mut line = item.lines[1].clone();
        line.amount = "40.00".parse().unwrap();
        line.net_amount = line.amount;
        item.lines[1].amount = "60.00".parse().unwrap();
        item.lines[1].net_amount = item.lines[1].amount;
        item.lines.push(line);
    });
    assert!(split.starts_with("the split is now "), "{split}");
    assert!(!split.contains("; "), "{split}");
    let tax = clauses(&|item| {
        let line = &mut item.lines[0];
        line.net_amount = "105.00".parse().unwrap();
        let tax = line.tax.as_mut().unwrap();
        tax.amount = "20.00".parse().unwrap();
        tax.rate_millionths = Some(190_476);
        tax.ingoing_account = Some("1511".to_owned());
    });
    assert_eq!(
        tax,
        "the taxes of the lines are now S25 20.00 / none (before: not known here)"
    );
}

/// The words that name a field, and a change of it.
type SingleChange = (&'static str, fn(&mut ExportItem, usize));

/// Changes of one field that fit every item, each with the words that name the field; the number picks a line.
const SINGLE_CHANGES: [SingleChange; 20] = [
    ("the type ", |item, _| {
        item.item_type = if item.item_type == ItemType::Fee {
            ItemType::Refund
        } else {
            ItemType::Fee
        };
    }),
    ("the type ", |item, _| {
        item.sub_type = if item.sub_type == Some(SubType::Interest) {
            None
        } else {
            Some(SubType::Interest)
        };
    }),
    ("the bookkeeping method ", |item, _| {
        item.method = if item.method == Method::AccountsPayable {
            Method::Journal
        } else {
            Method::AccountsPayable
        };
    }),
    ("the date ", |item, _| item.date += TimeDelta::days(1)),
    ("the date ", |item, _| item.date += TimeDelta::seconds(1)),
    ("the amount is ", |item, _| {
        item.amount.amount = more(item.amount.amount);
    }),
    ("the amount is ", |item, _| {
        item.amount.currency = "NOK".parse().unwrap();
    }),
    ("the amount in the supplier's currency ", |item, _| {
        item.supplier_amount = Some(money("30.01 EUR"));
    }),
    ("the contra account ", |item, _| {
        item.contra_account = Some(AccountReference {
            code: Some("5999".to_owned()),
            identifier: None,
            name: String::new(),
        });
    }),
    ("the vendor ", |item, _| {
        item.vendor.as_mut().unwrap().code = Some("V-999".to_owned());
    }),
    ("the invoice number ", |item, _| invoice(item).number.push('1')),
    ("the invoice date ", |item, _| {
        let date = &mut invoice(item).invoice_date;
        *date = date.map(|date| date + Days::new(1));
    }),
    ("the due date ", |item, _| invoice(item).due_date = None),
    ("the net amount", |item, at| {
        let line = line(item, at);
        line.net_amount = more(line.net_amount);
    }),
    ("the rate", |item, _| {
        for tax in taxes(item) {
            tax.rate_millionths = Some(999);
        }
    }),
    ("the type", |item, _| {
        for tax in taxes(item) {
            tax.tax_type = TaxType::Unknown("new".to_owned());
        }
    }),
    ("the account", |item, _| {
        for tax in taxes(item) {
            tax.ingoing_account = Some("1599".to_owned());
        }
    }),
    ("the account", |item, at| {
        line(item, at).account = Some(AccountReference {
            code: Some("9999".to_owned()),
            identifier: None,
            name: String::new(),
        });
    }),
    ("the tax", |item, at| {
        let line = line(item, at);
        line.tax = match line.tax.take() {
            None => Some(Tax {
                code: Some("NEW".to_owned()),
                rate: "0.1".to_owned(),
                rate_millionths: Some(100_000),
                tax_type: TaxType::Inclusive,
                amount: Amount::hundredths(1),
                ingoing_account: None,
                outgoing_account: None,
            }),
            Some(tax) => Some(Tax {
                amount: more(tax.amount),
                ..tax
            }),
        };
    }),
    ("the tags ", |item, at| {
        line(item, at).tags.push(Tag {
            group: "new".to_owned(),
            code: "new".to_owned(),
        });
    }),
];

fn more(amount: Amount) -> Amount {
    amount + Amount::hundredths(1)
}

fn line(item: &mut ExportItem, at: usize) -> &mut Line {
    let count = item.lines.len();
    &mut item.lines[at % count]
}

fn taxes(item: &mut ExportItem) -> impl Iterator<Item = &mut Tax> {
    item.lines.iter_mut().filter_map(|line| line.tax.as_mut())
}

fn invoice(item: &mut ExportItem) -> &mut InvoiceInformation {
    item.invoice.as_mut().unwrap()
}

proptest! {
    #[test]
    fn any_change_of_one_field_is_seen_and_named(
        (base, _) in items(),
        (names, apply) in prop::sample::select(SINGLE_CHANGES.to_vec()),
        at in 0..8_usize,
    ) {
        let before = base.invoice("A-1").0;
        let mut now = before.clone();
        apply(&mut now, at);
        // Not every item is taxed.
        prop_assume!(now != before);
        prop_assert!(!is_unchanged(&now, &content_hash(&before)));
        let clauses = changed(&now, &content_hash(&before)).unwrap();
        prop_assert!(clauses.starts_with(names), "{} in {}", names, clauses);
        prop_assert!(!clauses.contains("; "), "{} alone in {}", names, clauses);
        prop_assert!(
            clauses.ends_with("(before: not known here)") || clauses.ends_with("instead of none"),
            "{}", clauses
        );
        prop_assert!(is_unchanged(&before, &content_hash(&before)));
    }

    #[test]
    fn an_item_is_itself_and_a_first_version_that_differs_does_not_say_where((base, _) in items()) {
        let item = base.invoice("A-1").0;
        prop_assert_eq!(changed(&item, &content_hash(&item)), None);
        let foreign = changed(&item, "1:00").unwrap();
        prop_assert!(foreign.contains("not known here"), "{}", foreign);
    }
}
