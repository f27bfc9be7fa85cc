//! Refusals word for word, as the bookkeeper reads them in Pleo, and how they are counted.

use std::collections::HashMap;

use pleo_export::bookkeeping::{Refusal, Role, SystemTraits, most_frequent_first};

use pleo_export::model::references::Candidates;

use crate::bookkeeping::items::{Item, day, item};
use crate::bookkeeping::world::{World, world};

fn card() -> Item {
    item("card_purchase", "125.00").line("6800 Meals", "125.00")
}

fn taxed(code: &str) -> Item {
    item("card_purchase", "125.00").taxed("6800 Meals", "125.00", "100.00", code, "25.00")
}

fn changed(change: impl FnOnce(&mut World)) -> World {
    let mut world = world();
    change(&mut world);
    world
}

fn computing() -> World {
    changed(|world| {
        world.system = SystemTraits {
            payables: true,
            computes_tax: true,
            keeps_vendors: true,
        }
    })
}

#[test]
fn each_refusal_names_the_object_and_what_to_do() {
    let cases: Vec<(World, Item, &str, &str)> = vec![
        (
            world().without("6800"),
            card(),
            "account_unknown",
            "Account 6800 (Meals) is not in the books: add it, or ask whoever runs the export to set it under [accounts.map], then export again.",
        ),
        (
            world().without("Mapped"),
            item("card_purchase", "125.00").line("4711 Meals", "125.00"),
            "account_unknown",
            "Account 4711 (Meals) is mapped to Mapped, which is not in the books: add it, or ask whoever runs the export to set another under [accounts.map], then export again.",
        ),
        (
            world().without("5830"),
            card().contra("5830 Pleo DKK"),
            "account_unknown",
            "Account 5830 (Pleo DKK) is not in the books: add it, or ask whoever runs the export to set it under [accounts.map], then export again.",
        ),
        (
            world(),
            card().last_line(|line| line.account = None),
            "missing_configuration",
            "Line 1 has no account: choose a category with an account in Pleo, then export again.",
        ),
        (
            world(),
            card().last_line(|line| line.account.as_mut().unwrap().code = Some(" ".to_owned())),
            "missing_configuration",
            "Account \"Meals\" has neither a code nor an identifier: give it one in Pleo, then export again.",
        ),
        (
            changed(|world| drop(world.settings.roles.remove(&Role::Wallet))),
            card(),
            "missing_configuration",
            "No account is set for accounts.wallet: book the item by hand, or ask whoever runs the export to set accounts.wallet, then export again.",
        ),
        (
            world().without("Wallet"),
            card(),
            "missing_configuration",
            "Account Wallet (accounts.wallet) is not in the books: add it, or ask whoever runs the export to set accounts.wallet to another, then export again.",
        ),
        (
            world().without("V-100"),
            card().payable(),
            "vendor_unknown",
            "Vendor V-100 (Nordic Office) is not in the accounting system, or is blocked there: add it, or tag another vendor in Pleo, then export again.",
        ),
        (
            world(),
            card().method("accounts_payable").supplier("Shop", None),
            "vendor_unknown",
            "A vendor bill needs a vendor and none with a code, an identifier or a tax number is given: tag a vendor in Pleo, then export again.",
        ),
        (
            changed(|world| world.system.payables = false),
            card().payable(),
            "invalid_configuration",
            "Pleo asks for a vendor bill, but this accounting system takes journal entries only: choose the method journal in Pleo, then export again.",
        ),
        (
            world(),
            card().method("barter"),
            "validation_failure",
            "The bookkeeping method \"barter\" is not known to this version of pleo-export: choose journal or accounts payable in Pleo, then export again.",
        ),
        (
            world(),
            item("teleport", "1.00").line("6800 Meals", "1.00"),
            "validation_failure",
            "The type \"teleport\" is not known to this version of pleo-export: book the item by hand, or ask whoever runs the export to install a version that knows it.",
        ),
        (
            world(),
            item("direct_reimbursement", "1.00").sub_type("sideways"),
            "validation_failure",
            "The type \"direct_reimbursement\" with the sub-type \"sideways\" is not known to this version of pleo-export, and the sub-type may turn the direction around: book the item by hand, or ask whoever runs the export to install a version that knows it.",
        ),
        (
            changed(|world| drop(world.settings.roles.remove(&Role::InputTax))),
            taxed("BARE"),
            "missing_configuration",
            "Tax BARE has no account: give the tax one in Pleo, or ask whoever runs the export to set [taxes.\"BARE\"] account or accounts.input_tax, then export again.",
        ),
        (
            changed(|world| drop(world.settings.roles.remove(&Role::OutputTax))),
            item("card_purchase", "100.00")
                .reverse("6850 Software", "100.00", "100.00", "25.00")
                .last_tax(|tax| tax.code = Some("S25".to_owned())),
            "missing_configuration",
            "Tax S25 has no outgoing account: give the tax one in Pleo, or ask whoever runs the export to set [taxes.\"S25\"] outgoing_account or accounts.output_tax, then export again.",
        ),
        (
            changed(|world| drop(world.settings.roles.remove(&Role::InputTax))),
            taxed("S25").last_tax(|tax| tax.code = None),
            "missing_configuration",
            "No account is set for accounts.input_tax: book the item by hand, or ask whoever runs the export to set accounts.input_tax, then export again.",
        ),
        (
            changed(|world| {
                world.settings.roles.remove(&Role::InputTax);
                let guess = (Role::InputTax, "Guess".to_owned());
                world.settings.role_defaults.extend([guess]);
            })
            .without("Guess"),
            taxed("BARE"),
            "missing_configuration",
            "Account Guess (accounts.input_tax) is not in the books: add it, or ask whoever runs the export to set accounts.input_tax to another, then export again.",
        ),
        (
            world().meant("6800", &[("Meals", None, None), ("Food", None, None)]),
            card(),
            "account_unknown",
            "Account 6800 (Meals) may be Meals or Food: let only one of them have this code in the books, or ask whoever runs the export to name one under [accounts.map], then export again.",
        ),
        (
            world().meant("6800", &[("Meals", None, Some("2026-03-14"))]),
            card(),
            "account_unknown",
            "Account Meals (6800) was closed on 2026-03-14, and the entry is of 2026-03-15: open an account for that day in the books, or ask whoever runs the export to name another under [accounts] or [accounts.map], then export again.",
        ),
        (
            world().meant("Wallet", &[("Wallet", Some("2026-03-16"), None)]),
            card(),
            "account_unknown",
            "Account Wallet is open from 2026-03-16 on, and the entry is of 2026-03-15: open an account for that day in the books, or ask whoever runs the export to name another under [accounts] or [accounts.map], then export again.",
        ),
        (
            changed(|world| {
                let taken = Candidates {
                    groups: Vec::new(),
                    taken_name: Some("Assets:Pleo:5830".to_owned()),
                };
                world.meant.insert("5830".to_owned(), taken);
            }),
            card().contra("5830 Pleo DKK"),
            "account_unknown",
            "Account 5830 (Pleo DKK) is not in the books, and the name Assets:Pleo:5830 under which it would be opened is used there for something else: write the line code: \"5830\" under an account of the books, or ask whoever runs the export to map it under [accounts.map], then export again.",
        ),
        (
            world().without("1470"),
            taxed("BARE").last_tax(|tax| tax.ingoing_account = Some("1470".to_owned())),
            "account_unknown",
            "Account 1470 (tax BARE) is not in the books: add it, or ask whoever runs the export to set it under [accounts.map], then export again.",
        ),
        (
            world().without("VatIn"),
            taxed("S25"),
            "account_unknown",
            "Account VatIn (tax S25) is not in the books: add it, or ask whoever runs the export to set another, then export again.",
        ),
        (
            computing().without("S25"),
            taxed("S25"),
            "tax_code_unknown",
            "Tax code S25 is not among the purchase taxes of the accounting system: add it, or ask whoever runs the export to set [taxes.\"S25\"] code, then export again.",
        ),
        (
            computing(),
            taxed("S25").last_tax(|tax| tax.code = None),
            "missing_configuration",
            "The tax of line 1 has no code: give the tax a code in Pleo, then export again.",
        ),
        (
            world(),
            item("card_purchase", "125.00")
                .taxed("6800 Meals", "125.00", "125.00", "S25", "25.00")
                .tax_word("sideways"),
            "validation_failure",
            "The tax type \"sideways\" of line 1 is not known to this version of pleo-export, and the figures do not tell who owes the tax: choose another tax code in Pleo, then export again.",
        ),
        (
            world(),
            item("card_purchase", "1.00")
                .reverse("6800 Meals", "1.00", "1.00", "0.00")
                .last_tax(|tax| {
                    tax.rate = "high".to_owned();
                    tax.rate_millionths = None;
                }),
            "validation_failure",
            "Line 1 falls under reverse charge without an amount of tax, and the rate \"high\" cannot be read: choose another tax code in Pleo, then export again.",
        ),
        (
            world().without("P-1"),
            card().tag("project", "P-1"),
            "tag_unknown",
            "Tag P-1 of project is not in the accounting system: add it, or choose another tag in Pleo, then export again.",
        ),
        (
            world(),
            item("card_purchase", "125.00"),
            "validation_failure",
            "The item has no lines, so there is no account for the cost: give it a category in Pleo, then export again.",
        ),
        (
            world(),
            item("card_purchase", "130.00").line("6800 Meals", "125.00"),
            "validation_failure",
            "The lines add up to 125.00, but the amount is 130.00 DKK: correct the lines in Pleo, then export again.",
        ),
        (
            world(),
            item("card_purchase", "125.00").taxed("6800 Meals", "125.00", "100.00", "S25", "20.00"),
            "validation_failure",
            "The figures of line 1 do not fit together (line 125.00, net 100.00, tax 20.00): correct the tax in Pleo, then export again.",
        ),
        (
            changed(|world| world.settings.closed_until = Some(day("2026-03-31"))),
            card(),
            "validation_failure",
            "The item is dated 2026-03-15 and the books are closed until 2026-03-31: open the period, or ask whoever runs the export to set bookkeeping.closed_periods to \"next_open\" or \"today\", then export again.",
        ),
    ];
    for (world, item, failure_type, reason) in cases {
        let refusal = world.plan(&item).expect_err(reason);
        assert_eq!(refusal.reason, reason);
        assert_eq!(refusal.failure_type.as_str(), failure_type, "{reason}");
        // A bookkeeper cannot change the settings: first comes what one can do in Pleo or in the books.
        assert!(
            !reason.contains("configuration") && !reason.contains(": set ") && !reason.contains("or set "),
            "{reason}"
        );
        if let Some((before, _)) = reason.split_once("ask whoever runs the export to ") {
            assert!(before.ends_with(", or "), "something else comes first: {reason}");
        }
    }
}

#[test]
fn a_sub_type_that_contradicts_the_type_is_refused() {
    for (item_type, sub_type) in [
        ("card_purchase", "reimbursement_to_company"),
        ("card_purchase", "card_purchase_refund"),
        ("fee", "invoice_payment_returned"),
        ("invoice", "invoice_payment_returned"),
        ("invoice_payment", "reimbursement_to_employee_refund"),
        ("out_of_pocket", "reimbursement_to_employee_refund"),
        ("personal_spend", "new_word"),
        ("invoice_payment", "invoice_payment_received"),
        ("wallet_topup", "reimbursement_to_company"),
    ] {
        let item = item(item_type, "1.00")
            .sub_type(sub_type)
            .line("6800 Meals", "1.00");
        let refusal = world().plan(&item).expect_err(sub_type);
        assert!(
            refusal.reason.contains(&format!("{item_type:?}")),
            "{}",
            refusal.reason
        );
        assert!(
            refusal.reason.contains(&format!("{sub_type:?}")),
            "{}",
            refusal.reason
        );
    }
}

#[test]
fn a_sub_type_that_decides_nothing_is_remarked() {
    let planned = world().plan(&card().sub_type("in_store")).unwrap();
    assert_eq!(
        planned.remarks,
        ["sub-type \"in_store\" is not known; the type alone decided"]
    );
}

#[test]
fn refusals_of_one_cause_are_counted_together() {
    let missing = |code: &str, world: &World| -> Refusal {
        world
            .plan(&item("card_purchase", "1.00").line(code, "1.00"))
            .unwrap_err()
    };
    let world = world().without("6800").without("6900");
    let mut counts = HashMap::new();
    for refusal in [
        missing("6900 Travel", &world),
        missing("6800 Meals", &world),
        missing("6800 Meals and more", &world),
    ] {
        *counts.entry(refusal.group).or_default() += 1;
    }
    assert_eq!(
        most_frequent_first(counts),
        [
            ("account 6800 is not in the books".to_owned(), 2),
            ("account 6900 is not in the books".to_owned(), 1)
        ]
    );
}
