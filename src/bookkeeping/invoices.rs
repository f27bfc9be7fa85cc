//! Invoices beyond one item: the payment that belongs to a bill, the rate difference between them, duplicates.
//!
//! An item is judged by what is known when it is planned: the books, and the items before it. When bill and payment
//! cancel out in the supplier's currency, what is left in wallet currency is a rate difference, and it sits on
//! whichever document comes second. What the books hold under the item's own key never counts, so planning an item
//! again after it was booked gives the same postings.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};

use crate::host::foreign_text::one_line;
use crate::model::export_item::ExportItem;
use crate::model::money::{Amount, Money};
use crate::model::references::{InvoiceInBooks, InvoiceKey, InvoiceNumber, InvoiceSide};

use super::item_types::{Direction, Row};
use super::method::{vendor_key, vendor_name};
use super::planner::Planner;
use super::refusal::Refusal;
use super::settings::DuplicateInvoices;

/// The longest name of a vendor in a remark, in characters.
const LONGEST_NAME: usize = 80;

/// What settling does to a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settlement {
    /// The rate difference, debit positive; zero where there is none.
    pub(super) rate_difference: Amount,
    /// What remains open.
    pub(super) remark: Option<String>,
}

/// What an item brings of an invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Brings {
    /// The vendor's claim; with the money when the item pays it at once.
    Bill,
    /// A claim the other way round.
    Credit,
    /// Money alone.
    Payment,
}

/// The vendor and number that join the sides of an invoice; `None` without either.
pub(super) fn key(item: &ExportItem) -> Option<InvoiceKey> {
    Some(InvoiceKey {
        vendor: vendor_key(item)?,
        number: number(item)?,
    })
}

/// The vendor's invoice number.
pub(super) fn number(item: &ExportItem) -> Option<InvoiceNumber> {
    InvoiceNumber::new(&item.invoice.as_ref()?.number)
}

/// The total in the direction of the row.
pub(super) fn total(item: &ExportItem, row: Row) -> Amount {
    match row.direction {
        Direction::Fixed => item.amount.amount.abs(),
        Direction::BySign => item.amount.amount,
    }
}

impl Planner<'_> {
    /// What is known of the item's invoice beside the item itself.
    fn others(&self) -> &[InvoiceInBooks] {
        self.seen.map_or(&[], |seen| &seen.in_books)
    }

    fn invoice_date(&self) -> Option<NaiveDate> {
        self.item.invoice.as_ref()?.invoice_date
    }

    /// Whether the books have a bill that this item can pay.
    pub(super) fn is_billed(&self) -> bool {
        self.others().iter().any(|other| other.side == InvoiceSide::Bill)
    }

    /// Whether the books have a payment of the invoice, on its own or with its bill.
    fn is_paid(&self) -> bool {
        let is_payment = |other: &InvoiceInBooks| {
            other.side == InvoiceSide::Payment && !other.payable.amount.is_negative()
        };
        self.others().iter().any(is_payment)
    }

    /// Refuses a bill or credit note that is there already, or remarks on it: when money has moved, a wallet without
    /// the movement would not reconcile with Pleo.
    pub(super) fn check_duplicate(
        &self,
        number: &InvoiceNumber,
        brings: Brings,
        moves_money: bool,
    ) -> Result<Option<String>, Refusal> {
        let vendor = one_line(vendor_name(self.item).unwrap_or("this vendor"), LONGEST_NAME);
        let number = number.as_str();
        let same_sign = match brings {
            Brings::Bill => uncredited(self.others()),
            Brings::Credit => self.others().iter().filter(|other| is_credit(other)).collect(),
            Brings::Payment => return Ok(None),
        };
        // Parts of a refund may well come on one day; a document without money comes once.
        let one_a_day = brings == Brings::Bill || !moves_money;
        let is_duplicate = |other: &&&InvoiceInBooks| self.is_duplicate(other, one_a_day);
        if let Some(other) = same_sign.iter().find(is_duplicate) {
            let there = format!("as {} for another expense", other.external_id);
            return match (brings, moves_money, self.settings.duplicate_invoices) {
                (Brings::Credit, true, _) => Ok(Some(format!(
                    "invoice {number} of {vendor} is refunded a second time ({}): ask the vendor whether both are right",
                    other.external_id
                ))),
                (_, true, _) if self.is_paid() => Ok(Some(format!(
                    "invoice {number} of {vendor} is paid a second time ({}): ask for it back",
                    other.external_id
                ))),
                (_, true, _) => Ok(Some(format!(
                    "invoice {number} of {vendor} is there already ({}): keep one of the two bills",
                    other.external_id
                ))),
                (_, false, DuplicateInvoices::Fail) => {
                    Err(Refusal::duplicate_invoice(number, &vendor, &there))
                }
                (_, false, DuplicateInvoices::Warn) => Ok(Some(format!(
                    "invoice {number} of {vendor} is already there {there}"
                ))),
            };
        }
        // Refunds in parts have one number, and vendors that begin anew each year have each number again.
        Ok(match (brings, same_sign.first()) {
            (Brings::Bill, Some(other)) => Some(format!(
                "{vendor} has used the number {number} before ({}): check that these are two invoices",
                other.external_id
            )),
            _ => None,
        })
    }

    /// Whether a document of the same number and sign is the same document. With `one_a_day` its day alone says so.
    fn is_duplicate(&self, other: &InvoiceInBooks, one_a_day: bool) -> bool {
        let has_same_gross = other.gross() == self.item.supplier_amount.unwrap_or(self.item.amount).abs();
        let (same_date, same_year) = match (self.invoice_date(), other.invoice_date) {
            (Some(own), Some(other)) => (own == other, own.year() == other.year()),
            _ => (false, true),
        };
        (same_date && one_a_day) || (has_same_gross && same_year)
    }

    /// Settles an invoice or its payment against the other side.
    pub(super) fn settle(&self, number: &InvoiceNumber, brings: Brings, payable: Amount) -> Settlement {
        let side = match brings {
            Brings::Bill | Brings::Credit => InvoiceSide::Bill,
            Brings::Payment => InvoiceSide::Payment,
        };
        let others = self.same_invoice(brings);
        if others.iter().all(|other| other.side == side) {
            return Settlement::default();
        }
        let supplier = sum(others.iter().map(|other| other.in_supplier_currency()));
        let wallet = sum(others.iter().map(|other| Some(other.payable)));
        let is_paid_in_advance = supplier
            .or(wallet)
            .is_none_or(|net| !net.amount.is_negative() && !net.amount.is_zero());
        if brings == Brings::Bill && !is_paid_in_advance {
            // What was paid belongs to another bill of this number.
            return Settlement::default();
        }
        let own = Money {
            amount: payable,
            currency: self.item.amount.currency,
        };
        let own_in_supplier_currency = self
            .item
            .supplier_amount
            .map(|money| with_sign_of(payable, money));
        let supplier = sum([supplier, own_in_supplier_currency].into_iter());
        let wallet = sum([wallet, Some(own)].into_iter());
        let number = number.as_str();
        match (supplier, wallet) {
            (_, Some(wallet)) if wallet.amount.is_zero() => Settlement::default(),
            (Some(supplier), Some(wallet))
                if supplier.amount.is_zero() && supplier.currency != wallet.currency =>
            {
                Settlement {
                    rate_difference: wallet.amount,
                    remark: None,
                }
            }
            (Some(supplier), None) if supplier.amount.is_zero() => Settlement {
                rate_difference: Amount::ZERO,
                remark: Some(format!(
                    "invoice {number} is settled from wallets of two currencies: the difference is to be settled by hand"
                )),
            },
            (supplier, wallet) => Settlement {
                rate_difference: Amount::ZERO,
                remark: Some(remainder(
                    number,
                    supplier.filter(|open| !open.amount.is_zero()).or(wallet),
                )),
            },
        }
    }

    /// How the books join the documents of the invoice, where they have any of them.
    pub(super) fn link(&self, brings: Brings) -> Option<String> {
        let same_invoice = self.same_invoice(brings);
        let mut known = same_invoice.into_iter().chain(self.others());
        known.find_map(|other| other.link.clone())
    }

    /// The documents that belong to the same invoice as this item. Where one number stands on bills of several days
    /// (a vendor that begins anew each year), it is those of the item's own day, if there are any, and what has no day; a
    /// payment often carries another day than its bill.
    fn same_invoice(&self, brings: Brings) -> Vec<&InvoiceInBooks> {
        let own_date = self.invoice_date();
        let others = self.others().iter();
        let mut bill_dates: BTreeSet<NaiveDate> = others
            .clone()
            .filter(|other| is_bill(other))
            .filter_map(|other| other.invoice_date)
            .collect();
        if brings == Brings::Bill {
            bill_dates.extend(own_date);
        }
        let of_own_date = |other: &&InvoiceInBooks| other.invoice_date == own_date;
        let has_counterpart = others.clone().filter(of_own_date).any(|other| match brings {
            Brings::Bill => !is_bill(other),
            Brings::Credit | Brings::Payment => is_bill(other),
        });
        if bill_dates.len() > 1 && own_date.is_some() && has_counterpart {
            let may_be_of_own_date =
                |other: &&InvoiceInBooks| other.invoice_date.is_none_or(|date| Some(date) == own_date);
            others.filter(may_be_of_own_date).collect()
        } else {
            others.collect()
        }
    }
}

impl InvoiceInBooks {
    /// The amount in the supplier's currency, with the sign that it has on the payable account.
    fn in_supplier_currency(&self) -> Option<Money> {
        self.supplier_amount
            .map(|money| with_sign_of(self.payable.amount, money))
    }

    /// The amount on the vendor's document; what it moved in the wallet's currency where nothing else is known.
    fn gross(&self) -> Money {
        self.supplier_amount.unwrap_or(self.payable).abs()
    }
}

fn is_bill(document: &InvoiceInBooks) -> bool {
    document.side == InvoiceSide::Bill && document.payable.amount.is_negative()
}

fn is_credit(document: &InvoiceInBooks) -> bool {
    document.side == InvoiceSide::Bill && !document.payable.amount.is_negative()
}

/// The bills that no credit note takes back in full. A credit note takes back the bill of its own amount, of its own
/// day before others, else it is taken off the bills in order.
fn uncredited(documents: &[InvoiceInBooks]) -> Vec<&InvoiceInBooks> {
    let bills: Vec<&InvoiceInBooks> = documents.iter().filter(|document| is_bill(document)).collect();
    let mut left: Vec<Money> = bills.iter().map(|bill| bill.gross()).collect();
    for credit in documents.iter().filter(|document| is_credit(document)) {
        let mut credited = credit.gross();
        let is_of_same_day = |at: &usize| {
            bills
                .get(*at)
                .is_some_and(|bill| bill.invoice_date == credit.invoice_date)
        };
        let whole = || (0..bills.len()).filter(|at| left.get(*at) == Some(&credited));
        if let Some(at) = whole().find(is_of_same_day).or_else(|| whole().next()) {
            if let Some(left) = left.get_mut(at) {
                left.amount = Amount::ZERO;
            }
            continue;
        }
        for left in left.iter_mut().filter(|left| left.currency == credited.currency) {
            let taken = left.amount.min(credited.amount);
            left.amount -= taken;
            credited.amount -= taken;
        }
    }
    let bills = bills.into_iter().zip(left);
    bills
        .filter(|(_, left)| !left.amount.is_zero())
        .map(|(bill, _)| bill)
        .collect()
}

fn with_sign_of(payable: Amount, money: Money) -> Money {
    if payable.is_negative() {
        money.abs().negated()
    } else {
        money.abs()
    }
}

/// The sum; `None` where an amount is unknown or of another currency, or there is none.
fn sum(mut all: impl Iterator<Item = Option<Money>>) -> Option<Money> {
    let first = all.next()??;
    all.try_fold(first, |sum, money| sum.plus(money?))
}

/// What is left on the vendor's account: a credit is still owed.
fn remainder(number: &str, open: Option<Money>) -> String {
    match open {
        None => format!("invoice {number}: what remains open is not known, as the currencies differ"),
        Some(Money { amount, currency }) if amount.is_negative() => {
            format!("invoice {number}: {} {currency} remains open", amount.abs())
        }
        Some(open) => format!("invoice {number}: {open} is paid too much"),
    }
}
