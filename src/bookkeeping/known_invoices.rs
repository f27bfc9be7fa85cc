//! What is known of the invoices that an item may belong to: what the books answered, and what items planned before
//! it will add.

use std::collections::{HashMap, HashSet};

use crate::model::document::{Creditor, Document, Purpose};
use crate::model::export_item::ExportItem;
use crate::model::money::{Amount, Money};
use crate::model::references::{InvoiceInBooks, InvoiceKey, InvoiceNumber, Reference};

/// Invoices of the books, and of plans that are taken as booked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownInvoices {
    /// What the books have, by the key with which they were asked.
    in_books: HashMap<InvoiceKey, Vec<InvoiceInBooks>>,
    /// What plans add, by number.
    planned: HashMap<InvoiceNumber, Vec<Planned>>,
}

/// A document that is planned and taken as booked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Planned {
    key: InvoiceKey,
    /// How the accounting system refers to its vendor.
    vendor: Option<Reference>,
    document: InvoiceInBooks,
}

impl KnownInvoices {
    /// What the books answered.
    pub fn in_books(in_books: HashMap<InvoiceKey, Vec<InvoiceInBooks>>) -> Self {
        Self {
            in_books,
            planned: HashMap::new(),
        }
    }

    /// Takes an item as booked as these documents, so that what is planned after it sees them.
    pub fn add(&mut self, item: &ExportItem, documents: &[Document]) {
        for document in documents {
            let (Some(key), Some(side)) = (&document.matching, document.kind.side()) else {
                continue;
            };
            let vendor = match &document.creditor {
                Some(Creditor::Vendor(vendor)) => Some(vendor.reference.clone()),
                _ => None,
            };
            let planned = Planned {
                key: key.clone(),
                vendor,
                document: InvoiceInBooks {
                    entry_id: item.entry_id.clone(),
                    external_id: format!("item {}", item.entry_id),
                    side,
                    payable: Money {
                        amount: payable(document),
                        currency: item.amount.currency,
                    },
                    supplier_amount: item.supplier_amount,
                    invoice_date: item.invoice.as_ref().and_then(|invoice| invoice.invoice_date),
                    link: document.link.clone(),
                },
            };
            self.planned.entry(key.number.clone()).or_default().push(planned);
        }
    }

    /// Everything known of an invoice, what the books have and what is planned.
    /// `vendor` is how an accounting system with a register of vendors refers to this one.
    pub fn of(&self, key: &InvoiceKey, vendor: Option<&Reference>) -> Vec<InvoiceInBooks> {
        let in_books = self.in_books.get(key).map_or(&[][..], Vec::as_slice);
        // What is planned again may have been booked since.
        let booked: HashSet<_> = in_books
            .iter()
            .map(|there| (&there.entry_id, there.side))
            .collect();
        let is_same = |planned: &&Planned| {
            planned.key.is_same_invoice(key) || (vendor.is_some() && planned.vendor.as_ref() == vendor)
        };
        let planned = self.planned.get(&key.number).into_iter().flatten();
        let planned = planned.filter(is_same).map(|planned| &planned.document);
        let planned = planned.filter(|document| !booked.contains(&(&document.entry_id, document.side)));
        in_books.iter().chain(planned).cloned().collect()
    }
}

/// What a document moves on the vendor's account.
pub(super) fn payable(document: &Document) -> Amount {
    let mut postings = document.postings.iter();
    let of_vendor = postings.find(|posting| posting.purpose == Purpose::Payable);
    of_vendor.map_or(Amount::ZERO, |posting| posting.amount)
}
