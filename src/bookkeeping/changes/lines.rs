//! The lines: which of them differ from those in the books, and in what.

use crate::bookkeeping::fingerprint::Field;
use crate::bookkeeping::{Settings, figures, item_types, taxes};
use crate::model::booked_content::{BookedContent, BookedLine};
use crate::model::export_item::{ExportItem, Line};
use crate::model::money::Amount;

use super::{Before, Fact, NOTHING, or_nothing};

/// Amount, account, tax and tags of the lines, and the split as a whole.
pub(super) fn facts(item: &ExportItem, booked: &BookedContent, settings: &Settings) -> Vec<Fact> {
    let now = lines(item);
    let posts_lines = item_types::row(item).is_ok_and(|(row, _)| row.posts_lines());
    let before = booked.lines.as_deref().filter(|_| posts_lines);
    let mut facts = vec![split(&now, before)];
    for aspect in &ASPECTS {
        let differing: Vec<Fact> = match before {
            Some(before) if before.len() == now.len() => pairs(item, &now, before, settings)
                .into_iter()
                .filter_map(|(number, now_line, before)| {
                    aspect.difference(number, now.len(), now_line, before, item, settings)
                })
                .collect(),
            _ => Vec::new(),
        };
        if differing.is_empty() {
            facts.push(aspect.of_all(&now));
        }
        facts.extend(differing);
    }
    facts
}

/// One thing that a line says.
struct Aspect {
    field: Field,
    /// For one line; of many lines.
    names: [&'static str; 2],
    text: fn(&BookedLine) -> String,
}

const ASPECTS: [Aspect; 4] = [
    Aspect {
        field: Field::LineAmounts,
        names: ["amount", "amounts"],
        text: |line| line.amount.to_string(),
    },
    Aspect {
        field: Field::Accounts,
        names: ["account", "accounts"],
        text: |line| or_nothing(line.account.clone()),
    },
    Aspect {
        field: Field::Tax,
        names: ["tax", "taxes"],
        text: tax_text,
    },
    Aspect {
        field: Field::Tags,
        names: ["tags", "tags"],
        text: |line| or_nothing(Some(line.tags.join(", "))),
    },
];

impl Aspect {
    /// What all lines say; what they said is not known.
    fn of_all(&self, lines: &[BookedLine]) -> Fact {
        let [one, many] = self.names;
        let subject = match (lines.len(), self.field) {
            (0 | 1, Field::Tags) => "the tags are".to_owned(),
            (0 | 1, _) => format!("the {one} of the line is"),
            _ => format!("the {many} of the lines are"),
        };
        let texts: Vec<String> = lines.iter().map(self.text).collect();
        Fact {
            field: self.field,
            subject,
            now: or_nothing(Some(texts.join(" / "))),
            before: Before::NotKnown,
        }
    }

    /// What line `number` of `count` says, where the books say something else.
    fn difference(
        &self,
        number: usize,
        count: usize,
        now: &BookedLine,
        before: &BookedLine,
        item: &ExportItem,
        settings: &Settings,
    ) -> Option<Fact> {
        if is_same(self.field, number, now, before, item, settings) {
            return None;
        }
        let verb = if self.field == Field::Tags { "are" } else { "is" };
        let of_line = if count > 1 {
            format!(" of line {number}")
        } else {
            String::new()
        };
        Some(Fact {
            field: self.field,
            subject: format!("the {}{of_line} {verb}", self.names[0]),
            now: (self.text)(now),
            before: Before::Other((self.text)(before)),
        })
    }
}

fn is_same(
    field: Field,
    number: usize,
    now: &BookedLine,
    before: &BookedLine,
    item: &ExportItem,
    settings: &Settings,
) -> bool {
    match field {
        Field::LineAmounts => now.amount == before.amount,
        Field::Accounts => now.account == before.account,
        Field::Tax => {
            // The books may name the tax by the code that the settings give it.
            let line = number.checked_sub(1).and_then(|index| item.lines.get(index));
            let tax = line.and_then(|line| line.tax.as_ref());
            let configured = tax.and_then(|tax| taxes::code_in_books(tax, settings));
            let is_same_code = before.tax_code == now.tax_code || before.tax_code == configured;
            let is_same_amount = before
                .tax_amount
                .is_none_or(|before| Some(before.abs()) == now.tax_amount.map(Amount::abs));
            is_same_code && is_same_amount
        }
        _ => now.tags == before.tags,
    }
}

/// The lines that are not in the books as they are, each with its number and the line there that it may have been.
fn pairs<'a>(
    item: &ExportItem,
    now: &'a [BookedLine],
    before: &'a [BookedLine],
    settings: &Settings,
) -> Vec<(usize, &'a BookedLine, &'a BookedLine)> {
    let mut left: Vec<&BookedLine> = before.iter().collect();
    let mut others = Vec::new();
    for (index, line) in now.iter().enumerate() {
        let number = index + 1;
        let is_it = |known: &&BookedLine| {
            ASPECTS
                .iter()
                .all(|aspect| is_same(aspect.field, number, line, known, item, settings))
        };
        match left.iter().position(is_it) {
            Some(at) => drop(left.remove(at)),
            None => others.push((number, line)),
        }
    }
    others
        .into_iter()
        .zip(left)
        .map(|((number, line), before)| (number, line, before))
        .collect()
}

/// Lines that became more or fewer.
fn split(now: &[BookedLine], before: Option<&[BookedLine]>) -> Fact {
    let before = before.filter(|before| before.len() != now.len());
    Fact {
        field: Field::Split,
        subject: "the split is".to_owned(),
        now: split_text(now),
        before: before.map_or(Before::NotKnown, |before| Before::Other(split_text(before))),
    }
}

fn split_text(lines: &[BookedLine]) -> String {
    let line = |line: &BookedLine| {
        let account = line.account.as_deref().unwrap_or("no account");
        let mut text = format!("{} on {account}", line.amount);
        if line.tax_code.is_some() {
            text = format!("{text} with {}", tax_text(line));
        }
        if !line.tags.is_empty() {
            text = format!("{text} for {}", line.tags.join(", "));
        }
        text
    };
    let lines: Vec<String> = lines.iter().map(line).collect();
    or_nothing(Some(lines.join(" / ")))
}

fn tax_text(line: &BookedLine) -> String {
    let code = line.tax_code.as_deref();
    match (code, line.tax_amount) {
        (Some(code), Some(amount)) => format!("{code} {}", amount.abs()),
        (Some(code), None) => code.to_owned(),
        (None, Some(amount)) => amount.abs().to_string(),
        (None, None) => NOTHING.to_owned(),
    }
}

/// The lines of the item, as the books would show them.
fn lines(item: &ExportItem) -> Vec<BookedLine> {
    let figures = figures::figures(item, &mut Vec::new()).unwrap_or_default();
    let amount = |index: usize, line: &Line| {
        let gross = figures.get(index).map_or(line.amount, |figures| figures.gross);
        if item.amount.amount.is_negative() {
            gross.negated()
        } else {
            gross
        }
    };
    let line = |(index, line): (usize, &Line)| {
        let account = line.account.as_ref();
        let mut tags: Vec<String> = line
            .tags
            .iter()
            .map(|tag| format!("{}={}", tag.group, tag.code))
            .collect();
        tags.sort();
        BookedLine {
            amount: amount(index, line),
            account: account.and_then(|account| account.code.clone().or_else(|| account.identifier.clone())),
            tax_code: line.tax.as_ref().and_then(|tax| tax.code.clone()),
            tax_amount: line.tax.as_ref().map(|tax| tax.amount),
            tags,
        }
    };
    item.lines.iter().enumerate().map(line).collect()
}
