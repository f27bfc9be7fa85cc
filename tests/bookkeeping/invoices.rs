//! Bills and payments in several items and jobs: rate differences, part payments, duplicates.

use pleo_export::bookkeeping::DuplicateInvoices;
use pleo_export::model::references::InvoiceSide::{Bill, Payment};

use crate::bookkeeping::items::{Item, item};
use crate::bookkeeping::world::{World, world};

/// 1000 EUR at the rate of the invoice.
fn bill() -> Item {
    item("invoice", "7460.00")
        .id("bill")
        .payable()
        .invoice("A-1")
        .foreign("1000.00 EUR")
        .line("6850 Software", "7460.00")
}

/// 1000 EUR at the rate of the payment, ten crowns more.
fn payment() -> Item {
    item("invoice_payment", "7470.00")
        .id("payment")
        .payable()
        .invoice("A-1")
        .foreign("1000.00 EUR")
}

fn part_payment(id: &str, wallet: &str, foreign: &str) -> Item {
    item("invoice_payment", wallet)
        .id(id)
        .payable()
        .invoice("A-1")
        .foreign(foreign)
}

fn remarks(world: &World, item: &Item) -> Vec<String> {
    world.plan(item).unwrap().remarks
}

const PLAIN_BILL: [&str; 1] = ["bill: Dr 6850 7460.00, Cr Payables 7460.00"];
const PLAIN_PAYMENT: [&str; 1] = ["payment: Dr Payables 7470.00, Cr Wallet 7470.00"];
const PAYMENT_WITH_LOSS: [&str; 1] =
    ["payment: Dr Payables 7460.00, Dr RateDifference 10.00, Cr Wallet 7470.00"];
const BILL_WITH_LOSS: [&str; 1] = ["bill: Dr 6850 7460.00, Dr RateDifference 10.00, Cr Payables 7470.00"];

#[test]
fn alone_neither_has_a_difference() {
    assert_eq!(world().books(&bill()), PLAIN_BILL);
    assert_eq!(world().books(&payment()), PLAIN_PAYMENT);
    assert!(remarks(&world(), &payment()).is_empty());
}

#[test]
fn in_one_job_the_difference_sits_on_whichever_comes_second() {
    let world = world().job(&[&bill(), &payment()]);
    assert_eq!(world.books(&bill()), PLAIN_BILL);
    assert_eq!(world.books(&payment()), PAYMENT_WITH_LOSS);
    let world = world.job(&[&payment(), &bill()]);
    assert_eq!(world.books(&payment()), PLAIN_PAYMENT);
    assert_eq!(world.books(&bill()), BILL_WITH_LOSS);
}

#[test]
fn a_payment_after_the_bill_was_booked_takes_the_difference() {
    let world = world().booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"));
    assert_eq!(world.books(&payment()), PAYMENT_WITH_LOSS);
    let gain = part_payment("payment", "7450.00", "1000.00 EUR");
    assert_eq!(
        world.books(&gain),
        ["payment: Dr Payables 7460.00, Cr RateDifference 10.00, Cr Wallet 7450.00"]
    );
}

#[test]
fn a_bill_after_the_payment_was_booked_takes_the_difference() {
    let world = world().booked("payment", Payment, "7470.00 DKK", Some("1000.00 EUR"));
    assert_eq!(world.books(&bill()), BILL_WITH_LOSS);
}

#[test]
fn what_is_planned_depends_on_the_books_and_what_comes_before_and_on_nothing_else() {
    // Booked and found again, the item itself does not count.
    let world = world().booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"));
    assert_eq!(world.books(&bill()), PLAIN_BILL);
    let world = world.booked("payment", Payment, "7460.00 DKK", Some("1000.00 EUR"));
    assert_eq!(world.books(&payment()), PAYMENT_WITH_LOSS);
    // What comes later does not count.
    let later = crate::bookkeeping::world::world().job(&[&bill(), &bill().id("second"), &payment()]);
    assert_eq!(later.books(&bill()), PLAIN_BILL);
    // What could not be planned is not there.
    let mut refused = bill();
    refused.0.lines[0].account = None;
    let world = crate::bookkeeping::world::world().job(&[&refused, &payment()]);
    assert_eq!(world.books(&payment()), PLAIN_PAYMENT);
    // The payment of a bill that is booked twice over sees both.
    let mut tolerant = crate::bookkeeping::world::world().job(&[&bill(), &bill().id("second"), &payment()]);
    tolerant.settings.duplicate_invoices = DuplicateInvoices::Warn;
    assert_eq!(
        remarks(&tolerant, &payment()),
        ["invoice A-1: 1000.00 EUR remains open"]
    );
}

#[test]
fn a_part_payment_stays_open_and_says_so() {
    let part = part_payment("payment", "2988.00", "400.00 EUR");
    let world = world().booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"));
    assert_eq!(
        world.books(&part),
        ["payment: Dr Payables 2988.00, Cr Wallet 2988.00"]
    );
    assert_eq!(remarks(&world, &part), ["invoice A-1: 600.00 EUR remains open"]);
    let too_much = part_payment("payment", "8964.00", "1200.00 EUR");
    assert_eq!(
        remarks(&world, &too_much),
        ["invoice A-1: 200.00 EUR is paid too much"]
    );
}

#[test]
fn the_last_part_payment_takes_the_difference_of_all() {
    let (first, last) = (
        part_payment("first", "2988.00", "400.00 EUR"),
        part_payment("last", "4482.00", "600.00 EUR"),
    );
    let in_one_job = world().job(&[&bill(), &first, &last]);
    let over_two_jobs = world()
        .booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"))
        .booked("first", Payment, "2988.00 DKK", Some("400.00 EUR"));
    let mut resumed = over_two_jobs.clone().job(&[&bill(), &first, &last]);
    // Where duplicates are let through, the bill must still not count twice.
    resumed.settings.duplicate_invoices = DuplicateInvoices::Warn;
    for world in [in_one_job, over_two_jobs, resumed] {
        assert_eq!(
            world.books(&first),
            ["payment: Dr Payables 2988.00, Cr Wallet 2988.00"]
        );
        assert_eq!(
            world.books(&last),
            ["payment: Dr Payables 4472.00, Dr RateDifference 10.00, Cr Wallet 4482.00"]
        );
    }
}

#[test]
fn a_difference_within_one_currency_is_no_rate_difference() {
    let world = world().booked("bill", Bill, "-7460.00 DKK", Some("7460.00 DKK"));
    let payment = part_payment("payment", "7470.00", "7470.00 DKK");
    assert_eq!(world.books(&payment), PLAIN_PAYMENT);
    assert_eq!(
        remarks(&world, &payment),
        ["invoice A-1: 10.00 DKK is paid too much"]
    );
}

#[test]
fn without_the_suppliers_amount_nothing_is_assumed() {
    let world = world().booked("bill", Bill, "-7460.00 DKK", None);
    assert_eq!(world.books(&payment()), PLAIN_PAYMENT);
    assert_eq!(
        remarks(&world, &payment()),
        ["invoice A-1: 10.00 DKK is paid too much"]
    );
}

#[test]
fn wallets_of_two_currencies_are_not_added_up() {
    let world = world().booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"));
    let payment = part_payment("payment", "1000.00", "1000.00 EUR").wallet("EUR");
    assert_eq!(
        world.books(&payment),
        ["payment: Dr Payables 1000.00, Cr Wallet 1000.00"]
    );
    assert_eq!(
        remarks(&world, &payment),
        ["invoice A-1 is settled from wallets of two currencies: the difference is to be settled by hand"]
    );
}

#[test]
fn a_returned_payment_opens_the_invoice_again() {
    let world = world()
        .booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"))
        .booked("payment", Payment, "7460.00 DKK", Some("1000.00 EUR"));
    let returned = part_payment("returned", "-7470.00", "-1000.00 EUR").sub_type("invoice_payment_returned");
    assert_eq!(
        world.books(&returned),
        ["payment: Dr Wallet 7470.00, Cr Payables 7470.00"]
    );
    assert_eq!(
        remarks(&world, &returned),
        ["invoice A-1: 1000.00 EUR remains open"]
    );
    // The second attempt closes everything, whatever the first one left.
    let world = world.booked("returned", Payment, "-7470.00 DKK", Some("1000.00 EUR"));
    let again = part_payment("again", "7480.00", "1000.00 EUR");
    assert_eq!(
        world.books(&again),
        ["payment: Dr Payables 7470.00, Dr RateDifference 10.00, Cr Wallet 7480.00"]
    );
}

#[test]
fn one_vendor_named_in_two_ways_is_one_vendor() {
    let mut payment = payment();
    let vendor = payment.0.vendor.as_mut().unwrap();
    vendor.tax_number = Some("DK123".to_owned());
    assert_eq!(
        world().job(&[&bill(), &payment]).books(&payment),
        PAYMENT_WITH_LOSS
    );
    let stranger = payment.vendor("V-200");
    assert_eq!(world().job(&[&bill(), &stranger]).books(&stranger), PLAIN_PAYMENT);
}

#[test]
fn a_second_bill_with_the_same_number_is_refused_or_remarked() {
    let in_books = world().booked("other", Bill, "-7460.00 DKK", None);
    let refusal = in_books.plan(&bill()).unwrap_err();
    assert_eq!(
        refusal.reason,
        "Invoice \"A-1\" of Nordic Office is already there as PLEO-2026-other for another expense: check whether it was sent twice; if both are right, book this one by hand, or ask whoever runs the export to set bookkeeping.duplicate_invoices to \"warn\", then export again."
    );
    let mut tolerant = in_books;
    tolerant.settings.duplicate_invoices = DuplicateInvoices::Warn;
    assert_eq!(tolerant.books(&bill()), PLAIN_BILL);
    assert_eq!(
        remarks(&tolerant, &bill()),
        ["invoice A-1 of Nordic Office is already there as PLEO-2026-other for another expense"]
    );
}

#[test]
fn within_a_job_the_first_bill_wins() {
    let second = bill().id("second");
    let job = world().job(&[&bill(), &second, &payment()]);
    assert_eq!(job.books(&bill()), PLAIN_BILL);
    let refusal = job.plan(&second).unwrap_err();
    assert!(
        refusal.reason.contains("is already there as item bill"),
        "{}",
        refusal.reason
    );
    // The refused bill does not keep the payment open.
    assert_eq!(job.books(&payment()), PAYMENT_WITH_LOSS);
    // After the first was booked the answers are the same.
    let resumed = job.booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"));
    assert_eq!(resumed.books(&bill()), PLAIN_BILL);
    assert!(resumed.plan(&second).is_err());
    assert_eq!(resumed.books(&payment()), PAYMENT_WITH_LOSS);
}

fn dated(item: Item, date: Option<&str>) -> Item {
    let mut item = item;
    item.0.invoice.as_mut().unwrap().invoice_date = date.map(crate::bookkeeping::items::day);
    item
}

fn card(id: &str, amount: &str) -> Item {
    item("card_purchase", amount)
        .id(id)
        .payable()
        .invoice("A-1")
        .line("6850 Software", amount)
}

fn refund(id: &str, amount: &str) -> Item {
    item("refund", amount)
        .id(id)
        .payable()
        .invoice("A-1")
        .line("6850 Software", amount)
}

fn plain(id: &str, amount: &str) -> Item {
    item("invoice", amount)
        .id(id)
        .payable()
        .invoice("A-1")
        .line("6850 Software", amount)
}

/// How the second of two documents is judged.
fn judged(items: &[&Item]) -> String {
    let (last, world) = (items.last().unwrap(), world().job(items));
    match world.plan(last) {
        Err(refusal) => refusal.reason.split(": ").next().unwrap().to_owned(),
        Ok(planned) => planned.remarks.join("; "),
    }
}

const REFUSED: &str = "Invoice \"A-1\" of Nordic Office is already there as item one for another expense";
const NUMBER: &str =
    "Nordic Office has used the number A-1 before (item one): check that these are two invoices";

#[test]
fn a_duplicate_has_the_same_day_or_the_same_amount_in_one_year() {
    let (may, june, next_year) = (Some("2026-05-10"), Some("2026-06-10"), Some("2027-05-10"));
    let one = |amount: &str, date| dated(plain("one", amount), date);
    let two = |amount: &str, date| dated(plain("two", amount), date);
    let table = vec![
        (
            "same day, same amount",
            one("100.00", may),
            two("100.00", may),
            REFUSED,
        ),
        (
            "same day, other amount",
            one("100.00", may),
            two("90.00", may),
            REFUSED,
        ),
        (
            "same amount in one year",
            one("100.00", may),
            two("100.00", june),
            REFUSED,
        ),
        (
            "same amount, next year",
            one("100.00", may),
            two("100.00", next_year),
            NUMBER,
        ),
        (
            "other amount, other day",
            one("100.00", may),
            two("90.00", june),
            NUMBER,
        ),
        (
            "a date missing, same amount",
            one("100.00", may),
            two("100.00", None),
            REFUSED,
        ),
        (
            "a date missing, other amount",
            one("100.00", None),
            two("90.00", may),
            NUMBER,
        ),
        (
            "the amount is the supplier's",
            one("745.00", may).foreign("100.00 EUR"),
            two("746.00", june).foreign("100.00 EUR"),
            REFUSED,
        ),
        (
            "the same figure of another currency",
            one("100.00", may).foreign("100.00 EUR"),
            two("100.00", june).foreign("100.00 USD"),
            NUMBER,
        ),
        (
            "a credit note is no duplicate of its invoice",
            one("100.00", may),
            two("-100.00", may),
            "",
        ),
        (
            "the same credit note",
            one("-100.00", may),
            two("-100.00", june),
            REFUSED,
        ),
        (
            "another credit note of the same day: a document without money comes once",
            one("-100.00", may),
            two("-30.00", may),
            REFUSED,
        ),
    ];
    for (case, one, two, expected) in table {
        assert_eq!(judged(&[&one, &two]), expected, "{case}");
    }
}

#[test]
fn what_moved_the_wallet_is_booked_and_told() {
    let paid_twice = "invoice A-1 of Nordic Office is paid a second time (item one): ask for it back";
    assert_eq!(
        judged(&[&card("one", "100.00"), &card("two", "100.00")]),
        paid_twice
    );
    // Nobody paid the first one yet, so there is nothing to ask back.
    assert_eq!(
        judged(&[&plain("one", "100.00"), &card("two", "100.00")]),
        "invoice A-1 of Nordic Office is there already (item one): keep one of the two bills"
    );
    let paid = part_payment("paid", "100.00", "10.00 EUR");
    assert_eq!(
        judged(&[&plain("one", "100.00"), &paid, &card("two", "100.00")]),
        paid_twice
    );
    assert_eq!(
        judged(&[&card("one", "100.00"), &plain("two", "100.00")]),
        REFUSED
    );
    assert_eq!(
        judged(&[&refund("one", "100.00"), &refund("two", "100.00")]),
        "invoice A-1 of Nordic Office is refunded a second time (item one): ask the vendor whether both are right"
    );
    assert_eq!(judged(&[&card("one", "100.00"), &refund("two", "100.00")]), "");
    // Refunds in parts, and a charge after a refund.
    assert_eq!(
        judged(&[
            &card("zero", "100.00"),
            &refund("one", "20.00"),
            &refund("two", "30.00")
        ]),
        ""
    );
    assert_eq!(judged(&[&refund("one", "100.00"), &card("two", "100.00")]), "");
    // Without a number nothing is compared.
    let mut unnumbered = plain("two", "100.00");
    unnumbered.0.invoice = None;
    assert_eq!(judged(&[&plain("one", "100.00"), &unnumbered]), "");
}

#[test]
fn a_bill_that_is_credited_in_full_does_not_count() {
    let (bill, again) = (plain("one", "100.00"), plain("three", "100.00"));
    let credit = |id: &str, amount: &str| plain(id, amount);
    assert_eq!(judged(&[&bill, &credit("two", "-100.00"), &again]), "");
    let later = dated(credit("more", "-40.00"), Some("2026-03-20"));
    assert_eq!(judged(&[&bill, &credit("two", "-60.00"), &later, &again]), "");
    assert_eq!(judged(&[&bill, &credit("two", "-60.00"), &again]), REFUSED);
    let corrected = plain("three", "90.00");
    assert_eq!(judged(&[&bill, &credit("two", "-100.00"), &corrected]), "");
    let twice = judged(&[
        &bill,
        &credit("two", "-100.00"),
        &corrected,
        &plain("four", "90.00"),
    ]);
    assert!(twice.contains("already there as item three"), "{twice}");
    // The credit note of this year's invoice leaves last year's alone.
    let last_year = dated(plain("old", "100.00"), Some("2025-03-01"));
    let again_last_year = dated(plain("three", "100.00"), Some("2025-03-01"));
    assert_eq!(
        judged(&[&last_year, &bill, &credit("two", "-100.00"), &again_last_year]),
        REFUSED.replace("item one", "item old")
    );
}

#[test]
fn a_number_that_comes_again_each_year_is_settled_by_its_day() {
    let last = dated(plain("one", "100.00"), Some("2025-02-03"));
    let this = dated(plain("two", "200.00"), Some("2026-02-03"));
    let pay = |id: &str, amount: &str, date| dated(part_payment(id, amount, &format!("{amount} DKK")), date);
    let (pay_last, pay_this) = (
        pay("three", "100.00", Some("2025-02-03")),
        pay("four", "200.00", Some("2026-02-03")),
    );
    assert_eq!(judged(&[&last, &pay_last]), "");
    assert_eq!(judged(&[&last, &pay_last, &this]), NUMBER);
    assert_eq!(judged(&[&last, &pay_last, &this, &pay_this]), "");
    // Both bills first, and the later one paid first.
    assert_eq!(judged(&[&last, &this, &pay_this]), "");
    assert_eq!(judged(&[&last, &this, &pay_this, &pay_last]), "");
    // A payment of a day of its own belongs to all that stands under the number.
    let own_day = pay("four", "200.00", Some("2026-02-20"));
    assert_eq!(judged(&[&last, &pay_last, &this, &own_day]), "");
    assert_eq!(
        judged(&[&last, &this, &own_day]),
        "invoice A-1: 100.00 DKK remains open"
    );
    // A payment in advance.
    assert_eq!(judged(&[&last, &pay_last, &pay_this, &this]), NUMBER);
}

#[test]
fn a_payment_without_a_day_counts_beside_the_bill_of_the_payment() {
    let mut world = world()
        .booked("last", Bill, "-100.00 DKK", None)
        .booked("this", Bill, "-200.00 DKK", None)
        .booked("part", Payment, "150.00 DKK", None);
    world.in_books[0].invoice_date = Some(crate::bookkeeping::items::day("2025-02-03"));
    world.in_books[1].invoice_date = Some(crate::bookkeeping::items::day("2026-02-03"));
    // Odoo's payments do not say of which day their bill is.
    world.in_books[2].invoice_date = None;
    let payment = dated(part_payment("rest", "30.00", "30.00 DKK"), Some("2026-02-03"));
    assert_eq!(remarks(&world, &payment), ["invoice A-1: 20.00 DKK remains open"]);
}

#[test]
fn the_second_document_takes_the_link_of_the_first() {
    let mut world = world().booked("payment", Payment, "7460.00 DKK", Some("1000.00 EUR"));
    world.in_books[0].link = Some("bill-by-hand".to_owned());
    let planned = world.plan(&bill()).unwrap();
    assert_eq!(planned.documents[0].link.as_deref(), Some("bill-by-hand"));
    assert_eq!(
        world.plan(&card("two", "7.00")).unwrap().documents[1]
            .link
            .as_deref(),
        Some("bill-by-hand")
    );
    assert_eq!(
        crate::bookkeeping::world::world()
            .plan(&bill())
            .unwrap()
            .documents[0]
            .link,
        None
    );
}

#[test]
fn a_difference_needs_its_account() {
    let mut world = world().booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"));
    world
        .settings
        .roles
        .remove(&pleo_export::bookkeeping::Role::FxDifference);
    assert_eq!(
        world.plan(&payment()).unwrap_err().reason,
        "No account is set for accounts.fx_difference: book the item by hand, or ask whoever runs the export to set accounts.fx_difference, then export again."
    );
}

#[test]
fn many_items_of_one_number_are_planned_at_once() {
    let payments: Vec<Item> = (0..3_000)
        .map(|n| part_payment(&format!("payment {n:04}"), "1.00", "0.10 EUR"))
        .collect();
    let world = world().job(&payments.iter().collect::<Vec<_>>());
    let started = std::time::Instant::now();
    let last = world.plan(payments.last().unwrap()).unwrap();
    assert_eq!(last.seen.unwrap().in_books.len(), 2_999);
    // With the cube of the number it would be many minutes.
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
