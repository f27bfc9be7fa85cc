//! Money into and out of the wallet: always a journal entry, and the type alone says in which direction.

use crate::bookkeeping::items::item;
use crate::bookkeeping::world::check;

#[test]
fn the_type_says_the_direction() {
    check(&[
        (
            "top-up",
            item("wallet_topup", "1000.00"),
            &["journal: Dr Wallet 1000.00, Cr Transit 1000.00"],
        ),
        (
            "top-up sent with a minus",
            item("wallet_topup", "-1000.00"),
            &["journal: Dr Wallet 1000.00, Cr Transit 1000.00"],
        ),
        (
            "unload",
            item("wallet_unload", "1000.00"),
            &["journal: Dr Transit 1000.00, Cr Wallet 1000.00"],
        ),
        (
            "unload sent with a minus",
            item("wallet_unload", "-1000.00"),
            &["journal: Dr Transit 1000.00, Cr Wallet 1000.00"],
        ),
        (
            "the contra account stands for the wallet, in its currency",
            item("wallet_topup", "1000.00")
                .wallet("SEK")
                .method("none")
                .contra("5850 Pleo SEK"),
            &["journal: Dr 5850 1000.00, Cr Transit 1000.00"],
        ),
        (
            "a line's account is not looked at",
            item("wallet_unload", "1000.00")
                .line("6800 Ignored", "7.00")
                .last_line(|line| line.account = None),
            &["journal: Dr Transit 1000.00, Cr Wallet 1000.00"],
        ),
        (
            "a journal entry also under accounts payable",
            item("wallet_topup", "1000.00").payable(),
            &["journal: Dr Wallet 1000.00, Cr Transit 1000.00"],
        ),
        (
            "and with a method that is not known, which decides nothing here",
            item("wallet_unload", "1000.00").method("barter"),
            &["journal: Dr Transit 1000.00, Cr Wallet 1000.00"],
        ),
        (
            "a movement of nothing",
            item("wallet_topup", "0.00"),
            &["journal: Dr Wallet 0.00, Dr Transit 0.00"],
        ),
    ]);
}
