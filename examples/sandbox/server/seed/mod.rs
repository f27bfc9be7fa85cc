//! Items to export: a builder for single ones and two collections. Everything follows from a seed number, so the same
//! seed gives the same entries with the same ids.

mod company;
mod item;
mod payload;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use company::{ACCOUNTS, CONTRA_ACCOUNTS, SUPPLIERS, TAGS, TAXES, USERS};
pub use item::{Item, Line};
pub use payload::book_id;

/// Id of the company that the items belong to.
pub const COMPANY_ID: &str = "7e57c0de-0000-4000-8000-00000000d00d";
/// Id of the user who clicks Export.
pub const USER_ID: &str = "7e57c0de-0000-4000-8000-0000000005e2";

/// 25 items of every type. Two of them are meant to fail: the last but one has no account on its line, the last one a
/// receipt that is not there.
pub fn quickstart() -> Vec<Value> {
    let mut items = mixed(23, 1);
    let no_account = Item::card_purchase(34_900)
        .numbered(number(1, 23))
        .supplier("Nordlys Kontor A/S")
        .user(0)
        .note("Desk lamp, category still to be chosen")
        .receipt("pdf")
        .without_account();
    let no_receipt = Item::card_purchase(8_450)
        .numbered(number(1, 24))
        .supplier("Kaffebaren Nørrebro ApS")
        .user(2)
        .note("Breakfast with the auditors")
        .tax("S25")
        .missing_receipt();
    items.extend([no_account.build(), no_receipt.build()]);
    items
}

/// `count` items that can all be booked, over all types and sub types: splits, taxes of every kind, tags, currencies,
/// vendors, bills with their payments, returned money of either sign, and notes in many scripts.
pub fn mixed(count: usize, seed: u64) -> Vec<Value> {
    (0..count)
        .map(|index| Draft::new(seed, index).item().build())
        .collect()
}

/// The accounting entry id of the item at `index` in [`mixed`] with this seed.
pub fn entry_id(seed: u64, index: usize) -> String {
    uuid_of(&format!("entry {}", number(seed, index)))
}

/// The number from which all ids of an item follow. Book ids have seven digits, so they repeat after nine million.
fn number(seed: u64, index: usize) -> u64 {
    seed.wrapping_mul(100_003)
        .wrapping_add(u64::try_from(index).unwrap_or(u64::MAX))
}

/// A UUID that follows from a text.
pub fn uuid_of(text: &str) -> String {
    let mut bytes = [0; 16];
    bytes
        .iter_mut()
        .zip(Sha256::digest(text.as_bytes()))
        .for_each(|(byte, hashed)| *byte = hashed);
    uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
}

const NOTES: [&str; 8] = [
    "Frokost på Nørrebro med fire kunder ☕",
    "Zażółć gęślą jaźń",
    "Taxi \"to the airport\" \\ early",
    "会議の資料",
    "Line one\nline two\ttabbed",
    "Büromöbel; Rückgabe möglich (30 Tage)",
    "Q3 campaign, 50 % deposit 👩‍💻",
    "قهوة مع الفريق",
];

/// The shape of each item, by its place in a round. What refers to another item keeps its distance to it.
#[derive(Clone, Copy)]
enum Shape {
    Plain,
    Split,
    OutOfPocket,
    Reimbursement,
    Mileage,
    ExternalReimbursement,
    PerDiem,
    Invoice,
    InvoicePayment,
    CardInvoice,
    Refund,
    Chargeback,
    Cashback,
    Withdrawal,
    TopUp,
    Unload,
    Personal,
    Fee,
    ReverseCharge,
    Payable,
    Exclusive,
    CreditNote,
    Interest,
    ReimbursementReturned,
    PaymentReturned,
    PaidToCompany,
    Pounds,
}

const ROUND: [Shape; 27] = [
    Shape::Plain,
    Shape::Split,
    Shape::OutOfPocket,
    Shape::Reimbursement,
    Shape::Mileage,
    Shape::ExternalReimbursement,
    Shape::PerDiem,
    Shape::Invoice,
    Shape::InvoicePayment,
    Shape::CardInvoice,
    Shape::Refund,
    Shape::Chargeback,
    Shape::Cashback,
    Shape::Withdrawal,
    Shape::TopUp,
    Shape::Unload,
    Shape::Personal,
    Shape::Fee,
    Shape::ReverseCharge,
    Shape::Payable,
    Shape::Exclusive,
    Shape::CreditNote,
    Shape::Pounds,
    Shape::ReimbursementReturned,
    Shape::PaymentReturned,
    Shape::PaidToCompany,
    Shape::Interest,
];

/// One item of a collection: what follows from seed and index alone.
struct Draft {
    seed: u64,
    index: usize,
    amount: i64,
    date: DateTime<Utc>,
    pick: usize,
}

impl Draft {
    fn new(seed: u64, index: usize) -> Self {
        let mut random = Rng::with_seed(number(seed, index));
        let amount = random.i64(500..400_000);
        // 5 January to 5 November 2026: whatever refers to an item can be later and still lie in the past.
        let seconds = random.i64(0..304 * 24 * 3600);
        let begin = DateTime::from_timestamp(1_767_571_200, 0).unwrap_or_default();
        Self {
            seed,
            index,
            amount,
            date: begin + TimeDelta::seconds(seconds),
            pick: random.usize(0..1000),
        }
    }

    /// The item so many places before this one; itself where the collection begins later.
    fn earlier(&self, distance: usize) -> Self {
        Self::new(self.seed, self.index.saturating_sub(distance))
    }

    fn book_id(&self) -> String {
        book_id(number(self.seed, self.index))
    }

    fn days_later(&self, days: i64) -> DateTime<Utc> {
        self.date + TimeDelta::days(days)
    }

    fn domestic(&self) -> &'static str {
        SUPPLIERS[self.pick % 3].name
    }

    fn begun(&self, make: fn(i64) -> Item) -> Item {
        make(self.amount)
            .numbered(number(self.seed, self.index))
            .at(self.date)
    }

    /// Spending by a person at a domestic supplier, with tax, note and receipt.
    fn spent(&self, make: fn(i64) -> Item) -> Item {
        let (group, code) = TAGS[self.pick % TAGS.len()];
        let kind = if self.pick.is_multiple_of(4) { "png" } else { "pdf" };
        self.by_person(make)
            .supplier(self.domestic())
            .note(NOTES[self.pick % NOTES.len()])
            .tax(if self.pick.is_multiple_of(5) { "Z0" } else { "S25" })
            .tag(group, code)
            .receipt(kind)
    }

    fn by_person(&self, make: fn(i64) -> Item) -> Item {
        self.begun(make).user(self.pick).team(self.pick)
    }

    fn item(&self) -> Item {
        match ROUND[self.index % ROUND.len()] {
            Shape::Plain => self.spent(Item::card_purchase),
            Shape::Split => self.split(),
            Shape::OutOfPocket => self.spent(Item::out_of_pocket),
            Shape::Mileage => self.by_person(Item::mileage).note("København – Malmö, 92 km"),
            Shape::PerDiem => self.by_person(Item::per_diem).note("Two days in Hamburg"),
            Shape::Reimbursement => self.reimbursement(Item::direct_reimbursement),
            Shape::ExternalReimbursement => self.reimbursement(Item::external_reimbursement),
            Shape::Invoice => self.bill(Item::invoice).receipt("pdf").receipt("png"),
            Shape::InvoicePayment => self.payment(1, 10, "invoice_payment_sent"),
            Shape::CardInvoice => self.bill(Item::card_invoice).user(self.pick).receipt("pdf"),
            Shape::Refund => self.spent(Item::refund),
            Shape::Chargeback => self.returned(Item::chargeback),
            Shape::Cashback => self.begun(Item::cashback).note("Cashback of last month"),
            Shape::Withdrawal => self.by_person(Item::atm_withdrawal).note("Cash for the market"),
            Shape::TopUp => self.begun(Item::wallet_topup).method("none"),
            Shape::Unload => self.begun(Item::wallet_unload).method("none"),
            Shape::Personal => self.by_person(Item::personal_spend).supplier(self.domestic()),
            Shape::Fee => self.begun(Item::fee).note("Subscription").tax("S25"),
            Shape::Interest => self.begun(Item::fee).sub_type("interest").account("6885"),
            Shape::ReverseCharge => self.reverse_charge(),
            Shape::Payable => {
                let vendor = self.domestic();
                self.spent(Item::card_purchase)
                    .vendor(vendor)
                    .method("accounts_payable")
            }
            Shape::Exclusive => self.exclusive(),
            Shape::CreditNote => self
                .returned(Item::refund)
                .vendor(self.domestic())
                .method("accounts_payable"),
            Shape::ReimbursementReturned => self
                .by_person(Item::direct_reimbursement)
                .sub_type("reimbursement_to_employee_refund"),
            Shape::PaymentReturned => self.payment(17, 14, "invoice_payment_returned"),
            Shape::PaidToCompany => self
                .by_person(Item::direct_reimbursement)
                .sub_type("reimbursement_to_company"),
            Shape::Pounds => self.pounds(),
        }
    }

    fn split(&self) -> Item {
        let (third, half) = (self.amount / 3, self.amount / 2);
        let lines = [
            Line::new("6800", third).tax("S25").tag("DEPT", "SALES"),
            Line::new("6830", half)
                .tax("S12")
                .tag("DEPT", "ENG")
                .tag("PROJECT", "P-100"),
            Line::new("6810", self.amount - third - half),
        ];
        self.spent(Item::card_purchase)
            .split(lines)
            .attendees(&["Anna Andersen", "Çelik Öz", "Nguyễn Văn A"])
    }

    /// Pays back the expense before it, as long as that is of the same amount.
    fn reimbursement(&self, make: fn(i64) -> Item) -> Item {
        let expense = self.earlier(1);
        make(expense.amount)
            .numbered(number(self.seed, self.index))
            .at(expense.days_later(3))
            .user(expense.pick)
            .sub_type("reimbursement_to_employee")
            .reconciles(&[expense.book_id()])
    }

    fn invoice_number(&self) -> String {
        format!("INV-{}-{:05}", self.seed, self.index)
    }

    fn bill(&self, make: fn(i64) -> Item) -> Item {
        let due = self.days_later(14).format("%Y-%m-%dT00:00:00Z").to_string();
        let date = self.date.format("%Y-%m-%dT00:00:00Z").to_string();
        self.begun(make)
            .vendor(self.domestic())
            .method("accounts_payable")
            .tax("S25")
            .service_period("2026-01-01T00:00:00Z", "2026-12-31T00:00:00Z")
            .invoice_information(&self.invoice_number(), &date, &due)
    }

    /// Pays the bill so many places before it, so many days after its date.
    fn payment(&self, distance: usize, days: i64, sub_type: &str) -> Item {
        let bill = self.earlier(distance);
        bill.bill(Item::invoice_payment)
            .numbered(number(self.seed, self.index))
            .at(bill.days_later(days))
            .without_account()
            .without_tax()
            .sub_type(sub_type)
    }

    /// Money back with negative amounts, as some sources write it.
    fn returned(&self, make: fn(i64) -> Item) -> Item {
        let negative = Self {
            amount: -self.amount,
            ..*self
        };
        negative.spent(make)
    }

    fn reverse_charge(&self) -> Item {
        self.by_person(Item::card_purchase)
            .supplier("Byteworks (Cloud) Ltd")
            .account("6820")
            .tax("RC25")
            .supplier_currency("EUR", self.amount * 100 / 746)
            .service_period("2026-03-01T00:00:00Z", "2027-02-28T00:00:00Z")
            .receipt("pdf")
    }

    fn exclusive(&self) -> Item {
        self.by_person(Item::card_purchase)
            .wallet("EUR")
            .vendor("Hotel Zur Brücke GmbH")
            .method("journal")
            .account("6810")
            .tax("X25")
            .receipt("pdf")
    }

    fn pounds(&self) -> Item {
        self.by_person(Item::card_purchase)
            .wallet("GBP")
            .supplier("Smörgås och Bröd AB")
            .supplier_currency("SEK", self.amount * 1290 / 100)
            .tax("GB20")
            .receipt("png")
    }
}
