//! The content hash: the same expense is the same, a changed one is not.

use pleo_export::bookkeeping::content_hash;
use pleo_export::model::export_item::{Party, ReceiptFile};

use crate::items::{Item, item, money};

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
    let hash = content_hash(&base().0);
    assert!(hash.starts_with("1:"), "{hash}");
    assert_eq!(hash.len(), 66);
    // Books keep this value: when it changes, the version must too.
    assert_eq!(
        hash,
        "1:db5a7f92630602b35d5eef0fe2744552b5854525af62d1afafd53ace4b8deff8"
    );
}

type Change = Box<dyn Fn(&mut Item)>;

#[test]
fn what_the_books_depend_on_changes_it() {
    let changes: Vec<(&str, Change)> = vec![
        (
            "type",
            Box::new(|item| item.0.item_type = pleo_export::model::export_item::ItemType::Fee),
        ),
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
    item.0.invoice.as_mut().unwrap().status = "paid later".to_owned();
    item.0.web_link = Some("https://y".to_owned());
    item.0.remarks.push("odd".to_owned());
    assert_eq!(content_hash(&item.0), content_hash(&base().0));
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
