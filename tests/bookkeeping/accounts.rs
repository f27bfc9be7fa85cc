//! Which account a posting goes to: one code may mean several, and the purpose and the day say which.

use pleo_export::bookkeeping::{ClosedPeriods, needs, references};
use pleo_export::model::document::Purpose;
use pleo_export::model::references::{AccountKey, AccountPurpose};

use crate::bookkeeping::items::{Item, day, item};
use crate::bookkeeping::world::{Case, check, check_in, world};

fn card() -> Item {
    item("card_purchase", "125.00").line("6800 Meals", "125.00")
}

#[test]
fn the_account_that_is_open_on_the_posting_date_is_meant() {
    let case = |title, expected| -> Case<'static> { (title, card(), expected) };
    let last_year = ("Meals2025", None, Some("2026-03-14"));
    let this_year = ("Meals2026", Some("2026-03-15"), None);
    let successors = world().meant("6800", &[last_year, this_year]);
    check_in(
        &successors,
        &[case(
            "the successor",
            &["journal: Dr Meals2026 125.00, Cr Wallet 125.00"],
        )],
    );
    let mut moved = successors;
    moved.settings.closed_until = Some(day("2026-04-30"));
    moved.settings.closed_periods = ClosedPeriods::NextOpen;
    moved.meant.clear();
    let moved = moved.meant(
        "6800",
        &[
            ("Meals2026", None, Some("2026-04-30")),
            ("Meals2027", Some("2026-05-01"), None),
        ],
    );
    check_in(
        &moved,
        &[case(
            "the posting date counts, not the day of the item",
            &["journal: Dr Meals2027 125.00, Cr Wallet 125.00"],
        )],
    );
    let second_group = world()
        .meant("6800", &[("Closed", None, Some("2026-01-31"))])
        .meant("6800", &[("ByName", None, None)])
        .meant("6800", &[("New", None, None), ("Other", None, None)]);
    check_in(
        &second_group,
        &[case(
            "the first group that has an open one",
            &["journal: Dr ByName 125.00, Cr Wallet 125.00"],
        )],
    );
}

#[test]
fn what_is_asked_for_says_what_it_is_needed_for() {
    let world = world();
    let asked = |item: &Item| -> Vec<(AccountPurpose, String, Option<String>)> {
        let keys = references(&item.0, &world.settings, &world.system).accounts;
        keys.into_keys()
            .filter_map(|key| match key {
                AccountKey::Pleo {
                    purpose,
                    code,
                    identifier,
                } => Some((purpose, code?, identifier)),
                _ => None,
            })
            .collect()
    };
    let reverse = item("card_purchase", "1.00")
        .contra("5830 Pleo")
        .reverse("6800 Meals", "1.00", "1.00", "0.25")
        .last_line(|line| line.account.as_mut().unwrap().identifier = Some("uid-6800".to_owned()))
        .last_tax(|tax| {
            tax.code = Some("BARE".to_owned());
            tax.ingoing_account = Some("1512".to_owned());
            tax.outgoing_account = Some("2612".to_owned());
        });
    assert_eq!(
        asked(&reverse),
        [
            (
                AccountPurpose::Cost,
                "6800".to_owned(),
                Some("uid-6800".to_owned())
            ),
            (AccountPurpose::Wallet, "5830".to_owned(), None),
            (AccountPurpose::InputTax, "1512".to_owned(), None),
            (AccountPurpose::OutputTax, "2612".to_owned(), None),
        ]
    );
    let cashback = item("cashback", "1.00").line("3950 Cashback", "1.00");
    assert_eq!(
        asked(&cashback),
        [(AccountPurpose::Income, "3950".to_owned(), None)]
    );
}

#[test]
fn a_tax_of_which_nobody_names_an_account_goes_to_the_role() {
    let booked: &[&str] = &["journal: Dr 6800 100.00, Dr VatInRole 25.00, Cr Wallet 125.00"];
    let taxed =
        |code: &str| item("card_purchase", "125.00").taxed("6800 Meals", "125.00", "100.00", code, "25.00");
    let reverse = |code: &str| {
        item("card_purchase", "100.00")
            .reverse("6850 Software", "100.00", "100.00", "25.00")
            .last_tax(|tax| tax.code = Some(code.to_owned()))
    };
    check(&[
        ("a code without a rule", taxed("NEW"), booked),
        ("a rule without an account", taxed("BARE"), booked),
        ("no code", taxed("NEW").last_tax(|tax| tax.code = None), booked),
        (
            "reverse charge, both sides",
            reverse("NEW"),
            &["journal: Dr 6850 100.00, Dr VatInRole 25.00, Cr VatOutRole 25.00, Cr Wallet 100.00"],
        ),
        (
            "reverse charge, one side named",
            reverse("S25"),
            &["journal: Dr 6850 100.00, Dr VatIn 25.00, Cr VatOutRole 25.00, Cr Wallet 100.00"],
        ),
    ]);
    // Where a person said something about the code, or Pleo names an account, nothing was taken for granted.
    let assumed = |item: &Item, purpose: Purpose| {
        let planned = world().plan(item).unwrap();
        let mut postings = planned.documents[0].postings.iter();
        let posting = postings.find(|posting| posting.purpose == purpose).unwrap();
        posting.tax.as_ref().unwrap().is_assumed
    };
    assert!(assumed(&taxed("NEW"), Purpose::Tax));
    assert!(assumed(&reverse("NEW"), Purpose::ReverseTax));
    assert!(!assumed(&taxed("NEW"), Purpose::Cost));
    assert!(!assumed(&taxed("BARE"), Purpose::Tax));
    let named = taxed("NEW").last_tax(|tax| tax.ingoing_account = Some("1470".to_owned()));
    assert!(!assumed(&named, Purpose::Tax));
    // What is looked at before there is any expense counts the same way, side by side.
    for sent in [
        [None, None],
        [Some("1470"), None],
        [None, Some("2470")],
        [Some(" "), Some("2470")],
    ] {
        let item = reverse("NEW").last_tax(|tax| {
            [tax.ingoing_account, tax.outgoing_account] = sent.map(|code| code.map(str::to_owned));
        });
        let tax = item.0.lines[0].tax.clone().unwrap();
        let needs = needs::of_taxes([(&tax, "new")], &world().settings, false);
        let of_needs: Vec<bool> = needs.iter().map(|need| need.is_assumed).take(2).collect();
        let of_plan = [Purpose::Tax, Purpose::ReverseTax].map(|purpose| assumed(&item, purpose));
        assert_eq!(of_needs, of_plan, "{sent:?}");
    }
}
