//! Odoo's records as JSON: `false` stands for an empty field, a link is an id with a name, money is a number.

use serde::{Deserialize, Deserializer};

use crate::model::money::Amount;

/// A record's id in the database.
pub(crate) type Id = i64;

/// A link to another record: its id and its name.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Link(pub(crate) Id, pub(crate) String);

/// A record of which only the id is asked.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Identified {
    pub(crate) id: Id,
}

/// A field that may be empty.
pub(crate) fn maybe<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Field<T> {
        Filled(T),
        Empty(#[expect(dead_code, reason = "it is always false")] bool),
        Null(()),
    }
    Ok(match Field::deserialize(deserializer)? {
        Field::Filled(value) => Some(value),
        Field::Empty(_) | Field::Null(()) => None,
    })
}

/// A text that may be empty.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    maybe::<_, String>(deserializer).map(|text| text.filter(|text| !text.is_empty()))
}

/// An amount of money, read from the digits of its number.
pub(crate) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    serde_json::Number::deserialize(deserializer)?
        .to_string()
        .parse()
        .map_err(serde::de::Error::custom)
}

/// The same amount as a number of JSON, made of its digits.
pub(crate) fn number(amount: Amount) -> serde_json::Value {
    // Digits, a point and digits are always a number.
    serde_json::from_str(&amount.to_string()).unwrap_or_default()
}

/// A day; Odoo stands the year 1 for "no day" in the lock dates.
pub(crate) fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<chrono::NaiveDate>, D::Error> {
    let text = text(deserializer)?;
    let first = chrono::NaiveDate::from_ymd_opt(1900, 1, 1);
    let day = text
        .map(|text| text.parse().map_err(serde::de::Error::custom))
        .transpose()?;
    Ok(day.filter(|day| Some(*day) > first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Record {
        #[serde(deserialize_with = "maybe")]
        partner_id: Option<Link>,
        #[serde(deserialize_with = "text")]
        name: Option<String>,
        #[serde(deserialize_with = "amount")]
        balance: Amount,
        #[serde(deserialize_with = "day")]
        date: Option<chrono::NaiveDate>,
    }

    fn record(json: &str) -> Record {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn false_is_empty() {
        let empty = record(r#"{"partner_id": false, "name": false, "balance": 0.0, "date": "1-01-01"}"#);
        assert!(empty.partner_id.is_none() && empty.name.is_none() && empty.date.is_none());
        let filled =
            record(r#"{"partner_id": [8, "A/S"], "name": "x", "balance": -1150.01, "date": "2026-01-31"}"#);
        assert_eq!(
            filled.partner_id.map(|link| (link.0, link.1)),
            Some((8, "A/S".into()))
        );
        assert_eq!(filled.balance, Amount::hundredths(-115_001));
        assert_eq!(number(filled.balance).to_string(), "-1150.01");
        assert!(filled.name.is_some() && filled.date.is_some());
    }
}
