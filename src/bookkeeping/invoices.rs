//! Invoices beyond one item: the payment that belongs to a bill, the rate difference between them,
//! duplicates.
//!
//! A bill and its payment find each other by vendor and invoice number, in the books or in the same job. When
//! the amounts in the supplier's currency cancel out, what is left in wallet currency is a rate difference.
//! It sits on the document that completes the pair: the payment, when both come in one job; the bill, when
//! the books already hold the payment. What the books hold counts as it was booked, so planning an item again
//! after a part of its job was booked gives the same postings.

use crate::model::export_item::ExportItem;
use crate::model::ids::AccountingEntryId;
use crate::model::money::{Amount, Money};
use crate::model::references::{InvoiceKey, InvoiceSide};

use super::accounts::given;
use super::item_types::{self, Direction, Row, Side};
use super::method::{payables_vendor, vendor_key, vendor_name};
use super::refusal::Refusal;
use super::{DuplicateInvoices, JobView, Planner};

/// One side of an invoice that an item of this job brings.
#[derive(Clone, Debug)]
pub(super) struct InvoiceInJob {
    entry_id: AccountingEntryId,
    key: InvoiceKey,
    side: InvoiceSide,
    payable: Money,
    supplier_amount: Option<Money>,
}

/// One side of the invoice at hand under another entry, from the books or the job.
struct Other {
    side: InvoiceSide,
    payable: Money,
    supplier_amount: Option<Money>,
}

/// What settling does to a document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settlement {
    /// The rate difference, debit positive; zero where there is none.
    pub(super) rate_difference: Amount,
    /// What remains open.
    pub(super) remark: Option<String>,
}

/// By what the sides of an invoice find each other; `None` without vendor or number.
pub(super) fn key(item: &ExportItem) -> Option<InvoiceKey> {
    Some(InvoiceKey {
        vendor: vendor_key(item)?,
        number: number(item)?.to_owned(),
    })
}

/// The vendor's invoice number.
pub(super) fn number(item: &ExportItem) -> Option<&str> {
    given(item.invoice.as_ref().map(|invoice| invoice.number.as_str()))
}

/// The total in the direction of the row.
pub(super) fn total(item: &ExportItem, row: Row) -> Amount {
    match row.direction {
        Direction::Fixed => item.amount.amount.abs(),
        Direction::BySign => item.amount.amount,
    }
}

impl JobView {
    /// Takes note of an item of this job. All items are shown in work order before any is planned.
    pub fn observe(&mut self, item: &ExportItem) {
        let Ok((row, _)) = item_types::row(item) else {
            return;
        };
        if payables_vendor(item, row, self).is_none() {
            return;
        }
        let Some(key) = key(item) else { return };
        let (debited, credited) = (total(item, row), total(item, row).negated());
        let bill = match row {
            Row {
                debit: Side::Lines, ..
            } => Some(credited),
            Row {
                credit: Side::Lines, ..
            } => Some(debited),
            _ => None,
        };
        let payment = match row {
            Row {
                credit: Side::Wallet, ..
            } => Some(debited),
            Row {
                debit: Side::Wallet, ..
            } => Some(credited),
            _ => None,
        };
        for (side, payable) in [(InvoiceSide::Bill, bill), (InvoiceSide::Payment, payment)] {
            let Some(amount) = payable else { continue };
            self.invoices.push(InvoiceInJob {
                entry_id: item.entry_id.clone(),
                key: key.clone(),
                side,
                payable: Money {
                    amount,
                    currency: item.amount.currency,
                },
                supplier_amount: item.supplier_amount,
            });
        }
    }

    /// Two keys may name one vendor in two ways.
    fn is_same_invoice(&self, one: &InvoiceKey, other: &InvoiceKey) -> bool {
        let vendor = |key: &InvoiceKey| {
            self.resolution
                .vendors
                .get(&key.vendor)
                .map(|vendor| &vendor.reference)
        };
        one.number == other.number
            && (one.vendor == other.vendor
                || vendor(one).is_some_and(|reference| Some(reference) == vendor(other)))
    }

    /// What the job's items bring of an invoice, in work order, each with whether it comes before `entry_id`.
    fn in_job<'a>(
        &'a self,
        key: &'a InvoiceKey,
        entry_id: &'a AccountingEntryId,
    ) -> impl Iterator<Item = (&'a InvoiceInJob, bool)> {
        let own = self
            .invoices
            .iter()
            .position(|invoice| invoice.entry_id == *entry_id);
        self.invoices
            .iter()
            .enumerate()
            .filter(|(_, invoice)| invoice.entry_id != *entry_id && self.is_same_invoice(&invoice.key, key))
            .map(move |(index, invoice)| (invoice, own.is_none_or(|own| index < own)))
    }
}

impl Planner<'_> {
    /// Refuses or remarks a bill whose vendor and number another entry already has.
    pub(super) fn check_duplicate(
        &self,
        key: &InvoiceKey,
        payable: Amount,
    ) -> Result<Option<String>, Refusal> {
        let (view, own) = (self.view, &self.item.entry_id);
        // The credit note for an invoice often carries the invoice's number and is no duplicate of it.
        let is_same_kind = |other: Amount| other.is_negative() == payable.is_negative();
        let booked = view
            .resolution
            .invoices
            .get(key)
            .into_iter()
            .flatten()
            .find(|other| {
                other.side == InvoiceSide::Bill
                    && other.entry_id != *own
                    && is_same_kind(other.payable.amount)
            });
        let earlier = view.in_job(key, own).find(|(other, is_earlier)| {
            *is_earlier && other.side == InvoiceSide::Bill && is_same_kind(other.payable.amount)
        });
        let other = match (booked, earlier) {
            (Some(booked), _) => format!("as {} for another expense", booked.external_id),
            (None, Some((earlier, _))) => format!("in this export as item {}", earlier.entry_id),
            (None, None) => return Ok(None),
        };
        match self.settings.duplicate_invoices {
            DuplicateInvoices::Fail => {
                let vendor = vendor_name(self.item).unwrap_or("this vendor");
                Err(Refusal::duplicate_invoice(&key.number, vendor, &other))
            }
            DuplicateInvoices::Warn => Ok(Some(format!(
                "invoice {} of this vendor is already there {other}",
                key.number
            ))),
        }
    }

    /// Settles an invoice or its payment against the other side.
    pub(super) fn settle(
        &self,
        key: &InvoiceKey,
        side: InvoiceSide,
        payable: Amount,
    ) -> Result<Settlement, Refusal> {
        let others = self.others(key, side);
        if others.iter().all(|other| other.side == side) {
            return Ok(Settlement::default());
        }
        let currency = self.item.amount.currency;
        let own = Other {
            side,
            payable: Money {
                amount: payable,
                currency,
            },
            supplier_amount: self.item.supplier_amount,
        };
        let all = || others.iter().chain([&own]);
        let supplier = sum(all().map(Other::in_supplier_currency))?;
        let wallet = sum(all().map(|other| Some(other.payable)))?;
        Ok(match (supplier, wallet) {
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
                    "invoice {} is settled from wallets of two currencies: the difference is to be settled by hand",
                    key.number
                )),
            },
            (supplier, wallet) => Settlement {
                rate_difference: Amount::ZERO,
                remark: Some(remainder(
                    &key.number,
                    supplier.filter(|open| !open.amount.is_zero()).or(wallet),
                )),
            },
        })
    }

    /// The other entries that count. A payment counts the job's bills and the payments before it; a bill
    /// counts only what is booked, for a payment in the same job settles with it.
    fn others(&self, key: &InvoiceKey, side: InvoiceSide) -> Vec<Other> {
        let own = &self.item.entry_id;
        let booked = self
            .view
            .resolution
            .invoices
            .get(key)
            .map_or(&[][..], Vec::as_slice);
        let mut others: Vec<Other> = booked
            .iter()
            .filter(|other| other.entry_id != *own)
            .map(|other| Other {
                side: other.side,
                payable: other.payable,
                supplier_amount: other.supplier_amount,
            })
            .collect();
        for (other, is_earlier) in self.view.in_job(key, own) {
            let is_booked = booked
                .iter()
                .any(|booked| booked.entry_id == other.entry_id && booked.side == other.side);
            // Of two bills in one job the second is refused, where duplicates are.
            let is_refused = other.side == InvoiceSide::Bill
                && self.settings.duplicate_invoices == DuplicateInvoices::Fail
                && others.iter().any(|known| {
                    known.side == InvoiceSide::Bill
                        && known.payable.amount.is_negative() == other.payable.amount.is_negative()
                });
            let counts = side == InvoiceSide::Payment && (other.side == InvoiceSide::Bill || is_earlier);
            if counts && !is_booked && !is_refused {
                others.push(Other {
                    side: other.side,
                    payable: other.payable,
                    supplier_amount: other.supplier_amount,
                });
            }
        }
        others
    }
}

impl Other {
    /// The amount in the supplier's currency, with the sign that it has on the payable account.
    fn in_supplier_currency(&self) -> Option<Money> {
        self.supplier_amount.map(|money| Money {
            amount: if self.payable.amount.is_negative() {
                money.amount.abs().negated()
            } else {
                money.amount.abs()
            },
            currency: money.currency,
        })
    }
}

/// The sum; `None` where an amount is unknown or of another currency.
fn sum(all: impl Iterator<Item = Option<Money>>) -> Result<Option<Money>, Refusal> {
    let mut total: Option<Money> = None;
    for money in all {
        let Some(money) = money else { return Ok(None) };
        total = Some(match total {
            None => money,
            Some(total) if total.currency != money.currency => return Ok(None),
            Some(total) => Money {
                amount: total.amount.plus(money.amount).ok_or_else(Refusal::too_large)?,
                currency: total.currency,
            },
        });
    }
    Ok(total)
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
