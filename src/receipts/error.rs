//! What can go wrong with receipts, by what the caller can do about it.

use std::path::PathBuf;

use thiserror::Error;

use crate::host::files::FileError;
use crate::model::verdict::ItemFailureType;

/// A receipt that could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct ReceiptError {
    /// What the caller can do about it.
    pub kind: ReceiptErrorKind,
    /// Why, in Pleo's words.
    pub failure_type: ItemFailureType,
    /// What happened and what to do, for the bookkeeper: one sentence, without a word on what is booked.
    pub reason: String,
}

impl ReceiptError {
    /// Whether it may still come, to somebody with new patience.
    pub fn is_stalled(&self) -> bool {
        matches!(self.kind, ReceiptErrorKind::Stalled | ReceiptErrorKind::OutOfTime)
    }
}

/// What the caller can do about a receipt that could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptErrorKind {
    /// The address works no more: read the item again for a new one.
    Expired,
    /// It may work later.
    Temporary,
    /// It did not come in time, and neither may the next one: another run has new patience.
    Stalled,
    /// The time for all was over before it was fetched or given up.
    OutOfTime,
    /// It will not work until somebody changes the receipt in Pleo.
    Final,
    /// The run was asked to stop.
    Stopped,
}

/// Why no receipts can be fetched at all.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The folder for receipts cannot be used.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// The folder for receipts has files of somebody else in it.
    #[error("`{}` is where receipts lie until they are booked, but it holds files that are not ours: move it away", .0.display())]
    NotOurs(PathBuf),
}
