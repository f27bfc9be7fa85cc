//! What is found missing before there is any job is what an item of a job is refused for, and nothing else.

use pleo_export::bookkeeping::needs::{self, Counterpart, Need};
use pleo_export::model::export_item::{AccountReference, TaxType};
use pleo_export::model::references::{Account, AccountPurpose, Candidates, NewAccount};

use crate::bookkeeping::items::{Item, item};
use crate::bookkeeping::world::{World, world};

/// Those of the needs that the books cannot meet, by what people call them and the setting.
fn unmet(world: &World, needs: &[Need]) -> Vec<(String, Counterpart)> {
    let resolution = world.resolve(&needs::references_of(needs));
    let met = needs.iter().map(|need| {
        (
            need.setting.clone().unwrap(),
            need.counterpart(&resolution, world.today),
        )
    });
    met.filter(|(_, met)| !matches!(met, Counterpart::Found(_) | Counterpart::Opens(_)))
        .collect()
}

/// What the accounts and taxes of an item's lines need, as if Pleo had told them beforehand.
fn of_item(world: &World, item: &Item) -> Vec<Need> {
    let lines = &item.0.lines;
    let accounts = lines
        .iter()
        .filter_map(|line| Some((line.account.as_ref()?, AccountPurpose::Cost)));
    let mut needs = needs::of_accounts(accounts, &world.settings);
    let taxes = lines.iter().filter_map(|line| Some((line.tax.as_ref()?, "Moms")));
    let mut settings = world.settings.clone();
    // The other rules are no matter of this item.
    let code = lines[0].tax.as_ref().and_then(|tax| tax.code.clone());
    settings.taxes.retain(|known, _| Some(known) == code.as_ref());
    needs.extend(needs::of_taxes(taxes, &settings, world.system.computes_tax));
    needs
}

#[test]
fn what_is_missing_beforehand_is_what_items_are_refused_for() {
    let kinds = [("inclusive", "125.00", "100.00"), ("reverse", "125.00", "125.00")];
    let mut refused = 0;
    for computes_tax in [false, true] {
        for code in ["S25", "R25", "HALF", "NONE", "BARE", "XX"] {
            for (kind, line, net) in kinds {
                for absent in [
                    "nothing",
                    "6800",
                    "VatIn",
                    "VatOut",
                    "VatInRole",
                    "VatOutRole",
                    "S25",
                    "XX",
                ] {
                    let mut world = world().without(absent);
                    world.system.computes_tax = computes_tax;
                    let item = item("card_purchase", "125.00").taxed("6800 Meals", line, net, code, "25.00");
                    let item = item.tax_word(kind);
                    let plan = world.plan(&item);
                    let unmet = unmet(&world, &of_item(&world, &item));
                    assert_eq!(
                        plan.is_err(),
                        !unmet.is_empty(),
                        "{code} {kind} without {absent}, computed: {computes_tax}: {plan:?} and {unmet:?}"
                    );
                    refused += usize::from(plan.is_err());
                }
            }
        }
    }
    assert!(refused > 20, "{refused}");
}

#[test]
fn each_role_and_mapped_account_is_needed() {
    let world = world().without("Payables").without("Mapped");
    let needs = needs::of_settings(&world.settings, false);
    assert_eq!(needs.len(), 9 + 2);
    assert_eq!(
        unmet(&world, &needs),
        [
            ("[accounts] accounts_payable".to_owned(), Counterpart::Missing),
            ("[accounts.map] \"4711\"".to_owned(), Counterpart::Missing),
        ]
    );
    assert_eq!(
        needs::of_settings(&world.settings, true).len(),
        7 + 2,
        "roles for tax are of no use"
    );
}

#[test]
fn what_the_books_answer_is_told_as_it_is() {
    let account = AccountReference {
        code: Some("6800".to_owned()),
        identifier: None,
        name: "Meals".to_owned(),
    };
    let mut opened = Account::open("Expenses:6800", "Expenses:6800");
    opened.opens = Some(Box::new(NewAccount::default()));
    let taken = Candidates {
        groups: Vec::new(),
        taken_name: Some("Expenses:6800".to_owned()),
    };
    let one = |from: Option<&str>| world().meant("6800", &[("Meals", from, None)]);
    let mut opening = world();
    opening.meant.insert("6800".to_owned(), Candidates::one(opened));
    let mut of_another = world();
    of_another.meant.insert("6800".to_owned(), taken);
    let two = world().meant("6800", &[("Meals", None, None), ("Dinners", None, None)]);
    let cases = [
        (one(None), Counterpart::Found("Meals".to_owned())),
        (one(Some("2026-06-01")), Counterpart::NotOpen("Meals".to_owned())),
        (opening, Counterpart::Opens("Expenses:6800".to_owned())),
        (of_another, Counterpart::NameTaken("Expenses:6800".to_owned())),
        (
            two,
            Counterpart::Several(vec!["Meals".to_owned(), "Dinners".to_owned()]),
        ),
        (world().without("6800"), Counterpart::Missing),
    ];
    for (world, expected) in cases {
        let needs = needs::of_accounts([(&account, AccountPurpose::Cost)], &world.settings);
        let resolution = world.resolve(&needs::references_of(&needs));
        assert_eq!(needs[0].counterpart(&resolution, world.today), expected);
        assert_eq!(needs[0].what, "account 6800 (Meals)");
    }
}

#[test]
fn a_tax_of_nothing_needs_no_account_and_one_that_only_the_settings_know_needs_theirs() {
    let world = world();
    let item = item("card_purchase", "100.00").taxed("6800 Meals", "100.00", "100.00", "Z0", "0.00");
    let mut tax = item.0.lines[0].tax.clone().unwrap();
    (tax.rate, tax.tax_type) = ("0.0".to_owned(), TaxType::Reverse);
    let needs = needs::of_taxes([(&tax, "Nothing")], &world.settings, false);
    let settings: Vec<&str> = needs
        .iter()
        .map(|need| need.setting.as_deref().unwrap())
        .collect();
    let of_rules = [
        "[taxes.\"HALF\"] account",
        "[taxes.\"HALF\"] outgoing_account",
        "[taxes.\"R25\"] account",
        "[taxes.\"R25\"] outgoing_account",
        "[taxes.\"S25\"] account",
    ];
    assert_eq!(settings, of_rules);
}
