//! Tax: found from the figures, posted as sent, deducted as far as it may be.

use pleo_export::bookkeeping::SystemTraits;
use pleo_export::model::document::{Posting, Purpose};

use crate::bookkeeping::items::{Item, amount, item};
use crate::bookkeeping::world::{check, check_in, world};

fn card(total: &str) -> Item {
    item("card_purchase", total)
}

#[test]
fn the_figures_say_whether_tax_is_inside_or_on_top() {
    let booked: &[&str] = &["journal: Dr 6800 100.00, Dr VatIn 25.00, Cr Wallet 125.00"];
    check(&[
        (
            "the line is gross, the net amount is net",
            card("125.00").taxed("6800 Meals", "125.00", "100.00", "S25", "25.00"),
            booked,
        ),
        (
            "the unusual way round: the net amount is gross",
            card("125.00").taxed("6800 Meals", "100.00", "125.00", "S25", "25.00"),
            booked,
        ),
        (
            "the same figures called exclusive",
            card("125.00")
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
                .tax_word("exclusive"),
            booked,
        ),
        (
            "the same figures with a word nobody knows",
            card("125.00")
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
                .tax_word("sideways"),
            booked,
        ),
        (
            "both gross: the tax is inside",
            card("125.00").taxed("6800 Meals", "125.00", "125.00", "S25", "25.00"),
            booked,
        ),
        (
            "both net: the tax is on top",
            card("125.00")
                .taxed("6800 Meals", "100.00", "100.00", "S25", "25.00")
                .tax_word("exclusive"),
            booked,
        ),
        (
            "both net, but called inclusive: the total decides",
            card("125.00")
                .taxed("6800 Meals", "100.00", "100.00", "S25", "25.00")
                .tax_word("inclusive"),
            booked,
        ),
        (
            "two lines with the tax on top",
            card("187.50")
                .taxed("6800 Meals", "100.00", "100.00", "S25", "25.00")
                .taxed("6900 Travel", "50.00", "50.00", "S25", "12.50"),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Dr 6900 50.00, Dr VatIn 12.50, Cr Wallet 187.50"],
        ),
        (
            "one line is clear, the other one on top",
            card("187.50")
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
                .taxed("6900 Travel", "50.00", "50.00", "S25", "12.50"),
            &["journal: Dr 6800 100.00, Dr VatIn 25.00, Dr 6900 50.00, Dr VatIn 12.50, Cr Wallet 187.50"],
        ),
        (
            "tax is posted as sent, never recomputed",
            card("125.00").taxed("6800 Meals", "125.00", "100.01", "S25", "24.99"),
            &["journal: Dr 6800 100.01, Dr VatIn 24.99, Cr Wallet 125.00"],
        ),
        (
            "import tax alone",
            card("250.00").taxed("6800 Goods", "0.00", "0.00", "S25", "250.00"),
            &["journal: Dr 6800 0.00, Dr VatIn 250.00, Cr Wallet 250.00"],
        ),
        (
            "a tax of zero is not posted",
            card("125.00").taxed("6800 Meals", "125.00", "125.00", "BARE", "0.00"),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
        (
            "account from the payload where the configuration has none",
            card("125.00")
                .taxed("6800 Meals", "125.00", "100.00", "BARE", "25.00")
                .last_tax(|tax| tax.ingoing_account = Some("1470".to_owned())),
            &["journal: Dr 6800 100.00, Dr 1470 25.00, Cr Wallet 125.00"],
        ),
        (
            "the mapping holds for tax accounts too",
            card("125.00")
                .taxed("6800 Meals", "125.00", "100.00", "BARE", "25.00")
                .last_tax(|tax| tax.ingoing_account = Some("4711".to_owned())),
            &["journal: Dr 6800 100.00, Dr Mapped 25.00, Cr Wallet 125.00"],
        ),
        (
            "the configuration beats the payload",
            card("125.00")
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
                .last_tax(|tax| tax.ingoing_account = Some("1470".to_owned())),
            booked,
        ),
    ]);
}

#[test]
fn under_reverse_charge_both_taxes_are_posted_and_the_vendor_gets_the_whole_line() {
    let booked: &[&str] = &["journal: Dr 6850 100.00, Dr VatIn 25.00, Cr VatOut 25.00, Cr Wallet 100.00"];
    check(&[
        (
            "tax beside the line",
            card("100.00").reverse("6850 Software", "100.00", "100.00", "25.00"),
            booked,
        ),
        (
            "net excludes the tax",
            card("100.00").reverse("6850 Software", "125.00", "100.00", "25.00"),
            booked,
        ),
        (
            "net includes the tax",
            card("100.00").reverse("6850 Software", "100.00", "125.00", "25.00"),
            booked,
        ),
        (
            "no tax amount: computed from the rate",
            card("100.00").reverse("6850 Software", "100.00", "100.00", "0.00"),
            booked,
        ),
        (
            "computed and rounded half away from zero (0.02 × 25 % = 0.005)",
            card("0.02").reverse("6850 Software", "0.02", "0.02", "0.00"),
            &["journal: Dr 6850 0.02, Dr VatIn 0.01, Cr VatOut 0.01, Cr Wallet 0.02"],
        ),
        (
            "a rate of zero has no tax postings",
            card("100.00")
                .reverse("6850 Software", "100.00", "100.00", "0.00")
                .last_tax(|tax| tax.rate_millionths = Some(0)),
            &["journal: Dr 6850 100.00, Cr Wallet 100.00"],
        ),
        (
            "half deductible: half of the tax becomes cost",
            card("100.00")
                .reverse("6850 Software", "100.00", "100.00", "25.00")
                .last_tax(|tax| tax.code = Some("HALF".to_owned())),
            &["journal: Dr 6850 112.50, Dr VatIn 12.50, Cr VatOut 25.00, Cr Wallet 100.00"],
        ),
        (
            "accounts from the payload",
            card("100.00")
                .reverse("6850 Software", "100.00", "100.00", "25.00")
                .last_tax(|tax| {
                    tax.code = None;
                    tax.ingoing_account = Some("1480".to_owned());
                    tax.outgoing_account = Some("1490".to_owned());
                }),
            &["journal: Dr 6850 100.00, Dr 1480 25.00, Cr 1490 25.00, Cr Wallet 100.00"],
        ),
        (
            "beside a line with tax on top",
            card("225.00")
                .reverse("6850 Software", "100.00", "100.00", "25.00")
                .taxed("6800 Meals", "100.00", "100.00", "S25", "25.00"),
            &[
                "journal: Dr 6850 100.00, Dr VatIn 25.00, Cr VatOut 25.00, Dr 6800 100.00, Dr VatIn 25.00, Cr Wallet 225.00",
            ],
        ),
        (
            "an out of pocket expense",
            item("out_of_pocket", "100.00").reverse("6850 Software", "100.00", "100.00", "25.00"),
            &["journal: Dr 6850 100.00, Dr VatIn 25.00, Cr VatOut 25.00, Cr OwedToEmployees 100.00"],
        ),
        (
            "an invoice in the journal",
            item("invoice", "100.00").reverse("6850 Software", "100.00", "100.00", "25.00"),
            &["journal: Dr 6850 100.00, Dr VatIn 25.00, Cr VatOut 25.00, Cr Payables 100.00"],
        ),
    ]);
    let computed = world()
        .plan(&card("100.00").reverse("6850 Software", "100.00", "100.00", "0.00"))
        .unwrap();
    assert_eq!(
        computed.remarks,
        ["reverse charge of line 1 computed from the rate 0.25: 25.00"]
    );
}

#[test]
fn what_may_not_be_deducted_stays_on_the_cost() {
    check(&[
        (
            "half",
            card("125.00").taxed("6800 Meals", "125.00", "100.00", "HALF", "25.00"),
            &["journal: Dr 6800 112.50, Dr VatIn 12.50, Cr Wallet 125.00"],
        ),
        (
            "the odd hundredth is rounded half away from zero",
            card("100.03").taxed("6800 Meals", "100.03", "100.00", "HALF", "0.03"),
            &["journal: Dr 6800 100.01, Dr VatIn 0.02, Cr Wallet 100.03"],
        ),
        (
            "and the same way for money back",
            item("refund", "100.03").taxed("6800 Meals", "100.03", "100.00", "HALF", "0.03"),
            &["journal: Cr 6800 100.01, Cr VatIn 0.02, Dr Wallet 100.03"],
        ),
        (
            "nothing: no tax account is needed",
            card("125.00").taxed("6800 Meals", "125.00", "100.00", "NONE", "25.00"),
            &["journal: Dr 6800 125.00, Cr Wallet 125.00"],
        ),
    ]);
}

fn posting(item: &Item, purpose: Purpose) -> Posting {
    let planned = world().plan(item).unwrap();
    planned.documents[0]
        .postings
        .iter()
        .find(|posting| posting.purpose == purpose)
        .unwrap()
        .clone()
}

#[test]
fn cost_and_tax_postings_say_code_rate_base_and_the_whole_tax() {
    let half = card("125.00").taxed("6800 Meals", "125.00", "100.00", "HALF", "25.00");
    for purpose in [Purpose::Cost, Purpose::Tax] {
        let tax = posting(&half, purpose).tax.unwrap();
        assert_eq!(
            (
                tax.code.as_deref(),
                tax.rate.as_str(),
                tax.base,
                tax.amount,
                tax.reverse_charge
            ),
            (Some("HALF"), "0.25", amount("100.00"), amount("25.00"), false)
        );
    }
    let reverse = card("100.00").reverse("6850 Software", "100.00", "100.00", "25.00");
    let tax = posting(&reverse, Purpose::ReverseTax).tax.unwrap();
    assert_eq!(
        (tax.base, tax.amount, tax.reverse_charge),
        (amount("100.00"), amount("25.00"), true)
    );
    // Money back is negative, so that bases and taxes of a code can be added up over a period.
    let refund = item("refund", "125.00").taxed("6800 Meals", "125.00", "100.00", "S25", "25.00");
    let tax = posting(&refund, Purpose::Tax).tax.unwrap();
    assert_eq!((tax.base, tax.amount), (amount("-100.00"), amount("-25.00")));
    // The code stays also when the tax is zero.
    let zero = card("125.00").taxed("6800 Meals", "125.00", "125.00", "BARE", "0.00");
    assert_eq!(
        posting(&zero, Purpose::Cost).tax.unwrap().code.as_deref(),
        Some("BARE")
    );
    assert_eq!(posting(&zero, Purpose::Cash).tax, None);
}

#[test]
fn lines_number_their_postings_and_tags_stand_on_the_cost() {
    let item = card("225.00")
        .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
        .tag("project", "P-1")
        .line("6900 Travel", "100.00");
    let planned = world().plan(&item).unwrap();
    let seen: Vec<_> = planned.documents[0]
        .postings
        .iter()
        .map(|posting| {
            let line = posting
                .line
                .as_ref()
                .map(|line| (line.number, line.line_id.as_str()));
            let tags = posting
                .tags
                .iter()
                .map(|tag| tag.reference.to_string())
                .collect::<Vec<_>>();
            (line, tags)
        })
        .collect();
    assert_eq!(
        seen,
        [
            (Some((1, "line-1")), vec!["tag:P-1".to_owned()]),
            (Some((1, "line-1")), vec![]),
            (Some((2, "line-2")), vec![]),
            (None, vec![]),
        ]
    );
}

#[test]
fn a_system_that_computes_tax_needs_codes_and_no_accounts() {
    let mut computing = world();
    computing.system = SystemTraits {
        payables: true,
        computes_tax: true,
        keeps_vendors: true,
    };
    computing.settings.taxes.get_mut("HALF").unwrap().code = Some("I12".to_owned());
    check_in(
        &computing,
        &[
            (
                "the tax posting is left out there, so it stands on the cost account here",
                card("125.00").taxed("6800 Meals", "125.00", "100.00", "BARE", "25.00"),
                &["journal: Dr 6800 100.00, Dr 6800 25.00, Cr Wallet 125.00"],
            ),
            (
                "its own code knows the deductible share",
                card("125.00").taxed("6800 Meals", "125.00", "100.00", "HALF", "25.00"),
                &["journal: Dr 6800 100.00, Dr 6800 25.00, Cr Wallet 125.00"],
            ),
        ],
    );
    let planned = computing
        .plan(&card("125.00").taxed("6800 Meals", "125.00", "100.00", "HALF", "25.00"))
        .unwrap();
    let tax = planned.documents[0].postings[0].tax.clone().unwrap();
    assert_eq!(
        (tax.code.as_deref(), tax.reference),
        (Some("I12"), Some("tax:I12".into()))
    );
}
