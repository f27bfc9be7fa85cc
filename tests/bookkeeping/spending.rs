//! Money spent from the wallet, and money that comes back, as journal entries.

use crate::bookkeeping::items::item;
use crate::bookkeeping::world::check;

#[test]
fn spending_debits_the_cost_and_credits_the_wallet() {
    check(&[
        (
            "card purchase without tax",
            item("card_purchase", "125.00").line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
        (
            "card purchase, method journal",
            item("card_purchase", "125.00")
                .method("journal")
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
        (
            "card purchase, method none",
            item("card_purchase", "125.00")
                .method("none")
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
        (
            "the contra account stands for the wallet",
            item("card_purchase", "125.00")
                .contra("5830 Pleo DKK")
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr 5830 125.00"],
        ),
        (
            "a mapped contra account",
            item("card_purchase", "125.00")
                .contra("5820 Pleo DKK")
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr Bank 125.00"],
        ),
        (
            "a mapped account",
            item("card_purchase", "125.00").line("4711 Meals", "125.00"),
            &["journal: Dr Mapped 125.00, Cr Wallet 125.00"],
        ),
        (
            "without a mapping the accounting system gets both",
            item("card_purchase", "125.00")
                .line("6800 Meals", "125.00")
                .last_line(|line| line.account.as_mut().unwrap().identifier = Some("uid-6800".to_owned())),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
        (
            "with a mapping the code goes before the identifier",
            item("card_purchase", "125.00")
                .line("4711 Meals", "125.00")
                .last_line(|line| line.account.as_mut().unwrap().identifier = Some("uid-4711".to_owned())),
            &["journal: Dr Mapped 125.00, Cr Wallet 125.00"],
        ),
        (
            "card purchase with tax",
            item("card_purchase", "125.00").taxed("6800 Meals", "125.00", "100.00", "S25", "25.00"),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Cr Wallet 125.00"],
        ),
        (
            "card invoice with tax",
            item("card_invoice", "125.00").taxed("6800 Meals", "125.00", "100.00", "S25", "25.00"),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Cr Wallet 125.00"],
        ),
        (
            "fee",
            item("fee", "39.00").line("7200 Bank charges", "39.00"),
            &["journal: Dr 7200 39.00, Cr Wallet 39.00"],
        ),
        (
            "interest is a fee",
            item("fee", "4.50")
                .sub_type("interest")
                .line("7250 Interest", "4.50"),
            &["journal: Dr 7250 4.50, Cr Wallet 4.50"],
        ),
    ]);
    check(&[
        (
            "in another wallet currency",
            item("card_purchase", "80.00")
                .wallet("GBP")
                .contra("5840 Pleo GBP")
                .line("6800 Meals", "80.00"),
            &["journal: Dr 6800 80.00, Cr 5840 80.00"],
        ),
        (
            "a foreign purchase is booked in wallet currency",
            item("card_purchase", "125.00")
                .foreign("16.75 EUR")
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
        (
            "a negative purchase is the mirror image",
            item("card_purchase", "-125.00").taxed("6800 Meals", "-125.00", "-100.00", "S25", "-25.00"),
            &["journal: Cr 6800 100.00, Cr VatIn 25.00, Dr Wallet 125.00"],
        ),
        (
            "the tax of a negative line may come without its sign",
            item("card_purchase", "-125.00").taxed("6800 Meals", "-125.00", "-100.00", "S25", "25.00"),
            &["journal: Cr 6800 100.00, Cr VatIn 25.00, Dr Wallet 125.00"],
        ),
        (
            "a negative fee is the mirror image",
            item("fee", "-39.00").line("7200 Bank charges", "-39.00"),
            &["journal: Cr 7200 39.00, Dr Wallet 39.00"],
        ),
        (
            "a sub-type that decides nothing is passed over",
            item("card_purchase", "125.00")
                .sub_type("in_store")
                .line("6800 Meals", "125.00"),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
    ]);
}

#[test]
fn split_lines_keep_their_own_accounts_and_signs() {
    check(&[
        (
            "two accounts",
            item("card_purchase", "200.00")
                .line("6800 Meals", "150.00")
                .line("6900 Travel", "50.00"),
            &["journal: Dr 6800 150.00, Dr 6900 50.00, Cr Wallet 200.00"],
        ),
        (
            "two taxes",
            item("card_purchase", "225.00")
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
                .line("6900 Travel", "100.00"),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Dr 6900 100.00, Cr Wallet 225.00"],
        ),
        (
            "a deposit that is given back on one line",
            item("card_purchase", "100.00")
                .line("6800 Meals", "120.00")
                .line("6810 Deposits", "-20.00"),
            &["journal: Dr 6800 120.00, Cr 6810 20.00, Cr Wallet 100.00"],
        ),
        (
            "opposite signs, with tax on both",
            item("card_purchase", "75.00")
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
                .taxed("6810 Returned", "-50.00", "-40.00", "S25", "-10.00"),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Cr 6810 40.00, Cr VatIn 10.00, Cr Wallet 75.00"],
        ),
        (
            "a total of zero is booked as sent",
            item("card_purchase", "0.00")
                .line("6800 Meals", "20.00")
                .line("6810 Returned", "-20.00"),
            &["journal: Dr 6800 20.00, Cr 6810 20.00, Dr Wallet 0.00"],
        ),
        (
            "all zero",
            item("card_purchase", "0.00").line("6800 Meals", "0.00"),
            &["journal: Dr 6800 0.00, Dr Wallet 0.00"],
        ),
    ]);
}

#[test]
fn money_back_debits_the_wallet_whatever_the_sign() {
    check(&[
        (
            "refund",
            item("refund", "125.00").line("6800 Meals", "125.00"),
            &["journal: Cr 6800 125.00, Dr Wallet 125.00"],
        ),
        (
            "refund sent with a minus",
            item("refund", "-125.00").line("6800 Meals", "-125.00"),
            &["journal: Cr 6800 125.00, Dr Wallet 125.00"],
        ),
        (
            "refund with tax takes the tax back",
            item("refund", "125.00").taxed("6800 Meals", "125.00", "100.00", "S25", "25.00"),
            &["journal: Cr 6800 100.00, Cr VatIn 25.00, Dr Wallet 125.00"],
        ),
        (
            "refund with tax, sent with a minus",
            item("refund", "-125.00").taxed("6800 Meals", "-125.00", "-100.00", "S25", "-25.00"),
            &["journal: Cr 6800 100.00, Cr VatIn 25.00, Dr Wallet 125.00"],
        ),
        (
            "refund with a restocking fee on its own line",
            item("refund", "90.00")
                .line("6800 Goods", "100.00")
                .line("6820 Restocking", "-10.00"),
            &["journal: Cr 6800 100.00, Dr 6820 10.00, Dr Wallet 90.00"],
        ),
        (
            "the same, sent with a minus",
            item("refund", "-90.00")
                .line("6800 Goods", "-100.00")
                .line("6820 Restocking", "10.00"),
            &["journal: Cr 6800 100.00, Dr 6820 10.00, Dr Wallet 90.00"],
        ),
        (
            "refund under reverse charge mirrors both taxes",
            item("refund", "100.00").reverse("6850 Software", "100.00", "100.00", "25.00"),
            &["journal: Cr 6850 100.00, Cr VatIn 25.00, Dr VatOut 25.00, Dr Wallet 100.00"],
        ),
        (
            "chargeback on the contra account",
            item("chargeback", "125.00")
                .contra("5830 Pleo DKK")
                .line("6800 Meals", "125.00"),
            &["journal: Cr 6800 125.00, Dr 5830 125.00"],
        ),
        (
            "chargeback sent with a minus, in a foreign currency",
            item("chargeback", "-125.00")
                .foreign("-16.75 EUR")
                .line("6800 Meals", "-125.00"),
            &["journal: Cr 6800 125.00, Dr Wallet 125.00"],
        ),
        (
            "cashback",
            item("cashback", "12.50").line("6990 Cashback", "12.50"),
            &["journal: Cr 6990 12.50, Dr Wallet 12.50"],
        ),
        (
            "cashback sent with a minus",
            item("cashback", "-12.50").line("6990 Cashback", "-12.50"),
            &["journal: Cr 6990 12.50, Dr Wallet 12.50"],
        ),
    ]);
}
