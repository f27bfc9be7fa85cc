//! The content hash: tells an item that is exported again from one that was changed since.
//!
//! It covers what the books depend on: type, method, date, amounts, lines, account, tag and tax codes,
//! vendor, invoice number and dates. Names, notes, addresses of receipts, the employee's code and Pleo's ids
//! are left out, as they may change without any change of the expense; so are the settings. The order of
//! lines and of tags does not matter. Whoever changes the canonical text raises [`VERSION`]: hashes of two
//! versions say nothing about each other.

use std::fmt::Write as _;

use chrono::NaiveDate;
use sha2::{Digest, Sha256};

use crate::model::export_item::{AccountReference, ExportItem, Line, Method, SubType, Tag};
use crate::model::money::Money;

/// The version of the canonical text.
const VERSION: u32 = 1;

/// The content hash of an item: `1:` and 64 hexadecimal digits.
pub fn content_hash(item: &ExportItem) -> String {
    let digest = Sha256::digest(canonical(item).as_bytes());
    let mut hash = format!("{VERSION}:");
    for byte in digest {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}

/// The canonical text: `name=length:value` a line, so that no value can pass for another field.
#[derive(Default)]
struct Text(String);

impl Text {
    fn field(&mut self, name: &str, value: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{name}={}:{value}", value.len());
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.field(name, value);
        }
    }

    fn money(&mut self, name: &str, money: Money) {
        self.field(name, &money.to_string());
    }

    fn date(&mut self, name: &str, date: Option<NaiveDate>) {
        self.optional(name, date.map(|date| date.to_string()).as_deref());
    }

    fn account(&mut self, name: &str, account: Option<&AccountReference>) {
        if let Some(account) = account {
            self.optional(&format!("{name}.code"), account.code.as_deref());
            self.optional(&format!("{name}.identifier"), account.identifier.as_deref());
        }
    }

    /// Parts whose order does not matter.
    fn unordered(&mut self, name: &str, mut parts: Vec<String>) {
        parts.sort_unstable();
        for part in parts {
            self.field(name, &part);
        }
    }
}

fn canonical(item: &ExportItem) -> String {
    let mut text = Text::default();
    text.field("type", item.item_type.as_str());
    text.optional("sub_type", item.sub_type.as_ref().map(SubType::as_str));
    text.optional("method", method(&item.method));
    text.field("date", &item.date.timestamp().to_string());
    text.money("amount", item.amount);
    if let Some(amount) = item.supplier_amount {
        text.money("supplier_amount", amount);
    }
    text.account("contra", item.contra_account.as_ref());
    vendor(&mut text, item);
    if let Some(invoice) = &item.invoice {
        text.field("invoice.number", &invoice.number);
        text.date("invoice.date", invoice.invoice_date);
        text.date("invoice.due", invoice.due_date);
    }
    text.unordered("line", item.lines.iter().map(line).collect());
    text.0
}

/// "journal" and "none" are booked alike.
fn method(method: &Method) -> Option<&str> {
    match method {
        Method::Journal | Method::NotPayable => Some("journal"),
        Method::AccountsPayable => Some("accounts_payable"),
        Method::Absent => None,
        Method::Unknown(word) => Some(word),
    }
}

/// The vendor beats the supplier, here as in the books.
fn vendor(text: &mut Text, item: &ExportItem) {
    if let Some(vendor) = &item.vendor {
        text.optional("vendor.code", vendor.code.as_deref());
        text.optional("vendor.identifier", vendor.external_id.as_deref());
        text.optional("vendor.tax_number", vendor.tax_number.as_deref());
    } else if let Some(supplier) = &item.supplier {
        text.optional("supplier.code", supplier.code.as_deref());
        text.optional("supplier.account", supplier.account.as_deref());
        text.optional("supplier.tax_number", supplier.tax_number.as_deref());
    }
}

fn line(line: &Line) -> String {
    let mut text = Text::default();
    text.field("amount", &line.amount.to_string());
    text.field("net", &line.net_amount.to_string());
    if let Some(amount) = line.supplier_amount {
        text.money("supplier_amount", amount);
    }
    text.account("account", line.account.as_ref());
    if let Some(tax) = &line.tax {
        text.optional("tax.code", tax.code.as_deref());
        let rate = tax
            .rate_millionths
            .map_or_else(|| tax.rate.clone(), |rate| rate.to_string());
        text.field("tax.rate", &rate);
        text.field("tax.type", tax.tax_type.as_str());
        text.field("tax.amount", &tax.amount.to_string());
        text.optional("tax.ingoing", tax.ingoing_account.as_deref());
        text.optional("tax.outgoing", tax.outgoing_account.as_deref());
    }
    let tag = |tag: &Tag| {
        let mut text = Text::default();
        text.field("group", &tag.group);
        text.field("code", &tag.code);
        text.0
    };
    text.unordered("tag", line.tags.iter().map(tag).collect());
    text.0
}
