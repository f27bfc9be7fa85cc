//! Why an item cannot be booked: a kind that Pleo knows, and a text that tells the bookkeeper what to do.
//!
//! Every text of a plan is made in this folder, so that they can be read side by side; what cannot be read, lacks a receipt or
//! is not taken by Pleo is worded by whoever finds it. Each refusal also carries the cause without the particulars of the
//! item, by which the refusals of a job are counted.

mod items;
mod parties;
mod places;

use thiserror::Error;

use crate::host::foreign_text::one_line;
use crate::model::verdict::ItemFailureType;

/// The longest foreign word that a text quotes, in characters.
const LONGEST_WORD: usize = 80;

/// Why one item cannot be booked. Nothing of it was touched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Its kind, in Pleo's words.
    pub failure_type: ItemFailureType,
    /// What is wrong with which object and what to do: sentences for the bookkeeper.
    pub reason: String,
    /// The cause alone: the same text for every item that is refused for it.
    pub group: String,
}

/// How many refusals there are of each cause, the most frequent first, then by text.
pub fn most_frequent_first(counts: impl IntoIterator<Item = (String, usize)>) -> Vec<(String, usize)> {
    let mut groups: Vec<(String, usize)> = counts.into_iter().collect();
    groups.sort_by(|(text, count), (other_text, other_count)| {
        other_count.cmp(count).then_with(|| text.cmp(other_text))
    });
    groups
}

impl Refusal {
    /// Foreign text may hold line breaks and terminal codes; none of them reaches a log or a bookkeeper.
    pub fn new(failure_type: ItemFailureType, reason: String, group: impl Into<String>) -> Self {
        let printable = |text: String| text.replace(|character: char| character.is_control(), " ");
        Self {
            failure_type,
            reason: printable(reason),
            group: printable(group.into()),
        }
    }

    fn invalid(reason: String, group: impl Into<String>) -> Self {
        Self::new(ItemFailureType::ValidationFailure, reason, group)
    }

    fn missing(reason: String, group: impl Into<String>) -> Self {
        Self::new(ItemFailureType::MissingConfiguration, reason, group)
    }
}

/// `6800 (Meals)`.
fn named(code: &str, name: &str) -> String {
    let name = one_line(name, LONGEST_WORD);
    if name.is_empty() || name == code {
        code.to_owned()
    } else {
        format!("{code} ({name})")
    }
}

/// A foreign word as it came, shortened.
fn quoted(word: &str) -> String {
    format!("\"{}\"", one_line(word, LONGEST_WORD))
}
