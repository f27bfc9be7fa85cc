//! Version 2: a short digest for each field, so that a later difference says which field changed, also where the
//! books do not show what it was.
//!
//! The digests stand in the order of [`Field::ALL`] with dots between; a field that says nothing has none. Once
//! released it is never changed: whoever needs another text makes a version 3.

use super::field::{Field, employee_code};
use super::text::{SHORT, Text, method, short_digest};
use super::vendors::is_other_vendor;
use crate::bookkeeping::accounts::given;
use crate::bookkeeping::method::vendor_key;
use crate::model::export_item::{AccountReference, ExportItem, Line, SubType, Tag, Tax};
use crate::model::references::likeness;

/// Between the digests of a vendor's references.
const REFERENCES: char = '/';

/// The digests of all fields.
pub(super) fn digests(item: &ExportItem) -> String {
    let digests: Vec<String> = Field::ALL.iter().map(|field| digest(*field, item)).collect();
    digests.join(".")
}

/// Whether these can be digests of this version.
pub(super) fn are_digests(digests: &str) -> bool {
    let is_of_one = |character: char| character.is_ascii_alphanumeric() || "-_/".contains(character);
    digests.split('.').count() == Field::ALL.len()
        && digests.split('.').all(|digest| digest.chars().all(is_of_one))
}

/// The fields whose digests are others now, each with whether it said anything before; `None` when these are no
/// digests of this version.
pub(super) fn changes(item: &ExportItem, digests: &str) -> Option<Vec<(Field, bool)>> {
    let before: Vec<&str> = digests.split('.').collect();
    if before.len() != Field::ALL.len() {
        return None;
    }
    let fields = Field::ALL.iter().zip(before);
    let changed = fields.filter(|(field, before)| is_other(**field, item, before));
    let mut changed: Vec<_> = changed.map(|(field, before)| (*field, before)).collect();
    let split = changed.iter().find(|(field, _)| *field == Field::Split);
    if split.is_some_and(|(_, before)| lines_of(before) != item.lines.len().max(1)) {
        // Where lines became more or fewer, everything about them is another.
        changed.retain(|(field, _)| *field == Field::Split || !field.is_of_lines());
    } else if changed
        .iter()
        .any(|(field, _)| field.is_of_lines() && *field != Field::Split)
    {
        // Whatever changes on a line changes the split too; it is news only where the rest goes together differently.
        changed.retain(|(field, _)| *field != Field::Split);
    }
    let was_there = |(field, before): (Field, &str)| (field, field == Field::Split || !before.is_empty());
    Some(changed.into_iter().map(was_there).collect())
}

fn is_other(field: Field, item: &ExportItem, before: &str) -> bool {
    let now = digest(field, item);
    match field {
        _ if now == before => false,
        Field::Vendor => {
            let references = |digest: &str| -> [Option<String>; 3] {
                let mut references = digest.split(REFERENCES);
                [(); 3].map(|()| references.next().filter(|one| !one.is_empty()).map(str::to_owned))
            };
            let is_named = [before, &now].map(|digest| !digest.is_empty());
            is_other_vendor(item, likeness(&references(before), &references(&now)), is_named)
        }
        // A code that an employee got is no other employee.
        Field::Employee => !before.is_empty(),
        _ => true,
    }
}

/// How many lines an item had, by the digest of its split.
fn lines_of(split: &str) -> usize {
    let count = split.len().checked_sub(SHORT).and_then(|end| split.get(..end));
    count.and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// All that the digests are made of, each field under its name; what says nothing is left out.
pub(super) fn canonical_text(item: &ExportItem) -> String {
    let mut whole = Text::default();
    for field in Field::ALL {
        let text = text(field, item);
        if !text.is_empty() {
            whole.field(field.name(), &text);
        }
    }
    whole.into_string()
}

fn digest(field: Field, item: &ExportItem) -> String {
    let text = match field {
        Field::Vendor => return vendor(item),
        _ => text(field, item),
    };
    match field {
        _ if text.is_empty() => String::new(),
        Field::Split => format!("{}{}", item.lines.len(), short_digest(&text)),
        _ => short_digest(&text),
    }
}

/// What an item says of a field.
fn text(field: Field, item: &ExportItem) -> String {
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
        }
        Field::ContraAccount => text.optional("account", name(item.contra_account.as_ref())),
        Field::Vendor => {
            let names = ["code", "external_id", "tax_number"];
            for (name, reference) in names.into_iter().zip(references(item)) {
                text.optional(name, reference.as_deref());
            }
        }
        Field::Employee => text.optional("code", employee_code(item)),
        Field::InvoiceNumber => text.optional(
            "number",
            item.invoice.as_ref().map(|invoice| invoice.number.as_str()),
        ),
        Field::InvoiceDate => text.date(
            "date",
            item.invoice.as_ref().and_then(|invoice| invoice.invoice_date),
        ),
        Field::DueDate => text.date("date", item.invoice.as_ref().and_then(|invoice| invoice.due_date)),
        Field::Split if item.lines.len() < 2 => {}
        Field::Split => {
            of_lines(&mut text, item, |line| {
                let aspects = [
                    Field::LineAmounts,
                    Field::NetAmounts,
                    Field::Accounts,
                    Field::Tax,
                    Field::TaxRates,
                    Field::TaxTypes,
                    Field::TaxAccounts,
                    Field::Tags,
                ];
                aspects.map(|field| of_line(field, line)).concat()
            });
        }
        _ => of_lines(&mut text, item, |line| of_line(field, line)),
    }
    text.into_string()
}

/// A digest for each reference of vendor or supplier, as it is compared. A code may once have been the external id, so
/// both are written alike.
fn vendor(item: &ExportItem) -> String {
    let references = references(item).map(|reference| {
        let mut text = Text::default();
        text.field("reference", &reference?);
        Some(short_digest(&text.into_string()))
    });
    let digests = references.map(Option::unwrap_or_default);
    let digests = digests.join(&REFERENCES.to_string());
    digests.trim_end_matches(REFERENCES).to_owned()
}

/// Code, external id and tax number of vendor or supplier, as they are compared.
fn references(item: &ExportItem) -> [Option<String>; 3] {
    let key = vendor_key(item).unwrap_or_default();
    let tax_number = key.compared_tax_number();
    [key.code, key.external_id, tax_number]
}

/// The code of an account, else its identifier.
fn name(account: Option<&AccountReference>) -> Option<&str> {
    let account = account?;
    given(account.code.as_deref()).or(given(account.identifier.as_deref()))
}

/// One aspect of the lines, in whatever order they come; nothing where none of them has it.
fn of_lines(text: &mut Text, item: &ExportItem, aspect: impl Fn(&Line) -> String) {
    let aspects: Vec<String> = item.lines.iter().map(aspect).collect();
    if aspects.iter().any(|aspect| !aspect.is_empty()) {
        text.unordered("line", aspects);
    }
}

/// What a line says of a field that is a matter of lines.
fn of_line(field: Field, line: &Line) -> String {
    let mut text = Text::default();
    let tax = line.tax.as_ref();
    match field {
        Field::LineAmounts => text.field("amount", &line.amount.to_string()),
        Field::NetAmounts => text.field("net", &line.net_amount.to_string()),
        Field::Accounts => text.optional("account", name(line.account.as_ref())),
        Field::Tax => {
            text.optional("code", tax.and_then(|tax| tax.code.as_deref()));
            text.optional("amount", tax.map(|tax| tax.amount.to_string()).as_deref());
        }
        Field::TaxRates => text.optional("rate", tax.map(rate).as_deref()),
        Field::TaxTypes => text.optional("type", tax.map(|tax| tax.tax_type.as_str())),
        Field::TaxAccounts => {
            text.optional("ingoing", tax.and_then(|tax| tax.ingoing_account.as_deref()));
            text.optional("outgoing", tax.and_then(|tax| tax.outgoing_account.as_deref()));
        }
        Field::Tags => text.unordered("tag", line.tags.iter().map(tag).collect()),
        _ => {}
    }
    text.into_string()
}

/// `0.25` and `0.250` are one rate.
fn rate(tax: &Tax) -> String {
    tax.rate_millionths
        .map_or_else(|| tax.rate.clone(), |rate| rate.to_string())
}

fn tag(tag: &Tag) -> String {
    let mut text = Text::default();
    text.field("group", &tag.group);
    text.field("code", &tag.code);
    text.into_string()
}
