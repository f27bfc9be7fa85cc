//! From the model into the lines that a connector reads. Nothing is decided here.

use crate::host::clock;
use crate::model::document::{
    Creditor, Document, DocumentKind, Part, PlannedItem, Posting, PostingState, PostingTax, Purpose, Receipt,
};
use crate::model::export_item::{Party, Tag};
use crate::model::money::{Amount, Currency, Money};
use crate::model::references::{
    Account, AccountKey, AccountPurpose, InvoiceKey, Reference, References, Vendor, VendorKey,
};
use crate::model::verdict::ItemFailureType;
use crate::systems::{Attachment, BookedEntry, JobNeeds, SystemError, Wanted};

use super::wire;

pub(super) fn check(job: &JobNeeds) -> wire::Verb {
    wire::Verb::Check {
        job: wire::JobNeeds {
            job_id: job.job_id.as_str().to_owned(),
            company_id: job.company_id.as_str().to_owned(),
            payables: job.payables,
            attachments: job.attachments,
        },
    }
}

pub(super) fn resolve(references: &References) -> wire::Verb {
    let account = |(key, name): (&AccountKey, &Option<String>)| {
        let (named_by, account_code, identifier, purpose) = match key {
            AccountKey::Configured(_) | AccountKey::Assumed(_) => {
                (wire::NamedBy::Configuration, None, None, None)
            }
            AccountKey::Pleo {
                code,
                identifier,
                purpose,
            } => (
                wire::NamedBy::Pleo,
                code.clone(),
                identifier.clone(),
                Some(account_purpose(*purpose)),
            ),
        };
        wire::AccountWanted {
            named_by,
            code: identifier.clone().unwrap_or_else(|| key.text().to_owned()),
            account_code,
            identifier,
            purpose,
            name: name.clone(),
        }
    };
    let vendor = |(key, name): (&VendorKey, &String)| wire::VendorWanted {
        key: vendor_key(key),
        name: name.clone(),
    };
    wire::Verb::Resolve(wire::References {
        accounts: references.accounts.iter().map(account).collect(),
        tax_codes: references.tax_codes.iter().cloned().collect(),
        vendors: references.vendors.iter().map(vendor).collect(),
        tags: references.tags.iter().map(tag).collect(),
        invoices: references.invoices.iter().map(invoice_key).collect(),
    })
}

fn account_purpose(purpose: AccountPurpose) -> wire::AccountPurpose {
    match purpose {
        AccountPurpose::Cost => wire::AccountPurpose::Cost,
        AccountPurpose::Income => wire::AccountPurpose::Income,
        AccountPurpose::Wallet => wire::AccountPurpose::Wallet,
        AccountPurpose::InputTax => wire::AccountPurpose::InputTax,
        AccountPurpose::OutputTax => wire::AccountPurpose::OutputTax,
    }
}

pub(super) fn find(entries: &[Wanted]) -> wire::Verb {
    let wanted = |wanted: &Wanted| wire::Wanted {
        entry_id: wanted.entry_id.as_str().to_owned(),
        parts: wanted.parts.iter().copied().map(part).collect(),
    };
    wire::Verb::Find {
        entries: entries.iter().map(wanted).collect(),
    }
}

pub(super) fn book(planned: &PlannedItem) -> wire::Verb {
    let item = &planned.item;
    let currency = item.amount.currency;
    let documents = planned.documents.iter();
    wire::Verb::Book {
        item: Box::new(wire::Item {
            entry_id: item.entry_id.as_str().to_owned(),
            revision: planned.revision,
            content_hash: planned.content_hash.clone(),
            job_id: planned.job_id.as_str().to_owned(),
            company_id: item.company_id.to_string(),
            r#type: item.item_type.as_str().to_owned(),
            sub_type: item
                .sub_type
                .as_ref()
                .map(|sub_type| sub_type.as_str().to_owned()),
            book_id: item.book_id.clone(),
            date: clock::exact_text(item.date),
            amount: money(item.amount),
            supplier_amount: item.supplier_amount.map(money),
            payee: Some(planned.payee.clone()),
            description: planned.description.clone(),
            note: item.note.clone(),
            employee: item.user.as_ref().map(person),
            team: item.team.as_ref().map(person),
            attendees: item.attendees.clone(),
            web_link: item.web_link.clone(),
            posting_state: match planned.posting_state {
                PostingState::Draft => wire::PostingState::Draft,
                PostingState::Final => wire::PostingState::Final,
            },
            documents: documents.map(|one| document(one, currency)).collect(),
            receipts_missing: planned.receipts_missing,
            remarks: planned.remarks.clone(),
        }),
    }
}

pub(super) fn attach(entry: &Attachment) -> Result<wire::Verb, SystemError> {
    Ok(wire::Verb::Attach(wire::Attachment {
        job_id: entry.job_id.as_str().to_owned(),
        entry_id: entry.entry_id.as_str().to_owned(),
        booked: booked(&entry.booked),
        receipts: entry.receipts.iter().map(receipt).collect::<Result<_, _>>()?,
    }))
}

fn document(document: &Document, currency: Currency) -> wire::Document {
    let postings = document.postings.iter();
    wire::Document {
        kind: match document.kind {
            DocumentKind::JournalEntry => wire::DocumentKind::JournalEntry,
            DocumentKind::VendorBill => wire::DocumentKind::VendorBill,
            DocumentKind::CreditNote => wire::DocumentKind::CreditNote,
            DocumentKind::BillPayment => wire::DocumentKind::BillPayment,
            DocumentKind::RefundReceipt => wire::DocumentKind::RefundReceipt,
        },
        part: part(document.part),
        item_date: document.item_date,
        posting_date: document.posting_date,
        invoice_date: document.invoice_date,
        due_date: document.due_date,
        creditor: document.creditor.as_ref().map(creditor),
        invoice_number: document.invoice_number.clone(),
        matching: document.matching.as_ref().map(invoice_key),
        link: document.link.clone(),
        postings: postings.map(|one| posting(one, currency)).collect(),
    }
}

fn posting(posting: &Posting, currency: Currency) -> wire::Posting {
    wire::Posting {
        account: account(&posting.account),
        amount: in_currency(posting.amount, currency),
        purpose: match posting.purpose {
            Purpose::Cost => wire::Purpose::Cost,
            Purpose::Tax => wire::Purpose::Tax,
            Purpose::ReverseTax => wire::Purpose::ReverseTax,
            Purpose::Cash => wire::Purpose::Cash,
            Purpose::Payable => wire::Purpose::Payable,
            Purpose::Employee => wire::Purpose::Employee,
            Purpose::Transit => wire::Purpose::Transit,
            Purpose::FxDifference => wire::Purpose::FxDifference,
        },
        line: posting.line.as_ref().map(|line| wire::Line {
            number: line.number,
            id: line.line_id.clone(),
        }),
        tax: posting.tax.as_ref().map(|tax| posting_tax(tax, currency)),
        tags: posting
            .tags
            .iter()
            .map(|tag| wire::PostingTag {
                group: tag.tag.group.clone(),
                code: tag.tag.code.clone(),
                reference: tag.reference.to_string(),
            })
            .collect(),
        employee_code: posting.employee_code.clone(),
    }
}

fn posting_tax(tax: &PostingTax, currency: Currency) -> wire::PostingTax {
    wire::PostingTax {
        code: tax.code.clone(),
        reference: tax.reference.as_ref().map(Reference::to_string),
        rate: tax.rate.clone(),
        base: in_currency(tax.base, currency),
        amount: in_currency(tax.amount, currency),
        reverse_charge: tax.reverse_charge,
    }
}

fn receipt(receipt: &Receipt) -> Result<wire::Receipt, SystemError> {
    // The connector has a working folder of its own.
    let path = std::path::absolute(&receipt.path).ok();
    let path = path.and_then(|path| path.into_os_string().into_string().ok());
    Ok(wire::Receipt {
        sha256: receipt.sha256.clone(),
        file_name: receipt.file_name.clone(),
        media_type: receipt.media_type.clone(),
        size: receipt.size,
        path: path.ok_or_else(|| SystemError::Rejected {
            failure_type: ItemFailureType::ReceiptUploadFailure,
            reason: format!(
                "The fetched receipt `{}` lies in a folder whose name cannot be told to the connector: choose a \
                 checkpoint folder with a plain name (PLEO_EXPORT_CHECKPOINT), then export again.",
                receipt.path.display()
            ),
        })?,
    })
}

fn booked(entry: &BookedEntry) -> wire::Booked {
    wire::Booked {
        external_id: entry.external_id.clone(),
        external_url: entry.external_url.clone(),
        posting_date: entry.posting_date,
        revision: entry.revision,
        parts: entry.parts.iter().copied().map(part).collect(),
        journal_entry: false,
        content_hash: entry.content_hash.clone(),
        amount: entry.amount.map(money),
    }
}

fn creditor(creditor: &Creditor) -> wire::Creditor {
    match creditor {
        Creditor::Vendor(Vendor { reference, name }) => wire::Creditor::Vendor(wire::Vendor {
            reference: reference.to_string(),
            name: name.clone(),
        }),
        Creditor::Employee { code, name } => wire::Creditor::Employee(wire::Person {
            code: code.clone(),
            name: name.clone(),
        }),
    }
}

fn account(account: &Account) -> wire::Account {
    wire::Account {
        reference: account.reference.to_string(),
        name: account.name.clone(),
    }
}

fn person(party: &Party) -> wire::Person {
    wire::Person {
        code: party.code.clone(),
        name: Some(party.name.clone()),
    }
}

fn tag(tag: &Tag) -> wire::Tag {
    wire::Tag {
        group: tag.group.clone(),
        code: tag.code.clone(),
    }
}

fn vendor_key(key: &VendorKey) -> wire::VendorKey {
    wire::VendorKey {
        code: key.code.clone(),
        external_id: key.external_id.clone(),
        tax_number: key.tax_number.clone(),
    }
}

fn invoice_key(key: &InvoiceKey) -> wire::InvoiceKey {
    wire::InvoiceKey {
        vendor: vendor_key(&key.vendor),
        number: key.number.as_str().to_owned(),
    }
}

fn part(part: Part) -> wire::Part {
    match part {
        Part::Main => wire::Part::Main,
        Part::Payment => wire::Part::Payment,
    }
}

fn money(money: Money) -> wire::Money {
    in_currency(money.amount, money.currency)
}

fn in_currency(amount: Amount, currency: Currency) -> wire::Money {
    wire::Money {
        hundredths: amount.in_hundredths(),
        currency: currency.to_string(),
    }
}
