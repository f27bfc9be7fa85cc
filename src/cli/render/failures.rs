//! The failed items of a job, by what is to be done about them.

use std::collections::HashMap;

use crate::cli::table::Table;
use crate::host::counted::counted;
use crate::model::ids::AccountingEntryId;
use crate::model::verdict::Failure;

/// The failed items by what is to be done about them; empty where none failed.
pub(in crate::cli) fn failures_table(failures: &[(AccountingEntryId, Failure)]) -> String {
    if failures.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["failed", "type", "what to do"]);
    for cause in causes(failures) {
        table.row(&[&cause.items(), cause.failure_type, &cause.text]);
    }
    table.render()
}

/// Failed items of which the same is said.
struct Cause<'a> {
    failure_type: &'static str,
    text: String,
    entries: Vec<&'a AccountingEntryId>,
}

impl Cause<'_> {
    /// The item itself where it is the only one, else how many there are.
    fn items(&self) -> String {
        match self.entries.as_slice() {
            [only] => only.to_string(),
            several => counted(several.len(), "item"),
        }
    }
}

/// The causes of these failures, the most frequent first.
fn causes(failures: &[(AccountingEntryId, Failure)]) -> Vec<Cause<'_>> {
    let mut places = HashMap::new();
    let mut causes: Vec<Cause<'_>> = Vec::new();
    for (entry, failure) in failures {
        let (failure_type, text) = (failure.failure_type().as_str(), failure.text());
        let place = *places.entry((failure_type, text.clone())).or_insert(causes.len());
        if place == causes.len() {
            causes.push(Cause {
                failure_type,
                text,
                entries: Vec::new(),
            });
        }
        if let Some(cause) = causes.get_mut(place) {
            cause.entries.push(entry);
        }
    }
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.entries.len()));
    causes
}
