//! Payee and description: what people read first.

use pleo_export::bookkeeping::Role;
use pleo_export::model::export_item::ItemType;

use crate::bookkeeping::items::{Item, item};
use crate::bookkeeping::world::world;

fn texts(item: Item) -> (String, String) {
    let planned = world().plan(&item).unwrap();
    (planned.payee, planned.description)
}

fn noted(note: &str) -> Item {
    let mut item = item("card_purchase", "1.00")
        .supplier("Cafe Nord", None)
        .line("6800 M", "1.00");
    item.0.note = Some(note.to_owned());
    item
}

#[test]
fn payee_and_description_say_with_whom_what_and_by_whom() {
    assert_eq!(
        texts(noted("Lunch with\n a client")),
        (
            "Cafe Nord".to_owned(),
            "Lunch with a client / Anna Berg".to_owned()
        )
    );
    let mut refund = noted("Lunch");
    refund.0.item_type = ItemType::Refund;
    assert_eq!(texts(refund.clone()).1, "Refund: Lunch / Anna Berg");
    refund.0.note = Some("The refund of May".to_owned());
    assert_eq!(texts(refund).1, "The refund of May / Anna Berg");
}

#[test]
fn where_nobody_said_what_it_was_the_type_says_it_in_words() {
    assert_eq!(
        texts(item("mileage", "1.00").line("6800 M", "1.00")),
        ("Pleo".to_owned(), "Mileage / Anna Berg".to_owned())
    );
    let mut topup = item("wallet_topup", "1.00");
    topup.0.user = None;
    assert_eq!(texts(topup), ("Pleo".to_owned(), "Wallet top-up".to_owned()));
    for word in ["card_purchase", "per_diem", "atm_withdrawal"] {
        let (_, text) = texts(item(word, "1.00").line("6800 M", "1.00"));
        assert!(!text.contains('_'), "{text}");
    }
}

#[test]
fn those_who_took_part_are_counted() {
    let with = |attendees: &[&str]| {
        let mut item = noted("Lunch");
        item.0.attendees = attendees.iter().map(|name| (*name).to_owned()).collect();
        texts(item).1
    };
    assert_eq!(with(&[]), "Lunch / Anna Berg");
    assert_eq!(with(&["Bo Lind"]), "Lunch / Anna Berg and Bo Lind");
    assert_eq!(
        with(&["Bo Lind", " ", "Eva Dahl"]),
        "Lunch / Anna Berg and 2 others"
    );
}

#[test]
fn a_long_description_loses_the_end_of_the_note() {
    let (_, text) = texts(noted(&"ø".repeat(500)));
    assert_eq!("Cafe Nord".len() + text.chars().count(), 72);
    assert!(text.ends_with("ø… / Anna Berg"), "{text}");
}

#[test]
fn beside_the_longest_names_it_is_still_said_what_it_was() {
    let mut item = noted("Frokost på Nørrebro");
    item.0.item_type = ItemType::Chargeback;
    let supplier = item.0.supplier.as_mut().unwrap();
    supplier.name = Some("Kaffebaren Nørrebro og Omegns Venner ApS".to_owned());
    item.0.user.as_mut().unwrap().name = "Anna-Margrethe Sørensen".to_owned();
    item.0.attendees = vec!["Christoffer Johannessen".to_owned()];
    let (_, text) = texts(item);
    assert_eq!(
        text,
        "Chargeback: Fro… / Anna-Margrethe Sørensen and Christoffer Johannessen"
    );
}

#[test]
fn control_characters_do_not_pass() {
    let (_, text) = texts(noted("a\u{1b}[31m\u{0}b\u{2028}c"));
    assert_eq!(text, "a [31m b c / Anna Berg");
}

#[test]
fn roles_have_the_names_of_the_configuration() {
    let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    assert_eq!(
        names,
        [
            "wallet",
            "out_of_pocket",
            "employee_receivable",
            "accounts_payable",
            "contra",
            "external_reimbursement",
            "fx_difference",
            "input_tax",
            "output_tax"
        ]
    );
}

#[test]
fn each_remark_is_said_once() {
    let mut topup = item("wallet_topup", "1.00");
    topup.0.remarks = ["one", "two", "one"].map(str::to_owned).into();
    assert_eq!(world().plan(&topup).unwrap().remarks, ["one", "two"]);
}
