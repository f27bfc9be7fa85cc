//! Money as Pleo counts it: an exact whole number of hundredths of the currency unit.
//!
//! Pleo counts hundredths for every currency, also for those with no or three decimals, so nothing here
//! depends on the currency. No floating point number comes near an amount: JSON numbers are read from
//! their text.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::host::foreign_text::one_line;

/// The largest absolute amount we accept, in hundredths: ten million millions of a currency unit. It leaves
/// room to add thousands of lines without overflow, and a larger figure is surely an error.
const LARGEST: i64 = 1_000_000_000_000_000;

/// An amount in hundredths of some currency unit. In postings a debit is positive and a credit negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(i64);

/// Why a text is no amount.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    /// Not a JSON number at all.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// A part of a hundredth, for example `12.5` hundredths.
    #[error("`{0}` is not a whole number of hundredths")]
    Fraction(String),
    /// Larger than any expense can be.
    #[error("`{0}` is too large for an amount")]
    TooLarge(String),
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of this many hundredths.
    pub const fn hundredths(value: i64) -> Self {
        Self(value)
    }

    /// How many hundredths this is.
    pub const fn in_hundredths(self) -> i64 {
        self.0
    }

    /// The amount without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        Self(self.0.saturating_abs())
    }

    /// The amount with the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        Self(self.0.saturating_neg())
    }

    /// Whether nothing is owed either way.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Whether this is below zero.
    pub const fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// So many millionths of it, rounded half away from zero.
    #[must_use]
    pub fn share(self, millionths: i64) -> Self {
        let product = i128::from(self.0) * i128::from(millionths);
        Self::nearest((product + product.signum() * 500_000) / 1_000_000)
    }

    /// What cannot be held is as large as can be: it then differs from whatever it is compared with.
    fn nearest(hundredths: i128) -> Self {
        let largest = if hundredths < 0 { i64::MIN } else { i64::MAX };
        Self(i64::try_from(hundredths).unwrap_or(largest))
    }

    /// Reads a JSON number that counts hundredths: `89696`, `89696.0` and `8.9696e4` are the same.
    ///
    /// ```
    /// use pleo_export::model::money::Amount;
    ///
    /// let amount = Amount::from_json_number("89696.0").unwrap();
    /// assert_eq!(amount.to_string(), "896.96");
    /// assert!(Amount::from_json_number("89696.5").is_err());
    /// ```
    pub fn from_json_number(text: &str) -> Result<Self, AmountError> {
        // What most amounts look like; anything else is taken apart.
        let is_plain = !text.starts_with('+');
        if let Some(whole) = text
            .parse()
            .ok()
            .filter(|whole| is_plain && (-LARGEST..=LARGEST).contains(whole))
        {
            return Ok(Self(whole));
        }
        let decimal = Decimal::parse(text).ok_or_else(|| AmountError::NotANumber(shortened(text)))?;
        let whole = decimal.whole().ok_or_else(|| {
            if decimal.is_fraction() {
                AmountError::Fraction(shortened(text))
            } else {
                AmountError::TooLarge(shortened(text))
            }
        })?;
        if whole.abs() > LARGEST {
            return Err(AmountError::TooLarge(shortened(text)));
        }
        Ok(Self(whole))
    }
}

/// Neither this nor the difference overflows: it takes nine thousand of the largest amounts that are ever read.
impl Add for Amount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, other: Self) {
        *self = *self - other;
    }
}

/// However many there are, nothing is lost on the way.
impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        Self::nearest(amounts.map(|amount| i128::from(amount.0)).sum())
    }
}

/// A number as text has it: `digits` × 10^`exponent`.
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (rest.get(..at)?, i64::from_str(rest.get(at + 1..)?).ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if whole.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
        let significant = digits.trim_start_matches('0');
        let kept = significant.trim_end_matches('0');
        let dropped = i64::try_from(significant.len() - kept.len()).ok()?;
        Some(Self {
            negative,
            digits: kept.to_owned(),
            exponent: exponent.checked_add(dropped)?,
        })
    }

    /// With trailing zeros gone, a negative exponent means that something is left behind the point.
    fn is_fraction(&self) -> bool {
        !self.digits.is_empty() && self.exponent < 0
    }

    fn whole(&self) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let scale = 10_i64.checked_pow(u32::try_from(self.exponent).ok()?)?;
        let value = i64::from_str(&self.digits).ok()?.checked_mul(scale)?;
        Some(if self.negative { -value } else { value })
    }
}

fn shortened(text: &str) -> String {
    one_line(text, 40)
}

/// Units and hundredths with a point, as books have it: `-12.05`.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let absolute = self.0.unsigned_abs();
        f.pad(&format!("{sign}{}.{:02}", absolute / 100, absolute % 100))
    }
}

/// Reads what [`Amount`]'s `Display` writes. Digits beyond the second decimal are refused.
impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let hundredfold = format!("{text}e2");
        Self::from_json_number(&hundredfold).map_err(|error| match error {
            AmountError::NotANumber(_) => AmountError::NotANumber(shortened(text)),
            AmountError::Fraction(_) => AmountError::Fraction(shortened(text)),
            AmountError::TooLarge(_) => AmountError::TooLarge(shortened(text)),
        })
    }
}

/// A currency code of three capital letters (ISO 4217).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

/// The text is not three capital letters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{0}` is not a currency code")]
pub struct CurrencyError(String);

impl Currency {
    /// Three capital letters, as in ISO 4217.
    pub fn as_str(&self) -> &str {
        // Only ASCII capitals get in (see `from_str`), so this never falls back.
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(CurrencyError(shortened(text))),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// An amount and its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// How much, in hundredths.
    pub amount: Amount,
    /// Of which currency.
    pub currency: Currency,
}

impl Money {
    /// Without its sign.
    #[must_use]
    pub const fn abs(self) -> Self {
        self.with(self.amount.abs())
    }

    /// With the other sign.
    #[must_use]
    pub const fn negated(self) -> Self {
        self.with(self.amount.negated())
    }

    /// The same currency with another amount.
    #[must_use]
    pub const fn with(self, amount: Amount) -> Self {
        Self { amount, ..self }
    }

    /// The sum; `None` where the currencies differ.
    pub fn plus(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then(|| self.with(self.amount + other.amount))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_pleo_sends() {
        for (text, hundredths) in [
            ("89696", 89696),
            ("89696.0", 89696),
            ("-5", -5),
            ("0", 0),
            ("0.000", 0),
            ("1e2", 100),
            ("1.5E1", 15),
            ("-0", 0),
        ] {
            assert_eq!(Amount::from_json_number(text), Ok(Amount(hundredths)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "-", ".5", "12a", "NaN", "1e", "--1", "0x10", "1 000", "1,5"] {
            assert!(
                matches!(Amount::from_json_number(text), Err(AmountError::NotANumber(_))),
                "{text}"
            );
        }
        for text in ["0.5", "89696.01", "1e-1"] {
            assert!(
                matches!(Amount::from_json_number(text), Err(AmountError::Fraction(_))),
                "{text}"
            );
        }
        for text in ["1e40", "10000000000000000", "99999999999999999999999"] {
            assert!(
                matches!(Amount::from_json_number(text), Err(AmountError::TooLarge(_))),
                "{text}"
            );
        }
    }

    #[test]
    fn sums_are_exact_on_the_way_and_shares_are_rounded_half_away_from_zero() {
        let most = Amount(i64::MAX);
        assert_eq!(
            [most, most, most.negated(), Amount(5)]
                .into_iter()
                .sum::<Amount>(),
            most
        );
        assert_eq!(
            [most, Amount(5), most.negated()].into_iter().sum::<Amount>(),
            Amount(5)
        );
        for (amount, millionths, share) in [
            (100, 500_000, 50),
            (1, 500_000, 1),
            (-1, 500_000, -1),
            (1, 499_999, 0),
        ] {
            assert_eq!(Amount(amount).share(millionths), Amount(share));
        }
    }

    proptest! {
        #[test]
        fn writes_what_it_reads(hundredths in -LARGEST..=LARGEST) {
            prop_assert_eq!(Amount(hundredths).to_string().parse(), Ok(Amount(hundredths)));
            prop_assert_eq!(Amount::from_json_number(&hundredths.to_string()), Ok(Amount(hundredths)));
            prop_assert_eq!(Amount::from_json_number(&format!("{hundredths}.00")), Ok(Amount(hundredths)));
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = Amount::from_json_number(&text);
            let _ = text.parse::<Amount>();
        }
    }
}
