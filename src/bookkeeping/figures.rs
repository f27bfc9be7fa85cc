//! The figures of the lines: what of a line is cash and what is tax.
//!
//! Pleo's words inclusive and exclusive are not trusted; the figures decide. Where the two amounts of a line
//! differ by the tax, the larger is gross. Where they are equal the tax is inside or on top, and the total
//! tells which: all such lines of an item are read the same way, so there are two readings (four with reverse
//! charge lines whose amounts differ), however many lines there are. Tax is taken as sent, never recomputed,
//! but for reverse charge without an amount.

use crate::model::export_item::{ExportItem, Line, Tax, TaxType};
use crate::model::money::Amount;

use super::refusal::Refusal;

/// What a line means in cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    /// What was paid for the line.
    pub(super) gross: Amount,
    /// Its tax, with the sign of `gross`. Inside of `gross`, except under reverse charge.
    pub(super) tax: Amount,
    /// Whether the buyer owes the tax.
    pub(super) is_reverse: bool,
}

/// The readings of one line. They are the same where the line itself leaves no doubt.
#[derive(Clone, Copy)]
struct Readings {
    /// Tax inside, or the smaller amount under reverse charge; `None` where that is impossible.
    first: Option<Amount>,
    /// Tax on top, or the larger amount under reverse charge.
    second: Amount,
    tax: Amount,
    is_reverse: bool,
}

/// Reads the figures of all lines so that they add up to the item's amount.
pub(super) fn figures(item: &ExportItem, remarks: &mut Vec<String>) -> Result<Vec<Figures>, Refusal> {
    if item.lines.is_empty() {
        return Err(Refusal::no_lines());
    }
    let is_foreign = item
        .supplier_amount
        .is_some_and(|supplier| supplier.currency != item.amount.currency);
    let readings = item
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| readings(index + 1, line, is_foreign, remarks))
        .collect::<Result<Vec<_>, _>>()?;

    let tolerance = if is_foreign {
        i64::try_from(item.lines.len()).unwrap_or(i64::MAX)
    } else {
        0
    };
    let mut best: Option<(Amount, Vec<Figures>)> = None;
    let mut first_sum = None;
    for (on_top, larger) in [(false, false), (true, false), (false, true), (true, true)] {
        let Some(figures) = choose(&readings, on_top, larger) else {
            continue;
        };
        let sum: Amount = figures.iter().map(|line| line.gross).sum();
        let difference = item.amount.amount - sum;
        first_sum.get_or_insert(sum);
        let is_better = best
            .as_ref()
            .is_none_or(|(other, _)| difference.abs() < other.abs());
        if is_better && difference.abs() <= Amount::hundredths(tolerance) {
            best = Some((difference, figures));
        }
    }
    let Some((difference, mut figures)) = best else {
        return Err(Refusal::lines_disagree(
            first_sum.unwrap_or_default(),
            item.amount,
        ));
    };
    if !difference.is_zero() {
        round_off(&mut figures, difference, item, remarks);
    }
    Ok(figures)
}

/// One reading of all lines; `None` where it is impossible for one of them.
fn choose(readings: &[Readings], on_top: bool, larger: bool) -> Option<Vec<Figures>> {
    readings
        .iter()
        .map(|line| {
            let second = if line.is_reverse { larger } else { on_top };
            let gross = if second { line.second } else { line.first? };
            Some(Figures {
                gross,
                tax: with_sign_of(line.tax, gross),
                is_reverse: line.is_reverse,
            })
        })
        .collect()
}

/// A foreign purchase is converted line by line, so a hundredth a line may be missing: the largest line takes
/// it.
fn round_off(figures: &mut [Figures], difference: Amount, item: &ExportItem, remarks: &mut Vec<String>) {
    let mut largest: Option<(usize, &mut Figures)> = None;
    for (index, line) in figures.iter_mut().enumerate() {
        if largest
            .as_ref()
            .is_none_or(|(_, other)| line.gross.abs() > other.gross.abs())
        {
            largest = Some((index, line));
        }
    }
    let Some((index, line)) = largest else { return };
    line.gross += difference;
    let number = index + 1;
    let currency = item.amount.currency;
    remarks.push(format!(
        "line {number} takes a conversion difference of {difference} {currency}, so that the lines add up to the amount"
    ));
}

fn readings(
    number: usize,
    line: &Line,
    is_foreign: bool,
    remarks: &mut Vec<String>,
) -> Result<Readings, Refusal> {
    let (amount, net) = (line.amount, line.net_amount);
    let tax = line.tax.as_ref().map_or(Amount::ZERO, |tax| tax.amount.abs());
    let disagrees = || Refusal::line_disagrees(number, amount, net, tax);
    let (smaller, larger) = if amount.abs() < net.abs() {
        (amount, net)
    } else {
        (net, amount)
    };
    if opposite(amount, net) {
        return Err(disagrees());
    }
    if let Some(reverse) = line.tax.as_ref().filter(|tax| tax.tax_type == TaxType::Reverse) {
        return Ok(Readings {
            first: Some(smaller),
            second: larger,
            tax: reverse_tax(number, reverse, larger, smaller, remarks)?,
            is_reverse: true,
        });
    }
    let apart = larger.abs() - smaller.abs();
    if amount == net && !tax.is_zero() {
        if let Some(Tax {
            tax_type: TaxType::Unknown(word),
            ..
        }) = &line.tax
        {
            return Err(Refusal::tax_type_unknown(number, word));
        }
        let sign = if amount.is_zero() {
            line.tax.as_ref().map_or(amount, |tax| tax.amount)
        } else {
            amount
        };
        return Ok(Readings {
            first: Some(amount).filter(|amount| tax <= amount.abs()),
            second: amount + with_sign_of(tax, sign),
            tax,
            is_reverse: false,
        });
    }
    // Each figure of a foreign purchase is converted by itself, so they may miss each other by a hundredth.
    let slack = Amount::hundredths(i64::from(is_foreign));
    let miss = apart - tax;
    if miss.abs() > slack {
        return Err(disagrees());
    }
    let gross = if tax.is_zero() { amount } else { larger };
    Ok(Readings {
        first: Some(gross),
        second: gross,
        tax,
        is_reverse: false,
    })
}

/// The tax under reverse charge, computed from the rate where Pleo sends none.
fn reverse_tax(
    number: usize,
    tax: &Tax,
    larger: Amount,
    smaller: Amount,
    remarks: &mut Vec<String>,
) -> Result<Amount, Refusal> {
    if !tax.amount.is_zero() {
        return Ok(tax.amount.abs());
    }
    let rate = tax
        .rate_millionths
        .ok_or_else(|| Refusal::reverse_rate_unreadable(number, &tax.rate))?;
    // Without a tax amount nothing but the line itself can make its two amounts differ.
    if larger != smaller {
        return Err(Refusal::line_disagrees(number, larger, smaller, Amount::ZERO));
    }
    let computed = larger.share(rate).abs();
    if !computed.is_zero() {
        let rate = &tax.rate;
        remarks.push(format!(
            "reverse charge of line {number} computed from the rate {rate}: {computed}"
        ));
    }
    Ok(computed)
}

fn opposite(one: Amount, other: Amount) -> bool {
    !one.is_zero() && !other.is_zero() && one.is_negative() != other.is_negative()
}

fn with_sign_of(amount: Amount, sign: Amount) -> Amount {
    if sign.is_negative() {
        amount.abs().negated()
    } else {
        amount.abs()
    }
}
