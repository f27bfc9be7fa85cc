//! Lines of a ledger file, and what is written of an entry.

use std::fmt::{Display, Write};

use chrono::{Datelike, NaiveDate};

use super::super::number::Number;
use super::super::text::quoted;
use crate::model::document::{Document, PlannedItem};

/// One transaction to write.
#[derive(Debug)]
pub(in super::super) struct Entry<'a> {
    /// The item that it belongs to.
    pub(in super::super) item: &'a PlannedItem,
    /// Which of its documents.
    pub(in super::super) document: &'a Document,
    /// Which booking of it.
    pub(in super::super) revision: u32,
    pub(in super::super) number: Number,
    /// What was found odd in the books when it was placed.
    pub(in super::super) remarks: Vec<String>,
}

/// Writes metadata lines with a given indentation.
pub(super) struct Lines<'a> {
    pub(super) out: &'a mut String,
    pub(super) indent: &'static str,
}

impl Lines<'_> {
    pub(super) fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.raw(key, quoted(value));
        }
    }

    pub(super) fn date(&mut self, key: &str, value: Option<NaiveDate>) {
        match value {
            Some(date) if is_writable(date) => self.raw(key, date),
            Some(date) => self.text(key, Some(&date.to_string())),
            None => {}
        }
    }

    pub(super) fn raw(&mut self, key: &str, value: impl Display) {
        line(self.out, format_args!("{}{key}: {value}", self.indent));
    }
}

/// Whether beancount can hold the day: it knows the years 1 to 9999.
pub(in super::super) fn is_writable(date: NaiveDate) -> bool {
    (1..=9999).contains(&date.year())
}

pub(super) fn line(out: &mut String, content: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{content}");
}
