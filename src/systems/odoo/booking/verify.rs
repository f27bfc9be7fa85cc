//! Is a draft in Odoo what was planned? Odoo computes the tax, and puts what does not add up on a suspense account
//! without a word ("Automatic Balancing Line"), so every draft of ours is read back before it is posted.
//!
//! A difference of one hundredth a taxed line between Odoo's tax and Pleo's is rounding, for Pleo takes the tax out of
//! each gross amount and Odoo adds it to each net one: the tax line takes Pleo's figure, so that the money adds up.
//! Anything beyond it is for a person.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::model::document::{Document, Posting};
use crate::model::money::{Amount, Currency};
use crate::model::verdict::ItemFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::api::errors::for_a_person;
use crate::systems::odoo::api::records::{Id, Link, amount, maybe, number};
use crate::systems::odoo::before::partners::CreditorIds;
use crate::systems::odoo::document::rows::{account, is_claim, is_left_to_odoo, tax_id, without_tax};

/// The largest difference that counts as rounding, in hundredths for each taxed line.
const ROUNDING: i64 = 1;

/// A line of a document in Odoo.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Line {
    pub(crate) id: Id,
    pub(crate) move_id: Link,
    account_id: Link,
    /// In the currency of the wallet.
    #[serde(deserialize_with = "amount")]
    amount_currency: Amount,
    /// In the currency of the company.
    #[serde(deserialize_with = "amount")]
    balance: Amount,
    #[serde(deserialize_with = "maybe")]
    tax_line_id: Option<Link>,
    /// The tax that was asked for, where it is a group of taxes.
    #[serde(deserialize_with = "maybe")]
    group_tax_id: Option<Link>,
    display_type: String,
}

pub(crate) const LINE_FIELDS: [&str; 7] = [
    "move_id",
    "account_id",
    "amount_currency",
    "balance",
    "tax_line_id",
    "group_tax_id",
    "display_type",
];

/// What makes a draft what was planned: Odoo's commands for the document's lines.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Correction(pub(crate) Vec<Value>);

impl Line {
    fn tax(&self) -> Option<&Link> {
        self.group_tax_id.as_ref().or(self.tax_line_id.as_ref())
    }
}

/// A draft and what it is compared with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison<'a> {
    pub(crate) document: &'a Document,
    pub(crate) creditor: Option<CreditorIds>,
    pub(crate) currency: Currency,
    /// Whether the wallet is in another currency than the company.
    pub(crate) is_foreign: bool,
    pub(crate) lines: &'a [Line],
}

impl Comparison<'_> {
    /// Nothing to do, something to correct, or not what was planned.
    pub(crate) fn run(self) -> Result<Option<Correction>, SystemError> {
        let (tax_lines, mut others): (Vec<&Line>, Vec<&Line>) =
            self.lines.iter().partition(|line| line.tax_line_id.is_some());
        let differences = taxes(self.document, self.currency, &tax_lines)?;
        for posting in planned(self.document).filter(|posting| !self.is_claim(posting)) {
            let wanted = (account(posting, self.creditor)?, without_tax(posting));
            let same = |line: &&Line| (line.account_id.0, line.amount_currency) == wanted;
            let at = others
                .iter()
                .position(same)
                .ok_or_else(|| other_than_planned(&posting.account.name, wanted.1, self.currency))?;
            others.swap_remove(at);
        }
        // Odoo may split what is owed by its terms of payment.
        let (claims, extra): (Vec<&Line>, Vec<&Line>) = others
            .into_iter()
            .partition(|line| self.document.kind.is_bill() && line.display_type == "payment_term");
        let mut commands = self.claims(&claims, sum(&differences))?;
        commands.extend(self.tax(&differences, &tax_lines, &extra)?);
        Ok((!commands.is_empty()).then_some(Correction(commands)))
    }

    /// Whether the posting is what Odoo draws up by itself as the amount owed.
    fn is_claim(&self, posting: &Posting) -> bool {
        self.document.kind.is_bill() && is_claim(posting)
    }

    /// What is owed: the amount must be right but for the missing tax; the account is Odoo's default and is set.
    fn claims(&self, lines: &[&Line], missing: Amount) -> Result<Vec<Value>, SystemError> {
        let mut owed = Amount::ZERO;
        let mut own = None;
        for posting in planned(self.document).filter(|posting| self.is_claim(posting)) {
            owed += posting.amount;
            own = Some(account(posting, self.creditor)?);
        }
        let in_books: Amount = lines.iter().map(|line| line.amount_currency).sum();
        let expected = if own.is_some() {
            owed + missing
        } else {
            Amount::ZERO
        };
        if in_books != expected {
            return Err(other_than_planned("The amount owed", owed, self.currency));
        }
        let elsewhere = lines
            .iter()
            .filter(|line| own.is_some_and(|own| own != line.account_id.0));
        Ok(elsewhere
            .map(|line| json!([1, line.id, { "account_id": own }]))
            .collect())
    }

    /// The hundredths that Odoo's tax falls short of. In an entry they sit on a suspense line, in the company's currency.
    fn tax(
        &self,
        differences: &[Difference<'_>],
        tax_lines: &[&Line],
        extra: &[&Line],
    ) -> Result<Vec<Value>, SystemError> {
        let is_bill = self.document.kind.is_bill();
        let surplus: Amount = extra.iter().map(|line| line.balance).sum();
        let is_explained = match (is_bill, self.is_foreign) {
            (true, _) => extra.is_empty(),
            (false, false) => surplus == sum(differences),
            // All amounts of the wallet's currency are right, so it is rounding between two currencies.
            (false, true) => extra.is_empty() || !tax_lines.is_empty(),
        };
        if !is_explained {
            let name = extra
                .first()
                .map_or("The entry", |line| line.account_id.1.as_str());
            return Err(other_than_planned(name, Amount::ZERO, self.currency));
        }
        let mut figures: BTreeMap<Id, Value> = BTreeMap::new();
        for Difference { line, missing } in differences {
            let mut new = json!({ "amount_currency": number(line.amount_currency + *missing) });
            if !is_bill {
                let more = if self.is_foreign { Amount::ZERO } else { *missing };
                new["balance"] = number(line.balance + more);
            }
            figures.insert(line.id, new);
        }
        let largest = tax_lines.iter().max_by_key(|line| line.amount_currency.abs());
        if let Some(line) = largest.filter(|_| self.is_foreign && !extra.is_empty()) {
            let new = figures
                .entry(line.id)
                .or_insert_with(|| json!({ "amount_currency": number(line.amount_currency) }));
            new["balance"] = number(line.balance + surplus);
        }
        let changed = figures.into_iter().map(|(id, new)| json!([1, id, new]));
        let removed = extra.iter().map(|line| json!([2, line.id]));
        Ok(changed.chain(removed).collect())
    }
}

/// What all of Odoo's taxes together fall short of.
fn sum(differences: &[Difference<'_>]) -> Amount {
    differences.iter().map(|difference| difference.missing).sum()
}

/// The postings that are sent.
fn planned(document: &Document) -> impl Iterator<Item = &Posting> {
    document
        .postings
        .iter()
        .filter(|posting| !is_left_to_odoo(posting))
}

/// By how much Odoo's tax falls short of Pleo's, and the line that can take it.
struct Difference<'a> {
    missing: Amount,
    line: &'a Line,
}

/// Compares tax by tax. Under reverse charge both sides cancel out, so rounding there needs no correction.
fn taxes<'a>(
    document: &Document,
    currency: Currency,
    lines: &[&'a Line],
) -> Result<Vec<Difference<'a>>, SystemError> {
    #[derive(Default)]
    struct Sums {
        code: String,
        pleo: Amount,
        /// The largest difference that counts as rounding, in hundredths.
        tolerance: i64,
        is_reverse: bool,
    }
    let mut wanted: BTreeMap<Id, Sums> = BTreeMap::new();
    for posting in &document.postings {
        let (Some(id), Some(tax)) = (tax_id(posting)?, &posting.tax) else {
            continue;
        };
        let sums = wanted.entry(id).or_default();
        sums.code = tax.code.clone().unwrap_or_default();
        sums.pleo += tax.amount;
        sums.tolerance += ROUNDING;
        sums.is_reverse |= tax.reverse_charge;
    }
    let mut differences = Vec::new();
    for (id, sums) in wanted {
        let own: Vec<&'a Line> = lines
            .iter()
            .copied()
            .filter(|line| line.tax().is_some_and(|link| link.0 == id))
            .collect();
        let signed: Amount = own.iter().map(|line| line.amount_currency).sum();
        let side = |negative: bool| {
            let amounts = own.iter().map(|line| line.amount_currency);
            amounts.filter(|amount| amount.is_negative() == negative).sum()
        };
        let odoo = if sums.is_reverse && signed.is_zero() {
            side(sums.pleo.is_negative())
        } else {
            signed
        };
        let missing = sums.pleo - odoo;
        if missing.abs().in_hundredths() > sums.tolerance || (sums.is_reverse && !signed.is_zero()) {
            return Err(other_tax(&sums.code, odoo, sums.pleo, currency));
        }
        if !missing.is_zero() && !sums.is_reverse {
            let line = own
                .into_iter()
                .max_by_key(|line| line.amount_currency.abs())
                .ok_or_else(|| other_tax(&sums.code, odoo, sums.pleo, currency))?;
            differences.push(Difference { missing, line });
        }
    }
    Ok(differences)
}

fn other_tax(code: &str, odoo: Amount, pleo: Amount, currency: Currency) -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::AccountingSystemValidationFailure,
        reason: format!(
            "Odoo computes {} {currency} of tax with {code}, Pleo has {} {currency}: correct the tax of the expense in Pleo, or ask whoever runs the export to set another tax under [taxes], then export again.",
            odoo.abs(),
            pleo.abs()
        ),
    }
}

fn other_than_planned(what: &str, amount: Amount, currency: Currency) -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::AccountingSystemValidationFailure,
        reason: format!(
            "Odoo would book the expense otherwise than planned ({what}: {amount} {currency} was planned): look for taxes, rounding or terms of payment that Odoo adds by itself, then export again."
        ),
    }
}

/// Odoo has the draft on another day than planned.
pub(crate) fn other_day(is: NaiveDate, planned: NaiveDate) -> SystemError {
    for_a_person(&format!(
        "Odoo would book the expense on {is} instead of {planned}: look for lock dates there, then export again."
    ))
}

/// A document was what was planned when it was made, and is not what is planned now.
pub(crate) fn changed(number: &str) -> SystemError {
    for_a_person(&changed_text(number))
}

/// The same in words.
pub(crate) fn changed_text(number: &str) -> String {
    format!(
        "{number} is not what would be booked now, because it, the settings or contacts were changed: settle it in Odoo (post it as it is, delete it, or run `pleo-export reverse` with its number), then export again."
    )
}

/// Odoo did not keep the figure that was written.
pub(crate) fn not_corrected() -> SystemError {
    SystemError::Rejected {
        failure_type: ItemFailureType::AccountingSystemValidationFailure,
        reason: "Odoo does not keep Pleo's tax to the cent: look for rounding that Odoo adds by itself, then export again."
            .to_owned(),
    }
}
