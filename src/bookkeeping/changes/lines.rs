//! The lines: which of them differ from those in the books, and in what.

use crate::bookkeeping::accounts::given;
use crate::bookkeeping::fingerprint::Field;
use crate::bookkeeping::settings::Settings;
use crate::bookkeeping::taxes::TaxSide;
use crate::bookkeeping::{figures, item_types, taxes};
use crate::model::booked_content::{BookedContent, BookedLine};
use crate::model::export_item::{ExportItem, Line, Tax};
use crate::model::money::Amount;
use crate::model::references::AccountKey;

use super::fact::{Before, Fact, NOTHING, or_nothing};

/// Amount, account, tax and tags of the lines, and the split as a whole.
pub(super) fn facts(item: &ExportItem, booked: &BookedContent, settings: &Settings) -> Vec<Fact> {
    let now = lines(item);
    let posts_lines = item_types::row(item).is_ok_and(|(row, _)| row.posts_lines());
    let before = booked.lines.as_deref().filter(|_| posts_lines);
    let of_item =
        |field, names, text: fn(&Line) -> String| all(field, names, item.lines.iter().map(text).collect());
    let mut facts = vec![
        split(&now, before),
        of_item(Field::NetAmounts, ["net amount", "net amounts"], |line| {
            line.net_amount.to_string()
        }),
        of_item(
            Field::TaxTypes,
            ["type of the tax", "types of the taxes"],
            |line| {
                let tax = line.tax.as_ref();
                or_nothing(tax.map(|tax| tax.tax_type.as_str().to_owned()))
            },
        ),
    ];
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

const ASPECTS: [Aspect; 6] = [
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
        field: Field::TaxRates,
        names: ["rate of the tax", "rates of the taxes"],
        text: |line| or_nothing(line.tax_rate.clone()),
    },
    Aspect {
        field: Field::TaxAccounts,
        names: ["account of the tax", "accounts of the taxes"],
        text: |line| {
            let accounts = [&line.input_tax_account, &line.output_tax_account];
            let accounts: Vec<&str> = accounts.into_iter().flatten().map(String::as_str).collect();
            or_nothing(Some(accounts.join(" and ")))
        },
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
        all(self.field, self.names, lines.iter().map(self.text).collect())
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

/// What all lines say of a field, by its names for one line and for many.
fn all(field: Field, [one, many]: [&str; 2], texts: Vec<String>) -> Fact {
    let subject = match (texts.len(), field) {
        (0 | 1, Field::Tags) => "the tags are".to_owned(),
        (0 | 1, Field::TaxRates | Field::TaxTypes | Field::TaxAccounts) => format!("the {one} is"),
        (0 | 1, _) => format!("the {one} of the line is"),
        _ => format!("the {many} of the lines are"),
    };
    Fact {
        field,
        subject,
        now: or_nothing(Some(texts.join(" / "))),
        before: Before::NotKnown,
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
    let line = number.checked_sub(1).and_then(|index| item.lines.get(index));
    let tax = line.and_then(|line| line.tax.as_ref());
    match field {
        Field::LineAmounts => now.amount == before.amount,
        Field::Accounts => now.account == before.account,
        Field::Tax => {
            // The books may name the tax by the code that the settings give it.
            let configured = tax.and_then(|tax| taxes::code_in_books(tax, settings));
            let is_same_code = before.tax_code == now.tax_code || before.tax_code == configured;
            let is_same_amount = before
                .tax_amount
                .is_none_or(|before| Some(before.abs()) == now.tax_amount.map(Amount::abs));
            is_same_code && is_same_amount
        }
        Field::TaxRates => before.tax_rate.as_deref().is_none_or(|before| {
            let rate = now.tax_rate.as_deref().map(without_zeros);
            rate == Some(without_zeros(before))
        }),
        Field::TaxAccounts => {
            let may_stand_on = |side, account: &Option<String>| match (tax, account) {
                (Some(tax), Some(account)) => may_stand_on(tax, side, account, settings),
                _ => true,
            };
            may_stand_on(TaxSide::Ingoing, &before.input_tax_account)
                && may_stand_on(TaxSide::Outgoing, &before.output_tax_account)
        }
        _ => now.tags == before.tags,
    }
}

/// `0.25` and `0.250` are one rate.
fn without_zeros(rate: &str) -> &str {
    if rate.contains('.') {
        rate.trim_end_matches('0').trim_end_matches('.')
    } else {
        rate
    }
}

/// Whether a tax that stands on this account may have named the account that it names now. Only an account that is
/// called by another code tells that it did not.
fn may_stand_on(tax: &Tax, side: TaxSide, account: &str, settings: &Settings) -> bool {
    let last = account.rsplit(':').next().unwrap_or(account);
    match taxes::account_key(tax, side, settings) {
        Some(AccountKey::Pleo { code: Some(code), .. }) => {
            last == code || !last.starts_with(|first: char| first.is_ascii_digit())
        }
        _ => true,
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
        let (account, tax) = (line.account.as_ref(), line.tax.as_ref());
        let stated = |text: &Option<String>| given(text.as_deref()).map(str::to_owned);
        let mut tags: Vec<String> = line
            .tags
            .iter()
            .map(|tag| format!("{}={}", tag.group, tag.code))
            .collect();
        tags.sort();
        BookedLine {
            amount: amount(index, line),
            account: account.and_then(|account| account.code.clone().or_else(|| account.identifier.clone())),
            tax_code: tax.and_then(|tax| tax.code.clone()),
            tax_amount: tax.map(|tax| tax.amount),
            tax_rate: tax.map(|tax| tax.rate.clone()),
            input_tax_account: tax.and_then(|tax| stated(&tax.ingoing_account)),
            output_tax_account: tax.and_then(|tax| stated(&tax.outgoing_account)),
            tags,
        }
    };
    item.lines.iter().enumerate().map(line).collect()
}
