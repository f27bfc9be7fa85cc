//! What is told of a part of an answer that cannot be read.

use std::fmt;

use thiserror::Error;

use super::words::{self, Words};
use crate::host::foreign_text::one_line;

/// The longest code, number or reference, in characters.
pub(super) const LONGEST_CODE: usize = 200;

/// Something that Pleo sent cannot be read: which field, and what was there. As text it is a clause for operators, such as
/// "`amount.inWalletCurrency.value` is 12.5, not a whole number of hundredths".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct Malformed {
    pub(super) path: String,
    pub(super) problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Missing,
    Empty,
    /// What is there, and what is due instead.
    Wrong {
        is: String,
        due: String,
    },
    /// A code, number or reference with so many characters.
    TooLong {
        length: usize,
    },
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = place(&self.path);
        match &self.problem {
            Problem::Missing => write!(f, "{place} is missing"),
            Problem::Empty => write!(f, "{place} is empty"),
            Problem::Wrong { is, due } => write!(f, "{place} is {is}, not {due}"),
            Problem::TooLong { length } => write!(f, "{place} {}", too_long(*length)),
        }
    }
}

impl Malformed {
    /// Whether a code, number or reference is longer than any is.
    pub(super) fn is_too_long(&self) -> bool {
        matches!(self.problem, Problem::TooLong { .. })
    }

    /// What is wrong with an export item in a bookkeeper's words, without the remedy: "the invoice has no number".
    pub fn in_words(&self) -> String {
        let Words { owner, name, .. } = words::words(&self.path);
        match (&self.problem, name) {
            (Problem::Missing | Problem::Empty, Some(name)) => format!("{owner} has no {name}"),
            (Problem::Missing | Problem::Empty, None) => format!("{owner} is missing"),
            (Problem::Wrong { is, due }, Some(name)) => {
                let are = if words::is_several(name) { "are" } else { "is" };
                format!("the {name} of {owner} {are} {is}, not {due}")
            }
            (Problem::Wrong { is, .. }, None) => format!("{owner} cannot be read ({is})"),
            (Problem::TooLong { length }, Some(name)) => {
                format!("the {name} of {owner} {}", too_long(*length))
            }
            (Problem::TooLong { length }, None) => format!("{owner} {}", too_long(*length)),
        }
    }

    /// The same as a sentence, with what a bookkeeper can do.
    pub fn for_a_bookkeeper(&self) -> String {
        let what = self.in_words();
        let mut letters = what.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string());
        let what = format!("{}{}", first.unwrap_or_default(), letters.as_str());
        match (words::words(&self.path).is_entered, &self.problem) {
            (true, Problem::Missing | Problem::Empty) => {
                format!("{what}: enter it in Pleo, then export again.")
            }
            (true, Problem::TooLong { .. }) => format!("{what}: shorten it in Pleo, then export again."),
            (true, Problem::Wrong { .. }) => {
                format!(
                    "{what}: correct it in Pleo, then export again; where it is right there, ask Pleo's support."
                )
            }
            (false, _) => format!("{what}: export it again, and ask Pleo's support if it stays so."),
        }
    }
}

fn too_long(length: usize) -> String {
    let most = LONGEST_CODE;
    format!("has {length} characters, more than the {most} that any code, number or reference has")
}

/// How much of a path is shown, in characters.
const SHOWN_OF_PATH: usize = 120;

/// A path as operators read it.
fn place(path: &str) -> String {
    if path.is_empty() {
        "what was received".to_owned()
    } else {
        format!("`{}`", one_line(path, SHOWN_OF_PATH))
    }
}
