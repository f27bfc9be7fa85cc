//! Version 1, of pleo-export 0.1.0: one digest over everything. Never changed any more, for books keep it.

use super::text::{Text, account, method};
use super::vendors::{Kind, References};
use crate::host::digest;
use crate::model::export_item::{ExportItem, Line, SubType, Tag};

/// The digest: 64 hexadecimal digits. `vendor` are the vendor's references that it covers.
pub(super) fn digest(item: &ExportItem, vendor: &References<'_>) -> String {
    digest::sha256(canonical(item, vendor))
}

fn canonical(item: &ExportItem, references: &References<'_>) -> String {
    let mut text = Text::default();
    text.field("type", item.item_type.as_str());
    text.optional("sub_type", item.sub_type.as_ref().map(SubType::as_str));
    text.optional("method", method(&item.method));
    text.field("date", &item.date.timestamp().to_string());
    text.money("amount", item.amount);
    if let Some(amount) = item.supplier_amount {
        text.money("supplier_amount", amount);
    }
    account(&mut text, "contra", item.contra_account.as_ref());
    vendor(&mut text, references);
    if let Some(invoice) = &item.invoice {
        text.field("invoice.number", &invoice.number);
        text.date("invoice.date", invoice.invoice_date);
        text.date("invoice.due", invoice.due_date);
    }
    text.unordered("line", item.lines.iter().map(line).collect());
    text.into_string()
}

fn vendor(text: &mut Text, references: &References<'_>) {
    let [code, id, tax_number] = match references.kind {
        Kind::Vendor => ["vendor.code", "vendor.identifier", "vendor.tax_number"],
        Kind::Supplier => ["supplier.code", "supplier.account", "supplier.tax_number"],
    };
    text.optional(code, references.code);
    text.optional(id, references.id);
    text.optional(tax_number, references.tax_number);
}

fn line(line: &Line) -> String {
    let mut text = Text::default();
    text.field("amount", &line.amount.to_string());
    text.field("net", &line.net_amount.to_string());
    if let Some(amount) = line.supplier_amount {
        text.money("supplier_amount", amount);
    }
    account(&mut text, "account", line.account.as_ref());
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
        text.into_string()
    };
    text.unordered("tag", line.tags.iter().map(tag).collect());
    text.into_string()
}
