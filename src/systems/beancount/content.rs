//! What a transaction of ours says of the expense that it was booked from, read again from its place in the books.
//!
//! Entries of version 0.1 state everything; leaner ones show less, and what is not there is not known.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;

use chrono::{DateTime, NaiveDate, Utc};

use crate::host::files::{Action, FileError};
use crate::model::booked_content::{BookedContent, BookedLine, Stated};
use crate::model::document::Purpose;
use crate::model::money::{Amount, Money};
use crate::model::references::VendorKey;
use crate::systems::SystemError;

use super::errors::unreadable;
use super::index::Place;
use super::lexer::Manner;
use super::reader::{self, Directive, Kind, Metadata, Posting};
use super::vocabulary::{key, purpose};

/// Reads the transaction at a place.
pub(super) fn read(place: &Place) -> Result<BookedContent, SystemError> {
    let text = fs::read_to_string(&place.file)
        .map_err(|error| unreadable(&FileError::at(Action::Read, &place.file)(error)))?;
    let mut content = BookedContent::default();
    // A fault behind it does not matter here; the look-up read the whole file and told of it.
    let _ = reader::read(&text, Manner::Tolerant, |directive| {
        if directive.line == place.line {
            content = of_transaction(&directive);
        }
        Ok(())
    });
    Ok(content)
}

fn of_transaction(directive: &Directive<'_>) -> BookedContent {
    let Kind::Transaction { date, postings } = &directive.kind else {
        return BookedContent::default();
    };
    let metadata = &directive.metadata;
    let text = |name| metadata.get(name).map(Cow::into_owned);
    let day = |name| text(name).and_then(|text| text.parse::<NaiveDate>().ok());
    // Only what states everything names the type.
    let states_everything = text(key::TYPE).is_some();
    let stated = |name| Stated::of(text(name), states_everything);
    let money = |name| metadata.get(name).and_then(|text| reader::money(&text));
    let amount = money(key::FIRST_AMOUNT);
    let lines = lines(postings);
    BookedContent {
        item_type: stated(key::TYPE),
        sub_type: stated(key::SUB_TYPE),
        method: stated(key::METHOD),
        moment: text(key::DATE)
            .and_then(|text| DateTime::parse_from_rfc3339(&text).ok())
            .map(|moment| moment.with_timezone(&Utc)),
        day: Some(day(key::ORIGINAL_DATE).unwrap_or(*date)),
        amount: amount.or_else(|| moved(postings, lines.as_deref())),
        is_amount_unsigned: amount.is_none(),
        supplier_amount: Stated::of(
            money(key::FIRST_SUPPLIER_AMOUNT).or_else(|| money(key::SUPPLIER_AMOUNT)),
            states_everything,
        ),
        contra_account: stated(key::CONTRA_ACCOUNT),
        vendor: vendor(metadata, states_everything),
        employee_code: Stated::of(employee_code(postings), false),
        invoice_number: stated(key::INVOICE_NUMBER),
        invoice_date: Stated::of(day(key::INVOICE_DATE), states_everything),
        due_date: Stated::of(day(key::DUE_DATE), states_everything),
        lines,
    }
}

/// The vendor beats the supplier.
fn vendor(metadata: &Metadata<'_>, states_everything: bool) -> Stated<VendorKey> {
    let nobody = VendorKey::default();
    let references = |names: [&str; 3]| {
        let [code, external_id, tax_number] = names.map(|name| metadata.get(name).map(Cow::into_owned));
        VendorKey {
            code,
            external_id,
            tax_number,
        }
    };
    let vendor = references(key::VENDOR);
    let known = if vendor == nobody && metadata.get(key::VENDOR_NAME).is_none() {
        references(key::SUPPLIER)
    } else {
        vendor
    };
    Stated::of(Some(known).filter(|known| *known != nobody), states_everything)
}

fn employee_code(postings: &[Posting<'_>]) -> Option<String> {
    let codes = postings
        .iter()
        .map(|posting| posting.metadata.get(key::EMPLOYEE_CODE));
    codes.flatten().map(Cow::into_owned).next()
}

/// The amount of the item that these postings were made of, whichever way it was moved.
pub(super) fn amount(postings: &[Posting<'_>]) -> Option<Money> {
    moved(postings, lines(postings).as_deref())
}

/// How much was moved, whichever way.
fn moved(postings: &[Posting<'_>], lines: Option<&[BookedLine]>) -> Option<Money> {
    let first = postings.iter().find_map(|posting| posting.amount.exact())?;
    let of_lines = lines.map(|lines| lines.iter().map(|line| line.amount).sum::<Amount>());
    Some(Money {
        amount: of_lines.unwrap_or(first.amount).abs(),
        ..first
    })
}

/// The lines of the item, each with its tax; `None` where no posting shows one.
fn lines(postings: &[Posting<'_>]) -> Option<Vec<BookedLine>> {
    let mut lines: BTreeMap<String, BookedLine> = BTreeMap::new();
    // The other side is the last.
    let (_, of_lines) = postings.split_last()?;
    let mut current = None;
    for (position, posting) in of_lines.iter().enumerate() {
        let metadata = &posting.metadata;
        let word = metadata.get(key::PURPOSE);
        let is_cost = word.as_deref().map_or_else(
            || metadata.get(key::ACCOUNT_CODE).is_some(),
            |word| word == purpose::COST,
        );
        let is_tax = word.as_deref().is_some_and(purpose::is_tax);
        let own = metadata.get(key::LINE).map(|number| format!("{number:0>8}"));
        let at = match (own, is_cost) {
            (Some(number), _) => number,
            (None, true) => format!("{position:08}"),
            // A tax belongs to the line before it; anything else to none.
            (None, false) => match current.clone().filter(|_| is_tax) {
                Some(before) => before,
                None => continue,
            },
        };
        current = Some(at.clone());
        let line = lines.entry(at).or_default();
        let amount = posting.amount.exact()?.amount;
        line.amount += amount;
        if is_cost {
            describe(line, metadata);
        } else if metadata.get(key::LINE).is_none() && word.as_deref() != Some(purpose::REVERSE_TAX) {
            line.tax_amount = Some(line.tax_amount.unwrap_or_default() + amount);
        }
        tax_account(line, posting);
    }
    let mut lines: Vec<BookedLine> = lines.into_values().collect();
    let sum: Amount = lines.iter().map(|line| line.amount).sum();
    if sum.is_negative() {
        for line in &mut lines {
            line.amount = line.amount.negated();
        }
    }
    (!lines.is_empty()).then_some(lines)
}

fn tax_account(line: &mut BookedLine, posting: &Posting<'_>) {
    let purpose_word = posting.metadata.get(key::PURPOSE);
    let is_for = |wanted| purpose_word.as_deref() == Some(purpose::word(wanted));
    let account = || Some(posting.account.to_owned());
    if is_for(Purpose::Tax) {
        line.input_tax_account = account();
    } else if is_for(Purpose::ReverseTax) {
        line.output_tax_account = account();
    }
}

fn describe(line: &mut BookedLine, metadata: &Metadata<'_>) {
    let text = |name| metadata.get(name).map(Cow::into_owned);
    line.account = text(key::ACCOUNT_CODE).or_else(|| text(key::ACCOUNT_IDENTIFIER));
    line.tax_code = text(key::TAX_CODE);
    // Version 0.1 stated it; elsewhere it is the sum of the postings that follow.
    let stated = metadata
        .get(key::TAX_AMOUNT)
        .and_then(|text| reader::money(&text));
    let is_summed_up = metadata.get(key::LINE).is_none() && line.tax_code.is_some();
    line.tax_amount = stated
        .map(|tax| tax.amount)
        .or(is_summed_up.then_some(Amount::ZERO));
    line.tax_rate = text(key::TAX_RATE);
    line.tags = text(key::TAGS)
        .map(|tags| tags.split("; ").map(str::to_owned).collect())
        .unwrap_or_default();
    line.tags.sort();
}
