//! The two lines that people read first: who it was with, and what it was for.
//!
//! The description is supplier, spender and note, at most [`LONGEST`] characters: when it is longer the
//! spender becomes initials, and when that is not enough the end is cut and marked with `…`. Nothing is lost
//! by it: the item itself goes into the books as well.

use crate::model::export_item::ExportItem;
use crate::model::foreign_text::one_line;

use super::accounts::given;
use super::method::vendor_name;

/// The longest description, in characters.
const LONGEST: usize = 200;

/// The payee: the tagged vendor, else the supplier, else the spender.
pub(super) fn payee(item: &ExportItem) -> Option<String> {
    let spender = item.user.as_ref().and_then(|user| given(Some(&user.name)));
    vendor_name(item)
        .or(spender)
        .map(line)
        .filter(|name| !name.is_empty())
}

/// What it was for; the type of the item where nobody said anything.
pub(super) fn description(item: &ExportItem) -> String {
    let supplier = item
        .supplier
        .as_ref()
        .and_then(|supplier| supplier.name.as_deref());
    let supplier = supplier.or(item.vendor.as_ref().map(|vendor| vendor.name.as_str()));
    let spender = item.user.as_ref().map(|user| line(&user.name));
    let join = |spender: Option<String>| {
        [supplier.map(line), spender, item.note.as_deref().map(line)]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" / ")
    };
    let whole = join(spender.clone());
    if whole.is_empty() {
        return line(&item.item_type.as_str().replace('_', " "));
    }
    if whole.chars().count() <= LONGEST {
        return whole;
    }
    one_line(&join(spender.as_deref().map(initials)), LONGEST)
}

/// `Anna Maria Berg` → `A. M. B.`
fn initials(name: &str) -> String {
    name.split(' ')
        .filter_map(|word| word.chars().next())
        .map(|letter| format!("{letter}."))
        .collect::<Vec<_>>()
        .join(" ")
}

/// On one line, all of it.
fn line(text: &str) -> String {
    one_line(text, usize::MAX)
}
