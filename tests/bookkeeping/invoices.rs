//! Bills and payments in several items and jobs: rate differences, part payments, duplicates.

use pleo_export::bookkeeping::DuplicateInvoices;
use pleo_export::model::references::InvoiceSide::{Bill, Payment};

use crate::items::{Item, item};
use crate::world::{World, world};

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

#[test]
fn alone_neither_has_a_difference() {
    assert_eq!(world().books(&bill()), PLAIN_BILL);
    assert_eq!(world().books(&payment()), PLAIN_PAYMENT);
    assert!(remarks(&world(), &payment()).is_empty());
}

#[test]
fn in_one_job_the_difference_sits_on_the_payment_in_either_order() {
    for world in [
        world().job(&[&bill(), &payment()]),
        world().job(&[&payment(), &bill()]),
    ] {
        assert_eq!(world.books(&bill()), PLAIN_BILL);
        assert_eq!(world.books(&payment()), PAYMENT_WITH_LOSS);
    }
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
    assert_eq!(
        world.books(&bill()),
        ["bill: Dr 6850 7460.00, Dr RateDifference 10.00, Cr Payables 7470.00"]
    );
}

#[test]
fn planning_again_after_a_part_was_booked_gives_the_same_postings() {
    let job = world().job(&[&bill(), &payment()]);
    let with_bill = job
        .clone()
        .booked("bill", Bill, "-7460.00 DKK", Some("1000.00 EUR"));
    let with_payment = job
        .clone()
        .booked("payment", Payment, "7460.00 DKK", Some("1000.00 EUR"));
    let with_both = with_bill
        .clone()
        .booked("payment", Payment, "7460.00 DKK", Some("1000.00 EUR"));
    for world in [with_bill, with_payment, with_both] {
        assert_eq!(world.books(&bill()), PLAIN_BILL);
        assert_eq!(world.books(&payment()), PAYMENT_WITH_LOSS);
    }
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
        ["invoice A-1 of this vendor is already there as PLEO-2026-other for another expense"]
    );
}

#[test]
fn within_a_job_the_first_bill_wins() {
    let second = bill().id("second");
    let job = world().job(&[&bill(), &second, &payment()]);
    assert_eq!(job.books(&bill()), PLAIN_BILL);
    let refusal = job.plan(&second).unwrap_err();
    assert!(
        refusal
            .reason
            .contains("is already there in this export as item bill"),
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

#[test]
fn a_card_purchase_can_duplicate_an_invoice_but_a_credit_note_cannot() {
    let card = item("card_purchase", "7460.00")
        .id("card")
        .payable()
        .invoice("A-1")
        .line("6850 Software", "7460.00");
    assert!(world().job(&[&bill(), &card]).plan(&card).is_err());
    let refund = item("refund", "7460.00")
        .id("refund")
        .payable()
        .invoice("A-1")
        .line("6850 Software", "7460.00");
    assert!(world().job(&[&bill(), &refund]).plan(&refund).is_ok());
    assert!(
        world()
            .booked("refund", Bill, "7460.00 DKK", None)
            .plan(&bill())
            .is_ok()
    );
    // Without a number nothing is compared.
    let mut unnumbered = card.clone();
    unnumbered.0.invoice = None;
    assert!(world().job(&[&bill(), &unnumbered]).plan(&unnumbered).is_ok());
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
