//! Expenses to book: one with one line to begin with, and what makes others of it.

use std::sync::Mutex;

use pleo_export::model::export_item::{
    AccountReference, ExportItem, InvoiceInformation, ItemType, Line, Method, Party, Tag, Tax, TaxType,
    Vendor,
};
use pleo_export::model::ids::{AccountingEntryId, CompanyId};
use pleo_export::model::money::{Amount, Money};

use crate::support::{MEALS, TAX};

/// An expense with one line, paid with the card: 125.00 DKK of meals unless told otherwise.
pub(crate) fn expense(hundredths: i64) -> ExportItem {
    static COUNT: Mutex<u32> = Mutex::new(0);
    let number = {
        let mut count = COUNT.lock().unwrap();
        *count += 1;
        *count
    };
    let amount = Amount::hundredths(hundredths);
    ExportItem {
        entry_id: AccountingEntryId::new(
            uuid::Uuid::from_u64_pair(fastrand::u64(..), fastrand::u64(..)).to_string(),
        ),
        company_id: CompanyId::new("company"),
        item_type: ItemType::from_wire("card_purchase"),
        sub_type: None,
        date: "2026-10-05T10:00:00Z".parse().unwrap(),
        amount: Money {
            amount,
            currency: "DKK".parse().unwrap(),
        },
        supplier_amount: None,
        lines: vec![line(hundredths, MEALS)],
        method: Method::Journal,
        contra_account: None,
        supplier: None,
        vendor: None,
        user: Some(Party {
            name: "Anna Berg".into(),
            code: Some("E-7".into()),
        }),
        team: None,
        note: Some("Lunch <b>& more</b>".into()),
        files: Vec::new(),
        book_id: format!("77{:05}{number}", fastrand::u32(..100_000)),
        reconciled_entries: Vec::new(),
        attendees: Vec::new(),
        invoice: None,
        service_period: None,
        web_link: None,
        remarks: Vec::new(),
        payload: pleo_export::model::payload::Payload::default(),
    }
}

pub(crate) fn line(hundredths: i64, account: &str) -> Line {
    let amount = Amount::hundredths(hundredths);
    Line {
        line_id: "line".into(),
        amount,
        net_amount: amount,
        supplier_amount: None,
        account: Some(AccountReference {
            code: Some(account.into()),
            identifier: None,
            name: "Category".into(),
        }),
        tags: Vec::new(),
        tax: None,
    }
}

/// A line with tax inside.
pub(crate) fn taxed(gross: i64, tax: i64, account: &str) -> Line {
    Line {
        net_amount: Amount::hundredths(gross - tax),
        tax: Some(Tax {
            code: Some(TAX.into()),
            rate: "0.25".into(),
            rate_millionths: Some(250_000),
            tax_type: TaxType::Inclusive,
            amount: Amount::hundredths(tax),
            ingoing_account: None,
            outgoing_account: None,
        }),
        ..line(gross, account)
    }
}

pub(crate) fn tag() -> Tag {
    Tag {
        group: "Project".into(),
        code: "BER".into(),
    }
}

/// The same expense as a vendor's claim.
pub(crate) fn payable(item: ExportItem, item_type: &str, number: &str) -> ExportItem {
    ExportItem {
        item_type: ItemType::from_wire(item_type),
        method: Method::AccountsPayable,
        vendor: Some(Vendor {
            name: "Konsulent A/S".into(),
            code: Some("V-42".into()),
            external_id: None,
            tax_number: None,
        }),
        invoice: Some(InvoiceInformation {
            number: number.into(),
            invoice_date: Some("2026-10-01".parse().unwrap()),
            due_date: Some("2026-10-31".parse().unwrap()),
        }),
        ..item
    }
}

/// A number that no other run of the tests has used.
pub(crate) fn invoice_number() -> String {
    format!("F_{:08}", fastrand::u32(..100_000_000))
}
