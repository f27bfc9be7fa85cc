//! The postings of a line: its cost and its tax, on which accounts, and what of the tax may be deducted.
//!
//! Shares are rounded half away from zero; what may not be deducted, and so the odd hundredth, stays on the
//! cost. Under reverse charge the base is the whole line and both tax postings cancel out.

use chrono::NaiveDate;

use crate::model::document::{LineOfItem, Posting, PostingTag, PostingTax, Purpose};
use crate::model::export_item::{Line, Tax};
use crate::model::money::Amount;
use crate::model::references::{Account, AccountKey, AccountPurpose};

use super::accounts::{given, key_of_role};
use super::figures::Figures;
use super::planner::Planner;
use super::refusal::Refusal;
use super::role::Role;
use super::settings::{Settings, TaxRule};

/// The rule for a tax, where the configuration has one.
pub(super) fn rule<'a>(tax: &Tax, settings: &'a Settings) -> Option<&'a TaxRule> {
    settings.taxes.get(given(tax.code.as_deref())?)
}

/// The code under which the accounting system knows a tax.
pub(super) fn code_in_books(tax: &Tax, settings: &Settings) -> Option<String> {
    let configured = rule(tax, settings).and_then(|rule| given(rule.code.as_deref()));
    configured.or(given(tax.code.as_deref())).map(str::to_owned)
}

/// Which of the two accounts of a tax.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum TaxSide {
    /// What may be deducted.
    Ingoing,
    /// What is owed under reverse charge.
    Outgoing,
}

impl TaxSide {
    fn setting(self) -> &'static str {
        match self {
            Self::Ingoing => "account",
            Self::Outgoing => "outgoing_account",
        }
    }

    const fn role(self) -> Role {
        match self {
            Self::Ingoing => Role::InputTax,
            Self::Outgoing => Role::OutputTax,
        }
    }

    const fn purpose(self) -> AccountPurpose {
        match self {
            Self::Ingoing => AccountPurpose::InputTax,
            Self::Outgoing => AccountPurpose::OutputTax,
        }
    }
}

/// How the account of a tax is asked for: the configuration beats the payload, and where neither names one, which is
/// usual at Pleo, the role has it.
pub(super) fn account_key(tax: &Tax, side: TaxSide, settings: &Settings) -> Option<AccountKey> {
    let rule = rule(tax, settings);
    let (configured, sent) = match side {
        TaxSide::Ingoing => (
            rule.and_then(|rule| rule.account.as_deref()),
            &tax.ingoing_account,
        ),
        TaxSide::Outgoing => (
            rule.and_then(|rule| rule.outgoing_account.as_deref()),
            &tax.outgoing_account,
        ),
    };
    match (given(configured), given(sent.as_deref())) {
        (Some(account), _) => Some(AccountKey::Configured(account.to_owned())),
        (None, Some(code)) => Some(match settings.map.get(code) {
            Some(account) => AccountKey::Configured(account.clone()),
            None => AccountKey::of_code(side.purpose(), code),
        }),
        (None, None) => key_of_role(side.role(), settings),
    }
}

/// Whether neither settings nor payload say how this side of a tax is booked: then it counts as fully deductible on the
/// account of the role, and a person should confirm that.
pub(super) fn is_unsaid(tax: &Tax, side: TaxSide, settings: &Settings) -> bool {
    let sent = match side {
        TaxSide::Ingoing => &tax.ingoing_account,
        TaxSide::Outgoing => &tax.outgoing_account,
    };
    rule(tax, settings).is_none() && given(sent.as_deref()).is_none()
}

impl Planner<'_> {
    /// The postings of a line: its cost, then its tax. Debits where `is_debit`, else the mirror image.
    pub(super) fn line_postings(
        &self,
        number: usize,
        line: &Line,
        figures: Figures,
        is_debit: bool,
        day: NaiveDate,
    ) -> Result<Vec<Posting>, Refusal> {
        let signed = |amount: Amount| if is_debit { amount } else { amount.negated() };
        let account = self.line_account(number, line, day)?;
        let (gross, tax) = (signed(figures.gross), signed(figures.tax));
        let net = gross - tax;
        let base = if figures.is_reverse { gross } else { net };
        let posting_tax = line
            .tax
            .as_ref()
            .map(|sent| self.posting_tax(number, sent, base, tax, figures.is_reverse))
            .transpose()?;
        let deductible = match &line.tax {
            Some(sent) => self.deductible(sent, tax),
            None => Amount::ZERO,
        };
        let cost = base + (tax - deductible);

        let posting = |account: Account, amount: Amount, purpose: Purpose, is_assumed: bool| Posting {
            account,
            amount,
            purpose,
            line: Some(LineOfItem {
                number,
                line_id: line.line_id.clone(),
            }),
            tax: posting_tax.clone().map(|tax| PostingTax { is_assumed, ..tax }),
            tags: Vec::new(),
            employee_code: None,
        };
        let mut postings = vec![Posting {
            tags: self.tags(line)?,
            ..posting(account.clone(), cost, Purpose::Cost, false)
        }];
        if let Some(sent) = &line.tax {
            if !deductible.is_zero() {
                let ingoing = self.tax_account(sent, TaxSide::Ingoing, number, &account, day)?;
                let is_assumed = self.is_assumed(sent, TaxSide::Ingoing);
                postings.push(posting(ingoing, deductible, Purpose::Tax, is_assumed));
            }
            if figures.is_reverse && !tax.is_zero() {
                let outgoing = self.tax_account(sent, TaxSide::Outgoing, number, &account, day)?;
                let is_assumed = self.is_assumed(sent, TaxSide::Outgoing);
                postings.push(posting(outgoing, tax.negated(), Purpose::ReverseTax, is_assumed));
            }
        }
        Ok(postings)
    }

    /// A system that computes tax knows the deductible share by its own code, so all of it counts as tax
    /// here.
    fn deductible(&self, tax: &Tax, amount: Amount) -> Amount {
        match rule(tax, self.settings) {
            Some(rule) if !self.view.system.computes_tax => amount.share(rule.deductible_millionths),
            _ => amount,
        }
    }

    /// A system that computes tax knows by itself how it is booked.
    fn is_assumed(&self, tax: &Tax, side: TaxSide) -> bool {
        is_unsaid(tax, side, self.settings) && !self.view.system.computes_tax
    }

    fn posting_tax(
        &self,
        number: usize,
        tax: &Tax,
        base: Amount,
        amount: Amount,
        reverse_charge: bool,
    ) -> Result<PostingTax, Refusal> {
        let code = code_in_books(tax, self.settings);
        let reference =
            match &code {
                Some(code) if self.view.system.computes_tax => {
                    let found = self.view.resolution.tax_codes.get(code);
                    Some(found.cloned().ok_or_else(|| {
                        Refusal::tax_code_unknown(tax.code.as_deref().unwrap_or(code), code)
                    })?)
                }
                None if self.view.system.computes_tax && !amount.is_zero() => {
                    return Err(Refusal::no_tax_code(number));
                }
                _ => None,
            };
        Ok(PostingTax {
            code,
            reference,
            rate: tax.rate.clone(),
            base,
            amount,
            reverse_charge,
            is_assumed: false,
        })
    }

    /// A system that computes tax leaves the tax postings out, so they need no account of their own there.
    fn tax_account(
        &self,
        tax: &Tax,
        side: TaxSide,
        number: usize,
        cost: &Account,
        day: NaiveDate,
    ) -> Result<Account, Refusal> {
        if self.view.system.computes_tax {
            return Ok(cost.clone());
        }
        let code = given(tax.code.as_deref());
        let key = account_key(tax, side, self.settings).ok_or_else(|| match code {
            Some(code) => Refusal::no_tax_account(code, side.setting(), side.role()),
            None => Refusal::no_role(side.role()),
        })?;
        let tax = code.map_or_else(|| format!("tax of line {number}"), |code| format!("tax {code}"));
        self.lookup(&key, &tax, day)?.ok_or_else(|| match &key {
            AccountKey::Configured(account) => Refusal::tax_account_not_in_books(&tax, account),
            AccountKey::Assumed(account) => Refusal::role_not_in_books(side.role(), account),
            AccountKey::Pleo { .. } => Refusal::account_unknown(key.text(), &tax),
        })
    }

    fn tags(&self, line: &Line) -> Result<Vec<PostingTag>, Refusal> {
        line.tags
            .iter()
            .map(|tag| {
                let reference = self.view.resolution.tags.get(tag);
                Ok(PostingTag {
                    tag: tag.clone(),
                    reference: reference
                        .cloned()
                        .ok_or_else(|| Refusal::tag_unknown(&tag.group, &tag.code))?,
                })
            })
            .collect()
    }
}
