//! The two lines that people read first: who it was with, and what it was for.
//!
//! The description says what it was and who spent, with whom, at most [`LONGEST`] characters: when it is longer the end
//! of the note is cut and marked with `…`. The item itself is kept elsewhere, whole.

use crate::model::export_item::{ExportItem, ItemType};
use crate::model::foreign_text::one_line;

use super::accounts::given;
use super::method::vendor_name;

/// The longest description, in characters: what Fava's journal shows on one line beside the amounts.
const LONGEST: usize = 120;

/// The longest name of a person in it, in characters.
const LONGEST_NAME: usize = 30;

/// How many of those who took part are named.
const NAMED: usize = 2;

/// With whom it was: the tagged vendor, else the supplier, else Pleo itself.
pub fn payee(item: &ExportItem) -> Option<String> {
    let name = vendor_name(item).map(line).filter(|name| !name.is_empty());
    Some(name.unwrap_or_else(|| "Pleo".to_owned()))
}

/// What it was, who spent and with whom.
pub(super) fn description(item: &ExportItem) -> String {
    let name = |name: &str| one_line(name, LONGEST_NAME);
    let spender = item.user.as_ref().and_then(|user| given(Some(&user.name)));
    let mut people = spender.map(name).into_iter().collect::<Vec<_>>();
    people.extend(with(&item.attendees));
    let people = people
        .iter()
        .filter(|part| !part.is_empty())
        .fold(String::new(), |text, part| format!("{text} / {part}"));
    let note = item.note.as_deref().map(line).filter(|note| !note.is_empty());
    let what = note.unwrap_or_else(|| in_words(&item.item_type));
    let room = LONGEST.saturating_sub(people.chars().count());
    format!("{}{people}", one_line(&what, room))
}

/// `with Bo Lind, Eva Dahl and 3 more`
fn with(attendees: &[String]) -> Option<String> {
    let names: Vec<String> = attendees
        .iter()
        .map(|attendee| one_line(attendee, LONGEST_NAME))
        .filter(|name| !name.is_empty())
        .collect();
    let (named, others) = names.split_at_checked(NAMED).unwrap_or((&names, &[]));
    Some(match (named, others) {
        ([], _) => return None,
        ([all @ .., last], []) if !all.is_empty() => format!("with {} and {last}", all.join(", ")),
        (named, []) => format!("with {}", named.join(", ")),
        (named, others) => format!("with {} and {} more", named.join(", "), others.len()),
    })
}

/// The type of an item as people say it.
fn in_words(item_type: &ItemType) -> String {
    let word = match item_type {
        ItemType::AtmWithdrawal => "ATM withdrawal".to_owned(),
        ItemType::WalletTopup => "wallet top-up".to_owned(),
        other => line(&other.as_str().replace('_', " ")),
    };
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// On one line, all of it.
fn line(text: &str) -> String {
    one_line(text, usize::MAX)
}
