//! Planned items for the tests, as the bookkeeping would hand them over.

use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use pleo_export::model::document::{
    Document, DocumentKind, LineOfItem, Part, PlannedItem, Posting, PostingState, PostingTag, PostingTax,
    Purpose, Receipt,
};
use pleo_export::model::export_item::{
    AccountReference, ExportItem, ItemType, Line, Method, Party, Supplier, Tag, Vendor,
};
use pleo_export::model::ids::{AccountingEntryId, CompanyId, JobId};
use pleo_export::model::money::{Amount, Money};
use pleo_export::model::permit::{Permit, Withheld};
use pleo_export::model::references::{Account, InvoiceKey, InvoiceNumber, VendorKey};
use pleo_export::systems::{Attachment, BookedEntry, JobNeeds, Wanted};
use sha2::{Digest, Sha256};

/// Nobody but this process is at work.
pub(crate) fn permit() -> Permit {
    Permit::given_by(|| Ok(()))
}

/// Somebody else is at work.
pub(crate) fn withheld() -> Permit {
    Permit::given_by(|| Err(Withheld::Changed("it was taken over".to_owned())))
}

pub(crate) const COMPANY: &str = "5a1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11";
pub(crate) const JOB: &str = "0b1f7c1e-6a0d-4c3e-9f57-0c8f0a4f7d11";

pub(crate) fn job() -> JobNeeds {
    JobNeeds {
        job_id: JobId::new(JOB),
        company_id: CompanyId::new(COMPANY),
        payables: true,
        attachments: true,
    }
}

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn money(hundredths: i64, currency: &str) -> Money {
    Money {
        amount: Amount::hundredths(hundredths),
        currency: currency.parse().unwrap(),
    }
}

pub(crate) fn account(name: &str) -> Account {
    Account::open(name, name)
}

/// A card purchase of 125.00 DKK with 25.00 DKK of tax, on 2026-10-09.
pub(crate) fn purchase(entry_id: &str) -> PlannedItem {
    purchase_on(entry_id, day("2026-10-09"))
}

pub(crate) fn purchase_on(entry_id: &str, date: NaiveDate) -> PlannedItem {
    let tax = PostingTax {
        code: Some("S25".to_owned()),
        reference: None,
        rate: "0.25".to_owned(),
        base: Amount::hundredths(10_000),
        amount: Amount::hundredths(2_500),
        reverse_charge: false,
        is_assumed: false,
    };
    let line = LineOfItem {
        number: 1,
        line_id: "line-1".to_owned(),
    };
    let tag = Tag {
        group: "project".to_owned(),
        code: "Launch".to_owned(),
    };
    let cost = Posting {
        line: Some(line.clone()),
        tax: Some(tax.clone()),
        tags: vec![PostingTag {
            tag: tag.clone(),
            reference: "project=Launch".into(),
        }],
        ..posting("Expenses:6800", 10_000, Purpose::Cost)
    };
    let tax_posting = Posting {
        line: Some(line),
        tax: Some(tax),
        ..posting("Assets:VAT:Input", 2_500, Purpose::Tax)
    };
    let postings = vec![
        cost,
        tax_posting,
        posting("Assets:Pleo:Wallet", -12_500, Purpose::Cash),
    ];
    PlannedItem {
        job_id: JobId::new(JOB),
        item: item(entry_id, date, tag).into(),
        revision: 1,
        content_hash: "v1:aa11".to_owned(),
        payee: "Papirhuset".to_owned(),
        description: "Paper and toner".to_owned(),
        posting_state: PostingState::Draft,
        documents: vec![document(DocumentKind::JournalEntry, Part::Main, date, postings)],
        receipts: Vec::new(),
        receipts_missing: 0,
        remarks: Vec::new(),
        seen: None,
    }
}

/// A vendor's bill of 125.00 DKK and its payment, for one item.
pub(crate) fn bill_with_payment(entry_id: &str, invoice: &str) -> PlannedItem {
    let mut planned = purchase(entry_id);
    let date = day("2026-10-09");
    let vendor = VendorKey {
        code: Some("V-42".to_owned()),
        ..VendorKey::default()
    };
    let bill = vec![
        posting("Expenses:6800", 12_500, Purpose::Cost),
        posting("Liabilities:AccountsPayable", -12_500, Purpose::Payable),
    ];
    let payment = vec![
        posting("Liabilities:AccountsPayable", 12_500, Purpose::Payable),
        posting("Assets:Pleo:Wallet", -12_500, Purpose::Cash),
    ];
    planned.documents = vec![
        document(DocumentKind::VendorBill, Part::Main, date, bill),
        document(DocumentKind::BillPayment, Part::Payment, date, payment),
    ];
    for document in &mut planned.documents {
        document.matching = Some(InvoiceKey {
            vendor: vendor.clone(),
            number: InvoiceNumber::new(invoice).unwrap(),
        });
    }
    planned
}

fn item(entry_id: &str, date: NaiveDate, tag: Tag) -> ExportItem {
    ExportItem {
        entry_id: AccountingEntryId::new(entry_id),
        company_id: CompanyId::new(COMPANY),
        item_type: ItemType::CardPurchase,
        sub_type: None,
        date: DateTime::<Utc>::from_naive_utc_and_offset(date.and_time(NaiveTime::MIN), Utc),
        amount: money(12_500, "DKK"),
        supplier_amount: Some(money(1_675, "EUR")),
        lines: vec![Line {
            line_id: "line-1".to_owned(),
            amount: Amount::hundredths(12_500),
            net_amount: Amount::hundredths(10_000),
            supplier_amount: Some(money(1_675, "EUR")),
            account: Some(AccountReference {
                code: Some("6800".to_owned()),
                identifier: None,
                name: "Office".to_owned(),
            }),
            tags: vec![tag],
            tax: None,
        }],
        method: Method::Journal,
        contra_account: None,
        supplier: Some(Supplier {
            name: Some("PAPIRHUSET 12".to_owned()),
            ..Supplier::default()
        }),
        vendor: Some(Vendor {
            name: "Papirhuset A/S".to_owned(),
            code: Some("V-42".to_owned()),
            external_id: None,
            tax_number: Some("DK12345678".to_owned()),
        }),
        user: Some(Party {
            name: "Anna Berg".to_owned(),
            code: Some("E7".to_owned()),
        }),
        team: None,
        note: None,
        files: Vec::new(),
        book_id: "book-1".to_owned(),
        reconciled_entries: Vec::new(),
        attendees: Vec::new(),
        invoice: None,
        service_period: None,
        web_link: None,
        remarks: Vec::new(),
        payload: pleo_export::model::payload::Payload::default(),
    }
}

fn document(kind: DocumentKind, part: Part, date: NaiveDate, postings: Vec<Posting>) -> Document {
    Document {
        kind,
        part,
        item_date: date,
        posting_date: date,
        invoice_date: None,
        due_date: None,
        creditor: None,
        invoice_number: None,
        matching: None,
        link: None,
        postings,
    }
}

pub(crate) fn posting(name: &str, hundredths: i64, purpose: Purpose) -> Posting {
    Posting {
        account: account(name),
        amount: Amount::hundredths(hundredths),
        purpose,
        line: None,
        tax: None,
        tags: Vec::new(),
        employee_code: None,
    }
}

pub(crate) fn wanted(entry_id: &str, parts: &[Part]) -> Wanted {
    Wanted {
        entry_id: AccountingEntryId::new(entry_id),
        parts: parts.to_vec(),
    }
}

/// A receipt with this content, fetched into the folder.
pub(crate) fn receipt(folder: &Path, name: &str, content: &[u8]) -> Receipt {
    let path = folder.join(name);
    std::fs::write(&path, content).unwrap();
    Receipt {
        sha256: Sha256::digest(content)
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
        file_name: name.to_owned(),
        media_type: "application/pdf".to_owned(),
        size: content.len().try_into().unwrap(),
        path,
    }
}

pub(crate) fn attachment(entry_id: &str, booked: BookedEntry, receipts: Vec<Receipt>) -> Attachment {
    Attachment {
        job_id: JobId::new(JOB),
        entry_id: AccountingEntryId::new(entry_id),
        booked,
        payee: Some("Papirhuset".to_owned()),
        receipts,
    }
}
