//! What it means for an item that a file of the books could not be read or written.

use std::io;

use crate::host::files::FileError;
use crate::systems::SystemError;

/// For what could not be read.
pub(super) fn unreadable(error: &FileError) -> SystemError {
    // What to do about it is said beside it, to whoever can.
    let reason = format!("The books could not be read: {error}.");
    if error.is_lasting() {
        SystemError::Damaged { reason }
    } else {
        SystemError::Unavailable { reason }
    }
}

/// For what failed before anything had its name in the books.
pub(super) fn nothing_booked(error: &FileError) -> SystemError {
    if error.is_about_a_link() {
        return SystemError::Damaged {
            reason: format!("The books were not written: {error}. Then run again."),
        };
    }
    let advice = match error.source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            " Make room on the disk, then run again."
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            " Let the user that runs pleo-export write there, then run again."
        }
        _ => "",
    };
    let reason = format!("The books could not be written: {error}.{advice}");
    if error.is_lasting() {
        SystemError::Damaged { reason }
    } else {
        SystemError::Unavailable { reason }
    }
}
