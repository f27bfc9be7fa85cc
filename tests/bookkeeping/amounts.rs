//! Amounts that do not quite agree: a hundredth a line is forgiven on foreign purchases, nothing anywhere
//! else.

use crate::bookkeeping::items::item;
use crate::bookkeeping::world::{check, world};

#[test]
fn a_conversion_difference_goes_to_the_largest_line() {
    check(&[
        (
            "one hundredth too little",
            item("card_purchase", "100.01")
                .foreign("13.42 EUR")
                .line("6800 Meals", "33.33")
                .line("6900 Travel", "66.67"),
            &["journal: Dr 6800 33.33, Dr 6900 66.68, Cr Wallet 100.01"],
        ),
        (
            "two lines, two hundredths too much",
            item("card_purchase", "99.98")
                .foreign("13.42 EUR")
                .line("6800 Meals", "50.00")
                .line("6900 Travel", "50.00"),
            &["journal: Dr 6800 49.98, Dr 6900 50.00, Cr Wallet 99.98"],
        ),
        (
            "the tax stays as sent",
            item("card_purchase", "125.01").foreign("16.75 EUR").taxed(
                "6800 Meals",
                "125.00",
                "100.00",
                "S25",
                "25.00",
            ),
            &["journal: Dr 6800 100.01, Dr VatIn 25.00, Cr Wallet 125.01"],
        ),
        (
            "the figures of a line may miss each other by a hundredth",
            item("card_purchase", "125.00").foreign("16.75 EUR").taxed(
                "6800 Meals",
                "125.00",
                "99.99",
                "S25",
                "25.00",
            ),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Cr Wallet 125.00"],
        ),
        (
            "money back",
            item("refund", "-100.01")
                .foreign("-13.42 EUR")
                .line("6800 Meals", "-33.33")
                .line("6900 Travel", "-66.67"),
            &["journal: Cr 6800 33.33, Cr 6900 66.68, Dr Wallet 100.01"],
        ),
        (
            "as a payable: bill and payment are of the amount",
            item("card_purchase", "100.01")
                .payable()
                .foreign("13.42 EUR")
                .line("6800 Meals", "100.00"),
            &[
                "bill: Dr 6800 100.01, Cr Payables 100.01",
                "payment: Dr Payables 100.01, Cr Wallet 100.01",
            ],
        ),
        (
            "three lines take three hundredths",
            item("card_purchase", "30.03")
                .foreign("4.00 EUR")
                .line("6800 A", "10.00")
                .line("6801 B", "10.00")
                .line("6802 C", "10.00"),
            &["journal: Dr 6800 10.03, Dr 6801 10.00, Dr 6802 10.00, Cr Wallet 30.03"],
        ),
    ]);
}

#[test]
fn the_difference_is_remarked() {
    let item = item("card_purchase", "100.01")
        .foreign("13.42 EUR")
        .line("6800 Meals", "33.33")
        .line("6900 Travel", "66.67");
    assert_eq!(
        world().plan(&item).unwrap().remarks,
        ["line 2 takes a conversion difference of 0.01 DKK, so that the lines add up to the amount"]
    );
}

#[test]
fn figures_that_do_not_agree_are_refused() {
    for (title, item) in [
        (
            "a hundredth at home",
            item("card_purchase", "100.01").line("6800 Meals", "100.00"),
        ),
        (
            "a hundredth with the same currency on both sides",
            item("card_purchase", "100.01")
                .foreign("100.01 DKK")
                .line("6800 Meals", "100.00"),
        ),
        (
            "two hundredths on one foreign line",
            item("card_purchase", "100.02")
                .foreign("13.42 EUR")
                .line("6800 Meals", "100.00"),
        ),
        (
            "lines against the total",
            item("card_purchase", "-100.00").line("6800 Meals", "100.00"),
        ),
        (
            "lines of a refund against the total",
            item("refund", "-100.00").line("6800 Meals", "100.00"),
        ),
        (
            "tax larger than the difference",
            item("card_purchase", "125.00").taxed("6800 M", "125.00", "100.00", "S25", "20.00"),
        ),
        (
            "no tax, but two amounts",
            item("card_purchase", "125.00").taxed("6800 M", "125.00", "100.00", "S25", "0.00"),
        ),
        (
            "amounts of opposite signs",
            item("card_purchase", "10.00").taxed("6800 M", "10.00", "-10.00", "S25", "20.00"),
        ),
        (
            "one line inside, the other on top",
            item("card_purchase", "250.00")
                .taxed("6800 M", "125.00", "125.00", "S25", "25.00")
                .taxed("6800 M", "100.00", "100.00", "S25", "25.00"),
        ),
        ("no lines", item("card_purchase", "10.00")),
    ] {
        let refusal = world().plan(&item).expect_err(title);
        assert_eq!(refusal.failure_type.as_str(), "validation_failure", "{title}");
    }
}

#[test]
fn an_amount_of_zero_is_booked_with_a_remark() {
    let zero = world()
        .plan(&item("card_purchase", "0.00").line("6800 Meals", "0.00"))
        .unwrap();
    assert_eq!(zero.remarks, ["the amount is zero"]);
    let swap = world()
        .plan(
            &item("card_purchase", "0.00")
                .line("6800 Meals", "5.00")
                .line("6900 Travel", "-5.00"),
        )
        .unwrap();
    assert!(swap.remarks.is_empty());
}
