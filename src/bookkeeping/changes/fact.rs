//! One thing that an item says now, beside what the books say it was.

use crate::bookkeeping::fingerprint::Field;
use crate::host::foreign_text::one_line;
use crate::model::booked_content::Stated;

/// The longest value that a text quotes, in characters.
const LONGEST: usize = 80;

pub(super) const NOTHING: &str = "none";

/// What the item says now, beside what the books say it was.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) field: Field,
    /// The subject with its verb: `the amount is`.
    pub(super) subject: String,
    pub(super) now: String,
    pub(super) before: Before,
}

#[derive(Debug)]
pub(super) enum Before {
    /// The books do not show it, or show nothing else than now.
    NotKnown,
    /// The books show something else.
    Other(String),
}

impl Fact {
    /// A fact that the books state or not; `is_same` compares.
    pub(super) fn of<T>(
        field: Field,
        subject: &str,
        now: String,
        before: &Stated<T>,
        is_same: impl Fn(Option<&T>) -> bool,
        text: impl FnOnce(&T) -> String,
    ) -> Self {
        let before = match before {
            Stated::NotHere => Before::NotKnown,
            Stated::Nothing if is_same(None) => Before::NotKnown,
            Stated::This(before) if is_same(Some(before)) => Before::NotKnown,
            Stated::Nothing => Before::Other(NOTHING.to_owned()),
            Stated::This(before) => Before::Other(text(before)),
        };
        Self {
            field,
            subject: subject.to_owned(),
            now,
            before,
        }
    }

    pub(super) fn is_other(&self) -> bool {
        matches!(self.before, Before::Other(_))
    }

    /// The clause, where the books show what it was.
    pub(super) fn difference(&self) -> Option<String> {
        match &self.before {
            Before::NotKnown => None,
            Before::Other(before) => Some(self.clause(&format!("instead of {}", shown(before)))),
        }
    }

    /// The clause, where the hash alone says that it changed.
    pub(super) fn unknown_difference(&self, was_there: bool) -> String {
        self.clause(if was_there {
            "(before: not known here)"
        } else {
            "instead of none"
        })
    }

    fn clause(&self, end: &str) -> String {
        format!("{} now {} {end}", self.subject, shown(&self.now))
    }
}

/// A value in words.
pub(super) fn or_nothing(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty())
        .unwrap_or_else(|| NOTHING.to_owned())
}

/// Foreign text, fit for people.
fn shown(text: &str) -> String {
    one_line(text, LONGEST)
}
