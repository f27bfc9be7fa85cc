//! What the items of a job are planned against: the books' answers, the day, and what is known of invoices.

use chrono::NaiveDate;

use super::known_invoices::KnownInvoices;
use super::settings::SystemTraits;
use crate::model::references::{InvoiceKey, Reference, Resolution};

/// What an item is planned against.
#[derive(Clone, Debug)]
pub struct JobView {
    /// What the books have of the job's references.
    pub resolution: Resolution,
    /// The day in the books' time zone, taken once for all of its items.
    pub today: NaiveDate,
    /// What the accounting system can do.
    pub system: SystemTraits,
    /// What is known of invoices: the books, and what items planned before will add.
    pub invoices: KnownInvoices,
}

impl JobView {
    /// The view that the books' answer gives.
    pub fn new(mut resolution: Resolution, today: NaiveDate, system: SystemTraits) -> Self {
        let invoices = KnownInvoices::in_books(std::mem::take(&mut resolution.invoices));
        Self {
            resolution,
            today,
            system,
            invoices,
        }
    }

    /// Whether two keys name one invoice. A register of vendors may know more about them than Pleo says.
    pub fn is_same_invoice(&self, one: &InvoiceKey, other: &InvoiceKey) -> bool {
        one.is_same_invoice(other)
            || (one.number == other.number
                && self
                    .registered(one)
                    .is_some_and(|vendor| Some(vendor) == self.registered(other)))
    }

    /// How a register of vendors refers to the vendor of an invoice.
    pub(super) fn registered(&self, key: &InvoiceKey) -> Option<&Reference> {
        let vendor = self.resolution.vendors.get(&key.vendor)?;
        self.system.keeps_vendors.then_some(&vendor.reference)
    }
}
