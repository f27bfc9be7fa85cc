//! The content hashes in the books: by them an expense that is exported again is told from one that was changed.

use crate::bookkeeping;
use crate::checkpoint::Recorded;
use crate::pleo::wire;
use crate::systems::Found;

/// Whether the hash of an entry is not that of what was exported with it. Once the payload is gone only what nobody can read is
/// found.
pub(super) fn is_hash_spoilt(found: &Found, recorded: Option<&Recorded>) -> bool {
    let hash = found.booked().and_then(|booked| booked.content_hash.as_deref());
    let exported = recorded.and_then(|recorded| wire::export_item(recorded.exported.as_deref()?).ok());
    hash.is_some_and(|hash| bookkeeping::is_spoilt(hash, exported.as_ref()))
}
