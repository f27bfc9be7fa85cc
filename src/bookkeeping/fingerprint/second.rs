//! Version 2: a short digest for each field, so that a later difference says which field changed, also where the
//! books do not show what it was.
//!
//! The digests stand in the order of [`Field::ALL`] with dots between; a field that says nothing has none. Once
//! released it is never changed: whoever needs another text makes a version 3.

use super::Field;
use super::text::{Text, account, method, short_digest};
use super::vendors::References;
use crate::model::export_item::{ExportItem, Line, SubType, Tag, Tax};

/// The digests of all fields.
pub(super) fn digests(item: &ExportItem) -> String {
    let digests: Vec<String> = Field::ALL.iter().map(|field| digest(*field, item)).collect();
    digests.join(".")
}

/// The fields whose digests are others now, each with whether it said anything before; `None` when these are no
/// digests of this version.
pub(super) fn changes(item: &ExportItem, digests: &str) -> Option<Vec<(Field, bool)>> {
    let before: Vec<&str> = digests.split('.').collect();
    if before.len() != Field::ALL.len() {
        return None;
    }
    let fields = Field::ALL.iter().zip(before);
    let changed = fields.filter(|(field, before)| {
        digest(**field, item) != *before && !is_earlier_vendor(**field, item, before)
    });
    let mut changed: Vec<_> = changed
        .map(|(field, before)| (*field, !before.is_empty()))
        .collect();
    let is_on_a_line = |(field, _): &(Field, bool)| field.is_of_lines() && *field != Field::Split;
    if changed.iter().any(is_on_a_line) {
        // Whatever changes on a line changes the split too; it is news only where the rest goes together differently.
        changed.retain(|(field, _)| *field != Field::Split);
    }
    Some(changed)
}

fn is_earlier_vendor(field: Field, item: &ExportItem, before: &str) -> bool {
    field == Field::Vendor
        && References::earlier(item)
            .iter()
            .any(|references| vendor(references) == before)
}

fn digest(field: Field, item: &ExportItem) -> String {
    let mut text = Text::default();
    match field {
        Field::Type => {
            text.field("type", item.item_type.as_str());
            text.optional("sub_type", item.sub_type.as_ref().map(SubType::as_str));
        }
        Field::Method => text.optional("method", method(&item.method)),
        Field::Date => text.field("date", &item.date.timestamp().to_string()),
        Field::Amount => text.money("amount", item.amount),
        Field::SupplierAmount => {
            if let Some(amount) = item.supplier_amount {
                text.money("amount", amount);
            }
            let of_lines = item.lines.iter().filter_map(|line| line.supplier_amount);
            text.unordered("line", of_lines.map(|amount| amount.to_string()).collect());
        }
        Field::ContraAccount => account(&mut text, "account", item.contra_account.as_ref()),
        Field::Vendor => return vendor(&References::of(item)),
        Field::InvoiceNumber => text.optional(
            "number",
            item.invoice.as_ref().map(|invoice| invoice.number.as_str()),
        ),
        Field::InvoiceDate => text.date(
            "date",
            item.invoice.as_ref().and_then(|invoice| invoice.invoice_date),
        ),
        Field::DueDate => text.date("date", item.invoice.as_ref().and_then(|invoice| invoice.due_date)),
        Field::LineAmounts => of_lines(&mut text, item, amounts_of),
        Field::Accounts => of_lines(&mut text, item, account_of),
        Field::Tax => of_lines(&mut text, item, tax_of),
        Field::Tags => of_lines(&mut text, item, tags_of),
        Field::Split => of_lines(&mut text, item, |line| {
            [amounts_of(line), account_of(line), tax_of(line), tags_of(line)].concat()
        }),
    }
    let text = text.into_string();
    if text.is_empty() {
        String::new()
    } else {
        short_digest(&text)
    }
}

/// Vendor and supplier alike: what counts is by which references they are known.
fn vendor(references: &References<'_>) -> String {
    let mut text = Text::default();
    text.optional("code", references.code);
    text.optional("id", references.id);
    text.optional("tax_number", references.tax_number);
    let text = text.into_string();
    if text.is_empty() && references.is_supplier() {
        String::new()
    } else {
        short_digest(&text)
    }
}

/// One aspect of the lines, in whatever order they come; nothing where none of them has it.
fn of_lines(text: &mut Text, item: &ExportItem, aspect: impl Fn(&Line) -> String) {
    let aspects: Vec<String> = item.lines.iter().map(aspect).collect();
    if aspects.iter().any(|aspect| !aspect.is_empty()) {
        text.unordered("line", aspects);
    }
}

fn amounts_of(line: &Line) -> String {
    let mut text = Text::default();
    text.field("amount", &line.amount.to_string());
    text.field("net", &line.net_amount.to_string());
    text.into_string()
}

fn account_of(line: &Line) -> String {
    let mut text = Text::default();
    account(&mut text, "account", line.account.as_ref());
    text.into_string()
}

fn tax_of(line: &Line) -> String {
    let mut text = Text::default();
    let Some(tax) = &line.tax else {
        return String::new();
    };
    text.optional("code", tax.code.as_deref());
    text.field("rate", &rate(tax));
    text.field("type", tax.tax_type.as_str());
    text.field("amount", &tax.amount.to_string());
    text.optional("ingoing", tax.ingoing_account.as_deref());
    text.optional("outgoing", tax.outgoing_account.as_deref());
    text.into_string()
}

/// `0.25` and `0.250` are one rate.
fn rate(tax: &Tax) -> String {
    tax.rate_millionths
        .map_or_else(|| tax.rate.clone(), |rate| rate.to_string())
}

fn tags_of(line: &Line) -> String {
    let mut text = Text::default();
    let tag = |tag: &Tag| {
        let mut text = Text::default();
        text.field("group", &tag.group);
        text.field("code", &tag.code);
        text.into_string()
    };
    text.unordered("tag", line.tags.iter().map(tag).collect());
    text.into_string()
}
