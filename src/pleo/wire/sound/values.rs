//! The values of a sound item: each is read as it is due, or not at all.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::model::money::Amount;
use crate::pleo::wire::malformed::LONGEST_CODE;
use crate::pleo::wire::reader::{moment, plain_date};
use crate::pleo::wire::repair::UNREADABLE;

/// A JSON object and nothing else: a list of the right length would be taken for one.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = Object<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }
        deserializer.deserialize_map(Fields(PhantomData))
    }
}

/// A text that can be read whole.
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.contains(UNREADABLE) {
            return Err(odd());
        }
        Ok(Self(text))
    }
}

impl Text {
    pub(super) fn unless_blank(self) -> Option<String> {
        Some(self.0).filter(|text| !text.trim().is_empty())
    }

    pub(super) fn identifier(self) -> Option<String> {
        self.unless_blank().filter(|text| text.len() <= LONGEST_CODE)
    }
}

pub(super) fn given(text: Option<Text>) -> Option<String> {
    text.and_then(Text::unless_blank)
}

/// A code or number by which something is found; it may come as a number.
pub(super) struct Code(pub(super) String);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        let code = if is_number(json) {
            json.to_owned()
        } else {
            serde_json::from_str::<Text>(json)
                .map_err(|_| odd::<D::Error>())?
                .0
        };
        if code.len() > LONGEST_CODE {
            return Err(odd());
        }
        Ok(Self(code))
    }
}

pub(super) fn code(code: Option<Code>) -> Option<String> {
    code.map(|code| code.0).filter(|code| !code.trim().is_empty())
}

pub(super) struct Figure(pub(super) Amount);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        let amount = Some(json).filter(|json| is_number(json));
        let amount = amount.and_then(|json| Amount::from_json_number(json).ok());
        amount.map(Self).ok_or_else(odd)
    }
}

fn is_number(json: &str) -> bool {
    json.starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

pub(super) struct Moment(pub(super) DateTime<Utc>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        moment(&text).map(Self).ok_or_else(odd)
    }
}

pub(super) struct Day(pub(super) NaiveDate);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Text(text) = Text::deserialize(deserializer)?;
        plain_date(&text).map(Self).ok_or_else(odd)
    }
}

fn odd<E: Error>() -> E {
    Error::custom("")
}
