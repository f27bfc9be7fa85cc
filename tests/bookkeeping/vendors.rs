//! Payables: bills, payments, credit notes and receipts of money.

use pleo_export::bookkeeping::SystemTraits;
use pleo_export::model::document::{Creditor, Part};
use pleo_export::model::references::InvoiceSide;

use crate::bookkeeping::items::{day, item};
use crate::bookkeeping::world::{check, check_in, world};

#[test]
fn payables_make_a_bill_and_its_payment() {
    check(&[
        (
            "card purchase",
            item("card_purchase", "125.00")
                .payable()
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00"),
            &[
                "bill: Dr 6800 100.00, Dr VatIn 25.00, Cr Payables 125.00",
                "payment: Dr Payables 125.00, Cr Wallet 125.00",
            ],
        ),
        (
            "card invoice from the contra account",
            item("card_invoice", "125.00")
                .payable()
                .contra("5830 Pleo DKK")
                .line("6800 Meals", "125.00"),
            &[
                "bill: Dr 6800 125.00, Cr Payables 125.00",
                "payment: Dr Payables 125.00, Cr 5830 125.00",
            ],
        ),
        (
            "fee of a tagged vendor",
            item("fee", "39.00").payable().line("7200 Bank charges", "39.00"),
            &[
                "bill: Dr 7200 39.00, Cr Payables 39.00",
                "payment: Dr Payables 39.00, Cr Wallet 39.00",
            ],
        ),
        (
            "split lines",
            item("card_purchase", "225.00")
                .payable()
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00")
                .line("6900 Travel", "100.00"),
            &[
                "bill: Dr 6800 100.00, Dr VatIn 25.00, Dr 6900 100.00, Cr Payables 225.00",
                "payment: Dr Payables 225.00, Cr Wallet 225.00",
            ],
        ),
        (
            "reverse charge stands on the bill alone",
            item("card_purchase", "100.00")
                .payable()
                .reverse("6850 Software", "100.00", "100.00", "25.00"),
            &[
                "bill: Dr 6850 100.00, Dr VatIn 25.00, Cr VatOut 25.00, Cr Payables 100.00",
                "payment: Dr Payables 100.00, Cr Wallet 100.00",
            ],
        ),
        (
            "a negative purchase is a credit note and a receipt of money",
            item("card_purchase", "-125.00").payable().taxed(
                "6800 Meals",
                "-125.00",
                "-100.00",
                "S25",
                "-25.00",
            ),
            &[
                "credit note: Cr 6800 100.00, Cr VatIn 25.00, Dr Payables 125.00",
                "receipt: Dr Wallet 125.00, Cr Payables 125.00",
            ],
        ),
        (
            "a bill of zero needs no payment",
            item("card_purchase", "0.00")
                .payable()
                .line("6800 Meals", "20.00")
                .line("6810 Returned", "-20.00"),
            &["bill: Dr 6800 20.00, Cr 6810 20.00, Dr Payables 0.00"],
        ),
        (
            "invoice",
            item("invoice", "1250.00").payable().invoice("A-1").taxed(
                "6850 Software",
                "1250.00",
                "1000.00",
                "S25",
                "250.00",
            ),
            &["bill: Dr 6850 1000.00, Dr VatIn 250.00, Cr Payables 1250.00"],
        ),
        (
            "a negative invoice is a credit note",
            item("invoice", "-1250.00")
                .payable()
                .invoice("A-1")
                .line("6850 Software", "-1250.00"),
            &["credit note: Cr 6850 1250.00, Dr Payables 1250.00"],
        ),
        (
            "invoice payment",
            item("invoice_payment", "1250.00").payable().invoice("A-1"),
            &["payment: Dr Payables 1250.00, Cr Wallet 1250.00"],
        ),
        (
            "invoice payment sent",
            item("invoice_payment", "1250.00")
                .payable()
                .sub_type("invoice_payment_sent")
                .invoice("A-1"),
            &["payment: Dr Payables 1250.00, Cr Wallet 1250.00"],
        ),
        (
            "invoice payment returned",
            item("invoice_payment", "1250.00")
                .payable()
                .sub_type("invoice_payment_returned")
                .invoice("A-1"),
            &["payment: Dr Wallet 1250.00, Cr Payables 1250.00"],
        ),
        (
            "invoice payment returned, sent with a minus",
            item("invoice_payment", "-1250.00")
                .payable()
                .sub_type("invoice_payment_returned")
                .invoice("A-1"),
            &["payment: Dr Wallet 1250.00, Cr Payables 1250.00"],
        ),
        (
            "a negative payment is a receipt for a credit note",
            item("invoice_payment", "-1250.00").payable().invoice("A-1"),
            &["receipt: Dr Wallet 1250.00, Cr Payables 1250.00"],
        ),
        (
            "in a wallet of another currency",
            item("invoice_payment", "100.00")
                .wallet("EUR")
                .payable()
                .contra("5860 Pleo EUR"),
            &["payment: Dr Payables 100.00, Cr 5860 100.00"],
        ),
    ]);
}

#[test]
fn money_back_makes_a_credit_note_and_a_receipt() {
    check(&[
        (
            "refund",
            item("refund", "125.00")
                .payable()
                .taxed("6800 Meals", "125.00", "100.00", "S25", "25.00"),
            &[
                "credit note: Cr 6800 100.00, Cr VatIn 25.00, Dr Payables 125.00",
                "receipt: Dr Wallet 125.00, Cr Payables 125.00",
            ],
        ),
        (
            "refund sent with a minus",
            item("refund", "-125.00")
                .payable()
                .taxed("6800 Meals", "-125.00", "-100.00", "S25", "-25.00"),
            &[
                "credit note: Cr 6800 100.00, Cr VatIn 25.00, Dr Payables 125.00",
                "receipt: Dr Wallet 125.00, Cr Payables 125.00",
            ],
        ),
        (
            "chargeback",
            item("chargeback", "80.00")
                .payable()
                .contra("5830 Pleo DKK")
                .line("6800 Meals", "80.00"),
            &[
                "credit note: Cr 6800 80.00, Dr Payables 80.00",
                "receipt: Dr 5830 80.00, Cr Payables 80.00",
            ],
        ),
        (
            "cashback of a tagged vendor",
            item("cashback", "-12.50")
                .payable()
                .line("6990 Cashback", "-12.50"),
            &[
                "credit note: Cr 6990 12.50, Dr Payables 12.50",
                "receipt: Dr Wallet 12.50, Cr Payables 12.50",
            ],
        ),
    ]);
}

#[test]
fn without_payables_invoices_pass_through_the_payable_account_in_the_journal() {
    check(&[
        (
            "invoice",
            item("invoice", "1250.00").method("journal").taxed(
                "6850 Software",
                "1250.00",
                "1000.00",
                "S25",
                "250.00",
            ),
            &["journal: Dr 6850 1000.00, Dr VatIn 250.00, Cr Payables 1250.00"],
        ),
        (
            "invoice payment",
            item("invoice_payment", "1250.00").method("journal"),
            &["journal: Dr Payables 1250.00, Cr Wallet 1250.00"],
        ),
        (
            "invoice payment returned",
            item("invoice_payment", "-1250.00")
                .method("journal")
                .sub_type("invoice_payment_returned"),
            &["journal: Dr Wallet 1250.00, Cr Payables 1250.00"],
        ),
    ]);
}

#[test]
fn without_a_word_from_pleo_a_known_supplier_makes_a_payable() {
    let card = || item("card_purchase", "125.00").line("6800 Meals", "125.00");
    let payables: &[&str] = &[
        "bill: Dr 6800 125.00, Cr Payables 125.00",
        "payment: Dr Payables 125.00, Cr Wallet 125.00",
    ];
    let journal: &[&str] = &["journal: Dr 6800 125.00, Cr Wallet 125.00"];
    check(&[
        (
            "known by its code",
            card().supplier("Nordic Office", Some("V-100")),
            payables,
        ),
        (
            "known by name only",
            card().supplier("NORDIC OFF 123", None),
            journal,
        ),
        ("no supplier", card(), journal),
        ("a tagged vendor", card().vendor("V-100"), payables),
    ]);
    check_in(
        &world().without("V-100"),
        &[(
            "not known in the books",
            card().supplier("Nordic Office", Some("V-100")),
            journal,
        )],
    );
    let journals_only = SystemTraits {
        payables: false,
        computes_tax: false,
        keeps_vendors: true,
    };
    let mut plain = world();
    plain.system = journals_only;
    check_in(
        &plain,
        &[(
            "a system without payables",
            card().supplier("Nordic Office", Some("V-100")),
            journal,
        )],
    );
}

#[test]
fn a_vendor_beats_the_supplier() {
    let item = item("card_purchase", "125.00")
        .payable()
        .supplier("Shop", Some("S-1"))
        .line("6800 Meals", "125.00");
    let planned = world().plan(&item).unwrap();
    let Some(Creditor::Vendor(vendor)) = &planned.documents[0].creditor else {
        panic!("a vendor")
    };
    assert_eq!(vendor.reference, "V-100".into());
    assert_eq!(planned.payee, "Nordic Office");
}

#[test]
fn the_bill_carries_the_dates_and_both_documents_the_number() {
    let item = item("card_invoice", "125.00")
        .payable()
        .invoice(" A-1 ")
        .line("6800 Meals", "125.00");
    let planned = world().plan(&item).unwrap();
    let [bill, payment] = planned.documents.as_slice() else {
        panic!("two documents")
    };
    assert_eq!((bill.part, payment.part), (Part::Main, Part::Payment));
    assert_eq!(
        (bill.invoice_date, bill.due_date),
        (Some(day("2026-03-01")), Some(day("2026-03-31")))
    );
    assert_eq!((payment.invoice_date, payment.due_date), (None, None));
    assert_eq!(bill.invoice_number.as_deref(), Some("A-1"));
    assert_eq!(bill.matching, payment.matching);
    assert_eq!(bill.matching.as_ref().map(|key| key.number.as_str()), Some("A-1"));
    assert_eq!(bill.creditor, payment.creditor);
}

#[test]
fn books_without_a_register_know_vendors_by_tag_or_by_the_settings() {
    let mut books = world();
    books.system.keeps_vendors = false;
    books.settings.vendor_codes = ["V-7".to_owned()].into();
    let card = || item("card_purchase", "125.00").line("6800 Meals", "125.00");
    let payment = || {
        item("invoice_payment", "125.00")
            .id("payment")
            .supplier("Nordic Office", Some("V-100"))
            .invoice("A-1")
    };
    let payables: &[&str] = &[
        "bill: Dr 6800 125.00, Cr Payables 125.00",
        "payment: Dr Payables 125.00, Cr Wallet 125.00",
    ];
    let journal: &[&str] = &["journal: Dr 6800 125.00, Cr Wallet 125.00"];
    let paid: &[&str] = &["payment: Dr Payables 125.00, Cr Wallet 125.00"];
    check_in(
        &books,
        &[
            ("a tagged vendor", card().vendor("V-100"), payables),
            (
                "a supplier that the settings name",
                card().supplier("Seven", Some("V-7")),
                payables,
            ),
            (
                "a supplier alone",
                card().supplier("Nordic Office", Some("V-100")),
                journal,
            ),
            (
                "a supplier alone, as a payable",
                card()
                    .supplier("Nordic Office", Some("V-100"))
                    .method("accounts_payable"),
                &[
                    "refused: A vendor bill needs a vendor, and the supplier V-100 (Nordic Office) is not one in these books: tag a vendor in Pleo, or ask whoever runs the export to set [vendors] codes = [\"V-100\"], then export again.",
                ],
            ),
            (
                "a payment without its bill",
                payment(),
                &["journal: Dr Payables 125.00, Cr Wallet 125.00"],
            ),
        ],
    );
    let billed = books.booked("bill", InvoiceSide::Bill, "-125.00 DKK", None);
    check_in(
        &billed,
        &[
            ("a payment of a bill", payment(), paid),
            (
                "the same, as a payable",
                payment().method("accounts_payable"),
                paid,
            ),
            (
                "another bill of a supplier alone",
                card().supplier("Nordic Office", Some("V-100")),
                journal,
            ),
        ],
    );
}

#[test]
fn the_number_of_an_account_names_a_supplier_only_where_there_is_no_code() {
    let key = |code: Option<&str>| {
        let mut item = item("card_purchase", "125.00")
            .invoice("A-1")
            .supplier("Nordic Office", code)
            .line("6800 Meals", "125.00");
        item.0.supplier.as_mut().unwrap().account = Some("4400".to_owned());
        let planned = world().plan(&item).unwrap();
        planned.documents[0].matching.clone().unwrap().vendor
    };
    assert_eq!(key(Some("V-100")).external_id, None);
    assert_eq!(key(None).external_id.as_deref(), Some("4400"));
}

#[test]
fn a_line_to_paste_holds_the_whole_code_or_is_not_there() {
    let mut books = world();
    books.system.keeps_vendors = false;
    let refused = |code: &str| {
        let card = item("card_purchase", "125.00")
            .invoice("A-1")
            .supplier("Nordic Office", Some(code))
            .line("6800 Meals", "125.00")
            .method("accounts_payable");
        books.plan(&card).unwrap_err().reason
    };
    let (short, long) = ("7".repeat(80), "7".repeat(81));
    assert!(refused(&short).contains(&format!("codes = [\"{short}\"]")));
    let text = refused(&long);
    assert!(!text.contains("codes ="), "{text}");
    assert!(
        text.ends_with("tag a vendor in Pleo, then export again."),
        "{text}"
    );
}
