//! A small reader of JSON that knows where it is, so that an error names the path of the field.
//!
//! Values stay the text that was received until they are asked for, which keeps numbers exact. Null and absent
//! are the same, as Pleo uses both.

use std::collections::BTreeMap;
use std::fmt::Display;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use serde_json::value::RawValue;

use super::malformed::{LONGEST_CODE, Malformed, Problem};
use super::repair::UNREADABLE;
use crate::host::foreign_text::one_line;
use crate::model::money::{Amount, AmountError, Currency};

/// How much of a wrong value an error shows.
const SHOWN_CHARACTERS: usize = 60;

/// The years of expenses. A date of another one is an error, and would not fit where dates are kept.
const FIRST_YEAR: i32 = 1900;
const LAST_YEAR: i32 = 2199;

/// More seconds than any job may live: a hundred years.
const LONGEST_TIME: u64 = 100 * 366 * 86_400;

/// How ISO 8601 writes a moment, beside the common form: without seconds, or with a zone in fewer characters.
const ISO_FORMATS: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"];

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(in crate::pleo) struct Field<'a> {
    path: String,
    json: &'a str,
}

/// An object and where it stands.
#[derive(Debug)]
pub(super) struct Object<'a> {
    path: String,
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Field<'a> {
    /// The whole of a text that came from outside.
    pub(super) const fn root(json: &'a str) -> Self {
        Self {
            path: String::new(),
            json,
        }
    }

    /// The value as it was received.
    pub(super) const fn json(&self) -> &'a str {
        self.json
    }

    pub(super) fn is_null(&self) -> bool {
        self.json == "null"
    }

    pub(super) fn object(&self) -> Result<Object<'a>, Malformed> {
        let fields = serde_json::from_str(self.json).map_err(|_| self.is_not("an object"))?;
        Ok(Object {
            path: self.path.clone(),
            fields,
        })
    }

    pub(super) fn array(&self) -> Result<Vec<Self>, Malformed> {
        let elements: Vec<&RawValue> = serde_json::from_str(self.json).map_err(|_| self.is_not("a list"))?;
        Ok(elements
            .into_iter()
            .enumerate()
            .map(|(index, element)| Self {
                path: format!("{}[{index}]", self.path),
                json: element.get(),
            })
            .collect())
    }

    /// A text that names or decides something, so each of its characters counts.
    pub(super) fn text(&self) -> Result<String, Malformed> {
        let text: String = serde_json::from_str(self.json).map_err(|_| self.is_not("a text"))?;
        if text.contains(UNREADABLE) {
            return Err(self.is_not("a text that can be read whole"));
        }
        Ok(text)
    }

    /// A text for people: whatever of it can be read. A number is taken as written; `None` where it is no text at all.
    fn words(&self) -> Option<String> {
        if self.is_number() {
            return Some(self.json.to_owned());
        }
        serde_json::from_str(self.json).ok()
    }

    /// For codes and numbers of documents: a code of digits may come as a number and is taken as written.
    pub(super) fn text_or_number(&self) -> Result<String, Malformed> {
        if self.is_number() {
            return Ok(self.json.to_owned());
        }
        self.text()
    }

    /// A code or number by which something is found: it is never cut, so it must be short.
    pub(super) fn code(&self) -> Result<String, Malformed> {
        let code = self.text_or_number()?;
        self.refuse_long(&code)?;
        Ok(code)
    }

    /// Refuses a text by which something is found and that is too long for it.
    pub(super) fn refuse_long(&self, text: &str) -> Result<(), Malformed> {
        let length = text.chars().count();
        if length <= LONGEST_CODE {
            return Ok(());
        }
        Err(Malformed {
            path: self.path.clone(),
            problem: Problem::TooLong { length },
        })
    }

    pub(super) fn flag(&self) -> Result<bool, Malformed> {
        serde_json::from_str(self.json).map_err(|_| self.is_not("true or false"))
    }

    /// A count, in whatever unit; less than nothing is nothing. `3600.0` is 3600.
    pub(super) fn count(&self) -> Result<u64, Malformed> {
        // An amount is a number read without loss, whatever it counts.
        let number = Some(self.json).filter(|_| self.is_number());
        let number = number.and_then(|json| Amount::from_json_number(json).ok());
        let number = number.ok_or_else(|| self.is_not("a whole number"))?;
        Ok(u64::try_from(number.in_hundredths()).unwrap_or(0))
    }

    /// A time in seconds that a person may live to see.
    pub(super) fn seconds(&self) -> Result<u64, Malformed> {
        let seconds = self.count()?;
        if seconds > LONGEST_TIME {
            return Err(self.is_not("a time of at most a hundred years"));
        }
        Ok(seconds)
    }

    pub(super) fn amount(&self) -> Result<Amount, Malformed> {
        if !self.is_number() {
            return Err(self.is_not("a number"));
        }
        Amount::from_json_number(self.json).map_err(|error| match error {
            AmountError::NotANumber(_) => self.is_not("a number"),
            AmountError::Fraction(_) => self.is_not("a whole number of hundredths"),
            AmountError::TooLarge(_) => self.is_not("an amount that books can hold"),
        })
    }

    pub(super) fn currency(&self) -> Result<Currency, Malformed> {
        self.text()?.parse().map_err(|_| self.is_not("a currency code"))
    }

    /// A count, and the most that it can be: more is taken for that much.
    pub(super) fn count_up_to(&self, most: u64) -> Result<u64, Malformed> {
        self.count().map(|count| count.min(most))
    }

    /// A moment of our times; a plain date is its first moment in UTC.
    pub(super) fn moment(&self) -> Result<DateTime<Utc>, Malformed> {
        let moment = self.any_moment()?;
        if is_of_our_times(moment) {
            return Ok(moment);
        }
        Err(self.is_not(format!("a date from {FIRST_YEAR} to {LAST_YEAR}")))
    }

    /// A moment that matters less than what it stands beside: one that is not of our times is taken for the nearest
    /// that is.
    pub(super) fn nearest_moment(&self) -> Result<DateTime<Utc>, Malformed> {
        let moment = self.any_moment()?;
        let year = moment.year().clamp(FIRST_YEAR, LAST_YEAR);
        let nearest = NaiveDate::from_ymd_opt(year, 1, 1).map(|day| day.and_time(NaiveTime::MIN).and_utc());
        Ok(nearest.filter(|_| year != moment.year()).unwrap_or(moment))
    }

    fn any_moment(&self) -> Result<DateTime<Utc>, Malformed> {
        any_moment(&self.text()?).ok_or_else(|| self.is_not("a date with time and zone"))
    }

    /// A calendar date as written: the time and zone behind it never shift it.
    pub(super) fn date(&self) -> Result<NaiveDate, Malformed> {
        plain_date(&self.text()?).ok_or_else(|| self.is_not("a date"))
    }

    /// A text that decides nothing: repaired, or left out where it is no text, with a remark.
    pub(super) fn decoration(&self, remarks: &mut Vec<String>) -> Option<String> {
        let text = self.words();
        match &text {
            None => {
                let problem = self.is_not("a text").in_words();
                remarks.push(format!("{problem}, so it is left out"));
            }
            Some(text) if text.contains(UNREADABLE) => {
                remarks.push(self.is_not("a text that can be read whole").in_words());
            }
            Some(_) => {}
        }
        text
    }

    /// Says what is here and what is due instead.
    pub(super) fn is_not(&self, due: impl Display) -> Malformed {
        Malformed {
            path: self.path.clone(),
            problem: Problem::Wrong {
                is: one_line(self.json, SHOWN_CHARACTERS),
                due: due.to_string(),
            },
        }
    }

    fn is_number(&self) -> bool {
        self.json
            .starts_with(|first: char| first == '-' || first.is_ascii_digit())
    }
}

impl<'a> Object<'a> {
    /// The field, unless it is absent or null.
    pub(super) fn field(&self, name: &str) -> Option<Field<'a>> {
        let value = self.fields.get(name)?;
        let field = Field {
            path: self.path_of(name),
            json: value.get(),
        };
        Some(field).filter(|field| !field.is_null())
    }

    pub(super) fn required(&self, name: &str) -> Result<Field<'a>, Malformed> {
        self.field(name).ok_or_else(|| Malformed {
            path: self.path_of(name),
            problem: Problem::Missing,
        })
    }

    /// An identifier: a text with something in it.
    pub(super) fn identifier(&self, name: &str) -> Result<String, Malformed> {
        let field = self.required(name)?;
        let text = field.text()?;
        if text.trim().is_empty() {
            return Err(Malformed {
                path: field.path,
                problem: Problem::Empty,
            });
        }
        Ok(text)
    }

    /// A text or code that may be absent; an empty one says nothing either.
    pub(super) fn optional_text(&self, name: &str) -> Result<Option<String>, Malformed> {
        let text = self.optional(name, Field::text_or_number)?;
        Ok(text.filter(|text| !text.trim().is_empty()))
    }

    /// A code or number by which something is found, that may be absent; an empty one says nothing either.
    pub(super) fn optional_code(&self, name: &str) -> Result<Option<String>, Malformed> {
        let code = self.optional(name, Field::code)?;
        Ok(code.filter(|code| !code.trim().is_empty()))
    }

    /// An identifier of a length that is never cut.
    pub(super) fn short_identifier(&self, name: &str) -> Result<String, Malformed> {
        let text = self.identifier(name)?;
        self.required(name)?.code()?;
        Ok(text)
    }

    /// A text for people that may be absent; what is none is passed over.
    pub(super) fn words(&self, name: &str) -> Option<String> {
        self.field(name)?.words().filter(|text| !text.trim().is_empty())
    }

    /// The same, with a remark where something is not as it was written.
    pub(super) fn decoration(&self, name: &str, remarks: &mut Vec<String>) -> Option<String> {
        let field = self.field(name)?;
        field.decoration(remarks).filter(|text| !text.trim().is_empty())
    }

    /// Whatever `read` makes of the field, unless it is absent or null.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Field<'a>) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        self.field(name).map(|field| read(&field)).transpose()
    }

    /// A list of things, without its nulls; an absent list is empty.
    pub(super) fn list<T>(
        &self,
        name: &str,
        read: impl Fn(&Field<'a>) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let Some(field) = self.field(name) else {
            return Ok(Vec::new());
        };
        let elements = field.array()?;
        elements
            .iter()
            .filter(|element| !element.is_null())
            .map(read)
            .collect()
    }

    /// All fields, in the order of their names.
    pub(super) fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        self.fields.iter().map(|(name, value)| Field {
            path: self.path_of(name),
            json: value.get(),
        })
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }
}

/// A moment of our times, or a plain date's first moment.
pub(super) fn moment(text: &str) -> Option<DateTime<Utc>> {
    any_moment(text).filter(|moment| is_of_our_times(*moment))
}

fn is_of_our_times(moment: DateTime<Utc>) -> bool {
    (FIRST_YEAR..=LAST_YEAR).contains(&moment.year())
}

fn any_moment(text: &str) -> Option<DateTime<Utc>> {
    iso_moment(text).or_else(|| {
        let date = plain_date(text).filter(|_| text.len() == 10)?;
        Some(date.and_time(NaiveTime::MIN).and_utc())
    })
}

/// A moment with its zone, as ISO 8601 writes it.
fn iso_moment(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let common = DateTime::parse_from_rfc3339(text).ok();
    let moment = common.or_else(|| {
        let form = |format: &&str| DateTime::parse_from_str(text, format).ok();
        // The parser also takes signs and spaces in place of digits.
        plain_date(text)?;
        ISO_FORMATS.iter().find_map(form)
    })?;
    let moment = moment.with_timezone(&Utc);
    (1..=9999).contains(&moment.year()).then_some(moment)
}

/// The date at the beginning of `2026-10-05` or `2026-10-05T22:00:00Z`.
pub(super) fn plain_date(text: &str) -> Option<NaiveDate> {
    let (day, rest) = text.split_at_checked(10)?;
    let date = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
    // The parser also takes signs and spaces in place of digits.
    (date.to_string() == day && (rest.is_empty() || rest.starts_with(['T', ' ']))).then_some(date)
}
