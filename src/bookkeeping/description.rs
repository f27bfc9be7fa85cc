//! The two lines that people read first: who it was with, and what it was for.
//!
//! The description says what it was and who spent. Both lines together are so short that Fava's journal shows all of them,
//! also beside the metadata of a bill; the end of the note is cut for it and marked with `…`. The item itself is kept
//! elsewhere, whole.

use crate::host::foreign_text::one_line;
use crate::model::export_item::{ExportItem, ItemType};

use super::method::vendor_name;

/// How long payee and description are together, in characters, where the payee leaves room for it.
const TOGETHER: usize = 72;

/// How long a description may be beside a payee of any length, in characters.
const SHORTEST: usize = 40;

/// How much of what it was is said in any case, in characters, also beside the longest names.
const SHORTEST_WHAT: usize = 16;

/// The longest name of a person in it, in characters.
const LONGEST_NAME: usize = 24;

/// With whom it was: the tagged vendor, else the supplier, else Pleo itself.
pub fn payee(item: &ExportItem) -> String {
    let name = vendor_name(item).map(line).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "Pleo".to_owned())
}

/// What it was, who spent and with whom.
pub(super) fn description(item: &ExportItem) -> String {
    let note = item.note.as_deref().map(line).filter(|note| !note.is_empty());
    let what = match note {
        Some(note) if says(&note, &item.item_type) => note,
        Some(note) => format!("{}: {note}", in_words(&item.item_type)),
        None => in_words(&item.item_type),
    };
    let people = people(item).map_or_else(String::new, |people| format!(" / {people}"));
    let longest = TOGETHER.saturating_sub(payee(item).chars().count()).max(SHORTEST);
    let room = longest.saturating_sub(people.chars().count()).max(SHORTEST_WHAT);
    format!("{}{people}", one_line(&what, room))
}

/// The spender, and those who took part as far as they are one: `Anna Berg and 3 others`.
fn people(item: &ExportItem) -> Option<String> {
    let name = |name: &str| Some(one_line(name, LONGEST_NAME)).filter(|name| !name.is_empty());
    let spender = item.user.as_ref().and_then(|user| name(&user.name));
    let others: Vec<String> = item.attendees.iter().filter_map(|other| name(other)).collect();
    let others = match &others[..] {
        [] => None,
        [other] => Some(other.clone()),
        several if spender.is_some() => Some(format!("{} others", several.len())),
        several => Some(format!("{} people", several.len())),
    };
    match (spender, others) {
        (Some(spender), Some(others)) => Some(format!("{spender} and {others}")),
        (spender, others) => spender.or(others),
    }
}

/// Whether a note alone says what it was: something was bought, or the note names the type.
fn says(note: &str, item_type: &ItemType) -> bool {
    use ItemType::{CardInvoice, CardPurchase, Invoice, OutOfPocket};
    let is_purchase = matches!(item_type, CardPurchase | CardInvoice | OutOfPocket | Invoice);
    is_purchase || note.to_lowercase().contains(&in_words(item_type).to_lowercase())
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
