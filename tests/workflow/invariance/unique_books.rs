//! An accounting system in memory that has each key once: whole documents with all that was planned, vendors and
//! invoices as anybody would know them, and moods by which it is out of reach or loses its answer.

use std::collections::BTreeMap;

use fastrand::Rng;
use pleo_export::model::document::{Creditor, Document, DocumentKind, Part, PlannedItem, Purpose};
use pleo_export::model::ids::AccountingEntryId;
use pleo_export::model::money::{Amount, Money};
use pleo_export::model::permit::Permit;
use pleo_export::model::references::{
    Account, Candidates, InvoiceInBooks, InvoiceKey, InvoiceSide, References, Resolution, Vendor,
};
use pleo_export::model::verdict::ItemFailureType;
use pleo_export::receipts;
use pleo_export::systems::{
    AccountingSystem, Attachment, AttachmentLimits, BookedEntry, Create, Description, Found, JobNeeds,
    SystemError, TakingBack, Wanted,
};

use super::mix::CLOSED_ACCOUNT;

/// The books and their mood.
#[derive(Clone, Debug)]
pub struct UniqueBooks {
    /// By entry, in the order of booking.
    entries: Vec<(AccountingEntryId, PlannedItem)>,
    random: Rng,
    /// One call in so many goes wrong; none does where it is 0.
    moody: u8,
}

impl UniqueBooks {
    pub fn new(seed: u64, moody: u8) -> Self {
        Self {
            entries: Vec::new(),
            random: Rng::with_seed(seed),
            moody,
        }
    }

    /// From now on nothing goes wrong.
    pub fn calm_down(&mut self) {
        self.moody = 0;
    }

    /// The documents of each entry as text, with its remarks.
    pub fn entries(&self) -> BTreeMap<String, Vec<String>> {
        let text = |item: &PlannedItem| {
            let documents = item.documents.iter().map(document);
            documents.chain([item.remarks.join("; ")]).collect()
        };
        let entries = self.entries.iter();
        entries
            .map(|(entry, item)| (entry.to_string(), text(item)))
            .collect()
    }

    fn is_in_a_mood(&mut self) -> bool {
        self.moody > 0 && self.random.u8(0..self.moody) == 0
    }

    fn booked(&self, entry: &AccountingEntryId) -> Option<BookedEntry> {
        let (_, item) = self.entries.iter().find(|(other, _)| other == entry)?;
        Some(BookedEntry {
            // A number of its own would depend on what else was booked.
            external_id: format!("U-{entry}"),
            external_url: None,
            posting_date: item.documents[0].posting_date,
            revision: 1,
            parts: item.parts(),
            content_hash: Some(item.content_hash.clone()),
            amount: Some(item.item.amount),
            remark: None,
            wallet_account: None,
        })
    }

    fn invoice(&self, key: &InvoiceKey) -> Vec<InvoiceInBooks> {
        let documents = self.entries.iter().flat_map(|(entry, item)| {
            let of_item = item.documents.iter();
            of_item.map(move |document| (entry, item, document))
        });
        documents
            .filter(|(.., document)| {
                let own = document.matching.as_ref();
                own.is_some_and(|own| own.number == key.number && own.vendor.is_same_vendor(&key.vendor))
            })
            .map(|(entry, item, document)| InvoiceInBooks {
                entry_id: entry.clone(),
                external_id: format!("U-{entry}"),
                side: match document.kind {
                    DocumentKind::VendorBill | DocumentKind::CreditNote => InvoiceSide::Bill,
                    _ => InvoiceSide::Payment,
                },
                payable: Money {
                    amount: payable(document),
                    currency: item.item.amount.currency,
                },
                supplier_amount: item.item.supplier_amount,
                invoice_date: item
                    .item
                    .invoice
                    .as_ref()
                    .and_then(|invoice| invoice.invoice_date),
                link: None,
            })
            .collect()
    }

    fn book_one(&mut self, item: &PlannedItem) -> Result<BookedEntry, SystemError> {
        if let Some(booked) = self.booked(item.entry_id()) {
            return Ok(booked);
        }
        let mut postings = item.documents.iter().flat_map(|document| &document.postings);
        if postings.any(|posting| posting.account.reference == CLOSED_ACCOUNT.into()) {
            return Err(SystemError::Rejected {
                failure_type: ItemFailureType::AccountUnknown,
                reason: "The account is closed.".to_owned(),
            });
        }
        let reason = "It is not its day.".to_owned();
        if self.is_in_a_mood() {
            return Err(SystemError::Unavailable { reason });
        }
        let is_lost = self.is_in_a_mood();
        if !(is_lost && self.random.bool()) {
            self.entries.push((item.entry_id().clone(), item.clone()));
        }
        if is_lost {
            return Err(SystemError::Unknown { reason });
        }
        Ok(self.booked(item.entry_id()).expect("just booked"))
    }
}

fn payable(document: &Document) -> Amount {
    let mut postings = document.postings.iter();
    let payable = postings.find(|posting| posting.purpose == Purpose::Payable);
    payable.map_or(Amount::ZERO, |posting| posting.amount)
}

fn document(document: &Document) -> String {
    let creditor = match &document.creditor {
        Some(Creditor::Vendor(vendor)) => vendor.reference.to_string(),
        other => format!("{other:?}"),
    };
    let postings: Vec<String> = document
        .postings
        .iter()
        .map(|posting| format!("{} {}", posting.account.reference, posting.amount))
        .collect();
    format!(
        "{:?} {:?} {} {:?} of {creditor}: {}",
        document.kind,
        document.part,
        document.posting_date,
        document.invoice_date,
        postings.join(", ")
    )
}

impl AccountingSystem for UniqueBooks {
    fn describe(&self) -> Description {
        Description {
            name: "Unique".to_owned(),
            target: "unique:test".to_owned(),
            former_target: None,
            create: Create::Unique,
            payables: true,
            keeps_vendors: false,
            attachments: Some(AttachmentLimits {
                largest: receipts::LARGEST_ON_PLEO,
            }),
            computes_tax: false,
            taking_back: TakingBack::ByHand,
        }
    }

    fn check(&mut self, _: &JobNeeds) -> Result<(), SystemError> {
        Ok(())
    }

    fn resolve(&mut self, references: &References) -> Result<Resolution, SystemError> {
        let accounts = references.accounts.keys().map(|key| {
            let account = Account::open(key.text(), key.text());
            (key.clone(), Candidates::one(account))
        });
        let vendors = references.vendors.iter().filter_map(|(key, name)| {
            let vendor = Vendor {
                reference: key.reference()?.into(),
                name: name.clone(),
            };
            Some((key.clone(), vendor))
        });
        let tags = references
            .tags
            .iter()
            .map(|tag| (tag.clone(), tag.code.as_str().into()));
        let invoices = references.invoices.iter();
        Ok(Resolution {
            accounts: accounts.collect(),
            vendors: vendors.collect(),
            tags: tags.collect(),
            invoices: invoices.map(|key| (key.clone(), self.invoice(key))).collect(),
            ..Resolution::default()
        })
    }

    fn find(&mut self, entries: &[Wanted]) -> Result<Vec<Found>, SystemError> {
        let found = entries.iter().map(|wanted| match self.booked(&wanted.entry_id) {
            None => Found::Absent { next_revision: 1 },
            Some(booked) => Found::Complete(booked),
        });
        Ok(found.collect())
    }

    fn book(
        &mut self,
        _: &Permit,
        items: &[PlannedItem],
    ) -> Result<Vec<Result<BookedEntry, SystemError>>, SystemError> {
        assert!(
            items.iter().all(|item| item.parts().contains(&Part::Main)),
            "an item has its main document"
        );
        Ok(items.iter().map(|item| self.book_one(item)).collect())
    }

    fn attach(
        &mut self,
        _: &Permit,
        entries: &[Attachment],
    ) -> Result<Vec<Result<(), SystemError>>, SystemError> {
        let mut attach = || {
            if self.is_in_a_mood() {
                let reason = "It is not its day.".to_owned();
                return Err(SystemError::Unavailable { reason });
            }
            Ok(())
        };
        Ok(entries.iter().map(|_| attach()).collect())
    }
}
