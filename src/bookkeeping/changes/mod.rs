//! What was changed in Pleo since an entry was booked, in a bookkeeper's words.
//!
//! The hash of the entry says whether anything was changed, and from version 2 on which fields; what they were, the
//! books say, as far as they show it. An entry whose hash cannot be read is compared by what the books show alone.

mod fact;
mod lines;
mod parties;

use std::collections::BTreeSet;

use crate::model::booked_content::{BookedContent, Stated};
use crate::model::export_item::{AccountReference, ExportItem, Method, SubType};
use crate::model::money::Money;
use crate::model::references::VendorKey;

use super::accounts::given;
use super::dates;
use super::fingerprint::{Comparison, Field, compare, employee_code, is_malformed};
use super::settings::Settings;

use fact::{Before, Fact, or_nothing};

/// Whether the hash alone proves that the entry was booked from what the item says now.
pub fn is_unchanged(item: &ExportItem, hash: &str) -> bool {
    match compare(item, hash, None) {
        Comparison::Same => true,
        // The books say who it was.
        Comparison::SameButEmployee => employee_code(item).is_none(),
        _ => false,
    }
}

/// Whether the hash of an entry was spoilt: nobody can read it, or it is not of the item that was exported with it.
pub fn is_spoilt(hash: &str, exported: Option<&ExportItem>) -> bool {
    let is_other = |item| matches!(compare(item, hash, None), Comparison::Changed(_));
    is_malformed(hash) || (hash.starts_with("2:") && exported.is_some_and(is_other))
}

/// What was changed since an entry with this hash was booked, of which the books say `booked`; `None` when nothing
/// was. Clauses that go on after "the expense was changed in Pleo after it was booked:".
pub fn change(item: &ExportItem, hash: &str, booked: &BookedContent, settings: &Settings) -> Option<String> {
    let facts = facts(item, booked, settings);
    let vendor = match &booked.vendor {
        Stated::NotHere => None,
        Stated::Nothing => Some(VendorKey::default()),
        Stated::This(vendor) => Some(vendor.clone()),
    };
    let mut fields = match compare(item, hash, vendor.as_ref()) {
        Comparison::Same => return None,
        Comparison::SameButEmployee => {
            let fields = differing(&facts, |field| field == Field::Employee);
            if fields.is_empty() {
                return None;
            }
            fields
        }
        Comparison::Changed(fields) => fields,
        Comparison::ChangedSomewhere => differing(&facts, |_| true),
        Comparison::Unknown => {
            let fields = differing(&facts, |field| {
                matches!(field, Field::Amount | Field::Date | Field::Employee)
                    || (field.is_of_lines() && !is_particular_of_tax(field))
            });
            if fields.is_empty() {
                return None;
            }
            fields
        }
    };
    leave_out_echoes(&mut fields, item);
    let clauses = clauses(&fields, &facts);
    Some(if clauses.is_empty() {
        "what was changed is not known here, so compare the entry with the expense in Pleo".to_owned()
    } else {
        clauses.join("; ")
    })
}

/// The fields of which the books show something else, each with `true`: it was there.
fn differing(facts: &[Fact], wanted: impl Fn(Field) -> bool) -> Vec<(Field, bool)> {
    let other = facts.iter().filter(|fact| fact.is_other() && wanted(fact.field));
    let fields: BTreeSet<Field> = other.map(|fact| fact.field).collect();
    fields.into_iter().map(|field| (field, true)).collect()
}

/// What says more about a tax than its code and amount.
fn is_particular_of_tax(field: Field) -> bool {
    matches!(field, Field::TaxRates | Field::TaxTypes | Field::TaxAccounts)
}

/// What only repeats another change is no news: other amounts where the amount changed, the particulars of a tax where
/// it is another one.
fn leave_out_echoes(fields: &mut Vec<(Field, bool)>, item: &ExportItem) {
    let changed: BTreeSet<Field> = fields.iter().map(|(field, _)| *field).collect();
    let is_any = |of: &[Field]| of.iter().any(|field| changed.contains(field));
    let is_amount = is_any(&[Field::Amount]);
    let is_domestic = item
        .supplier_amount
        .is_none_or(|supplier| supplier.currency == item.amount.currency);
    fields.retain(|(field, _)| match field {
        Field::SupplierAmount => !(is_amount && is_domestic),
        Field::LineAmounts => !(is_amount && item.lines.len() < 2),
        Field::NetAmounts => !is_any(&[Field::Amount, Field::LineAmounts, Field::Tax]),
        Field::Employee => !is_any(&[Field::Type]),
        field if is_particular_of_tax(*field) => !is_any(&[Field::Tax]),
        _ => true,
    });
}

/// A clause for each changed field, or several where it is a matter of lines.
fn clauses(fields: &[(Field, bool)], facts: &[Fact]) -> Vec<String> {
    let mut clauses: Vec<String> = Vec::new();
    for (field, was_there) in fields {
        // Lines that became more or fewer are told as a whole, and a split whose lines differ line by line.
        let tells = |fact: &&Fact| {
            fact.field == *field
                || (field.is_of_lines() && fact.field == Field::Split)
                || (*field == Field::Split && fact.field.is_of_lines())
        };
        let known: Vec<String> = facts.iter().filter(tells).filter_map(Fact::difference).collect();
        let unknown = || facts.iter().find(|fact| fact.field == *field);
        let told = if known.is_empty() {
            unknown()
                .map(|fact| fact.unknown_difference(*was_there))
                .into_iter()
                .collect()
        } else {
            known
        };
        for clause in told {
            if !clauses.contains(&clause) {
                clauses.push(clause);
            }
        }
    }
    clauses
}

/// Everything that a hash covers, in the order in which it is told.
fn facts(item: &ExportItem, booked: &BookedContent, settings: &Settings) -> Vec<Fact> {
    let mut facts = vec![
        amount(item, booked),
        date(item, booked, settings),
        item_type(item, booked),
        Fact::of(
            Field::Method,
            "the bookkeeping method is",
            words(item.method.as_str()),
            &booked.method,
            |before| method_word(before.map_or("", String::as_str)) == method_word(item.method.as_str()),
            |before| words(before),
        ),
        supplier_amount(item, booked),
        contra_account(item.contra_account.as_ref(), booked),
        parties::vendor(item, booked),
        parties::employee(item, booked),
    ];
    facts.extend(invoice(item, booked));
    facts.extend(lines::facts(item, booked, settings));
    facts
}

fn amount(item: &ExportItem, booked: &BookedContent) -> Fact {
    let now = item.amount;
    let is_same = |before: Option<&Money>| {
        before.is_some_and(|before| {
            let is_same_size = before.currency == now.currency && before.amount.abs() == now.amount.abs();
            *before == now || (booked.is_amount_unsigned && is_same_size)
        })
    };
    Fact::of(
        Field::Amount,
        "the amount is",
        now.to_string(),
        &Stated::of(booked.amount, false),
        is_same,
        ToString::to_string,
    )
}

fn date(item: &ExportItem, booked: &BookedContent, settings: &Settings) -> Fact {
    let day = |moment| dates::day_in(moment, settings.time_zone);
    let subject = "the date is";
    match (booked.moment, booked.day, day(item.date)) {
        (Some(moment), _, Some(now)) if day(moment) != Some(now) => Fact {
            field: Field::Date,
            subject: subject.to_owned(),
            now: now.to_string(),
            before: Before::Other(day(moment).map_or_else(|| moment.to_rfc3339(), |day| day.to_string())),
        },
        (Some(moment), ..) => Fact::of(
            Field::Date,
            "the time is",
            item.date.to_rfc3339(),
            &Stated::This(moment),
            |before| before.is_some_and(|before| before.timestamp() == item.date.timestamp()),
            chrono::DateTime::to_rfc3339,
        ),
        (None, before, now) => Fact::of(
            Field::Date,
            subject,
            now.map_or_else(|| item.date.to_rfc3339(), |now| now.to_string()),
            &Stated::of(before, false),
            |before| before.copied() == now,
            ToString::to_string,
        ),
    }
}

fn item_type(item: &ExportItem, booked: &BookedContent) -> Fact {
    let sub_type = item.sub_type.as_ref().map_or("", SubType::as_str);
    let both = |item_type: &str, sub_type: &str| words(&format!("{item_type} {sub_type}"));
    let before = match (&booked.item_type, &booked.sub_type) {
        (Stated::This(item_type), Stated::This(sub_type)) => Stated::This(both(item_type, sub_type)),
        (Stated::This(item_type), Stated::Nothing) => Stated::This(both(item_type, "")),
        _ => Stated::NotHere,
    };
    let now = both(item.item_type.as_str(), sub_type);
    Fact::of(
        Field::Type,
        "the type is",
        now.clone(),
        &before,
        |before| before == Some(&now),
        Clone::clone,
    )
}

fn supplier_amount(item: &ExportItem, booked: &BookedContent) -> Fact {
    Fact::of(
        Field::SupplierAmount,
        "the amount in the supplier's currency is",
        or_nothing(item.supplier_amount.map(|amount| amount.to_string())),
        &booked.supplier_amount,
        |before| before == item.supplier_amount.as_ref(),
        ToString::to_string,
    )
}

fn contra_account(account: Option<&AccountReference>, booked: &BookedContent) -> Fact {
    let now = account.map(account_text);
    let is_same = |before: Option<&String>| match (before, account) {
        (None, None) => true,
        // Its name may have changed, and an identifier may have come to its code.
        (Some(before), Some(account)) => {
            let known = given(account.code.as_deref()).or(given(account.identifier.as_deref()));
            let rest = known.and_then(|known| before.strip_prefix(known));
            Some(before) == now.as_ref() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        }
        _ => false,
    };
    Fact::of(
        Field::ContraAccount,
        "the contra account is",
        or_nothing(now.clone()),
        &booked.contra_account,
        is_same,
        Clone::clone,
    )
}

fn account_text(account: &AccountReference) -> String {
    let known = [account.code.as_deref(), account.identifier.as_deref()];
    let known: Vec<&str> = known
        .into_iter()
        .flatten()
        .chain([account.name.as_str()])
        .collect();
    known.join(" ")
}

fn invoice(item: &ExportItem, booked: &BookedContent) -> [Fact; 3] {
    let invoice = item.invoice.as_ref();
    let number = invoice.map(|invoice| invoice.number.clone());
    let day = |field, subject, now: Option<chrono::NaiveDate>, before| {
        Fact::of(
            field,
            subject,
            or_nothing(now.map(|day| day.to_string())),
            before,
            |before| before.copied() == now,
            ToString::to_string,
        )
    };
    [
        Fact::of(
            Field::InvoiceNumber,
            "the invoice number is",
            or_nothing(number.clone()),
            &booked.invoice_number,
            |before| before == number.as_ref(),
            Clone::clone,
        ),
        day(
            Field::InvoiceDate,
            "the invoice date is",
            invoice.and_then(|invoice| invoice.invoice_date),
            &booked.invoice_date,
        ),
        day(
            Field::DueDate,
            "the due date is",
            invoice.and_then(|invoice| invoice.due_date),
            &booked.due_date,
        ),
    ]
}

/// "journal" and "none" are booked alike.
fn method_word(word: &str) -> &str {
    if word == Method::NotPayable.as_str() {
        Method::Journal.as_str()
    } else {
        word
    }
}

/// Pleo's word as people write it.
fn words(word: &str) -> String {
    or_nothing(Some(word.trim().replace('_', " ")))
}
