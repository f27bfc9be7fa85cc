//! Rates of wallet currencies, for wallets that are not in the company's currency.
//!
//! Odoo counts a currency without a rate as one to one and says nothing, so a rate on or before the posting date is
//! required. Rates are Odoo's own; only their digits are used, never a floating point number.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDate;
use serde::Deserialize;
use serde_json::json;

use crate::model::money::{Amount, Currency};
use crate::model::verdict::ItemFailureType;
use crate::systems::SystemError;
use crate::systems::odoo::api::books::Books;
use crate::systems::odoo::api::errors::CallError;
use crate::systems::odoo::api::records::{Id, Link, maybe};

/// How much of a currency one unit of the company's currency is, from a day on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) currency_id: Id,
    from: NaiveDate,
    of_company: bool,
    digits: i128,
    decimals: u32,
}

impl Rate {
    /// The same amount in the company's currency, rounded half away from zero; `None` when it is too large.
    pub(crate) fn to_company(&self, amount: Amount) -> Option<Amount> {
        let scaled = i128::from(amount.in_hundredths()).checked_mul(10_i128.checked_pow(self.decimals)?)?;
        let half = self.digits / 2 * scaled.signum();
        i64::try_from(scaled.checked_add(half)? / self.digits)
            .ok()
            .map(Amount::hundredths)
    }
}

/// The rates of the currencies of a batch.
#[derive(Debug)]
pub(crate) struct Rates {
    by_currency: HashMap<Currency, Vec<Rate>>,
    company: Currency,
}

impl Rates {
    pub(crate) fn read(
        books: Books<'_>,
        currencies: impl Iterator<Item = Currency>,
    ) -> Result<Self, CallError> {
        #[derive(Deserialize)]
        struct Record {
            currency_id: Link,
            name: NaiveDate,
            company_rate: serde_json::Number,
            #[serde(deserialize_with = "maybe")]
            company_id: Option<Link>,
        }
        let foreign: BTreeSet<Currency> = currencies
            .filter(|currency| *currency != books.company.currency)
            .collect();
        let mut rates = Self {
            by_currency: HashMap::new(),
            company: books.company.currency,
        };
        if foreign.is_empty() {
            return Ok(rates);
        }
        // An inactive currency is not found by the link's search: Odoo would reject to post in it.
        let found: Vec<Record> = books.search(
            "res.currency.rate",
            json!([
                ["currency_id.name", "in", foreign],
                ["currency_id.active", "=", true],
                ["company_id", "in", [false, books.company.id]]
            ]),
            &["currency_id", "name", "company_rate", "company_id"],
        )?;
        for record in found {
            let unreadable = || {
                CallError::Unusable(format!(
                    "its rate of {} from {} is {}, which is no rate: correct it there",
                    record.currency_id.1, record.name, record.company_rate
                ))
            };
            let currency = record.currency_id.1.parse().map_err(|_| unreadable())?;
            let (digits, decimals) = decimal(&record.company_rate.to_string()).ok_or_else(unreadable)?;
            rates.by_currency.entry(currency).or_default().push(Rate {
                currency_id: record.currency_id.0,
                from: record.name,
                of_company: record.company_id.is_some(),
                digits,
                decimals,
            });
        }
        Ok(rates)
    }

    /// The rate of a currency on a day; `None` for the company's own currency.
    pub(crate) fn on(&self, currency: Currency, day: NaiveDate) -> Result<Option<&Rate>, SystemError> {
        if currency == self.company {
            return Ok(None);
        }
        self.by_currency
            .get(&currency)
            .into_iter()
            .flatten()
            .filter(|rate| rate.from <= day)
            .max_by_key(|rate| (rate.of_company, rate.from))
            .map(Some)
            .ok_or_else(|| SystemError::Rejected {
                failure_type: ItemFailureType::InvalidConfiguration,
                reason: format!(
                    "The wallet is in {currency}, but Odoo has no rate of {currency} for {day} or earlier: activate the currency in Odoo and enter a rate, then export again."
                ),
            })
    }
}

/// The digits of a positive decimal number, and how many of them are decimals. Python writes small ones with an exponent.
fn decimal(text: &str) -> Option<(i128, u32)> {
    let (number, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let decimals = i32::try_from(fraction.len())
        .ok()?
        .checked_sub(exponent.parse().ok()?)?;
    let (digits, decimals) = match u32::try_from(decimals) {
        Ok(decimals) => (digits, decimals),
        Err(_) => (
            digits.checked_mul(10_i128.checked_pow(decimals.unsigned_abs())?)?,
            0,
        ),
    };
    (digits > 0).then_some((digits, decimals))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str, from: &str) -> Rate {
        let (digits, decimals) = decimal(text).unwrap();
        Rate {
            currency_id: 1,
            from: from.parse().unwrap(),
            of_company: false,
            digits,
            decimals,
        }
    }

    #[test]
    fn amounts_are_divided_by_the_rate_and_rounded() {
        for (text, hundredths, expected) in [
            ("0.134", 1_000, 7_463),
            ("0.134", -1_000, -7_463),
            ("1.0", 5, 5),
            ("2", 1, 1),
            ("2", -1, -1),
            ("3", 1, 0),
        ] {
            let company = rate(text, "2026-01-01").to_company(Amount::hundredths(hundredths));
            assert_eq!(
                company,
                Some(Amount::hundredths(expected)),
                "{hundredths} at {text}"
            );
        }
        assert_eq!(decimal("0.0"), None);
        assert_eq!(decimal("3.57e-05"), Some((357, 7)));
        assert_eq!(decimal("1.5E+3"), Some((1_500, 0)));
    }

    #[test]
    fn the_latest_rate_counts_and_none_is_refused() {
        let (eur, dkk): (Currency, Currency) = ("EUR".parse().unwrap(), "DKK".parse().unwrap());
        let rates = Rates {
            by_currency: [(eur, vec![rate("0.13", "2026-01-01"), rate("0.14", "2026-06-01")])].into(),
            company: dkk,
        };
        let on = |currency, day: &str| rates.on(currency, day.parse().unwrap());
        assert_eq!(on(eur, "2026-05-31").unwrap(), Some(&rate("0.13", "2026-01-01")));
        assert_eq!(on(eur, "2026-06-01").unwrap(), Some(&rate("0.14", "2026-06-01")));
        assert_eq!(on(dkk, "1999-01-01").unwrap(), None);
        assert!(
            on(eur, "2025-12-31")
                .unwrap_err()
                .to_string()
                .contains("no rate of EUR")
        );
    }
}
