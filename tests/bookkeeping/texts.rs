//! Payee and description: what people read first.

use pleo_export::bookkeeping::Role;

use crate::items::{Item, item};
use crate::world::world;

fn texts(item: Item) -> (Option<String>, String) {
    let planned = world().plan(&item).unwrap();
    (planned.payee, planned.description)
}

fn noted(note: &str) -> Item {
    let mut item = item("wallet_topup", "1.00").supplier("Cafe Nord", None);
    item.0.note = Some(note.to_owned());
    item
}

#[test]
fn supplier_spender_and_note_in_one_line() {
    assert_eq!(
        texts(noted("Lunch with\n a client")),
        (
            Some("Cafe Nord".to_owned()),
            "Cafe Nord / Anna Berg / Lunch with a client".to_owned()
        )
    );
}

#[test]
fn the_spender_is_the_payee_where_nobody_else_is() {
    assert_eq!(
        texts(item("mileage", "1.00").line("6800 M", "1.00")),
        (Some("Anna Berg".to_owned()), "Anna Berg".to_owned())
    );
    let mut topup = item("wallet_topup", "1.00");
    topup.0.user = None;
    assert_eq!(texts(topup), (None, "wallet topup".to_owned()));
}

#[test]
fn a_long_description_loses_the_name_first_and_the_end_second() {
    let fits = noted(&"x".repeat(180));
    let (_, text) = texts(fits);
    assert_eq!(text, format!("Cafe Nord / A. B. / {}", "x".repeat(180)));
    let (_, text) = texts(noted(&"ø".repeat(500)));
    assert_eq!(text.chars().count(), 200);
    assert!(text.ends_with("ø…"));
}

#[test]
fn control_characters_do_not_pass() {
    let (_, text) = texts(noted("a\u{1b}[31m\u{0}b\u{2028}c"));
    assert_eq!(text, "Cafe Nord / Anna Berg / a [31m b c");
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
