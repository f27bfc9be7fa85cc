//! What the books are asked for before anything is planned.

use pleo_export::bookkeeping::{SystemTraits, references};
use pleo_export::model::references::{AccountKey, AccountPurpose};

use crate::bookkeeping::items::{Item, item};
use crate::bookkeeping::world::world;

fn accounts(item: &Item) -> Vec<String> {
    let world = world();
    let asked = references(&item.0, &world.settings, &world.system);
    asked
        .accounts
        .keys()
        .map(|key| match key {
            AccountKey::Configured(name) | AccountKey::Assumed(name) => name.clone(),
            AccountKey::Pleo { purpose, .. } => format!("{} {}", purpose.as_str(), key.text()),
        })
        .collect()
}

#[test]
fn only_what_the_type_posts_to_is_asked_for() {
    assert_eq!(
        accounts(&item("card_purchase", "1.00").line("6800 Meals", "1.00")),
        ["Wallet", "cost 6800"]
    );
    assert_eq!(
        accounts(
            &item("card_purchase", "1.00")
                .contra("5830 Pleo")
                .line("4711 Meals", "1.00")
        ),
        ["Mapped", "wallet 5830"]
    );
    assert_eq!(
        accounts(&item("wallet_topup", "1.00").line("6800 Meals", "1.00")),
        ["Transit", "Wallet"]
    );
    assert_eq!(
        accounts(&item("out_of_pocket", "1.00").contra("5830 Pleo").reverse(
            "6800 Meals",
            "1.00",
            "1.00",
            "0.25"
        )),
        ["OwedToEmployees", "VatIn", "VatOut", "cost 6800"]
    );
    assert_eq!(
        accounts(&item("invoice_payment", "1.00").payable().invoice("A-1")),
        ["Payables", "RateDifference", "Wallet"]
    );
    assert_eq!(
        accounts(&item("teleport", "1.00").line("6800 Meals", "1.00")),
        Vec::<String>::new()
    );
}

#[test]
fn pleos_name_comes_with_the_code() {
    let world = world();
    let asked = references(
        &item("card_purchase", "1.00").line("6800 Meals", "1.00").0,
        &world.settings,
        &world.system,
    );
    assert_eq!(
        asked.accounts[&AccountKey::of_code(AccountPurpose::Cost, "6800")].as_deref(),
        Some("Meals")
    );
}

#[test]
fn vendors_and_invoices_are_asked_for_only_where_a_payable_may_come_of_it() {
    let ask = |item: Item, payables: bool| {
        let system = SystemTraits {
            payables,
            keeps_vendors: true,
            computes_tax: false,
        };
        let asked = references(&item.0, &world().settings, &system);
        (asked.vendors.len(), asked.invoices.len())
    };
    let invoice = || {
        item("invoice", "1.00")
            .vendor("V-100")
            .invoice("A-1")
            .line("6800 Meals", "1.00")
    };
    assert_eq!(ask(invoice(), true), (1, 1));
    assert_eq!(ask(invoice().method("accounts_payable"), true), (1, 1));
    assert_eq!(ask(invoice().method("journal"), true), (0, 0));
    assert_eq!(ask(invoice(), false), (0, 0));
    assert_eq!(ask(item("out_of_pocket", "1.00").payable(), true), (0, 0));
}

#[test]
fn tax_codes_are_asked_for_where_the_system_computes_tax_and_accounts_where_it_does_not() {
    let mut world = world();
    let card = item("card_purchase", "1.25")
        .taxed("6800 Meals", "1.25", "1.00", "S25", "0.25")
        .tag("project", "P-1");
    let asked = references(&card.0, &world.settings, &world.system);
    assert!(asked.tax_codes.is_empty());
    assert!(
        asked
            .accounts
            .contains_key(&AccountKey::Configured("VatIn".to_owned()))
    );
    assert_eq!(asked.tags.len(), 1);
    world.settings.taxes.get_mut("S25").unwrap().code = Some("I25".to_owned());
    let computing = SystemTraits {
        payables: true,
        computes_tax: true,
        keeps_vendors: true,
    };
    let asked = references(&card.0, &world.settings, &computing);
    assert_eq!(asked.tax_codes.iter().collect::<Vec<_>>(), ["I25"]);
    assert!(
        !asked
            .accounts
            .contains_key(&AccountKey::Configured("VatIn".to_owned()))
    );
}
