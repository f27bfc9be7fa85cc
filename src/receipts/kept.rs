//! A fetched receipt lies on our disk for as long as somebody holds it, however the work with it ends.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::host::files::{FileError, PartFile};
use crate::model::document::Receipt;

/// How many fetched receipts share a file: the same content twice is one file.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<HashMap<PathBuf, usize>>);

/// A receipt on our disk. Its file goes with the last of those that share it.
#[derive(Debug)]
pub struct Kept {
    receipt: Receipt,
    shared: Arc<Shared>,
}

impl Kept {
    /// Gives the file its name.
    pub(super) fn new(part: PartFile, receipt: Receipt, shared: &Arc<Shared>) -> Result<Self, FileError> {
        // Held until the file counts, so that nobody lets go of the same content meanwhile.
        let mut files = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        part.lie_at(&receipt.path)?;
        *files.entry(receipt.path.clone()).or_default() += 1;
        drop(files);
        Ok(Self {
            receipt,
            shared: Arc::clone(shared),
        })
    }
}

impl Deref for Kept {
    type Target = Receipt;

    fn deref(&self) -> &Receipt {
        &self.receipt
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let path = &self.receipt.path;
        let mut files = self.shared.0.lock().unwrap_or_else(PoisonError::into_inner);
        match files.get_mut(path) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                files.remove(path);
                if let Err(error) = std::fs::remove_file(path)
                    && error.kind() != std::io::ErrorKind::NotFound
                {
                    tracing::warn!("cannot remove the receipt `{}`: {error}", path.display());
                }
            }
        }
    }
}
