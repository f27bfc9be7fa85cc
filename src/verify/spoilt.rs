//! The content hashes in the books: by them an expense that is exported again is told from one that was changed.

use crate::bookkeeping;
use crate::checkpoint::Recorded;
use crate::model::inspected::{Evidence, Inspected};
use crate::pleo::wire;
use crate::systems::Found;

/// What is wrong with the content hash that the books keep of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HashProblem {
    /// It is not that of what was exported.
    Spoilt,
    /// There is none any more, although the entry was booked with one.
    Gone,
}

/// What is wrong with the hash of an entry. Once the payload is gone only what nobody can read is found.
pub(super) fn hash_problem(
    found: &Found,
    inspected: &Inspected,
    recorded: Option<&Recorded>,
) -> Option<HashProblem> {
    let Some(hash) = found.booked()?.content_hash.as_deref() else {
        // Whatever has evidence was booked with a hash.
        let had_one = matches!(inspected.evidence, Evidence::Whole | Evidence::Removed);
        return had_one.then_some(HashProblem::Gone);
    };
    let exported = recorded.and_then(|recorded| wire::export_item(recorded.exported.as_deref()?).ok());
    bookkeeping::is_spoilt(hash, exported.as_ref()).then_some(HashProblem::Spoilt)
}
