//! The checkpoint: one SQLite file that makes a run fast to go on with, and explains it afterwards.
//!
//! **Stored**: whose checkpoint it is; the jobs we work on, with the outcome we are about to tell Pleo; their items
//! with state, data and verdict; the highest numbers that the books gave; how the last polls ended, and what keeps the
//! next ones waiting; an append-only audit trail. Never a credential. Losing the file loses no booking: the books are
//! the truth, and every entry is looked up there before it is booked.
//!
//! **Written** by one process at a time, the holder of the [`RunLock`], which a run takes before it opens the file.
//! Every change is one transaction (what goes through many rows makes several), and what a method returns from is on the
//! disk (`synchronous=FULL`), also after a power cut. All SQL about this file is in this folder, and every change of a
//! state goes through
//! [`JobState::next`](crate::model::state::JobState::next) or
//! [`ItemState::next`](crate::model::state::ItemState::next).
//!
//! **Read** at any time, also in mid-run and without the lock. That is what the write-ahead log is for: a reader
//! sees the last committed moment, the same for as long as it looks, and nobody waits for the other. WAL needs
//! shared memory, so the file must lie on a disk of this machine and not on a network share.
//!
//! The file and SQLite's two companions (`-wal`, `-shm`) are readable by their owner alone, as payloads name people.

mod audit;
mod blocked;
mod columns;
mod compared;
mod connection;
mod contact;
mod error;
mod facts;
mod file;
mod health;
mod item_row;
mod items;
mod jobs;
mod lock;
mod owner;
mod rehearsal;
mod reports;
mod retention;
mod schema;
mod shown;
mod small_rows;
#[cfg(test)]
mod tests;
mod told;

pub use self::blocked::Blocked;
pub use self::compared::{About, Recorded};
pub use self::contact::{Contact, FailedPolls, PollEnd, Told};
pub use self::error::{CheckpointError, Fault, NO_FILE_HINT};
pub use self::facts::{ItemData, ItemFacts, ReadFacts};
pub use self::file::Checkpoint;
pub use self::items::{Position, StoredItem};
pub use self::jobs::JobRecord;
pub use self::lock::{LockError, RunLock, at_work, last_holder, lock_path, since};
pub use self::owner::Owner;
pub use self::rehearsal::RehearsedItem;
pub use self::reports::{Counts, Finality};
pub use self::shown::{ShownItem, TrailLine};
pub use self::told::TOLERATED;
